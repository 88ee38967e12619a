"""The sightings table: what the places tell where a packet was seen (reference 4.3, rows 1 to 10 and 13).

Each rule is a pure function over one direction's sightings; it returns a judgement or None when it does not apply.
The order matters: packets on an uplink are looked at before anything may be called "stayed".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import virtual_vendor
from flowmap.legs import Leg
from flowmap.locality.both_ports import both_ports
from flowmap.locality.coverage import (
    NEARLY_ALL,
    covering,
    host_of,
    in_brackets,
    is_leak,
    once,
    same_addresses,
    seen_at,
    usual_copies,
)
from flowmap.locality.sightings import Scene, Sightings, outermost_tag
from flowmap.locality.silent_uplinks import behind_silent_uplinks
from flowmap.locality.verdict import Evidence, Judgement, undetermined
from flowmap.packets import mac_text


def judge_by_sightings(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement | None:
    """Apply the rows in order to one direction; ``back`` is what was seen of the other direction."""
    if len(seen.legs) == 1 and not (seen.u or seen.t or seen.doubt or scene.watched_hosts):
        return None  # one sighting inside: every row without an uplink compares two
    judgement = (
        _perhaps_copies(scene, seen)
        or both_ports(scene, seen, back)
        or _overlay(scene, seen, back)
        or _one_port_and_uplink(scene, seen, back, source, destination)
        or _uplink_only(scene, seen, back, source, destination)
        or _two_mirrors(scene, seen, back, source, destination)
        or behind_silent_uplinks(scene, seen, back, source, destination)
    )
    return judgement.capped(*_cap(scene, seen)) if judgement else None


def _cap(scene: Scene, seen: Sightings) -> tuple[str | None, str]:
    """A guessed role or host never allows more than ``likely`` (DESIGN section 4)."""
    used = (*seen.a, *seen.b, *seen.u, *seen.t, *seen.m)
    guessed = sorted({scene.points[leg.key.point].id for leg in used if not scene.points[leg.key.point].is_stated})
    if guessed:
        return "likely", f"The role of {', '.join(guessed[:4])} is only guessed from a name."
    ports = {leg.key.point for leg in (*seen.a, *seen.b)} & scene.ports.by_inventory
    if ports:
        return "likely", f"Only the inventory says whose port {scene.points[min(ports)].id} is."
    return None, ""


def _perhaps_copies(scene: Scene, seen: Sightings) -> Judgement | None:
    """On uplinks only in a VLAN that repeats the frames of others: a remote mirror's copies say nothing (fact 0.4)."""
    if not seen.doubt or seen.u or seen.t:
        return None
    vlans = sorted({outermost_tag(leg) for leg in seen.doubt})
    named = " and ".join(f"VLAN {vlan}" if vlan >= 0 else "untagged frames" for vlan in vlans)
    return undetermined(
        "remote-mirror",
        f"On an uplink in {named} only, where frames of other VLANs stand a second time: it looks like a remote mirror "
        "(RSPAN), whose copies leave the host though the packets stayed.",
        f"State what {named} is in the points file: 'vlan: {vlans[0]}' with the uplink's file and interface.",
        points=scene.names(seen.doubt),
    )


def _overlay(scene: Scene, seen: Sightings, back: Sightings) -> Judgement | None:
    """Row 9: inside a tenant tunnel on an uplink, so it crossed the underlay to another tunnel endpoint.

    Where question and answer go to one and the same receiver, these are copies for a collector (fact 0.3), also where
    each port's session has a virtual network or key of its own.
    """
    if not seen.t or is_leak(seen, seen.t):
        return None
    receivers = [{scene.identities.tunnel_receiver(leg) for leg in way.t} for way in (seen, back)]
    if len(receivers[0]) == 1 and receivers[0] == receivers[1]:
        return undetermined(
            "sighting-17",
            "Both directions are inside tunnels to one receiver: they look like a mirror's, which carry copies.",
            "State what the tunnel is in the points file: 'transport: vxlan' with the uplink's file and interface.",
            points=scene.names(seen.t),
        )
    evidence = seen_at(scene, "sighting-9", "Crossed the underlay inside a tenant tunnel.", seen.t)
    return covering(Judgement("inter_host_overlay", "proven", [evidence]), seen, once(scene, seen, seen.t))


