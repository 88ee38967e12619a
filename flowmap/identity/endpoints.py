"""Who is behind an address: from (address domain, IP) and MACs to endpoints, and how each was learned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

from flowmap.capture.names import NameRecord
from flowmap.capture.points import CapturePoint
from flowmap.identity.bindings import Bindings
from flowmap.identity.domains import DEFAULT_DOMAIN
from flowmap.identity.endpoint import UNSPECIFIED, Endpoint, is_for_one_link, is_routable, order_of
from flowmap.identity.hypervisors import Hypervisors, host_side, is_between_guests_and_hosts, tunnel_ends
from flowmap.identity.kinds import group_of, is_global, virtual_vendor
from flowmap.identity.names import names_by_address, names_of_groups
from flowmap.identity.nested import carried_tunnels, tunnels_at_ports
from flowmap.identity.router_macs import RouterKind, router_kind
from flowmap.identity.stations import Place, Stations
from flowmap.inventory.records import Inventory, VnicRecord
from flowmap.legs import Leg
from flowmap.packets import Claim, Tunnel, mac_text

__all__ = ["Endpoint", "Identities"]

_KIND_OF_ROW = {"vm": "vm", "router": "router", "service": "unknown"}


class Identities:
    """Resolve (address domain, IP) and MACs to endpoints.

    Parameters
    ----------
    stations, domains
        Who used which address where, and the address domain of each place.
    claims, routers, inventory, names
        What packets and files say; ``routers`` maps MACs to how they were recognised.
    tunnels, points
        The tenant tunnels and capture points that legs refer to.
    """

    def __init__(
        self,
        stations: Stations,
        domains: Mapping[Place, str],
        claims: Sequence[Claim],
        routers: Mapping[int, str],
        inventory: Inventory,
        names: Sequence[NameRecord],
        tunnels: Sequence[Tunnel] = (),
        points: Sequence[CapturePoint] = (),
    ) -> None:
        self.routers, self.inventory = routers, inventory
        self._texts, self._tunnels = stations.texts, tunnels
        self._endpoints: dict[str, Endpoint] = {}
        self._by_address: dict[tuple[str, str], Endpoint] = {}
        self._by_address_and_mac: dict[tuple[str, str, int], Endpoint] = {}
        self._ends: dict[tuple[str, tuple[int, int]], Endpoint] = {}
        self._machines: set[tuple[str, int]] = set()
        self._sorted: dict[int, list[str]] = {}
        self._bindings = Bindings(stations, domains, claims, routers)
        self._sent_to: dict[tuple[str, str], set[int]] = defaultdict(set)
        for station in stations.receivers:
            self._sent_to[domains[station.place], self._texts[station.address]].add(station.mac)
        self._names = names_by_address(names)
        self._nobodys = names_of_groups(names, self._bindings)
        self._hypervisors = Hypervisors(inventory)
        self._translated: dict[str, list[VnicRecord]] = defaultdict(list)
        for row in inventory.records:
            for ip in row.external_ips:
                self._translated[ip].append(row)
        self._carried = carried_tunnels(tunnels, tunnels_at_ports(stations, points), inventory) if tunnels else {}
        guests = {ip for tunnel in self._carried.values() for ip in (tunnel.source, tunnel.destination)}
        self._tunnel_ends = {ip: how for ip, how in tunnel_ends(tunnels, points).items() if ip not in guests}

    def end(self, domain: str, address: tuple[int, int], leg_mac: int) -> Endpoint:
        """The endpoint or group behind an address of a leg."""
        found = self._ends.get((domain, address))
        if found is None:
            ip = self._texts[address]
            found = self.group(address, -1) or self.endpoint(domain, ip, leg_mac)
            if not is_for_one_link(ip):
                self._ends[domain, address] = found
        return found

    def endpoint(self, domain: str, ip: str, leg_mac: int = -1) -> Endpoint:
        """The endpoint behind an address; ``leg_mac`` decides for addresses that only mean something on a segment."""
        if is_for_one_link(ip):
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

    def tunnel_receiver(self, leg: Leg) -> str | int:
        """Who takes the frames out of a leg's tunnel; the tunnel's number where its headers name nobody (MPLS)."""
        return self._tunnels[leg.key.tunnel].destination or leg.key.tunnel

    def carriers_of(self, leg: Leg) -> tuple[Endpoint, Endpoint] | None:
        """The guests whose own tunnel carried a leg, sender and receiver; None where no guest built the tunnel."""
        tunnel = self._carried.get(leg.key.tunnel)
        if tunnel is None:
            return None
        source, destination = (self.endpoint(self._domain_of(ip), ip) for ip in (tunnel.source, tunnel.destination))
        return source, destination

    def router_kind(self, mac: int) -> RouterKind:
        """Where the router with a MAC does its work, see :func:`flowmap.identity.router_macs.router_kind`."""
        return router_kind(mac, self.inventory)

    def looks_like_a_guest(self, mac: int) -> bool:
        """Whether the inventory gives a MAC to a VM, or its prefix is one that guests have and hypervisors do not."""
        rows = self.inventory.by_mac(mac)
        if rows or mac in self.routers:
            return any(row.kind == "vm" for row in rows)
        return self._kind_of_mac(mac)[0] == "vm"

    def is_its_own(self, endpoint: Endpoint, ip: str) -> bool:
        """Whether an endpoint claimed an address, or the inventory gives it that; having sent from it is not enough."""
        if any(ip in row.ips for row in endpoint.records) or endpoint.kind == "hypervisor":
            return True
        domains = self._bindings.domains_of.get(ip) or {DEFAULT_DOMAIN}
        return any(not endpoint.macs.isdisjoint(self._bindings.claimed.get((domain, ip), ())) for domain in domains)

    def all(self) -> Iterable[Endpoint]:
        """Every endpoint made so far."""
        return self._endpoints.values()

    def _domain_of(self, ip: str) -> str:
        """The address domain of the end of a tunnel: the only one where it was seen outside of tunnels."""
        domains = self._bindings.domains_of.get(ip, set())
        return next(iter(domains)) if len(domains) == 1 else DEFAULT_DOMAIN

    def _resolve(self, domain: str, ip: str) -> Endpoint:
        macs = self._bindings.macs_of.get((domain, ip)) or self._inventory_macs(domain, ip)
        records, how, macs = self._records(domain, ip, macs)
        records = [record for record in records if record.kind != "hypervisor"]
        vms = {record.vm_id or record.vm for record in records if record.vm}
        host = self._hypervisors.host_of(ip if domain == DEFAULT_DOMAIN else "", macs)
        if host and not (vms and how == "MAC"):
            return self._hypervisor(domain, host, macs, ip)
        others = {row.vm_id or row.vm for row in self.inventory.by_ip(ip, domain) if row.vm} if how == "MAC" else set()
        if others and vms and others.isdisjoint(vms):
            endpoint = self._address_only(domain, ip, set())
            endpoint.conflict = (
                f"the inventory gives {ip} to {', '.join(sorted(others))}, packets to {', '.join(sorted(vms))}"
            )
            return endpoint
        if len(vms) == 1 and (how != "MAC" or all(self.inventory.by_mac(mac) for mac in macs)):
            endpoint = self._vm(records, how, macs, ip)
            strangers = macs - endpoint.macs
            if strangers:
                rows = ", ".join(mac_text(record.mac) for record in records if record.mac is not None)
                seen = ", ".join(mac_text(mac) for mac in sorted(strangers))
                endpoint.conflict = endpoint.conflict or f"the inventory gives {ip} to {rows}, packets to {seen}"
            return endpoint
        if self._bindings.is_shared((domain, ip)):
            return self._shared(domain, ip, macs)
        if len(macs) == 1:
            endpoint = self._machine(domain, next(iter(macs)), ip)
        else:
            endpoint = self._address_only(domain, ip, macs)
        if len(vms) > 1:
            endpoint.conflict = f"the inventory gives {ip} to {', '.join(sorted(vms))}"
        elif len(macs) > 1 and endpoint.kind != "router":
            endpoint.conflict = f"{ip} is used by {', '.join(mac_text(mac) for mac in sorted(macs))}"
        return endpoint

    def _records(self, domain: str, ip: str, macs: set[int]) -> tuple[list[VnicRecord], str, set[int]]:
        """The inventory's rows for an address, how they were found, and which of its MACs may be its own.

        A MAC that did not claim the address may be that of a router which leaves the TTL alone. So where the inventory
        gives the address to another NIC, the inventory is believed and the MAC is not taken for the address's own.
        """
        translated = self._translated.get(ip, [])
        if translated and not self.inventory.by_ip(ip, domain):
            return translated, "translated", set()
        by_mac = [record for mac in sorted(macs) for record in self.inventory.by_mac(mac)]
        by_ip = self.inventory.by_ip(ip, domain)
        told = {record.mac for record in by_ip}
        if told and None not in told and told.isdisjoint(macs):
            claimed = self._bindings.claimed.get((domain, ip), set())
            macs = {mac for mac in macs if mac in claimed}
            by_mac = [record for record in by_mac if record.mac in macs]
        return (by_mac, "MAC", macs) if by_mac else (by_ip, "address", macs)

    def _inventory_macs(self, domain: str, ip: str) -> set[int]:
        """The MAC that the inventory gives to a silent address, where frames to the address were sent to that MAC."""
        rows = {record.mac for record in self.inventory.by_ip(ip, domain) if record.mac is not None}
        return rows & self._sent_to[domain, ip]

    def _vm(self, records: list[VnicRecord], how: str, macs: set[int], ip: str) -> Endpoint:
        """The VM (or virtual router) that inventory rows name; it gathers all its NICs and addresses."""
        vm, vm_id = records[0].vm, records[0].vm_id
        endpoint = self._endpoints.get(f"vm:{vm_id or vm}")
        if endpoint is None:
            kinds = {_KIND_OF_ROW.get(record.kind, "unknown") for record in records}
            kind = "vm" if "vm" in kinds else min(kinds)
            endpoint = self._endpoints[f"vm:{vm_id or vm}"] = Endpoint(
                f"vm:{vm_id or vm}", kind, "inventory", label=vm or str(vm_id), names=[(vm or str(vm_id), "inventory")]
            )
            endpoint.records_how = how
        for record in records:
            if record not in endpoint.records:
                endpoint.records.append(record)
            endpoint.segments |= {f"vlan{record.vlan}"} if record.vlan is not None else set()
        if how == "translated":
            endpoint.translated.add(ip)
        elif how == "address" or endpoint.records_how == "translated":
            endpoint.records_how = how
        told = {record.mac for record in records if record.mac is not None}
        hosts = {record.host for record in endpoint.records if record.host and not record.distributed}
        if len(hosts) > 1:
            endpoint.conflict = f"the inventory places {endpoint.label} on {' and '.join(sorted(hosts))}"
        elif hosts:
            endpoint.host, endpoint.host_how = hosts.pop(), "inventory"
        self._learn(endpoint, told or macs, [ip])
        return endpoint

    def _hypervisor(self, domain: str, host: str, macs: set[int], ip: str) -> Endpoint:
        """The hypervisor that the inventory names, with all its addresses."""
        ips = sorted({*self._hypervisors.ips_of(host), ip}, key=order_of)
        known = self._hypervisors.macs_of(host)
        key = f"ip:{domain}/{ips[0]}" if self._hypervisors.ips_of(host) else f"mac:{domain}/{mac_text(min(known))}"
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            endpoint = self._endpoints[key] = Endpoint(key, "hypervisor", "inventory", names=[(host, "inventory")])
            endpoint.host, endpoint.host_how = host, "inventory"
        self._learn(endpoint, known | {mac for mac in macs if mac not in self.routers}, ips)
        return endpoint

    def _shared(self, domain: str, ip: str, macs: set[int]) -> Endpoint:
        """An address that several machines use beside their own (a virtual one, of which each has its turn).

        It is none of them: which one had it for a packet is not said here, so it has no MAC and no place.
        """
        owners = ", ".join(f"{min(self._bindings.addresses_of[mac], key=order_of)}" for mac in sorted(macs))
        how = f"a virtual address that several machines use in turn ({owners})"
        endpoint = self._endpoints.setdefault(f"ip:{domain}/{ip}", Endpoint(f"ip:{domain}/{ip}", "unknown", how))
        self._learn(endpoint, set(), [ip])
        return endpoint

    def _machine(self, domain: str, mac: int, ip: str) -> Endpoint:
        """A machine known by its MAC only: all addresses of the MAC are one endpoint."""
        known = self._sorted_addresses(mac)
        more = [] if ip in self._bindings.addresses_of.get(mac, ()) or ip in UNSPECIFIED else [ip]
        lowest = min(filter(is_routable, (*islice(filter(is_routable, known), 1), *more)), key=order_of, default=None)
        key = f"ip:{domain}/{lowest}" if lowest else f"mac:{domain}/{mac_text(mac)}"
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            endpoint = self._endpoints[key] = self._new_machine(key, mac, filter(is_routable, (*known, *more)))
        if (key, mac) not in self._machines:  # a MAC may have very many addresses, so they are learned once
            self._machines.add((key, mac))
            more = sorted((*known, *more), key=order_of)
        if more:
            self._learn(endpoint, {mac}, more)
        return endpoint

    def _new_machine(self, key: str, mac: int, own: Iterable[str]) -> Endpoint:
        own = list(own)
        kind, how = self._kind_of_mac(mac)
        if kind == "unknown":
            ends = [self._tunnel_ends[ip] for ip in own if ip in self._tunnel_ends]
            if ends:
                return Endpoint(key, "hypervisor", ends[0])
            if {is_global(address) for address in own} == {True}:
                return Endpoint(key, "external", "global address without an inventory row")
        return Endpoint(key, kind, how)

    def _kind_of_mac(self, mac: int) -> tuple[str, str]:
        """Kind of machine by its MAC alone, and how."""
        if mac in self.routers:
            return "router", self.routers[mac]
        own_word = host_side(mac)
        if own_word:
            return "hypervisor", own_word
        vendor = virtual_vendor(mac)
        if vendor and not is_between_guests_and_hosts(mac):
            return "vm", f"MAC prefix of {vendor}"
        return "unknown", "no inventory row, no virtual MAC prefix"

    def _sorted_addresses(self, mac: int) -> list[str]:
        """All addresses that are a MAC's own."""
        if mac not in self._sorted:
            self._sorted[mac] = sorted(
                self._bindings.addresses_of.get(mac, set()).difference(UNSPECIFIED), key=order_of
            )
        return self._sorted[mac]

    def _address_only(self, domain: str, ip: str, macs: set[int]) -> Endpoint:
        """An address whose own MAC no frame showed (routed), or that several MACs use."""
        kind, how = ("external", "global address") if is_global(ip) else ("unknown", "seen behind routers only")
        if macs and all(mac in self.routers for mac in macs):
            kind, how = "router", self.routers[min(macs)]
        elif any(self._kind_of_mac(mac)[0] == "vm" for mac in macs):
            kind, how = "vm", "MAC prefix of a virtual vendor"
        elif ip in self._tunnel_ends:
            kind, how = "hypervisor", self._tunnel_ends[ip]
        endpoint = self._endpoints.setdefault(f"ip:{domain}/{ip}", Endpoint(f"ip:{domain}/{ip}", kind, how))
        self._learn(endpoint, macs, [ip])
        return endpoint

    def _by_mac(self, domain: str, ip: str, mac: int) -> Endpoint:
        if mac < 0:
            return self._address_only(domain, ip, set())
        records = self.inventory.by_mac(mac)
        if len({record.vm_id or record.vm for record in records if record.vm}) == 1:
            return self._vm(records, "MAC", {mac}, ip)
        return self._machine(domain, mac, ip)

    def _learn(self, endpoint: Endpoint, macs: set[int], ips: Sequence[str]) -> None:
        names = [self._names.get(mac, {}) for mac in sorted(macs)]
        names += [self._names.get(ip, {}) for ip in ips if len(self._bindings.domains_of.get(ip, ())) < 2]
        endpoint.learn(macs, ips, chain.from_iterable(names), self._nobodys)
