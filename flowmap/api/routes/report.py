"""``/api/maps/{id}/report``: the blind-spot report of the whole map."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from flowmap.api.problems import Problem
from flowmap.api.state import State
from flowmap.report import FORMATS, make_report
from flowmap.report.html import content_security_policy
from flowmap.store.result import load_document

router = APIRouter()


@router.get("/api/maps/{map_id}/report", response_class=Response)
def get_report(state: State, map_id: str, format: Annotated[str, Query(max_length=16)] = "json") -> Response:
    """The report as ``md``, ``html`` or ``json`` (:func:`flowmap.report.content.as_json`), made from the document.

    422 for another format, 409 before the first result. The HTML file carries its own style, so it is answered with
    the policy that stands in it, and in a sandbox, instead of the page's.
    """
    record = state.map_with_result(map_id)
    chosen = FORMATS.get(format)
    if chosen is None:
        raise Problem(422, f"There is no such format of a report; choose one of {', '.join(FORMATS)}.")
    document = load_document(record.folder, record.revision)
    if "grades" not in document["graph"]:
        raise Problem(409, "An earlier FlowMap made this map, without what a report needs; start its analysis again.")
    report = make_report(document)
    name = quote((re.sub(r"[^\w.-]+", "-", record.name).strip("-.")[:80] or "map") + chosen.suffixes[0])
    headers = {
        "Content-Disposition": f"inline; filename=\"flowmap{chosen.suffixes[0]}\"; filename*=UTF-8''report-{name}"
    }
    if format == "html":
        headers["Content-Security-Policy"] = f"{content_security_policy()}; frame-ancestors 'none'; sandbox"
    return Response(chosen.text_of(report).encode(), media_type=chosen.media_type, headers=headers)
