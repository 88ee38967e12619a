"""The same packets at the source's and the destination's port: rows 1 to 3 and 6; routed ones are in :mod:`.routed`."""

from __future__ import annotations

from collections import defaultdict

from flowmap.legs import Leg
from flowmap.locality.completeness import JITTER_NS, watch_uplinks
from flowmap.locality.coverage import (
    MISSED_SHARE,
    NEARLY_ALL,
    covering,
    host_of,
    is_leak,
    same_addresses,
    seen_at,
    usual_copies,
)
from flowmap.locality.placement import is_fresh
from flowmap.locality.routed import routed_between_ports
from flowmap.locality.sightings import Scene, Sightings, outermost_tag
from flowmap.locality.verdict import LEFT, Evidence, Judgement, undetermined
from flowmap.packets import NO_TIME, mac_text
from flowmap.twins import common_sequence_bytes, holds_packet_missing_in


def both_ports(scene: Scene, seen: Sightings, back: Sightings) -> Judgement | None:
    """Rows 1 to 3 and 5 to 8: the same packets seen at the source's and at the destination's port."""
    pairs = [(a, b) for a in seen.a for b in seen.b if scene.are_twins(a, b)]
    if not pairs:
        return None
    a, b = max(pairs, key=lambda pair: min(seen.share(pair[0]), seen.share(pair[1])))
    host_a, host_b = host_of(scene, a), host_of(scene, b)
    if host_a != host_b and host_a and host_b:
        return _between_hosts(scene, seen, a, b)
    if host_a is None or host_b is None:
        return _ports_of_unknown_hosts(scene, seen, a, b)
    uplinks = [leg for leg in (*seen.u, *seen.t) if host_of(scene, leg) == host_a]
    if not uplinks and (left := _by_an_uplink_of_no_host(scene, seen, back, a, b)):
        return left
    if not same_addresses(a, b):
        return routed_between_ports(scene, seen, a, b, host_a, uplinks)
    elsewhere = _answered_elsewhere(seen, back, scene, host_a)
    if elsewhere:
        return Judgement(
            "undetermined", "conflict",
            [seen_at(scene, "sighting-1", f"The same frames at both VMs' ports of {host_a}.", [a, b]),
             seen_at(scene, "sighting-10", "Both directions are at another host's points too.", elsewhere, False)],
            ["Check which host each capture point belongs to."],
        )  # fmt: skip
    if uplinks:
        return _switched_but_on_uplink(scene, seen, a, b, uplinks, back)
    if scene.crosses_uplinks(a, host_a):
        return Judgement(
            "undetermined", "conflict",
            [seen_at(scene, "sighting-1", f"The same frames at both VMs' ports of {host_a} and on no uplink.", [a, b]),
             Evidence("sighting-6", False, f"Other traffic of the same two MACs is on an uplink of {host_a} both ways: "
                      "a reflective relay turns their frames round, and a filter hides these.")],
            [f"Capture every uplink of {host_a} without a filter."],
        )  # fmt: skip
    return _switched(scene, seen, a, b, host_a)


def _by_an_uplink_of_no_host(scene: Scene, seen: Sightings, back: Sightings, a: Leg, b: Leg) -> Judgement | None:
    """Rows 5 and 6 by one uplink of which nobody says whose it is: it shows both halves, so the packets left a host."""
    for number in sorted({leg.key.point for leg in seen.u if host_of(scene, leg) is None}):
        legs = [leg for leg in seen.u if leg.key.point == number]
        if same_addresses(a, b):
            judgement = _switched_but_on_uplink(scene, seen, a, b, legs, back)
        elif any(same_addresses(leg, a) for leg in legs) and any(same_addresses(leg, b) for leg in legs):
            judgement = routed_between_ports(scene, seen, a, b, None, legs)
        else:
            continue
        if judgement.left_host == LEFT:
            return judgement.capped("likely", f"Nobody states whose uplink {scene.points[number].id} is.")
    return None


