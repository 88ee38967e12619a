"""Reading on through a file: copy a window of it, frame and decode what is in it, go on with the next one.

A window is so small that it stays in the processor's own cache from the copying to the decoding, which is why all three
are done here, without going back to Python for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from flowmap.kernels import BY_NUMBA, entry, kernel
from flowmap.kernels import found as to
from flowmap.kernels.arrays import Bytes, Int64, Rows
from flowmap.kernels.decode import decode_frames
from flowmap.kernels.found import Found
from flowmap.kernels.frames import Frames
from flowmap.kernels.framing import CUT, WANTED, frame_pcap, frame_pcapng

OVERLAP_BYTES = 4 << 10
"""Read behind the end of a stretch for the record that crosses it."""

WINDOW_BYTES = 256 << 10
"""Bytes that are in memory at a time, where no record is longer."""

MESSAGES = 16
"""A status beside those of framing: there are messages to be copied before the window is used again."""

Place = tuple[int, int, int, int, int, int]
"""Status of the framing, offset of the window in the file, of the next record in the window, bytes in the window, rows
framed, rows decoded."""


def _read_plainly(descriptor: int, window: Bytes, count: int, offset: int) -> int:
    return os.preadv(descriptor, [window.data[:count]], offset)


def _reader() -> Callable[[int, Bytes, int, int], int]:
    """``pread`` of the C library where kernels are compiled."""
    if BY_NUMBA:
        import numba

        compiler: Any = numba
        if not compiler.config.DISABLE_JIT:
            types = compiler.types
            signature = types.int64(types.int32, types.voidptr, types.uint64, types.int64)
            pread = types.ExternalFunction("pread", signature)

            def read(descriptor: int, window: Bytes, count: int, offset: int) -> int:
                return pread(descriptor, window.ctypes, count, offset)  # type: ignore[no-any-return]

            return kernel(read)
    return _read_plainly


_read = _reader()


@kernel
def _read_on(descriptor: int, window: Bytes, base: int, at: int, size: int, end: int, counters: Int64) -> int:
    """Begin the window at the next record; the bytes now in it, 0 where there are no more than there were."""
    wanted = counters[WANTED] - at
    if wanted > len(window):
        return 0
    count = max(min(end - base - at + OVERLAP_BYTES, WINDOW_BYTES), wanted)
    more = _read(descriptor, window, count, base + at)
    return more if more > size - at else 0


@entry
def read_pcap(
    descriptor: int, window: Bytes, base: int, at: int, size: int, end: int, layout: Int64, frames: Frames, framed: int,
    count: int, counters: Int64, options: Int64, found: Found, s: Int64,
) -> Place:  # fmt: skip
    """Frame and decode the records of a pcap file that begin before the offset ``end``.

    It ends early where the rows are used up, a table of ``found`` is full, a record is longer than a window, and where
    there is a message to be copied before its window is used again.

    Parameters
    ----------
    descriptor : int
        Of the file.
    window : uint8 (m,)
        Room for a window.
    base, at, size
        See ``Place``; where the reading stands.
    layout, counters
        See :func:`flowmap.kernels.framing.frame_pcap`.
    options, found, s
        See :func:`flowmap.kernels.decode.decode_frames`.
    """
    messages, status = found.counts[to.CLAIMS], CUT
    while True:
        data = window[:size]
        framed, at, status = frame_pcap(data, base, at, end - base, layout, frames, framed, counters)
        count = decode_frames(data, base, frames, count, framed, options, found, s)
        if status == CUT and found.counts[to.CLAIMS] > messages:
            status = MESSAGES
        if status != CUT or count < framed:
            break
        more = _read_on(descriptor, window, base, at, size, end, counters)
        if more == 0:
            break
        base, at, size = base + at, 0, more
    return status, base, at, size, framed, count


@entry
def read_pcapng(
    descriptor: int, window: Bytes, base: int, at: int, size: int, end: int, section: Int64, interfaces: Rows,
    frames: Frames, framed: int, count: int, counters: Int64, options: Int64, found: Found, s: Int64,
) -> Place:  # fmt: skip
    """The same for the blocks of a pcapng section; it comes back at the blocks that ``frame_pcapng`` leaves."""
    messages, status = found.counts[to.CLAIMS], CUT
    while True:
        data = window[:size]
        framed, at, status = frame_pcapng(data, base, at, end - base, section, interfaces, frames, framed, counters)
        count = decode_frames(data, base, frames, count, framed, options, found, s)
        if status == CUT and found.counts[to.CLAIMS] > messages:
            status = MESSAGES
        if status != CUT or count < framed:
            break
        more = _read_on(descriptor, window, base, at, size, end, counters)
        if more == 0:
            break
        base, at, size = base + at, 0, more
    return status, base, at, size, framed, count
