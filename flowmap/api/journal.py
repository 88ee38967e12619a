"""Turns what happens in a server into counters and lines of the log: jobs, uploads, limits, refusals.

It watches the maps, so that nothing has to tell it that a job began or ended; it hears the events of the workers; and
as the outermost layer of the application it sees the status of every answer.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import Any

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowmap.api.log import log_event
from flowmap.api.maps import MapRecord
from flowmap.api.metrics import ENDS, UPLOAD_RESULTS, Metrics

REFUSALS_TOLD_S = 60.0
REFUSALS = (401, 403, 421, 429)
UPLOAD_CAPS = {
    ("captures", "too_large"): "max_upload_bytes", ("inventory", "too_large"): "max_inventory_bytes",
    ("", "no_room"): "min_free_bytes", ("", "too_many"): "max_uploads",
}  # fmt: skip
"""Kind (any, where it is empty) and result of an upload, and the limit behind it."""

_UPLOAD = re.compile(r"/api/maps/[^/]+/(captures|inventory)/")


class _Running:
    """One job: how it goes, and how much of it was counted already."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.began_s: float | None = None
        self.counted = {"frames": 0, "bytes": 0, "dropped": 0}
        self.caps: set[str] = set()
        self.fault: str | None = None


class Journal:
    """What one server did. Safe to call from any thread.

    Parameters
    ----------
    metrics : Metrics
        Its counters.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        self._refused: dict[int, int] = {}
        self._refusals_told_s: float | None = None

    # --- jobs

    def map_changed(self, record: MapRecord | None) -> None:
        """A watcher of :class:`flowmap.api.maps.Maps`: sees jobs begin and end by the state of their map."""
        if record is None:
            return
        with self._lock:
            running = self._running.get(record.id)
            if record.state in ("queued", "running", "live") and not record.deleted:
                if running is None:
                    running = self._running[record.id] = _Running("live" if record.state == "live" else "analysis")
                if running.began_s is None and record.state != "queued":
                    running.began_s = time.monotonic()
                    log_event("job_started", map=record.id, kind=running.kind)
            elif running is not None and record.state in ENDS:
                del self._running[record.id]
                self._job_ended(record, running)

    def _job_ended(self, record: MapRecord, running: _Running) -> None:
        duration_s = None if running.began_s is None else time.monotonic() - running.began_s
        self._metrics.jobs.labels(running.kind, record.state).inc()
        if duration_s is not None:
            self._metrics.job_s.labels(running.kind).observe(duration_s)
        log_event(
            "job_ended", level=logging.WARNING if record.state == "failed" else logging.INFO,
            map=record.id, kind=running.kind, state=record.state, fault=running.fault,
            seconds=None if duration_s is None else round(duration_s, 3), **running.counted,
        )  # fmt: skip

    def worker_told(self, map_id: str, event: dict[str, Any]) -> None:
        """An event of :mod:`flowmap.api.worker`, before its map changes by it."""
        with self._lock:
            running = self._running.get(map_id)
            if running is None:
                return
            told: dict[str, Any] = {}
            if event["event"] == "progress" and running.kind == "live":
                told["frames"] = event.get("packets")
            elif event["event"] == ("result" if running.kind == "live" else "reading"):
                told |= {"frames": event.get("frames"), "bytes": event.get("bytes")}
            elif event["event"] == "live":
                told |= {"bytes": event.get("captured_bytes"), "dropped": event.get("dropped_packets")}
            self._count(running, told)
            for cap in event.get("caps", ()):
                if cap not in running.caps:
                    running.caps.add(cap)
                    self.cap_reached(cap, map_id)
            running.fault = event.get("fault")

    def _count(self, running: _Running, told: dict[str, Any]) -> None:
        """Add what is new of totals that grow in the course of a job."""
        source = "live" if running.kind == "live" else "file"
        counters: dict[str, Counter] = {
            "frames": self._metrics.frames.labels(source), "bytes": self._metrics.bytes.labels(source),
            "dropped": self._metrics.dropped,
        }  # fmt: skip
        for name, total in told.items():
            if isinstance(total, int) and total > running.counted[name]:
                counters[name].inc(total - running.counted[name])
                running.counted[name] = total

    # --- requests

    def cap_reached(self, cap: str, map_id: str | None = None) -> None:
        """A limit of the settings shaped a map, or made a request refused."""
        self._metrics.caps.labels(cap).inc()
        log_event("cap_reached", level=logging.WARNING, cap=cap, map=map_id)

    def answered(self, method: str, path: str, status: int) -> None:
        """A request got this status."""
        self._metrics.answers.labels(str(status)).inc()
        upload = _UPLOAD.match(path) if method == "PUT" else None
        if upload:
            result = UPLOAD_RESULTS.get(status, "failed")
            self._metrics.uploads.labels(upload[1], result).inc()
            log_event("upload", kind=upload[1], result=result)
            if cap := UPLOAD_CAPS.get((upload[1], result)) or UPLOAD_CAPS.get(("", result)):
                self.cap_reached(cap)
        elif status in REFUSALS:
            self._refusal(status)

    def _refusal(self, status: int) -> None:
        """Tell of refused requests once a minute, because whoever sends them decides how many there are."""
        with self._lock:
            self._refused[status] = self._refused.get(status, 0) + 1
            now_s = time.monotonic()
            if self._refusals_told_s is not None and now_s - self._refusals_told_s < REFUSALS_TOLD_S:
                return
            self._refusals_told_s = now_s
            told, self._refused = self._refused, {}
        log_event(
            "requests_refused", level=logging.WARNING, **{f"status_{status}": count for status, count in told.items()}
        )


class AnswersSeen:
    """The outermost layer: passes everything on as it is and notes the status of each answer."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app, self._journal = app, journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._journal.answered(scope["method"], scope["path"], message["status"])
            await send(message)

        await self._app(scope, receive, sent)
