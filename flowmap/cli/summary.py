"""What the commands print. Everything from packets or inventories is shown as plain text without control characters."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowmap.cli.console import plain, wide_console
from flowmap.graph import FlowGraph
from flowmap.pipeline import FlowMap

Edge = tuple[str, str, Mapping[str, Any]]

WORDS = {
    "stayed": "Stayed on host",
    "left": "Left the host",
    "mixed": "Mixed",
    "undetermined": "Undetermined",
    None: "Group",
}
STYLES = {
    "stayed": "bold blue",
    "left": "bold dark_orange3",
    "mixed": "bold magenta",
    "undetermined": "dim",
    None: "dim",
}
_BAR = (("stayed", "█", "blue"), ("left", "▒", "dark_orange3"), ("undetermined", "░", "bright_black"))
ROLES = {
    "vnic": "vNIC port",
    "uplink": "uplink",
    "mirror": "mirror",
    "underlay": "underlay",
    "unknown": "not known",
}
_READERS = {"header": "the header reader", "pyshark": "tshark (pyshark reader)"}
PAIRS_IN_SUMMARY = 15
SETTLERS_SHOWN = 3
WARNINGS_SHOWN = 10
POINTS_NAMED = 3


def size(count: float) -> str:
    """Bytes with SI units and three significant digits."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            return (
                f"{count:.0f} {unit}"
                if unit == "B" or count >= 99.95
                else f"{count:.{2 if count < 9.995 else 1}f} {unit}"
            )
        count /= 1000
    raise AssertionError("unreachable")


def print_summary(flow_map: FlowMap, file: TextIO) -> None:
    """The answer first, then the pairs, then what the answer rests on."""
    console = wide_console(file)
    graph, facts = flow_map.graph, flow_map.graph.graph
    vms = sum(node["kind"] == "vm" for _, node in graph.nodes(data=True))
    hosts = {node["host"] for _, node in graph.nodes(data=True) if node["host"]}
    totals = facts["totals"]
    where = f"on {len(hosts)} host{'s' if len(hosts) != 1 else ''}" if hosts else "on hosts not known"
    console.print(
        Text(
            f"{plain(facts['name'])}: {totals['packets']:,} packets, {vms} VMs {where}, "
            f"{totals['conversations']:,} conversations, {size(totals['unique_bytes'])} counted once."
        )
    )
    _print_readers(console, facts["captures"])
    console.print()
    _print_headline(console, graph)
    edges = [edge for edge in edges_by_bytes(graph) if edge[2]["left_host"] is not None]
    if edges:
        console.print(_pair_table(graph, edges[:PAIRS_IN_SUMMARY]))
        if len(edges) > PAIRS_IN_SUMMARY:
            rest = sum(edge["wire_bytes"] for _, _, edge in edges[PAIRS_IN_SUMMARY:])
            console.print(
                Text(
                    f"... and {len(edges) - PAIRS_IN_SUMMARY} more pairs with {size(rest)} (flowmap pairs lists them).",
                    style="dim",
                )
            )
    _print_what_would_settle(console, edges)
    _print_points(console, facts["points"])
    _print_warnings(console, facts["warnings"])


def _print_readers(console: Console, captures: Sequence[Mapping[str, Any]]) -> None:
    """Which reader took each file."""
    by_reader: dict[str, list[str]] = {}
    for capture in captures:
        by_reader.setdefault(capture["reader"], []).append(capture["file"])
    for reader, files in by_reader.items():
        which = "" if len(by_reader) == 1 else f": {', '.join(plain(file) for file in files)}"
        console.print(Text(f"Read by {_READERS.get(reader, reader)}{which}.", style="dim"))


def _print_headline(console: Console, graph: FlowGraph) -> None:
    """The shares of the bytes between VMs, with their denominator, in words and as a bar."""
    kinds = {key: node["kind"] for key, node in graph.nodes.items()}
    edges = [edge for source, target, edge in graph.edges(data=True) if kinds[source] == kinds[target] == "vm"]
    parts = {word: sum(edge[f"{word}_bytes"] for edge in edges) for word in ("stayed", "left", "undetermined")}
    total = sum(parts.values())
    if not total:
        console.print(Text("No traffic between two VMs was recognised in this capture.", style="bold"))
        console.print()
        return
    stayed, left, unknown = (100 * value / total for value in parts.values())
    console.print(
        Text(
            f"{stayed:.0f} % of VM-to-VM bytes never left their host, {left:.0f} % did, "
            f"{unknown:.0f} % cannot be told.",
            style="bold",
        )
    )
    bar = Text()
    for word, glyph, style in _BAR:
        bar.append(glyph * round(60 * parts[word] / total), style)
    console.print(bar)
    hairpin = sum(edge["left_bytes"] for edge in edges if str(edge["verdict"]).startswith("hairpin"))
    console.print(
        Text(
            f"{size(parts['stayed'])} stayed, {size(parts['left'])} left "
            f"({size(hairpin)} of it in hairpin pairs), {size(parts['undetermined'])} undetermined, "
            f"of {size(total)} between VMs."
        )
    )
    console.print()


