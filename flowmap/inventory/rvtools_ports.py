"""RVTools, the tabs of port groups: vPort (standard, one row a host) and dvPort (distributed).

Titles as RVTools 3.9 to 4.7 write them; the samples in the tests are made in that layout. `VLAN` is a number, a range
for a trunk, or text.
"""

from __future__ import annotations

from flowmap.inventory.documents import Document
from flowmap.inventory.reading import Reading
from flowmap.inventory.rvtools import rows_of, titles_of


def matches_vport(document: Document) -> bool:
    """A table with Host, Port Group, Switch and VLAN."""
    return titles_of(document) >= {"host", "portgroup", "switch", "vlan"}


def matches_dvport(document: Document) -> bool:
    """A table with Port, Switch, Type and VLAN; a distributed port group names no host."""
    titles = titles_of(document)
    return titles >= {"port", "switch", "type", "vlan"} and "host" not in titles


def read_vport(document: Document, reading: Reading) -> None:
    """Add the port groups of standard vSwitches."""
    _read(document, reading, "portgroup")


def read_dvport(document: Document, reading: Reading) -> None:
    """Add the port groups of distributed switches."""
    _read(document, reading, "port")


def _read(document: Document, reading: Reading, name_title: str) -> None:
    for row, cells in rows_of(document, reading):
        name, vswitch, host = (cells.name(title) for title in (name_title, "switch", "host"))
        if name is None or (name_title == "portgroup" and host is None):
            reading.skip(row, "they name no port group, or a standard one without its host")
            continue
        reading.add_port_group(row, name, vswitch, host, cells.name("vlan") or "")
