"""How the records of one capture file are framed: what the kernels need to know of its format, and what they leave.

A framing has the state of a file (byte order, variant, interfaces so far). The kernels do the packets; a block beside
them comes back here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flowmap.capture.blocks import (
    INTERFACE,
    NAMES,
    OLD_PACKET,
    SECTION,
    SIMPLE,
    STATISTICS,
    BadBlock,
    Sections,
    block_length,
    check_names,
    check_secrets,
    check_trailer,
    order_of,
    statistics_drops,
)
from flowmap.capture.container import Container
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.pcap_variants import header_bytes_of
from flowmap.capture.rooms import Room
from flowmap.kernels import framing as kernel
from flowmap.kernels import guessing
from flowmap.kernels.arrays import Int64
from flowmap.kernels.calling import held
from flowmap.kernels.stretches import read_pcap, read_pcapng

Bytes = npt.NDArray[np.uint8]
Options = npt.NDArray[np.int64]

CHAIN = 8
"""Plausible records in a row that make a guess."""

NEW_STATE = 32
"""A status beside the kernel's: the block at this place changes how the rest is framed."""

DAMAGED = 33
"""A block beside the packets is damaged; :attr:`Position.reason` says how."""


@dataclass(slots=True)
class Position:
    """Where framing stands in the data, and what it has counted on the way.

    Attributes
    ----------
    at : int
        Offset of the next record in the data.
    status : int
        Why it stopped there: a status of :mod:`flowmap.kernels.framing`, ``NEW_STATE`` or ``DAMAGED``.
    counters : int64 (COUNTERS,)
        Of the kernel.
    drops : dict
        Interface over the file to packets dropped; the last statistics block of an interface counts.
    reason : str
        What is wrong with the record, as it goes on after "the next record".
    """

    at: int
    status: int
    counters: npt.NDArray[np.int64]
    drops: dict[int, int]
    reason: str = ""


def start_at(at: int) -> Position:
    """A position before anything was framed."""
    return Position(at, kernel.FULL, np.zeros(kernel.COUNTERS, np.int64), {})


@dataclass(slots=True)
class Reach:
    """The part of a file that is in memory while it is read window by window.

    Attributes
    ----------
    descriptor : int
        Of the file.
    window : uint8 (m,)
        Longer than any record; its first ``size`` bytes are those from offset ``base`` of the file.
    """

    descriptor: int
    window: Bytes
    base: int
    size: int

    @property
    def data(self) -> Bytes:
        """The bytes."""
        return self.window[: self.size]


def note_framing(notices: NoticeCounter, counters: npt.NDArray[np.int64]) -> None:
    """Say what was odd about the records of a file, from the counters of a :class:`Position`."""
    notices.add("not_a_packet", counters[kernel.NO_PACKETS])
    notices.add("carried_time", counters[kernel.CARRIED])
    notices.add("unknown_blocks", counters[kernel.UNKNOWN_BLOCKS])


class Framing(Protocol):
    """What the readers ask of a format. ``version`` changes when blocks change how the rest is framed."""

    @property
    def version(self) -> int: ...
    @property
    def linktypes(self) -> set[int]: ...

    def frame(self, data: Bytes, base: int, position: Position, end: int, room: Room) -> None:
        """Frame from ``position`` on, which moves, into the free rows of ``room``; ``base``: offset of ``data``."""
        ...

    def read(self, reach: Reach, position: Position, end: int, room: Room, options: Options) -> None:
        """Frame and decode from ``position`` to the offset ``end``, moving on the window; decoder's ``options``.

        It may stop before: where the room is full, and for the reasons of :mod:`flowmap.kernels.stretches`.
        """
        ...

    def find(self, data: Bytes, base: int, end: int) -> int:
        """Where a record probably begins in data that begin at offset ``base`` of the file; -1: no idea."""
        ...

    def renew(self, data: Bytes, position: Position) -> None:
        """Take the block that brought ``NEW_STATE``."""
        ...

    def snapshot(self) -> Framing:
        """The same in its present state, for a thread that reads ahead."""
        ...


