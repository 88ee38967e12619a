"""The server's application: everything put together.

``create_app(settings)`` makes no connection and starts no process; jobs that a former server left over, and the
captures to open, are started when the application starts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI

from flowmap import __version__
from flowmap.api import problems
from flowmap.api.auth import Access
from flowmap.api.guard import Guard
from flowmap.api.health import Health
from flowmap.api.jobs import Jobs
from flowmap.api.journal import AnswersSeen, Journal
from flowmap.api.log import close_log, log_event, log_to
from flowmap.api.maps import Maps
from flowmap.api.metrics import Metrics
from flowmap.api.opened import OpenedCaptures, open_in_place
from flowmap.api.routes import analysis, events, export, graph, health, live, maps, packets, report, uploads
from flowmap.api.state import ServerState
from flowmap.api.static_files import StaticFiles, static_table
from flowmap.export.web_files import web_folder
from flowmap.settings import Settings

log = logging.getLogger("flowmap.api")

RETENTION_INTERVAL_S = 600.0


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
    access = Access(token, https=settings.behind_tls)
    all_maps = Maps(settings)
    log_to(settings, whole_server=True)
    metrics = Metrics()
    journal = Journal(metrics)
    jobs = Jobs(settings, all_maps, journal.worker_told)
    state = ServerState(settings, all_maps, jobs, static_table(web_folder()), Health(settings), metrics, journal)
    metrics.watch(state)
    all_maps.watch(journal.map_changed)
    records = [open_in_place(all_maps, captures, replace=True) for captures in opened or ()]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state.jobs.resume()
        for record in records:
            state.jobs.start_analysis(record)
        tasks = [asyncio.create_task(work) for work in (_keep_retention(all_maps), state.health.loop_lag.measure())]
        log_event("server_started", version=__version__, maps=len(all_maps.all()))
        yield
        for task in tasks:
            task.cancel()
        state.end_streams()
        await asyncio.to_thread(state.jobs.close)
        log_event("server_ended")
        close_log()

    app = FastAPI(title="FlowMap", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.server, app.state.access = state, access
    app.state.opened = [record.id for record in records]
    problems.install(app)
    for module in (maps, uploads, analysis, graph, packets, export, report, live, events, health):
        app.include_router(module.router, responses=problems.RESPONSES)
    app.add_middleware(StaticFiles, table=state.static)
    free_paths = {"/", "/healthz", *state.static}
    app.add_middleware(Guard, access=access, settings=settings, free_paths=free_paths)
    app.add_middleware(AnswersSeen, journal=journal)  # the last one is the outer one
    return app


async def _keep_retention(all_maps: Maps) -> None:
    while True:
        try:
            await asyncio.to_thread(all_maps.apply_retention)
        except OSError:  # the next round comes all the same
            log.exception("what has been kept long enough could not be looked through")
        await asyncio.sleep(RETENTION_INTERVAL_S)
