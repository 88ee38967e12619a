"""Whose port is it: the VM's MAC behind each vNIC point.

Everything that is called "stayed" by packets rests on this, so a port without a certain owner has none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.capture.points import CapturePoint
from flowmap.identity.endpoints import Identities
from flowmap.legs import Leg
from flowmap.packets import is_group_mac

OWNER_SHARE = 0.9
"""Share of a port's unicast packets in which its VM takes part."""


@dataclass(slots=True)
class PortOwners:
    """vNIC point -> MAC of its VM, and how sure that is.

    ``by_inventory`` are points of which only the inventory told: they allow ``strong`` at most. ``split`` are two
    points that carry nothing but one pair: each has one end, or both lie on the way of the same VM (a tap and the
    bridge port behind it), so only the uplinks can decide.
    """

    owners: dict[int, int] = field(default_factory=dict)
    by_inventory: set[int] = field(default_factory=set)
    split: set[int] = field(default_factory=set)


def find_owners(legs: Sequence[Leg], points: Sequence[CapturePoint], identities: Identities) -> PortOwners:
    """Find the owner of each vNIC point.

    The inventory tells by the interface name. Else the conversations that are answered at the port tell: its VM takes
    part in nearly all of them, and a flood is never answered at a bystander's port. Where two MACs do (a VM with one
    peer only) the one at home elsewhere is the peer. A port with unanswered traffic only (a file of one direction)
    belongs to its only sender if nothing else claims that MAC. A VM that never answers is known at its port only where
    the inventory places it on the port's host.
    """
    at_point: dict[int, list[Leg]] = defaultdict(list)
    for leg in legs:
        if points[leg.key.point].role == "vnic" and not is_group_mac(leg.key.dst_mac):
            at_point[leg.key.point].append(leg)
    answered = {number: _answered(unicast) for number, unicast in at_point.items()}
    candidates = {number: _senders_in_nearly_all(both) for number, both in answered.items() if both}
    one_way = {number: _senders_in_nearly_all(at_point[number]) for number, both in answered.items() if not both}
    result = PortOwners(_told_by_interface(points, {**candidates, **one_way}, identities))
    _eliminate(candidates, result)
    _leave_out_routers(candidates, set(identities.routers), result.owners)
    _take_one_way_ports(one_way, candidates, result.owners)
    for number, unicast in at_point.items():
        if number not in result.owners:
            silent = _silent_owner(unicast, points[number].host, identities, set(result.owners.values()))
            if silent is not None:
                result.owners[number] = silent
                result.by_inventory.add(number)
    return result


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
    points: Sequence[CapturePoint], candidates: Mapping[int, set[int]], identities: Identities
) -> dict[int, int]:
    """Owners by the inventory's interface names, where the packets at the port agree."""
    owners = {}
    for number, macs_here in candidates.items():
        point = points[number]
        rows = identities.inventory.by_interface(point.host, point.interface) if point.interface else []
        macs = {row.mac for row in rows if row.mac is not None} & macs_here
        if len(macs) == 1:
            owners[number] = macs.pop()
    return owners


def _eliminate(candidates: Mapping[int, set[int]], result: PortOwners) -> None:
    """Give each port its only free candidate until nothing changes; then split ports that share a pair."""
    owners = result.owners
    progress = True
    while progress:
        progress = False
        for number, macs_here in candidates.items():
            free = macs_here - set(owners.values())
            if number not in owners and len(free) == 1:
                owners[number], progress = free.pop(), True
        if not progress:
            progress = _split_a_pair(candidates, result)


def _leave_out_routers(candidates: Mapping[int, set[int]], routers: set[int], owners: dict[int, int]) -> None:
    """A VM that talks through its gateway only shares its port with it: the port is the VM's, unless it is the router's
    own with one client, which shows when the client has another port.
    """
    free = {number: macs - set(owners.values()) for number, macs in candidates.items() if number not in owners}
    clients = {number: next(iter(macs - routers)) for number, macs in free.items() if len(macs - routers) == 1}
    times = Counter(clients.values())
    for number, mac in clients.items():
        if times[mac] == 1:
            owners[number] = mac


def _split_a_pair(candidates: Mapping[int, set[int]], result: PortOwners) -> bool:
    """Give two ports with the same two free candidates one each; True when a pair was found."""
    pairs: dict[frozenset[int], list[int]] = defaultdict(list)
    for number, macs in candidates.items():
        free = frozenset(macs - set(result.owners.values()))
        if number not in result.owners and len(free) == 2:
            pairs[free].append(number)
    for both, numbers in pairs.items():
        if len(numbers) == 2:
            result.owners.update(zip(sorted(numbers), sorted(both), strict=True))
            result.split.update(numbers)
            return True
    return False


def _take_one_way_ports(
    one_way: Mapping[int, set[int]], candidates: Mapping[int, set[int]], owners: dict[int, int]
) -> None:
    """Ports without any answered conversation: the only sender, unless its MAC may be at home at another port."""
    elsewhere = {mac for macs in candidates.values() for mac in macs} | set(owners.values())
    times = Counter(mac for macs in one_way.values() for mac in macs)
    for number, macs in one_way.items():
        sure = {mac for mac in macs if times[mac] == 1 and mac not in elsewhere}
        if number not in owners and len(macs) == 1 and sure:
            owners[number] = sure.pop()


def _silent_owner(unicast: Sequence[Leg], host: str | None, identities: Identities, taken: set[int]) -> int | None:
    """The one VM that the inventory places on the port's host and to which all its unanswered unicast goes."""
    part, total = _packets_by_mac(unicast), sum(leg.packets for leg in unicast)
    macs = {
        mac
        for mac, packets in part.items()
        if packets >= OWNER_SHARE * total and mac not in taken and any(leg.key.dst_mac == mac for leg in unicast)
        and host is not None and {row.host for row in identities.inventory.by_mac(mac)} == {host}
    }  # fmt: skip
    return macs.pop() if len(macs) == 1 else None