class PcapFraming:
    """One pcap file.

    Parameters
    ----------
    container : Container
        What its header says.
    head : bytes
        The beginning of the file with its first records.
    seekable : bool
        False for a stream: then, as in Wireshark, the variants without a magic number of their own are not looked for.
    """

    def __init__(self, container: Container, head: bytes, seekable: bool = True) -> None:
        order = ">" if head[0] in (0xA1, 0x1C) else "<"
        major, minor = struct.unpack_from(order + "HH", head, 4)
        swapped = kernel.LENGTHS_AS_NOW
        if (major, minor) == (2, 3):
            swapped = kernel.LENGTHS_MAYBE_SWAPPED
        elif major == 543 or (major == 2 and minor < 3):
            swapped = kernel.LENGTHS_SWAPPED
        header_bytes = header_bytes_of(container, head, order) if seekable else 16
        magic = struct.unpack_from(order + "II", head)
        self._layout = np.array(
            [order == ">", header_bytes, container.fraction_ns, swapped, container.linktype, *magic], np.int64
        )
        self._held_layout = held(self._layout, Int64)
        at = container.header_bytes
        self._about_s = struct.unpack_from(order + "I", head, at)[0] if len(head) >= at + 4 else 0
        self.version = 0
        self.linktypes = {container.linktype}

    def frame(self, data: Bytes, base: int, position: Position, end: int, room: Room) -> None:
        """Frame from ``position`` on; see :class:`Framing`."""
        room.framed, position.at, position.status = kernel.frame_pcap(
            data, base, position.at, end, self._held_layout, room.rows, room.framed, position.counters
        )
        position.reason = _pcap_reason(data, position, self._layout)

    def read(self, reach: Reach, position: Position, end: int, room: Room, options: Options) -> None:
        """Frame and decode on; see :class:`Framing`."""
        position.status, reach.base, position.at, reach.size, room.framed, room.count = read_pcap(
            reach.descriptor, reach.window, reach.base, position.at, reach.size, end, self._held_layout,
            room.rows, room.framed, room.count, position.counters, options, room.tables, room.scratch,
        )  # fmt: skip
        room.keep_messages(reach.data)
        position.reason = _pcap_reason(reach.data, position, self._layout)

    def find(self, data: Bytes, base: int, end: int) -> int:
        """Guess where a record begins; see :class:`Framing`."""
        return int(guessing.find_pcap(data, 0, end, self._layout, self._about_s, CHAIN))

    def renew(self, data: Bytes, position: Position) -> None:
        """Nothing: a pcap file has one header."""

    def snapshot(self) -> PcapFraming:
        """Itself: its state never changes."""
        return self


def _pcap_reason(data: Bytes, position: Position, layout: npt.NDArray[np.int64]) -> str:
    if position.status == kernel.PACKET_TOO_LONG:
        order = ">" if layout[kernel.BIG_ENDIAN] else "<"
        place = 12 if layout[kernel.SWAPPED] else 8
        at = position.at + place
        (captured,) = struct.unpack(order + "I", data[at : at + 4].tobytes())
        return f"says that it holds {captured} bytes, which is larger than {kernel.MAX_PACKET_BYTES}"
    if position.status == kernel.SECOND_FILE:
        return "is the header of a second capture file"
    return "is cut short" if position.status == kernel.CUT else ""


