"""Memory that kernels go through at random: in large pages the processor finds it in half the time."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np

from flowmap.kernels.arrays import Bytes

_LARGE_PAGE = 2 << 20
_BLOCK_BYTES = 4 * _LARGE_PAGE


def large_pages(count: int) -> Bytes:
    """So many zero bytes that start at a page; pages cost memory when they are first written."""
    room = max(count, 1)
    if room >= _LARGE_PAGE // 2:
        room = -(-room // _LARGE_PAGE) * _LARGE_PAGE  # a part of a large page would be made of small ones
    memory = mmap.mmap(-1, room, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8, count)


def used_up(rows: Any) -> Iterator[Any]:
    """The rows of an array of ``large_pages`` in blocks; the memory of a block goes back before the next is given.

    So what is moved to a larger array is never there twice.
    """
    memory = _mapping_of(rows)
    row_bytes = rows.nbytes // max(len(rows), 1)
    step = max(_BLOCK_BYTES // max(row_bytes, 1), 1)
    for first in range(0, len(rows), step):
        yield rows[first : first + step]
        if hasattr(mmap, "MADV_DONTNEED"):
            start = first * row_bytes // mmap.PAGESIZE * mmap.PAGESIZE
            end = min((first + step) * row_bytes, rows.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
            if end > start:
                memory.madvise(mmap.MADV_DONTNEED, start, end - start)


def _mapping_of(rows: Any) -> mmap.mmap:
    """What an array of ``large_pages`` is a view of."""
    memory = rows
    while not isinstance(memory, mmap.mmap):
        memory = memory.obj if isinstance(memory, memoryview) else memory.base
    return memory
