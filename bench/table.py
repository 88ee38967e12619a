"""The results as Markdown that can be read as plain text."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.cases import Case
from bench.measure import Run, median_run
from bench.peers import Found, Peer
from bench.plans import Plan

FLOWMAP = "flowmap"


@dataclass(frozen=True)
class Row:
    """A peer's runs on one capture."""

    peer: Peer
    plan: Plan
    runs: Sequence[Run]
    found: Found
    warm: bool
    checks: Sequence[str] = ()

    @property
    def run(self) -> Run:
        """The median run."""
        return median_run(self.runs)

    @property
    def worked(self) -> bool:
        """Whether every run ended well."""
        return all(run.exit_code == 0 for run in self.runs)

    @property
    def frames_per_s(self) -> float:
        """Whole process, wall time."""
        return self.plan.frames / self.run.wall_s


def machine() -> str:
    """Where this was measured."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB memory",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        *(f"{name} {_version(name)}" for name in ("numpy", "numba")),
    ]
    return ", ".join(parts)


def load() -> str:
    """Who else uses the machine."""
    return f"load average {os.getloadavg()[0]:.1f}"


def case_table(case: Case, rows: Sequence[Row], size_bytes: int) -> str:
    """One case: a row for each peer, ratios against each FlowMap command that worked."""
    ours = [row for row in rows if row.peer.name.startswith(FLOWMAP) and row.worked]
    heads = ["", "frames", "median s", "lowest - highest", "frames/s", "CPU s per M", "cores", "peak MB", "own MB"]
    heads += [f"{row.peer.name} :" for row in ours] + ["found"]
    lines = [[*_cells(row), *(_ratio(one, row) for one in ours), _found(row)] for row in rows]
    title = f"{case.title}: {case.plan.frames:,} frames, {size_bytes / 1e9:.2f} GB, {case.plan.format}"
    cold = "" if all(row.warm for row in rows) else "\n\nThe file is larger than the page cache: it was read from disk."
    checks = [f"- {row.peer.name}: {check}" for row in rows for check in row.checks]
    return "\n".join([f"### {title}{cold}", "", markdown(heads, lines), "", *checks, ""])


def exactness(totals: dict[str, Any], truth: dict[str, Any]) -> list[str]:
    """FlowMap's totals beside what the generator wrote, each one either exact or with both numbers."""
    expected = {
        "packets": truth["frames"],
        "frame_bytes": truth["frame_bytes"],
        "captured_bytes": truth["frame_bytes"],
        "unique_bytes": sum(truth["wire_bytes"]),
        "conversations": truth["conversations"],
        "five_tuples": truth["five_tuples"],
        "duplicate_packets": truth["repeated"],
        "first_seen_ns": truth["first_seen_ns"],
        "last_seen_ns": truth["last_seen_ns"],
    }
    wrong = [
        f"{name} {totals.get(name):,} of {right:,}" for name, right in expected.items() if totals.get(name) != right
    ]
    exact = [name for name, right in expected.items() if totals.get(name) == right]
    return [f"exact: {', '.join(exact) or 'nothing'}"] + ([f"not exact: {', '.join(wrong)}"] if wrong else [])


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table with columns of even width, numbers to the right."""
    wide = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    left = {0, len(heads) - 1}

    def row(cells: Sequence[str]) -> str:
        padded = (c.ljust(wide[i]) if i in left else c.rjust(wide[i]) for i, c in enumerate(cells))
        return f"| {' | '.join(padded)} |"

    rule = "|".join("-" * (width + 2) if i in left else "-" * (width + 1) + ":" for i, width in enumerate(wide))
    return "\n".join([row(heads), f"|{rule}|", *(row(line) for line in lines)])


def _cells(row: Row) -> list[str]:
    run = row.run
    walls = [one.wall_s for one in row.runs]
    name = f"{row.peer.name} {row.peer.version}"
    if not row.worked:
        return [name, f"{row.plan.frames:,}", "failed", *[""] * 6]
    return [
        name,
        f"{row.plan.frames:,}",
        f"{run.wall_s:.2f}",
        f"{min(walls):.2f} - {max(walls):.2f}" if len(walls) > 1 else "once",
        f"{row.frames_per_s:,.0f}",
        f"{run.cpu_s / row.plan.frames * 1e6:.2f}",
        f"{run.cores:.1f}",
        f"{run.peak_bytes / 1e6:,.0f}",
        f"{run.own_bytes / 1e6:,.0f}",
    ]


def _ratio(ours: Row, theirs: Row) -> str:
    if not theirs.worked or ours is theirs:
        return ""
    ratio = ours.frames_per_s / theirs.frames_per_s
    return f"{ratio:,.0f}" if ratio >= 20 else f"{ratio:.1f}"


def _found(row: Row) -> str:
    if not row.worked:
        ending = [line.strip() for line in row.run.output.splitlines() if line.strip()][-1:]
        return f"exit {row.run.exit_code}: {''.join(ending)[:120]}".replace("|", "/")
    parts = []
    if row.found.flows is not None:
        parts.append(f"{row.found.flows:,} {row.peer.flows}")
    if row.found.packets not in (None, row.plan.frames):
        parts.append(f"only {row.found.packets:,} frames")
    return ", ".join(parts)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
