"""Compressed captures as bounded pieces of what is in them."""

from __future__ import annotations

import contextlib
import queue
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import zstandard

from flowmap.errors import LimitError
from flowmap.settings import Settings

_GZIP = b"\x1f\x8b"
PIECE_BYTES = 1 << 20
MAX_ZSTD_WINDOW_BYTES = 1 << 27
"""The largest window that Wireshark's zstd accepts by default."""

RATIO_FROM_BYTES = 64 << 20
"""Up to here no ratio is suspicious: a file of a few kilobytes may hold a few idle minutes."""

ZSTD_TIMES = 10
"""How much more zstd may expand. Frames of segmentation offload with a repeating payload reach 360 times with gzip and
2,600 with zstd; a bomb begins at 510 with gzip, and is far beyond 5,000 with zstd."""

MAX_EMPTY_MEMBERS = 100_000
"""gzip data may consist of members. Those without content cost time and give nothing."""

_FIRST_FEED_BYTES = 4096
"""What a member does not take of its food is copied once more, so that a small one gets little at first."""

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


@dataclass(frozen=True, slots=True)
class Expansion:
    """How far a file, ``shown`` to people, may expand: to so many bytes, and to so many times its own."""

    shown: str = "The capture"
    max_bytes: int = 1 << 62
    max_ratio: int = 1 << 62

    @classmethod
    def of(cls, settings: Settings, shown: str) -> Expansion:
        """As the settings say."""
        return cls(shown, settings.max_decompressed_bytes, settings.max_decompression_ratio)

    def for_zstd(self) -> Expansion:
        """The same where zstd compressed, which makes honest captures smaller too."""
        return replace(self, max_ratio=ZSTD_TIMES * self.max_ratio)

    def check(self, given: int, taken: int) -> None:
        """Raise :class:`LimitError` when ``taken`` bytes have given too many."""
        if given > self.max_bytes:
            raise LimitError(
                f"{self.shown} holds more than {self.max_bytes:,} bytes when decompressed, the limit of "
                "FLOWMAP_MAX_DECOMPRESSED_BYTES; cut it into parts, or raise the limit."
            )
        if given > RATIO_FROM_BYTES and given > self.max_ratio * taken:
            raise LimitError(
                f"{self.shown} expands to more than {self.max_ratio:,} times its size, the limit of "
                "FLOWMAP_MAX_DECOMPRESSION_RATIO; decompress it yourself if it is meant, or raise the limit."
            )


def pieces_of(file: BinaryIO, compression: str, found: Compression, limits: Expansion) -> Iterator[bytes]:
    """Decompressed pieces of a ``gz`` or ``zst`` file; everything before an error comes out.

    Raises
    ------
    LimitError
        When they become too many.
    """
    given = 0
    limits = limits.for_zstd() if compression == "zst" else limits
    for piece in _gunzip(file, found, limits.shown) if compression == "gz" else _unzstd(file, found):
        given += len(piece)
        limits.check(given, file.tell())
        yield piece


def check_expansion(path: str, compression: str, limits: Expansion) -> None:
    """Decompress a file to nowhere, for a reader that does it on its own later.

    Raises
    ------
    LimitError
        As :func:`pieces_of`.
    OSError
        When the file is gone.
    """
    with open(path, "rb", buffering=0) as file:
        for _ in pieces_of(file, compression, Compression(), limits):
            pass


def _gunzip(file: BinaryIO, found: Compression, shown: str) -> Iterator[bytes]:
    data, at, empty_members = b"", 0, 0
    while True:
        member, feed_bytes, is_empty = zlib.decompressobj(wbits=31), _FIRST_FEED_BYTES, True
        while not member.eof:
            fed = member.unconsumed_tail
            if not fed:
                if at == len(data):
                    data, at = file.read(PIECE_BYTES), 0
                fed = data[at : at + feed_bytes]
                at += len(fed)
                feed_bytes = min(2 * feed_bytes, PIECE_BYTES)
            before = member.copy()
            try:
                piece = member.decompress(fed, PIECE_BYTES)
            except zlib.error:
                yield from _before_error(before, fed)
                found.error = "bad_crc"
                return
            if not fed and not piece and not member.eof:
                found.error = "truncated_gzip"
                return
            if piece:
                is_empty = False
                yield piece
        empty_members = empty_members + 1 if is_empty else 0
        if empty_members > MAX_EMPTY_MEMBERS:
            raise LimitError(f"{shown} is made of empty parts and holds nothing to read; copy it again.")
        at -= len(member.unused_data)
        if len(data) - at < len(_GZIP):
            data, at = data[at:] + file.read(PIECE_BYTES), 0
        if not data:
            return
        if data[at : at + len(_GZIP)] != _GZIP:
            rest = iter(lambda: file.read(PIECE_BYTES), b"")
            found.trailing_bytes = len(data) - at + sum(len(piece) for piece in rest)
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
