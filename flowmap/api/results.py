"""A map's result as the API shows it: opened for questions, with the times of view endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flowmap.api.maps import MapRecord
from flowmap.api.problems import Problem
from flowmap.packets import NO_TIME
from flowmap.settings import Settings
from flowmap.store.opened import EarlierVersion, OpenResult, opened


@contextmanager
def views(record: MapRecord, settings: Settings) -> Iterator[OpenResult]:
    """The newest result of a map; :class:`Problem` 409 where an earlier FlowMap made it."""
    try:
        with opened(record.folder, record.revision, settings) as result:
            yield result
    except EarlierVersion as error:
        raise Problem(409, str(error)) from error


def milliseconds(time_ns: int | None, t0_ns: int | None) -> float | None:
    """A time of a view endpoint: milliseconds from ``t0_ns``."""
    return None if time_ns is None or t0_ns is None or time_ns == NO_TIME else (time_ns - t0_ns) / 1e6


def with_view_times(row: dict[str, Any], t0_ns: int | None) -> dict[str, Any]:
    """The same row with ``first_ms`` and ``last_ms`` instead of ``first_seen_ns`` and ``last_seen_ns``."""
    shown = {name: value for name, value in row.items() if name not in ("first_seen_ns", "last_seen_ns")}
    return shown | {
        "first_ms": milliseconds(row["first_seen_ns"], t0_ns),
        "last_ms": milliseconds(row["last_seen_ns"], t0_ns),
    }
