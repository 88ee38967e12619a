"""``/healthz``, ``/metrics``, and the answer where nothing is."""

from __future__ import annotations

from fastapi import APIRouter, Response

from flowmap.api.metrics import CONTENT_TYPE
from flowmap.api.problems import Problem, SafeJSON, problem_response
from flowmap.api.state import State

router = APIRouter()


@router.get("/healthz")
def healthz(state: State) -> Response:
    """``{"status": "ok"}``, without a token; 503 with a sentence that holds no data when the server is not well."""
    problems = state.health.problems()
    return problem_response(503, " ".join(problems)) if problems else SafeJSON({"status": "ok"})


@router.get("/metrics", response_class=Response)
def metrics(state: State) -> Response:
    """Counts in the Prometheus text format (:mod:`flowmap.api.metrics`)."""
    return Response(state.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@router.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
def nothing(path: str) -> Response:
    """404: the page's files are answered before (:class:`flowmap.api.static_files.StaticFiles`)."""
    raise Problem(404, "There is nothing at this address.")