def _one_port_and_uplink(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement | None:
    """Rows 4 to 6 where only one of the two ports was captured."""
    port_legs = seen.a or seen.b
    if not port_legs or not seen.u:
        return None
    port = max(port_legs, key=lambda leg: leg.packets)
    host = host_of(scene, port)
    uplinks = [leg for leg in seen.u if host_of(scene, leg) == host]
    if host is None:  # uplinks of unknown hosts are not one host's: what two of them saw must not be added up
        best = max(uplinks, key=seen.share, default=None)
        uplinks = [leg for leg in uplinks if best and leg.key.point == best.key.point]
    if not uplinks or is_leak(seen, uplinks):
        return None
    same = [leg for leg in uplinks if same_addresses(leg, port)]
    turned = [leg for leg in uplinks if any(_was_turned(scene, leg, other) for other in same)]
    if turned:
        router = in_brackets(port.key.dst_mac if seen.a else port.key.src_mac)
        text = f"On the uplink twice, the second time with other MACs and TTL: routed outside{router} and back."
        evidence = [seen_at(scene, "sighting-5", text, [port, *same, *turned])]
        return covering(Judgement("hairpin_routed", "strong", evidence), seen, once(scene, seen, same))
    by_tag: dict[tuple[int, int], float] = defaultdict(float)
    for leg in same:  # a remote mirror's copies have a VLAN of their own, and a bond and its members see the same
        by_tag[leg.key.point, outermost_tag(leg)] += seen.share(leg)
    twice = host is not None and max(by_tag.values(), default=0) >= 2 * NEARLY_ALL
    peer = destination if seen.a else source
    is_twice = bool(same) and (twice or usual_copies(same[0]) >= 2)
    is_elsewhere = host is not None and peer.host not in (None, host)  # a relay sends back: then the capture doubles
    if is_twice and not is_elsewhere:
        text = "On the uplink twice with equal MACs and TTL: a reflective relay turned it round."
        return Judgement("hairpin_reflected", "strong", [seen_at(scene, "sighting-6", text, [port, *same])])
    share = seen.share(*uplinks)
    if peer.host is not None and peer.host == host and not _was_there_too(scene, back, port):
        return undetermined(
            "sighting-3",
            f"Seen at {scene.points[port.key.point].id} and on the uplink, yet {peer.label} is placed on {host} too: "
            "it may be a flood.",
            f"Capture the port of {peer.label} as well.",
            points=scene.names([port, *uplinks]),
        )
    if peer.host == host and any(row.passthrough for row in peer.records):
        return undetermined(
            "inventory-passthrough",
            f"On the uplink, yet {peer.label} is placed on {host} too with a NIC past the vSwitch: the NIC's own "
            "switch may have turned it round.",
            "Capture at the physical switch.",
            points=scene.names([port, *uplinks]),
        )
    if not _was_there_too(scene, back, port) and not _is_known_beyond(scene, port, peer, seen):
        return undetermined(
            "sighting-3",
            f"{share:.0%} of it is on the uplink, but nothing came back: a switch that has not learned an address "
            "floods to the uplink too.",
            f"Capture the port of {peer.label}, or an inventory that places it.",
            points=scene.names([port, *uplinks]),
        )
    where = "Went out by" if seen.a else "Came in by"
    text = f"{where} the uplink{f' of {host}' if host else ''} and was at no other port of it."
    evidence = [seen_at(scene, "sighting-4", text, [port, *uplinks])]
    result = _away(peer, evidence)
    if is_twice and peer.host_how == "inventory":
        result.capped("likely", f"It is on the uplink twice, and only the inventory has {peer.label} on another host.")
    return covering(result, seen, once(scene, seen, uplinks))


def _was_turned(scene: Scene, one: Leg, other: Leg) -> bool:
    """Whether two uplink legs are the two halves of a routed packet: twins with other MACs and another TTL."""
    return (
        one.ttl_max != other.ttl_max
        and (one.key.src_mac, one.key.dst_mac) != (other.key.src_mac, other.key.dst_mac)
        and scene.are_twins(one, other)
    )


def _was_there_too(scene: Scene, back: Sightings, port: Leg) -> bool:
    """Whether the answers crossed this host's uplink: then the address is learned, and no flood explains it."""
    return any(host_of(scene, leg) == host_of(scene, port) for leg in back.u)


def _is_known_beyond(scene: Scene, port: Leg, peer: Endpoint, seen: Sightings) -> bool:
    """Whether an unanswered packet certainly crossed: it came in, its peer's port is elsewhere, or a router took it."""
    host = host_of(scene, port)
    if seen.b or (peer.host is not None and peer.host_how != "inventory" and peer.host != host):
        return True
    gateway = port.key.dst_mac
    return (
        gateway in scene.identities.routers
        and gateway not in scene.port_macs
        and any(gateway in scene.senders_at.get(leg.key.point, ()) for leg in seen.u)
    )


def _away(peer: Endpoint, evidence: list[Evidence]) -> Judgement:
    """Left the host: to another one where the peer is a VM, else out of the estate."""
    is_router_vm = peer.kind == "router" and any(virtual_vendor(mac) for mac in peer.macs)
    if peer.kind == "vm" or is_router_vm:
        return Judgement("inter_host", "proven", evidence)
    if peer.kind in ("external", "router", "hypervisor"):
        return Judgement("north_south", "proven", evidence)
    evidence.append(Evidence("sighting-4", False, f"Whether {peer.label} is a VM is not known; it left all the same."))
    return Judgement("north_south", "likely", evidence)


def _uplink_only(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement | None:
    """Rows 4 and 5 from an uplink alone: only what is no flood, so both directions must be there."""
    if not seen.u or seen.a or seen.b:
        return None
    if is_leak(seen, seen.u):
        return None
    turned = [
        leg
        for leg in seen.u
        if any(_was_turned(scene, leg, other) and _same_place(scene, leg, other) for other in seen.u)
    ]
    if turned:
        text = "On one host's uplink twice, with two TTLs: routed outside and back."
        return covering(
            Judgement("hairpin_routed", "strong", [seen_at(scene, "sighting-5", text, turned)]),
            seen,
            once(scene, seen, turned),
        )
    if len(seen.u) == 1 and usual_copies(seen.u[0]) >= 2:
        return undetermined(
            "sighting-6",
            "Twice on the uplink with equal MACs and TTL: a reflective relay, or a doubling mirror.",
            "Capture the ports of both VMs.",
            points=scene.names(seen.u),
        )
    if back.u:
        text = "Both directions are on an uplink: addresses are learned, so these are no floods."
        peer = destination if destination.kind != "vm" else source
        result = _away(peer, [seen_at(scene, "sighting-4", text, seen.u)]).capped("strong")
        return covering(result, seen, once(scene, seen, seen.u))
    return undetermined(
        "sighting-3",
        "Only one direction is on the uplink: it may be a flooded copy.",
        "Capture the ports of both VMs, or both directions of the uplink.",
        points=scene.names(seen.u),
    )


def _same_place(scene: Scene, one: Leg, other: Leg) -> bool:
    """One capture point, or two of one known host."""
    return one.key.point == other.key.point or (
        host_of(scene, one) is not None and host_of(scene, one) == host_of(scene, other)
    )


def _two_mirrors(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement | None:
    """Row 10: the mirrors of two hosts saw the same frames, and answers too, so that they are no floods."""
    by_host: dict[str, Leg] = {}
    for leg in sorted(seen.m, key=lambda leg: leg.packets):
        if host := host_of(scene, leg):
            by_host[host] = leg
    if len(by_host) < 2:
        return None
    legs = sorted(by_host.values(), key=lambda leg: -leg.packets)[:2]
    hosts = [str(host_of(scene, leg)) for leg in legs]
    answered = {host_of(scene, leg) for leg in back.m} >= set(hosts)
    if not answered or not scene.are_twins(*legs) or is_leak(seen, legs[1:]):
        return None
    place = {endpoint.host for endpoint in (source, destination) if endpoint.host_how == "inventory"}
    if source.host and source.host == destination.host and len(place) == 1:
        return Judgement(
            "undetermined", "conflict",
            [seen_at(scene, "sighting-10", f"Both directions are in the mirrors of {' and '.join(hosts)}.", legs),
             Evidence("inventory-placement", False, f"The inventory has both VMs on {source.host}.")],
            ["Export the inventory again at the time of the capture."],
        )  # fmt: skip
    if not same_addresses(*legs):
        return _two_mirrors_routed(scene, seen, legs, hosts)
    doubted = [leg for leg in legs if _may_be_copies(scene, leg, seen.m)]
    if doubted:
        return undetermined(
            "remote-mirror",
            f"In the mirrors of {hosts[0]} and {hosts[1]}, but at {scene.names(doubted)[0]} only in VLAN "
            f"{outermost_tag(doubted[0])}, where frames of other VLANs stand a second time: a remote mirror's copies.",
            "State the VLAN of the remote mirror in the points file.",
            points=scene.names(legs),
        )
    text = f"The mirrors of {hosts[0]} and {hosts[1]} both saw the packets, and the answers."
    result = Judgement("inter_host", "proven", [seen_at(scene, "sighting-10", text, legs)])
    if seen.share(legs[1]) < NEARLY_ALL:
        result.would_settle.append("Mirrors that cover the whole time on both hosts, or the ports of both VMs.")
    return covering(result, seen, legs[1:])


def _may_be_copies(scene: Scene, leg: Leg, legs: Sequence[Leg]) -> bool:
    """Whether a mirror shows some frames in one VLAN only, in which it repeats others (a remote mirror's copies)."""
    tags = {outermost_tag(one) for one in legs if one.key.point == leg.key.point}
    return len(tags) == 1 and (leg.key.point, outermost_tag(leg)) in scene.repeating_tags


def turned_at_one_place(scene: Scene, seen: Sightings) -> Judgement | None:
    """Row 13: both halves of a routed packet at one place, and the router is no virtual one.

    Without a stated role the place may be the router's own port, so that is a single heuristic: ``weak``.
    """
    if len(seen.legs) < 2 or seen.a or seen.b or seen.u or seen.t:
        return None
    places = [*seen.m, *seen.unknown]
    for first in places:
        halves = [leg for leg in places if leg.key.point == first.key.point and _was_turned(scene, first, leg)]
        last = next((leg for leg in halves if leg.ttl_max < first.ttl_max), None)
        if last is None:
            continue
        hops = {first.key.dst_mac, last.key.src_mac}
        if any(scene.identities.router_kind(mac) != "physical" or mac in scene.port_macs for mac in hops):
            return None
        named = " and ".join(mac_text(mac) for mac in sorted(hops))
        text = f"Sent to {named} and back with a smaller TTL; a physical router has such addresses."
        grade = "likely" if seen.m else "weak"
        result = Judgement("hairpin_routed", grade, [seen_at(scene, "sighting-13", text, [first, last])])
        result.would_settle.append("Capture the ports of both VMs and every uplink of their host.")
        return covering(result, seen, [min((first, last), key=seen.share)])
    return None


def _two_mirrors_routed(scene: Scene, seen: Sightings, legs: list[Leg], hosts: list[str]) -> Judgement | None:
    """Row 10 with a router in between: one half in each mirror, never both in one."""
    if any(len({leg.ttl_max for leg in seen.m if host_of(scene, leg) == host}) > 1 for host in hosts):
        return None
    text = f"Before a router in the mirror of one host, behind it in the other's ({hosts[0]}, {hosts[1]})."
    return Judgement("inter_host", "likely", [seen_at(scene, "sighting-10", text, legs)])
