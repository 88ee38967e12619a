"""``/api/maps/{id}/export/{format}``: the map as a file."""

from __future__ import annotations

import re
from io import BytesIO
from urllib.parse import quote

from fastapi import APIRouter, Response

from flowmap.api import results
from flowmap.api.problems import Problem
from flowmap.api.state import State
from flowmap.export import FORMATS

router = APIRouter()


@router.get("/api/maps/{map_id}/export/{format}")
def export_map(state: State, map_id: str, format: str) -> Response:
    """The whole map in a format of :data:`flowmap.export.FORMATS` as an attachment; 422 for an unknown one."""
    record = state.map_with_result(map_id)
    chosen = FORMATS.get(format)
    if chosen is None:
        raise Problem(422, f"There is no such format; choose one of {', '.join(FORMATS)}.")
    stream = BytesIO()
    chosen.write(results.load_document(record.folder, record.revision), stream)
    name = quote((re.sub(r"[^\w.-]+", "-", record.name).strip("-.")[:80] or "map") + chosen.file_suffix)
    return Response(
        stream.getvalue(),
        media_type=chosen.media_type,
        headers={
            "Content-Disposition": f"attachment; filename=\"flowmap{chosen.file_suffix}\"; filename*=UTF-8''{name}"
        },
    )
