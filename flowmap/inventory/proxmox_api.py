"""`pvesh get /cluster/resources --output-format json`, and what the QEMU guest agent says of a guest's interfaces.

The first has no MACs and is joined to the configurations by vmid; the second has nothing but MACs and addresses.
Fields as in the Proxmox VE API viewer and QEMU's guest agent protocol (guest-network-get-interfaces).
"""

from __future__ import annotations

import re

from flowmap.inventory.cells import name_in, parse_ip, parse_mac
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import MAX_IPS_OF_NIC
from flowmap.inventory.virsh_tables import is_guests_own

_MAX_VMID = 10**9
_RESOURCE_ID = re.compile(r"(qemu|lxc|node|storage|sdn|pool)/")


def matches_resources(document: Document) -> bool:
    """A list of objects with `id` like `qemu/100`, `type` and `node`."""
    return any(
        isinstance(row, dict) and {"id", "type", "node"} <= row.keys() and _RESOURCE_ID.match(str(row["id"])[:80])
        for row in _rows(document)[:20]
    )


def matches_agent(document: Document) -> bool:
    """A list of objects with `hardware-address` or `ip-addresses`, bare or under `result` or `return`."""
    return any(
        isinstance(row, dict) and "name" in row and not {"hardware-address", "ip-addresses"}.isdisjoint(row)
        for row in _rows(document)[:20]
    )


def read_resources(document: Document, reading: Reading) -> None:
    """Add VMs and containers with their node, and the nodes."""
    for number, row in reading.numbered(_rows(document)):
        kind = row.get("type") if isinstance(row, dict) else None
        node = name_in(row, "node")
        if kind == "node" and node:
            reading.add_host(number, node)
        elif kind in ("qemu", "lxc"):
            vmid = row.get("vmid") if isinstance(row, dict) else None
            is_number = isinstance(vmid, int) and not isinstance(vmid, bool) and 0 < vmid < _MAX_VMID
            if not is_number or not node:
                reading.skip(number, "they have no vmid or no node")
            elif isinstance(row, dict) and row.get("template") == 1:
                reading.skip(number, "they are templates, which never run")
            else:
                name = name_in(row, "name")
                reading.add_vnic(
                    number, vm=name or str(vmid), vm_id=str(vmid), host=node, power_state=name_in(row, "status") or None
                )


def read_agent(document: Document, reading: Reading) -> None:
    """Add the addresses of each MAC; the guest's own bridges are no vNICs."""
    for number, row in reading.numbered(_rows(document)):
        given = name_in(row, "hardware-address")
        if is_guests_own(name_in(row, "name")):
            reading.skip(number, "they are the guest's own bridges and loopback, not vNICs")
            continue
        mac = reading.take(parse_mac, given, number, "hardware-address") if given else None
        if mac is None:
            reading.skip(number, "they have no MAC")
            continue
        told = row.get("ip-addresses") if isinstance(row, dict) else None
        addresses = told[:MAX_IPS_OF_NIC] if isinstance(told, list) else []
        ips = [reading.take(parse_ip, name_in(one, "ip-address"), number, "ip-address") for one in addresses]
        reading.add_vnic(number, mac=mac, ips=tuple(ip for ip in ips if ip is not None))


def _rows(document: Document) -> list[object]:
    if not isinstance(document, DataDocument) or document.syntax != "json":
        return []
    value = document.value
    for key in ("data", "result", "return"):
        if isinstance(value, dict) and isinstance(value.get(key), (list, dict)):
            value = value[key]  # `data` is the REST API's envelope, around `result` of the agent
    return value if isinstance(value, list) else []
