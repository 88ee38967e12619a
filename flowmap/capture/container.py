"""Which file is a capture: recognised by its first bytes before any tool sees it.

tshark reads a picture as one packet (reference/reliability.md, finding 4), so only the formats listed here
are let through, each with the name under which tshark's reader is pinned.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from flowmap.errors import CaptureError

HEAD_BYTES = 1 << 16

_PCAP_READER = "Wireshark/tcpdump/... - pcap"
_PCAPNG_READER = "Wireshark/... - pcapng"

_PCAP_MAGICS = {
    0xA1B2C3D4: "pcap",
    0xA1B23C4D: "nanosecond-pcap",
    0xA1B2CD34: "modified-pcap",
    0x1C0001AC: "ixia-pcap",
    0x1C0001AB: "ixia-pcap",
}
"""First word of a pcap file, in either byte order (wiretap/libpcap.h)."""

_PCAP_MAGIC, _NANOSECOND_MAGICS = 0xA1B2C3D4, (0xA1B23C4D, 0x1C0001AC)
_RESERVED_BITS = 0x03FF_0000
"""Of the link type field: between the link type and the length of the frame check sequence."""

_AIX_LINK_TYPES = (6, 9, 15, 24)
"""AIX writes version 2.2 with other numbers (ifType) and nanoseconds."""

PCAP_FORMATS = tuple(dict.fromkeys(_PCAP_MAGICS.values()))

_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"

_OTHER_MAGICS = (
    (b"snoop\0\0\0", "snoop", "Snoop, Shomiti/Finisar Surveyor", 16),
    (b"RTSS", "netmon1", "Microsoft Network Monitor", 32),
    (b"GMBU", "netmon2", "Microsoft Network Monitor", 32),
    (b"XCP\0", "netxray", "Cinco NetXray/Sniffer (Windows)", 32),
    (b"VL\0\0", "netxray", "Cinco NetXray/Sniffer (Windows)", 32),
    (b"TRSNIFF data    \x1a", "sniffer", "Sniffer (DOS)", 32),
)

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_COMPRESSED = (
    (_GZIP, "gzip"),
    (_ZSTD, "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
)


@dataclass(frozen=True, slots=True)
class Container:
    """A recognised capture file.

    ``format`` without compression, ``compression`` ``""``, ``"gz"`` or ``"zst"``, ``read_format`` tshark's
    name of the reader, ``unknown_version`` whether a pcap header states a version nobody has defined;
    ``linktype`` and ``snaplen`` of a pcap header (-1 and 0 elsewhere), ``fraction_ns`` the unit of its times, and
    ``left_to_wireshark`` whether it is of a kind that only Wireshark reads or refuses (before version 2, AIX, reserved
    bits set).
    """

    path: str
    size_bytes: int
    format: str
    compression: str
    read_format: str
    unknown_version: bool = False
    linktype: int = -1
    snaplen: int = 0
    fraction_ns: int = 1000
    left_to_wireshark: bool = False

    @property
    def header_bytes(self) -> int:
        """Size of a pcap file header; Ixia's has four bytes more, the size of all records."""
        return 28 if self.format == "ixia-pcap" else 24

    @property
    def full_format(self) -> str:
        """Format with its compression, as shown: ``pcap+gz``."""
        return self.format + ("+" + self.compression if self.compression else "")


def recognise(path: str | os.PathLike[str], shown: str) -> Container:
    """Look at a file and say what it is.

    Parameters
    ----------
    path : path
        A regular file.
    shown : str
        The name used in messages.

    Raises
    ------
    CaptureError
        One sentence: a folder, unreadable, empty, no capture, only a cut header, compressed twice.
    """
    size, head = _first_bytes(Path(path), shown)
    compression = ""
    if head.startswith(_GZIP):
        compression, head = "gz", _gunzip_head(head, shown)
    elif head.startswith(_ZSTD):
        compression, head = "zst", _unzstd_head(Path(path), shown)
    else:
        _refuse_compression(head, shown, "is compressed with {}, which is not read; decompress it first.")
    _refuse_compression(head, shown, "is compressed twice ({} inside); decompress it once.", bool(compression))
    found = _container_of(head, shown, os.path.abspath(path))
    if found is None:
        raise CaptureError(
            f"{shown} is not a capture file: its first bytes belong to no known format; "
            "give a pcap, pcapng, snoop, NetMon, Sniffer or ERF file."
        )
    return replace(found, size_bytes=size, compression=compression)


def recognise_head(head: bytes, shown: str) -> Container:
    """The same for a stream, of which only the beginning is known; compressed ones are refused."""
    _refuse_compression(head, shown, "is compressed with {}, which is not read from a stream; decompress it first.")
    found = _container_of(head, shown, "")
    if found is None:
        raise CaptureError(f"{shown} is not a capture: its first bytes belong to no known format.")
    return found


