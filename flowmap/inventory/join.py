"""Several files, one inventory: rows about one vNIC complete each other, contradictions are kept and named.

One source knows only part of the truth: `virsh dumpxml` has VM, MAC and interface, a table has the host. Rows
are joined by MAC, then by host interface, then by VM, where they contradict each other in nothing and only
one partner is possible. Everything else stays as it came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

from flowmap.inventory.by_hand import corrected
from flowmap.inventory.conflicts import find_conflicts
from flowmap.inventory.hosts import clusters_of, hosts_by_name, one_record_a_host, spelled_alike, spellings
from flowmap.inventory.learned import place_learned
from flowmap.inventory.linking import put_together
from flowmap.inventory.links import Link, LinkOfHost
from flowmap.inventory.networks import PortGroup, Vswitch, with_networks
from flowmap.inventory.records import (
    BY_HAND,
    HostRecord,
    Inventory,
    LearnedMac,
    MirrorSession,
    VnicRecord,
    given_name,
    placed_by_its_file,
)

MAX_ROWS_COMPARED = 64
"""Different rows with one MAC that are compared with each other; beyond it the inventory is wrong anyway."""


MAX_IPS = 256
"""Addresses of one vNIC, from all rows together."""
MAX_CONFLICTS = 10_000


def join(
    records: Iterable[list[VnicRecord]],
    warnings: Iterable[str] = (),
    *,
    hypervisors: Iterable[HostRecord] = (),
    learned: Iterable[LearnedMac] = (),
    mirrors: Iterable[MirrorSession] = (),
    networks: Iterable[PortGroup | Vswitch] = (),
    links: Iterable[Link] = (),
) -> Inventory:
    """Join the records of several files.

    Parameters
    ----------
    records
        The records of each file, in the order in which the files were named: the first to tell a thing wins.
    warnings
        Those of the files, put before the ones found here.
    hypervisors, learned, mirrors, networks, links
        What the files say of hosts, forwarding tables, mirrors, of port groups and vSwitches, and rows that complete
        others.
    """
    flat = [record for of_file in records for record in of_file]
    joined_warnings = list(warnings)
    hosts, learned, mirrors, networks = list(hypervisors), list(learned), list(mirrors), list(networks)
    all_links = list(links)
    of_hosts = [link for link in all_links if isinstance(link, LinkOfHost)]
    spelled = spellings((flat, hosts, learned, mirrors, networks, of_hosts), joined_warnings)
    flat, hosts = spelled_alike(flat, spelled), spelled_alike(hosts, spelled)
    learned, mirrors = spelled_alike(learned, spelled), spelled_alike(mirrors, spelled)
    flat, hosts = hosts_by_name(flat, hosts, joined_warnings)
    clusters = clusters_of(hosts, flat, joined_warnings)
    hosts = one_record_a_host(hosts)
    all_links = [link for link in all_links if not isinstance(link, LinkOfHost)]
    all_links += spelled_alike(of_hosts, spelled)
    flat, learned, mirrors = put_together(flat, hosts, learned, mirrors, all_links, joined_warnings)
    flat = with_networks(flat, spelled_alike(networks, spelled), hosts)
    by_hand = [record for record in flat if record.format == BY_HAND]
    flat = [record for record in flat if record.format != BY_HAND]
    joined = _join_by_mac(flat)
    joined = _join_by_interface(joined)
    joined = _join_by_vm(joined)
    joined = corrected(_identify_vms(joined), by_hand, joined_warnings)
    joined, learned_elsewhere = place_learned(joined, learned)
    if any(len(record.ips) == MAX_IPS for record in joined):
        joined_warnings.append(f"A vNIC has more than {MAX_IPS} addresses; those beyond are left out.")
    settled = {record.mac for record in by_hand}
    conflicts = learned_elsewhere + find_conflicts(joined, [record for record in flat if record.mac not in settled])
    if len(conflicts) > MAX_CONFLICTS:
        joined_warnings.append(f"{len(conflicts) - MAX_CONFLICTS:,} more conflicts are not listed.")
    return Inventory(joined, conflicts[:MAX_CONFLICTS], joined_warnings, hosts, learned, mirrors, clusters)


def _join_by_mac(records: list[VnicRecord]) -> list[VnicRecord]:
    groups: dict[Hashable, list[VnicRecord]] = defaultdict(list)
    for number, record in enumerate(records):
        groups[("no MAC", number) if record.mac is None else record.mac].append(record)
    return [joined for group in groups.values() for joined in _join_group(group)]


def _join_group(group: list[VnicRecord]) -> list[VnicRecord]:
    """Join the rows of one MAC. Those that say the same are put together first: often one row an address."""
    if len(group) < 2:
        return group
    exports = {(record.format, record.source) for record in group if placed_by_its_file(record)}
    if len(exports) > len({of_format for of_format, _ in exports}):
        # One VM in the exports of two hosts: which of the two is the host that other rows name, nobody said.
        apart = [record for record in group if placed_by_its_file(record)]
        return apart + _join_group([record for record in group if not placed_by_its_file(record)])
    alike: dict[Hashable, VnicRecord] = {}
    for record in group:
        key = (record.vm.casefold(), record.vm_id, record.host, record.domain, record.vlan, record.interface)
        alike[key] = _merge(alike[key], record) if key in alike else record
    different = list(alike.values())
    if len(different) == 1 or len(different) > MAX_ROWS_COMPARED:
        return different
    # Rows that place the VM first: they must not be merged through a third row that says neither.
    different.sort(key=lambda record: record.host is None)
    joined: list[VnicRecord] = []
    for record in different:
        partners = [n for n, other in enumerate(joined) if _agree(other, record)]
        if len(partners) == 1:
            joined[partners[0]] = _merge(joined[partners[0]], record)
        else:
            joined.append(record)
    return joined


def _join_by_interface(records: list[VnicRecord]) -> list[VnicRecord]:
    """Put rows that name an interface but no MAC to the one row that has both and agrees.

    Every host may have a vnet0: both must tell the same host or the same VM too.
    """
    with_mac = _index(records, lambda r: r.interface if r.mac is not None else None)
    result = list(records)
    gone: set[int] = set()
    for n, record in enumerate(records):
        candidates = with_mac.get(record.interface, []) if record.mac is None else []
        if len(candidates) > MAX_ROWS_COMPARED:
            continue
        agreeing = [
            c
            for c in candidates
            if _agree(result[c], record)
            and (result[c].host == record.host is not None or _tell_one_vm(result[c], record))
        ]
        if len(agreeing) == 1:
            result[agreeing[0]] = _merge(result[agreeing[0]], record)
            gone.add(n)
    return [record for n, record in enumerate(result) if n not in gone]


def _join_by_vm(records: list[VnicRecord]) -> list[VnicRecord]:
    """Put rows about a whole VM (no MAC, no interface) to its vNICs.

    Its addresses are not given to a vNIC unless the VM has only one.
    """
    by_id = _index(records, lambda r: r.vm_id if _is_vnic(r) else None)
    by_name = _index(records, lambda r: given_name(r) if _is_vnic(r) else None)
    about_vm = _index(records, lambda r: None if _is_vnic(r) else r.vm_id or given_name(r))
    result = list(records)
    gone: set[int] = set()
    for rows in about_vm.values():
        first = records[rows[0]]
        vnics = (by_id.get(first.vm_id) if first.vm_id else None) or by_name.get(given_name(first), [])
        told = [records[row] for row in rows]
        if not 0 < len(vnics) <= MAX_ROWS_COMPARED:
            continue
        ids = {records[n].vm_id for n in vnics} - {None}
        # Two VMs of one name, or rows that disagree about the VM: which is which, nobody said.
        several = len(ids) > 1 or (not ids and _have_one_label_twice([records[n] for n in vnics]))
        if several or not all(_agree(first, other) for other in told[1:]):
            continue
        whole = told[0]
        for other in told[1:]:
            whole = _merge(whole, other)
        if not all(_agree(result[n], whole) for n in vnics):
            continue
        keep_row = bool(whole.ips) and len(vnics) > 1
        for n in vnics:
            result[n] = _merge(result[n], replace(whole, ips=(), external_ips=()) if keep_row else whole)
        if not keep_row:
            gone.update(rows)
    return [record for n, record in enumerate(result) if n not in gone]


def _have_one_label_twice(vnics: Iterable[VnicRecord]) -> bool:
    """Whether one file gives two MACs to the first adapter of a name: then two VMs have that name."""
    macs: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for record in vnics:
        if record.nic is not None:
            macs[record.source, record.nic.casefold()].add(record.mac)
    return any(len(found) > 1 for found in macs.values())


def _identify_vms(records: list[VnicRecord]) -> list[VnicRecord]:
    """Give all rows of one VM its identifier and its name, where only one of each is known."""
    ids_of_name: dict[str, set[str]] = defaultdict(set)
    names_of_id: dict[str, dict[str, str]] = defaultdict(dict)
    for record in records:
        name = given_name(record)
        if record.vm_id is not None and name is not None:
            ids_of_name[name].add(record.vm_id)
            names_of_id[record.vm_id].setdefault(name, record.vm)
    identified = []
    for record in records:
        name = given_name(record)
        if record.vm_id is None and name is not None and len(ids_of_name.get(name, ())) == 1:
            record = replace(record, vm_id=next(iter(ids_of_name[name])))
        elif record.vm_id is not None and name is None and len(names_of_id.get(record.vm_id, ())) == 1:
            record = replace(record, vm=next(iter(names_of_id[record.vm_id].values())))
        identified.append(record)
    return identified


def _index(records: list[VnicRecord], key_of: Callable[[VnicRecord], str | None]) -> dict[str | None, list[int]]:
    """Positions of the records under each key; those without a key are left out."""
    index: dict[str | None, list[int]] = defaultdict(list)
    for n, record in enumerate(records):
        if (key := key_of(record)) is not None:
            index[key].append(n)
    return index


def _is_vnic(record: VnicRecord) -> bool:
    return record.mac is not None or record.interface is not None


def _agree(one: VnicRecord, other: VnicRecord) -> bool:
    """Whether two rows can be about one vNIC: nothing that both tell differs."""
    if not _same_vm(one, other):
        return False
    pairs = (
        (one.host, other.host),
        (one.domain, other.domain),
        (one.vlan, other.vlan),
        (_neutron_port(one.interface), _neutron_port(other.interface)),
    )
    return all(a is None or b is None or a == b for a, b in pairs)


def _neutron_port(interface: str | None) -> str | None:
    """One name for what Neutron chains for a port: tap, qvb, qvo, each with the first 11 characters of its id."""
    if interface is not None and len(interface) == 14 and interface[:3] in ("qvb", "qvo", "qbr"):
        return "tap" + interface[3:]
    return interface


def _same_vm(one: VnicRecord, other: VnicRecord) -> bool:
    """True unless both tell which VM and it differs.

    Two tools number VMs differently, so an equal name will do; one tool that gives two numbers means two VMs.
    """
    if one.vm_id != other.vm_id and one.format == other.format and None not in (one.vm_id, other.vm_id):
        return False
    if _tell_one_vm(one, other):
        return True
    if given_name(one) is not None and given_name(other) is not None:
        return False
    return one.vm_id is None or other.vm_id is None


def _tell_one_vm(one: VnicRecord, other: VnicRecord) -> bool:
    """Whether both tell which VM and it is the same one.

    Each Proxmox cluster counts its VMs from 100, so a number means one VM only where names do not differ.
    """
    names = given_name(one), given_name(other)
    if one.vm_id is not None and one.vm_id == other.vm_id:
        return not one.vm_id.isdecimal() or None in names or names[0] == names[1]
    return names[0] is not None and names[0] == names[1]


def _merge(first: VnicRecord, second: VnicRecord) -> VnicRecord:
    """One record of two that agree. Source, row and time are those of the row that places the VM best."""
    placing, other = (second, first) if _places(second) > _places(first) else (first, second)
    named = first if given_name(first) is not None or given_name(second) is None else second
    return replace(
        placing,
        vm=named.vm or first.vm or second.vm,
        vm_id=first.vm_id or second.vm_id,
        nic=first.nic or second.nic,
        mac=first.mac if first.mac is not None else second.mac,
        ips=tuple(dict.fromkeys(first.ips + second.ips))[:MAX_IPS],
        vswitch=first.vswitch or second.vswitch,
        network=first.network or second.network,
        vlan=first.vlan or second.vlan,
        segment_type=first.segment_type or second.segment_type,
        passthrough=first.passthrough or second.passthrough,
        interface=first.interface or second.interface,
        power_state=first.power_state or second.power_state,
        observed_at_ns=placing.observed_at_ns if placing.observed_at_ns is not None else other.observed_at_ns,
        observed_how=placing.observed_how or other.observed_how,
        domain=first.domain or second.domain,
        kind=second.kind if first.kind == "vm" else first.kind,
        distributed=first.distributed or second.distributed,
        isolated=first.isolated or second.isolated,
        has_uplink=_way_out(first.has_uplink, second.has_uplink),
        external_ips=tuple(dict.fromkeys(first.external_ips + second.external_ips))[:MAX_IPS],
        guest_name=first.guest_name or second.guest_name,
    )


def _way_out(one: bool | None, other: bool | None) -> bool | None:
    """Whether the vSwitch has an uplink: one that either of two rows knows is there."""
    return one or other if None not in (one, other) else other if one is None else one


def _places(record: VnicRecord) -> tuple[bool, bool]:
    """How well a row says where the VM is: with a host, and with a time that is not just the file's."""
    return record.host is not None, record.observed_how in ("column", "header")
