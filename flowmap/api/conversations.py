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

WORDS = ("stayed", "left", "mixed", "undetermined", "group")
"""Series of the timeline; ``group`` is multicast and broadcast, of which no verdict speaks."""

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


def condition(pair: tuple[str, str] | None = None, left_host: Sequence[str] = (), service: str | None = None) -> Where:
    """The conversations of a pair (any order), with one of the words, of a service (see :func:`service_parts`)."""
    where = Where()
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


def timeline(database: sqlite3.Connection, t0_ns: int | None, where: Where, buckets: int) -> dict[str, Any]:
    """Bytes per word and bucket, at most ``buckets``: ``{"bucket_ms", "start_ms", "series", "untimed_bytes"}``."""
    width = slice_ns(database)
    rows = database.execute(
        "SELECT s.bucket, COALESCE(c.left_host, 'group'), SUM(s.wire_bytes) FROM slices s"
        f" JOIN conversations c ON c.id = s.conversation WHERE {where.text} GROUP BY 1, 2",
        where.values,
    ).fetchall()
    untimed = sum(size for bucket, _, size in rows if bucket == NO_TIME)
    timed = [row for row in rows if row[0] != NO_TIME]
    first, last = min((row[0] for row in timed), default=0), max((row[0] for row in timed), default=-1)
    merged = max(1, -(-(last - first + 1) // buckets))
    length = -(-(last - first + 1) // merged)
    series = {word: [0] * length for word in WORDS}
    for bucket, word, size in timed:
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


def within(database: sqlite3.Connection, t0_ns: int, from_ms: float | None, to_ms: float | None) -> list[RangeRow]:
    """The conversations with packets in whole buckets that touch the range."""
    width = slice_ns(database)
    low, high = (
        at if value is None else min(max((t0_ns + int(value * 1e6)) // width, NO_TIME + 1), MAX_BUCKET)
        for value, at in ((from_ms, NO_TIME + 1), (to_ms, MAX_BUCKET))
    )
    rows = database.execute(
        "SELECT c.id, c.source, c.target, json_extract(c.row, '$.initiator.node'), c.protocol, c.port, c.application,"
        " SUM(s.wire_bytes * s.from_source), SUM(s.wire_bytes), SUM(s.payload_bytes), SUM(s.packets),"
        " c.wire_bytes, c.stayed_bytes, c.left_bytes"
        " FROM slices s JOIN conversations c ON c.id = s.conversation WHERE s.bucket BETWEEN ? AND ? GROUP BY c.id",
        (low, high),
    )
    return [RangeRow(*row) for row in rows]
