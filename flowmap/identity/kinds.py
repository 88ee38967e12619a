"""What an address alone can hint at: a virtual vendor's MAC prefix, a global or a group address."""

from __future__ import annotations

import ipaddress

from flowmap.packets import is_group_mac

VIRTUAL_PREFIXES = {
    0x005056: "VMware", 0x000C29: "VMware", 0x000569: "VMware", 0x001C14: "VMware",
    0x525400: "QEMU/KVM", 0xFA163E: "OpenStack", 0x00163E: "Xen", 0x00155D: "Hyper-V", 0x0003FF: "Virtual PC",
    0x000D3A: "Azure", 0x002248: "Azure", 0x6045BD: "Azure", 0x7C1E52: "Azure", 0x0017FA: "Azure",
    0x080027: "VirtualBox", 0xBC2411: "Proxmox", 0x506B8D: "Nutanix AHV", 0x001C42: "Parallels",
    0x001851: "Virtuozzo", 0x589CFC: "bhyve", 0x001A4A: "oVirt", 0x566F00: "oVirt",
    0x00144F: "Oracle VM", 0x000F4B: "Virtual Iron", 0x0021F6: "Oracle VM",
}  # fmt: skip
"""MAC prefixes that hypervisors give to guests (reference 2.1): a hint of kind, never of place."""

_NOT_GLOBAL = {
    version: [
        (int(network.network_address), int(network.broadcast_address))
        for network in map(ipaddress.ip_network, texts)
    ]
    for version, texts in (
        (4, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
             "192.168.0.0/16")),
        (6, ("::/127", "fc00::/7", "fe80::/10")),
    )
}  # fmt: skip
"""First and last address of each range, as numbers."""


def virtual_vendor(mac: int) -> str | None:
    """The vendor whose guests use this MAC's prefix; None for group addresses and every other prefix."""
    return None if mac < 0 or is_group_mac(mac) else VIRTUAL_PREFIXES.get(mac >> 24)


def is_hardware_mac(mac: int) -> bool:
    """Whether a maker of hardware gave the MAC away: neither locally administered nor of a virtual vendor.

    A guest may have been given such a MAC by hand or with a passthrough NIC, so this proves nothing.
    """
    return mac >= 0 and not mac >> 41 & 1 and not is_group_mac(mac) and virtual_vendor(mac) is None


def is_global(ip: str) -> bool:
    """Whether an address belongs to the outside by its range (RFC 1918, 6598, 3927, 4193, 4291).

    Documentation ranges count as global: they stand for it in examples and labs.
    """
    address = ipaddress.ip_address(ip)
    number = int(address)
    return not address.is_multicast and not any(first <= number <= last for first, last in _NOT_GLOBAL[address.version])


def group_of(ip: str, dst_mac: int) -> str | None:
    """``broadcast`` or ``multicast`` for a destination that means many machines, else None."""
    address = ipaddress.ip_address(ip)
    if str(address) == "255.255.255.255" or dst_mac == 0xFFFF_FFFF_FFFF:
        return "broadcast"
    if address.is_multicast or (dst_mac >= 0 and is_group_mac(dst_mac)):
        return "multicast"
    return None
