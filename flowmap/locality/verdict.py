"""The words of a verdict: vocabulary, grades and evidence (reference 4.1, 4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from flowmap.legs import Leg

STAYED, LEFT, MIXED, UNDETERMINED = "stayed", "left", "mixed", "undetermined"

LEFT_HOST: dict[str, str | None] = {
    "intra_host_switched": STAYED,
    "intra_host_routed_vm": STAYED,
    "intra_host_routed_distributed": STAYED,
    "host_local": STAYED,
    "hairpin_routed": LEFT,
    "hairpin_reflected": LEFT,
    "inter_host": LEFT,
    "inter_host_overlay": LEFT,
    "north_south": LEFT,
    "routed_unlocated": UNDETERMINED,
    "undetermined": UNDETERMINED,
    "mixed": MIXED,
    "flooded": None,
}
"""Every verdict and the plain word above it (DESIGN section 4)."""

HAIRPINS = frozenset({"hairpin_routed", "hairpin_reflected"})

GRADES = ("proven", "strong", "likely", "weak", "conflict")
"""Best first."""


class Evidence(NamedTuple):
    """One thing that speaks for (``supports``) or against a verdict.

    ``rule`` is the reference's row: ``sighting-1``..``sighting-19`` or ``inventory-<row>``; ``points`` are capture
    point ids, ``frames`` frame numbers at those points in the same order, ``packets`` how many (the document's
    ``count``).
    """

    rule: str
    supports: bool
    text: str
    points: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()
    packets: int = 0


@dataclass(slots=True)
class Judgement:
    """What the rules say of one direction of a conversation, or of a whole one.

    ``covered`` is the share of the packets that the verdict speaks for; the rest is undetermined.
    ``grade`` is None exactly where ``verdict`` is undetermined without a conflict, or flooded.
    """

    verdict: str
    grade: str | None
    evidence: list[Evidence] = field(default_factory=list)
    would_settle: list[str] = field(default_factory=list)
    covered: float = 1.0
    leaks: list[Leg] = field(default_factory=list)
    """Legs on an uplink that are accepted as flood leaks."""

    @property
    def left_host(self) -> str | None:
        """The plain word; a conflict is undetermined whatever the verdict."""
        return UNDETERMINED if self.grade == "conflict" else LEFT_HOST[self.verdict]

    def capped(self, grade: str | None, why: str = "") -> Judgement:
        """Lower the grade to at most ``grade``, saying why."""
        if grade is not None and self.grade in GRADES and GRADES.index(self.grade) < GRADES.index(grade):
            self.grade = grade
            if why:
                self.evidence.append(Evidence(self.evidence[0].rule if self.evidence else "", False, why))
        return self


def undetermined(rule: str, reason: str, *would_settle: str, points: Iterable[str] = ()) -> Judgement:
    """An honest "cannot be told", with its reason and what would decide it."""
    return Judgement("undetermined", None, [Evidence(rule, False, reason, tuple(points))], list(would_settle))


def worst_grade(grades: Iterable[str | None]) -> str | None:
    """The lowest of several grades; None where there is none."""
    known = [grade for grade in grades if grade is not None]
    return max(known, key=GRADES.index) if known else None
