"""The state of reading one inventory file: its records, its bounded list of warnings, its limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flowmap.errors import InventoryError
from flowmap.inventory.cells import quoted
from flowmap.inventory.links import Link
from flowmap.inventory.networks import PortGroup, Vswitch, vlan_of
from flowmap.inventory.records import HostRecord, LearnedMac, MirrorSession, VnicRecord

MAX_ROWS = 200_000
MAX_WARNINGS = 50
"""Of single values in one file; the rest are counted."""

T = TypeVar("T")

Record = VnicRecord | HostRecord | LearnedMac | MirrorSession | PortGroup | Vswitch


@dataclass
class Reading:
    """Collects what one file yields."""

    name: str
    """File name as shown to people."""
    format: str
    modified_ns: int | None = None
    max_rows: int = MAX_ROWS
    host: str | None = None
    """The host that the whole file is about, where the user or a comment line says so."""
    records: list[VnicRecord] = field(default_factory=list)
    hypervisors: list[HostRecord] = field(default_factory=list)
    learned: list[LearnedMac] = field(default_factory=list)
    mirrors: list[MirrorSession] = field(default_factory=list)
    networks: list[PortGroup | Vswitch] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    exported_ns: int | None = None
    """When the file was exported, where it says so itself."""
    _parts: list[Reading] = field(default_factory=list)
    _value_warnings: list[str] = field(default_factory=list)
    _more_value_warnings: int = 0
    _file_warnings: list[str] = field(default_factory=list)
    _skipped: Counter[str] = field(default_factory=Counter)
    _first_skipped: dict[str, int] = field(default_factory=dict)

    def numbered(self, rows: Iterable[T], first: int = 1) -> Iterator[tuple[int, T]]:
        """Rows with their numbers.

        Raises
        ------
        InventoryError
            Past `max_rows`: a half-read inventory would place half of the VMs.
        """
        for index, row in enumerate(rows):
            if index >= self.max_rows:
                raise self._too_many()
            yield first + index, row

    def part(self, title: str, format_name: str) -> Reading:
        """A reading of one table of the file, a sheet of a workbook, that keeps its records here."""
        part = Reading(
            f"{self.name} ({title})", format_name, self.modified_ns, self.max_rows, self.host, self.records,
            self.hypervisors, self.learned, self.mirrors, self.networks, self.links, self.exported_ns,
        )  # fmt: skip
        self._parts.append(part)
        return part

    def observed(self) -> tuple[int | None, str | None]:
        """When what the file says was true, and how that is known: for rows without a time of their own."""
        if self.exported_ns is not None:
            return self.exported_ns, "header"
        return self.modified_ns, None if self.modified_ns is None else "file time"

    def add(self, record: Record) -> None:
        """Keep a record; one that names no host is on the file's.

        Raises
        ------
        InventoryError
            Past `max_rows`; one row may yield several records.
        """
        if record.host is None and self.host is not None:
            record = replace(record, host=self.host)
        kept: list[Any] = self._list_for(record)
        if len(kept) >= self.max_rows:
            raise self._too_many()
        kept.append(record)

    def add_link(self, link: Link) -> None:
        """Keep a row that completes others when all files are there. Raises InventoryError past `max_rows`."""
        if len(self.links) >= self.max_rows:
            raise self._too_many()
        self.links.append(link)

    def add_vnic(
        self,
        row: int,
        *,
        vm: str = "",
        vm_id: str | None = None,
        nic: str | None = None,
        mac: int | None = None,
        ips: tuple[str, ...] = (),
        host: str | None = None,
        vswitch: str | None = None,
        network: str | None = None,
        vlan: int | None = None,
        segment_type: str | None = None,
        passthrough: bool = False,
        interface: str | None = None,
        power_state: str | None = None,
        kind: str = "vm",
        distributed: bool = False,
        isolated: bool = False,
        external_ips: tuple[str, ...] = (),
        guest_name: str | None = None,
    ) -> None:
        """Keep a vNIC whose row has no time of its own. Raises InventoryError as `add` does."""
        observed_at_ns, observed_how = self.observed()
        self.add(
            VnicRecord(
                vm=vm, vm_id=vm_id, nic=nic, mac=mac, ips=ips, host=host, vswitch=vswitch, network=network, vlan=vlan,
                segment_type=segment_type, passthrough=passthrough, interface=interface, power_state=power_state,
                source=self.name, row=row, format=self.format, observed_at_ns=observed_at_ns,
                observed_how=observed_how, domain=None, kind=kind, distributed=distributed,
                isolated=isolated, external_ips=external_ips, guest_name=guest_name,
            )
        )  # fmt: skip

    def add_host(
        self,
        row: int,
        host: str,
        *,
        ids: tuple[str, ...] = (),
        ips: tuple[str, ...] = (),
        macs: tuple[int, ...] = (),
        uplinks: tuple[str, ...] = (),
        uplinks_complete: bool = False,
        cluster: str | None = None,
    ) -> None:
        """Keep what the file says of a hypervisor. Raises InventoryError as `add` does."""
        self.add(
            HostRecord(
                host, ids, ips, macs, uplinks, uplinks_complete, self.name, row, self.format, *self.observed(),
                cluster,
            )
        )  # fmt: skip

    def add_switch(
        self, row: int, name: str, host: str, *, has_uplink: bool | None = None, ids: tuple[str, ...] = ()
    ) -> None:
        """Keep a virtual switch of one host. Raises InventoryError as `add` does."""
        self.add(Vswitch(name, host, has_uplink, ids, self.name, row, self.format, *self.observed()))

    def add_port_group(self, row: int, name: str, vswitch: str | None, host: str | None, vlan: str) -> None:
        """Keep a port group with its VLAN as the export writes it. Raises InventoryError as `add` does."""
        self.add(PortGroup(name, vswitch, host, *vlan_of(vlan), self.name, row, self.format, *self.observed()))

    @property
    def is_empty(self) -> bool:
        """Whether the file yielded nothing at all."""
        several = (self.records, self.hypervisors, self.learned, self.mirrors, self.networks, self.links)
        return not any(several)

    def _list_for(self, record: Record) -> list[Any]:
        match record:
            case VnicRecord():
                return self.records
            case HostRecord():
                return self.hypervisors
            case LearnedMac():
                return self.learned
            case MirrorSession():
                return self.mirrors
            case PortGroup() | Vswitch():
                return self.networks

    def take(self, parse: Callable[[str], T], text: str, row: int, column: str) -> T | None:
        """`parse(text)`, or None and a warning that names row and column."""
        try:
            return parse(text)
        except ValueError as problem:
            self.warn(row, column, f"{quoted(text)} {problem}; the value is left out")
            return None

    def warn(self, row: int, column: str, text: str) -> None:
        """A warning about one value."""
        if len(self._value_warnings) < MAX_WARNINGS:
            self._value_warnings.append(f"{self.name}, row {row}, column {quoted(column)}: {text}.")
        else:
            self._more_value_warnings += 1

    def warn_file(self, text: str) -> None:
        """A warning about the file as a whole; the same text is kept once."""
        sentence = f"{self.name}: {text}."
        if sentence not in self._file_warnings:
            self._file_warnings.append(sentence)

    def skip(self, row: int, reason: str) -> None:
        """Count a row that gives no record. `reason` completes "3 rows were left out because ..."."""
        self._skipped[reason] += 1
        self._first_skipped.setdefault(reason, row)

    def warnings(self) -> list[str]:
        """All warnings: about the file, counted rows, then single values."""
        skipped = [
            f"{self.name}: {count:,} row{'s' if count > 1 else ''} left out because {reason}"
            f" (the first is row {self._first_skipped[reason]})."
            for reason, count in self._skipped.items()
        ]
        more = []
        if self._more_value_warnings:
            more = [f"{self.name}: {self._more_value_warnings:,} more values could not be used."]
        of_parts = [text for part in self._parts for text in part.warnings()]
        return self._file_warnings + skipped + self._value_warnings + more + of_parts

    def _too_many(self) -> InventoryError:
        return InventoryError(
            f"{self.name} holds more than {self.max_rows:,} rows, which is the limit for one inventory;"
            " export one cluster or site at a time."
        )
