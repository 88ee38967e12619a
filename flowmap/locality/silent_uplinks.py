"""Seen inside a host and on none of its uplinks, though all were captured: it stayed (reference 0.2 and row 1).

This needs neither both ports nor an inventory: a frame in the vSwitch that no uplink carried, and whose answer none
carried either, came from a port of that host and went to one. What it does need is every uplink.
"""

from __future__ import annotations

from flowmap.identity.endpoints import Endpoint
from flowmap.legs import Leg
from flowmap.locality.completeness import watch_uplinks
from flowmap.locality.coverage import NEARLY_ALL, host_of, same_addresses, seen_at
from flowmap.locality.sightings import Scene, Sightings
from flowmap.locality.verdict import Evidence, Judgement, undetermined
from flowmap.packets import mac_text


def behind_silent_uplinks(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement | None:
    """Row 1 without both ports: a mirror or one port of a host, its uplinks complete and silent in both directions."""
    if seen.u or seen.t or back.u or back.t or not back.legs:
        return None
    host = _only_host(scene, seen, back)
    if host is None:
        return None
    sent = [leg for leg in seen.legs if leg.key.src_mac in source.macs]
    arrived = [leg for leg in seen.legs if leg.key.dst_mac in destination.macs]
    if not sent or not arrived:
        return None
    first, last = (max(legs, key=seen.share) for legs in (sent, arrived))
    answers = [leg for leg in back.legs if leg.key.src_mac in destination.macs]
    if not answers:
        return None
    answer = max(answers, key=back.share)
    watches = [watch_uplinks(scene, leg, host).with_hidden() for leg in (first, answer)]
    if not all(watch.complete for watch in watches) or min(seen.share(first), seen.share(last)) < NEARLY_ALL:
        return None
    straight = [leg for leg in sent if leg.key.dst_mac in destination.macs]
    ends = (first.key.src_mac, last.key.dst_mac)
    if any(scene.crosses_uplinks(leg, host) for leg in straight) or any(scene.is_beyond(mac, host) for mac in ends):
        return undetermined(
            "sighting-1",
            f"On no captured uplink of {host}, yet other traffic of these MACs is: one of them is beyond it, or a "
            "reflective relay turns frames round.",
            f"Check that {host} has no other uplink, and that no filter was used there.",
            points=scene.names(straight[:4]),
        )
    if straight:
        text = f"In the vSwitch of {host}, straight from one end's MAC to the other's."
        with_host = "hypervisor" in (source.kind, destination.kind)
        verdict = "host_local" if with_host else "intra_host_switched"
        result = Judgement(verdict, "strong", [seen_at(scene, "sighting-1", text, straight)])
    elif scene.are_twins(first, last) and not same_addresses(first, last):
        result = _routed(scene, first, last, host)
    else:
        return None
    unproven = [leg for leg in (*seen.m, *back.m) if leg.key.point in scene.unproven_copies]
    if unproven:
        why = "Only a statement tells that frames in this VLAN on the uplink are copies: none is there a second time."
        result.capped("likely", why)
    names = tuple(scene.points[number].id for number in watches[0].captured)
    text = f"Neither it nor its answers are on any uplink of {host}, and all were captured."
    result.evidence.append(Evidence(result.evidence[0].rule, True, text, names))
    result.would_settle.append("Capture the ports of both VMs too.")
    return result


def _only_host(scene: Scene, seen: Sightings, back: Sightings) -> str | None:
    """The one host at whose points both directions were seen; None where a point has no role or no host."""
    legs = (*seen.legs, *back.legs)
    if any(scene.points[leg.key.point].role not in ("vnic", "mirror") or leg.key.tunnel >= 0 for leg in legs):
        return None
    hosts = {host_of(scene, leg) for leg in legs}
    return hosts.pop() if len(hosts) == 1 else None


def _routed(scene: Scene, first: Leg, last: Leg, host: str) -> Judgement:
    """Both halves of a routed packet inside one host, rows 7 and 8: only what kind of router is open."""
    hops = sorted({first.key.dst_mac, last.key.src_mac})
    named = " and ".join(mac_text(mac) for mac in hops)
    elsewhere = [mac for mac in hops if scene.identities.router_kind(mac) != "distributed"]
    if any(scene.stands_outside(mac) or scene.is_behind_uplink(mac, host) for mac in elsewhere):
        text = f"Routed by {named}, which stands beyond the uplinks of {host}, yet it is on none of them."
        return Judgement("undetermined", "conflict", [seen_at(scene, "sighting-7", text, [first, last])])
    text = f"Routed by {named} (TTL {first.ttl_max} to {last.ttl_max}) in the vSwitch of {host}."
    if all(scene.router_is_on(mac, host) for mac in hops):
        return Judgement("intra_host_routed_vm", "strong", [seen_at(scene, "sighting-8", text, [first, last])])
    result = Judgement("intra_host_routed_distributed", "strong", [seen_at(scene, "sighting-7", text, [first, last])])
    if "distributed" not in {scene.identities.router_kind(mac) for mac in hops}:
        result.evidence.append(Evidence("sighting-7", False, "What router that is, no port or inventory shows."))
    if "physical" in {scene.identities.router_kind(mac) for mac in hops}:
        result.capped("likely", "Its address looks like that of a physical router.")
    return result
