"""Scenario `vlan`: what its programs say to each other, and the points where it is recorded."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import inventories
import vlan_network as network
from machines import Conversation, Record
from processes import Lab, wait_until
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, mirror_point, port_points, ports_of, session_point
from talk import PROGRAMS, Talk, lease_address

PORT_FILES = {"ports-host-a.pcapng": "host-a", "ports-host-b.pcapng": "host-b"}
MIRROR_FILES = {f"mirror-{host}.pcap": host for host in network.HOSTS}
COLLECTOR_FILE = "erspan-collector.pcap"
OVS_FILE = "ovs-host-a-interface.json"
DHCP_SERVER_NOTE = "DHCP without a relay: client and server share VLAN 30"


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build the network and record all samples of the scenario."""
    record = Record("vlan", list(network.MACHINES))
    switches = network.build(lab)
    recorder = Recorder(lab, folder)
    for file, host in PORT_FILES.items():
        recorder.start(file, host, ports_of(network.MACHINES, host, "vmnic0"))
    for file, host in MIRROR_FILES.items():
        recorder.start(file, host, ["mir-out"])
    recorder.start(COLLECTOR_FILE, "collector", ["eth0"], "ip proto 47")
    announce_switch(lab)
    start_up(lab, record)
    record.started_at_s = int(time.time())
    talk = Talk(lab, record, network.NAME_SERVER)
    start_servers(talk)
    within_hosts(talk)
    hairpins(talk)
    between_hosts(talk)
    north_south(talk)
    unlisted_host(talk)
    talk.mdns("mon-1")
    announce_switch(lab)
    recorder.stop()
    talk.check_nothing_sent_twice()
    _add_direct_dhcp(record)
    inventories.write_vlan(folder, record)
    (folder / OVS_FILE).write_text(switches["host-a"].table("Interface"))
    return record


def _add_direct_dhcp(record: Record) -> None:
    """VMs in the server's own VLAN lease from it directly; the others only talk to the relay."""
    server = record.machine(network.NAME_SERVER)
    for vm in record.machines:
        if vm.dhcp and vm.vlan == server.vlan:
            record.conversations.append(
                Conversation(vm.name, server.name, "udp", 67, "dhcp", exact=False, note=DHCP_SERVER_NOTE)
            )


def announce_switch(lab: Lab) -> None:
    """The top-of-rack switch says who it is (LLDP) on the cable to each host."""
    program = str(PROGRAMS / "lldp_announce.py")
    for number, host in enumerate(network.HOSTS, 1):
        arguments = (f"p-{host}", "tor-1", f"Eth1/{number}", "00:1b:21:0e:00:01")
        lab.run(sys.executable, program, *arguments, at="tor")


def start_up(lab: Lab, record: Record) -> None:
    """Name services first, then every VM gets its address. The log sink stays silent, and unknown to ARP."""
    network.start_name_services(lab)
    wait_until("dnsmasq", lambda: lab.run("ss", "-Hlnu", "sport = :67", at=network.NAME_SERVER).strip())
    wait_until("the DHCP relay", lambda: lab.run("ss", "-Hlnu", "sport = :67", at="router").strip())
    for vm in network.MACHINES:
        if vm.dhcp:
            lease_address(lab, record, vm.name)
    sink = record.machine("log-1")
    for sender in ("app-1", "app-2"):
        entry = (sink.ip, "lladdr", sink.mac, "dev", "eth0", "nud", "permanent")
        lab.run("ip", "neigh", "add", *entry, at=sender)


def start_servers(talk: Talk) -> None:
    """All server programs of the estate."""
    pages = {"index.html": text(2200, "page"), "catalogue.txt": text(9000, "catalogue")}
    for vm in ("web-1", "web-2", "web-3", "app-1", "app-2", "dev-2"):
        talk.serve_http(vm, 8080, pages)
    for vm in ("outside",):
        talk.serve_http(vm, 80, pages)
        talk.serve_own(vm, "datagrams", 123, "ntp-serve")
    talk.serve_tls("outside", 443, "api.partner.example", 9000)
    talk.serve_tls("web-1", 443, "shop.lab.example", 12000)
    for vm in ("db-1", "db-2"):
        talk.serve_own(vm, "database", 5432)
    talk.serve_own("cache-1", "cache", 6379)
    talk.serve_own("mq-1", "broker", 1883)
    talk.serve_own("log-1", "datagrams", 514, "sink")
    for vm in ("app-2", "web-1", "dev-2"):
        talk.serve_ssh(vm)
    for vm in ("db-1", "web-3", "dev-2"):
        talk.serve(vm, 5201, "iperf3", "-s")


