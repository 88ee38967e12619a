"""A map's result on disk: the graph document and a table of conversations to ask.

Each result is a folder ``result-<revision>`` with ``map.json`` (the document of DESIGN section 5) and ``views.sqlite``;
the link ``map.json`` beside it points into the newest. The folder is written under a temporary name, flushed and
renamed before the link is replaced, so a reader sees an old result or a new one and never a mixture.

``views.sqlite`` holds

- ``facts(name, value)``: ``t0_ns`` and ``slice_ns``
- ``conversations(id, source, target, wire_bytes, stayed_bytes, left_bytes, left_host, protocol, port, application,
  row)``:
  ``source`` and ``target`` are those of the edge that the conversation is counted in, ``row`` is its JSON
- ``sightings(source, target, folded, legs)``: of each edge, :class:`flowmap.evidence.Folded` as JSON, and which rows
  of ``legs.npy`` are its legs (int32); that file is there when the captures are, see
  :func:`flowmap.evidence.pair_legs.leg_rows`
- ``shared(name, value)``: ``points``, ``tunnels`` that the rows of sightings number, ``legs_are_missing``, as JSON
- ``placements(node, placement)``: of each node that is no group, as JSON (:func:`flowmap.evidence.placement_of`)
- ``slices(bucket, conversation, from_source, packets, wire_bytes, payload_bytes)``: time buckets of ``slice_ns``
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flowmap.capture.points import CapturePoint, PointKey
from flowmap.evidence import AddressTexts, Folded, SightingsTable, fold_legs
from flowmap.evidence.pair_legs import LegRows, leg_rows
from flowmap.export import document, dumps
from flowmap.graph import Talk, fold_outside, pairs_of
from flowmap.packets import NO_TIME, Tunnel
from flowmap.pipeline import FlowMap
from flowmap.settings import Settings
from flowmap.views import conversation_row
from flowmap.views import placement as placement_in

_LINK = "map.json"
LEGS = "legs.npy"
READING = "reading-2.pickle"
"""The file with the legs of a map. Its number goes up whenever what is pickled changes, so that a map of an older
version is read again instead of failing."""

KEPT_S = 10.0
"""How long an older result can still be read by those who asked before the newer one came. The one just before the
newest stays longer: pages that show it ask what has changed since."""

_RESULT = re.compile(r"result-(\d+)")

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER);
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY, source TEXT, target TEXT, wire_bytes INTEGER, stayed_bytes INTEGER, left_bytes INTEGER,
    left_host TEXT, protocol TEXT, port INTEGER, application TEXT, row TEXT
);
CREATE TABLE sightings (source TEXT, target TEXT, folded TEXT, legs BLOB);
CREATE TABLE shared (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE placements (node TEXT, placement TEXT);
CREATE TABLE slices (
    bucket INTEGER, conversation INTEGER, from_source INTEGER, packets INTEGER, wire_bytes INTEGER,
    payload_bytes INTEGER, PRIMARY KEY (bucket, conversation, from_source)
) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX by_pair ON conversations (source, target);
CREATE INDEX sightings_by_pair ON sightings (source, target);
CREATE INDEX placements_by_node ON placements (node);
CREATE INDEX by_bytes ON conversations (wire_bytes DESC, id);
"""


class Result(NamedTuple):
    """What is known of a result without opening it."""

    revision: int
    t0_ns: int | None


def write(folder: Path, flow_map: FlowMap, settings: Settings, *, captures_are_kept: bool = False) -> Result:
    """Make a result the map's current one; the ones before it stay a while for those who are reading them.

    With ``captures_are_kept`` it holds what finds the packets of a pair in them.
    """
    revision = _revision(folder) + 1
    temporary = folder / "result.part"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    with (temporary / "map.json").open("wb") as stream:
        stream.write(dumps(document(flow_map.graph)).encode())
        stream.flush()
        os.fsync(stream.fileno())
    if captures_are_kept:
        np.save(temporary / LEGS, leg_rows(flow_map.reading.legs.legs))
    _write_views(temporary / "views.sqlite", flow_map, settings)
    os.replace(temporary, folder / f"result-{revision}")
    _point_to(folder, revision)
    for path in folder.glob("result-*"):
        recent = (f"result-{revision}", f"result-{revision - 1}")
        if path.name not in recent and time.time() - path.stat().st_mtime > KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
    return Result(revision, flow_map.graph.graph["totals"]["first_seen_ns"])


def current(folder: Path) -> Result:
    """The newest result of a map's folder; revision 0 when there is none."""
    revision = _revision(folder)
    if not revision:
        return Result(0, None)
    try:
        with views(folder, revision) as database:
            return Result(revision, _fact(database, "t0_ns"))
    except (sqlite3.Error, OSError):
        return Result(0, None)