def _ports_of_unknown_hosts(scene: Scene, seen: Sightings, a: Leg, b: Leg) -> Judgement:
    """Two ports without a host: only one uplink with both halves of a routed packet says anything."""
    out = {leg.key.point: leg for leg in seen.u if same_addresses(leg, a)}
    turned = [leg for leg in seen.u if same_addresses(leg, b) and leg.key.point in out]
    if turned and not same_addresses(a, b):
        halves = [out[turned[0].key.point], turned[0]]
        return routed_between_ports(scene, seen, a, b, None, halves).capped(
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
    """Row 2 for two hosts, row 4 where an uplink saw it too, row 9 inside a tunnel."""
    text = f"Left {host_of(scene, a)} and arrived at a port of {host_of(scene, b)}."
    tunnelled = bool(seen.t) and not is_leak(seen, seen.t)
    evidence = [seen_at(scene, "sighting-4" if seen.u or tunnelled else "sighting-2", text, [a, b])]
    if tunnelled:
        evidence.append(seen_at(scene, "sighting-9", "Inside a tenant tunnel in between.", seen.t))
    elif seen.u:
        evidence.append(seen_at(scene, "sighting-4", "On the uplink in between.", seen.u))
    verdict = "inter_host_overlay" if tunnelled else "inter_host"
    grade = "proven" if seen.u or tunnelled else "strong"
    return covering(Judgement(verdict, grade, evidence), seen, [min((a, b), key=seen.share)])


def _answered_elsewhere(seen: Sightings, back: Sightings, scene: Scene, host: str) -> list[Leg]:
    """Legs at another host's points where the answers were seen too: no flood, so a statement must be wrong."""

    def away(sightings: Sightings) -> list[Leg]:
        places = (*sightings.a, *sightings.b, *sightings.u, *sightings.m, *sightings.other)
        return [leg for leg in places if host_of(scene, leg) not in (None, host)]

    return away(seen) if away(back) else []


def _switched(scene: Scene, seen: Sightings, a: Leg, b: Leg, host: str, absent: str = "On no uplink") -> Judgement:
    """Rows 1 and 2: the same frames at both ports of one host and on no uplink; ``absent`` words the latter.

    Row 2 is ``likely`` here, and ``strong`` where a mirror and fresh rows have both on one vSwitch: behind a reflective
    relay two ports look the same, and what an uplink that was captured in part does not allow, none at all must not
    allow either.
    """
    text = f"The same frames at both VMs' ports of {host}: equal MACs, TTL {a.ttl_max}."
    result = Judgement("intra_host_switched", "proven", [seen_at(scene, "sighting-1", text, [a, b])])
    unsure = {a.key.point, b.key.point} & scene.ports.unsure
    watch = watch_uplinks(scene, a, host).with_hidden() if unsure else watch_uplinks(scene, a, host, b)
    names = tuple(scene.points[number].id for number in watch.captured)
    covered = min(seen.share(a), seen.share(b))
    if not (watch.complete and covered >= NEARLY_ALL) and covered < 1 - MISSED_SHARE:
        result.covered = covered
        few = f"Only {covered:.0%} of it was seen at both ports; the rest is open."
        result.evidence.append(Evidence("sighting-1", False, few, scene.names([a, b])))
    if watch.complete:
        result.evidence.append(Evidence("sighting-1", True, f"{absent} of {host}, and all were captured.", names))
        return result
    if a.key.tunnel >= 0:
        return undetermined(
            "sighting-2",
            "In a tunnel between two guests, at both of their ports. Whether the tunnel's own frames were routed "
            "outside in between, only the uplinks can tell.",
            f"Capture every uplink of {host} and state uplinks_complete: true in the points file.",
            points=scene.names([a, b]),
        )
    doubt = _two_places_or_switches(scene, a, b, host) or _placed_elsewhere(scene, a, b, host)
    if doubt:
        return doubt
    by_rows = _on_one_vswitch_by_rows(scene, seen, a, host)
    result.capped("strong" if by_rows else "likely")
    result.evidence += by_rows
    if watch.captured:
        result.evidence += [Evidence("sighting-1", False, f"Absence on the uplink proves little: {why}.", names)
                            for why in watch.lacks]  # fmt: skip
        settle = f"Capture every uplink of {host} and state uplinks_complete: true in the points file."
        result.would_settle.append(settle)
    else:
        result.evidence[0] = result.evidence[0]._replace(rule="sighting-2")
        result.evidence.append(
            Evidence("sighting-2", False, f"No uplink of {host} was captured, so a reflective relay is not excluded.")
        )
        result.would_settle.append(f"Capture the uplinks of {host} too.")
    return result


def _on_one_vswitch_by_rows(scene: Scene, seen: Sightings, a: Leg, host: str) -> list[Evidence]:
    """What a mirror and an inventory add to two ports: the first line of reference 4.5, which needs no port at all.

    Fresh rows of plain vNICs on one vSwitch of the host, in whose mirror the packets are too.
    """
    mirrored = any(host_of(scene, leg) == host and scene.are_twins(leg, a) for leg in seen.m)
    if not mirrored:
        return []
    rows = [scene.identities.inventory.by_mac(mac) for mac in (a.key.src_mac, a.key.dst_mac)]
    every = [row for of_mac in rows for row in of_mac]
    switches = {row.vswitch for row in every}
    plain = all(
        row.host == host and row.kind == "vm" and not (row.passthrough or row.isolated) and is_fresh(scene, row)
        for row in every
    )
    if not all(rows) or not plain or len(switches) != 1 or None in switches:
        return []
    text = f"{every[0].source} has both plain vNICs on the vSwitch {every[0].vswitch} of {host}."
    return [Evidence("inventory-same-vswitch", True, text)]


def _two_places_or_switches(scene: Scene, a: Leg, b: Leg, host: str) -> Judgement | None:
    """What forbids row 2: ports whose VM is not sure, NICs past the vSwitch, two vSwitches."""
    settle = f"Capture every uplink of {host}."
    if {a.key.point, b.key.point} & scene.ports.unsure:
        return undetermined(
            "sighting-2",
            "One of the two ports shows a single peer only, so both may be places on the way of one VM.",
            settle,
            "An inventory with the interface names of the VMs.",
            points=scene.names([a, b]),
        )
    rows = [row for leg_mac in (a.key.src_mac, a.key.dst_mac) for row in scene.identities.inventory.by_mac(leg_mac)]
    switches = {row.vswitch for row in rows if row.vswitch}
    if any(row.passthrough for row in rows) or len(switches) > 1:
        why = f"two vSwitches, {' and '.join(sorted(switches))}" if len(switches) > 1 else "a NIC past the vSwitch"
        text = f"At both ports of {host}, but the inventory has {why}: the way between may lead outside."
        return undetermined("sighting-2", text, settle, points=scene.names([a, b]))
    return None


def _placed_elsewhere(scene: Scene, a: Leg, b: Leg, host: str) -> Judgement | None:
    """A fresh row with another host: the port may be one on the way (a transparent firewall's), showing one server."""
    for mac in (a.key.src_mac, a.key.dst_mac):
        rows = [row for row in scene.identities.inventory.by_mac(mac) if row.host]
        if rows and mac not in scene.movements.moves and all(row.host != host and is_fresh(scene, row) for row in rows):
            return Judgement(
                "undetermined", "conflict",
                [seen_at(scene, "sighting-2", f"The same frames at two ports of {host}.", [a, b]),
                 Evidence("inventory-placement", False, f"Row {rows[0].row} of {rows[0].source} has {mac_text(mac)} on "
                          f"{rows[0].host}, and no capture of the uplinks shows that it is wrong.")],
                [f"Capture every uplink of {host} and state uplinks_complete: true in the points file."],
            )  # fmt: skip
    return None


def _switched_but_on_uplink(
    scene: Scene, seen: Sightings, a: Leg, b: Leg, uplinks: list[Leg], back: Sightings
) -> Judgement:
    """Rows 3 and 6: at both ports with equal addresses, and on the uplink."""
    equal = [leg for leg in uplinks if same_addresses(leg, a)]
    on_wire, delivered = sum(leg.packets for leg in equal), max(a.packets, b.packets)
    by_tag: dict[int, int] = defaultdict(int)
    for leg in equal:
        by_tag[outermost_tag(leg)] += leg.packets * min(2, usual_copies(leg))
    twice = max(by_tag.values(), default=0)
    if equal and twice >= 2 * NEARLY_ALL * delivered and (len(equal) > 1 or usual_copies(equal[0]) >= 2):
        text = "On the uplink twice, out and back, with equal MACs and TTL: a reflective relay turned it round."
        return Judgement("hairpin_reflected", "proven", [seen_at(scene, "sighting-6", text, [a, *equal, b])])
    few = is_leak(seen, uplinks) and all(usual_copies(leg) == 1 for leg in uplinks)  # a flood does not come back
    heard = [leg for leg in (*seen.other, *seen.u, *seen.m) if leg not in uplinks and leg.key.point != a.key.point]
    silent = not (back.a or back.b) and bool(
        [leg for leg in heard if leg in seen.other or host_of(scene, leg) != host_of(scene, a)]
    )
    if len(equal) == len(uplinks) and (few or silent) and _was_at_both(scene, a, b, equal):
        what = f"{on_wire} of {delivered} packets were flooded to the uplink too and delivered here all the same."
        result = _switched(scene, seen, a, b, host_of(scene, a) or "", "Apart from flooded copies on no uplink")
        result.evidence.append(seen_at(scene, "sighting-3", what, equal))
        result.leaks = [leg for leg in (*seen.u, *seen.t) if same_addresses(leg, a) and _was_delivered(leg, b)]
        return result.capped("strong" if few else "likely")
    return undetermined(
        "sighting-3",
        f"Delivered at both ports, yet {on_wire or len(uplinks)} packets are on the uplink: neither a flood nor a "
        "clean reflection.",
        "Capture both directions of every uplink of this host.",
        points=scene.names([a, b, *uplinks]),
    )


def _was_at_both(scene: Scene, a: Leg, b: Leg, leaks: list[Leg]) -> bool:
    """Whether all that is on the uplink was at both ports too; else a VM was elsewhere by then, and it went there.

    A sketch keeps a few packets of each leg, so that it seldom shows the end of a long conversation. The time does (a
    port had nothing yet, or no longer), and the sums do: one port lacks what the uplink has.
    """
    if 2 * abs(a.wire_bytes - b.wire_bytes) >= sum(leak.wire_bytes for leak in leaks) > 0:
        return False
    return all(_is_within(scene, leak, port) and _was_delivered(leak, port) for leak in leaks for port in (a, b))


def _is_within(scene: Scene, leak: Leg, port: Leg) -> bool:
    """Whether a leg began and ended, on the common clock, while another lasted."""
    if NO_TIME in (leak.first_seen_ns, port.first_seen_ns):
        return True
    shift = scene.clock_shift_ns(leak) - scene.clock_shift_ns(port)
    early, late = port.first_seen_ns - leak.first_seen_ns - shift, leak.last_seen_ns + shift - port.last_seen_ns
    return max(early, late) <= JITTER_NS


def _was_delivered(leak: Leg, delivered: Leg) -> bool:
    """Whether all that leaked is also among what was delivered, as far as sketches and sequence ranges tell."""
    if leak.seq_low >= 0 and common_sequence_bytes(leak, delivered) < leak.seq_high - leak.seq_low:
        return False
    return leak.seq_low >= 0 or not holds_packet_missing_in(leak, [delivered])
