"""Scenario `gso`: segmentation offload at a Linux bridge host, seen at taps, uplink and by tc.

A VM hands over frames of up to 64 kB. They cross the bridge whole, and the uplink cuts them into frames of the wire:
one frame at the tap is many at the uplink.
"""

from __future__ import annotations

import time
from pathlib import Path

from linux_bridge import add_bridge_host, add_bridge_vm, add_monitor_port, copy_to_monitor, join_hosts
from machines import Record, VirtualMachine
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, mirror_point, port_points, ports_of
from talk import Talk

HOST, UPLINK = "kvm-81", "eno1"
PORT_FILE, MIRROR_FILE = "gso-ports-kvm-81.pcapng", "gso-tc-kvm-81.pcap"
WINDOW_SEGMENTS = 90
"""Segments that a connection may send at once from its start: two frames of 64 kB."""


def vm(name: str, host: str, number: int, last: int) -> VirtualMachine:
    """A VM on the bridge of its host."""
    mac, ip = f"52:54:00:02:01:{last}", f"10.201.0.{last}"
    return VirtualMachine(name, host, f"vnet{number}", mac, ip, None, "default", "br0", dhcp=False)


MACHINES = [vm("media-1", HOST, 0, 11), vm("media-2", HOST, 1, 12), vm("media-3", "kvm-82", 0, 21)]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build two bridge hosts, record taps, uplink and tc's copies of one, let the programs talk."""
    record = Record("gso", list(MACHINES))
    for host in (HOST, "kvm-82"):
        add_bridge_host(lab, host)
    join_hosts(lab, (HOST, UPLINK), ("kvm-82", UPLINK))
    add_monitor_port(lab, HOST)
    for machine in MACHINES:
        add_bridge_vm(lab, machine)
        window = ("initcwnd", str(WINDOW_SEGMENTS), "initrwnd", str(WINDOW_SEGMENTS))
        network = machine.ip.rsplit(".", 1)[0] + ".0/24"
        lab.run("ip", "route", "replace", network, "dev", "eth0", "src", machine.ip, *window, at=machine.name)
        lab.run("sysctl", "-qw", "net.ipv4.tcp_tso_win_divisor=1", at=machine.name)
        lab.run("sysctl", "-qw", "net.ipv4.tcp_rmem=4096 524288 1048576", at=machine.name)
        if machine.host == HOST:
            copy_to_monitor(lab, HOST, machine.port)
    recorder = Recorder(lab, folder)
    recorder.start(PORT_FILE, HOST, ports_of(MACHINES, HOST, UPLINK))
    recorder.start(MIRROR_FILE, HOST, ["mon1"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    talk.serve_http("media-1", 8080, {"clip.bin": text(70_000, "clip"), "still.bin": text(48_000, "still")})
    talk.http("media-2", "media-1", 8080, "/clip.bin", host="media.lab.example")
    talk.http("media-3", "media-1", 8080, "/still.bin", host="media.lab.example")
    talk.ping("media-2", "media-3", count=3)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


SCENARIO = Scenario(
    name="gso",
    title="segmentation offload at taps, uplink and tc",
    machines=MACHINES,
    files={PORT_FILE: {HOST}, MIRROR_FILE: {HOST}},
    points=[
        *port_points(PORT_FILE, HOST, ports_of(MACHINES, HOST, UPLINK), [UPLINK]),
        mirror_point(MIRROR_FILE, HOST),
    ],
    inventory="inventory-gso.csv",
    record=record_scenario,
    uplinks={HOST: (UPLINK,)},
)
