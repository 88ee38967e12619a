"""One row of named values, from a table, JSON or YAML, to vNIC records."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flowmap.inventory.cells import (
    MAX_NAME_CHARS,
    NO_VALUE,
    clean_name,
    parse_flag,
    parse_ip,
    parse_kind,
    parse_mac,
    parse_segment_type,
    parse_time,
    parse_uplink,
    parse_vlan,
    parse_vni,
    quoted,
    split_list,
)
from flowmap.inventory.reading import Reading
from flowmap.inventory.records import VnicRecord

MAX_IPS_OF_NIC = 64
MAX_MACS_OF_ROW = 64

T = TypeVar("T")

Columns = Mapping[str, Sequence[int]]
"""For each field of `SYNONYMS` the positions of the values that tell it, best first."""

_TITLES = {
    "vm": "vm vmname virtualmachine virtualmachinename guest guestname instance instancename parent name",
    "vm_id": "vmuuid uuid instanceuuid instanceid vmid",
    "nic": "nic niclabel nicname vnic networkadapter adaptername label name",
    "mac": "mac macs macaddress macaddr hwaddr hwaddress hardwareaddress physicaladdress primarymacaddress",
    "ips": (
        "ip ips ipaddress ipaddresses ipaddr ipv4 ipv6 ipv4address ipv6address ipv4addresses ipv6addresses"
        " primaryip primaryipaddress fixedipaddresses guestip"
    ),
    "host": (
        "host vmhost esxi esx esxihost esxihostname hypervisor hypervisorhostname hypervisorhost node"
        " nodename compute computenode computehost physicalhost bindinghostid osextsrvattrhypervisorhostname"
        " osextsrvattrhost computername"
    ),
    "cluster": "cluster clustername computecluster vmhostcluster",
    "vswitch": "vswitch virtualswitch switch switchname vds dvs dvswitch ovsbridge bridge",
    "network": "network networkname networklabel portgroup portgroupname bridge",
    "vlan": "vlan vlanid vlantag tag accessvlanid vid",
    "vni": "vni",
    "segment_type": "segmenttype networktype",
    "passthrough": "passthrough directpathio sriov pcipassthrough",
    "interface": "interface hostinterface interfacename ifname tap tapdevice vif vnet targetdev",
    "power_state": "powerstate power vmstate state status",
    "observed_at": "observedat exportedat timestamp date exporttime",
    "domain": "addressdomain vrf tenant domain",
    "guest_name": "guesthostname dnsname guestfqdn",
    "kind": "kind ismanagementos",
    "has_uplink": "hasuplink switchtype",
    "isolated": "isolated portisolation",
    "distributed": "distributed",
    "external_ips": "externalip externalips floatingip floatingips publicip natip",
}
SYNONYMS = {field: tuple(titles.split()) for field, titles in _TITLES.items()}
"""Column titles of each field, normalised by `heading`, the surest first. `bridge` tells two fields."""


def heading(title: str) -> str:
    """A column title for comparison: case, spaces, underscores and punctuation do not count."""
    return "".join(char for char in title[:80].casefold() if char.isalnum())


def columns_titled(titles: Sequence[str], fields: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, ...]]:
    """Which values stand under the titles of each field, written as by `heading`; a field without any is left out."""
    positions: dict[str, list[int]] = {}
    for position, title in enumerate(titles):
        positions.setdefault(heading(title), []).append(position)
    hits = {field: tuple(n for name in names for n in positions.get(name, ())) for field, names in fields.items()}
    return {field: found for field, found in hits.items() if found}


def columns_of(titles: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Which values tell which field, by `SYNONYMS`.

    `Name` beside a surer title for the VM is the NIC's: PowerCLI writes `Parent,Name`, Hyper-V `VMName,Name`.
    """
    found = columns_titled(titles, SYNONYMS)
    if "vm" in found:
        found["vm"] = found["vm"][:1]
    if nic := tuple(position for position in found.pop("nic", ()) if position not in found.get("vm", ())):
        found["nic"] = nic
    return found


def tells_of_vnics(columns: Columns) -> bool:
    """Whether such columns make an inventory: an address of a machine and what to join it to."""
    if "mac" in columns:
        return any(field in columns for field in ("vm", "vm_id", "host", "interface", "ips", "network"))
    if "vm" in columns:
        return any(field in columns for field in ("host", "ips", "interface"))
    return "ips" in columns and "host" in columns


@dataclass(frozen=True)
class Defaults:
    """What the file says once for all of its rows."""

    host: str | None = None
    domain: str | None = None
    cluster: str | None = None


def defaults_from(titles: Sequence[str], values: Sequence[object], reading: Reading, row: int) -> Defaults:
    """Defaults from keys beside the list of machines, or from comment lines above a table; a time is the reading's."""
    cells = Cells(titles, values, columns_of(titles), reading, row)
    if (told := cells.parsed("observed_at", parse_time)) is not None:
        reading.exported_ns = told
    return Defaults(host=cells.name("host"), domain=cells.name("domain"), cluster=cells.name("cluster"))


