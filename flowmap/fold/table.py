"""One worker's tables: made small, grown before each batch, so that the kernel never runs out of room."""

from __future__ import annotations

import mmap

import numpy as np
import numpy.typing as npt

from flowmap.kernels import fold_layout as at
from flowmap.kernels.fold_layout import Columns, Limits, Table, Words
from flowmap.kernels.fold_legs import fold_batch
from flowmap.kernels.fold_marks import rebuild
from flowmap.kernels.fold_slices import align_starts, count_by_leg, end_visits, merge_equal, sort_buckets, sort_by_leg


def rows_of(count: int, words: int) -> Words:
    """A table of zeros whose rows start at cache lines; its pages cost memory when they are first written.

    Rows are looked up at random. With large pages the processor finds them in half the time.
    """
    memory = mmap.mmap(-1, max(count * words, 1) * 8, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=np.int64, count=count * words).reshape(count, words)


def _slots_for(entries: int) -> int:
    """A power of two that leaves half of the slots empty."""
    return 1 << max(2 * entries - 1, 1).bit_length()


class FoldTable:
    """The legs of some partitions.

    Parameters
    ----------
    partitions
        The partitions of this table.
    limits
        Caps of one partition; ``limits.slice_ns`` is the width of a time bucket at the start.
    secrets : int64 (32,)
        Keys of the index tables.
    visits
        Length of the log of time buckets from which on it is settled.
    """

    def __init__(self, partitions: range, limits: Limits, secrets: Words, visits: int) -> None:
        self.mine = np.zeros(256, dtype=np.uint8)
        self.mine[partitions.start : partitions.stop : partitions.step] = 1
        self.slice_ns = limits.slice_ns
        self._visits = visits
        self._most_legs = len(partitions) * limits.legs
        self._most_five_tuples = len(partitions) * limits.five_tuples
        self.table = Table(
            base=rows_of(0, at.BASE_WORDS),
            extensions=rows_of(0, at.EXTENSION_WORDS),
            slices=rows_of(0, at.SLICE_WORDS),
            slice_owners=np.empty(0, dtype=np.int64),
            leg_index=np.zeros(2, dtype=np.int64),
            five_tuples=np.zeros(2, dtype=np.int64),
            recent=rows_of(at.PARTITIONS * at.RECENT_BUCKETS, at.RECENT_WORDS),
            partitions=np.zeros((at.PARTITIONS, at.PARTITION_WORDS), dtype=np.int64),
            counters=np.zeros(at.COUNTERS, dtype=np.int64),
            secrets=secrets,
            scratch=rows_of(at.CHUNK, at.SCRATCH_WORDS),
        )
        self.rows = (self.slice_ns, 0)
        """Width of time buckets, and how many (leg, bucket) there were at that width when they were last settled."""

    @property
    def legs(self) -> int:
        """Legs so far."""
        return int(self.table.counters[at.LEGS])

    def add(
        self, columns: Columns, marks: Words, partition: npt.NDArray[np.uint8], packets_before: int, limits: Limits
    ) -> None:
        """Fold this table's part of a batch."""
        self.widen(limits.slice_ns)
        self._make_room(len(marks))
        fold_batch(columns, marks, partition, self.table, self.mine, packets_before, limits)
        _, _, slices, settled, *_ = self.table.counters.tolist()
        if slices > max(self._visits, settled + settled // 4):
            self.settle()

    def widen(self, slice_ns: int) -> None:
        """Double the width of time buckets until it is ``slice_ns``."""
        if self.slice_ns == slice_ns:
            return
        self.settle()
        while self.slice_ns < slice_ns:
            self.slice_ns *= 2
            merge_equal(self.table, True)
        align_starts(self.table, slice_ns)
        self._count_rows()

    def settle(self) -> None:
        """Turn the log of visits into one row for each leg and time bucket."""
        table, visits = self.table, int(self.table.counters[at.SLICES])
        end_visits(table, np.full(self.legs, -1, dtype=np.int64))
        ends = np.zeros(self.legs + 1, dtype=np.int64)
        count_by_leg(table, ends)
        slices, owners = rows_of(len(table.slices), at.SLICE_WORDS), np.empty(len(table.slices), dtype=np.int64)
        sort_by_leg(table, ends.copy(), slices[:visits], owners[:visits])
        sort_buckets(slices[:visits], ends)
        self.table = table._replace(slices=slices, slice_owners=owners)
        merge_equal(self.table, False)
        self._count_rows()

    def _count_rows(self) -> None:
        legs, _, slices, _, sliced_legs, *_ = self.table.counters.tolist()
        self.rows = (self.slice_ns, legs - sliced_legs + slices)

    def _make_room(self, packets: int) -> None:
        """Room for what so many packets can bring: legs and their second packets, 5-tuples, and two buckets each."""
        table = self.table
        legs, extensions, slices, _, _, five_tuples, *_ = table.counters.tolist()
        legs = min(legs + packets, self._most_legs)
        extensions = min(extensions + packets, self._most_legs)
        slices += 2 * packets
        self.table = table._replace(
            base=_grown(table.base, legs, self._most_legs),
            extensions=_grown(table.extensions, extensions, self._most_legs),
            slices=_grown(table.slices, slices),
            slice_owners=_grown(table.slice_owners.reshape(-1, 1), slices).reshape(-1),
            leg_index=_grown_index(table.leg_index, legs),
            five_tuples=_grown_index(table.five_tuples, min(five_tuples + packets, self._most_five_tuples)),
        )


def _grown(rows: Words, needed: int, most: int | None = None) -> Words:
    """The same rows with room for ``needed``: at least twice the room, never more than ``most``."""
    if needed <= len(rows):
        return rows
    room = max(needed, 2 * len(rows))
    larger = rows_of(room if most is None else min(room, most), rows.shape[1])
    larger[: len(rows)] = rows
    return larger


def _grown_index(index: Words, entries: int) -> Words:
    """The same index with room for ``entries``."""
    if 2 * entries <= len(index):
        return index
    larger = np.zeros(_slots_for(entries), dtype=np.int64)
    rebuild(index, larger)
    return larger
