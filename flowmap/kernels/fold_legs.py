"""Columns to legs: the compiled form of :class:`flowmap.fold.plain.PlainFold`, which says what each step is for."""

from __future__ import annotations

from flowmap.kernels import fold_layout as at
from flowmap.kernels import kernel
from flowmap.kernels.fold_layout import Columns, Flags, Limits, Table, Words
from flowmap.kernels.fold_marks import directed, five_tuple_tag, index_tag, leg_mark
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
from flowmap.kernels.words import int64
from flowmap.packets import FIN, NO_TIME, RST, SCTP, SYN, TCP, UDP

_HALF = 0xFFFF_FFFF
_HANDSHAKE = SYN | FIN | RST
_ETHERNET_HEADER_BYTES = 14


@kernel
def find_leg(base: Words, index: Words, keys: Words, k: int, tag: int) -> int:
    """The base row with the key of row ``k``; -1 when there is none."""
    mask = len(index) - 1
    slot = tag & mask
    while index[slot] != 0:
        entry = index[slot]
        if (entry >> 32) & _HALF == tag:
            row = (entry & _HALF) - 1
            same = True
            for word in range(at.PACKETS):
                same &= base[row, word] == keys[k, word]
            if same:
                return int64(row)
        slot = (slot + 1) & mask
    return -1


@kernel
def make_leg(base: Words, index: Words, counters: Words, keys: Words, k: int, tag: int) -> int:
    """A new base row with the key of row ``k``, and no packets yet."""
    row = counters[at.LEGS]
    counters[at.LEGS] = row + 1
    mask = len(index) - 1
    slot = tag & mask
    while index[slot] != 0:
        slot = (slot + 1) & mask
    index[slot] = (tag << 32) | (row + 1)
    for word in range(at.PACKETS):
        base[row, word] = keys[k, word]
    base[row, at.PACKETS] = 0
    return int64(row)


@kernel
def count_five_tuple(table: Table, k: int, partition: int, cap: int) -> None:
    """Count the 5-tuple of a packet that is looked up once, exactly up to the partition's cap."""
    partitions, five_tuples = table.partitions, table.five_tuples
    if partitions[partition, at.FIVE_TUPLES_FULL]:
        return
    tag = table.scratch[k, at.FIVE_TUPLE_TAG]
    mask = len(five_tuples) - 1
    slot = (tag >> 32) & mask
    while five_tuples[slot] != 0:
        if five_tuples[slot] == tag:
            return
        slot = (slot + 1) & mask
    if partitions[partition, at.FIVE_TUPLES_HERE] >= cap:
        partitions[partition, at.FIVE_TUPLES_FULL] = 1
        return
    partitions[partition, at.FIVE_TUPLES_HERE] += 1
    table.counters[at.FIVE_TUPLES] += 1
    five_tuples[slot] = tag


@kernel
def copy_window(ip_id: int, payload: int, flags: int, limits: Limits) -> int:
    """How long after a packet an equal one counts as its copy; -1 where copies cannot be told."""
    if ip_id > 0:
        return limits.copy_window_ns
    if payload > 0 or (flags >= 0 and flags & _HANDSHAKE):
        return limits.copy_window_no_id_ns
    return -1


@kernel
def start_leg(
    base: Words, row: int, time_ns: int, wire: int, payload: int, packet_hash: int, single: int, facts: int, frame: int
) -> None:
    """Write what the first packet of a leg says."""
    base[row, at.PACKETS] = 1
    base[row, at.WIRE_BYTES] = wire
    base[row, at.PAYLOAD_BYTES] = payload
    base[row, at.FIRST_SEEN] = time_ns
    base[row, at.LAST_SEEN] = packet_hash
    base[row, at.EXTENSION] = single
    base[row, at.FACTS] = facts
    base[row, at.FIRST_FRAME] = frame


@kernel
def count_on_leg(base: Words, row: int, time_ns: int, wire: int, payload: int, ttl: int) -> None:
    """Add a later packet to the sums of a leg."""
    base[row, at.PACKETS] += 1
    base[row, at.WIRE_BYTES] += wire
    base[row, at.PAYLOAD_BYTES] += payload
    if time_ns != NO_TIME:
        if base[row, at.FIRST_SEEN] == NO_TIME or time_ns < base[row, at.FIRST_SEEN]:
            base[row, at.FIRST_SEEN] = time_ns
        base[row, at.LAST_SEEN] = max(base[row, at.LAST_SEEN], time_ns)
    facts = base[row, at.FACTS]
    low, high = facts & at.TTL_MASK, (facts >> at.TTL_BITS) & at.TTL_MASK
    if ttl + 1 < low or ttl + 1 > high:
        both = min(low, ttl + 1) | (max(high, ttl + 1) << at.TTL_MAX_SHIFT)
        base[row, at.FACTS] = (facts & ~((1 << at.VERSION_SHIFT) - 1)) | both


