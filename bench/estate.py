"""Made estates: hosts, VMs and talks of a plan, as captures, points file and inventory, and what is true of them.

``python -m bench.estate NAME --into FOLDER`` writes one of :data:`bench.estate_plans.ESTATES`. Every byte follows from
the plan, and so does the verdict: the wiring says where a packet passes, and every place it passes is recorded.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

START_NS = int(datetime(2026, 3, 4, 10, 0, tzinfo=UTC).timestamp()) * 10**9
OUTSIDE_VLAN = -1


@dataclass(frozen=True)
class Machine:
    """A VM, or a machine outside.

    Attributes
    ----------
    name : str
    mac, ip : int
    vlan : int
        ``OUTSIDE_VLAN`` for a machine beyond the gateway.
    host : str or None
        None for a machine outside, and for one that only the stray mirror sees.
    moves_to : (str, float) or None
        The host it is on from that second on.
    """

    name: str
    mac: int
    ip: int
    vlan: int
    host: str | None
    moves_to: tuple[str, float] | None = None

    @property
    def is_outside(self) -> bool:
        """Whether it is beyond the gateway."""
        return self.vlan == OUTSIDE_VLAN

    @property
    def is_placed(self) -> bool:
        """Whether the inventory lists it."""
        return self.host is not None

    @property
    def last_host(self) -> str | None:
        """Where it is at the end."""
        return self.moves_to[0] if self.moves_to else self.host


@dataclass(frozen=True)
class Talk:
    """One TCP conversation.

    ``sent`` and ``answered`` are payload bytes of the client and of the server, in segments of at most
    ``segment_bytes`` and at least ``fewest`` of them each way. Between two VLANs of one host stands a distributed
    router, unless the packets go ``by_gateway``, which is outside of every host.
    """

    client: Machine
    server: Machine
    port: int
    sent: int
    answered: int
    first_s: float
    last_s: float
    by_gateway: bool = False
    segment_bytes: int = 1_400
    fewest: int = 3

    @property
    def left_host(self) -> str:
        """What truly happens, in the document's word; ``undetermined`` is what only the stray mirror shows."""
        ends = (self.client, self.server)
        if any(end.is_outside for end in ends):
            return "left"
        if not all(end.is_placed for end in ends):
            return "undetermined"
        before = self._is_inside(*(end.host for end in ends))
        moves = [end.moves_to[1] for end in ends if end.moves_to]
        if not any(self.first_s < move < self.last_s for move in moves):
            return "stayed" if (self._is_inside(*(end.last_host for end in ends)) if moves else before) else "left"
        after = self._is_inside(*(end.last_host for end in ends))
        return "mixed" if before != after else ("stayed" if before else "left")

    @property
    def is_hairpin(self) -> bool:
        """Whether it leaves its host and comes back."""
        return self.by_gateway and self.client.host == self.server.host is not None

    def _is_inside(self, one: str | None, other: str | None) -> bool:
        return one == other and not self.by_gateway


@dataclass(frozen=True)
class Estate:
    """What is to be written.

    Attributes
    ----------
    name : str
    clusters : dict
        Host -> cluster. Each cluster is one capture file, or each host where ``file_per_host``.
    machines, talks
    recorded : str
        ``mirror``: a mirror of every vSwitch; ``ports``: every vNIC port; with the uplink of the host in both cases.
        ``stray``: one mirror sees everything once, and nobody says what it is.
    span_s : float
    kept_bytes : int
        Of each frame, as with ``tcpdump -s``.
    one_way : tuple of str
        Hosts whose mirror misses the answers of one conversation in eight among those that leave.
    twice : tuple of str
        Hosts whose mirror copies every packet twice.
    dropped : dict
        Host -> frames that its mirror says it has lost.
    """

    name: str
    clusters: dict[str, str]
    machines: list[Machine]
    talks: list[Talk]
    recorded: str = "mirror"
    file_per_host: bool = False
    span_s: float = 600.0
    kept_bytes: int = 128
    one_way: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    seed: int = 1


@dataclass(frozen=True)
class Written:
    """An estate on disk."""

    estate: Estate
    captures: list[Path]
    points: Path | None
    inventory: Path | None
    truth: Path

    @property
    def arguments(self) -> list[str]:
        """Facts about the captures, as options of the command line."""
        options = ["--points", str(self.points)] if self.points else []
        return options + (["--inventory", str(self.inventory)] if self.inventory else [])


@dataclass(frozen=True)
class Point:
    """One interface of a capture file."""

    file: str
    interface: str
    host: str | None
    role: str


