"""Address domains: within one, an address means one machine (DESIGN section 1).

The whole map is one domain unless packets prove an overlap or the inventory names tenants. VLAN ids are no domains:
a hairpin joins two of them, and the same id on two hosts may be two networks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from flowmap.identity.stations import Place, Stations
from flowmap.inventory.records import Inventory
from flowmap.legs import Leg
from flowmap.packets import Claim, Tunnel, is_group_mac
from flowmap.twins import Twins

DEFAULT_DOMAIN = "default"

Segment = tuple[int, int, int, str, int]
"""Capture point, VLAN, outer VLAN, kind of tunnel and VNI: where frames certainly share one layer 2."""


def segment_of(place: Place, tunnels: Sequence[Tunnel]) -> Segment:
    """The segment of a leg or claim."""
    point, vlan, outer_vlan, tunnel = place
    kind, vni = (tunnels[tunnel].kind, tunnels[tunnel].vni) if tunnel >= 0 else ("", -1)
    return point, vlan, outer_vlan, kind, vni


class _Islands:
    """Union-find over segments: an island is connected by twins or by a VM's MAC seen in both."""

    def __init__(self) -> None:
        self._parent: dict[Segment, Segment] = {}

    def find(self, segment: Segment) -> Segment:
        parent = self._parent.setdefault(segment, segment)
        while parent != self._parent[parent]:
            self._parent[parent] = parent = self._parent[self._parent[parent]]
        self._parent[segment] = parent
        return parent

    def join(self, one: Segment, other: Segment) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low


def assign_domains(
    legs: Sequence[Leg],
    twins: Twins,
    stations: Stations,
    claims: Sequence[Claim],
    tunnels: Sequence[Tunnel],
    routers: Collection[int],
    inventory: Inventory,
) -> tuple[dict[Place, str], list[str]]:
    """The address domain of each place where legs were seen, and a sentence for each overlap that was found.

    Packets prove an overlap when one IP is claimed by different MACs on segments of different islands and neither MAC
    is a router's. A moved VM takes its MAC along, which joins the islands. Islands without an overlap stay in the
    default domain.
    """
    claims = [claim for claim in claims if claim.how != "dhcp"]  # a relay carries it to segments where its MAC is not
    segments = {station.place: segment_of(station.place, tunnels) for station in stations.senders}
    islands = _join_islands(legs, twins, stations, claims, tunnels, routers, segments)
    claimants: dict[str, dict[Segment, set[int]]] = defaultdict(lambda: defaultdict(set))
    for claim in claims:
        if claim.ip and claim.mac not in routers and not claim.ip.lower().startswith("fe80:"):
            segment = segment_of(_place_of(claim), tunnels)
            claimants[claim.ip][islands.find(segment)].add(claim.mac)
    names: dict[Segment, str] = {}
    notices = []
    for ip, places in sorted(claimants.items()):
        if len(places) > 1 and len(set.union(*places.values())) > 1:
            for island in places:
                names.setdefault(island, _domain_name(island, names.values()))
            notices.append(
                f"{ip} belongs to different machines in {', '.join(sorted(names[island] for island in places))}: "
                "their addresses are kept apart."
            )
    if inventory.records:
        _take_inventory_names(stations, segments, islands, inventory, names)
    domains = {place: names.get(islands.find(segment), DEFAULT_DOMAIN) for place, segment in segments.items()}
    return domains, notices


def domains_of_legs(legs: Sequence[Leg], domains: Mapping[Place, str]) -> list[str]:
    """The address domain of each leg."""
    if len(set(domains.values())) == 1:
        return [next(iter(domains.values()))] * len(legs)
    return [domains[place_of(leg)] for leg in legs]


def place_of(leg: Leg) -> Place:
    """Where a leg was seen."""
    return leg.key.point, leg.key.vlan, leg.key.outer_vlan, leg.key.tunnel


def _place_of(claim: Claim) -> Place:
    return claim.point, claim.vlan, -1, claim.tunnel


def _join_islands(
    legs: Sequence[Leg],
    twins: Twins,
    stations: Stations,
    claims: Sequence[Claim],
    tunnels: Sequence[Tunnel],
    routers: Collection[int],
    segments: Mapping[Place, Segment],
) -> _Islands:
    islands = _Islands()
    joined = {(segments[place_of(legs[first])], segments[place_of(legs[second])]) for first, second in twins.links}
    for one, other in joined:
        islands.join(one, other)
    home: dict[int, Segment] = {}
    seen = {(station.mac, segments[station.place]) for station in stations.senders}
    seen |= {(claim.mac, segment_of(_place_of(claim), tunnels)) for claim in claims}
    for mac, segment in seen:
        if mac >= 0 and mac not in routers and not is_group_mac(mac):
            islands.join(home.setdefault(mac, segment), segment)
    return islands


def _domain_name(island: Segment, taken: Iterable[str]) -> str:
    """A short stable name made of what tells the segment apart."""
    point, vlan, _, kind, vni = island
    name = f"{kind}{vni}" if kind else f"vlan{vlan}" if vlan >= 0 else f"point{point}"
    return name if name not in taken else f"{name}-point{point}"


def _take_inventory_names(
    stations: Stations,
    segments: Mapping[Place, Segment],
    islands: _Islands,
    inventory: Inventory,
    names: dict[Segment, str],
) -> None:
    """Name an island by the tenant or VRF that the inventory gives to its MACs, where they agree."""
    found: dict[Segment, set[str]] = defaultdict(set)
    for mac, place in {(station.mac, station.place) for station in (*stations.senders, *stations.receivers)}:
        for record in inventory.by_mac(mac) if mac >= 0 else ():
            if record.domain:
                found[islands.find(segments[place])].add(record.domain)
    for island, domains in found.items():
        if len(domains) == 1:
            names[island] = domains.pop()
