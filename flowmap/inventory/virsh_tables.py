"""`virsh domiflist` and `virsh domifaddr`: tables for people, without the name of their VM.

The name stands in a line before (`# vm: web`, or the command itself) or in the file's name. Layout as in libvirt's
tools/virsh-domain-monitor.c, which prints the columns through vshTable: two spaces or more between, dashes below the
titles, `-` for nothing.
"""

from __future__ import annotations

import re

from flowmap.inventory.cells import clean_name, parse_ip, parse_mac
from flowmap.inventory.documents import Document, Lines
from flowmap.inventory.listing import sections, vm_in_file_name
from flowmap.inventory.reading import Reading

_IFLIST_TITLES = re.compile(r"\s*Interface\s+Type\s+Source\s+Model\s+MAC\s*")
_IFADDR_TITLES = re.compile(r"\s*Name\s+MAC address\s+Protocol\s+Address\s*")
_OF_GUESTS_OWN = re.compile(r"lo|docker\d*|br-[0-9a-f]{12}|virbr\d+(-nic)?|veth.*|cni\d*|flannel.*|cali.*|tun\d+|wg\d+")
"""Interfaces that a guest agent lists beside the vNICs: every guest has the same addresses on them."""


def is_guests_own(interface: str) -> bool:
    """Whether a name inside the guest is one of its own bridges or of loopback."""
    return _OF_GUESTS_OWN.fullmatch(interface) is not None


def matches_domiflist(document: Document) -> bool:
    """The titles of domiflist."""
    return isinstance(document, Lines) and any(map(_IFLIST_TITLES.fullmatch, document.first()))


def matches_domifaddr(document: Document) -> bool:
    """The titles of domifaddr."""
    return isinstance(document, Lines) and any(map(_IFADDR_TITLES.fullmatch, document.first()))


def read_domiflist(document: Document, reading: Reading) -> None:
    """Add a vNIC for each row. The interface is `-` while the VM is shut off."""
    assert isinstance(document, Lines)
    of_file = vm_in_file_name(reading.name)
    for _, (number, line, section) in reading.numbered(sections(document)):
        if _IFLIST_TITLES.fullmatch(line) or not line.strip("-"):
            continue
        cells = line.split()
        if len(cells) < 5:
            reading.skip(number, "they are no rows of domiflist")
            continue
        mac = reading.take(parse_mac, cells[-1], number, "MAC")
        kind = cells[1].casefold()
        told = clean_name(" ".join(cells[2:-2]))  # a network's name may have spaces
        source = None if told == "-" else told
        if kind == "direct":
            reading.warn_file(
                "domiflist does not tell the mode of macvtap interfaces, so they count as bypassing the host's switch;"
                " give virsh dumpxml instead"
            )
        interface = None if cells[0] == "-" else clean_name(cells[0])
        reading.add_vnic(
            number, vm=section.vm or of_file or "", host=section.host, mac=mac, interface=interface,
            vswitch=source if kind == "bridge" else None,
            network=f"macvtap on {source}" if kind == "direct" else source,
            passthrough=kind in ("direct", "hostdev", "vdpa"),
            power_state="running" if interface else "shut off",
        )  # fmt: skip


def read_domifaddr(document: Document, reading: Reading) -> None:
    """Add the addresses of each MAC. A row without MAC (`-`) goes on with the one above."""
    assert isinstance(document, Lines)
    of_file = vm_in_file_name(reading.name)
    mac: int | None = None
    for _, (number, line, section) in reading.numbered(sections(document)):
        if _IFADDR_TITLES.fullmatch(line) or not line.strip("-"):
            mac = None
            continue
        cells = line.split()
        if len(cells) != 4:
            reading.skip(number, "they are no rows of domifaddr")
            continue
        name, given, protocol, address = cells
        if given != "-":
            mac = None
            if is_guests_own(name):
                reading.skip(number, "they are the guest's own bridges and loopback, not vNICs")
                continue
            if given != "N/A":
                mac = reading.take(parse_mac, given, number, "MAC address")
        if mac is None or protocol == "N/A":
            continue
        if (ip := reading.take(parse_ip, address, number, "Address")) is not None:
            reading.add_vnic(number, vm=section.vm or of_file or "", host=section.host, mac=mac, ips=(ip,))
