"""Hosts by one name: spellings, identifiers put in the place of names, and one record a hypervisor."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TypeVar

from flowmap.inventory.links import LinkOfHost
from flowmap.inventory.networks import PortGroup, Vswitch
from flowmap.inventory.records import HostRecord, LearnedMac, MirrorSession, VnicRecord, host_spellings

MAX_HOSTS_NAMED = 20
"""Hosts that one kind of warning names."""
MAX_FACTS_OF_HOST = 4096
"""Addresses, MACs or uplinks of one host, from all rows together."""

OfHost = VnicRecord | HostRecord | LearnedMac | MirrorSession | PortGroup | Vswitch | LinkOfHost
HasHost = TypeVar("HasHost", bound=OfHost)

_MANAGED_OBJECT = re.compile(r"host-\d{1,12}|ha-host", re.ASCII)
"""vSphere's reference to a host, which a person knows by another name."""
_CLUSTER_REFERENCE = re.compile(r"domain-c\d{1,12}", re.ASCII)
_FORMATS_OF_REFERENCES = frozenset({"govc-vm-info"})
_FORMATS_OF_CHASSIS = frozenset({"ovn-port-binding", "ovn-encap"})
"""OVN names a chassis by its UUID or its own name, never the host."""


def hosts_by_name(
    records: list[VnicRecord], hypervisors: list[HostRecord], warnings: list[str]
) -> tuple[list[VnicRecord], list[HostRecord]]:
    """Both with host names where they had an identifier that a hypervisor's record explains.

    A vSphere reference that nothing explains, or that two vCenters use for two hosts, is no host's name: the
    record is left without one. A chassis that no table names keeps its UUID: VMs of one chassis are on one host all
    the same. Hosts must be spelled alike.
    """
    names = {one.host.casefold() for one in hypervisors if one.format not in _FORMATS_OF_CHASSIS}
    hosts_of_id: dict[str, set[str]] = defaultdict(set)
    for one in hypervisors:
        for host_id in one.ids:
            hosts_of_id[host_id.casefold()].add(one.host)
    unknown: dict[str, int] = defaultdict(int)
    ambiguous: dict[str, int] = defaultdict(int)
    taken: dict[str, str] = {}
    resolved = []
    for record in records:
        told = record.host or ""
        hosts = set() if told.casefold() in names else hosts_of_id.get(told.casefold(), set())
        is_reference = record.format in _FORMATS_OF_REFERENCES and _MANAGED_OBJECT.fullmatch(told)
        if len(hosts) == 1:
            if not is_reference and record.format not in _FORMATS_OF_CHASSIS:
                taken[told] = min(hosts)
            record = replace(record, host=min(hosts))
        elif hosts or is_reference:
            (ambiguous if hosts else unknown)[told] += 1
            record = replace(record, host=None)
        resolved.append(record)
    warnings += _about_ids(unknown, ambiguous, taken)
    renamed = [
        replace(one, host=min(hosts))
        if one.format in _FORMATS_OF_CHASSIS and len(hosts := hosts_of_id.get(one.host.casefold(), set())) == 1
        else one
        for one in hypervisors
    ]
    return resolved, renamed


def _about_ids(unknown: dict[str, int], ambiguous: dict[str, int], taken: dict[str, str]) -> list[str]:
    def vnics(count: int) -> str:
        return f"{count:,} vNIC{'s' if count > 1 else ''}"

    return [
        f"Host {told} of {vnics(count)} is vSphere's reference to a host that no file names; add the output of govc"
        " host.info -json."
        for told, count in list(unknown.items())[:MAX_HOSTS_NAMED]
    ] + [
        f"Host {told} of {vnics(count)} is the identifier of two hosts; give the files of one vCenter or OVN at a"
        " time."
        for told, count in list(ambiguous.items())[:MAX_HOSTS_NAMED]
    ] + [
        f"Host {told} is taken for {name}, whose identifier it is."
        for told, name in list(taken.items())[:MAX_HOSTS_NAMED]
    ]  # fmt: skip


