"""What every scenario says of itself: its machines, files and points, and the way that its pairs took by its wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from machines import Record, VirtualMachine
from processes import Lab


@dataclass(frozen=True)
class Way:
    """The path between two machines in FlowMap's words, and further hosts that it led through."""

    verdict: str
    through: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scenario:
    """One lab network with everything that can be said of it before it runs.

    `files` names the hosts whose traffic each sample shows, `points` are rows of points.yaml, and `uplinks` all
    physical NICs of a host's VM switch, captured or not. The three verdicts are those of pairs on one host in one
    network, on one host in different networks, and on two hosts; `ways` holds the pairs that go another way.
    """

    name: str
    title: str
    machines: list[VirtualMachine]
    files: dict[str, set[str]]
    points: list[str]
    inventory: str
    record: Callable[[Lab, Path], Record]
    uplinks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    same_network: str = "intra_host_switched"
    other_network: str = "hairpin_routed"
    other_host: str = "inter_host"
    ways: dict[frozenset[str], Way] = field(default_factory=dict)

    def way(self, a: VirtualMachine, b: VirtualMachine) -> Way:
        """The path between two machines of the scenario, by the way the lab is wired."""
        if frozenset((a.name, b.name)) in self.ways:
            return self.ways[frozenset((a.name, b.name))]
        if a.is_outside or b.is_outside:
            return Way("north_south")
        if a.host != b.host:
            return Way(self.other_host)
        return Way(self.same_network if a.network == b.network else self.other_network)


def ports_of(machines: Iterable[VirtualMachine], host: str, *uplinks: str) -> list[str]:
    """The ports of one host's switch: the vNICs in order, then the uplinks."""
    return [vnic.port for vm in machines for vnic in vm.vnics if vnic.host == host] + list(uplinks)


def port_points(file: str, host: str, ports: Iterable[str], uplinks: Iterable[str]) -> list[str]:
    """Rows of points.yaml for a file recorded at ports of one host."""
    return [
        f"  - {{ file: {file}, interface: {port}, host: {host}, role: {'uplink' if port in uplinks else 'vnic'} }}"
        for port in ports
    ]


def copies_point(file: str, uplink: str, vlan: int, host: str) -> str:
    """Row of points.yaml for the VLAN of an uplink that holds nothing but what one host's mirror copied."""
    return f"  - {{ file: {file}, interface: {uplink}, vlan: {vlan}, host: {host}, role: mirror }}"


def mirror_point(file: str, host: str) -> str:
    """Row of points.yaml for a file that holds all that one host switched."""
    return f"  - {{ file: {file}, host: {host}, role: mirror, covers: all, sampled: 1 }}"


def session_point(address: str, session: int, host: str) -> str:
    """Row of points.yaml for the ERSPAN session of one host."""
    return f'  - {{ session: "erspan:{address}/{session}", host: {host}, role: mirror, covers: all, sampled: 1 }}'
