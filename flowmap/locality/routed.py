"""Routed between two ports: by a router outside, by one in every host, or by a VM (reference 4.3, rows 5, 7 and 8).

The picture is the same in all of them, other MACs and a smaller TTL at the destination: the router's place decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.legs import Leg
from flowmap.locality.completeness import UplinkWatch, watch_uplinks
from flowmap.locality.coverage import (
    MISSED_SHARE,
    NEARLY_ALL,
    covering,
    host_of,
    in_brackets,
    is_leak,
    once,
    same_addresses,
    seen_at,
)
from flowmap.locality.sightings import Scene, Sightings
from flowmap.locality.verdict import Evidence, Judgement, undetermined
from flowmap.packets import mac_text


def routed_between_ports(
    scene: Scene, seen: Sightings, a: Leg, b: Leg, host: str | None, uplinks: list[Leg]
) -> Judgement:
    """Rows 5, 7 and 8 for twins at two ports of one host; ``host`` is None where nobody states it.

    ``uplinks`` are the direction's legs on uplinks of that host. Once they hold a half of it, the packet left.
    """
    out = [leg for leg in uplinks if same_addresses(leg, a)]
    back = [leg for leg in uplinks if same_addresses(leg, b)]
    if (out or back) and not is_leak(seen, max(out, back, key=lambda legs: seen.share(*legs))):
        text = (
            f"Left by the uplink with TTL {a.ttl_max}{_vlan(out)} and came back with TTL {b.ttl_max}{_vlan(back)}: "
            f"a router outside the host{in_brackets(out[0].key.dst_mac) if out else ''} turned it round."
        )
        grade = "proven" if out and back else "strong"
        evidence = [seen_at(scene, "sighting-5", text, [a, *out, *back, b])]
        return covering(Judgement("hairpin_routed", grade, evidence), seen, once(scene, seen, out or back))
    into, out_of = _router_ports(scene, seen, a, b)
    away = [leg for leg in (*into, *out_of) if host_of(scene, leg) not in (None, host)]
    if away and host is not None:
        text = f"Routed at a port of {host_of(scene, away[0])} between two ports of {host}: out, and back again."
        evidence = [seen_at(scene, "sighting-5", text, [a, *away, b])]
        return covering(Judgement("hairpin_routed", "strong", evidence), seen, [max(away, key=seen.share)])
    if host is not None and not uplinks:
        watch = watch_uplinks(scene, a, host, b).with_hidden()
        if a.ttl_max - b.ttl_max > 1 and not watch.complete:
            return undetermined(
                "sighting-7",
                f"Routed more than once (TTL {a.ttl_max} to {b.ttl_max}), and what is between the first and the last "
                "router may be outside: a service router on an edge node, a device that a firewall sends to.",
                f"Capture every uplink of {host} and state uplinks_complete: true.",
                points=scene.names([a, b]),
            )
        inside = _by_router_vm(scene, a, b, host, into, out_of, watch) or _by_router_in_host(scene, a, b, host, watch)
        if inside is not None:
            return _speaking_for(seen, inside, a, b, watch)
    return undetermined(
        "sighting-7",
        f"Routed (TTL {a.ttl_max} to {b.ttl_max}) and on no captured uplink: a router inside the host, or an uplink "
        "that was not captured.",
        "Capture the ports of the router VM and every uplink of this host.",
        points=scene.names([a, b]),
    )


def _router_ports(scene: Scene, seen: Sightings, a: Leg, b: Leg) -> tuple[list[Leg], list[Leg]]:
    """The legs at the router's own ports: before routing as at ``a``, and after it as at ``b``."""
    owners = scene.ports.owners
    into = [leg for leg in seen.via if same_addresses(leg, a) and owners[leg.key.point] == a.key.dst_mac]
    out_of = [leg for leg in seen.via if same_addresses(leg, b) and owners[leg.key.point] == b.key.src_mac]
    return [leg for leg in into if scene.are_twins(leg, a)], [leg for leg in out_of if scene.are_twins(leg, b)]


