"""The tables of Open vSwitch put together by UUID: which bridge, VLAN and host an interface is in, what leads out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from flowmap.inventory.links import Link, SwitchBridge, SwitchHost, SwitchInterface, SwitchPort
from flowmap.inventory.records import MirrorSession, VnicRecord

LOCAL_PORT_NUMBER = 65534
"""OpenFlow number of the bridge's own port."""

MAX_ALIKE = 10_000
"""Interfaces of one number or name: one a bridge or host."""
MAX_INTERFACES_OF_PORT = 64

_TUNNELS = frozenset({
    "vxlan", "geneve", "gre", "ip6gre", "stt", "lisp", "gtpu", "bareudp", "erspan", "ip6erspan", "srv6",
})  # fmt: skip
_NIC_TYPES = frozenset({"dpdk", "afxdp", "afxdp-nonpmd"})
_SOFTWARE_DRIVERS = frozenset({"", "veth", "tun", "tap", "bridge", "macvlan", "ipvlan", "dummy", "openvswitch"})
"""Of interfaces that need no cable: a veth may lead to a container, to another bridge or out."""
_NIC_NAME = re.compile(r"vmnic\d+|en[ops]\w*\d+\w*|em\d+|bond\d*|team\d*|dpdk\d+")
"""Reference 2.3, without `eth0`, which may be a container's."""


Row = TypeVar("Row")


