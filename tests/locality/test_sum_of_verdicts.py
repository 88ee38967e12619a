"""The verdict of a pair from those of its conversations."""

from __future__ import annotations

from flowmap.locality import EVIDENCE_KEPT, Evidence, Verdict, sum_verdicts


def left(number: int, size: int) -> Verdict:
    """A conversation that left, with a row and a wish of its own and one that all share."""
    rows = [Evidence("sighting-4", True, "shared"), Evidence("sighting-4", True, f"row {number}")]
    return Verdict("inter_host", "left", "proven", left_bytes=size, evidence=rows, would_settle=["all", f"{number}"])


def test_one_conversation_is_its_pair():
    only = left(1, 10)
    assert sum_verdicts([only]) == only


def test_the_largest_conversations_give_the_rows_and_nothing_stands_twice():
    verdicts = [left(number, number) for number in range(1, 101)]
    total = sum_verdicts(verdicts)
    assert total.left_bytes == 5050
    assert [row.text for row in total.evidence] == [
        "shared",
        *(f"row {n}" for n in range(100, 100 - EVIDENCE_KEPT + 1, -1)),
    ]
    assert total.would_settle == ["all", *(f"{number}" for number in range(100, 0, -1))]
    assert (total.verdict, total.left_host, total.grade) == ("inter_host", "left", "proven")


def test_no_conversation_is_undetermined():
    assert sum_verdicts([]) == Verdict("undetermined", "undetermined", None)
