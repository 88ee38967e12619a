"""Whose port is it: the VM's MAC behind each vNIC point.

Everything that is called "stayed" by packets rests on this, so a port without a certain owner has none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.capture.points import CapturePoint
from flowmap.identity.endpoints import Identities
from flowmap.inventory.records import BY_HAND, VnicRecord
from flowmap.legs import FiveTuple, Leg
from flowmap.packets import is_group_mac

OWNER_SHARE = 0.9
"""Share of the packets of a port's answered conversations in which its VM takes part."""


@dataclass(slots=True)
class PortOwners:
    """vNIC point -> MAC of its VM, and how sure that is.

    ``by_inventory`` are points of which only the inventory told: they allow ``likely`` at most. ``unsure`` are points
    whose owner was found by leaving out others: it may as well be a second place on the way of the same VM (a tap and
    the bridge port behind it), a transparent firewall or a monitor's port, so only the uplinks can decide there.
    """

    owners: dict[int, int] = field(default_factory=dict)
    by_inventory: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)


Port = tuple[str, str] | int
"""(host, interface) where both are known, so that several files of one port are one; else the capture point."""


def find_owners(
    legs: Sequence[Leg],
    points: Sequence[CapturePoint],
    identities: Identities,
    moved: Collection[int] = (),
    is_fresh: Callable[[VnicRecord], bool] = lambda row: True,
) -> PortOwners:
    """Find the owner of each vNIC point; a MAC of ``moved`` may own ports on two hosts, one after the other.

    The inventory tells by the interface name, which hypervisors give anew: where several MACs are possible, a row that
    is not ``is_fresh`` leaves it ``unsure``. Else the conversations that are answered at the port tell: its VM takes
    part in nearly all of them, and a flood is never answered at a bystander's port. Where two MACs do (a VM with one
    peer only) the one at home elsewhere is the peer, which is ``unsure``; so is a VM that talks through its gateway
    only. Files of one direction tell nothing: the one towards a VM shows its peer as the only sender. A VM that never
    answers is known at its port only where the inventory places it on the port's host.
    """
    at_port: dict[Port, list[Leg]] = defaultdict(list)
    for leg in legs:
        point = points[leg.key.point]
        if point.role == "vnic" and not is_group_mac(leg.key.dst_mac):
            at_port[_port(points, leg.key.point)].append(leg)
    for port in [port for port, unicast in at_port.items() if _passes_frames_on(unicast)]:
        del at_port[port]
    candidates = {port: _senders_in_nearly_all(_answered(unicast)) for port, unicast in at_port.items()}
    unsure: set[Port] = set()
    owners = _told_by_interface(points, candidates, identities, is_fresh, unsure)
    _take_the_only_ones(candidates, owners, moved)
    _eliminate(candidates, set(identities.routers), owners, unsure)
    silent: set[Port] = set()
    for port, unicast in at_port.items():
        host = points[unicast[0].key.point].host
        mac = _silent_owner(unicast, host, identities, set(owners.values())) if port not in owners else None
        if mac is not None:
            owners[port] = mac
            silent.add(port)
    result = PortOwners()
    for number, point in enumerate(points):
        port = _port(points, number)
        if point.role == "vnic" and port in owners:
            result.owners[number] = owners[port]
            if port in silent:
                result.by_inventory.add(number)
            if port in unsure:
                result.unsure.add(number)
    return result


def _port(points: Sequence[CapturePoint], number: int) -> Port:
    point = points[number]
    return (point.host, point.interface) if point.host and point.interface else number


def _passes_frames_on(unicast: Sequence[Leg]) -> bool:
    """Whether conversations stand at a port in two VLANs with equal MACs: it belongs to a bridge, no end does that."""
    vlans: dict[tuple[FiveTuple, bool, int, int], set[tuple[int, int]]] = defaultdict(set)
    for leg in unicast:
        key = leg.key
        vlans[key.five_tuple, key.forward, key.src_mac, key.dst_mac].add((key.vlan, key.outer_vlan))
    twice = {key[0] for key, tags in vlans.items() if len(tags) > 1}
    packets = sum(leg.packets for leg in unicast if leg.key.five_tuple in twice)
    return packets > (1 - OWNER_SHARE) * sum(leg.packets for leg in unicast)


def _answered(unicast: Sequence[Leg]) -> list[Leg]:
    """The legs of conversations of which both directions were seen at the port."""
    directions = {(leg.key.five_tuple, leg.key.forward) for leg in unicast}
    return [leg for leg in unicast if (leg.key.five_tuple, not leg.key.forward) in directions]


