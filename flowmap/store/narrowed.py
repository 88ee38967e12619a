"""The graph document narrowed to what was asked for: edges that match, and bytes of a time range.

A narrowed document says so in ``graph.warnings`` (code ``filtered``). Its ``totals.unique_bytes``,
``totals.conversations`` and the nodes' sums are those of the edges it shows; every other total and all shares stay
those of the whole map, because they are facts of the captures. It is put together from the JSON of its rows, which
need not be taken apart for that.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowmap.export import dumps
from flowmap.export.safe_text import escape, unescape
from flowmap.packets import NO_TIME
from flowmap.store.columns import EDGE_SUMS
from flowmap.store.conversations import service_parts
from flowmap.store.opened import OpenResult

ROUNDING_NS = 2_000
"""How far from the border of a bucket a time of a view counts as the border: addresses hold whole microseconds."""

MAX_BUCKET = (1 << 63) - 1

_WHOLE = f"""
WITH asked AS (SELECT number, source, target, left_host, rest, services, {", ".join(EDGE_SUMS)}
    FROM read_parquet($edges))"""

_WITHIN = f"""
WITH within AS NOT MATERIALIZED (
    SELECT *, previous_bucket IS NULL OR previous_bucket < $low AS is_first
    FROM read_parquet($slices) WHERE bucket BETWEEN $low AND $high
), sums AS (
    SELECT pair, sum(is_first::INTEGER)::BIGINT AS conversations,
        sum((is_first AND from_target)::INTEGER)::BIGINT AS conversations_from_target,
        sum(wire_bytes)::BIGINT AS wire_bytes, sum(payload_bytes)::BIGINT AS payload_bytes,
        sum(source_to_target_bytes)::BIGINT AS source_to_target_bytes,
        (sum(wire_bytes) - sum(source_to_target_bytes))::BIGINT AS target_to_source_bytes,
        sum(packets)::BIGINT AS packets, sum(stayed_bytes)::BIGINT AS stayed_bytes,
        sum(left_bytes)::BIGINT AS left_bytes,
        (sum(wire_bytes) - sum(stayed_bytes) - sum(left_bytes))::BIGINT AS undetermined_bytes,
        sum(CASE lane WHEN 'hairpin' THEN left_bytes ELSE 0 END)::BIGINT AS hairpin_bytes
    FROM within GROUP BY pair
), of_service AS (
    SELECT pair, service, sum(wire_bytes)::BIGINT AS wire_bytes FROM within GROUP BY ALL
), listed AS (
    SELECT pair, list({{'protocol': protocol, 'port': port, 'application': application, 'wire_bytes': wire_bytes}}
        ORDER BY wire_bytes DESC, protocol, port, application) AS services
    FROM of_service JOIN read_parquet($services) named ON named.number = service GROUP BY pair
), asked AS (
    SELECT e.number, e.source, e.target, e.left_host, e.rest, listed.services,
        {", ".join(f"sums.{name}" for name in EDGE_SUMS)}
    FROM sums JOIN listed USING (pair) JOIN read_parquet($edges) e ON e.number = sums.pair
)"""

_CHANGING = ", ".join(f"'{name}': {name}" for name in (*EDGE_SUMS, "services"))
"""The fields of an edge that another time range changes, for ``to_json``."""

_HAS_SERVICE = """len(list_filter(services, lambda one:
    ($name IS NULL OR lower(one.application) = $name OR one.protocol = $name)
    AND ($protocol IS NULL OR one.protocol = $protocol) AND ($port IS NULL OR one.port = $port))) > 0"""


@dataclass(frozen=True, slots=True)
class GraphFilter:
    """What to keep: every given condition must hold. ``range_ms`` counts from the first packet of the map."""

    left_host: tuple[str, ...] = ()
    vm: str | None = None
    service: str | None = None
    segment: str | None = None
    min_bytes: int | None = None
    top: int | None = None
    range_ms: tuple[float | None, float | None] | None = None

    def said(self) -> str:
        """The conditions as people write them."""
        parts = [f"left_host={','.join(self.left_host)}"] if self.left_host else []
        parts += [
            f"{name}={value}"
            for name in ("vm", "service", "segment", "min_bytes", "top")
            if (value := getattr(self, name)) is not None
        ]
        if self.range_ms:
            parts.append(
                "from_ms={} to_ms={}".format(*("" if value is None else f"{value:g}" for value in self.range_ms))
            )
        return ", ".join(parts)


class _Edge(NamedTuple):
    source: str
    target: str
    wire_bytes: int
    packets: int
    conversations: int
    rest: str
    changing: str

    def json(self) -> str:
        """The edge as the document has it."""
        changing = self.changing if "_x" not in self.changing else _unescaped(self.changing)
        return f"{self.rest[:-1]},{changing[1:]}"


def narrowed(result: OpenResult, wanted: GraphFilter) -> str:
    """The JSON text of a document of the edges that match."""
    span = _buckets(result.facts, wanted.range_ms) if wanted.range_ms else None
    edges = _edges(result, wanted, span)
    graph = dict(result.facts["graph"])
    ((every,),) = result.rows("SELECT count(*) FROM read_parquet($edges)")
    size, whole = sum(edge.wire_bytes for edge in edges), graph["totals"]["unique_bytes"]
    text = (
        f"Shown are {len(edges):,} of {every:,} pairs, {size:,} of {whole:,} bytes, that match "
        f"{wanted.said()}; capture totals and shares are those of the whole map."
    )
    graph["totals"] = graph["totals"] | {
        "unique_bytes": size,
        "conversations": sum(edge.conversations for edge in edges),
    }
    graph["warnings"] = [*graph["warnings"], {"code": "filtered", "text": text, "count": every - len(edges)}]
    if span and wanted.range_ms:
        low, high, width = *span, result.facts["slice_ns"]
        from_ms, to_ms = wanted.range_ms
        graph["range"] = {
            "from_ns": None if from_ms is None else _time(low * width),
            "to_ns": None if to_ms is None else _time((high + 1) * width),
        }
    nodes = _nodes(result, edges)
    graph["moves"] = [move for move in graph.get("moves", ()) if escape(move["node"]) in nodes]
    return (
        f'{{"directed":true,"multigraph":false,"graph":{dumps(graph)},"nodes":[{",".join(nodes.values())}],'
        f'"edges":[{",".join(edge.json() for edge in edges)}]}}'
    )


def _edges(result: OpenResult, wanted: GraphFilter, span: tuple[int, int] | None) -> list[_Edge]:
    conditions = ["true"]
    values: dict[str, Any] = {}
    if span:
        values["low"], values["high"] = span
    if wanted.left_host:
        conditions.append("list_contains($words, left_host)")
        values["words"] = list(wanted.left_host)
    if wanted.min_bytes is not None:
        conditions.append("wire_bytes >= $min_bytes")
        values["min_bytes"] = wanted.min_bytes
    called = None if wanted.vm is None else wanted.vm.strip().casefold()
    for column, asked in (("spellings", called), ("segments", wanted.segment)):
        if asked is not None:
            of_node = f"(SELECT id FROM read_parquet($nodes) WHERE list_contains({column}, ${column}))"
            conditions.append(f"(source IN {of_node} OR target IN {of_node})")
            values[column] = escape(asked)
    if wanted.service is not None:
        conditions.append(_HAS_SERVICE)
        values["protocol"], values["port"], values["name"] = service_parts(wanted.service)
    order = "number"
    if wanted.top is not None:
        order = "wire_bytes DESC, source, target LIMIT $top"
        values["top"] = wanted.top
    rows = result.rows(
        f"{_WITHIN if span else _WHOLE} SELECT source, target, wire_bytes, packets, conversations,"
        f" rest, to_json({{{_CHANGING}}})::VARCHAR FROM asked WHERE {' AND '.join(conditions)} ORDER BY {order}",
        **values,
    )
    return [_Edge(*row) for row in rows]


def _nodes(result: OpenResult, edges: Sequence[_Edge]) -> dict[str, str]:
    """The nodes of some edges: their ids as in the tables, and their JSON with the sums of these edges."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for edge in edges:
        size, packets = edge.wire_bytes, edge.packets
        for end in {edge.source, edge.target}:
            sums[end][0] += size
            sums[end][1] += packets
    rows = result.rows(
        "SELECT id, rest FROM read_parquet($nodes) WHERE id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY number",
        ids=list(sums),
    )
    return {key: f'{rest[:-1]},"wire_bytes":{sums[key][0]},"packets":{sums[key][1]}}}' for key, rest in rows}


def _unescaped(changing: str) -> str:
    values = json.loads(changing)
    for row in values["services"]:
        if row["application"] is not None:
            row["application"] = unescape(row["application"])
    return dumps(values)


def _buckets(facts: dict[str, Any], range_ms: tuple[float | None, float | None]) -> tuple[int, int]:
    """The whole buckets that touch a range; its end does not belong to it."""
    width, t0_ns = facts["slice_ns"], facts["t0_ns"]
    low, high = NO_TIME + 1, MAX_BUCKET
    from_ms, to_ms = range_ms
    if from_ms is not None:
        low = _bucket(t0_ns + int(from_ms * 1e6) + ROUNDING_NS, width)
    if to_ms is not None:
        high = max(_bucket(t0_ns + int(to_ms * 1e6) - ROUNDING_NS, width), low)
    return low, high


def _bucket(time_ns: int, width: int) -> int:
    return min(max(time_ns // width, NO_TIME + 1), MAX_BUCKET)


def _time(time_ns: int) -> int:
    """A time that the document can hold."""
    return min(max(time_ns, 0), MAX_BUCKET)
