"""Endpoints: the machines at the ends of conversations, with names, kind and place, and how each was learned.

The MAC in a routed frame is the router's, so an address is tied to a MAC only by what that MAC's owner said (ARP, ND,
DHCP) or by frames that left it with an initial TTL (reference 4.6).
"""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.capture.names import NameRecord
from flowmap.identity.domains import DEFAULT_DOMAIN
from flowmap.identity.kinds import group_of, is_global, virtual_vendor
from flowmap.identity.routers import OWN_TTLS
from flowmap.inventory.records import Inventory, VnicRecord
from flowmap.legs import Leg
from flowmap.packets import Claim, ip_text, mac_text

_CLAIM_ORDER = ("dhcp", "arp", "nd", "rarp")
_LABEL_SOURCES = ("dhcp", "mdns", "dns")
_UNSPECIFIED = ("0.0.0.0", "::")


@dataclass(slots=True)
class Endpoint:
    """One machine (or group) of the map.

    ``kind`` is that of DESIGN section 5, ``kind_how`` where it comes from. ``records`` are the inventory rows that
    name it, ``records_how`` whether they were found by MAC or by address. ``host_how`` says where the placement comes
    from: ``inventory`` or a capture point.
    """

    id: str
    kind: str
    kind_how: str
    label: str = ""
    macs: set[int] = field(default_factory=set)
    ips: set[str] = field(default_factory=set)
    names: list[tuple[str, str]] = field(default_factory=list)
    segments: set[str] = field(default_factory=set)
    records: list[VnicRecord] = field(default_factory=list)
    records_how: str = ""
    host: str | None = None
    host_how: str = ""
    conflict: str = ""

    @property
    def vswitch(self) -> str | None:
        """The vSwitch that the inventory names, when its rows agree."""
        names = {record.vswitch for record in self.records if record.vswitch}
        return names.pop() if len(names) == 1 else None


