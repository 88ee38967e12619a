"""Endpoints: the machines at the ends of conversations, with names, kind and place, and how each was learned.

The MAC in a routed frame is the router's, so an address is tied to a MAC only by what that MAC's owner said (ARP, ND,
DHCP) or by frames that left it with an initial TTL (reference 4.6).
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from flowmap.capture.names import NameRecord
from flowmap.identity.domains import DEFAULT_DOMAIN
from flowmap.identity.kinds import group_of, is_global, virtual_vendor
from flowmap.identity.routers import OWN_TTLS
from flowmap.identity.stations import Place, Stations
from flowmap.inventory.records import Inventory, VnicRecord
from flowmap.packets import Claim, mac_text

_CLAIM_ORDER = ("dhcp", "arp", "nd", "rarp")
_LABEL_SOURCES = ("dhcp", "dhcpv6", "ntlmssp", "kerberos", "nbns", "nbdgm", "rdp", "mdns", "llmnr", "dns")
"""Names of machines, the most trustworthy first. A name of a service (TLS, HTTP, SMB) labels nothing."""

_UNSPECIFIED = ("0.0.0.0", "::")
NAMES_KEPT = 64
"""Names of one endpoint."""


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
    _lowest: tuple[int, int, str] | None = None
    """The address that is the label where no name is known: version, number and text."""

    def learn(self, macs: set[int], ips: Iterable[str], names: Iterable[tuple[str, str]]) -> None:
        """Add what belongs to the machine, and choose the best label anew."""
        self.macs |= macs
        for ip in ips:
            if ip not in self.ips and ip not in _UNSPECIFIED:
                self.ips.add(ip)
                order = (*_order(ip), ip)
                self._lowest = order if self._lowest is None else min(self._lowest, order)
        for name in names:
            if len(self.names) >= NAMES_KEPT:
                break
            if name not in self.names:
                self.names.append(name)
        self.label = self._best_label()

    def _best_label(self) -> str:
        """The best name: inventory, then what the machine said of itself, then the address."""
        for source in ("inventory", *_LABEL_SOURCES) if self.names else ():
            for name, name_source in self.names:
                if name_source == source:
                    return name
        if self._lowest is not None:
            return self._lowest[2]
        return mac_text(min(self.macs)) if self.macs else self.id

    @property
    def vswitch(self) -> str | None:
        """The vSwitch that the inventory names, when its rows agree."""
        names = {record.vswitch for record in self.records if record.vswitch}
        return names.pop() if len(names) == 1 else None


class Identities:
    """Resolve (address domain, IP) and MACs to endpoints.

    Parameters
    ----------
    stations, domains
        Who used which address where, and the address domain of each place.
    claims, routers, inventory, names
        What packets and files say; ``routers`` maps MACs to how they were recognised.
    """

    def __init__(
        self,
        stations: Stations,
        domains: Mapping[Place, str],
        claims: Sequence[Claim],
        routers: Mapping[int, str],
        inventory: Inventory,
        names: Sequence[NameRecord],
    ) -> None:
        self.routers, self.inventory = routers, inventory
        self._texts = stations.texts
        self._endpoints: dict[str, Endpoint] = {}
        self._by_address: dict[tuple[str, str], Endpoint] = {}
        self._by_address_and_mac: dict[tuple[str, str, int], Endpoint] = {}
        self._ends: dict[tuple[str, tuple[int, int]], Endpoint] = {}
        self._machines: set[tuple[str, int]] = set()
        self._sorted: dict[int, list[str]] = {}
        self._macs_of = _macs_of_addresses(stations, domains, claims, routers)
        self._sent_to: dict[tuple[str, str], set[int]] = defaultdict(set)
        for station in stations.receivers:
            self._sent_to[domains[station.place], self._texts[station.address]].add(station.mac)
        self._addresses_of_mac: dict[int, set[str]] = defaultdict(set)
        for (_, ip), macs in self._macs_of.items():
            for mac in macs if len(macs) == 1 else ():
                self._addresses_of_mac[mac].add(ip)
        self._domains_of_ip: dict[str, set[str]] = defaultdict(set)
        for domain, ip in self._macs_of:
            self._domains_of_ip[ip].add(domain)
        self._names = _names_by_address(names)

    def end(self, domain: str, address: tuple[int, int], leg_mac: int) -> Endpoint:
        """The endpoint or group behind an address of a leg."""
        found = self._ends.get((domain, address))
        if found is None:
            ip = self._texts[address]
            found = self.group(address, -1) or self.endpoint(domain, ip, leg_mac)
            if not _is_for_one_link(ip):
                self._ends[domain, address] = found
        return found

    def endpoint(self, domain: str, ip: str, leg_mac: int = -1) -> Endpoint:
        """The endpoint behind an address; ``leg_mac`` decides for addresses that only mean something on a segment."""
        if _is_for_one_link(ip):
            found = self._by_address_and_mac.get((domain, ip, leg_mac))
            if found is None:
                found = self._by_address_and_mac[domain, ip, leg_mac] = self._by_mac(domain, ip, leg_mac)
            return found
        found = self._by_address.get((domain, ip))
        if found is None:
            found = self._by_address[domain, ip] = self._resolve(domain, ip)
        return found

    def group(self, address: tuple[int, int], dst_mac: int) -> Endpoint | None:
        """The group node of a multicast or broadcast destination, None for any other."""
        name = group_of(self._texts[address], dst_mac)
        if name is None:
            return None
        return self._endpoints.setdefault(
            f"group:{name}", Endpoint(f"group:{name}", "group", "destination address", label=name)
        )

    def router_kind(self, mac: int) -> str:
        """TEMPORARY."""
        from flowmap.identity.routers import is_distributed_router_mac, standard_router_mac

        if is_distributed_router_mac(mac):
            return "distributed"
        what = standard_router_mac(mac)
        if what and "VRRP" not in what:
            return "physical"
        if any(row.kind == "vm" for row in self.inventory.by_mac(mac)):
            return "vm"
        if mac in self.routers and virtual_vendor(mac) is None and not what and not self.inventory.by_mac(mac):
            return "physical"
        return "unknown"

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
        self._learn(endpoint, macs, [ip])
        return endpoint

    def _machine(self, domain: str, mac: int, ip: str) -> Endpoint:
        """A machine known by its MAC only: all addresses of the MAC are one endpoint."""
        known = self._sorted_addresses(mac)
        more = [] if ip in self._addresses_of_mac.get(mac, ()) or ip in _UNSPECIFIED else [ip]
        lowest = min(filter(_is_routable, (*islice(filter(_is_routable, known), 1), *more)), key=_order, default=None)
        key = f"ip:{domain}/{lowest}" if lowest else f"mac:{domain}/{mac_text(mac)}"
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            endpoint = self._endpoints[key] = self._new_machine(key, mac, filter(_is_routable, (*known, *more)))
        if (key, mac) not in self._machines:  # a MAC may have very many addresses, so they are learned once
            self._machines.add((key, mac))
            more = sorted((*known, *more), key=_order)
        if more:
            self._learn(endpoint, {mac}, more)
        return endpoint

    def _new_machine(self, key: str, mac: int, own: Iterable[str]) -> Endpoint:
        vendor = virtual_vendor(mac)
        if mac in self.routers:
            return Endpoint(key, "router", self.routers[mac])
        if vendor:
            return Endpoint(key, "vm", f"MAC prefix of {vendor}")
        if {is_global(address) for address in own} == {True}:
            return Endpoint(key, "external", "global address without an inventory row")
        return Endpoint(key, "unknown", "no inventory row, no virtual MAC prefix")

    def _sorted_addresses(self, mac: int) -> list[str]:
        """All addresses that are a MAC's own."""
        if mac not in self._sorted:
            self._sorted[mac] = sorted(self._addresses_of_mac.get(mac, set()) - set(_UNSPECIFIED), key=_order)
        return self._sorted[mac]

    def _address_only(self, domain: str, ip: str, macs: set[int]) -> Endpoint:
        """An address whose own MAC no frame showed (routed), or that several MACs use."""
        kind, how = ("external", "global address") if is_global(ip) else ("unknown", "seen behind routers only")
        if macs and all(mac in self.routers for mac in macs):
            kind, how = "router", self.routers[min(macs)]
        elif any(virtual_vendor(mac) for mac in macs):
            kind, how = "vm", "MAC prefix of a virtual vendor"
        endpoint = self._endpoints.setdefault(f"ip:{domain}/{ip}", Endpoint(f"ip:{domain}/{ip}", kind, how))
        self._learn(endpoint, macs, [ip])
        return endpoint

    def _by_mac(self, domain: str, ip: str, mac: int) -> Endpoint:
        if mac < 0:
            return self._address_only(domain, ip, set())
        records = self.inventory.by_mac(mac)
        if len({record.vm_id or record.vm for record in records}) == 1:
            return self._vm(records, "MAC", {mac}, ip)
        return self._machine(domain, mac, ip)

    def _learn(self, endpoint: Endpoint, macs: set[int], ips: Sequence[str]) -> None:
        names = [self._names.get(mac, {}) for mac in sorted(macs)]
        names += [self._names.get(ip, {}) for ip in ips if len(self._domains_of_ip.get(ip, ())) < 2]
        endpoint.learn(macs, ips, chain.from_iterable(names))


