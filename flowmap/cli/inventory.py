"""What ``flowmap inventory`` prints: contradictions first, then notes, the files, and every row."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowmap.cli.console import wide_console
from flowmap.cli.summary import plain
from flowmap.inventory import Inventory, InventoryFile
from flowmap.packets import mac_text

_HOW = {"column": "as its row says", "header": "as the file says", "file time": "from the file's time"}


def print_inventory(files: Sequence[InventoryFile], inventory: Inventory) -> None:
    """The files and what they give together."""
    console = wide_console(sys.stdout)
    for conflict in inventory.conflicts:
        console.print(Text(f"Conflict: {plain(conflict.text)}", style="bold dark_orange3"))
    for warning in inventory.warnings:
        console.print(Text(f"Note: {plain(warning)}"))
    for file in files:
        held = ", ".join(_counts(file)) or "nothing"
        console.print(Text(plain(f"{file.name}: {file.format}, {held}; {_age(file.exported_ns, file.exported_how)}")))
    _print_vnics(console, inventory)
    _print_hosts(console, inventory)
    _print_learned(console, inventory)
    _print_mirrors(console, inventory)
    console.print(
        Text(f"{len(inventory.records)} vNICs, {len(inventory.conflicts)} conflicts, {len(inventory.warnings)} notes.")
    )


def _counts(file: InventoryFile) -> list[str]:
    of_kind = (
        (len(file.records), "vNIC", "vNICs"),
        (len(file.hypervisors), "hypervisor", "hypervisors"),
        (len(file.learned), "learned MAC", "learned MACs"),
        (len(file.mirrors), "mirror", "mirrors"),
        (len(file.networks), "port group or vSwitch", "port groups and vSwitches"),
    )
    return [f"{count:,} {noun if count == 1 else several}" for count, noun, several in of_kind if count]


def _age(observed_at_ns: int | None, how: str | None) -> str:
    """When something was true and how that is known."""
    if observed_at_ns is None:
        return "nobody says when it was exported"
    moment = datetime.fromtimestamp(observed_at_ns // 10**9, UTC)
    return f"as of {moment:%Y-%m-%d %H:%M} UTC, {_HOW.get(how or '', how)}"


def _table(titles: Iterable[str], title: str | None = None) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for name in titles:
        table.add_column(name, overflow="fold")
    return table


def _add(table: Table, cells: Iterable[object]) -> None:
    table.add_row(*(Text(plain("-" if cell in (None, "") else cell)) for cell in cells))


def _from(source: str, row: int, format_name: str, observed_at_ns: int | None, how: str | None) -> str:
    """File and row; the time too where the row says it itself, for a file's time stands with the file."""
    told = f", {_age(observed_at_ns, how)}" if how == "column" else ""
    return f"{source} row {row} ({format_name}{told})"


def _print_vnics(console: Console, inventory: Inventory) -> None:
    table = _table(("VM", "MAC", "Addresses", "Host", "vSwitch", "Network", "VLAN", "Interface", "Notes", "From"))
    for row in inventory.records:
        notes = [
            row.kind if row.kind != "vm" else "",
            "distributed" if row.distributed else "",
            "passthrough" if row.passthrough else "",
            "isolated" if row.isolated else "",
            "no uplink" if row.has_uplink is False else "",
            f"is {row.guest_name}" if row.guest_name and row.guest_name.casefold() != row.vm.casefold() else "",
            f"outside as {', '.join(row.external_ips)}" if row.external_ips else "",
        ]
        cells = (
            row.vm,
            mac_text(row.mac) if row.mac is not None else "",
            ", ".join(row.ips),
            row.host or "?",
            row.vswitch,
            row.network,
            row.vlan if row.vlan is not None else row.segment_type if row.segment_type == "overlay" else "",
            row.interface,
            ", ".join(note for note in notes if note),
            _from(row.source, row.row, row.format, row.observed_at_ns, row.observed_how),
        )
        _add(table, cells)
    console.print(table)


def _print_hosts(console: Console, inventory: Inventory) -> None:
    if not inventory.hypervisors:
        return
    table = _table(("Host", "Also called", "Addresses", "MACs", "Uplinks", "From"), "Hypervisors")
    for host in inventory.hypervisors:
        uplinks = ", ".join(host.uplinks)
        cells = (
            host.host,
            ", ".join(host.ids),
            ", ".join(host.ips),
            ", ".join(mac_text(mac) for mac in host.macs),
            f"{uplinks} ({'all' if host.uplinks_complete else 'perhaps more'})" if uplinks else "",
            _from(host.source, host.row, host.format, host.observed_at_ns, host.observed_how),
        )
        _add(table, cells)
    console.print(table)


def _print_learned(console: Console, inventory: Inventory) -> None:
    if not inventory.learned:
        return
    table = _table(("MAC", "Host", "vSwitch", "Port", "VLAN", "Age (s)", "From"), "Learned by switches")
    for row in inventory.learned:
        port = row.interface or ("" if row.port_number is None else f"number {row.port_number}")
        if row.is_uplink is not None:
            port += " (uplink)" if row.is_uplink else " (VM)"
        where = _from(row.source, row.row, row.format, row.observed_at_ns, row.observed_how)
        _add(table, (mac_text(row.mac), row.host or "?", row.vswitch, port.strip(), row.vlan, row.age_s, where))
    console.print(table)


def _print_mirrors(console: Console, inventory: Inventory) -> None:
    if not inventory.mirrors:
        return
    table = _table(("Mirror", "Host", "vSwitch", "Copies", "To", "Cut at", "From"), "Mirrors")
    for row in inventory.mirrors:
        chosen = [*row.select_interfaces, *(f"VLAN {vlan}" for vlan in row.select_vlans)]
        to = row.output_interface or ("" if row.output_vlan is None else f"VLAN {row.output_vlan}")
        where = _from(row.source, row.row, row.format, row.observed_at_ns, row.observed_how)
        copies = "everything" if row.select_all else ", ".join(chosen)
        _add(table, (row.name, row.host or "?", row.vswitch, copies, to, row.snaplen, where))
    console.print(table)
