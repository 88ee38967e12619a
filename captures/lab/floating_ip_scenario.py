"""Scenario `floating_ip`: the physical router translates a public address to that of a VM.

A customer uses it from outside, and two VMs of the same host use it from inside: their packets go out to the router
and come back translated, for `portal-cron` with another source address too, because both ends share a VLAN.
"""

from __future__ import annotations

import time
from pathlib import Path

from fabric import Fabric
from machines import Record, external, vm_in_vlan
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, Way, mirror_point, port_points, ports_of
from talk import Talk

HOST = "kvm-51"
VLANS = (171, 172)
FLOATING_IP, OWN_IP = "203.0.113.151", "10.171.0.11"
PORT_FILE, MIRROR_FILE = "floating-ip-ports-kvm-51.pcapng", "floating-ip-mirror-kvm-51.pcap"
MACHINES = [
    vm_in_vlan("portal-1", HOST, 0, 171, 11, floating_ip=FLOATING_IP),
    vm_in_vlan("portal-db", HOST, 1, 171, 12),
    vm_in_vlan("batch-1", HOST, 2, 172, 13),
    vm_in_vlan("portal-cron", HOST, 3, 171, 14),
    external("customer", "192.0.2.151"),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build the host and the translating router, record every port and a mirror, let the programs talk."""
    record = Record("floating_ip", list(MACHINES))
    fabric = Fabric(lab)
    fabric.add_host(HOST)
    fabric.add_router(VLANS)
    for machine in MACHINES:
        if machine.is_outside:
            fabric.add_outside(machine)
        else:
            fabric.add_vm(machine, f"10.{machine.vlan}.0.1")
    for rule in (
        ("PREROUTING", "-d", FLOATING_IP, "-j", "DNAT", "--to", OWN_IP),
        ("POSTROUTING", "-s", "10.171.0.0/24", "-d", OWN_IP, "-j", "SNAT", "--to", "10.171.0.1"),
        ("POSTROUTING", "-s", OWN_IP, "-o", "customer", "-j", "SNAT", "--to", FLOATING_IP),
    ):
        lab.run("iptables", "-t", "nat", "-A", *rule, at="router")
    fabric.mirror_to_port(HOST)
    recorder = Recorder(lab, folder)
    recorder.start(PORT_FILE, HOST, ports_of(MACHINES, HOST, "vmnic0"))
    recorder.start(MIRROR_FILE, HOST, ["mir-out"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def _talk(talk: Talk) -> None:
    talk.serve_http("portal-1", 8080, {"offers.txt": text(7000, "offers")})
    talk.serve_http("customer", 80, {"prices.txt": text(3000, "prices")})
    talk.serve_own("portal-db", "database", 5432)
    talk.database("portal-1", "portal-db", queries=3, size=1200)
    talk.http("portal-1", "customer", 80, "/prices.txt")
    talk.http("customer", "portal-1", 8080, "/offers.txt", host="portal.lab.example", address=FLOATING_IP)
    # The host of the VM sees the customer's packets only after they were translated.
    talk.record.conversations[-1].seen_as = None
    talk.http("batch-1", "portal-1", 8080, "/offers.txt", host="portal.lab.example", address=FLOATING_IP)
    talk.http("portal-cron", "portal-1", 8080, "/offers.txt", host="portal.lab.example", address=FLOATING_IP)


SCENARIO = Scenario(
    name="floating_ip",
    title="a floating address, used from outside and from the same host",
    machines=MACHINES,
    files={PORT_FILE: {HOST}, MIRROR_FILE: {HOST}},
    points=[
        *port_points(PORT_FILE, HOST, ports_of(MACHINES, HOST, "vmnic0"), ["vmnic0"]),
        mirror_point(MIRROR_FILE, HOST),
    ],
    inventory="inventory-floating-ip.csv",
    record=record_scenario,
    uplinks={HOST: ("vmnic0",)},
    ways={frozenset(("portal-cron", "portal-1")): Way("hairpin_routed")},
)
