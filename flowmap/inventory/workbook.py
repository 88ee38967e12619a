"""A whole workbook: RVTools' "Export all to Excel", or any sheet that is an inventory by its titles.

RVTools names its sheets vInfo, vNetwork, ...; versions before 3.9 tabvInfo and so on. If there is one of them, only
these are read: the other tabs of RVTools have columns like VM and Host too. vMetaData says when the export was made.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from flowmap.inventory import csv_rows, rvtools, rvtools_hosts, rvtools_ports
from flowmap.inventory.cells import parse_time
from flowmap.inventory.documents import Document, Table, Workbook
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import heading

Matches = Callable[[Document], bool]
Read = Callable[[Document, Reading], None]

RVTOOLS_TABS: dict[str, tuple[Matches, Read]] = {
    "vnetwork": (rvtools.matches_vnetwork, rvtools.read_vnetwork),
    "vinfo": (rvtools.matches_vinfo, rvtools.read_vinfo),
    "vhost": (rvtools_hosts.matches_vhost, rvtools_hosts.read_vhost),
    "vnic": (rvtools_hosts.matches_vnic, rvtools_hosts.read_vnic),
    "vscvmk": (rvtools_hosts.matches_vmk, rvtools_hosts.read_vmk),
    "vport": (rvtools_ports.matches_vport, rvtools_ports.read_vport),
    "vswitch": (rvtools_hosts.matches_vswitch, rvtools_hosts.read_vswitch),
    "dvport": (rvtools_ports.matches_dvport, rvtools_ports.read_dvport),
}
"""By the name of the sheet as `rows.heading` writes it, without "tab" before it."""

_CREATION_TIME = "xlsxcreationdatetime"


def matches(document: Document) -> bool:
    """A workbook with a tab of RVTools, or with a sheet that is a generic table of machines."""
    if not isinstance(document, Workbook):
        return False
    return any(_tab(title) in RVTOOLS_TABS or csv_rows.matches(table) for title, table in document.sheets)


def read(document: Document, reading: Reading) -> None:
    """Add the rows of all sheets that are known, each under its own name."""
    assert isinstance(document, Workbook)
    of_rvtools = [(title, table) for title, table in document.sheets if _tab(title) in RVTOOLS_TABS]
    if not of_rvtools:
        for title, table in document.sheets:
            if csv_rows.matches(table):
                csv_rows.read(table, reading.part(title, "csv"))
        return
    reading.exported_ns = next(
        (_creation_time(table) for title, table in document.sheets if _tab(title) == "vmetadata"), None
    )
    for title, table in of_rvtools:
        tab = _tab(title)
        tab_matches, tab_read = RVTOOLS_TABS[tab]
        if tab_matches(table):
            tab_read(table, reading.part(title, f"rvtools-{tab}"))
        else:
            reading.warn_file(f"sheet {title} does not have the titles of that tab of RVTools and is left out")


def _tab(title: str) -> str:
    """`tabvSC_VMK` and `vSC_VMK` -> `vscvmk`."""
    return heading(title).removeprefix("rvtools").removeprefix("tab")


def _creation_time(table: Table) -> int | None:
    titles = [heading(title) for title in table.header]
    if _CREATION_TIME not in titles:
        return None
    for cells in islice(table.rows, 1):
        try:
            return parse_time(cells[titles.index(_CREATION_TIME)].strip())
        except (ValueError, IndexError):
            return None
    return None
