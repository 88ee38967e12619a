"""``/api/maps/{id}/packets``: the packets of a pair as a capture of their own."""

from __future__ import annotations

import asyncio
import json
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Message

from flowmap import __version__
from flowmap.api.child import command_of
from flowmap.api.limits import limit_worker
from flowmap.api.maps import MapRecord
from flowmap.api.pair_packets import PairPackets, comment_of, pair_packets
from flowmap.api.problems import Problem, SafeJSON
from flowmap.api.routes.graph import Ends, pair_of
from flowmap.api.state import ServerState, State
from flowmap.settings import Settings

router = APIRouter()

PIECE_BYTES = 256 << 10
_LOOK_S = 0.5


@router.get("/api/maps/{map_id}/packets", response_class=Response)
async def get_packets(
    request: Request, state: State, map_id: str, pair: Ends = None, size: Annotated[int, Query(ge=0, le=1)] = 0
) -> Response:
    """The packets of a pair as a pcapng attachment, copied from the kept captures while it is sent.

    ``pair`` is two URL-encoded node ids with a comma between them. Bytes, original lengths, times (ns), link types and
    interface names are those of the captures, which follow one another; comments name map, pair and filter. A file
    that ends early (``max_download_bytes``, a damaged capture) says so in the comment of its last packet.

    With ``size=1`` only what to expect, without reading a capture::

        {"available": bool, "packets": int, "bytes": int, "complete": bool, "reason": sentence|null}

    ``bytes`` is an estimate: too high where captures were cut, too low for what a mirror wraps; ``reason`` says why
    nothing can be downloaded, or what will be missing. 410 when the captures were deleted after their kept time, 409
    when they cannot be read for another reason, 503 when ``max_downloads`` are running.
    """
    record = state.map_with_result(map_id)
    ends = pair_of(pair)
    if ends is None:
        raise Problem(422, "State the pair: two node ids, each URL-encoded, with a comma between them.")
    found = await run_in_threadpool(pair_packets, record, ends, state.settings)
    if size:
        return SafeJSON(found.size(state.settings.max_download_bytes))
    if not found.captures:
        raise Problem(found.status, " ".join(found.reasons))
    if state.downloads >= state.settings.max_downloads:
        sentence = f"{state.downloads} downloads of packets are running, which is the limit; wait for one."
        raise Problem(503, sentence, cap="max_downloads")
    state.downloads += 1
    try:
        command = await run_in_threadpool(_command, state, record, found)
        process = await _started(command, request, state.settings)
    except BaseException:
        state.downloads -= 1
        raise
    name = quote((re.sub(r"[^\w.-]+", "-", record.name).strip("-.")[:80] or "map") + "-packets.pcapng")
    disposition = f"attachment; filename=\"flowmap-packets.pcapng\"; filename*=UTF-8''{name}"
    return _Download(state, process, disposition)


def _command(state: ServerState, record: MapRecord, found: PairPackets) -> bytes:
    command = {
        "settings": state.settings.model_dump(mode="json"),
        "folder": str(record.folder.resolve()),
        "revision": record.revision,
        "source": found.edge["source"],
        "target": found.edge["target"],
        "captures": [(str(path.resolve()), name) for path, name in found.captures],
        "comment": comment_of(record, found, state.settings),
        "application": f"FlowMap {__version__}",
    }
    return json.dumps(command).encode() + b"\n"


async def _started(command: bytes, request: Request, settings: Settings) -> Process:
    """A worker that has found its first packets; :class:`Problem` 409 with its sentence when it cannot.

    It may read for minutes before that: it ends when the client leaves.
    """
    process = await asyncio.create_subprocess_exec(
        *command_of("flowmap.api.packets_worker"),
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd="/", start_new_session=True, limit=PIECE_BYTES,
    )  # fmt: skip
    limit_worker(process.pid, settings)
    try:
        assert process.stdin and process.stdout
        process.stdin.write(command)
        await process.stdin.drain()
        line = asyncio.ensure_future(process.stdout.readline())
        while not (await asyncio.wait({line}, timeout=_LOOK_S))[0]:
            if await request.is_disconnected():
                line.cancel()
                raise Problem(409, "The download was given up before its first packet.")
        head = line.result()
        error = json.loads(head).get("error") if head else "The download could not be started; try again."
        if error:
            raise Problem(409, error)
    except BaseException:
        await _end(process)
        raise
    return process


class _Download(StreamingResponse):
    """Sends what a worker writes; whatever happens to the client, the worker ends with the response.

    A client that takes nothing for ``upload_stall_s`` has given it up, too: the connection breaks off.
    """

    def __init__(self, state: ServerState, process: Process, disposition: str) -> None:
        super().__init__(
            self._pieces(), media_type="application/x-pcapng", headers={"Content-Disposition": disposition}
        )
        self._state, self._process = state, process

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        """Send the response."""

        async def send_in_time(message: Message) -> None:
            await asyncio.wait_for(send(message), self._state.settings.upload_stall_s)

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            self._state.downloads -= 1
            await asyncio.shield(_end(self._process))

    async def _pieces(self) -> AsyncIterator[bytes]:
        assert self._process.stdout
        while piece := await self._process.stdout.read(PIECE_BYTES):
            yield piece
        if await self._process.wait():
            # The connection breaks off, so that no browser takes the file for whole.
            raise RuntimeError("the worker of a download ended early")


async def _end(process: Process) -> None:
    """End the worker and take what it left in the pipe, which stays open otherwise."""
    assert process.stdout
    try:
        process.terminate()
    except ProcessLookupError:
        pass
    try:
        await asyncio.wait_for(process.wait(), 5.0)
    except TimeoutError:
        process.kill()
        await process.wait()
    while await process.stdout.read(PIECE_BYTES):
        pass
