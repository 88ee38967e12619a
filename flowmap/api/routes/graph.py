"""``/api/maps/{id}/graph``, ``/pairs``, ``/conversations``, ``/timeline`` and ``/health``: a result."""

from __future__ import annotations

import hashlib
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request, Response

from flowmap.api.changes import changes_since
from flowmap.api.problems import Problem, SafeJSON
from flowmap.api.results import views, with_view_times
from flowmap.api.state import State, t0_text
from flowmap.store import conversations, pairs
from flowmap.store.narrowed import GraphFilter, narrowed
from flowmap.store.result import document_path

router = APIRouter()

REVISION = "FlowMap-Revision"
PAIR_ROWS = 100
MAX_BUCKETS = 4_096
WORDS = ("stayed", "left", "mixed", "undetermined")

Text = Annotated[str | None, Query(max_length=512)]
Ends = Annotated[str | None, Query(max_length=16_384)]
"""Node ids, which are long where names are, and URL-encoded ones three times as long."""

Bytes = Annotated[int | None, Query(ge=0, le=1 << 62)]
Milliseconds = Annotated[float | None, Query(allow_inf_nan=False, ge=-1e15, le=1e15)]


@router.get("/api/maps/{map_id}/graph")
def get_graph(
    state: State,
    request: Request,
    map_id: str,
    left_host: Text = None,
    vm: Text = None,
    service: Text = None,
    segment: Text = None,
    min_bytes: Bytes = None,
    top: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    from_ms: Milliseconds = None,
    to_ms: Milliseconds = None,
) -> Response:
    """The graph document (DESIGN section 5) as ``application/json`` with an ``ETag``; 304 when it is the client's.

    Filters drop the edges that do not match, and say so in ``graph.warnings`` (:mod:`flowmap.store.narrowed`):
    ``left_host`` one or several words with commas, ``vm`` an id, label, name, IP or MAC of either end, ``service`` a
    port, ``tcp/443`` or a name, ``segment`` of either end, ``min_bytes``, ``top`` the largest, ``from_ms`` and
    ``to_ms`` in whole time buckets, which ``graph.range`` names. 409 before the first result. The
    header ``FlowMap-Revision`` of the whole document is what ``/graph/changes`` takes as ``since``.
    """
    record = state.map_with_result(map_id)
    wanted = GraphFilter(
        words_of(left_host), vm, service, segment, min_bytes, top,
        None if from_ms is None and to_ms is None else (from_ms, to_ms),
    )  # fmt: skip
    digest = hashlib.sha256(repr(wanted).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    revision = record.revision
    tag = f'"{record.id}-{revision}-{digest}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    if wanted == GraphFilter():
        content = document_path(record.folder, revision).read_bytes()
        return Response(content, media_type="application/json", headers={"ETag": tag, REVISION: str(revision)})
    if wanted.range_ms and record.t0_ns is None:
        raise Problem(422, "No packet of this map has a time, so there is no time range to choose.")
    with views(record, state.settings) as result:
        return Response(narrowed(result, wanted).encode(), media_type="application/json", headers={"ETag": tag})


@router.get("/api/maps/{map_id}/graph/changes")
def get_graph_changes(state: State, map_id: str, since: Annotated[int, Query(ge=1, le=1 << 53)]) -> Response:
    """What has changed in the document since an earlier revision (:func:`flowmap.api.changes.changes_between`)::

        {"revision": int, "since": int, "graph": facts, "nodes": [node], "edges": [edge],
         "removed_nodes": [id], "removed_edges": [[source, target]],
         "node_order": [int]|null, "edge_order": [int]|null}

    410 when that revision is no longer kept: then the whole document has to be loaded.
    """
    record = state.map_with_result(map_id)
    revision = record.revision
    try:
        changes = changes_since(record.folder, since, revision)
    except FileNotFoundError:
        raise Problem(410, "That revision is no longer kept; load the whole graph.") from None
    return SafeJSON({"revision": revision, "since": since, **changes})


@router.get("/api/maps/{map_id}/pairs/{pair:path}")
def get_pair(state: State, request: Request, map_id: str, pair: str) -> Response:
    """``/pairs/{a}/{b}``, two node ids in any order, each URL-encoded::

        {"t0_ns": str|null, "source": node, "target": node, "edge": edge, "total": int,
         "conversations": [the 100 largest, rows as in /conversations],
         "sightings": {"rows": [row], "more_rows", "more_frames", "filter": str|null, "filter_note"},
         "placement": {"source": placement|null, "target": placement|null}}

    Nodes and edge are those of the document, with ``first_ms`` and ``last_ms`` instead of ``*_seen_ns``, and so are the
    rows of sightings (:class:`flowmap.evidence.SightingsTable`). A placement is that of
    :func:`flowmap.evidence.placement_of`, null for a group. 404 when the two did not talk, 409 when an earlier
    FlowMap made the map without the evidence of its pairs.
    """
    record = state.map_with_result(map_id)
    ends = _pair_of(request, "/pairs/")
    with views(record, state.settings) as result:
        pair_found = pairs.find_pair(result, *ends)
        if pair_found is None:
            raise Problem(404, "These two endpoints did not talk to each other in this map.")
        found = conversations.page(result, conversations.condition(ends), PAIR_ROWS)
    t0_ns, sightings = record.t0_ns, pair_found.sightings
    return SafeJSON(
        {
            "t0_ns": t0_text(record),
            "source": pair_found.source,
            "target": pair_found.target,
            "edge": with_view_times(pair_found.edge, t0_ns),
            "total": found["total"],
            "conversations": [with_view_times(row, t0_ns) for row in found["conversations"]],
            "sightings": sightings | {"rows": [with_view_times(row, t0_ns) for row in sightings["rows"]]},
            "placement": pair_found.placement,
        }
    )


@router.get("/api/maps/{map_id}/placement")
def get_placement(state: State, map_id: str, node: Annotated[str, Query(max_length=1_024)]) -> Response:
    """``{"placement": placement|null}``: how kind and host of a node are known, null for a group; 409 when an earlier
    FlowMap made the map without it."""
    with views(state.map_with_result(map_id), state.settings) as result:
        return SafeJSON({"placement": pairs.placement(result, node)})


def _pair_of(request: Request, marker: str) -> tuple[str, str]:
    """Two ids from the path as it was sent: an id may hold an encoded slash."""
    raw = request.scope.get("raw_path") or request.url.path.encode()
    parts = raw.decode("ascii", "replace").partition(marker)[2].split("/")
    if len(parts) != 2 or not all(parts):
        raise Problem(404, "A pair is two node ids, each URL-encoded: /pairs/{a}/{b}.")
    return unquote(parts[0]), unquote(parts[1])


@router.get("/api/maps/{map_id}/conversations")
def list_conversations(
    state: State,
    map_id: str,
    pair: Ends = None,
    left_host: Text = None,
    service: Text = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """``{"t0_ns", "total", "conversations": [row], "next_cursor": str|null}``, most bytes first; a row::

        {"id", "source", "target", "protocol", "application": str|null, "domain",
         "initiator": {"node", "ip", "port": int|null}, "responder": {"node", "ip", "port": int|null}, "connections",
         "wire_bytes", "payload_bytes", "sent_bytes", "received_bytes", "packets", "first_ms", "last_ms",
         "verdict", "left_host": str|null, "grade": str|null}

    ``pair`` is two URL-encoded node ids with a comma between them.
    """
    record = state.map_with_result(map_id)
    where = conversations.condition(pair_of(pair), words_of(left_host), service)
    with views(record, state.settings) as result:
        found = conversations.page(result, where, limit, cursor)
    found["conversations"] = [with_view_times(row, record.t0_ns) for row in found["conversations"]]
    return SafeJSON({"t0_ns": t0_text(record), **found})


@router.get("/api/maps/{map_id}/timeline")
def get_timeline(
    state: State,
    map_id: str,
    pair: Ends = None,
    node: Ends = None,
    buckets: Annotated[int, Query(ge=1, le=MAX_BUCKETS)] = 400,
) -> Response:
    """``{"t0_ns", "bucket_ms", "start_ms", "series": {"stayed": [bytes], "left": [], "hairpin": [], "mixed": [],
    "undetermined": [], "group": []}, "untimed_bytes"}``, of a pair, of a node (its id), or of all; all series have one
    length, ``start_ms`` is where the first bucket begins, ``left`` is without its hairpins."""
    record = state.map_with_result(map_id)
    with views(record, state.settings) as result:
        found = conversations.timeline(result, buckets, pair=pair_of(pair), node=node)
    return SafeJSON({"t0_ns": t0_text(record), **found})


@router.get("/api/maps/{map_id}/health")
def get_health(state: State, map_id: str) -> Response:
    """Health of the captures: ``{"t0_ns", "complete", "points": [point of the document with first_ms and last_ms],
    "captures", "hosts": {host: {"uplinks", "uplinks_complete"}}, "warnings", "estimated"}``."""
    record = state.map_with_result(map_id)
    with views(record, state.settings) as result:
        graph = result.facts["graph"]
    return SafeJSON(
        {
            "t0_ns": t0_text(record),
            "complete": graph["complete"],
            "points": [with_view_times(point, record.t0_ns) for point in graph["points"]],
            "captures": graph["captures"],
            "hosts": record.points["hosts"],
            "warnings": graph["warnings"],
            "estimated": graph["estimated"],
        }
    )


def words_of(left_host: str | None) -> tuple[str, ...]:
    """``stayed,left`` as its words; 422 for any other."""
    words = tuple(word for word in (left_host or "").split(",") if word)
    if not set(words) <= set(WORDS):
        raise Problem(422, f"left_host is one or several of {', '.join(WORDS)}.")
    return words


def pair_of(text: str | None) -> tuple[str, str] | None:
    """``a,b`` as two node ids."""
    if not text:
        return None
    one, comma, other = text.partition(",")
    if not comma or not one or not other:
        raise Problem(422, "pair is two node ids, each URL-encoded, with a comma between them.")
    return unquote(one), unquote(other)