class PcapngFraming:
    """One pcapng file; the first section header has not been taken yet.

    Parameters
    ----------
    max_interfaces : int
        Interfaces whose names are kept.
    """

    def __init__(self, max_interfaces: int) -> None:
        self.sections = Sections(max_interfaces)

    @property
    def version(self) -> int:
        """Of the sections."""
        return self.sections.version

    @property
    def linktypes(self) -> set[int]:
        """Of all interfaces so far."""
        return self.sections.linktypes

    def frame(self, data: Bytes, base: int, position: Position, end: int, room: Room) -> None:
        """Frame from ``position`` on; see :class:`Framing`."""
        section, interfaces = self.sections.section, self.sections.interfaces
        while True:
            room.framed, position.at, position.status = kernel.frame_pcapng(
                data, base, position.at, end, section, interfaces, room.rows, room.framed, position.counters
            )
            if position.status != kernel.BLOCK:
                position.reason = _block_reason(data, position, section)
                return
            self._pass_block(data, position, section)
            if position.status != kernel.BLOCK:
                return

    def read(self, reach: Reach, position: Position, end: int, room: Room, options: Options) -> None:
        """Frame and decode on; see :class:`Framing`."""
        section, interfaces = self.sections.section, self.sections.interfaces
        while True:
            position.status, reach.base, position.at, reach.size, room.framed, room.count = read_pcapng(
                reach.descriptor, reach.window, reach.base, position.at, reach.size, end, section, interfaces,
                room.rows, room.framed, room.count, position.counters, options, room.tables, room.scratch,
            )  # fmt: skip
            room.keep_messages(reach.data)
            if position.status != kernel.BLOCK or room.count < room.framed:
                position.reason = _block_reason(reach.data, position, section)
                return
            self._pass_block(reach.data, position, section)
            if position.status != kernel.BLOCK:
                return

    def _pass_block(self, data: Bytes, position: Position, section: npt.NDArray[np.int64]) -> None:
        """Pass a block beside the packets, or stop at it with another status."""
        order = ">" if section[kernel.SECTION_BIG_ENDIAN] else "<"
        block = _whole_block(data, position, order)
        if block is None:
            return
        kind = int.from_bytes(block[:4], "big" if order == ">" else "little")
        try:
            if kind in (SECTION, INTERFACE):
                position.status = NEW_STATE
                return
            check_trailer(block, order)
            if kind == STATISTICS:
                found = statistics_drops(block, order)
                if found is not None and found[0] < section[kernel.INTERFACES]:
                    position.drops[int(section[kernel.FIRST_INTERFACE]) + found[0]] = found[1]
            elif kind == NAMES:
                check_names(block, order)
            else:
                check_secrets(block, order)
            position.at += len(block)
        except BadBlock as error:
            position.status, position.reason = DAMAGED, str(error)

    def find(self, data: Bytes, base: int, end: int) -> int:
        """Guess where a block begins; see :class:`Framing`."""
        return int(guessing.find_pcapng(data, -base % 4, end, self.sections.section[0], CHAIN))

    def renew(self, data: Bytes, position: Position) -> None:
        """Take the section header or interface description at ``position``."""
        block = _whole_block(data, position, self.sections.order)
        if block is None:
            return
        try:
            if block[:4] == b"\x0a\x0d\x0d\x0a":
                check_trailer(block, order_of(block))
                self.sections.begin_section(block)
            else:
                check_trailer(block, self.sections.order)
                self.sections.add_interface(block)
            position.at += len(block)
            position.status = kernel.FULL
        except BadBlock as error:
            position.status, position.reason = DAMAGED, str(error)

    def snapshot(self) -> PcapngFraming:
        """A copy that a later block does not change."""
        copied = PcapngFraming(0)
        copied.sections = replace(self.sections)
        return copied


def _whole_block(data: Bytes, position: Position, order: str) -> bytes | None:
    """The block at ``position``; None, with the status saying why, where it is not whole in the data."""
    head = data[position.at : position.at + 12].tobytes()
    try:
        length = block_length(head, order_of(head) if head[:4] == b"\x0a\x0d\x0d\x0a" else order)
    except BadBlock as error:
        position.status, position.reason = DAMAGED, str(error)
        return None
    if len(data) - position.at < length:
        position.counters[kernel.WANTED] = position.at + length
        position.status, position.reason = kernel.CUT, "is cut short"
        return None
    return data[position.at : position.at + length].tobytes()


_BLOCK_REASONS = {
    kernel.CUT: "is cut short",
    kernel.PACKET_TOO_LONG: f"holds a packet that is larger than {kernel.MAX_PACKET_BYTES} bytes",
    kernel.BLOCK_LENGTH: "states a length that no such block can have",
    kernel.LENGTHS_DIFFER: "states two different lengths",
    kernel.PACKET_BEYOND_BLOCK: "holds a packet that is longer than the block",
    kernel.OPTION_BEYOND_BLOCK: "has an option that goes on behind it",
    kernel.OPTION_LENGTH: "has an option of a wrong length",
}


def _block_reason(data: Bytes, position: Position, section: npt.NDArray[np.int64]) -> str:
    if position.status == kernel.NO_INTERFACE:
        order = ">" if section[kernel.SECTION_BIG_ENDIAN] else "<"
        kind, number = struct.unpack(order + "I4xI", data[position.at : position.at + 12].tobytes())
        if kind == SIMPLE:
            return "is a simple packet before any IDBs of its section"
        if kind == OLD_PACKET:
            (number,) = struct.unpack(order + "H", data[position.at + 8 : position.at + 10].tobytes())
        return f"names interface index {number}, which its section has not described"
    return _BLOCK_REASONS.get(position.status, "")
