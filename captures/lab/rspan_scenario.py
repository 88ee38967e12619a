"""Scenario `rspan`: a mirror that sends its copies out of the uplink, in VLAN 999.

What stayed on kvm-31 is nevertheless on its uplink, as a copy, and on the uplink of every host where the RSPAN VLAN
goes. What left is on the uplink in its own VLAN too.
"""

from __future__ import annotations

import time
from pathlib import Path

from fabric import Fabric
from machines import Record, vm_in_vlan
from openvswitch import OpenVSwitch
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, copies_point, port_points, ports_of
from talk import Talk

HOSTS = ("kvm-31", "kvm-32")
VLANS = (150, 151)
RSPAN_VLAN = 999
PORT_FILES = {f"rspan-ports-{host}.pcapng": host for host in HOSTS}
TABLES = ("Bridge", "Port", "Interface", "Mirror")
MACHINES = [
    vm_in_vlan("wiki-1", "kvm-31", 0, 150, 11),
    vm_in_vlan("wiki-2", "kvm-31", 1, 150, 12),
    vm_in_vlan("wiki-db", "kvm-31", 2, 151, 13),
    vm_in_vlan("forum-1", "kvm-32", 0, 150, 21),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build both hosts, record every port, let the programs talk, and save what the switch says of itself."""
    record = Record("rspan", list(MACHINES))
    fabric = Fabric(lab)
    for host in HOSTS:
        fabric.add_host(host)
    fabric.add_router(VLANS)
    for machine in MACHINES:
        fabric.add_vm(machine, f"10.{machine.vlan}.0.1")
    for switch, bridge in ((fabric.tor, "br-tor"), *((fabric.switches[host], "br-int") for host in HOSTS)):
        # Nobody may learn from copies where a MAC is.
        switch.configure("set", "bridge", bridge, f"flood-vlans={RSPAN_VLAN}")
    fabric.switches["kvm-31"].mirror_to_vlan("br-int", "rspan", VLANS, RSPAN_VLAN)
    recorder = Recorder(lab, folder)
    for file, host in PORT_FILES.items():
        recorder.start(file, host, ports_of(MACHINES, host, "vmnic0"))
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    _save_tables(folder, fabric.switches["kvm-31"])
    return record


def _save_tables(folder: Path, switch: OpenVSwitch) -> None:
    for name in TABLES:
        (folder / f"ovs-kvm-31-{name.lower()}.json").write_text(switch.table(name))
    (folder / "ovs-kvm-31-fdb-show.txt").write_text(switch.ask("fdb/show", "br-int"))


def _talk(talk: Talk) -> None:
    talk.serve_http("wiki-2", 8080, {"page.txt": text(6000, "page")})
    talk.serve_own("wiki-db", "database", 5432)
    talk.serve_own("forum-1", "cache", 6379)
    talk.http("wiki-1", "wiki-2", 8080, "/page.txt", host="wiki.lab.example")
    talk.database("wiki-1", "wiki-db", queries=3, size=1200)
    talk.cache("wiki-1", "forum-1", keys=3, size=700)
    talk.cache("wiki-2", "forum-1", keys=2, size=600)
    talk.ping("wiki-1", "wiki-2", count=3)


SCENARIO = Scenario(
    name="rspan",
    title="a mirror into VLAN 999 on the uplink",
    machines=MACHINES,
    # The uplink of kvm-32 also carries the copies of what stayed on kvm-31.
    files={"rspan-ports-kvm-31.pcapng": {"kvm-31"}, "rspan-ports-kvm-32.pcapng": set(HOSTS)},
    points=[
        line
        for file, host in PORT_FILES.items()
        for line in (
            *port_points(file, host, ports_of(MACHINES, host, "vmnic0"), ["vmnic0"]),
            copies_point(file, "vmnic0", RSPAN_VLAN, "kvm-31"),
        )
    ],
    inventory="inventory-rspan.csv",
    record=record_scenario,
    uplinks=dict.fromkeys(HOSTS, ("vmnic0",)),
)
