"""The pcapng blocks that stand beside the packets: sections, interfaces, statistics, names and secrets.

They are few, so they are read here and not in a kernel. What counts as damage follows Wireshark 4.0 (wiretap/pcapng.c).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flowmap.capture.labels import neutral
from flowmap.capture.records import MAX_DROPS, Interface, clock_units, filter_of
from flowmap.kernels import framing as kernel

SECTION, INTERFACE, OLD_PACKET, SIMPLE, NAMES, STATISTICS, SECRETS = 0x0A0D0D0A, 1, 2, 3, 4, 5, 10
MAX_INTERFACES = 1 << 20
"""Interfaces of one section; each takes 32 bytes here and 20 or more in the file."""

_HEAD_BYTES, _TRAILER_BYTES = 8, 4
_LEAST_BYTES = {SECTION: 28, INTERFACE: 20, NAMES: 16, STATISTICS: 24, SECRETS: 20}
_OPTION_NAME, _OPTION_DESCRIPTION, _OPTION_FILTER, _OPTION_OFFSET = 2, 3, 11, 14
_OPTION_INTERFACE_DROPS, _OPTION_SYSTEM_DROPS = 5, 7
_CUSTOM_OPTIONS = (2988, 2989, 19372, 19373)
_MARKS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_VERSIONS = ((1, 0), (1, 2))
_ADDRESS_BYTES = {1: 4, 2: 16}


class BadBlock(Exception):
    """A block that cannot be read; the text goes on after "the next block"."""


@dataclass(slots=True)
class Sections:
    """What the section headers and interface descriptions said so far.

    Attributes
    ----------
    version : int
        Grows with every change: what was framed under another version has to be framed again.
    section : int64 (3,), interfaces : int64 (k, 4)
        What the kernel knows of the current section (:mod:`flowmap.kernels.framing`). Never written again once handed
        out, but for rows behind the count that ``section`` states.
    sections, interface_count : int
        Counted over the file.
    known : list of Interface
        The first ``max_known`` interfaces of the file; ``known_sections`` says which section (from 0) each is in.
    section_past_known : int
        The section of the first interface past those.
    linktypes : set of int
        Of all interfaces.
    """

    max_known: int = 4096
    version: int = 0
    section: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))
    interfaces: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((1, kernel.IF_WORDS), np.int64))
    sections: int = 0
    interface_count: int = 0
    known: list[Interface] = field(default_factory=list)
    known_sections: list[int] = field(default_factory=list)
    section_past_known: int = 0
    linktypes: set[int] = field(default_factory=set)

    @property
    def order(self) -> str:
        """Byte order of the current section for :mod:`struct`."""
        return ">" if self.section[kernel.SECTION_BIG_ENDIAN] else "<"

    def begin_section(self, block: bytes) -> None:
        """Take a section header block."""
        order = order_of(block)
        major, minor = struct.unpack_from(order + "HH", block, 12)
        if (major, minor) not in _VERSIONS:
            raise BadBlock(f"is of the unknown SHB version {major}.{minor}")
        options_of(block[24:-_TRAILER_BYTES], order)
        self.version += 1
        self.sections += 1
        self.section = np.array([order == ">", self.interface_count, 0], np.int64)
        self.interfaces = np.zeros((1, kernel.IF_WORDS), np.int64)

    def add_interface(self, block: bytes) -> None:
        """Take an interface description block."""
        order, count = self.order, int(self.section[kernel.INTERFACES])
        linktype, snaplen = struct.unpack_from(order + "HxxI", block, _HEAD_BYTES)
        options = options_of(block[16:-_TRAILER_BYTES], order)
        if options.get(_OPTION_FILTER) == b"":
            raise BadBlock("has an empty capture filter")
        if count >= MAX_INTERFACES:
            raise BadBlock(f"describes one interface more than the {MAX_INTERFACES:,} that a section may have")
        if count >= len(self.interfaces):
            self.interfaces = np.concatenate([self.interfaces, np.zeros_like(self.interfaces)])
        offset = options.get(_OPTION_OFFSET, b"")
        offset_s = struct.unpack(order + "q", offset)[0] if len(offset) == 8 else 0
        self.interfaces[count] = (linktype, snaplen, clock_units(options), offset_s)
        self.section = self.section + np.array([0, 0, 1])
        self.version += 1
        self._remember(linktype, snaplen, options)

    def _remember(self, linktype: int, snaplen: int, options: dict[int, bytes]) -> None:
        if len(self.known) < self.max_known:
            name, description = (_text(options.get(code, b"")) for code in (_OPTION_NAME, _OPTION_DESCRIPTION))
            self.known.append(Interface(name, description, linktype, snaplen, capture_filter=filter_of(options)))
            self.known_sections.append(self.sections - 1)
        elif self.interface_count == self.max_known:
            self.section_past_known = self.sections - 1
        self.linktypes.add(linktype)
        self.interface_count += 1


def order_of(block: bytes) -> str:
    """Byte order that a section header block states."""
    order = _MARKS.get(block[8:12])
    if order is None:
        raise BadBlock("begins a section with an unknown byte-order mark")
    return order


def block_length(head: bytes, order: str) -> int:
    """Length of a block with its padding, from its first eight bytes (a section header's from its first twelve)."""
    kind, length = struct.unpack_from(order + "II", head)
    padded: int = length + -length % 4
    if not _LEAST_BYTES.get(kind, 12) <= padded <= kernel.MAX_BLOCK_BYTES:
        raise BadBlock(f"says that it is {length} bytes long, which no such block can be")
    return padded


def check_trailer(block: bytes, order: str) -> None:
    """The length stands at both ends."""
    (length,) = struct.unpack_from(order + "I", block, len(block) - _TRAILER_BYTES)
    if length + -length % 4 != len(block):
        raise BadBlock(f"states two lengths, {len(block)} and {length} bytes")


def statistics_drops(block: bytes, order: str) -> tuple[int, int] | None:
    """Interface number in its section and packets dropped, of a statistics block; None without a plausible counter."""
    (interface,) = struct.unpack_from(order + "I", block, _HEAD_BYTES)
    options = options_of(block[20:-_TRAILER_BYTES], order)
    counts = [
        struct.unpack(order + "Q", options[code])[0]
        for code in (_OPTION_INTERFACE_DROPS, _OPTION_SYSTEM_DROPS)
        if len(options.get(code, b"")) == 8
    ]
    return (interface, sum(counts)) if counts and all(count <= MAX_DROPS for count in counts) else None


def check_names(block: bytes, order: str) -> None:
    """Walk the records of a name resolution block; the names themselves are not used."""
    at, end = _HEAD_BYTES, len(block) - _TRAILER_BYTES
    while at < end:
        if end - at < 4:
            raise BadBlock("ends inside a name record")
        kind, length = struct.unpack_from(order + "HH", block, at)
        at += 4
        if end - at < length + -length % 4:
            raise BadBlock(f"has a name record of length {length} that goes on behind it")
        if kind == 0:
            break
        if kind in _ADDRESS_BYTES:
            if length < _ADDRESS_BYTES[kind]:
                raise BadBlock("has a name record that is shorter than its address")
            if length > _ADDRESS_BYTES[kind] and block[at + length - 1]:
                raise BadBlock("has a non-null-terminated host name")
        at += length + -length % 4
    options_of(block[at:end], order)


def check_secrets(block: bytes, order: str) -> None:
    """Secrets are passed over; only their length is held against the block's."""
    (length,) = struct.unpack_from(order + "I", block, 12)
    if length > len(block) - 20:
        raise BadBlock(f"holds secrets of length {length} that go on behind it")


def options_of(data: bytes, order: str) -> dict[int, bytes]:
    """The first option of each code.

    Raises
    ------
    BadBlock
        When one goes on behind the block.
    """
    options: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise BadBlock("ends inside an option")
        code, length = struct.unpack_from(order + "HH", data, at)
        if at + 4 + length + -length % 4 > len(data):
            raise BadBlock(f"has an option of length {length} that goes on behind it")
        if code == 0:
            break
        if code in _CUSTOM_OPTIONS and length < 4:
            raise BadBlock(f"has a custom option of length {length}, too short for its owner's number")
        options.setdefault(code, data[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return options


def _text(data: bytes) -> str:
    return neutral(data.split(b"\0", 1)[0].decode("utf-8", "replace"))
