"""``/api/maps/{id}/captures``, ``/inventory`` and ``/points``: what a map is made from. Nothing here starts anything.

A file arrives as the raw body of a PUT and goes to the disk in blocks under a random name; the name that people gave is
kept as data. It becomes part of the map when its last byte is on the disk, and leaves no trace otherwise.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response

from flowmap.api.maps import StoredFile, points_document
from flowmap.api.problems import Problem, SafeJSON
from flowmap.api.receiving import received
from flowmap.api.state import State
from flowmap.capture.points import statements_of
from flowmap.inventory import parse_inventory_file
from flowmap.inventory.cells import clean_name
from flowmap.inventory.proxmox_conf import node_in_path

router = APIRouter()

MAX_SAME = 10


@router.put("/api/maps/{map_id}/captures/{name:path}", status_code=201)
async def put_capture(state: State, request: Request, map_id: str, name: str) -> Response:
    """201 ``{"name", "size_bytes", "sha256", "same_content": [{"map", "name"}]}``.

    Another capture of the same name is replaced. ``same_content`` lists captures that hold the very same bytes, in this
    map (which then sees every packet at two places) or in another, whose result may be what is wanted; at most 10.
    When the map holds these bytes under this name already nothing changes, and its result stays good.

    409 while the map is worked on, 413 over ``max_upload_bytes``, 503 when ``max_uploads`` are running, 507 when the
    disk gets full, 408 when it stalls.
    """
    record = state.maps.get(map_id)
    state.maps.check_idle(record)
    async with received(state, request, record, "captures", state.settings.max_upload_bytes) as upload:
        file = StoredFile(upload.path.name, _shown(name, "capture"), upload.size_bytes, time.time())
        file.sha256 = upload.sha256
        if any(_is_same(file, old) and old.name == file.name for old in record.captures):
            upload.path.unlink()
        else:
            state.maps.add_file(record, "captures", file)
    same = [
        {"map": other.id, "name": old.name}
        for other in sorted(state.maps.all(), key=lambda other: other is not record)
        for old in other.captures
        if _is_same(file, old) and (other.id, old.name) != (record.id, file.name)
    ]
    facts = {"sha256": upload.sha256, "same_content": same[:MAX_SAME]}
    return SafeJSON({"name": file.name, "size_bytes": upload.size_bytes, **facts}, 201)


@router.put("/api/maps/{map_id}/inventory/{name:path}", status_code=201)
async def put_inventory(
    state: State,
    request: Request,
    map_id: str,
    name: str,
    host: Annotated[str, Query(max_length=255)] = "",
    x_file_modified_ms: Annotated[int | None, Header(ge=0, le=9_000_000_000_000)] = None,
) -> Response:
    """201 ``{"name", "size_bytes", "format", "rows", "warnings": [sentence]}``; 422 when it is no inventory.

    ``host`` is the host that the file is about, where its rows name none (a forwarding table, ``virsh dumpxml``).
    ``X-File-Modified-Ms`` is the file's modification time: when the placement was true, if the content does not tell.
    """
    record = state.maps.get(map_id)
    state.maps.check_idle(record)
    modified_ns = None if x_file_modified_ms is None else x_file_modified_ms * 1_000_000
    async with received(state, request, record, "inventory", state.settings.max_inventory_bytes) as upload:
        shown = _shown(name, "inventory")
        about = clean_name(host) or node_in_path(name)
        content = await asyncio.to_thread(upload.path.read_bytes)
        parsed = await asyncio.to_thread(
            parse_inventory_file,
            content,
            name=shown,
            modified_ns=modified_ns,
            max_rows=state.settings.max_inventory_rows,
            host=about,
        )
        file = StoredFile(upload.path.name, shown, upload.size_bytes, time.time(), modified_ns, about)
        state.maps.add_file(record, "inventory", file)
    facts = {"format": parsed.format, "rows": parsed.row_count, "warnings": parsed.warnings}
    return SafeJSON({"name": shown, "size_bytes": upload.size_bytes, **facts}, 201)


@router.delete("/api/maps/{map_id}/captures/{name:path}", status_code=204)
def delete_capture(state: State, map_id: str, name: str) -> Response:
    """204; 404 when the map holds no such capture."""
    state.maps.remove_file(state.maps.get(map_id), "captures", name)
    return Response(status_code=204)


@router.delete("/api/maps/{map_id}/inventory/{name:path}", status_code=204)
def delete_inventory(state: State, map_id: str, name: str) -> Response:
    """204; 404 when the map holds no such inventory."""
    state.maps.remove_file(state.maps.get(map_id), "inventory", name)
    return Response(status_code=204)


@router.get("/api/maps/{map_id}/inventory/{name:path}", response_class=Response)
def get_inventory(state: State, map_id: str, name: str) -> Response:
    """The bytes of an inventory as they came, always to be saved and never to be shown as a page; 404 without it."""
    record = state.maps.get(map_id)
    file = next((file for file in record.inventory if file.name == clean_name(name)), None)
    if file is None:
        raise Problem(404, "The map holds no file of that name.")
    try:
        content = record.file_path("inventory", file).read_bytes()
    except OSError as error:
        raise Problem(404, "The file is no longer there; send it again.") from error
    headers = {"Content-Disposition": "attachment", "Cache-Control": "no-store"}
    return Response(content, media_type="text/plain; charset=utf-8", headers=headers)


@router.put("/api/maps/{map_id}/points")
def put_points(state: State, map_id: str, body: Annotated[Any, Body()]) -> Response:
    """The points file as JSON, ``{"hosts": {...}, "points": [...]}`` (DESIGN section 4); answers the same."""
    statements = statements_of(body, "The points")
    state.maps.set_points(state.maps.get(map_id), statements)
    return SafeJSON(points_document(statements))


def _shown(name: str, otherwise: str) -> str:
    return clean_name(name) or otherwise


def _is_same(file: StoredFile, old: StoredFile) -> bool:
    return old.kept and (old.sha256, old.size_bytes) == (file.sha256, file.size_bytes)
