"""Scenario `truncated`: frames that were cut, by a mirror that loses their length and by a recorder that keeps it."""

from __future__ import annotations

import time
from pathlib import Path

from fabric import Fabric
from machines import Record, vm_in_vlan
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, mirror_point, port_points, ports_of
from talk import Talk

HOST = "kvm-71"
VLANS = (190, 191)
MIRROR_SNAPLEN_BYTES, PORT_SNAPLEN_BYTES = 64, 96
PORT_FILE, MIRROR_FILE = "truncated-ports-kvm-71.pcapng", "truncated-mirror-kvm-71.pcap"
MACHINES = [
    vm_in_vlan("inv-1", HOST, 0, 190, 11),
    vm_in_vlan("inv-2", HOST, 1, 190, 12),
    vm_in_vlan("inv-db", HOST, 2, 191, 13),
    vm_in_vlan("inv-3", "kvm-72", 0, 190, 21),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build two hosts and a router, record the ports and a mirror of one, let the programs talk."""
    record = Record("truncated", list(MACHINES))
    fabric = Fabric(lab)
    for host in (HOST, "kvm-72"):
        fabric.add_host(host)
    fabric.add_router(VLANS)
    for machine in MACHINES:
        fabric.add_vm(machine, f"10.{machine.vlan}.0.1")
    fabric.mirror_to_port(HOST, MIRROR_SNAPLEN_BYTES)
    recorder = Recorder(lab, folder)
    recorder.start(PORT_FILE, HOST, ports_of(MACHINES, HOST, "vmnic0"), snaplen_bytes=PORT_SNAPLEN_BYTES)
    recorder.start(MIRROR_FILE, HOST, ["mir-out"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    talk.serve_http("inv-2", 8080, {"stock.txt": text(16000, "stock")})
    talk.serve_own("inv-db", "database", 5432)
    talk.serve_own("inv-3", "cache", 6379)
    talk.http("inv-1", "inv-2", 8080, "/stock.txt")
    talk.database("inv-1", "inv-db", queries=6, size=1800)
    talk.cache("inv-1", "inv-3", keys=4, size=1200)
    talk.cache("inv-2", "inv-3", keys=2, size=900)
    talk.ping("inv-1", "inv-2", count=3)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


SCENARIO = Scenario(
    name="truncated",
    title="frames cut by a mirror and by a recorder",
    machines=MACHINES,
    files={PORT_FILE: {HOST}, MIRROR_FILE: {HOST}},
    points=[
        *port_points(PORT_FILE, HOST, ports_of(MACHINES, HOST, "vmnic0"), ["vmnic0"]),
        mirror_point(MIRROR_FILE, HOST),
    ],
    inventory="inventory-truncated.csv",
    record=record_scenario,
    uplinks={HOST: ("vmnic0",)},
)
