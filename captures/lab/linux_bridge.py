"""A host whose VMs are on a Linux bridge, with segmentation offload left on."""

from __future__ import annotations

from machines import VirtualMachine, plug_in, use_name_server
from processes import PREFIX, Lab


def add_bridge_host(lab: Lab, host: str) -> None:
    """A host with bridge `br0`."""
    lab.add_namespace(host)
    lab.run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", at=host)
    lab.run("ip", "link", "set", "br0", "up", at=host)


def add_bridge_vm(lab: Lab, machine: VirtualMachine, gateway: str = "") -> None:
    """A VM on the bridge of its host."""
    plug_in(lab, machine, 24, gateway, offload=True)
    for vnic in machine.vnics:
        lab.run("ip", "link", "set", vnic.port, "master", "br0", at=machine.host)
    use_name_server(machine.name, "")


def join_hosts(lab: Lab, *ends: tuple[str, str]) -> None:
    """A cable between the uplinks of two hosts, given as (host, interface). Both NICs cut large sends into frames."""
    (host, uplink), (other_host, other_uplink) = ends
    peer = ("type", "veth", "peer", "name", other_uplink, "netns", PREFIX + other_host)
    lab.run("ip", "link", "add", uplink, "netns", PREFIX + host, *peer)
    for at, interface in ends:
        # The kernel cuts and sums before it hands frames over: on the wire nothing is larger than the MTU.
        lab.run("ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", at=at)
        lab.run("ip", "link", "set", interface, "master", "br0", "up", at=at)


def add_monitor_port(lab: Lab, host: str) -> None:
    """`mon0`, to which copies are sent, and its other end `mon1`, where they are recorded."""
    peer = ("type", "veth", "peer", "name", "mon1", "netns", PREFIX + host)
    lab.run("ip", "link", "add", "mon0", "netns", PREFIX + host, *peer)
    for interface in ("mon0", "mon1"):
        lab.run("ip", "link", "set", interface, "up", at=host)


def copy_to_monitor(lab: Lab, host: str, tap: str) -> None:
    """Mirror what enters and what leaves one tap."""
    lab.run("tc", "qdisc", "add", "dev", tap, "clsact", at=host)
    for direction in ("ingress", "egress"):
        everything = ("protocol", "all", "u32", "match", "u32", "0", "0")
        copy = ("action", "mirred", "egress", "mirror", "dev", "mon0")
        lab.run("tc", "filter", "add", "dev", tap, direction, *everything, *copy, at=host)
