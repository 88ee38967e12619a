"""What an inventory says of virtual NICs, hypervisors, forwarding tables and mirrors, and its contradictions."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

BY_HAND = "by-hand"
"""`format` of a row that a person wrote on the page; see :mod:`flowmap.inventory.by_hand`."""


@dataclass(frozen=True, slots=True)
class VnicRecord:
    """One vNIC of one VM, or one VM whose NICs the source does not list (then `mac` is None)."""

    vm: str
    """VM name as the source gives it; empty where the source names none."""
    vm_id: str | None
    """UUID, vmid or instance UUID of the VM."""
    nic: str | None
    """What the hypervisor calls the NIC: "Network adapter 1", "net0", an OVS iface-id."""
    mac: int | None
    """Guest-side MAC address, 48-bit integer; never a group or zero address."""
    ips: tuple[str, ...]
    """Addresses in the spelling of `ipaddress`, without prefix length or zone."""
    host: str | None
    vswitch: str | None
    network: str | None
    """Port group, bridge or network."""
    vlan: int | None
    """1 to 4094; None where untagged, trunked or not told (see `segment_type`)."""
    segment_type: str | None
    """"vlan", "overlay", "none" (known to be untagged), or None where the source does not tell."""
    passthrough: bool
    """No switch in the host's software could turn a frame round: SR-IOV, DirectPath, macvtap VEPA."""
    interface: str | None
    """Host-side interface (vnet0, tap...), which is also the interface name inside captures."""
    power_state: str | None
    source: str
    """File name as shown to people. In joined records: the file that placed the VM on its host."""
    row: int
    """1-based row or element number in `source`."""
    format: str
    """"csv", "rvtools-vnetwork", "virsh-dumpxml", "ovs-interface", "yaml" or "json"; `BY_HAND` from the page."""
    observed_at_ns: int | None
    """When the placement was true, nanoseconds since 1970 UTC."""
    observed_how: str | None
    """"column", "header" or "file time"."""
    domain: str | None
    """Address domain (tenant, VRF) when the source names one."""
    kind: str = "vm"
    """Whose NIC it is: "vm", "router" (a virtual router's port), "service" (DHCP, metadata, balancer) or "hypervisor"
    (VMkernel, management OS)."""
    distributed: bool = False
    """A router's port that exists on every host (OVN, Neutron DVR, NSX), so that routing stays inside the host."""
    isolated: bool = False
    """The switch never hands its frames to another isolated port (private VLAN, port isolation)."""
    has_uplink: bool | None = None
    """False where the vSwitch has no way out of its host (Hyper-V internal and private); None where nobody tells."""
    external_ips: tuple[str, ...] = ()
    """Addresses that a router translates to this vNIC's (floating IP, DNAT)."""
    guest_name: str | None = None
    """Host name that the guest gives itself, as its tools tell it."""
    cluster: str | None = None
    """Cluster of `host`, where the source names one. Rows that are joined are not compared by it."""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One hypervisor: the names and addresses it goes by, and which of its interfaces lead out of it."""

    host: str
    ids: tuple[str, ...] = ()
    """What other rows call it instead of its name: vSphere's host-123, an OVN chassis, a UUID."""
    ips: tuple[str, ...] = ()
    """Management, VMkernel and tunnel endpoint addresses."""
    macs: tuple[int, ...] = ()
    """MACs of VMkernel interfaces, physical NICs and of a router that is the host's own (Neutron DVR)."""
    uplinks: tuple[str, ...] = ()
    uplinks_complete: bool = False
    """The source lists every uplink of the host."""
    source: str = ""
    row: int = 0
    format: str = ""
    observed_at_ns: int | None = None
    observed_how: str | None = None
    cluster: str | None = None
    """The group of hosts that it belongs to; vSphere's reference (domain-c8) where only that is told."""


