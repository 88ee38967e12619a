"""``/api/maps/{id}/events``: what happens to a map, as server-sent events.

Every event says how things are *now*, so nothing is queued: a slow reader skips states and never falls behind, and a
reader that comes back needs no history. Events::

    event: state    data: the map's status (flowmap.api.state.status)     at once, and after changes
    event: graph    data: {"revision": int}                               there is a new document; at once, too
    event: deleted  data: {}                                              the last one

``id`` is the map's version; with ``Last-Event-ID`` of the present version nothing is repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from flowmap.api.maps import MapRecord
from flowmap.api.problems import Problem
from flowmap.api.state import ServerState, State, status
from flowmap.export import dumps

router = APIRouter()

INTERVAL_S = 0.2
"""At most so often does one stream send."""

KEEP_ALIVE_S = 15.0
RETRY_MS = 2_000


@router.get("/api/maps/{map_id}/events")
async def follow_map(state: State, request: Request, map_id: str) -> Response:
    """A stream of the events above; 503 when ``max_event_streams`` are open."""
    record = state.maps.get(map_id)
    if state.event_streams >= state.settings.max_event_streams:
        raise Problem(
            503, f"{state.event_streams} event streams are open, which is the limit; close a page of FlowMap."
        )
    return StreamingResponse(
        _stream(state, record, request.headers.get("last-event-id", "")),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _stream(state: ServerState, record: MapRecord, last_id: str) -> AsyncIterator[bytes]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def watcher(other: MapRecord | None) -> None:
        if (other is None or other is record) and not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    state.event_streams += 1
    state.maps.watch(watcher)
    try:
        sent = int(last_id) if last_id == str(record.version) else -1
        revision = record.revision if sent >= 0 else 0
        yield b"retry: %d\n\n" % RETRY_MS
        while not state.closing:
            changed.clear()
            if record.version != sent:
                sent = record.version
                yield _event(sent, "state", status(state, record))
                if record.revision != revision:
                    revision = record.revision
                    yield _event(sent, "graph", {"revision": revision})
                if record.deleted:
                    yield _event(sent, "deleted", {})
                    return
                await asyncio.sleep(INTERVAL_S)
            try:
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b": keep-alive\n\n"
    finally:
        state.event_streams -= 1
        state.maps.unwatch(watcher)


def _event(number: int, name: str, data: dict[str, Any]) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {dumps(data)}\n\n".encode()