def within_hosts(talk: Talk) -> None:
    """Same host, same VLAN: switched, never on an uplink."""
    talk.database("app-1", "db-1", queries=12, size=2400)
    talk.cache("web-1", "cache-1", keys=5, size=900)
    talk.http("web-1", "web-2", 8080, "/catalogue.txt")
    talk.cache("web-2", "cache-1", keys=3, size=700, address="fd00:10::13")
    talk.iperf("app-1", "db-1", kilobytes=32)
    talk.database("app-2", "db-2", queries=10, size=1800)
    talk.broker("app-2", "mq-1", count=12, size=600)
    talk.syslog("app-1", "log-1", count=8)


def hairpins(talk: Talk) -> None:
    """Same host, different VLAN: out to the physical router and back."""
    talk.http("web-1", "app-1", 8080, "/catalogue.txt")
    talk.http("web-2", "app-1", 8080, "/index.html")
    talk.database("web-2", "db-1", queries=3, size=1200)
    talk.ssh("mon-1", "web-1")
    talk.tls("mon-1", "web-1", 443, "shop.lab.example", lookup=True)
    talk.ping("mon-1", "db-1", count=4)
    talk.http("web-3", "app-2", 8080, "/catalogue.txt")
    talk.http("infra-1", "web-3", 8080, "/index.html")


def between_hosts(talk: Talk) -> None:
    """Different hosts, switched and routed."""
    talk.iperf("web-1", "web-3", kilobytes=24)
    talk.cache("web-3", "cache-1", keys=3, size=600)
    talk.broker("app-1", "mq-1", count=10, size=500)
    talk.database("db-1", "db-2", queries=4, size=1500)
    talk.database("web-3", "db-1", queries=2, size=1000)
    talk.ssh("mon-1", "app-2")
    talk.ping("mon-1", "mq-1", count=4)
    talk.ping("db-2", "app-1", count=3)
    talk.syslog("app-2", "log-1", count=6)


def north_south(talk: Talk) -> None:
    """Through the router to machines that are no VMs, and from them."""
    talk.tls("app-1", "outside", 443, "api.partner.example")
    talk.http("web-3", "outside", 80, "/index.html")
    talk.ntp("infra-1", "outside", count=3)
    talk.ntp("mon-1", "outside", count=2)
    talk.tls("visitor", "web-1", 443, "shop.lab.example")
    talk.http("visitor", "web-3", 8080, "/index.html", host="www.lab.example")


def unlisted_host(talk: Talk) -> None:
    """VMs that no inventory knows, on a host of which only the mirror is recorded."""
    talk.http("dev-1", "dev-2", 8080, "/catalogue.txt")
    talk.ssh("dev-1", "dev-2")
    talk.iperf("dev-1", "dev-2", kilobytes=24)
    talk.http("dev-1", "web-2", 8080, "/index.html")


def _points() -> list[str]:
    lines = []
    for file, host in PORT_FILES.items():
        lines += port_points(file, host, ports_of(network.MACHINES, host, "vmnic0"), ["vmnic0"])
    lines += [mirror_point(file, host) for file, host in MIRROR_FILES.items()]
    sessions = network.ERSPAN_SESSION
    return lines + [session_point(address, sessions[host], host) for host, address in network.HOST_ADDRESS.items()]


SCENARIO = Scenario(
    name="vlan",
    title="three hosts, a physical router and the world outside",
    machines=network.MACHINES,
    files={file: {host} for file, host in (PORT_FILES | MIRROR_FILES).items()} | {COLLECTOR_FILE: set(network.HOSTS)},
    points=_points(),
    inventory="inventory.csv",
    record=record_scenario,
    uplinks={"host-a": ("vmnic0",), "host-b": ("vmnic0",)},
)
