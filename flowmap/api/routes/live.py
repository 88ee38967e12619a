"""``/api/maps/{id}/live`` and ``/api/interfaces``: capture from interfaces of this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from flowmap.api.jobs import NO_LIVE
from flowmap.api.maps import MapRecord
from flowmap.api.problems import SafeJSON
from flowmap.api.state import State, status
from flowmap.capture.interfaces import interfaces
from flowmap.capture.live import FILE, STANDARD_INPUT
from flowmap.capture.live_checks import capture_problem, check_live
from flowmap.capture.points import Statements, statements_of
from flowmap.errors import UsageError
from flowmap.settings import MOST_LIVE_S

router = APIRouter()

MOST_NAMED = 64
"""Interfaces of one request; how many can be captured together is a setting."""

Name = Annotated[str, Field(min_length=1, max_length=64)]


class Limits(BaseModel):
    """When a live capture ends by itself; the server's settings are defaults and maxima.

    What a capture could never be, like a longer one than a day, is refused instead of being made less.
    """

    seconds: Annotated[int | None, Field(ge=1, le=MOST_LIVE_S)] = None
    bytes: Annotated[int | None, Field(ge=1)] = None
    packets: Annotated[int | None, Field(ge=1)] = None


class LiveInterface(BaseModel):
    """One of several interfaces, and what it is as in a row of the points file."""

    name: Name
    role: Annotated[str | None, Field(max_length=16)] = None
    host: Annotated[str | None, Field(max_length=253)] = None
    covers: Annotated[str, Field(max_length=253)] = ""
    sampled: Annotated[int | None, Field(ge=1, lt=1 << 31)] = None


class LiveRequest(BaseModel):
    """What to capture, for example::

        {"interface": "veth0", "filter": "tcp port 80"|null, "limits": {"seconds", "bytes", "packets"}}
        {"interfaces": [{"name": "vnet0", "role": "vnic", "host": "esx-01"}, {"name": "bond0", "role": "uplink"}]}

    One filter and one set of limits hold for all interfaces together.
    """

    interface: Name | None = None
    interfaces: Annotated[list[LiveInterface], Field(max_length=MOST_NAMED)] = []
    filter: str | None = None
    limits: Limits = Limits()

    def wanted(self) -> list[LiveInterface]:
        """The interfaces, however they were named."""
        if (self.interface is None) == (not self.interfaces):
            raise UsageError("Name what to capture either as 'interface' or as a list of 'interfaces'.")
        return self.interfaces or [LiveInterface(name=self.interface or "")]


@router.post("/api/maps/{map_id}/live", status_code=202)
def start_live(state: State, map_id: str, body: LiveRequest) -> Response:
    """202 and the map's status (``live``); its inventory and points count, and what it showed before is replaced.

    Role, host, ``covers`` and ``sampled`` of an interface become statements about it in the map's points. 409 when the
    map is worked on or too many captures run, 422 for an unknown interface, role or a wrong filter, 503 when this
    machine cannot capture.
    """
    record = state.maps.get(map_id)
    state.maps.check_idle(record)
    wanted = body.wanted()
    names = [interface.name for interface in wanted]
    if STANDARD_INPUT in names:
        raise UsageError("A server cannot capture from its standard input; name an interface.")
    settings = state.settings
    check_live(names, body.filter, settings)
    statements = _with_statements(record, wanted)
    live = {
        "interface": ", ".join(names),
        "interfaces": [interface.model_dump() for interface in wanted],
        "filter": body.filter or None,
        "seconds": min(body.limits.seconds or settings.live_seconds, settings.live_seconds),
        "bytes": min(body.limits.bytes or settings.live_bytes, settings.live_bytes),
        "packets": min(body.limits.packets or settings.live_packets, settings.live_packets),
    }
    state.jobs.start_live(record, live, statements)
    return SafeJSON(status(state, record), 202)


def _with_statements(record: MapRecord, wanted: list[LiveInterface]) -> Statements | None:
    """The map's statements with those about the interfaces; None when the request says nothing about any."""
    rows = [_row(interface) for interface in wanted]
    said = [row for row in rows if len(row) > 2]
    if not said:
        return None
    new = statements_of({"points": said}, "The request")
    named = {(row["file"], row["interface"]) for row in said}
    before = statements_of(record.points, "The points of the map")
    kept = [row for row in before.points if (row.file, row.interface) not in named or row.session is not None]
    return replace(before, points=kept + new.points)


def _row(interface: LiveInterface) -> dict[str, Any]:
    """What is said of an interface as a row of the points file: two entries where that is nothing."""
    facts = {key: value for key, value in interface.model_dump(exclude={"name"}).items() if value}
    return {"file": FILE, "interface": interface.name, **facts}


@router.delete("/api/maps/{map_id}/live", status_code=202)
def stop_live(state: State, map_id: str) -> Response:
    """202 and the map's status; it becomes ``done`` or ``partial`` when the last packets and names are in the map.

    ``live.ended_by`` is ``stop`` then, unless the capture had come to its end before.
    """
    record = state.maps.get(map_id)
    state.jobs.stop_live(record)
    return SafeJSON(status(state, record), 202)


@router.get("/api/interfaces")
def list_interfaces(state: State) -> Response:
    """What can be captured here::

        {"interfaces": [{"name", "description", "up": bool, "loopback": bool}], "problem": sentence|null,
         "limits": {"seconds", "bytes", "packets"}, "running": int, "most_running": int, "most_interfaces": int}

    ``problem`` says why this server cannot capture; ``running`` live captures of ``most_running`` go on now.
    """
    settings = state.settings
    return SafeJSON(
        {
            "interfaces": interfaces(),
            "problem": capture_problem(settings) if settings.max_live else NO_LIVE,
            "limits": {
                "seconds": settings.live_seconds,
                "bytes": settings.live_bytes,
                "packets": settings.live_packets,
            },
            "running": state.jobs.counts()["live"],
            "most_running": settings.max_live,
            "most_interfaces": settings.max_live_interfaces,
        }
    )
