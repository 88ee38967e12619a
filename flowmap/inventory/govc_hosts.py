"""govc `host.info -json`, and `collect -json -type h / name`: what a reference like host-123 stands for.

Properties as in the vSphere Web Services API (HostSystem, HostNetworkInfo); the samples in the tests are made in that
layout. The network part of a host tells its physical NICs, its switches with their uplinks and its port groups.
"""

from __future__ import annotations

from flowmap.errors import InventoryError
from flowmap.inventory.cells import clean_name, parse_ip, parse_mac
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.managed_objects import items, number, prop, text
from flowmap.inventory.reading import Reading

_SWITCHES = (("vswitch", "name", ""), ("proxySwitch", "dvsName", "dvsUuid"), ("opaqueSwitch", "name", "key"))
"""Lists of a host's switches, standard, distributed and NSX, with the keys of their name and their identifier."""


def matches(document: Document) -> bool:
    """JSON with the list hostSystems."""
    value = document.value if isinstance(document, DataDocument) else None
    return isinstance(prop(value, "hostSystems"), list)


def matches_collected(document: Document) -> bool:
    """The JSON of `govc collect`: changes of properties, with or without the object that they belong to."""
    return bool(_changes(document))


def read(document: Document, reading: Reading) -> None:
    """Add each host with its network; the row is the number of the host in the file."""
    assert isinstance(document, DataDocument)
    for row, system in reading.numbered(items(document.value, "hostSystems")):
        name = clean_name(text(system, "name") or text(system, "summary", "config", "name"))
        if not name:
            reading.skip(row, "they have no name")
            continue
        ids = (text(system, "self", "value") or text(system, "summary", "host", "value"),
               text(system, "summary", "hardware", "uuid"))  # fmt: skip
        # vSphere's reference; the name of a cluster is not in this output.
        in_cluster = text(system, "parent", "type") == "ClusterComputeResource"
        cluster = clean_name(text(system, "parent", "value")) if in_cluster else ""
        network = prop(system, "config", "network")
        _add_host(name, tuple(clean_name(one) for one in ids if one), network, cluster or None, reading, row)


def read_collected(document: Document, reading: Reading) -> None:
    """Add the hosts whose name was collected.

    Raises
    ------
    InventoryError
        If the objects are not in the output: without `-type`, govc prints the properties alone.
    """
    for row, change in reading.numbered(_changes(document)):
        if not isinstance(prop(change, "obj"), dict):
            raise InventoryError(
                f"{reading.name} is output of govc collect without the objects it is about; use: govc collect -json"
                " -type h / name."
            )
        if text(change, "obj", "type") != "HostSystem":
            reading.skip(row, "they are not about a HostSystem")
            continue
        named = next((text(one, "val") for one in items(change, "changeSet") if text(one, "name") == "name"), "")
        if host := clean_name(named):
            ids = (clean_name(text(change, "obj", "value")),)
            reading.add_host(row, host, ids=ids)
        else:
            reading.skip(row, "they do not tell the property name")


def _changes(document: Document) -> list[object]:
    value = document.value if isinstance(document, DataDocument) else None
    rows = value if isinstance(value, list) else [value]
    with_object = [
        row for row in rows if isinstance(prop(row, "obj"), dict) and isinstance(prop(row, "changeSet"), list)
    ]
    if with_object or not isinstance(value, list):
        return with_object
    return [row for row in rows if isinstance(row, dict) and {key.casefold() for key in row} == {"name", "op", "val"}]


def _add_host(
    name: str, ids: tuple[str, ...], network: object, cluster: str | None, reading: Reading, row: int
) -> None:
    attached = _add_switches(name, network, reading, row)
    _add_port_groups(name, network, reading, row)
    uplinks: dict[str, None] = {}
    macs: dict[int, None] = {}
    ips: dict[str, None] = {}
    for nic in items(network, "pnic"):
        device = clean_name(text(nic, "device"))
        # A NIC on no switch may be an uplink that the API does not show, unless it has no link.
        if device and (text(nic, "key") in attached or prop(nic, "linkSpeed") is not None):
            uplinks[device] = None
        _take_mac(text(nic, "mac"), macs, reading, row)
    vnics = [*items(network, "vnic"), *items(network, "consoleVnic")]
    for nic in vnics:
        _take_mac(text(nic, "spec", "mac"), macs, reading, row)
        v6 = [text(ip, "ipAddress") for ip in items(nic, "spec", "ip", "ipV6Config", "ipV6Address")]
        for ip in (text(nic, "spec", "ip", "ipAddress"), *v6):
            if ip and (parsed := reading.take(parse_ip, ip, row, "ipAddress")) is not None:
                ips[parsed] = None
    reading.add_host(
        row,
        name,
        ids=ids,
        ips=tuple(ips),
        macs=tuple(macs),
        uplinks=tuple(uplinks),
        uplinks_complete=bool(uplinks) and bool(attached),
        cluster=cluster,
    )


def _take_mac(written: str, macs: dict[int, None], reading: Reading, row: int) -> None:
    if written and (mac := reading.take(parse_mac, written, row, "mac")) is not None:
        macs[mac] = None


def _add_switches(host: str, network: object, reading: Reading, row: int) -> set[str]:
    """Add the host's switches; the keys of the physical NICs that are uplinks of one."""
    switches = [
        (switch, kind, clean_name(text(switch, name_key)), clean_name(text(switch, id_key)) if id_key else "")
        for kind, name_key, id_key in _SWITCHES
        for switch in items(network, kind)
    ]
    attached = {key for switch, *_ in switches for key in items(switch, "pnic") if isinstance(key, str)}
    for switch, kind, name, switch_id in switches:
        if not name:
            continue
        # Only a standard vSwitch without NICs is surely without an uplink, and only where others show theirs.
        has_uplink = True if items(switch, "pnic") else False if kind == "vswitch" and attached else None
        reading.add_switch(row, name, host, has_uplink=has_uplink, ids=(switch_id,) if switch_id else ())
    return attached


def _add_port_groups(host: str, network: object, reading: Reading, row: int) -> None:
    for group in items(network, "portgroup"):
        name = clean_name(text(group, "spec", "name"))
        vlan = number(group, "spec", "vlanId")
        if name:
            vswitch = clean_name(text(group, "spec", "vswitchName")) or None
            reading.add_port_group(row, name, vswitch, host, "" if vlan is None else str(vlan)[:12])
