"""A small made-up network for tests: machines, capture points, and packets seen at them.

Expected results follow from how a test sends its packets; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, replace
from typing import Any

import numpy as np

from flowmap.capture.names import NameRecord
from flowmap.capture.points import HostStatement, PointKey, PointStatement, Registry, Statements
from flowmap.fold import LegFold
from flowmap.inventory import Inventory, VnicRecord
from flowmap.inventory.records import HostRecord
from flowmap.legs import LegSet
from flowmap.packets import (
    ACK,
    COLUMNS,
    SYN,
    TCP,
    UDP,
    WHOLE,
    Claim,
    PacketBatch,
    Tunnel,
    batch_of,
    ip_halves,
    packet_hashes,
)
from flowmap.settings import Settings

SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
IP_HEADER, TCP_HEADER, UDP_HEADER = 20, 20, 8
BROADCAST = 0xFFFF_FFFF_FFFF


@dataclass(frozen=True)
class Machine:
    """A VM, router leg or outside host."""

    name: str
    mac: int
    ip: str


def vm(number: int, ip: str) -> Machine:
    """A machine with a VMware MAC of its own."""
    return Machine(f"vm-{number}", 0x005056800000 + number, ip)


def record(machine: Machine, host: str, **facts: Any) -> VnicRecord:
    """An inventory row that places a machine; observed when the packets start unless said otherwise."""
    given = VnicRecord.__dataclass_fields__
    base = {name: None if field.default is MISSING else field.default for name, field in given.items()}
    base.update(
        vm=machine.name,
        mac=machine.mac,
        ips=(machine.ip,),
        host=host,
        vswitch="vSwitch0",
        passthrough=False,
        source="inventory.yaml",
        row=1,
        format="yaml",
        observed_at_ns=START_NS,
        observed_how="header",
    )
    return VnicRecord(**{**base, **facts})


@dataclass(frozen=True)
class At:
    """One sighting of a packet: where, how much later, and what differs there."""

    point: int
    after_ns: int = 0
    changes: tuple[tuple[str, Any], ...] = ()
    times: int = 1


def at(point: int, *, after_ns: int = 0, times: int = 1, **changes: Any) -> At:
    """Shorthand for :class:`At`."""
    return At(point, after_ns, tuple(changes.items()), times)


class Network:
    """Capture points and the packets they recorded, file order = order of sending."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.registry = Registry()
        self.statements = Statements()
        self.rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self.words: list[list[int]] = []
        self.claims: list[Claim] = []
        self.names: list[NameRecord] = []
        self._frames: dict[str, int] = {}
        self._ip_id = 0

    def point(
        self, interface: str, role: str = "unknown", host: str | None = None, file: str = "a.pcapng", **facts: Any
    ) -> int:
        """A capture point, its role and host stated unless left out."""
        count = sum(point.key.file == file for point in self.registry.points)
        number = self.registry.point(
            PointKey(file, 0, count, -1, facts.pop("mirror", "")), interface=interface, **facts
        )
        if role != "unknown" or host:
            self.statements.points.append(
                PointStatement(file=file, interface=interface, host=host, role=role if role != "unknown" else None)
            )
        return number

    def uplinks(self, host: str, *names: str, complete: bool = True) -> None:
        """State a host's uplinks."""
        self.statements.hosts[host] = HostStatement(names, complete)

    def arp(self, machine: Machine, *points: int, vlan: int = -1) -> None:
        """The machine's ARP broadcast, heard at some points."""
        for point in points:
            self.claims.append(Claim(machine.mac, machine.ip, "arp", point, vlan, -1, 1, START_NS))

    def send(
        self,
        source: Machine,
        destination: Machine,
        *sightings: At,
        protocol: int = TCP,
        ports: tuple[int, int] = (40_000, 80),
        payload: int = 1000,
        seq: int = 1,
        ack: int = 1,
        flags: int = ACK,
        ttl: int = 64,
        via: Machine | None = None,
        time_ns: int = START_NS,
        ip_id: int | None = None,
        content: int = 0,
    ) -> None:
        """Send one packet and record it at each sighting; ``via`` is the gateway whose MAC the frame carries."""
        if ip_id is None:
            self._ip_id = ip_id = self._ip_id % 65_000 + 1
        header = TCP_HEADER if protocol == TCP else UDP_HEADER
        base = {
            "src_mac": source.mac,
            "dst_mac": (via or destination).mac,
            "ttl": ttl,
            "vlan": -1,
            "tunnel": -1,
            "payload": payload,
            "seq": seq,
            "ip_id": ip_id,
        }
        for sighting in sightings:
            seen = {**base, **dict(sighting.changes)}
            for copy in range(sighting.times):
                self._record(
                    sighting.point,
                    time_ns + sighting.after_ns + copy * 1000,
                    seen,
                    source,
                    destination,
                    protocol,
                    ports,
                    flags,
                    ack,
                    header,
                    content,
                )

    def _record(
        self,
        point: int,
        time_ns: int,
        seen: dict[str, Any],
        source: Machine,
        destination: Machine,
        protocol: int,
        ports: tuple[int, int],
        flags: int,
        ack: int,
        header: int,
        content: int,
    ) -> None:
        file, snaplen = self.registry.points[point].key.file, self.registry.points[point].snaplen
        self._frames[file] = self._frames.get(file, 0) + 1
        is_tcp = protocol == TCP
        ip_bytes = IP_HEADER + header + seen["payload"]
        length = 14 + ip_bytes + (4 if seen["vlan"] >= 0 else 0)
        values = {
            "frame_number": self._frames[file],
            "time_ns": time_ns,
            "point": point,
            "frame_bytes": length,
            "captured_bytes": min(length, snaplen or length),
            "wire_bytes": length,
            "src_mac": seen["src_mac"],
            "dst_mac": seen["dst_mac"],
            "vlan": seen["vlan"],
            "outer_vlan": -1,
            "tunnel": seen["tunnel"],
            "ip_version": 4,
            "src_ip": ip_halves(seen.get("src_ip", source.ip)),
            "dst_ip": ip_halves(seen.get("dst_ip", destination.ip)),
            "protocol": protocol,
            "src_port": ports[0],
            "dst_port": ports[1],
            "ttl": seen["ttl"],
            "ip_id": seen["ip_id"] or -1,
            "fragment": WHOLE,
            "ip_bytes": ip_bytes,
            "payload_bytes": seen["payload"],
            "tcp_flags": flags if is_tcp else -1,
            "tcp_seq": seen["seq"] % 2**32 if is_tcp else -1,
            "icmp_error": False,
            "packet_hash": 0,
        }
        for name, value in values.items():
            self.rows[name].append(value)
        self.words.append(
            [
                protocol | (seen["ip_id"] + 1 if seen["ip_id"] else 0) << 32,
                ports[0] & 0xFFFF | (ports[1] & 0xFFFF) << 16 | (header + seen["payload"]) << 32,
                (seen["seq"] % 2**32 | ack << 32) if is_tcp else 0,
                (flags if is_tcp else 0) | seen["payload"] << 32,
                content,
                0,
            ]
        )

    def batch(self) -> PacketBatch:
        """All packets so far as one batch."""
        batch = batch_of(self.rows, self.claims)
        batch.packet_hash = packet_hashes(np.array(self.words, dtype=np.uint64).reshape(-1, 6))
        return batch

    def fold(self) -> LegSet:
        """All packets so far, folded."""
        fold = LegFold(self.settings)
        fold.add(self.batch())
        return fold.finish()

    def tunnel(self, kind: str, source: str, destination: str, vni: int) -> int:
        """A tenant tunnel."""
        return self.registry.tunnel(Tunnel(kind, source, destination, vni))

    def map(self, *records: VnicRecord, hypervisors: Sequence[HostRecord] = ()) -> Any:
        """The finished map with an inventory of these rows and hypervisors."""
        from flowmap.pipeline import make_map
        from flowmap.reading import Reading

        reading = Reading(replace_points(self.registry), self.fold(), names=self.names)
        inventory = Inventory(list(records), hypervisors=list(hypervisors))
        return make_map(reading, inventory, self.statements, self.settings, "test")


