"""Twins: legs that carried the same packets, found after reading and without relying on any clock.

Two witnesses (DESIGN section 3): TCP sequence ranges, which survive segmentation offload, truncation and sampling, and
bottom-k sketches of packet hashes, which work for everything else. Sketches of equal packets meet because both keep
the smallest hashes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median_low

import numpy as np

from flowmap.legs import SKETCH_SIZE, FiveTuple, Leg, Sample
from flowmap.packets import NO_TIME, TCP

SEQUENCE_CYCLE = 1 << 32
SAME_TIME_NS = 1_000_000_000
MAX_LEGS_COMPARED = 256
"""Legs of one direction of one 5-tuple compared pair by pair; more than that is an attack or a loop."""


Flows = dict[FiveTuple, tuple[list[int], list[int]]]
"""5-tuple -> indices of its forward and of its backward legs, in order of first appearance."""


def flows_of(legs: Iterable[Leg]) -> Flows:
    """Group legs by 5-tuple; most have one leg in each direction, and everything is simple for these."""
    flows: Flows = {}
    for index, leg in enumerate(legs):
        flow = flows.get(leg.key.five_tuple)
        if flow is None:
            flow = flows[leg.key.five_tuple] = ([], [])
        flow[0 if leg.key.forward else 1].append(index)
    return flows


@dataclass(frozen=True, slots=True)
class Twin:
    """Why two legs are twins: the packets both hold (``samples``), or overlapping TCP bytes (``common_bytes``)."""

    samples: tuple[tuple[Sample, Sample], ...]
    common_bytes: int


Hashes = Mapping[int, Sample]
"""A leg's sketch by packet hash, smallest first."""


def twin_of(one: Leg, other: Leg, one_hashes: Hashes, other_hashes: Hashes) -> Twin | None:
    """Compare two legs of the same 5-tuple and direction.

    A shared packet hash is a twin, unless a leg's packets repeat one content without an IP id (a heartbeat): then equal
    hashes say little, and the legs must cover the same time as well. Without a shared hash, TCP legs that both carried
    payload are twins when their sequence ranges overlap by at least half of the shorter one: retransmissions after a
    failover overlap by a little and are none, and the one number of a handshake says nothing.
    """
    samples = tuple(
        (sample, other_hashes[packet_hash]) for packet_hash, sample in one_hashes.items() if packet_hash in other_hashes
    )
    common = common_sequence_bytes(one, other) if one.payload_bytes and other.payload_bytes else 0
    if (
        samples
        and (_repeats(one, len(one_hashes)) or _repeats(other, len(other_hashes)))
        and not _same_time(one, other)
    ):
        samples = ()
    if samples or (common and 2 * common >= min(_sequence_bytes(one), _sequence_bytes(other))):
        return Twin(samples, common)
    return None


def _repeats(leg: Leg, hashes: int) -> bool:
    """Whether many packets of a leg have one hash: a sketch that is not full holds every hash there was."""
    return leg.key.five_tuple.protocol != TCP and hashes < SKETCH_SIZE and leg.packets > hashes


def _same_time(one: Leg, other: Leg) -> bool:
    """Whether two legs began and ended together, to a second of their own clocks."""
    return (
        abs(one.first_seen_ns - other.first_seen_ns) <= SAME_TIME_NS
        and abs(one.last_seen_ns - other.last_seen_ns) <= SAME_TIME_NS
    )


def common_sequence_bytes(one: Leg, other: Leg) -> int:
    """Bytes of sequence space on both legs, 0 where either is not TCP; ranges may differ by whole cycles."""
    if one.seq_low < 0 or other.seq_low < 0:
        return 0
    cycles = round((other.seq_low - one.seq_low) / SEQUENCE_CYCLE) * SEQUENCE_CYCLE
    return max(0, min(one.seq_high, other.seq_high - cycles) - max(one.seq_low, other.seq_low - cycles))


def _sequence_bytes(leg: Leg) -> int:
    return leg.seq_high - leg.seq_low


class Twins:
    """The twin relation over the legs of a map.

    Attributes
    ----------
    links : dict
        (index, index) of legs, the lower first, to :class:`Twin`. Indices are positions in the list given.
    """

    def __init__(self, legs: Sequence[Leg], flows: Flows) -> None:
        self.links: dict[tuple[int, int], Twin] = {}
        self._neighbours: dict[int, set[int]] = defaultdict(set)
        # in order of their first legs, because the first link says how a router was recognised
        for indices in sorted(indices for flow in flows.values() for indices in flow if len(indices) > 1):
            self._compare(legs, indices[:MAX_LEGS_COMPARED])

    def _compare(self, legs: Sequence[Leg], indices: Sequence[int]) -> None:
        hashes = {index: {sample.packet_hash: sample for sample in legs[index].sketch} for index in indices}
        for first, second in combinations(indices, 2):
            twin = twin_of(legs[first], legs[second], hashes[first], hashes[second])
            if twin:
                self.links[first, second] = twin
                self._neighbours[first].add(second)
                self._neighbours[second].add(first)

    def add(self, first: int, second: int, twin: Twin) -> None:
        """Link two legs of different 5-tuples: the same packets on both sides of an address translation."""
        self.links[min(first, second), max(first, second)] = twin
        self._neighbours[first].add(second)
        self._neighbours[second].add(first)

    @property
    def linked(self) -> Collection[int]:
        """The legs that have a twin."""
        return self._neighbours.keys()

    def are(self, first: int, second: int) -> bool:
        """Whether two legs are twins."""
        return second in self._neighbours.get(first, ())

    def components(self, indices: Iterable[int]) -> list[list[int]]:
        """Split legs into groups connected by twins among themselves, in order of their lowest index."""
        left, groups = set(indices), []
        while left:
            group, todo = [], [min(left)]
            left.discard(todo[0])
            while todo:
                index = todo.pop()
                group.append(index)
                reached = self._neighbours.get(index, set()) & left
                left -= reached
                todo.extend(reached)
            groups.append(sorted(group))
        return groups


