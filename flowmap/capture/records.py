"""Walking the records of pcap and pcapng files without looking into packets.

tshark says only that a file is damaged. This walk, used when it did, finds the byte; for pcapng it also reads
what the blocks beside the packets say: interface names, link types and drop counters.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from flowmap.capture.container import Container
from flowmap.capture.decompress import Compression, Expansion, pieces_of
from flowmap.capture.labels import neutral

MAX_PACKET_BYTES = 262_144
MAX_BLOCK_BYTES = 134_348_832
"""What wiretap accepts, so that both judge alike."""

MAX_DROPS = 10**12
"""A drop counter above this is a lie or an uninitialised field (2^64 - 1 is common)."""

_CHUNK = 1 << 20
_SECTION, _INTERFACE, _SIMPLE, _ENHANCED, _OLD_PACKET, _STATISTICS = 0x0A0D0D0A, 1, 3, 6, 2, 5
_PACKETS = (_SIMPLE, _ENHANCED, _OLD_PACKET)
_NAMES, _JOURNAL, _SECRETS, _CUSTOM, _CUSTOM_NO_COPY = 4, 9, 10, 0x0BAD, 0x4000_0BAD
_SYSTEM_CALLS = (0x204, 0x216, 0x221)
_KNOWN = frozenset(
    (_SECTION, _INTERFACE, *_PACKETS, _NAMES, _STATISTICS, _JOURNAL, _SECRETS, _CUSTOM, _CUSTOM_NO_COPY, *_SYSTEM_CALLS)
)
_OPTION_NAME, _OPTION_DESCRIPTION, _OPTION_INTERFACE_DROPS, _OPTION_SYSTEM_DROPS = 2, 3, 5, 7
_OPTION_RESOLUTION, _MICROSECONDS = 9, 6
_OPTION_FILTER = 11
FINEST_UNITS = 10**15
"""The finest resolution that can be meant: 64 bits of femtoseconds last five hours."""


@dataclass(slots=True)
class Interface:
    """One interface description block.

    ``dropped`` is from its statistics, None when it has none that is plausible; ``has_clock`` is False where the
    resolution that it states for its times cannot be meant. ``capture_filter`` is what it was captured with, "" for
    none: such a capture proves no absence.
    """

    name: str
    description: str
    linktype: int
    snaplen: int
    dropped: int | None = None
    has_clock: bool = True
    capture_filter: str = ""


@dataclass(slots=True)
class Walk:
    """What a walk found.

    Attributes
    ----------
    packets : int
        Whole packet records.
    offset : int
        First byte behind the last good record, in the decompressed data.
    total_bytes : int or None
        Size of the (decompressed) data where known.
    whole : bool
        The data end where a record ends.
    concatenated : bool
        Another pcap header stands where the next record should.
    trailing_bytes : int
        Bytes behind the end of the compressed data.
    compression_error : str
        ``""``, ``truncated_gzip`` or ``bad_crc``.
    sections : list of int
        Number of the first interface of each pcapng section, counted over the file.
    interfaces : list of Interface
        In order, at most ``max_interfaces``; ``interface_count`` is how many there are.
    unknown_blocks : int
        Blocks of a kind that is not known.
    """

    packets: int = 0
    offset: int = 0
    total_bytes: int | None = None
    whole: bool = False
    concatenated: bool = False
    trailing_bytes: int = 0
    compression_error: str = ""
    sections: list[int] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    interface_count: int = 0
    unknown_blocks: int = 0


class _Source(Protocol):
    def read(self, count: int) -> bytes: ...
    def skip(self, count: int) -> bool: ...


class _PlainFile:
    """An uncompressed file; skipping seeks, and the size tells when that went past the end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self._left -= len(data)
        return data

    def skip(self, count: int) -> bool:
        if count > self._left:
            return False
        self._file.seek(count, 1)
        self._left -= count
        return True


