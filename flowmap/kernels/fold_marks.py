"""Keys and hashes of packets: the fixed ones of :mod:`flowmap.fold.marks` and the keyed ones of the index tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowmap.kernels import entry, inlined, kernel
from flowmap.kernels.arrays import Bytes, Int64, Rows
from flowmap.kernels.fold_layout import (
    ADD_HIGH,
    ADD_LOW,
    ENDS,
    FIVE_TUPLE_MASK,
    FORWARD_SHIFT,
    FRAGMENT_SLOTS,
    MIX_1,
    MIX_2,
    NO_PARTITION,
    PORT_BITS,
    PROTOCOL_SHIFT,
)
from flowmap.kernels.frames import Frames
from flowmap.kernels.words import int64
from flowmap.packets import FIRST_FRAGMENT, LATER_FRAGMENT, NO_TIME

Six = tuple[int, int, int, int, int, int]
"""Address halves of the lower and the higher end, ports with protocol, and 1 when the packet goes up."""

_HALF = 0xFFFF_FFFF
_MIN = NO_TIME
"""The sign bit: flipped on both sides, a signed comparison is an unsigned one."""


@inlined
def mixed(value: int) -> int:
    """Spread every bit over the upper and the lower half."""
    value ^= (value >> 32) & _HALF
    value *= MIX_1
    value ^= (value >> 29) & 0x7_FFFF_FFFF
    value *= MIX_2
    return value ^ ((value >> 32) & _HALF)


@inlined
def product(word: int, low: int, high: int) -> int:
    """One term of a pair-multiply-shift hash (Thorup, High Speed Hashing for Integers and Strings, 2015)."""
    return ((word & _HALF) + low) * (((word >> 32) & _HALF) + high)


@inlined
def directed(
    src_high: int, src_low: int, src_port: int, dst_high: int, dst_low: int, dst_port: int, protocol: int
) -> Six:
    """A packet's 5-tuple, the lower end first, and its direction.

    Without a branch: which end is the lower one is as good as random, and a processor that guesses wrong every other
    time loses more than this costs.
    """
    by_high = int64(src_high ^ _MIN < dst_high ^ _MIN)
    by_low = int64(src_low ^ _MIN < dst_low ^ _MIN)
    by_port = int64(src_port <= dst_port)
    forward = by_high | (int64(src_high == dst_high) & (by_low | (int64(src_low == dst_low) & by_port)))
    swap = forward - 1  # all ones where the source is the upper end
    high, low, port = (src_high ^ dst_high) & swap, (src_low ^ dst_low) & swap, (src_port ^ dst_port) & swap
    ends = ((src_port ^ port) + 1) | (((dst_port ^ port) + 1) << PORT_BITS) | ((protocol + 1) << PROTOCOL_SHIFT)
    return src_high ^ high, src_low ^ low, dst_high ^ high, dst_low ^ low, ends, forward


@inlined
def conversation_mark(six: Six) -> int:
    """The fixed hash of a conversation; its upper 6 bits are the partition."""
    total = (
        product(six[0], ADD_LOW[0], ADD_HIGH[0])
        + product(six[1], ADD_LOW[1], ADD_HIGH[1])
        + product(six[2], ADD_LOW[2], ADD_HIGH[2])
        + product(six[3], ADD_LOW[3], ADD_HIGH[3])
        + product(six[4], ADD_LOW[4], ADD_HIGH[4])
    )
    return mixed(total)


@inlined
def leg_mark(conversation: int, ends: int, source: int, destination: int, place: int) -> int:
    """The fixed hash of a leg, from its conversation's and the other words of its key."""
    mark = (conversation ^ ((ends >> FORWARD_SHIFT) & 0x3FFF)) * MIX_1
    mark ^= (mark >> 32) & _HALF
    mark = (mark ^ source) * MIX_1
    mark ^= (mark >> 32) & _HALF
    mark = (mark ^ destination) * MIX_1
    mark ^= (mark >> 32) & _HALF
    mark = (mark ^ place) * MIX_1
    return mark ^ ((mark >> 32) & _HALF)


@inlined
def index_tag(key: Int64, secrets: Int64) -> int:
    """The keyed hash that finds a leg, 32 bits: nobody who does not know the secrets can make many legs share one."""
    total = (
        product(key[0], secrets[0], secrets[1])
        + product(key[1], secrets[2], secrets[3])
        + product(key[2], secrets[4], secrets[5])
        + product(key[3], secrets[6], secrets[7])
        + product(key[4], secrets[8], secrets[9])
        + product(key[5], secrets[10], secrets[11])
        + product(key[6], secrets[12], secrets[13])
        + product(key[7], secrets[14], secrets[15])
    )
    return (total >> 32) & _HALF


@kernel
def five_tuple_tag(key: Int64, secrets: Int64) -> int:
    """A keyed hash of a key's 5-tuple, 64 bits and never 0.

    Two of eight million 5-tuples are equal in one of a million captures.
    """
    ends = key[ENDS] & FIVE_TUPLE_MASK
    upper = (
        product(key[0], secrets[0], secrets[1])
        + product(key[1], secrets[2], secrets[3])
        + product(key[2], secrets[4], secrets[5])
        + product(key[3], secrets[6], secrets[7])
        + product(ends, secrets[8], secrets[9])
    )
    lower = (
        product(key[0], secrets[20], secrets[21])
        + product(key[1], secrets[22], secrets[23])
        + product(key[2], secrets[24], secrets[25])
        + product(key[3], secrets[26], secrets[27])
        + product(ends, secrets[28], secrets[29])
    )
    tag = (upper & ~_HALF) | ((lower >> 32) & _HALF)
    return tag if tag != 0 else 1


