"""Scenario `any`: a host recorded at all its interfaces at once, as one does who does not know which matters.

Cooked captures: no destination MAC, every packet once per interface it crossed. dumpcap writes the first form of the
header (LINUX_SLL), tcpdump the second (LINUX_SLL2), which has the number of the interface but not its name.
"""

from __future__ import annotations

import time
from pathlib import Path

from linux_bridge import add_bridge_host, add_bridge_vm, join_hosts
from machines import Record, VirtualMachine
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario
from talk import Talk

HOST, UPLINK = "kvm-61", "eno1"
DUMPCAP_FILE, TCPDUMP_FILE = "any-dumpcap-kvm-61.pcap", "any-tcpdump-kvm-61.pcap"


def vm(name: str, host: str, number: int, last: int) -> VirtualMachine:
    """A VM on the bridge of its host."""
    mac, ip = f"52:54:00:01:81:{last}", f"10.181.0.{last}"
    return VirtualMachine(name, host, f"vnet{number}", mac, ip, None, "default", "br0", dhcp=False)


MACHINES = [vm("ci-1", HOST, 0, 11), vm("ci-db", HOST, 1, 12), vm("ci-store", "kvm-62", 0, 21)]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build two bridge hosts, record all interfaces of one with two programs, let the programs talk."""
    record = Record("any", list(MACHINES))
    for host in (HOST, "kvm-62"):
        add_bridge_host(lab, host)
    join_hosts(lab, (HOST, UPLINK), ("kvm-62", UPLINK))
    for machine in MACHINES:
        add_bridge_vm(lab, machine)
    recorder = Recorder(lab, folder)
    recorder.start(DUMPCAP_FILE, HOST, ["any"])
    recorder.start_tcpdump(TCPDUMP_FILE, HOST, "any")
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    talk.serve_own("ci-db", "database", 5432)
    talk.serve_http("ci-store", 8080, {"image.bin": text(9000, "image")})
    talk.database("ci-1", "ci-db", queries=4, size=1300)
    talk.http("ci-1", "ci-store", 8080, "/image.bin", host="store.lab.example")
    talk.ping("ci-1", "ci-db", count=3)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


SCENARIO = Scenario(
    name="any",
    title="all interfaces of a bridge host at once",
    machines=MACHINES,
    files={DUMPCAP_FILE: {HOST}, TCPDUMP_FILE: {HOST}},
    points=[f"  - {{ file: {file}, host: {HOST} }}" for file in (DUMPCAP_FILE, TCPDUMP_FILE)],
    inventory="inventory-any.csv",
    record=record_scenario,
    uplinks={HOST: (UPLINK,)},
)
