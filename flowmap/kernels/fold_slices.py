"""Time buckets of legs: a log of visits while packets come, sums when they are asked for.

A leg that goes to another bucket writes down, at the end of the log, the bucket and its own sums so far. So a packet
touches no row but its leg's, and nothing is looked up. Settling turns visits into sums, sorted by leg and bucket, each
pair once: a capture that jumps between buckets makes the log longer, and settling brings it back.
"""

from __future__ import annotations

from flowmap.kernels import entry, inlined, kernel
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Int64, Rows
from flowmap.kernels.fold_layout import Table
from flowmap.packets import NO_TIME


@kernel
def bucket_of(time_ns: int, slice_ns: int) -> int:
    """The time bucket of a packet; packets without a time have their own."""
    return NO_TIME if time_ns == NO_TIME else time_ns // slice_ns


@kernel
def start_of(bucket: int, slice_ns: int) -> int:
    """Where a bucket starts; NO_TIME for the one of packets without a time."""
    return NO_TIME if bucket == NO_TIME else bucket * slice_ns


@inlined
def is_current_slice(x: Int64, time_ns: int, slice_ns: int) -> bool:
    """Whether a packet is in the same bucket as the last one of the leg with this extension row."""
    start = x[at.SLICE_START]
    if time_ns == NO_TIME or start == NO_TIME:
        same = time_ns == start
    else:
        same = 0 <= time_ns - start < slice_ns
    return bool(same and x[at.SLICE_STATE] != at.BETWEEN_VISITS)


@kernel
def note_visit(slices: Rows, owners: Int64, counters: Int64, leg: int, bucket: int, base: Rows) -> None:
    """Note that a leg's next packets are in this bucket."""
    row = counters[at.SLICES]
    counters[at.SLICES] = row + 1
    slices[row, at.BUCKET] = bucket
    for word in range(3):
        slices[row, at.SLICE_PACKETS + word] = base[leg, at.PACKETS + word]
    owners[row] = leg


@kernel
def change_slice(
    slices: Rows, owners: Int64, counters: Int64, base: Rows, leg: int, x: Int64, time_ns: int, slice_ns: int
) -> None:
    """Bring a leg to the bucket of its next packet, before that is counted."""
    if x[at.SLICE_STATE] == at.ONE_BUCKET:
        counters[at.SLICED_LEGS] += 1
        note_visit(slices, owners, counters, leg, bucket_of(base[leg, at.FIRST_SEEN], slice_ns), base)
        for word in range(3):
            slices[counters[at.SLICES] - 1, at.SLICE_PACKETS + word] = 0
    bucket = bucket_of(time_ns, slice_ns)
    note_visit(slices, owners, counters, leg, bucket, base)
    x[at.SLICE_STATE] = at.VISITING
    x[at.SLICE_START] = start_of(bucket, slice_ns)


@entry
def end_visits(table: Table, last: Int64) -> None:
    """Turn what legs had at the start of each visit into what they got during it.

    Parameters
    ----------
    last : int64 (legs,)
        -1 for each leg.
    """
    base, extensions, slices, owners = table.base, table.extensions, table.slices, table.slice_owners
    for row in range(table.counters[at.SETTLED], table.counters[at.SLICES]):
        leg = owners[row]
        before = last[leg]
        last[leg] = row
        if before >= 0:
            for word in range(at.SLICE_PACKETS, at.SLICE_WORDS):
                slices[before, word] = slices[row, word] - slices[before, word]
    for leg in range(table.counters[at.LEGS]):
        before = last[leg]
        if before >= 0:
            for word in range(3):
                slices[before, at.SLICE_PACKETS + word] = (
                    base[leg, at.PACKETS + word] - slices[before, at.SLICE_PACKETS + word]
                )
            extensions[base[leg, at.EXTENSION], at.SLICE_STATE] = at.BETWEEN_VISITS