class Switches:
    """All Open vSwitch tables that were given, of one host or several.

    Parameters
    ----------
    links
        What the files hold; other links are ignored.
    """

    def __init__(self, links: Iterable[Link]) -> None:
        links = list(links)
        interfaces = [one for one in links if isinstance(one, SwitchInterface)]
        self._interfaces = _unambiguous((one.uuid, one) for one in interfaces)
        self._ports = _unambiguous((one.uuid, one) for one in links if isinstance(one, SwitchPort))
        self._bridges = _unambiguous((one.uuid, one) for one in links if isinstance(one, SwitchBridge))
        self._port_of = _unambiguous((uuid, port) for port in self._ports.values() for uuid in port.interfaces)
        self._bridge_of = _unambiguous((uuid, bridge) for bridge in self._bridges.values() for uuid in bridge.ports)
        self._bridge_of_mirror = _unambiguous(
            (uuid, bridge) for bridge in self._bridges.values() for uuid in bridge.mirrors
        )
        self._host_of_bridge = _unambiguous(
            (uuid, one.host) for one in links if isinstance(one, SwitchHost) for uuid in one.bridges
        )
        self._by_row = {(one.source, one.row): one for one in interfaces if one.uuid in self._interfaces}
        self._by_number: dict[int | None, list[SwitchInterface]] = defaultdict(list)
        self._by_name: dict[str, list[SwitchInterface]] = defaultdict(list)
        for one in self._interfaces.values():
            self._by_number[one.port_number].append(one)
            self._by_name[one.name].append(one)
        self._vswitch = self._join_patched()
        self._uplink_of_bridge = {bridge.uuid: self._has_uplink(bridge) for bridge in self._bridges.values()}

    def host_of(self, interface: SwitchInterface) -> str | None:
        """The host of an interface: what was said of its file, of its bridge's file, or in table Open_vSwitch."""
        bridge = self.bridge_of(interface)
        if bridge is None:
            return interface.host
        return interface.host or bridge.host or self._host_of_bridge.get(bridge.uuid)

    def bridge_of(self, interface: SwitchInterface) -> SwitchBridge | None:
        """The bridge of an interface, where the tables Port and Bridge are there."""
        port = self._port_of.get(interface.uuid)
        return None if port is None else self._bridge_of.get(port.uuid)

    def complete(self, record: VnicRecord) -> VnicRecord:
        """A record of table Interface with its host, bridge and VLAN."""
        interface = self._by_row.get((record.source, record.row)) if record.format == "ovs-interface" else None
        if interface is None:
            return record
        port, bridge = self._port_of.get(interface.uuid), self.bridge_of(interface)
        if port is not None:
            record = replace(
                record, vlan=port.vlan or None, segment_type=port.segment_type, network=port.network,
                isolated=port.isolated,
            )  # fmt: skip
        if bridge is not None:
            record = replace(
                record, vswitch=self._vswitch[bridge.uuid], has_uplink=self._uplink_of_bridge[bridge.uuid],
                host=record.host or self.host_of(interface),
            )  # fmt: skip
        return record

    def vswitch_names(self) -> dict[tuple[str, str], str]:
        """(host, bridge) -> the name under which bridges that patch ports join are one vSwitch."""
        names = {}
        for bridge in self._bridges.values():
            if host := bridge.host or self._host_of_bridge.get(bridge.uuid):
                names[host, bridge.name] = self._vswitch[bridge.uuid]
        return names

    def complete_mirror(self, mirror: MirrorSession) -> MirrorSession:
        """A mirror with the names of its ports, its bridge and its host, where the tables tell them."""
        chosen = [uuid for uuid in (*mirror.select_interfaces, mirror.output_interface) if uuid in self._ports]
        bridges = {self._bridge_of[uuid].uuid: self._bridge_of[uuid] for uuid in chosen if uuid in self._bridge_of}
        if own := self._bridge_of_mirror.get(mirror.uuid):
            bridges = {own.uuid: own}
        if len(bridges) == 1:
            (bridge,) = bridges.values()
            host = mirror.host or bridge.host or self._host_of_bridge.get(bridge.uuid)
            mirror = replace(mirror, vswitch=bridge.name, host=host)
        names = [name for uuid in mirror.select_interfaces for name in self._names_of_port(uuid)]
        output = self._names_of_port(mirror.output_interface) if mirror.output_interface else [None]
        return replace(mirror, select_interfaces=tuple(names), output_interface=output[0])

    def numbered(self, number: int, bridge: str | None) -> list[SwitchInterface]:
        """The interfaces with an OpenFlow number, in bridges of a name if one is given; too many mean none."""
        found = self._by_number.get(number, [])
        if len(found) > MAX_ALIKE:
            return []
        return [one for one in found if bridge is None or self._bridge_name(one) in (None, bridge)]

    def named(self, name: str) -> list[SwitchInterface]:
        """The interfaces of a name, on any host; too many mean none."""
        found = self._by_name.get(name, [])
        return found if len(found) <= MAX_ALIKE else []

    def bridges(self) -> list[tuple[str | None, str]]:
        """(host, name) of each bridge."""
        return [(one.host or self._host_of_bridge.get(one.uuid), one.name) for one in self._bridges.values()]

    def _bridge_name(self, interface: SwitchInterface) -> str | None:
        bridge = self.bridge_of(interface)
        return None if bridge is None else bridge.name

    def _names_of_port(self, uuid: str) -> list[str]:
        """Interfaces of a port (several of a bond); the UUID itself where no table names it."""
        port = self._ports.get(uuid)
        if port is None:
            return [uuid]
        members = port.interfaces[:MAX_INTERFACES_OF_PORT]
        return [self._interfaces[one].name for one in members if one in self._interfaces] or [port.name]

    def _has_uplink(self, bridge: SwitchBridge) -> bool | None:
        """False where every port is a VM's or the bridge's own; None otherwise, since nobody says what is behind."""
        for uuid in bridge.ports:
            port = self._ports.get(uuid)
            if port is None or not 0 < len(port.interfaces) <= MAX_INTERFACES_OF_PORT:
                return None
            for one in port.interfaces:
                interface = self._interfaces.get(one)
                if interface is None:
                    return None
                own = interface.type == "internal" and interface.name == bridge.name
                if not (own or (interface.of_vm and interface.type not in _TUNNELS)):
                    return None
        return False if bridge.ports else None

    def _join_patched(self) -> dict[str, str]:
        """Bridge UUID -> name of its vSwitch: the first name among the bridges that patch ports join to it."""
        by_name: dict[tuple[str, str], SwitchInterface] = {
            (one.source, one.name): one for one in self._interfaces.values()
        }
        neighbours: dict[str, set[str]] = defaultdict(set)
        for one in self._interfaces.values():
            other = by_name.get((one.source, one.peer)) if one.peer else None
            here, there = self.bridge_of(one), None if other is None else self.bridge_of(other)
            if here is not None and there is not None:
                neighbours[here.uuid].add(there.uuid)
                neighbours[there.uuid].add(here.uuid)
        vswitch: dict[str, str] = {}
        for start in self._bridges:
            if start in vswitch:
                continue
            group, waiting = {start}, [start]
            while waiting:
                new = neighbours[waiting.pop()] - group
                group |= new
                waiting += new
            name = min(self._bridges[uuid].name for uuid in group)
            vswitch |= dict.fromkeys(group, name)
        return vswitch


def _unambiguous(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    """Rows by UUID, without those that two exports tell differently.

    Hosts that were cloned with their database have bridges of one UUID: which row is whose, nobody could say.
    """
    found: dict[str, Row] = {}
    told_twice: set[str] = set()
    for uuid, row in rows:
        if found.setdefault(uuid, row) != row:
            told_twice.add(uuid)
    return {uuid: row for uuid, row in found.items() if uuid not in told_twice}


def leads_out(interface: SwitchInterface) -> bool:
    """Whether an interface is a NIC or a tunnel for certain.

    Software interfaces (veth, tap) count only under a NIC's name: one without a VM's ids may still be a VM's, a
    container's or the way to another bridge.
    """
    if interface.of_vm:
        return False
    if interface.type in _TUNNELS or interface.type in _NIC_TYPES:
        return True
    if interface.type not in ("", "system"):
        return False
    return interface.driver not in _SOFTWARE_DRIVERS or _NIC_NAME.fullmatch(interface.name) is not None
