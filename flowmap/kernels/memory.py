"""Memory that kernels go through at random: in large pages the processor finds it in half the time."""

from __future__ import annotations

import mmap

import numpy as np

from flowmap.kernels.arrays import Bytes

_LARGE_PAGE = 2 << 20


def large_pages(count: int) -> Bytes:
    """So many zero bytes that start at a page; pages cost memory when they are first written."""
    room = max(count, 1)
    if room >= _LARGE_PAGE // 2:
        room = -(-room // _LARGE_PAGE) * _LARGE_PAGE  # a part of a large page would be made of small ones
    memory = mmap.mmap(-1, room, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8, count)
