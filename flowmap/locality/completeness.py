"""Whether "not seen on the uplink" may be said of a host: the completeness test of reference 4.3.

Everything that is called "stayed" because the uplinks were silent rests on this, so it looks for what would make them
silent though traffic left: captures that ended early or have gaps, filters, and tunnels that nobody can open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from flowmap.capture.points import HostStatement
from flowmap.identity.homes import Span, spans_of
from flowmap.legs import Leg, PointStatistics
from flowmap.locality.sightings import OUTSIDE_ROLES, Scene
from flowmap.packets import NO_TIME, TCP, UDP, is_group_mac, mac_text

QUIET_UPLINK_NS = 10_000_000_000
"""Longest part of a conversation before the first or after the last frame of an uplink."""

QUIET_SHARE, JITTER_NS = 0.1, 100_000_000
"""That part's share of the conversation, and what any conversation may have: captures are not stopped at once."""

UPLINK_GAP_NS = 30_000_000_000
"""Longest silence of an uplink that may be silence; a longer one may be two captures put together."""

TUNNEL_PROTOCOLS = frozenset((4, 41, 47, 50, 97, 115, 137))
"""IP in IP, 6in4, GRE, ESP, EtherIP, L2TPv3 and MPLS in IP: as conversations of their own, nobody opened them."""

TUNNEL_PORTS = frozenset(
    (UDP, port) for port in (1194, 1701, 4500, 4789, 4790, 6081, 8472, 51820)
) | {(TCP, 7471)}  # fmt: skip
"""OpenVPN, L2TP, IPsec, VXLAN, VXLAN-GPE, Geneve, Linux' first VXLAN, WireGuard, and STT."""


NO_TUNNELS = frozenset((1, 2, TCP, 58, 89, 112))
"""ICMP, IGMP, TCP, ICMPv6, OSPF and VRRP. Of other protocols, and of UDP on any port, a host may make tunnels that no
list has; what it sends by TCP is migration and storage mostly."""

PERHAPS_KEPT = 1024
"""Of such legs the largest at each uplink; every judged direction is held against them."""

HEADERS_BYTES = 62
"""What an IPv6 header and two VLAN tags need: of shorter frames some have no addresses, and are nobody's."""


@dataclass(slots=True)
class UplinkWatch:
    """Whether absence on the uplinks of a host is evidence; ``lacks`` says why not.

    ``hidden`` says why frames may have left unseen inside a tunnel. It matters where somebody else than the two ends'
    own ports would have put them into it: a router, a bridge, or the host.
    """

    captured: list[int]
    lacks: list[str]
    hidden: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """True when absence on the uplinks is evidence."""
        return bool(self.captured) and not self.lacks

    def with_hidden(self) -> UplinkWatch:
        """The same, where what hides in tunnels counts as well."""
        return UplinkWatch(self.captured, [*self.lacks, *self.hidden])


def watch_uplinks(scene: Scene, leg: Leg, host: str, *further: Leg) -> UplinkWatch:
    """Apply the completeness test to a host's uplinks for the packets of one leg.

    The positive control is other unicast of the sender on one of them: then what it sends would be recorded there. The
    receiver may be the control where it is known to be on this host; one beyond is on the uplinks anyway. ``further``
    are legs of the same packets at other ports of this host: whoever stands on them is here, or is the router between.
    """
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
        if not point.is_stated and point.interface not in statement.uplinks:
            lacks.append(f"only its name tells that {point.id} is an uplink")
        if point.capture_filter:
            lacks.append(f"{point.id} was captured with the filter '{point.capture_filter}', which hides the rest")
        if 0 < point.snaplen < HEADERS_BYTES and seen.truncated_packets:
            lacks.append(f"of each frame at {point.id} only {point.snaplen} bytes were kept, too few for some headers")
        if point.sampled > 1:
            lacks.append(f"{point.id} is sampled, one packet in {point.sampled}")
        if point.dropped_packets:
            lacks.append(f"{point.dropped_packets} packets were dropped at {point.id}")
        if not seen.packets:
            lacks.append(f"{point.id} recorded no packet at all")
        elif not lacks and not _was_awake(scene, leg, _same_uplink(scene, number, captured)):
            lacks.append(f"nothing shows that {point.id} was captured during the whole conversation")
    if scene.legs_are_missing:
        lacks.append("the leg table was full, so some legs are not known")
    parties = {leg.key.src_mac, *(mac for one in further for mac in (one.key.src_mac, one.key.dst_mac))}
    if scene.is_known_on(leg.key.dst_mac, host):
        parties.add(leg.key.dst_mac)
    if captured and all(parties.isdisjoint(scene.senders_at.get(number, ())) for number in captured):
        who = mac_text(leg.key.src_mac)
        lacks.append(f"no other unicast of {who} is on the uplink to show that its traffic would be recorded there")
    untagged = _without_tags(scene, captured)
    if untagged:
        lacks.append(f"tagged frames are on one uplink and on none of {scene.points[untagged[0]].id}: perhaps a filter")
    if captured and not lacks and host in _hosts_with_holes(scene):
        lacks.append(f"what went from a port of {host} to one of another host is missing on the captured uplinks")
    hidden = _hidden_in_tunnels(scene, leg, captured) if captured and not lacks else []
    return UplinkWatch(captured, lacks, hidden)