def document_path(folder: Path, revision: int) -> Path:
    """Where the document of a revision is."""
    return folder / f"result-{revision}" / "map.json"


@contextmanager
def views(folder: Path, revision: int) -> Iterator[sqlite3.Connection]:
    """The conversations of a revision, read only."""
    path = folder / f"result-{revision}" / "views.sqlite"
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        yield database
    finally:
        database.close()


def _fact(database: sqlite3.Connection, name: str) -> int | None:
    row = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def slice_ns(database: sqlite3.Connection) -> int:
    """Width of a time bucket."""
    return _fact(database, "slice_ns") or 1


def _revision(folder: Path) -> int:
    try:
        match = _RESULT.fullmatch(Path(os.readlink(folder / _LINK)).parent.name)
    except OSError:
        return 0
    return int(match[1]) if match else 0


def _point_to(folder: Path, revision: int) -> None:
    """Replace the link in one step, and have the folder on disk before anybody relies on it."""
    temporary = folder / f".flowmap-{_LINK}.part"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path(f"result-{revision}", "map.json"))
    os.replace(temporary, folder / _LINK)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_views(path: Path, flow_map: FlowMap, settings: Settings) -> None:
    totals = flow_map.graph.graph["totals"]
    shown, _ = fold_outside(flow_map.talks, settings)
    database = sqlite3.connect(path)
    try:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO facts VALUES (?, ?)",
            (("t0_ns", totals["first_seen_ns"]), ("slice_ns", flow_map.reading.legs.slice_ns)),
        )
        for number, (talk, seen) in enumerate(zip(flow_map.talks, shown, strict=True)):
            low, high = seen.low.id, seen.high.id
            source, target = (low, high) if flow_map.graph.has_edge(low, high) else (high, low)
            row = {"id": number, "source": source, "target": target, **conversation_row(flow_map, talk)}
            database.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number, _text(source), _text(target),
                    row["wire_bytes"], talk.verdict.stayed_bytes, talk.verdict.left_bytes, row["left_host"],
                    row["protocol"], row["responder"]["port"], _text(row["application"]), dumps(row),
                ),
            )  # fmt: skip
            database.executemany("INSERT INTO slices VALUES (?, ?, ?, ?, ?, ?)", _slices(number, talk, source == low))
        database.executemany("INSERT INTO sightings VALUES (?, ?, ?, ?)", _sightings(flow_map, shown))
        database.executemany("INSERT INTO shared VALUES (?, ?)", _shared(flow_map))
        database.executemany("INSERT INTO placements VALUES (?, ?)", _placements(flow_map, shown, settings))
        database.executescript(_INDEXES)
        database.commit()
    finally:
        database.close()


def _sightings(flow_map: FlowMap, shown: Sequence[Talk]) -> Iterator[tuple[str | bytes | None, ...]]:
    """A row for each edge; the one of packets that no conversation was kept for has no sightings."""
    legs, pairs, texts = flow_map.legs, pairs_of(shown), AddressTexts()
    for source, target in flow_map.graph.edges:
        pair = pairs.get((min(source, target), max(source, target)))
        talks = pair.talks if pair else ()
        numbers = [leg for talk in talks for way in (talk.conversation.forward, talk.conversation.backward)
                   for leg in way.legs]  # fmt: skip
        folded = json.dumps(fold_legs(legs, talks, source, texts))
        yield _text(source), _text(target), folded, np.array(numbers, np.int32).tobytes()


def _shared(flow_map: FlowMap) -> Iterator[tuple[str, str]]:
    yield "points", json.dumps([[p.key, p.interface, p.role, p.host, p.linktype] for p in flow_map.points])
    yield "tunnels", json.dumps(flow_map.reading.registry.tunnels)
    yield "legs_are_missing", json.dumps(flow_map.reading.legs.others.packets > 0)


@lru_cache(maxsize=2)
def _sightings_table(folder: Path, revision: int) -> SightingsTable:
    """What makes sightings of the rows of a result, kept for the next pair."""
    with views(folder, revision) as database:
        shared = {name: json.loads(value) for name, value in database.execute("SELECT name, value FROM shared")}
    points = [
        CapturePoint(PointKey(*key), interface=interface, role=role, host=host, linktype=linktype)
        for key, interface, role, host, linktype in shared["points"]
    ]
    tunnels = [Tunnel(*values) for values in shared["tunnels"]]
    return SightingsTable(points, tunnels, legs_are_missing=shared["legs_are_missing"])


