"""Which captures and maps have been kept long enough, or are too many; :class:`flowmap.api.maps.Maps` deletes them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from flowmap.settings import Settings

if TYPE_CHECKING:
    from flowmap.api.maps import MapRecord, StoredFile

UNREAD_S = 86_400
"""An upload that no job has had yet stays at least so long: the analysis is started after it."""


def kept_s(record: MapRecord, file: StoredFile, settings: Settings) -> float:
    """How long an uploaded capture is kept."""
    is_unread = file.uploaded_s > record.worked_s
    return max(settings.keep_captures_s, UNREAD_S) if is_unread else settings.keep_captures_s


def captures_to_delete(
    idle: Iterable[MapRecord], settings: Settings, now_s: float
) -> list[tuple[StoredFile, MapRecord]]:
    """Uploaded captures of idle maps that are too old, and the oldest read ones where all these are too large."""
    uploads = [(file, record) for record in idle for file in record.captures if file.kept and not file.path]
    uploads.sort(key=lambda upload: upload[0].uploaded_s)
    excess = -settings.keep_captures_bytes
    excess += sum(file.size_bytes for file, record in uploads if file.uploaded_s <= record.worked_s)
    found = []
    for file, record in uploads:
        is_read = file.uploaded_s <= record.worked_s
        if now_s - file.uploaded_s >= kept_s(record, file, settings) or (is_read and excess > 0):
            excess -= file.size_bytes if is_read else 0
            found.append((file, record))
    return found


def maps_to_delete(
    records: Collection[MapRecord], busy: Collection[str], settings: Settings, now_s: float
) -> list[MapRecord]:
    """Maps that are too old, and the oldest where all together are too large; the newest one stays."""
    idle = sorted((one for one in records if one.state not in busy), key=lambda one: one.finished_s)
    expired = [one for one in idle if settings.keep_maps_s and now_s - one.finished_s >= settings.keep_maps_s]
    if settings.keep_maps_bytes:
        rest = [one for one in idle if one not in expired]
        sizes = {one.id: _size_of(str(one.folder)) for one in records if one not in expired}
        excess = sum(sizes.values()) - settings.keep_maps_bytes
        for record in rest[:-1]:
            if excess > 0 and record.state != "new":  # somebody may be uploading into a new one
                excess -= sizes[record.id]
                expired.append(record)
    return expired


def _size_of(folder: str) -> int:
    """Bytes of all files below a folder, in which a job may be at work."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                path = os.path.join(here, name)
                total += 0 if os.path.islink(path) else os.lstat(path).st_size
            except OSError:
                continue  # it has just been renamed or removed
    return total
