"""Copies that a mirror put among other frames: they get a capture point of their own before anything is judged.

Two mirror transports cannot be told from tenants' traffic by the packets alone, so a statement or an inventory has to
name them: the VLAN of a remote mirror (RSPAN), whose copies leave by every trunk and so stand on uplinks though the
packets stayed (reference 0.4, 1.1), and a cloud's traffic mirroring by VXLAN (reference 1.1). Nothing is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

from flowmap.capture.points import INVENTORY, STATED, CapturePoint, Statements
from flowmap.inventory.records import Inventory
from flowmap.legs import Leg, LegKey, PointStatistics
from flowmap.packets import NO_TIME, Claim, Tunnel


@dataclass(slots=True)
class SplitPoints:
    """Legs, claims, points and statistics with the copies at points of their own."""

    legs: list[Leg]
    claims: list[Claim]
    points: list[CapturePoint]
    statistics: dict[int, PointStatistics]


class Session(NamedTuple):
    """A mirror session: its name, how it is known, and the host whose packets it copies (a cloud tells none)."""

    name: str
    how: str
    host: str | None


def split_mirrors(
    legs: list[Leg],
    claims: list[Claim],
    points: Sequence[CapturePoint],
    statistics: Mapping[int, PointStatistics],
    tunnels: Sequence[Tunnel],
    statements: Statements,
    inventory: Inventory,
) -> SplitPoints:
    """Move what a mirror copied to capture points of role ``mirror``.

    The remote mirror's VLAN is the outermost tag of a frame: Open vSwitch replaces the tag, a distributed vSwitch may
    put its own before it. An inventory's mirror counts on the uplinks of its own host only.
    """
    split = SplitPoints(legs, claims, list(points), dict(statistics))
    sessions = [_sessions_at(point, tunnels, statements, inventory) for point in points]
    if not any(sessions):
        return split
    numbers: dict[tuple[int, str], int] = {}

    def derived(number: int, session: Session) -> int:
        made = numbers.get((number, session.name))
        if made is None:
            made = numbers[number, session.name] = len(split.points)
            split.points.append(_mirror_point(split.points[number], session))
            split.statistics[made] = PointStatistics()
        return made

    split.legs = [_moved_leg(leg, sessions[leg.key.point], derived, split.statistics) for leg in legs]
    split.claims = [_moved_claim(claim, sessions[claim.point], derived) for claim in claims]
    of_sessions = [row for row in statements.points if row.session is not None]
    Statements(points=of_sessions).apply(split.points[len(points) :])
    return split


_SessionOf = Callable[[int, int, int], Session | None]
"""From innermost VLAN, outermost VLAN and tunnel of a frame to the session that copied it."""


def _sessions_at(
    point: CapturePoint, tunnels: Sequence[Tunnel], statements: Statements, inventory: Inventory
) -> _SessionOf | None:
    """What tells copies from other frames at a point; None where there are none."""
    vlans: dict[int, tuple[str, str | None]] = {}
    if point.role == "uplink" and point.host is not None:
        for mirror in inventory.mirrors:
            if mirror.output_vlan is not None and mirror.host == point.host:
                vlans[mirror.output_vlan] = f"{INVENTORY} {mirror.source}", mirror.host
    stated = [row for row in statements.points if row.names_copies and row.matches(point)]
    vlans |= {row.vlan: (STATED, row.host) for row in stated if row.vlan is not None}
    has_vxlan = any(row.transport == "vxlan" for row in stated)
    if not vlans and not has_vxlan:
        return None

    def session_of(vlan: int, outer_vlan: int, tunnel: int) -> Session | None:
        tag = outer_vlan if outer_vlan >= 0 else vlan
        if tunnel < 0 and tag in vlans:
            return Session(f"rspan:{tag}", *vlans[tag])
        if has_vxlan and tunnel >= 0 and tunnels[tunnel].kind == "vxlan":
            return Session(f"vxlan:{tunnels[tunnel].source}/{tunnels[tunnel].vni}", STATED, None)
        return None

    return session_of


def _mirror_point(point: CapturePoint, session: Session) -> CapturePoint:
    """The point of a session whose copies stand among the frames of another one."""
    made = copy(point)
    made.key = point.key._replace(mirror=session.name)
    made.role, made.role_how = "mirror", session.how
    made.host, made.host_how = session.host, session.how if session.host else ""
    return made


def _moved_leg(
    leg: Leg,
    session_of: _SessionOf | None,
    derived: Callable[[int, Session], int],
    statistics: dict[int, PointStatistics],
) -> Leg:
    key = leg.key
    session = session_of(key.vlan, key.outer_vlan, key.tunnel) if session_of else None
    if session is None:
        return leg
    number = derived(key.point, session)
    moved = copy(leg)
    moved.key = LegKey(*key)._replace(point=number, tunnel=-1)
    frames = leg.packets + leg.duplicate_packets
    _count(statistics[number], leg, frames)
    if key.point in statistics:
        statistics[key.point] = copy(statistics[key.point])
        statistics[key.point].packets -= frames
    return moved


def _count(seen: PointStatistics, leg: Leg, frames: int) -> None:
    seen.packets += frames
    seen.truncated_packets += leg.truncated_packets
    if leg.first_seen_ns != NO_TIME:
        seen.first_seen_ns = leg.first_seen_ns if seen.first_seen_ns == NO_TIME else min(
            seen.first_seen_ns, leg.first_seen_ns
        )  # fmt: skip
        seen.last_seen_ns = max(seen.last_seen_ns, leg.last_seen_ns)


def _moved_claim(claim: Claim, session_of: _SessionOf | None, derived: Callable[[int, Session], int]) -> Claim:
    session = session_of(claim.vlan, -1, claim.tunnel) if session_of else None
    return claim if session is None else claim._replace(point=derived(claim.point, session), tunnel=-1)
