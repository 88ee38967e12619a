"""Rows of the tables to columns of legs, at the end."""

from __future__ import annotations

import numpy as np

from flowmap.kernels import entry, kernel
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Int64, Rows
from flowmap.kernels.fold_layout import Table
from flowmap.kernels.fold_marks import five_tuple_tag
from flowmap.kernels.fold_packets import replay
from flowmap.kernels.fold_slices import bucket_of
from flowmap.kernels.words import int64

LEG_COLUMNS = 26
"""The numbers of a Leg in the order of its fields: ip_version to seq_high, copies, then samples and slices."""
SAMPLES_OF_LEG, SLICES_OF_LEG = 24, 25


@entry
def number_conversations(table: Table, slots: Int64, numbers: Int64, sums: Rows) -> int:
    """Give the legs of each 5-tuple one number, in order of appearance.

    Parameters
    ----------
    slots : int64 (power of two,)
        Zeros; at least twice as many as legs.
    numbers : int64 (legs,)
        The conversation of each leg, written here.
    sums : int64 (legs, 2)
        Zeros; wire bytes and order of the first packet of each conversation, written here.

    Returns
    -------
    int
        How many conversations there are.
    """
    base, count, mask = table.base, 0, len(slots) - 1
    for row in range(len(numbers)):
        slot = (five_tuple_tag(base[row], table.secrets) >> 32) & mask
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
            slot = (slot + 1) & mask
        if slots[slot] == 0:
            slots[slot] = row + 1
            numbers[row] = count
            sums[count, 1] = base[row, at.FACTS] >> at.ORDER_SHIFT
            count += 1
        else:
            numbers[row] = numbers[slots[slot] - 1]
        sums[numbers[row], 0] += base[row, at.WIRE_BYTES]
    return count


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
def gather_legs(table: Table, places: Int64, spare: Rows, legs: Rows, keys: Rows) -> None:
    """Write the numbers of each leg that is kept.

    Parameters
    ----------
    places : int64 (legs of this table,)
        Where each leg stands in the result; -1 when it is not kept.
    spare : int64 (1, 40)
        Room for one extension row.
    legs : int64 (legs of the result, 26)
    keys : int64 (legs of the result, 8)
        The words of the keys.
    """
    base = table.base
    for row in range(len(places)):
        place = places[row]
        if place < 0:
            continue
        e = single_as_extension(table, row, spare)
        extension = spare[0] if e < 0 else table.extensions[e]
        facts, out = base[row, at.FACTS], legs[place]
        for word in range(at.PACKETS):
            keys[place, word] = base[row, word]
        out[0] = (facts >> at.VERSION_SHIFT) & 7
        out[1], out[2], out[3] = base[row, at.PACKETS], base[row, at.WIRE_BYTES], base[row, at.PAYLOAD_BYTES]
        out[4], out[5] = extension[at.DUPLICATES], extension[at.TRUNCATED]
        out[6] = base[row, at.FIRST_SEEN]
        out[7] = base[row, at.FIRST_SEEN] if e < 0 else base[row, at.LAST_SEEN]
        out[8] = base[row, at.FIRST_FRAME]
        out[9], out[10] = (facts & at.TTL_MASK) - 1, ((facts >> at.TTL_MAX_SHIFT) & at.TTL_MASK) - 1
        out[11], out[12], out[13] = extension[at.SYN_SEQ], extension[at.SYNS] >> 1, extension[at.SYNS] & 1
        out[14], out[15] = extension[at.SEQ_LOW], extension[at.SEQ_HIGH]
        out[16] = out[1]
        for k in range(at.COPIES_KEPT - 1):
            out[17 + k] = (extension[at.COPIES + (k >> 1)] >> ((k & 1) * 32)) & 0xFFFF_FFFF
            out[16] -= out[17 + k]
        out[SAMPLES_OF_LEG] = extension[at.SKETCH_COUNT]
        out[SLICES_OF_LEG] = 1 if extension[at.SLICE_STATE] == at.ONE_BUCKET else 0
    for number in range(table.counters[at.SLICES]):
        place = places[table.slice_owners[number]]
        if place >= 0:
            legs[place, SLICES_OF_LEG] += 1


@entry
def gather_samples(table: Table, places: Int64, spare: Rows, ends: Int64, samples: Rows) -> None:
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
def gather_slices(table: Table, places: Int64, cursors: Int64, slices: Rows, slice_ns: int) -> None:
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
def sum_dropped(table: Table, places: Int64, sums: Int64) -> None:
    """Add packets, wire and payload bytes and copies of the legs that are not kept to ``sums``, int64 (4,)."""
    for row in range(len(places)):
        if places[row] >= 0:
            continue
        for k in range(3):
            sums[k] += table.base[row, at.PACKETS + k]
        if table.base[row, at.FACTS] & at.EXTENDED_BIT:
            sums[3] += table.extensions[table.base[row, at.EXTENSION], at.DUPLICATES]
