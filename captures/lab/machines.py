"""The words in which the lab is described: virtual machines, hosts and who talked to whom."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from processes import PREFIX, RESOLVER_FOLDER, Lab

DOMAIN = "lab.example"
"""The lab's DNS zone (a name reserved for documentation)."""


@dataclass(frozen=True)
class VirtualMachine:
    """One VM with one vNIC, as an inventory would know it.

    `vlan` is None on an overlay segment or a plain bridge. `listed` is False for a VM that no inventory
    file mentions. `dhcp` tells whether it asks for its address or has it configured.
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

    Checksum offload is turned off unless asked for: a userspace switch drops TCP with unfilled checksums.
    The address is set here only when the VM does not use DHCP.
    """
    lab.add_namespace(vm.name)
    peer = ("type", "veth", "peer", "name", vm.port, "netns", PREFIX + vm.host)
    lab.run("ip", "link", "add", "eth0", "netns", PREFIX + vm.name, "address", vm.mac, *peer)
    if not offload:
        lab.run("ethtool", "-K", "eth0", "tx", "off", at=vm.name)
    lab.run("ip", "link", "set", "eth0", "up", at=vm.name)
    lab.run("ip", "link", "set", vm.port, "up", at=vm.host)
    if not vm.dhcp:
        lab.run("ip", "addr", "add", f"{vm.ip}/{prefix_length}", "dev", "eth0", at=vm.name)
        if gateway:
            lab.run("ip", "route", "add", "default", "via", gateway, at=vm.name)
    if vm.ipv6:
        for setting in ("disable_ipv6=0", "accept_dad=0", "router_solicitations=0"):
            lab.run("sysctl", "-qw", f"net.ipv6.conf.eth0.{setting}", at=vm.name)
        lab.run("ip", "-6", "addr", "add", f"{vm.ipv6}/64", "dev", "eth0", "nodad", at=vm.name)


def use_name_server(name: str, address: str) -> None:
    """Let programs in that namespace ask the lab's DNS server, and never the real machine's."""
    folder = RESOLVER_FOLDER / (PREFIX + name)
    folder.mkdir(parents=True, exist_ok=True)
    lines = f"nameserver {address}\n" if address else "nameserver 127.0.0.1\n"
    (folder / "resolv.conf").write_text(lines + "options timeout:2 attempts:2\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
