"""The graph document (DESIGN section 5) indexed for the sections, and how pairs, services and proofs are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, TypeAlias

from flowmap.report.wording import cut, short_name

Row: TypeAlias = Mapping[str, Any]

ROWS_SHOWN = 100
"""Rows of a table; what is left out is said with its number and bytes."""

FLOOD_RULE = "sighting-3"
"""The rule whose evidence says that copies were flooded to the uplink (reference 4.3, row 3)."""

SERVICES_SHOWN = 3
PLACES_SHOWN = 4


class Source:
    """A document; ``edges`` are its pairs, most bytes first, without floods (they are no pair's traffic)."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.graph: Row = document["graph"]
        self.nodes: dict[str, Row] = {node["id"]: node for node in document["nodes"]}
        every = sorted(document["edges"], key=lambda edge: (-edge["wire_bytes"], edge["source"], edge["target"]))
        self.edges: list[Row] = [edge for edge in every if edge["left_host"] is not None]
        self._labels = Counter(node["label"] for node in document["nodes"])

    @property
    def shares(self) -> Mapping[str, int]:
        """The figures of the whole map in bytes."""
        shares: Mapping[str, int] = self.graph["shares"]
        return shares

    @property
    def all_bytes(self) -> int:
        """The whole of the figures: all bytes between two endpoints, counted once."""
        return sum(self.shares[f"{word}_bytes"] for word in ("stayed", "left", "undetermined"))

    def ranked(self, field: str) -> list[Row]:
        """The pairs in which a field of bytes is not 0, largest first."""
        return sorted((edge for edge in self.edges if edge[field]), key=lambda edge: -edge[field])

    def name(self, node: str) -> str:
        """An endpoint's label; with its id where two endpoints go by one label."""
        label = self.nodes[node]["label"]
        return short_name(label) if self._labels[label] == 1 else f"{short_name(label)} ({short_name(node)})"

    def pair(self, edge: Row) -> str:
        """Both ends of a pair, the initiating one first."""
        return f"{self.name(edge['source'])} → {self.name(edge['target'])}"

    def hosts_of(self, edge: Row) -> str:
        """The host of a pair, or both."""
        names = [self.nodes[edge[end]]["host"] or "not known" for end in ("source", "target")]
        return " / ".join(short_name(name) for name in dict.fromkeys(names))


def service_name(service: Row) -> str:
    """``https tcp/443`` or ``icmp``."""
    port = f"{service['protocol']}/{service['port']}" if service["port"] is not None else service["protocol"]
    return f"{short_name(service['application'])} {port}" if service["application"] else port


def services_of(edge: Row) -> str:
    """The largest services of a pair."""
    rows = edge["services"]
    more = f" and {len(rows) - SERVICES_SHOWN} more" if len(rows) > SERVICES_SHOWN else ""
    return ", ".join(service_name(row) for row in rows[:SERVICES_SHOWN]) + more


def proof(evidence: Row) -> str:
    """One piece of evidence in one line: what it says, its rule, and where to look it up."""
    places = [
        f"{short_name(point)} frame {frame}" if frame else short_name(point)
        for point, frame in zip_longest(evidence["points"], evidence["frames"][: len(evidence["points"])])
    ]
    more = f" and {len(places) - PLACES_SHOWN} more" if len(places) > PLACES_SHOWN else ""
    where = f" Seen at {', '.join(places[:PLACES_SHOWN])}{more}." if places else ""
    return f"{cut(evidence['text'])}{where} ({evidence['rule']})"


def first_proof(edge: Row) -> str:
    """The first evidence for a pair's verdict; where it was not seen; floods; and the first doubt where not proven."""
    rows = edge["evidence"]
    found = next((row for row in rows if row["supports"]), None)
    if found is None:
        return "No evidence is recorded."
    absent = next((row for row in rows if row["supports"] and row["rule"] == found["rule"] and not row["frames"]), None)
    doubt = next((row for row in rows if not row["supports"]), None) if edge["grade"] != "proven" else None
    flooded = next((row for row in rows if row["supports"] and row["rule"] == FLOOD_RULE), None)
    parts = [proof(found)]
    parts += [cut(row["text"]) for row in (absent, flooded) if row is not None and row is not found]
    if doubt is not None:
        parts.append(f"But: {cut(doubt['text'])}")
    return " ".join(parts)


def left_out(rows: Iterable[Row], field: str, what: str) -> str:
    """What stands behind the last row of a cut table."""
    rest = list(rows)[ROWS_SHOWN:]
    if not rest:
        return ""
    return f"Not listed: {len(rest):,} more {what} with {sum(row[field] for row in rest):,} bytes."