def _without_tags(scene: Scene, captured: list[int]) -> list[int]:
    """Uplinks with unicast but without a tag, beside others with tags: the filter "ip" leaves out tagged frames."""
    tagged = [number for number in captured if number in scene.tagged_uplinks]
    return [number for number in captured if tagged and number not in tagged and scene.senders_at.get(number)]


def _same_uplink(scene: Scene, number: int, captured: Iterable[int]) -> list[int]:
    """The points that recorded one interface of a host, one file after the other."""
    name = scene.points[number].interface
    return [other for other in captured if other == number or (name and scene.points[other].interface == name)]


def _was_awake(scene: Scene, leg: Leg, numbers: Iterable[int]) -> bool:
    """Whether an uplink was recorded during a leg, on the common clock, but for a small part of it."""
    if leg.first_seen_ns == NO_TIME:
        return False
    shift = scene.clock_shift_ns(leg)
    stretches = _joined([span for number in numbers for span in _stretches(scene, number)], 0)
    spans = [(first + shift, last + shift) for first, last in spans_of(leg, scene.slice_ns)]
    whole = sum(last - first for first, last in spans)
    missed = sum(_outside(span, stretches) for span in spans)
    return missed <= min(QUIET_UPLINK_NS, max(JITTER_NS, QUIET_SHARE * whole)) and any(
        first <= span[1] and span[0] <= last for span in spans for first, last in stretches
    )


def _outside(span: Span, stretches: Iterable[Span]) -> int:
    """Nanoseconds of a span that are in none of some separate stretches."""
    inside = sum(max(0, min(span[1], last) - max(span[0], first)) for first, last in stretches)
    return span[1] - span[0] - inside


def _stretches(scene: Scene, number: int) -> list[Span]:
    """When an uplink was recorded without a long silence, on the common clock."""
    known = scene.awake.get(number)
    if known is not None:
        return known
    seen, spans = scene.statistics.get(number, PointStatistics()), []
    if seen.first_seen_ns != NO_TIME:
        spans = [(seen.first_seen_ns, seen.first_seen_ns), (seen.last_seen_ns, seen.last_seen_ns)]
    for leg in scene.legs:
        if leg.key.point == number and leg.first_seen_ns != NO_TIME:
            spans += spans_of(leg, scene.slice_ns)
    shift = scene.clock_offset_ns.get(scene.points[number].key.file, 0)
    scene.awake[number] = _joined([(first + shift, last + shift) for first, last in spans], UPLINK_GAP_NS)
    return scene.awake[number]


