"""What a packet changes on a leg that has an extension row: sequence range, sketch, copies."""

from __future__ import annotations

import numpy as np

from flowmap.kernels import fold_layout as at
from flowmap.kernels import inlined, kernel
from flowmap.kernels.arrays import Int64, Rows
from flowmap.kernels.fold_marks import mixed
from flowmap.kernels.fold_slices import bucket_of, start_of
from flowmap.kernels.words import int64
from flowmap.packets import ACK, FIN, NO_TIME, RST, SYN, TCP

_WRAP, _HALF_WRAP = 1 << 32, 1 << 31


@inlined
def follow_sequence(x: Int64, seq: int, flags: int, payload: int) -> None:
    """Keep the unwrapped sequence range of the first connection, and count initial SYNs."""
    flags = max(flags, 0)
    is_syn = 1 if flags & SYN else 0
    if is_syn and seq != x[at.LAST_SYN]:
        x[at.LAST_SYN] = seq
        if flags & ACK:
            x[at.SYNS] |= 1
        else:
            x[at.SYNS] += 2
        if x[at.SYN_SEQ] < 0:
            x[at.SYN_SEQ] = seq
    last_syn = x[at.LAST_SYN]
    if (last_syn != -1 and last_syn != x[at.SYN_SEQ]) or flags & RST:
        return
    last = x[at.SEQ_LAST]
    if last < 0:
        last = seq + _WRAP
    start = last + ((seq - last + _HALF_WRAP) & (_WRAP - 1)) - _HALF_WRAP
    x[at.SEQ_LAST] = start
    low = x[at.SEQ_LOW]
    if low < 0 or start < low:
        x[at.SEQ_LOW] = start
    end = start + payload + is_syn + (1 if flags & FIN else 0)
    x[at.SEQ_HIGH] = max(x[at.SEQ_HIGH], end)


@inlined
def is_sampled(x: Int64, packet_hash: int) -> bool:
    """Whether a packet's hash may be among the smallest of its leg."""
    return bool(packet_hash ^ NO_TIME <= x[at.SKETCH_LIMIT])


@kernel
def sample(x: Int64, packet_hash: int, time_ns: int, ttl: int, frame: int) -> None:
    """Keep the packet if its hash is among the leg's smallest; a later equal packet changes nothing."""
    if not is_sampled(x, packet_hash):
        return
    count = x[at.SKETCH_COUNT]
    place = 0
    for j in range(count):
        known = x[at.SKETCH_HASH + j]
        if known == packet_hash:
            return
        if known ^ NO_TIME < packet_hash ^ NO_TIME:
            place = j + 1
    kept = min(count + 1, at.SKETCH_SIZE)
    for j in range(kept - 1, place, -1):
        x[at.SKETCH_HASH + j] = x[at.SKETCH_HASH + j - 1]
        x[at.SKETCH_TIME + j] = x[at.SKETCH_TIME + j - 1]
        x[at.SKETCH_FRAME + j] = x[at.SKETCH_FRAME + j - 1]
    x[at.SKETCH_HASH + place] = packet_hash
    x[at.SKETCH_TIME + place] = time_ns
    x[at.SKETCH_FRAME + place] = (frame << at.TTL_BITS) | (ttl + 1)
    x[at.SKETCH_COUNT] = kept
    if kept == at.SKETCH_SIZE:
        x[at.SKETCH_LIMIT] = x[at.SKETCH_HASH + at.SKETCH_SIZE - 1] ^ NO_TIME


@kernel
def new_extension(leg: Int64, extensions: Rows, counters: Int64, slice_ns: int) -> int:
    """An extension row for a leg at its second packet, told what the first packet means."""
    facts, single = leg[at.FACTS], leg[at.EXTENSION]
    e = counters[at.EXTENSIONS]
    counters[at.EXTENSIONS] = e + 1
    x = extensions[np.uint64(e)]
    for word in range(at.SKETCH_HASH):
        x[word] = -1 if word <= at.SYN_SEQ else 0
    first, packet_hash = leg[at.FIRST_SEEN], leg[at.LAST_SEEN]
    x[at.SKETCH_LIMIT] = ~NO_TIME
    x[at.SLICE_STATE] = at.ONE_BUCKET
    x[at.SLICE_START] = start_of(bucket_of(first, slice_ns), slice_ns)
    x[at.TRUNCATED] = (single >> at.TRUNCATED_SHIFT) & 1
    leg[at.FACTS] = facts | at.EXTENDED_BIT
    leg[at.EXTENSION] = e
    leg[at.LAST_SEEN] = first
    replay(leg, x, packet_hash, single)
    return int64(e)


@kernel
def replay(leg: Int64, x: Int64, packet_hash: int, single: int) -> None:
    """Follow and sample the only packet of a base row."""
    seq = (single & ((1 << at.SEQ_BITS) - 1)) - 1
    protocol = ((leg[at.ENDS] >> at.PROTOCOL_SHIFT) & 511) - 1
    if protocol == TCP and seq >= 0:
        flags = ((single >> at.FLAGS_SHIFT) & 511) - 1
        follow_sequence(x, seq, flags, leg[at.PAYLOAD_BYTES])
    ttl = (leg[at.FACTS] & at.TTL_MASK) - 1  # the smallest of one
    sample(x, packet_hash, leg[at.FIRST_SEEN], ttl, leg[at.FIRST_FRAME])


@inlined
def copies_before(recent: Int64, mark: int, time_ns: int, window_ns: int) -> int:
    """How often this packet stood on its leg within the window; notes that it did once more.

    Parameters
    ----------
    recent : int64 (8,)
        The packet's line: four entries, the newest first: fingerprint with the count in its lower 4 bits, and time.
    """
    fingerprint = mark & ~at.COUNT_MASK
    for entry in range(0, at.RECENT_WORDS, 2):
        known = recent[entry]
        if known == 0:
            break
        if known & ~at.COUNT_MASK == fingerprint:
            seen = recent[entry + 1]
            if seen == NO_TIME or time_ns == NO_TIME:
                within = seen == time_ns
            else:
                within = abs(time_ns - seen) <= window_ns
            count = known & at.COUNT_MASK
            if within:
                recent[entry] = fingerprint | min(count + 1, at.MOST_COPIES)
                return int64(count)
            recent[entry] = fingerprint | 1
            recent[entry + 1] = time_ns
            return 0
    for word in range(at.RECENT_WORDS - 1, 1, -1):
        recent[word] = recent[word - 2]
    recent[0] = fingerprint | 1
    recent[1] = time_ns
    return 0


@inlined
def packet_mark(leg: int, packet_hash: int, ttl: int) -> int:
    """The identity of a packet on its leg; the lower 4 bits are not part of it."""
    return mixed(leg + packet_hash * at.MIX_2 + ttl)


@kernel
def count_copy(x: Int64, count: int) -> None:
    """Move a packet that stood ``count`` times on the leg one place up in the histogram."""
    x[at.DUPLICATES] += 1
    if count < at.COPIES_KEPT:
        if count > 1:
            x[at.COPIES + ((count - 2) >> 1)] -= 1 << (((count - 2) & 1) * 32)
        x[at.COPIES + ((count - 1) >> 1)] += 1 << (((count - 1) & 1) * 32)
