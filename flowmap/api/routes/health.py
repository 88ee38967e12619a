"""``/healthz``, ``/metrics``, and the answer where nothing is."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Response

from flowmap.api.problems import Problem, SafeJSON
from flowmap.api.state import State

router = APIRouter()


@router.get("/healthz")
def healthz() -> Response:
    """``{"status": "ok"}``, without a token."""
    return SafeJSON({"status": "ok"})


@router.get("/metrics")
def metrics(state: State) -> Response:
    """Counts in the Prometheus text format: maps by state, jobs by state, bytes of kept captures, event streams."""
    records = state.maps.all()
    kept = sum(file.size_bytes for record in records for file in record.captures if file.kept and not file.path)
    lines = ["# TYPE flowmap_maps gauge"]
    lines += [f'flowmap_maps{{state="{name}"}} {count}' for name, count in Counter(r.state for r in records).items()]
    lines += ["# TYPE flowmap_jobs gauge"]
    lines += [f'flowmap_jobs{{state="{name}"}} {count}' for name, count in state.jobs.counts().items()]
    lines += ["# TYPE flowmap_captures_bytes gauge", f"flowmap_captures_bytes {kept}"]
    lines += ["# TYPE flowmap_event_streams gauge", f"flowmap_event_streams {state.event_streams}"]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
def nothing(path: str) -> Response:
    """404: the page's files are answered before (:class:`flowmap.api.static_files.StaticFiles`)."""
    raise Problem(404, "There is nothing at this address.")
