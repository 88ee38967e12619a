"""The bytes of a capture as windows in memory: of a file by position, of a stream as it comes.

A file is copied into windows with ``pread`` and not mapped: copying is more than twice as fast as touching mapped pages
for the first time, memory is bounded by what is allocated here, and a file that shrinks meanwhile ends early instead of
ending the process by SIGBUS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

STEP_BYTES = 4 << 20


class Source(Protocol):
    """Gives the bytes behind a window."""

    def extend(self, kept: Bytes, position: int, count: int) -> Bytes:
        """``kept`` and at least ``count`` bytes more, from offset ``position`` of the file; fewer at its end."""
        ...


class FileBytes:
    """A regular file. Several threads may read it.

    Parameters
    ----------
    path : str
        The file; it stays open until :meth:`close`.
    """

    def __init__(self, path: str | Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def size(self) -> int:
        """Size now, in bytes."""
        return os.fstat(self.descriptor).st_size

    def extend(self, kept: Bytes, position: int, count: int) -> Bytes:
        """``kept`` and the ``count`` bytes from ``position`` on, fewer at the end of the file."""
        room = len(kept) + max(min(count, self.size() - position), 0)
        data = np.empty(room, np.uint8)
        data[: len(kept)] = kept
        filled, view = len(kept), memoryview(data.data)
        while filled < room:
            got = os.preadv(self.descriptor, [view[filled:]], position + filled - len(kept))
            if not got:
                break
            filled += got
        return data[:filled]

    def read(self, position: int, count: int) -> bytes:
        """The ``count`` bytes from ``position`` on, fewer at the end of the file."""
        return os.pread(self.descriptor, count, position)

    def read_into(self, window: Bytes, position: int, count: int) -> int:
        """Fill the beginning of ``window`` with ``count`` bytes from ``position`` on, fewer at the end; how many."""
        filled, count = 0, min(count, len(window))
        while filled < count:
            got = os.preadv(self.descriptor, [window.data[filled:count]], position + filled)
            if not got:
                break
            filled += got
        return filled

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


class StreamBytes:
    """Bytes that come one after another.

    Parameters
    ----------
    pieces : iterator of bytes
        Ends at its end or with an empty piece.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def extend(self, kept: Bytes, position: int, count: int) -> Bytes:
        """See :class:`Source`; ``position`` is where the stream stands anyway."""
        parts: list[bytes] = []
        while count > 0:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            count -= len(piece)
        return np.frombuffer(b"".join([kept.tobytes(), *parts]), np.uint8) if parts else kept


class Window:
    """The stretch of a source that is in memory.

    Parameters
    ----------
    source : Source
    base : int
        Offset in the (decompressed) file where it begins.
    step : int
        Bytes to read at a time; 1 for a pipe, which is to give what is there.

    Attributes
    ----------
    data : uint8 (n,)
        The bytes. Never changed once read: batches may still look at an earlier window.
    base : int
        Offset of the first of them.
    """

    def __init__(self, source: Source, base: int, step: int = STEP_BYTES) -> None:
        self._source, self._step = source, step
        self.base = base
        self.data = np.empty(0, np.uint8)

    def move(self, at: int, wanted: int) -> bool:
        """Begin at ``at`` of the data and reach at least to ``wanted``; False, and nothing moved, at the end."""
        kept, end = self.data[at:], self.base + len(self.data)
        data = self._source.extend(kept, end, max(wanted - len(self.data), self._step))
        if len(data) == len(kept):
            return False
        self.base, self.data = self.base + at, data
        return True
