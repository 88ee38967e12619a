"""``/api/maps/{id}/events``: what happens to a map, as server-sent events.

Every event says how things are *now*, so nothing is queued: a slow reader skips states, gets the changes of all that it
missed as one, and never falls behind. Events::

    event: state    data: the map's status (flowmap.api.state.status)           at once, and after changes
    event: graph    data: {"revision": int, "changes": changes|null}            there is a new document; at once, too
    event: deleted  data: {}                                                    the last one

``changes`` are those of ``/graph/changes`` since the revision that the reader has: the one of the last ``graph`` event
of this stream, else the one that it named with ``since``. They are null where it has none, where that is no longer
kept, and where they are large; then it asks ``/graph/changes`` or ``/graph``, when it is ready for them.

``id`` tells server, version and revision; a reader that comes back with it as ``Last-Event-ID`` gets nothing twice.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from flowmap.api.changes import carried_changes
from flowmap.api.maps import MapRecord
from flowmap.api.problems import Problem
from flowmap.api.state import ServerState, State, status
from flowmap.export import dumps

router = APIRouter()

INTERVAL_S = 0.2
"""At most so often does one stream send."""

KEEP_ALIVE_S = 15.0
RETRY_MS = 2_000

_SERVER = secrets.token_hex(4)
"""Versions begin anew with every server, so they only mean something together with it."""

_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})-([0-9]{1,15})")


class Known(NamedTuple):
    """What a reader has: the version of the status (-1 for none) and the revision of the document (0 for none)."""

    version: int
    revision: int


def known_from(last_id: str, since: int) -> Known:
    """What a reader has by its ``Last-Event-ID``, else by ``since``."""
    match = _ID.fullmatch(last_id)
    if match is None:
        return Known(-1, since)
    return Known(int(match[2]) if match[1] == _SERVER else -1, int(match[3]))


@router.get("/api/maps/{map_id}/events", response_class=Response)
async def follow_map(
    state: State, request: Request, map_id: str, since: Annotated[int, Query(ge=0, lt=1 << 48)] = 0
) -> Response:
    """A stream of the events above; 503 when ``max_event_streams`` are open."""
    record = state.maps.get(map_id)
    if state.event_streams >= state.settings.max_event_streams:
        raise Problem(
            503, f"{state.event_streams} event streams are open, which is the limit; close a page of FlowMap.",
            cap="max_event_streams",
        )  # fmt: skip
    state.event_streams += 1
    return _Counted(state, _stream(state, record, known_from(request.headers.get("last-event-id", ""), since)))


class _Counted(StreamingResponse):
    """A stream that counts as open from the moment in which it was let in: many may ask at once."""

    def __init__(self, state: ServerState, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._state.event_streams -= 1


async def _stream(state: ServerState, record: MapRecord, known: Known) -> AsyncIterator[bytes]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def watcher(other: MapRecord | None) -> None:
        if (other is None or other is record) and not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    record.readers += 1
    state.maps.watch(watcher)
    try:
        yield b"retry: %d\n\n" % RETRY_MS
        while not state.closing:
            changed.clear()
            news = known != (record.version, record.revision)
            if known.version != record.version:
                known = known._replace(version=record.version)
                yield _event(known, "state", dumps(status(state, record)))
            if known.revision != record.revision:
                since, known = known.revision, known._replace(revision=record.revision)
                yield _event(known, "graph", await _graph(record, since, known.revision))
            if record.deleted:
                yield _event(known, "deleted", "{}")
                return
            if news:
                await asyncio.sleep(INTERVAL_S)
            try:
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b": keep-alive\n\n"
    finally:
        record.readers -= 1
        record.asked_s = time.monotonic()
        state.maps.unwatch(watcher)


async def _graph(record: MapRecord, since: int, revision: int) -> str:
    """The data of a ``graph`` event. Comparing documents takes a while, so it is done beside the loop."""
    changes = await run_in_threadpool(carried_changes, record.folder, since, revision) if 0 < since < revision else None
    return f'{{"revision": {revision}, "changes": {changes or "null"}}}'


def _event(known: Known, name: str, data: str) -> bytes:
    return f"id: {_SERVER}-{known.version}-{known.revision}\nevent: {name}\ndata: {data}\n\n".encode()
