"""One worker's tables: made small, grown before each batch, so that the kernel never runs out of room."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Bytes, Int64, Rows
from flowmap.kernels.calling import held
from flowmap.kernels.fold_layout import Limits, Table
from flowmap.kernels.fold_legs import fold_batch, index_legs
from flowmap.kernels.fold_marks import rebuild
from flowmap.kernels.fold_slices import align_starts, count_by_leg, end_visits, merge_equal, sort_buckets, sort_by_leg
from flowmap.kernels.memory import large_pages, used_up


def zeros(rows: int, *words: int) -> Any:
    """A table whose rows start at cache lines, or an index or list."""
    return large_pages(rows * prod(words) * 8).view(np.int64).reshape(rows, *words)


_INDEXES = ("leg_index", "five_tuples")


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
        self._partitions = slice(partitions.start, partitions.stop, partitions.step)
        self.slice_ns = limits.slice_ns
        self._visits = visits
        self._most_legs = len(partitions) * limits.legs
        self._most_five_tuples = len(partitions) * limits.five_tuples
        self._use(
            Table(
                base=zeros(0, at.BASE_WORDS),
                extensions=zeros(0, at.EXTENSION_WORDS),
                slices=zeros(0, at.SLICE_WORDS),
                slice_owners=zeros(0),
                leg_index=zeros(2),
                five_tuples=zeros(2),
                recent=zeros(at.PARTITIONS * at.RECENT_BUCKETS, at.RECENT_WORDS),
                partitions=np.zeros((at.PARTITIONS, at.PARTITION_WORDS), dtype=np.int64),
                counters=np.zeros(at.COUNTERS, dtype=np.int64),
                secrets=secrets,
                scratch=zeros(at.CHUNK, at.SCRATCH_WORDS),
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
        if not visits:
            self._count_rows()
            return
        end_visits(table, np.full(self.legs, -1, dtype=np.int64))
        ends = np.zeros(self.legs + 1, dtype=np.int64)
        count_by_leg(table, ends)
        slices, owners = zeros(len(table.slices), at.SLICE_WORDS), zeros(len(table.slices))
        sort_by_leg(table, ends.copy(), slices[:visits], owners[:visits])
        sort_buckets(slices[:visits], ends)
        self._use(table._replace(slices=slices, slice_owners=owners))
        merge_equal(self.table, False)
        self._count_rows()

    def forget_index(self) -> None:
        """Give back the memory of the index of legs, which is made again when more packets come."""
        self._use(self.table._replace(leg_index=zeros(1)))

    def _index_again(self) -> None:
        index = zeros(_slots_for(self.legs, 2 * self._most_legs))
        index_legs(self.table.base, self.legs, self.table.secrets, index)
        self._use(self.table._replace(leg_index=index))

    def _count_rows(self) -> None:
        legs, _, slices, _, sliced_legs, *_ = self.table.counters.tolist()
        self.rows = (self.slice_ns, legs - sliced_legs + slices)

    def _make_room(self, packets: int) -> None:
        """Room for what so many packets can bring: legs and their second packets, 5-tuples, and two buckets each."""
        if self.legs and len(self.table.leg_index) == 1:
            self._index_again()
        table, most, most_five_tuples = self.table, self._most_legs, self._most_five_tuples
        legs, extensions, slices, _, _, five_tuples, *_ = table.counters.tolist()
        needed = {
            "base": _doubled(len(table.base), min(legs + packets, most), most),
            "extensions": _doubled(len(table.extensions), min(extensions + packets, most), most),
            "slices": _doubled(len(table.slices), slices + 2 * packets),
            "slice_owners": _doubled(len(table.slice_owners), slices + 2 * packets),
            "leg_index": _slots_for(legs + packets, 2 * most),
            "five_tuples": _slots_for(five_tuples + packets, most_five_tuples * 4 // 3),
        }
        if table.partitions[self._partitions, at.FIVE_TUPLES_FULL].all():
            needed["five_tuples"] = 1  # none is looked up any more
            if len(table.five_tuples) > 1:
                self._use(table._replace(five_tuples=zeros(1)))
        self._grow({name: rows for name, rows in needed.items() if rows > len(getattr(self.table, name))})

    def _grow(self, needed: dict[str, int]) -> None:
        """Move to larger arrays; all are made before the first is moved, so where memory lacks nothing is lost."""
        if not needed:
            return
        larger = {name: zeros(rows, *getattr(self.table, name).shape[1:]) for name, rows in needed.items()}
        for name, array in larger.items():
            first = 0
            for block in used_up(getattr(self.table, name)):
                if name in _INDEXES:
                    rebuild(block, array)
                else:
                    array[first : first + len(block)] = block
                    first += len(block)
        self._use(self.table._replace(**larger))


def _doubled(rows: int, needed: int, most: int | None = None) -> int:
    """How many rows a table with room for some shall have: twice as many when more are needed, ``most`` at most."""
    if needed <= rows:
        return rows
    room = max(needed, 2 * rows)
    return room if most is None else min(room, most)


def _slots_for(entries: int, most: int) -> int:
    """A power of two that leaves half of the slots empty, ``most`` and one more at most."""
    return min(1 << max(2 * entries - 1, 1).bit_length(), most + 1)
