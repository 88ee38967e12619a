"""Sightings: where one direction of a conversation was seen, in the words of the truth table.

``a`` is the source's vNIC port, ``b`` the destination's, ``via`` the port of a third VM on the way (a router, firewall
or balancer), ``u`` any uplink, ``t`` a tenant tunnel, ``m`` a mirror; a flooded copy at somebody else's port is
``other``, and ``doubt`` are legs on an uplink in a VLAN that looks like a remote mirror's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowmap.capture.points import CapturePoint, HostStatement
from flowmap.conversations import Direction
from flowmap.identity.endpoints import Endpoint, Identities
from flowmap.identity.kinds import is_hardware_mac
from flowmap.identity.moves import Movements
from flowmap.identity.routers import INITIAL_TTLS, standard_router_mac
from flowmap.inventory.records import VnicRecord
from flowmap.legs import WITH_PORTS, FiveTuple, Leg, PointStatistics
from flowmap.locality.ports import PortOwners, find_owners
from flowmap.packets import is_group_mac
from flowmap.twins import Twins

OUTSIDE_ROLES = ("uplink", "underlay")
"""Roles of points at which traffic has left the host."""

Addresses = tuple[int, tuple[int, int], tuple[int, int]]
"""Protocol and both addresses of a conversation, the lower one first."""

FLOODED_PACKETS = 2
"""So many packets of a conversation may be floods, in each direction."""


@dataclass(slots=True)
class Scene:
    """Everything the rules may look at; they change nothing in it."""

    legs: Sequence[Leg]
    twins: Twins
    translated: Mapping[FiveTuple, set[int]]
    points: Sequence[CapturePoint]
    statistics: Mapping[int, PointStatistics]
    hosts: Mapping[str, HostStatement]
    identities: Identities
    first_seen_ns: int
    last_seen_ns: int
    inventory_fresh_ns: int
    ports: PortOwners = field(default_factory=PortOwners)
    _index_of: dict[int, int] = field(default_factory=dict)

    clock_offset_ns: Mapping[str, int] = field(default_factory=dict)
    """File -> nanoseconds to add for the common clock."""
    pieces: Mapping[int, int] = field(default_factory=dict)
    """id of a part of a leg, where conversations are cut -> the leg's number."""
    slice_ns: int = 1_000_000_000
    movements: Movements = field(default_factory=Movements)
    announced: Mapping[int, int] = field(default_factory=dict)
    """MAC -> when RARP announced that it had moved, where no move of it could be told from that."""
    legs_are_missing: bool = False
    """The leg table was full, so absence of a leg means nothing."""
    senders_at: dict[int, set[int]] = field(default_factory=dict)
    """Uplink -> MACs that sent unicast there."""
    point_ids: list[str] = field(default_factory=list)
    has_clouds: bool = False
    """Some capture points hold what a cloud mirrored."""
    watched_hosts: frozenset[str] = frozenset()
    """Hosts of which every uplink is said to be captured."""
    port_macs: frozenset[int] = frozenset()
    """MACs that own a port."""
    sure_ports: dict[int, list[int]] = field(default_factory=dict)
    """MAC -> the ports (capture points) on a known host that are surely its own."""
    unsure_ports: dict[int, list[int]] = field(default_factory=dict)
    """MAC -> those that may be its own: they place it nowhere, but what they did not see was not there."""
    moved_to: dict[int, str | None] = field(default_factory=dict)
    """MAC of a VM that moved -> the host where it is in the interval that is judged."""
    mirrored_hosts: frozenset[str] = frozenset()
    doubtful_tags: frozenset[tuple[int, int]] = frozenset()
    """Those of ``repeating_tags`` that are at uplinks."""
    repeating_tags: frozenset[tuple[int, int]] = frozenset()
    """(point, VLAN) in which the same frames stand as in another VLAN there: one of the two is a remote mirror's."""
    crossing: frozenset[tuple[str, int, int]] = frozenset()
    """Host and two MACs, the lower first, that talked with each other over an uplink of that host."""
    across: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    """Host and MAC to the MACs with which it did."""
    uplink_flows: frozenset[tuple[str | None, FiveTuple, bool]] = frozenset()
    """Host, 5-tuple and direction of what is on the uplinks."""
    tagged_uplinks: frozenset[int] = frozenset()
    """Uplinks with unicast in some VLAN."""
    awake: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    holes: frozenset[str] | None = None
    closed_tunnels: dict[int, list[Leg]] | None = None
    """Found by :mod:`.completeness` when first asked for."""
    unproven_copies: frozenset[int] = frozenset()
    """Points of remote mirrors' copies (RSPAN) of which no frame stands at the same interface outside that VLAN too."""
    _confirmed: dict[int, set[str]] | None = None
    _between: dict[Addresses, list[Leg]] | None = None

    def __post_init__(self) -> None:
        roles = [point.role for point in self.points]
        senders: dict[int, set[int]] = defaultdict(set)
        if not {"uplink", "underlay"}.isdisjoint(roles):
            for leg in self.legs:
                if roles[leg.key.point] in OUTSIDE_ROLES and not is_group_mac(leg.key.dst_mac):
                    senders[leg.key.point].add(leg.key.src_mac)
        self.senders_at = dict(senders)
        self.has_clouds = any(point.key.mirror.startswith("vxlan:") for point in self.points)
        outside = [leg for leg in self.legs if roles[leg.key.point] in OUTSIDE_ROLES] if senders else []
        self.crossing = _crossing(outside, self.points)
        self.across = {}
        for host, low, high in self.crossing:
            self.across.setdefault((host, low), set()).add(high)
            self.across.setdefault((host, high), set()).add(low)
        self.tagged_uplinks = frozenset(
            leg.key.point for leg in outside if outermost_tag(leg) >= 0 and not is_group_mac(leg.key.dst_mac)
        )
        self.uplink_flows = frozenset(
            (self.points[leg.key.point].host, leg.key.five_tuple, leg.key.forward) for leg in outside
        )
        self.watched_hosts = frozenset(
            point.host for point in self.points
            if point.role == "uplink" and point.host and self.hosts.get(point.host, HostStatement()).uplinks_complete
        )  # fmt: skip
        self.repeating_tags = _repeating_tags(self.legs, self.twins)
        self.doubtful_tags = frozenset(tag for tag in self.repeating_tags if roles[tag[0]] in OUTSIDE_ROLES)
        self.unproven_copies = _unproven_copies(self.legs, self.twins, self.points)
        self.mirrored_hosts = frozenset(point.host for point in self.points if point.role == "mirror" and point.host)
        self.point_ids = [point.id for point in self.points]
        self._index_of = {id(self.legs[index]): index for index in self.twins.linked}
        self.ports = find_owners(self.legs, self.points, self.identities, self.movements.moves, self._was_told_then)
        self.port_macs = frozenset(self.ports.owners.values())
        for number, mac in self.ports.owners.items():
            if self.points[number].host:
                ports = self.unsure_ports if number in self.ports.unsure else self.sure_ports
                ports.setdefault(mac, []).append(number)

    @property
    def can_place(self) -> bool:
        """Whether ports, moves or forwarding tables could place a machine that no inventory row names."""
        return bool(self.sure_ports or self.moved_to or self.identities.inventory.learned)

    def _was_told_then(self, row: VnicRecord) -> bool:
        """Whether a row is of the time of the capture, by the settings."""
        slack = self.inventory_fresh_ns
        return row.observed_at_ns is not None and (
            self.first_seen_ns - slack <= row.observed_at_ns <= self.last_seen_ns + slack
        )

    def are_twins(self, one: Leg, other: Leg) -> bool:
        """Whether two legs carried the same packets."""
        first, second = (self._index_of.get(id(leg), self.pieces.get(id(leg))) for leg in (one, other))
        return first is not None and second is not None and self.twins.are(first, second)

    def in_doubt(self, legs: Sequence[Leg]) -> set[int]:
        """The ids of a direction's legs on uplinks that may be a remote mirror's copies.

        Under two tags at one uplink one of the two is no copy, so those are in no doubt.
        """
        tags: dict[tuple[object, ...], set[int]] = defaultdict(set)
        for leg in legs:
            tags[_frame_at(leg)].add(outermost_tag(leg))
        return {
            id(leg) for leg in legs
            if (leg.key.point, outermost_tag(leg)) in self.doubtful_tags and len(tags[_frame_at(leg)]) == 1
        }  # fmt: skip

    def outside_between(self) -> Mapping[Addresses, Sequence[Leg]]:
        """Legs on uplinks by protocol and both addresses: of all that differ by ports, one with and one without."""
        if self._between is None:
            kept: dict[tuple[Addresses, bool], Leg] = {}
            for leg in self.legs:
                protocol, low, high = leg.key.five_tuple
                if protocol in WITH_PORTS and self.points[leg.key.point].role in OUTSIDE_ROLES:
                    kept.setdefault(((protocol, low[0], high[0]), lacks_ports(leg.key.five_tuple)), leg)
            self._between = {}
            for (addresses, _), leg in kept.items():
                self._between.setdefault(addresses, []).append(leg)
        return self._between

    def clock_shift_ns(self, leg: Leg) -> int:
        """What to add to a leg's times for the common clock."""
        return self.clock_offset_ns.get(self.points[leg.key.point].key.file, 0)

    def confirmed_hosts(self, mac: int) -> set[str]:
        """Hosts at whose mirrors, or at its own ports there, a MAC had answered unicast with somebody who is elsewhere.

        A switch hands such traffic only to the host that has one of the two. Floods are not answered.
        """
        if self._confirmed is None:
            self._confirmed = _confirmed_by_packets(self)
        return self._confirmed.get(mac, set())

    def is_confirmed_on(self, mac: int, host: str) -> bool:
        """Whether packets confirm that a MAC is on a host."""
        return host in self.confirmed_hosts(mac)

    def is_known_on(self, mac: int, host: str) -> bool:
        """Whether its own sure port or other packets show that a MAC is on a host, and nothing that it is elsewhere."""
        hosts = {self.points[number].host for number in self.sure_ports.get(mac, ())} | self.confirmed_hosts(mac)
        return hosts == {host}

    def router_is_on(self, mac: int, host: str) -> bool:
        """Whether a router's MAC is that of a VM on a host: by its sure port, else by the inventory."""
        ports = self.sure_ports.get(mac)
        if ports:
            return {self.points[number].host for number in ports} == {host}
        rows = self.identities.inventory.by_mac(mac)
        return bool(rows) and all(row.host == host and row.kind == "vm" for row in rows)

    def stands_outside(self, mac: int) -> bool:
        """Whether a MAC is one that only physical routers have (HSRP, GLBP, a leaf's anycast gateway)."""
        return self.identities.router_kind(mac) == "physical" and standard_router_mac(mac) is not None

    def is_behind_uplink(self, mac: int, host: str) -> bool:
        """Whether a MAC sends unicast on an uplink of a host and owns no port of it: then it is beyond."""
        here = {self.points[number].host for number in self.sure_ports.get(mac, ())}
        return host not in here and any(
            mac in senders for number, senders in self.senders_at.items() if self.points[number].host == host
        )

    def crosses_uplinks(self, leg: Leg, host: str) -> bool:
        """Whether the two MACs of a leg talked over the uplinks of a host, and neither is known to have moved."""
        low, high = sorted((leg.key.src_mac, leg.key.dst_mac))
        return (host, low, high) in self.crossing and self.movements.moves.keys().isdisjoint((low, high))

    def is_beyond(self, mac: int, host: str) -> bool:
        """Whether a MAC talked over the uplinks of a host with one that is known to be there: then it is not there."""
        if mac in self.movements.moves or self.is_known_on(mac, host):
            return False
        return any(self.is_known_on(peer, host) for peer in self.across.get((host, mac), ()))

    def names(self, legs: Sequence[Leg]) -> tuple[str, ...]:
        """The ids of the points of some legs, for evidence."""
        return tuple([self.point_ids[leg.key.point] for leg in legs])


