"""Capture points: where frames were recorded, and what the user says of them.

A point is (file, pcapng section, interface), for cooked captures also the interface index of the header,
and inside a mirror tunnel (outer source, session, port index): DESIGN section 1. ``mergecap`` keeps two hosts'
interfaces apart by number only, so names never identify a point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from flowmap.capture.names import LinkNeighbor
from flowmap.errors import InventoryError, UsageError
from flowmap.packets import Tunnel

ROLES = ("vnic", "uplink", "mirror", "underlay", "unknown")
STATED, INVENTORY, INFERRED = "stated", "inventory", "inferred"
STATED_OF_FILE = f"{STATED} of its whole file"
INFERRED_FROM_TRAFFIC = f"{INFERRED} from its traffic"


class PointKey(NamedTuple):
    """Identity of a capture point.

    ``interface_id`` counts over the file (pcap: 0), ``cooked_index`` is the SLL2 interface index or -1, ``mirror`` is
    "" or the session, e.g. ``erspan:10.0.0.5/77`` or ``erspan:10.0.0.5/77/31`` with a port index.
    """

    file: str
    section: int
    interface_id: int
    cooked_index: int
    mirror: str


@dataclass(slots=True)
class CapturePoint:
    """One capture point and what is known of it. ``how`` says where role and host come from."""

    key: PointKey
    interface: str = ""
    description: str = ""
    role: str = "unknown"
    host: str | None = None
    role_how: str = ""
    host_how: str = ""
    covers: str = ""
    sampled: int = 1
    linktype: int = -1
    snaplen: int = 0
    dropped_packets: int | None = None
    capture_filter: str = ""
    shares_name: bool = False
    """Another interface of the same file and section has the same name, as ``mergecap -I none`` leaves them."""
    neighbors: tuple[LinkNeighbor, ...] = ()
    """What said here by LLDP, CDP or spanning tree that it stands at the end of a wire."""

    @property
    def id(self) -> str:
        """Stable text identity, shown to people: file, then what tells its points apart."""
        parts = [self.key.file]
        if self.key.section:
            parts.append(f"section{self.key.section}")
        if self.interface or self.key.interface_id:
            number = f"#{self.key.interface_id}" if self.shares_name else ""
            parts.append(f"{self.interface}{number}" if self.interface else f"interface{self.key.interface_id}")
        if self.key.cooked_index >= 0:
            parts.append(f"ifindex{self.key.cooked_index}")
        if self.key.mirror:
            parts.append(self.key.mirror)
        return ":".join(parts)

    @property
    def how(self) -> str:
        """One sentence part for the document: where role and host come from."""
        return (
            "; ".join(f"{name} {how}" for name, how in (("role", self.role_how), ("host", self.host_how)) if how)
            or "nothing known"
        )

    @property
    def is_stated(self) -> bool:
        """Role and host both come from the user or an inventory, not from a name, a neighbour or the traffic."""
        return not self.role_how.startswith(INFERRED) and not self.host_how.startswith(INFERRED)

    def as_judged(self) -> CapturePoint:
        """The point as verdicts may use it: without an inferred host, and without a role that only its traffic tells.

        A file named after one host may hold two hosts' ports, and all traffic of an uplink may be with one far VM, as
        if it were that VM's port: on either a wrong "stayed" could rest. People see both, and can state them.
        """
        judged = copy(self)
        if self.host_how.startswith(INFERRED):
            judged.host, judged.host_how = None, ""
        if self.role_how.startswith(INFERRED_FROM_TRAFFIC):
            judged.role, judged.role_how = "unknown", ""
        return judged


@dataclass(slots=True)
class Registry:
    """The capture points and tunnels of one map, numbered in order of appearance."""

    max_points: int = 4096
    points: list[CapturePoint] = field(default_factory=list)
    tunnels: list[Tunnel] = field(default_factory=list)
    _point_index: dict[PointKey, int] = field(default_factory=dict)
    _tunnel_index: dict[Tunnel, int] = field(default_factory=dict)
    _named: dict[tuple[str, int, str], list[int]] = field(default_factory=dict)
    """(file, section, interface name) -> its points."""

    def point(self, key: PointKey, **facts: Any) -> int:
        """Number of a point, made with ``facts`` (fields of CapturePoint) at first sight.

        Past ``max_points`` mirror sessions share the point of their interface, so that a packet cannot make
        unbounded state.
        """
        index = self._point_index.get(key)
        if index is None:
            if len(self.points) >= self.max_points and (key.mirror or key.cooked_index >= 0):
                return self.point(key._replace(mirror="", cooked_index=-1), **facts)
            index = self._point_index[key] = len(self.points)
            self.points.append(CapturePoint(key, **facts))
            self._note_name(index)
        return index

    def _note_name(self, index: int) -> None:
        """Let points of two interfaces with one name show their interface's number."""
        point = self.points[index]
        if not point.interface:
            return
        alike = self._named.setdefault((point.key.file, point.key.section, point.interface), [])
        alike.append(index)
        first = self.points[alike[0]]
        if first.shares_name:
            point.shares_name = True
        elif first.key.interface_id != point.key.interface_id:
            for other in alike:
                self.points[other].shares_name = True

    def tunnel(self, tunnel: Tunnel) -> int:
        """Number of a tenant tunnel; all further ones are one past 65,536."""
        index = self._tunnel_index.get(tunnel)
        if index is None:
            if len(self.tunnels) >= 65_536:
                tunnel = Tunnel(tunnel.kind, "", "", -1)
                if tunnel in self._tunnel_index:
                    return self._tunnel_index[tunnel]
            index = self._tunnel_index[tunnel] = len(self.tunnels)
            self.tunnels.append(tunnel)
        return index


