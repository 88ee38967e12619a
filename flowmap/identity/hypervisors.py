"""Hypervisors' own addresses: management, VMkernel, tunnel ends, and MACs that are never a guest's (reference 2.1).

Ports of services (vMotion, NFS, iSCSI, Geneve) decide nothing here: a VM may serve them too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from flowmap.capture.points import CapturePoint
from flowmap.identity.kinds import VIRTUAL_PREFIXES
from flowmap.inventory.records import Inventory
from flowmap.packets import Tunnel

OVERLAYS = ("vxlan", "geneve", "nvgre", "stt")
"""Tunnels between hypervisors. GRE, IP in IP and the like join routers and VPN gateways as often."""

_MIRROR_SOURCE = re.compile(r"(?:erspan|gre-teb):(?P<ip>[^/]+)")
_HOST_SIDE_OF_TAP = frozenset(prefix & 0xFFFF for prefix in VIRTUAL_PREFIXES)
"""libvirt gives the host's side of a tap the guest's MAC with fe as its first octet."""


def host_side(mac: int) -> str | None:
    """What a MAC says of itself when no guest can have it, None for every other.

    VMware: 00-3F in the fourth octet are static, 80-BF vCenter's; 6x was seen on VMkernel interfaces only.
    """
    prefix, octet = mac >> 24, mac >> 16 & 0xFF
    if prefix == 0x005056 and 0x60 <= octet <= 0x6F:
        return "MAC of VMware's VMkernel range, likely"
    if prefix == 0x005056 and 0xC0 <= octet <= 0xDF:
        return "MAC of a VMware Workstation host adapter, likely"
    if prefix == 0x0A0027:
        return "MAC of a VirtualBox host-only adapter, likely"
    if prefix >> 16 == 0xFE and prefix & 0xFFFF in _HOST_SIDE_OF_TAP:
        return "MAC of the host's side of a tap interface, likely"
    return None


def is_between_guests_and_hosts(mac: int) -> bool:
    """VMware MACs that neither vCenter gives nor an administrator may set, so that they hint at no VM."""
    return mac >> 24 == 0x005056 and (0x40 <= mac >> 16 & 0xFF <= 0x7F or mac >> 16 & 0xFF >= 0xC0)


class Hypervisors:
    """The hypervisors that the inventory knows, by their addresses."""

    def __init__(self, inventory: Inventory) -> None:
        self._of_ip: dict[str, str] = {}
        self._of_mac: dict[int, str] = {}
        self._ips: dict[str, set[str]] = defaultdict(set)
        self._macs: dict[str, set[int]] = defaultdict(set)
        for record in inventory.hypervisors:
            self._add(record.host, record.ips, record.macs)
        for row in inventory.records:
            if row.kind == "hypervisor" and row.host:
                self._add(row.host, row.ips, () if row.mac is None else (row.mac,))

    def _add(self, host: str, ips: Iterable[str], macs: Iterable[int]) -> None:
        for ip in ips:
            self._of_ip[ip] = host
            self._ips[host].add(ip)
        for mac in macs:
            self._of_mac[mac] = host
            self._macs[host].add(mac)

    def host_of(self, ip: str, macs: Collection[int]) -> str | None:
        """The host whose own address this is; the address outranks MACs, and these must agree."""
        if ip in self._of_ip:
            return self._of_ip[ip]
        hosts = {self._of_mac.get(mac) for mac in macs}
        return hosts.pop() if len(hosts) == 1 else None

    def ips_of(self, host: str) -> set[str]:
        """All its addresses."""
        return self._ips[host]

    def macs_of(self, host: str) -> set[int]:
        """All its MACs."""
        return self._macs[host]


def tunnel_ends(tunnels: Iterable[Tunnel], points: Iterable[CapturePoint]) -> dict[str, str]:
    """Address to what it was the end of, for the ends of overlays and the senders of mirror sessions.

    That makes a hypervisor of whoever is not known to be something else: a guest may build tunnels of its own, and
    physical switches send mirrors.
    """
    result: dict[str, str] = {}
    for tunnel in tunnels:
        if tunnel.kind in OVERLAYS:
            for ip in (tunnel.source, tunnel.destination):
                if ip:
                    result.setdefault(ip, f"end of {tunnel.kind} tunnels, likely")
    for point in points:
        if found := _MIRROR_SOURCE.match(point.key.mirror):
            result.setdefault(found["ip"], "sends a mirror session, likely")
    return result
