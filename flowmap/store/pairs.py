"""Questions to a result about one pair: its edge and ends, its evidence, and the legs that find its packets again."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flowmap.capture.points import CapturePoint, PointKey
from flowmap.evidence import Folded, SightingsTable
from flowmap.evidence.pair_legs import LegRows
from flowmap.export.safe_text import escape, unescape
from flowmap.packets import Tunnel
from flowmap.settings import Settings
from flowmap.store import columns
from flowmap.store.opened import EarlierVersion, OpenResult, opened
from flowmap.store.result import FACTS
from flowmap.tables import as_in_arrays

_LEG_COLUMNS = tuple(as_in_arrays(column) for column in columns.PAIR_LEGS.columns[1:])


class StoredPair(NamedTuple):
    """Two endpoints that talked: edge and nodes as the document has them, and what a person checks the verdict with."""

    edge: dict[str, Any]
    source: dict[str, Any]
    target: dict[str, Any]
    sightings: dict[str, Any]
    placement: dict[str, Any]


def find_pair(result: OpenResult, one: str, other: str) -> StoredPair | None:
    """The pair of two node ids in any order; None when they did not talk."""
    rows = result.rows(
        f"SELECT rest, to_json(services)::VARCHAR, sightings, {', '.join(columns.EDGE_SUMS)}"
        " FROM read_parquet($edges)"
        " WHERE (source = $one AND target = $other) OR (source = $other AND target = $one)",
        one=escape(one), other=escape(other),
    )  # fmt: skip
    if not rows:
        return None
    ((rest, services, folded, *sums),) = rows
    edge = json.loads(rest) | dict(zip(columns.EDGE_SUMS, sums, strict=True))
    edge["services"] = json.loads(services)
    for row in edge["services"]:
        row["application"] = row["application"] and unescape(row["application"])
    ends = {end: _node(result, edge[end]) for end in ("source", "target")}
    sightings = _sightings_table(result.path).of(Folded.restored(json.loads(folded)))
    placed = {end: placement for end, (_, placement) in ends.items()}
    return StoredPair(edge, ends["source"][0], ends["target"][0], sightings, placed)


def placement(result: OpenResult, node: str) -> dict[str, Any] | None:
    """What places a node (:func:`flowmap.evidence.placement_of`); None for a group and for a node that is not there."""
    rows = result.rows("SELECT placement FROM read_parquet($nodes) WHERE id = $id", id=escape(node))
    placed: dict[str, Any] | None = json.loads(rows[0][0]) if rows and rows[0][0] else None
    return placed


class PairLegs(NamedTuple):
    """The legs of an edge as :mod:`flowmap.evidence.pair_legs` has them, and what their points and tunnels are."""

    rows: LegRows
    points: list[PointKey]
    tunnels: list[Tunnel]
    some_are_missing: bool


def pair_legs(folder: Path, revision: int, settings: Settings, source: str, target: str) -> PairLegs | None:
    """The legs of an edge; None where the result was made without what finds packets again."""
    try:
        with opened(folder, revision, settings) as result:
            if not result.has(columns.PAIR_LEGS.name):
                return None
            found = result.rows(
                f"SELECT {', '.join(_LEG_COLUMNS)} FROM read_parquet($pair_legs) WHERE pair IN"
                " (SELECT number FROM read_parquet($edges) WHERE source = $source AND target = $target)",
                source=escape(source), target=escape(target),
            )  # fmt: skip
            facts = result.facts
    except EarlierVersion:
        return None
    words = [[value - (1 << 64) if value >= 1 << 63 else value for value in row] for row in found]
    rows = np.array(words, np.int64).reshape(-1, len(_LEG_COLUMNS))
    points = [PointKey(*key) for key, *_ in facts["points"]]
    return PairLegs(rows, points, [Tunnel(*values) for values in facts["tunnels"]], facts["legs_are_missing"])


def _node(result: OpenResult, key: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A node as the document has it, and its placement."""
    ((rest, wire_bytes, packets, placed),) = result.rows(
        "SELECT rest, wire_bytes, packets, placement FROM read_parquet($nodes) WHERE id = $id", id=escape(key)
    )
    node = json.loads(rest) | {"wire_bytes": wire_bytes, "packets": packets}
    return node, json.loads(placed) if placed else None


@lru_cache(maxsize=2)
def _sightings_table(path: Path) -> SightingsTable:
    """What makes sightings of the rows of a result's folder, kept for the next pair."""
    facts = json.loads((path / FACTS).read_bytes())
    points = [
        CapturePoint(PointKey(*key), interface=interface, role=role, host=host, linktype=linktype)
        for key, interface, role, host, linktype in facts["points"]
    ]
    tunnels = [Tunnel(*values) for values in facts["tunnels"]]
    return SightingsTable(points, tunnels, legs_are_missing=facts["legs_are_missing"])
