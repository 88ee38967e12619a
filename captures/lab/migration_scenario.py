"""Scenario `migration`: two VMs move to the other host while their TCP sessions go on.

`ord-1` moves from esx-41 to esx-42 and is announced by RARP, `bill-1` the other way by gratuitous ARP. Each session
has a known part before the move and the same again after it; nothing is under way in between.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fabric import Fabric, cable
from machines import Move, Record, VirtualMachine, configure, use_name_server, vm_in_vlan
from processes import PREFIX, Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, mirror_point, port_points, ports_of, session_point
from talk import PROGRAMS, Talk

HOSTS = ("esx-41", "esx-42")
VENDOR = "00:50:56:b4"
PORT_FILES = {f"migration-ports-{host}.pcapng": host for host in HOSTS}
MIRROR_FILES = {f"migration-mirror-{host}.pcap": host for host in HOSTS}
COLLECTOR_FILE = "migration-erspan.pcap"
HOST_ADDRESS = {"esx-41": "172.31.40.1", "esx-42": "172.31.40.2"}
ERSPAN = {"esx-41": (141, 2), "esx-42": (142, 3)}
"""Host -> session and type."""
COLLECTOR = "172.31.40.9"
MACHINES = [
    vm_in_vlan("ord-1", "esx-41", 0, 160, 11, VENDOR),
    vm_in_vlan("ord-db", "esx-41", 1, 160, 12, VENDOR),
    vm_in_vlan("ord-web", "esx-41", 2, 160, 13, VENDOR),
    vm_in_vlan("ord-arch", "esx-42", 0, 160, 21, VENDOR),
    vm_in_vlan("bill-1", "esx-42", 1, 160, 22, VENDOR),
]
MOVES = {"ord-1": ("esx-42", "vnet2", "rarp"), "bill-1": ("esx-41", "vnet3", "arp")}
"""VM -> new host, port there, and how the move is announced."""


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build both hosts, record ports, mirrors and ERSPAN, let the programs talk and two VMs move."""
    record = Record("migration", list(MACHINES))
    fabric = _build(lab)
    recorder = Recorder(lab, folder)
    for file, host in PORT_FILES.items():
        recorder.start(file, host, all_ports(host))
    for file, host in MIRROR_FILES.items():
        recorder.start(file, host, ["mir-out"])
    recorder.start(COLLECTOR_FILE, "collector", ["eth0"], "ip proto 47")
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk, fabric)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def all_ports(host: str) -> list[str]:
    """The ports that a host has before or after the moves, then the uplink."""
    arriving = [port for to_host, port, _how in MOVES.values() if to_host == host]
    return ports_of(MACHINES, host, *arriving, "vmnic0")


def _build(lab: Lab) -> Fabric:
    fabric = Fabric(lab)
    fabric.add_collector(COLLECTOR)
    for number, host in enumerate(HOSTS, 1):
        fabric.add_host(host)
        fabric.add_management_port(host, HOST_ADDRESS[host], f"00:1b:21:0f:04:0{number}")
    for machine in MACHINES:
        if machine.name in MOVES:
            _add_movable(lab, machine)
            fabric.switches[machine.host].attach(machine)
        else:
            fabric.add_vm(machine)
    for host in HOSTS:
        fabric.mirror_to_port(host)
        fabric.mirror_to_collector(host, COLLECTOR, *ERSPAN[host])
    return fabric


def _add_movable(lab: Lab, machine: VirtualMachine) -> None:
    """A VM that a plain bridge connects to its port on the old host, and later to the one on the new host.

    Both ports exist all the time, because dumpcap ends when an interface that it records goes away.
    """
    slot = f"slot-{machine.name}"
    to_host, port, _how = MOVES[machine.name]
    lab.add_namespace(machine.name)
    lab.add_namespace(slot)
    lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at=slot)
    lab.run("ip", "link", "set", "br0", "up", at=slot)
    peer = ("type", "veth", "peer", "name", "vm", "netns", PREFIX + slot)
    lab.run("ip", "link", "add", "eth0", "netns", PREFIX + machine.name, "address", machine.mac, *peer)
    configure(lab, machine, 0, 24)
    lab.run("ip", "link", "set", "vm", "master", "br0", "up", at=slot)
    cable(lab, machine.host, machine.port, slot, "old")
    cable(lab, to_host, port, slot, "new")
    lab.run("ip", "link", "set", "old", "master", "br0", at=slot)
    use_name_server(machine.name, "")


def _move(lab: Lab, fabric: Fabric, record: Record, machine: VirtualMachine) -> None:
    """Unplug the VM from one switch, plug it into the other, announce it from there."""
    to_host, port, how = MOVES[machine.name]
    slot = f"slot-{machine.name}"
    time.sleep(0.5)  # the last acknowledgements are through
    began_at_ns = time.time_ns()
    lab.run("ip", "link", "set", "old", "nomaster", at=slot)
    fabric.switches[machine.host].configure("del-port", machine.port)
    fabric.switches[to_host].configure("add-port", "br-int", port, f"tag={machine.vlan}")
    lab.run("ip", "link", "set", "new", "master", "br0", at=slot)
    time.sleep(0.3)  # the switch has its new port
    ended_at_ns = time.time_ns()
    lab.run(sys.executable, str(PROGRAMS / "announce_move.py"), how, "eth0", machine.mac, machine.ip, at=machine.name)
    record.moves.append(Move(machine.name, machine.host, to_host, port, how, began_at_ns, ended_at_ns))


def _talk(talk: Talk, fabric: Fabric) -> None:
    talk.serve_http("ord-web", 8080, {"orders.txt": text(4000, "orders")})
    for vm in ("ord-db", "ord-arch"):
        talk.serve_own(vm, "database", 5432)
    talk.http("ord-db", "ord-web", 8080, "/orders.txt", host="orders.lab.example")
    talk.database("ord-db", "ord-arch", queries=3, size=1200)
    for mover, servers in (("ord-1", ("ord-db", "ord-arch")), ("bill-1", ("ord-arch",))):
        held = [talk.hold(mover, server, queries=4, size=1300) for server in servers]
        _move(talk.lab, fabric, talk.record, talk.record.machine(mover))
        for session in held:
            talk.go_on(session)
    talk.database("ord-web", "ord-arch", queries=2, size=1000)


def _points() -> list[str]:
    lines = []
    for file, host in PORT_FILES.items():
        lines += port_points(file, host, all_ports(host), ["vmnic0"])
    lines += [mirror_point(file, host) for file, host in MIRROR_FILES.items()]
    return lines + [session_point(address, ERSPAN[host][0], host) for host, address in HOST_ADDRESS.items()]


SCENARIO = Scenario(
    name="migration",
    title="two VMs that move to the other host in the middle of a conversation",
    machines=MACHINES,
    files={file: {host} for file, host in (PORT_FILES | MIRROR_FILES).items()} | {COLLECTOR_FILE: set(HOSTS)},
    points=_points(),
    inventory="inventory-migration.csv",
    record=record_scenario,
    uplinks=dict.fromkeys(HOSTS, ("vmnic0",)),
)
