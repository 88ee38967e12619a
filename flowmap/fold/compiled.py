"""The fold that everybody uses: kernels on batches, spread over worker threads when there is much to read."""

from __future__ import annotations

import secrets
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from flowmap.fold.gather import gather
from flowmap.fold.plain import WIDEST_SLICE_NS, wide_enough
from flowmap.fold.table import FoldTable
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Rows
from flowmap.kernels.fold_layout import Limits
from flowmap.kernels.fold_marks import give_ports, mark_packets, sum_packets
from flowmap.kernels.frames import frames_of
from flowmap.legs import LegSet, Others, PointStatistics
from flowmap.packets import NO_TIME, Claim, PacketBatch
from flowmap.settings import Settings

THREADS_FROM_PACKETS = 100_000
"""Below this, starting threads costs more than they save."""

BATCHES_IN_FLIGHT = 4

WORKERS_PER_TABLE = 2
"""Folding takes half of the time that a frame takes, so one thread folds what two can read."""


_NO_MARKS = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8)


class LegFold:
    """Fold batches of packets into legs.

    Each worker owns some of 64 partitions chosen by the conversation. Caps and bounded tables are per partition, so
    the result is the same to the byte whatever the number of workers. A batch must not be changed after it was added.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        workers = min(max(settings.workers // WORKERS_PER_TABLE, 1), at.PARTITIONS)
        keys = np.array([secrets.randbits(63) for _ in range(at.SECRETS)], dtype=np.int64)
        self._slice_ns = settings.slice_ns
        self._tables = [
            FoldTable(range(first, at.PARTITIONS, workers), self._limits(), keys, 2 * settings.max_legs // workers)
            for first in range(workers)
        ]
        self._threads: list[ThreadPoolExecutor] = []
        self._in_flight: deque[tuple[PacketBatch, list[Future[None]]]] = deque()
        self._fragments = np.zeros((at.FRAGMENT_SLOTS, 2), dtype=np.int64)
        self._claims: dict[tuple[int, str, str, int, int, int], Claim] = {}
        self._points = np.zeros((0, 5), dtype=np.int64)
        self._packets = 0
        self._totals = np.array([0, 0, 0, 0, NO_TIME, NO_TIME, 0], dtype=np.int64)

    def add(self, batch: PacketBatch) -> None:
        """Fold one batch; batches of one file must come in the file's order."""
        for claim in batch.claims:
            self._claims.setdefault((claim.mac, claim.ip, claim.how, claim.point, claim.vlan, claim.tunnel), claim)
        if not len(batch):
            return
        frames = self._with_ports_of_first_fragments(batch)
        highest = max(batch.known.points) if batch.known else int(batch.point.max())
        self._points = _with_room(self._points, highest + 1)
        self._hand_over(batch, frames)
        self._packets += len(batch)
        self._choose_width()

    def finish(self) -> LegSet:
        """Return the legs in order of their first packet, and the sums; more batches may be added afterwards."""
        self._wait_for(0)
        for thread in self._threads:
            thread.shutdown()
        self._threads = []
        for table in self._tables:
            table.forget_index()
        width = None
        while width != self._slice_ns:
            width = self._slice_ns
            for table in self._tables:
                table.widen(width)
                table.settle()
            self._choose_width()
        frame_bytes, wire_bytes, captured_bytes, no_ip, first, last, _ = self._totals.tolist()
        counters = np.sum([table.table.counters for table in self._tables], axis=0)
        five_tuples, *late_sums = counters[at.FIVE_TUPLES : at.OTHER_PAYLOAD + 1].tolist()
        full = any(table.table.partitions[:, at.FIVE_TUPLES_FULL].any() for table in self._tables)
        late = Others(*late_sums)
        late.late_packets = late.packets
        kept, others_sums = gather(self._tables, late, self._settings.max_conversations)
        return LegSet(
            legs=kept,
            claims=list(self._claims.values()),
            points=self._point_statistics(),
            others=others_sums,
            slice_ns=self._slice_ns,
            packets=self._packets,
            frame_bytes=frame_bytes,
            wire_bytes=wire_bytes,
            captured_bytes=captured_bytes,
            no_ip_packets=no_ip,
            five_tuples=five_tuples,
            first_seen_ns=first,
            last_seen_ns=last,
            estimated=["five_tuples"] if full else [],
        )

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(
            settings.max_legs // at.PARTITIONS, 4 * settings.max_legs // at.PARTITIONS,
            settings.copy_window_ns, settings.copy_window_no_id_ns, self._slice_ns,
        )  # fmt: skip

    def _with_ports_of_first_fragments(self, batch: PacketBatch) -> Any:
        """Fragments are joined here, in the order of the file, because ports decide the partition."""
        if not (batch.known.has_fragments if batch.known else batch.fragment.any()):
            return frames_of(batch)
        frames = frames_of(replace(batch, known=None))
        give_ports(frames, len(batch), self._fragments)
        return frames

    def _choose_width(self) -> None:
        """Double the width of time buckets while the span or the number of rows asks for it.

        The tables report their rows when they settle them, so they may be late, never too high: the width at the end
        is the smallest that fits all the same.
        """
        first, last = int(self._totals[4]), int(self._totals[5])
        if first != NO_TIME:
            self._slice_ns = wide_enough(self._slice_ns, first, last, self._settings.max_slices)
        reports = [table.rows for table in self._tables]
        rows = sum(rows for width, rows in reports if width == self._slice_ns)
        if rows > 2 * self._settings.max_legs and self._slice_ns < WIDEST_SLICE_NS:
            self._slice_ns *= 2

    def _hand_over(self, batch: PacketBatch, frames: Any) -> None:
        limits, sums = self._limits(), (self._totals, self._points)
        if len(self._tables) == 1:
            self._tables[0].add(frames, len(batch), *_NO_MARKS, self._packets, limits, *sums, is_marked=False)
            return
        marks, partition = np.empty(len(batch), dtype=np.int64), np.empty(len(batch), dtype=np.uint8)
        mark_packets(frames, marks, partition)
        sum_packets(frames, len(batch), *sums)
        job = frames, len(batch), marks, partition, self._packets, limits, *sums, True
        if self._packets < THREADS_FROM_PACKETS:
            for table in self._tables:
                table.add(*job)
            return
        if not self._threads:
            self._threads = [ThreadPoolExecutor(1, thread_name_prefix="fold") for _ in self._tables]
        work = [thread.submit(table.add, *job) for thread, table in zip(self._threads, self._tables, strict=True)]
        self._in_flight.append((batch, work))  # the batch is held, so that its memory is not used again
        self._wait_for(BATCHES_IN_FLIGHT)

    def _wait_for(self, batches: int) -> None:
        """Wait until no more than so many batches are in flight."""
        while len(self._in_flight) > batches:
            for future in self._in_flight.popleft()[1]:
                future.result()

    def _point_statistics(self) -> dict[int, PointStatistics]:
        """Per capture point, in order of appearance."""
        seen = np.flatnonzero(self._points[:, 4])
        seen = seen[np.argsort(self._points[seen, 4])]
        return {
            int(point): PointStatistics(*row[:4])
            for point, row in zip(seen.tolist(), self._points[seen].tolist(), strict=True)
        }


def _with_room(points: Rows, count: int) -> Rows:
    """The statistics of points with a row for each of ``count``."""
    if count <= len(points):
        return points
    larger = np.zeros((max(count, 2 * len(points)), 5), dtype=np.int64)
    larger[: len(points)] = points
    return larger
