"""The time buckets of conversations as columns, each row complete in itself, so that a time range needs no join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from flowmap.packets import NO_TIME
from flowmap.store import columns
from flowmap.tables import Values


class Lane(NamedTuple):
    """What the rows of one conversation have in common.

    ``lane`` is the series of the timeline that its bytes are in; ``whole_bytes``, of which ``stayed_bytes`` and
    ``left_bytes`` did so and the rest is undetermined, are those of the whole conversation.
    """

    conversation: int
    pair: int
    service: int
    lane: str
    from_target: bool
    whole_bytes: int
    stayed_bytes: int
    left_bytes: int


class SliceColumns:
    """The columns of :data:`flowmap.store.columns.SLICES`, one conversation after another."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[int]] = {}
        self._lanes: list[Lane] = []
        self._rows_of_lane: list[int] = []
        self._rows: list[tuple[int, ...]] = []

    def add(self, lane: Lane, slices: Mapping[int, list[int]], from_source: bool) -> None:
        """One direction of the conversation: bucket -> [packets, wire_bytes, payload_bytes]."""
        for bucket, (packets, wire_bytes, payload_bytes) in slices.items():
            sums = self._buckets.setdefault(bucket, [0, 0, 0, 0])
            sums[0] += packets
            sums[1] += wire_bytes
            sums[2] += payload_bytes
            if from_source:
                sums[3] += wire_bytes

    def end(self, lane: Lane) -> None:
        """The conversation has no more directions."""
        previous = NO_TIME
        parts = _Parts(lane)
        for bucket in sorted(self._buckets):  # the one without a time comes first
            sums = self._buckets[bucket]
            self._rows.append((bucket, previous, *sums, *parts.of(sums[1])))
            previous = bucket
        self._lanes.append(lane)
        self._rows_of_lane.append(len(self._buckets))
        self._buckets = {}

    def given(self) -> Mapping[str, Values]:
        """The columns."""
        rows = np.ascontiguousarray(np.array(self._rows, np.int64).reshape(-1, 8).T)
        repeats = np.array(self._rows_of_lane, np.int64)
        given: dict[str, Values] = dict(
            zip(
                ("bucket", "previous_bucket", "packets", "wire_bytes", "payload_bytes", "source_to_target_bytes",
                 "stayed_bytes", "left_bytes"),
                rows,
                strict=True,
            )
        )  # fmt: skip
        for place, name in enumerate(("conversation", "pair", "service")):
            given[name] = np.repeat(np.array([lane[place] for lane in self._lanes], np.int64), repeats)
        words = np.empty(len(self._lanes), dtype=object)
        words[:] = [lane.lane for lane in self._lanes]
        given["lane"] = np.repeat(words, repeats)
        given["from_target"] = np.repeat(np.array([lane.from_target for lane in self._lanes], np.bool_), repeats)
        assert given.keys() == {column.name for column in columns.SLICES.columns}
        return given

    def span(self) -> tuple[int | None, int | None]:
        """The first bucket and the last; None where no packet had a time."""
        buckets = [row[0] for row in self._rows if row[0] != NO_TIME]
        return (min(buckets), max(buckets)) if buckets else (None, None)


class _Parts:
    """Shares the stayed and left bytes of a conversation out to its buckets, so that they add up to the whole."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._before = self._stayed = self._left = 0

    def of(self, wire_bytes: int) -> tuple[int, int]:
        """Stayed and left bytes of the next bucket, in the proportions of the whole."""
        lane = self._lane
        if not lane.whole_bytes:
            return 0, 0
        self._before += wire_bytes
        stayed = self._before * lane.stayed_bytes // lane.whole_bytes
        decided = self._before * (lane.stayed_bytes + lane.left_bytes) // lane.whole_bytes
        # Rounding may ask for one byte less than before: no bucket is negative, and the next one evens it out.
        left = max(decided - stayed, self._left)
        parts = stayed - self._stayed, left - self._left
        self._stayed, self._left = stayed, left
        return parts
