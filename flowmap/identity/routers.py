"""Routers, found by what they do: forward packets with a smaller TTL and another MAC (reference 2.1, 4.6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flowmap.identity.stations import Stations
from flowmap.legs import Leg
from flowmap.packets import Claim, is_group_mac, mac_text
from flowmap.twins import Twins

INITIAL_TTLS = frozenset({1, 30, 32, 60, 64, 100, 128, 200, 255})
"""TTLs that hosts start with: a frame with another one has been routed."""

OWN_TTLS = frozenset({64, 128, 255})
"""The common ones, too far apart to be another one after some hops: such a frame comes from its sender itself."""

TTLS_OF_ONE_SENDER = 3
"""TTLs with which packets of one address may arrive over a router; a traceroute shows more."""

_STANDARD_PREFIXES = (
    (0x00005E0001, 40, "the VRRP virtual router MAC (RFC 9568)"),
    (0x00005E0002, 40, "the VRRP virtual router MAC (RFC 9568)"),
    (0x00000C07AC, 40, "an HSRP virtual router MAC"),
    (0x00000C9FF, 36, "an HSRP version 2 virtual router MAC"),
    (0x0007B400, 32, "a GLBP virtual router MAC"),
    (0x025056564452, 48, "the NSX distributed router MAC"),
    (0x025056564453, 48, "the NSX distributed router MAC"),
)


def standard_router_mac(mac: int) -> str | None:
    """What a reserved virtual router MAC is, None for any other."""
    for prefix, bits, what in _STANDARD_PREFIXES:
        if mac >= 0 and mac >> (48 - bits) == prefix:
            return what
    return None


def find_routers(legs: Sequence[Leg], twins: Twins, stations: Stations, claims: Sequence[Claim]) -> dict[int, str]:
    """MACs of routers and how each was recognised.

    A MAC is a router's when a packet sent to it comes back with a smaller TTL from it or another MAC (twins); when it
    sends packets of two or more addresses that are not its own, with a TTL that is no initial one; or when it is a
    standard virtual router MAC. A prefix of a vendor says nothing.
    """
    routers: dict[int, str] = {}
    for (first, second), twin in twins.links.items():
        before, after = legs[first], legs[second]
        drop = twin.samples[0][0].ttl - twin.samples[0][1].ttl if twin.samples else before.ttl_max - after.ttl_max
        if drop < 0:
            before, after = after, before
        if drop and (before.key.src_mac, before.key.dst_mac) != (after.key.src_mac, after.key.dst_mac):
            for mac in (before.key.dst_mac, after.key.src_mac):
                if mac >= 0 and not is_group_mac(mac):
                    routers.setdefault(mac, f"forwarded packets with the TTL lowered by {abs(drop)}")
    for mac, ips in _forwarded(stations, claims).items():
        if len(ips) >= 2:
            routers.setdefault(mac, f"sent packets of {len(ips)} addresses that are not its own, TTL already lowered")
    for mac in {station.mac for station in (*stations.senders, *stations.receivers)}:
        what = standard_router_mac(mac)
        if what:
            routers.setdefault(mac, f"{mac_text(mac)} is {what}")
    return routers


def _forwarded(stations: Stations, claims: Sequence[Claim]) -> dict[int, set[str]]:
    """MAC to the addresses that it sent for with a lowered TTL and that are not its own.

    An address is its own where it claimed it or sent from it with an initial TTL, too; a traceroute sends with 1, 2, 3.
    Link-local addresses are never routed.
    """
    own: dict[int, set[str]] = defaultdict(set)
    for claim in claims:
        own[claim.mac].add(claim.ip)
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
    return forwarded


def is_distributed_router_mac(mac: int) -> bool:
    """Whether a MAC is that of a router that runs in every host (NSX)."""
    return mac >> 8 == 0x0250565644 and mac & 0xFF in (0x52, 0x53)
