"""Scenario `bridge`: a Linux bridge whose taps tc copies, on their way in and out, to one monitor port.

So every packet between two VMs stands in the file twice. Offload stays on: large sends are recorded whole.
"""

from __future__ import annotations

import time
from pathlib import Path

from machines import Record, VirtualMachine, plug_in, use_name_server
from processes import PREFIX, Lab
from programs.counted import text
from recorder import Recorder
from talk import Talk

HOST = "kvm-1"
BRIDGE_FILE = "linux-bridge-tc.pcap"
SEEN_FROM = {BRIDGE_FILE: {HOST}}


def vm(name: str, number: int) -> VirtualMachine:
    """A VM on the bridge."""
    mac, ip = f"52:54:00:70:00:{number + 11}", f"10.70.0.{number + 11}"
    return VirtualMachine(name, HOST, f"vnet{number}", mac, ip, None, "default", "br0", dhcp=False)


MACHINES = [vm("build-1", 0), vm("repo-1", 1), vm("test-1", 2)]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build bridge, taps and mirrors, record the monitor port, let the programs talk."""
    record = Record("bridge", list(MACHINES))
    lab.add_namespace(HOST)
    lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at=HOST)
    lab.run("ip", "link", "set", "br0", "up", at=HOST)
    peer = ("type", "veth", "peer", "name", "mon1", "netns", PREFIX + HOST)
    lab.run("ip", "link", "add", "mon0", "netns", PREFIX + HOST, *peer)
    for interface in ("mon0", "mon1"):
        lab.run("ip", "link", "set", interface, "up", at=HOST)
    for machine in MACHINES:
        plug_in(lab, machine, 24, offload=True)
        lab.run("ip", "link", "set", machine.port, "master", "br0", at=HOST)
        _copy_to_monitor(lab, machine.port)
        use_name_server(machine.name, "")
    recorder = Recorder(lab, folder)
    recorder.start(BRIDGE_FILE, HOST, ["mon1"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def _copy_to_monitor(lab: Lab, tap: str) -> None:
    """Mirror what enters and what leaves one tap."""
    lab.run("tc", "qdisc", "add", "dev", tap, "clsact", at=HOST)
    for direction in ("ingress", "egress"):
        everything = ("protocol", "all", "u32", "match", "u32", "0", "0")
        copy = ("action", "mirred", "egress", "mirror", "dev", "mon0")
        lab.run("tc", "filter", "add", "dev", tap, direction, *everything, *copy, at=HOST)


def _talk(talk: Talk) -> None:
    talk.serve_http("repo-1", 8080, {"package.tar": text(36000, "package")})
    talk.serve_own("test-1", "cache", 6379)
    talk.serve("repo-1", 5201, "iperf3", "-s")
    talk.http("build-1", "repo-1", 8080, "/package.tar", host="repo.lab.example")
    talk.cache("build-1", "test-1", keys=4, size=800)
    talk.iperf("test-1", "repo-1", kilobytes=32)
    talk.ping("build-1", "test-1", count=3)