def points_of(estate: Estate) -> list[Point]:
    """Every capture point, those of a file together."""
    if estate.recorded == "stray":
        return [Point(f"{estate.name}-span.pcapng", "", None, "mirror")]
    points = []
    for host, cluster in estate.clusters.items():
        file = f"{host if estate.file_per_host else cluster}.pcapng"
        prefix = "" if estate.file_per_host else f"{host}-"
        if estate.recorded == "ports":
            here = [one for one in estate.machines if host in (one.host, one.last_host)]
            points += [Point(file, port_name(estate, host, one), host, "vnic") for one in here]
        else:
            points.append(Point(file, f"{prefix}mirror", host, "mirror"))
        points.append(Point(file, f"{prefix}vmnic0", host, "uplink"))
    if any(talk.left_host == "undetermined" for talk in estate.talks):
        points.append(Point("span-unknown.pcapng", "", None, "mirror"))
    return points


def port_name(estate: Estate, host: str, machine: Machine) -> str:
    """The interface of a VM's vNIC port on a host."""
    return f"{machine.name}.eth0" if estate.file_per_host else f"{host}-{machine.name}.eth0"


def write(estate: Estate, into: Path) -> Written:
    """Write all files of an estate, unless they are there."""
    from bench.estate_frames import write_captures

    into.mkdir(parents=True, exist_ok=True)
    points = points_of(estate)
    stated = estate.recorded != "stray"
    written = Written(
        estate=estate,
        captures=[into / file for file in dict.fromkeys(point.file for point in points)],
        points=into / "points.yaml" if stated else None,
        inventory=into / "inventory.csv" if stated else None,
        truth=into / "truth.json",
    )
    if written.truth.exists():
        return written
    truth = write_captures(estate, points, into)
    if written.points and written.inventory:
        written.points.write_text(_points_text(points), encoding="utf-8")
        written.inventory.write_text(_inventory_text(estate), encoding="utf-8")
    written.truth.write_text(json.dumps(_truth(estate, truth), indent=0), encoding="utf-8")
    return written


def _points_text(points: list[Point]) -> str:
    uplinks: dict[str, list[str]] = defaultdict(list)
    for point in points:
        if point.role == "uplink" and point.host:
            uplinks[point.host].append(point.interface)
    lines = ["hosts:"]
    lines += [
        f"  {host}: {{ uplinks: [{', '.join(names)}], uplinks_complete: true }}" for host, names in uplinks.items()
    ]
    lines.append("points:")
    for point in points:
        if point.host:
            whole = ", covers: all, sampled: 1" if point.role == "mirror" else ""
            where = f"file: {point.file}, interface: {point.interface}, host: {point.host}, role: {point.role}"
            lines.append(f"  - {{ {where}{whole} }}")
    return "\n".join(lines) + "\n"


def _inventory_text(estate: Estate) -> str:
    exported = datetime.fromtimestamp(START_NS / 1e9 + estate.span_s, UTC)
    lines = [f"# exported_at: {exported:%Y-%m-%dT%H:%M:%SZ}", "vm,mac,ip,host,cluster,network,vlan"]
    for one in estate.machines:
        if one.is_placed and one.last_host:
            row = (one.name, mac_text(one.mac), ip_text(one.ip), one.last_host, estate.clusters[one.last_host])
            lines.append(",".join([*row, f"pg-{one.vlan}", str(one.vlan)]))
    return "\n".join(lines) + "\n"


def _truth(estate: Estate, wire_bytes: list[tuple[int, int]]) -> dict[str, Any]:
    """Every pair with its word and its bytes from the client and from the server, each packet counted once."""
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for talk, (sent, answered) in zip(estate.talks, wire_bytes, strict=True):
        key = talk.client.name, talk.server.name
        ips = ip_text(talk.client.ip), ip_text(talk.server.ip)
        row = pairs.setdefault(key, {"a": key[0], "b": key[1], "ips": ips, "left": [], "bytes": 0})
        row["left"].append(talk.left_host)
        row["hairpin"] = talk.is_hairpin
        row["bytes"] += sent + answered
    for row in pairs.values():
        words = set(row.pop("left"))
        row["left_host"] = words.pop() if len(words) == 1 else "mixed"
    return {"estate": estate.name, "pairs": list(pairs.values())}


def mac_text(mac: int) -> str:
    """As people write it."""
    return mac.to_bytes(6, "big").hex(":")


def ip_text(ip: int) -> str:
    """As people write it."""
    return str(ipaddress.IPv4Address(ip))


def main() -> None:
    """Write one estate and say how to look at it."""
    from bench.estate_plans import ESTATES

    options = argparse.ArgumentParser(prog="python -m bench.estate", description="Write the captures of a made estate.")
    options.add_argument("name", choices=sorted(ESTATES))
    options.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    chosen = options.parse_args()
    written = write(ESTATES[chosen.name](), chosen.into)
    size = sum(path.stat().st_size for path in written.captures)
    sys.stdout.write(f"{len(written.captures)} captures, {size / 1e6:,.0f} MB in {chosen.into}\n")
    words = [*map(str, written.captures), *written.arguments]
    sys.stdout.write(f"flowmap analyze {' '.join(words)}\n")


if __name__ == "__main__":
    main()
