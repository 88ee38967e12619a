"""Rows of the tables to columns of legs, at the end."""

from __future__ import annotations

import numpy as np

from flowmap.kernels import entry, kernel
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Bytes, Int32, Int64, Rows
from flowmap.kernels.fold_layout import Table
from flowmap.kernels.fold_marks import five_tuple_tag, slot_after, slot_of
from flowmap.kernels.fold_packets import replay
from flowmap.kernels.fold_slices import bucket_of
from flowmap.kernels.words import int64

_HALF = 0xFFFF_FFFF

FACTS_OF_LEG = 16
"""The numbers of a Leg in the order of its fields: ip_version to seq_high."""


@entry
def find_conversations(table: Table, slots: Int32, heads: Int32, sums: Int64) -> int:
    """Give each leg the first leg of its 5-tuple, and that one what all of them sum to.

    Parameters
    ----------
    slots : int32 (slots,)
        Zeros; at least twice as many as legs.
    heads : int32 (legs,)
        The row of the first leg of each leg's conversation, written here.
    sums : int64 (legs,)
        -1 for each; the wire bytes of a conversation are written where its first leg stands.

    Returns
    -------
    int
        How many conversations there are.
    """
    base, count = table.base, 0
    for row in range(len(heads)):
        slot = slot_of((five_tuple_tag(base[row], table.secrets) >> 32) & _HALF, len(slots))
        while slots[slot] != 0:
            other = slots[slot] - 1
            if (
                base[other, 0] == base[row, 0]
                and base[other, 1] == base[row, 1]
                and base[other, 2] == base[row, 2]
                and base[other, 3] == base[row, 3]
                and (base[other, at.ENDS] ^ base[row, at.ENDS]) & at.FIVE_TUPLE_MASK == 0
            ):
                break
            slot = slot_after(slot, len(slots))
        if slots[slot] == 0:
            slots[slot] = row + 1
            sums[row] = 0
            count += 1
        heads[row] = slots[slot] - 1
        sums[heads[row]] += base[row, at.WIRE_BYTES]
    return count


@entry
def mark_kept(table: Table, heads: Int32, sums: Int64, least: int, latest: int, kept: Bytes) -> None:
    """Mark the legs of conversations with more bytes than ``least``, and of those with as many the earlier ones.

    Parameters
    ----------
    heads, sums
        Of ``find_conversations``.
    latest : int
        How many packets came before a conversation with ``least`` bytes that is kept, at most.
    kept : uint8 (legs,)
        1 or 0, written here.
    """
    for row in range(len(heads)):
        head = heads[row]
        as_early = table.base[head, at.FACTS] >> at.ORDER_SHIFT <= latest
        kept[row] = sums[head] > least or (sums[head] == least and as_early)


@kernel
def single_as_extension(table: Table, row: int, spare: Rows) -> int:
    """The extension row of a leg; for a leg of one packet, what it would be, in ``spare``."""
    if table.base[row, at.FACTS] & at.EXTENDED_BIT:
        return int64(table.base[row, at.EXTENSION])
    spare[0, :] = 0
    spare[0, : at.SYN_SEQ + 1] = -1
    spare[0, at.SKETCH_LIMIT] = np.iinfo(np.int64).max
    spare[0, at.SLICE_STATE] = at.ONE_BUCKET
    spare[0, at.TRUNCATED] = (table.base[row, at.EXTENSION] >> at.TRUNCATED_SHIFT) & 1
    replay(table.base[row], spare[0], table.base[row, at.LAST_SEEN], table.base[row, at.EXTENSION])
    return -1


