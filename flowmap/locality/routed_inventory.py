"""Same host, other segment: all hangs on where the router is (reference 4.3, rows 13 to 16, and the table in 4.5)."""

from __future__ import annotations

from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import virtual_vendor
from flowmap.legs import Leg
from flowmap.locality.coverage import host_of
from flowmap.locality.placement import Placement
from flowmap.locality.sightings import Scene, Sightings
from flowmap.locality.verdict import Evidence, Judgement, undetermined
from flowmap.packets import ip_text, is_group_mac, mac_text


def hops_of(legs: list[Leg], source: Endpoint, destination: Endpoint) -> set[int]:
    """The MACs in these frames that are neither end's: routers, -1 where a capture shows no MAC."""
    ends = source.macs | destination.macs
    return {
        mac for leg in legs for mac in (leg.key.src_mac, leg.key.dst_mac) if mac not in ends and not is_group_mac(mac)
    }


def routed_on_one_host(
    scene: Scene,
    seen: Sightings,
    back: Sightings,
    source: Endpoint,
    destination: Endpoint,
    one: Placement,
    other: Placement,
) -> Judgement:
    """Rows 13 to 16 for two ends on one host, neither of whose frames went straight to the other."""
    legs, host = seen.legs, one.host
    settle = f"Capture the ports of both VMs and every uplink of {host}."
    hops = hops_of(legs, source, destination)
    if not hops:
        return undetermined(
            "inventory-routed", "Not sent straight to the other VM, and no gateway's MAC was seen.", settle
        )
    if -1 in hops:
        return undetermined(
            "inventory-routed",
            "This kind of capture (cooked or raw) holds no destination MAC, so nobody can tell whether it was routed.",
            "Capture on the interfaces themselves instead of 'any'.",
        )
    if _is_translated(legs, source, destination):
        text = "Addressed by a translated address (floating IP): a translating router is on the way, wherever it is."
        return undetermined("inventory-translated", text, settle)
    named = ", ".join(mac_text(mac) for mac in sorted(hops)[:3])
    steps = max(leg.ttl_max for leg in legs) - min(leg.ttl_max for leg in legs)
    here = {mac for mac in hops if scene.router_is_on(mac, host)}
    kinds = {scene.identities.router_kind(mac) for mac in hops}
    if here == hops and steps <= 1 and (steps or back.legs):
        return _by_router_vm(scene, hops, host, steps, settle)
    if kinds == {"distributed"} and back.legs:
        return _by_distributed_router(scene, seen, hops, host, steps, settle)
    if here or "distributed" in kinds or any(_may_be_a_vm_here(scene, mac) for mac in hops):
        return undetermined(
            "inventory-routed", f"Routed by {named}, and not all of these are known to be outside.", settle
        )
    if not steps:
        return _half_seen(scene, seen, named, host, settle)
    if any(point.role == "uplink" and point.host == host for point in scene.points):
        return undetermined(
            "sighting-7",
            f"Routed with a smaller TTL, and on no captured uplink of {host}: a router inside the host, or an "
            "uplink that was not captured.",
            settle,
        )
    text = f"Routed by {named}, which is no VM on {host}, and back with a smaller TTL."
    return Judgement("hairpin_routed", "likely", [Evidence("inventory-gateway-outside", True, text)], [settle])


def _is_translated(legs: list[Leg], source: Endpoint, destination: Endpoint) -> bool:
    """Whether frames carry an address that the inventory calls translated to an end's own."""
    addresses = {ip_text(*end[0]) for leg in legs for end in (leg.source, leg.destination)}
    return not addresses.isdisjoint(source.translated | destination.translated)


def _may_be_a_vm_here(scene: Scene, mac: int) -> bool:
    """Whether a MAC is a guest's by its prefix and no row tells where that guest is."""
    return virtual_vendor(mac) is not None and not scene.identities.inventory.by_mac(mac)


def _by_router_vm(scene: Scene, hops: set[int], host: str, steps: int, settle: str) -> Judgement:
    """Row 14: a known VM of the same host is the router; both halves make it ``strong``, where packets place it too."""
    mac = min(hops)
    rows = scene.identities.inventory.by_mac(mac)
    who = rows[0].vm if rows and rows[0].vm else mac_text(mac)
    text = f"Routed by {who}, a VM on the same host {host}."
    result = Judgement("intra_host_routed_vm", "strong", [Evidence("inventory-router-vm", True, text)], [settle])
    if not steps:
        result.capped("likely", "Only one side of the router was captured.")
    if not all(scene.is_known_on(hop, host) for hop in hops):
        result.capped("likely", f"Only the inventory says that the router is on {host}.")
    return result


def _by_distributed_router(
    scene: Scene, seen: Sightings, hops: set[int], host: str, steps: int, settle: str
) -> Judgement:
    """Row 15: sent to a router that every host has, and both ends are here."""
    if len(hops) > 2 or steps > 1:
        text = "Routed by more than one router, and not all of these are known to be outside."
        return undetermined("inventory-routed", text, settle)
    named = " and ".join(mac_text(mac) for mac in sorted(hops))
    text = f"Sent to {named}, a distributed router, and both VMs are on {host}."
    evidence = Evidence("sighting-15", True, text, scene.names(seen.legs[:4]))
    result = Judgement("intra_host_routed_distributed", "strong", [evidence], [settle])
    # A service router with state (NAT, firewall, balancer) would be on an edge node; the far half shows there was none.
    return (
        result
        if steps
        else result.capped("likely", "The routed half was not seen, so a service router may be in between.")
    )


def _half_seen(scene: Scene, seen: Sightings, named: str, host: str, settle: str) -> Judgement:
    """Row 16: no routed twin, though the mirror of the destination's host should show it."""
    text = (
        f"Sent to the gateway {named}, but the routed packet was not seen again: a distributed router, a firewall drop "
        "or translation."
    )
    whole = [leg for leg in seen.m if host_of(scene, leg) == host and scene.points[leg.key.point].covers == "all"]
    if not whole:
        return undetermined("sighting-16", text, settle, points=scene.names(seen.legs[:4]))
    missing = f"The mirror of {host} covers all of its ports, and the destination is placed there."
    return Judgement(
        "undetermined", "conflict",
        [Evidence("sighting-16", False, text, scene.names(whole)), Evidence("sighting-16", True, missing)], [settle],
    )  # fmt: skip
