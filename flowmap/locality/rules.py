"""The sightings table: what the places tell where a packet was seen (reference 4.3, rows 1 to 6, 9, 10 and 12).

Each rule is a pure function over one direction's sightings; it returns a judgement or None when it does not apply.
The order matters: packets on an uplink are looked at before anything may be called "stayed".
"""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.identity.endpoints import Endpoint
from flowmap.legs import Leg
from flowmap.locality.sightings import Scene, Sightings, watch_uplinks
from flowmap.locality.verdict import Evidence, Judgement, undetermined

NEARLY_ALL = 0.9
"""Share of packets seen at both places from which a few missing ones change nothing."""

LEAK_SHARE = 0.1
LEAK_PACKETS = 8
"""A flood leak is at most this share, or this few, of the packets delivered locally."""


def judge_by_sightings(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement | None:
    """Apply the rows in order to one direction; ``back`` is what was seen of the other direction."""
    for judgement in (
        _overlay(scene, seen),
        _both_ports(scene, seen, back),
        _one_port_and_uplink(scene, seen, back, source, destination),
        _uplink_only(scene, seen, back, source, destination),
        _two_mirrors(scene, seen, back, source, destination),
    ):
        if judgement is not None:
            return judgement.capped(*_cap(scene, seen))
    return None


def same_addresses(one: Leg, other: Leg) -> bool:
    """Equal MACs and TTL: the packet was switched, not routed, between two sightings."""
    return (one.key.src_mac, one.key.dst_mac, one.ttl_max) == (other.key.src_mac, other.key.dst_mac, other.ttl_max)


def share_of(part: Leg, whole: Leg) -> float:
    """How much of one leg another one saw, by payload (segmentation changes packets), else by packets, else 1."""
    if whole.payload_bytes:
        return min(1.0, part.payload_bytes / whole.payload_bytes)
    return min(1.0, part.packets / whole.packets) if whole.packets else 1.0


def host_of(scene: Scene, leg: Leg) -> str | None:
    """The host of the point that recorded a leg."""
    return scene.points[leg.key.point].host


def seen_at(scene: Scene, rule: str, text: str, legs: Sequence[Leg], supports: bool = True) -> Evidence:
    """Evidence made of sightings: their points, first frames and the packets of the largest."""
    return Evidence(
        rule,
        supports,
        text,
        scene.names(legs),
        tuple(leg.first_frame for leg in legs),
        max(leg.packets for leg in legs),
    )


def _cap(scene: Scene, seen: Sightings) -> tuple[str | None, str]:
    """A guessed role or host never allows more than ``likely`` (DESIGN section 4)."""
    used = seen.a + seen.b + seen.u + seen.t + seen.m
    guessed = sorted({scene.points[leg.key.point].id for leg in used if not scene.points[leg.key.point].is_stated})
    if guessed:
        return "likely", f"The role of {', '.join(guessed[:4])} is only guessed from a name."
    ports = {leg.key.point for leg in seen.a + seen.b} & scene.ports.by_inventory
    if ports:
        return "strong", f"Only the inventory says whose port {scene.points[min(ports)].id} is."
    return None, ""


def _overlay(scene: Scene, seen: Sightings) -> Judgement | None:
    """Row 9: inside a tenant tunnel on an uplink, so it crossed the underlay to another tunnel endpoint."""
    if not seen.t:
        return None
    evidence = seen_at(scene, "sighting-9", "Crossed the underlay inside a tenant tunnel.", seen.t)
    return Judgement("inter_host_overlay", "proven", [evidence])


def _both_ports(scene: Scene, seen: Sightings, back: Sightings) -> Judgement | None:
    """Rows 1 to 3, 5 and 6: seen at the source's and at the destination's port."""
    if not (seen.a and seen.b):
        return None
    a, b = max(seen.a, key=lambda leg: leg.packets), max(seen.b, key=lambda leg: leg.packets)
    host_a, host_b = host_of(scene, a), host_of(scene, b)
    if host_a != host_b and host_a and host_b:
        return _between_hosts(scene, seen, a, b)
    if host_a is None or host_b is None:
        return _ports_of_unknown_hosts(scene, seen, a, b)
    uplinks = [leg for leg in seen.u if host_of(scene, leg) == host_a]
    if not same_addresses(a, b):
        return _routed_between_ports(scene, a, b, uplinks)
    elsewhere = _answered_elsewhere(seen, back, scene, host_a)
    if elsewhere:
        return Judgement(
            "undetermined", "conflict",
            [seen_at(scene, "sighting-1", f"The same frames at both VMs' ports of {host_a}.", [a, b]),
             seen_at(scene, "sighting-10", "Both directions are at another host's points too.", elsewhere, False)],
            ["Check which host each capture point belongs to."],
        )  # fmt: skip
    if uplinks:
        return _switched_but_on_uplink(scene, a, b, uplinks, back)
    return _switched(scene, a, b, host_a)


def _ports_of_unknown_hosts(scene: Scene, seen: Sightings, a: Leg, b: Leg) -> Judgement:
    """Two ports without a host: only one uplink with both halves of a routed packet says anything."""
    out = {leg.key.point: leg for leg in seen.u if same_addresses(leg, a)}
    turned = [leg for leg in seen.u if same_addresses(leg, b) and leg.key.point in out]
    if turned and not same_addresses(a, b):
        return _routed_between_ports(scene, a, b, [out[turned[0].key.point], turned[0]]).capped(
            "likely", "Nobody says which host these ports belong to."
        )
    return undetermined(
        "sighting-2",
        "Seen at both VMs' ports, but nobody says which hosts these ports belong to: two interfaces of one file are "
        "not one host.",
        "State the host of both ports (--point FILE:IFACE=host:NAME,role:vnic).",
        points=scene.names([a, b]),
    )


def _between_hosts(scene: Scene, seen: Sightings, a: Leg, b: Leg) -> Judgement:
    """Row 2 for two hosts, row 4 where an uplink saw it too."""
    text = f"Left {host_of(scene, a)} and arrived at a port of {host_of(scene, b)}."
    evidence = [seen_at(scene, "sighting-4" if seen.u else "sighting-2", text, [a, b])]
    if seen.u:
        evidence.append(seen_at(scene, "sighting-4", "On the uplink in between.", seen.u))
    return Judgement("inter_host", "proven" if seen.u else "strong", evidence)


def _answered_elsewhere(seen: Sightings, back: Sightings, scene: Scene, host: str) -> list[Leg]:
    """Legs at another host's points where the answers were seen too: no flood, so a statement must be wrong."""

    def away(sightings: Sightings) -> list[Leg]:
        places = sightings.a + sightings.b + sightings.u + sightings.m + sightings.other
        return [leg for leg in places if host_of(scene, leg) not in (None, host)]

    return away(seen) if away(back) else []


def _switched(scene: Scene, a: Leg, b: Leg, host: str) -> Judgement:
    """Rows 1 and 2: the same frame at both ports of one host and on no uplink."""
    text = f"The same frames at both VMs' ports of {host}: equal MACs, TTL {a.ttl_max}."
    covered = min(share_of(b, a), share_of(a, b))
    result = Judgement("intra_host_switched", "proven", [seen_at(scene, "sighting-1", text, [a, b])])
    if covered < NEARLY_ALL:
        result.covered = covered
        result.evidence.append(
            Evidence("sighting-1", False, f"Only {covered:.0%} of it was seen at both ports.", scene.names([a, b]))
        )
    macs = {a.key.src_mac, a.key.dst_mac}
    watch = watch_uplinks(scene, host, macs, min(a.first_seen_ns, b.first_seen_ns), max(a.last_seen_ns, b.last_seen_ns))
    names = tuple(scene.points[number].id for number in watch.captured)
    if not watch.complete and {a.key.point, b.key.point} <= scene.ports.split:
        return undetermined(
            "sighting-2",
            "The two ports carry nothing but this pair, so they may be two places on the way of one VM.",
            f"Capture every uplink of {host}, or give an inventory with the interface names.",
            points=scene.names([a, b]),
        )
    if watch.complete:
        result.evidence.append(Evidence("sighting-1", True, f"On no uplink of {host}, and all were captured.", names))
    elif watch.captured:
        result.capped("likely")
        result.evidence += [Evidence("sighting-1", False, f"Absence on the uplink proves little: {why}.", names)
                            for why in watch.lacks]  # fmt: skip
        result.would_settle.append(
            f"Capture every uplink of {host} and state uplinks_complete: true in the points file."
        )
    else:
        result.evidence[0] = result.evidence[0]._replace(rule="sighting-2")
        result.capped("strong")
        result.evidence.append(
            Evidence("sighting-2", False, f"No uplink of {host} was captured, so a reflective relay is not excluded.")
        )
        result.would_settle.append(f"Capture the uplinks of {host} too.")
    return result


def _switched_but_on_uplink(scene: Scene, a: Leg, b: Leg, uplinks: list[Leg], back: Sightings) -> Judgement:
    """Rows 3 and 6: at both ports with equal addresses, and on the uplink."""
    equal = [leg for leg in uplinks if same_addresses(leg, a)]
    twice = sum(leg.packets * min(2, _usual_copies(leg)) for leg in equal)
    on_wire, delivered = sum(leg.packets for leg in equal), max(a.packets, b.packets)
    if equal and twice >= 2 * NEARLY_ALL * delivered and (len(equal) > 1 or _usual_copies(equal[0]) >= 2):
        text = "On the uplink twice, out and back, with equal MACs and TTL: a reflective relay turned it round."
        return Judgement("hairpin_reflected", "proven", [seen_at(scene, "sighting-6", text, [a, *equal, b])])
    few = on_wire <= max(LEAK_PACKETS, LEAK_SHARE * delivered)
    silent = not (back.a or back.b)
    if equal and len(equal) == len(uplinks) and ((few and on_wire < delivered) or silent):
        what = f"{on_wire} of {delivered} packets were flooded to the uplink too and delivered here all the same."
        host = host_of(scene, a) or "the host"
        result = _switched(scene, a, b, host)
        result.evidence.append(seen_at(scene, "sighting-3", what, equal))
        return result.capped("strong" if few else "likely")
    return undetermined(
        "sighting-3",
        f"Delivered at both ports, yet {on_wire or len(uplinks)} packets are on the uplink: neither a flood nor a "
        "clean reflection.",
        "Capture both directions of every uplink of this host.",
        points=scene.names([a, b, *uplinks]),
    )


def _usual_copies(leg: Leg) -> int:
    """How often most packets of a leg stand on it."""
    return max(range(len(leg.copies)), key=lambda index: leg.copies[index]) + 1


def _routed_between_ports(scene: Scene, a: Leg, b: Leg, uplinks: list[Leg]) -> Judgement:
    """Row 5: other MACs and a smaller TTL at the destination, and both halves on the uplink."""
    out = [leg for leg in uplinks if same_addresses(leg, a)]
    back = [leg for leg in uplinks if same_addresses(leg, b)]
    if out or back:
        text = (
            f"Left by the uplink with TTL {a.ttl_max}{_vlan(out)} and came back with TTL {b.ttl_max}{_vlan(back)}: "
            "a router outside the host turned it round."
        )
        grade = "proven" if out and back else "strong"
        return Judgement("hairpin_routed", grade, [seen_at(scene, "sighting-5", text, [a, *out, *back, b])])
    return undetermined(
        "sighting-7",
        f"Routed (TTL {a.ttl_max} to {b.ttl_max}) and on no captured uplink: a router inside the host, or an uplink "
        "that was not captured.",
        "Capture the ports of the router VM and every uplink of this host.",
        points=scene.names([a, b]),
    )


def _vlan(legs: Sequence[Leg]) -> str:
    return f" (VLAN {legs[0].key.vlan})" if legs and legs[0].key.vlan >= 0 else ""


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
    if not uplinks:
        return None
    same = [leg for leg in uplinks if same_addresses(leg, port)]
    turned = [leg for leg in uplinks if not same_addresses(leg, port)]
    if same and turned:
        text = "On the uplink twice, the second time with other MACs and TTL: routed outside and back."
        return Judgement("hairpin_routed", "strong", [seen_at(scene, "sighting-5", text, [port, *same, *turned])])
    twice = host is not None and sum(share_of(leg, port) for leg in same) >= 2 * NEARLY_ALL
    if same and (twice or _usual_copies(same[0]) >= 2):
        text = "On the uplink twice with equal MACs and TTL: a reflective relay turned it round."
        return Judgement("hairpin_reflected", "strong", [seen_at(scene, "sighting-6", text, [port, *same])])
    peer = destination if seen.a else source
    share = sum(share_of(leg, port) for leg in uplinks)
    if peer.host is not None and peer.host == host and not _was_there_too(scene, back, port):
        return undetermined(
            "sighting-3",
            f"Seen at {scene.points[port.key.point].id} and on the uplink, yet {peer.label} is placed on {host} too: "
            "it may be a flood.",
            f"Capture the port of {peer.label} as well.",
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
    result = _away(peer, [seen_at(scene, "sighting-4", text, [port, *uplinks])])
    result.covered = min(1.0, share) if share < NEARLY_ALL else 1.0
    return result


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
        and gateway not in scene.ports.owners.values()
        and any(gateway in scene.senders_at.get(leg.key.point, ()) for leg in seen.u)
    )


def _away(peer: Endpoint, evidence: list[Evidence]) -> Judgement:
    """Left the host: to another one where the peer is a VM, else out of the estate."""
    if peer.kind == "vm":
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
    points = {leg.key.point for leg in seen.u}
    ttls = {leg.ttl_max for leg in seen.u}
    hosts = {host_of(scene, leg) for leg in seen.u}
    if len(ttls) > 1 and (len(points) == 1 or (len(hosts) == 1 and None not in hosts)):
        text = "On one host's uplink twice, with two TTLs: routed outside and back."
        return Judgement("hairpin_routed", "strong", [seen_at(scene, "sighting-5", text, seen.u)])
    if len(seen.u) == 1 and _usual_copies(seen.u[0]) >= 2:
        return undetermined(
            "sighting-6",
            "Twice on the uplink with equal MACs and TTL: a reflective relay, or a doubling mirror.",
            "Capture the ports of both VMs.",
            points=scene.names(seen.u),
        )
    if back.u:
        text = "Both directions are on an uplink: addresses are learned, so these are no floods."
        peer = destination if destination.kind != "vm" else source
        return _away(peer, [seen_at(scene, "sighting-4", text, seen.u)]).capped("strong")
    return undetermined(
        "sighting-3",
        "Only one direction is on the uplink: it may be a flooded copy.",
        "Capture the ports of both VMs, or both directions of the uplink.",
        points=scene.names(seen.u),
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
    if not answered:
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
    covered = min(share_of(legs[1], legs[0]), share_of(legs[0], legs[1]))
    text = f"The mirrors of {hosts[0]} and {hosts[1]} both saw the packets, and the answers."
    result = Judgement("inter_host", "proven", [seen_at(scene, "sighting-10", text, legs)])
    if covered < NEARLY_ALL:
        result.covered = covered
        result.evidence.append(
            Evidence(
                "sighting-10", False, f"Only {covered:.0%} of it is in both mirrors; the rest may have moved with a VM."
            )
        )
        result.would_settle.append("Mirrors that cover the whole time on both hosts, or the ports of both VMs.")
    return result


def _two_mirrors_routed(scene: Scene, seen: Sightings, legs: list[Leg], hosts: list[str]) -> Judgement | None:
    """Row 10 with a router in between: one half in each mirror, never both in one."""
    if any(len({leg.ttl_max for leg in seen.m if host_of(scene, leg) == host}) > 1 for host in hosts):
        return None
    text = f"Before a router in the mirror of one host, behind it in the other's ({hosts[0]}, {hosts[1]})."
    return Judgement("inter_host", "likely", [seen_at(scene, "sighting-10", text, legs)])
