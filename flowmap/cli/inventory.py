"""What ``flowmap inventory`` prints: contradictions first, then notes, the files, and every row."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowmap.cli.console import plain, wide_console
from flowmap.inventory import HostRecord, Inventory, InventoryFile, LearnedMac, MirrorSession, VnicRecord
from flowmap.packets import mac_text

_HOW = {"column": "its row", "header": "the file itself", "file time": "the file's time"}
_UUID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}", re.IGNORECASE)
_MIN_WIDTHS = {"Addresses": 15, "File:row": 8}
_WHOLE = frozenset({"MAC", "MACs", "As of", "Row", "File:row"})
"""Columns whose cells would say nothing if they were folded."""

Row = VnicRecord | HostRecord | LearnedMac | MirrorSession
Cells = Sequence[object]
"""One row of a table; a list is several lines of one cell, None and "" are nothing."""


def print_inventory(files: Sequence[InventoryFile], inventory: Inventory) -> None:
    """The files and what they give together."""
    console = wide_console(sys.stdout)
    for conflict in inventory.conflicts:
        console.print(Text(f"Conflict: {plain(conflict.text)}", style="bold dark_orange3"))
    for warning in inventory.warnings:
        console.print(Text(f"Note: {plain(warning)}"))
    places = _Places(files)
    _print_files(console, files)
    _print_vnics(console, inventory, places)
    _print_hosts(console, inventory, places)
    _print_learned(console, inventory, places)
    _print_mirrors(console, inventory, places)
    counts = (
        (len(inventory.records), "vNIC", "vNICs"),
        (len(inventory.hosts()), "host", "hosts"),
        (len(inventory.conflicts), "conflict", "conflicts"),
        (len(inventory.warnings), "note", "notes"),
    )
    console.print(Text(f"{', '.join(_counted(*each) for each in counts)}."))


class _Places:
    """Where a row stands, in few characters: the number of its file, and its own."""

    def __init__(self, files: Sequence[InventoryFile]) -> None:
        self._numbers = {file.name: number for number, file in enumerate(files, 1)}
        self.title = "Row" if len(files) == 1 else "File:row"

    def of(self, row: Row) -> str:
        file = row.source
        if file not in self._numbers:  # a sheet of a workbook: "site.xlsx (vNetwork)"
            file = next((name for name in self._numbers if file.startswith(f"{name} (")), file)
        number = "" if len(self._numbers) == 1 else self._numbers.get(file, "")
        return f"{number}{row.source.removeprefix(file)}:{row.row}".lstrip(" :")


def _print_files(console: Console, files: Sequence[InventoryFile]) -> None:
    rows = [
        (number, file.name, file.format, _held(file), _moment(file.exported_ns), _HOW.get(file.exported_how or "", ""))
        for number, file in enumerate(files, 1)
    ]
    _print_table(console, "Files", ("", "File", "Format", "Holds", "As of", "By"), rows)


def _held(file: InventoryFile) -> str:
    of_kind = (
        (len(file.records), "vNIC", "vNICs"),
        (len(file.hypervisors), "hypervisor", "hypervisors"),
        (len(file.learned), "learned MAC", "learned MACs"),
        (len(file.mirrors), "mirror", "mirrors"),
        (len(file.networks), "port group or vSwitch", "port groups and vSwitches"),
    )
    held = ", ".join(_counted(*each) for each in of_kind if each[0])
    return held or (f"{_counted(len(file.links), 'row', 'rows')} for other files" if file.links else "nothing")


def _counted(count: int, noun: str, several: str) -> str:
    return f"{count:,} {noun if count == 1 else several}"


def _moment(at_ns: int | None) -> str:
    return "unknown" if at_ns is None else f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%d %H:%M} UTC"


def _print_table(console: Console, title: str, titles: Sequence[str], rows: Sequence[Cells]) -> None:
    """A table without the columns that no row fills; nothing at all without rows."""
    if not rows:
        return
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title=title, title_justify="left", title_style="bold"
    )
    used = [column for column in range(len(titles)) if any(row[column] not in (None, "", []) for row in rows)]
    for column in used:
        name = titles[column]
        table.add_column(name, overflow="fold", no_wrap=name in _WHOLE, min_width=_MIN_WIDTHS.get(name))
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in used))
    console.print(table)


def _cell(told: object) -> Text:
    if isinstance(told, list):
        return Text("\n".join(plain(line) for line in told) or "-")
    return Text("-" if told in (None, "") else plain(told))


def _print_vnics(console: Console, inventory: Inventory, places: _Places) -> None:
    rows = [
        (
            row.vm,
            mac_text(row.mac) if row.mac is not None else "",
            list(row.ips),
            row.host or "?",
            row.vswitch,
            _UUID.sub(r"\1…", row.network or ""),
            row.vlan if row.vlan is not None else row.segment_type if row.segment_type == "overlay" else "",
            row.interface,
            _notes(row),
            places.of(row),
        )
        for row in inventory.records
    ]
    titles = ("VM", "MAC", "Addresses", "Host", "vSwitch", "Network", "VLAN", "Interface", "Notes", places.title)
    _print_table(console, "vNICs", titles, rows)


def _notes(row: VnicRecord) -> list[str]:
    """What is special of a vNIC; its time too where the row says it itself, for a file's time stands with the file."""
    notes = (
        row.kind if row.kind != "vm" else "",
        "distributed" if row.distributed else "",
        "passthrough" if row.passthrough else "",
        "isolated" if row.isolated else "",
        "no uplink" if row.has_uplink is False else "",
        f"is {row.guest_name}" if row.guest_name and row.guest_name.casefold() != row.vm.casefold() else "",
        f"outside as {', '.join(row.external_ips)}" if row.external_ips else "",
        f"as of {_moment(row.observed_at_ns)}" if row.observed_how == "column" else "",
    )
    return [note for note in notes if note]


