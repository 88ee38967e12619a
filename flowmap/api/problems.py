"""Every error of the API as an RFC 9457 problem document.

``{"type": "about:blank", "title": "Conflict", "status": 409, "detail": "one sentence for people"}``, with ``id`` where
the fault is ours and the details are in the log under that id. A sentence never holds a path, a header or a traceback.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from flowmap.api.log import log_fault
from flowmap.errors import FlowMapError, LimitError, ToolError
from flowmap.export import dumps

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "An error: a problem document (RFC 9457).",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"const": "about:blank"},
                        "title": {"type": "string", "minLength": 1},
                        "status": {"type": "integer", "minimum": 400, "maximum": 599},
                        "detail": {"type": "string", "minLength": 1},
                        "id": {"type": "string"},
                    },
                }
            }
        },
    }
}
"""What every route may answer besides, for the schema of the API."""


class SafeJSON(JSONResponse):
    """JSON whose control, format and surrogate characters are escaped: its text comes from packets."""

    def render(self, content: Any) -> bytes:
        """Serialise as exports are."""
        return dumps(content).encode()


class Problem(Exception):
    """An answer that is an error: HTTP status and the sentence to show; ``cap`` names the limit behind it."""

    def __init__(self, status: int, detail: str, *, cap: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.cap = status, detail, cap


def problem_response(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The problem document (RFC 9457 section 3.1)."""
    return SafeJSON(
        {"type": "about:blank", "title": _title(status), "status": status, "detail": detail, **more},
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


def fault_response(error: BaseException) -> Response:
    """500 for a bug of ours: an id for people, the details in the log under it."""
    fault = log_fault(error)
    return problem_response(500, f"FlowMap made a mistake; the server's log tells more under the id {fault}.", id=fault)


def status_of(error: FlowMapError) -> int:
    """The HTTP status of an error that FlowMap raised on purpose."""
    if isinstance(error, LimitError):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if isinstance(error, ToolError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    if error.cap:
        request.app.state.server.journal.cap_reached(error.cap)
    return problem_response(error.status, error.detail)


async def _flowmap_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FlowMapError)
    return problem_response(status_of(error), str(error))


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {
        404: "There is nothing at this address.",
        405: f"{request.method} is not possible at this address.",
        400: "The body of the request cannot be read as JSON.",
    }.get(error.status_code, _title(error.status_code) + ".")
    return problem_response(error.status_code, detail, headers=error.headers)


async def _os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in DISK_FULL:
        return problem_response(507, "The disk with the data folder is full; delete maps or make room.")
    if isinstance(error, FileNotFoundError) and (map_id := request.path_params.get("map_id")):
        try:
            request.app.state.server.maps.get(map_id)
        except Problem as problem:  # it was deleted while somebody asked
            return problem_response(problem.status, problem.detail)
    return fault_response(error)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    parts = [f"{'.'.join(str(part) for part in row['loc'][1:]) or 'the body'}: {row['msg']}" for row in error.errors()]
    return problem_response(422, f"The request is wrong: {'; '.join(parts[:5])}.")


def install(app: FastAPI) -> None:
    """Register a handler for every kind of error but bugs, which the guard answers."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(FlowMapError, _flowmap_error)
    app.add_exception_handler(OSError, _os_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation)