def add_row(
    titles: Sequence[str],
    values: Sequence[object],
    columns: Columns,
    reading: Reading,
    row: int,
    defaults: Defaults = Defaults(),
) -> None:
    """Add one record for each MAC of the row, or one without MAC; a row that names no machine is counted."""
    cells = Cells(titles, values, columns, reading, row)
    vm = cells.name("vm", empty=frozenset({""})) or ""
    macs = cells.several("mac", parse_mac, MAX_MACS_OF_ROW)
    ips = cells.several("ips", parse_ip, MAX_IPS_OF_NIC)
    if not (vm or macs or ips):
        reading.skip(row, "they name no VM, no MAC and no IP address")
        return
    observed_at_ns, observed_how = _observed(cells, reading)
    vlan = cells.parsed("vlan", parse_vlan)
    segment_type = cells.parsed("segment_type", parse_segment_type)
    if segment_type is None and vlan is not None:
        segment_type = "vlan" if vlan else "none"
    if segment_type is None and cells.parsed("vni", parse_vni) is not None:
        segment_type = "overlay"
    vm_id, nic, vswitch, network, interface, power_state = (
        cells.name(field) for field in ("vm_id", "nic", "vswitch", "network", "interface", "power_state")
    )
    host, domain = cells.name("host") or defaults.host, cells.name("domain") or defaults.domain
    passthrough, isolated, distributed = (
        cells.parsed(field, parse_flag) is True for field in ("passthrough", "isolated", "distributed")
    )
    kind, has_uplink = cells.parsed("kind", parse_kind) or "vm", cells.parsed("has_uplink", parse_uplink)
    external_ips, guest_name = cells.several("external_ips", parse_ip, MAX_IPS_OF_NIC), cells.name("guest_name")
    for mac in macs or (None,):
        reading.add(
            VnicRecord(
                vm=vm,
                mac=mac,
                ips=ips,
                vlan=vlan or None,
                segment_type=segment_type,
                passthrough=passthrough,
                source=reading.name,
                row=row,
                format=reading.format,
                observed_at_ns=observed_at_ns,
                observed_how=observed_how,
                vm_id=vm_id,
                nic=nic,
                host=host,
                vswitch=vswitch,
                network=network,
                interface=interface,
                power_state=power_state,
                domain=domain,
                kind=kind,
                distributed=distributed,
                isolated=isolated,
                has_uplink=has_uplink,
                external_ips=external_ips,
                guest_name=guest_name,
                cluster=cells.name("cluster") or defaults.cluster,
            )
        )


def _observed(cells: Cells, reading: Reading) -> tuple[int | None, str | None]:
    column = cells.parsed("observed_at", parse_time)
    if column is not None:
        return column, "column"
    return reading.observed()


class Cells:
    """The values of one row, by field."""

    def __init__(
        self, titles: Sequence[str], values: Sequence[object], columns: Columns, reading: Reading, row: int
    ) -> None:
        self._titles = titles
        self._values = values
        self._columns = columns
        self._reading = reading
        self._row = row

    def _texts(self, field: str) -> list[tuple[str, str]]:
        """(column title, text) of each value given for the field, lists opened one level."""
        texts = []
        for position in self._columns.get(field, ()):
            if position >= len(self._values):  # a short row of a table
                continue
            title = self._titles[position]
            value = self._values[position]
            for part in value if isinstance(value, list) else (value,):
                if isinstance(part, (dict, list)):
                    self._reading.warn(
                        self._row, title, "a list or mapping stands where a value should; it is left out"
                    )
                else:
                    texts.append((title, _scalar_text(part)))
        return texts

    def name(self, field: str, empty: frozenset[str] = NO_VALUE) -> str | None:
        """First value of the field as a clean name."""
        for title, text in self._texts(field):
            cleaned = clean_name(text)
            if cleaned.casefold() in empty:
                continue
            if len(text.strip()) > MAX_NAME_CHARS:
                self._reading.warn(
                    self._row, title, f"{quoted(text)} is longer than {MAX_NAME_CHARS} characters; it is cut"
                )
            return cleaned
        return None

    def parsed(self, field: str, parse: Callable[[str], T]) -> T | None:
        """First usable value of the field."""
        for title, text in self._texts(field):
            bare = text.strip()
            if bare.casefold() in NO_VALUE:
                continue
            value = self._reading.take(parse, bare, self._row, title)
            if value is not None:
                return value
        return None

    def several(self, field: str, parse: Callable[[str], T], limit: int) -> tuple[T, ...]:
        """All usable values of the field, each once, in their order."""
        found: dict[T, None] = {}
        for title, text in self._texts(field):
            for part in split_list(text):
                if part.casefold() in NO_VALUE:
                    continue
                value = self._reading.take(parse, part, self._row, title)
                if value is None:
                    continue
                if len(found) >= limit and value not in found:
                    self._reading.warn(self._row, title, f"more than {limit} addresses; the rest is left out")
                    return tuple(found)
                found[value] = None
        return tuple(found)


def _scalar_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Spreadsheets and PowerShell write 20.0 for VLAN 20.
        return str(int(value)) if math.isfinite(value) and value.is_integer() else ""
    return "" if value is None else str(value)