@entry
def gather_legs(
    table: Table, places: Int32, spare: Rows, facts: Rows, copies: Rows, keys: Rows, sample_ends: Int64,
    slice_ends: Int64,
) -> None:  # fmt: skip
    """Write the numbers of each leg that is kept.

    Parameters
    ----------
    places : int32 (legs of this table,)
        Where each leg stands in the result; -1 when it is not kept.
    spare : int64 (1, 40)
        Room for one extension row.
    facts : int64 (16, legs of the result)
    copies : int64 (legs of the result, 8)
    keys : int64 (8, legs of the result)
        The words of the keys.
    sample_ends, slice_ends : int64 (legs of the result + 1,)
        How many samples and time buckets each leg has is written, or added, behind its place.
    """
    base = table.base
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            continue
        e = single_as_extension(table, row, spare)
        extension = spare[0] if e < 0 else table.extensions[e]
        packed = base[row, at.FACTS]
        for word in range(at.PACKETS):
            keys[word, place] = base[row, word]
        facts[0, place] = (packed >> at.VERSION_SHIFT) & 7
        for word in range(3):
            facts[1 + word, place] = base[row, at.PACKETS + word]
        facts[4, place], facts[5, place] = extension[at.DUPLICATES], extension[at.TRUNCATED]
        facts[6, place] = base[row, at.FIRST_SEEN]
        facts[7, place] = base[row, at.FIRST_SEEN] if e < 0 else base[row, at.LAST_SEEN]
        facts[8, place] = base[row, at.FIRST_FRAME]
        facts[9, place] = (packed & at.TTL_MASK) - 1
        facts[10, place] = ((packed >> at.TTL_MAX_SHIFT) & at.TTL_MASK) - 1
        facts[11, place] = extension[at.SYN_SEQ]
        facts[12, place], facts[13, place] = extension[at.SYNS] >> 1, extension[at.SYNS] & 1
        facts[14, place], facts[15, place] = extension[at.SEQ_LOW], extension[at.SEQ_HIGH]
        copies[place, 0] = base[row, at.PACKETS]
        for k in range(at.COPIES_KEPT - 1):
            copies[place, 1 + k] = (extension[at.COPIES + (k >> 1)] >> ((k & 1) * 32)) & _HALF
            copies[place, 0] -= copies[place, 1 + k]
        sample_ends[place + 1] = extension[at.SKETCH_COUNT]
        slice_ends[place + 1] += extension[at.SLICE_STATE] == at.ONE_BUCKET
    for number in range(table.counters[at.SLICES]):
        place = places[table.slice_owners[number]]
        if place >= 0:
            slice_ends[place + 1] += 1


@entry
def gather_samples(table: Table, places: Int32, spare: Rows, ends: Int64, samples: Rows) -> None:
    """Write the sketch of each leg that is kept.

    Parameters
    ----------
    ends : int64 (legs of the result + 1,)
        Where the samples of each leg start.
    samples : int64 (4, samples)
        Hash, time, TTL and frame number.
    """
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            continue
        e = single_as_extension(table, row, spare)
        extension = spare[0] if e < 0 else table.extensions[e]
        for j in range(extension[at.SKETCH_COUNT]):
            to = ends[place] + j
            samples[0, to] = extension[at.SKETCH_HASH + j]
            samples[1, to] = extension[at.SKETCH_TIME + j]
            samples[2, to] = (extension[at.SKETCH_FRAME + j] & at.TTL_MASK) - 1
            samples[3, to] = extension[at.SKETCH_FRAME + j] >> at.TTL_BITS


@entry
def gather_slices(table: Table, places: Int32, cursors: Int64, slices: Rows, slice_ns: int) -> None:
    """Write the time buckets of each leg that is kept.

    Parameters
    ----------
    cursors : int64 (legs of the result,)
        Where the next bucket of each leg goes; moved on here.
    slices : int64 (slices, 4)
        Bucket, packets, wire bytes and payload bytes.
    """
    for number in range(table.counters[at.SLICES]):
        place = places[table.slice_owners[number]]
        if place >= 0:
            for word in range(at.SLICE_WORDS):
                slices[cursors[place], word] = table.slices[number, word]
            cursors[place] += 1
    base = table.base
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            continue
        if (base[row, at.FACTS] & at.EXTENDED_BIT) == 0 or (
            table.extensions[base[row, at.EXTENSION], at.SLICE_STATE] == at.ONE_BUCKET
        ):
            out = slices[cursors[place]]
            out[0] = bucket_of(base[row, at.FIRST_SEEN], slice_ns)
            out[1], out[2], out[3] = base[row, at.PACKETS], base[row, at.WIRE_BYTES], base[row, at.PAYLOAD_BYTES]


@entry
def sum_dropped(table: Table, places: Int32, sums: Int64) -> None:
    """Add packets, wire and payload bytes and copies of the legs that are not kept to ``sums``, int64 (4,)."""
    for row in range(len(places)):
        if places[row] >= 0:
            continue
        for k in range(3):
            sums[k] += table.base[row, at.PACKETS + k]
        if table.base[row, at.FACTS] & at.EXTENDED_BIT:
            sums[3] += table.extensions[table.base[row, at.EXTENSION], at.DUPLICATES]