@kernel
def collect(
    columns: Columns, marks: Words, partition: Flags, mine: Flags, scratch: Words, secrets: Words, start: int
) -> tuple[int, int]:
    """Write the keys and hashes of the next packets of this table; how many, and where to go on."""
    src_ip, dst_ip, src_port, dst_port = columns.src_ip, columns.dst_ip, columns.src_port, columns.dst_port
    protocol, ttl, packet_hash = columns.protocol, columns.ttl, columns.packet_hash
    src_mac, dst_mac, vlan, outer_vlan = columns.src_mac, columns.dst_mac, columns.vlan, columns.outer_vlan
    point, tunnel = columns.point, columns.tunnel
    count, i = 0, start
    while i < len(marks) and count < at.CHUNK:
        if mine[partition[i]] != 0:
            six = directed(
                src_ip[i, 0], src_ip[i, 1], int64(src_port[i]),
                dst_ip[i, 0], dst_ip[i, 1], int64(dst_port[i]), int64(protocol[i]),
            )  # fmt: skip
            key = scratch[count]
            key[0], key[1], key[2], key[3] = six[0], six[1], six[2], six[3]
            key[at.ENDS] = six[4] | (six[5] << at.FORWARD_SHIFT) | ((int64(vlan[i]) + 1) << at.VLAN_SHIFT)
            key[at.SOURCE] = (src_mac[i] + 1) | ((int64(outer_vlan[i]) + 1) << at.MAC_BITS)
            key[at.DESTINATION] = dst_mac[i] + 1
            key[at.PLACE] = int64(point[i]) | ((int64(tunnel[i]) + 1) << 32)
            mark = leg_mark(marks[i], key[at.ENDS], key[at.SOURCE], key[at.DESTINATION], key[at.PLACE])
            key[at.BATCH_ROW] = i
            key[at.TAG] = index_tag(scratch, count, secrets)
            key[at.MARK] = packet_mark(mark, packet_hash[i], int64(ttl[i]))
            count += 1
        i += 1
    return count, i


@kernel
def look_up(table: Table, partition: Flags, packet_hash: Words, count: int) -> None:
    """Find the legs of the packets collected, before any of them is counted.

    Memory takes a hundred times longer to answer than a packet takes to count. Loops that do nothing but touch the rows
    let the processor wait for many of them at once.
    """
    scratch, base, index, extensions = table.scratch, table.base, table.leg_index, table.extensions
    recent, five_tuples = table.recent, table.five_tuples
    mask, touched = len(index) - 1, 0
    for k in range(count):
        scratch[k, at.FOUND] = index[scratch[k, at.TAG] & mask]
    for k in range(count):
        touched += recent[recent_line(int64(partition[scratch[k, at.BATCH_ROW]]), scratch[k, at.MARK]), 0]
    for k in range(count):
        row = (scratch[k, at.FOUND] & _HALF) - 1
        if row >= 0:
            touched += base[row, 0] + base[row, at.PACKETS]
    for k in range(count):
        scratch[k, at.FOUND] = find_leg(base, index, scratch, k, scratch[k, at.TAG])
    for k in range(count):
        row = scratch[k, at.FOUND]
        if row < 0:
            tag = five_tuple_tag(scratch, k, table.secrets)
            scratch[k, at.FIVE_TUPLE_TAG] = tag
            touched += five_tuples[(tag >> 32) & (len(five_tuples) - 1)]
        elif base[row, at.FACTS] & at.EXTENDED_BIT:
            touched += extensions[base[row, at.EXTENSION], 0]
    for k in range(count):
        row = scratch[k, at.FOUND]
        if row >= 0 and base[row, at.FACTS] & at.EXTENDED_BIT:
            e = base[row, at.EXTENSION]
            if is_sampled(extensions, e, packet_hash[scratch[k, at.BATCH_ROW]]):
                touched += extensions[e, at.SKETCH_COUNT] + extensions[e, at.SKETCH_HASH]
                touched += extensions[e, at.SKETCH_TIME] + extensions[e, at.SKETCH_FRAME]
    scratch[0, at.TOUCHED] = touched


@kernel
def recent_line(partition: int, mark: int) -> int:
    """Where a packet stands in the recent-packet table."""
    return partition * at.RECENT_BUCKETS + ((mark >> 4) & (at.RECENT_BUCKETS - 1))


