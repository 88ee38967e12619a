"""``/api/maps/{id}/export/{format}``: the map as a file."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from flowmap.api.problems import Problem
from flowmap.api.state import State
from flowmap.export import FORMATS
from flowmap.export.anonymise import NAME, anonymised
from flowmap.store.result import load_document

router = APIRouter()


@router.get("/api/maps/{map_id}/export/{format}", response_class=Response)
def export_map(state: State, map_id: str, format: str, anonymize: Annotated[int, Query(ge=0, le=1)] = 0) -> Response:
    """The whole map in a format of :data:`flowmap.export.FORMATS` as an attachment; 422 for an unknown one.

    With ``anonymize=1`` addresses and names are pseudonyms, other ones for each request
    (:func:`flowmap.export.anonymise.anonymised`).
    """
    record = state.map_with_result(map_id)
    chosen = FORMATS.get(format)
    if chosen is None:
        raise Problem(422, f"There is no such format; choose one of {', '.join(FORMATS)}.")
    document, title = load_document(record.folder, record.revision), record.name
    if anonymize:
        document, title = anonymised(document), NAME
    stream = BytesIO()
    chosen.write(document, stream)
    name = quote((re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or "map") + chosen.file_suffix)
    return Response(
        stream.getvalue(),
        media_type=chosen.media_type,
        headers={
            "Content-Disposition": f"attachment; filename=\"flowmap{chosen.file_suffix}\"; filename*=UTF-8''{name}"
        },
    )
