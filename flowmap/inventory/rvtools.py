"""RVTools, the tabs of VMs: vNetwork, one row a vNIC with its host, and vInfo, one row a VM.

Titles as RVTools 3.9 to 4.7 write them; the samples in the tests are made in that layout. VLAN ids are not in these
tabs (see `rvtools_ports`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flowmap.inventory.documents import Document, Table
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import Cells, add_row, columns_titled, heading

VNETWORK = {
    "vm": ("vm",),
    # Not "VM ID": that is a number within one vCenter (vm-123), so two vCenters have the same ones.
    "vm_id": ("vmuuid",),
    "nic": ("niclabel",),
    "mac": ("macaddress",),
    "ips": ("ipv4address", "ipv6address", "ipaddress"),
    "host": ("host",),
    "cluster": ("cluster",),
    "vswitch": ("switch",),
    "network": ("network",),
    "passthrough": ("directpathio",),
    "power_state": ("powerstate",),
}
"""Titles of the tab for each field, as `rows.heading` writes them; `Type` is how the MAC was assigned."""

VINFO = {
    "vm": ("vm",),
    "vm_id": ("vmuuid",),
    "guest_name": ("dnsname",),
    "ips": ("primaryipaddress",),
    "host": ("host",),
    "cluster": ("cluster",),
    "power_state": ("powerstate",),
}
_NETWORKS = tuple(f"network{number}" for number in range(1, 9))
"""`Network #1` to `#8`: the networks of the VM's NICs, in the order of the NICs."""

_VNETWORK_TITLES = {"vm", "macaddress", "switch"}
_ONLY_IN_RVTOOLS = {"niclabel", "startsconnected", "directpathio", "srmplaceholder", "visdkserver"}
_VINFO_TITLES = {"vm", "powerstate", "primaryipaddress", "host"}


def titles_of(document: Document) -> set[str]:
    """The titles of a table, as `rows.heading` writes them; none for anything else."""
    return {heading(title) for title in document.header} if isinstance(document, Table) else set()


def matches_vnetwork(document: Document) -> bool:
    """A table with the titles VM, Mac Address and Switch, and one that only RVTools writes."""
    titles = titles_of(document)
    return titles >= _VNETWORK_TITLES and not titles.isdisjoint(_ONLY_IN_RVTOOLS)


def matches_vinfo(document: Document) -> bool:
    """A table with VM, Powerstate, Primary IP Address and Host, but no column of one NIC."""
    titles = titles_of(document)
    return titles >= _VINFO_TITLES and titles.isdisjoint({"macaddress", "niclabel"})


def read_vnetwork(document: Document, reading: Reading) -> None:
    """Add the vNICs of a vNetwork tab."""
    _read(document, reading, VNETWORK)


def read_vinfo(document: Document, reading: Reading) -> None:
    """Add the VMs of a vInfo tab. A VM's network is told only where all its NICs are in the same one."""
    _read(document, reading, VINFO)


def rows_of(document: Document, reading: Reading) -> Iterator[tuple[int, Cells]]:
    """Row number and cells of each row that holds something; a field is a title, as `rows.heading` writes it."""
    assert isinstance(document, Table)
    columns = {heading(title): (position,) for position, title in enumerate(document.header)}
    for row, texts in reading.numbered(document.rows, first=document.header_row + 1):
        if any(text.strip() for text in texts):
            yield row, Cells(document.header, texts, columns, reading, row)


def _read(document: Document, reading: Reading, fields: Mapping[str, Sequence[str]]) -> None:
    assert isinstance(document, Table)
    columns = columns_titled(document.header, {**fields, "networks": _NETWORKS, "placeholder": ("srmplaceholder",)})
    networks = columns.pop("networks", ()) if fields is VINFO else ()
    placeholder = next(iter(columns.pop("placeholder", ())), None)
    for row, cells in reading.numbered(document.rows, first=document.header_row + 1):
        if placeholder is not None and cells[placeholder : placeholder + 1] == ["True"]:
            # It reserves a place at the recovery site; the VM itself runs elsewhere, with the same name.
            reading.skip(row, "they are Site Recovery placeholders, which never run")
        elif any(cell.strip() for cell in cells):
            if networks:
                named = {cells[n]: n for n in networks if n < len(cells) and cells[n].strip()}
                columns["network"] = tuple(named.values()) if len(named) == 1 else ()
            add_row(document.header, cells, columns, reading, row)
