"""Bindings: which MACs an address is tied to, by what their owners said and sent (reference 4.6).

The MAC in a routed frame is the router's. So an address is a MAC's own where that MAC claimed it (ARP, neighbour
discovery, DHCP), or sent from it with an initial TTL and is no router.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from flowmap.identity.domains import DEFAULT_DOMAIN
from flowmap.identity.router_macs import NOBODYS_MAC
from flowmap.identity.routers import INITIAL_TTLS, OWN_TTLS
from flowmap.identity.stations import Place, Stations
from flowmap.packets import Claim

PROXIED_ADDRESSES = 3
"""A MAC that claims so many addresses of one subnet without ever sending from them answers for others: a proxy for ARP
(RFC 1027) or neighbour discovery (RFC 4389)."""

CONTESTED_OWNERS = 2
"""A MAC whose claims so many other MACs contradict is a proxy, or an attacker who poses as everybody."""

Address = tuple[str, str]
"""Address domain and IP."""


class Bindings:
    """Addresses and MACs tied to each other.

    Attributes
    ----------
    macs_of : dict
        (domain, IP) to the MACs whose own it is. Several are a conflict, or an address that several machines share.
    claimed : dict
        (domain, IP) to those of them that claimed it, which is more than having sent from it.
    addresses_of : dict
        MAC to the IPs that are its own and nobody else's.
    """

    def __init__(
        self, stations: Stations, domains: Mapping[Place, str], claims: Sequence[Claim], routers: Collection[int]
    ) -> None:
        sources, lowered = _senders(stations, domains, routers)
        claimed = _without_proxies(_claims_by_address(stations, domains, claims), sources, lowered, routers)
        self.claimed: dict[Address, set[int]] = claimed
        self.macs_of: dict[Address, set[int]] = {}
        for key in claimed.keys() | sources.keys():
            said, sent = claimed.get(key, set()), sources.get(key, set())
            machines = {mac for mac in said | sent if mac not in routers}
            self.macs_of[key] = machines or set(said)
        self.addresses_of: dict[int, set[str]] = defaultdict(set)
        self.domains_of: dict[str, set[str]] = defaultdict(set)
        for (domain, ip), macs in self.macs_of.items():
            self.domains_of[ip].add(domain)
            for mac in macs if len(macs) == 1 else ():
                self.addresses_of[mac].add(ip)

    def is_shared(self, address: Address) -> bool:
        """Whether several machines use an address beside others of their own: a virtual address (VRRP, keepalived)."""
        macs = self.macs_of.get(address, set())
        return len(macs) > 1 and all(self.addresses_of.get(mac) for mac in macs)


def _senders(
    stations: Stations, domains: Mapping[Place, str], routers: Collection[int]
) -> tuple[dict[Address, set[int]], dict[Address, set[int]]]:
    """Who sent from each address with an initial TTL and is no router, and who only with a lowered one."""
    sources: dict[Address, set[int]] = defaultdict(set)
    lowered: dict[Address, set[int]] = defaultdict(set)
    for station, ttls in stations.senders.items():
        if station.mac >= 0:
            own = not OWN_TTLS.isdisjoint(ttls)
            if own and station.mac not in routers:
                sources[domains[station.place], stations.texts[station.address]].add(station.mac)
            elif not own and ttls - INITIAL_TTLS:
                lowered[domains[station.place], stations.texts[station.address]].add(station.mac)
    for address, macs in sources.items():
        if address in lowered:
            lowered[address] -= macs
    return sources, lowered


def _claims_by_address(
    stations: Stations, domains: Mapping[Place, str], claims: Iterable[Claim]
) -> dict[Address, dict[int, set[str]]]:
    """(domain, IP) to the MACs that claimed it and how."""
    domains_of_mac: dict[int, set[str]] = defaultdict(set)
    for station in (*stations.senders, *stations.receivers):
        domains_of_mac[station.mac].add(domains[station.place])
    result: dict[Address, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for claim in claims:
        for domain in domains_of_mac.get(claim.mac) or {DEFAULT_DOMAIN} if claim.ip else ():
            result[domain, claim.ip][claim.mac].add(claim.how)
    return result


def _without_proxies(
    claims: Mapping[Address, Mapping[int, set[str]]],
    sources: Mapping[Address, set[int]],
    lowered: Mapping[Address, set[int]],
    routers: Collection[int],
) -> dict[Address, set[int]]:
    """Leave out claims of MACs that answer for others.

    What a server gave by DHCP stands. Of the rest a claim goes where the MAC is nobody's; where it forwards packets of
    the address instead of sending them; where it claims many addresses of one subnet and sends from none of them; and
    where several other machines contradict its claims and it never sent from the address.
    """
    unsent: dict[tuple[int, str], set[Address]] = defaultdict(set)
    contested: dict[int, set[int]] = defaultdict(set)
    for address, macs in claims.items():
        machines = {mac for mac in (*macs, *sources.get(address, ())) if mac not in routers}
        for mac, how in macs.items():
            if mac not in sources.get(address, ()) and "dhcp" not in how:
                unsent[mac, usual_subnet(address[1])].add(address)
                contested[mac] |= machines - {mac}
    crowded = {
        (mac, address) for (mac, _), found in unsent.items() if len(found) >= PROXIED_ADDRESSES for address in found
    }
    result: dict[Address, set[int]] = {}
    for address, macs in claims.items():
        left = set()
        for mac, how in macs.items():
            by_itself = mac in sources.get(address, ()) or "dhcp" in how
            is_proxy = mac in lowered.get(address, ()) or (mac, address) in crowded
            if mac != NOBODYS_MAC and (by_itself or not (is_proxy or len(contested[mac]) >= CONTESTED_OWNERS)):
                left.add(mac)
        result[address] = left
    return result


@lru_cache(65_536)
def usual_subnet(ip: str) -> str:
    """The usual subnet of an address; packets show no prefix lengths."""
    address = ipaddress.ip_address(ip)
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))
