"""The inventory table: what placement allows to say where no port or uplink decided (reference 4.5).

Facts that no inventory row tells (private VLANs, service insertion, patch ports between bridges, service routers) are
never assumed: what depends on them stays undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import virtual_vendor
from flowmap.identity.routers import is_distributed_router_mac, standard_router_mac
from flowmap.inventory.records import VnicRecord
from flowmap.legs import Leg
from flowmap.locality.coverage import MISSED_SHARE, host_of
from flowmap.locality.sightings import Scene, Sightings
from flowmap.locality.verdict import Evidence, Judgement, undetermined
from flowmap.packets import NO_TIME, is_group_mac, mac_text


@dataclass(frozen=True, slots=True)
class _Placement:
    """One end as the inventory and the ports place it; ``cap`` is the best grade this allows and ``why``."""

    host: str
    vswitch: str | None
    record: VnicRecord | None
    cap: str
    why: tuple[str, ...]
    by_port: bool = False


def judge_by_inventory(scene: Scene, seen: Sightings, source: Endpoint, destination: Endpoint) -> Judgement:
    """Apply the table to one direction that the sightings did not decide."""
    legs = seen.legs
    for endpoint in (source, destination):
        if endpoint.conflict:
            return Judgement(
                "undetermined", "conflict", [Evidence("inventory-conflict", False, f"{_sentence(endpoint.conflict)}.")],
                ["An inventory without contradictions."],
            )  # fmt: skip
    one, other = _place(scene, source, legs, "src_mac"), _place(scene, destination, legs, "dst_mac")
    if one is None or other is None:
        return _one_end_unknown(scene, legs, source, destination, one, other)
    contradiction = _point_contradiction(scene, legs, one, other)
    if contradiction:
        return contradiction
    rows = _placement_evidence(one, other, source, destination)
    if one.host != other.host:
        judgement = _different_hosts(one, other)
    else:
        judgement = _same_host(scene, seen, source, destination, one, other)
    judgement.evidence += rows
    for place in (one, other):
        judgement.capped(place.cap, " ".join(place.why))
    places = [scene.points[leg.key.point] for leg in legs]
    if all(point.sure_host is None or point.may_be_uplink for point in places):
        judgement.capped("likely", "Nobody says where this was captured: at an uplink the same frames would have left.")
    return judgement


def _place(scene: Scene, endpoint: Endpoint, legs: list[Leg], side: str) -> _Placement | None:
    """Where an endpoint is, by its port where a sure one shows it, else by the inventory row of the NIC in use.

    ``side`` is ``src_mac`` or ``dst_mac``, whichever the endpoint's MAC is in these legs.
    """
    if not endpoint.records and not scene.sure_ports:
        return None
    used = {getattr(leg.key, side) for leg in legs}
    own = {mac for mac in used if mac in endpoint.macs and mac not in scene.identities.routers}
    ports = [port for mac in own or endpoint.macs for port in scene.sure_ports.get(mac, ())]
    rows = [row for row in endpoint.records if row.mac in own] or endpoint.records
    record = next((row for row in rows if row.passthrough), rows[0]) if rows else None
    switches = {row.vswitch for row in rows}
    vswitch = switches.pop() if len(switches) == 1 else None
    if ports and len({port.host for port in ports}) == 1:
        cap = "strong" if all(port.is_stated for port in ports) else "likely"
        return _Placement(ports[0].host or "", vswitch, record, cap, (), by_port=True)
    if record is None or not record.host:
        return None
    why = []
    if endpoint.records_how != "MAC":
        why.append(f"{endpoint.label} is matched by address only, not by MAC.")
    age = _age(scene, record)
    if age:
        why.append(age)
    return _Placement(record.host, vswitch, record, "likely" if why else "strong", tuple(why))


def _age(scene: Scene, record: VnicRecord) -> str:
    """Why a row's placement may be out of date; empty when it is fresh."""
    if record.observed_at_ns is None or scene.first_seen_ns == NO_TIME:
        return f"{record.source} does not say when it was exported."
    early = scene.first_seen_ns - record.observed_at_ns
    late = record.observed_at_ns - scene.last_seen_ns
    days = max(early, late) / 86_400e9
    if max(early, late) > scene.inventory_fresh_ns:
        return f"{record.source} was exported {days:.1f} days {'before' if early > late else 'after'} the capture."
    return ""


