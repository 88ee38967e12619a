"""From the bytes of a pcap or pcapng file to one row a frame, without looking into packets.

What is a record and what is damage follows Wireshark 4.0 (wiretap/libpcap.c, wiretap/pcapng.c), so that a file gives
the same frames whoever reads it. No length is believed before it was held against the end of the data.
"""

from __future__ import annotations

import numpy as np

from flowmap.kernels import entry, kernel
from flowmap.kernels.arrays import Bytes, Int64, Rows
from flowmap.kernels.frames import Frames
from flowmap.packets import NO_TIME

MAX_PACKET_BYTES = 262_144
MAX_BLOCK_BYTES = 134_348_832
"""What Wireshark accepts."""

MAX_WIRE_BYTES = 0x7FFF_FFFF
"""A longer original length is a lie; Wireshark shows this one for it."""


# --- why a kernel came back
AT_END, FULL, CUT, SECOND_FILE, PACKET_TOO_LONG, BLOCK = range(6)
"""At or behind the end; rows used up; the record goes on behind the data; another pcap header; a captured length beyond
every limit; a block that is not read here."""
BLOCK_LENGTH, LENGTHS_DIFFER, NO_INTERFACE, PACKET_BEYOND_BLOCK, OPTION_BEYOND_BLOCK, OPTION_LENGTH = range(6, 12)
"""Damage in a pcapng block."""

# --- counters, an int64 array that is carried from call to call
FRAME, NO_PACKETS, WANTED, CARRIED, UNKNOWN_BLOCKS = range(5)
"""Frame numbers given so far; those of them that are no packets; with ``CUT`` the end of the record as far as known;
times whose fraction was beyond a second and was carried; blocks of a kind that is not known."""
COUNTERS = 5

# --- layout of a pcap file, an int64 array
BIG_ENDIAN, HEADER_BYTES, FRACTION_NS, SWAPPED, LINKTYPE = range(5)
LENGTHS_AS_NOW, LENGTHS_SWAPPED, LENGTHS_MAYBE_SWAPPED = range(3)
"""Before version 2.4 the two lengths stood, or may have stood, the other way round."""
MAGIC_LOW, MAGIC_HIGH = 5, 6
"""The first eight bytes of the file as two numbers in its byte order: they mark a second file behind the first."""

# --- an interface of a pcapng section, a row of int64
IF_LINKTYPE, IF_SNAPLEN, IF_UNITS, IF_OFFSET_S = range(4)
IF_WORDS = 4
"""``IF_UNITS`` a second, the bits of an unsigned number; 0 where the interface states none that can be meant."""
# --- a pcapng section, an int64 array
SECTION_BIG_ENDIAN, FIRST_INTERFACE, INTERFACES = range(3)

_SECTION, _INTERFACE, _PACKET, _SIMPLE, _NAMES, _STATISTICS, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
_JOURNAL, SECRETS, _CUSTOM, _CUSTOM_NO_COPY = 9, 10, 0x0BAD, 0x4000_0BAD
_SYSTEM_CALL, _SYSTEM_CALL_2, _SYSTEM_CALL_LARGE = 0x204, 0x216, 0x221
_NETFLIX = 10_949
"""An enterprise number whose custom blocks Wireshark knows: type 1 and 2 become frames, others do not."""
_COMMON_UNITS = 1_000_000
_LAST_SECOND, _LAST_NS = 9_223_372_036, 854_775_807


@kernel
def word16(data: Bytes, at: int, big: int) -> int:
    """Two bytes from ``at`` as int64."""
    i = np.uint64(at)
    one, two = np.int64(data[i]), np.int64(data[i + np.uint64(1)])
    return int(one << 8 | two) if big else int(two << 8 | one)


@kernel
def word32(data: Bytes, at: int, big: int) -> int:
    """Four bytes from ``at`` as int64, never negative."""
    i = np.uint64(at)
    one, two = np.int64(data[i]), np.int64(data[i + np.uint64(1)])
    three, four = np.int64(data[i + np.uint64(2)]), np.int64(data[i + np.uint64(3)])
    if big:
        return int(one << 24 | two << 16 | three << 8 | four)
    return int(four << 24 | three << 16 | two << 8 | one)


@kernel
def pcap_time(seconds: int, fraction: int, fraction_ns: int) -> int:
    """Nanoseconds since 1970 of two unsigned 32-bit fields.

    Wireshark keeps the fraction as a signed 32-bit number of nanoseconds: a negative one is no time, and one beyond a
    second is carried.
    """
    ns = (fraction * fraction_ns) & 0xFFFF_FFFF
    return NO_TIME if ns > 0x7FFF_FFFF else seconds * 1_000_000_000 + ns