def _placements(flow_map: FlowMap, shown: Sequence[Talk], settings: Settings) -> Iterator[tuple[str | None, ...]]:
    ends = {end.id: end for talk in shown for end in (talk.low, talk.high)}
    for key, endpoint in ends.items():
        placed = placement_in(flow_map, endpoint, settings)
        if placed is not None:
            yield _text(key), dumps(placed)


def evidence(folder: Path, revision: int, source: str, target: str, t0_ns: int | None) -> dict[str, dict[str, Any]]:
    """``sightings`` and ``placement`` of an edge as :func:`flowmap.views.pair_detail` has them, in view times."""
    key = (_text(source), _text(target))
    with views(folder, revision) as database:
        found = database.execute("SELECT folded FROM sightings WHERE source = ? AND target = ?", key).fetchone()
        rows = [database.execute("SELECT placement FROM placements WHERE node = ?", (node,)).fetchone() for node in key]
    sightings = _sightings_table(folder, revision).of(Folded.restored(json.loads(found[0])))
    return {
        "sightings": sightings | {"rows": [with_view_times(row, t0_ns) for row in sightings["rows"]]},
        "placement": {
            end: json.loads(row[0]) if row else None for end, row in zip(("source", "target"), rows, strict=True)
        },
    }


def placement(folder: Path, revision: int, node: str) -> dict[str, Any] | None:
    """What places a node (:func:`flowmap.evidence.placement_of`); None for a group and for a node that is not there."""
    with views(folder, revision) as database:
        row = database.execute("SELECT placement FROM placements WHERE node = ?", (_text(node),)).fetchone()
    placed: dict[str, Any] | None = json.loads(row[0]) if row else None
    return placed


class PairLegs(NamedTuple):
    """The legs of an edge as :mod:`flowmap.evidence.pair_legs` has them, and what their points and tunnels are."""

    rows: LegRows
    points: list[PointKey]
    tunnels: list[Tunnel]
    some_are_missing: bool


def pair_legs(folder: Path, revision: int, source: str, target: str) -> PairLegs | None:
    """The legs of an edge; None where the result was made without what finds packets again."""
    try:
        with views(folder, revision) as database:
            key = (_text(source), _text(target))
            found = database.execute("SELECT legs FROM sightings WHERE source = ? AND target = ?", key).fetchone()
            shared = {name: json.loads(value) for name, value in database.execute("SELECT name, value FROM shared")}
        every = np.load(folder / f"result-{revision}" / LEGS, mmap_mode="r")
    except (sqlite3.OperationalError, FileNotFoundError):
        return None
    rows = np.array(every[np.frombuffer(found[0], np.int32)])
    points = [PointKey(*key) for key, *_ in shared["points"]]
    return PairLegs(rows, points, [Tunnel(*values) for values in shared["tunnels"]], shared["legs_are_missing"])


def _slices(number: int, talk: Talk, source_is_low: bool) -> Iterator[tuple[int, ...]]:
    for direction, from_low in ((talk.conversation.forward, True), (talk.conversation.backward, False)):
        for bucket, values in direction.slices.items():
            yield bucket, number, int(from_low == source_is_low), *values


def _text(value: str | None) -> str | None:
    """Lone surrogates, which SQLite cannot hold, become question marks; ``row`` keeps them escaped."""
    return None if value is None else value.encode("utf-8", "replace").decode()


def milliseconds(time_ns: int | None, t0_ns: int | None) -> float | None:
    """A time of a view endpoint: milliseconds from ``t0_ns``."""
    return None if time_ns is None or t0_ns is None or time_ns == NO_TIME else (time_ns - t0_ns) / 1e6


def with_view_times(row: dict[str, Any], t0_ns: int | None) -> dict[str, Any]:
    """The same row with ``first_ms`` and ``last_ms`` instead of ``first_seen_ns`` and ``last_seen_ns``."""
    shown = {name: value for name, value in row.items() if name not in ("first_seen_ns", "last_seen_ns")}
    return shown | {
        "first_ms": milliseconds(row["first_seen_ns"], t0_ns),
        "last_ms": milliseconds(row["last_seen_ns"], t0_ns),
    }


def load_document(folder: Path, revision: int) -> dict[str, Any]:
    """The parsed document of a revision."""
    loaded: dict[str, Any] = json.loads(document_path(folder, revision).read_bytes())
    return loaded


@lru_cache(maxsize=2)
def shared_document(folder: Path, revision: int) -> dict[str, Any]:
    """A parsed document, kept for the next question; nobody may change it."""
    return load_document(folder, revision)