def _by_router_vm(
    scene: Scene, a: Leg, b: Leg, host: str, into: Sequence[Leg], out_of: Sequence[Leg], watch: UplinkWatch
) -> Judgement | None:
    """Row 8: in at one port of a VM of the same host and out at another, or the inventory places the router there."""
    hops = {a.key.dst_mac, b.key.src_mac}
    if into and out_of and {host_of(scene, leg) for leg in (*into, *out_of)} == {host}:
        text = f"Through a router VM on {host}: TTL {a.ttl_max} in at its port, TTL {b.ttl_max} out at its port."
        seen = [seen_at(scene, "sighting-8", text, [a, *into, *out_of, b])]
        result = Judgement("intra_host_routed_vm", "proven", seen)
        if {leg.key.point for leg in (*into, *out_of)} & scene.ports.unsure and not watch.complete:
            return None
    elif all(scene.router_is_on(mac, host) for mac in hops):
        named = " and ".join(mac_text(mac) for mac in sorted(hops))
        text = f"Routed by {named}, a VM on the same host {host}."
        result = Judgement("intra_host_routed_vm", "strong", [seen_at(scene, "sighting-8", text, [a, b])])
        if not watch.complete and not all(scene.is_known_on(mac, host) for mac in hops):
            result.capped("likely", f"Only the inventory says that the router is on {host}.")
    else:
        return None
    return _graded(scene, result, host, watch)


def _by_router_in_host(scene: Scene, a: Leg, b: Leg, host: str, watch: UplinkWatch) -> Judgement | None:
    """Row 7: by a router that every host has; where all uplinks were silent, by any router inside.

    Sent to one router and handed over by another, and only one of them is distributed: the other may be a firewall
    outside that leaves the TTL alone, so that only silent uplinks say that it is not.
    """
    hops = sorted({a.key.dst_mac, b.key.src_mac})
    kinds = {scene.identities.router_kind(mac) for mac in hops}
    named = " and ".join(mac_text(mac) for mac in hops)
    beyond = [mac for mac in hops if scene.identities.router_kind(mac) != "distributed"
              and (scene.stands_outside(mac) or scene.is_behind_uplink(mac, host))]  # fmt: skip
    if "distributed" in kinds and not beyond and (watch.complete or kinds == {"distributed"}):
        text = f"Routed by {named}, a distributed router, between two ports of {host} (TTL {a.ttl_max} to {b.ttl_max})."
        result = Judgement("intra_host_routed_distributed", "proven", [seen_at(scene, "sighting-7", text, [a, b])])
        return _graded(scene, result, host, watch)
    if not watch.complete:
        return None
    if beyond:
        text = f"Routed by {mac_text(beyond[0])}, which stands beyond the uplinks of {host}, yet it is on none of them."
        return Judgement(
            "undetermined", "conflict",
            [seen_at(scene, "sighting-7", text, [a, b]),
             Evidence("sighting-7", False, f"All uplinks of {host} are said to be captured.")],
            [f"Check that {host} has no other uplink."],
        )  # fmt: skip
    text = f"Routed by {named} inside {host} (TTL {a.ttl_max} to {b.ttl_max})."
    result = Judgement("intra_host_routed_distributed", "strong", [seen_at(scene, "sighting-7", text, [a, b])])
    result.evidence.append(Evidence("sighting-7", False, "What router that is, no port or inventory shows."))
    if "physical" in kinds:
        result.capped("likely", "Its address looks like that of a physical router.")
    return _graded(scene, result, host, watch)


def _graded(scene: Scene, result: Judgement, host: str, watch: UplinkWatch) -> Judgement:
    """As good as the uplinks allow: all silent, or not known to be."""
    rule = result.evidence[0].rule
    names = tuple(scene.points[number].id for number in watch.captured)
    if watch.complete:
        result.evidence.append(Evidence(rule, True, f"On no uplink of {host}, and all were captured.", names))
        return result
    result.capped("likely")
    if watch.captured:
        result.evidence += [Evidence(rule, False, f"Absence on the uplink proves little: {why}.", names)
                            for why in watch.lacks]  # fmt: skip
        result.would_settle.append(f"Capture every uplink of {host} and state uplinks_complete: true.")
        return result
    result.evidence.append(Evidence(rule, False, f"No uplink of {host} was captured."))
    result.would_settle.append(f"Capture the uplinks of {host} too.")
    return result


def _speaking_for(seen: Sightings, result: Judgement, a: Leg, b: Leg, watch: UplinkWatch) -> Judgement:
    """Only for the packets that both ports saw, a few missing ones apart."""
    covered = min(seen.share(a), seen.share(b))
    if not (watch.complete and covered >= NEARLY_ALL) and covered < 1 - MISSED_SHARE:
        result.covered = covered
        few = f"Only {covered:.0%} of it was seen at both ports; the rest is open."
        result.evidence.append(Evidence(result.evidence[0].rule, False, few))
    return result


def _vlan(legs: Sequence[Leg]) -> str:
    return f" (VLAN {legs[0].key.vlan})" if legs and legs[0].key.vlan >= 0 else ""