def _first_bytes(path: Path, shown: str) -> tuple[int, bytes]:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise CaptureError(f"{shown} is a folder; name the capture files in it.")
        if not stat.S_ISREG(status.st_mode):
            raise CaptureError(f"{shown} is not a regular file; save the capture to a file first.")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name cannot be used"
        raise CaptureError(f"{shown} cannot be read ({reason}); check the name and the permissions.") from error
    if not head:
        raise CaptureError(f"{shown} is empty (0 bytes); nothing was captured or the copy failed.")
    return status.st_size, head


def _gunzip_head(head: bytes, shown: str) -> bytes:
    """The first bytes inside; in small steps, because a wrong check sum spoils only the step that meets it."""
    decompressor, inner = zlib.decompressobj(wbits=31), b""
    try:
        while head and not decompressor.eof and len(inner) < HEAD_BYTES:
            inner += decompressor.decompress(head, 24)
            head = decompressor.unconsumed_tail
    except zlib.error as error:
        if not inner:
            raise CaptureError(f"{shown} starts as gzip but cannot be decompressed; copy it again.") from error
    return inner


def _unzstd_head(path: Path, shown: str) -> bytes:
    try:
        # 128 MiB is the largest window that tshark's zstd accepts by default.
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        # A first frame may be without content.
        with path.open("rb") as file, decompressor.stream_reader(file, read_across_frames=True) as stream:
            inner: bytes = stream.read(HEAD_BYTES)
    except (OSError, zstandard.ZstdError, MemoryError) as error:
        raise CaptureError(f"{shown} starts as zstd but cannot be decompressed; copy it again.") from error
    return inner


def _refuse_compression(head: bytes, shown: str, sentence: str, compressed: bool = True) -> None:
    for magic, name in _COMPRESSED:
        if compressed and head.startswith(magic):
            raise CaptureError(f"{shown} {sentence.format(name)}")


def _container_of(head: bytes, shown: str, path: str) -> Container | None:
    """What the decompressed beginning of a file says; None when it is no capture."""
    if len(head) >= 4:
        for order in "<>":
            name = _PCAP_MAGICS.get(struct.unpack_from(order + "I", head)[0])
            if name:
                return _pcap(head, order, name, shown, path)
    if head.startswith(_PCAPNG_MAGIC):
        _need(head, 12, shown)
        if head[8:12] not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
            return None
        _need(head, 28, shown)
        return Container(path, 0, "pcapng", "", _PCAPNG_READER)
    for magic, name, reader, header_bytes in _OTHER_MAGICS:
        if head.startswith(magic):
            _need(head, header_bytes, shown)
            return Container(path, 0, name, "", reader)
    if _looks_like_erf(head, path.lower().endswith((".erf", ".erf.gz", ".erf.zst"))):
        return Container(path, 0, "erf", "", "Endace ERF capture")
    return None


def _pcap(head: bytes, order: str, name: str, shown: str, path: str) -> Container:
    _need(head, 28 if name == "ixia-pcap" else 24, shown)
    magic, version, minor, snaplen, linktype = struct.unpack_from(order + "IHH8xII", head)
    is_aix = magic == _PCAP_MAGIC and (version, minor) == (2, 2) and linktype in _AIX_LINK_TYPES
    return Container(
        path, 0, name, "", _PCAP_READER,
        unknown_version=version != 2 or minor > 4,
        linktype=linktype & 0xFFFF,
        snaplen=snaplen,
        fraction_ns=1 if magic in _NANOSECOND_MAGICS else 1000,
        left_to_wireshark=version < 2 or bool(linktype & _RESERVED_BITS) or is_aix,
    )  # fmt: skip


def _need(head: bytes, header_bytes: int, shown: str) -> None:
    if len(head) < header_bytes:
        raise CaptureError(
            f"{shown} is cut off inside its file header (after {len(head)} of {header_bytes} bytes) "
            "and holds no packet; copy it again."
        )


def _looks_like_erf(head: bytes, named_so: bool) -> bool:
    """ERF has no magic: demand a chain of plausible records (Endace ERF types: type, length, time)."""
    offset = records = last_second = 0
    while offset + 16 <= len(head) and records < 8:
        (second,) = struct.unpack_from("<4xI", head, offset)  # the time is little endian, the rest is not
        kind, length, wire = struct.unpack_from("!BxH2xH", head, offset + 8)
        plausible_time = 600_000_000 <= second <= 4_000_000_000
        if not 1 <= kind & 0x7F <= 48 or length < 16 or wire == 0 or not plausible_time:
            return False
        if records and abs(second - last_second) > 86_400:
            return False
        last_second = second
        offset += length
        records += 1
    return records >= (1 if named_so else 3)