def replace_points(registry: Registry) -> Registry:
    """A registry whose points may be changed without changing the test's own."""
    return replace(registry, points=list(registry.points))


def talk(
    network: Network,
    one: Machine,
    other: Machine,
    there: tuple[At, ...],
    back: tuple[At, ...],
    *,
    segments: int = 10,
    payload: int = 1000,
    port: int = 80,
    via: Machine | None = None,
    via_back: Machine | None = None,
    isn: int = 1000,
    start_ns: int = START_NS,
    every_ns: int = 10_000_000,
    client_port: int = 40_000,
) -> None:
    """A TCP conversation: handshake, ``segments`` data packets from ``one``, an acknowledgement for each."""
    ports, ports_back = (client_port, port), (port, client_port)
    answers = 7 * isn + 9000
    network.send(one, other, *there, ports=ports, payload=0, seq=isn, flags=SYN, via=via, time_ns=start_ns)
    network.send(
        other,
        one,
        *back,
        ports=ports_back,
        payload=0,
        seq=answers,
        ack=isn + 1,
        flags=SYN | ACK,
        via=via_back,
        time_ns=start_ns + 100_000,
    )
    for number in range(segments):
        now = start_ns + (number + 1) * every_ns
        network.send(
            one,
            other,
            *there,
            ports=ports,
            payload=payload,
            seq=isn + 1 + number * payload,
            ack=answers + 1,
            via=via,
            time_ns=now,
        )
        network.send(
            other,
            one,
            *back,
            ports=ports_back,
            payload=0,
            seq=answers + 1,
            ack=isn + 1 + (number + 1) * payload,
            via=via_back,
            time_ns=now + 100_000,
        )


def udp(
    network: Network, one: Machine, other: Machine, *sightings: At, count: int = 10, payload: int = 200, **facts: Any
) -> None:
    """``count`` datagrams with different contents, 10 ms apart."""
    start = facts.pop("start_ns", START_NS)
    first = facts.pop("first", 0)
    for number in range(first, first + count):
        network.send(
            one,
            other,
            *sightings,
            protocol=UDP,
            payload=payload,
            content=number + 1,
            time_ns=start + number * 10_000_000,
            ports=facts.get("ports", (5000, 514)),
            **{key: value for key, value in facts.items() if key != "ports"},
        )
