"""What the C library does with memory that is free (mallopt(3)); another library than glibc goes on as it does."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8
_KEPT_BYTES, _USUAL_BYTES = 1 << 30, 128 << 10
_SERVER_ARENAS = 2


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let the C library keep what is freed for the next window and batch, which are as large.

    By default it gives memory blocks of this size back, and getting them again costs as much as reading the file: the
    kernel clears every page. Where the library has no such switch nothing changes. Afterwards all is given back.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, malloc_trim = library.mallopt, library.malloc_trim
    except (OSError, AttributeError):
        yield
        return
    mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    try:
        yield
    finally:
        mallopt(_MMAP_THRESHOLD, _USUAL_BYTES)
        mallopt(_TRIM_THRESHOLD, _USUAL_BYTES)
        malloc_trim(0)


def threads_share_memory() -> None:
    """Let all threads that begin after this take their memory from the same two heaps ("arenas").

    By default there are up to eight for each processor, and a thread keeps to one: what a short-lived thread freed in
    its own serves no other, so that a server of many threads grows for weeks without holding anything.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _SERVER_ARENAS)
