"""RVTools, the tabs of hosts: vHost, vNIC (physical NICs), vSC_VMK (VMkernel interfaces) and vSwitch.

Titles as RVTools 3.9 to 4.7 write them; the samples in the tests are made in that layout. A physical NIC names in
`Switch` the vSwitch that it is an uplink of. One that names none may still lead out, by an NSX switch that RVTools
does not know, unless its link is down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from flowmap.inventory.cells import parse_ip, parse_mac
from flowmap.inventory.documents import Document
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import MAX_IPS_OF_NIC, Cells
from flowmap.inventory.rvtools import rows_of, titles_of

_LINK_DOWN = frozenset({"0", "0.0"})
"""`Speed` in Mbit/s of a NIC without a link."""


def matches_vnic(document: Document) -> bool:
    """A table with Host, Network Device, MAC and Switch."""
    return titles_of(document) >= {"host", "networkdevice", "mac", "switch"}


def matches_vmk(document: Document) -> bool:
    """A table with Host, Port Group, Device, Mac Address and IP Address."""
    return titles_of(document) >= {"host", "portgroup", "device", "macaddress", "ipaddress"}


def matches_vswitch(document: Document) -> bool:
    """A table with Host, Switch and Promiscuous Mode, but without the port group that vPort has."""
    titles = titles_of(document)
    return titles >= {"host", "switch", "promiscuousmode"} and "portgroup" not in titles


def matches_vhost(document: Document) -> bool:
    """A table with Host, ESX Version and Object ID."""
    return titles_of(document) >= {"host", "esxversion", "objectid"}


@dataclass
class _Host:
    """What the rows of one host have told so far; dicts are sets that keep their order."""

    first_row: int
    ids: dict[str, None] = field(default_factory=dict)
    ips: dict[str, None] = field(default_factory=dict)
    macs: dict[int, None] = field(default_factory=dict)
    uplinks: dict[str, None] = field(default_factory=dict)
    uplinks_complete: bool = False
    cluster: str | None = None


def read_vnic(document: Document, reading: Reading) -> None:
    """Add the uplinks and MACs of each host, and the vSwitches that have an uplink.

    A host's uplinks are complete when at least one of its NICs names a switch: then RVTools could read them.
    """
    hosts: dict[str, _Host] = {}
    switches: dict[tuple[str, str], int] = {}
    for row, name, cells in _rows(document, reading):
        host = _host_of(hosts, name, row, cells)
        device, switch = cells.name("networkdevice"), cells.name("switch")
        if (mac := cells.parsed("mac", parse_mac)) is not None:
            host.macs[mac] = None
        if switch:
            host.uplinks_complete = True
            switches.setdefault((name, switch), row)
        if device and (switch or cells.name("speed") not in _LINK_DOWN):
            host.uplinks[device] = None
    _add(hosts, reading)
    for (name, switch), row in switches.items():
        reading.add_switch(row, switch, name, has_uplink=True)


def read_vmk(document: Document, reading: Reading) -> None:
    """Add the VMkernel addresses and MACs of each host."""
    hosts: dict[str, _Host] = {}
    for row, name, cells in _rows(document, reading):
        host = _host_of(hosts, name, row, cells)
        if (mac := cells.parsed("macaddress", parse_mac)) is not None:
            host.macs[mac] = None
        for title in ("ipaddress", "ip6address"):
            host.ips |= dict.fromkeys(cells.several(title, parse_ip, MAX_IPS_OF_NIC))
    _add(hosts, reading)


def read_vhost(document: Document, reading: Reading) -> None:
    """Add what vCenter calls each host instead of its name: its object id and its UUID."""
    hosts: dict[str, _Host] = {}
    for row, name, cells in _rows(document, reading):
        host = _host_of(hosts, name, row, cells)
        host.ids |= {host_id: None for title in ("objectid", "uuid") if (host_id := cells.name(title))}
    _add(hosts, reading)


def read_vswitch(document: Document, reading: Reading) -> None:
    """Add the standard vSwitches. Whether they have an uplink is in vNIC."""
    for row, name, cells in _rows(document, reading):
        if switch := cells.name("switch"):
            reading.add_switch(row, switch, name)


def _rows(document: Document, reading: Reading) -> Iterator[tuple[int, str, Cells]]:
    """Row number, host and cells of each row that names a host."""
    for row, cells in rows_of(document, reading):
        if name := cells.name("host"):
            yield row, name, cells
        else:
            reading.skip(row, "they name no host")


def _host_of(hosts: dict[str, _Host], name: str, row: int, cells: Cells) -> _Host:
    """What is known of a host so far; every tab of hosts has its cluster."""
    host = hosts.setdefault(name, _Host(row))
    host.cluster = host.cluster or cells.name("cluster")
    return host


def _add(hosts: dict[str, _Host], reading: Reading) -> None:
    for name, host in hosts.items():
        reading.add_host(
            host.first_row,
            name,
            ids=tuple(host.ids),
            ips=tuple(host.ips),
            macs=tuple(host.macs),
            uplinks=tuple(host.uplinks),
            uplinks_complete=host.uplinks_complete,
            cluster=host.cluster,
        )