def _placement_evidence(one: _Placement, other: _Placement, source: Endpoint, destination: Endpoint) -> list[Evidence]:
    rows = []
    for place, endpoint in ((one, source), (other, destination)):
        where = f"row {place.record.row} of {place.record.source}" if place.record else "its captured port"
        switch = f", vSwitch {place.vswitch}" if place.vswitch else ""
        rows.append(
            Evidence("inventory-placement", True, f"{endpoint.label} is on {place.host}{switch} ({where}).", packets=1)
        )
    return rows


def _different_hosts(one: _Placement, other: _Placement) -> Judgement:
    overlay = any(place.record and place.record.segment_type == "overlay" for place in (one, other))
    verdict = "inter_host_overlay" if overlay else "inter_host"
    return Judgement(
        verdict, "strong", [Evidence("inventory-other-host", True, f"Between {one.host} and {other.host}.")]
    )


def _same_host(
    scene: Scene,
    seen: Sightings,
    source: Endpoint,
    destination: Endpoint,
    one: _Placement,
    other: _Placement,
) -> Judgement:
    legs = seen.legs
    if any(place.record and place.record.passthrough for place in (one, other)):
        return undetermined(
            "inventory-passthrough",
            "One end has a passthrough NIC (SR-IOV or macvtap): its switch may be in the NIC or outside.",
            "Capture the physical port of the host.",
        )
    if one.by_port and other.by_port:
        return undetermined(
            "sighting-2",
            f"Both VMs' ports on {one.host} were captured, but not the same packets at both.",
            "Capture both ports and every uplink at the same time.",
        )
    direct = [leg for leg in legs if leg.key.src_mac in source.macs and leg.key.dst_mac in destination.macs]
    if not direct:
        return _same_host_routed(scene, legs, source, destination, one)
    if _is_bridged_between_vlans(direct, one, other):
        return undetermined(
            "inventory-two-vlans",
            "The same frames stand under two VLANs, or the inventory has the ends in two: something bridges them, and "
            "it may be outside.",
            f"Capture every uplink of {one.host}.",
        )
    if one.vswitch and other.vswitch and one.vswitch != other.vswitch:
        text = (
            f"Same segment but two vSwitches ({one.vswitch}, {other.vswitch}): out by one's uplink, in by the other's."
        )
        return Judgement(
            "hairpin_reflected", "likely", [Evidence("inventory-two-vswitches", True, text)],
            ["Capture the uplinks of both vSwitches, or say that a patch port joins them."],
        )  # fmt: skip
    key = direct[0].key
    text = f"Sent straight from {mac_text(key.src_mac)} to {mac_text(key.dst_mac)}, both on {one.host}."
    judgement = Judgement("intra_host_switched", "strong", [Evidence("inventory-same-vswitch", True, text)])
    if not (one.vswitch and other.vswitch):
        judgement.capped("likely", "The inventory does not name the vSwitch of both.")
    judgement.covered = seen.share(max(direct, key=seen.share))
    if judgement.covered >= 1 - MISSED_SHARE:
        judgement.covered = 1.0
    judgement.would_settle.append(f"Capture both VMs' ports and every uplink of {one.host}.")
    return judgement


def _is_bridged_between_vlans(direct: list[Leg], one: _Placement, other: _Placement) -> bool:
    """Whether one point shows the same MACs under two tags, or the rows name two VLANs."""
    tags: dict[int, set[int]] = {}
    for leg in direct:
        tags.setdefault(leg.key.point, set()).add(leg.key.vlan)
    named = {place.record.vlan for place in (one, other) if place.record and place.record.vlan is not None}
    return len(named) > 1 or any(len(vlans) > 1 for vlans in tags.values())


