"""``/api/maps``: make, list, name and delete maps."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from flowmap.api.opened import SAMPLE_NAME, open_in_place, sample
from flowmap.api.problems import Problem, SafeJSON
from flowmap.api.state import STATUS_RESPONSE, State, status
from flowmap.inventory.cells import clean_name

router = APIRouter()


class MapName(BaseModel):
    """Body of POST (optional) and PATCH: ``{"name": "..."}``."""

    name: Annotated[str, Field(max_length=1_000)] = ""


@router.post("/api/maps", status_code=201)
def create_map(state: State, body: MapName | None = None) -> Response:
    """201, the status of a new map (:func:`flowmap.api.state.status`), ``Location`` its address."""
    record = state.maps.create(body.name if body else "")
    return SafeJSON(status(state, record), 201, headers={"Location": f"/api/maps/{record.id}"})


@router.post("/api/maps/sample", status_code=201)
def create_sample_map(state: State) -> Response:
    """201 and the status of a new map of the sample captures that FlowMap carries; their analysis is started.

    404 where they are not installed.
    """
    found = sample()
    if found is None:
        raise Problem(404, "The sample captures are not installed; they come with the package and with a checkout.")
    record = open_in_place(state.maps, found, name=SAMPLE_NAME)
    state.jobs.start_analysis(record)
    return SafeJSON(status(state, record), 201, headers={"Location": f"/api/maps/{record.id}"})


@router.get("/api/maps")
def list_maps(state: State) -> Response:
    """``{"maps": [status], "keep_captures_s", "keep_captures_bytes", "keep_maps_s", "keep_maps_bytes",
    "max_upload_bytes"}``, newest map first; 0 of ``keep_maps_*`` is no limit."""
    answer: dict[str, Any] = {"maps": [status(state, record) for record in state.maps.all()]}
    for name in ("keep_captures_s", "keep_captures_bytes", "keep_maps_s", "keep_maps_bytes", "max_upload_bytes"):
        answer[name] = getattr(state.settings, name)
    return SafeJSON(answer)


@router.get("/api/maps/{map_id}", responses=STATUS_RESPONSE)
def get_map(state: State, map_id: str) -> Response:
    """The map's status (:func:`flowmap.api.state.status`).

    ``live`` says how its live capture goes or went: ``ended_by`` why it ended, in one word, and ``end`` in a sentence.
    """
    return SafeJSON(status(state, state.maps.get(map_id)))


@router.patch("/api/maps/{map_id}")
def rename_map(state: State, map_id: str, body: MapName) -> Response:
    """Name the map; its status."""
    record = state.maps.get(map_id)
    state.maps.change(record, name=clean_name(body.name) or record.name)
    return SafeJSON(status(state, record))


@router.delete("/api/maps/{map_id}", status_code=204)
async def delete_map(state: State, map_id: str) -> Response:
    """204; ends what runs in the map first."""
    record = state.maps.get(map_id)
    await asyncio.to_thread(state.jobs.end, record)
    await asyncio.to_thread(state.maps.delete, record)
    await asyncio.to_thread(state.jobs.end, record)  # what somebody started in between; nothing can be from now on
    return Response(status_code=204)
