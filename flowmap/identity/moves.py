"""Moves: MACs that changed host during the capture, and MACs that two hosts used at once (reference 1.2, 4.3 row 18).

Two witnesses, and nothing else places a MAC in time:

- *Ports.* A MAC lives at a vNIC port of one host until some time and at one of another host from then on
  (:mod:`flowmap.identity.homes`). Living at both at once, with different conversations, is no move but a MAC in use
  twice: a clone, a duplicate of two vCenters, or spoofing.
- *RARP with an interrupted conversation.* The new host announces a moved MAC. The announcement is flooded, so the
  points that heard it say nothing. But a conversation of this MAC that goes on somewhere, and ends at the
  announcement at one vNIC port or whole mirror, has lost its sender there; one that begins there then has gained it.
  The other host is unknown then, where no capture shows it.

A mirror also shows what merely arrives from an uplink, so being a source in it places nobody, and an uplink shows a MAC
when it is *not* behind it. An address that is announced anew (gratuitous ARP) is everyday traffic and shows nothing
alone; at the MAC's own new port it only tells the time better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from flowmap.capture.points import CapturePoint
from flowmap.identity.endpoint import Endpoint
from flowmap.identity.homes import Home, Span, homes_of
from flowmap.legs import FiveTuple, Leg
from flowmap.packets import NO_TIME, Claim, is_group_mac
from flowmap.twins import Twins

MOVE_SLACK_NS = 2_000_000_000
"""How much two hosts may seem to overlap, and an announcement may differ from the change itself: clocks that are
aligned by packets only, and the second during which a migration stuns a VM."""

INTERRUPTED_NS = 500_000_000
"""How far from an announcement a conversation may end at the old place or begin at the new one."""

REPEATED_NS = 30_000_000_000
"""Announcements of one MAC that close to each other are one: hypervisors repeat them."""


class Move(NamedTuple):
    """One change of host.

    Attributes
    ----------
    mac : int
    time_ns : int
        When, on the common clock: the announcement where there is one between ``left_ns`` and ``arrived_ns``, else
        ``arrived_ns``.
    from_host, to_host : str or None
        At least one is known; None where no capture shows the other.
    how : str
        ``ports``, ``ports and RARP`` or ``RARP``.
    left_ns, arrived_ns : int
        The last time it was seen at the old and the first time at the new place. Packets in between are at either.
    """

    mac: int
    time_ns: int
    from_host: str | None
    to_host: str | None
    how: str
    left_ns: int
    arrived_ns: int


class Duplicate(NamedTuple):
    """A MAC that sent different conversations at its own ports on two hosts at the same time."""

    mac: int
    hosts: tuple[str, str]
    first_ns: int
    last_ns: int

    @property
    def text(self) -> str:
        """Half a sentence for an endpoint's ``conflict``."""
        return f"its MAC sends at ports of {self.hosts[0]} and {self.hosts[1]} at the same time"


@dataclass(slots=True)
class Movements:
    """Moves of each MAC in order of time, and MACs that are in use twice; a MAC is never in both."""

    moves: dict[int, list[Move]] = field(default_factory=dict)
    duplicates: dict[int, Duplicate] = field(default_factory=dict)


def note_duplicates(movements: Movements, endpoints: Iterable[Endpoint]) -> None:
    """Call it a conflict of an endpoint that one of its MACs is in use twice: then nobody knows where it is."""
    for endpoint in endpoints:
        for mac in sorted(endpoint.macs & movements.duplicates.keys()):
            endpoint.conflict = endpoint.conflict or f"{endpoint.label}: {movements.duplicates[mac].text}"