def spellings(rows: Iterable[Sequence[OfHost]], warnings: list[str]) -> dict[str, str]:
    """One spelling for each host that any of the rows names, by casefolded name."""
    names = dict.fromkeys(row.host for several in rows for row in several if row.host)
    spelled = host_spellings(names)
    respelled = [name for name in names if spelled[name.casefold()] != name]
    for name in respelled[:MAX_HOSTS_NAMED]:
        same = spelled[name.casefold()]
        warnings.append(f"Host {name} is taken for {same}, which the inventory names too.")
    if len(respelled) > MAX_HOSTS_NAMED:
        more = len(respelled) - MAX_HOSTS_NAMED
        warnings.append(f"{more:,} more hosts are named in two ways and taken for one.")
    return spelled


def spelled_alike(rows: Iterable[HasHost], spelled: dict[str, str]) -> list[HasHost]:
    """The rows with their hosts in the common spelling."""
    return [
        replace(row, host=spelled[row.host.casefold()])
        if row.host and spelled[row.host.casefold()] != row.host
        else row
        for row in rows
    ]


def one_record_a_host(hypervisors: Iterable[HostRecord]) -> list[HostRecord]:
    """All that several rows and files say of each host, in one record.

    Its uplinks are those of all files: one that is missing in the newest file may have carried the capture. Its
    time is the oldest one, because that is how old a part of it may be.
    """
    of_host: dict[str, list[HostRecord]] = defaultdict(list)
    for one in hypervisors:
        of_host[one.host.casefold()].append(one)
    return [rows[0] if len(rows) == 1 else _merged(rows) for rows in of_host.values()]


def _merged(rows: list[HostRecord]) -> HostRecord:
    # A row of unknown time may be older than all others.
    oldest = min(rows, key=lambda row: -1 if row.observed_at_ns is None else row.observed_at_ns)
    return replace(
        rows[0],
        ids=_union(row.ids for row in rows),
        ips=_union(row.ips for row in rows),
        macs=_union(row.macs for row in rows),
        uplinks=_union(row.uplinks for row in rows),
        uplinks_complete=any(row.uplinks_complete for row in rows),
        observed_at_ns=oldest.observed_at_ns,
        observed_how=oldest.observed_how,
        cluster=next((row.cluster for row in rows if row.cluster and not _is_reference(row.cluster)), rows[0].cluster),
    )


def clusters_of(
    hypervisors: Iterable[HostRecord], records: Iterable[VnicRecord], warnings: list[str]
) -> dict[str, str]:
    """The cluster of each host: what rows about hosts say before what rows about VMs say, the first one counts.

    vSphere's reference to a cluster is only taken where nobody names it. Hosts must be spelled alike.
    """
    rows: list[HostRecord | VnicRecord] = [*hypervisors, *records]
    told = [(row.host, row.cluster) for row in rows if row.host and row.cluster]
    told.sort(key=lambda row: _is_reference(row[1]))
    clusters: dict[str, str] = {}
    contested: dict[str, str] = {}
    for host, cluster in told:
        first = clusters.setdefault(host, cluster)
        if first.casefold() != cluster.casefold() and not _is_reference(cluster):
            contested.setdefault(host, cluster)
    warnings += [
        f"Host {host} is in two clusters, {clusters[host]} and {other}; {clusters[host]} counts."
        for host, other in list(contested.items())[:MAX_HOSTS_NAMED]
    ]
    return clusters


def _is_reference(cluster: str) -> bool:
    return _CLUSTER_REFERENCE.fullmatch(cluster) is not None


Value = TypeVar("Value", str, int)


def _union(facts: Iterable[tuple[Value, ...]]) -> tuple[Value, ...]:
    return tuple(islice(dict.fromkeys(chain.from_iterable(facts)), MAX_FACTS_OF_HOST))
