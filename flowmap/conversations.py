"""Conversations: legs of one 5-tuple within one address domain, and their bytes counted once per direction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowmap.legs import FiveTuple, Leg
from flowmap.packets import NO_TIME, TCP, is_group_mac, mac_text
from flowmap.twins import Flows, Twins, common_sequence_bytes, holds_packet_missing_in

CLOCK_SLACK_NS = 5_000_000
"""Jitter allowed between two aligned clocks before a leg counts as lasting longer than another."""

ON_ONE_LINK = "%"
"""Between an address domain and the MACs of a conversation whose addresses are only good on one link."""

UNSPECIFIED_V4 = 0xFFFF << 32
"""0.0.0.0 as the low half of a mapped address."""

SLICE_SLACK = 0.02
"""Share by which another point must exceed the best one in a slice: packets cross slice borders on their way."""


Slices = dict[int, list[int]]
"""Time bucket -> [packets, wire_bytes, payload_bytes]."""


@dataclass(slots=True)
class Direction:
    """One direction of a conversation.

    ``legs`` are indices into the map's leg list. ``packets``, ``wire_bytes`` and ``payload_bytes`` are counted once
    (DESIGN section 3); ``counted_at`` is the capture point that saw most.
    """

    legs: list[int] = field(default_factory=list)
    packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0
    counted_at: int = -1
    _count_slices: Callable[[Sequence[list[int]]], Slices] | None = None
    _counted: Sequence[list[int]] = ()

    @property
    def slices(self) -> Slices:
        """The same sums per time bucket, counted when asked for: judging does not need them."""
        return self._count_slices(self._counted) if self._count_slices else {}


@dataclass(slots=True)
class Conversation:
    """All legs of one innermost 5-tuple within one address domain.

    ``forward`` goes from ``five_tuple.low`` to ``five_tuple.high``. ``connections`` counts distinct initial SYNs
    (0 where none was seen); ``initiator_is_low`` and ``initiator_how`` say who opened it.
    """

    five_tuple: FiveTuple
    domain: str
    forward: Direction
    backward: Direction
    first_seen_ns: int
    last_seen_ns: int
    connections: int
    initiator_is_low: bool
    initiator_how: str
    translation: str = ""
    """What a router translated on the way ("203.0.113.5 to 10.0.0.7"), where both sides were captured."""

    @property
    def wire_bytes(self) -> int:
        """Both directions, counted once each."""
        return self.forward.wire_bytes + self.backward.wire_bytes

    @property
    def payload_bytes(self) -> int:
        """Both directions, counted once each."""
        return self.forward.payload_bytes + self.backward.payload_bytes

    @property
    def packets(self) -> int:
        """Both directions, counted once each."""
        return self.forward.packets + self.backward.packets

    @property
    def server_port(self) -> int:
        """The responder's port; -1 where the protocol has none."""
        responder = self.five_tuple.high if self.initiator_is_low else self.five_tuple.low
        return responder[1]


def conversations_of(
    legs: Sequence[Leg], flows: Flows, domain_of_leg: Sequence[str], counter: OnceCounter
) -> list[Conversation]:
    """Split flows by address domain into conversations, in order of first appearance, and count each direction once."""
    domains = set(domain_of_leg)
    result = []
    for five_tuple, flow in flows.items():
        if len(domains) == 1 and not _is_on_one_link(five_tuple):
            result.append(_conversation(legs, five_tuple, domain_of_leg[0], *flow, counter))
        else:
            parts = _parts(legs, five_tuple, flow, domain_of_leg)
            result += [_conversation(legs, five_tuple, domain, *part, counter) for domain, part in parts.items()]
    result.sort(key=first_leg)
    return result


def _conversation(
    legs: Sequence[Leg],
    five_tuple: FiveTuple,
    domain: str,
    forward: list[int],
    backward: list[int],
    counter: OnceCounter,
) -> Conversation:
    there, back = [legs[index] for index in forward], [legs[index] for index in backward]
    first_seen_ns, last_seen_ns, connections = _span(there + back)
    low_starts, how = _initiator(five_tuple, there, back)
    return Conversation(
        five_tuple, domain, counter.count(forward), counter.count(backward), first_seen_ns, last_seen_ns, connections,
        low_starts, how,
    )  # fmt: skip


