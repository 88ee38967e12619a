"""Which table of Open vSwitch or OVN a file holds, by its columns; a file may hold several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flowmap.errors import InventoryError
from flowmap.inventory import ovn, ovs
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.ovsdb import Cells, envelopes, rows_of, titles_of
from flowmap.inventory.reading import Reading


@dataclass(frozen=True)
class _Table:
    format: str
    columns: frozenset[str]
    """What it must have to be read; no other table of either database has all of these."""
    add: Callable[[Cells, Reading, int], None]


_TABLES = tuple(
    _Table(name, frozenset(columns.split()), add)
    for name, columns, add in (
        ("ovs-switch", "bridges external_ids", ovs.add_switch_host),
        ("ovs-bridge", "_uuid name ports", ovs.add_bridge),
        ("ovs-port", "_uuid name interfaces", ovs.add_port),
        ("ovs-mirror", "name select_all", ovs.add_mirror),
        ("ovn-port-binding", "logical_port type chassis mac", ovn.add_port_binding),
        ("ovn-chassis", "_uuid name hostname", ovn.add_chassis),
        ("ovn-encap", "chassis_name ip", ovn.add_encap),
        ("ovn-nat", "type external_ip logical_ip", ovn.add_nat),
        ("ovn-switch-port", "name addresses type", ovn.add_switch_port),
        ("ovn-router-port", "name mac networks", ovn.add_router_port),
        ("ovs-interface", "name external_ids", ovs.add_interface),
    )
)
_OF_OTHER_TABLES = frozenset({"interfaces", "ports", "bridges"})
"""Columns of tables that have a name and external_ids too, but lack what they must have."""


def matches(document: Document) -> bool:
    """The envelope of JSON that the tools of both write."""
    return bool(envelopes(document))


def read(document: Document, reading: Reading) -> None:
    """Add what each table tells; rows are numbered through the file.

    Raises
    ------
    InventoryError
        If one is a table that tells nothing of vNICs, or its columns are not the ones needed.
    """
    assert isinstance(document, DataDocument)
    found = envelopes(document)
    first = 1
    for envelope in found:
        table = _table_of(titles_of(envelope))
        data = envelope["data"]
        if table is None or not isinstance(data, list):
            raise InventoryError(
                f"{reading.name} is output of ovs-vsctl, ovn-sbctl or ovn-nbctl, but not of a table that FlowMap reads"
                " with its columns; use: ovs-vsctl --format=json list Interface."
            )
        reading.format = table.format
        for row, cells in rows_of(envelope, reading, first):
            table.add(cells, reading, row)
        first += len(data)
    if len(found) > 1:
        reading.format = "ovsdb"


def _table_of(titles: set[str]) -> _Table | None:
    table = next((table for table in _TABLES if titles >= table.columns), None)
    if table is not None and table.format == "ovs-interface" and titles & _OF_OTHER_TABLES:
        return None
    return table
