"""MACs that are reserved for virtual routers, and what kind of router a MAC is (reference 2.1)."""

from __future__ import annotations

from typing import Literal

from flowmap.identity.kinds import virtual_vendor
from flowmap.inventory.records import Inventory
from flowmap.packets import is_group_mac

RouterKind = Literal["distributed", "physical", "vm", "unknown"]
"""Where a router with some MAC does its work.

- ``distributed``: in the host of whoever sends to it, for it exists in every host (NSX, OVN, Neutron DVR). This says
  where a packet is routed, not where it goes then.
- ``physical``: outside of every host.
- ``vm``: on the one host on which the inventory places it, as a VM or another virtual router.
- ``unknown``: any of these.
"""

NOBODYS_MAC = 0x123456789ABC
"""Azure answers every ARP request with this MAC, so it is the MAC of no machine."""

_PREFIXES: tuple[tuple[int, int, str, RouterKind], ...] = (
    (0x00005E0001, 40, "the VRRP or CARP virtual router MAC", "unknown"),  # RFC 9568; a keepalived VM or a router
    (0x00005E0002, 40, "the VRRP virtual router MAC for IPv6", "unknown"),
    (0x00000C07AC, 40, "an HSRP virtual router MAC", "physical"),
    (0x00000C9FF, 36, "an HSRP version 2 virtual router MAC", "physical"),
    (0x000573A00, 36, "an HSRP virtual router MAC for IPv6", "physical"),
    (0x0007B400, 32, "a GLBP virtual router MAC", "physical"),
    (0x0022BDF819FF, 48, "the gateway MAC of Cisco ACI leaf switches", "physical"),
    (0x025056564452, 48, "the NSX distributed router MAC", "distributed"),
    (0x025056564453, 48, "the NSX distributed router MAC", "distributed"),
    (0x025056564552, 48, "the MAC of the NSX service plane in every host", "unknown"),  # it may hand over to any host
    (0x0250565600, 40, "a shadow MAC of an NSX edge router's port", "unknown"),
    (0xFA163F, 24, "a Neutron distributed router's MAC of one host", "distributed"),
    (NOBODYS_MAC, 48, "the Azure fabric, which answers for everybody", "unknown"),
)
"""Prefix, its bits, what it is, and of which kind."""

_GOOGLE, _GOOGLE_BITS = 0x4201, 16
_UNASSIGNED_OUI = 0x000000
"""Open Virtual Network's own examples take router MACs from here; no router of today is sold with it."""


def standard_router_mac(mac: int) -> str | None:
    """What a reserved virtual router MAC is, None for any other."""
    found = _reserved(mac)
    return found[0] if found else None


def is_distributed_router_mac(mac: int) -> bool:
    """Whether a MAC is reserved for routers that run in every host."""
    found = _reserved(mac)
    return found is not None and found[1] == "distributed"


def google_address(mac: int) -> str | None:
    """The IPv4 address that a Google Compute Engine MAC (42:01 and four octets) is made of; None for other MACs."""
    if mac < 0 or mac >> (48 - _GOOGLE_BITS) != _GOOGLE:
        return None
    return ".".join(str(mac >> shift & 0xFF) for shift in (24, 16, 8, 0))


def router_kind(mac: int, inventory: Inventory) -> RouterKind:
    """Where the router with this MAC does its work; asked of a MAC that is known to be a router's.

    The inventory outranks the MAC itself, and rows that disagree tell nothing. A MAC that no row has, of a vendor of
    devices, is a physical router's. A locally administered one may be anybody's.
    """
    rows = inventory.by_mac(mac)
    told = {_kind_of_row(row.kind, row.distributed) for row in rows}
    if told:
        return told.pop() if len(told) == 1 else "unknown"
    found = _reserved(mac)
    if found:
        return found[1]
    is_nobodys = mac < 0 or is_group_mac(mac) or mac >> 24 == _UNASSIGNED_OUI or inventory.hypervisor(mac=mac)
    if is_nobodys or mac >> 41 & 1 or virtual_vendor(mac):
        return "unknown"
    return "physical"


def _kind_of_row(kind: str, distributed: bool) -> RouterKind:
    """A hypervisor that routes for its guests may translate, forward out or both."""
    if distributed:
        return "distributed"
    return "unknown" if kind == "hypervisor" else "vm"


def _reserved(mac: int) -> tuple[str, RouterKind] | None:
    for prefix, bits, what, kind in _PREFIXES:
        if mac >= 0 and mac >> (48 - bits) == prefix:
            return what, kind
    return None
