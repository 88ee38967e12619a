"""What every route works with, and the shape of a map's status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, get_args

from fastapi import Depends, Request

from flowmap.api.health import Health
from flowmap.api.jobs import Jobs
from flowmap.api.journal import Journal
from flowmap.api.maps import BUSY, MapRecord, Maps, StoredFile
from flowmap.api.metrics import Metrics
from flowmap.api.problems import Problem
from flowmap.api.retention import kept_s
from flowmap.api.static_files import StaticFile
from flowmap.capture.live_end import EndedBy
from flowmap.settings import Settings


@dataclass(slots=True)
class ServerState:
    """The parts of one server.

    ``event_streams``, ``downloads`` and ``uploads`` count open ones; ``closing`` ends the streams.
    ``upload_bytes_to_come`` have been announced by the uploads and are not on the disk yet.
    """

    settings: Settings
    maps: Maps
    jobs: Jobs
    static: dict[str, StaticFile]
    health: Health
    metrics: Metrics
    journal: Journal
    event_streams: int = 0
    downloads: int = 0
    uploads: int = 0
    upload_bytes_to_come: int = 0
    closing: bool = False

    def end_streams(self) -> None:
        """Let every event stream end; safe to call from a signal handler."""
        self.closing = True
        self.maps.wake()

    def map_with_result(self, map_id: str) -> MapRecord:
        """A map that has a result; :class:`Problem` 409 before the first."""
        record = self.maps.get(map_id)
        if not record.revision:
            raise Problem(409, record.error or "This map has no result yet; start its analysis, or wait for its end.")
        return record


_NO_LIVE_FACTS: dict[str, Any] = {
    "elapsed_s": 0.0, "captured_bytes": 0, "dropped_packets": None, "dropped_by_interface": {}, "behind_bytes": 0,
    "missed_by_interface": {}, "held_up_s": 0.0, "interfaces": [], "kept_packets": None, "problem": None,
    "ended_by": None, "end": None,
}  # fmt: skip
"""What stands for what the worker has not told yet."""


def _state(request: Request) -> ServerState:
    state = request.app.state.server
    assert isinstance(state, ServerState)
    return state


State = Annotated[ServerState, Depends(_state)]


def t0_text(record: MapRecord) -> str | None:
    """``t0_ns`` as view endpoints give it: a string, because JavaScript's numbers are too short for it."""
    return None if record.t0_ns is None else str(record.t0_ns)


def status(state: ServerState, record: MapRecord) -> dict[str, Any]:
    """A map's status::

        {"id", "name", "state": "new|queued|running|done|partial|failed|cancelled|live",
         "progress": {"stage", "packets", "share": float|null} | null, "complete": bool|null, "error": sentence|null,
         "revision": int, "created_at": RFC 3339, "expires_at": RFC 3339|null, "t0_ns": str|null, "stale": bool,
         "captures": [{"name", "size_bytes", "uploaded_at", "kept": bool, "expires_at": RFC 3339|null}],
         "inventory": [{"name", "size_bytes", "modified_ms": int|null, "host": str|null}],
         "points": {"hosts", "points"},
         "live": {"interface", "interfaces": [{"name", "role", "host", "covers", "sampled"}], "filter",
                  "seconds", "bytes", "packets", "elapsed_s", "captured_bytes", "dropped_packets": int|null,
                  "dropped_by_interface": {name: int|null}, "missed_by_interface": {name: int|null},
                  "behind_bytes", "held_up_s", "kept_packets": int|null, "problem": sentence|null,
                  "ended_by": str|null, "end": sentence|null} | null}

    ``revision`` is 0 without a result; ``stale`` means that inputs changed since it was made. Of a live capture,
    ``seconds``, ``bytes`` and ``packets`` are its limits; dropped packets are null while nobody has told them, which
    dumpcap does at its end. What is known before: frames that an interface has missed by its own counters (part of
    the drops later, null without counters); ``behind_bytes``, captured and not yet read; ``held_up_s``, for how long
    so much was waiting that nothing more was read. ``kept_packets`` are in a capture of the map, null for none.

    ``ended_by`` is null while it captures; then one of its limits (``seconds``, ``bytes``, ``packets``), ``stop`` (by
    hand), ``unwatched``, ``cancelled``, ``server`` (it ended), or what went wrong: ``interface`` (went away or down),
    ``dumpcap``, ``damage`` (of the stream) or ``failure`` (of FlowMap; ``error`` says which). ``end`` says it in words.
    """
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "progress": record.progress if record.state in BUSY else None,
        "complete": record.complete if record.revision else None,
        "error": record.error,
        "revision": record.revision,
        "created_at": _time_text(record.created_s),
        "expires_at": _time_text(record.finished_s + state.settings.keep_maps_s)
        if state.settings.keep_maps_s
        else None,
        "t0_ns": t0_text(record),
        "stale": bool(record.revision) and record.judged != record.inputs(),
        "captures": [_capture(state, record, file) for file in record.captures],
        "inventory": [
            {
                "name": file.name,
                "size_bytes": file.size_bytes,
                "modified_ms": None if file.modified_ns is None else file.modified_ns // 1_000_000,
                "host": file.host,
            }
            for file in record.inventory
        ],
        "points": record.points,
        "live": record.live and {**_NO_LIVE_FACTS, **record.live, **record.live_facts},
    }


STATUS_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The status, as flowmap.api.state.status has it.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["id", "state", "live"],
                    "properties": {
                        "live": {
                            "type": ["object", "null"],
                            "required": ["ended_by", "end"],
                            "properties": {
                                "ended_by": {"enum": [*get_args(EndedBy), None]},
                                "end": {"type": ["string", "null"], "minLength": 1},
                            },
                        }
                    },
                }
            }
        },
    }
}
"""What the schema of the API says of a status: the words on which programs decide."""


def _capture(state: ServerState, record: MapRecord, file: StoredFile) -> dict[str, Any]:
    lasts = not file.path and file.kept
    expires = _time_text(file.uploaded_s + kept_s(record, file, state.settings)) if lasts else None
    return {
        "name": file.name,
        "size_bytes": file.size_bytes,
        "uploaded_at": _time_text(file.uploaded_s),
        "kept": file.kept,
        "expires_at": expires,
    }


def _time_text(seconds: float) -> str:
    return (
        datetime.fromtimestamp(min(seconds, 253_402_300_799), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