def _print_hosts(console: Console, inventory: Inventory, places: _Places) -> None:
    rows = []
    for host in inventory.hypervisors:
        complete = "all of them" if host.uplinks_complete else "perhaps more"
        uplinks = [*host.uplinks, f"({complete})"] if host.uplinks else []
        macs = [mac_text(mac) for mac in host.macs]
        rows.append((host.host, list(host.ids), list(host.ips), macs, uplinks, places.of(host)))
    titles = ("Host", "Also called", "Addresses", "MACs", "Uplinks", places.title)
    _print_table(console, "Hypervisors", titles, rows)


def _print_learned(console: Console, inventory: Inventory, places: _Places) -> None:
    kinds = {True: "leads out", False: "a VM's", None: ""}
    rows = []
    for row in inventory.learned:
        port = row.interface or ("" if row.port_number is None else f"number {row.port_number}")
        place = places.of(row)
        rows.append((mac_text(row.mac), row.host or "?", row.vswitch, port, kinds[row.is_uplink], row.vlan, row.age_s,
                     place))  # fmt: skip
    titles = ("MAC", "Host", "vSwitch", "Port", "Which", "VLAN", "Age (s)", places.title)
    _print_table(console, "Learned by switches", titles, rows)


def _print_mirrors(console: Console, inventory: Inventory, places: _Places) -> None:
    rows = []
    for row in inventory.mirrors:
        chosen = ["everything"] if row.select_all else [*row.select_interfaces]
        chosen += [f"in VLAN {vlan}" for vlan in row.select_vlans]
        to = row.output_interface or ("" if row.output_vlan is None else f"VLAN {row.output_vlan}")
        rows.append((row.name, row.host or "?", row.vswitch, chosen, to, row.snaplen, places.of(row)))
    titles = ("Mirror", "Host", "vSwitch", "Copies", "To", "Cut at", places.title)
    _print_table(console, "Mirrors", titles, rows)
