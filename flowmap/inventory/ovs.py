"""The tables Interface, Port, Bridge, Mirror and Open_vSwitch, as `ovs-vsctl --format=json list` prints them.

What a hypervisor tells Open vSwitch about the VM stands in `external_ids` of Interface; columns as in
ovs-vswitchd.conf.db(5). `mac_in_use` is the host's end of the cable and never used. Which bridge and VLAN an
interface is in stands in the other tables, joined by UUID in `switches`.
Samples: written by ovs-vsctl 3.1.0 (tests/inventory/samples/make.sh).
"""

from __future__ import annotations

from collections.abc import Mapping

from flowmap.inventory.cells import clean_name, parse_ip, parse_mac, parse_segment_type, split_list
from flowmap.inventory.links import SwitchBridge, SwitchHost, SwitchInterface, SwitchPort
from flowmap.inventory.ovsdb import Cells, mapping, members, text, uuid, uuids, whole
from flowmap.inventory.reading import Reading
from flowmap.inventory.records import MirrorSession
from flowmap.inventory.rows import MAX_IPS_OF_NIC

_MAC_KEYS = ("attached-mac", "attached_mac")
_VM_ID_KEYS = ("vm-uuid", "vm-id", "xs-vm-uuid")
_IP_KEYS = ("ip_addresses", "ip")
_MAX_PORT_NUMBER = 1 << 16


def add_interface(cells: Cells, reading: Reading, row: int) -> None:
    """A vNIC, where the interface belongs to a VM; always a link to its port."""
    ids = mapping(cells["external_ids"])
    name, kind = text(cells["name"]), text(cells.get("type"))
    mac_given = _first(ids, _MAC_KEYS)
    vm = _vm_name(ids)
    is_inner = vm is not None and vm == ids.get("iface-id") and kind == "internal"
    if key := uuid(cells.get("_uuid")):
        number = whole(cells.get("ofport"))
        reading.add_link(
            SwitchInterface(
                key, name, kind, number if number is not None and 0 < number < _MAX_PORT_NUMBER else None,
                (vm is not None or mac_given is not None) and not is_inner,
                mapping(cells.get("status")).get("driver_name", ""),
                mapping(cells.get("options")).get("peer") if kind == "patch" else None,
                reading.host, reading.name, row,
            )
        )  # fmt: skip
    if vm is None and mac_given is None:
        return  # an uplink, a tunnel, a bridge's own port
    if _first(ids, ("iface-status",)) == "inactive":
        reading.skip(row, "their port is inactive on this host (iface-status)")
    elif is_inner:
        reading.skip(row, "they are internal ports without a VM (OpenStack's routers and DHCP servers)")
    else:
        _add_vnic(ids, vm, mac_given, name, reading, row)


def _vm_name(ids: Mapping[str, str]) -> str | None:
    return _first(ids, ("vm-name",)) or _first(ids, _VM_ID_KEYS) or _first(ids, ("iface-id",))


def _add_vnic(
    ids: Mapping[str, str], vm: str | None, mac_given: str | None, name: str, reading: Reading, row: int
) -> None:
    mac = None if mac_given is None else reading.take(parse_mac, mac_given, row, "external_ids:attached-mac")
    ips: dict[str, None] = {}
    for part in split_list(_first(ids, _IP_KEYS) or "")[:MAX_IPS_OF_NIC]:
        if (ip := reading.take(parse_ip, part, row, "external_ids:ip")) is not None:
            ips[ip] = None
    reading.add_vnic(
        row,
        vm=vm or "",
        vm_id=_first(ids, _VM_ID_KEYS),
        nic=_first(ids, ("iface-id",)),
        mac=mac,
        ips=tuple(ips),
        interface=name or None,
    )


def add_port(cells: Cells, reading: Reading, row: int) -> None:
    """The VLAN and the interfaces of a port.

    Neutron numbers the VLANs of br-int itself, on every host anew; `other_config` then tells the true segment.
    """
    config = mapping(cells.get("other_config"))
    mode = text(cells.get("vlan_mode"))
    tag = whole(cells.get("tag"))
    vlan = tag if tag is not None and 0 <= tag < 4095 and mode in ("", "access") else None
    segment_type = None if vlan is None else "vlan" if vlan else "none"
    network = config.get("net_uuid")
    if network or "network_type" in config:
        vlan = segment_type = None
        if kind := config.get("network_type"):
            segment_type = reading.take(parse_segment_type, kind, row, "other_config:network_type")
        number = config.get("segmentation_id", "")
        if segment_type == "vlan" and number.isascii() and number.isdigit() and 0 < int(number[:5]) < 4095:
            vlan = int(number)
    reading.add_link(
        SwitchPort(
            uuid(cells["_uuid"]), text(cells["name"]), uuids(cells["interfaces"]), vlan, segment_type, network,
            cells.get("protected") is True,
        )
    )  # fmt: skip


def add_bridge(cells: Cells, reading: Reading, row: int) -> None:
    """The ports and mirrors of a bridge."""
    ports, mirrors = uuids(cells["ports"]), uuids(cells.get("mirrors"))
    reading.add_link(SwitchBridge(uuid(cells["_uuid"]), text(cells["name"]), ports, mirrors, reading.host))


def add_switch_host(cells: Cells, reading: Reading, row: int) -> None:
    """The host whose bridges these are, by the name in `external_ids:hostname` that ovs-ctl writes."""
    ids = mapping(cells.get("external_ids"))
    host = reading.host or ids.get("hostname")
    if not host:
        reading.skip(row, "they do not tell the host (external_ids:hostname)")
        return
    ips = [reading.take(parse_ip, ip, row, "external_ids:ovn-encap-ip")
           for ip in split_list(ids.get("ovn-encap-ip", ""))[:MAX_IPS_OF_NIC]]  # fmt: skip
    own_id = ids.get("system-id")
    reading.add_host(row, host, ids=(own_id,) if own_id else (), ips=tuple(ip for ip in ips if ip is not None))
    reading.add_link(SwitchHost(host, uuids(cells["bridges"])))


def add_mirror(cells: Cells, reading: Reading, row: int) -> None:
    """A mirror. Ports are their UUIDs until `switches` finds their names."""
    name = text(cells["name"])
    selected = uuids(cells.get("select_src_port")) + uuids(cells.get("select_dst_port"))
    vlans = [vlan for vlan in map(whole, members(cells.get("select_vlan"))) if vlan is not None and 0 <= vlan < 4096]
    snaplen, output_vlan = whole(cells.get("snaplen")), whole(cells.get("output_vlan"))
    reading.add(
        MirrorSession(
            name or f"mirror {row}",
            None,
            None,
            cells["select_all"] is True,
            tuple(dict.fromkeys(selected)),
            tuple(vlans),
            uuid(cells.get("output_port")) or None,
            output_vlan if output_vlan is not None and 0 < output_vlan < 4096 else None,
            snaplen if snaplen is not None and 14 <= snaplen < 1 << 16 else None,
            uuid(cells.get("_uuid")),
            reading.name,
            row,
            reading.format,
            *reading.observed(),
        )
    )


def _first(ids: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if ids.get(key):
            return clean_name(ids[key])
    return None