def _joined(spans: Iterable[Span], gap_ns: int) -> list[Span]:
    """Spans in order of time, those joined that overlap or have no longer gap between them."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + gap_ns:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _hosts_with_holes(scene: Scene) -> frozenset[str]:
    """Hosts from whose ports packets came to a port of another host, though no uplink of theirs shows them.

    A filter, a cable that nobody knows of, or a tunnel that nobody opens took them; so it may take others.
    """
    if scene.holes is None:
        found: set[str] = set()
        owners = scene.ports.owners
        for pair in scene.twins.links:
            one, other = (scene.legs[index] for index in pair)
            for first, last in ((one, other), (other, one)):
                here, there = scene.points[first.key.point].host, scene.points[last.key.point].host
                if (
                    here in scene.watched_hosts and there and here != there
                    and not {first.key.point, last.key.point} & scene.ports.unsure
                    and owners.get(first.key.point, -1) == first.key.src_mac >= 0
                    and owners.get(last.key.point, -1) == last.key.dst_mac >= 0
                    and (here, first.key.five_tuple, first.key.forward) not in scene.uplink_flows
                    and all(_was_awake(scene, first, [number]) for number, point in enumerate(scene.points)
                            if point.role == "uplink" and point.host == here)
                ):  # fmt: skip
                    found.add(here)
        scene.holes = frozenset(found)
    return scene.holes


def _hidden_in_tunnels(scene: Scene, leg: Leg, captured: Iterable[int]) -> list[str]:
    """Why a leg may have left inside tunnels on these uplinks that nobody opened: they carried as much meanwhile."""
    found = []
    for number in captured:
        at_once = [one for one in _tunnels_at(scene, number) if _overlap(scene, one, leg)]
        if 2 * sum(one.wire_bytes for one in at_once) >= leg.wire_bytes > 0:
            found.append(f"tunnels that nobody can open are on {scene.points[number].id}")
    return found


def _tunnels_at(scene: Scene, number: int) -> list[Leg]:
    """The legs at an uplink that are tunnels themselves."""
    if scene.closed_tunnels is None:
        scene.closed_tunnels = {}
        perhaps: dict[int, list[Leg]] = {}
        guests = {leg.key.src_mac for leg in scene.legs if scene.points[leg.key.point].role in ("vnic", "mirror")}
        guests = (guests | scene.port_macs) - scene.identities.routers.keys()
        for leg in scene.legs:
            if scene.points[leg.key.point].role not in OUTSIDE_ROLES:
                continue
            if _is_closed_tunnel(leg):
                scene.closed_tunnels.setdefault(leg.key.point, []).append(leg)
            elif _may_be_the_hosts_tunnel(scene, leg, guests):
                perhaps.setdefault(leg.key.point, []).append(leg)
        for point, legs in perhaps.items():
            largest = sorted(legs, key=lambda leg: -leg.wire_bytes)[:PERHAPS_KEPT]
            scene.closed_tunnels.setdefault(point, []).extend(largest)
    return scene.closed_tunnels.get(number, [])


def _is_closed_tunnel(leg: Leg) -> bool:
    protocol, low, high = leg.key.five_tuple
    return protocol in TUNNEL_PROTOCOLS or not TUNNEL_PORTS.isdisjoint(((protocol, low[1]), (protocol, high[1])))


def _may_be_the_hosts_tunnel(scene: Scene, leg: Leg, guests: set[int]) -> bool:
    """Whether a leg is neither of a kind that carries no frames nor a guest's own traffic."""
    key = leg.key
    if key.five_tuple.protocol in NO_TUNNELS or key.tunnel >= 0 or is_group_mac(key.dst_mac):
        return False
    return not any(mac in guests or scene.identities.looks_like_a_guest(mac) for mac in (key.src_mac, key.dst_mac))


def _overlap(scene: Scene, one: Leg, other: Leg) -> bool:
    """Whether two legs lasted at the same time, on the common clock."""
    if NO_TIME in (one.first_seen_ns, other.first_seen_ns):
        return True
    shift = scene.clock_shift_ns(one) - scene.clock_shift_ns(other)
    return (
        one.first_seen_ns + shift <= other.last_seen_ns + JITTER_NS
        and one.last_seen_ns + shift >= other.first_seen_ns - JITTER_NS
    )


def was_recording(scene: Scene, number: int, leg: Leg) -> bool:
    """Whether a point's file was being recorded during a leg, so that the point's silence about it means something."""
    file = scene.points[number].key.file
    seen = PointStatistics()
    for other, point in enumerate(scene.points):
        statistics = scene.statistics.get(other)
        if point.key.file == file and statistics is not None and statistics.first_seen_ns != NO_TIME:
            first = statistics.first_seen_ns
            seen.first_seen_ns = first if seen.first_seen_ns == NO_TIME else min(seen.first_seen_ns, first)
            seen.last_seen_ns = max(seen.last_seen_ns, statistics.last_seen_ns)
    if NO_TIME in (leg.first_seen_ns, seen.first_seen_ns):
        return False
    shift = scene.clock_offset_ns.get(file, 0) - scene.clock_shift_ns(leg)
    return (
        seen.first_seen_ns + shift <= leg.first_seen_ns + QUIET_UPLINK_NS
        and seen.last_seen_ns + shift >= leg.last_seen_ns - QUIET_UPLINK_NS
    )
