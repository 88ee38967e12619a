"""What the captures could not see: the first thing to read, because every figure after it rests on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flowmap.report.content import Block, Paragraph, Section, Table
from flowmap.report.source import ROWS_SHOWN, Row, Source
from flowmap.report.wording import count, cut, listed, percent, plural, share, short_name, size, utc

NOTED_SHARE = 0.1
"""Share of one-way conversations from which a point is named; single ones are in its row of the table."""

SETTLERS_SHOWN = 20
NOTES_SHOWN = 50


def unseen(source: Source) -> Section:
    """Points, gaps, notes, and what is undetermined and why."""
    blocks: list[Block] = [
        Paragraph(
            "A verdict is as good as the captures behind it. This section says where they ended. Silence at a place "
            "that was not captured proves nothing, and what was not decided is counted as undetermined, never as "
            "stayed."
        ),
        *_gaps(source),
        _points(source.graph["points"]),
        *_undetermined(source),
        *_notes(source.graph["warnings"]),
    ]
    return Section("unseen", "What the captures could not see", tuple(blocks))


def _gaps(source: Source) -> list[Block]:
    """What was looked for: findings as a table, the rest in one sentence, so that its absence is said too."""
    points = source.graph["points"]
    rows: list[tuple[str, str]] = [
        *_host_gaps(source),
        ("Points whose host is not known", _named(points, lambda point: point["host"] is None)),
        ("Points of unknown role", _named(points, lambda point: point["role"] == "unknown")),
        ("Points whose role or host is only inferred", _named(points, lambda point: "inferred" in point["how"])),
        (
            f"Points where over {NOTED_SHARE:.0%} of the TCP conversations were seen in one direction only",
            _named(points, lambda point: (point["one_way_share"] or 0) > NOTED_SHARE),
        ),
        ("Sampled points", _named(points, lambda point: point["sampled"] > 1)),
        ("Points with packets cut short", _named(points, lambda point: point["truncated_share"])),
        ("Points that dropped packets", _named(points, lambda point: point["dropped_packets"])),
        ("Points that do not tell what they dropped", _named(points, lambda point: point["dropped_packets"] is None)),
        (
            "Captures that ended early",
            listed([capture["file"] for capture in source.graph["captures"] if not capture["complete"]]),
        ),
        ("Numbers that are estimates", listed(source.graph["estimated"])),
        *_left_out(source),
    ]
    found = tuple(row for row in rows if row[1])
    missing = "; ".join(what[0].lower() + what[1:] for what, names in rows if not names and what != "Uplinks")
    blocks: list[Block] = [Table("Gaps", ("What", "Found"), found)] if found else []
    return [*blocks, Paragraph(f"Looked for and not found: {missing}.")] if missing else blocks


def _named(points: Iterable[Row], is_meant: Callable[[Row], object]) -> str:
    return listed([point["id"] for point in points if is_meant(point)])


def _host_gaps(source: Source) -> list[tuple[str, str]]:
    """Hosts and uplinks that no capture point stands for."""
    points, hosts = source.graph["points"], source.graph["hosts"]
    captured = {point["host"] for point in points if point["host"]}
    uplinks = {(point["host"], point["interface"]) for point in points if point["role"] == "uplink"}
    with_uplink = {host for host, _ in uplinks}
    without = [row for row in hosts if row["host"] not in captured]
    seen = [row for row in hosts if row["host"] in captured]
    missing = [
        f"{uplink} of {row['host']}"
        for row in seen
        for uplink in row["uplinks"]
        if (row["host"], uplink) not in uplinks
    ]
    nowhere = [
        source.name(key) for key, node in source.nodes.items() if not node["host"] and node["kind"] in ("vm", "unknown")
    ]
    return [
        ("Uplinks", "" if uplinks else "no capture point of this map is one"),
        (
            "Hosts with traffic here and no capture point",
            listed([f"{row['host']} ({size(row['wire_bytes'])})" for row in without if row["wire_bytes"]]),
        ),
        (
            "Hosts that are named in the points file or the inventory only",
            listed([row["host"] for row in without if not row["wire_bytes"]]),
        ),
        (
            "Captured hosts without any uplink captured",
            listed([row["host"] for row in seen if row["host"] not in with_uplink]),
        ),
        ("Known uplinks that were not captured", listed(missing)),
        (
            "Captured hosts whose uplinks are not known to be complete",
            listed([row["host"] for row in seen if not row["uplinks_complete"]]),
        ),
        ("VMs and unknown machines without a host", listed(nowhere)),
    ]


def _left_out(source: Source) -> list[tuple[str, str]]:
    """Packets and bytes that stand in no figure."""
    totals = source.graph["totals"]
    skipped = [f"{reason}: {count(number)}" for reason, number in totals["skipped"].items() if number]
    apart = totals["unique_bytes"] - source.all_bytes
    return [
        ("Packets without IP, in no figure", _some(totals["non_ip_packets"])),
        ("Packets skipped, in no figure", listed(skipped)),
        (
            "Broadcast, multicast and conversations beyond a table's limit, in no figure",
            size(apart) if apart else "",
        ),
        ("Mirror copies of packets, counted once", _some(totals["duplicate_packets"])),
    ]


def _some(number: int) -> str:
    return count(number) if number else ""


def _points(points: list[Row]) -> Table:
    columns = ("Point", "Role", "Host", "Known from", "First packet (UTC)", "Last packet (UTC)", "Packets",
               "Copies per packet", "One-way", "Cut", "Dropped")  # fmt: skip
    rows = tuple(
        (
            short_name(point["id"]), point["role"], short_name(point["host"] or "not known"), cut(point["how"]),
            utc(point["first_seen_ns"]), utc(point["last_seen_ns"]), count(point["packets"]),
            "–" if point["copies_per_packet"] is None else f"{point['copies_per_packet']:.2f}",
            share(point["one_way_share"]), share(point["truncated_share"]),
            "not told" if point["dropped_packets"] is None else count(point["dropped_packets"]),
        )
        for point in points[:ROWS_SHOWN]
    )  # fmt: skip
    rest = points[ROWS_SHOWN:]
    note = (
        f"Not listed: {len(rest):,} more points with {sum(point['packets'] for point in rest):,} packets."
        if rest
        else ""
    )
    return Table("Capture points", columns, rows, (6, 7, 8, 9, 10), note)


@dataclass
class _Reason:
    """Undetermined bytes of one rule; ``texts`` are what it said, by bytes."""

    pairs: int = 0
    wire_bytes: int = 0
    texts: Counter[str] = field(default_factory=Counter)


def _undetermined(source: Source) -> list[Block]:
    """Why bytes are undetermined, by the first row of evidence against, and what would settle most of them."""
    total = sum(edge["undetermined_bytes"] for edge in source.edges)
    if not total:
        return [Paragraph("No byte between two endpoints is undetermined.")]
    reasons: dict[str, _Reason] = {}
    settlers: dict[str, _Reason] = {}
    for edge in source.ranked("undetermined_bytes"):
        against = next((row for row in edge["evidence"] if not row["supports"]), None)
        rule, text = (against["rule"], against["text"]) if against else ("none", "No reason is recorded.")
        for key, table in ((rule, reasons), *((text, settlers) for text in edge["would_settle"])):
            reason = table.setdefault(key, _Reason())
            reason.pairs += 1
            reason.wire_bytes += edge["undetermined_bytes"]
            reason.texts[text] += edge["undetermined_bytes"]
    return [
        Table(
            "Undetermined bytes by reason",
            ("Reason", "Rule", "Pairs", "Bytes", "Of all undetermined"),
            tuple(
                (_said(reason), rule, count(reason.pairs), count(reason.wire_bytes), percent(reason.wire_bytes, total))
                for rule, reason in _by_bytes(reasons)
            ),
            (2, 3, 4),
        ),
        Table(
            "What would settle it",
            ("Capture or inventory", "Pairs", "Bytes", "Of all undetermined"),
            tuple(
                (cut(text), count(found.pairs), count(found.wire_bytes), percent(found.wire_bytes, total))
                for text, found in _by_bytes(settlers)[:SETTLERS_SHOWN]
            ),
            (1, 2, 3),
            "A pair may need several of these, so the rows do not add up.",
        ),
    ]  # fmt: skip


def _by_bytes(table: dict[str, _Reason]) -> list[tuple[str, _Reason]]:
    return sorted(table.items(), key=lambda item: (-item[1].wire_bytes, item[0]))


def _said(reason: _Reason) -> str:
    (first, _), *others = reason.texts.most_common()
    text = cut(first)
    return f"{text} And {plural(len(others), 'similar reason')}." if others else text


def _notes(warnings: list[Row]) -> list[Block]:
    """What the analysis itself noted; contradictions of the inventory have a section of their own."""
    rows = [row for row in warnings if row["code"] != "inventory_conflict"]
    if not rows:
        return []
    rest = len(rows) - NOTES_SHOWN
    return [
        Table(
            "Notes of the analysis", ("Note", "Times"),
            tuple((cut(row["text"]), count(row["count"])) for row in rows[:NOTES_SHOWN]), (1,),
            f"Not listed: {rest:,} more notes, which are in the graph document." if rest > 0 else "",
        )
    ]  # fmt: skip
