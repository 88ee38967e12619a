"""What is known of the capture points beyond what the user states: read from the inventory, or inferred.

Inferred is what rests on names, on LLDP, CDP or spanning tree, or on the traffic. It caps every grade at ``likely``;
an inferred host and a role from the traffic are for people only (:meth:`CapturePoint.as_judged`). Where it is not clear
the role stays unknown, and ``role_how`` says why.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from flowmap.capture.names import LinkNeighbor
from flowmap.capture.points import (
    INFERRED,
    INFERRED_FROM_TRAFFIC,
    INVENTORY,
    STATED_OF_FILE,
    CapturePoint,
    HostStatement,
    infer_roles,
)
from flowmap.identity.kinds import virtual_vendor
from flowmap.identity.places import roles_from_inventory
from flowmap.identity.point_traffic import PointTraffic, traffic_at
from flowmap.identity.stations import Stations
from flowmap.inventory.records import HostRecord, Inventory, short_host_name
from flowmap.legs import Leg
from flowmap.packets import NO_TIME, Claim, is_group_mac, mac_text
from flowmap.twins import Flows

NEIGHBORS_NAMED = 3
"""Neighbours that a sentence names."""

_PROTOCOLS = {"lldp": "LLDP", "cdp": "CDP", "stp": "spanning tree"}
_LOCALLY_ADMINISTERED = 0x0200_0000_0000
_ESX = "VMware ESX"
"""Platform that an ESXi host gives in the CDP that it sends itself (reference 2.2)."""

Spell = Callable[[str], str]


def learn_points(
    points: Sequence[CapturePoint],
    neighbors: Iterable[LinkNeighbor],
    inventory: Inventory,
    spelled: Spell,
    legs: Sequence[Leg],
    flows: Flows,
    stations: Stations,
    claims: Sequence[Claim],
) -> None:
    """Set role and host where nobody has stated them: what is read comes before what is inferred."""
    by_point: dict[int, list[LinkNeighbor]] = defaultdict(list)
    for neighbor in neighbors:
        by_point[neighbor.point].append(neighbor)
    for number, found in by_point.items():
        points[number].neighbors = tuple(found)
    _doubt_hosts_of_passing_copies(points, legs, flows)
    _hosts_of_sessions(points, inventory, spelled)
    roles_from_inventory(points, stations, claims, inventory)
    hosts_by_name(points, inventory, spelled)
    _uplinks_of_hosts(points, inventory, spelled)
    infer_roles(points)
    _roles_from_what_was_seen(points, legs, flows)
    _hosts_by_cdp(points, spelled)


def hosts_with_uplinks(
    stated: Mapping[str, HostStatement], inventory: Inventory, spelled: Spell, span_ns: tuple[int, int], fresh_ns: int
) -> dict[str, HostStatement]:
    """What is known of each host's uplinks: as the user states it, else as the inventory lists it.

    A list that is more than ``fresh_ns`` older or newer than the capture (``span_ns``: its first and last time) may
    lack an uplink, so it is never complete.
    """
    hosts = {spelled(host): facts for host, facts in stated.items()}
    read: dict[str, HostStatement] = {}
    for record in inventory.hypervisors:
        host = spelled(record.host)
        if record.uplinks and host not in hosts:
            before = read.get(host, HostStatement())
            complete = before.uplinks_complete or (record.uplinks_complete and _is_fresh(record, span_ns, fresh_ns))
            read[host] = HostStatement(tuple(dict.fromkeys((*before.uplinks, *record.uplinks))), complete)
    return hosts | read


def _is_fresh(record: HostRecord, span_ns: tuple[int, int], fresh_ns: int) -> bool:
    observed_ns = record.observed_at_ns
    if observed_ns is None or NO_TIME in span_ns:
        return False
    return span_ns[0] - fresh_ns <= observed_ns <= span_ns[1] + fresh_ns


def shared_name_warnings(points: Iterable[CapturePoint]) -> list[str]:
    """A sentence for each interface name that several interfaces of one file have while nobody states their hosts."""
    groups: dict[tuple[str, int, str], list[CapturePoint]] = defaultdict(list)
    for point in points:
        if point.shares_name:
            groups[point.key.file, point.key.section, point.interface].append(point)
    sentences = []
    for (file, _, interface), alike in groups.items():
        if any(point.host is None or point.host_how.startswith(INFERRED) for point in alike):
            number = min(point.key.interface_id for point in alike)
            sentences.append(
                f"{file} has {len({point.key.interface_id for point in alike})} interfaces named {interface}: mergecap "
                "keeps two hosts' interfaces apart by number only; state their hosts "
                f"(--point '{file}:#{number}=host:NAME')."
            )
    return sentences


# --- hosts


def _doubt_hosts_of_passing_copies(points: Sequence[CapturePoint], legs: Sequence[Leg], flows: Flows) -> None:
    """Take a whole file's host from its mirror sessions where several hosts sent them, or the file is a mirror itself.

    A collector's file shows its own conversations besides, all with one MAC. Where there are others, copies that some
    other host sends to a collector may pass among what was mirrored.
    """
    number_of = {point.key: number for number, point in enumerate(points)}
    sessions = [point for point in points if point.host_how == STATED_OF_FILE]
    plain = {number_of[key] for point in sessions if (key := point.key._replace(mirror="")) in number_of}
    traffic = traffic_at(plain, legs, flows) if plain else {}
    senders: dict[str, set[str]] = defaultdict(set)
    for point in sessions:
        senders[point.key.file].add(_sender(point))
    for point in sessions:
        seen = traffic.get(number_of.get(point.key._replace(mirror=""), -1))
        if len(senders[point.key.file]) > 1:
            point.host, point.host_how = None, "not known: its file holds copies that several hosts sent"
        elif seen is not None and seen.pairs and not seen.centres():
            point.host, point.host_how = None, "not known: copies of other hosts may pass in what was mirrored here"


def _sender(point: CapturePoint) -> str:
    """The outer source of a mirror session."""
    return point.key.mirror.partition(":")[2].partition("/")[0]


def _hosts_of_sessions(points: Iterable[CapturePoint], inventory: Inventory, spelled: Spell) -> None:
    """The outer source of a mirror tunnel is the host that mirrors, where the inventory knows its address."""
    owners: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, str] = {}
    for record in inventory.hypervisors:
        for ip in record.ips:
            owners[ip].add(spelled(record.host))
            sources[ip] = record.source
    for point in points:
        ip = _sender(point)
        may_tell = point.host is None or point.host_how == STATED_OF_FILE
        if ip and may_tell and len(owners.get(ip, ())) == 1:
            point.host = next(iter(owners[ip]))
            point.host_how = f"{INVENTORY} {sources[ip]}, which has its address {ip}"


def hosts_by_name(points: Sequence[CapturePoint], inventory: Inventory, spelled: Spell) -> None:
    """A host of the inventory that the interface's description or the file's name has as a word.

    Not for a file that holds mirror sessions or interfaces of one name, because several hosts are in those.
    """
    words = _host_words(inventory, spelled)
    several = {point.key.file for point in points if point.key.mirror or point.shares_name}
    for point in points:
        if point.host is not None or point.key.mirror:
            continue
        places = [("the interface's description", point.description)]
        if point.key.file not in several:
            places.append(("the file's name", point.key.file.rsplit("/", 1)[-1]))
        for what, text in places:
            host = _host_in(text, words)
            if host is not None:
                point.host, point.host_how = host, f"{INFERRED} from {what}"
                break


def _host_words(inventory: Inventory, spelled: Spell) -> dict[str, str]:
    """Casefolded name, and first label where only one host has it, to the host."""
    hosts = {spelled(host) for host in (*inventory.hosts(), *(record.host for record in inventory.hypervisors))}
    words = {host.casefold(): host for host in hosts}
    short: dict[str, set[str]] = defaultdict(set)
    for name, host in words.items():
        short[short_host_name(name)].add(host)
    return words | {name: next(iter(named)) for name, named in short.items() if len(named) == 1}


def _host_in(text: str, words: Mapping[str, str]) -> str | None:
    """The one host that is named in a text; a longer name covers those inside it (esx-1 in esx-1-2)."""
    folded = text.casefold()
    found = [
        word
        for word in words
        # esx-1 is no word of esx-10 nor of esx-1-2; a date or a suffix may follow
        if word in folded and re.search(rf"(?<![^\W_])(?<!\d-){re.escape(word)}(?![^\W_])(?!-\d{{1,2}}(?!\d))", folded)
    ]
    hosts = {words[word] for word in found if not any(word != other and word in other for other in found)}
    return hosts.pop() if len(hosts) == 1 else None


def _hosts_by_cdp(points: Iterable[CapturePoint], spelled: Spell) -> None:
    """An ESXi host names itself in the CDP that it sends out of its uplink; a mirror would show copies of it."""
    for point in points:
        if point.role != "uplink" or point.host is not None:
            continue
        own = [one for one in point.neighbors if _is_esx(one) and point.interface in ("", one.port)]
        if len({one.system_name.casefold() for one in own}) == 1:
            point.host, point.host_how = spelled(own[0].system_name), f"{INFERRED} from {neighbor_text(own[0])}"


# --- roles


def _uplinks_of_hosts(points: Iterable[CapturePoint], inventory: Inventory, spelled: Spell) -> None:
    listed = {(spelled(record.host), uplink): record for record in inventory.hypervisors for uplink in record.uplinks}
    for point in points:
        record = listed.get((point.host, point.interface)) if point.host and point.interface else None
        if record is not None and point.role == "unknown" and not point.role_how and not point.key.mirror:
            point.role, point.role_how = "uplink", f"{INVENTORY} {record.source}"


def _roles_from_what_was_seen(points: Sequence[CapturePoint], legs: Sequence[Leg], flows: Flows) -> None:
    """Roles from neighbours and traffic where no name tells; else why it is not known."""
    unknown = [number for number, point in enumerate(points) if point.role == "unknown" and not point.role_how]
    for point in points:
        switches = _switches(point)
        if switches and point.role == "uplink" and point.role_how.startswith(INFERRED):
            point.role_how += f" and {_seen_text(switches)}"
    if not unknown:
        return
    files = {points[number].key.file for number in unknown}
    ports = [number for number, point in enumerate(points) if point.role == "vnic" and point.key.file in files]
    traffic = traffic_at({*unknown, *ports}, legs, flows)
    for number in unknown:
        point, seen = points[number], traffic[number]
        siblings = [traffic[port] for port in ports if points[port].key[:2] == point.key[:2]]
        if _switches(point):
            _judge_by_neighbors(point, points, seen, siblings)
        else:
            _judge_by_traffic(point, seen)


def _judge_by_neighbors(
    point: CapturePoint, points: Sequence[CapturePoint], seen: PointTraffic, siblings: Sequence[PointTraffic]
) -> None:
    """An uplink where a switch is heard beside ports, unless its traffic or the same switch elsewhere says no."""
    what = _seen_text(_switches(point))
    if not seen.has_two_sides():
        _set_mirror(point, seen)
        return
    elsewhere = {(one.system_name, one.port) for other in points if other is not point for one in _switches(other)} & {
        (one.system_name, one.port) for one in _switches(point)
    }
    centres = [sibling.centres() for sibling in siblings]
    between = any(_are_two_ports(pair, centres) for pair in seen.pairs)
    if siblings and not elsewhere and not between:
        point.role, point.role_how = "uplink", f"{INFERRED} from {what}, beside ports in the same file"
        return
    point.role_how = f"not known: {what} was seen, but a mirror shows copies of it"


def _are_two_ports(pair: tuple[int, int], centres: Sequence[set[int]]) -> bool:
    """Whether two ports of the file may be those of the two MACs: between them nothing needs the uplink."""
    one = {number for number, macs in enumerate(centres) if pair[0] in macs}
    other = {number for number, macs in enumerate(centres) if pair[1] in macs}
    return bool(one) and bool(other) and len(one | other) > 1


def _judge_by_traffic(point: CapturePoint, seen: PointTraffic) -> None:
    """A mirror where it is crosswise, a port where all is one VM's; never an uplink."""
    if not seen.has_two_sides():
        _set_mirror(point, seen)
        return
    owner = seen.port_owner() if not point.neighbors else None
    if owner is not None:
        share = sum(packets for pair, packets in seen.pairs.items() if owner in pair)
        what = f"{mac_text(owner)} takes part in {share:,} of {seen.packets:,} answered packets"
        point.role = "vnic"
        point.role_how = f"{INFERRED_FROM_TRAFFIC}: {what}; the uplink of a host with one VM looks the same"
    elif seen.doubled_packets > seen.packets:
        point.role_how = "not known: most packets stand here twice, as at a doubling mirror or a reflected uplink"
    elif seen.virtual_macs:
        point.role_how = "not known: its traffic could be that of an uplink or of a mirror"


