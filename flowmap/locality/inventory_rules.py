"""The inventory table: what placement allows to say where no port or uplink decided (reference 4.5).

Facts that no inventory row tells (private VLANs, service insertion, patch ports between bridges, service routers) are
never assumed: what depends on them stays undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import virtual_vendor
from flowmap.identity.routers import standard_router_mac
from flowmap.inventory.records import VnicRecord
from flowmap.legs import Leg
from flowmap.locality.rules import host_of
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


def judge_by_inventory(
    scene: Scene, seen: Sightings, legs: list[Leg], source: Endpoint, destination: Endpoint
) -> Judgement:
    """Apply the table to one direction that the sightings did not decide."""
    for endpoint in (source, destination):
        if endpoint.conflict:
            return Judgement(
                "undetermined", "conflict", [Evidence("inventory-conflict", False, f"{_sentence(endpoint.conflict)}.")],
                ["An inventory without contradictions."],
            )  # fmt: skip
    one, other = _place(scene, source), _place(scene, destination)
    if one is None or other is None:
        return _one_end_unknown(scene, seen, legs, source, destination, one or other)
    contradiction = _mirror_contradiction(scene, seen, one, other)
    if contradiction:
        return contradiction
    rows = _placement_evidence(one, other, source, destination)
    judgement = (
        _different_hosts(one, other)
        if one.host != other.host
        else _same_host(scene, legs, source, destination, one, other)
    )
    judgement.evidence += rows
    for place in (one, other):
        judgement.capped(place.cap, " ".join(place.why))
    if all(scene.points[leg.key.point].role == "unknown" for leg in legs):
        judgement.capped("likely", "Nobody says what was captured here: at an uplink the same frames would have left.")
    return _never_stayed_if_on_uplink(scene, legs, judgement)


def _place(scene: Scene, endpoint: Endpoint) -> _Placement | None:
    """Where an endpoint is, by its port where a stated one shows it, else by the inventory."""
    ports = [
        scene.points[number]
        for number, mac in scene.ports.owners.items()
        if mac in endpoint.macs and scene.points[number].host and number not in scene.ports.split
    ]
    record = next((endpoint.record_of(mac) for mac in sorted(endpoint.macs)), None) or endpoint.record_of(-1)
    if ports:
        host = ports[0].host or ""
        return _Placement(host, endpoint.vswitch, record, "strong" if all(p.is_stated for p in ports) else "likely", ())
    if record is None or not record.host:
        return None
    why = []
    if endpoint.records_how != "MAC":
        why.append(f"{endpoint.label} is matched by address only, not by MAC.")
    age = _age(scene, record)
    if age:
        why.append(age)
    return _Placement(record.host, record.vswitch, record, "likely" if why else "strong", tuple(why))


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
    scene: Scene, legs: list[Leg], source: Endpoint, destination: Endpoint, one: _Placement, other: _Placement
) -> Judgement:
    direct = any(leg.key.src_mac in source.macs and leg.key.dst_mac in destination.macs for leg in legs)
    if any(place.record and place.record.passthrough for place in (one, other)):
        return undetermined(
            "inventory-passthrough",
            "One end has a passthrough NIC (SR-IOV or macvtap): its switch may be in the NIC or outside.",
            "Capture the physical port of the host.",
        )
    if not direct:
        return _same_host_routed(scene, legs, source, destination, one)
    if one.vswitch and other.vswitch and one.vswitch != other.vswitch:
        text = (
            f"Same segment but two vSwitches ({one.vswitch}, {other.vswitch}): out by one's uplink, in by the other's."
        )
        return Judgement(
            "hairpin_reflected", "likely", [Evidence("inventory-two-vswitches", True, text)],
            ["Capture the uplinks of both vSwitches, or say that a patch port joins them."],
        )  # fmt: skip
    text = f"Sent straight from {mac_text(legs[0].key.src_mac)} to {mac_text(legs[0].key.dst_mac)}, both on {one.host}."
    judgement = Judgement("intra_host_switched", "strong", [Evidence("inventory-same-vswitch", True, text)])
    if not (one.vswitch and other.vswitch):
        judgement.capped("likely", "The inventory does not name the vSwitch of both.")
    judgement.would_settle.append(f"Capture both VMs' ports and every uplink of {one.host}.")
    return judgement


def _same_host_routed(
    scene: Scene, legs: list[Leg], source: Endpoint, destination: Endpoint, one: _Placement
) -> Judgement:
    """Same host, other segment: all hangs on where the router is."""
    gateways = {leg.key.dst_mac for leg in legs if leg.key.src_mac in source.macs and not is_group_mac(leg.key.dst_mac)}
    settle = f"Capture the ports of both VMs and every uplink of {one.host}."
    if len(gateways) != 1 or -1 in gateways:
        return undetermined(
            "inventory-routed", "Not sent straight to the other VM, and the gateway's MAC was not seen.", settle
        )
    gateway = gateways.pop()
    rows = [row for row in scene.identities.inventory.by_mac(gateway) if row.host]
    if rows and all(row.host == one.host for row in rows):
        text = f"Routed by {rows[0].vm}, a VM on the same host {one.host}."
        return Judgement("intra_host_routed_vm", "strong", [Evidence("inventory-router-vm", True, text)])
    if standard_router_mac(gateway) and virtual_vendor(gateway) is None and len({leg.ttl_max for leg in legs}) == 1:
        return undetermined(
            "inventory-distributed-router",
            f"Sent to {mac_text(gateway)}, a virtual router whose place is not known.",
            settle,
        )
    if len({leg.ttl_max for leg in legs}) < 2:
        return undetermined(
            "sighting-16",
            f"Sent to the gateway {mac_text(gateway)}, but the routed packet was not seen again: a distributed router, "
            "a firewall drop or translation.",
            settle,
        )
    if any(point.role == "uplink" and point.host == one.host for point in scene.points):
        return undetermined(
            "sighting-7", f"Routed with a smaller TTL, and on no captured uplink of {one.host}: a router inside the "
            "host, or an uplink that was not captured.", settle,
        )  # fmt: skip
    text = f"Sent to the gateway {mac_text(gateway)}, which is no VM on {one.host}, and back with a smaller TTL."
    return Judgement("hairpin_routed", "likely", [Evidence("inventory-gateway-outside", True, text)], [settle])


def _one_end_unknown(
    scene: Scene, seen: Sightings, legs: list[Leg], source: Endpoint, destination: Endpoint, known: _Placement | None
) -> Judgement:
    """No placement for one end: only a peer outside behind a physical router is said to be away."""
    peer = destination if _place(scene, destination) is None else source
    far_macs = {leg.key.dst_mac if peer is destination else leg.key.src_mac for leg in legs}
    inventory = scene.identities.inventory
    if known and peer.kind == "external" and all(
        mac in scene.identities.routers and virtual_vendor(mac) is None and not inventory.by_mac(mac)
        and not standard_router_mac(mac) for mac in far_macs
    ):  # fmt: skip
        text = f"{peer.label} is a global address outside the inventory, behind the router {mac_text(min(far_macs))}."
        return Judgement("north_south", "likely", [Evidence("inventory-outside", True, text)], ["Capture the uplinks."])
    points = scene.names(legs[:4])
    if not inventory.records:
        reason = (
            "One place saw it and no inventory tells where the VMs are: local and remote traffic look the same there."
        )
        return undetermined("sighting-12", reason, "An inventory with the MACs and hosts of both VMs.",
                            "Port captures of both VMs with every uplink of their host.", points=points)  # fmt: skip
    return undetermined(
        "inventory-missing",
        f"The inventory does not place {peer.label}.",
        f"An inventory row or a port capture for {peer.label}.",
        points=points,
    )


def _mirror_contradiction(scene: Scene, seen: Sightings, one: _Placement, other: _Placement) -> Judgement | None:
    """A mirror of a third host cannot see unicast between two others: then placement or points are wrong."""
    hosts = {host for leg in seen.m if (host := host_of(scene, leg))}
    strange = hosts - {one.host, other.host}
    if not strange:
        return None
    text = (
        f"The mirror of {', '.join(sorted(strange))} saw it, though both VMs are placed on "
        f"{' and '.join(sorted({one.host, other.host}))}: a flood, a move or a stale inventory."
    )
    return Judgement(
        "undetermined", "conflict", [Evidence("inventory-contradicted", False, text, scene.names(seen.m))],
        ["Export the inventory again at the time of the capture."],
    )  # fmt: skip


def _never_stayed_if_on_uplink(scene: Scene, legs: list[Leg], judgement: Judgement) -> Judgement:
    """No leg of the 5-tuple, nor a translated twin, may be on any uplink when something is said to have stayed."""
    if judgement.left_host != "stayed":
        return judgement
    five_tuple = legs[0].key.five_tuple
    on_uplink = [leg for leg in legs if scene.points[leg.key.point].role in ("uplink", "underlay")]
    translated = [
        scene.legs[index]
        for index in sorted(scene.translated.get(five_tuple, ()))
        if scene.points[scene.legs[index].key.point].role in ("uplink", "underlay")
    ]
    if not on_uplink and not translated:
        return judgement
    what = "its packets are" if on_uplink else "its packets are, under a translated address,"
    return Judgement(
        "undetermined", "conflict",
        [*judgement.evidence,
         Evidence("stayed-guard", False, f"Placement says it stayed, yet {what} on an uplink.",
                  scene.names(on_uplink or translated))],
        ["Capture the ports of both VMs."],
    )  # fmt: skip


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
