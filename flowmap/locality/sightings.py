"""Sightings: where one direction of a conversation was seen, in the words of the truth table.

``a`` is the source's vNIC port, ``b`` the destination's, ``u`` any uplink, ``t`` a tenant tunnel, ``m`` a mirror; a
flooded copy at somebody else's port is ``other``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.capture.points import CapturePoint, HostStatement
from flowmap.identity.endpoints import Identities
from flowmap.legs import FiveTuple, Leg, PointStatistics
from flowmap.locality.ports import PortOwners, find_owners
from flowmap.packets import NO_TIME, Claim, is_group_mac, mac_text
from flowmap.twins import Twins

SILENT_UPLINK_SLACK_NS = 1_000_000_000
"""Time before and after a conversation that the capture of an uplink may be short of."""


@dataclass(slots=True)
class Scene:
    """Everything the rules may look at; they change nothing in it."""

    legs: Sequence[Leg]
    twins: Twins
    translated: Mapping[FiveTuple, set[int]]
    points: Sequence[CapturePoint]
    statistics: Mapping[int, PointStatistics]
    hosts: Mapping[str, HostStatement]
    claims: Sequence[Claim]
    identities: Identities
    first_seen_ns: int
    last_seen_ns: int
    inventory_fresh_ns: int
    ports: PortOwners = field(default_factory=PortOwners)
    macs_at: dict[int, set[int]] = field(default_factory=dict)
    """Point -> MACs of frames seen there, for the positive control."""

    senders_at: dict[int, set[int]] = field(default_factory=dict)
    """Point -> MACs that sent unicast there."""

    def __post_init__(self) -> None:
        seen: dict[int, set[int]] = defaultdict(set)
        senders: dict[int, set[int]] = defaultdict(set)
        for leg in self.legs:
            seen[leg.key.point] |= {leg.key.src_mac, leg.key.dst_mac}
            if not is_group_mac(leg.key.dst_mac):
                senders[leg.key.point].add(leg.key.src_mac)
        self.senders_at = dict(senders)
        for claim in self.claims:
            seen[claim.point].add(claim.mac)
        self.macs_at = dict(seen)
        self.ports = find_owners(self.legs, self.points, self.identities)

    def names(self, legs: Sequence[Leg]) -> tuple[str, ...]:
        """The ids of the points of some legs, for evidence."""
        return tuple(self.points[leg.key.point].id for leg in legs)


@dataclass(slots=True)
class Sightings:
    """The legs of one direction, sorted by what their capture points are."""

    a: list[Leg] = field(default_factory=list)
    b: list[Leg] = field(default_factory=list)
    u: list[Leg] = field(default_factory=list)
    t: list[Leg] = field(default_factory=list)
    m: list[Leg] = field(default_factory=list)
    other: list[Leg] = field(default_factory=list)
    unknown: list[Leg] = field(default_factory=list)


def sight(scene: Scene, indices: Sequence[int]) -> Sightings:
    """Sort the legs of one direction."""
    result = Sightings()
    for leg in (scene.legs[index] for index in indices):
        point = scene.points[leg.key.point]
        owner = scene.ports.owners.get(leg.key.point, -1)
        if leg.key.tunnel >= 0 and point.role in ("uplink", "underlay"):
            result.t.append(leg)
        elif point.role == "uplink":
            result.u.append(leg)
        elif point.role == "mirror":
            result.m.append(leg)
        elif point.role != "vnic":
            result.unknown.append(leg)
        elif owner >= 0 and owner == leg.key.src_mac:
            result.a.append(leg)
        elif owner >= 0 and owner == leg.key.dst_mac:
            result.b.append(leg)
        else:
            result.other.append(leg)
    return result


@dataclass(slots=True)
class UplinkWatch:
    """Whether "not seen on the uplink" may be said of a host: the completeness test of reference 4.3."""

    captured: list[int]
    lacks: list[str]

    @property
    def complete(self) -> bool:
        """True when absence on the uplinks is evidence."""
        return bool(self.captured) and not self.lacks


def watch_uplinks(scene: Scene, host: str, macs: set[int], first_ns: int, last_ns: int) -> UplinkWatch:
    """Apply the completeness test to one host for traffic of ``macs`` between two times."""
    captured = [n for n, point in enumerate(scene.points) if point.role == "uplink" and point.host == host]
    statement = scene.hosts.get(host, HostStatement())
    lacks = []
    if not statement.uplinks_complete:
        lacks.append(f"nobody states that the captured uplinks of {host} are all it has")
    missing = set(statement.uplinks) - {scene.points[n].interface for n in captured}
    if missing:
        lacks.append(f"the uplinks {', '.join(sorted(missing))} of {host} were not captured")
    for number in captured:
        point, seen = scene.points[number], scene.statistics.get(number, PointStatistics())
        if point.sampled > 1:
            lacks.append(f"{point.id} is sampled, one packet in {point.sampled}")
        if point.dropped_packets:
            lacks.append(f"{point.dropped_packets} packets were dropped at {point.id}")
        window = _window(scene, number)
        if NO_TIME not in (*window, first_ns) and (
            window[0] > first_ns + SILENT_UPLINK_SLACK_NS or window[1] < last_ns - SILENT_UPLINK_SLACK_NS
        ):
            lacks.append(f"{point.id} was not captured during the whole conversation")
        if not seen.packets:
            lacks.append(f"{point.id} recorded no packet at all")
    if captured and not macs <= set().union(*(scene.macs_at.get(number, set()) for number in captured)):
        who = ", ".join(mac_text(mac) for mac in sorted(macs))
        lacks.append(f"no other frame of {who} shows on the uplink that its traffic would be recorded there")
    return UplinkWatch(captured, lacks)


def _window(scene: Scene, number: int) -> tuple[int, int]:
    """First and last time of all points of the same file and section: they were recorded together."""
    key = scene.points[number].key
    together = [
        scene.statistics[n]
        for n, point in enumerate(scene.points)
        if (point.key.file, point.key.section) == (key.file, key.section) and n in scene.statistics
    ]
    times = [seen for seen in together if seen.first_seen_ns != NO_TIME]
    if not times:
        return NO_TIME, NO_TIME
    return min(seen.first_seen_ns for seen in times), max(seen.last_seen_ns for seen in times)