def _set_mirror(point: CapturePoint, seen: PointTraffic) -> None:
    """Only for virtual machines: crosswise traffic of physical ones is a physical switch's."""
    pairs = seen.virtual_pairs()
    if not pairs:
        point.role_how = "not known: its traffic is crosswise, as the uplink of one host does not show"
        return
    what = f"{len(seen.virtual_macs)} virtual MACs, {pairs} pairs of them talk directly, and crosswise"
    point.role = "mirror"
    point.role_how = f"{INFERRED_FROM_TRAFFIC}: {what}, as the uplink of one host does not show"


# --- neighbours


def neighbor_text(neighbor: LinkNeighbor) -> str:
    """A neighbour in a sentence, e.g. "LLDP of tor-1 port Eth1/1"."""
    port = f" port {neighbor.port}" if neighbor.port else ""
    return f"{_PROTOCOLS.get(neighbor.protocol, neighbor.protocol)} of {neighbor.system_name}{port}"


def _seen_text(neighbors: Sequence[LinkNeighbor]) -> str:
    named = ", ".join(neighbor_text(one) for one in neighbors[:NEIGHBORS_NAMED])
    more = len(neighbors) - NEIGHBORS_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _switches(point: CapturePoint) -> list[LinkNeighbor]:
    """Physical switches among the neighbours: a virtual or local MAC is a VM's or a bridge's inside the host."""
    return [
        one
        for one in point.neighbors
        if one.mac > 0
        and not is_group_mac(one.mac)
        and not one.mac & _LOCALLY_ADMINISTERED
        and virtual_vendor(one.mac) is None
        and one.forwards is not False
        and not _is_esx(one)
    ]


def _is_esx(neighbor: LinkNeighbor) -> bool:
    return neighbor.protocol == "cdp" and neighbor.platform.startswith(_ESX)
