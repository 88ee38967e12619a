"""``/api/maps/{id}/live`` and ``/api/interfaces``: capture from an interface of this machine."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from flowmap.api.problems import SafeJSON
from flowmap.api.state import State, status
from flowmap.capture.interfaces import interfaces
from flowmap.capture.live import STANDARD_INPUT, capture_problem, check_live
from flowmap.errors import UsageError

router = APIRouter()


class Limits(BaseModel):
    """When a live capture ends by itself; the server's settings are defaults and maxima."""

    seconds: Annotated[int | None, Field(ge=1)] = None
    bytes: Annotated[int | None, Field(ge=1)] = None
    packets: Annotated[int | None, Field(ge=1)] = None


class LiveRequest(BaseModel):
    """``{"interface": "veth0", "filter": "tcp port 80"|null, "limits": {"seconds", "bytes", "packets"}}``."""

    interface: Annotated[str, Field(max_length=64)]
    filter: str | None = None
    limits: Limits = Limits()


@router.post("/api/maps/{map_id}/live", status_code=202)
def start_live(state: State, map_id: str, body: LiveRequest) -> Response:
    """202 and the map's status (``live``); its inventory and points count, and what it showed before is replaced.

    409 when the map is worked on or too many captures run, 422 for an unknown interface or a wrong filter.
    """
    record = state.maps.get(map_id)
    state.maps.check_idle(record)
    if body.interface == STANDARD_INPUT:
        raise UsageError("A server cannot capture from its standard input; name an interface.")
    settings = state.settings
    check_live(body.interface, body.filter, settings)
    live = {
        "interface": body.interface,
        "filter": body.filter or None,
        "seconds": min(body.limits.seconds or settings.live_seconds, settings.live_seconds),
        "bytes": min(body.limits.bytes or settings.live_bytes, settings.live_bytes),
        "packets": min(body.limits.packets or settings.live_packets, settings.live_packets),
    }
    state.jobs.start_live(record, live)
    return SafeJSON(status(state, record), 202)


@router.delete("/api/maps/{map_id}/live", status_code=202)
def stop_live(state: State, map_id: str) -> Response:
    """202 and the map's status; it becomes ``done`` or ``partial`` when the last packets are in the map."""
    record = state.maps.get(map_id)
    state.jobs.stop_live(record)
    return SafeJSON(status(state, record), 202)


@router.get("/api/interfaces")
def list_interfaces(state: State) -> Response:
    """``{"interfaces": [{"name", "description", "up": bool, "loopback": bool}], "problem": sentence|null,
    "limits": {"seconds", "bytes", "packets"}}``; ``problem`` says why this server cannot capture."""
    settings = state.settings
    return SafeJSON(
        {
            "interfaces": interfaces(),
            "problem": capture_problem(settings),
            "limits": {
                "seconds": settings.live_seconds,
                "bytes": settings.live_bytes,
                "packets": settings.live_packets,
            },
        }
    )
