"""Writing pcapng (draft-ietf-opsawg-pcapng): blocks as bytes, times in nanoseconds."""

from __future__ import annotations

import struct

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER_MARK, _UNKNOWN_LENGTH = 0x1A2B3C4D, 0xFFFF_FFFF_FFFF_FFFF
_END_OF_OPTIONS, _COMMENT = 0, 1
_USER_APPLICATION, _NAME, _DESCRIPTION, _RESOLUTION = 4, 2, 3, 9
_NANOSECONDS = b"\x09"
MAX_OPTION_BYTES = 60_000
"""An option's length has 16 bits, and its text is cut at a character."""


def section(comment: str, application: str) -> bytes:
    """A section header block, the first one of a file."""
    head = struct.pack("<IHHQ", _BYTE_ORDER_MARK, 1, 0, _UNKNOWN_LENGTH)
    return _block(_SECTION, head + _texts((_COMMENT, comment), (_USER_APPLICATION, application)))


def interface(linktype: int, snaplen: int, name: str, description: str, comment: str) -> bytes:
    """An interface description block; interfaces are numbered from 0 in their order."""
    head = struct.pack("<HHI", linktype, 0, snaplen)
    texts = _option(_RESOLUTION, _NANOSECONDS)
    return _block(_INTERFACE, head + texts + _texts((_NAME, name), (_DESCRIPTION, description), (_COMMENT, comment)))


def packet(number: int, time_ns: int, original_bytes: int, data: bytes, comment: str = "") -> bytes:
    """An enhanced packet block of interface ``number``."""
    head = struct.pack(
        "<IIIII", number, time_ns >> 32 & 0xFFFF_FFFF, time_ns & 0xFFFF_FFFF, len(data), original_bytes
    )  # fmt: skip
    options = _texts((_COMMENT, comment)) if comment else b""
    return _block(_PACKET, head + data + bytes(-len(data) % 4) + options)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _texts(*options: tuple[int, str]) -> bytes:
    """Options of text, those that say nothing left out, and the end of options."""
    cut = ((code, text.encode("utf-8", "replace")[:MAX_OPTION_BYTES]) for code, text in options if text)
    parts = [_option(code, value.decode("utf-8", "ignore").encode()) for code, value in cut]
    return b"".join([*parts, struct.pack("<HH", _END_OF_OPTIONS, 0)])
