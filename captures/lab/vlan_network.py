"""Scenario `vlan`: three hosts, a top-of-rack switch, a physical router and what lies beyond it.

Every VM port is an access port of its host's switch `br-int`; `vmnic0` is the only uplink of that switch.
`vmnic1` belongs to another switch, `br-phy`, which carries nothing but the host's own ERSPAN packets.
"""

from __future__ import annotations

from typing import Any

from fabric import Fabric
from machines import DOMAIN, VirtualMachine, external
from openvswitch import OpenVSwitch
from processes import Lab

HOSTS = ("host-a", "host-b", "host-c")
VLANS = (10, 20, 30)
NETWORKS = {10: "pg-web-10", 20: "pg-data-20", 30: "pg-mgmt-30"}
NAME_SERVER = "infra-1"
HOST_ADDRESS = {"host-a": "172.31.0.1", "host-b": "172.31.0.2", "host-c": "172.31.0.3"}
"""Where each host's ERSPAN packets come from."""
ERSPAN_SESSION = {"host-a": 77, "host-b": 77, "host-c": 3}
"""Two hosts use the same session number: only the outer source tells them apart."""
ERSPAN_TYPE = {"host-a": 2, "host-b": 2, "host-c": 3}
COLLECTOR = "172.31.0.9"


def vm(name: str, host: str, number: int, vlan: int, last: int, **more: Any) -> VirtualMachine:
    """A VM on port `vnet<number>`: its MAC repeats host (a, b, c), VLAN and last byte of the address."""
    # host-c is another make of hypervisor: QEMU's prefix there, vCenter's on the others.
    prefix = "52:54:00:0" if host == "host-c" else "00:50:56:8"
    mac = f"{prefix}{host[-1]}:{vlan:02}:{last:02}"
    return VirtualMachine(name, host, f"vnet{number}", mac, f"10.{vlan}.0.{last}", vlan, NETWORKS[vlan], **more)


MACHINES = [
    vm("web-1", "host-a", 0, 10, 11),
    vm("web-2", "host-a", 1, 10, 12, ipv6="fd00:10::12"),
    vm("cache-1", "host-a", 2, 10, 13, ipv6="fd00:10::13"),
    vm("app-1", "host-a", 3, 20, 11),
    vm("db-1", "host-a", 4, 20, 12),
    vm("mon-1", "host-a", 5, 30, 11),
    vm("log-1", "host-a", 6, 20, 19, dhcp=False),
    vm("web-3", "host-b", 0, 10, 21),
    vm("app-2", "host-b", 1, 20, 21),
    vm("db-2", "host-b", 2, 20, 22),
    vm("mq-1", "host-b", 3, 20, 23),
    vm("infra-1", "host-b", 4, 30, 21, dhcp=False),
    vm("dev-1", "host-c", 0, 10, 31, listed=False),
    vm("dev-2", "host-c", 1, 10, 32, listed=False),
    external("outside", "203.0.113.10", "mirror.partner.example"),
    external("visitor", "198.51.100.7"),
]


def build(lab: Lab) -> dict[str, OpenVSwitch]:
    """Build hosts, fabric, router and VMs with their mirrors; return the switches by host name."""
    fabric = Fabric(lab)
    for host in HOSTS:
        fabric.add_host(host)
    fabric.add_router(VLANS)
    fabric.add_collector(COLLECTOR)
    for number, host in enumerate(HOSTS, 1):
        fabric.add_management_port(host, HOST_ADDRESS[host], f"00:1b:21:0f:00:0{number}")
    for machine in MACHINES:
        if machine.is_outside:
            fabric.add_outside(machine)
        else:
            fabric.add_vm(machine, f"10.{machine.vlan}.0.1", "10.30.0.21")
    for host in HOSTS:
        fabric.mirror_to_port(host)
        fabric.mirror_to_collector(host, COLLECTOR, ERSPAN_SESSION[host], ERSPAN_TYPE[host])
    return fabric.switches


def start_name_services(lab: Lab) -> None:
    """dnsmasq as DHCP and DNS server in `infra-1`, and as DHCP relay in the router."""
    arguments = [f"--dhcp-range=set:v{v},10.{v}.0.0,static,255.255.255.0" for v in VLANS]
    arguments += [f"--dhcp-option=tag:v{v},option:router,10.{v}.0.1" for v in VLANS]
    arguments += [f"--dhcp-host={m.mac},{m.ip}" for m in MACHINES if m.dhcp]
    arguments += [f"--host-record={m.fqdn},{m.ip}" for m in MACHINES if not m.dhcp]
    arguments += [f"--cname=shop.{DOMAIN},web-1.{DOMAIN}"]
    lab.start(
        "dnsmasq",
        "-k",
        "--conf-file=/dev/null",
        "--user=root",
        "--no-hosts",
        "--no-resolv",
        "--no-ping",
        "--pid-file=",
        f"--dhcp-leasefile={lab.state}/leases",
        "--interface=eth0",
        "--bind-interfaces",
        f"--domain={DOMAIN}",
        "--expand-hosts",
        "--local=/example/",
        "--local=/arpa/",
        "--dhcp-authoritative",
        "--log-facility=-",
        *arguments,
        at=NAME_SERVER,
    )
    relays = [f"--dhcp-relay=10.{v}.0.1,10.30.0.21" for v in VLANS if v != 30]
    lab.start(
        "dnsmasq",
        "-k",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        "--pid-file=",
        "--log-facility=-",
        *relays,
        at="router",
    )
