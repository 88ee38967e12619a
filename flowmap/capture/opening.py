"""Opening a capture for the header reader: a file, a compressed one, another format through tshark, or a pipe."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from flowmap.capture.container import PCAP_FORMATS, Container, recognise_head
from flowmap.capture.decompress import PIECE_BYTES, Ahead, Compression, Expansion, check_expansion, pieces_of
from flowmap.capture.dissect import BLOCK_BYTES, Exit
from flowmap.capture.framing import Framing, PcapFraming, PcapngFraming
from flowmap.capture.windows import STEP_BYTES, FileBytes, Source, StreamBytes
from flowmap.settings import Settings

CONVERTED_FORMATS = ("snoop", "netmon1", "netmon2", "netxray", "sniffer")
"""Formats that tshark turns into pcap or pcapng."""

_LEAST_HEAD_BYTES = 28


@dataclass(slots=True)
class Opened:
    """A capture that can be read.

    Attributes
    ----------
    source : Source
        Its (decompressed, converted) bytes.
    framing : Framing
        Of its format.
    first_record : int
        Offset of the first record or block.
    step : int
        Bytes to read at a time.
    size_bytes : int or None
        Size of what offsets count in; None where that is not known before its end.
    compression : Compression
        What was odd about it, known at the end.
    conversion : callable
        How the converting tshark ended, known at the end; None where there is none.
    """

    source: Source
    framing: Framing
    first_record: int = 0
    step: int = STEP_BYTES
    size_bytes: int | None = None
    compression: Compression = field(default_factory=Compression)
    conversion: Callable[[], Exit | None] = lambda: None


def can_open(container: Container) -> bool:
    """Whether the format is one that the header reader frames, or has converted."""
    known = (*PCAP_FORMATS, *CONVERTED_FORMATS, "pcapng")
    return container.format in known and not container.left_to_wireshark


def open_file(container: Container, settings: Settings, closing: ExitStack, shown: str) -> Opened:
    """Open a file, called ``shown`` in messages; what has to be closed is left to ``closing``.

    Raises
    ------
    OSError
        When the file is gone or cannot be read.
    LimitError
        When compressed data expand too far; also later, from the source.
    ToolError
        When tshark is needed for its format and missing.
    """
    if container.format in CONVERTED_FORMATS:
        if container.compression:
            check_expansion(container.path, container.compression, Expansion.of(settings, shown))
        return _converted(container, settings, closing)
    if container.compression:
        found = Compression()
        file = closing.enter_context(open(container.path, "rb", buffering=0))
        pieces = Ahead(pieces_of(file, container.compression, found, Expansion.of(settings, shown)))
        closing.callback(pieces.close)
        opened = _streamed(container, pieces, settings, seekable=True)
        opened.compression = found
        return opened
    whole = FileBytes(container.path)
    closing.callback(whole.close)
    head = whole.extend(np.empty(0, np.uint8), 0, PIECE_BYTES).tobytes()
    framing = _framing(container, head, settings, seekable=True)
    return Opened(whole, framing, _first_record(container), size_bytes=whole.size())


def open_descriptor(container: Container, head: bytes, descriptor: int, settings: Settings) -> Opened:
    """Open a stream that somebody writes, of which ``head`` was read already; it gives what is there."""
    rest = iter(lambda: os.read(descriptor, BLOCK_BYTES), b"")
    framing = _framing(container, head, settings, seekable=False)
    at = _first_record(container)
    pieces = itertools.chain([head[at:]] if len(head) > at else [], rest)
    return Opened(StreamBytes(pieces), framing, at, step=1)


def _framing(container: Container, head: bytes, settings: Settings, *, seekable: bool) -> Framing:
    if container.format in PCAP_FORMATS:
        return PcapFraming(container, head, seekable)
    return PcapngFraming(settings.max_points)


def _first_record(container: Container) -> int:
    return container.header_bytes if container.format in PCAP_FORMATS else 0


def _streamed(container: Container, pieces: Iterator[bytes], settings: Settings, *, seekable: bool) -> Opened:
    """A stream whose beginning is read here, because the variant of a pcap file stands in its first records."""
    head = b""
    while len(head) < PIECE_BYTES:
        piece = next(pieces, b"")
        if not piece:
            break
        head += piece
    framing = _framing(container, head, settings, seekable=seekable)
    at = _first_record(container)
    return Opened(StreamBytes(itertools.chain([head[at:]] if len(head) > at else [], pieces)), framing, at)


def _converted(container: Container, settings: Settings, closing: ExitStack) -> Opened:
    from flowmap.capture.conversion import Conversion  # brings pyshark, which takes a moment to import

    run = Conversion(container, settings)
    blocks = run.lines()
    closing.callback(blocks.close)  # type: ignore[attr-defined]
    pieces = (piece for block in blocks for piece in block)
    head = b""
    while len(head) < _LEAST_HEAD_BYTES and (piece := next(pieces, b"")):
        head += piece
    if len(head) < _LEAST_HEAD_BYTES:
        return Opened(StreamBytes(iter(())), PcapngFraming(0), conversion=lambda: run.exit)
    into = recognise_head(head, container.path)
    at = _first_record(into)
    source = StreamBytes(itertools.chain([head[at:]] if len(head) > at else [], pieces))
    return Opened(source, _framing(into, head, settings, seekable=False), at, conversion=lambda: run.exit)