def translated_twins(legs: Sequence[Leg], flows: Flows, points: Collection[int]) -> dict[FiveTuple, set[int]]:
    """Find legs that carried a conversation's packets under other addresses (NAT, floating IP): grade ``likely``.

    Packet hashes hold no addresses, so translation of addresses leaves them equal. TCP needs one shared hash (sequence
    and acknowledgement numbers make it unlikely by chance), other protocols two.

    Parameters
    ----------
    points
        Capture points whose legs are looked for; without any there is nothing to do.
    """
    five_tuples = list(flows)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for holders in shared_across_flows(legs, flows) if points else ():
        numbers = {number for number, _ in holders}
        for own, index in holders:
            if legs[index].key.point in points:
                for number in numbers:
                    if number != own:
                        shared[number, index] += 1
    result: dict[FiveTuple, set[int]] = defaultdict(set)
    for (number, index), count in shared.items():
        five_tuple = five_tuples[number]
        if count >= (1 if five_tuple.protocol == TCP and legs[index].payload_bytes else 2):
            result[five_tuple].add(index)
    return result


def shared_across_flows(legs: Sequence[Leg], flows: Flows) -> Iterable[list[tuple[int, int]]]:
    """For each packet hash in the sketches of several 5-tuples: (number of the 5-tuple, index of the leg), each."""
    sketches = [leg.sketch for leg in legs]
    hashes = np.array([sample.packet_hash for sketch in sketches for sample in sketch], dtype=np.uint64)
    if not len(hashes):
        return
    number_of_leg = np.empty(len(legs), dtype=np.int64)
    for number, (forward, backward) in enumerate(flows.values()):
        number_of_leg[forward + backward] = number
    order = np.argsort(hashes, kind="stable")
    hashes, indices = hashes[order], np.repeat(np.arange(len(legs)), [len(sketch) for sketch in sketches])[order]
    numbers = number_of_leg[indices]
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    sizes = np.diff(np.append(starts, len(hashes)))
    differ = np.minimum.reduceat(numbers, starts) != np.maximum.reduceat(numbers, starts)
    chosen = differ & (sizes <= MAX_LEGS_COMPARED)
    for start, size in zip(starts[chosen].tolist(), sizes[chosen].tolist(), strict=True):
        part = slice(start, start + size)
        yield list(zip(numbers[part].tolist(), indices[part].tolist(), strict=True))


def clock_offsets(legs: Sequence[Leg], twins: Twins, file_of_point: Sequence[str]) -> dict[str, int]:
    """Nanoseconds to add to the times of each file so that all run on the clock of the first.

    The offset of two files is the median time difference of the packets that both hold; files that share none with
    the first, directly or through others, keep their own clock (0).
    """
    differences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (first, second), twin in twins.links.items():
        one, other = file_of_point[legs[first].key.point], file_of_point[legs[second].key.point]
        for left, right in twin.samples:
            if one != other and NO_TIME not in (left.time_ns, right.time_ns):
                differences[one, other].append(left.time_ns - right.time_ns)
                differences[other, one].append(right.time_ns - left.time_ns)
    files = list(dict.fromkeys(file_of_point))
    offsets: dict[str, int] = {}
    for start in files:
        todo = [] if start in offsets else [start]
        offsets.setdefault(start, 0)
        while todo:
            one = todo.pop()
            for other in files:
                if other not in offsets and (one, other) in differences:
                    offsets[other] = offsets[one] + median_low(differences[one, other])
                    todo.append(other)
    return offsets


def holds_packet_missing_in(leg: Leg, others: Sequence[Leg]) -> bool:
    """Whether the sketches prove that ``leg`` carried a packet that none of ``others`` did.

    A hash below the largest one of a full sketch would be in that sketch if its leg had carried the packet.
    """
    known = {sample.packet_hash for other in others for sample in other.sketch}
    horizon = min((other.sketch[-1].packet_hash for other in others if len(other.sketch) == SKETCH_SIZE), default=None)
    return any(
        sample.packet_hash not in known and (horizon is None or sample.packet_hash < horizon) for sample in leg.sketch
    )
