"""Columns to legs: the compiled form of :class:`flowmap.fold.plain.PlainFold`, which says what each step is for.

Rows are found by unsigned numbers, which spares the compiled code the question whether one is negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flowmap.kernels import entry, inlined, kernel
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Bytes, Int64, Rows
from flowmap.kernels.fold_layout import Limits, Table
from flowmap.kernels.fold_marks import (
    conversation_mark,
    directed,
    five_tuple_tag,
    index_tag,
    is_left_out,
    leg_mark,
    slot_after,
    slot_of,
    sum_rows,
)
from flowmap.kernels.fold_packets import (
    copies_before,
    count_copy,
    follow_sequence,
    is_sampled,
    new_extension,
    packet_mark,
    sample,
)
from flowmap.kernels.fold_slices import change_slice, is_current_slice
from flowmap.kernels.frames import Frames
from flowmap.kernels.prefetch import prefetch
from flowmap.kernels.words import int64
from flowmap.packets import FIN, NO_TIME, RST, SCTP, SYN, TCP, UDP

_HALF = 0xFFFF_FFFF
_HANDSHAKE = SYN | FIN | RST
_ETHERNET_HEADER_BYTES = 14


@inlined
def find_leg(base: Rows, index: Int64, key: Int64) -> int:
    """The base row with this key; -1 when there is none."""
    slots, tag = len(index), key[at.TAG]
    slot = slot_of(tag, slots)
    found = index[np.uint64(slot)]
    while found != 0:
        if (found >> 32) & _HALF == tag:
            row = (found & _HALF) - 1
            leg = base[np.uint64(row)]
            differing = (leg[0] ^ key[0]) | (leg[1] ^ key[1]) | (leg[2] ^ key[2]) | (leg[3] ^ key[3])
            differing |= (leg[4] ^ key[4]) | (leg[5] ^ key[5]) | (leg[6] ^ key[6]) | (leg[7] ^ key[7])
            if differing == 0:
                return int64(row)
        slot = slot_after(slot, slots)
        found = index[np.uint64(slot)]
    return -1


@kernel
def note_leg(index: Int64, tag: int, row: int) -> None:
    """Have the index find a base row by the hash of its key."""
    slots = len(index)
    slot = slot_of(tag, slots)
    while index[slot] != 0:
        slot = slot_after(slot, slots)
    index[slot] = (tag << 32) | (row + 1)


@entry
def index_legs(base: Rows, legs: int, secrets: Int64, index: Int64) -> None:
    """Fill an empty index with the first ``legs`` rows."""
    for row in range(legs):
        note_leg(index, index_tag(base[row], secrets), row)


@kernel
def make_leg(base: Rows, index: Int64, counters: Int64, key: Int64) -> int:
    """A new base row with this key, and no packets yet."""
    row = counters[at.LEGS]
    counters[at.LEGS] = row + 1
    note_leg(index, key[at.TAG], row)
    for word in range(at.PACKETS):
        base[row, word] = key[word]
    base[row, at.PACKETS] = 0
    return int64(row)


@kernel
def count_five_tuple(table: Table, tag: int, partition: int, cap: int) -> None:
    """Count the 5-tuple with this tag once, exactly up to the partition's cap."""
    partitions, five_tuples = table.partitions, table.five_tuples
    if partitions[partition, at.FIVE_TUPLES_FULL]:
        return
    slots = len(five_tuples)
    slot = slot_of((tag >> 32) & _HALF, slots)
    while five_tuples[slot] != 0:
        if five_tuples[slot] == tag:
            return
        slot = slot_after(slot, slots)
    if partitions[partition, at.FIVE_TUPLES_HERE] >= cap:
        partitions[partition, at.FIVE_TUPLES_FULL] = 1
        return
    partitions[partition, at.FIVE_TUPLES_HERE] += 1
    table.counters[at.FIVE_TUPLES] += 1
    five_tuples[slot] = tag


@inlined
def copy_window(ip_id: int, payload: int, flags: int, limits: Limits) -> int:
    """How long after a packet an equal one counts as its copy; -1 where copies cannot be told."""
    if ip_id > 0:
        return limits.copy_window_ns
    if payload > 0 or (flags >= 0 and flags & _HANDSHAKE):
        return limits.copy_window_no_id_ns
    return -1


@kernel
def start_leg(leg: Int64, frame: Any, order: int) -> None:
    """Write what the first packet of a leg says."""
    flags, ttl = int64(frame.tcp_flags), int64(frame.ttl)
    truncated = int64(frame.captured_bytes < frame.frame_bytes)
    leg[at.PACKETS] = 1
    leg[at.WIRE_BYTES] = _ETHERNET_HEADER_BYTES + frame.ip_bytes
    leg[at.PAYLOAD_BYTES] = frame.payload_bytes
    leg[at.FIRST_SEEN] = frame.time_ns
    leg[at.LAST_SEEN] = frame.packet_hash
    leg[at.EXTENSION] = (frame.tcp_seq + 1) | ((flags + 1) << at.FLAGS_SHIFT) | (truncated << at.TRUNCATED_SHIFT)
    leg[at.FACTS] = (
        (ttl + 1)
        | ((max(ttl, 0) + 1) << at.TTL_MAX_SHIFT)
        | (int64(frame.ip_version) << at.VERSION_SHIFT)
        | (order << at.ORDER_SHIFT)
    )
    leg[at.FIRST_FRAME] = frame.frame_number


