"""Neutron's ports and floating IPs, from its REST interface (`/v2.0/ports`) or openstacksdk (`binding_host_id`).

Fields as in OpenStack's Networking API v2.0 reference; the values of `device_owner` as in neutron_lib/constants.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from flowmap.inventory.cells import name_in, parse_ip, parse_mac, split_list
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.links import Translation
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import MAX_IPS_OF_NIC

_OWNERS = {
    "network:router_interface": "router",
    "network:router_interface_distributed": "router",
    "network:ha_router_replicated_interface": "router",
    "network:router_ha_interface": "router",
    "network:router_gateway": "router",
    "network:router_centralized_snat": "router",
    "network:floatingip_agent_gateway": "router",
    "network:dhcp": "service",
    "network:distributed": "service",
    "network:local_port": "service",
    "trunk:subport": "vm",
}
_DISTRIBUTED = frozenset({"network:router_interface_distributed"})
_ON_NO_ONE_HOST = frozenset({"network:ha_router_replicated_interface"})
"""Bound to several hosts at once, of which one is active."""


def matches_ports(document: Document) -> bool:
    """Objects with `mac_address`, `fixed_ips` and `device_owner`."""
    return any({"mac_address", "fixed_ips", "device_owner"} <= row.keys() for row in _mappings(document, "ports"))


def matches_floating_ips(document: Document) -> bool:
    """Objects with `floating_ip_address`, or the titles of `openstack floating ip list`."""
    return any(
        {"floating_ip_address", "port_id"} <= row.keys() or {"Floating IP Address", "Port"} <= row.keys()
        for row in _mappings(document, "floatingips")
    )


def read_ports(document: Document, reading: Reading) -> None:
    """Add each port that belongs to a VM, a router or a service.

    An address that several ports may use besides their own (`allowed_address_pairs`: a virtual IP) is nobody's.
    """
    rows = rows_of(document, "ports")
    shared = _shared_addresses(rows)
    for number, row in reading.numbered(rows):
        if not isinstance(row, dict):
            reading.skip(number, "they are not a mapping of names to values")
            continue
        _add_port(row, shared, reading, number)
    for ip, count in list(shared.items())[:20]:
        reading.warn_file(f"{ip} is an allowed address of {count} ports, so a virtual IP, and given to no VM")
    if len(shared) > 20:
        reading.warn_file(f"{len(shared) - 20:,} more addresses are allowed at several ports and given to no VM")


def read_floating_ips(document: Document, reading: Reading) -> None:
    """Keep each floating IP for the port it is associated with."""
    for number, row in reading.numbered(rows_of(document, "floatingips")):
        external = name_in(row, "floating_ip_address", "Floating IP Address")
        port = name_in(row, "port_id", "Port")
        if not external or port in ("", "None"):
            reading.skip(number, "they are associated with no port")
            continue
        if (ip := reading.take(parse_ip, external, number, "floating_ip_address")) is not None:
            reading.add_link(Translation(ip, port, None, reading.name, number))


def rows_of(document: Document, key: str) -> list[object]:
    """The list of a document, bare or under a key."""
    if not isinstance(document, DataDocument) or document.syntax != "json":
        return []
    value = document.value
    found = value.get(key) if isinstance(value, dict) else value
    return found if isinstance(found, list) else []


def tap_name(port_id: str) -> str | None:
    """The interface of a port on its host: `tap` and the first 11 characters of its id."""
    return f"tap{port_id[:11]}" if len(port_id) == 36 else None


def kind_of_owner(owner: str) -> str | None:
    """ "vm", "router" or "service" for a port's `device_owner`; None for a port that sends nothing of its own."""
    if owner.startswith("compute:"):
        return "vm"
    if owner in ("", "network:floatingip") or owner.startswith("baremetal:"):
        return None
    return _OWNERS.get(owner, "service")


def _add_port(row: Mapping[str, object], shared: Mapping[str, int], reading: Reading, number: int) -> None:
    owner = name_in(row, "device_owner")
    kind = kind_of_owner(owner)
    if kind is None:
        reading.skip(number, "they are bound to no VM, router or service")
        return
    port_id, device = name_in(row, "id"), name_in(row, "device_id")
    mac = reading.take(parse_mac, name_in(row, "mac_address"), number, "mac_address")
    ips = [reading.take(parse_ip, ip, number, "fixed_ips") for ip in addresses_of(row.get("fixed_ips"))]
    allowed = _allowed(row) if kind == "vm" else []
    vnic_type = name_in(row, "binding:vnic_type", "binding_vnic_type") or "normal"
    host: str | None = name_in(row, "binding:host_id", "binding_host_id") or None
    profile = row.get("binding:profile", row.get("binding_profile"))
    if isinstance(profile, dict) and profile.get("migrating_to"):
        reading.warn(number, "binding:profile", f"port {port_id} is being migrated; no host is taken")
        host = None
    distributed = owner in _DISTRIBUTED
    told = dict.fromkeys(ip for ip in (*ips, *(ip for ip in allowed if ip not in shared)) if ip is not None)
    vm = "" if owner == "trunk:subport" else device
    reading.add_vnic(
        number, vm=vm, vm_id=vm or None, nic=port_id or None, mac=mac, ips=tuple(told), kind=kind,
        host=None if distributed or owner in _ON_NO_ONE_HOST else host,
        network=name_in(row, "network_id") or None, passthrough=vnic_type not in ("normal", "baremetal"),
        interface=tap_name(port_id) if vnic_type == "normal" and kind == "vm" else None, distributed=distributed,
    )  # fmt: skip


def _shared_addresses(rows: list[object]) -> dict[str, int]:
    """Allowed addresses that are more than one port's, or another port's own, with the number of ports."""
    told: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, dict):
            owned = {_normal(ip) for ip in addresses_of(row.get("fixed_ips"))}
            told.update({ip for ip in (*owned, *_allowed(row)) if ip})
    allowed = {ip for row in rows if isinstance(row, dict) for ip in _allowed(row)}
    return {ip: told[ip] for ip in sorted(allowed) if told[ip] > 1}


def _allowed(row: Mapping[str, object]) -> list[str]:
    """Single addresses of `allowed_address_pairs`; a whole network there means that checks are off."""
    pairs = row.get("allowed_address_pairs")
    given = addresses_of(pairs) if isinstance(pairs, list) else []
    single = [ip for ip in given if "/" not in ip or ip.endswith(("/32", "/128"))]
    return [normal for ip in single if (normal := _normal(ip))]


def _normal(ip: str) -> str:
    try:
        return parse_ip(ip)
    except ValueError:
        return ""


def addresses_of(value: object) -> list[str]:
    """`ip_address` of each entry; old clients print the entries as text."""
    if isinstance(value, str):
        return [part.partition("=")[2].strip("'\"") for part in split_list(value) if part.startswith("ip_address=")]
    found = []
    for entry in value[:MAX_IPS_OF_NIC] if isinstance(value, list) else []:
        ip = entry.get("ip_address") if isinstance(entry, dict) else None
        found += [ip] if isinstance(ip, str) else []
    return found


def _mappings(document: Document, key: str) -> list[dict[str, object]]:
    return [row for row in rows_of(document, key)[:20] if isinstance(row, dict)]
