"""OVN's databases: Port_Binding, Chassis and Encap of the southbound, Logical_Switch_Port, NAT and
Logical_Router_Port of the northbound one, as `ovn-sbctl` and `ovn-nbctl --format=json list` print them.

Columns as in ovn-sb(5) and ovn-nb(5). A binding names its chassis by UUID, joined in `chassis`.
Samples: written by ovn-sbctl and ovn-nbctl 23.03.1 (tests/inventory/samples/make_ovn.sh).
"""

from __future__ import annotations

from flowmap.inventory.cells import parse_ip, parse_mac
from flowmap.inventory.links import CentralisedPort, LocalnetPort, Translation
from flowmap.inventory.ovsdb import Cells, mapping, text, texts, uuid, uuids, whole
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import MAX_IPS_OF_NIC

_NO_ADDRESS = frozenset({"", "dynamic", "unknown", "router"})
_OF_ROUTER = frozenset({"patch", "l3gateway"})
_OF_SERVICE = frozenset({"localport", "virtual"})
_MAX_ADDRESSES = 16


def add_port_binding(cells: Cells, reading: Reading, row: int) -> None:
    """A VM's port, a router's (`patch`: on every host; `l3gateway`: on its chassis), or one of neither."""
    name, kind = text(cells["logical_port"]), text(cells["type"])
    options = mapping(cells.get("options"))
    if kind == "chassisredirect":
        # The port that it stands for sends its traffic to one chassis.
        reading.add_link(CentralisedPort(options.get("distributed-port") or name.removeprefix("cr-")))
        return
    if kind == "patch" and any("is_chassis_resident" in each for each in texts(cells.get("nat_addresses"))):
        # Its peer, the router's port, resides on the redirect chassis.
        reading.add_link(CentralisedPort(options.get("peer", "")))
    if kind == "localnet":
        tag = whole(cells.get("tag"))
        vlan = tag if tag is not None and 0 < tag < 4095 else None
        reading.add_link(LocalnetPort(uuid(cells.get("datapath")), vlan))
        return
    if kind not in {"", *_OF_ROUTER, *_OF_SERVICE}:
        reading.skip(row, "they are no ports of VMs or routers (vtep, external and the like)")
        return
    addresses = _addresses(texts(cells["mac"]), reading, row, "mac")
    if kind and not addresses:
        return  # a switch's end of the cable to a router
    host = uuid(cells["chassis"]) or None
    if uuids(cells.get("additional_chassis")):
        reading.warn(row, "additional_chassis", f"{name or 'a port'} is on two chassis (it migrates); no host is taken")
        host = None
    nics: list[tuple[int | None, tuple[str, ...]]] = [*addresses] or [(None, ())]
    for mac, ips in nics:
        reading.add_vnic(
            row, vm=name, nic=name or None, mac=mac, ips=ips, host=host if kind in ("", "l3gateway") else None,
            network=uuid(cells.get("datapath")) or None, distributed=kind == "patch",
            kind="router" if kind in _OF_ROUTER else "service" if kind else "vm",
        )  # fmt: skip


def add_chassis(cells: Cells, reading: Reading, row: int) -> None:
    """A hypervisor, with the identifiers that bindings and tunnel endpoints call it by."""
    name, hostname = text(cells["name"]), text(cells["hostname"])
    if name or hostname:
        ids = tuple(one for one in (uuid(cells["_uuid"]), name) if one)
        reading.add_host(row, hostname or name, ids=ids)


def add_encap(cells: Cells, reading: Reading, row: int) -> None:
    """A tunnel endpoint; its host is the name of the chassis."""
    chassis = text(cells["chassis_name"])
    ip = reading.take(parse_ip, text(cells["ip"]), row, "ip")
    if chassis and ip is not None:
        reading.add_host(row, chassis, ips=(ip,))


def add_switch_port(cells: Cells, reading: Reading, row: int) -> None:
    """A VM's logical port with its addresses; the northbound database knows no hosts."""
    name, kind = text(cells["name"]), text(cells.get("type"))
    if kind not in {"", *_OF_SERVICE}:
        reading.skip(row, "they are no ports of VMs (router, localnet, vtep and the like)")
        return
    given = texts(cells["addresses"])
    if "dynamic" in given:
        given = [*given, *texts(cells.get("dynamic_addresses"))]
    for mac, ips in _addresses(given, reading, row, "addresses"):
        reading.add_vnic(row, vm=name, nic=name or None, mac=mac, ips=ips, kind="service" if kind else "vm")


def add_router_port(cells: Cells, reading: Reading, row: int) -> None:
    """A router's port. Only a binding tells whether it is on every host; here stands what forbids it."""
    name = text(cells["name"])
    options = mapping(cells.get("options"))
    resides = options.get("reside-on-redirect-chassis") == "true" or options.get("redirect-type") == "bridged"
    if resides or uuids(cells.get("gateway_chassis")) or uuids(cells.get("ha_chassis_group")):
        reading.add_link(CentralisedPort(name))
    mac = reading.take(parse_mac, text(cells["mac"]), row, "mac")
    ips = [reading.take(parse_ip, ip, row, "networks") for ip in texts(cells["networks"])[:MAX_IPS_OF_NIC]]
    told = tuple(ip for ip in ips if ip is not None)
    reading.add_vnic(row, vm=name, nic=name or None, mac=mac, ips=told, kind="router")


def add_nat(cells: Cells, reading: Reading, row: int) -> None:
    """A floating IP; source NAT for a whole network names no VM."""
    if text(cells["type"]) != "dnat_and_snat":
        reading.skip(row, "they translate no single address (snat, dnat)")
        return
    external = reading.take(parse_ip, text(cells["external_ip"]), row, "external_ip")
    inside = reading.take(parse_ip, text(cells["logical_ip"]), row, "logical_ip")
    if external is not None:
        port = next(iter(texts(cells.get("logical_port"))), "")
        reading.add_link(Translation(external, text(port) or None, inside, reading.name, row))


def _addresses(given: list[str], reading: Reading, row: int, column: str) -> list[tuple[int, tuple[str, ...]]]:
    """(MAC, IPs) of each `"MAC IP ..."`; `dynamic`, `unknown` and `router` tell none."""
    found = []
    for each in given[:_MAX_ADDRESSES]:
        parts = each.split(maxsplit=MAX_IPS_OF_NIC + 1)
        if not parts or parts[0] in _NO_ADDRESS:
            continue
        mac = reading.take(parse_mac, parts[0], row, column)
        ips = [reading.take(parse_ip, part, row, column) for part in parts[1 : MAX_IPS_OF_NIC + 1]]
        if mac is not None:
            found.append((mac, tuple(ip for ip in ips if ip is not None)))
    return found
