"""Keys and hashes of packets: the fixed ones of :mod:`flowmap.fold.marks` and the keyed ones of the index tables."""

from __future__ import annotations

from flowmap.kernels import kernel
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
    Columns,
    Flags,
    Ports,
    Words,
)
from flowmap.kernels.words import int64
from flowmap.packets import FIRST_FRAGMENT, LATER_FRAGMENT, NO_TIME

Six = tuple[int, int, int, int, int, int]
"""Address halves of the lower and the higher end, ports with protocol, and 1 when the packet goes up."""

_HALF = 0xFFFF_FFFF
_MIN = NO_TIME
"""The sign bit: flipped on both sides, a signed comparison is an unsigned one."""


@kernel
def mixed(value: int) -> int:
    """Spread every bit over the upper and the lower half."""
    value ^= (value >> 32) & _HALF
    value *= MIX_1
    value ^= (value >> 29) & 0x7_FFFF_FFFF
    value *= MIX_2
    return value ^ ((value >> 32) & _HALF)


@kernel
def product(word: int, low: int, high: int) -> int:
    """One term of a pair-multiply-shift hash (Thorup, High Speed Hashing for Integers and Strings, 2015)."""
    return ((word & _HALF) + low) * (((word >> 32) & _HALF) + high)


@kernel
def directed(
    src_high: int, src_low: int, src_port: int, dst_high: int, dst_low: int, dst_port: int, protocol: int
) -> Six:
    """A packet's 5-tuple, the lower end first, and its direction."""
    if src_high != dst_high:
        forward = (src_high ^ _MIN) < (dst_high ^ _MIN)
    elif src_low != dst_low:
        forward = (src_low ^ _MIN) < (dst_low ^ _MIN)
    else:
        forward = src_port <= dst_port
    if forward:
        ends = (src_port + 1) | ((dst_port + 1) << PORT_BITS) | ((protocol + 1) << PROTOCOL_SHIFT)
        return src_high, src_low, dst_high, dst_low, ends, 1
    ends = (dst_port + 1) | ((src_port + 1) << PORT_BITS) | ((protocol + 1) << PROTOCOL_SHIFT)
    return dst_high, dst_low, src_high, src_low, ends, 0


@kernel
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


@kernel
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


@kernel
def index_tag(keys: Words, row: int, secrets: Words) -> int:
    """The keyed hash that finds a leg, 32 bits: nobody who does not know the secrets can make many legs share one."""
    total = (
        product(keys[row, 0], secrets[0], secrets[1])
        + product(keys[row, 1], secrets[2], secrets[3])
        + product(keys[row, 2], secrets[4], secrets[5])
        + product(keys[row, 3], secrets[6], secrets[7])
        + product(keys[row, 4], secrets[8], secrets[9])
        + product(keys[row, 5], secrets[10], secrets[11])
        + product(keys[row, 6], secrets[12], secrets[13])
        + product(keys[row, 7], secrets[14], secrets[15])
    )
    return (total >> 32) & _HALF


@kernel
def five_tuple_tag(keys: Words, row: int, secrets: Words) -> int:
    """A keyed hash of a key's 5-tuple, 64 bits and never 0.

    Two of eight million 5-tuples are equal in one of a million captures.
    """
    ends = keys[row, ENDS] & FIVE_TUPLE_MASK
    upper = (
        product(keys[row, 0], secrets[0], secrets[1])
        + product(keys[row, 1], secrets[2], secrets[3])
        + product(keys[row, 2], secrets[4], secrets[5])
        + product(keys[row, 3], secrets[6], secrets[7])
        + product(ends, secrets[8], secrets[9])
    )
    lower = (
        product(keys[row, 0], secrets[20], secrets[21])
        + product(keys[row, 1], secrets[22], secrets[23])
        + product(keys[row, 2], secrets[24], secrets[25])
        + product(keys[row, 3], secrets[26], secrets[27])
        + product(ends, secrets[28], secrets[29])
    )
    tag = (upper & ~_HALF) | ((lower >> 32) & _HALF)
    return tag if tag != 0 else 1


@kernel
def rebuild(old: Words, new: Words) -> None:
    """Put the entries of an index into a larger, empty one: each has its hash in its upper half."""
    mask = len(new) - 1
    for entry in old:
        if entry != 0:
            slot = ((entry >> 32) & _HALF) & mask
            while new[slot] != 0:
                slot = (slot + 1) & mask
            new[slot] = entry


