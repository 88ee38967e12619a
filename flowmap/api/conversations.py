"""Questions to a result's conversations: pages of them, the timeline, and what a time range holds."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from flowmap.api.problems import Problem
from flowmap.api.results import slice_ns, with_view_times
from flowmap.packets import NO_TIME

WORDS = ("stayed", "left", "hairpin", "mixed", "undetermined", "group")
"""Series of the timeline, each byte in one: ``left`` is without its hairpins; ``group`` is multicast and broadcast, of
which no verdict speaks."""

HAIRPINS = ("hairpin_routed", "hairpin_reflected")
_LANE = (
    f"CASE WHEN left_host = 'left' AND json_extract(row, '$.verdict') IN {HAIRPINS} THEN 'hairpin'"
    " ELSE COALESCE(left_host, 'group') END"
)

ROUNDING_NS = 2_000
"""How far from the border of a bucket a time of a view counts as the border: addresses hold whole microseconds."""

MAX_BUCKET = (1 << 63) - 1
_CURSOR = re.compile(r"\d{1,18}-\d{1,18}", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)


class Where(NamedTuple):
    """A condition on ``conversations`` with its parameters."""

    text: str = "1"
    values: tuple[Any, ...] = ()

    def also(self, text: str, *values: Any) -> Where:
        """Both conditions."""
        return Where(f"{self.text} AND {text}", (*self.values, *values))


def condition(
    pair: tuple[str, str] | None = None,
    left_host: Sequence[str] = (),
    service: str | None = None,
    node: str | None = None,
) -> Where:
    """The conversations of a pair (any order), with one of the words, of a service (see :func:`service_parts`), of a
    node."""
    where = Where()
    if node:
        where = where.also("(source = ? OR target = ?)", node, node)
    if pair:
        where = where.also("((source = ? AND target = ?) OR (source = ? AND target = ?))", *pair, *reversed(pair))
    if left_host:
        where = where.also(f"left_host IN ({', '.join('?' * len(left_host))})", *left_host)
    if service:
        protocol, port, application = service_parts(service)
        if application:
            where = where.also("(application = ? OR protocol = ?)", application, application)
        if protocol:
            where = where.also("protocol = ?", protocol)
        if port is not None:
            where = where.also("port = ?", port)
    return where


def service_parts(service: str) -> tuple[str | None, int | None, str | None]:
    """``443``, ``tcp/443`` or a name (application or protocol) as (protocol, port, name)."""
    protocol, _, port = service.strip().lower().rpartition("/")
    if _PORT.fullmatch(port):
        return protocol or None, int(port), None
    return None, None, service.strip().lower()


def page(
    database: sqlite3.Connection, t0_ns: int | None, where: Where, limit: int, cursor: str | None = None
) -> dict[str, Any]:
    """``{"total", "conversations", "next_cursor"}``, most bytes first."""
    total = database.execute(f"SELECT COUNT(*) FROM conversations WHERE {where.text}", where.values).fetchone()[0]
    rest = where
    if cursor:
        if not _CURSOR.fullmatch(cursor):
            raise Problem(422, "The cursor is not one that this server gave; ask for the first page again.")
        size, number = map(int, cursor.split("-"))
        rest = where.also("(wire_bytes < ? OR (wire_bytes = ? AND id > ?))", size, size, number)
    rows = database.execute(
        f"SELECT row FROM conversations WHERE {rest.text} ORDER BY wire_bytes DESC, id LIMIT ?",
        (*rest.values, limit + 1),
    ).fetchall()
    shown = [with_view_times(json.loads(row), t0_ns) for (row,) in rows[:limit]]
    more = len(rows) > limit
    return {
        "total": total,
        "conversations": shown,
        "next_cursor": f"{shown[-1]['wire_bytes']}-{shown[-1]['id']}" if more else None,
    }


def timeline(
    database: sqlite3.Connection, span_ns: tuple[int | None, int | None], where: Where, buckets: int
) -> dict[str, Any]:
    """Bytes per word and bucket, at most ``buckets``: ``{"bucket_ms", "start_ms", "series", "untimed_bytes"}``.

    The buckets are those of the whole captures, ``span_ns`` from their first packet to their last, whatever
    conversations are asked for: series can be laid over each other, and silence at either end is seen.
    """
    width, (t0_ns, end_ns) = slice_ns(database), span_ns
    first, last = database.execute(
        "SELECT MIN(bucket), MAX(bucket) FROM slices WHERE bucket > ?", (NO_TIME,)
    ).fetchone()
    timed = first is not None
    if timed and t0_ns is not None and end_ns is not None:
        first, last = min(first, t0_ns // width), max(last, end_ns // width)
    rows = database.execute(
        f"WITH lanes AS MATERIALIZED (SELECT id, {_LANE} AS lane FROM conversations WHERE {where.text})"
        " SELECT s.bucket, lanes.lane, SUM(s.wire_bytes) FROM slices s JOIN lanes ON lanes.id = s.conversation"
        " GROUP BY 1, 2",
        where.values,
    ).fetchall()
    span = last - first + 1 if timed else 0
    merged = max(1, -(-span // buckets))
    series = {word: [0] * -(-span // merged) for word in WORDS}
    untimed = 0
    for bucket, word, size in rows:
        if bucket == NO_TIME:
            untimed += size
        else:
            series[word][(bucket - first) // merged] += size
    return {
        "bucket_ms": width * merged / 1e6,
        "start_ms": (first * width - (t0_ns or 0)) / 1e6 if timed else 0.0,
        "series": series,
        "untimed_bytes": untimed,
    }


class RangeRow(NamedTuple):
    """What one conversation sent within a time range; ``sent`` is from the edge's source."""

    id: int
    source: str
    target: str
    initiator: str
    verdict: str
    protocol: str
    port: int | None
    application: str | None
    sent_bytes: int
    wire_bytes: int
    payload_bytes: int
    packets: int
    whole_bytes: int
    stayed_bytes: int
    left_bytes: int


