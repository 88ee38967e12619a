"""The arrays that the decoder fills: the columns of a PacketBatch and what it found beside them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flowmap.packets import COLUMNS, NO_TIME

Int64 = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]

MAX_POINTS, MAX_TUNNELS, MAX_CLAIMS = 1024, 4096, 2048
"""What one call of the decoder may find; a call that finds more ends early."""

POINT_WORDS, TUNNEL_WORDS, CLAIM_WORDS = 7, 6, 4
_CLAIMS_REMEMBERED = 1024
_STAGGER_BYTES = 192

TOO_DEEP, INCOMPLETE, MIRROR_NOT_DECODED, LENGTH_LIES, CLAIMS, POINTS, TUNNELS, LINKS = range(8)
TIMELESS, ABSURD, BELOW_CAPTURED, EMPTY, BACKWARD, FIRST_NS, LATEST_NS = range(8, 15)
"""Places in ``Found.counts``. ``BACKWARD`` counts frames before the latest one of the call, ``FIRST_NS`` is the lowest
time and ``LATEST_NS`` the highest, ``NO_TIME`` without any."""


class Columns(NamedTuple):
    """The columns of :class:`flowmap.packets.PacketBatch`; unsigned ones and the flag seen as signed ones.

    A kernel that mixed int64 with uint64 would compute in floating point.
    """

    frame_number: Int64
    time_ns: Int64
    point: npt.NDArray[np.int32]
    frame_bytes: Int64
    captured_bytes: Int64
    wire_bytes: Int64
    src_mac: Int64
    dst_mac: Int64
    vlan: npt.NDArray[np.int16]
    outer_vlan: npt.NDArray[np.int16]
    tunnel: npt.NDArray[np.int32]
    ip_version: npt.NDArray[np.uint8]
    src_ip: Int64
    dst_ip: Int64
    protocol: npt.NDArray[np.int16]
    src_port: npt.NDArray[np.int32]
    dst_port: npt.NDArray[np.int32]
    ttl: npt.NDArray[np.int16]
    ip_id: npt.NDArray[np.int32]
    fragment: npt.NDArray[np.uint8]
    ip_bytes: Int64
    payload_bytes: Int64
    tcp_flags: npt.NDArray[np.int16]
    tcp_seq: Int64
    icmp_error: npt.NDArray[np.uint8]
    packet_hash: Int64


class Found(NamedTuple):
    """What a call of the decoder found beside the columns.

    Attributes
    ----------
    points : int64 (MAX_POINTS, POINT_WORDS)
        Interface, cooked index, mirror kind | address version << 8, source address (2), session, index.
    tunnels : int64 (MAX_TUNNELS, TUNNEL_WORDS)
        Kind | address version << 8, source (2), destination (2), network number.
    claims : int64 (MAX_CLAIMS, CLAIM_WORDS)
        Row, what it is (``ARP``, ``NEIGHBOR``, ``DHCP`` below), offset and length of the message in the data.
    counts : int64 (15,)
        See the places above.
    point_slots, tunnel_slots : int32
        Hash tables over the two; 0: free, else row + 1.
    remembered : int64
        Hashes of claims met in this call.
    links : int64 (MAX_CLAIMS,)
        Rows with LLDP or CDP, the first so many.
    """

    points: Int64
    tunnels: Int64
    claims: Int64
    counts: Int64
    point_slots: npt.NDArray[np.int32]
    tunnel_slots: npt.NDArray[np.int32]
    remembered: Int64
    links: Int64


ARP, NEIGHBOR, DHCP = 1, 2, 3


def new_found() -> Found:
    """Empty tables."""
    counts = np.zeros(LATEST_NS + 1, np.int64)
    counts[[FIRST_NS, LATEST_NS]] = NO_TIME
    return Found(
        points=np.empty((MAX_POINTS, POINT_WORDS), np.int64),
        tunnels=np.empty((MAX_TUNNELS, TUNNEL_WORDS), np.int64),
        claims=np.empty((MAX_CLAIMS, CLAIM_WORDS), np.int64),
        counts=counts,
        point_slots=np.zeros(2 * MAX_POINTS, np.int32),
        tunnel_slots=np.zeros(2 * MAX_TUNNELS, np.int32),
        remembered=np.zeros(_CLAIMS_REMEMBERED, np.int64),
        links=np.empty(MAX_CLAIMS, np.int64),
    )


def new_columns(rows: int) -> dict[str, npt.NDArray[np.generic]]:
    """Uninitialised columns of a batch in one block of memory.

    Their beginnings are staggered: columns that all start at the same offset of a page compete for the same few lines
    of the processor's cache while a row is written.
    """
    wide = ("src_ip", "dst_ip")
    sizes = {name: dtype.itemsize * rows * (2 if name in wide else 1) for name, dtype in COLUMNS.items()}
    block = np.empty(sum(size + 64 for size in sizes.values()) + _STAGGER_BYTES * len(sizes), np.uint8)
    columns: dict[str, npt.NDArray[np.generic]] = {}
    at = 0
    for name, dtype in COLUMNS.items():
        shape = (rows, 2) if name in wide else (rows,)
        columns[name] = block[at : at + sizes[name]].view(dtype).reshape(shape)
        at += -(-sizes[name] // 64) * 64 + _STAGGER_BYTES
    return columns


def kernel_view(columns: dict[str, npt.NDArray[np.generic]]) -> Columns:
    """The same memory with the dtypes that kernels compute with."""
    signed = {np.dtype(np.uint64): np.int64, np.dtype(np.bool_): np.uint8}
    return Columns(**{name: array.view(signed.get(array.dtype, array.dtype)) for name, array in columns.items()})
