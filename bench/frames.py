"""The bytes of a capture file: packets in their headers, wrapped as a mirror port or an underlay shows them.

Frames of one shape are laid out as one structured array and copied to their places as rows. TCP, UDP and ICMP
checksums stay zero, as in a capture where the network card is to fill them in; those of IPv4 are right.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.draws import draw
from bench.endpoints import GATEWAY_MAC, HOSTS, Endpoints
from bench.packets import ETHERNET_BYTES, ICMP, ICMPV6, SMALLEST_FRAME, TCP, UDP, Packets, ip_bytes
from bench.plans import Plan

Fields = list[tuple[Any, ...]]
Integers = npt.NDArray[np.int64]

ETHERNET: Fields = [("to", "u1", 6), ("from", "u1", 6)]
TAG: Fields = [("tag_type", ">u2"), ("tag", ">u2")]
_SECOND_TAG: Fields = [("second_tag_type", ">u2"), ("second_tag", ">u2")]
IPV4: Fields = [
    ("type", ">u2"), ("version", ">u2"), ("ip_bytes", ">u2"), ("id", ">u2"), ("fragment", ">u2"), ("ttl", "u1"),
    ("protocol", "u1"), ("checksum", ">u2"), ("source", ">u4"), ("destination", ">u4"),
]  # fmt: skip
_IPV6: Fields = [
    ("type", ">u2"), ("version", ">u4"), ("rest_bytes", ">u2"), ("protocol", "u1"), ("ttl", "u1"),
    ("source", "u1", 16), ("destination", "u1", 16),
]  # fmt: skip
TCP_HEADER: Fields = [
    ("source_port", ">u2"), ("destination_port", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("flags", ">u2"),
    ("window", ">u2"), ("urgent", ">u4"),
]  # fmt: skip
_UDP: Fields = [("source_port", ">u2"), ("destination_port", ">u2"), ("udp_bytes", ">u2"), ("no_checksum", ">u2")]
_ICMP: Fields = [
    ("icmp_type", "u1"),
    ("code", "u1"),
    ("no_checksum", ">u2"),
    ("echo_id", ">u2"),
    ("echo_number", ">u2"),
]
_L4 = {TCP: TCP_HEADER, UDP: _UDP, ICMP: _ICMP, ICMPV6: _ICMP}
_VXLAN: Fields = [("vxlan_flags", ">u4"), ("vni", ">u4")]
_ERSPAN: Fields = [("gre", ">u4"), ("gre_seq", ">u4"), ("erspan", ">u2"), ("session", ">u2"), ("erspan_index", ">u4")]

_PCAP_RECORD: Fields = [("seconds", "<u4"), ("fraction", "<u4"), ("captured", "<u4"), ("original", "<u4")]
BLOCK: Fields = [
    ("block", "<u4"), ("block_bytes", "<u4"), ("interface", "<u4"), ("time_high", "<u4"), ("time_low", "<u4"),
    ("captured", "<u4"), ("original", "<u4"),
]  # fmt: skip

UNTAGGED, TAGGED, TWICE_TAGGED, IN_VXLAN, IN_ERSPAN = range(5)
_WRAP_BYTES = np.array([0, 4, 8, 14 + 20 + 8 + 8, 14 + 20 + 8 + 8])
_VXLAN_NET, _ERSPAN_NET = 0xAC100001, 0xAC110001  # 172.16.0.1 and 172.17.0.1 for host 0
_COLLECTOR = _ERSPAN_NET + 249
_POOL_BYTES = 1 << 20


class Chunk(NamedTuple):
    """Some records as they stand in the file, and sums of them."""

    data: npt.NDArray[np.uint8]
    frames: int
    frame_bytes: int
    repeated: int
    first_ns: int
    last_ns: int


def file_header(plan: Plan) -> bytes:
    """What stands before the first record: Ethernet, 262,144 bytes at most of each frame."""
    if plan.format != "pcapng":
        magic = 0xA1B23C4D if plan.format == "pcap-ns" else 0xA1B2C3D4
        return struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262_144, 1)
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    nanoseconds = struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)
    return section + struct.pack("<IIHHI", 1, 32, 1, 0, 262_144) + nanoseconds + struct.pack("<I", 32)


class FrameWriter:
    """Turns packets into the bytes of records."""

    def __init__(self, plan: Plan, endpoints: Endpoints) -> None:
        self._plan, self._ends = plan, endpoints
        self._pool = draw(plan.seed, 100, _POOL_BYTES // 8).astype("<u8").view(np.uint8)
        self._written = 0

    def chunk_of(self, packets: Packets) -> Chunk:
        """The records of these packets, in their order."""
        wrap, host = self._wraps(packets)
        copies = 2 if self._plan.mix == "erspan" else 1
        inner = np.maximum(
            ETHERNET_BYTES + ip_bytes(packets.ip_version, packets.protocol, packets.payload_bytes), SMALLEST_FRAME
        )
        length = np.repeat(inner + _WRAP_BYTES[wrap], copies)
        pcapng = self._plan.format == "pcapng"
        record = length + 16 if not pcapng else (length + 3) // 4 * 4 + 32
        at = np.cumsum(record) - record
        data = self._background(int(record.sum()))
        if pcapng:
            self._close_blocks(data, at, record)

        shape = wrap.astype(np.int64) << 16 | packets.protocol.astype(np.int64) << 8 | packets.ip_version
        shape = shape << 1 | (packets.payload_bytes == 0)
        for one in np.unique(shape):
            rows = np.flatnonzero(shape == one)
            columns = _Some(packets, rows)
            for copy in range(copies):
                place = rows * copies + copy
                self._lay_out(
                    data, at[place], record[place], length[place], columns, int(wrap[rows[0]]), host[copy], place
                )
        if copies == 2:
            before = 28 if pcapng else 16
            _repeat_frames(data, at[::2] + before + _WRAP_BYTES[wrap], at[1::2] + before + _WRAP_BYTES[wrap], inner)
        self._written += length.size
        return Chunk(
            data=data,
            frames=length.size,
            frame_bytes=int(length.sum()),
            repeated=int(np.count_nonzero(host[0] == host[1])) if copies == 2 else 0,
            first_ns=self._recorded(int(packets.time_ns[0])),
            last_ns=self._recorded(int(packets.time_ns[-1])),
        )

    def _wraps(self, packets: Packets) -> tuple[npt.NDArray[np.int64], tuple[Integers, Integers]]:
        """How each packet is wrapped, and the hosts of its sender and its receiver."""
        host = self._ends.host[packets.source], self._ends.host[packets.destination]
        if self._plan.mix == "vlan":
            tenth = packets.conversation * 7 % 10
            return np.select([tenth < 3, tenth < 8], [UNTAGGED, TAGGED], TWICE_TAGGED).astype(np.int64), host
        if self._plan.mix == "vxlan":
            across = (host[0] != host[1]) & (host[0] < HOSTS) & (host[1] < HOSTS)
            return np.where(across, IN_VXLAN, UNTAGGED).astype(np.int64), host
        return np.full(packets.source.size, IN_ERSPAN if self._plan.mix == "erspan" else UNTAGGED), host

    def _background(self, size: int) -> npt.NDArray[np.uint8]:
        """Pseudo-random bytes, which are what is not overwritten: payload."""
        data = np.empty(size, np.uint8)
        turn = self._written * 977 % _POOL_BYTES
        pool = np.roll(self._pool, turn)
        for first in range(0, size, _POOL_BYTES):
            part = data[first : first + _POOL_BYTES]
            part[:] = pool[: part.size]
        return data

    def _close_blocks(self, data: npt.NDArray[np.uint8], at: Integers, record: Integers) -> None:
        """Padding and the length at the end of each pcapng block."""
        tail = np.zeros(record.size, np.dtype([("padding", "u1", 4), ("block_bytes", "<u4")]))
        tail["block_bytes"] = record
        # The padding's place holds up to four bytes of payload, which may as well be zero.
        copy_rows(data, at + record - 8, tail)

    def _recorded(self, time_ns: int) -> int:
        return time_ns if self._plan.format != "pcap" else time_ns // 1000 * 1000

    def _lay_out(
        self,
        data: npt.NDArray[np.uint8],
        at: Integers,
        record: Integers,
        length: Integers,
        some: _Some,
        wrap: int,
        host: Integers,
        place: Integers,
    ) -> None:
        """Write headers of frames that have the same ones."""
        outer, tags = _wrapping(wrap)
        inner = ETHERNET + tags + (_IPV6 if some.version == 6 else IPV4) + _L4[some.protocol]
        missing = SMALLEST_FRAME - (np.dtype(inner).itemsize - _bytes_of(tags))
        if some.empty and missing > 0:
            inner = inner + [("padding", "u1", missing)]
        before = BLOCK if self._plan.format == "pcapng" else _PCAP_RECORD
        row = np.zeros(
            at.size, np.dtype([("record", before), *([("outer", outer)] if outer else []), ("inner", inner)])
        )
        self._fill_record(row["record"], record, length, some.columns.time_ns)
        if outer:
            number = self._written + place
            self._fill_outer(row["outer"], wrap, length, host[some.rows], number, some.columns)
        self._fill_ethernet(row["inner"], wrap, some.columns)
        _fill_packet(row["inner"], some, self._ends)
        copy_rows(data, at, row)

    def _fill_record(self, row: npt.NDArray[Any], record: Integers, length: Integers, time_ns: Integers) -> None:
        row["captured"] = row["original"] = length
        if self._plan.format == "pcapng":
            row["block"], row["block_bytes"] = 6, record
            row["time_high"], row["time_low"] = time_ns >> 32, time_ns & 0xFFFFFFFF
            return
        row["seconds"] = time_ns // 1_000_000_000
        row["fraction"] = time_ns % 1_000_000_000 // (1 if self._plan.format == "pcap-ns" else 1_000)

    def _fill_outer(
        self, row: npt.NDArray[Any], wrap: int, length: Integers, host: Integers, number: Integers, columns: Packets
    ) -> None:
        """Ethernet and IPv4 of the underlay or of the mirror session, and what says which network or session."""
        row["from"] = 0
        row["from"][:, 1], row["from"][:, 5] = 0x1B, host
        row["to"][:, 1] = 0x1B
        row["type"], row["version"], row["ttl"] = 0x0800, 0x4500, 64
        row["ip_bytes"], row["id"] = length - 14, number & 0xFFFF
        if wrap == IN_VXLAN:
            far = self._ends.host[columns.destination]
            row["to"][:, 5] = far
            row["protocol"], row["fragment"] = UDP, 0x4000
            row["source"], row["destination"] = _VXLAN_NET + host, _VXLAN_NET + far
            row["source_port"], row["destination_port"] = 49_152 + columns.conversation * 977 % 16_384, 4_789
            row["udp_bytes"] = length - 34
            row["vxlan_flags"] = 0x0800_0000
            row["vni"] = 5_000 + self._ends.network[columns.source] << 8
        else:
            row["to"][:, 5] = 250
            row["protocol"] = 47
            row["source"], row["destination"] = _ERSPAN_NET + host, _COLLECTOR
            row["gre"], row["gre_seq"] = 0x1000_88BE, number
            row["erspan"], row["session"], row["erspan_index"] = 0x1000, 100 + host, 0
        fill_checksum(row)

    def _fill_ethernet(self, row: npt.NDArray[Any], wrap: int, columns: Packets) -> None:
        """Addresses and tags: between two networks the frame goes to the gateway."""
        row["from"] = self._ends.mac[columns.source]
        row["to"] = self._ends.mac[columns.destination]
        network, far = self._ends.network[columns.source], self._ends.network[columns.destination]
        if self._plan.mix in ("vlan", "vxlan"):
            row["to"][(network >= 0) & (far >= 0) & (network != far)] = tuple(GATEWAY_MAC)
        here = np.where(network >= 0, network, far)
        if wrap == TAGGED:
            row["tag_type"], row["tag"] = 0x8100, 100 + here
        elif wrap == TWICE_TAGGED:
            row["tag_type"], row["tag"] = 0x88A8, 2_000 + here % 4
            row["second_tag_type"], row["second_tag"] = 0x8100, 100 + here


class _Some:
    """Packets of one shape out of a chunk."""

    def __init__(self, packets: Packets, rows: npt.NDArray[np.intp]) -> None:
        self.rows = rows
        self.columns = Packets(**{name: column[rows] for name, column in vars(packets).items()})
        self.protocol, self.version = int(self.columns.protocol[0]), int(self.columns.ip_version[0])
        self.empty = bool(self.columns.payload_bytes[0] == 0)


def _wrapping(wrap: int) -> tuple[Fields, Fields]:
    """Headers before the inner frame, and tags inside it."""
    if wrap == IN_VXLAN:
        return ETHERNET + IPV4 + _UDP + _VXLAN, []
    if wrap == IN_ERSPAN:
        return ETHERNET + IPV4 + _ERSPAN, []
    return [], [[], TAG, TAG + _SECOND_TAG][wrap]


def _bytes_of(fields: Fields) -> int:
    return int(np.dtype(fields).itemsize) if fields else 0


def _fill_packet(row: npt.NDArray[Any], some: _Some, ends: Endpoints) -> None:
    """IP and what it carries."""
    columns = some.columns
    total = ip_bytes(columns.ip_version, columns.protocol, columns.payload_bytes)
    row["ttl"], row["protocol"] = ends.ttl[columns.source], some.protocol
    if some.version == 6:
        row["type"], row["version"], row["rest_bytes"] = 0x86DD, 0x6000_0000, total - 40
        row["source"], row["destination"] = ends.ipv6[columns.source], ends.ipv6[columns.destination]
    else:
        row["type"], row["version"], row["ip_bytes"], row["id"] = 0x0800, 0x4500, total, columns.ip_id
        row["fragment"] = 0x4000
        row["source"], row["destination"] = ends.ipv4[columns.source], ends.ipv4[columns.destination]
        fill_checksum(row)
    if some.protocol in (ICMP, ICMPV6):
        row["icmp_type"], row["echo_id"], row["echo_number"] = (
            columns.flags,
            columns.source_port,
            columns.destination_port,
        )
        return
    row["source_port"], row["destination_port"] = columns.source_port, columns.destination_port
    if some.protocol == UDP:
        row["udp_bytes"] = 8 + columns.payload_bytes
    else:
        row["seq"], row["ack"] = columns.seq, columns.ack
        row["flags"], row["window"] = 0x5000 | columns.flags.astype(np.uint16), 64_240


def fill_checksum(row: npt.NDArray[Any]) -> None:
    """The IPv4 header checksum (RFC 1071) of rows whose other fields are filled in."""
    total = row["ttl"].astype(np.int64) << 8 | row["protocol"]
    for name in ("version", "ip_bytes", "id", "fragment"):
        total += row[name]
    for name in ("source", "destination"):
        address = row[name].astype(np.int64)
        total += (address >> 16) + (address & 0xFFFF)
    total = (total >> 16) + (total & 0xFFFF)
    row["checksum"] = ~((total >> 16) + total) & 0xFFFF


def _repeat_frames(data: npt.NDArray[np.uint8], at: Integers, again: Integers, length: Integers) -> None:
    """Make a mirror's second copy of each inner frame equal to the first, payload and all."""
    for width in np.unique(length):
        same = np.flatnonzero(length == width)
        places = np.ndarray((data.size - int(width) + 1,), np.dtype((np.void, int(width))), data, strides=(1,))
        places[again[same]] = places[at[same]]


def copy_rows(data: npt.NDArray[np.uint8], at: Integers, row: npt.NDArray[Any]) -> None:
    """Copy whole rows to any byte offsets: one move of memory each."""
    width = row.dtype.itemsize
    places = np.ndarray((data.size - width + 1,), np.dtype((np.void, width)), data, strides=(1,))
    places[at] = row.view(np.dtype((np.void, width)))