def _print_what_would_settle(console: Console, edges: Sequence[Edge]) -> None:
    """The captures or inventories that would decide most of what is undetermined."""
    gain: Counter[str] = Counter()
    for _, _, edge in edges:
        for text in edge["would_settle"] if edge["undetermined_bytes"] else ():
            gain[text] += edge["undetermined_bytes"]
    if gain:
        console.print(Text("What would settle most of the rest:", style="bold"))
        for text, count in gain.most_common(SETTLERS_SHOWN):
            console.print(Text(f"  {plain(text)} ({size(count)})"))
        console.print()


def edges_by_bytes(graph: FlowGraph, left_host: str | None = None) -> list[Edge]:
    """Edges, most bytes first, with the given answer only if there is one."""
    edges: list[Edge] = [
        (source, target, edge)
        for source, target, edge in graph.edges(data=True)
        if left_host is None or edge["left_host"] == left_host
    ]
    return sorted(edges, key=lambda edge: (-edge[2]["wire_bytes"], edge[0], edge[1]))


def print_pairs(graph: FlowGraph, edges: Sequence[Edge], top: int) -> None:
    """The pair table on standard output."""
    console = wide_console(sys.stdout)
    if not edges:
        console.print(Text("No pair has this answer."))
        return
    console.print(_pair_table(graph, edges[:top]))
    if len(edges) > top:
        console.print(Text(f"{len(edges) - top} more pairs; raise --top to see them.", style="dim"))


def _pair_table(graph: FlowGraph, edges: Sequence[Edge]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("Answer", "Pair", "Host", "Bytes", "Service", "Verdict", "Grade"):
        table.add_column(name, justify="right" if name == "Bytes" else "left", overflow="fold")
    for source, target, edge in edges:
        one, other = graph.nodes[source], graph.nodes[target]
        table.add_row(
            Text(WORDS[edge["left_host"]], style=STYLES[edge["left_host"]]),
            Text(f"{plain(one['label'])} → {plain(other['label'])}"),
            Text(_hosts(one, other)),
            size(edge["wire_bytes"]),
            Text(_services(edge["services"])),
            Text(edge["verdict"]),
            Text(edge["grade"] or "-"),
        )
    return table


def _hosts(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    names = [
        plain(node["host"]) if node["host"] else "?" if node["kind"] in ("vm", "unknown") else "outside"
        for node in (one, other)
    ]
    return names[0] if names[0] == names[1] else f"{names[0]} / {names[1]}"


def _services(services: Sequence[Mapping[str, Any]]) -> str:
    names = [_service(row) for row in services[:2]]
    return ", ".join(names) + (f" +{len(services) - 2}" if len(services) > 2 else "")


def _service(row: Mapping[str, Any]) -> str:
    name = plain(row["application"] or row["protocol"])
    return name if row["port"] is None else f"{name} {row['port']}"


def _print_points(console: Console, points: Sequence[Mapping[str, Any]]) -> None:
    """What each capture point is, how that is known, and what to do where it is wrong."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title="Capture points", title_justify="left", title_style="bold")
    for name in ("Point", "What it is", "Host"):
        table.add_column(name, overflow="fold")
    for name in ("Packets", "Copies", "One-way", "Cut short", "Dropped"):
        table.add_column(name, justify="right")
    known: dict[str, list[str]] = {}
    for point in points:
        table.add_row(
            Text(plain(point["id"])),
            ROLES[point["role"]],
            Text(plain(point["host"] or "not known")),
            f"{point['packets']:,}",
            _number(point["copies_per_packet"], "{:.2f}"),
            _number(point["one_way_share"], "{:.0%}"),
            _number(point["truncated_share"], "{:.0%}"),
            _number(point["dropped_packets"], "{:,}"),
        )
        known.setdefault(point["how"], []).append(point["id"])
    console.print(table)
    for how, alike in known.items():
        more = f" and {len(alike) - POINTS_NAMED} more" if len(alike) > POINTS_NAMED else ""
        console.print(Text(f"{plain(', '.join(alike[:POINTS_NAMED]))}{more}: {plain(how)}.", style="dim"))
    if any(point["host"] is None or "inferred" in point["how"] or point["role"] == "unknown" for point in points):
        console.print(
            Text(
                "An inferred host, and a role inferred from traffic, decide nothing until stated. What is missing or "
                "wrong can be stated: --point 'FILE:INTERFACE=host:NAME,role:ROLE' "
                f"({', '.join(role for role in ROLES if role != 'unknown')}), or a points file with --points."
            )
        )
    console.print()


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _print_warnings(console: Console, warnings: Sequence[Mapping[str, Any]]) -> None:
    for row in warnings[:WARNINGS_SHOWN]:
        times = f" ({row['count']:,} times)" if row["count"] > 1 else ""
        console.print(Text(f"Note: {plain(row['text'])}{times}"))
    if len(warnings) > WARNINGS_SHOWN:
        console.print(Text(f"... and {len(warnings) - WARNINGS_SHOWN} more notes in the document."))


def print_interfaces(rows: Sequence[Mapping[str, Any]]) -> None:
    """Interfaces for ``flowmap live -i``."""
    console = wide_console(sys.stdout)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("Interface", "State", "Description"):
        table.add_column(name)
    for row in rows:
        table.add_row(
            Text(plain(row["name"])), "up" if row.get("up") else "down", Text(plain(row.get("description") or ""))
        )
    console.print(table)


def print_json(value: object) -> None:
    """JSON on standard output, strangers' control characters escaped."""
    print(json.dumps(value, indent=2, allow_nan=False))
