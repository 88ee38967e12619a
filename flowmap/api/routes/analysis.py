"""``/api/maps/{id}/analysis``: start and cancel."""

from __future__ import annotations

from fastapi import APIRouter, Response

from flowmap.api.problems import SafeJSON
from flowmap.api.state import State, status

router = APIRouter()


@router.post("/api/maps/{map_id}/analysis", status_code=202)
def start_analysis(state: State, map_id: str) -> Response:
    """202 and the map's status (``queued`` or ``running``); captures that were read already are judged from their legs.

    409 when the map is worked on or has no captures.
    """
    record = state.maps.get(map_id)
    state.jobs.start_analysis(record)
    return SafeJSON(status(state, record), 202)


@router.delete("/api/maps/{map_id}/analysis", status_code=202)
def cancel_analysis(state: State, map_id: str) -> Response:
    """202 and the map's status, which becomes ``cancelled``; 409 when nothing runs."""
    record = state.maps.get(map_id)
    state.jobs.cancel(record)
    return SafeJSON(status(state, record), 202)