class Identities:
    """Resolve (address domain, IP) and MACs to endpoints.

    Parameters
    ----------
    legs, domain_of_leg
        The legs and the address domain of each.
    claims, routers, inventory, names
        What packets and files say; ``routers`` maps MACs to how they were recognised.
    """

    def __init__(
        self,
        legs: Sequence[Leg],
        domain_of_leg: Sequence[str],
        claims: Sequence[Claim],
        routers: Mapping[int, str],
        inventory: Inventory,
        names: Sequence[NameRecord],
    ) -> None:
        self.routers, self.inventory = routers, inventory
        self._endpoints: dict[str, Endpoint] = {}
        self._by_address: dict[tuple[str, str], Endpoint] = {}
        self._macs_of = _macs_of_addresses(legs, domain_of_leg, claims, routers)
        self._sent_to: dict[tuple[str, str], set[int]] = defaultdict(set)
        for leg, domain in zip(legs, domain_of_leg, strict=True):
            self._sent_to[domain, ip_text(*leg.destination[0])].add(leg.key.dst_mac)
        self._addresses_of_mac: dict[int, set[str]] = defaultdict(set)
        for (_, ip), macs in self._macs_of.items():
            for mac in macs if len(macs) == 1 else ():
                self._addresses_of_mac[mac].add(ip)
        self._domains_of_ip: dict[str, set[str]] = defaultdict(set)
        for domain, ip in self._macs_of:
            self._domains_of_ip[ip].add(domain)
        self._names = _names_by_address(names)

    def endpoint(self, domain: str, ip: str, leg_mac: int = -1) -> Endpoint:
        """The endpoint behind an address; ``leg_mac`` decides for addresses that only mean something on a segment."""
        if ip in _UNSPECIFIED or ip.lower().startswith("fe80:"):
            return self._by_mac(domain, ip, leg_mac)
        found = self._by_address.get((domain, ip))
        if found is None:
            found = self._by_address[domain, ip] = self._resolve(domain, ip)
        return found

    def group(self, ip: str, dst_mac: int) -> Endpoint | None:
        """The group node of a multicast or broadcast destination, None for any other."""
        name = group_of(ip, dst_mac)
        if name is None:
            return None
        return self._endpoints.setdefault(
            f"group:{name}", Endpoint(f"group:{name}", "group", "destination address", label=name)
        )

    def all(self) -> Iterable[Endpoint]:
        """Every endpoint made so far."""
        return self._endpoints.values()

    def _resolve(self, domain: str, ip: str) -> Endpoint:
        macs = self._macs_of.get((domain, ip)) or self._inventory_macs(domain, ip)
        records = [record for mac in sorted(macs) for record in self.inventory.by_mac(mac)]
        how = "MAC"
        if not records:
            records, how = self.inventory.by_ip(ip, domain), "address"
        vms = {record.vm_id or record.vm for record in records if record.vm}
        if len(vms) == 1:
            return self._vm(records, how, macs, ip)
        if len(macs) == 1:
            endpoint = self._machine(domain, next(iter(macs)), ip)
        else:
            endpoint = self._address_only(domain, ip, macs)
        if len(vms) > 1:
            endpoint.conflict = f"the inventory gives {ip} to {', '.join(sorted(vms))}"
        elif len(macs) > 1 and endpoint.kind != "router":
            endpoint.conflict = f"{ip} is used by {', '.join(mac_text(mac) for mac in sorted(macs))}"
        return endpoint

    def _inventory_macs(self, domain: str, ip: str) -> set[int]:
        """The MAC that the inventory gives to a silent address, where frames to the address were sent to that MAC."""
        rows = {record.mac for record in self.inventory.by_ip(ip, domain) if record.mac is not None}
        return rows & self._sent_to[domain, ip]

    def _vm(self, records: list[VnicRecord], how: str, macs: set[int], ip: str) -> Endpoint:
        """The VM that inventory rows name; it gathers all its NICs and addresses."""
        vm, vm_id = records[0].vm, records[0].vm_id
        endpoint = self._endpoints.get(f"vm:{vm_id or vm}")
        if endpoint is None:
            endpoint = self._endpoints[f"vm:{vm_id or vm}"] = Endpoint(
                f"vm:{vm_id or vm}", "vm", "inventory", label=vm or str(vm_id), names=[(vm or str(vm_id), "inventory")]
            )
            endpoint.records_how = how
        for record in records:
            if record not in endpoint.records:
                endpoint.records.append(record)
            endpoint.segments |= {f"vlan{record.vlan}"} if record.vlan is not None else set()
        if how == "address" and endpoint.records_how == "MAC":
            endpoint.records_how = how
        macs = macs | {record.mac for record in records if record.mac is not None}
        hosts = {record.host for record in endpoint.records if record.host}
        if len(hosts) > 1:
            endpoint.conflict = f"the inventory places {endpoint.label} on {' and '.join(sorted(hosts))}"
        elif hosts:
            endpoint.host, endpoint.host_how = hosts.pop(), "inventory"
        self._learn(endpoint, macs, ip)
        return endpoint

    def _machine(self, domain: str, mac: int, ip: str) -> Endpoint:
        """A machine known by its MAC only: all addresses of the MAC are one endpoint."""
        ips = sorted((self._addresses_of_mac[mac] | {ip}) - set(_UNSPECIFIED), key=_address_order)
        own = [address for address in ips if not address.lower().startswith("fe80:")]
        key = f"ip:{domain}/{own[0]}" if own else f"mac:{domain}/{mac_text(mac)}"
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            vendor = virtual_vendor(mac)
            if mac in self.routers:
                kind, how = "router", self.routers[mac]
            elif vendor:
                kind, how = "vm", f"MAC prefix of {vendor}"
            elif own and all(is_global(address) for address in own):
                kind, how = "external", "global address without an inventory row"
            else:
                kind, how = "unknown", "no inventory row, no virtual MAC prefix"
            endpoint = self._endpoints[key] = Endpoint(key, kind, how)
        for address in ips:
            self._learn(endpoint, {mac}, address)
        return endpoint

    def _address_only(self, domain: str, ip: str, macs: set[int]) -> Endpoint:
        """An address whose own MAC no frame showed (routed), or that several MACs use."""
        kind, how = ("external", "global address") if is_global(ip) else ("unknown", "seen behind routers only")
        if macs and all(mac in self.routers for mac in macs):
            kind, how = "router", self.routers[min(macs)]
        elif any(virtual_vendor(mac) for mac in macs):
            kind, how = "vm", "MAC prefix of a virtual vendor"
        endpoint = self._endpoints.setdefault(f"ip:{domain}/{ip}", Endpoint(f"ip:{domain}/{ip}", kind, how))
        self._learn(endpoint, macs, ip)
        return endpoint

    def _by_mac(self, domain: str, ip: str, mac: int) -> Endpoint:
        if mac < 0:
            return self._address_only(domain, ip, set())
        records = self.inventory.by_mac(mac)
        if len({record.vm_id or record.vm for record in records}) == 1:
            return self._vm(records, "MAC", {mac}, ip)
        return self._machine(domain, mac, ip)

    def _learn(self, endpoint: Endpoint, macs: set[int], ip: str) -> None:
        endpoint.macs |= macs
        if ip not in _UNSPECIFIED:
            endpoint.ips.add(ip)
        names = [name for mac in sorted(macs) for name in self._names.get(mac, ())]
        if len(self._domains_of_ip.get(ip, ())) < 2:
            names += self._names.get(ip, [])
        for name in names:
            if name not in endpoint.names and len(endpoint.names) < 64:
                endpoint.names.append(name)
        endpoint.label = _label(endpoint)


