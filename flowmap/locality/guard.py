"""The last word on "stayed": no leg of the 5-tuple, nor a translated twin, on any uplink (DESIGN section 4).

A wrong "never left the host" is the worst answer there is, so this looks at both directions of a conversation whatever
rule judged them.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.legs import Leg
from flowmap.locality.sightings import OUTSIDE_ROLES, Scene
from flowmap.locality.verdict import STAYED, Evidence, Judgement

DECIDED_BY_SIGHT = frozenset(("sighting-1", "sighting-2", "sighting-7", "sighting-8"))
"""Rows by which ports or uplinks alone say "stayed"; the others rest on an inventory."""


def guard_stayed(scene: Scene, legs: Sequence[Leg], judgements: Sequence[Judgement]) -> list[Judgement]:
    """Turn every "stayed" of a conversation into a conflict when one of its legs speaks against it.

    Parameters
    ----------
    legs
        All legs of the conversation, both directions.
    judgements
        What was judged of its directions; accepted flood leaks are in their ``leaks``.
    """
    if STAYED not in [judgement.left_host for judgement in judgements]:
        return list(judgements)
    accepted = {id(leg) for judgement in judgements for leg in judgement.leaks}
    text, against = _speaks_against(scene, legs, accepted)
    if not against:
        against = _unknown_places(scene, legs, judgements)
        text = "It was seen at a point of which nobody says what it is; were it an uplink, the traffic would have left."
    if not against:
        return list(judgements)
    settle = "State the role of " + ", ".join(sorted({scene.points[leg.key.point].id for leg in against})[:3]) + "."
    row = Evidence("stayed-guard", False, text, scene.names(against[:4]), tuple(leg.first_frame for leg in against[:4]))
    return [
        Judgement("undetermined", "conflict", [*judgement.evidence, row], [settle])
        if judgement.left_host == STAYED
        else judgement
        for judgement in judgements
    ]


def _speaks_against(scene: Scene, legs: Sequence[Leg], accepted: set[int]) -> tuple[str, list[Leg]]:
    outside = [leg for leg in legs if scene.points[leg.key.point].role in OUTSIDE_ROLES and id(leg) not in accepted]
    if outside:
        return "Some of its packets are on an uplink.", outside
    tunnelled = [leg for leg in legs if leg.key.tunnel >= 0 and scene.points[leg.key.point].role != "vnic"]
    if tunnelled:
        return "It was inside a tunnel between two endpoints.", tunnelled
    translated = [scene.legs[index] for index in sorted(scene.translated.get(legs[0].key.five_tuple, ()))]
    return (
        "The same packets are on an uplink under a translated address.",
        [leg for leg in translated if scene.points[leg.key.point].role in OUTSIDE_ROLES],
    )


def _unknown_places(scene: Scene, legs: Sequence[Leg], judgements: Sequence[Judgement]) -> list[Leg]:
    """Legs at points without a role beside ports that decided; an inventory's answer is capped for them already."""
    by_sight = any(judgement.evidence and judgement.evidence[0].rule in DECIDED_BY_SIGHT for judgement in judgements)
    return [leg for leg in legs if scene.points[leg.key.point].role == "unknown"] if by_sight else []
