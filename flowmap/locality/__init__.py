"""What stayed on its host and what left it: the verdict of each conversation, with grade and evidence.

The unit is the conversation. Each direction is judged on its own, first by sightings (:mod:`.rules`), then by the
inventory (:mod:`.inventory_rules`); bytes go to stayed, left or undetermined by direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flowmap.conversations import Conversation, Direction
from flowmap.identity.endpoints import Endpoint
from flowmap.legs import Leg
from flowmap.locality.guard import guard_stayed
from flowmap.locality.inventory_rules import judge_by_inventory
from flowmap.locality.rules import judge_by_sightings
from flowmap.locality.sightings import Scene, sight
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


@dataclass(slots=True)
class Verdict:
    """The verdict of a conversation or a pair, with its bytes split.

    ``stayed_bytes`` + ``left_bytes`` + ``undetermined_bytes`` is the counted wire bytes; ``hairpin_bytes`` is part of
    ``left_bytes``; ``path`` is ``switched``, ``routed`` or ``unknown``.
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


def judge(scene: Scene, conversation: Conversation, low: Endpoint, high: Endpoint) -> Verdict:
    """Judge a conversation between two endpoints; ``low`` is the end at ``five_tuple.low``."""
    if "group" in (low.kind, high.kind):
        return _flooded(scene, conversation)
    directions = (
        (conversation.forward, conversation.backward, low, high),
        (conversation.backward, conversation.forward, high, low),
    )
    parts = [
        (direction, _judge_direction(scene, direction, other, source, destination))
        for direction, other, source, destination in directions
        if direction.legs
    ]
    legs = [scene.legs[index] for direction, _ in parts for index in direction.legs]
    judged = guard_stayed(scene, legs, [judgement for _, judgement in parts])
    result = _combine([(judgement, part[0].wire_bytes) for judgement, part in zip(judged, parts, strict=True)])
    result.path = _path(scene, legs, low, high)
    return result


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
        if endpoint.host_how == "inventory" and endpoint.host != point.host:
            text = f"the inventory places {endpoint.label} on {endpoint.host}, its port {point.id} is on {point.host}"
            endpoint.conflict = endpoint.conflict or text
        if endpoint.host is None:
            endpoint.host, endpoint.host_how = point.host, point.id


def _judge_direction(
    scene: Scene, direction: Direction, other: Direction, source: Endpoint, destination: Endpoint
) -> Judgement:
    seen, back = sight(scene, direction, source, destination), sight(scene, other, destination, source)
    judgement = judge_by_sightings(scene, seen, back, source, destination)
    if judgement is not None and (judgement.left_host != UNDETERMINED or judgement.grade == "conflict"):
        return judgement
    legs = [scene.legs[index] for index in direction.legs]
    by_inventory = judge_by_inventory(scene, seen, legs, source, destination)
    if judgement is None:
        return by_inventory
    if by_inventory.left_host == UNDETERMINED:
        return judgement
    return by_inventory.capped("likely", judgement.evidence[0].text)


def _flooded(scene: Scene, conversation: Conversation) -> Verdict:
    legs = [scene.legs[index] for index in conversation.forward.legs + conversation.backward.legs]
    text = "Broadcast or multicast: delivered locally and sent out, it changes no pair."
    evidence = [Evidence("sighting-3", True, text, scene.names(legs[:4]), tuple(leg.first_frame for leg in legs[:4]))]
    return Verdict("flooded", None, None, undetermined_bytes=conversation.wire_bytes, evidence=evidence)


