"""Rows of live forwarding tables: which port they mean, where they place a VM, and what they contradict.

A row is a few minutes old at most, so it outranks any export; a row contradicts, it never overwrites.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath

from flowmap.inventory.cells import mac_text
from flowmap.inventory.conflicts import moment_text
from flowmap.inventory.records import Conflict, HostRecord, LearnedMac, MirrorSession, VnicRecord
from flowmap.inventory.switches import LOCAL_PORT_NUMBER, Switches, leads_out

MAX_PLACES_OF_MAC = 64
"""Of one MAC in all tables; one at more of them is no VM's, and placed nowhere."""


def resolve_learned(
    learned: Iterable[LearnedMac],
    records: Iterable[VnicRecord],
    hypervisors: Iterable[HostRecord],
    mirrors: Iterable[MirrorSession],
    switches: Switches,
    warnings: list[str],
) -> list[LearnedMac]:
    """Rows with the name of their port and whether it is a VM's or leads out of the host.

    Rows in a VLAN into which a mirror copies (RSPAN) are left out: there the switches learn from copies.
    """
    owners: dict[tuple[str | None, str], set[int | None]] = defaultdict(set)
    for record in records:
        if record.kind == "vm" and record.host and record.interface:
            owners[record.host, record.interface].add(record.mac)
    uplinks = {(one.host, name) for one in hypervisors for name in one.uplinks}
    copies = {mirror.output_vlan for mirror in mirrors if mirror.output_vlan is not None}
    resolved = []
    without_host: dict[str, None] = {}
    for row in learned:
        if row.vlan is not None and row.vlan in copies:
            continue
        if row.host is None:
            without_host[row.source] = None
        else:
            row = _with_port(row, switches)
            row = replace(row, is_uplink=_is_uplink(row, owners, uplinks, switches))
        resolved.append(row)
    for source in without_host:
        warnings.append(
            f"{source}: the forwarding table does not say which host it is of, so it places nothing; give it as"
            " HOST=FILE or write a line '# host: NAME' above it."
        )
    return resolved


def _with_port(row: LearnedMac, switches: Switches) -> LearnedMac:
    if row.vswitch is None:
        row = replace(row, vswitch=_bridge_in_name(row.source, row.host, switches))
    if row.interface is not None or row.port_number is None:
        return row
    if row.port_number == LOCAL_PORT_NUMBER:
        return replace(row, interface=row.vswitch)
    meant = [one for one in switches.numbered(row.port_number, row.vswitch) if switches.host_of(one) == row.host]
    if len(meant) != 1:
        return row
    bridge = switches.bridge_of(meant[0])
    return replace(row, interface=meant[0].name, vswitch=row.vswitch or (None if bridge is None else bridge.name))


def _bridge_in_name(source: str, host: str | None, switches: Switches) -> str | None:
    """The bridge whose name ends the file's: `fdb-br-int.txt`, since the table itself does not name it."""
    stem = PurePath(source).name.rsplit(".", 1)[0]
    found = [
        name
        for of_host, name in switches.bridges()
        if of_host == host and name and stem.endswith(name) and stem[: -len(name)][-1:] in ("", "-", "_", ".")
    ]
    return max(found, key=len, default=None)


def _is_uplink(
    row: LearnedMac,
    owners: dict[tuple[str | None, str], set[int | None]],
    uplinks: set[tuple[str, str]],
    switches: Switches,
) -> bool | None:
    if row.interface is None:
        return row.is_uplink
    if of_vm := owners.get((row.host, row.interface)):
        # Another MAC behind a VM's port: a nested machine, a bridge, or a forged address.
        return False if row.mac in of_vm or None in of_vm else None
    if row.host and (row.host, row.interface) in uplinks:
        return True
    meant = [one for one in switches.named(row.interface) if switches.host_of(one) == row.host]
    return True if meant and all(map(leads_out, meant)) else row.is_uplink


def place_learned(records: list[VnicRecord], learned: Iterable[LearnedMac]) -> tuple[list[VnicRecord], list[Conflict]]:
    """Records without a host on the host that learned their MAC at a VM's port, and what contradicts the others."""
    first_rows: dict[int, dict[tuple[str, bool], LearnedMac]] = defaultdict(dict)
    for row in learned:
        if row.host is not None and row.is_uplink is not None:
            first_rows[row.mac].setdefault((row.host, row.is_uplink), row)
    rows_of = {mac: list(rows.values()) for mac, rows in first_rows.items() if len(rows) <= MAX_PLACES_OF_MAC}
    placed, conflicts = [], []
    for record in records:
        rows = rows_of.get(record.mac, []) if record.mac is not None else []
        if rows and record.host is None and not record.distributed:
            record = _placed(record, rows)
        elif rows and not record.distributed:
            confirmed = any(row.host == record.host and not row.is_uplink for row in rows)
            contradicts = [row for row in rows if row.is_uplink is (row.host == record.host)]
            against = [row for row in contradicts if not (row.is_uplink and confirmed)]
            conflicts += [_conflict(record, row) for row in against[:1]]
        placed.append(record)
    return placed, conflicts


def _placed(record: VnicRecord, rows: list[LearnedMac]) -> VnicRecord:
    at_vm = [row for row in rows if not row.is_uplink]
    hosts = {row.host for row in at_vm}
    if len(hosts) != 1 or any(row.is_uplink and row.host in hosts for row in rows):
        return record
    row = at_vm[0]
    return replace(
        record, host=row.host, source=row.source, row=row.row, observed_at_ns=row.observed_at_ns,
        observed_how=row.observed_how,
    )  # fmt: skip


def _conflict(record: VnicRecord, row: LearnedMac) -> Conflict:
    where = "behind a way out of it" if row.is_uplink else f"at the VM port {row.interface or row.port_number}"
    newer = ""
    if record.observed_at_ns is not None and row.observed_at_ns is not None:
        later = row.observed_at_ns - record.observed_at_ns
        which = "the table is newer" if later > 0 else "the table is older" if later < 0 else "both are as old"
        newer = f"; {which}"
    text = (
        f"MAC {mac_text(record.mac or 0)} ({record.vm or record.vm_id or 'no VM named'}) is on host {record.host}"
        f" ({record.source} row {record.row}{moment_text(record.observed_at_ns)}), but the forwarding table of host"
        f" {row.host} has it {where} ({row.source} row {row.row}{moment_text(row.observed_at_ns)}){newer}."
    )
    return Conflict("learned_elsewhere", text, ((record.source, record.row), (row.source, row.row)))