def first_leg(conversation: Conversation) -> int:
    """The index of its first leg, by which conversations are sorted."""
    forward, backward = conversation.forward.legs, conversation.backward.legs
    return min(forward[0], backward[0]) if forward and backward else (forward or backward)[0]


def _parts(
    legs: Sequence[Leg], five_tuple: FiveTuple, flow: tuple[list[int], list[int]], domain_of_leg: Sequence[str]
) -> dict[str, tuple[list[int], list[int]]]:
    """The forward and backward legs of one 5-tuple by address domain, and by link where addresses are good on one."""
    on_one_link = _is_on_one_link(five_tuple)
    parts: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for way, indices in enumerate(flow):
        for index in indices:
            link = _link_of(legs[index]) if on_one_link else ""
            parts[domain_of_leg[index] + link][way].append(index)
    return parts


def _is_on_one_link(five_tuple: FiveTuple) -> bool:
    """Whether either address means something on its own link only."""
    return bool(is_for_one_link(*five_tuple.low[0]) or is_for_one_link(*five_tuple.high[0]))


def is_for_one_link(high: Any, low: Any) -> Any:
    """Whether an address (its halves, or columns of them) is link-local or unspecified (RFC 4291 2.5.6)."""
    return (high >> 54 == 0x3FA) | ((high == 0) & ((low == 0) | (low == UNSPECIFIED_V4)))


def _link_of(leg: Leg) -> str:
    """What tells machines apart whose address means something on their own link only: their MACs."""
    return ON_ONE_LINK + "-".join(
        sorted(mac_text(mac) for mac in (leg.key.src_mac, leg.key.dst_mac) if not is_group_mac(mac))
    )


def _span(legs: Sequence[Leg]) -> tuple[int, int, int]:
    """First and last time of some legs (``NO_TIME`` is less than any), and the most connections that one saw."""
    first = last = NO_TIME
    connections = 0
    for leg in legs:
        if leg.first_seen_ns != NO_TIME and (first == NO_TIME or leg.first_seen_ns < first):
            first = leg.first_seen_ns
        if leg.last_seen_ns > last:
            last = leg.last_seen_ns
        if leg.syn_count > connections:
            connections = leg.syn_count
    return first, last, connections


def _initiator(five_tuple: FiveTuple, there: Sequence[Leg], back: Sequence[Leg]) -> tuple[bool, str]:
    """Who opened the conversation: the sender of a SYN, else the end with the higher port, else the first seen."""
    if five_tuple.protocol == TCP:
        for side, other, is_low in ((there, back, True), (back, there, False)):
            for leg in side:
                if leg.syn_count:
                    return is_low, "syn"
            for leg in other:
                if leg.has_syn_ack:
                    return is_low, "syn"
    low_port, high_port = five_tuple.low[1], five_tuple.high[1]
    if 0 <= low_port < 32_768 <= high_port or 0 <= high_port < 32_768 <= low_port:
        return low_port > high_port, "port"
    first_low, first_high = _span(there)[0], _span(back)[0]
    if NO_TIME in (first_low, first_high):
        return bool(there), "first" if bool(there) != bool(back) else "unknown"
    return first_low <= first_high, "first"