@inlined
def slot_of(hashed: int, slots: int) -> int:
    """Where an index of so many slots, fewer than 2**31, keeps what has this hash of 32 bits.

    A larger index keeps all in the same order, so :func:`rebuild` goes through both from front to back.
    """
    return (hashed * slots) >> 32


@inlined
def slot_after(slot: int, slots: int) -> int:
    """Where to look next; behind the last slot comes the first."""
    return slot + 1 if slot + 1 < slots else 0


@entry
def rebuild(old: Int64, new: Int64) -> None:
    """Put the entries of a part of an index into a larger one: each has its hash in its upper half."""
    slots = len(new)
    for found in old:
        if found != 0:
            slot = slot_of((found >> 32) & _HALF, slots)
            while new[slot] != 0:
                slot = slot_after(slot, slots)
            new[slot] = found


@entry
def give_ports(frames: Frames, count: int, table: Rows) -> None:
    """Give later fragments the ports of their first one (RFC 791 3.2, RFC 8200 4.5), where that is still known.

    Parameters
    ----------
    frames : Frames
        The ports of the first ``count`` rows are changed here.
    table : int64 (65536, 2)
        Identity and ports of first fragments; a new one takes the place of an old one.
    """
    for i in range(count):
        frame = frames[np.uint64(i)]
        if frame.fragment == 0 or frame.ip_version == 0:
            continue
        mark = int64(frame.point) | ((int64(frame.tunnel) + 1) << 32)
        mark = mixed(mark ^ frame.src_high) + MIX_2
        mark = mixed(mark ^ frame.src_low) + MIX_2
        mark = mixed(mark ^ frame.dst_high) + MIX_2
        mark = mixed(mark ^ frame.dst_low) + MIX_2
        last = (int64(frame.protocol) + 1) | ((int64(frame.vlan) + 1) << 16)
        mark = mixed(mark ^ (last | ((int64(frame.ip_id) + 1) << 32))) + MIX_2
        slot = mark & (FRAGMENT_SLOTS - 1)
        if frame.fragment == FIRST_FRAGMENT and frame.src_port >= 0:
            table[slot, 0] = mark
            table[slot, 1] = (int64(frame.src_port) + 1) | ((int64(frame.dst_port) + 1) << PORT_BITS)
        elif frame.fragment == LATER_FRAGMENT and table[slot, 1] != 0 and table[slot, 0] == mark:
            frame.src_port = (table[slot, 1] & ((1 << PORT_BITS) - 1)) - 1
            frame.dst_port = (table[slot, 1] >> PORT_BITS) - 1


@entry
def mark_packets(frames: Frames, marks: Int64, partition: Bytes) -> None:
    """Hash the conversation of each packet.

    Parameters
    ----------
    frames : Frames
        With n rows or more.
    marks : int64 (n,)
        Conversation hashes, written here.
    partition : uint8 (n,)
        The same for partitions; ``NO_PARTITION`` where no table has to look.
    """
    for number in range(len(marks)):
        i = np.uint64(number)
        frame = frames[i]
        if is_left_out(frame):
            partition[i] = NO_PARTITION
            continue
        mark = conversation_mark(
            directed(
                frame.src_high, frame.src_low, int64(frame.src_port),
                frame.dst_high, frame.dst_low, int64(frame.dst_port), int64(frame.protocol),
            )
        )  # fmt: skip
        marks[i] = mark
        partition[i] = (mark >> 58) & 63


@inlined
def is_left_out(frame: Any) -> bool:
    """Whether a packet is of no leg and no 5-tuple."""
    return bool(frame.ip_version == 0 and frame.src_port < 0)


@entry
def sum_packets(frames: Frames, count: int, totals: Int64, points: Rows) -> None:
    """:func:`sum_rows` for all rows of a batch."""
    sum_rows(frames, 0, count, totals, points)


@kernel
def sum_rows(frames: Frames, start: int, end: int, totals: Int64, points: Rows) -> None:
    """Sum what needs no leg of the packets from row ``start`` to ``end``.

    Parameters
    ----------
    totals : int64 (7,)
        Frame, wire and captured bytes, packets without IP, first and last time, points seen; added to.
    points : int64 (points, 5)
        Packets, truncated ones, first and last time, and order of appearance + 1 of each capture point; added to.
    """
    seen = totals[6]
    first, last = totals[4], totals[5]
    frame_bytes, wire_bytes, captured_bytes, no_ip = 0, 0, 0, 0
    for number in range(start, end):
        frame = frames[np.uint64(number)]
        time, captured, original = frame.time_ns, frame.captured_bytes, frame.frame_bytes
        point = points[np.uint64(frame.point)]
        frame_bytes += original
        wire_bytes += frame.wire_bytes
        captured_bytes += captured
        no_ip += frame.ip_version == 0
        if point[4] == 0:
            seen += 1
            point[4] = seen
            point[2] = point[3] = NO_TIME
        point[0] += 1
        point[1] += captured < original
        if time != NO_TIME:
            if point[2] == NO_TIME or time < point[2]:
                point[2] = time
            point[3] = max(point[3], time)
            if first == NO_TIME or time < first:
                first = time
            last = max(last, time)
    totals[0] += frame_bytes
    totals[1] += wire_bytes
    totals[2] += captured_bytes
    totals[3] += no_ip
    totals[4], totals[5], totals[6] = first, last, seen
