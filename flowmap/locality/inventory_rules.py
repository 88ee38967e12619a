"""The inventory table: what placement allows to say where no port or uplink decided (reference 4.5).

Facts that no inventory row tells (service insertion, stateful service routers on the path) are never assumed: what
depends on them stays undetermined, or ``likely`` where the table says so. Routed pairs are in :mod:`.routed_inventory`.
"""

from __future__ import annotations

from functools import lru_cache

from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import virtual_vendor
from flowmap.identity.routers import standard_router_mac
from flowmap.legs import Leg
from flowmap.locality.coverage import MISSED_SHARE, host_of
from flowmap.locality.placement import Placement, placed, placement_evidence
from flowmap.locality.routed_inventory import hops_of, routed_on_one_host
from flowmap.locality.sightings import Scene, Sightings
from flowmap.locality.verdict import STAYED, Evidence, Judgement, undetermined
from flowmap.packets import mac_text


def judge_by_inventory(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement:
    """Apply the table to one direction that the sightings did not decide; ``back`` is the other direction."""
    legs = seen.legs
    for endpoint in (source, destination):
        if endpoint.conflict:
            return Judgement(
                "undetermined", "conflict", [Evidence("inventory-conflict", False, f"{_sentence(endpoint.conflict)}.")],
                [_settles(endpoint.conflict)],
            )  # fmt: skip
    if scene.has_clouds and _only_in_a_cloud(scene, legs):
        text = "Mirrored by a cloud, which never reveals the physical host: no capture there can decide."
        return undetermined("sighting-19", text, points=scene.names(legs[:4]))
    one, other = placed(scene, source, legs, "src_mac"), placed(scene, destination, legs, "dst_mac")
    if one is None or other is None:
        return _one_end_unknown(scene, seen, back, source, destination, one, other)
    for place, endpoint in ((one, source), (other, destination)):
        if place.how == "inventory" and not scene.announced.keys().isdisjoint(endpoint.macs):
            return undetermined(
                "sighting-18",
                f"{endpoint.label} was announced anew (RARP) during the capture, as after a move, and the inventory "
                "tells one of its hosts only.",
                f"Capture the ports of {endpoint.label} on both hosts.",
            )
    contradiction = _point_contradiction(scene, legs, one, other) or _confirmed_elsewhere(scene, one, other)
    if contradiction:
        return contradiction
    rows = [placement_evidence(one, source), placement_evidence(other, destination)]
    if one.host != other.host:
        judgement = _different_hosts(scene, legs, source, destination, one, other)
    elif "hypervisor" in (source.kind, destination.kind):
        judgement = _with_its_hypervisor(scene, legs, source, destination, one)
    else:
        judgement = _same_host(scene, seen, back, source, destination, one, other)
    if judgement.left_host == STAYED and (twice := _in_two_captures(scene, legs)):
        return twice
    judgement.evidence += rows
    for place, endpoint in ((one, source), (other, destination)):
        judgement.capped(place.cap, " ".join(place.why))
        rests_on_places = judgement.left_host == STAYED or one.host != other.host
        if rests_on_places and place.how == "inventory" and endpoint.kind != "hypervisor":
            judgement.capped(*_unconfirmed(scene, place, endpoint))
    seen_at = [scene.points[leg.key.point] for leg in legs]
    stayed = judgement.left_host == STAYED
    if all(point.host is None or (stayed and point.role == "unknown") for point in seen_at):
        judgement.capped("likely", "Nobody says where this was captured: at an uplink the same frames would have left.")
    return judgement


def _unconfirmed(scene: Scene, place: Placement, endpoint: Endpoint) -> tuple[str | None, str]:
    """An export alone never allows more than ``likely``: nothing would show that it is wrong."""
    if scene.is_confirmed_on(place.mac, place.host):
        return None, ""
    return "likely", (
        f"Only the inventory says that {endpoint.label} is on {place.host}: no answered traffic of it with a router or "
        "another host was captured there."
    )


def _different_hosts(
    scene: Scene, legs: list[Leg], source: Endpoint, destination: Endpoint, one: Placement, other: Placement
) -> Judgement:
    """Other host: by the underlay where the segment is an overlay's or a router in every host sent it (row 15)."""
    overlay = any(place.record and place.record.segment_type == "overlay" for place in (one, other))
    hops = hops_of(legs, source, destination)
    spread = bool(hops) and all(scene.identities.router_kind(mac) == "distributed" for mac in hops)
    verdict = "inter_host_overlay" if overlay or spread else "inter_host"
    if "hypervisor" in (source.kind, destination.kind):
        verdict = "north_south"
    evidence = [Evidence("inventory-other-host", True, f"Between {one.host} and {other.host}.")]
    return Judgement(verdict, "likely" if spread and not overlay else "strong", evidence)


def _with_its_hypervisor(
    scene: Scene, legs: list[Leg], source: Endpoint, destination: Endpoint, one: Placement
) -> Judgement:
    """A VM and an address of the host that it runs on: VMkernel, bridge or management OS, often by a router outside."""
    host, settle = one.host, f"Capture every uplink of {one.host}."
    if not all(leg.key.src_mac in source.macs and leg.key.dst_mac in destination.macs for leg in legs):
        text = f"Between a VM on {host} and an address of {host} itself, but not straight: a router is in between."
        return undetermined("inventory-host-local", text, settle)
    rows = [row for mac in (legs[0].key.src_mac, legs[0].key.dst_mac) for row in scene.identities.inventory.by_mac(mac)]
    switches = sorted({row.vswitch for row in rows if row.vswitch})
    if len(switches) > 1:
        text = f"A VM and an address of its host on two vSwitches ({', '.join(switches)}): it may go outside."
        return undetermined("inventory-two-vswitches", text, settle)
    text = f"Between a VM on {host} and an address of {host} itself."
    return Judgement("host_local", "likely", [Evidence("inventory-host-local", True, text)], [settle])


def _same_host(
    scene: Scene,
    seen: Sightings,
    back: Sightings,
    source: Endpoint,
    destination: Endpoint,
    one: Placement,
    other: Placement,
) -> Judgement:
    legs = seen.legs
    if any(place.record and place.record.passthrough for place in (one, other)):
        return undetermined(
            "inventory-passthrough",
            "One end has a passthrough NIC (SR-IOV or macvtap): its switch may be in the NIC or outside.",
            "Capture the physical port of the host.",
        )
    if one.how == other.how == "port":
        return undetermined(
            "sighting-2",
            f"Both VMs' ports on {one.host} were captured, but not the same packets at both.",
            "Capture both ports and every uplink at the same time.",
        )
    direct = [leg for leg in legs if leg.key.src_mac in source.macs and leg.key.dst_mac in destination.macs]
    if not direct:
        return routed_on_one_host(scene, seen, back, source, destination, one, other)
    if all(place.record and place.record.isolated for place in (one, other)):
        return _between_isolated(back, one.host)
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
    return _on_one_vswitch(seen, direct, one, other)


def _between_isolated(back: Sightings, host: str) -> Judgement:
    """Two isolated ports never exchange frames by their own switch: by one outside, or not at all."""
    settle = f"Capture both VMs' ports and every uplink of {host}."
    if not back.legs:
        text = "Both ports are isolated and nothing came back: the vSwitch may have dropped it."
        return undetermined("inventory-isolated", text, settle)
    text = "Both ports are isolated, yet it was answered: only a device outside can have handed it over."
    return Judgement("hairpin_reflected", "likely", [Evidence("inventory-isolated", True, text)], [settle])


def _on_one_vswitch(seen: Sightings, direct: list[Leg], one: Placement, other: Placement) -> Judgement:
    """Same host, same vSwitch, same segment."""
    key = direct[0].key
    text = f"Sent straight from {mac_text(key.src_mac)} to {mac_text(key.dst_mac)}, both on {one.host}."
    judgement = Judgement("intra_host_switched", "strong", [Evidence("inventory-same-vswitch", True, text)])
    if not (one.vswitch and other.vswitch):
        judgement.capped("likely", "The inventory does not name the vSwitch of both.")
    elif any(place.record and place.record.has_uplink is False for place in (one, other)):
        text = f"The vSwitch {one.vswitch} has no uplink: nothing leaves the host by it."
        judgement.evidence.append(Evidence("inventory-no-uplink", True, text))
    judgement.covered = seen.share(max(direct, key=seen.share))
    if judgement.covered >= 1 - MISSED_SHARE:
        judgement.covered = 1.0
    judgement.would_settle.append(f"Capture both VMs' ports and every uplink of {one.host}.")
    return judgement


def _is_bridged_between_vlans(direct: list[Leg], one: Placement, other: Placement) -> bool:
    """Whether one point shows the same MACs under two tags, or the rows name two VLANs."""
    tags: dict[int, set[int]] = {}
    for leg in direct:
        tags.setdefault(leg.key.point, set()).add(leg.key.vlan)
    named = {place.record.vlan for place in (one, other) if place.record and place.record.vlan is not None}
    return len(named) > 1 or any(len(vlans) > 1 for vlans in tags.values())


_WOULD_TELL = (
    "An inventory with the MACs and hosts of both VMs.",
    "Port captures of both VMs with every uplink of their host.",
)


@lru_cache(4096)
def _nothing_known(points: tuple[str, ...]) -> Evidence:
    """Row 12; one object for all conversations that were seen at the same points, because it says nothing else."""
    text = "One place saw it and no inventory tells where the VMs are: local and remote traffic look the same there."
    return Evidence("sighting-12", False, text, points)


def _only_in_a_cloud(scene: Scene, legs: list[Leg]) -> bool:
    """Row 19: all of it came by a cloud's traffic mirroring."""
    points = [scene.points[leg.key.point] for leg in legs]
    return all(point.key.mirror.startswith("vxlan:") and point.host is None for point in points)


def _one_end_unknown(
    scene: Scene,
    seen: Sightings,
    back: Sightings,
    source: Endpoint,
    destination: Endpoint,
    one: Placement | None,
    other: Placement | None,
) -> Judgement:
    """No placement for one end: only a peer outside, or one that a switch learned by its uplink, is said to be away."""
    legs = seen.legs
    known, peer = one or other, destination if other is None else source
    inventory = scene.identities.inventory
    far_macs = {leg.key.dst_mac if peer is destination else leg.key.src_mac for leg in legs} if known else set()
    if known and peer.kind == "external" and all(
        mac in scene.identities.routers and virtual_vendor(mac) is None and not inventory.by_mac(mac)
        and not standard_router_mac(mac) for mac in far_macs
    ):  # fmt: skip
        text = f"{peer.label} is a global address outside the inventory, behind the router {mac_text(min(far_macs))}."
        return Judgement("north_south", "likely", [Evidence("inventory-outside", True, text)], ["Capture the uplinks."])
    if known and any(inventory.live_remote(mac, known.host) for mac in far_macs & peer.macs):
        text = f"{peer.label} is behind an uplink in the forwarding table of {known.host}."
        verdict = "inter_host" if peer.kind == "vm" else "north_south"
        return Judgement(
            verdict, "likely", [Evidence("inventory-learned-remote", True, text)], ["Capture the uplinks."]
        )
    points = scene.names(legs[:4])
    if len({host_of(scene, leg) for leg in seen.m} - {None}) == 1 and len(scene.mirrored_hosts) > 1:
        text = (
            f"Only in the mirror of {host_of(scene, seen.m[0])}: it stayed there, or went to a host without a capture."
        )
        return undetermined("sighting-11", text, *_WOULD_TELL, points=points)
    if not inventory.records:
        return Judgement("undetermined", None, [_nothing_known(points)], list(_WOULD_TELL))
    return undetermined(
        "inventory-missing",
        f"The inventory does not place {peer.label}.",
        f"An inventory row or a port capture for {peer.label}.",
        points=points,
    )


def _point_contradiction(scene: Scene, legs: list[Leg], one: Placement, other: Placement) -> Judgement | None:
    """Points of a third host cannot see unicast between two others: then placement or points are wrong."""
    strange = [leg for leg in legs if host_of(scene, leg) not in (None, one.host, other.host)]
    if not strange:
        return None
    hosts = ", ".join(sorted({str(host_of(scene, leg)) for leg in strange}))
    placed_on = " and ".join(sorted({one.host, other.host}))
    text = f"It was seen on {hosts}, though both VMs are placed on {placed_on}: a flood, a move or a stale inventory."
    return Judgement(
        "undetermined", "conflict", [Evidence("inventory-contradicted", False, text, scene.names(strange[:4]))],
        ["Export the inventory again at the time of the capture."],
    )  # fmt: skip


def _in_two_captures(scene: Scene, legs: list[Leg]) -> Judgement | None:
    """Row 10 without hosts: the mirrors of two hosts both show what went from one to the other, and only that."""
    nowhere = [leg for leg in legs if host_of(scene, leg) is None and scene.points[leg.key.point].role != "vnic"]
    for number, one in enumerate(nowhere):
        for other in nowhere[number + 1 :]:
            files = {scene.points[leg.key.point].key[:1] + scene.points[leg.key.point].key[4:] for leg in (one, other)}
            if len(files) == 2 and scene.are_twins(one, other):
                return undetermined(
                    "sighting-10",
                    "In two captures whose hosts nobody states: were they mirrors of two hosts, it would have gone "
                    "from one to the other.",
                    "State the host of each capture (--point FILE:IFACE=host:NAME,role:mirror).",
                    points=scene.names([one, other]),
                )
    return None


def _confirmed_elsewhere(scene: Scene, one: Placement, other: Placement) -> Judgement | None:
    """An end that its own traffic or its host's forwarding table shows to be elsewhere than the export says."""
    for place in (one, other):
        if place.how != "inventory":
            continue
        hosts = scene.confirmed_hosts(place.mac)
        mac = place.record.mac if place.mac < 0 and place.record else place.mac
        if scene.is_beyond(place.mac, place.host):
            found = "its answered traffic with a VM there crossed the uplinks of that host."
        elif hosts and place.host not in hosts:
            found = f"its answered traffic with a router or another host was captured on {' and '.join(sorted(hosts))}."
        elif mac is not None and scene.identities.inventory.live_remote(mac, place.host):
            found = f"the forwarding table of {place.host} has it behind a way out of that host."
        else:
            continue
        text = f"{mac_text(mac or 0)} is placed on {place.host} ({place.text}), but {found}"
        return Judgement(
            "undetermined", "conflict", [Evidence("inventory-contradicted", False, text)],
            ["Export the inventory again at the time of the capture."],
        )  # fmt: skip
    return None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _settles(conflict: str) -> str:
    """What would end a conflict: its inventory mended, or, where packets contradict packets, one machine less."""
    if "the inventory" in conflict:
        return "An inventory without contradictions."
    return "One machine for the address: while two use it, no capture tells which of them this is."
