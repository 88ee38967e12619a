"""The server's application: everything put together.

``create_app(settings)`` makes no connection and starts no process; jobs that a former server left over, and the
captures to open, are started when the application starts.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from flowmap.api import problems
from flowmap.api.auth import Access
from flowmap.api.guard import Guard
from flowmap.api.jobs import Jobs
from flowmap.api.log import log_to
from flowmap.api.maps import MapRecord, Maps, StoredFile
from flowmap.api.routes import analysis, events, export, graph, health, live, maps, packets, report, uploads
from flowmap.api.state import ServerState
from flowmap.api.static_files import static_table
from flowmap.export.web_files import web_folder
from flowmap.inventory import host_and_path
from flowmap.reading import labels_of
from flowmap.settings import Settings

RETENTION_INTERVAL_S = 600.0


@dataclass(frozen=True, slots=True)
class OpenedCaptures:
    """Captures to show from the start: read in place, with inventory files and a points document (DESIGN section 4)."""

    captures: tuple[Path, ...]
    labels: tuple[str, ...]
    inventory: tuple[Path, ...] = ()
    points: dict[str, Any] = field(default_factory=lambda: {"hosts": {}, "points": []})


def create_app(
    settings: Settings, *, token: str | None = None, opened: Sequence[OpenedCaptures] | None = None
) -> FastAPI:
    """The ASGI application of DESIGN section 7.

    Parameters
    ----------
    settings : Settings
        Limits, and the data folder, which must belong to this server alone.
    token : str, optional
        What guards it; a random one when not given. ``app.state.access`` holds it.
    opened : sequence of OpenedCaptures, optional
        One map each; ``app.state.opened`` lists their ids.

    Raises
    ------
    FlowMapError
        When the data folder cannot be used.
    """
    settings = settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})
    access = Access(token)
    all_maps = Maps(settings)
    log_to(settings.data_dir)
    state = ServerState(settings, all_maps, Jobs(settings, all_maps), static_table(web_folder()))
    records = [_open(all_maps, captures) for captures in opened or ()]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state.jobs.resume()
        for record in records:
            state.jobs.start_analysis(record)
        retention = asyncio.create_task(_keep_retention(all_maps))
        yield
        retention.cancel()
        state.end_streams()
        await asyncio.to_thread(state.jobs.close)

    app = FastAPI(title="FlowMap", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.server, app.state.access = state, access
    app.state.opened = [record.id for record in records]
    problems.install(app)
    for module in (maps, uploads, analysis, graph, packets, export, report, live, events, health):
        app.include_router(module.router)
    app.add_middleware(Guard, access=access, settings=settings, free_paths={"/", "/healthz", *state.static})
    return app


def _open(all_maps: Maps, opened: OpenedCaptures) -> MapRecord:
    """A map of captures that stay where they are; an earlier map of the same files is replaced."""
    places = [str(path.resolve()) for path in opened.captures]
    for old in all_maps.all():
        if [file.path for file in old.captures] == places:
            all_maps.delete(old)
    record = all_maps.create(", ".join(opened.labels))
    for path, label in zip(opened.captures, opened.labels, strict=True):
        status = path.stat()
        file = StoredFile(
            f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}", label, status.st_size, status.st_mtime,
            path=str(path.resolve()),
        )  # fmt: skip
        all_maps.change(record, captures=[*record.captures, file])
    given = [host_and_path(str(path)) for path in opened.inventory]
    labels = labels_of([path for _, path in given])
    for (host, path), label in zip(given, labels, strict=True):
        content, modified_ns = path.read_bytes(), path.stat().st_mtime_ns
        file = StoredFile(secrets.token_hex(16), label, len(content), record.created_s, modified_ns, host)
        (record.folder / "inventory" / file.id).write_bytes(content)
        all_maps.change(record, inventory=[*record.inventory, file])
    all_maps.change(record, points=opened.points)
    return record


async def _keep_retention(all_maps: Maps) -> None:
    while True:
        await asyncio.to_thread(all_maps.apply_retention)
        await asyncio.sleep(RETENTION_INTERVAL_S)
