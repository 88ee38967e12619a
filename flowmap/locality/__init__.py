"""What stayed on its host and what left it: the verdict of each conversation, with grade and evidence.

The unit is the conversation. Each direction is judged on its own, first by sightings (:mod:`.rules`), then by the
inventory (:mod:`.inventory_rules`); bytes go to stayed, left or undetermined by direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from flowmap.conversations import Conversation
from flowmap.identity.endpoints import Endpoint
from flowmap.inventory.records import BY_HAND
from flowmap.legs import Leg
from flowmap.locality.guard import guard_stayed
from flowmap.locality.intervals import Interval, intervals_of, move_evidence, moves_during
from flowmap.locality.inventory_rules import judge_by_inventory
from flowmap.locality.rules import judge_by_sightings, turned_at_one_place
from flowmap.locality.sightings import OUTSIDE_ROLES, Scene, Sightings, sight
from flowmap.locality.verdict import (
    HAIRPINS,
    LEFT,
    LEFT_HOST,
    MIXED,
    STAYED,
    UNDETERMINED,
    Evidence,
    Judgement,
    undetermined,
    worst_grade,
)

UNDETERMINED_SHARE = 0.01
"""Share of undetermined bytes that a pair which otherwise stayed may have (DESIGN section 4)."""

EVIDENCE_KEPT = 12

Item = TypeVar("Item")


class Part(NamedTuple):
    """Bytes of one direction that a verdict speaks for: ``word`` is stayed or left, ``grade`` is never None."""

    word: str
    grade: str
    is_hairpin: bool
    wire_bytes: int


@dataclass(slots=True)
class Verdict:
    """The verdict of a conversation or a pair, with its bytes split.

    ``stayed_bytes`` + ``left_bytes`` + ``undetermined_bytes`` is the counted wire bytes; ``hairpin_bytes`` is part of
    ``left_bytes``; ``path`` is ``switched``, ``routed`` or ``unknown``. ``parts`` are the stayed and left bytes of a
    conversation with the grade of each direction; ``grade`` is the worst of them, and a pair has no parts.
    """

    verdict: str
    left_host: str | None
    grade: str | None
    stayed_bytes: int = 0
    left_bytes: int = 0
    undetermined_bytes: int = 0
    hairpin_bytes: int = 0
    path: str = "unknown"
    evidence: list[Evidence] = field(default_factory=list)
    would_settle: list[str] = field(default_factory=list)
    parts: tuple[Part, ...] = ()


def judge(scene: Scene, conversation: Conversation, low: Endpoint, high: Endpoint) -> Verdict:
    """Judge a conversation between two endpoints; ``low`` is the end at ``five_tuple.low``."""
    if "group" in (low.kind, high.kind):
        return _flooded(scene, conversation)
    moves = moves_during(scene, low, high)
    if moves:
        parts = intervals_of(scene, conversation, low, high, moves)
        judged = [_judge_interval(part) for part in parts]
        result = _combine(
            [one for judgements, _ in judged for one in judgements], [n for _, sizes in judged for n in sizes]
        )
        result.evidence = [*move_evidence(moves), *result.evidence][:EVIDENCE_KEPT]
    else:
        forward, backward = conversation.forward, conversation.backward
        there, back = sight(scene, forward, low, high), sight(scene, backward, high, low)
        whole = Interval(scene, low, high, there, back, forward.wire_bytes, backward.wire_bytes)
        result = _combine(*_judge_interval(whole))
    if conversation.translation:
        _cap_translated(result, conversation.translation)
    legs = [scene.legs[index] for index in conversation.forward.legs + conversation.backward.legs]
    result.path = _path(scene, legs, low, high)
    return result


def _cap_translated(result: Verdict, translation: str) -> None:
    """A translated twin is known by the contents of packets only: ``likely`` at most (reference 4.4)."""
    text = f"A router translated {translation}; the packets on both sides have the same contents."
    result.evidence = [Evidence("translated", True, text), *result.evidence][:EVIDENCE_KEPT]
    if result.grade in ("proven", "strong"):
        result.grade = "likely"


def _judge_interval(part: Interval) -> tuple[list[Judgement], list[int]]:
    """The judgement of each direction that was seen, guarded, and its bytes."""
    judgements, sizes = [], []
    if part.there.legs:
        judgements.append(_judge_direction(part.scene, part.there, part.back, part.low, part.high))
        sizes.append(part.there_bytes)
    if part.back.legs:
        judgements.append(_judge_direction(part.scene, part.back, part.there, part.high, part.low))
        sizes.append(part.back_bytes)
    return guard_stayed(part.scene, part.there.legs + part.back.legs, judgements, (part.low, part.high)), sizes


def place_by_ports(scene: Scene) -> None:
    """Place endpoints on the hosts of the vNIC ports that their MACs own; a stated port outranks the inventory."""
    endpoint_of = {mac: endpoint for endpoint in scene.identities.all() for mac in endpoint.macs}
    for number, mac in sorted(scene.ports.owners.items()):
        point, endpoint = scene.points[number], endpoint_of.get(mac)
        if (
            endpoint is None
            or point.host is None
            or endpoint.kind == "group"
            or number in scene.ports.unsure
            or mac in scene.identities.routers
        ):
            continue
        moved_between = {host for move in scene.movements.moves.get(mac, ()) for host in (move.from_host, move.to_host)}
        if moved_between:
            last = scene.movements.moves[mac][-1].to_host
            endpoint.host, endpoint.host_how = (last, "move") if last else (endpoint.host, endpoint.host_how)
            continue
        if endpoint.host_how == "inventory" and endpoint.host != point.host:
            who = "a person" if any(row.format == BY_HAND for row in endpoint.records) else "the inventory"
            text = f"{who} places {endpoint.label} on {endpoint.host}, its port {point.id} is on {point.host}"
            endpoint.conflict = endpoint.conflict or text
        if endpoint.host is None:
            endpoint.host, endpoint.host_how = point.host, point.id


def _judge_direction(
    scene: Scene, seen: Sightings, back: Sightings, source: Endpoint, destination: Endpoint
) -> Judgement:
    judgement = judge_by_sightings(scene, seen, back, source, destination)
    if judgement is not None and (judgement.left_host != UNDETERMINED or judgement.grade == "conflict"):
        return judgement
    by_inventory = judge_by_inventory(scene, seen, back, source, destination)
    if judgement is None:
        alone = by_inventory.left_host == UNDETERMINED and by_inventory.grade != "conflict"
        return (turned_at_one_place(scene, seen) if alone else None) or by_inventory
    if by_inventory.left_host == UNDETERMINED:
        return judgement
    return by_inventory.capped("likely", judgement.evidence[0].text)


def _flooded(scene: Scene, conversation: Conversation) -> Verdict:
    legs = [scene.legs[index] for index in conversation.forward.legs + conversation.backward.legs]
    text = "Broadcast or multicast: delivered locally and sent out, it changes no pair."
    evidence = [Evidence("sighting-3", True, text, scene.names(legs[:4]), tuple(leg.first_frame for leg in legs[:4]))]
    return Verdict("flooded", None, None, undetermined_bytes=conversation.wire_bytes, evidence=evidence)


def _combine(judgements: Sequence[Judgement], sizes: Sequence[int]) -> Verdict:
    """Sum directions of these sizes into one verdict: its name follows the bytes, the plain word the rule of pairs."""
    stayed = left = hairpin = 0
    weight: dict[str, int] = {}
    evidence: list[Evidence] = []
    would_settle: list[str] = []
    parts: list[Part] = []
    for judgement, wire_bytes in zip(judgements, sizes, strict=True):
        plain = judgement.left_host
        covered = wire_bytes if judgement.covered == 1 else round(wire_bytes * judgement.covered)
        if plain in (STAYED, LEFT):
            is_hairpin = judgement.verdict in HAIRPINS
            parts.append(Part(plain, judgement.grade or "weak", is_hairpin, covered))
            stayed += covered if plain == STAYED else 0
            left += covered if plain == LEFT else 0
            hairpin += covered if is_hairpin else 0
        weight[judgement.verdict] = weight.get(judgement.verdict, 0) + wire_bytes
        evidence = _with_new(evidence, judgement.evidence)
        would_settle = _with_new(would_settle, judgement.would_settle)
    result = Verdict(
        "undetermined", UNDETERMINED, None, stayed, left, sum(sizes) - stayed - left, hairpin, "unknown",
        evidence[:EVIDENCE_KEPT], would_settle, tuple(parts),
    )  # fmt: skip
    result.left_host = plain_word(result)
    result.verdict, result.grade = _name_and_grade(result.left_host, weight, judgements)
    return result


def _with_new(known: list[Item], more: list[Item]) -> list[Item]:
    """Both lists without what is in the first already; the two directions often say the same."""
    if not known or known == more:
        return more
    return known + [item for item in more if item not in known]


def plain_word(verdict: Verdict) -> str:
    """The word above the verdict, from the bytes (DESIGN section 4)."""
    total = verdict.stayed_bytes + verdict.left_bytes + verdict.undetermined_bytes
    if verdict.left_bytes and verdict.stayed_bytes:
        return MIXED
    if verdict.left_bytes:
        return LEFT
    if verdict.stayed_bytes and verdict.undetermined_bytes < UNDETERMINED_SHARE * total:
        return STAYED
    return UNDETERMINED


def _name_and_grade(
    plain: str, weight: dict[str, int], judged: Sequence[Judgement | Verdict]
) -> tuple[str, str | None]:
    """The detailed verdict with most bytes among those of the plain word, and the worst grade among them."""
    if plain == MIXED:
        return "mixed", worst_grade([one.grade for one in judged if LEFT_HOST[one.verdict] in (STAYED, LEFT)])
    fitting = {verdict: size for verdict, size in weight.items() if LEFT_HOST[verdict] == plain}
    name = max(fitting, key=fitting.__getitem__) if fitting else "undetermined"
    if plain == UNDETERMINED:
        return name, "conflict" if "conflict" in [one.grade for one in judged] else None
    return name, worst_grade([one.grade for one in judged if one.verdict in fitting])


def _path(scene: Scene, legs: Sequence[Leg], low: Endpoint, high: Endpoint) -> str:
    """Switched where frames went straight between the two ends' own MACs, routed where a router's MAC is on them."""
    routers = scene.identities.routers
    path = "unknown"
    for leg in legs:
        ends = 0
        for mac in (leg.key.src_mac, leg.key.dst_mac):
            if mac in low.macs or mac in high.macs:
                ends += 1
            elif mac in routers:
                return "routed"
        if ends == 2:
            path = "switched"
    return path


def sum_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a pair from those of its conversations."""
    if len(verdicts) == 1:
        return verdicts[0]
    result = Verdict("undetermined", UNDETERMINED, None)
    weight: dict[str, int] = {}
    settling: set[str] = set()
    for verdict in sorted(verdicts, key=lambda one: -(one.stayed_bytes + one.left_bytes + one.undetermined_bytes)):
        result.stayed_bytes += verdict.stayed_bytes
        result.left_bytes += verdict.left_bytes
        result.undetermined_bytes += verdict.undetermined_bytes
        result.hairpin_bytes += verdict.hairpin_bytes
        total = verdict.stayed_bytes + verdict.left_bytes + verdict.undetermined_bytes
        weight[verdict.verdict] = weight.get(verdict.verdict, 0) + total
        if len(result.evidence) < EVIDENCE_KEPT:
            result.evidence += [row for row in verdict.evidence if row not in result.evidence]
        result.would_settle += [text for text in verdict.would_settle if text not in settling]
        settling.update(verdict.would_settle)
    del result.evidence[EVIDENCE_KEPT:]
    if verdicts and all(verdict.verdict == "flooded" for verdict in verdicts):
        result.verdict, result.left_host = "flooded", None
        return result
    result.left_host = plain_word(result)
    if any(verdict.verdict == "mixed" for verdict in verdicts):
        result.verdict, result.grade = "mixed", worst_grade(v.grade for v in verdicts if v.left_host != UNDETERMINED)
        return result
    result.verdict, result.grade = _name_and_grade(result.left_host, weight, verdicts)
    if result.left_host == MIXED:  # bytes of a conversation that is undetermined for the most part count here, too
        result.grade = worst_grade([result.grade, *(part.grade for verdict in verdicts for part in verdict.parts)])
    return result


__all__ = [
    "OUTSIDE_ROLES",
    "Evidence",
    "Judgement",
    "Part",
    "Scene",
    "Verdict",
    "judge",
    "place_by_ports",
    "plain_word",
    "sum_verdicts",
    "undetermined",
]
