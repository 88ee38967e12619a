"""Which format a file has. By content alone: names and suffixes are whatever people make of them.

To add a format: a file beside this one with `matches(document)` and `read(document, reading)`, and a line in
`FORMATS`, above any more general one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flowmap.errors import InventoryError
from flowmap.inventory import csv_rows, govc_hosts, govc_vms, ovs, powercli, virsh, workbook, yaml_json
from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import (
    DataDocument,
    Document,
    Table,
    Workbook,
    XmlDocument,
    decode,
    load_json,
    load_xml,
    load_yaml_document,
    looks_like_yaml,
    tables,
)
from flowmap.inventory.networks import PortGroup, Vswitch
from flowmap.inventory.reading import MAX_ROWS, Reading
from flowmap.inventory.records import HostRecord, LearnedMac, MirrorSession, VnicRecord
from flowmap.inventory.xlsx import is_xlsx, load_workbook


@dataclass(frozen=True)
class Format:
    """One kind of inventory."""

    name: str
    matches: Callable[[Document], bool]
    read: Callable[[Document, Reading], None]


FORMATS = (
    Format("virsh-dumpxml", virsh.matches, virsh.read),
    Format("ovs-interface", ovs.matches, ovs.read),
    Format("govc-vm-info", govc_vms.matches, govc_vms.read),
    Format("govc-host-info", govc_hosts.matches, govc_hosts.read),
    Format("govc-collect", govc_hosts.matches_collected, govc_hosts.read_collected),
    Format("powercli", powercli.matches, powercli.read),
    Format("json", yaml_json.matches_json, yaml_json.read),
    Format("csv", csv_rows.matches_mapped, csv_rows.read),
    Format("xlsx", workbook.matches, workbook.read),
    *(Format(f"rvtools-{tab}", *functions) for tab, functions in workbook.RVTOOLS_TABS.items()),
    Format("csv", csv_rows.matches, csv_rows.read),
    Format("yaml", yaml_json.matches_yaml, yaml_json.read),
)
"""Tried from the top for each shape that a text can have."""

_WAY_OUT = "give a table with the columns vm, mac, ip, host, network, vlan, or an export that FlowMap knows"


@dataclass(frozen=True)
class InventoryFile:
    """What one file holds."""

    name: str
    format: str
    records: list[VnicRecord]
    warnings: list[str]
    hypervisors: list[HostRecord] = field(default_factory=list)
    learned: list[LearnedMac] = field(default_factory=list)
    mirrors: list[MirrorSession] = field(default_factory=list)
    networks: list[PortGroup | Vswitch] = field(default_factory=list)
    exported_ns: int | None = None
    """When it was exported: told by the file, else its modification time."""
    exported_how: str | None = None

    @property
    def row_count(self) -> int:
        """Records of every kind."""
        several = (self.records, self.hypervisors, self.learned, self.mirrors, self.networks)
        return sum(len(records) for records in several)


def parse_inventory_file(
    text_or_bytes: str | bytes,
    *,
    name: str,
    modified_ns: int | None = None,
    max_rows: int = MAX_ROWS,
    host: str | None = None,
) -> InventoryFile:
    """Recognise and read one inventory.

    Parameters
    ----------
    text_or_bytes
        Content of the file.
    name
        What people call it; stands in every message.
    modified_ns
        Its modification time, ns since 1970: when the placement was true if the content does not tell.
    max_rows
        Limit of rows and of records.
    host
        The host that the file is about, for rows that name none: a forwarding table, `virsh dumpxml`.

    Raises
    ------
    InventoryError
        If the content is in no known format, broken, or over a limit.
    """
    shown = clean_name(name) or "the inventory"
    tried: list[Document] = []
    documents, guessed_encoding = _documents(text_or_bytes, shown)
    for document in documents:
        tried.append(document)
        for known in FORMATS:
            if known.matches(document):
                reading = Reading(shown, known.name, modified_ns, max_rows, host)
                if guessed_encoding:
                    reading.warn_file("not UTF-8, so read as Windows-1252; names with accents may be wrong")
                known.read(document, reading)
                if reading.is_empty:
                    reading.warn_file(_nothing_in(known.name))
                return InventoryFile(
                    shown, known.name, reading.records, reading.warnings(), reading.hypervisors, reading.learned,
                    reading.mirrors, reading.networks, *reading.observed(),
                )  # fmt: skip
    raise InventoryError(_unknown(tried, shown))


def _documents(text_or_bytes: str | bytes, name: str) -> tuple[Iterable[Document], bool]:
    """What the content can be, and whether its encoding was guessed."""
    if isinstance(text_or_bytes, bytes) and is_xlsx(text_or_bytes):
        return [load_workbook(text_or_bytes, name)], False
    text, guessed_encoding = decode(text_or_bytes, name)
    return _documents_in_text(text, name), guessed_encoding


def _documents_in_text(text: str, name: str) -> Iterator[Document]:
    """What the text can be, the likeliest shape first."""
    start = text.lstrip()[:1]
    if start == "<":
        yield load_xml(text, name)
    elif start in ("{", "["):
        yield load_json(text, name)
    else:
        # The delimiter under which most titles mean something is the file's.
        yield from sorted(tables(text, name), key=lambda table: -len(csv_rows.columns_understood(table, name)))
        if looks_like_yaml(text):
            yield load_yaml_document(text, name)


def _nothing_in(format_name: str) -> str:
    if format_name == "ovs-interface":
        return "no interface names a VM (external_ids attached-mac, vm-uuid or iface-id), so it places none"
    return "it holds no machine"


def _unknown(tried: list[Document], name: str) -> str:
    """One sentence about a file that no format took."""
    # A text may have passed for a table before it turned out to be YAML.
    document = next((d for d in tried if isinstance(d, DataDocument)), tried[0] if tried else None)
    if isinstance(document, XmlDocument):
        root = clean_name(document.roots[0].tag)[:40] if document.roots else "none"
        return f"{name} is XML with the root <{root}>, not <domain> as virsh dumpxml writes; {_WAY_OUT}."
    if isinstance(document, Workbook):
        sheets = ", ".join(title[:30] for title, _ in document.sheets[:6]) or "none with a header"
        return f"{name} is an Excel workbook, but none of its sheets ({sheets}) is an inventory; {_WAY_OUT}."
    if isinstance(document, Table):
        titles = ", ".join(clean_name(title)[:30] for title in document.header[:6])
        return f"{name} is a table, but its titles ({titles}) name no VM with MAC, IP or host; {_WAY_OUT}."
    if isinstance(document, DataDocument):
        syntax = document.syntax.upper()
        return f"{name} is {syntax}, but lists no VMs under keys such as vm, mac, ip and host; {_WAY_OUT}."
    return f"{name} is in no inventory format that FlowMap knows; {_WAY_OUT}."
