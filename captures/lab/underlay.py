"""The network between the tunnel endpoints of overlay hosts: a plain bridge, and one uplink per host."""

from __future__ import annotations

from fabric import cable
from openvswitch import OpenVSwitch
from processes import Lab

MTU_UNDERLAY_BYTES, MTU_VM_BYTES = 1600, 1450


class Underlay:
    """The switch of the physical network, in a namespace of its own.

    Parameters
    ----------
    lab : Lab
        Owner of the processes.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.add_namespace("fabric")
        lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at="fabric")
        lab.run("ip", "link", "set", "br0", "up", "mtu", str(MTU_UNDERLAY_BYTES), at="fabric")

    def add_host(self, host: str, uplink: str, address: str, mac: str) -> OpenVSwitch:
        """A host whose physical NIC is on `br-phy`, which holds the tunnel address."""
        self.lab.add_namespace(host)
        switch = OpenVSwitch(self.lab, host)
        switch.add_bridge("br-phy", mac=mac, mtu_bytes=MTU_UNDERLAY_BYTES)
        cable(self.lab, host, uplink, "fabric", f"f-{host}", MTU_UNDERLAY_BYTES)
        self.lab.run("ip", "link", "set", f"f-{host}", "master", "br0", at="fabric")
        switch.add_trunk("br-phy", uplink)
        self.lab.run("ip", "addr", "add", f"{address}/24", "dev", "br-phy", at=host)
        self.lab.run("ip", "link", "set", "br-phy", "up", at=host)
        return switch
