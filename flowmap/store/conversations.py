"""Questions to the conversations of a result: pages of them, and traffic over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from flowmap.errors import UsageError
from flowmap.export.safe_text import escape, unescape
from flowmap.store.opened import OpenResult

LANES = ("stayed", "left", "hairpin", "mixed", "undetermined", "group")
"""Series of the timeline, each byte in one: ``left`` is without its hairpins; ``group`` is multicast and broadcast, of
which no verdict speaks."""

_CURSOR = re.compile(r"\d{1,18}-\d{1,9}", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_TEXTS = ("source", "target", "application", "domain", "initiator", "responder")
_COLUMNS = (
    "id", "source", "target", "protocol", "initiator", "initiator_ip", "initiator_port", "responder", "responder_ip",
    "responder_port", "application", "domain", "connections", "wire_bytes", "payload_bytes", "sent_bytes",
    "received_bytes", "packets", "first_seen_ns", "last_seen_ns", "verdict", "left_host", "grade",
)  # fmt: skip


class Where(NamedTuple):
    """A condition with the values of its parameters. Its text is made of parts that stand in the program."""

    text: str
    values: dict[str, Any]

    def also(self, text: str, **values: Any) -> Where:
        """Both conditions."""
        return Where(f"{self.text} AND {text}", {**self.values, **values})


EVERY = Where("true", {})
_OF_PAIR = "((source = $one AND target = $other) OR (source = $other AND target = $one))"


def condition(pair: tuple[str, str] | None = None, left_host: Sequence[str] = (), service: str | None = None) -> Where:
    """The conversations of a pair (any order), with one of the words, of a service (see :func:`service_parts`)."""
    where = EVERY
    if pair:
        where = where.also(
            f"pair IN (SELECT number FROM read_parquet($edges) WHERE {_OF_PAIR})",
            one=escape(pair[0]), other=escape(pair[1]),
        )  # fmt: skip
    if left_host:
        where = where.also("list_contains($words, left_host)", words=list(left_host))
    if service:
        protocol, port, name = service_parts(service)
        if name:
            where = where.also("(application = $name OR protocol = $name)", name=escape(name))
        if protocol:
            where = where.also("protocol = $protocol", protocol=protocol)
        if port is not None:
            where = where.also("responder_port = $port", port=port)
    return where


def service_parts(service: str) -> tuple[str | None, int | None, str | None]:
    """``443``, ``tcp/443`` or a name (application or protocol) as (protocol, port, name)."""
    protocol, _, port = service.strip().lower().rpartition("/")
    if _PORT.fullmatch(port):
        return protocol or None, int(port), None
    return None, None, service.strip().lower()


def page(result: OpenResult, where: Where, limit: int, cursor: str | None = None) -> dict[str, Any]:
    """``{"total", "conversations", "next_cursor"}``, most bytes first; times are ``first_seen_ns``, ``last_seen_ns``.

    Raises
    ------
    UsageError
        The cursor is none that was given out.
    """
    total = result.facts["conversations"]
    if where.values:
        ((total,),) = result.rows(
            f"SELECT count(*) FROM read_parquet($conversations) WHERE {where.text}", **where.values
        )
    rest = where
    if cursor:
        if not _CURSOR.fullmatch(cursor):
            raise UsageError("The cursor is not one that this server gave; ask for the first page again.")
        size, number = map(int, cursor.split("-"))
        rest = where.also("wire_bytes <= $size AND (wire_bytes < $size OR id > $number)", size=size, number=number)
    rows = result.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM read_parquet($conversations) WHERE {rest.text}"
        " ORDER BY wire_bytes DESC, id LIMIT $limit",
        limit=limit + 1, **rest.values,
    )  # fmt: skip
    shown = [_row(dict(zip(_COLUMNS, row, strict=True))) for row in rows[:limit]]
    more = len(rows) > limit
    return {
        "total": total,
        "conversations": shown,
        "next_cursor": f"{shown[-1]['wire_bytes']}-{shown[-1]['id']}" if more else None,
    }


def _row(found: dict[str, Any]) -> dict[str, Any]:
    for name in _TEXTS:
        if found[name] is not None:
            found[name] = unescape(found[name])
    for end in ("initiator", "responder"):
        found[end] = {"node": found[end], "ip": found.pop(f"{end}_ip"), "port": found.pop(f"{end}_port")}
    return found


def timeline(
    result: OpenResult, buckets: int, *, pair: tuple[str, str] | None = None, node: str | None = None
) -> dict[str, Any]:
    """Bytes per lane and bucket, at most ``buckets``: ``{"bucket_ms", "start_ms", "series", "untimed_bytes"}``.

    The buckets are those of the whole captures, from their first packet to their last, whatever is asked for: series
    can be laid over each other, and silence at either end is seen.
    """
    facts = result.facts
    width, t0_ns, end_ns = facts["slice_ns"], facts["t0_ns"], facts["last_seen_ns"]
    first, last = facts["first_bucket"], facts["last_bucket"]
    timed = first is not None
    if timed and t0_ns is not None and end_ns is not None:
        first, last = min(first, t0_ns // width), max(last, end_ns // width)
    where = condition(pair)
    if node:
        where = where.also(
            "pair IN (SELECT number FROM read_parquet($edges) WHERE source = $node OR target = $node)",
            node=escape(node),
        )
    rows = result.rows(
        f"SELECT bucket, lane, sum(wire_bytes)::BIGINT FROM read_parquet($slices) WHERE {where.text} GROUP BY ALL",
        **where.values,
    )
    span = last - first + 1 if timed else 0
    merged = max(1, -(-span // buckets))
    series = {lane: [0] * -(-span // merged) for lane in LANES}
    untimed = 0
    for bucket, lane, size in rows:
        if bucket is None:
            untimed += size
        else:
            series[lane][(bucket - first) // merged] += size
    return {
        "bucket_ms": width * merged / 1e6,
        "start_ms": (first * width - (t0_ns or 0)) / 1e6 if timed else 0.0,
        "series": series,
        "untimed_bytes": untimed,
    }