@dataclass(frozen=True, slots=True)
class LearnedMac:
    """A row of a live forwarding table: behind which port of which switch a MAC was a moment ago."""

    mac: int
    host: str | None
    vswitch: str | None
    interface: str | None
    """Name of the port, where the table or another file tells it."""
    port_number: int | None
    """OpenFlow number of the port, which `ovs-vsctl list Interface` resolves to a name."""
    is_uplink: bool | None
    """True where the port leads out of the host, False where it is a VM's, None where nobody tells."""
    vlan: int | None
    age_s: int | None
    source: str = ""
    row: int = 0
    format: str = ""
    observed_at_ns: int | None = None
    observed_how: str | None = None


@dataclass(frozen=True, slots=True)
class MirrorSession:
    """How a vSwitch copies packets to a monitor: what of it to expect in a capture."""

    name: str
    host: str | None
    vswitch: str | None
    select_all: bool
    select_interfaces: tuple[str, ...] = ()
    select_vlans: tuple[int, ...] = ()
    output_interface: str | None = None
    output_vlan: int | None = None
    """RSPAN: copies leave by every trunk in this VLAN, the uplink included."""
    snaplen: int | None = None
    uuid: str = ""
    """Open vSwitch's own identifier, by which a bridge names its mirrors."""
    source: str = ""
    row: int = 0
    format: str = ""
    observed_at_ns: int | None = None
    observed_how: str | None = None


def given_name(record: VnicRecord) -> str | None:
    """Casefolded VM name, unless it is only an identifier put in its place (Open vSwitch knows no names)."""
    return None if record.vm in ("", record.vm_id, record.nic) else record.vm.casefold()


def placed_by_its_file(record: VnicRecord) -> bool:
    """Whether the record comes from an export of one host's own VMs that does not name that host.

    Such a file still says where the VM is: on one host with the others in it. A libvirt domain that does not
    run is on no host; a migration leaves its definition behind.
    """
    if record.host is not None:
        return False
    of_virsh = record.format in ("virsh-dumpxml", "virsh-domiflist")
    return record.format == "ovs-interface" or (of_virsh and record.power_state == "running")


@dataclass(frozen=True)
class Conflict:
    """Two or more rows that cannot all be true."""

    kind: str
    """One of `CONFLICT_KINDS`."""
    text: str
    rows: tuple[tuple[str, int], ...]
    """(source, row) of those involved, at most 100 of them."""


CONFLICT_KINDS = (
    "learned_elsewhere",
    "mac_on_two_vms",
    "mac_on_two_hosts",
    "mac_in_two_exports",
    "vm_on_two_hosts",
    "interface_on_two_vms",
    "ip_on_two_vms",
    "mac_on_two_vlans",
    "vm_id_on_two_vms",
)
"""Worst first: the earlier ones decide where a packet is said to be."""