@entry
def count_by_leg(table: Table, ends: Int64) -> None:
    """Where the rows of each leg start when they are sorted by leg, and where the last one's end.

    Parameters
    ----------
    ends : int64 (legs + 1,)
        Zeros.
    """
    owners = table.slice_owners
    for row in range(table.counters[at.SLICES]):
        ends[owners[row] + 1] += 1
    for leg in range(len(ends) - 1):
        ends[leg + 1] += ends[leg]


@entry
def sort_by_leg(table: Table, cursors: Int64, slices: Rows, owners: Int64) -> None:
    """Copy the rows to where ``cursors`` says that those of each leg start."""
    for row in range(table.counters[at.SLICES]):
        leg = table.slice_owners[row]
        to = cursors[leg]
        cursors[leg] = to + 1
        owners[to] = leg
        for word in range(at.SLICE_WORDS):
            slices[to, word] = table.slices[row, word]


@kernel
def sift_down(slices: Rows, start: int, root: int, size: int) -> None:
    """One step of a heap sort of rows by bucket."""
    while 2 * root + 1 < size:
        child = 2 * root + 1
        if child + 1 < size and slices[start + child, at.BUCKET] < slices[start + child + 1, at.BUCKET]:
            child += 1
        if slices[start + root, at.BUCKET] >= slices[start + child, at.BUCKET]:
            return
        swap_rows(slices, start + root, start + child)
        root = child


@kernel
def swap_rows(slices: Rows, one: int, other: int) -> None:
    """Exchange two rows."""
    for word in range(at.SLICE_WORDS):
        value = slices[one, word]
        slices[one, word] = slices[other, word]
        slices[other, word] = value


@entry
def sort_buckets(slices: Rows, ends: Int64) -> None:
    """Sort each leg's rows by bucket; most are sorted, and the worst take no more than a heap sort."""
    for leg in range(len(ends) - 1):
        start, size = ends[leg], ends[leg + 1] - ends[leg]
        is_sorted = True
        for row in range(start + 1, start + size):
            is_sorted &= slices[row - 1, at.BUCKET] <= slices[row, at.BUCKET]
        if is_sorted:
            continue
        for root in range(size // 2 - 1, -1, -1):
            sift_down(slices, start, root, size)
        for last in range(size - 1, 0, -1):
            swap_rows(slices, start, start + last)
            sift_down(slices, start, 0, last)


@entry
def merge_equal(table: Table, halve: bool) -> None:
    """Make one row of neighbours with the same leg and bucket, of buckets of twice the width where ``halve``."""
    slices, owners, kept = table.slices, table.slice_owners, 0
    for row in range(table.counters[at.SLICES]):
        bucket = slices[row, at.BUCKET]
        if halve and bucket != NO_TIME:
            bucket = bucket // 2
        if kept > 0 and owners[kept - 1] == owners[row] and slices[kept - 1, at.BUCKET] == bucket:
            for word in range(at.SLICE_PACKETS, at.SLICE_WORDS):
                slices[kept - 1, word] += slices[row, word]
            continue
        owners[kept] = owners[row]
        slices[kept, at.BUCKET] = bucket
        for word in range(at.SLICE_PACKETS, at.SLICE_WORDS):
            slices[kept, word] = slices[row, word]
        kept += 1
    table.counters[at.SLICES] = table.counters[at.SETTLED] = kept


@entry
def align_starts(table: Table, slice_ns: int) -> None:
    """Give the legs that are in their first bucket its start at another width."""
    for leg in range(table.counters[at.LEGS]):
        if table.base[leg, at.FACTS] & at.EXTENDED_BIT:
            e = table.base[leg, at.EXTENSION]
            if table.extensions[e, at.SLICE_STATE] == at.ONE_BUCKET:
                bucket = bucket_of(table.base[leg, at.FIRST_SEEN], slice_ns)
                table.extensions[e, at.SLICE_START] = start_of(bucket, slice_ns)