def moves_of(
    legs: Sequence[Leg],
    claims: Iterable[Claim],
    points: Sequence[CapturePoint],
    offsets: Mapping[str, int],
    routers: Collection[int] = (),
    slice_ns: int = 0,
    twins: Twins | None = None,
) -> Movements:
    """Find every move and every MAC in use twice.

    Parameters
    ----------
    legs, claims
        As the fold made them. A claim is kept once a point, so a second announcement of a MAC at the same points is not
        known; ports show later moves all the same.
    points
        With roles and hosts, one spelling for each host.
    offsets
        File -> nanoseconds to add for the common clock (``clock_offsets``).
    routers
        MACs of routers. Several hosts may use one (an anycast gateway), so none is in use twice.
    slice_ns
        Width of the legs' time buckets; without it a leg counts as being there from its first to its last packet.
    twins
        Legs that carried the same packets. A MAC whose packets were at two of its homes was on its way there.
    """
    result = Movements()
    claims = list(claims)
    announced = _announcements(claims, points, offsets)
    hosts = {point.host for point in points if point.host and point.role in ("vnic", "mirror")}
    if not hosts or (len(hosts) == 1 and not announced):
        return result
    unclear: set[int] = set()
    passing = _at_two_ports(legs, points, twins) if twins else {}
    recorded = _recorded(legs, points, offsets)
    for mac, at_hosts in homes_of(legs, points, offsets, routers, slice_ns).items():
        stays = sorted(stay for host, home in at_hosts.items() for stay in _stays(host, home.spans))
        overlap = _overlap(stays, max(MOVE_SLACK_NS, slice_ns))
        guessed = any(home.by_leaving_out for home in at_hosts.values())
        ports = [home.points for home in at_hosts.values()]
        if any(one in own and other in far for one, other in passing.get(mac, ())
               for own in ports for far in ports if own is not far):  # fmt: skip
            unclear.add(mac)
        elif overlap is None and guessed and not _all_recorded(at_hosts, stays, points, recorded):
            unclear.add(mac)
        elif overlap is None:
            own = _claims_at_home(mac, at_hosts, claims, points, offsets)
            result.moves[mac] = _moves_between(mac, stays, announced.get(mac, ()), own)
        elif mac not in routers and _is_in_use_twice(at_hosts, overlap.hosts):
            result.duplicates[mac] = overlap._replace(mac=mac)
        else:
            unclear.add(mac)
    interrupted = {mac: times for mac, times in announced.items() if mac not in result.moves}
    for move in _interruptions(legs, points, offsets, interrupted, announced):
        if move.mac not in result.duplicates and move.mac not in unclear:
            result.moves.setdefault(move.mac, []).append(move)
    return result


def _at_two_ports(legs: Sequence[Leg], points: Sequence[CapturePoint], twins: Twins) -> dict[int, set[tuple[int, int]]]:
    """MAC -> the pairs of vNIC points on two hosts at which the same packets from it stood."""
    found: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for first, second in twins.links:
        one, other = legs[first].key, legs[second].key
        here, there = points[one.point], points[other.point]
        if one.src_mac == other.src_mac and here.role == there.role == "vnic" and here.host != there.host:
            found[one.src_mac].add((one.point, other.point))
    return found


def _recorded(legs: Sequence[Leg], points: Sequence[CapturePoint], offsets: Mapping[str, int]) -> dict[str, Span]:
    """File -> first and last time of its legs on the common clock."""
    files: dict[str, Span] = {}
    for leg in legs:
        if leg.first_seen_ns != NO_TIME:
            file = points[leg.key.point].key.file
            shift = offsets.get(file, 0)
            files[file] = _joined(files.get(file), (leg.first_seen_ns + shift, leg.last_seen_ns + shift))
    return files


def _all_recorded(
    at_hosts: Mapping[str, Home], stays: Sequence[_Stay], points: Sequence[CapturePoint], recorded: Mapping[str, Span]
) -> bool:
    """Whether every home was recorded during all the stays, so that not being there means something."""
    first, last = min(stay.first_ns for stay in stays), max(stay.last_ns for stay in stays)
    spans = [recorded[points[number].key.file] for home in at_hosts.values() for number in home.points]
    return all(start <= first + MOVE_SLACK_NS and end >= last - MOVE_SLACK_NS for start, end in spans)