@dataclass
class Inventory:
    """Joined records of all files, with an index for each thing that packets can show.

    `records` must not be changed afterwards: the indexes are built once.
    """

    records: list[VnicRecord]
    conflicts: list[Conflict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    hypervisors: list[HostRecord] = field(default_factory=list)
    learned: list[LearnedMac] = field(default_factory=list)
    mirrors: list[MirrorSession] = field(default_factory=list)
    clusters: dict[str, str] = field(default_factory=dict)
    """Host, in the inventory's spelling, to its cluster."""

    def __post_init__(self) -> None:
        self._by_mac: dict[int, list[VnicRecord]] = defaultdict(list)
        self._by_ip: dict[str, list[VnicRecord]] = defaultdict(list)
        self._by_interface: dict[str, list[VnicRecord]] = defaultdict(list)
        for record in self.records:
            if record.mac is not None:
                self._by_mac[record.mac].append(record)
            for ip in record.ips:
                self._by_ip[ip].append(record)
            if record.interface is not None:
                self._by_interface[record.interface].append(record)
        told = [record.host for record in self.records if record.host] + [one.host for one in self.hypervisors]
        told += [learned.host for learned in self.learned if learned.host]
        self._hosts = host_spellings(told)
        self._hypervisor_of_mac = {mac: one for one in self.hypervisors for mac in one.macs}
        self._hypervisor_of_ip = {ip: one for one in self.hypervisors for ip in one.ips}
        self._learned: dict[int, list[LearnedMac]] = defaultdict(list)
        for learned in self.learned:
            self._learned[learned.mac].append(learned)

    def by_mac(self, mac: int) -> list[VnicRecord]:
        """Records with this MAC; more than one means that the inventory contradicts itself."""
        return list(self._by_mac.get(mac, ()))

    def by_ip(self, ip: str, domain: str | None = None) -> list[VnicRecord]:
        """Records with this address, in any spelling.

        With `domain`: those of that address domain, or else those whose source names no domain.
        """
        try:
            canonical = str(ipaddress.ip_address(ip))
        except ValueError:
            return []
        found = self._by_ip.get(canonical, ())
        if domain is None:
            return list(found)
        named = [record for record in found if record.domain == domain]
        return named or [record for record in found if record.domain is None]

    def by_interface(self, host: str | None, interface: str) -> list[VnicRecord]:
        """Records behind a host-side interface such as vnet0.

        With `host`: those on that host, or else those whose host no file tells. Without: all, and since every
        host may have a vnet0, more than one is no contradiction.
        """
        found = self._by_interface.get(interface, ())
        if host is None:
            return list(found)
        spelled = self.host_named(host) or host
        placed = [record for record in found if record.host == spelled]
        return placed or [record for record in found if record.host is None]

    def hypervisor(self, *, mac: int = -1, ip: str = "") -> HostRecord | None:
        """The hypervisor that a MAC or an address in the spelling of `ipaddress` belongs to."""
        return self._hypervisor_of_mac.get(mac) or self._hypervisor_of_ip.get(ip)

    def learned_at(self, mac: int) -> list[LearnedMac]:
        """Where forwarding tables have a MAC, one row a switch."""
        return list(self._learned.get(mac, ()))

    def live_host(self, mac: int) -> str | None:
        """The host whose live forwarding table has the MAC behind a port of its VM, which outranks every export.

        None where no table says so, or where tables contradict each other.
        """
        rows = self._learned.get(mac, ())
        at_vm = {row.host for row in rows if row.is_uplink is False and row.host}
        at_uplink = {row.host for row in rows if row.is_uplink is True}
        return at_vm.pop() if len(at_vm) == 1 and not at_vm & at_uplink else None

    def live_remote(self, mac: int, host: str) -> bool:
        """Whether a live forwarding table of the host has the MAC behind a way out of it: it is not on that host."""
        spelled = self.host_named(host) or host
        told = {row.is_uplink for row in self._learned.get(mac, ()) if row.host == spelled}
        return True in told and False not in told

    def hosts(self) -> list[str]:
        """Names of all hosts that carry a VM, sorted."""
        return sorted({record.host for record in self.records if record.host})

    def host_named(self, name: str) -> str | None:
        """The inventory's spelling of a host name: any case, short or fully qualified; None if not in it."""
        key = name.casefold()
        if key in self._hosts:
            return self._hosts[key]
        return self._hosts.get(short_host_name(key))


def short_host_name(name: str) -> str:
    """First label of a DNS host name; an IP address stays whole."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.partition(".")[0]
    return name


def host_spellings(names: Iterable[str]) -> dict[str, str]:
    """One spelling for each host, by casefolded name.

    A short name means the fully qualified one that starts with it, if there is exactly one; otherwise VMs of
    one host would look as if they sat on two. Without qualified names the first spelling is kept.
    """
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(name.casefold(), name)
    qualified: dict[str, list[str]] = defaultdict(list)
    for key, name in spelled.items():
        if short_host_name(key) != key:
            qualified[short_host_name(key)].append(name)
    for short, full in qualified.items():
        if len(full) == 1:
            spelled[short] = full[0]
    return spelled
