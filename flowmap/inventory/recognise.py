"""Which format a file has. By content alone: names and suffixes are whatever people make of them.

To add a format: a file beside this one with `matches(document)` and `read(document, reading)`, and a line in
`FORMATS`, above any more general one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flowmap.errors import InventoryError
from flowmap.inventory import (
    by_hand,
    csv_rows,
    forwarding,
    govc_hosts,
    govc_vms,
    neutron,
    openstack_lists,
    ovsdb_tables,
    powercli,
    proxmox_api,
    proxmox_conf,
    virsh,
    virsh_tables,
    workbook,
    yaml_json,
)
from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import (
    DataDocument,
    Document,
    Lines,
    Table,
    Workbook,
    XmlDocument,
    decode,
    load_json,
    load_xml,
    load_yaml_document,
    looks_like_yaml,
    tables,
    without_notes,
)
from flowmap.inventory.links import Link
from flowmap.inventory.listing import starts_with_prompt
from flowmap.inventory.networks import PortGroup, Vswitch
from flowmap.inventory.reading import MAX_ROWS, Reading
from flowmap.inventory.records import BY_HAND, HostRecord, LearnedMac, MirrorSession, VnicRecord
from flowmap.inventory.rows import defaults_from
from flowmap.inventory.xlsx import is_xlsx, load_workbook


@dataclass(frozen=True)
class Format:
    """One kind of inventory."""

    name: str
    matches: Callable[[Document], bool]
    read: Callable[[Document, Reading], None]


FORMATS = (
    Format("virsh-dumpxml", virsh.matches, virsh.read),
    Format("ovsdb", ovsdb_tables.matches, ovsdb_tables.read),
    Format("bridge-fdb", forwarding.matches_bridge_json, forwarding.read_bridge_json),
    Format("proxmox-resources", proxmox_api.matches_resources, proxmox_api.read_resources),
    Format("guest-agent", proxmox_api.matches_agent, proxmox_api.read_agent),
    Format("neutron-ports", neutron.matches_ports, neutron.read_ports),
    Format("neutron-floating-ips", neutron.matches_floating_ips, neutron.read_floating_ips),
    Format("openstack-ports", openstack_lists.matches_ports, openstack_lists.read_ports),
    Format("openstack-servers", openstack_lists.matches_servers, openstack_lists.read_servers),
    Format("virsh-domiflist", virsh_tables.matches_domiflist, virsh_tables.read_domiflist),
    Format("virsh-domifaddr", virsh_tables.matches_domifaddr, virsh_tables.read_domifaddr),
    Format("ovs-fdb", forwarding.matches_ovs, forwarding.read_ovs),
    Format("bridge-fdb", forwarding.matches_bridge, forwarding.read_bridge),
    Format("proxmox-conf", proxmox_conf.matches, proxmox_conf.read),
    Format("govc-vm-info", govc_vms.matches, govc_vms.read),
    Format("govc-host-info", govc_hosts.matches, govc_hosts.read),
    Format("govc-collect", govc_hosts.matches_collected, govc_hosts.read_collected),
    Format("powercli", powercli.matches, powercli.read),
    Format(BY_HAND, by_hand.matches, by_hand.read),
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
    links: list[Link] = field(default_factory=list)
    """Rows that complete others once all files are there."""
    exported_ns: int | None = None
    """When it was exported: told by the file, else its modification time."""
    exported_how: str | None = None

    @property
    def row_count(self) -> int:
        """Records of every kind, or else rows that complete others."""
        several = (self.records, self.hypervisors, self.learned, self.mirrors, self.networks)
        return sum(len(records) for records in several) or len(self.links)


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
    documents: Iterable[Document]
    guessed_encoding = False
    notes: dict[str, str] = {}
    if isinstance(text_or_bytes, bytes) and is_xlsx(text_or_bytes):
        documents = [load_workbook(text_or_bytes, shown)]
    else:
        text, guessed_encoding = decode(text_or_bytes, shown)
        body, notes = without_notes(text)
        host = host or clean_name(notes.get("host", "")) or None
        documents = _documents(text, body, notes, shown)
    for document in documents:
        tried.append(document)
        for known in FORMATS:
            if known.matches(document):
                reading = Reading(shown, known.name, modified_ns, max_rows, host)
                if guessed_encoding:
                    reading.warn_file("not UTF-8, so read as Windows-1252; names with accents may be wrong")
                if not isinstance(document, Table):  # whose reader does so itself
                    defaults_from(list(notes), list(notes.values()), reading, 1)
                known.read(document, reading)
                if reading.is_empty or (reading.format == "ovs-interface" and not reading.records):
                    reading.warn_file(_nothing_in(reading.format))
                return InventoryFile(
                    shown, reading.format, reading.records, reading.warnings(), reading.hypervisors, reading.learned,
                    reading.mirrors, reading.networks, reading.links, *reading.observed(),
                )  # fmt: skip
    raise InventoryError(_unknown(tried, shown))


def _documents(text: str, body: str, notes: dict[str, str], name: str) -> Iterator[Document]:
    """What the text can be, the likeliest shape first. `body` is the text without the notes above it."""
    start = body.lstrip()[:1]
    if start == "<":
        yield load_xml(body, name)
    elif start in ("{", "[") and not starts_with_prompt(body):
        yield load_json(body, name)
    else:
        yield Lines(text)
        # The delimiter under which most titles mean something is the file's.
        yield from sorted(tables(body, notes, name), key=lambda table: -len(csv_rows.columns_understood(table, name)))
        if looks_like_yaml(text):
            yield load_yaml_document(text, name)


def _nothing_in(format_name: str) -> str:
    if format_name == "ovs-interface":
        return "no interface names a VM (external_ids attached-mac, vm-uuid or iface-id), so it places none"
    return "it holds no machine"


def _unknown(tried: list[Document], name: str) -> str:
    """One sentence about a file that no format took."""
    # A text may have passed for a table before it turned out to be YAML.
    shapes = [document for document in tried if not isinstance(document, Lines)]
    document = next((d for d in shapes if isinstance(d, DataDocument)), shapes[0] if shapes else None)
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
        syntax = document.syntax.partition(" ")[0].upper()
        return f"{name} is {syntax}, but lists no VMs under keys such as vm, mac, ip and host; {_WAY_OUT}."
    return f"{name} is in no inventory format that FlowMap knows; {_WAY_OUT}."
