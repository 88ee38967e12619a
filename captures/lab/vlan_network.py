"""Scenario `vlan`: three hosts, a top-of-rack switch, a physical router and what lies beyond it.

Every VM port is an access port of its host's switch `br-int`; `vmnic0` is the only uplink of that switch.
`vmnic1` belongs to another switch, `br-phy`, which carries nothing but the host's own ERSPAN packets.
"""

from __future__ import annotations

from typing import Any

from machines import DOMAIN, VirtualMachine, plug_in, use_name_server
from openvswitch import OpenVSwitch
from processes import PREFIX, Lab

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
MTU_UNDERLAY_BYTES = 1700


def vm(name: str, host: str, number: int, vlan: int, last: int, **more: Any) -> VirtualMachine:
    """A VM on port `vnet<number>`: its MAC repeats host (a, b, c), VLAN and last byte of the address."""
    # host-c is another make of hypervisor: QEMU's prefix there, vCenter's on the others.
    prefix = "52:54:00:0" if host == "host-c" else "00:50:56:8"
    mac = f"{prefix}{host[-1]}:{vlan:02}:{last:02}"
    return VirtualMachine(name, host, f"vnet{number}", mac, f"10.{vlan}.0.{last}", vlan, NETWORKS[vlan], **more)


def external(name: str, ip: str, dns_name: str = "") -> VirtualMachine:
    """A machine beyond the physical router."""
    return VirtualMachine(name, "", "", "", ip, None, "", listed=False, dhcp=False, dns_name=dns_name)


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
    """Build hosts, fabric, router and VMs; return the switches by host name."""
    lab.add_namespace("tor")
    tor = OpenVSwitch(lab, "tor")
    tor.add_bridge("br-tor")
    switches = {host: _add_host(lab, tor, host) for host in HOSTS}
    _add_router(lab, tor)
    _add_collector(lab)
    for number, host in enumerate(HOSTS, 1):
        _add_management_port(lab, switches[host], host, number)
    for machine in MACHINES:
        if machine.is_outside:
            _add_outside(lab, machine)
        else:
            plug_in(lab, machine, 24, f"10.{machine.vlan}.0.1")
            switches[machine.host].attach(machine)
            use_name_server(machine.name, "10.30.0.21")
    return switches


def _add_host(lab: Lab, tor: OpenVSwitch, host: str) -> OpenVSwitch:
    lab.add_namespace(host)
    switch = OpenVSwitch(lab, host)
    switch.add_bridge("br-int")
    peer = f"p-{host}"
    _cable(lab, host, "vmnic0", "tor", peer)
    switch.add_trunk("br-int", "vmnic0")
    tor.add_trunk("br-tor", peer)
    return switch


def _cable(lab: Lab, end: str, interface: str, other_end: str, other_interface: str, mtu_bytes: int = 1500) -> None:
    """A veth pair between two namespaces, both ends up."""
    peer = ("type", "veth", "peer", "name", other_interface, "netns", PREFIX + other_end)
    lab.run("ip", "link", "add", interface, "netns", PREFIX + end, *peer)
    for at, name in ((end, interface), (other_end, other_interface)):
        lab.run("ethtool", "-K", name, "tx", "off", at=at)
        lab.run("ip", "link", "set", name, "up", "mtu", str(mtu_bytes), at=at)


def _add_router(lab: Lab, tor: OpenVSwitch) -> None:
    """One access leg per VLAN, DHCP relayed to the server in VLAN 30."""
    lab.add_namespace("router")
    for vlan in VLANS:
        _cable(lab, "router", f"leg{vlan}", "tor", f"r-leg{vlan}")
        lab.run("ip", "link", "set", f"leg{vlan}", "address", f"00:1b:21:00:00:{vlan}", at="router")
        lab.run("ip", "addr", "add", f"10.{vlan}.0.1/24", "dev", f"leg{vlan}", at="router")
        tor.add_access("br-tor", f"r-leg{vlan}", vlan)
    redirects = (f"conf.{where}.send_redirects=0" for where in ("all", "default", *(f"leg{v}" for v in VLANS)))
    for setting in ("ip_forward=1", "conf.all.rp_filter=0", *redirects):
        lab.run("sysctl", "-qw", f"net.ipv4.{setting}", at="router")


def _add_outside(lab: Lab, machine: VirtualMachine) -> None:
    lab.add_namespace(machine.name)
    _cable(lab, machine.name, "eth0", "router", machine.name)
    lab.run("ip", "addr", "add", f"{machine.ip}/24", "dev", "eth0", at=machine.name)
    gateway = machine.ip.rsplit(".", 1)[0] + ".1"
    lab.run("ip", "addr", "add", f"{gateway}/24", "dev", machine.name, at="router")
    lab.run("ip", "route", "add", "default", "via", gateway, at=machine.name)
    use_name_server(machine.name, "")


def _add_collector(lab: Lab) -> None:
    """The management network, a plain bridge, and the collector that receives ERSPAN."""
    lab.add_namespace("mgmt")
    lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at="mgmt")
    lab.run("ip", "link", "set", "br0", "up", "mtu", str(MTU_UNDERLAY_BYTES), at="mgmt")
    lab.add_namespace("collector")
    _cable(lab, "collector", "eth0", "mgmt", "collector", MTU_UNDERLAY_BYTES)
    lab.run("ip", "link", "set", "collector", "master", "br0", at="mgmt")
    lab.run("ip", "addr", "add", f"{COLLECTOR}/24", "dev", "eth0", at="collector")
    # Without a GRE receiver the kernel would answer each copy with an ICMP error that quotes it.
    lab.run("iptables", "-A", "OUTPUT", "-p", "icmp", "--icmp-type", "3", "-j", "DROP", at="collector")


def _add_management_port(lab: Lab, switch: OpenVSwitch, host: str, number: int) -> None:
    """`vmnic1` on its own bridge, which holds the address of the host's tunnels."""
    switch.add_bridge("br-phy", mac=f"00:1b:21:0f:00:0{number}", mtu_bytes=MTU_UNDERLAY_BYTES)
    _cable(lab, host, "vmnic1", "mgmt", f"m-{host}", MTU_UNDERLAY_BYTES)
    lab.run("ip", "link", "set", f"m-{host}", "master", "br0", at="mgmt")
    switch.add_trunk("br-phy", "vmnic1")
    lab.run("ip", "addr", "add", f"{HOST_ADDRESS[host]}/24", "dev", "br-phy", at=host)
    lab.run("ip", "link", "set", "br-phy", "up", at=host)


def add_mirrors(lab: Lab, switches: dict[str, OpenVSwitch]) -> None:
    """Two select-all mirrors per host: to the local port `mir-in` and to the ERSPAN collector."""
    for host, switch in switches.items():
        _cable(lab, host, "mir-in", host, "mir-out")
        switch.add_trunk("br-int", "mir-in")
        switch.mirror_everything("br-int", "span", "mir-in")
        options = {"key": str(ERSPAN_SESSION[host]), "erspan_ver": str(ERSPAN_TYPE[host] - 1)}
        if ERSPAN_TYPE[host] == 2:
            options |= {"erspan_idx": "0x1f"}
        else:
            options |= {"erspan_dir": "0", "erspan_hwid": "4"}
        switch.add_tunnel("br-int", "erspan0", "erspan", COLLECTOR, **options)
        switch.mirror_everything("br-int", "erspan", "erspan0")


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
