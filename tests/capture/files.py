"""Capture files built record by record, sound or broken on purpose."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.capture.frames import PLAIN

SECOND = 1_700_000_000
"""2023-11-14 22:13:20 UTC, the time of the first packet."""

SECTION, INTERFACE, SIMPLE, RESOLUTION, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 3, 4, 5, 6


def file_header(
    magic: int = 0xA1B2C3D4,
    version: tuple[int, int] = (2, 4),
    snaplen: int = 262144,
    linktype: int = 1,
    order: str = "<",
) -> bytes:
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, linktype)


def record(
    data: bytes,
    seconds: int = SECOND,
    fraction: int = 0,
    captured: int | None = None,
    length: int | None = None,
    order: str = "<",
) -> bytes:
    """One pcap record; every number in its header may lie."""
    sizes = (len(data) if captured is None else captured, len(data) if length is None else length)
    return struct.pack(order + "IIII", seconds & 0xFFFFFFFF, fraction & 0xFFFFFFFF, *sizes) + data


def pcap(frames: Iterable[bytes] = (PLAIN,) * 5, order: str = "<", **header: int) -> bytes:
    """A sound file: a microsecond (or the smallest unit) between frames."""
    records = (record(frame, fraction=n, order=order) for n, frame in enumerate(frames))
    return file_header(order=order, **header) + b"".join(records)  # type: ignore[arg-type]


def block(kind: int, body: bytes, length: int | None = None, tail: int | None = None, order: str = "<") -> bytes:
    body += b"\0" * (-len(body) % 4)
    size = 12 + len(body) if length is None else length
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size if tail is None else tail)


def option(code: int, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    size = len(value) if length is None else length
    return struct.pack(order + "HH", code, size) + value + b"\0" * (-len(value) % 4)


END = bytes(4)


def section(length: int = -1, mark: int = 0x1A2B3C4D, options: bytes = b"", major: int = 1, order: str = "<") -> bytes:
    return block(SECTION, struct.pack(order + "IHHq", mark, major, 0, length) + options, order=order)


def interface(linktype: int = 1, snaplen: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(INTERFACE, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order=order)


def named(name: bytes, **facts: int) -> bytes:
    return interface(options=option(2, name) + END, **facts)  # type: ignore[arg-type]


def enhanced(
    data: bytes = PLAIN,
    number: int = 0,
    ticks: int = SECOND * 10**6,
    captured: int | None = None,
    length: int | None = None,
    options: bytes = b"",
    tail: int | None = None,
    order: str = "<",
) -> bytes:
    sizes = (len(data) if captured is None else captured, len(data) if length is None else length)
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, *sizes)
    return block(ENHANCED, head + data + b"\0" * (-len(data) % 4) + options, tail=tail, order=order)


def simple(data: bytes = PLAIN, length: int | None = None) -> bytes:
    return block(SIMPLE, struct.pack("<I", len(data) if length is None else length) + data)


def statistics(number: int, *options: bytes) -> bytes:
    return block(STATISTICS, struct.pack("<III", number, 0, 0) + b"".join(options) + END)


def pcapng(*blocks: bytes) -> bytes:
    """A file of one section; without blocks one interface and five packets a microsecond apart."""
    packets = (enhanced(ticks=SECOND * 10**6 + n) for n in range(5))
    return section() + (b"".join(blocks) if blocks else interface() + b"".join(packets))
