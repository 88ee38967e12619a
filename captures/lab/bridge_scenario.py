"""Scenario `bridge`: a Linux bridge whose taps tc copies, on their way in and out, to one monitor port.

So every packet between two VMs stands in the file twice. Offload stays on: large sends are recorded whole.
"""

from __future__ import annotations

import time
from pathlib import Path

from linux_bridge import add_bridge_host, add_bridge_vm, add_monitor_port, copy_to_monitor
from machines import Record, VirtualMachine
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, mirror_point
from talk import Talk

HOST = "kvm-1"
BRIDGE_FILE = "linux-bridge-tc.pcap"


def vm(name: str, number: int) -> VirtualMachine:
    """A VM on the bridge."""
    mac, ip = f"52:54:00:70:00:{number + 11}", f"10.70.0.{number + 11}"
    return VirtualMachine(name, HOST, f"vnet{number}", mac, ip, None, "default", "br0", dhcp=False)


MACHINES = [vm("build-1", 0), vm("repo-1", 1), vm("test-1", 2)]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build bridge, taps and mirrors, record the monitor port, let the programs talk."""
    record = Record("bridge", list(MACHINES))
    add_bridge_host(lab, HOST)
    add_monitor_port(lab, HOST)
    for machine in MACHINES:
        add_bridge_vm(lab, machine)
        copy_to_monitor(lab, HOST, machine.port)
    recorder = Recorder(lab, folder)
    recorder.start(BRIDGE_FILE, HOST, ["mon1"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def _talk(talk: Talk) -> None:
    talk.serve_http("repo-1", 8080, {"package.tar": text(36000, "package")})
    talk.serve_own("test-1", "cache", 6379)
    talk.serve("repo-1", 5201, "iperf3", "-s")
    talk.http("build-1", "repo-1", 8080, "/package.tar", host="repo.lab.example")
    talk.cache("build-1", "test-1", keys=4, size=800)
    talk.iperf("test-1", "repo-1", kilobytes=32)
    talk.ping("build-1", "test-1", count=3)


SCENARIO = Scenario(
    name="bridge",
    title="a Linux bridge mirrored by tc",
    machines=MACHINES,
    files={BRIDGE_FILE: {HOST}},
    points=[mirror_point(BRIDGE_FILE, HOST)],
    inventory="inventory-bridge.csv",
    record=record_scenario,
)
