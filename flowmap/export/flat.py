"""The document with one scalar an attribute, for formats that know no lists: GraphML, GEXF, CSV.

Lists and objects become their JSON text, null becomes an absent attribute, text is escaped
(:mod:`flowmap.export.safe_text`). What a field is, and so how to read it back, comes from the schema.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import networkx as nx

from flowmap.export.node_link import Document, dumps, schema
from flowmap.export.safe_text import escape, unescape

Scalar = bool | int | float | str

_ENDS = ("id", "source", "target")


@functools.cache
def fields(scope: str) -> dict[str, str]:
    """Field name -> ``boolean``, ``integer``, ``string``, ``array`` or ``object``, in the schema's order.

    ``scope`` is ``graph``, ``node`` or ``edge``.
    """
    definitions = schema()["$defs"]
    types = {}
    for name, field in definitions[scope]["properties"].items():
        if "$ref" in field:
            field = definitions[field["$ref"].rpartition("/")[2]]
        stated = field["type"]  # "integer", or ["integer", "null"]
        types[name] = stated if isinstance(stated, str) else stated[0]
    return types


def scalar(value: Any) -> Scalar:
    """One value of a document as a number, a boolean or safe text."""
    if isinstance(value, (bool, int, float)):
        return value
    return escape(value if isinstance(value, str) else dumps(value))


def from_scalar(kind: str, value: Any) -> Any:
    """The value that :func:`scalar` was given; integers may come as text. ``kind`` as in :func:`fields`."""
    if value is None or kind == "boolean":
        return value
    if kind == "integer":
        return int(value)
    text = unescape(value)
    return text if kind == "string" else json.loads(text)


def flatten(document: Document) -> nx.DiGraph[str]:
    """The document as a graph of scalars."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.graph.update(_scalars(document["graph"]))
    graph.add_nodes_from((escape(node["id"]), _scalars(node)) for node in document["nodes"])
    graph.add_edges_from((escape(edge["source"]), escape(edge["target"]), _scalars(edge)) for edge in document["edges"])
    return graph


def unflatten(flat: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """The graph whose document :func:`flatten` was given; attributes unknown to the schema are left out."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.graph.update(_values("graph", flat.graph))
    graph.add_nodes_from((unescape(node), _values("node", values)) for node, values in flat.nodes.items())
    graph.add_edges_from(
        (unescape(source), unescape(target), _values("edge", values)) for (source, target), values in flat.edges.items()
    )
    return graph


def _scalars(values: Mapping[str, Any]) -> dict[str, Scalar]:
    return {name: scalar(value) for name, value in values.items() if value is not None and name not in _ENDS}


def _values(scope: str, scalars: Mapping[str, Any]) -> dict[str, Any]:
    kinds = fields(scope).items()
    return {name: from_scalar(kind, scalars.get(name)) for name, kind in kinds if name not in _ENDS}
