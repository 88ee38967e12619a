"""A VM that moved while it talked: its conversations are cut at the move and judged piece by piece (row 18).

A leg at the VM's old or new port lies on one side of the cut. A leg at its peer's port spans it; how much of it lies
before follows from the one-sided legs that carried the same packets, else from the time buckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime

from flowmap.conversations import Conversation, Direction
from flowmap.identity.endpoints import Endpoint
from flowmap.identity.moves import Move
from flowmap.legs import Leg
from flowmap.locality.sightings import Scene, Sightings, sort_by_place
from flowmap.locality.verdict import Evidence
from flowmap.packets import NO_TIME, mac_text


@dataclass(slots=True)
class Interval:
    """A part of a conversation during which both ends stood still.

    ``scene`` is the map as it was then, ``low`` and ``high`` the ends where they were then; ``there`` and ``back`` what
    was seen of the directions from ``low`` and from ``high``, ``there_bytes`` and ``back_bytes`` their once-counted
    wire bytes.
    """

    scene: Scene
    low: Endpoint
    high: Endpoint
    there: Sightings
    back: Sightings
    there_bytes: int
    back_bytes: int


@dataclass(slots=True)
class _Piece:
    """A leg, or the part of it inside one interval; ``index`` is the leg's number."""

    leg: Leg
    index: int


def moves_during(scene: Scene, low: Endpoint, high: Endpoint) -> list[Move]:
    """Every move of either end, in order of time."""
    if not scene.movements.moves:
        return []
    macs = sorted(low.macs | high.macs)
    return sorted((move for mac in macs for move in scene.movements.moves.get(mac, ())), key=lambda move: move.time_ns)


def intervals_of(
    scene: Scene, conversation: Conversation, low: Endpoint, high: Endpoint, moves: Sequence[Move]
) -> Iterator[Interval]:
    """Cut a conversation at the moves of its ends; parts in which nothing was seen are left out."""
    there, back = (_cut(scene, direction, moves) for direction in (conversation.forward, conversation.backward))
    sizes = [_sizes(pieces, direction.wire_bytes) for pieces, direction in
             ((there, conversation.forward), (back, conversation.backward))]  # fmt: skip
    for number, (ahead, behind) in enumerate(zip(there, back, strict=True)):
        if not ahead and not behind:
            continue
        during = _scene_at(scene, moves, number, [*ahead, *behind])
        one, other = _endpoint_at(low, during), _endpoint_at(high, during)
        yield Interval(
            during, one, other, _sightings(during, ahead, one, other), _sightings(during, behind, other, one),
            sizes[0][number], sizes[1][number],
        )  # fmt: skip


def move_evidence(moves: Sequence[Move]) -> list[Evidence]:
    """One row for each move: when, from where to where, and how that is known."""
    rows = []
    for move in moves:
        when = datetime.fromtimestamp(move.time_ns / 1e9, UTC)
        text = (
            f"{mac_text(move.mac)} moved from {move.from_host or 'a host without a capture'} to "
            f"{move.to_host or 'a host without a capture'} at {when:%Y-%m-%d %H:%M:%S.%f} UTC (known by {move.how})."
        )
        rows.append(Evidence("sighting-18", True, text))
    return rows


def _scene_at(scene: Scene, moves: Sequence[Move], number: int, pieces: Sequence[_Piece]) -> Scene:
    """The scene with moved MACs where they are after ``number`` of the moves."""
    during = copy(scene)
    hosts: dict[int, str | None] = {}
    for place, move in enumerate(moves):
        if place < number:
            hosts[move.mac] = move.to_host
        else:
            hosts.setdefault(move.mac, move.from_host)
    during.moved_to = hosts
    during.sure_ports = {
        mac: [number for number in ports if mac not in hosts or scene.points[number].host == hosts[mac]]
        for mac, ports in scene.sure_ports.items()
    }
    during.pieces = {id(piece.leg): piece.index for piece in pieces}
    return during


def _endpoint_at(endpoint: Endpoint, scene: Scene) -> Endpoint:
    """The endpoint on the host where it is in this interval."""
    hosts = {scene.moved_to[mac] for mac in endpoint.macs if mac in scene.moved_to}
    if len(hosts) != 1:
        return endpoint
    placed = copy(endpoint)
    placed.host, placed.host_how = hosts.pop(), "move"
    return placed


