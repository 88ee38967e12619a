"""RVTools, tab vNetwork exported as CSV: one row for each vNIC, with its host in the same row.

VLAN ids are not in this tab (RVTools keeps them in vPort and dvPort).
"""

from __future__ import annotations

from flowmap.inventory.documents import Document, Table
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import add_row, heading

COLUMNS = {
    "vm": ("vm",),
    # Not "VM ID": that is a number within one vCenter (vm-123), so two vCenters have the same ones.
    "vm_id": ("vmuuid",),
    "nic": ("niclabel",),
    "mac": ("macaddress",),
    "ips": ("ipv4address", "ipv6address", "ipaddress"),
    "host": ("host",),
    "vswitch": ("switch",),
    "network": ("network",),
    "passthrough": ("directpathio",),
    "power_state": ("powerstate",),
}
"""Titles of the tab for each field, as `rows.heading` writes them; `Type` is how the MAC was assigned."""

_REQUIRED = {"vm", "macaddress", "switch"}
_ONLY_IN_RVTOOLS = {"niclabel", "startsconnected", "directpathio", "srmplaceholder", "visdkserver"}


def matches(document: Document) -> bool:
    """A table with the titles VM, Mac Address and Switch, and one that only RVTools writes."""
    if not isinstance(document, Table):
        return False
    titles = {heading(title) for title in document.header}
    return titles >= _REQUIRED and not titles.isdisjoint(_ONLY_IN_RVTOOLS)


def read(document: Document, reading: Reading) -> None:
    """Add the rows of a vNetwork tab."""
    assert isinstance(document, Table)
    positions = {heading(title): position for position, title in enumerate(document.header)}
    columns = {field: [positions[t] for t in titles if t in positions] for field, titles in COLUMNS.items()}
    placeholder = positions.get("srmplaceholder")
    for row, cells in reading.numbered(document.rows, first=document.header_row + 1):
        if placeholder is not None and cells[placeholder : placeholder + 1] == ["True"]:
            # It reserves a place at the recovery site; the VM itself runs elsewhere, with the same name.
            reading.skip(row, "they are Site Recovery placeholders, which never run")
        elif any(cell.strip() for cell in cells):
            add_row(document.header, cells, columns, reading, row)
