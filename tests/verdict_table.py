"""The table of ARCHITECTURE.md that says what each tap and inventory allows: scenario x tap x inventory -> verdict.

``python -m tests.verdict_table`` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from tests.lab import TAPS, TRUTH, Files, edge_of, edges, hosts_with_ports_in, pairs_in, scenario_of, tap_of

COLUMNS = (
    ("ports, points stated", "ports", True, False),
    ("ports alone", "ports", False, False),
    ("ports and inventory", "ports", False, True),
    ("mirrors, stated", "mirror", True, False),
    ("mirrors, stated, and inventory", "mirror", True, True),
)  # captures on "any" interface stand among the mirrors
"""Title, tap, points stated, inventory given."""


def table() -> str:
    """The table in Markdown."""
    titles = [title for title, *_ in COLUMNS]
    lines = [f"| scenario | truly | {' | '.join(titles)} |", f"|---|---|{'---|' * len(titles)}"]
    for scenario in TRUTH["scenarios"]:
        for truly, pairs in _by_verdict(scenario):
            cells = [_cell(scenario, pairs, *column[1:]) for column in COLUMNS]
            lines.append(f"| {scenario} | `{truly}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _by_verdict(scenario: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    pairs = [pair for pair in TRUTH["pairs"] if pair["scenario"] == scenario]
    for verdict in dict.fromkeys(pair["verdict"] for pair in pairs):
        yield verdict, [pair for pair in pairs if pair["verdict"] == verdict]


def _cell(scenario: str, pairs: list[dict[str, Any]], tap: str, points: bool, inventory: bool) -> str:
    """The grades of right answers, and other words for the rest; a dash where no such capture shows the pairs."""
    files = _largest(scenario, tap)
    if files is None:
        return "-"
    found = edges(files, points=points, inventory=inventory)
    said: dict[str, None] = {}
    for pair in pairs:
        ends = {pair["a_host"], pair["b_host"]} - {None}
        if pair not in pairs_in(files) or (tap == "ports" and not ends & hosts_with_ports_in(files)):
            continue
        edge = edge_of(found, pair)
        assert edge is not None, pair
        said[_words(edge, pair)] = None
    order = ("proven", "strong", "likely", "weak")
    return ", ".join(sorted(said, key=lambda text: order.index(text) if text in order else 9)) or "-"


def _words(edge: dict[str, Any], pair: dict[str, Any]) -> str:
    if edge["grade"] == "conflict":
        return "conflict"
    if edge["left_host"] == "undetermined":
        return "undetermined"
    return str(edge["grade"]) if edge["verdict"] == pair["verdict"] else f"`{edge['verdict']}` {edge['grade']}"


def _largest(scenario: str, tap: str) -> Files | None:
    """All samples of one kind of tap."""
    wanted = {"ports"} if tap == "ports" else {"mirror", "any"}
    some = [
        files for files in TAPS
        if scenario_of(files) == scenario and wanted >= {tap_of(file) for file in files}
        and not any("erspan" in file for file in files)
    ]  # fmt: skip
    return max(some, key=len, default=None)


if __name__ == "__main__":
    sys.stdout.write(table())
