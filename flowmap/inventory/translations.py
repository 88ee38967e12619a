"""Floating IPs and NAT rules given to the vNIC whose address they stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from flowmap.inventory.links import Link, Translation
from flowmap.inventory.records import VnicRecord

MAX_EXTERNAL_IPS = 64
MAX_ROWS_ALIKE = 64
"""Rows with one port or address; beyond it the inventory is wrong anyway."""


def give_external_ips(records: list[VnicRecord], links: Iterable[Link], warnings: list[str]) -> list[VnicRecord]:
    """Records with the addresses that routers translate to theirs.

    A rule that names a port counts for that port; one that names only an address, where one VM has it.
    """
    rules = [link for link in links if isinstance(link, Translation)]
    if not rules:
        return records
    by_port: dict[str, list[int]] = defaultdict(list)
    by_ip: dict[str, list[int]] = defaultdict(list)
    for n, record in enumerate(records):
        if record.kind == "vm" and record.nic:
            by_port[record.nic].append(n)
        for ip in record.ips if record.kind == "vm" else ():
            by_ip[ip].append(n)
    given: dict[int, dict[str, None]] = defaultdict(dict)
    homeless: dict[str, int] = defaultdict(int)
    for rule in rules:
        rows = by_port.get(rule.port, []) if rule.port else by_ip.get(rule.inside_ip or "", [])
        if rule.port is None and len({records[n].mac for n in rows} - {None}) > 1:
            rows = []
        if len(rows) > MAX_ROWS_ALIKE:
            rows = []
        for n in rows:
            given[n][rule.external_ip] = None
        if not rows:
            homeless[rule.source] += 1
    for source, count in homeless.items():
        warnings.append(
            f"{source}: {count:,} translated address{'es' if count > 1 else ''} belong{'' if count > 1 else 's'} to no"
            " vNIC of the inventory, or to several; give the list of ports too."
        )
    return [
        replace(record, external_ips=tuple(dict.fromkeys((*record.external_ips, *given[n])))[:MAX_EXTERNAL_IPS])
        if n in given
        else record
        for n, record in enumerate(records)
    ]
