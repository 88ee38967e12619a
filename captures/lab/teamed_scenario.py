"""Scenario `teamed`: a host with two uplinks of which only the first is recorded.

The team begins on `vmnic0`, fails over to `vmnic1` and comes back. What left in between is on no recorded uplink,
although the recorded one shows other unicast of the same VMs before and after.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fabric import Fabric
from machines import Record, vm_in_vlan
from processes import Lab, wait_until
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, port_points, ports_of
from talk import PROGRAMS, Talk

HOST = "kvm-91"
UPLINKS = ("vmnic0", "vmnic1")
VLANS = (210, 211)
VENDOR = "52:54:00:02"
PORT_FILE = "teamed-ports-kvm-91.pcapng"
MACHINES = [
    vm_in_vlan("cal-1", HOST, 0, 210, 11, VENDOR),
    vm_in_vlan("cal-2", HOST, 1, 210, 12, VENDOR),
    vm_in_vlan("cal-db", HOST, 2, 211, 13, VENDOR),
    vm_in_vlan("cal-3", "kvm-92", 0, 210, 21, VENDOR),
    vm_in_vlan("cal-4", "kvm-92", 1, 210, 22, VENDOR),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build two hosts and a router, record the vNICs and one uplink of the teamed host, let the programs talk."""
    record = Record("teamed", list(MACHINES))
    fabric = Fabric(lab)
    fabric.add_host(HOST, *UPLINKS)
    fabric.add_host("kvm-92")
    fabric.add_router(VLANS)
    for machine in MACHINES:
        fabric.add_vm(machine, f"10.{machine.vlan}.0.1")
    _use_uplink(fabric, "vmnic0")
    recorder = Recorder(lab, folder)
    recorder.start(PORT_FILE, HOST, ports_of(MACHINES, HOST, "vmnic0"))
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk, fabric)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def _use_uplink(fabric: Fabric, uplink: str) -> None:
    """Fail over, and announce the VMs on the new uplink by RARP, as hypervisors do so that the switch learns."""
    switch = fabric.switches[HOST]
    wait_until("the team", lambda: switch.ask("bond/show", "team0").count(": enabled") == len(UPLINKS))
    switch.ask("bond/set-active-member", "team0", uplink)
    time.sleep(1)
    program = str(PROGRAMS / "announce_move.py")
    for vm in MACHINES:
        if vm.host == HOST:
            fabric.lab.run(sys.executable, program, "rarp", "eth0", vm.mac, vm.ip, at=vm.name)


def _talk(talk: Talk, fabric: Fabric) -> None:
    talk.serve_http("cal-2", 8080, {"week.txt": text(5000, "week")})
    talk.serve_own("cal-db", "database", 5432)
    for vm in ("cal-3", "cal-4"):
        talk.serve_own(vm, "cache", 6379)
    for vm in ("cal-1", "cal-2", "cal-db"):
        talk.cache(vm, "cal-3", keys=1, size=500)
    _use_uplink(fabric, "vmnic1")
    talk.http("cal-1", "cal-2", 8080, "/week.txt", host="calendar.lab.example")
    talk.database("cal-1", "cal-db", queries=4, size=1300)
    talk.cache("cal-1", "cal-4", keys=3, size=700)
    talk.ping("cal-2", "cal-db", count=3)
    _use_uplink(fabric, "vmnic0")
    for vm in ("cal-1", "cal-2", "cal-db"):
        talk.cache(vm, "cal-3", keys=1, size=500)


SCENARIO = Scenario(
    name="teamed",
    title="two teamed uplinks, one of them recorded",
    machines=MACHINES,
    files={PORT_FILE: {HOST}},
    points=port_points(PORT_FILE, HOST, ports_of(MACHINES, HOST, "vmnic0"), ["vmnic0"]),
    inventory="inventory-teamed.csv",
    record=record_scenario,
    uplinks={HOST: UPLINKS},
)