@inlined
def count_on_leg(leg: Int64, time_ns: int, wire: int, payload: int, ttl: int) -> None:
    """Add a later packet to the sums of a leg."""
    leg[at.PACKETS] += 1
    leg[at.WIRE_BYTES] += wire
    leg[at.PAYLOAD_BYTES] += payload
    if time_ns != NO_TIME:
        if leg[at.FIRST_SEEN] == NO_TIME or time_ns < leg[at.FIRST_SEEN]:
            leg[at.FIRST_SEEN] = time_ns
        leg[at.LAST_SEEN] = max(leg[at.LAST_SEEN], time_ns)
    facts = leg[at.FACTS]
    low, high = facts & at.TTL_MASK, (facts >> at.TTL_BITS) & at.TTL_MASK
    if ttl + 1 < low or ttl + 1 > high:
        both = min(low, ttl + 1) | (max(high, ttl + 1) << at.TTL_MAX_SHIFT)
        leg[at.FACTS] = (facts & ~((1 << at.VERSION_SHIFT) - 1)) | both


@kernel
def collect(
    frames: Frames, marks: Int64, partition: Bytes, mine: Bytes, is_marked: int, scratch: Rows, secrets: Int64,
    start: int, end: int,
) -> tuple[int, int]:  # fmt: skip
    """Write the keys and hashes of the next packets of this table before ``end``; how many, and where to go on."""
    count, i = 0, start
    while i < end and count < at.CHUNK:
        frame = frames[np.uint64(i)]
        if is_marked:
            is_mine = mine[np.uint64(partition[np.uint64(i)])] != 0
        else:
            is_mine = not is_left_out(frame)
        if is_mine:
            key = scratch[np.uint64(count)]
            six = directed(
                frame.src_high, frame.src_low, int64(frame.src_port),
                frame.dst_high, frame.dst_low, int64(frame.dst_port), int64(frame.protocol),
            )  # fmt: skip
            conversation = marks[np.uint64(i)] if is_marked else conversation_mark(six)
            place = (conversation >> 58) & 63
            ends = six[4] | (six[5] << at.FORWARD_SHIFT) | ((int64(frame.vlan) + 1) << at.VLAN_SHIFT)
            source = (frame.src_mac + 1) | ((int64(frame.outer_vlan) + 1) << at.MAC_BITS)
            destination = frame.dst_mac + 1
            point = int64(frame.point) | ((int64(frame.tunnel) + 1) << 32)
            key[0], key[1], key[2], key[3] = six[0], six[1], six[2], six[3]
            key[at.ENDS], key[at.SOURCE], key[at.DESTINATION], key[at.PLACE] = ends, source, destination, point
            key[at.BATCH_ROW] = i
            key[at.TAG] = index_tag(key, secrets)
            mark = leg_mark(conversation, ends, source, destination, point)
            mark = packet_mark(mark, frame.packet_hash, int64(frame.ttl))
            key[at.MARK], key[at.PARTITION] = mark, place
            key[at.LINE] = recent_line(place, mark)
            count += 1
        i += 1
    return count, i


@kernel
def look_up(table: Table, frames: Frames, count: int) -> None:
    """Find the legs of the packets collected, before any of them is counted.

    Memory takes a hundred times longer to answer than a packet takes to count. So each loop only asks for what the next
    one reads: places in the index, legs, their extensions, their sketches.
    """
    scratch, base, index, extensions = table.scratch, table.base, table.leg_index, table.extensions
    five_tuples = table.five_tuples
    slots = len(index)
    for k in range(count):
        key = scratch[np.uint64(k)]
        prefetch(index, slot_of(key[at.TAG], slots))
        prefetch(table.recent, key[at.LINE])
    for k in range(count):
        row = (index[np.uint64(slot_of(scratch[np.uint64(k), at.TAG], slots))] & _HALF) - 1
        if row >= 0:
            leg = base[np.uint64(row)]
            prefetch(leg, 0)
            prefetch(leg, at.PACKETS)
    for k in range(count):
        key = scratch[np.uint64(k)]
        row = find_leg(base, index, key)
        key[at.FOUND] = row
        if row < 0:
            tag = five_tuple_tag(key, table.secrets)
            key[at.FIVE_TUPLE_TAG] = tag
            prefetch(five_tuples, slot_of((tag >> 32) & _HALF, len(five_tuples)))
            continue
        leg = base[np.uint64(row)]
        if leg[at.FACTS] & at.EXTENDED_BIT:
            prefetch(extensions[np.uint64(leg[at.EXTENSION])], 0)
    for k in range(count):
        key = scratch[np.uint64(k)]
        row = key[at.FOUND]
        if row >= 0:
            leg = base[np.uint64(row)]
            if leg[at.FACTS] & at.EXTENDED_BIT:
                x = extensions[np.uint64(leg[at.EXTENSION])]
                if is_sampled(x, frames[np.uint64(key[at.BATCH_ROW])].packet_hash):
                    prefetch(x, at.SKETCH_COUNT)
                    prefetch(x, at.SKETCH_HASH)
                    prefetch(x, at.SKETCH_TIME)
                    prefetch(x, at.SKETCH_FRAME)


