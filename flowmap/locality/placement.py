"""Where the two ends of a direction are: by a move, their own ports, a live forwarding table, or an export."""

from __future__ import annotations

from dataclasses import dataclass

from flowmap.identity.endpoints import Endpoint
from flowmap.inventory.records import BY_HAND, LearnedMac, VnicRecord
from flowmap.legs import Leg
from flowmap.locality.completeness import was_recording
from flowmap.locality.sightings import Scene
from flowmap.locality.verdict import Evidence
from flowmap.packets import NO_TIME

DAY_NS = 86_400_000_000_000

LIVE_NS = 600_000_000_000
"""How far from the capture a forwarding table is a live witness: Open vSwitch and Linux forget a MAC after 300 s."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One end with its host; ``cap`` is the best grade this allows and ``why``.

    ``how`` is ``port``, ``move``, ``live`` or ``inventory``; ``mac`` the end's MAC in the frames, -1 where a router's
    stands in its place everywhere.
    """

    host: str
    vswitch: str | None
    record: VnicRecord | None
    cap: str
    why: tuple[str, ...]
    how: str
    text: str
    mac: int = -1


def placed(scene: Scene, endpoint: Endpoint, legs: list[Leg], side: str) -> Placement | None:
    """Where an endpoint is, the surest witness first; None where nothing tells.

    ``side`` is ``src_mac`` or ``dst_mac``, whichever the endpoint's MAC is in these legs.
    """
    if not (endpoint.records or endpoint.kind == "hypervisor" or scene.can_place):
        return None
    used = {getattr(leg.key, side) for leg in legs}
    own = {mac for mac in used if mac in endpoint.macs and mac not in scene.identities.routers}
    mac = min(own, default=-1)
    rows = [row for row in endpoint.records if row.mac in own] or endpoint.records
    record = next((row for row in rows if row.passthrough), rows[0]) if rows else None
    switches = {row.vswitch for row in rows}
    vswitch = switches.pop() if len(switches) == 1 else None

    ports = sorted({number for one in own or endpoint.macs for number in scene.sure_ports.get(one, ())})
    if ports and len({scene.points[number].host for number in ports}) == 1:
        return _at_its_port(scene, ports, legs, vswitch, record, mac)
    moved = {scene.moved_to[one] for one in own or endpoint.macs if one in scene.moved_to}
    if moved:
        host = moved.pop() if len(moved) == 1 else None
        return Placement(host, vswitch, record, "likely", (), "move", "where it was then", mac) if host else None
    live = _live(scene, own or endpoint.macs)
    if live is not None:
        why = tuple(filter(None, [_age(scene, live) or _not_live(scene, live)]))
        text = f"behind port {live.interface or live.port_number} in the forwarding table {live.source}"
        return Placement(live.host or "", vswitch, record, "likely" if why else "strong", why, "live", text, mac)
    host_of_hypervisor = endpoint.host if endpoint.kind == "hypervisor" else None
    if record is None and host_of_hypervisor:
        why = ("A person placed it.",) if _is_by_hand(scene, endpoint) else ()
        text = "by hand, on the page" if why else endpoint.kind_how
        return Placement(host_of_hypervisor, None, None, "likely" if why else "strong", why, "inventory", text, mac)
    if record is None or not record.host or _was_not_at_its_port(scene, own, legs, record.host):
        return None
    why = tuple(filter(None, [_matched(endpoint), _age(scene, record)]))
    text = f"{_row(record)}{_observed(scene, record)}"
    return Placement(record.host, vswitch, record, "likely" if why else "strong", why, "inventory", text, mac)


def _is_by_hand(scene: Scene, endpoint: Endpoint) -> bool:
    """Whether a person placed a hypervisor, whose rows the endpoint does not keep."""
    inventory = scene.identities.inventory
    rows = [row for mac in endpoint.macs for row in inventory.by_mac(mac)]
    rows += [row for ip in endpoint.ips for row in inventory.by_ip(ip)]
    return any(row.format == BY_HAND for row in rows)


def _row(record: VnicRecord) -> str:
    return "by hand, on the page" if record.format == BY_HAND else f"row {record.row} of {record.source}"


