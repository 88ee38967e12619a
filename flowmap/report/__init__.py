"""The blind-spot report of a map, made from the graph document alone, so that command line, API and page say the same.

``make_report(document)`` gives plain data (:mod:`.content`); ``write_report`` writes it as Markdown, HTML or JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from flowmap import __version__
from flowmap.errors import FlowMapError, UsageError
from flowmap.export.atomic import atomic_file
from flowmap.export.safe_text import escape_json
from flowmap.report.blind_spot import blind_spot
from flowmap.report.content import BarPart, Report, all_visible, as_json
from flowmap.report.contested import contested
from flowmap.report.figure_tables import figure_tables
from flowmap.report.hairpins import hairpins
from flowmap.report.method import method
from flowmap.report.source import Source
from flowmap.report.unseen import unseen
from flowmap.report.wording import count, listed, percent, plural, size, span

__all__ = ["FORMATS", "Report", "ReportFormat", "format_of", "make_report", "write_report"]


def make_report(document: Mapping[str, Any]) -> Report:
    """The report of a graph document (DESIGN section 5)."""
    source = Source(document)
    answer, grades, bar = _answer(source)
    report = Report(
        f"Blind-spot report: {source.graph['name']}", _facts(source), answer, grades, bar,
        (unseen(source), figure_tables(source), blind_spot(source), hairpins(source), contested(source),
         method(source)),
    )  # fmt: skip
    return all_visible(report)


def _facts(source: Source) -> tuple[tuple[str, str], ...]:
    graph, totals = source.graph, source.graph["totals"]
    files = [f"{capture['file']} ({plural(capture['packets'], 'packet')})" for capture in graph["captures"]]
    vms = sum(node["kind"] == "vm" for node in source.nodes.values())
    hosts = {node["host"] for node in source.nodes.values() if node["host"]}
    damaged = "no: a capture was damaged or ended early, the numbers are those up to there"
    return (
        ("Captures", listed(files)),
        ("Time span", span(totals["first_seen_ns"], totals["last_seen_ns"])),
        ("Packets", count(totals["packets"])),
        ("Bytes", f"{count(totals['wire_bytes'])} in all frames; {count(totals['unique_bytes'])} counted once"),
        ("Conversations", count(totals["conversations"])),
        (
            "Machines",
            f"{plural(vms, 'VM')}, {plural(len(source.nodes), 'endpoint')} in all; {plural(len(hosts), 'host')}",
        ),
        ("Complete", "yes: every capture was read to its end" if graph["complete"] else damaged),
        ("Made by", f"FlowMap {__version__} from the graph document ({graph['schema']})"),
    )


def _answer(source: Source) -> tuple[str, str, tuple[BarPart, ...]]:
    """The result in one sentence with its undetermined part, the grades behind it, and the same as a bar."""
    whole = source.shares["vm_vm_bytes"]
    grades = source.graph["grades"]
    if not whole:
        return "No traffic between two VMs was recognised in these captures, so nothing is said of it.", "", ()
    stayed, undetermined = source.shares["within_host_bytes"], grades["vm_vm"]["ungraded_bytes"]
    left = whole - stayed - undetermined
    answer = (
        f"Of {size(whole)} between VMs, {count(stayed)} ({percent(stayed, whole)}) are known never to have left their "
        f"host, {count(left)} ({percent(left, whole)}) to have left it, and of {count(undetermined)} "
        f"({percent(undetermined, whole)}) it cannot be told."
    )
    behind = {name: dict(grades[figure]) for name, figure in (("stayed", "within_host"), ("known", "vm_vm"))}
    behind["left"] = {grade: behind["known"][grade] - behind["stayed"][grade] for grade in behind["known"]}
    sentence = (
        f"Never left: {_grades(behind['stayed'])}. Left: {_grades(behind['left'])}. Undetermined bytes have no grade."
    )
    parts = (("stayed", "Never left their host", stayed), ("left", "Left it", left),
             ("undetermined", "Cannot be told", undetermined))  # fmt: skip
    return (
        answer,
        sentence,
        tuple(BarPart(word, f"{label}: {percent(part, whole)}", part / whole) for word, label, part in parts),
    )


def _grades(by_grade: Mapping[str, int]) -> str:
    names = ("proven", "strong", "likely", "weak")
    said = [f"{count(by_grade[f'{name}_bytes'])} {name}" for name in names if by_grade[f"{name}_bytes"]]
    return ", ".join(said) or "nothing"


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """How a report is written, and what files of it are called."""

    suffixes: tuple[str, ...]
    media_type: str
    text_of: Callable[[Report], str]


def _by(module: str, name: str) -> Callable[[Report], str]:
    def text_of(report: Report) -> str:
        text: str = getattr(import_module(f"flowmap.report.{module}"), name)(report)
        return text

    return text_of


def _json_text(report: Report) -> str:
    return escape_json(json.dumps(as_json(report), ensure_ascii=False, allow_nan=False, separators=(",", ":"))) + "\n"


FORMATS = {
    "md": ReportFormat((".md", ".markdown"), "text/markdown; charset=utf-8", _by("markdown", "markdown_of")),
    "html": ReportFormat((".html", ".htm"), "text/html; charset=utf-8", _by("html", "html_of")),
    "json": ReportFormat((".json",), "application/json", _json_text),
}
"""Every format by its name."""


def format_of(path: Path) -> str:
    """The format that the suffix of a path chooses.

    Raises
    ------
    UsageError
        No format has that suffix.
    """
    for name, known in FORMATS.items():
        if path.suffix.lower() in known.suffixes:
            return name
    raise UsageError(f"The suffix of {str(path)!r} names no format of a report: use .md, .html or .json.")


def write_report(report: Report, path: Path) -> None:
    """Write a report; the file appears whole or not at all.

    Raises
    ------
    UsageError
        The suffix is unknown.
    FlowMapError
        The file cannot be written.
    """
    text = FORMATS[format_of(path)].text_of(report)
    try:
        with atomic_file(path) as stream:
            stream.write(text.encode())
    except OSError as error:
        reason = error.strerror or error
        raise FlowMapError(f"Cannot write {str(path)!r}: {reason}; choose another place for it.") from error
