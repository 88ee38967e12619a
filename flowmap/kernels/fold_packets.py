"""What a packet changes on a leg that has an extension row: sequence range, sketch, copies."""

from __future__ import annotations

from flowmap.kernels import fold_layout as at
from flowmap.kernels import kernel
from flowmap.kernels.fold_layout import Words
from flowmap.kernels.fold_marks import mixed
from flowmap.kernels.fold_slices import bucket_of, start_of
from flowmap.kernels.words import int64
from flowmap.packets import ACK, FIN, NO_TIME, RST, SYN, TCP

_WRAP, _HALF_WRAP = 1 << 32, 1 << 31


@kernel
def follow_sequence(extensions: Words, e: int, seq: int, flags: int, payload: int) -> None:
    """Keep the unwrapped sequence range of the first connection, and count initial SYNs."""
    flags = max(flags, 0)
    is_syn = 1 if flags & SYN else 0
    if is_syn and seq != extensions[e, at.LAST_SYN]:
        extensions[e, at.LAST_SYN] = seq
        if flags & ACK:
            extensions[e, at.SYNS] |= 1
        else:
            extensions[e, at.SYNS] += 2
        if extensions[e, at.SYN_SEQ] < 0:
            extensions[e, at.SYN_SEQ] = seq
    last_syn = extensions[e, at.LAST_SYN]
    if (last_syn != -1 and last_syn != extensions[e, at.SYN_SEQ]) or flags & RST:
        return
    last = extensions[e, at.SEQ_LAST]
    if last < 0:
        last = seq + _WRAP
    start = last + ((seq - last + _HALF_WRAP) & (_WRAP - 1)) - _HALF_WRAP
    extensions[e, at.SEQ_LAST] = start
    low = extensions[e, at.SEQ_LOW]
    if low < 0 or start < low:
        extensions[e, at.SEQ_LOW] = start
    end = start + payload + is_syn + (1 if flags & FIN else 0)
    extensions[e, at.SEQ_HIGH] = max(extensions[e, at.SEQ_HIGH], end)


@kernel
def is_sampled(extensions: Words, e: int, packet_hash: int) -> bool:
    """Whether a packet's hash may be among the smallest of its leg."""
    return bool(packet_hash ^ NO_TIME <= extensions[e, at.SKETCH_LIMIT])


@kernel
def sample(extensions: Words, e: int, packet_hash: int, time_ns: int, ttl: int, frame: int) -> None:
    """Keep the packet if its hash is among the leg's smallest; a later equal packet changes nothing."""
    if not is_sampled(extensions, e, packet_hash):
        return
    count = extensions[e, at.SKETCH_COUNT]
    place = 0
    for j in range(count):
        known = extensions[e, at.SKETCH_HASH + j]
        if known == packet_hash:
            return
        if known ^ NO_TIME < packet_hash ^ NO_TIME:
            place = j + 1
    kept = min(count + 1, at.SKETCH_SIZE)
    for j in range(kept - 1, place, -1):
        extensions[e, at.SKETCH_HASH + j] = extensions[e, at.SKETCH_HASH + j - 1]
        extensions[e, at.SKETCH_TIME + j] = extensions[e, at.SKETCH_TIME + j - 1]
        extensions[e, at.SKETCH_FRAME + j] = extensions[e, at.SKETCH_FRAME + j - 1]
    extensions[e, at.SKETCH_HASH + place] = packet_hash
    extensions[e, at.SKETCH_TIME + place] = time_ns
    extensions[e, at.SKETCH_FRAME + place] = (frame << at.TTL_BITS) | (ttl + 1)
    extensions[e, at.SKETCH_COUNT] = kept
    if kept == at.SKETCH_SIZE:
        extensions[e, at.SKETCH_LIMIT] = extensions[e, at.SKETCH_HASH + at.SKETCH_SIZE - 1] ^ NO_TIME