@kernel
def place_packet(columns: Columns, i: int, k: int, place: int, table: Table, limits: Limits) -> int:
    """The leg of a packet that had none at look-up: perhaps made since, perhaps made here; -1 when there is no room."""
    tag = table.scratch[k, at.TAG]
    row = find_leg(table.base, table.leg_index, table.scratch, k, tag)
    if row >= 0:
        return row
    protocol = columns.protocol[i]
    if columns.src_port[i] >= 0 and (protocol == TCP or protocol == UDP or protocol == SCTP):
        count_five_tuple(table, k, place, limits.five_tuples)
    if table.partitions[place, at.LEGS_HERE] >= limits.legs:
        table.counters[at.OTHER_PACKETS] += 1
        table.counters[at.OTHER_WIRE] += _ETHERNET_HEADER_BYTES + columns.ip_bytes[i]
        table.counters[at.OTHER_PAYLOAD] += columns.payload_bytes[i]
        return -1
    table.partitions[place, at.LEGS_HERE] += 1
    return make_leg(table.base, table.leg_index, table.counters, table.scratch, k, tag)


@kernel
def count_found(
    columns: Columns, partition: Flags, table: Table, count: int, packets_before: int, limits: Limits
) -> None:
    """Count the packets that were looked up, in their order."""
    time_ns, ip_bytes, payload_bytes = columns.time_ns, columns.ip_bytes, columns.payload_bytes
    ip_version, protocol, ttls, ip_id = columns.ip_version, columns.protocol, columns.ttl, columns.ip_id
    tcp_flags, tcp_seq, packet_hash = columns.tcp_flags, columns.tcp_seq, columns.packet_hash
    frame_bytes, captured_bytes, frame_number = columns.frame_bytes, columns.captured_bytes, columns.frame_number
    scratch, base, extensions, recent = table.scratch, table.base, table.extensions, table.recent
    for k in range(count):
        i, row = scratch[k, at.BATCH_ROW], scratch[k, at.FOUND]
        place = int64(partition[i])
        if ip_version[i] == 0:
            scratch[k, at.FIVE_TUPLE_TAG] = five_tuple_tag(scratch, k, table.secrets)
            count_five_tuple(table, k, place, limits.five_tuples)
            continue
        if row < 0:
            row = place_packet(columns, i, k, place, table, limits)
            if row < 0:
                continue
        time, payload, seq, ttl = time_ns[i], payload_bytes[i], tcp_seq[i], int64(ttls[i])
        flags, wire = int64(tcp_flags[i]), _ETHERNET_HEADER_BYTES + ip_bytes[i]
        window = copy_window(int64(ip_id[i]), payload, flags, limits)
        before = 0
        if window >= 0:
            mark = scratch[k, at.MARK]
            before = copies_before(recent, recent_line(place, mark), mark, time, window)
        truncated = 1 if captured_bytes[i] < frame_bytes[i] else 0
        if base[row, at.PACKETS] == 0:
            single = (seq + 1) | ((flags + 1) << at.FLAGS_SHIFT) | (truncated << at.TRUNCATED_SHIFT)
            facts = (
                (ttl + 1)
                | ((max(ttl, 0) + 1) << at.TTL_MAX_SHIFT)
                | (int64(ip_version[i]) << at.VERSION_SHIFT)
                | ((packets_before + i) << at.ORDER_SHIFT)
            )
            start_leg(base, row, time, wire, payload, packet_hash[i], single, facts, frame_number[i])
            continue
        if base[row, at.FACTS] & at.EXTENDED_BIT:
            e = base[row, at.EXTENSION]
        else:
            e = new_extension(base, row, extensions, table.counters, limits.slice_ns)
        if before:
            count_copy(extensions, e, before)
            continue
        if not is_current_slice(extensions, e, time, limits.slice_ns):
            change_slice(
                table.slices, table.slice_owners, table.counters, base, row, extensions, e, time, limits.slice_ns
            )
        if truncated:
            extensions[e, at.TRUNCATED] += 1
        count_on_leg(base, row, time, wire, payload, ttl)
        if protocol[i] == TCP and seq >= 0:
            follow_sequence(extensions, e, seq, flags, payload)
        sample(extensions, e, packet_hash[i], time, ttl, frame_number[i])


@kernel
def fold_batch(
    columns: Columns, marks: Words, partition: Flags, table: Table, mine: Flags, packets_before: int, limits: Limits
) -> None:
    """Fold the packets of one table's partitions.

    The caller has made room for as many new legs, extensions, 5-tuples and twice as many visits as there are packets.

    Parameters
    ----------
    marks : int64 (n,)
    partition : uint8 (n,)
        As :func:`flowmap.kernels.fold_marks.mark_packets` writes them.
    mine : uint8 (256,)
        1 for each partition of this table.
    packets_before : int
        Packets in the batches before, for the order of legs.
    """
    i = int64(0)
    while i < len(marks):
        count, i = collect(columns, marks, partition, mine, table.scratch, table.secrets, i)
        look_up(table, partition, columns.packet_hash, count)
        count_found(columns, partition, table, count, packets_before, limits)