def _senders_in_nearly_all(unicast: Sequence[Leg]) -> set[int]:
    """MACs that send and take part in nearly all packets."""
    part, total = _packets_by_mac(unicast), sum(leg.packets for leg in unicast)
    return {leg.key.src_mac for leg in unicast if leg.key.src_mac >= 0 and part[leg.key.src_mac] >= OWNER_SHARE * total}


def _packets_by_mac(legs: Sequence[Leg]) -> Counter[int]:
    """Packets in which each MAC takes part."""
    part: Counter[int] = Counter()
    for leg in legs:
        for mac in {leg.key.src_mac, leg.key.dst_mac}:
            part[mac] += leg.packets
    return part


def _told_by_interface(
    points: Sequence[CapturePoint],
    candidates: Mapping[Port, set[int]],
    identities: Identities,
    is_fresh: Callable[[VnicRecord], bool],
    unsure: set[Port],
) -> dict[Port, int]:
    """Owners by the inventory's interface names, where the packets at the port agree."""
    owners: dict[Port, int] = {}
    for number, point in enumerate(points):
        rows = identities.inventory.by_interface(point.host, point.interface) if point.interface else []
        port = _port(points, number)
        macs = {row.mac for row in rows if row.mac is not None} & candidates.get(port, set())
        if len(macs) == 1:
            mac = owners[port] = macs.pop()
            if len(candidates[port]) > 1 and not any(is_fresh(row) for row in rows if row.mac == mac):
                unsure.add(port)
    return owners


def _take_the_only_ones(candidates: Mapping[Port, set[int]], owners: dict[Port, int], moved: Collection[int]) -> None:
    """Ports with one candidate, unless two ports claim the same MAC: then it is nobody's, but for one that moved."""
    alone = {port: next(iter(macs)) for port, macs in candidates.items() if len(macs) == 1 and port not in owners}
    claims: dict[int, list[Port]] = defaultdict(list)
    for port, mac in (*alone.items(), *owners.items()):
        claims[mac].append(port)
    for port, mac in alone.items():
        hosts = {claim[0] if isinstance(claim, tuple) else claim for claim in claims[mac]}
        if len(claims[mac]) == 1 or (mac in moved and len(hosts) == len(claims[mac])):
            owners[port] = mac


def _eliminate(
    candidates: Mapping[Port, set[int]], routers: set[int], owners: dict[Port, int], unsure: set[Port]
) -> None:
    """Ports with several candidates: leave out MACs at home elsewhere, then routers, then split a pair of ports."""
    progress = True
    while progress:
        taken = set(owners.values())
        free = {port: macs - taken for port, macs in candidates.items() if len(macs) > 1 and port not in owners}
        found = _only_ones(free) or _only_ones({port: macs - routers for port, macs in free.items()}) or _split(free)
        owners.update(found)
        unsure.update(found)
        progress = bool(found)


def _only_ones(free: Mapping[Port, set[int]]) -> dict[Port, int]:
    """Ports with one free candidate that no other port has as its only one."""
    alone = {port: next(iter(macs)) for port, macs in free.items() if len(macs) == 1}
    times = Counter(alone.values())
    return {port: mac for port, mac in alone.items() if times[mac] == 1}


def _split(free: Mapping[Port, set[int]]) -> dict[Port, int]:
    """Two ports with the same two candidates get one each."""
    pairs: dict[frozenset[int], list[Port]] = defaultdict(list)
    for port, macs in free.items():
        if len(macs) == 2:
            pairs[frozenset(macs)].append(port)
    for both, ports in pairs.items():
        if len(ports) == 2:
            return dict(zip(ports, sorted(both), strict=True))
    return {}


def _exported_host(row: VnicRecord) -> str | None:
    """A person's word does not make a port its VM's: what packets show there would then rest on it."""
    return None if row.format == BY_HAND else row.host


def _silent_owner(unicast: Sequence[Leg], host: str | None, identities: Identities, taken: set[int]) -> int | None:
    """The one VM that the inventory places on the port's host and to which all its unanswered unicast goes."""
    part, total = _packets_by_mac(unicast), sum(leg.packets for leg in unicast)
    macs = {
        mac
        for mac, packets in part.items()
        if packets >= OWNER_SHARE * total and mac not in taken and any(leg.key.dst_mac == mac for leg in unicast)
        and host is not None and {_exported_host(row) for row in identities.inventory.by_mac(mac)} == {host}
    }  # fmt: skip
    return macs.pop() if len(macs) == 1 else None
