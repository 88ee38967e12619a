"""Scenario `overlay`: two compute nodes and two tenant networks, one over VXLAN and one over Geneve.

Each node has one bridge per tenant; the tunnels leave through `br-phy` and its uplink.
Both tenants use different addresses, so that one map can hold them without naming address domains.
"""

from __future__ import annotations

import time
from pathlib import Path

from machines import Record, VirtualMachine, plug_in, use_name_server
from processes import Lab
from programs.counted import text
from recorder import Recorder, merge
from scenario import Scenario, port_points, ports_of
from talk import Talk
from underlay import MTU_VM_BYTES, Underlay

NODES = ("compute-1", "compute-2")
UPLINK = {"compute-1": "eno1", "compute-2": "eno2"}
TUNNEL_ADDRESS = {"compute-1": "172.31.1.1", "compute-2": "172.31.1.2"}
TENANTS = {"br-vxlan": ("vxlan", 5001), "br-geneve": ("geneve", 6001)}
"""Bridge -> encapsulation and network identifier."""
OVERLAY_FILE = "overlay-underlay.pcapng"


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
        recorder.start(parts[-1], node, ports_of(MACHINES, node, UPLINK[node]))
    record.started_at_s = int(time.time())
    talk = Talk(lab, record)
    _talk(talk)
    recorder.stop()
    talk.check_nothing_sent_twice()
    merge(folder, parts, OVERLAY_FILE)
    return record


def _build(lab: Lab) -> None:
    underlay = Underlay(lab)
    switches = {}
    for number, node in enumerate(NODES, 1):
        mac = f"00:1b:21:0f:01:0{number}"
        switches[node] = underlay.add_host(node, UPLINK[node], TUNNEL_ADDRESS[node], mac)
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


def _points(node: str) -> list[str]:
    return port_points(OVERLAY_FILE, node, ports_of(MACHINES, node, UPLINK[node]), [UPLINK[node]])


SCENARIO = Scenario(
    name="overlay",
    title="two compute nodes, VXLAN and Geneve",
    machines=MACHINES,
    files={OVERLAY_FILE: set(NODES)},
    points=[line for node in NODES for line in _points(node)],
    inventory="inventory-overlay.csv",
    record=record_scenario,
    uplinks={node: (uplink,) for node, uplink in UPLINK.items()},
    other_host="inter_host_overlay",
)