class OnceCounter:
    """Count one direction's packets once, whatever number of points, copies and hops recorded them.

    At one point, legs that are twins (a hairpin out and back, the two sides of a router) carried the same packets: the
    largest counts; legs that are none (a failover, the two VNIs of an asymmetric path) add up. Across points the one
    with the largest payload counts, ties to the one nearest the sender (highest TTL). Only where another point is
    proven to hold packets that this one lacks (it began earlier, a VM moved, teamed uplinks) the points are compared
    slice by slice: doing so always would count packets twice that cross a slice border between two points.
    """

    def __init__(
        self, legs: Sequence[Leg], twins: Twins, file_of_point: Sequence[str], offsets: Mapping[str, int], slice_ns: int
    ) -> None:
        self._legs, self._twins = legs, twins
        self._shift_ns = [offsets.get(file, 0) for file in file_of_point]
        self._slice_ns = slice_ns

    def count(self, indices: list[int]) -> Direction:
        """Count the legs ``indices`` of one direction of one conversation."""
        if not indices:
            return Direction()
        if len(indices) == 1:  # most directions
            leg = self._legs[indices[0]]
            counted, best = [indices], leg.key.point
            sums = leg.packets, leg.wire_bytes, leg.payload_bytes
        else:
            best, counted = self._choose(indices)
            sums = self._sum(counted)
        return Direction(indices, *sums, best, self.slices_of, counted)

    def _choose(self, indices: list[int]) -> tuple[int, list[list[int]]]:
        """The point that counts, its legs that count, and those of the points that hold packets which it lacks."""
        points: dict[int, list[int]] = defaultdict(list)
        for index in indices:
            points[self._legs[index].key.point].append(index)
        chosen = {point: self._largest_twins(members) for point, members in points.items()}
        best = max(chosen, key=lambda point: self._rank(chosen[point]))
        more = [
            chosen[point]
            for point in chosen
            if point != best and any(not self._covers(chosen[best], index) for index in chosen[point])
        ]
        return best, [chosen[best], *more]

    def _sum(self, counted: Sequence[list[int]]) -> tuple[int, int, int]:
        """Packets, wire bytes and payload bytes; where points complete each other these are the sums of the slices."""
        if len(counted) > 1:
            rows = self.slices_of(counted).values()
            return sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows)
        legs = [self._legs[index] for index in counted[0]]
        return (
            sum(leg.packets for leg in legs),
            sum(leg.wire_bytes for leg in legs),
            sum(leg.payload_bytes for leg in legs),
        )

    def slices_of(self, counted: Sequence[list[int]]) -> Slices:
        """Sums per time bucket: those of the best point, completed by the other points."""
        slices = self._point_slices(counted[0])
        for members in counted[1:]:
            _fill_in(slices, self._point_slices(members))
        return slices

    def _largest_twins(self, members: list[int]) -> list[int]:
        """Of each group of twins at one point, the leg with most payload; ties to the one nearest the sender."""
        return [max(group, key=lambda index: self._rank([index])) for group in self._twins.components(members)]

    def _rank(self, members: list[int]) -> tuple[int, int, int, int]:
        legs = [self._legs[index] for index in members]
        return (
            sum(leg.payload_bytes for leg in legs),
            max(leg.ttl_max for leg in legs),
            sum(leg.packets for leg in legs),
            -min(members),
        )

    def _covers(self, best: list[int], index: int) -> bool:
        """False where ``index`` is proven to hold packets that the best point's legs lack."""
        leg, bests = self._legs[index], [self._legs[other] for other in best]
        if leg.first_seen_ns != NO_TIME and all(other.first_seen_ns != NO_TIME for other in bests):
            shift = self._shift_ns[leg.key.point] - self._shift_ns[bests[0].key.point]
            if (
                leg.first_seen_ns + shift < min(other.first_seen_ns for other in bests) - CLOCK_SLACK_NS
                or leg.last_seen_ns + shift > max(other.last_seen_ns for other in bests) + CLOCK_SLACK_NS
            ):
                return False
        if leg.key.five_tuple.protocol == TCP and leg.seq_low >= 0:
            length = leg.seq_high - leg.seq_low
            return sum(common_sequence_bytes(leg, other) for other in bests) >= length
        return not holds_packet_missing_in(leg, bests)

    def _point_slices(self, members: list[int]) -> Slices:
        """Sum the chosen legs of one point per time bucket, on the common clock."""
        total: Slices = {}
        for index in members:
            leg = self._legs[index]
            shift = round(self._shift_ns[leg.key.point] / self._slice_ns)
            for bucket, row in leg.slices.items():
                target = total.setdefault(bucket if bucket == NO_TIME else bucket + shift, [0, 0, 0])
                for column, value in enumerate(row):
                    target[column] += value
        return total


def _fill_in(slices: Slices, other: Slices) -> None:
    """Take another point's row in the slices where it saw clearly more (payload first, then packets)."""
    for bucket, row in other.items():
        own = slices.get(bucket, [0, 0, 0])
        if (row[2], row[0]) > (own[2] * (1 + SLICE_SLACK), own[0] * (1 + SLICE_SLACK)):
            slices[bucket] = row
