"""The rows of frames: what framing, decoding, folding and choosing tell each other of a frame.

A row holds the columns of a :class:`~flowmap.packets.PacketBatch` and a little more, all of one frame together: decoder
and fold then go through memory once from front to back, where columns would be thirty places at the same time. The
columns of a batch are views of such rows.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from flowmap.kernels.arrays import Bytes
from flowmap.kernels.memory import large_pages
from flowmap.packets import COLUMNS, PacketBatch

_LONG = (
    "frame_number", "time_ns", "offset", "captured_bytes", "frame_bytes", "wire_bytes", "src_mac", "dst_mac",
    "src_high", "src_low", "dst_high", "dst_low", "ip_bytes", "payload_bytes", "tcp_seq", "packet_hash",
)  # fmt: skip
_INTEGER = ("interface", "linktype", "point", "tunnel", "src_port", "dst_port", "ip_id")
_SHORT = ("vlan", "outer_vlan", "protocol", "ttl", "tcp_flags")
_BYTE = ("timed", "ip_version", "fragment", "icmp_error")

ROW = np.dtype(
    [
        (name, kind)
        for names, kind in ((_LONG, "i8"), (_INTEGER, "i4"), (_SHORT, "i2"), (_BYTE, "u1"))
        for name in names
    ],
    align=True,
)
"""One frame, 176 bytes. Beside the columns of a batch, all signed because a kernel that mixed int64 with uint64 would
compute in floating point:

offset : of the first captured byte in the file; interface : counted over the file, 0 in pcap; linktype : LINKTYPE
number of the interface; timed : 1 where the kind of record carries no time (simple packet block). Framing fills these
with frame_number, time_ns (``NO_TIME`` where there is none or it is implausible), captured_bytes and frame_bytes."""

Frames = Annotated[Any, 1, ROW]
"""A record array of such rows."""

_PAIRS = {"src_ip": "src_high", "dst_ip": "dst_high"}
"""Columns of two numbers, and the first of them."""


def new_frames(rows: int) -> tuple[Any, Bytes]:
    """Rows for so many frames, and the memory that they stand in."""
    memory = large_pages(rows * ROW.itemsize)
    return memory.view(ROW).view(np.recarray), memory


def columns_of(memory: Bytes) -> dict[str, npt.NDArray[Any]]:
    """The columns of a batch as views of rows; each keeps a reference to ``memory`` itself, as do its slices."""
    return {name: _column(memory, name, dtype) for name, dtype in COLUMNS.items()}


def _column(memory: Bytes, name: str, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    rows, is_pair = len(memory) // ROW.itemsize, name in _PAIRS
    assert ROW.fields is not None
    offset = ROW.fields[_PAIRS.get(name, name)][1]
    shape, strides = ((rows, 2), (ROW.itemsize, dtype.itemsize)) if is_pair else ((rows,), (ROW.itemsize,))
    return np.ndarray(shape, dtype, memory, offset, strides)


def frames_of(batch: PacketBatch) -> Any:
    """The rows that a batch is a view of, perhaps with more behind them; made here where a reader has none."""
    if batch.known is not None:
        return batch.known.rows
    frames, memory = new_frames(len(batch))
    for name, column in columns_of(memory).items():
        column[:] = getattr(batch, name)
    return frames