@kernel
def pcapng_time(ticks: int, units: int, offset_s: int) -> int:
    """Nanoseconds since 1970 of the 64 bits of a time stamp; the arithmetic is unsigned and wraps as Wireshark's."""
    if units == 0:
        return NO_TIME
    if units == _COMMON_UNITS and 0 <= ticks and offset_s == 0:
        seconds, ns = ticks // 1_000_000, ticks % 1_000_000 * 1000
    else:
        whole, part = np.uint64(ticks), np.uint64(units)
        seconds = int(np.int64(whole // part)) + offset_s
        ns = int(np.int64((whole % part) * np.uint64(1_000_000_000) // part))
    if seconds < 0 or seconds > _LAST_SECOND or (seconds == _LAST_SECOND and ns > _LAST_NS):
        return NO_TIME
    return seconds * 1_000_000_000 + ns


@entry
def frame_pcap(
    data: Bytes, base: int, at: int, end: int, layout: Int64, frames: Frames, filled: int, counters: Int64
) -> tuple[int, int, int]:
    """Frame the records that begin before ``end``, as long as rows last.

    Parameters
    ----------
    data : uint8 (m,)
        The file or a window of it. Nothing outside is read.
    base : int
        Offset of the window in the file.
    at, end : int
        Where the first record begins, and where no further one is begun.
    layout : int64 (7,)
        ``BIG_ENDIAN`` to ``MAGIC_HIGH``.
    frames : Frames
        Takes the rows from ``filled`` on.
    counters : int64 (COUNTERS,)
        ``FRAME`` to ``UNKNOWN_BLOCKS``.

    Returns
    -------
    tuple of int
        Rows filled, where the next record begins, and why it came back (``AT_END`` ... ``PACKET_TOO_LONG``).
    """
    size, capacity = len(data), len(frames)
    big, header, fraction_ns, swapped = layout[BIG_ENDIAN], layout[HEADER_BYTES], layout[FRACTION_NS], layout[SWAPPED]
    linktype, magic_low, magic_high = layout[LINKTYPE], layout[MAGIC_LOW], layout[MAGIC_HIGH]
    number = counters[FRAME]
    status = FULL
    while filled < capacity:
        if at >= end:
            status = AT_END
            break
        if size - at < header:
            counters[WANTED] = at + header
            status = CUT
            break
        seconds, fraction = word32(data, at, big), word32(data, at + 4, big)
        captured, original = word32(data, at + 8, big), word32(data, at + 12, big)
        if seconds == magic_low and fraction == magic_high:
            status = SECOND_FILE
            break
        if swapped == LENGTHS_SWAPPED or (swapped == LENGTHS_MAYBE_SWAPPED and captured > original):
            captured, original = original, captured
        if captured > MAX_PACKET_BYTES:
            status = PACKET_TOO_LONG
            break
        if size - at - header < captured:
            counters[WANTED] = at + header + captured
            status = CUT
            break
        number += 1
        frame = frames[np.uint64(filled)]
        frame.offset = base + at + header
        frame.captured_bytes = captured
        frame.frame_bytes = min(original, MAX_WIRE_BYTES)
        frame.time_ns = pcap_time(seconds, fraction, fraction_ns)
        counters[CARRIED] += frame.time_ns >= (seconds + 1) * 1_000_000_000
        frame.timed = 0
        frame.interface = 0
        frame.linktype = linktype
        frame.frame_number = number
        filled += 1
        at += header + captured
    counters[FRAME] = number
    return filled, at, status


@kernel
def check_options(data: Bytes, at: int, end: int, big: int) -> int:
    """Walk the options of a packet block: ``FULL`` when they are sound, else what is wrong with them."""
    while at < end:
        if end - at < 4:
            return OPTION_BEYOND_BLOCK
        code, length = word16(data, at, big), word16(data, at + 2, big)
        at += 4
        if end - at < length + (-length & 3):
            return OPTION_BEYOND_BLOCK
        if code == 0:
            return FULL
        fixed = 4 if code == 2 or code == 6 else 8 if code == 4 or code == 5 else -1
        least = 4 if code in (2988, 2989, 19372, 19373) else 1 if code == 3 or code == 7 else 0
        if (fixed >= 0 and length != fixed) or length < least:
            return OPTION_LENGTH
        if code == 7 and 1 <= np.int64(data[np.uint64(at)]) <= 2 and length != 9:
            return OPTION_LENGTH
        at += length + (-length & 3)
    return FULL


@kernel
def frame_packet_block(
    data: Bytes,
    base: int,
    at: int,
    length: int,
    kind: int,
    section: Int64,
    interfaces: Rows,
    frames: Frames,
    row: int,
) -> int:
    """Fill a row from an enhanced or obsolete packet block that lies whole in the data; ``FULL`` or what is wrong."""
    big = section[SECTION_BIG_ENDIAN]
    if length < 32:
        return BLOCK_LENGTH
    interface = word32(data, at + 8, big) if kind == _ENHANCED else word16(data, at + 8, big)
    captured = word32(data, at + 20, big)
    padded = captured + (-captured & 3)
    if length - 32 < padded:
        return PACKET_BEYOND_BLOCK
    if interface >= section[INTERFACES]:
        return NO_INTERFACE
    if captured > MAX_PACKET_BYTES:
        return PACKET_TOO_LONG
    if length - 32 > padded:
        sound = check_options(data, at + 28 + padded, at + length - 4, big)
        if sound != FULL:
            return sound
    ticks = word32(data, at + 12, big) << 32 | word32(data, at + 16, big)
    frame = frames[np.uint64(row)]
    frame.offset = base + at + 28
    frame.captured_bytes = captured
    frame.frame_bytes = min(word32(data, at + 24, big), MAX_WIRE_BYTES)
    frame.time_ns = pcapng_time(ticks, interfaces[interface, IF_UNITS], interfaces[interface, IF_OFFSET_S])
    frame.timed = 0
    frame.interface = section[FIRST_INTERFACE] + interface
    frame.linktype = interfaces[interface, IF_LINKTYPE]
    return FULL


@kernel
def frame_simple_block(
    data: Bytes, base: int, at: int, length: int, section: Int64, interfaces: Rows, frames: Frames, row: int
) -> int:
    """The same for a simple packet block, which belongs to the section's first interface and has no time."""
    if length < 16:
        return BLOCK_LENGTH
    if section[INTERFACES] == 0:
        return NO_INTERFACE
    original = word32(data, at + 8, section[SECTION_BIG_ENDIAN])
    captured, snaplen = original, interfaces[0, IF_SNAPLEN]
    if captured > snaplen and snaplen != 0:
        captured = snaplen
    if captured > MAX_PACKET_BYTES:
        return PACKET_TOO_LONG
    if length - 16 < captured + (-captured & 3):
        return PACKET_BEYOND_BLOCK
    if length - 16 > captured + (-captured & 3):
        return LENGTHS_DIFFER  # Wireshark looks for the second length directly behind the packet
    frame = frames[np.uint64(row)]
    frame.offset = base + at + 12
    frame.captured_bytes = captured
    frame.frame_bytes = min(original, MAX_WIRE_BYTES)
    frame.time_ns = NO_TIME
    frame.timed = 1
    frame.interface = section[FIRST_INTERFACE]
    frame.linktype = interfaces[0, IF_LINKTYPE]
    return FULL


@kernel
def other_block(data: Bytes, at: int, length: int, kind: int, big: int) -> int:
    """A block without a packet: ``AT_END`` where Wireshark makes it a numbered frame, ``BLOCK`` where it passes it."""
    if kind == _CUSTOM or kind == _CUSTOM_NO_COPY:
        if length < 16 or (length < 20 and word32(data, at + 8, big) == _NETFLIX):
            return BLOCK_LENGTH
        if word32(data, at + 8, big) == _NETFLIX and not 1 <= word32(data, at + 12, 0) <= 2:
            return BLOCK
        return AT_END
    least = 36 if kind == _JOURNAL or kind == _SYSTEM_CALL else 40
    if kind == _JOURNAL or kind == _SYSTEM_CALL or kind == _SYSTEM_CALL_2 or kind == _SYSTEM_CALL_LARGE:
        return BLOCK_LENGTH if length < least else AT_END
    return BLOCK


@entry
def frame_pcapng(
    data: Bytes,
    base: int,
    at: int,
    end: int,
    section: Int64,
    interfaces: Rows,
    frames: Frames,
    filled: int,
    counters: Int64,
) -> tuple[int, int, int]:
    """Frame the packet blocks that begin before ``end``, as long as rows last; parameters as :func:`frame_pcap`.

    ``section`` is int64 (3,), ``interfaces`` int64 (k, 4) with at least as many rows as the section says. Unknown
    blocks are passed, blocks without packets that Wireshark numbers as frames are counted; at section headers,
    interface descriptions, statistics, names and secrets it comes back with ``BLOCK``.
    """
    size, capacity, big = len(data), len(frames), section[SECTION_BIG_ENDIAN]
    status = FULL
    while filled < capacity:
        if at >= end:
            status = AT_END
            break
        if size - at < 12:
            counters[WANTED] = at + 12
            status = CUT
            break
        kind, length = word32(data, at, big), word32(data, at + 4, big)
        length += -length & 3
        if kind == _SECTION:
            status = BLOCK
            break
        if length < 12 or length > MAX_BLOCK_BYTES:
            status = BLOCK_LENGTH
            break
        if size - at < length:
            counters[WANTED] = at + length
            status = CUT
            break
        if kind == _INTERFACE or kind == _STATISTICS or kind == _NAMES or kind == SECRETS:
            status = BLOCK
            break
        if kind == _ENHANCED or kind == _PACKET:
            found = frame_packet_block(data, base, at, length, kind, section, interfaces, frames, filled)
        elif kind == _SIMPLE:
            found = frame_simple_block(data, base, at, length, section, interfaces, frames, filled)
        else:
            found = other_block(data, at, length, kind, big)
        trailer = word32(data, at + length - 4, big)
        if found < CUT or found == BLOCK:
            found = LENGTHS_DIFFER if trailer + (-trailer & 3) != length else found
        if found == FULL:
            counters[FRAME] += 1
            frames[np.uint64(filled)].frame_number = counters[FRAME]
            filled += 1
        elif found == AT_END:
            counters[FRAME] += 1
            counters[NO_PACKETS] += 1
        elif found != BLOCK:
            status = found
            break
        else:
            counters[UNKNOWN_BLOCKS] += kind != _CUSTOM and kind != _CUSTOM_NO_COPY
        at += length
    return filled, at, status
