"""Conversations: legs of one 5-tuple within one address domain, and their bytes counted once per direction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.legs import FiveTuple, Leg
from flowmap.packets import NO_TIME, TCP, is_group_mac, mac_text
from flowmap.twins import Twins, common_sequence_bytes, holds_packet_missing_in

CLOCK_SLACK_NS = 5_000_000
"""Jitter allowed between two aligned clocks before a leg counts as lasting longer than another."""

ON_ONE_LINK = "%"
"""Between an address domain and the MACs of a conversation whose addresses are only good on one link."""

UNSPECIFIED_V4 = 0xFFFF << 32
"""0.0.0.0 as the low half of a mapped address."""

SLICE_SLACK = 0.02
"""Share by which another point must exceed the best one in a slice: packets cross slice borders on their way."""


@dataclass(slots=True)
class Direction:
    """One direction of a conversation.

    ``legs`` are indices into the map's leg list. ``packets``, ``wire_bytes`` and ``payload_bytes`` are counted once
    (DESIGN section 3); ``slices`` holds the same per time bucket as [packets, wire_bytes, payload_bytes];
    ``counted_at`` is the capture point that saw most.
    """

    legs: list[int] = field(default_factory=list)
    packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0
    counted_at: int = -1
    slices: dict[int, list[int]] = field(default_factory=dict)


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
    legs: Sequence[Leg],
    twins: Twins,
    domain_of_leg: Sequence[str],
    file_of_point: Sequence[str],
    offsets: Mapping[str, int],
    slice_ns: int,
) -> list[Conversation]:
    """Group legs into conversations, in order of first appearance, and count each direction once."""
    groups: dict[tuple[str, FiveTuple], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index, leg in enumerate(legs):
        groups[domain_of_leg[index] + _link_of(leg), leg.key.five_tuple][0 if leg.key.forward else 1].append(index)
    counter = OnceCounter(legs, twins, file_of_point, offsets, slice_ns)
    result = []
    for (domain, five_tuple), (forward, backward) in groups.items():
        members = [legs[index] for index in forward + backward]
        times = [leg.first_seen_ns for leg in members if leg.first_seen_ns != NO_TIME]
        low_starts, how = _initiator(legs, forward, backward)
        result.append(
            Conversation(
                five_tuple, domain, counter.count(forward), counter.count(backward),
                first_seen_ns=min(times, default=NO_TIME),
                last_seen_ns=max((leg.last_seen_ns for leg in members), default=NO_TIME),
                connections=max((leg.syn_count for leg in members), default=0),
                initiator_is_low=low_starts, initiator_how=how,
            )
        )  # fmt: skip
    return result


def _link_of(leg: Leg) -> str:
    """What tells machines apart whose address means something on their own link only: their MACs (RFC 4291 2.5.6)."""
    addresses = (leg.key.five_tuple.low[0], leg.key.five_tuple.high[0])
    if not any(high >> 54 == 0x3FA or (high == 0 and low in (0, UNSPECIFIED_V4)) for high, low in addresses):
        return ""
    return ON_ONE_LINK + "-".join(
        sorted(mac_text(mac) for mac in (leg.key.src_mac, leg.key.dst_mac) if not is_group_mac(mac))
    )


def _initiator(legs: Sequence[Leg], forward: Iterable[int], backward: Iterable[int]) -> tuple[bool, str]:
    """Who opened the conversation: the sender of a SYN, else the end with the higher port, else the first seen."""
    there, back = [legs[index] for index in forward], [legs[index] for index in backward]
    five_tuple = (there or back)[0].key.five_tuple
    if any(leg.syn_count for leg in there) or any(leg.has_syn_ack for leg in back):
        return True, "syn"
    if any(leg.syn_count for leg in back) or any(leg.has_syn_ack for leg in there):
        return False, "syn"
    low_port, high_port = five_tuple.low[1], five_tuple.high[1]
    if (
        low_port != high_port
        and min(low_port, high_port) >= 0
        and (min(low_port, high_port) < 32_768 <= max(low_port, high_port))
    ):
        return low_port > high_port, "port"
    first = {side: min((leg.first_seen_ns for leg in side_legs if leg.first_seen_ns != NO_TIME), default=NO_TIME)
             for side, side_legs in (("low", there), ("high", back))}  # fmt: skip
    if NO_TIME in first.values():
        return bool(there), "first" if bool(there) != bool(back) else "unknown"
    return first["low"] <= first["high"], "first"


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
        points: dict[int, list[int]] = defaultdict(list)
        for index in indices:
            points[self._legs[index].key.point].append(index)
        chosen = {point: self._largest_twins(members) for point, members in points.items()}
        best = max(chosen, key=lambda point: self._rank(chosen[point]))
        slices = self._point_slices(chosen[best])
        for point in chosen:
            if point != best and any(not self._covers(chosen[best], index) for index in chosen[point]):
                _fill_in(slices, self._point_slices(chosen[point]))
        packets, wire_bytes, payload_bytes = (sum(row[column] for row in slices.values()) for column in range(3))
        return Direction(indices, packets, wire_bytes, payload_bytes, best, slices)

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

    def _point_slices(self, members: list[int]) -> dict[int, list[int]]:
        """Sum the chosen legs of one point per time bucket, on the common clock."""
        total: dict[int, list[int]] = {}
        for index in members:
            leg = self._legs[index]
            shift = round(self._shift_ns[leg.key.point] / self._slice_ns)
            for bucket, row in leg.slices.items():
                target = total.setdefault(bucket if bucket == NO_TIME else bucket + shift, [0, 0, 0])
                for column, value in enumerate(row):
                    target[column] += value
        return total


def _fill_in(slices: dict[int, list[int]], other: dict[int, list[int]]) -> None:
    """Take another point's row in the slices where it saw clearly more (payload first, then packets)."""
    for bucket, row in other.items():
        own = slices.get(bucket, [0, 0, 0])
        if (row[2], row[0]) > (own[2] * (1 + SLICE_SLACK), own[0] * (1 + SLICE_SLACK)):
            slices[bucket] = row
