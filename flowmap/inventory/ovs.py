"""`ovs-vsctl --format=json list Interface`: an object of `headings` and `data`.

A cell is a scalar, `["uuid", x]`, `["set", [..]]` or `["map", [[key, value], ..]]` (RFC 7047, section 5.1).
What a hypervisor tells Open vSwitch about the VM stands in `external_ids` (ovs-vswitchd.conf.db(5), table
Interface). `mac_in_use` is the host's end of the cable and never used. The host is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowmap.errors import InventoryError
from flowmap.inventory.cells import clean_name, parse_ip, parse_mac, split_list
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.reading import Reading
from flowmap.inventory.records import VnicRecord
from flowmap.inventory.rows import MAX_IPS_OF_NIC

_MAC_KEYS = ("attached-mac", "attached_mac")
_VM_ID_KEYS = ("vm-uuid", "vm-id", "xs-vm-uuid")
_OF_OTHER_TABLES = frozenset({"interfaces", "ports", "bridges"})
"""Columns of Port, Bridge and Open_vSwitch, which have names and external_ids too."""
_IP_KEYS = ("ip_addresses", "ip")


def matches(document: Document) -> bool:
    """The envelope of ovs-vsctl's JSON."""
    value = document.value if isinstance(document, DataDocument) else None
    return isinstance(value, dict) and value.keys() - {"caption"} == {"data", "headings"}


def read(document: Document, reading: Reading) -> None:
    """Add the interfaces that belong to a VM.

    Raises
    ------
    InventoryError
        If it is another table of Open vSwitch.
    """
    assert isinstance(document, DataDocument) and isinstance(document.value, dict)
    headings, data = document.value["headings"], document.value["data"]
    titles = {str(heading) for heading in headings} if isinstance(headings, list) else set()
    if not isinstance(data, list) or not titles >= {"name", "external_ids"} or titles & _OF_OTHER_TABLES:
        raise InventoryError(
            f"{reading.name} is output of ovs-vsctl, but not of the table Interface with its columns name and"
            " external_ids; use: ovs-vsctl --format=json list Interface."
        )
    positions = {str(heading): position for position, heading in enumerate(headings)}
    for row, cells in reading.numbered(data):
        if isinstance(cells, list) and len(cells) == len(headings):
            _add_interface({title: cells[position] for title, position in positions.items()}, reading, row)
        else:
            reading.skip(row, "they do not have one value for each heading")


def _add_interface(cells: Mapping[str, object], reading: Reading, row: int) -> None:
    ids = _map(cells["external_ids"])
    name = clean_name(_scalar(cells["name"]))
    vm_id = _first(ids, _VM_ID_KEYS)
    iface_id = _first(ids, ("iface-id",))
    vm = _first(ids, ("vm-name",)) or vm_id or iface_id
    mac_given = _first(ids, _MAC_KEYS)
    if vm is None and mac_given is None:
        return  # an uplink, a tunnel, a bridge's own port
    if _first(ids, ("iface-status",)) == "inactive":
        reading.skip(row, "their port is inactive on this host (iface-status)")
        return
    if vm == iface_id and _scalar(cells.get("type")) == "internal":
        reading.skip(row, "they are internal ports without a VM (OpenStack's routers and DHCP servers)")
        return
    mac = None if mac_given is None else reading.take(parse_mac, mac_given, row, "external_ids:attached-mac")
    ips: dict[str, None] = {}
    for part in split_list(_first(ids, _IP_KEYS) or "")[:MAX_IPS_OF_NIC]:
        if (ip := reading.take(parse_ip, part, row, "external_ids:ip")) is not None:
            ips[ip] = None
    reading.add(
        VnicRecord(
            vm=vm or "",
            vm_id=vm_id,
            nic=iface_id,
            mac=mac,
            ips=tuple(ips),
            host=None,
            vswitch=None,
            network=None,
            vlan=None,
            segment_type=None,
            passthrough=False,
            interface=name or None,
            power_state=None,
            source=reading.name,
            row=row,
            format=reading.format,
            observed_at_ns=reading.modified_ns,
            observed_how=None if reading.modified_ns is None else "file time",
            domain=None,
        )
    )


def _first(ids: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if ids.get(key):
            return ids[key]
    return None


def _map(cell: object) -> dict[str, str]:
    """`["map", [[key, value], ..]]` as cleaned text; anything else is empty."""
    if not (isinstance(cell, list) and len(cell) == 2 and cell[0] == "map" and isinstance(cell[1], list)):
        return {}
    pairs = [pair for pair in cell[1] if isinstance(pair, list) and len(pair) == 2]
    return {_scalar(key): clean_name(_scalar(value)) for key, value in pairs}


def _scalar(cell: object) -> str:
    return cell if isinstance(cell, str) else ""
