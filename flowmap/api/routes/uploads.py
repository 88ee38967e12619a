"""``/api/maps/{id}/captures``, ``/inventory`` and ``/points``: what a map is made from. Nothing here starts anything.

A file arrives as the raw body of a PUT and goes to the disk in blocks under a random name; the name that people gave is
kept as data. It becomes part of the map when its last byte is on the disk, and leaves no trace otherwise.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from starlette.requests import ClientDisconnect

from flowmap.api.maps import MapRecord, StoredFile, points_document
from flowmap.api.problems import Problem, SafeJSON
from flowmap.api.state import ServerState, State
from flowmap.capture.points import statements_of
from flowmap.inventory import parse_inventory_file
from flowmap.inventory.cells import clean_name
from flowmap.inventory.proxmox_conf import node_in_path

router = APIRouter()

BLOCK_BYTES = 1 << 20
FREE_CHECK_BYTES = 64 << 20


@router.put("/api/maps/{map_id}/captures/{name:path}", status_code=201)
async def put_capture(state: State, request: Request, map_id: str, name: str) -> Response:
    """201 ``{"name", "size_bytes"}``; a capture of the same name is replaced.

    409 while the map is worked on, 413 over ``max_upload_bytes``, 507 when the disk gets full, 408 when it stalls.
    """
    record = state.maps.get(map_id)
    state.maps.check_idle(record)
    async with _uploaded(state, request, record, "captures", state.settings.max_upload_bytes) as (path, size):
        file = StoredFile(path.name, _shown(name, "capture"), size, time.time())
        state.maps.add_file(record, "captures", file)
    return SafeJSON({"name": file.name, "size_bytes": size}, 201)


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
    async with _uploaded(state, request, record, "inventory", state.settings.max_inventory_bytes) as (
        path,
        size,
    ):
        shown = _shown(name, "inventory")
        about = clean_name(host) or node_in_path(name)
        content = await asyncio.to_thread(path.read_bytes)
        parsed = await asyncio.to_thread(
            parse_inventory_file,
            content,
            name=shown,
            modified_ns=modified_ns,
            max_rows=state.settings.max_inventory_rows,
            host=about,
        )
        file = StoredFile(path.name, shown, size, time.time(), modified_ns, about)
        state.maps.add_file(record, "inventory", file)
    facts = {"format": parsed.format, "rows": parsed.row_count, "warnings": parsed.warnings}
    return SafeJSON({"name": shown, "size_bytes": size, **facts}, 201)


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


@router.get("/api/maps/{map_id}/inventory/{name:path}")
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


@asynccontextmanager
async def _uploaded(
    state: ServerState, request: Request, record: MapRecord, kind: str, limit: int
) -> AsyncIterator[tuple[Path, int]]:
    """The body as a file of the map's folder; removed unless the block ends well, also when the client goes away."""
    path = record.folder / kind / secrets.token_hex(16)
    part = path.with_suffix(".part")
    kept = False
    try:
        size = await _receive(state, request, part, limit)
        await asyncio.to_thread(part.replace, path)
        yield path, size
        kept = True
    except ClientDisconnect:
        raise Problem(400, "The upload was broken off.") from None
    finally:
        if not kept:
            part.unlink(missing_ok=True)
            path.unlink(missing_ok=True)


async def _receive(state: ServerState, request: Request, part: Path, limit: int) -> int:
    stated = request.headers.get("content-length", "")
    expected = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 19 else 0
    _check_size(expected, limit)
    _check_room(state, expected)
    size = unchecked = 0
    block = bytearray()
    with part.open("xb", buffering=0) as file:
        part.chmod(0o600)
        chunks = aiter(request.stream())
        while True:
            try:
                chunk = await asyncio.wait_for(anext(chunks), state.settings.upload_stall_s)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise Problem(
                    408,
                    f"No byte arrived for {state.settings.upload_stall_s:g} s, so the upload was dropped; repeat it.",
                ) from None
            size += len(chunk)
            unchecked += len(chunk)
            block += chunk
            _check_size(size, limit)
            if unchecked >= FREE_CHECK_BYTES:
                unchecked = 0
                _check_room(state, 0)
            if len(block) >= BLOCK_BYTES:
                await asyncio.to_thread(file.write, bytes(block))
                block.clear()
        await asyncio.to_thread(file.write, bytes(block))
    return size


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise Problem(
            413, f"The file is larger than {limit:,} bytes, which is the limit; split it, or raise the limit."
        )


def _check_room(state: ServerState, wanted: int) -> None:
    free = shutil.disk_usage(state.settings.data_dir).free
    if free - wanted < state.settings.min_free_bytes:
        raise Problem(
            507,
            f"The disk has {free:,} bytes left, and {state.settings.min_free_bytes:,} must stay free; make room first.",
        )
