"""The ends of conversations, the segments machines are on, and roles that an inventory gives to capture points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from flowmap.capture.points import INVENTORY, CapturePoint
from flowmap.conversations import ON_ONE_LINK, Conversation
from flowmap.identity.endpoints import Endpoint, Identities
from flowmap.inventory.records import Inventory, host_spellings, short_host_name
from flowmap.legs import Leg
from flowmap.packets import Claim, Tunnel, ip_text


def ends_of(legs: Sequence[Leg], conversation: Conversation, identities: Identities) -> tuple[Endpoint, Endpoint]:
    """The endpoints at ``five_tuple.low`` and ``.high``; a group where that end is only ever a destination."""
    low_ip, high_ip = (ip_text(*end[0]) for end in (conversation.five_tuple.low, conversation.five_tuple.high))
    domain = conversation.domain.partition(ON_ONE_LINK)[0]
    forward = legs[conversation.forward.legs[0]] if conversation.forward.legs else None
    backward = legs[conversation.backward.legs[0]] if conversation.backward.legs else None
    low_mac = forward.key.src_mac if forward else backward.key.dst_mac if backward else -1
    high_mac = backward.key.src_mac if backward else forward.key.dst_mac if forward else -1
    high = identities.group(high_ip, forward.key.dst_mac) if forward and not backward else None
    low = identities.group(low_ip, backward.key.dst_mac) if backward and not forward else None
    return (
        low or identities.group(low_ip, -1) or identities.endpoint(domain, low_ip, low_mac),
        high or identities.group(high_ip, -1) or identities.endpoint(domain, high_ip, high_mac),
    )


def add_segments(
    legs: Sequence[Leg], claims: Iterable[Claim], tunnels: Sequence[Tunnel], identities: Identities
) -> None:
    """Note the VLANs and virtual networks in which each endpoint's own MAC was the source.

    A relayed DHCP message names a MAC that is not on the segment where it was seen.
    """
    endpoint_of = {mac: endpoint for endpoint in identities.all() for mac in endpoint.macs}
    sources = [(leg.key.src_mac, leg.key.vlan, leg.key.tunnel) for leg in legs]
    for mac, vlan, tunnel in dict.fromkeys(
        sources + [(claim.mac, claim.vlan, claim.tunnel) for claim in claims if claim.how != "dhcp"]
    ):
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
    points: Sequence[CapturePoint], legs: Iterable[Leg], claims: Iterable[Claim], inventory: Inventory
) -> None:
    """An interface that the inventory puts behind a VM is that VM's port; its host comes along where it is one.

    Every host may have a ``vnet0``, so a row counts only where frames of its MAC were seen at the point.
    """
    macs_at: dict[int, set[int]] = defaultdict(set)
    for leg in legs:
        macs_at[leg.key.point] |= {leg.key.src_mac, leg.key.dst_mac}
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