class _Compressed:
    """A compressed file as a stream of bounded pieces; never more than a piece in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._buffer, self._at = pieces, b"", 0

    def read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            if self._at >= len(self._buffer):
                self._buffer, self._at = next(self._pieces, b""), 0
                if not self._buffer:
                    break
            piece = self._buffer[self._at : self._at + count - len(found)]
            self._at += len(piece)
            found += piece
        return found

    def skip(self, count: int) -> bool:
        while count:
            piece = len(self.read(min(count, _CHUNK)))
            if not piece:
                return False
            count -= piece
        return True


def walk(
    container: Container, stop_after: int | None = None, max_interfaces: int = 4096, seconds: float = 600.0
) -> Walk | None:
    """Walk the records of a capture.

    Parameters
    ----------
    container : Container
        The file.
    stop_after : int, optional
        End behind this many packets (blocks that are no packets are still passed).
    max_interfaces : int
        Interfaces whose facts are kept.
    seconds : float
        End the walk of a compressed file after this time: it may be a decompression bomb.

    Returns
    -------
    Walk or None
        None where the format is not walked here (modified headers of other tools, snoop, NetMon, ...).
    """
    if container.format not in ("pcap", "nanosecond-pcap", "modified-pcap", "pcapng"):
        return None
    found, odd = Walk(), Compression()
    with open(container.path, "rb", buffering=_CHUNK) as file:
        source: _Source
        if container.compression:
            pieces = pieces_of(file, container.compression, odd, Expansion())  # checked before
            source = _Compressed(_until(time.monotonic() + seconds, pieces))
        else:
            found.total_bytes = container.size_bytes
            source = _PlainFile(file, container.size_bytes)
        if container.format == "pcapng":
            _walk_pcapng(source, found, stop_after, max_interfaces)
        else:
            _walk_pcap(source, found, stop_after)
    found.trailing_bytes = odd.trailing_bytes
    found.compression_error = odd.error if odd.error in ("truncated_gzip", "bad_crc") else ""
    return found


def _until(deadline: float, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if time.monotonic() > deadline:
            return
        yield piece


def _walk_pcap(source: _Source, found: Walk, stop_after: int | None) -> None:
    magic = source.read(24)[:4]
    order = "<" if magic[3:] in (b"\xa1",) else ">"
    modified = struct.unpack(order + "I", magic)[0] == 0xA1B2CD34
    header_bytes = 24 if modified else 16
    captured = struct.Struct(order + "8xI")
    found.offset = 24
    while stop_after is None or found.packets < stop_after:
        header = source.read(header_bytes)
        if not header:
            found.whole = True
            return
        if header[:4] == magic and header[4:8] == struct.pack(order + "HH", 2, 4):
            found.concatenated = True
            return
        if len(header) < header_bytes:
            return
        (length,) = captured.unpack_from(header)
        if length > MAX_PACKET_BYTES or not source.skip(length):
            return
        found.packets += 1
        found.offset += header_bytes + length


def _walk_pcapng(source: _Source, found: Walk, stop_after: int | None, max_interfaces: int) -> None:
    order = "<"
    while True:
        head = source.read(8)
        if not head:
            found.whole = True
            return
        if len(head) < 8:
            return
        kind = struct.unpack(order + "I", head[:4])[0]
        taken = 8
        if kind == _SECTION:  # reads the same in both byte orders
            mark = source.read(4)
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(mark, "")
            if not order:
                return
            taken = 12
            found.sections.append(found.interface_count)
        length = struct.unpack(order + "I", head[4:])[0]
        if length < 12 or length < taken + 4 or length > MAX_BLOCK_BYTES:
            return
        if kind in _PACKETS and stop_after is not None and found.packets >= stop_after:
            return
        body_bytes = length + -length % 4 - taken - 4
        if kind in (_INTERFACE, _STATISTICS) and body_bytes <= _CHUNK:
            body = source.read(body_bytes)
            if len(body) < body_bytes:
                return
            _note_block(kind, body, order, found, max_interfaces)
        elif not source.skip(body_bytes):
            return
        tail = source.read(4)
        if len(tail) < 4 or struct.unpack(order + "I", tail)[0] != length:
            return
        found.packets += kind in _PACKETS
        found.unknown_blocks += kind not in _KNOWN
        found.offset += length + -length % 4


def _note_block(kind: int, body: bytes, order: str, found: Walk, max_interfaces: int) -> None:
    """Keep what an interface description or statistics block says."""
    if kind == _INTERFACE:
        found.interface_count += 1
        if len(found.interfaces) < max_interfaces and len(body) >= 8:
            linktype, snaplen = struct.unpack_from(order + "HxxI", body)
            options = _options(body[8:], order)
            name, description = (_text(options.get(code, b"")) for code in (_OPTION_NAME, _OPTION_DESCRIPTION))
            found.interfaces.append(
                Interface(name, description, linktype, snaplen, has_clock=clock_units(options) > 0,
                          capture_filter=filter_of(options))
            )  # fmt: skip
        return
    if len(body) < 12 or not found.sections:
        return
    number = found.sections[-1] + struct.unpack_from(order + "I", body)[0]
    if number >= len(found.interfaces):
        return
    options = _options(body[12:], order)
    counts = [
        struct.unpack(order + "Q", options[code])[0]
        for code in (_OPTION_INTERFACE_DROPS, _OPTION_SYSTEM_DROPS)
        if len(options.get(code, b"")) == 8
    ]
    if counts and all(count <= MAX_DROPS for count in counts):
        # Counters run from the start of the capture, so a later block replaces an earlier one.
        found.interfaces[number].dropped = sum(counts)


def clock_units(options: dict[int, bytes]) -> int:
    """Time stamp units a second, from the options of an interface.

    A power of ten, or of two where the top bit is set; microseconds by default; 0 for more than ``FINEST_UNITS``.
    """
    resolution = options.get(_OPTION_RESOLUTION, b"")
    value = resolution[0] if len(resolution) == 1 else _MICROSECONDS
    units: int = 2 ** (value & 0x7F) if value & 0x80 else 10**value
    return units if units <= FINEST_UNITS else 0


def filter_of(options: dict[int, bytes]) -> str:
    """The capture filter of an interface, "" for none; a first octet of 0 says that text follows, others a program."""
    given = options.get(_OPTION_FILTER, b"")
    if not given:
        return ""
    return _text(given[1:]) if given[0] == 0 else "a compiled program"


def _options(data: bytes, order: str) -> dict[int, bytes]:
    """The options of a block, first one of each code; ends at the first that does not fit."""
    options: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0 or at + 4 + length > len(data):
            break
        options.setdefault(code, data[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return options


def _text(data: bytes) -> str:
    return neutral(data.split(b"\0", 1)[0].decode("utf-8", "replace"))