@dataclass(frozen=True, slots=True)
class PointStatement:
    """What the user says of points: the given keys must match, the given facts are set.

    ``interface_id`` is the number of an interface in its file, for those that share a name; ``ifindex`` the number in
    the header of a frame captured on "any" (SLL2).

    A row with ``vlan`` or ``transport`` speaks only of the copies that a mirror put among a point's frames: those in
    the VLAN of a remote mirror (RSPAN), or those that a cloud's traffic mirroring sent by VXLAN.
    """

    file: str | None = None
    interface: str | None = None
    interface_id: int | None = None
    ifindex: int | None = None
    session: str | None = None
    host: str | None = None
    role: str | None = None
    covers: str = ""
    sampled: int | None = None
    vlan: int | None = None
    transport: str | None = None

    @property
    def names_copies(self) -> bool:
        """Whether the row says what is a mirror's copy rather than what a point is."""
        return self.vlan is not None or self.transport is not None

    def matches(self, point: CapturePoint) -> bool:
        """File by its name or path ending, interface by name (a plain pcap has ""), session by its beginning.

        A row about a whole file means the mirror sessions in it too, but not where it calls the file an uplink or a
        port: then these are copies that passed there on their way to a collector.
        """
        key = point.key
        if self.file is not None and self.file != key.file and not key.file.endswith("/" + self.file):
            return False
        for wanted, found in (
            (self.interface, point.interface), (self.interface_id, key.interface_id), (self.ifindex, key.cooked_index)
        ):  # fmt: skip
            if wanted is not None and wanted != found:
                return False
        if self.session is None:
            of_sessions = self.interface is None and self.interface_id is None and self.role in (None, "mirror")
            return not key.mirror or of_sessions
        return key.mirror == self.session or key.mirror.startswith(self.session + "/")

    def __str__(self) -> str:
        """What the row is about, as it was written."""
        parts = [self.file, self.interface, self.session]
        parts += [f"{sign}{number}" for sign, number in (("#", self.interface_id), ("ifindex", self.ifindex))
                  if number is not None]  # fmt: skip
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class HostStatement:
    """What the user says of a host's uplinks."""

    uplinks: tuple[str, ...] = ()
    uplinks_complete: bool = False


