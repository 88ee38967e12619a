"""Port groups and vSwitches: what an export says of the network instead of the VM, and how it reaches the vNICs.

Exports name a vNIC's port group; its VLAN, and whether its vSwitch has an uplink at all, stand in other tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flowmap.inventory.cells import parse_vlan
from flowmap.inventory.records import HostRecord, VnicRecord

_UPLINKS_IN_ANOTHER_TABLE = frozenset({"rvtools-vswitch"})
"""Formats that list the switches of a host, while its uplinks stand in another table of the same export."""
MAX_APART_NS = 86_400 * 10**9
"""Two tables are of one time when they are less than this apart; a vSwitch may get an uplink any day."""


@dataclass(frozen=True, slots=True)
class PortGroup:
    """A network that vNICs are attached to by name."""

    name: str
    vswitch: str | None
    host: str | None
    """None for a port group of a distributed switch: it is the same on every host."""
    vlan: int | None
    segment_type: str | None
    """As in `VnicRecord`; None for a trunk."""
    isolated: bool = False
    source: str = ""
    row: int = 0
    format: str = ""
    observed_at_ns: int | None = None
    observed_how: str | None = None


@dataclass(frozen=True, slots=True)
class Vswitch:
    """A virtual switch of one host."""

    name: str
    host: str | None
    has_uplink: bool | None
    """None where the table does not tell."""
    ids: tuple[str, ...] = ()
    """What vNICs call it instead of its name: a distributed switch's UUID."""
    source: str = ""
    row: int = 0
    format: str = ""
    observed_at_ns: int | None = None
    observed_how: str | None = None


def vlan_of(text: str) -> tuple[int | None, str | None, bool]:
    """(VLAN, segment type, isolated) of a port group's VLAN as exports write it.

    A trunk ("0-4094", 4095) has no single VLAN and no segment type. "0" and nothing mean untagged on vSphere, but
    nothing may as well mean that the export does not tell.
    """
    isolated = "isolated" in text.casefold()
    try:
        vlan = parse_vlan(text.strip())
    except ValueError:
        return None, None, isolated
    return (vlan, "vlan", isolated) if vlan else (None, "none", isolated)


def with_networks(
    records: list[VnicRecord], networks: Sequence[PortGroup | Vswitch], hypervisors: Iterable[HostRecord]
) -> list[VnicRecord]:
    """The records with what is known of their port group and vSwitch.

    What a record tells itself is never changed, and a port group adds something only if all that fit it agree.
    Hosts must be spelled alike in all three.
    """
    if not networks:
        return records
    groups: dict[str, list[PortGroup]] = defaultdict(list)
    names: dict[str, set[str]] = defaultdict(set)
    for network in networks:
        if isinstance(network, PortGroup):
            groups[network.name.casefold()].append(network)
        else:
            for vswitch_id in network.ids:
                names[vswitch_id.casefold()].add(network.name)
    has_uplink = _uplinks_of_switches(networks, hypervisors)
    completed = []
    known: dict[tuple[str | None, str | None, str | None], dict[str, object]] = {}
    for record in records:
        key = (record.network, record.vswitch, record.host)
        if key not in known:  # most vNICs share their port group with hundreds of others
            named = names.get((record.vswitch or "").casefold(), set())
            vswitch = next(iter(named)) if len(named) == 1 else record.vswitch
            facts = _facts(groups.get((record.network or "").casefold(), []), vswitch, record.host)
            facts["vswitch"] = facts["vswitch"] or vswitch
            facts["has_uplink"] = has_uplink.get((record.host, str(facts["vswitch"]).casefold()))
            known[key] = facts
        completed.append(_completed(record, known[key]))
    return completed


def _completed(record: VnicRecord, facts: dict[str, object]) -> VnicRecord:
    changes = {"vswitch": facts["vswitch"]}
    if record.vlan is None and record.segment_type is None:
        changes |= {"vlan": facts["vlan"], "segment_type": facts["segment_type"]}
    if facts["isolated"]:
        changes["isolated"] = True
    if record.has_uplink is None:
        changes["has_uplink"] = facts["has_uplink"]
    changed = {name: value for name, value in changes.items() if getattr(record, name) != value}
    return replace(record, **changed) if changed else record  # type: ignore[arg-type]


def _facts(groups: list[PortGroup], vswitch: str | None, host: str | None) -> dict[str, object]:
    """What the port groups of one name say of a vNIC on this vSwitch and host, where they agree."""
    fitting = [
        group
        for group in groups
        if (group.host is None or host is None or group.host == host)
        and (group.vswitch is None or vswitch is None or group.vswitch.casefold() == vswitch.casefold())
    ]
    facts: dict[str, object] = {"vlan": None, "segment_type": None, "isolated": False, "vswitch": None}
    if len({(group.vlan, group.segment_type, group.isolated) for group in fitting}) == 1:
        first = fitting[0]
        facts |= {"vlan": first.vlan, "segment_type": first.segment_type, "isolated": first.isolated}
    switches = {group.vswitch for group in fitting}
    if len(switches) == 1:
        facts["vswitch"] = switches.pop()
    return facts


def _uplinks_of_switches(
    networks: Iterable[PortGroup | Vswitch], hypervisors: Iterable[HostRecord]
) -> dict[tuple[str | None, str], bool | None]:
    """Whether each (host, vSwitch) has an uplink; None where nobody tells.

    One table that shows an uplink is believed against any that shows none: that a vSwitch has no way out would
    prove that traffic stayed.
    """
    complete = {one.host: one for one in hypervisors if one.uplinks_complete}
    told: dict[tuple[str | None, str], list[Vswitch]] = defaultdict(list)
    for network in networks:
        if isinstance(network, Vswitch):
            told[network.host, network.name.casefold()].append(network)
    result: dict[tuple[str | None, str], bool | None] = {}
    for (host, name), rows in told.items():
        says = {row.has_uplink for row in rows}
        listing = complete.get(host or "")
        if True in says:
            result[host, name] = True
        elif False in says:
            result[host, name] = False
        else:
            listed = listing is not None and all(
                row.format in _UPLINKS_IN_ANOTHER_TABLE and _of_one_time(listing, row) for row in rows
            )
            result[host, name] = False if listed else None
    return result


def _of_one_time(listing: HostRecord, row: Vswitch) -> bool:
    if listing.observed_at_ns is None or row.observed_at_ns is None:
        return listing.observed_at_ns == row.observed_at_ns
    return abs(listing.observed_at_ns - row.observed_at_ns) <= MAX_APART_NS
