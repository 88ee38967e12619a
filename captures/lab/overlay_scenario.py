"""Scenario `overlay`: two compute nodes and two tenant networks, one over VXLAN and one over Geneve.

Each node has one bridge per tenant; the tunnels leave through `br-phy` and its uplink.
Both tenants use different addresses, so that one map can hold them without naming address domains.
"""

from __future__ import annotations

import time
from pathlib import Path

from machines import Record, VirtualMachine, plug_in, use_name_server
from openvswitch import OpenVSwitch
from processes import PREFIX, Lab
from programs.counted import text
from recorder import Recorder, merge
from talk import Talk

NODES = ("compute-1", "compute-2")
UPLINK = {"compute-1": "eno1", "compute-2": "eno2"}
TUNNEL_ADDRESS = {"compute-1": "172.31.1.1", "compute-2": "172.31.1.2"}
TENANTS = {"br-vxlan": ("vxlan", 5001), "br-geneve": ("geneve", 6001)}
"""Bridge -> encapsulation and network identifier."""
MTU_VM_BYTES, MTU_UNDERLAY_BYTES = 1450, 1600
OVERLAY_FILE = "overlay-underlay.pcapng"
SEEN_FROM = {OVERLAY_FILE: set(NODES)}


def vm(name: str, node: str, port: str, bridge: str, ip: str) -> VirtualMachine:
    """A VM on a tenant network; its MAC repeats the last three bytes of its address."""
    last_three = ":".join(f"{int(byte):02x}" for byte in ip.split(".")[1:])
    network = "net-{}-{}".format(*TENANTS[bridge])
    return VirtualMachine(name, node, port, f"fa:16:3e:{last_three}", ip, None, network, bridge, dhcp=False)


MACHINES = [
    vm("shop-web", "compute-1", "tap1a2b3c01-11", "br-vxlan", "10.50.1.11"),
    vm("shop-app", "compute-1", "tap1a2b3c02-12", "br-vxlan", "10.50.1.12"),
    vm("shop-db", "compute-2", "tap1a2b3c03-21", "br-vxlan", "10.50.1.21"),
    vm("lab-run", "compute-1", "tap1a2b3c04-13", "br-geneve", "10.60.1.13"),
    vm("lab-data", "compute-2", "tap1a2b3c05-22", "br-geneve", "10.60.1.22"),
    vm("lab-view", "compute-2", "tap1a2b3c06-23", "br-geneve", "10.60.1.23"),
]


def record_scenario(lab: Lab, folder: Path) -> Record:
    """Build the two nodes, record every VM port and both uplinks into one file, let the programs talk."""
    record = Record("overlay", list(MACHINES))
    _build(lab)
    recorder = Recorder(lab, folder)
    parts = []
    for node in NODES:
        parts.append(f"part-{node}.pcapng")
        recorder.start(parts[-1], node, ports_of(node))
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    merge(folder, parts, OVERLAY_FILE)
    return record


def ports_of(node: str) -> list[str]:
    """The VM ports of one node, then its uplink."""
    return [vm.port for vm in MACHINES if vm.host == node] + [UPLINK[node]]


def _build(lab: Lab) -> None:
    lab.add_namespace("fabric")
    lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at="fabric")
    lab.run("ip", "link", "set", "br0", "up", "mtu", str(MTU_UNDERLAY_BYTES), at="fabric")
    switches = {}
    for number, node in enumerate(NODES, 1):
        lab.add_namespace(node)
        switches[node] = OpenVSwitch(lab, node)
        _add_uplink(lab, switches[node], node, number)
    for node, switch in switches.items():
        (remote,) = (TUNNEL_ADDRESS[other] for other in NODES if other != node)
        for bridge, (kind, identifier) in TENANTS.items():
            switch.add_bridge(bridge)
            switch.add_tunnel(bridge, f"tun-{identifier}", kind, remote, key=str(identifier))
    for machine in MACHINES:
        plug_in(lab, machine, 24)
        lab.run("ip", "link", "set", "eth0", "mtu", str(MTU_VM_BYTES), at=machine.name)
        switches[machine.host].attach(machine)
        use_name_server(machine.name, "")


def _add_uplink(lab: Lab, switch: OpenVSwitch, node: str, number: int) -> None:
    """The node's physical NIC on `br-phy`, which holds the tunnel address."""
    switch.add_bridge("br-phy", mac=f"00:1b:21:0f:01:0{number}", mtu_bytes=MTU_UNDERLAY_BYTES)
    uplink, peer = UPLINK[node], f"f-{node}"
    other_end = ("type", "veth", "peer", peer, "netns", PREFIX + "fabric")
    lab.run("ip", "link", "add", uplink, "netns", PREFIX + node, *other_end)
    for at, interface in ((node, uplink), ("fabric", peer)):
        lab.run("ip", "link", "set", interface, "up", "mtu", str(MTU_UNDERLAY_BYTES), at=at)
    lab.run("ip", "link", "set", peer, "master", "br0", at="fabric")
    switch.add_trunk("br-phy", uplink)
    lab.run("ip", "addr", "add", f"{TUNNEL_ADDRESS[node]}/24", "dev", "br-phy", at=node)
    lab.run("ip", "link", "set", "br-phy", "up", at=node)


def _talk(talk: Talk) -> None:
    for vm in ("shop-app", "lab-view"):
        talk.serve_http(vm, 8080, {"catalogue.txt": text(14000, "catalogue")})
    for vm in ("shop-db", "lab-data"):
        talk.serve_own(vm, "database", 5432)
    talk.serve("shop-db", 5201, "iperf3", "-s")
    talk.http("shop-web", "shop-app", 8080, "/catalogue.txt", host="app.shop.example")
    talk.database("shop-app", "shop-db", queries=8, size=1500)
    talk.iperf("shop-web", "shop-db", kilobytes=24)
    talk.database("lab-run", "lab-data", queries=6, size=1200)
    talk.http("lab-data", "lab-view", 8080, "/catalogue.txt", host="view.lab.example")
    talk.ping("lab-run", "lab-view", count=4)
