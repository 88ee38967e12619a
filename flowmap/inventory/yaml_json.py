"""Generic YAML and JSON: a list of mappings, or a mapping with one such list and what holds for all of it.

exported_at: 2025-03-04T12:00:00Z          [{"vm": "web", "mac": "52:54:00:00:00:01", "host": "kvm-1"},
host: kvm-1                                 {"vm": "db", "host": "kvm-2",
vms:                                         "nics": [{"mac": "52:54:00:00:00:02", "ip": "10.0.0.2"}]}]
  - {vm: web, mac: 52:54:00:00:00:01}
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flowmap.errors import InventoryError
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.mapping import KEY, Fields, mapped_columns, mapping_from_value, missing_titles, unknown_column
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import (
    Columns,
    Defaults,
    add_row,
    columns_of,
    defaults_from,
    heading,
    tells_of_vnics,
)

NIC_LISTS = frozenset({"nics", "vnics", "interfaces", "networkadapters"})
"""Keys under which a VM lists its NICs; what a NIC does not say, its VM says."""

MAX_KEYS_OF_ROW = 200
_ROWS_TO_PROBE = 20
"""Rows looked at to recognise the file."""


def matches_json(document: Document) -> bool:
    """JSON that lists machines; also one machine after the other, as `jq -c` writes them."""
    return _lists_machines(document, "json")


def matches_yaml(document: Document) -> bool:
    """YAML that lists machines."""
    return _lists_machines(document, "yaml")


def read(document: Document, reading: Reading) -> None:
    """Add the rows of a document that matches.

    Raises
    ------
    InventoryError
        If it has a mapping, and not one list to which it belongs, or the list has no such keys.
    """
    assert isinstance(document, DataDocument)
    fields = _mapping(document.value, reading.name)
    rows, around = _mapped_rows(document.value, reading.name) if fields else _rows_of(document.value)
    defaults = Defaults()
    if around:
        scalars = {key: value for key, value in around.items() if not isinstance(value, (list, dict))}
        defaults = defaults_from(list(scalars), list(scalars.values()), reading, 1)
    known_columns: dict[tuple[str, ...], Columns] = {}
    keys: dict[str, None] = {}
    for number, row in reading.numbered(rows):
        if not isinstance(row, dict):
            reading.skip(number, "they are not a mapping of names to values")
            continue
        for nic in _nics_of(row):
            if len(nic) > MAX_KEYS_OF_ROW:
                reading.skip(number, f"they hold more than {MAX_KEYS_OF_ROW} values")
                break
            titles = tuple(nic)
            if titles not in known_columns:  # rows of one file are alike: the last one is enough
                known_columns = {titles: mapped_columns(titles, fields) if fields else columns_of(titles)}
                keys |= dict.fromkeys(titles if fields else ())
            add_row(titles, list(nic.values()), known_columns[titles], reading, number, defaults)
    if keys and (missing := missing_titles(keys, fields)):
        raise unknown_column(missing, keys, reading.name)


def _mapping(value: object, name: str) -> Fields:
    return mapping_from_value(value[KEY], name) if isinstance(value, dict) and KEY in value else {}


def _mapped_rows(value: object, name: str) -> tuple[list[object], dict[str, object]]:
    """The one list of mappings beside the mapping of keys."""
    assert isinstance(value, dict)
    lists = [part for part in value.values() if _is_list_of_mappings(part)]
    rows = value.get("vms") if isinstance(value.get("vms"), list) else lists[0] if len(lists) == 1 else None
    if rows is None:
        raise InventoryError(f"{name} has a mapping, but not one list of machines beside it; put them under vms.")
    return rows, {key: part for key, part in value.items() if key != KEY}


def _lists_machines(document: Document, syntax: str) -> bool:
    if not isinstance(document, DataDocument) or not document.syntax.startswith(syntax):
        return False
    value = document.value
    if isinstance(value, dict) and KEY in value:
        return True
    rows, _ = _rows_of(value)
    # An export of nothing is recognised too, so that the reader says "no machine" rather than "unknown".
    return _tell_of_vnics(rows) or value == [] or (isinstance(value, dict) and value.get("vms") == [])


def _rows_of(value: object) -> tuple[list[object], dict[str, object]]:
    """The list of machines, and the mapping around it (empty if the list stands alone)."""
    if isinstance(value, list):
        return value, {}
    if not isinstance(value, dict):
        return [], {}
    if isinstance(value.get("vms"), list):
        return value["vms"], value
    lists = {key: part for key, part in value.items() if isinstance(part, list) and _tell_of_vnics(part)}
    of_machines = [part for key, part in lists.items() if heading(key) not in NIC_LISTS]
    if len(of_machines) == 1:
        return of_machines[0], value
    if tells_of_vnics(columns_of(tuple(value))):
        return [value], {}  # PowerShell's ConvertTo-Json writes a single machine without a list
    return (next(iter(lists.values())), value) if len(lists) == 1 else ([], {})


def _tell_of_vnics(rows: list[object]) -> bool:
    """Whether one of the first rows, or a NIC nested in it, has the keys of a machine."""
    return any(
        isinstance(row, dict)
        and any(tells_of_vnics(columns_of(tuple(nic))) for nic in islice(_nics_of(row), _ROWS_TO_PROBE))
        for row in rows[:_ROWS_TO_PROBE]
    )


def _nics_of(row: dict[str, object]) -> Iterator[dict[str, object]]:
    """Each NIC of a row: the row itself, or what is nested under one of `NIC_LISTS` with what the VM says."""
    lists = [key for key, value in row.items() if heading(key) in NIC_LISTS and _is_list_of_mappings(value)]
    if not lists or len(row) > MAX_KEYS_OF_ROW:
        yield row
        return
    nics = row[lists[0]]
    name_of_vm = columns_of(tuple(row)).get("vm", (-1,))[0]
    # The VM may be called "name" here, and its NICs too.
    of_vm = {
        "vm" if position == name_of_vm else key: value
        for position, (key, value) in enumerate(row.items())
        if key != lists[0]
    }
    assert isinstance(nics, list)
    for nic in nics:
        if isinstance(nic, dict):
            named = {heading(key) for key in islice(nic, MAX_KEYS_OF_ROW)}
            yield {key: value for key, value in of_vm.items() if heading(key) not in named} | nic


def _is_list_of_mappings(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(part, dict) for part in value)
