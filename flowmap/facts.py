"""What the document says of a map as a whole: totals, captures, capture points and warnings (DESIGN section 5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flowmap.capture import CaptureInfo, Outcome
from flowmap.capture.points import CapturePoint
from flowmap.legs import FiveTuple, Leg, LegSet, PointStatistics
from flowmap.packets import NO_TIME, TCP

SCHEMA = "flowmap-graph/1"


def document_facts(
    legs: LegSet,
    captures: Sequence[tuple[CaptureInfo, Outcome]],
    points: Sequence[CapturePoint],
    name: str,
    warnings: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """The ``graph`` object, without what only the graph knows (shares, unique_bytes, conversations)."""
    skipped: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for info, outcome in captures:
        skipped.update(outcome.skipped)
        rows += [{"code": notice.code, "text": f"{info.file}: {notice.text}", "count": notice.count}
                 for notice in outcome.notices]  # fmt: skip
        if outcome.damage:
            rows.append({"code": "incomplete", "text": outcome.damage, "count": 1})
    if legs.others.packets:
        text = "The leg table is full: further conversations are summed in group:others."
        rows.append({"code": "legs_full", "text": text, "count": legs.others.packets})
    codes = Counter(warnings)
    rows += [{"code": code, "text": text, "count": count} for (code, text), count in codes.items()]
    return {
        "schema": SCHEMA,
        "complete": all(outcome.complete for _, outcome in captures),
        "name": name,
        "estimated": legs.estimated,
        "totals": {
            "packets": legs.packets,
            "frame_bytes": legs.frame_bytes,
            "wire_bytes": legs.wire_bytes,
            "captured_bytes": legs.captured_bytes,
            "five_tuples": legs.five_tuples,
            "first_seen_ns": _time(legs.first_seen_ns),
            "last_seen_ns": _time(legs.last_seen_ns),
            "duplicate_packets": legs.duplicate_packets,
            "non_ip_packets": legs.no_ip_packets - sum(skipped.values()),
            "skipped": dict(sorted(skipped.items())),
        },
        "captures": [
            {
                "file": info.file,
                "size_bytes": info.size_bytes,
                "sha256": info.sha256,
                "format": info.format,
                "reader": info.reader,
                "packets": outcome.packets,
                "complete": outcome.complete,
                "warnings": [{"code": n.code, "text": n.text, "count": n.count} for n in outcome.notices],
            }
            for info, outcome in captures
        ],
        "points": _points(legs, points),
        "warnings": rows,
    }


def _time(time_ns: int) -> int | None:
    return None if time_ns == NO_TIME else time_ns


def _points(legs: LegSet, points: Sequence[CapturePoint]) -> list[dict[str, Any]]:
    """The health of each capture point: what the headline rests on."""
    at_point: dict[int, list[Leg]] = defaultdict(list)
    for leg in legs.legs:
        at_point[leg.key.point].append(leg)
    return [
        _point(point, at_point.get(number, []), legs.points.get(number, PointStatistics()))
        for number, point in enumerate(points)
    ]


def _point(point: CapturePoint, legs: Sequence[Leg], seen: PointStatistics) -> dict[str, Any]:
    packets = sum(leg.packets for leg in legs)
    copies = sum(leg.duplicate_packets for leg in legs)
    return {
        "id": point.id,
        "file": point.key.file,
        "interface": point.interface,
        "role": point.role,
        "host": point.host,
        "how": point.how,
        "packets": seen.packets,
        "copies_per_packet": round((packets + copies) / packets, 3) if packets else None,
        "one_way_share": _one_way_share(legs),
        "truncated_share": round(seen.truncated_packets / seen.packets, 4) if seen.packets else None,
        "dropped_packets": point.dropped_packets,
        "first_seen_ns": _time(seen.first_seen_ns),
        "last_seen_ns": _time(seen.last_seen_ns),
    }


def _one_way_share(legs: Sequence[Leg]) -> float | None:
    """Share of the TCP conversations at a point of which only one direction was seen there."""
    directions: Mapping[FiveTuple, set[bool]] = defaultdict(set)
    for leg in legs:
        if leg.key.five_tuple.protocol == TCP:
            directions[leg.key.five_tuple].add(leg.key.forward)
    return round(sum(len(both) == 1 for both in directions.values()) / len(directions), 4) if directions else None
