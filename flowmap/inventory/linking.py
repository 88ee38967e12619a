"""Files complete each other's rows by their identifiers, before rows about one vNIC are joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flowmap.inventory.chassis import complete_ovn
from flowmap.inventory.learned import resolve_learned
from flowmap.inventory.links import Link, SwitchHost
from flowmap.inventory.records import HostRecord, LearnedMac, MirrorSession, VnicRecord, host_spellings
from flowmap.inventory.switches import Switches
from flowmap.inventory.translations import give_external_ips


@dataclass
class Linked:
    """What the files say once their tables are put together; `records` file by file."""

    records: list[list[VnicRecord]]
    hypervisors: list[HostRecord]
    learned: list[LearnedMac]
    mirrors: list[MirrorSession]
    warnings: list[str]


def link_files(
    records: list[list[VnicRecord]],
    hypervisors: list[HostRecord],
    learned: list[LearnedMac],
    mirrors: list[MirrorSession],
    links: Iterable[Link],
) -> Linked:
    """Put together what only counts together: tables of Open vSwitch and OVN, floating IPs, port numbers."""
    links = list(links)
    warnings: list[str] = []
    switches = Switches(links)
    sizes = [len(of_file) for of_file in records]
    flat = [switches.complete(record) for of_file in records for record in of_file]
    flat, hypervisors = complete_ovn(flat, hypervisors, links)
    flat = give_external_ips(flat, links, warnings)
    mirrors = [switches.complete_mirror(mirror) for mirror in mirrors]
    told = [[one.host for one in rows] for rows in (flat, hypervisors, learned, mirrors)]
    told.append([link.host for link in links if isinstance(link, SwitchHost)])
    spelled = host_spellings([host for hosts in told for host in hosts if host])

    def spell(host: str | None) -> str | None:
        return spelled.get(host.casefold(), host) if host else None

    # A bridge that other files name must not look like a second vSwitch beside the one it is joined to.
    names = {(spell(host), bridge): name for (host, bridge), name in switches.vswitch_names().items()}
    flat = [replace(record, vswitch=names.get((spell(record.host), record.vswitch or ""), record.vswitch))
            if record.vswitch and record.host else record for record in flat]  # fmt: skip
    learned = resolve_learned(learned, flat, hypervisors, mirrors, switches, spell, warnings)
    rest = iter(flat)
    return Linked([[next(rest) for _ in range(size)] for size in sizes], hypervisors, learned, mirrors, warnings)
