"""PowerCLI: `Get-VM | Get-NetworkAdapter`, by Export-Csv or ConvertTo-Json, whole or after Select-Object.

Properties as in VMware's reference of the type NetworkAdapter (Parent, Name, NetworkName, MacAddress, Type, Id, ...);
the samples in the tests are made in that layout. Its host is not a property of an adapter: people add it under the
name VMHost, and ConvertTo-Json writes the VM with its host into Parent where that is asked for deep enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.inventory.documents import DataDocument, Document, Table
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import SYNONYMS, Columns, add_row, columns_titled, heading
from flowmap.inventory.rvtools import titles_of

_ADAPTER = {"parent", "networkname", "macaddress"}
_FIELDS = {
    "vm": ("parent", "vm", "vmname"),
    "nic": ("name",),
    "mac": ("macaddress",),
    "ips": SYNONYMS["ips"],
    "host": SYNONYMS["host"],
    "cluster": SYNONYMS["cluster"],
    "vswitch": SYNONYMS["vswitch"],
    "network": ("networkname",),
    "vlan": SYNONYMS["vlan"],
    "passthrough": ("type",),
    "power_state": ("powerstate",),
    "observed_at": SYNONYMS["observed_at"],
}
"""What people add is found under the generic titles. `Id` and `ParentId` are numbers within one vCenter."""


def matches(document: Document) -> bool:
    """A table or a list of objects with Parent, NetworkName and MacAddress."""
    if isinstance(document, DataDocument):
        return any(_ADAPTER <= {heading(key) for key in adapter} for adapter in _adapters(document)[:20])
    return titles_of(document) >= _ADAPTER


def read(document: Document, reading: Reading) -> None:
    """Add one record for each adapter."""
    if isinstance(document, Table):
        columns = columns_titled(document.header, _FIELDS)
        hosts_told = "host" in columns
        for row, cells in reading.numbered(document.rows, first=document.header_row + 1):
            if any(cell.strip() for cell in cells):
                add_row(document.header, _with_flag(cells, columns), columns, reading, row)
    else:
        assert isinstance(document, DataDocument)
        hosts_told = False
        for row, adapter in reading.numbered(_adapters(document)):
            titles, values = zip(*_flat(adapter).items(), strict=True)
            columns = columns_titled(titles, _FIELDS)
            hosts_told = hosts_told or "host" in columns
            add_row(titles, _with_flag(values, columns), columns, reading, row)
    if not hosts_told and reading.host is None:
        reading.warn_file(
            "no column names the host, so it places no VM; export it with"
            " Select Parent,Name,NetworkName,MacAddress,Type,@{N='VMHost';E={$_.Parent.VMHost.Name}}"
        )


def _with_flag(values: Sequence[object], columns: Columns) -> list[object]:
    """The values with the type of the adapter turned into whether it bypasses the vSwitch."""
    flagged = list(values)
    for position in columns.get("passthrough", ())[:1]:
        if position < len(flagged):
            flagged[position] = "sriov" in heading(str(flagged[position])[:80])
    return flagged


def _adapters(document: DataDocument) -> list[dict[str, object]]:
    """The objects of a list; PowerShell writes a single one without a list, and some lists as `value` of an object."""
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("value"), list):
        value = value["value"]
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, dict) and row]


def _flat(adapter: dict[str, object]) -> dict[str, object]:
    """An adapter with the names of the objects in it: of its VM, and of the VM's host."""
    flat: dict[str, object] = {}
    for key, value in adapter.items():
        if heading(key) == "parent" and isinstance(value, dict):
            for inner in ("VMHost", "PowerState"):
                told = value.get(inner)
                # An enumeration is a number in JSON, and only PowerShell knows which.
                if isinstance(told, (str, dict)):
                    flat.setdefault(inner, told)
    flat |= adapter
    return {key: value.get("Name") if isinstance(value, dict) else value for key, value in flat.items()}
