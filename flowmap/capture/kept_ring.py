"""The ring of files of a live capture becomes one capture file, which is read like any other."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path

_SECTION, _INTERFACE = 0x0A0D0D0A, 1
_BYTE_ORDER, _PCAP_HEADER_BYTES = 0x1A2B3C4D, 24
_MOST_HEAD_BYTES = 1 << 20
_PIECE_BYTES = 1 << 24


def join_ring(files: Sequence[Path], target: Path) -> int:
    """Put the files of a ring, oldest first, into one; they are used up.

    Every file of a ring begins with the same section header and interfaces, so that it can be read alone. They stand
    in the joined file once: its frames and interfaces are numbered as in the stream that was captured.

    Returns
    -------
    int
        Size of the target in bytes; it is on the disk when this returns.
    """
    head = head_of(files[0])
    with files[0].open("r+b") as joined:
        joined.seek(0, os.SEEK_END)
        for file in files[1:]:
            with file.open("rb") as source:
                _append(joined.fileno(), source.fileno(), len(head) if head_of(file) == head else 0)
            file.unlink()
        os.fsync(joined.fileno())
        size = joined.seek(0, os.SEEK_END)
    os.replace(files[0], target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size


def head_of(file: Path) -> bytes:
    """What stands before the first packet: the header of a pcap file, or pcapng's first section and its interfaces."""
    with file.open("rb") as stream:
        start = stream.read(_MOST_HEAD_BYTES)
    if start[:4] != struct.pack("<I", _SECTION):
        return start[:_PCAP_HEADER_BYTES]
    order = "<" if start[8:12] == struct.pack("<I", _BYTE_ORDER) else ">"
    end = 0
    while end + 12 <= len(start):
        kind, length = struct.unpack_from(f"{order}II", start, end)
        if kind not in (_SECTION, _INTERFACE) or length < 12 or (kind == _SECTION and end):
            break
        end += length
    return start[: min(end, len(start))]


def _append(target: int, source: int, skip_bytes: int) -> None:
    offset = skip_bytes
    while copied := os.sendfile(target, source, offset, _PIECE_BYTES):
        offset += copied