class Within(NamedTuple):
    """The conversations of a time range, and the whole buckets that it is (None where it has no end)."""

    rows: list[RangeRow]
    from_ns: int | None
    to_ns: int | None


def within(database: sqlite3.Connection, t0_ns: int, from_ms: float | None, to_ms: float | None) -> Within:
    """The conversations with packets in whole buckets that touch the range; its end does not belong to it."""
    width = slice_ns(database)
    low, high = NO_TIME + 1, MAX_BUCKET
    if from_ms is not None:
        low = _bucket(t0_ns + int(from_ms * 1e6) + ROUNDING_NS, width)
    if to_ms is not None:
        high = max(_bucket(t0_ns + int(to_ms * 1e6) - ROUNDING_NS, width), low)
    rows = database.execute(
        "SELECT c.id, c.source, c.target, json_extract(c.row, '$.initiator.node'), json_extract(c.row, '$.verdict'),"
        " c.protocol, c.port, c.application,"
        " SUM(s.wire_bytes * s.from_source), SUM(s.wire_bytes), SUM(s.payload_bytes), SUM(s.packets),"
        " c.wire_bytes, c.stayed_bytes, c.left_bytes"
        " FROM slices s JOIN conversations c ON c.id = s.conversation WHERE s.bucket BETWEEN ? AND ? GROUP BY c.id",
        (low, high),
    )
    return Within(
        [RangeRow(*row) for row in rows],
        None if from_ms is None else _time(low * width),
        None if to_ms is None else _time((high + 1) * width),
    )


def _bucket(time_ns: int, width: int) -> int:
    return min(max(time_ns // width, NO_TIME + 1), MAX_BUCKET)


def _time(time_ns: int) -> int:
    """A time that the document can hold."""
    return min(max(time_ns, 0), MAX_BUCKET)
