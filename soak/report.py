"""What a case has found: figures for the table, and what went wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """One case.

    Attributes
    ----------
    case : str
        What was done, in words.
    figures : dict
        Name with its unit to value, in the order of the table.
    outcomes : Counter
        How often each thing happened.
    failures : list of str
        One sentence each; empty when all is well.
    skipped : str
        Why nothing was done; empty otherwise.
    """

    case: str
    figures: dict[str, object] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""

    def check(self, holds: bool, sentence: str) -> None:
        """Note a failure unless something holds."""
        if not holds:
            self.failures.append(sentence)

    def rows(self) -> list[tuple[str, str]]:
        """Its figures as text."""
        found = [
            (name, f"{value:,.1f}" if isinstance(value, float) else str(value)) for name, value in self.figures.items()
        ]
        if self.outcomes:
            found.append(("outcomes", ", ".join(f"{count} {what}" for what, count in sorted(self.outcomes.items()))))
        return found


def table(reports: list[Report]) -> str:
    """All cases as a Markdown table, failures under it."""
    lines = ["| case | figures | |", "|---|---|---|"]
    for report in reports:
        verdict = "skipped" if report.skipped else f"{len(report.failures)} failures" if report.failures else "passed"
        figures = report.skipped or "; ".join(f"{name}: {value}" for name, value in report.rows())
        lines.append(f"| {report.case} | {figures} | {verdict} |")
    lines += ["", *(f"- {report.case}: {failure}" for report in reports for failure in report.failures)]
    return "\n".join(lines).rstrip() + "\n"
