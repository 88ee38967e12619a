"""`openstack port list -f json` and `openstack server list --long -f json`.

The first has MACs and neither VM nor host, the second VM and host and no MACs: they meet in Neutron's own ports
(`neutron`), or with the host's exports. Columns as in python-openstackclient's network/v2/port.py and
compute/v2/server.py.
"""

from __future__ import annotations

import re

from flowmap.inventory.cells import name_in, parse_ip, parse_mac, split_list
from flowmap.inventory.documents import Document
from flowmap.inventory.neutron import addresses_of, kind_of_owner, rows_of, tap_name
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import MAX_IPS_OF_NIC

_POWER = {"1": "running", "4": "shut off", "Running": "running", "Shutdown": "shut off"}


def matches_ports(document: Document) -> bool:
    """The titles of port list."""
    rows = rows_of(document, "")[:20]
    return any(isinstance(row, dict) and {"MAC Address", "Fixed IP Addresses"} <= row.keys() for row in rows)


def matches_servers(document: Document) -> bool:
    """The titles of server list."""
    rows = rows_of(document, "")[:20]
    return any(isinstance(row, dict) and {"ID", "Name", "Networks"} <= row.keys() for row in rows)


def read_ports(document: Document, reading: Reading) -> None:
    """Add each port; with `--long` only those of VMs, routers and services."""
    for number, row in reading.numbered(rows_of(document, "")):
        if not isinstance(row, dict):
            reading.skip(number, "they are not a mapping of names to values")
            continue
        owner = row.get("Device Owner", row.get("device_owner"))
        kind = kind_of_owner(owner) if isinstance(owner, str) else "vm"
        if kind is None:
            reading.skip(number, "they are bound to no VM, router or service")
            continue
        if owner is None:
            reading.warn_file(
                "without the column Device Owner a router's port looks like a VM's; use: openstack port list --long -f"
                " json"
            )
        port_id = name_in(row, "ID")
        mac = reading.take(parse_mac, name_in(row, "MAC Address"), number, "MAC Address")
        given = addresses_of(row.get("Fixed IP Addresses"))
        ips = [reading.take(parse_ip, ip, number, "Fixed IP Addresses") for ip in given]
        reading.add_vnic(
            number, nic=port_id or None, mac=mac, ips=tuple(ip for ip in ips if ip is not None), kind=kind,
            interface=tap_name(port_id) if kind == "vm" else None,
            distributed=owner == "network:router_interface_distributed",
        )  # fmt: skip


def read_servers(document: Document, reading: Reading) -> None:
    """Add each VM with its host, which only administrators see.

    `Networks` holds floating IPs too: in each network the first IPv4 address is the VM's own, and further ones are
    taken for floating.
    """
    for number, row in reading.numbered(rows_of(document, "")):
        if not isinstance(row, dict):
            reading.skip(number, "they are not a mapping of names to values")
            continue
        name, server = name_in(row, "Name"), name_in(row, "ID")
        if not (name or server):
            reading.skip(number, "they name no VM")
            continue
        if not name_in(row, "Host"):
            reading.warn_file("it does not name the hosts; use: openstack server list --all-projects --long -f json")
        own, floating = _networks(row.get("Networks"), reading, number)
        power = row.get("Power State")
        reading.add_vnic(
            number, vm=name or server, vm_id=server or None, ips=tuple(own), host=name_in(row, "Host") or None,
            external_ips=tuple(floating), power_state=_POWER.get(str(power), name_in(row, "Status").casefold() or None),
        )  # fmt: skip


def _networks(value: object, reading: Reading, row: int) -> tuple[list[str], list[str]]:
    """(own, floating) addresses of `{"net": ["10.0.0.5", ..]}` or `net=10.0.0.5, ..; net2=..`."""
    groups: list[list[object]] = []
    if isinstance(value, dict):
        groups = [part for part in list(value.values())[:MAX_IPS_OF_NIC] if isinstance(part, list)]
    elif isinstance(value, str):
        groups = [list(split_list(part.rpartition("=")[2])) for part in re.split("[;\n]", value)[:MAX_IPS_OF_NIC]]
    own: dict[str, None] = {}
    floating: dict[str, None] = {}
    for group in groups:
        seen_ipv4 = False
        for given in group[:MAX_IPS_OF_NIC]:
            ip = reading.take(parse_ip, given, row, "Networks") if isinstance(given, str) else None
            if ip is None:
                continue
            is_floating = "." in ip and seen_ipv4
            (floating if is_floating else own)[ip] = None
            seen_ipv4 = seen_ipv4 or "." in ip
    return list(own), list(floating)