def _combine(parts: Sequence[tuple[Judgement, int]]) -> Verdict:
    """Sum directions into one verdict; its name follows the bytes, the plain word the rule of pairs."""
    split = {STAYED: 0, LEFT: 0, UNDETERMINED: 0}
    result = Verdict("undetermined", UNDETERMINED, None)
    weight: dict[str, int] = {}
    for judgement, wire_bytes in parts:
        plain = judgement.left_host or UNDETERMINED
        covered = round(wire_bytes * judgement.covered)
        split[plain] += covered
        split[UNDETERMINED] += wire_bytes - covered
        if judgement.verdict in HAIRPINS and plain == LEFT:
            result.hairpin_bytes += covered
        weight[judgement.verdict] = weight.get(judgement.verdict, 0) + wire_bytes
        result.evidence += [row for row in judgement.evidence if row not in result.evidence]
        result.would_settle += [text for text in judgement.would_settle if text not in result.would_settle]
    result.stayed_bytes, result.left_bytes, result.undetermined_bytes = split[STAYED], split[LEFT], split[UNDETERMINED]
    result.left_host = plain_word(result)
    judgements = [judgement for judgement, _ in parts]
    result.verdict, result.grade = _name_and_grade(result.left_host, weight, [(j.verdict, j.grade) for j in judgements])
    del result.evidence[EVIDENCE_KEPT:]
    return result


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
    plain: str, weight: dict[str, int], judged: Sequence[tuple[str, str | None]]
) -> tuple[str, str | None]:
    """The detailed verdict with most bytes among those of the plain word, and the worst grade among them."""
    if plain == MIXED:
        return "mixed", worst_grade(grade for verdict, grade in judged if LEFT_HOST[verdict] in (STAYED, LEFT))
    fitting = {verdict: size for verdict, size in weight.items() if LEFT_HOST[verdict] == plain}
    if plain == UNDETERMINED:
        conflict = "conflict" if any(grade == "conflict" for _, grade in judged) else None
        return max(fitting, key=lambda name: fitting[name], default="undetermined"), conflict
    name = max(fitting, key=lambda name: fitting[name])
    return name, worst_grade(grade for verdict, grade in judged if verdict in fitting)


def _path(scene: Scene, legs: Sequence[Leg], low: Endpoint, high: Endpoint) -> str:
    """Switched where frames went straight between the two ends' own MACs, routed where a router's MAC is on them."""
    routers = scene.identities.routers
    ends = low.macs | high.macs
    if any(mac in routers and mac not in ends for leg in legs for mac in (leg.key.src_mac, leg.key.dst_mac)):
        return "routed"
    if any(leg.key.src_mac in ends and leg.key.dst_mac in ends for leg in legs):
        return "switched"
    return "unknown"


def sum_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a pair from those of its conversations."""
    result = Verdict("undetermined", UNDETERMINED, None)
    weight: dict[str, int] = {}
    for verdict in sorted(verdicts, key=lambda one: -(one.stayed_bytes + one.left_bytes + one.undetermined_bytes)):
        result.stayed_bytes += verdict.stayed_bytes
        result.left_bytes += verdict.left_bytes
        result.undetermined_bytes += verdict.undetermined_bytes
        result.hairpin_bytes += verdict.hairpin_bytes
        total = verdict.stayed_bytes + verdict.left_bytes + verdict.undetermined_bytes
        weight[verdict.verdict] = weight.get(verdict.verdict, 0) + total
        result.evidence += [row for row in verdict.evidence if row not in result.evidence]
        result.would_settle += [text for text in verdict.would_settle if text not in result.would_settle]
    del result.evidence[EVIDENCE_KEPT:]
    if verdicts and all(verdict.verdict == "flooded" for verdict in verdicts):
        result.verdict, result.left_host = "flooded", None
        return result
    result.left_host = plain_word(result)
    if any(verdict.verdict == "mixed" for verdict in verdicts):
        result.verdict, result.grade = "mixed", worst_grade(v.grade for v in verdicts if v.left_host != UNDETERMINED)
        return result
    result.verdict, result.grade = _name_and_grade(result.left_host, weight, [(v.verdict, v.grade) for v in verdicts])
    return result


__all__ = [
    "Evidence",
    "Judgement",
    "Scene",
    "Verdict",
    "judge",
    "place_by_ports",
    "plain_word",
    "sum_verdicts",
    "undetermined",
]
