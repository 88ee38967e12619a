"""Routers, found by what they do: send packets of others (reference 2.1, 4.6).

Whoever is missed here hands its MAC to the machines behind it, and then these seem to be where it is. So a MAC that
may be a router's is taken for one: the machines behind it are then known by address only, which decides nothing wrong.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from flowmap.identity.router_macs import google_address, is_distributed_router_mac, router_kind, standard_router_mac
from flowmap.identity.stations import Stations
from flowmap.inventory.records import Inventory
from flowmap.legs import Leg
from flowmap.packets import Claim, ip_text, is_group_mac, mac_text
from flowmap.twins import Twin, Twins

__all__ = [
    "INITIAL_TTLS",
    "OWN_TTLS",
    "find_routers",
    "is_distributed_router_mac",
    "router_kind",
    "standard_router_mac",
]

INITIAL_TTLS = frozenset({1, 30, 32, 60, 64, 100, 128, 200, 255})
"""TTLs that hosts start with: a frame with another one has been routed."""

OWN_TTLS = frozenset({64, 128, 255})
"""The common ones, too far apart to be another one after some hops: such a frame comes from its sender itself, or from
a router that leaves the TTL alone."""

TTLS_OF_ONE_SENDER = 3
"""TTLs with which packets of one address may arrive over a router; a traceroute shows more."""

_NO_OWN_SUBNET = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "169.254.0.0/16", "fe80::/10", "::/127")))


def find_routers(
    legs: Sequence[Leg],
    twins: Twins,
    stations: Stations,
    claims: Sequence[Claim],
    inventory: Inventory | None = None,
) -> dict[int, str]:
    """MACs of routers and how each was recognised; a prefix of a vendor says nothing.

    A MAC is a router's when

    - a packet sent to it comes back from it or another MAC, with a smaller TTL or with the same one (twins);
    - it sends packets of two or more addresses that are not its own, with a TTL that is no initial one;
    - it sends packets of two or more subnets, and did not claim its address in each (a firewall or fabric that leaves
      the TTL alone), or of one address that it did not claim while the inventory gives it others;
    - it is reserved for virtual routers, or the inventory calls it a router's.
    """
    routers: dict[int, str] = {}
    claimants: dict[str, set[int]] = defaultdict(set)
    for claim in claims:
        claimants[claim.ip].add(claim.mac)
    for (first, second), twin in twins.links.items():
        for mac, how in _between(legs[first], legs[second], twin, claimants):
            routers.setdefault(mac, how)
    for mac, ips in _forwarded(stations, claims).items():
        if len(ips) >= 2:
            routers.setdefault(mac, f"sent packets of {len(ips)} addresses that are not its own, TTL already lowered")
    for mac, how in _of_several_subnets(stations, claims, inventory or Inventory([])).items():
        routers.setdefault(mac, how)
    seen = {station.mac for station in (*stations.senders, *stations.receivers)} | {claim.mac for claim in claims}
    for mac in seen:
        what = standard_router_mac(mac)
        rows = inventory.by_mac(mac) if inventory else []
        if what:
            routers.setdefault(mac, f"{mac_text(mac)} is {what}")
        elif rows and all(row.kind == "router" for row in rows):
            routers.setdefault(mac, f"row {rows[0].row} of {rows[0].source} calls it a router's port")
    return routers


def _between(one: Leg, other: Leg, twin: Twin, claimants: Mapping[str, set[int]]) -> list[tuple[int, str]]:
    """The MACs of the router between two legs of the same packets, none where only a switch is."""
    drop = twin.samples[0][0].ttl - twin.samples[0][1].ttl if twin.samples else one.ttl_max - other.ttl_max
    before, after = (one, other) if drop >= 0 else (other, one)
    if (before.key.src_mac, before.key.dst_mac) == (after.key.src_mac, after.key.dst_mac):
        return []
    how = f"forwarded packets with the TTL lowered by {abs(drop)}"
    if not drop:
        if not _was_before(before, after, claimants):
            before, after = after, before
            if not _was_before(before, after, claimants):
                return []
        how = "forwarded packets and left the TTL alone"
    return [(mac, how) for mac in (before.key.dst_mac, after.key.src_mac) if mac >= 0 and not is_group_mac(mac)]


def _was_before(one: Leg, other: Leg, claimants: Mapping[str, set[int]]) -> bool:
    """Whether one leg led to who sent the other, or its sender claimed the packets' address and the other's did not."""
    if one.key.src_mac == other.key.src_mac or -1 in (one.key.src_mac, other.key.src_mac):
        return False
    if one.key.dst_mac == other.key.src_mac:
        return True
    if other.key.dst_mac == one.key.src_mac:
        return False
    found = claimants.get(ip_text(*one.source[0]), ())
    return one.key.src_mac in found and other.key.src_mac not in found


def _forwarded(stations: Stations, claims: Sequence[Claim]) -> dict[int, set[str]]:
    """MAC to the addresses that it sent for with a lowered TTL and that are not its own.

    An address is its own where it sent from it with an initial TTL, too, or claimed it and never sent from it with a
    lowered one; who claims and only forwards is a proxy (RFC 1027). A traceroute sends with 1, 2, 3. Link-local
    addresses are never routed.
    """
    own: dict[int, set[str]] = defaultdict(set)
    lowered: dict[tuple[int, str], set[int]] = defaultdict(set)
    for station, ttls_seen in stations.senders.items():
        mac, ip = station.mac, stations.texts[station.address]
        if not OWN_TTLS.isdisjoint(ttls_seen):
            own[mac].add(ip)
        if mac >= 0 and not ip.lower().startswith("fe80:"):
            lowered[mac, ip] |= ttls_seen - INITIAL_TTLS
    forwarded: dict[int, set[str]] = defaultdict(set)
    for (mac, ip), ttls in lowered.items():
        if ttls and ip not in own[mac] and len(ttls) <= TTLS_OF_ONE_SENDER:
            forwarded[mac].add(ip)
    claimed = _claimed(claims)
    return {
        mac: ips if len(ips & claimed.get(mac, set())) > 1 else ips - claimed.get(mac, set())
        for mac, ips in forwarded.items()
    }


def _of_several_subnets(stations: Stations, claims: Sequence[Claim], inventory: Inventory) -> dict[int, str]:
    """MACs that sent, with an initial TTL, packets of addresses that cannot all be their own.

    Packets show no prefix lengths, so a subnet is taken to be what nearly every one is: /24 for IPv4, /64 for IPv6.
    """
    sent: dict[int, set[str]] = defaultdict(set)
    for station, ttls in stations.senders.items():
        if station.mac >= 0 and not OWN_TTLS.isdisjoint(ttls):
            sent[station.mac].add(stations.texts[station.address])
    claimed = _claimed(claims)
    result = {}
    for mac, ips in sent.items():
        rows = {ip for row in inventory.by_mac(mac) for ip in (*row.ips, *row.external_ips)}
        own = claimed.get(mac, set()) | rows
        strange = ips - own
        if not strange:
            continue
        foreign = {subnet for ip in strange if (subnet := _subnet(ip))}
        subnets = {subnet for ip in ips | claimed.get(mac, set()) if (subnet := _subnet(ip))}
        from_google = google_address(mac)
        versions = {subnet.version for subnet in foreign}
        widest = max((sum(one.version == version for one in subnets) for version in versions), default=0)
        if widest > 1:
            result[mac] = f"sent packets of {widest} subnets and did not claim {len(strange)} of their addresses"
        elif versions & {ipaddress.ip_address(ip).version for ip in rows}:
            result[mac] = "sent packets of addresses that are neither claimed by it nor its own in the inventory"
        elif from_google and from_google.endswith(".1") and strange - {from_google}:
            result[mac] = f"{mac_text(mac)} is the gateway of a Google Compute Engine subnet"
    return result


def _claimed(claims: Sequence[Claim]) -> Mapping[int, set[str]]:
    result: dict[int, set[str]] = defaultdict(set)
    for claim in claims:
        if claim.ip:
            result[claim.mac].add(claim.ip)
    return result


@lru_cache(65_536)
def _subnet(ip: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The usual subnet of an address; None for addresses that a machine has besides its own."""
    address = ipaddress.ip_address(ip)
    if address.is_multicast or any(address in network for network in _NO_OWN_SUBNET):
        return None
    return ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False)