@dataclass(slots=True)
class Statements:
    """A points file, and ``--point`` options after it; later rows win."""

    hosts: dict[str, HostStatement] = field(default_factory=dict)
    points: list[PointStatement] = field(default_factory=list)

    def apply(self, points: Iterable[CapturePoint]) -> list[str]:
        """Set role and host on the points that match; return a sentence for each row that should match and does not.

        A points file may list more captures than are read today, so a row about another file or session is no mistake.
        """
        points = list(points)
        files = {point.key.file.rsplit("/", 1)[-1] for point in points}
        unmatched = []
        for row in self.points:
            hits = [point for point in points if row.matches(point)]
            for point in () if row.names_copies else hits:
                if row.role:
                    point.role, point.role_how = row.role, STATED
                if row.host:
                    point.host = row.host
                    point.host_how = STATED_OF_FILE if point.key.mirror and row.session is None else STATED
                point.covers = row.covers or point.covers
                point.sampled = point.sampled if row.sampled is None else row.sampled
            if not hits and (row.file.rsplit("/", 1)[-1] in files if row.file else row.session is None):
                unmatched.append(
                    f"The statement about {row} matches no capture point; compare it with the list of points."
                )
        return unmatched


_POINT_OPTION = re.compile(r"^(?P<file>.*?):(?P<interface>[^:=]*?)(?:#(?P<number>\d{1,9}))?=(?P<facts>.+)$")
_POINT_FACTS = ("host", "role", "covers", "sampled", "vlan", "transport")


def parse_point_option(text: str) -> PointStatement:
    """Read ``FILE:IFACE=host:NAME,role:ROLE`` (DESIGN section 6); FILE or IFACE may be empty.

    ``covers:TEXT``, ``sampled:N``, ``vlan:N`` (of a remote mirror) and ``transport:vxlan`` may follow. ``IFACE#2``, or
    ``#2`` alone, is the interface of that number in its file, as two interfaces of one name need it.

    Raises
    ------
    UsageError
        When the text has another form or names an unknown role.
    """
    match = _POINT_OPTION.match(text)
    facts = dict(part.partition(":")[::2] for part in match["facts"].split(",")) if match else {}
    if not match or not facts or not set(facts) <= set(_POINT_FACTS):
        raise UsageError(
            f"--point '{text}' is not of the form FILE:IFACE=host:NAME,role:ROLE; covers:TEXT, "
            "sampled:N, vlan:N and transport:vxlan may follow."
        )
    if facts.get("role") and facts["role"] not in ROLES:
        raise UsageError(f"--point '{text}' names the role '{facts['role']}'; the roles are {', '.join(ROLES)}.")
    sampled = facts.get("sampled")
    if sampled is not None and not re.fullmatch(r"[1-9][0-9]{0,8}", sampled):
        raise UsageError(f"--point '{text}': sampled is one packet in how many, a whole number from 1.")
    vlan = facts.get("vlan")
    if vlan is not None and not (re.fullmatch(r"[0-9]{1,4}", vlan) and 1 <= int(vlan) <= 4094):
        raise UsageError(f"--point '{text}': vlan is the VLAN of a remote mirror (RSPAN), from 1 to 4094.")
    if facts.get("transport") not in (None, "vxlan"):
        raise UsageError(f"--point '{text}': transport may only be vxlan, by which clouds send mirrored traffic.")
    if (vlan or facts.get("transport")) and facts.get("role") not in (None, "mirror"):
        raise UsageError(f"--point '{text}': vlan and transport name what a mirror copied, so the role is mirror.")
    number = match["number"]
    return PointStatement(
        file=match["file"] or None,
        interface=None if number and not match["interface"] else match["interface"],
        interface_id=int(number) if number else None,
        host=facts.get("host"),
        role=facts.get("role"),
        covers=facts.get("covers", ""),
        sampled=int(sampled) if sampled else None,
        vlan=int(vlan) if vlan else None,
        transport=facts.get("transport"),
    )


def parse_points(text: str, name: str) -> Statements:
    """Read a points file, YAML or JSON, in the form of DESIGN section 4.

    Raises
    ------
    InventoryError
        With the place, when it is not of that form.
    """
    if len(text) > 4 << 20:
        raise InventoryError(f"{name} is larger than 4 MiB; a points file lists hosts and points only.")
    try:
        document = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        raise InventoryError(f"{name} is not valid YAML{where}; see the points file in the README.") from error
    return statements_of(document, name)