class _Stay(NamedTuple):
    first_ns: int
    last_ns: int
    host: str


def _stays(host: str, spans: Sequence[Span]) -> list[_Stay]:
    """Spans joined over gaps that are no longer than the slack."""
    stays: list[_Stay] = []
    for first, last in sorted(spans):
        if stays and first <= stays[-1].last_ns + MOVE_SLACK_NS:
            stays[-1] = stays[-1]._replace(last_ns=max(stays[-1].last_ns, last))
        else:
            stays.append(_Stay(first, last, host))
    return stays


def _overlap(stays: Sequence[_Stay], tolerance_ns: int) -> Duplicate | None:
    """The longest time at two hosts at once; a short one at the border of two stays is none, a nested one is."""
    worst = None
    for number, one in enumerate(stays):
        for other in stays[number + 1 :]:
            if other.first_ns > one.last_ns:
                break
            last = min(one.last_ns, other.last_ns)
            at_once = other.last_ns <= one.last_ns or last - other.first_ns > tolerance_ns
            if one.host != other.host and at_once:
                found = Duplicate(-1, (min(one.host, other.host), max(one.host, other.host)), other.first_ns, last)
                if worst is None or last - other.first_ns > worst.last_ns - worst.first_ns:
                    worst = found
    return worst


def _is_in_use_twice(at_hosts: Mapping[str, Home], hosts: tuple[str, str]) -> bool:
    """Whether two homes are two machines: each certain, and no conversation at both.

    A transparent firewall's port or a second port on the way shows the same conversations as the VM's own.
    """
    one, other = (at_hosts[host] for host in hosts)
    return not (one.by_leaving_out or other.by_leaving_out) and one.conversations.isdisjoint(other.conversations)


def _moves_between(
    mac: int, stays: Sequence[_Stay], announced: Sequence[int], own_claims: Sequence[tuple[int, str]]
) -> list[Move]:
    """A move between each two neighbouring stays on different hosts."""
    moves = []
    for before, after in zip(stays, stays[1:], strict=False):
        if before.host == after.host:
            continue
        left, arrived = before.last_ns, max(after.first_ns, before.last_ns)
        claimed = [time for time, host in own_claims if host == after.host and left <= time <= arrived]
        arrived = min([arrived, *claimed])
        near = [time for time in announced if left - MOVE_SLACK_NS <= time <= arrived + MOVE_SLACK_NS]
        time_ns = min(max(near[0], left), arrived) if near else arrived
        how = "ports and RARP" if near else "ports"
        moves.append(Move(mac, time_ns, before.host, after.host, how, left, arrived))
    return moves


def _announcements(
    claims: Iterable[Claim], points: Sequence[CapturePoint], offsets: Mapping[str, int]
) -> dict[int, list[int]]:
    """MAC -> times at which RARP announced it, repetitions left out."""
    times: dict[int, list[int]] = defaultdict(list)
    for claim in claims:
        if claim.how == "rarp" and claim.time_ns != NO_TIME:
            times[claim.mac].append(claim.time_ns + offsets.get(points[claim.point].key.file, 0))
    result: dict[int, list[int]] = {}
    for mac, heard in times.items():
        kept: list[int] = []
        for time in sorted(heard):
            if not kept or time > kept[-1] + REPEATED_NS:
                kept.append(time)
        result[mac] = kept
    return result


def _claims_at_home(
    mac: int,
    at_hosts: Mapping[str, Home],
    claims: Iterable[Claim],
    points: Sequence[CapturePoint],
    offsets: Mapping[str, int],
) -> list[tuple[int, str]]:
    """Time and host of what a MAC claimed at its own ports; at other ports a claim has only been flooded."""
    host_of = {point: host for host, home in at_hosts.items() for point in home.points}
    return [
        (claim.time_ns + offsets.get(points[claim.point].key.file, 0), host_of[claim.point])
        for claim in claims
        if claim.mac == mac and claim.how != "dhcp" and claim.point in host_of and claim.time_ns != NO_TIME
    ]


