"""The ends of conversations, the segments machines are on, and roles that an inventory gives to capture points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from flowmap.capture.points import INVENTORY, CapturePoint
from flowmap.conversations import ON_ONE_LINK, Conversation
from flowmap.identity.carriers import carried_ends
from flowmap.identity.endpoints import Endpoint, Identities
from flowmap.identity.stations import Stations
from flowmap.inventory.records import Inventory, host_spellings, short_host_name
from flowmap.legs import Leg
from flowmap.packets import Claim, Tunnel


def ends_of(legs: Sequence[Leg], conversation: Conversation, identities: Identities) -> tuple[Endpoint, Endpoint]:
    """The endpoints at ``five_tuple.low`` and ``.high``; a group where that end is only ever a destination.

    For a conversation in a tunnel that guests built these are the guests, unless the inventory knows the inner ends.
    """
    inner = _inner_ends(legs, conversation, identities)
    if all(endpoint.records for endpoint in inner) or any(endpoint.kind == "group" for endpoint in inner):
        return inner
    return carried_ends(legs, conversation, identities) or inner


def _inner_ends(legs: Sequence[Leg], conversation: Conversation, identities: Identities) -> tuple[Endpoint, Endpoint]:
    low, high = conversation.five_tuple.low[0], conversation.five_tuple.high[0]
    domain = conversation.domain
    if ON_ONE_LINK in domain:
        domain = domain.partition(ON_ONE_LINK)[0]
    forward, backward = conversation.forward.legs, conversation.backward.legs
    if forward and backward:
        return (
            identities.end(domain, low, legs[forward[0]].key.src_mac),
            identities.end(domain, high, legs[backward[0]].key.src_mac),
        )
    key = legs[(forward or backward)[0]].key
    if forward:
        group = identities.group(high, key.dst_mac)
        return identities.end(domain, low, key.src_mac), group or identities.end(domain, high, key.dst_mac)
    return (
        identities.group(low, key.dst_mac) or identities.end(domain, low, key.dst_mac),
        identities.end(domain, high, key.src_mac),
    )


def add_segments(
    stations: Stations, claims: Iterable[Claim], tunnels: Sequence[Tunnel], identities: Identities
) -> None:
    """Note the VLANs and virtual networks in which each endpoint's own MAC was the source.

    A relayed DHCP message names a MAC that is not on the segment where it was seen.
    """
    endpoint_of = {mac: endpoint for endpoint in identities.all() for mac in endpoint.macs}
    sources = {(station.mac, station.vlan, station.tunnel) for station in stations.senders}
    sources |= {(claim.mac, claim.vlan, claim.tunnel) for claim in claims if claim.how != "dhcp"}
    for mac, vlan, tunnel in sources:
        endpoint = endpoint_of.get(mac)
        if endpoint is None or endpoint.kind == "group":
            continue
        if vlan >= 0:
            endpoint.segments.add(f"vlan{vlan}")
        if tunnel >= 0 and tunnels[tunnel].vni >= 0:
            endpoint.segments.add(f"{tunnels[tunnel].kind}{tunnels[tunnel].vni}")


def spell_hosts(points: Iterable[CapturePoint], stated: Iterable[str], inventory: Inventory) -> Callable[[str], str]:
    """Give each point's host one spelling and return the speller: ``ESX-01`` and ``esx-01.example.org`` are one."""
    points = list(points)
    known = host_spellings([*inventory.hosts(), *stated, *(point.host for point in points if point.host)])

    def spelled(host: str) -> str:
        return known.get(host.casefold()) or known.get(short_host_name(host.casefold())) or host

    for point in points:
        if point.host is not None:
            point.host = spelled(point.host)
    return spelled


def roles_from_inventory(
    points: Sequence[CapturePoint], stations: Stations, claims: Iterable[Claim], inventory: Inventory
) -> None:
    """An interface that the inventory puts behind a VM is that VM's port; its host comes along where it is one.

    Every host may have a ``vnet0``, so a row counts only where frames of its MAC were seen at the point.
    """
    macs_at: dict[int, set[int]] = defaultdict(set)
    for station in (*stations.senders, *stations.receivers):
        macs_at[station.point].add(station.mac)
    for claim in claims:
        macs_at[claim.point].add(claim.mac)
    for number, point in enumerate(points):
        named = inventory.by_interface(point.host, point.interface) if point.interface else []
        rows = [row for row in named if row.mac in macs_at[number]]
        if point.role == "unknown" and not point.role_how and rows:
            point.role, point.role_how = "vnic", f"{INVENTORY} {rows[0].source}"
        hosts = {row.host for row in rows if row.host}
        if point.host is None and len(hosts) == 1 and len({row.mac for row in rows}) == 1:
            point.host, point.host_how = hosts.pop(), f"{INVENTORY} {rows[0].source}"
