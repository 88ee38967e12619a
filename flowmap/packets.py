"""PacketBatch: what a reader says of each frame, one NumPy array a column.

Both readers give this table and nothing downstream looks at a packet again. Addresses are the
**innermost** ones: mirror transports are stripped and have become the capture point, tenant
overlays stand in ``tunnel``. "None" in an integer column is -1 unless said otherwise.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields
from socket import inet_ntoa
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

NO_TIME = int(np.iinfo(np.int64).min)
"""``time_ns`` of a frame without a plausible time (outside 1970 to 2262)."""

IDENTITY_KEYS = (
    (0x0E3779B97F4A7C15, 0x1F58476D1CE4E5B9), (0x34D049BB133111EB, 0x2545F4914F6CDD1D),
    (0x369DEA0F31A53F85, 0x27BB2EE687B0B0FD), (0x6A09E667F3BCC909, 0x3B67AE8584CAA73B),
    (0x510E527FADE682D1, 0x1B05688C2B3E6C1F), (0x5BE0CD19137E2179, 0x428A2F98D728AE22),
)  # fmt: skip
"""The constants of :func:`packet_hashes`: for each word two for its halves."""

WHOLE, FIRST_FRAGMENT, LATER_FRAGMENT = 0, 1, 2
"""Values of ``fragment``: not fragmented, first fragment (has ports), later fragment (has none of its own)."""

TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

V4_PREFIX = 0xFFFF << 32
"""Upper part of the low half of an IPv4 address mapped into 128 bits (RFC 4291, 2.5.5.2)."""


class Tunnel(NamedTuple):
    """A tenant overlay that carried a frame: the innermost one.

    ``kind`` is ``vxlan``, ``geneve``, ``nvgre``, ``gre``, ``ipip``, ``gtp``, ``mpls``, ...; ``source`` and
    ``destination`` are the endpoints in packet direction as address text ("" where there is none), ``vni`` is the
    virtual network id, key, label or TEID, -1 where there is none.
    """

    kind: str
    source: str
    destination: str
    vni: int


class Claim(NamedTuple):
    """One statement "this IP is at this MAC" made by ARP, neighbour discovery or DHCP.

    ``how`` is ``arp``, ``nd``, ``dhcp`` or ``rarp`` (an announcement of a MAC without an IP, sent when a VM has
    moved). ``vlan``, ``tunnel`` and ``point`` name the segment as in the batch; ``frame_number`` is the first frame
    that said so.
    """

    mac: int
    ip: str
    how: str
    point: int
    vlan: int
    tunnel: int
    frame_number: int
    time_ns: int


class Known(NamedTuple):
    """What the header reader knows of its batches, so that it need not be looked for.

    ``rows`` is the memory that the columns are views of, as kernels take it, perhaps with more rows behind;
    ``points`` are the capture points of the batch.
    """

    rows: Any
    points: list[int]
    has_fragments: bool


@dataclass(slots=True)
class PacketBatch:
    """Columns of equal length n, in the order of the file.

    Attributes
    ----------
    frame_number : int64 (n,)
        From 1, as Wireshark numbers the frames of the file.
    time_ns : int64 (n,)
        Nanoseconds since 1970, UTC; ``NO_TIME`` where there is none or it is implausible.
    point : int32 (n,)
        Index into :attr:`flowmap.capture.points.Registry.points`.
    frame_bytes, captured_bytes : int64 (n,)
        Recorded original length, and bytes that the file holds.
    wire_bytes : int64 (n,)
        max(frame_bytes, link header + IP length); captured_bytes where the lengths are absurd.
    src_mac, dst_mac : int64 (n,)
        48-bit addresses of the innermost Ethernet header; -1 where unknown (raw IP, cooked destination).
    vlan, outer_vlan : int16 (n,)
        Innermost tag of the innermost Ethernet header, and its outermost one when there are several; -1.
    tunnel : int32 (n,)
        Index into ``Registry.tunnels``; -1 when the frame was in no tenant overlay.
    ip_version : uint8 (n,)
        4, 6, or 0 where the frame holds no readable IP header (then it counts as non-IP). A tenant's frame without IP
        (ARP in VXLAN) is non-IP too; the tunnel's own addresses, protocol and ports then stand in the columns below,
        because ``five_tuples`` counts them, as other tools do, and nothing else does.
    src_ip, dst_ip : uint64 (n, 2)
        Innermost address as 128 bits, high half first; IPv4 mapped to ::ffff:0:0/96.
    protocol : int16 (n,)
        IP protocol after extension headers and AH; -1 without IP.
    src_port, dst_port : int32 (n,)
        TCP, UDP and SCTP only; -1 otherwise, also in later fragments.
    ttl : int16 (n,)
        TTL or hop limit of the innermost header; -1 without IP.
    ip_id : int32 (n,)
        IPv4 identification, or that of an IPv6 fragment header cut to 31 bits; -1 where there is none.
    fragment : uint8 (n,)
        ``WHOLE``, ``FIRST_FRAGMENT`` or ``LATER_FRAGMENT``.
    ip_bytes : int64 (n,)
        Length of the innermost IP packet with its header; from the frame where the header says 0 (TSO) or lies.
    payload_bytes : int64 (n,)
        Bytes behind the TCP, UDP or SCTP header (from the IP length); behind the IP header for other protocols.
    tcp_flags : int16 (n,)
        Low eight bits; -1 when not TCP or not captured.
    tcp_seq : int64 (n,)
        Raw 32-bit sequence number; -1 when not TCP or not captured.
    icmp_error : bool (n,)
        An ICMP error that quotes a packet: its addresses are the error's own, ports are -1.
    packet_hash : uint64 (n,)
        Identity of the packet across capture points (reference 4.4): fields that survive switching and routing
        with 16 payload bytes, **without addresses**, so that it also survives address translation. Equal packets of
        one 5-tuple have equal hashes. 0 where the frame holds no IP.
    claims : list of Claim
        Address bindings first seen in this batch.
    known : Known or None
    """

    frame_number: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    point: npt.NDArray[np.int32]
    frame_bytes: npt.NDArray[np.int64]
    captured_bytes: npt.NDArray[np.int64]
    wire_bytes: npt.NDArray[np.int64]
    src_mac: npt.NDArray[np.int64]
    dst_mac: npt.NDArray[np.int64]
    vlan: npt.NDArray[np.int16]
    outer_vlan: npt.NDArray[np.int16]
    tunnel: npt.NDArray[np.int32]
    ip_version: npt.NDArray[np.uint8]
    src_ip: npt.NDArray[np.uint64]
    dst_ip: npt.NDArray[np.uint64]
    protocol: npt.NDArray[np.int16]
    src_port: npt.NDArray[np.int32]
    dst_port: npt.NDArray[np.int32]
    ttl: npt.NDArray[np.int16]
    ip_id: npt.NDArray[np.int32]
    fragment: npt.NDArray[np.uint8]
    ip_bytes: npt.NDArray[np.int64]
    payload_bytes: npt.NDArray[np.int64]
    tcp_flags: npt.NDArray[np.int16]
    tcp_seq: npt.NDArray[np.int64]
    icmp_error: npt.NDArray[np.bool_]
    packet_hash: npt.NDArray[np.uint64]
    claims: list[Claim]
    known: Known | None = None

    def __len__(self) -> int:
        return len(self.frame_number)


COLUMNS: dict[str, np.dtype] = {
    field.name: np.dtype(str(field.type).rsplit("np.", 1)[1].rstrip("]").rstrip("_"))
    for field in fields(PacketBatch)
    if field.name not in ("claims", "known")
}
"""Column name to dtype, in order; ``src_ip`` and ``dst_ip`` have two elements a row."""


def batch_of(rows: dict[str, list[Any]], claims: list[Claim] | None = None) -> PacketBatch:
    """Make a batch of one list a column, checking names and lengths.

    Raises
    ------
    ValueError
        When a column is missing, unknown or of another length.
    """
    if set(rows) != set(COLUMNS):
        raise ValueError(f"columns differ from PacketBatch: {sorted(set(rows) ^ set(COLUMNS))}")
    count = len(rows["frame_number"])
    if any(len(values) != count for values in rows.values()):
        raise ValueError("columns of a PacketBatch have one length")
    arrays = {}
    for name, dtype in COLUMNS.items():
        shape = (count, 2) if name in ("src_ip", "dst_ip") else (count,)
        arrays[name] = np.array(rows[name], dtype=dtype).reshape(shape)
    return PacketBatch(claims=claims or [], known=None, **arrays)


def ip_halves(text: str) -> tuple[int, int]:
    """An address text as the two 64-bit halves used in ``src_ip`` and ``dst_ip``."""
    address = ipaddress.ip_address(text)
    value = int(address) | V4_PREFIX if address.version == 4 else int(address)
    return value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF


def ip_text(high: int, low: int) -> str:
    """The inverse of :func:`ip_halves`; a mapped IPv4 address is shown as IPv4."""
    if high == 0 and low >> 32 == 0xFFFF:
        return inet_ntoa((low & 0xFFFF_FFFF).to_bytes(4, "big"))  # twice as fast as ipaddress
    return str(ipaddress.IPv6Address(high << 64 | low))


def mac_text(mac: int) -> str:
    """48 bits as ``aa:bb:cc:dd:ee:ff``; "" for -1."""
    return "" if mac < 0 else ":".join(f"{mac >> shift & 0xFF:02x}" for shift in range(40, -8, -8))


def is_group_mac(mac: int) -> bool:
    """True for multicast and broadcast (the group bit of the first octet, IEEE 802)."""
    return mac >= 0 and bool(mac >> 40 & 1)


def packet_hashes(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix the identity words of packets into one keyed 64-bit hash each.

    Parameters
    ----------
    words : uint64 (n, 6)
        protocol | fragment offset << 8 | (ip_id + 1 where it is an identity, else 0) << 32;
        src_port | dst_port << 16 | L4 length << 32, for ICMP type | code << 8 | identifier << 16 | sequence << 32;
        tcp_seq | tcp_ack << 32; tcp_flags | payload bytes << 32;
        payload bytes 0-7 and 8-15, big endian, zero where the payload is shorter or not captured.

    Returns
    -------
    uint64 (n,)
        Never 0, which means "no identity". A pair-multiply-shift hash (Thorup, High Speed Hashing for Integers and
        Strings, 2015) and the end of splitmix64 (Steele, Lea, Flood 2014): its products do not wait for each other.
    """
    half = np.uint64(0xFFFF_FFFF)
    keys = np.array(IDENTITY_KEYS, dtype=np.uint64)
    state = (((words & half) + keys[:, 0]) * ((words >> np.uint64(32)) + keys[:, 1])).sum(axis=1, dtype=np.uint64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return np.where(state == 0, np.uint64(1), state)
