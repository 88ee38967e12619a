"""The graph document narrowed to what was asked for: edges that match, and bytes of a time range.

A narrowed document says so in ``graph.warnings`` (code ``filtered``). Its ``totals.unique_bytes``,
``totals.conversations`` and the nodes' sums are those of the edges it shows; every other total and all shares stay
those of the whole map, because they are facts of the captures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flowmap.api.conversations import HAIRPINS, RangeRow, Within, service_parts

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GraphFilter:
    """What to keep: every given condition must hold. ``within`` is what was found in the time range."""

    left_host: tuple[str, ...] = ()
    vm: str | None = None
    service: str | None = None
    segment: str | None = None
    min_bytes: int | None = None
    top: int | None = None
    range_ms: tuple[float | None, float | None] | None = None
    within: Within | None = None

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


def narrowed(document: Row, wanted: GraphFilter) -> Row:
    """A document of the edges that match; the given one is left alone."""
    nodes = {node["id"]: node for node in document["nodes"]}
    edges = document["edges"]
    if wanted.within:
        edges = list(_edges_within(edges, wanted.within.rows))
    edges = [edge for edge in edges if _matches(edge, nodes, wanted)]
    if wanted.top is not None:
        edges = sorted(edges, key=lambda edge: (-edge["wire_bytes"], edge["source"], edge["target"]))[: wanted.top]
    hidden = len(document["edges"]) - len(edges)
    size, whole = sum(edge["wire_bytes"] for edge in edges), document["graph"]["totals"]["unique_bytes"]
    text = (
        f"Shown are {len(edges):,} of {len(document['edges']):,} pairs, {size:,} of {whole:,} bytes, that match "
        f"{wanted.said()}; capture totals and shares are those of the whole map."
    )
    graph = dict(document["graph"])
    graph["totals"] = graph["totals"] | {
        "unique_bytes": size,
        "conversations": sum(edge["conversations"] for edge in edges),
    }
    graph["warnings"] = [*graph["warnings"], {"code": "filtered", "text": text, "count": hidden}]
    if wanted.within:
        graph["range"] = {"from_ns": wanted.within.from_ns, "to_ns": wanted.within.to_ns}
    shown = _nodes_of(edges, nodes)
    ids = {node["id"] for node in shown}
    graph["moves"] = [move for move in graph.get("moves", ()) if move["node"] in ids]
    return document | {"graph": graph, "nodes": shown, "edges": edges}


def _nodes_of(edges: Iterable[Row], nodes: dict[str, Row]) -> list[Row]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for edge in edges:
        for end in {edge["source"], edge["target"]}:
            sums[end][0] += edge["wire_bytes"]
            sums[end][1] += edge["packets"]
    return [node | {"wire_bytes": sums[key][0], "packets": sums[key][1]} for key, node in nodes.items() if key in sums]


def _matches(edge: Row, nodes: dict[str, Row], wanted: GraphFilter) -> bool:
    ends = [nodes[edge["source"]], nodes[edge["target"]]]
    return (
        (not wanted.left_host or edge["left_host"] in wanted.left_host)
        and (wanted.min_bytes is None or edge["wire_bytes"] >= wanted.min_bytes)
        and (wanted.vm is None or any(_is_called(node, wanted.vm) for node in ends))
        and (wanted.segment is None or any(wanted.segment in node["segments"] for node in ends))
        and (wanted.service is None or _has_service(edge, wanted.service))
    )


def _is_called(node: Row, text: str) -> bool:
    names = [
        node["id"],
        node["label"],
        *node["ips"],
        *node["macs"],
        *(name["name"] for name in node["names"]),
    ]
    return text.strip().casefold() in (name.casefold() for name in names)


def _has_service(edge: Row, service: str) -> bool:
    protocol, port, name = service_parts(service)
    return any(
        (name is None or name in ((row["application"] or "").lower(), row["protocol"]))
        and (protocol is None or row["protocol"] == protocol)
        and (port is None or row["port"] == port)
        for row in edge["services"]
    )


def _edges_within(edges: Iterable[Row], rows: Iterable[RangeRow]) -> Iterable[Row]:
    """Edges with the sums of a time range; verdicts stay those of the whole interval, and split its bytes alike.

    Of a conversation that stayed, left and turned back by turns it is not known which buckets were the hairpin: its
    bytes count as left, and in no ``hairpin_bytes``.
    """
    by_pair: dict[tuple[str, str], list[RangeRow]] = defaultdict(list)
    for row in rows:
        by_pair[row.source, row.target].append(row)
    for edge in edges:
        found = by_pair.get((edge["source"], edge["target"]))
        if not found:
            continue
        splits = [_split(row) for row in found]
        services: dict[tuple[str, int | None, str | None], int] = defaultdict(int)
        for row in found:
            services[row.protocol, row.port, row.application] += row.wire_bytes
        size, sent = sum(row.wire_bytes for row in found), sum(row.sent_bytes for row in found)
        if edge["source"] == edge["target"]:
            sent = size
        from_target = sum(row.initiator == edge["target"] != edge["source"] for row in found)
        yield edge | {
            "conversations": len(found),
            "conversations_from_target": from_target,
            "wire_bytes": size,
            "payload_bytes": sum(row.payload_bytes for row in found),
            "source_to_target_bytes": sent,
            "target_to_source_bytes": size - sent,
            "packets": sum(row.packets for row in found),
            "services": [
                {"protocol": protocol, "port": port, "application": application, "wire_bytes": service_bytes}
                for (protocol, port, application), service_bytes in sorted(services.items(), key=lambda item: -item[1])
            ],
            "stayed_bytes": sum(split[0] for split in splits),
            "left_bytes": sum(split[1] for split in splits),
            "undetermined_bytes": sum(split[2] for split in splits),
            "hairpin_bytes": sum(split[1] for row, split in zip(found, splits, strict=True) if row.verdict in HAIRPINS),
        }


def _split(row: RangeRow) -> tuple[int, int, int]:
    """Stayed, left and undetermined bytes of the range, in the proportions of the whole conversation."""
    if not row.whole_bytes:
        return 0, 0, row.wire_bytes
    stayed = row.wire_bytes * row.stayed_bytes // row.whole_bytes
    left = row.wire_bytes * row.left_bytes // row.whole_bytes
    rest = row.wire_bytes - stayed - left
    if row.stayed_bytes + row.left_bytes == row.whole_bytes:  # nothing is undetermined: the rounding is no exception
        return (stayed + rest, left, 0) if row.stayed_bytes >= row.left_bytes else (stayed, left + rest, 0)
    return stayed, left, rest
