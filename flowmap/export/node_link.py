"""The graph document: node-link JSON of a map, its JSON Schema and the sums that hold in it.

The format is ``flowmap-graph/1``; ``flowmap-graph-1.schema.json`` beside this file describes every field,
with unit.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from typing import Any, BinaryIO

import networkx as nx
import numpy as np

from flowmap.export.safe_text import escape_json

Document = dict[str, Any]
"""The parsed JSON of a map: ``directed``, ``multigraph``, ``graph``, ``nodes``, ``edges``."""


def document(graph: nx.DiGraph[str]) -> Document:
    """The graph document of ``graph``, sharing nothing with it.

    Parameters
    ----------
    graph : networkx.DiGraph
        Node ids, node, edge and graph attributes as the schema names them.

    Returns
    -------
    dict
        ``networkx.node_link_data(graph, edges="edges")`` in plain JSON types: NumPy scalars become Python's,
        tuples lists, NaN and infinities null. Text is unchanged: :func:`dumps` escapes it, so serialise with
        that (other writers may fail on lone surrogates).

    Raises
    ------
    TypeError
        A value has no place in JSON.
    """
    data = nx.node_link_data(graph, edges="edges")
    return {
        "directed": data["directed"],
        "multigraph": data["multigraph"],
        "graph": _plain(data["graph"]),
        # identities first: people read these files too
        "nodes": [{"id": node["id"], **_plain(node)} for node in data["nodes"]],
        "edges": [{"source": edge["source"], "target": edge["target"], **_plain(edge)} for edge in data["edges"]],
    }


def dumps(document: Mapping[str, Any]) -> str:
    """JSON text of a document: one line, valid UTF-8, unsafe characters escaped as ``\\uHHHH``.

    ``json.loads`` gives back an equal document. Raises ValueError for NaN and infinities.
    """
    return escape_json(json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = resources.files("flowmap.export").joinpath("flowmap-graph-1.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check_identities(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with the ends and sums of a document that fits the schema, one sentence each.

    Checked are the identities of the design's sections 4 and 5 that can be told from the document alone.
    """
    graph = document["graph"]
    return [
        *_wrong_ends(document),
        *_wrong_sums(document),
        *_wrong_shares("shares", graph["shares"]),
        *_wrong_grades("grades", graph["shares"], graph["grades"]),
        *_wrong_hosts(graph),
        *_wrong_services(graph),
    ]


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
"""Types of nearly all values; their subclasses (an enum's member) are no plain JSON types."""


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, dict):
        return {str(key): item if type(item) in _AS_THEY_ARE else _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if type(item) in _AS_THEY_ARE else _plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, str):
        return str.__str__(value)  # an enum's member becomes its value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise TypeError(f"a {type(value).__name__} has no place in a graph document")


def _wrong_ends(document: Mapping[str, Any]) -> list[str]:
    ids = Counter(node["id"] for node in document["nodes"])
    wrong = [f"node {node!r} stands {count} times" for node, count in ids.items() if count > 1]
    for edge in document["edges"]:
        wrong += [
            f"edge {_pair(edge)}: {end!r} is no node" for end in (edge["source"], edge["target"]) if end not in ids
        ]
    pairs = Counter(tuple(sorted((edge["source"], edge["target"]))) for edge in document["edges"])
    wrong += [f"{count} edges between {a!r} and {b!r}" for (a, b), count in pairs.items() if count > 1]
    return wrong


def _wrong_sums(document: Mapping[str, Any]) -> list[str]:
    wrong = []
    total = sum(edge["wire_bytes"] for edge in document["edges"])
    unique = document["graph"]["totals"]["unique_bytes"]
    if total != unique:
        wrong.append(f"the edges' wire_bytes sum to {total}, unique_bytes is {unique}")
    for edge in document["edges"]:
        for names in (
            ("stayed_bytes", "left_bytes", "undetermined_bytes"),
            ("source_to_target_bytes", "target_to_source_bytes"),
        ):
            parts, whole = sum(edge[name] for name in names), edge["wire_bytes"]
            if parts != whole:
                wrong.append(f"edge {_pair(edge)}: {' + '.join(names)} = {parts}, wire_bytes is {whole}")
    return wrong


def _wrong_shares(where: str, shares: Mapping[str, Any]) -> list[str]:
    """Design section 4: the figures of the field and how they add up."""

    def total(names: str) -> int:
        return sum(shares[f"{name}_bytes"] for name in names.split(" + "))

    wrong = [
        f"{where}: {left} = {total(left)}, {right} = {total(right)}"
        for left, right in (
            ("switched + routed + path_unknown", "east_west"),
            ("stayed + left + undetermined", "internet + east_west"),
        )
        if total(left) != total(right)
    ]
    wrong += [
        f"{where}: {part} = {total(part)} is more than {whole} = {total(whole)}"
        for part, whole in (
            ("vm_vm", "east_west"),
            ("within_host", "vm_vm"),
            ("within_host", "stayed"),
            ("hairpin", "left"),
        )
        if total(part) > total(whole)
    ]
    return wrong


def _wrong_grades(where: str, figures: Mapping[str, Any], grades: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The grades of a figure add up to it, and only what is undetermined has none."""
    wrong = [
        f"{where}: the grades of {name} sum to {sum(parts.values())}, {name}_bytes is {figures[f'{name}_bytes']}"
        for name, parts in grades.items()
        if sum(parts.values()) != figures[f"{name}_bytes"]
    ]
    for name, parts in grades.items():
        if name in ("stayed", "left", "within_host", "hairpin") and parts["ungraded_bytes"]:
            wrong.append(f"{where}: {name} has bytes without a grade")
    if grades["undetermined"]["ungraded_bytes"] != figures["undetermined_bytes"]:
        wrong.append(f"{where}: undetermined has bytes with a grade")
    return wrong


def _wrong_hosts(graph: Mapping[str, Any]) -> list[str]:
    wrong = []
    for row in graph["hosts"]:
        where = f"host {row['host']!r}"
        wrong += _wrong_shares(where, row) + _wrong_grades(where, row, row["by_grade"])
        parts = row["stayed_bytes"] + row["left_bytes"] + row["undetermined_bytes"]
        if parts != row["wire_bytes"]:
            wrong.append(f"{where}: stayed + left + undetermined = {parts}, wire_bytes is {row['wire_bytes']}")
    return wrong


def _wrong_services(graph: Mapping[str, Any]) -> list[str]:
    """Every byte of the shares is some service's."""
    wrong = []
    for name in ("stayed_bytes", "left_bytes", "undetermined_bytes"):
        total = sum(row[name] for row in graph["services"])
        if total != graph["shares"][name]:
            wrong.append(f"services: {name} sum to {total}, shares have {graph['shares'][name]}")
    for row in graph["services"]:
        if sum(row["stayed_by_grade"].values()) != row["stayed_bytes"]:
            wrong.append(f"service {row['protocol']!r} {row['port']}: the grades do not sum to stayed_bytes")
    return wrong


def _pair(edge: Mapping[str, Any]) -> str:
    return f"{edge['source']!r} - {edge['target']!r}"


def write_json(document: Document, stream: BinaryIO) -> None:
    """Write a document as UTF-8 with a newline at its end."""
    stream.write(dumps(document).encode() + b"\n")
