"""What the VLAN scenarios share: hosts with one switch each, a top-of-rack switch, a router and a collector.

Every VM port is an access port of its host's switch `br-int`, and the uplinks are trunks to the top-of-rack switch.
"""

from __future__ import annotations

from collections.abc import Iterable

from machines import VirtualMachine, plug_in, route_packets, use_name_server
from openvswitch import OpenVSwitch
from processes import PREFIX, Lab

MTU_UNDERLAY_BYTES = 1700


class Fabric:
    """The physical network and the switches of its hosts, by host name.

    Parameters
    ----------
    lab : Lab
        Owner of the processes.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.add_namespace("tor")
        self.tor = OpenVSwitch(lab, "tor")
        self.tor.add_bridge("br-tor")
        self.switches: dict[str, OpenVSwitch] = {}

    def add_host(self, host: str, *uplinks: str) -> OpenVSwitch:
        """A host whose `br-int` has these uplinks (`vmnic0` unless given); several form an active-backup team."""
        uplinks = uplinks or ("vmnic0",)
        self.lab.add_namespace(host)
        switch = self.switches[host] = OpenVSwitch(self.lab, host)
        switch.add_bridge("br-int")
        for number, uplink in enumerate(uplinks):
            peer = f"p-{host}" + (f"-{number}" if number else "")
            cable(self.lab, host, uplink, "tor", peer)
            self.tor.add_trunk("br-tor", peer)
        if len(uplinks) > 1:
            switch.configure("add-bond", "br-int", "team0", *uplinks, "bond_mode=active-backup")
        else:
            switch.add_trunk("br-int", *uplinks)
        return switch

    def add_vm(self, machine: VirtualMachine, gateway: str = "", name_server: str = "") -> None:
        """A VM on the switch of its host."""
        plug_in(self.lab, machine, 24, gateway)
        self.switches[machine.host].attach(machine)
        use_name_server(machine.name, name_server)

    def add_router(self, vlans: Iterable[int]) -> None:
        """The physical router, one access leg per VLAN with the address 10.VLAN.0.1."""
        self.lab.add_namespace("router")
        for vlan in vlans:
            cable(self.lab, "router", f"leg{vlan}", "tor", f"r-leg{vlan}")
            mac = f"00:1b:21:00:{vlan // 100:02}:{vlan % 100:02}"
            self.lab.run("ip", "link", "set", f"leg{vlan}", "address", mac, at="router")
            self.lab.run("ip", "addr", "add", f"10.{vlan}.0.1/24", "dev", f"leg{vlan}", at="router")
            self.tor.add_access("br-tor", f"r-leg{vlan}", vlan)
        route_packets(self.lab, "router", [f"leg{vlan}" for vlan in vlans])

    def add_outside(self, machine: VirtualMachine) -> None:
        """A machine beyond the router, on a cable of its own."""
        self.lab.add_namespace(machine.name)
        cable(self.lab, machine.name, "eth0", "router", machine.name)
        self.lab.run("ip", "addr", "add", f"{machine.ip}/24", "dev", "eth0", at=machine.name)
        gateway = machine.ip.rsplit(".", 1)[0] + ".1"
        self.lab.run("ip", "addr", "add", f"{gateway}/24", "dev", machine.name, at="router")
        self.lab.run("ip", "route", "add", "default", "via", gateway, at=machine.name)
        use_name_server(machine.name, "")

    def add_collector(self, address: str) -> None:
        """The management network, a plain bridge, and the collector that receives ERSPAN."""
        lab = self.lab
        lab.add_namespace("mgmt")
        lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at="mgmt")
        lab.run("ip", "link", "set", "br0", "up", "mtu", str(MTU_UNDERLAY_BYTES), at="mgmt")
        lab.add_namespace("collector")
        cable(lab, "collector", "eth0", "mgmt", "collector", MTU_UNDERLAY_BYTES)
        lab.run("ip", "link", "set", "collector", "master", "br0", at="mgmt")
        lab.run("ip", "addr", "add", f"{address}/24", "dev", "eth0", at="collector")
        # Without a GRE receiver the kernel would answer each copy with an ICMP error that quotes it.
        lab.run("iptables", "-A", "OUTPUT", "-p", "icmp", "--icmp-type", "3", "-j", "DROP", at="collector")

    def add_management_port(self, host: str, address: str, mac: str) -> None:
        """`vmnic1` on its own bridge `br-phy`, which carries nothing but the host's own ERSPAN packets."""
        switch = self.switches[host]
        switch.add_bridge("br-phy", mac=mac, mtu_bytes=MTU_UNDERLAY_BYTES)
        cable(self.lab, host, "vmnic1", "mgmt", f"m-{host}", MTU_UNDERLAY_BYTES)
        self.lab.run("ip", "link", "set", f"m-{host}", "master", "br0", at="mgmt")
        switch.add_trunk("br-phy", "vmnic1")
        self.lab.run("ip", "addr", "add", f"{address}/24", "dev", "br-phy", at=host)
        self.lab.run("ip", "link", "set", "br-phy", "up", at=host)

    def mirror_to_port(self, host: str, snaplen_bytes: int | None = None) -> None:
        """A select-all mirror whose copies leave the host's switch by `mir-in` and arrive at `mir-out`."""
        cable(self.lab, host, "mir-in", host, "mir-out")
        self.switches[host].add_trunk("br-int", "mir-in")
        self.switches[host].mirror_everything("br-int", "span", "mir-in")
        if snaplen_bytes:
            self.switches[host].configure("set", "mirror", "span", f"snaplen={snaplen_bytes}")

    def mirror_to_collector(self, host: str, collector: str, session: int, erspan_type: int) -> None:
        """A select-all mirror that goes to the collector as ERSPAN type II or III."""
        options = {"key": str(session), "erspan_ver": str(erspan_type - 1)}
        if erspan_type == 2:
            options |= {"erspan_idx": "0x1f"}
        else:
            options |= {"erspan_dir": "0", "erspan_hwid": "4"}
        self.switches[host].add_tunnel("br-int", "erspan0", "erspan", collector, **options)
        self.switches[host].mirror_everything("br-int", "erspan", "erspan0")


def cable(lab: Lab, end: str, interface: str, other_end: str, other_interface: str, mtu_bytes: int = 1500) -> None:
    """A veth pair between two namespaces, both ends up."""
    peer = ("type", "veth", "peer", "name", other_interface, "netns", PREFIX + other_end)
    lab.run("ip", "link", "add", interface, "netns", PREFIX + end, *peer)
    for at, name in ((end, interface), (other_end, other_interface)):
        lab.run("ethtool", "-K", name, "tx", "off", at=at)
        lab.run("ip", "link", "set", name, "up", "mtu", str(mtu_bytes), at=at)
