"""One worker's tables: made small, grown before each batch, so that the kernel never runs out of room."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Bytes, Int64, Rows
from flowmap.kernels.calling import held
from flowmap.kernels.fold_layout import Limits, Table
from flowmap.kernels.fold_legs import fold_batch
from flowmap.kernels.fold_marks import rebuild
from flowmap.kernels.fold_slices import align_starts, count_by_leg, end_visits, merge_equal, sort_buckets, sort_by_leg
from flowmap.kernels.memory import large_pages


def rows_of(count: int, words: int) -> Rows:
    """A table of zeros whose rows start at cache lines."""
    return large_pages(count * words * 8).view(np.int64).reshape(count, words)


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

    def __init__(self, partitions: range, limits: Limits, secrets: Int64, visits: int) -> None:
        mine = np.zeros(256, dtype=np.uint8)
        mine[partitions.start : partitions.stop : partitions.step] = 1
        self._mine = held(mine, Bytes)
        self.slice_ns = limits.slice_ns
        self._visits = visits
        self._most_legs = len(partitions) * limits.legs
        self._most_five_tuples = len(partitions) * limits.five_tuples
        self._use(
            Table(
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
        )
        self.rows = (self.slice_ns, 0)
        """Width of time buckets, and how many (leg, bucket) there were at that width when they were last settled."""

    @property
    def legs(self) -> int:
        """Legs so far."""
        return int(self.table.counters[at.LEGS])

    def _use(self, table: Table) -> None:
        """Go on with these arrays."""
        self.table, self._handed = table, held(table, Table)

    def add(
        self, frames: Any, count: int, marks: Int64, partition: Bytes, packets_before: int, limits: Limits,
        totals: Int64, points: Rows, is_marked: bool,
    ) -> None:  # fmt: skip
        """Fold this table's part of a batch; see :func:`flowmap.kernels.fold_legs.fold_batch`."""
        self.widen(limits.slice_ns)
        self._make_room(count)
        fold_batch(
            frames, count, marks, partition, self._handed, self._mine, packets_before, limits, totals, points, is_marked
        )
        slices, settled = self.table.counters[at.SLICES : at.SETTLED + 1].tolist()
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
        self._use(table._replace(slices=slices, slice_owners=owners))
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
        five_tuples = min(five_tuples + packets, self._most_five_tuples)
        if (
            legs <= len(table.base)
            and extensions <= len(table.extensions)
            and slices <= len(table.slices)
            and 2 * legs <= len(table.leg_index)
            and 2 * five_tuples <= len(table.five_tuples)
        ):
            return
        self._use(
            table._replace(
                base=_grown(table.base, legs, self._most_legs),
                extensions=_grown(table.extensions, extensions, self._most_legs),
                slices=_grown(table.slices, slices),
                slice_owners=_grown(table.slice_owners.reshape(-1, 1), slices).reshape(-1),
                leg_index=_grown_index(table.leg_index, legs),
                five_tuples=_grown_index(table.five_tuples, five_tuples),
            )
        )


def _grown(rows: Rows, needed: int, most: int | None = None) -> Rows:
    """The same rows with room for ``needed``: at least twice the room, never more than ``most``."""
    if needed <= len(rows):
        return rows
    room = max(needed, 2 * len(rows))
    larger = rows_of(room if most is None else min(room, most), rows.shape[1])
    larger[: len(rows)] = rows
    return larger


def _grown_index(index: Int64, entries: int) -> Int64:
    """The same index with room for ``entries``."""
    if 2 * entries <= len(index):
        return index
    larger = np.zeros(_slots_for(entries), dtype=np.int64)
    rebuild(index, larger)
    return larger
