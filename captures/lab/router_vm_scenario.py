"""Scenario `router_vm`: firewalls that are VMs route between the VLANs, and no physical router exists.

`fw-1` stands on the host of the VMs that it routes for: their traffic stays. `fw-2` stands on the other host: the
traffic of `hr-web` and `hr-db`, which share a host, leaves it and comes back.
"""

from __future__ import annotations

import time
from pathlib import Path

from fabric import Fabric
from machines import DOMAIN, Record, VirtualMachine, route_packets, vm_in_vlan
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, Way, mirror_point, port_points, ports_of
from talk import Talk

HOSTS = ("kvm-11", "kvm-12")
PORT_FILES = {f"router-vm-ports-{host}.pcapng": host for host in HOSTS}
MIRROR_FILE = "router-vm-mirror-kvm-11.pcap"


def router(name: str, host: str, first_number: int, vlans: tuple[int, int]) -> VirtualMachine:
    """A VM with a vNIC in each of two VLANs, whose gateway it is there."""
    one, other = vlans
    second = vm_in_vlan(name, host, first_number + 1, other, 1, dns_name=f"eth1.{name}.{DOMAIN}")
    return vm_in_vlan(name, host, first_number, one, 1, more=(second,))


MACHINES = [
    vm_in_vlan("crm-web", "kvm-11", 0, 110, 11),
    vm_in_vlan("crm-db", "kvm-11", 1, 120, 12),
    router("fw-1", "kvm-11", 2, (110, 120)),
    vm_in_vlan("hr-web", "kvm-11", 4, 130, 11),
    vm_in_vlan("hr-db", "kvm-11", 5, 140, 12),
    vm_in_vlan("crm-app", "kvm-12", 0, 110, 21),
    router("fw-2", "kvm-12", 1, (130, 140)),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build both hosts, record every port and one mirror, let the programs talk."""
    record = Record("router_vm", list(MACHINES))
    fabric = Fabric(lab)
    for host in HOSTS:
        fabric.add_host(host)
    for machine in MACHINES:
        fabric.add_vm(machine, "" if machine.more else f"10.{machine.vlan}.0.1")
        if machine.more:
            route_packets(lab, machine.name, ["eth0", "eth1"])
    fabric.mirror_to_port("kvm-11")
    recorder = Recorder(lab, folder)
    for file, host in PORT_FILES.items():
        recorder.start(file, host, ports_of(MACHINES, host, "vmnic0"))
    recorder.start(MIRROR_FILE, "kvm-11", ["mir-out"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def _talk(talk: Talk) -> None:
    talk.serve_http("crm-web", 8080, {"orders.txt": text(8000, "orders")})
    for vm in ("crm-db", "hr-db"):
        talk.serve_own(vm, "database", 5432)
    talk.http("crm-app", "crm-web", 8080, "/orders.txt", host="crm.lab.example")
    talk.database("crm-web", "crm-db", queries=5, size=1400)
    talk.database("hr-web", "hr-db", queries=5, size=1400)
    talk.database("crm-app", "crm-db", queries=3, size=1200)
    talk.ping("crm-web", "crm-db", count=3)
    talk.ping("hr-web", "hr-db", count=3)
    talk.ping("hr-db", "fw-2", count=2)
    talk.ping("crm-web", "fw-1", count=2)
    talk.http("crm-app", "crm-web", 8080, "/orders.txt", host="crm.lab.example")


def _points() -> list[str]:
    lines = []
    for file, host in PORT_FILES.items():
        lines += port_points(file, host, ports_of(MACHINES, host, "vmnic0"), ["vmnic0"])
    return [*lines, mirror_point(MIRROR_FILE, "kvm-11")]


SCENARIO = Scenario(
    name="router_vm",
    title="firewall VMs that route, one at home and one on another host",
    machines=MACHINES,
    files={file: {host} for file, host in PORT_FILES.items()} | {MIRROR_FILE: {"kvm-11"}},
    points=_points(),
    inventory="inventory-router-vm.csv",
    record=record_scenario,
    uplinks=dict.fromkeys(HOSTS, ("vmnic0",)),
    ways={
        frozenset(("crm-web", "crm-db")): Way("intra_host_routed_vm"),
        frozenset(("hr-web", "hr-db")): Way("hairpin_routed", frozenset(("kvm-12",))),
    },
)