@inlined
def recent_line(partition: int, mark: int) -> int:
    """Where a packet stands in the recent-packet table."""
    return partition * at.RECENT_BUCKETS + ((mark >> 4) & (at.RECENT_BUCKETS - 1))


@kernel
def place_packet(frame: Any, key: Int64, place: int, table: Table, limits: Limits) -> int:
    """The leg of a packet that had none at look-up: perhaps made since, perhaps made here; -1 when there is no room."""
    row = find_leg(table.base, table.leg_index, key)
    if row >= 0:
        return row
    protocol = frame.protocol
    if frame.src_port >= 0 and (protocol == TCP or protocol == UDP or protocol == SCTP):
        count_five_tuple(table, key[at.FIVE_TUPLE_TAG], place, limits.five_tuples)
    if table.partitions[place, at.LEGS_HERE] >= limits.legs:
        table.counters[at.OTHER_PACKETS] += 1
        table.counters[at.OTHER_WIRE] += _ETHERNET_HEADER_BYTES + frame.ip_bytes
        table.counters[at.OTHER_PAYLOAD] += frame.payload_bytes
        return -1
    table.partitions[place, at.LEGS_HERE] += 1
    return make_leg(table.base, table.leg_index, table.counters, key)


@kernel
def count_found(frames: Frames, table: Table, count: int, packets_before: int, limits: Limits) -> None:
    """Count the packets that were looked up, in their order."""
    scratch, base, extensions, recent = table.scratch, table.base, table.extensions, table.recent
    for k in range(count):
        key = scratch[np.uint64(k)]
        i, row = key[at.BATCH_ROW], key[at.FOUND]
        frame = frames[np.uint64(i)]
        if frame.ip_version == 0:
            tag = five_tuple_tag(key, table.secrets)
            count_five_tuple(table, tag, key[at.PARTITION], limits.five_tuples)
            continue
        if row < 0:
            row = place_packet(frame, key, key[at.PARTITION], table, limits)
            if row < 0:
                continue
        leg = base[np.uint64(row)]
        time, payload, flags = frame.time_ns, frame.payload_bytes, int64(frame.tcp_flags)
        window = copy_window(int64(frame.ip_id), payload, flags, limits)
        before = 0
        if window >= 0:
            before = copies_before(recent[np.uint64(key[at.LINE])], key[at.MARK], time, window)
        if leg[at.PACKETS] == 0:
            start_leg(leg, frame, packets_before + i)
            continue
        if leg[at.FACTS] & at.EXTENDED_BIT:
            e = leg[at.EXTENSION]
        else:
            e = new_extension(leg, extensions, table.counters, limits.slice_ns)
        x = extensions[np.uint64(e)]
        if before:
            count_copy(x, before)
            continue
        if not is_current_slice(x, time, limits.slice_ns):
            change_slice(table.slices, table.slice_owners, table.counters, base, row, x, time, limits.slice_ns)
        if frame.captured_bytes < frame.frame_bytes:
            x[at.TRUNCATED] += 1
        ttl = int64(frame.ttl)
        count_on_leg(leg, time, _ETHERNET_HEADER_BYTES + frame.ip_bytes, payload, ttl)
        if frame.protocol == TCP and frame.tcp_seq >= 0:
            follow_sequence(x, frame.tcp_seq, flags, payload)
        if is_sampled(x, frame.packet_hash):
            sample(x, frame.packet_hash, time, ttl, frame.frame_number)


@entry
def fold_batch(
    frames: Frames, count: int, marks: Int64, partition: Bytes, table: Table, mine: Bytes, packets_before: int,
    limits: Limits, totals: Int64, points: Rows, is_marked: int,
) -> None:  # fmt: skip
    """Fold the packets of one table's partitions.

    The caller has made room for as many new legs, extensions, 5-tuples and twice as many visits as there are packets.

    Parameters
    ----------
    frames : Frames
        With n rows or more.
    count : int
        n.
    marks : int64 (n,) or (0,)
    partition : uint8 (n,) or (0,)
        As :func:`flowmap.kernels.fold_marks.mark_packets` writes them.
    mine : uint8 (256,)
        1 for each partition of this table.
    packets_before : int
        Packets in the batches before, for the order of legs.
    totals, points
        Of ``sum_packets``.
    is_marked : int
        0 where neither was called: a table that owns all partitions marks, sums and folds a few rows at a time, while
        they are in the processor's cache.
    """
    i = int64(0)
    while i < count:
        end = count
        if not is_marked:
            end = min(i + at.CHUNK, end)
            sum_rows(frames, i, end, totals, points)
        collected, i = collect(frames, marks, partition, mine, is_marked, table.scratch, table.secrets, i, end)
        look_up(table, frames, collected)
        count_found(frames, table, collected, packets_before, limits)
