"""Compressed captures as bounded pieces of what is in them."""

from __future__ import annotations

import contextlib
import queue
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

PIECE_BYTES = 1 << 20
MAX_ZSTD_WINDOW_BYTES = 1 << 27
"""The largest window that Wireshark's zstd accepts by default."""

_PIECES_AHEAD = 4
_STOP_CHECK_S = 0.1


@dataclass(slots=True)
class Compression:
    """What was odd about compressed data, known at their end.

    ``error`` is ``""``, ``truncated_gzip``, ``bad_crc`` or ``zstd``; ``trailing_bytes`` stand behind the end of gzip
    data.
    """

    error: str = ""
    trailing_bytes: int = 0


def pieces_of(file: BinaryIO, compression: str, found: Compression) -> Iterator[bytes]:
    """Decompressed pieces of a ``gz`` or ``zst`` file; everything before an error comes out."""
    return _gunzip(file, found) if compression == "gz" else _unzstd(file, found)


def _gunzip(file: BinaryIO, found: Compression) -> Iterator[bytes]:
    pending = b""
    while True:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            pending = member.unconsumed_tail or pending or file.read(PIECE_BYTES)
            before = member.copy()
            try:
                piece = member.decompress(pending, PIECE_BYTES)
            except zlib.error:
                yield from _before_error(before, pending)
                found.error = "bad_crc"
                return
            if not pending and not piece and not member.eof:
                found.error = "truncated_gzip"
                return
            pending = b""
            if piece:
                yield piece
        pending = member.unused_data or file.read(PIECE_BYTES)
        if not pending:
            return
        if not pending.startswith(b"\x1f\x8b"):
            rest = iter(lambda: file.read(PIECE_BYTES), b"")
            found.trailing_bytes = len(pending) + sum(len(piece) for piece in rest)
            return


def _before_error(member: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What can be decompressed before the place where decompression fails.

    A call that fails loses what it would have given, so the input is fed byte by byte. At most a piece is left to feed.
    """
    with contextlib.suppress(zlib.error):
        for at in range(len(data)):
            rest = data[at : at + 1]
            while rest:
                piece = member.decompress(rest, PIECE_BYTES)
                rest = member.unconsumed_tail
                if piece:
                    yield piece


def _unzstd(file: BinaryIO, found: Compression) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES)
    with decompressor.stream_reader(file, read_across_frames=True, closefd=False) as stream:
        while True:
            try:
                piece = stream.read(PIECE_BYTES)
            except zstandard.ZstdError:
                found.error = "zstd"
                return
            if not piece:
                return
            yield piece


class Ahead(Iterator[bytes]):
    """Runs an iterator in a thread, a few pieces ahead: decompression and decoding then use two processors.

    An error of the iterator is raised here. :meth:`close` ends the thread.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._queue: queue.Queue[bytes | BaseException] = queue.Queue(_PIECES_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(pieces,), daemon=True)
        self._thread.start()

    def __next__(self) -> bytes:
        if self._closed.is_set():
            raise StopIteration
        found = self._queue.get()
        if isinstance(found, bytes) and found:
            return found
        self.close()
        if isinstance(found, bytes):
            raise StopIteration
        raise found

    def close(self) -> None:
        """End the thread; what it had made is dropped."""
        self._closed.set()
        self._thread.join()

    def _run(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                if not self._put(piece):
                    return
            self._put(b"")
        except BaseException as error:  # whatever it is, the reading thread must hear of it
            self._put(error)

    def _put(self, item: bytes | BaseException) -> bool:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=_STOP_CHECK_S)
                return True
        return False
