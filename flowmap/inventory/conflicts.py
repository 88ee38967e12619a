"""Rows that cannot all be true. They are named, never resolved: which one is right, nobody said."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from flowmap.inventory.cells import mac_text
from flowmap.inventory.records import CONFLICT_KINDS, Conflict, VnicRecord, given_name, placed_by_its_file

MAX_CONFLICT_ROWS = 100
_MAX_NAMED = 4

Key = TypeVar("Key", bound=Hashable)


def find_conflicts(records: list[VnicRecord], as_given: list[VnicRecord]) -> list[Conflict]:
    """All contradictions among joined records, the worst kinds first (`CONFLICT_KINDS`).

    `as_given` are the records before joining: only there one sees which were placed by their file alone.

    Rows whose sources name different address domains do not contradict each other about addresses.
    """
    found: list[Conflict] = []
    for mac, rows in _groups(records, lambda r: [] if r.mac is None else [r.mac]).items():
        what = f"MAC {mac_text(mac)} is"
        for alike in _by_domain(rows):
            found += _two_vms("mac_on_two_vms", f"{what} on", alike)
            found += _two_hosts("mac_on_two_hosts", f"{what} on", alike)
            vlans = [r.vlan for r in alike]
            found += _contradiction("mac_on_two_vlans", f"{what} in", "VLANs", alike, vlans, _vlan_label)
    placed = (r for r in as_given if placed_by_its_file(r) and r.mac is not None)
    for (mac, _), rows in _groups(placed, lambda r: [(r.mac or 0, r.format)]).items():
        # Each of these files shows the VMs of one host, and a VM is on one host.
        what = f"MAC {mac_text(mac)} is in the exports of"
        sources = [r.source for r in rows]
        found += _contradiction("mac_in_two_exports", what, "hosts", rows, sources, _vm_label)
    for rows in _groups(records, lambda r: [_vm(r)] if _vm(r) else []).values():
        # With one MAC the same rows are reported with the MAC already.
        if len({r.mac for r in rows}) > 1:
            found += _two_hosts("vm_on_two_hosts", f"VM {_vm_label(rows[0])} is on", rows)
    on_host = _groups(records, lambda r: [(r.host, r.interface)] if r.host and r.interface else [])
    for (host, interface), rows in on_host.items():
        found += _two_vms("interface_on_two_vms", f"Interface {interface} of host {host} belongs to", rows)
    for ip, rows in _groups(records, lambda r: r.ips).items():
        if not ipaddress.ip_address(ip).is_link_local:  # these repeat on every segment
            for alike in _by_domain(rows):
                found += _two_vms("ip_on_two_vms", f"Address {ip} belongs to", alike)
    # Two tools may well call one VM differently; within one export two names are two VMs.
    for (_, vm_id), rows in _groups(records, lambda r: [(r.format, r.vm_id)] if r.vm_id else []).items():
        names = [given_name(r) for r in rows]
        what = f"Identifier {vm_id} belongs to"
        found += _contradiction("vm_id_on_two_vms", what, "VMs", rows, names, _vm_label)
    return sorted(dict.fromkeys(found), key=lambda conflict: CONFLICT_KINDS.index(conflict.kind))


def _two_hosts(kind: str, what: str, rows: list[VnicRecord]) -> list[Conflict]:
    return _contradiction(kind, what, "hosts", rows, [r.host for r in rows], lambda r: r.host or "?")


def _two_vms(kind: str, what: str, rows: list[VnicRecord]) -> list[Conflict]:
    """A conflict if the rows are about more than one VM for certain.

    A row that tells only a name and one that tells only an identifier may be about the same VM.
    """
    rows = sorted(rows, key=lambda r: given_name(r) is None or r.vm_id is None)
    vms = _told_vms(rows)
    named = [vm if given_name(r) is not None else None for vm, r in zip(vms, rows, strict=True)]
    numbered = [vm if r.vm_id is not None else None for vm, r in zip(vms, rows, strict=True)]
    most = named if len(set(named) - {None}) >= len(set(numbered) - {None}) else numbered
    return _contradiction(kind, what, "VMs", rows, most, _vm_label)


def _told_vms(rows: list[VnicRecord]) -> list[int | None]:
    """A number for each VM: rows have the same one if identifier or name are equal.

    Equal names do not count where one tool gives them two identifiers. None for rows that tell neither.
    """
    by_id: dict[str, int] = {}
    by_name: dict[str, int] = {}
    id_in_tool: dict[tuple[int, str], str] = {}
    vms: list[int | None] = []
    for n, row in enumerate(rows):
        name = given_name(row)
        vm = by_id.get(row.vm_id) if row.vm_id else None
        if vm is None and name is not None and (namesake := by_name.get(name)) is not None:
            other_id = id_in_tool.get((namesake, row.format))
            vm = namesake if row.vm_id is None or other_id is None else None
        if vm is None and (name is not None or row.vm_id is not None):
            vm = n
        if vm is not None and row.vm_id is not None:
            by_id.setdefault(row.vm_id, vm)
            id_in_tool.setdefault((vm, row.format), row.vm_id)
        if vm is not None and name is not None:
            by_name.setdefault(name, vm)
        vms.append(vm)
    return vms


def _contradiction(
    kind: str,
    what: str,
    noun: str,
    rows: list[VnicRecord],
    told: Sequence[Hashable],
    label_of: Callable[[VnicRecord], str],
) -> list[Conflict]:
    """A conflict if the rows tell more than one thing; those that tell None do not count."""
    different: dict[Hashable, VnicRecord] = {}
    telling = []
    for row, thing in zip(rows, told, strict=True):
        if thing is not None:
            different.setdefault(thing, row)
            telling.append(row)
    if len(different) < 2:
        return []
    show_time = len({row.observed_at_ns for row in different.values()}) > 1
    named = [f"{label_of(row)} ({_place(row, show_time)})" for row in list(different.values())[:_MAX_NAMED]]
    if len(different) > _MAX_NAMED:
        named.append(f"{len(different) - _MAX_NAMED:,} more")
    text = f"{what} {len(different):,} {noun}: {', '.join(named[:-1])} and {named[-1]}."
    places = dict.fromkeys((row.source, row.row) for row in telling)
    return [Conflict(kind, text, tuple(places)[:MAX_CONFLICT_ROWS])]


def _place(row: VnicRecord, show_time: bool) -> str:
    """Where a row stands, with what may explain a contradiction away: it is old, or the VM is off."""
    place = f"{row.source} row {row.row}"
    if show_time:
        place += moment_text(row.observed_at_ns)
    if row.power_state and row.power_state.casefold() in ("poweredoff", "shut off", "shutoff", "stopped"):
        place += f", {row.power_state}"
    return place


def moment_text(observed_at_ns: int | None) -> str:
    """ ", as of ..." for a time that is known."""
    if observed_at_ns is None:
        return ""
    return f", as of {datetime.fromtimestamp(observed_at_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _vm(record: VnicRecord) -> str | None:
    return record.vm_id or given_name(record)


def _vm_label(record: VnicRecord) -> str:
    return record.vm or record.vm_id or "?"


def _vlan_label(record: VnicRecord) -> str:
    return f"VLAN {record.vlan}"


def _groups(
    records: Iterable[VnicRecord], keys_of: Callable[[VnicRecord], Iterable[Key]]
) -> dict[Key, list[VnicRecord]]:
    """Records by key, only where two or more share one."""
    groups: dict[Key, list[VnicRecord]] = defaultdict(list)
    for record in records:
        for key in keys_of(record):
            groups[key].append(record)
    return {key: rows for key, rows in groups.items() if len(rows) > 1}


def _by_domain(rows: list[VnicRecord]) -> list[list[VnicRecord]]:
    """Rows apart by address domain; one that names none may be in any of them."""
    domains: dict[str | None, list[VnicRecord]] = defaultdict(list)
    for row in rows:
        domains[row.domain].append(row)
    unnamed = domains.pop(None, [])
    # Not all of them to every domain: rows and domains may both be many.
    return [unnamed] + [of_domain + unnamed[:_MAX_NAMED] for of_domain in domains.values()]
