"""The body of a request on its way to the disk: in blocks, within limits, and without a trace when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fastapi import Request
from starlette.requests import ClientDisconnect

from flowmap.api.maps import MapRecord
from flowmap.api.problems import Problem
from flowmap.api.state import ServerState
from flowmap.export.atomic import flush

BLOCK_BYTES = 1 << 20
FREE_CHECK_BYTES = 4 << 20


class Received(NamedTuple):
    """A file that is whole on the disk, and would be after the power went."""

    path: Path
    size_bytes: int
    sha256: str


@asynccontextmanager
async def received(
    state: ServerState, request: Request, record: MapRecord, kind: str, limit: int
) -> AsyncIterator[Received]:
    """The body as a file of the map's folder, under a random name that has never been used.

    It is removed unless the block ends well, also when the client goes away.

    Raises
    ------
    Problem
        400 broken off, 404 the map was deleted meanwhile, 408 stalled, 413 too large, 503 too many, 507 no room.
    """
    path = record.folder / kind / secrets.token_hex(16)
    part = path.with_suffix(".part")
    kept = False
    try:
        with _counted(state):
            size, digest = await _to_disk(state, request, part, limit)
            await asyncio.to_thread(_put_in_place, part, path)
        if record.deleted:
            raise FileNotFoundError
        yield Received(path, size, digest)
        kept = not record.deleted
    except ClientDisconnect:
        raise Problem(400, "The upload was broken off.") from None
    except FileNotFoundError:
        raise Problem(404, "There is no such map any more; it was deleted during the upload.") from None
    finally:
        if not kept:
            part.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if record.deleted:
                shutil.rmtree(record.folder, ignore_errors=True)


@contextlib.contextmanager
def _counted(state: ServerState) -> Iterator[None]:
    if state.uploads >= state.settings.max_uploads:
        raise Problem(503, f"{state.uploads} uploads are running, which is the limit; wait for one of them.")
    state.uploads += 1
    try:
        yield
    finally:
        state.uploads -= 1


async def _to_disk(state: ServerState, request: Request, part: Path, limit: int) -> tuple[int, str]:
    """Size and SHA-256. What is still to come of all uploads counts as used in each one's look at the free space."""
    stated = request.headers.get("content-length", "")
    to_come = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 19 else 0
    _check_size(to_come, limit)
    _check_room(state, to_come)
    state.upload_bytes_to_come += to_come
    size = unchecked = 0
    digest = hashlib.sha256()
    block = bytearray()
    try:
        with part.open("xb", buffering=0) as file:
            part.chmod(0o600)
            async for chunk in _brisk(request, state):
                size += len(chunk)
                unchecked += len(chunk)
                block += chunk
                _check_size(size, limit)
                if unchecked >= FREE_CHECK_BYTES:
                    unchecked = 0
                    _check_room(state, 0)
                if len(block) >= BLOCK_BYTES:
                    written = len(block)
                    await asyncio.to_thread(_write, file, bytes(block), digest)
                    block.clear()
                    state.upload_bytes_to_come -= min(written, to_come)
                    to_come -= min(written, to_come)
            await asyncio.to_thread(_write, file, bytes(block), digest)
            await asyncio.to_thread(os.fsync, file.fileno())
    finally:
        state.upload_bytes_to_come -= to_come
    return size, digest.hexdigest()


async def _brisk(request: Request, state: ServerState) -> AsyncIterator[bytes]:
    """The pieces of a body that brings ``upload_least_bytes`` in each ``upload_stall_s``, or its end."""
    settings = state.settings
    clock = asyncio.get_running_loop().time
    chunks = aiter(request.stream())
    size, least, deadline = 0, settings.upload_least_bytes, clock() + settings.upload_stall_s
    while True:
        try:
            chunk = await asyncio.wait_for(anext(chunks), max(deadline - clock(), 0.0))
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Problem(
                408,
                f"Fewer than {settings.upload_least_bytes:,} bytes arrived in {settings.upload_stall_s:g} s, "
                "so the upload was dropped; repeat it.",
            ) from None
        given = clock()
        yield chunk
        deadline += clock() - given  # a disk that is slow is not the client's fault
        size += len(chunk)
        if size >= least:
            least, deadline = size + settings.upload_least_bytes, clock() + settings.upload_stall_s


def _write(file: BinaryIO, block: bytes, digest: Any) -> None:
    """All of a block: where the disk gets full one call may take a part of it only."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]
    digest.update(block)


def _put_in_place(part: Path, path: Path) -> None:
    part.replace(path)
    flush(path.parent)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise Problem(
            413, f"The file is larger than {limit:,} bytes, which is the limit; split it, or raise the limit."
        )


def _check_room(state: ServerState, wanted: int) -> None:
    free = shutil.disk_usage(state.settings.data_dir).free
    if free - state.upload_bytes_to_come - wanted < state.settings.min_free_bytes:
        raise Problem(
            507,
            f"The disk has {free:,} bytes left, and {state.settings.min_free_bytes:,} must stay free; make room first.",
        )