def _is_routable(ip: str) -> bool:
    return not _is_for_one_link(ip)


def _is_for_one_link(ip: str) -> bool:
    """Whether an address means something on its own link only."""
    return ip in _UNSPECIFIED or ip.lower().startswith("fe80:")


def _order(ip: str) -> tuple[int, int]:
    """IPv4 before IPv6, then by number."""
    address = ipaddress.ip_address(ip)
    return address.version, int(address)


def _macs_of_addresses(
    stations: Stations, domains: Mapping[Place, str], claims: Sequence[Claim], routers: Mapping[int, str]
) -> dict[tuple[str, str], set[int]]:
    """(domain, IP) to the MACs that are its own: claimed, or seen as its source with an initial TTL.

    More than one is a conflict: an address that moved between machines, or two of them with one address.

    A router's MAC is an address's own only where the router claimed the address and nobody else did.
    """
    domains_of_mac: dict[int, set[str]] = defaultdict(set)
    for station in (*stations.senders, *stations.receivers):
        domains_of_mac[station.mac].add(domains[station.place])
    sources: dict[tuple[str, str], set[int]] = defaultdict(set)
    for station, ttls in stations.senders.items():
        if station.mac >= 0 and station.mac not in routers and not OWN_TTLS.isdisjoint(ttls):
            sources[domains[station.place], stations.texts[station.address]].add(station.mac)
    claimed: dict[tuple[str, str], set[int]] = defaultdict(set)
    for claim in sorted(claims, key=lambda claim: _CLAIM_ORDER.index(claim.how)):
        for domain in domains_of_mac.get(claim.mac) or {DEFAULT_DOMAIN} if claim.ip else ():
            claimed[domain, claim.ip].add(claim.mac)
    result: dict[tuple[str, str], set[int]] = {}
    for key in set(claimed) | set(sources):
        macs = {mac for mac in claimed.get(key, ()) if mac not in routers} | sources.get(key, set())
        result[key] = macs or set(claimed.get(key, ()))
    return result


def _names_by_address(names: Iterable[NameRecord]) -> dict[int | str, dict[tuple[str, str], None]]:
    """MAC or IP to (name, source), in order of appearance and without repetition."""
    result: dict[int | str, dict[tuple[str, str], None]] = defaultdict(dict)
    for record in names:
        for key in (record.mac, record.ip):
            if key not in (-1, ""):
                result[key][record.name, record.source] = None
    return result