@dataclass(slots=True)
class _Course:
    """When each point saw a conversation, in which directions, and the MACs on it."""

    spans: dict[int, Span] = field(default_factory=dict)
    ways: set[tuple[int, bool]] = field(default_factory=set)
    macs: set[int] = field(default_factory=set)

    def both_ways(self, point: int) -> bool:
        """Whether it was answered at a point; a flood is not."""
        return {(point, True), (point, False)} <= self.ways


def _interruptions(
    legs: Sequence[Leg],
    points: Sequence[CapturePoint],
    offsets: Mapping[str, int],
    wanted: Mapping[int, Sequence[int]],
    announced: Mapping[int, Sequence[int]],
) -> Iterable[Move]:
    """Moves of announced MACs whose conversations end or begin at some point just then and go on elsewhere."""
    if not wanted:
        return
    courses: dict[FiveTuple, _Course] = defaultdict(_Course)
    files = _recorded(legs, points, offsets)
    for leg in legs:
        if leg.first_seen_ns == NO_TIME:
            continue
        key, file = leg.key, points[leg.key.point].key.file
        shift = offsets.get(file, 0)
        span = (leg.first_seen_ns + shift, leg.last_seen_ns + shift)
        if not is_group_mac(key.dst_mac):
            course = courses[key.five_tuple]
            course.spans[key.point] = _joined(course.spans.get(key.point), span)
            course.ways.add((key.point, key.forward))
            course.macs |= {key.src_mac, key.dst_mac}
    own: dict[int, list[_Course]] = defaultdict(list)
    for course in courses.values():
        for mac in course.macs & wanted.keys():
            own[mac].append(course)
    for mac, times in wanted.items():
        for time in times:
            alone = [course for course in own[mac] if not _another_moved(course.macs - {mac}, announced, time)]
            move = _interruption(mac, time, alone, points, files)
            if move:
                yield move


def _interruption(
    mac: int, time: int, courses: Sequence[_Course], points: Sequence[CapturePoint], files: Mapping[str, Span]
) -> Move | None:
    """The move that conversations show which end or begin at one host's points when their MAC is announced."""
    before, after = time - INTERRUPTED_NS, time + INTERRUPTED_NS
    left: dict[str, int] = {}
    arrived: dict[str, int] = {}
    for course in courses:
        first_ever = min(span[0] for span in course.spans.values())
        last_ever = max(span[1] for span in course.spans.values())
        for number, (first, last) in course.spans.items():
            point = points[number]
            if point.host is None or not _shows_absence(point) or not course.both_ways(number):
                continue
            awake_from, awake_to = files[point.key.file]
            if last <= after < min(last_ever, awake_to):
                left[point.host] = max(last, left.get(point.host, last))
            if first >= before > max(first_ever, awake_from):
                arrived[point.host] = min(first, arrived.get(point.host, first))
    if len(left) > 1 or len(arrived) > 1 or left.keys() == arrived.keys():
        return None
    from_host, left_ns = next(iter(left.items()), (None, time))
    to_host, arrived_ns = next(iter(arrived.items()), (None, time))
    return Move(mac, time, from_host, to_host, "RARP", min(left_ns, time), max(arrived_ns, time))


def _shows_absence(point: CapturePoint) -> bool:
    """A vNIC port, or a mirror of a whole host without sampling: what is not there did not pass.

    A mirror of only some ports may copy the uplink alone, where a MAC appears when it is elsewhere.
    """
    return point.role == "vnic" or (point.role == "mirror" and point.covers == "all" and point.sampled == 1)


def _joined(known: Span | None, span: Span) -> Span:
    return span if known is None else (min(known[0], span[0]), max(known[1], span[1]))


def _another_moved(macs: Collection[int], announced: Mapping[int, Sequence[int]], time: int) -> bool:
    """Whether another MAC of a conversation was announced near that time, so that either may have moved."""
    return any(abs(other - time) <= REPEATED_NS for mac in macs for other in announced.get(mac, ()))