def _same_host_routed(
    scene: Scene, legs: list[Leg], source: Endpoint, destination: Endpoint, one: _Placement
) -> Judgement:
    """Same host, other segment: all hangs on where the routers are."""
    ends = source.macs | destination.macs
    hops = {
        mac for leg in legs for mac in (leg.key.src_mac, leg.key.dst_mac) if mac not in ends and not is_group_mac(mac)
    }
    steps = max(leg.ttl_max for leg in legs) - min(leg.ttl_max for leg in legs)
    settle = f"Capture the ports of both VMs and every uplink of {one.host}."
    if not hops or -1 in hops:
        return undetermined(
            "inventory-routed", "Not sent straight to the other VM, and no gateway's MAC was seen.", settle
        )
    named = ", ".join(mac_text(mac) for mac in sorted(hops)[:3])
    here = {mac for mac in hops if _is_vm_on(scene, mac, one.host)}
    if here == hops and steps == 1:
        text = f"Routed by {scene.identities.inventory.by_mac(min(hops))[0].vm}, a VM on the same host {one.host}."
        return Judgement("intra_host_routed_vm", "strong", [Evidence("inventory-router-vm", True, text)])
    if here or any(is_distributed_router_mac(mac) for mac in hops):
        return undetermined(
            "inventory-routed", f"Routed by {named}, and not all of these are known to be outside.", settle
        )
    if not steps:
        return undetermined(
            "sighting-16",
            f"Sent to the gateway {named}, but the routed packet was not seen again: a distributed router, a firewall "
            "drop or translation.",
            settle,
        )
    if any(point.role == "uplink" and point.host == one.host for point in scene.points):
        return undetermined(
            "sighting-7",
            f"Routed with a smaller TTL, and on no captured uplink of {one.host}: a router inside the host, or an "
            "uplink that was not captured.",
            settle,
        )
    text = f"Routed by {named}, which is no VM on {one.host}, and back with a smaller TTL."
    return Judgement("hairpin_routed", "likely", [Evidence("inventory-gateway-outside", True, text)], [settle])


def _is_vm_on(scene: Scene, mac: int, host: str) -> bool:
    rows = scene.identities.inventory.by_mac(mac)
    return bool(rows) and all(row.host == host for row in rows)


_WOULD_TELL = (
    "An inventory with the MACs and hosts of both VMs.",
    "Port captures of both VMs with every uplink of their host.",
)


@lru_cache(4096)
def _nothing_known(points: tuple[str, ...]) -> Evidence:
    """Row 12; one object for all conversations that were seen at the same points, because it says nothing else."""
    text = "One place saw it and no inventory tells where the VMs are: local and remote traffic look the same there."
    return Evidence("sighting-12", False, text, points)


def _one_end_unknown(
    scene: Scene,
    legs: list[Leg],
    source: Endpoint,
    destination: Endpoint,
    one: _Placement | None,
    other: _Placement | None,
) -> Judgement:
    """No placement for one end: only a peer outside behind a physical router is said to be away."""
    known, peer = one or other, destination if other is None else source
    inventory = scene.identities.inventory
    far_macs = {leg.key.dst_mac if peer is destination else leg.key.src_mac for leg in legs} if known else set()
    if known and peer.kind == "external" and all(
        mac in scene.identities.routers and virtual_vendor(mac) is None and not inventory.by_mac(mac)
        and not standard_router_mac(mac) for mac in far_macs
    ):  # fmt: skip
        text = f"{peer.label} is a global address outside the inventory, behind the router {mac_text(min(far_macs))}."
        return Judgement("north_south", "likely", [Evidence("inventory-outside", True, text)], ["Capture the uplinks."])
    points = scene.names(legs[:4])
    if not inventory.records:
        return Judgement("undetermined", None, [_nothing_known(points)], list(_WOULD_TELL))
    return undetermined(
        "inventory-missing",
        f"The inventory does not place {peer.label}.",
        f"An inventory row or a port capture for {peer.label}.",
        points=points,
    )


def _point_contradiction(scene: Scene, legs: list[Leg], one: _Placement, other: _Placement) -> Judgement | None:
    """Points of a third host cannot see unicast between two others: then placement or points are wrong."""
    strange = [leg for leg in legs if host_of(scene, leg) not in (None, one.host, other.host)]
    if not strange:
        return None
    hosts = ", ".join(sorted({str(host_of(scene, leg)) for leg in strange}))
    placed = " and ".join(sorted({one.host, other.host}))
    text = f"It was seen on {hosts}, though both VMs are placed on {placed}: a flood, a move or a stale inventory."
    return Judgement(
        "undetermined", "conflict", [Evidence("inventory-contradicted", False, text, scene.names(strange[:4]))],
        ["Export the inventory again at the time of the capture."],
    )  # fmt: skip


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
