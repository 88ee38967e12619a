"""Scenario `distributed`: a router that is in every host's switch (OpenFlow rules), with the same MAC on both.

Each host routes what its own VMs send. Between the hosts go the frames of two overlay segments, in Geneve.
"""

from __future__ import annotations

import time
from pathlib import Path

from fabric import cable
from machines import Record, VirtualMachine, plug_in, use_name_server
from openvswitch import OpenVSwitch
from processes import Lab
from programs.counted import text
from recorder import Recorder
from scenario import Scenario, mirror_point, port_points, ports_of
from talk import Talk
from underlay import MTU_VM_BYTES, Underlay

HOSTS = {"esx-21": "172.31.21.1", "esx-22": "172.31.21.2"}
"""Host -> tunnel address."""
ROUTER_MAC = "02:50:56:56:44:52"
SEGMENTS = {"seg-7001": (7001, 1), "seg-7002": (7002, 2)}
"""Segment -> network identifier, and the tag that stands for it within a switch."""
PORT_FILES = {f"distributed-ports-{host}.pcapng": host for host in HOSTS}
MIRROR_FILE = "distributed-mirror-esx-21.pcap"


def vm(name: str, host: str, number: int, segment: str, ip: str) -> VirtualMachine:
    """A VM on an overlay segment; its MAC repeats the last two bytes that tell addresses apart."""
    _ten, net, _zero, last = ip.split(".")
    mac = f"00:50:56:a1:{int(net) - 100}:{last}"
    return VirtualMachine(name, host, f"vnet{number}", mac, ip, None, segment, dhcp=False)


MACHINES = [
    vm("erp-web", "esx-21", 0, "seg-7001", "10.121.0.11"),
    vm("erp-db", "esx-21", 1, "seg-7002", "10.122.0.12"),
    vm("erp-edge", "esx-22", 0, "seg-7001", "10.121.0.21"),
    vm("erp-app", "esx-22", 1, "seg-7002", "10.122.0.22"),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build both hosts, record every port and one mirror, let the programs talk."""
    record = Record("distributed", list(MACHINES))
    _build(lab)
    recorder = Recorder(lab, folder)
    for file, host in PORT_FILES.items():
        recorder.start(file, host, ports_of(MACHINES, host, "vmnic0"))
    recorder.start(MIRROR_FILE, "esx-21", ["mir-out"])
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    return record


def _build(lab: Lab) -> None:
    underlay = Underlay(lab)
    switches = {}
    for number, (host, address) in enumerate(HOSTS.items(), 1):
        switch = switches[host] = underlay.add_host(host, "vmnic0", address, f"00:1b:21:0f:02:0{number}")
        switch.add_bridge("br-int")
        (remote,) = (other for name, other in HOSTS.items() if name != host)
        for identifier, tag in SEGMENTS.values():
            switch.add_tunnel("br-int", f"tun-{identifier}", "geneve", remote, key=str(identifier))
            switch.configure("set", "port", f"tun-{identifier}", f"tag={tag}")
    for machine in MACHINES:
        plug_in(lab, machine, 24, machine.ip.rsplit(".", 1)[0] + ".1")
        lab.run("ip", "link", "set", "eth0", "mtu", str(MTU_VM_BYTES), at=machine.name)
        gateway = (machine.ip.rsplit(".", 1)[0] + ".1", "lladdr", ROUTER_MAC, "dev", "eth0", "nud", "permanent")
        lab.run("ip", "neigh", "replace", *gateway, at=machine.name)
        switches[machine.host].attach(machine)
        _identifier, tag = SEGMENTS[machine.network]
        switches[machine.host].configure("set", "port", machine.port, f"tag={tag}")
        use_name_server(machine.name, "")
    for host, switch in switches.items():
        _add_router(switch, host)
    cable(lab, "esx-21", "mir-in", "esx-21", "mir-out")
    switches["esx-21"].add_trunk("br-int", "mir-in")
    switches["esx-21"].mirror_everything("br-int", "span", "mir-in")


def _add_router(switch: OpenVSwitch, host: str) -> None:
    """The rules of one host: route what comes for the router's MAC, deliver what other hosts have routed."""
    for machine in MACHINES:
        identifier, _tag = SEGMENTS[machine.network]
        out = machine.port if machine.host == host else f"tun-{identifier}"
        routed = f"dec_ttl,mod_dl_src:{ROUTER_MAC},mod_dl_dst:{machine.mac},output:{out}"
        switch.add_flow("br-int", f"priority=100,ip,dl_dst={ROUTER_MAC},nw_dst={machine.ip},actions={routed}")
        if machine.host == host:
            arriving = f"in_port=tun-{identifier},dl_src={ROUTER_MAC},dl_dst={machine.mac}"
            switch.add_flow("br-int", f"priority=90,{arriving},actions=output:{machine.port}")


def _talk(talk: Talk) -> None:
    talk.serve_http("erp-web", 8080, {"ledger.txt": text(8000, "ledger")})
    for vm in ("erp-db", "erp-app"):
        talk.serve_own(vm, "database", 5432)
    talk.http("erp-edge", "erp-web", 8080, "/ledger.txt", host="erp.lab.example")
    talk.database("erp-web", "erp-db", queries=5, size=1400)
    talk.ping("erp-web", "erp-db", count=3)
    talk.database("erp-web", "erp-app", queries=4, size=1300)
    talk.database("erp-edge", "erp-app", queries=3, size=1200)
    talk.database("erp-db", "erp-app", queries=2, size=1100)
    talk.http("erp-edge", "erp-web", 8080, "/ledger.txt", host="erp.lab.example")


def _points() -> list[str]:
    lines = []
    for file, host in PORT_FILES.items():
        lines += port_points(file, host, ports_of(MACHINES, host, "vmnic0"), ["vmnic0"])
    return [*lines, mirror_point(MIRROR_FILE, "esx-21")]


SCENARIO = Scenario(
    name="distributed",
    title="a distributed router on two hosts, over Geneve",
    machines=MACHINES,
    files={file: {host} for file, host in PORT_FILES.items()} | {MIRROR_FILE: {"esx-21"}},
    points=_points(),
    inventory="inventory-distributed.csv",
    record=record_scenario,
    uplinks=dict.fromkeys(HOSTS, ("vmnic0",)),
    other_network="intra_host_routed_distributed",
    other_host="inter_host_overlay",
)
