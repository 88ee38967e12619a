"""Homes: at which vNIC ports of which hosts a MAC certainly lives, and when.

A port shows its own VM's frames and those of all its peers, so being a source there says nothing by itself. At home is
the MAC that takes part in nearly all conversations that are answered at the port; a flood is never answered at a
bystander's port. Unlike an owner of a port, a home has times: a VM that migrates has several, one after another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.capture.points import CapturePoint
from flowmap.legs import FiveTuple, Leg
from flowmap.packets import NO_TIME, is_group_mac

HOME_SHARE = 0.9
"""Share of the packets of a port's answered conversations in which its VM takes part."""

Span = tuple[int, int]
"""First and last time, in nanoseconds on the common clock."""

Port = tuple[str, str | int]
"""Host and interface, or capture point where the interface has no name: several files of one port are one."""


@dataclass(slots=True)
class Home:
    """What one MAC did at its own ports on one host.

    Attributes
    ----------
    spans : list of Span
        When it sent there: one for each leg, or for each run of time buckets of a leg.
    conversations : set of FiveTuple
        Those it sent on there.
    points : set of int
        Its ports.
    by_leaving_out : bool
        It was found at a port with several candidates, because the others live elsewhere or are routers. That may as
        well be a second place on its way (the router's own port), so it proves neither a move nor a MAC in use twice.
    """

    spans: list[Span] = field(default_factory=list)
    conversations: set[FiveTuple] = field(default_factory=set)
    points: set[int] = field(default_factory=set)
    by_leaving_out: bool = False


def homes_of(
    legs: Sequence[Leg],
    points: Sequence[CapturePoint],
    offsets: Mapping[str, int],
    routers: Collection[int] = (),
    slice_ns: int = 0,
) -> dict[int, dict[str, Home]]:
    """MAC -> host -> what it did at its ports there, for the MACs at home on several hosts.

    Parameters
    ----------
    legs, points
        Only points of the role ``vnic`` with a known host count.
    offsets
        File -> nanoseconds to add for the common clock (``clock_offsets``).
    routers
        MACs of routers: at a port with another candidate they may be the gateway of that one.
    slice_ns
        Width of the legs' time buckets. With it, a leg that was interrupted has several spans; without it one.
    """
    at_port: dict[Port, list[Leg]] = defaultdict(list)
    for leg in legs:
        point = points[leg.key.point]
        if point.role == "vnic" and point.host and not is_group_mac(leg.key.dst_mac) and leg.first_seen_ns != NO_TIME:
            at_port[point.host, point.interface or leg.key.point].append(leg)
    candidates = {port: _candidates(found) for port, found in at_port.items()}
    certain = {macs for macs in map(frozenset, candidates.values()) if len(macs) == 1}
    taken = frozenset().union(*certain)
    ports_of: dict[int, list[Port]] = defaultdict(list)
    for port, macs in candidates.items():
        left = macs if len(macs) == 1 else (macs - taken - set(routers)) or (macs - taken)
        if len(left) == 1:
            ports_of[next(iter(left))].append(port)
    homes: dict[int, dict[str, Home]] = {}
    for mac, ports in ports_of.items():
        if len({host for host, _ in ports}) > 1:
            homes[mac] = defaultdict(Home)
            for port in ports:
                home = homes[mac][port[0]]
                home.by_leaving_out |= len(candidates[port]) > 1
                own = [leg for leg in at_port[port] if leg.key.src_mac == mac]
                home.conversations.update(leg.key.five_tuple for leg in own)
                home.points.update(leg.key.point for leg in own)
                for leg in own:
                    shift = offsets.get(points[leg.key.point].key.file, 0)
                    home.spans += [(first + shift, last + shift) for first, last in spans_of(leg, slice_ns)]
    return homes


def answered(legs: Sequence[Leg]) -> list[Leg]:
    """The legs of conversations of which both directions are among ``legs``."""
    directions = {(leg.key.five_tuple, leg.key.forward) for leg in legs}
    return [leg for leg in legs if (leg.key.five_tuple, not leg.key.forward) in directions]


def _candidates(legs: Sequence[Leg]) -> set[int]:
    """MACs that send at a port and take part in nearly all of its answered packets."""
    both_ways = answered(legs)
    part: Counter[int] = Counter()
    for leg in both_ways:
        for mac in {leg.key.src_mac, leg.key.dst_mac}:
            part[mac] += leg.packets
    enough = HOME_SHARE * sum(leg.packets for leg in both_ways)
    senders = {leg.key.src_mac for leg in both_ways if leg.key.src_mac >= 0}
    return {mac for mac in senders if part[mac] >= enough}


def spans_of(leg: Leg, slice_ns: int) -> list[Span]:
    """When a leg had packets: runs of neighbouring time buckets, cut to its first and last packet."""
    buckets = sorted(bucket for bucket in leg.slices if bucket != NO_TIME) if slice_ns else []
    if len(buckets) < 2:
        return [(leg.first_seen_ns, leg.last_seen_ns)]
    runs = [[buckets[0], buckets[0]]]
    for bucket in buckets[1:]:
        if bucket == runs[-1][1] + 1:
            runs[-1][1] = bucket
        else:
            runs.append([bucket, bucket])
    return [
        (max(first * slice_ns, leg.first_seen_ns), min((last + 1) * slice_ns - 1, leg.last_seen_ns))
        for first, last in runs
    ]