def _cut(scene: Scene, direction: Direction, moves: Sequence[Move]) -> list[list[_Piece]]:
    """The pieces of a direction's legs in each interval."""
    parts = [[_Piece(scene.legs[index], index) for index in direction.legs]]
    for move in moves:
        before, after = _divided(scene, parts.pop(), move)
        parts += [before, after]
    return parts


def _divided(scene: Scene, pieces: Sequence[_Piece], move: Move) -> tuple[list[_Piece], list[_Piece]]:
    """Pieces before and after a move; a leg across it is cut in two."""
    before: list[_Piece] = []
    after: list[_Piece] = []
    across: list[_Piece] = []
    for piece in pieces:
        leg, shift = piece.leg, scene.clock_shift_ns(piece.leg)
        if leg.first_seen_ns == NO_TIME:
            across.append(piece)
        elif leg.last_seen_ns + shift <= move.arrived_ns and leg.first_seen_ns + shift < move.time_ns:
            before.append(piece)
        elif leg.first_seen_ns + shift >= move.left_ns:
            after.append(piece)
        else:
            across.append(piece)
    sides = list(before), list(after)
    for piece in across:
        share = _share_before(scene, piece, *sides, move)
        early, late = _halves(piece.leg, share, move.time_ns - scene.clock_shift_ns(piece.leg))
        before += [_Piece(early, piece.index)] if early.packets else []
        after += [_Piece(late, piece.index)] if late.packets else []
    return before, after


def _share_before(scene: Scene, piece: _Piece, before: Sequence[_Piece], after: Sequence[_Piece], move: Move) -> float:
    """How much of a leg lies before a move: by the one-sided legs with the same packets, else by its time buckets."""
    early, late = (
        max((one.leg.wire_bytes for one in side if scene.twins.are(one.index, piece.index)), default=0)
        for side in (before, after)
    )
    if early and late:
        return early / (early + late)
    whole = max(1, piece.leg.wire_bytes)
    if early or late:
        return min(1.0, early / whole) if early else max(0.0, 1 - late / whole)
    cut, total = move.time_ns - scene.clock_shift_ns(piece.leg), 0.0
    for bucket, row in piece.leg.slices.items():
        if bucket != NO_TIME:
            total += row[1] * min(1.0, max(0.0, (cut - bucket * scene.slice_ns) / scene.slice_ns))
    return min(1.0, total / whole)


def _halves(leg: Leg, share: float, cut_ns: int) -> tuple[Leg, Leg]:
    """Two parts of a leg; sums are shared out, samples go by their time."""
    early, late = copy(leg), copy(leg)
    for name in ("packets", "wire_bytes", "payload_bytes", "duplicate_packets", "truncated_packets"):
        value = round(getattr(leg, name) * share)
        setattr(early, name, value)
        setattr(late, name, getattr(leg, name) - value)
    early.sketch = [sample for sample in leg.sketch if sample.time_ns < cut_ns]
    late.sketch = [sample for sample in leg.sketch if sample.time_ns >= cut_ns]
    if leg.first_seen_ns != NO_TIME:
        early.last_seen_ns, late.first_seen_ns = min(leg.last_seen_ns, cut_ns), max(leg.first_seen_ns, cut_ns)
    if late.sketch:
        late.first_frame = min(sample.frame_number for sample in late.sketch)
    return early, late


def _sizes(parts: Sequence[Sequence[_Piece]], total: int) -> list[int]:
    """The once-counted bytes of a direction shared out to its intervals by their largest piece; they sum to it."""
    weights = [max((piece.leg.wire_bytes for piece in pieces), default=0) for pieces in parts]
    whole, sizes, given, passed = sum(weights), [], 0, 0
    for weight in weights:
        passed += weight
        upto = round(total * passed / whole) if whole else 0
        sizes.append(upto - given)
        given = upto
    return sizes


def _sightings(scene: Scene, pieces: Sequence[_Piece], source: Endpoint, destination: Endpoint) -> Sightings:
    legs = [piece.leg for piece in pieces]
    packets = max((leg.packets for leg in legs), default=0)
    payload = max((leg.payload_bytes for leg in legs), default=0)
    return Sightings(legs, packets, payload, **sort_by_place(scene, legs, source, destination))