def _at_its_port(
    scene: Scene, ports: list[int], legs: list[Leg], vswitch: str | None, record: VnicRecord | None, mac: int
) -> Placement | None:
    """The host of an end's own port. A port that recorded all the while and did not see it says: not here, then."""
    first = scene.points[ports[0]]
    why: tuple[str, ...] = ()
    if not {leg.key.point for leg in legs} & set(ports):
        longest = max(legs, key=lambda leg: leg.packets)
        if any(was_recording(scene, number, longest) for number in ports):
            return None
        why = (f"{first.id} was not recorded at that time.",)
    stated = all(scene.points[number].is_stated for number in ports)
    cap = "strong" if stated and not why else "likely"
    return Placement(first.host or "", vswitch, record, cap, why, "port", f"its captured port {first.id}", mac)


def _was_not_at_its_port(scene: Scene, own: set[int], legs: list[Leg], host: str) -> bool:
    """Whether a port that may be the end's own recorded all the while and did not see it: it was elsewhere, then."""
    unsure = {number for mac in own for number in scene.unsure_ports.get(mac, ())
              if scene.points[number].host == host}  # fmt: skip
    if not unsure or not unsure.isdisjoint(leg.key.point for leg in legs):
        return False
    longest = max(legs, key=lambda leg: leg.packets)
    return any(was_recording(scene, number, longest) for number in unsure)


def placement_evidence(place: Placement, endpoint: Endpoint) -> Evidence:
    """The row, port or table that places an end."""
    switch = f", vSwitch {place.vswitch}" if place.vswitch else ""
    text = f"{endpoint.label} is on {place.host}{switch} ({place.text})."
    return Evidence("inventory-placement", True, text, packets=1)


def _live(scene: Scene, macs: set[int]) -> LearnedMac | None:
    """The row of a forwarding table that has one of the MACs at a VM's port, where no table contradicts it."""
    inventory = scene.identities.inventory
    rows = [row for mac in macs for row in inventory.learned_at(mac) if row.host and row.is_uplink is False]
    hosts = {inventory.live_host(row.mac) for row in rows}
    return rows[0] if len(hosts) == 1 and None not in hosts else None


def is_fresh(scene: Scene, row: VnicRecord | LearnedMac) -> bool:
    """Whether a row tells its age, and was true at most so long before or after the capture as the settings allow."""
    return not _age(scene, row)


def _not_live(scene: Scene, row: LearnedMac) -> str:
    """Why a forwarding table says no more than an export; switches forget what they learned within minutes."""
    observed = row.observed_at_ns or 0
    away = max(scene.first_seen_ns - observed, observed - scene.last_seen_ns)
    return f"{row.source} was read {away // 60_000_000_000} minutes from the capture." if away > LIVE_NS else ""


def _matched(endpoint: Endpoint) -> str:
    return "" if endpoint.records_how == "MAC" else f"{endpoint.label} is matched by address only, not by MAC."


def _age(scene: Scene, row: VnicRecord | LearnedMac) -> str:
    """Why a row's placement may be out of date; empty when it is fresh."""
    if isinstance(row, VnicRecord) and row.format == BY_HAND:
        return f"A person placed {row.vm} by hand."
    if row.observed_at_ns is None or scene.first_seen_ns == NO_TIME:
        return f"{row.source} does not say when it was exported."
    early = scene.first_seen_ns - row.observed_at_ns
    late = row.observed_at_ns - scene.last_seen_ns
    if max(early, late) > scene.inventory_fresh_ns:
        days, when = max(early, late) / DAY_NS, "before" if early > late else "after"
        return f"{row.source} was exported {days:.1f} days {when} the capture."
    return ""


def _observed(scene: Scene, row: VnicRecord) -> str:
    """The row's age beside the capture, in the unit that fits; a person's word has none."""
    if row.format == BY_HAND:
        return ""
    if row.observed_at_ns is None or scene.first_seen_ns == NO_TIME:
        return ", of unknown age"
    early, late = scene.first_seen_ns - row.observed_at_ns, row.observed_at_ns - scene.last_seen_ns
    seconds = max(early, late) // 1_000_000_000
    if seconds <= 0:
        return ", exported during the capture"
    count, unit = next((seconds // size, unit) for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
                       if seconds >= size)  # fmt: skip
    return f", exported {count} {unit} {'before' if early > late else 'after'} it"
