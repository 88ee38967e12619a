"""The words in which the lab is described: virtual machines, hosts and who talked to whom."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from processes import PREFIX, RESOLVER_FOLDER, Lab

DOMAIN = "lab.example"
"""The lab's DNS zone (a name reserved for documentation)."""


@dataclass(frozen=True)
class VirtualMachine:
    """One VM, as an inventory would know it: its first vNIC, and in `more` those beyond.

    `vlan` is None on an overlay segment or a plain bridge. `listed` is False for a VM that no inventory
    file mentions. `dhcp` tells whether it asks for its address or has it configured. `floating_ip` is an address
    that the physical router translates to the VM's own. The entries of `more` differ in port, addresses and network
    only.
    """

    name: str
    host: str
    port: str
    mac: str
    ip: str
    vlan: int | None
    network: str
    vswitch: str = "br-int"
    ipv6: str = ""
    listed: bool = True
    dhcp: bool = True
    dns_name: str = ""
    floating_ip: str = ""
    more: tuple[VirtualMachine, ...] = ()

    @property
    def vnics(self) -> tuple[VirtualMachine, ...]:
        """Every vNIC of the VM."""
        return (self, *self.more)

    @property
    def addresses(self) -> list[str]:
        """Every IP address of the VM, IPv4 first on each vNIC."""
        return [address for vnic in self.vnics for address in (vnic.ip, vnic.ipv6) if address]

    @property
    def is_outside(self) -> bool:
        """Whether this is no VM at all but a machine beyond the physical router."""
        return not self.host

    @property
    def fqdn(self) -> str:
        """The name under which the lab's DNS server knows it."""
        return self.dns_name or f"{self.name}.{DOMAIN}"

    @property
    def uuid(self) -> str:
        """A stable UUID, the same in every inventory file."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.fqdn))

    @property
    def port_uuid(self) -> str:
        """The UUID of its switch port (`iface-id`)."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"port.{self.fqdn}"))


def vm_in_vlan(
    name: str, host: str, number: int, vlan: int, last: int, vendor: str = "52:54:00:01", **more: Any
) -> VirtualMachine:
    """A VM on access port `vnet<number>`: its MAC repeats the last two digits of the VLAN and of the address."""
    mac, ip = f"{vendor}:{vlan % 100:02}:{last:02}", f"10.{vlan}.0.{last}"
    return VirtualMachine(name, host, f"vnet{number}", mac, ip, vlan, f"pg-{vlan}", dhcp=False, **more)


def external(name: str, ip: str, dns_name: str = "") -> VirtualMachine:
    """A machine beyond the physical router."""
    return VirtualMachine(name, "", "", "", ip, None, "", listed=False, dhcp=False, dns_name=dns_name)


@dataclass
class Conversation:
    """What one client program and one server program exchanged, as the programs themselves counted it.

    Payload bytes are those of the transport layer (TCP stream or UDP datagrams), per direction; None where
    the program does not tell. `exact` is False where the figure is a lower bound.
    """

    client: str
    server: str
    protocol: str
    port: int
    service: str
    client_bytes: int | None = None
    server_bytes: int | None = None
    exact: bool = True
    ip_version: int = 4
    flooded: bool = False
    note: str = ""
    seen_as: tuple[str, str] | None = None
    """Client and server address in the samples, where a translated address stands for a machine's own."""
    before_move: tuple[int, int] | None = None
    """What client and server had sent when an end of the conversation moved to another host."""


@dataclass
class Move:
    """A live migration: the VM's port on the new host, and the two moments between which it was on neither."""

    vm: str
    from_host: str
    to_host: str
    port: str
    announced_by: str
    began_at_ns: int
    ended_at_ns: int


@dataclass
class NameSeen:
    """A name that really went over the wire, the machine it belongs to, and between which hosts it went.

    `hosts` is empty where the name was broadcast or multicast, so that every host saw it.
    """

    name: str
    source: str
    vm: str
    hosts: set[str] = field(default_factory=set)


@dataclass
class Record:
    """All that happened in one scenario."""

    scenario: str
    machines: list[VirtualMachine]
    conversations: list[Conversation] = field(default_factory=list)
    names: list[NameSeen] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    started_at_s: int = 0

    def machine(self, name: str) -> VirtualMachine:
        """The VM of that name (KeyError if there is none)."""
        return {vm.name: vm for vm in self.machines}[name]

    def learn_name(self, name: str, source: str, vm: str, between: tuple[str, ...] = ()) -> None:
        """Note that a name of `vm` was in packets between two machines, or in a broadcast."""
        for seen in self.names:
            if (seen.name, seen.source, seen.vm) == (name, source, vm):
                break
        else:
            seen = NameSeen(name, source, vm)
            self.names.append(seen)
        seen.hosts |= {self.machine(end).host for end in between}


def plug_in(lab: Lab, vm: VirtualMachine, prefix_length: int, gateway: str = "", offload: bool = False) -> None:
    """Make the VM's namespace with `eth0`, whose other end is the port `vm.port` in the host's namespace.

    Further vNICs become `eth1` and so on. Checksum offload is turned off unless asked for: a userspace switch drops
    TCP with unfilled checksums. The address is set here only when the VM does not use DHCP.
    """
    lab.add_namespace(vm.name)
    for number, vnic in enumerate(vm.vnics):
        peer = ("type", "veth", "peer", "name", vnic.port, "netns", PREFIX + vnic.host)
        lab.run("ip", "link", "add", f"eth{number}", "netns", PREFIX + vm.name, "address", vnic.mac, *peer)
        lab.run("ip", "link", "set", vnic.port, "up", at=vnic.host)
        configure(lab, vm, number, prefix_length, offload)
    if gateway and not vm.dhcp:
        lab.run("ip", "route", "add", "default", "via", gateway, at=vm.name)


def configure(lab: Lab, vm: VirtualMachine, number: int, prefix_length: int, offload: bool = False) -> None:
    """Bring up interface `eth<number>` in the VM's namespace, with its addresses unless the VM uses DHCP."""
    interface, vnic = f"eth{number}", vm.vnics[number]
    if not offload:
        lab.run("ethtool", "-K", interface, "tx", "off", at=vm.name)
    lab.run("ip", "link", "set", interface, "up", at=vm.name)
    if not vm.dhcp:
        lab.run("ip", "addr", "add", f"{vnic.ip}/{prefix_length}", "dev", interface, at=vm.name)
    if vnic.ipv6:
        for setting in ("disable_ipv6=0", "accept_dad=0", "router_solicitations=0"):
            lab.run("sysctl", "-qw", f"net.ipv6.conf.{interface}.{setting}", at=vm.name)
        lab.run("ip", "-6", "addr", "add", f"{vnic.ipv6}/64", "dev", interface, "nodad", at=vm.name)


def route_packets(lab: Lab, name: str, interfaces: list[str]) -> None:
    """Make a router of a namespace, one that sends no redirects."""
    redirects = (f"conf.{where}.send_redirects=0" for where in ("all", "default", *interfaces))
    for setting in ("ip_forward=1", "conf.all.rp_filter=0", *redirects):
        lab.run("sysctl", "-qw", f"net.ipv4.{setting}", at=name)


def use_name_server(name: str, address: str) -> None:
    """Let programs in that namespace ask the lab's DNS server, and never the real machine's."""
    folder = RESOLVER_FOLDER / (PREFIX + name)
    folder.mkdir(parents=True, exist_ok=True)
    lines = f"nameserver {address}\n" if address else "nameserver 127.0.0.1\n"
    (folder / "resolv.conf").write_text(lines + "options timeout:2 attempts:2\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
