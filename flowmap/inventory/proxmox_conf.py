"""Proxmox VE's configuration of VMs and containers: `qemu-server/100.conf` and `lxc/101.conf`, one or several.

The node is in the path, `/etc/pve/nodes/NODE/qemu-server/100.conf`, which may stand as a comment line before each
file or as `head`'s `==> PATH <==`. Keys as in qm.conf(5) and pct.conf(5); a section `[snapshot]` is of the past.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flowmap.inventory.cells import clean_name, parse_ip, parse_mac, parse_vlan
from flowmap.inventory.documents import Document, Lines
from flowmap.inventory.reading import Reading

_PATH = re.compile(
    r"(?:(?:.*/)?nodes/(?P<node>[^/\s]{1,63})/|.*/)?(?P<kind>qemu-server|lxc)/(?P<vmid>\d{1,9})\.conf", re.ASCII
)
_PATH_LINE = re.compile(r"(?:#\s+(?P<comment>/\S{1,300})|==> (?P<head>\S{1,300}) <==)\s*")
_KEY_LINE = re.compile(r"(?P<key>[a-z][a-z0-9_-]{0,40}):\s*(?P<value>.*)")
_NET_LINE = re.compile(r"net(?P<number>\d{1,2}):\s*(?=\S*=)\S+\s*", re.ASCII)
_FILE_NAME = re.compile(r"(?:.*[/\\])?(?P<vmid>\d{3,9})\.conf")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


@dataclass
class _Guest:
    """One file; `nets` are (row, number, value)."""

    node: str | None = None
    vmid: str | None = None
    is_container: bool | None = None
    name: str = ""
    nets: list[tuple[int, int, str]] = field(default_factory=list)
    in_snapshot: bool = False


def matches(document: Document) -> bool:
    """A line `net0: virtio=MAC,bridge=vmbr0`."""
    if not isinstance(document, Lines):
        return False
    nets = (line for line in document.first() if _NET_LINE.fullmatch(line))
    return any("bridge=" in line or "hwaddr=" in line or _MAC.search(line) for line in nets)


def read(document: Document, reading: Reading) -> None:
    """Add the vNICs of each guest; the row is the line of its `net`."""
    assert isinstance(document, Lines)
    guest = _guest_of(reading.name)
    for number, line in reading.numbered(document):
        if place := _PATH_LINE.fullmatch(line):
            of_path = _guest_of(place["comment"] or place["head"])
            if of_path.vmid is not None:
                _add(guest, reading)
                guest = of_path
        elif line.startswith("["):
            guest.in_snapshot = True
        elif not guest.in_snapshot and not line.startswith("#") and (cells := _KEY_LINE.fullmatch(line[:4_000])):
            _take(guest, number, cells["key"], cells["value"].strip())
    _add(guest, reading)


def node_in_path(path: str) -> str | None:
    """The node of `.../nodes/NODE/qemu-server/100.conf`."""
    return _guest_of(path).node


def _guest_of(path: str) -> _Guest:
    if place := _PATH.fullmatch(path.replace("\\", "/")):
        node = clean_name(place["node"]) if place["node"] else None
        return _Guest(node, place["vmid"], place["kind"] == "lxc")
    name = _FILE_NAME.fullmatch(path)
    return _Guest(vmid=name["vmid"] if name else None)


def _take(guest: _Guest, row: int, key: str, value: str) -> None:
    if key in ("name", "hostname"):
        guest.name = clean_name(value)
        if guest.is_container is None:
            guest.is_container = key == "hostname"
    elif re.fullmatch(r"net\d{1,2}", key, re.ASCII):
        guest.nets.append((row, int(key[3:]), value))


def _add(guest: _Guest, reading: Reading) -> None:
    for row, number, value in guest.nets:
        parts = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
        # The model is the key of a VM's MAC: virtio=BC:24:11:00:00:01.
        given = parts.get("hwaddr") or next((each for each in parts.values() if _MAC.fullmatch(each)), None)
        mac = None if given is None else reading.take(parse_mac, given, row, f"net{number}")
        if mac is None:
            reading.skip(row, "their net line holds no MAC")
            continue
        vlan = reading.take(parse_vlan, parts["tag"], row, "tag") if "tag" in parts else None
        ips = [reading.take(parse_ip, parts[key], row, key) for key in ("ip", "ip6")
               if parts.get(key) not in (None, "", "dhcp", "auto", "manual")]  # fmt: skip
        bridge = clean_name(parts.get("bridge", "")) or None
        prefix = "veth" if "hwaddr" in parts or guest.is_container else "tap"
        reading.add_vnic(
            row, vm=guest.name or (guest.vmid or ""), vm_id=guest.vmid, nic=f"net{number}", mac=mac, host=guest.node,
            ips=tuple(ip for ip in ips if ip is not None), vswitch=bridge, network=bridge, vlan=vlan or None,
            segment_type="vlan" if vlan else None,
            interface=f"{prefix}{guest.vmid}i{number}" if guest.vmid else None,
        )  # fmt: skip