def lacks_ports(five_tuple: FiveTuple) -> bool:
    """Whether the ports were cut off, or a fragment came without its first one."""
    return five_tuple.low[1] < 0 or five_tuple.high[1] < 0


def outermost_tag(leg: Leg) -> int:
    """The VLAN by which the wire knows a frame; -1 untagged."""
    return leg.key.outer_vlan if leg.key.outer_vlan >= 0 else leg.key.vlan


def _frame_at(leg: Leg) -> tuple[object, ...]:
    """Where a frame was seen and what switching leaves alone."""
    return leg.key.point, leg.key.src_mac, leg.key.dst_mac, leg.ttl_max


def _repeating_tags(legs: Sequence[Leg], twins: Twins) -> frozenset[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for pair in twins.links:
        one, other = (legs[index] for index in pair)
        if (
            one.key.point == other.key.point
            and outermost_tag(one) != outermost_tag(other)
            and one.key.tunnel == other.key.tunnel
            and _frame_at(one) == _frame_at(other)
        ):
            found |= {(leg.key.point, outermost_tag(leg)) for leg in (one, other)}
    return frozenset(found)


def _unproven_copies(legs: Sequence[Leg], twins: Twins, points: Sequence[CapturePoint]) -> frozenset[int]:
    derived = {number for number, point in enumerate(points) if point.key.mirror.startswith("rspan:")}
    proven: set[int] = set()
    for pair in twins.links if derived else ():
        one, other = (legs[index].key.point for index in pair)
        copies, frames = (one, other) if one in derived else (other, one)
        if copies in derived and points[frames].key == points[copies].key._replace(mirror=points[frames].key.mirror):
            proven.add(copies)
    return frozenset(derived - proven)


def _crossing(legs: Sequence[Leg], points: Sequence[CapturePoint]) -> frozenset[tuple[str, int, int]]:
    """Host and two MACs whose conversation was on the uplinks of that host both ways, with more than floods make."""
    ways: dict[tuple[str, FiveTuple, int, int], dict[bool, int]] = {}
    for leg in legs:
        host, source, destination = points[leg.key.point].host, leg.key.src_mac, leg.key.dst_mac
        if host and leg.key.tunnel < 0 and min(source, destination) >= 0 and not is_group_mac(destination):
            key = host, leg.key.five_tuple, min(source, destination), max(source, destination)
            packets = ways.setdefault(key, {})
            packets[source < destination] = packets.get(source < destination, 0) + leg.packets
    return frozenset(
        (host, low, high) for (host, _, low, high), packets in ways.items()
        if len(packets) == 2 and min(packets.values()) > FLOODED_PACKETS
    )  # fmt: skip


def _confirmed_by_packets(scene: Scene) -> dict[int, set[str]]:
    """MAC -> hosts where answered unicast with a router outside, or with a VM at a port elsewhere, was captured.

    The MAC of a maker of hardware alone is no router's: a VMkernel interface has that of a physical NIC, and whoever
    talks to it may be anywhere. A router sends what others sent, with a lowered TTL. Where an inventory alone places
    the VM elsewhere, both rows may be wrong. A vNIC port shows its own VM only; a monitor's shows copies from anywhere.
    """
    ways: dict[tuple[int, int, str, FiveTuple], dict[bool, int]] = defaultdict(lambda: {True: 0, False: 0})
    forwards: set[int] = set()
    owners, routers = scene.ports.owners, scene.identities.routers
    for leg in scene.legs:
        point, source, destination = scene.points[leg.key.point], leg.key.src_mac, leg.key.dst_mac
        if leg.ttl_max not in INITIAL_TTLS:
            forwards.add(source)
        if point.role == "vnic" and owners.get(leg.key.point, -1) not in (source, destination):
            continue
        if point.role in ("mirror", "vnic") and point.host and min(source, destination) >= 0 and leg.key.tunnel < 0:
            pair = min(source, destination), max(source, destination)
            ways[*pair, point.host, leg.key.five_tuple][source < destination] += leg.packets
    answered = {
        (low, high, host) for (low, high, host, _), packets in ways.items() if min(packets.values()) > FLOODED_PACKETS
    }
    confirmed: dict[int, set[str]] = defaultdict(set)
    for low, high, host in answered:
        for mac, peer in ((low, high), (high, low)):
            elsewhere = {scene.points[number].host for number in scene.sure_ports.get(peer, ())}
            is_router = peer in forwards or peer in routers
            is_outside = is_hardware_mac(peer) and is_router and not scene.identities.inventory.by_mac(peer)
            if (elsewhere and host not in elsewhere) or (not elsewhere and is_outside):
                confirmed[mac].add(host)
    return confirmed


@dataclass(slots=True)
class Sightings:
    """The legs of one direction, sorted by what their capture points are, and the direction counted once."""

    legs: list[Leg]
    packets: int
    payload_bytes: int
    a: Sequence[Leg] = ()
    b: Sequence[Leg] = ()
    u: Sequence[Leg] = ()
    t: Sequence[Leg] = ()
    m: Sequence[Leg] = ()
    via: Sequence[Leg] = ()
    other: Sequence[Leg] = ()
    doubt: Sequence[Leg] = ()
    unknown: Sequence[Leg] = ()

    def share(self, *legs: Leg) -> float:
        """How much of the direction some legs saw: by payload (segmentation changes packets), else by packets."""
        if self.payload_bytes:
            return min(1.0, sum(leg.payload_bytes for leg in legs) / self.payload_bytes)
        return min(1.0, sum(leg.packets for leg in legs) / self.packets) if self.packets else 0.0


def sight(scene: Scene, direction: Direction, source: Endpoint, destination: Endpoint) -> Sightings:
    """Sort the legs of one direction.

    A port is an end's only if its VM is that end: a router VM's port is on the way, whatever MAC the frame carries.
    """
    legs = [scene.legs[index] for index in direction.legs]
    places = sort_by_place(scene, legs, source, destination)
    return Sightings(legs, direction.packets, direction.payload_bytes, **places)


def sort_by_place(scene: Scene, legs: Sequence[Leg], source: Endpoint, destination: Endpoint) -> dict[str, list[Leg]]:
    """The legs of one direction by the word of the truth table for where they were seen."""
    places: dict[str, list[Leg]] = {}
    doubted = scene.in_doubt(legs) if scene.doubtful_tags else ()
    for leg in legs:
        role = scene.points[leg.key.point].role
        if role in OUTSIDE_ROLES:
            place = "t" if leg.key.tunnel >= 0 else "doubt" if id(leg) in doubted else "u"
        elif role == "mirror":
            place = "m"
        elif role == "vnic":
            place = _place_at_port(scene, leg, source, destination)
        else:
            place = "unknown"
        places.setdefault(place, []).append(leg)
    return places


def _place_at_port(scene: Scene, leg: Leg, source: Endpoint, destination: Endpoint) -> str:
    owner = scene.ports.owners.get(leg.key.point, -1)
    if owner < 0:
        return "other"
    if leg.key.tunnel >= 0 and scene.identities.carriers_of(leg) is not None:  # its MACs are those of containers
        return "a" if owner in source.macs else "b" if owner in destination.macs else "via"
    if owner == leg.key.src_mac and owner in source.macs:
        return "a"
    if owner == leg.key.dst_mac and owner in destination.macs and owner not in scene.identities.routers:
        return "b"
    return "via" if owner in (leg.key.src_mac, leg.key.dst_mac) else "other"
