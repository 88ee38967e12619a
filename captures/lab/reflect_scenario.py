"""Scenario `reflect`: a host whose vNICs are macvtap devices in VEPA mode (IEEE 802.1Qbg).

Nothing is switched inside the host: every frame goes to the physical switch, whose port reflects it (hairpin
mode) when the receiver is on the same host. Recorded at each vNIC and at the uplink.
"""

from __future__ import annotations

import time
from pathlib import Path

from machines import Record, VirtualMachine, use_name_server
from processes import PREFIX, Lab
from programs.counted import text
from recorder import Recorder, merge
from scenario import Scenario, port_points, ports_of
from talk import Talk

HOST, UPLINK = "vepa-1", "eno1"
REFLECT_FILE = "vepa-host.pcapng"


def vm(name: str, number: int) -> VirtualMachine:
    """A VM on the uplink's VEPA."""
    mac, ip = f"52:54:00:80:00:{number + 11}", f"10.80.0.{number + 11}"
    return VirtualMachine(name, HOST, f"macvtap{number}", mac, ip, None, "vepa-eno1", "", dhcp=False)


MACHINES = [vm("pay-1", 0), vm("pay-db", 1)]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build the host and the reflecting switch, record vNICs and uplink, let the programs talk."""
    record = Record("reflect", list(MACHINES))
    _build(lab)
    recorder = Recorder(lab, folder)
    # macvtap devices live in the VMs' namespaces here, so each point is recorded where it is.
    points = [(vm.name, vm.port) for vm in MACHINES] + [(HOST, UPLINK)]
    parts = [f"part-{interface}.pcapng" for _at, interface in points]
    for (at, interface), part in zip(points, parts, strict=True):
        recorder.start(part, at, [interface])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    merge(folder, parts, REFLECT_FILE)
    return record


def _build(lab: Lab) -> None:
    lab.add_namespace("switch")
    lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at="switch")
    lab.run("ip", "link", "set", "br0", "up", at="switch")
    lab.add_namespace(HOST)
    peer = ("type", "veth", "peer", "name", "p0", "netns", PREFIX + "switch")
    lab.run("ip", "link", "add", UPLINK, "netns", PREFIX + HOST, *peer)
    lab.run("ethtool", "-K", UPLINK, "tx", "off", at=HOST)
    lab.run("ip", "link", "set", UPLINK, "up", at=HOST)
    lab.run("ip", "link", "set", "p0", "master", "br0", "up", at="switch")
    lab.run("bridge", "link", "set", "dev", "p0", "hairpin", "on", at="switch")
    for machine in MACHINES:
        lab.add_namespace(machine.name)
        kind = ("address", machine.mac, "type", "macvlan", "mode", "vepa")
        lab.run("ip", "link", "add", "link", UPLINK, "name", machine.port, *kind, at=HOST)
        lab.run("ip", "link", "set", machine.port, "netns", PREFIX + machine.name, at=HOST)
        lab.run("ethtool", "-K", machine.port, "tx", "off", at=machine.name)
        lab.run("ip", "addr", "add", f"{machine.ip}/24", "dev", machine.port, at=machine.name)
        lab.run("ip", "link", "set", machine.port, "up", at=machine.name)
        use_name_server(machine.name, "")


def _talk(talk: Talk) -> None:
    talk.serve_http("pay-1", 8080, {"index.html": text(2200, "page")})
    talk.serve_own("pay-db", "database", 5432)
    talk.database("pay-1", "pay-db", queries=5, size=1400)
    talk.http("pay-db", "pay-1", 8080, "/index.html", host="pay.lab.example")
    talk.ping("pay-1", "pay-db", count=3)


SCENARIO = Scenario(
    name="reflect",
    title="two VMs behind a virtual Ethernet port aggregator",
    machines=MACHINES,
    files={REFLECT_FILE: {HOST}},
    points=port_points(REFLECT_FILE, HOST, ports_of(MACHINES, HOST, UPLINK), [UPLINK]),
    inventory="inventory-vepa.csv",
    record=record_scenario,
    uplinks={HOST: (UPLINK,)},
    same_network="hairpin_reflected",
)
