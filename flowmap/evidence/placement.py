"""Who says on which host an endpoint is: a capture point or inventory rows, and how old those are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flowmap.identity.endpoints import Endpoint
from flowmap.inventory.records import BY_HAND, VnicRecord
from flowmap.packets import NO_TIME, mac_text

ROWS_SHOWN = 16
"""Inventory rows of one endpoint; a VM has at most ten NICs in the products that we know."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_FRESH, _STALE, _UNKNOWN = "fresh", "stale", "unknown"


def placement_of(endpoint: Endpoint, first_seen_ns: int, last_seen_ns: int, fresh_s: int) -> dict[str, Any]:
    """What places one endpoint, as JSON values.

    Parameters
    ----------
    endpoint
        The machine or group.
    first_seen_ns, last_seen_ns
        First and last packet of the captures, ``NO_TIME`` where none has a time.
    fresh_s
        Age in seconds up to which a row counts as fresh (``inventory_fresh_s``).

    Returns
    -------
    dict
        ``kind_how`` (where the kind of machine comes from), ``host``,
        ``how`` (``inventory``, ``move`` where it moved last, ``capture point`` or None), ``point`` (the id of
        that capture point),
        ``matched_by`` (``MAC`` or ``address``, None without rows), ``conflict`` (a sentence part or ""), ``rows`` and
        ``more_rows``. A row is ``stale`` or of ``unknown`` age where it allows ``likely`` at most.
    """
    how = endpoint.host_how if endpoint.host_how in ("inventory", "move") else "capture point"
    return {
        "kind_how": "by hand, on the page"
        if any(row.format == BY_HAND for row in endpoint.records)
        else endpoint.kind_how,
        "host": endpoint.host,
        "how": None if endpoint.host is None else how,
        "point": endpoint.host_how if endpoint.host is not None and how == "capture point" else None,
        "matched_by": endpoint.records_how or None,
        "conflict": endpoint.conflict,
        "rows": [_row(record, first_seen_ns, last_seen_ns, fresh_s) for record in endpoint.records[:ROWS_SHOWN]],
        "more_rows": max(0, len(endpoint.records) - ROWS_SHOWN),
    }


def _row(record: VnicRecord, first_seen_ns: int, last_seen_ns: int, fresh_s: int) -> dict[str, Any]:
    age, freshness = age_of(record.observed_at_ns, first_seen_ns, last_seen_ns, fresh_s)
    if record.format == BY_HAND:
        age = "by hand, on the page"
    return {
        "source": record.source,
        "row": record.row,
        "format": record.format,
        "vm": record.vm or record.vm_id,
        "host": record.host,
        "vswitch": record.vswitch,
        "network": record.network,
        "vlan": record.vlan,
        "interface": record.interface,
        "mac": mac_text(record.mac) if record.mac is not None else None,
        "observed_at": _utc(record.observed_at_ns),
        "observed_how": record.observed_how,
        "age": age,
        "freshness": freshness,
    }


def _utc(time_ns: int | None) -> str | None:
    """ISO 8601 in UTC, to the second; None also for a year that a calendar does not have."""
    if time_ns is None:
        return None
    try:
        return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def age_of(observed_at_ns: int | None, first_seen_ns: int, last_seen_ns: int, fresh_s: int) -> tuple[str, str]:
    """How old a row is against the capture, in words, and whether that is ``fresh``, ``stale`` or ``unknown``."""
    if observed_at_ns is None:
        return "age unknown", _UNKNOWN
    if first_seen_ns == NO_TIME:
        return "age unknown, the capture has no times", _UNKNOWN
    early_ns, late_ns = first_seen_ns - observed_at_ns, observed_at_ns - last_seen_ns
    freshness = _STALE if max(early_ns, late_ns) > fresh_s * 10**9 else _FRESH
    if early_ns > 0:
        return f"{_span(early_ns)} before the capture's first packet", freshness
    if late_ns > 0:
        return f"{_span(late_ns)} after the capture's last packet", freshness
    return "during the capture", freshness


def _span(length_ns: int) -> str:
    """The largest unit that gives 1 or more, cut and not rounded: 119 minutes are 1 h."""
    seconds = length_ns // 10**9
    for unit_s, name in _UNITS:
        if seconds >= unit_s:
            return f"{seconds // unit_s:,} {name}"
    return "less than 1 s"
