"""Rows complete each other by their identifiers, before rows about one vNIC are joined."""

from __future__ import annotations

from dataclasses import replace

from flowmap.inventory.learned import resolve_learned
from flowmap.inventory.links import Link
from flowmap.inventory.logical_ports import complete_logical_ports
from flowmap.inventory.records import HostRecord, LearnedMac, MirrorSession, VnicRecord
from flowmap.inventory.switches import Switches
from flowmap.inventory.translations import give_external_ips


def put_together(
    records: list[VnicRecord],
    hypervisors: list[HostRecord],
    learned: list[LearnedMac],
    mirrors: list[MirrorSession],
    links: list[Link],
    warnings: list[str],
) -> tuple[list[VnicRecord], list[LearnedMac], list[MirrorSession]]:
    """Records, learned MACs and mirrors with what only counts together: the tables of Open vSwitch and OVN, floating
    IPs, port numbers. Hosts must be spelled alike in all of them.
    """
    switches = Switches(links)
    records = complete_logical_ports([switches.complete(record) for record in records], links)
    records = give_external_ips(records, links, warnings)
    mirrors = [switches.complete_mirror(mirror) for mirror in mirrors]
    # A bridge that other files name must not look like a second vSwitch beside the one it is joined to.
    names = switches.vswitch_names()
    records = [replace(record, vswitch=names.get((record.host, record.vswitch), record.vswitch))
               if record.vswitch and record.host else record for record in records]  # fmt: skip
    return records, resolve_learned(learned, records, hypervisors, mirrors, switches, warnings), mirrors