def statements_of(document: object, name: str) -> Statements:
    """Check a points document that is already parsed (the same for YAML, JSON and the page)."""
    if not isinstance(document, dict) or not set(document) <= {"hosts", "points"}:
        raise InventoryError(
            f"{name} must hold 'hosts' and 'points' and nothing else; see the points file in the README."
        )
    result = Statements()
    hosts, rows = document.get("hosts") or {}, document.get("points") or []
    if not isinstance(hosts, dict) or not isinstance(rows, list):
        raise InventoryError(f"{name}: 'hosts' must be a mapping of host names and 'points' a list.")
    for host, facts in hosts.items():
        facts = facts or {}
        if not isinstance(facts, dict) or not isinstance(facts.get("uplinks", []), list):
            raise InventoryError(
                f"{name}: host {host} must have 'uplinks' (a list) and 'uplinks_complete' (true or false)."
            )
        result.hosts[str(host)] = HostStatement(
            tuple(str(uplink) for uplink in facts.get("uplinks", [])), facts.get("uplinks_complete") is True
        )
    for number, row in enumerate(rows, 1):
        result.points.append(_point_statement(row, f"{name}: point {number}"))
    return result


def _point_statement(row: object, place: str) -> PointStatement:
    known = set(PointStatement.__dataclass_fields__)
    if not isinstance(row, dict) or not set(row) <= known:
        raise InventoryError(f"{place} has unknown keys; it may have {', '.join(sorted(known))}.")
    if row.get("role") is not None and row["role"] not in ROLES:
        raise InventoryError(f"{place} names the role '{row['role']}'; the roles are {', '.join(ROLES)}.")
    if not any(row.get(key) is not None for key in ("file", "interface", "session")):
        raise InventoryError(f"{place} names no file, interface or session, so it would mean every point.")
    if (row.get("vlan") or row.get("transport")) and row.get("role") not in (None, "mirror"):
        raise InventoryError(f"{place}: 'vlan' and 'transport' name what a mirror copied, so the role is mirror.")
    numbers: dict[str, Any] = {key: row.get(key) for key in ("interface_id", "ifindex", "sampled", "vlan")}
    for key, number in numbers.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise InventoryError(f"{place}: '{key}' must be a whole number.")
    if numbers["sampled"] == 0:
        raise InventoryError(f"{place}: 'sampled' is one packet in how many, a whole number from 1.")
    if numbers["vlan"] is not None and not 1 <= numbers["vlan"] <= 4094:
        raise InventoryError(f"{place}: 'vlan' is the VLAN of a remote mirror (RSPAN), a whole number from 1 to 4094.")
    if row.get("transport") not in (None, "vxlan"):
        raise InventoryError(f"{place}: 'transport' may only be vxlan, by which clouds send mirrored traffic.")
    text: dict[str, Any] = {
        key: None if row.get(key) is None else str(row[key])
        for key in ("file", "interface", "session", "host", "role", "transport")
    }
    return PointStatement(**text, **numbers, covers=str(row.get("covers") or ""))


_NAME_ROLES = (
    ("vnic", r"vnet\d+|tap[0-9a-f]{8}-[0-9a-f]{2}|tap\d+i\d+|vif\d+\.\d+|qv[ob].+|veth.*|.+\.eth\d+|lxc.*"),
    ("uplink", r"vmnic\d+|en[ops]\w*\d+\w*|em\d+|bond\d*|team\d*|phy-br-.*|dpdk\d+|Team Uplink"),
    ("underlay", r"vxlan.*|geneve.*|genev_sys_.*|vxlan_sys_.*|br-tun|ovn-.*"),
)


def infer_roles(points: Iterable[CapturePoint]) -> None:
    """Guess a role from the interface name (reference 2.3) where nobody has stated one.

    A guess caps every grade at ``likely``. ``eth0`` says nothing: inside a container or VM it is a vNIC.
    """
    for point in points:
        if point.role == "unknown" and not point.role_how:
            if point.key.mirror:
                point.role, point.role_how = "mirror", "read from the mirror tunnel"
                continue
            for role, pattern in _NAME_ROLES:
                if re.fullmatch(pattern, point.interface):
                    point.role, point.role_how = role, f"{INFERRED} from the interface name"
                    break