@kernel
def give_ports(columns: Columns, src_port: Ports, dst_port: Ports, table: Words) -> None:
    """Give later fragments the ports of their first one (RFC 791 3.2, RFC 8200 4.5), where that is still known.

    Parameters
    ----------
    src_port, dst_port : int32 (n,)
        Copies of the columns, changed here.
    table : int64 (65536, 2)
        Identity and ports of first fragments; a new one takes the place of an old one.
    """
    for i in range(len(columns.fragment)):
        if columns.fragment[i] == 0 or columns.ip_version[i] == 0:
            continue
        mark = int64(columns.point[i]) | ((int64(columns.tunnel[i]) + 1) << 32)
        mark = mixed(mark ^ columns.src_ip[i, 0]) + MIX_2
        mark = mixed(mark ^ columns.src_ip[i, 1]) + MIX_2
        mark = mixed(mark ^ columns.dst_ip[i, 0]) + MIX_2
        mark = mixed(mark ^ columns.dst_ip[i, 1]) + MIX_2
        last = (int64(columns.protocol[i]) + 1) | ((int64(columns.vlan[i]) + 1) << 16)
        mark = mixed(mark ^ (last | ((int64(columns.ip_id[i]) + 1) << 32))) + MIX_2
        slot = mark & (FRAGMENT_SLOTS - 1)
        if columns.fragment[i] == FIRST_FRAGMENT and src_port[i] >= 0:
            table[slot, 0] = mark
            table[slot, 1] = (int64(src_port[i]) + 1) | ((int64(dst_port[i]) + 1) << PORT_BITS)
        elif columns.fragment[i] == LATER_FRAGMENT and table[slot, 1] != 0 and table[slot, 0] == mark:
            src_port[i] = (table[slot, 1] & ((1 << PORT_BITS) - 1)) - 1
            dst_port[i] = (table[slot, 1] >> PORT_BITS) - 1


@kernel
def mark_packets(columns: Columns, marks: Words, partition: Flags, totals: Words, points: Words) -> None:
    """Hash each packet's conversation, and sum what needs no leg.

    Parameters
    ----------
    marks : int64 (n,)
        Conversation hashes, written here.
    partition : uint8 (n,)
        The same for partitions; ``NO_PARTITION`` where no table has to look.
    totals : int64 (7,)
        Frame, wire and captured bytes, packets without IP, first and last time, points seen; added to.
    points : int64 (points, 5)
        Packets, truncated ones, first and last time, and order of appearance + 1 of each capture point; added to.

    """
    seen = totals[6]
    first, last = totals[4], totals[5]
    src_ip, dst_ip, src_port, dst_port = columns.src_ip, columns.dst_ip, columns.src_port, columns.dst_port
    protocol, point_of, time_ns = columns.protocol, columns.point, columns.time_ns
    captured, frame, wire, ip_version = (
        columns.captured_bytes,
        columns.frame_bytes,
        columns.wire_bytes,
        columns.ip_version,
    )
    frame_bytes, wire_bytes, captured_bytes, no_ip = 0, 0, 0, 0
    for i in range(len(marks)):
        point, time = int64(point_of[i]), time_ns[i]
        frame_bytes += frame[i]
        wire_bytes += wire[i]
        captured_bytes += captured[i]
        if points[point, 4] == 0:
            seen += 1
            points[point, 4] = seen
            points[point, 2] = points[point, 3] = NO_TIME
        points[point, 0] += 1
        if captured[i] < frame[i]:
            points[point, 1] += 1
        if time != NO_TIME:
            if points[point, 2] == NO_TIME or time < points[point, 2]:
                points[point, 2] = time
            points[point, 3] = max(points[point, 3], time)
            if first == NO_TIME or time < first:
                first = time
            last = max(last, time)
        without_ip = ip_version[i] == 0
        no_ip += without_ip
        if without_ip and src_port[i] < 0:
            partition[i] = NO_PARTITION
            continue
        mark = conversation_mark(
            directed(
                src_ip[i, 0], src_ip[i, 1], int64(src_port[i]),
                dst_ip[i, 0], dst_ip[i, 1], int64(dst_port[i]), int64(protocol[i]),
            )
        )  # fmt: skip
        marks[i] = mark
        partition[i] = (mark >> 58) & 63
    totals[0] += frame_bytes
    totals[1] += wire_bytes
    totals[2] += captured_bytes
    totals[3] += no_ip
    totals[4], totals[5], totals[6] = first, last, seen