@kernel
def new_extension(base: Words, row: int, extensions: Words, counters: Words, slice_ns: int) -> int:
    """An extension row for a leg at its second packet, told what the first packet means."""
    facts, single = base[row, at.FACTS], base[row, at.EXTENSION]
    e = counters[at.EXTENSIONS]
    counters[at.EXTENSIONS] = e + 1
    for word in range(at.SKETCH_HASH):
        extensions[e, word] = -1 if word <= at.SYN_SEQ else 0
    first, packet_hash = base[row, at.FIRST_SEEN], base[row, at.LAST_SEEN]
    extensions[e, at.SKETCH_LIMIT] = ~NO_TIME
    extensions[e, at.SLICE_STATE] = at.ONE_BUCKET
    extensions[e, at.SLICE_START] = start_of(bucket_of(first, slice_ns), slice_ns)
    extensions[e, at.TRUNCATED] = (single >> at.TRUNCATED_SHIFT) & 1
    base[row, at.FACTS] = facts | at.EXTENDED_BIT
    base[row, at.EXTENSION] = e
    base[row, at.LAST_SEEN] = first
    replay(base, row, extensions, e, packet_hash, single)
    return int64(e)


@kernel
def replay(base: Words, row: int, extensions: Words, e: int, packet_hash: int, single: int) -> None:
    """Follow and sample the only packet of a base row."""
    seq = (single & ((1 << at.SEQ_BITS) - 1)) - 1
    protocol = ((base[row, at.ENDS] >> at.PROTOCOL_SHIFT) & 511) - 1
    if protocol == TCP and seq >= 0:
        flags = ((single >> at.FLAGS_SHIFT) & 511) - 1
        follow_sequence(extensions, e, seq, flags, base[row, at.PAYLOAD_BYTES])
    ttl = (base[row, at.FACTS] & at.TTL_MASK) - 1  # the smallest of one
    sample(extensions, e, packet_hash, base[row, at.FIRST_SEEN], ttl, base[row, at.FIRST_FRAME])


@kernel
def copies_before(recent: Words, line: int, mark: int, time_ns: int, window_ns: int) -> int:
    """How often this packet stood on its leg within the window; notes that it did once more.

    Parameters
    ----------
    recent : int64 (lines, 8)
        Four entries a line, the newest first: fingerprint with the count in its lower 4 bits, and time.
    """
    fingerprint = mark & ~at.COUNT_MASK
    for entry in range(0, at.RECENT_WORDS, 2):
        known = recent[line, entry]
        if known == 0:
            break
        if known & ~at.COUNT_MASK == fingerprint:
            seen = recent[line, entry + 1]
            if seen == NO_TIME or time_ns == NO_TIME:
                within = seen == time_ns
            else:
                within = abs(time_ns - seen) <= window_ns
            count = known & at.COUNT_MASK
            if within:
                recent[line, entry] = fingerprint | min(count + 1, at.MOST_COPIES)
                return int64(count)
            recent[line, entry] = fingerprint | 1
            recent[line, entry + 1] = time_ns
            return 0
    for word in range(at.RECENT_WORDS - 1, 1, -1):
        recent[line, word] = recent[line, word - 2]
    recent[line, 0] = fingerprint | 1
    recent[line, 1] = time_ns
    return 0


@kernel
def packet_mark(leg: int, packet_hash: int, ttl: int) -> int:
    """The identity of a packet on its leg; the lower 4 bits are not part of it."""
    return mixed(leg + packet_hash * at.MIX_2 + ttl)


@kernel
def count_copy(extensions: Words, e: int, count: int) -> None:
    """Move a packet that stood ``count`` times on the leg one place up in the histogram."""
    extensions[e, at.DUPLICATES] += 1
    if count < at.COPIES_KEPT:
        if count > 1:
            extensions[e, at.COPIES + ((count - 2) >> 1)] -= 1 << (((count - 2) & 1) * 32)
        extensions[e, at.COPIES + ((count - 1) >> 1)] += 1 << (((count - 1) & 1) * 32)