def _label(endpoint: Endpoint) -> str:
    """The best name: inventory, then what the machine said of itself, then the address."""
    for source in ("inventory", *_LABEL_SOURCES):
        for name, name_source in endpoint.names:
            if name_source == source:
                return name
    if endpoint.ips:
        return min(endpoint.ips, key=_address_order)
    return mac_text(min(endpoint.macs)) if endpoint.macs else endpoint.id


def _address_order(ip: str) -> tuple[int, int]:
    """IPv4 before IPv6, then by number."""
    address = ipaddress.ip_address(ip)
    return address.version, int(address)


def _macs_of_addresses(
    legs: Sequence[Leg], domain_of_leg: Sequence[str], claims: Sequence[Claim], routers: Mapping[int, str]
) -> dict[tuple[str, str], set[int]]:
    """(domain, IP) to the MACs that are its own: claimed, or seen as its source with an initial TTL.

    More than one is a conflict: an address that moved between machines, or two of them with one address.

    A router's MAC is an address's own only where the router claimed the address and nobody else did.
    """
    domains_of_mac: dict[int, set[str]] = defaultdict(set)
    sources: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for leg, domain in zip(legs, domain_of_leg, strict=True):
        domains_of_mac[leg.key.src_mac].add(domain)
        domains_of_mac[leg.key.dst_mac].add(domain)
        if leg.key.src_mac >= 0 and leg.key.src_mac not in routers and leg.ttl_max in OWN_TTLS:
            sources[domain, ip_text(*leg.source[0])][leg.key.src_mac] += leg.packets
    claimed: dict[tuple[str, str], set[int]] = defaultdict(set)
    for claim in sorted(claims, key=lambda claim: _CLAIM_ORDER.index(claim.how)):
        for domain in domains_of_mac.get(claim.mac) or {DEFAULT_DOMAIN} if claim.ip else ():
            claimed[domain, claim.ip].add(claim.mac)
    result: dict[tuple[str, str], set[int]] = {}
    for key in set(claimed) | set(sources):
        macs = {mac for mac in claimed.get(key, ()) if mac not in routers} | set(sources.get(key, ()))
        result[key] = macs or set(claimed.get(key, ()))
    return result


def _names_by_address(names: Iterable[NameRecord]) -> dict[int | str, list[tuple[str, str]]]:
    """MAC or IP to (name, source), in order of appearance and without repetition."""
    result: dict[int | str, list[tuple[str, str]]] = defaultdict(list)
    for record in names:
        for key in (record.mac, record.ip):
            if key not in (-1, "") and (record.name, record.source) not in result[key]:
                result[key].append((record.name, record.source))
    return result
