"""What the document says of a map as a whole: totals, captures, capture points and warnings (DESIGN section 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowmap.capture import CaptureInfo, Outcome
from flowmap.capture.points import CapturePoint, HostStatement
from flowmap.identity.endpoint import Endpoint
from flowmap.identity.moves import REPEATED_NS, Movements
from flowmap.inventory import HostRecord, Inventory, LearnedMac, MirrorSession, VnicRecord
from flowmap.legs import LegSet, PointStatistics
from flowmap.packets import NO_TIME, TCP
from flowmap.twins import Flows

SCHEMA = "flowmap-graph/1"

NEIGHBORS_SHOWN = 32
"""Neighbours of one capture point in the document: whoever floods a wire with LLDP shall not flood the page."""


def document_facts(
    legs: LegSet,
    flows: Flows,
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
        rows.append({"code": "legs_full", "text": _others_text(legs, len(flows)), "count": legs.others.packets})
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
        "points": _points(legs, flows, points),
        "warnings": rows,
    }


def host_facts(
    points: Sequence[CapturePoint], stated: Mapping[str, HostStatement], inventory: Inventory
) -> dict[str, dict[str, Any]]:
    """Every host that points, statements or the inventory name, with what is said of its uplinks and its cluster."""
    names = [*(point.host for point in points if point.host), *stated, *inventory.hosts()]
    nothing = HostStatement()
    return {
        name: {
            "uplinks": list(said.uplinks),
            "uplinks_complete": said.uplinks_complete,
            "cluster": inventory.clusters.get(inventory.host_named(name) or name),
        }
        for name in dict.fromkeys(names)
        for said in (stated.get(name, nothing),)
    }


def inventory_files(inventory: Inventory) -> list[dict[str, Any]]:
    """The inventory files behind the joined rows, in order of appearance; of several times the earliest."""
    files: dict[str, dict[str, Any]] = {}
    rows: list[VnicRecord | HostRecord | LearnedMac | MirrorSession] = [*inventory.records, *inventory.hypervisors]
    for row in [*rows, *inventory.learned, *inventory.mirrors]:
        file = files.setdefault(
            row.source, {"file": row.source, "format": row.format, "rows": 0, "observed_at_ns": None,
                         "observed_how": None},
        )  # fmt: skip
        file["rows"] += 1
        at_ns = row.observed_at_ns
        if at_ns is not None and (file["observed_at_ns"] is None or at_ns < file["observed_at_ns"]):
            file["observed_at_ns"], file["observed_how"] = at_ns, row.observed_how
    return list(files.values())


def move_facts(movements: Movements, endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """The moves of endpoints, the earliest first; the MACs of one VM move together, which is one move."""
    moves: list[dict[str, Any]] = []
    for endpoint in endpoints:
        own = [move for mac in endpoint.macs & movements.moves.keys() for move in movements.moves[mac]]
        last: dict[tuple[str | None, str | None], int] = {}
        for move in sorted(own, key=lambda move: move.time_ns):
            way = (move.from_host, move.to_host)
            if way not in last or move.time_ns > last[way] + REPEATED_NS:
                moves.append(
                    {"node": endpoint.id, "from_host": move.from_host, "to_host": move.to_host,
                     "time_ns": move.time_ns, "how": move.how}
                )  # fmt: skip
            last[way] = move.time_ns
    return sorted(moves, key=lambda row: (row["time_ns"], row["node"]))


def _others_text(legs: LegSet, kept: int) -> str:
    """Why packets stand in group:others, and which setting would keep them apart."""
    others = legs.others
    if not others.conversations:
        return "The leg table is full: further conversations are summed in group:others (FLOWMAP_MAX_LEGS)."
    if not others.late_packets:
        return (
            f"Only the {kept:,} conversations with most bytes are kept apart; {others.conversations:,} others are "
            "summed in group:others (FLOWMAP_MAX_CONVERSATIONS)."
        )
    return (
        f"The leg table is full: {others.late_packets:,} packets of further conversations are summed in group:others "
        f"(FLOWMAP_MAX_LEGS). Of those in the table only the {kept:,} with most bytes are kept apart; "
        f"{others.conversations:,} others are summed there, too (FLOWMAP_MAX_CONVERSATIONS)."
    )


def _time(time_ns: int) -> int | None:
    return None if time_ns == NO_TIME else time_ns


@dataclass(slots=True)
class _Counts:
    """Sums over the legs of one capture point, and its TCP conversations."""

    packets: int = 0
    copies: int = 0
    conversations: int = 0
    one_way: int = 0


def _points(legs: LegSet, flows: Flows, points: Sequence[CapturePoint]) -> list[dict[str, Any]]:
    """The health of each capture point: what the headline rests on."""
    counts = [_Counts() for _ in points]
    for leg in legs.legs:
        count = counts[leg.key.point]
        count.packets += leg.packets
        count.copies += leg.duplicate_packets
    for five_tuple, (forward, backward) in flows.items():
        if five_tuple.protocol == TCP:
            there, back = ({legs.legs[index].key.point for index in indices} for indices in (forward, backward))
            for point in there | back:
                counts[point].conversations += 1
            for point in there ^ back:
                counts[point].one_way += 1
    return [
        _point(point, count, legs.points.get(number, PointStatistics())) | _known(point)
        for number, (point, count) in enumerate(zip(points, counts, strict=True))
    ]


def _point(point: CapturePoint, count: _Counts, seen: PointStatistics) -> dict[str, Any]:
    return {
        "id": point.id,
        "file": point.key.file,
        "interface": point.interface,
        "role": point.role,
        "host": point.host,
        "how": point.how,
        "packets": seen.packets,
        "copies_per_packet": round((count.packets + count.copies) / count.packets, 3) if count.packets else None,
        "one_way_share": round(count.one_way / count.conversations, 4) if count.conversations else None,
        "truncated_share": round(seen.truncated_packets / seen.packets, 4) if seen.packets else None,
        "sampled": point.sampled,
        "dropped_packets": point.dropped_packets,
        "first_seen_ns": _time(seen.first_seen_ns),
        "last_seen_ns": _time(seen.last_seen_ns),
    }


def _known(point: CapturePoint) -> dict[str, Any]:
    """What else is known of a point, and what a statement about it has to name."""
    key = point.key
    return {
        "interface_id": key.interface_id,
        "ifindex": key.cooked_index if key.cooked_index >= 0 else None,
        "session": key.mirror,
        "role_how": point.role_how,
        "host_how": point.host_how,
        "covers": point.covers,
        "neighbors": [
            {"name": one.system_name, "port": one.port, "platform": one.platform, "protocol": one.protocol,
             "frame": one.frame_number}
            for one in point.neighbors[:NEIGHBORS_SHOWN]
        ],
    }  # fmt: skip
