"""The reading of a map: its legs and names as tables, so that it can be judged again without its captures.

``reading-<revision>/`` holds ``legs``, ``samples``, ``leg_slices`` and ``names`` as Parquet and ``reading.json``: what
was counted of the captures, the capture points and tunnels that legs number, address claims, and of which captures all
this is. The link ``reading.json`` beside it names the newest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flowmap.capture import CaptureInfo, Outcome
from flowmap.capture.names import LinkNeighbor, NameRecord
from flowmap.capture.outcome import Notice
from flowmap.capture.points import PointKey, Registry
from flowmap.export.safe_text import escape, unescape
from flowmap.leg_columns import FACTS, LegColumns
from flowmap.legs import COPIES_KEPT, LegRows, LegSet, Others, PointStatistics
from flowmap.packets import Claim, Tunnel
from flowmap.reading import Reading
from flowmap.store import columns
from flowmap.store.places import READING, newest, part_path, publish
from flowmap.tables import Table, Values, read_table, table_writer, write_table

FORMAT = 1
"""Goes up whenever what is written here changes its meaning: a reading of another format is not read."""

_KEY = ("protocol", "low_port", "high_port", "forward", "point", "src_mac", "dst_mac", "vlan", "outer_vlan", "tunnel")
_SUMS = ("slice_ns", "packets", "frame_bytes", "wire_bytes", "captured_bytes", "no_ip_packets", "five_tuples",
         "first_seen_ns", "last_seen_ns", "estimated")  # fmt: skip
"""Fields of a LegSet that JSON holds as they are."""


def save_reading(folder: Path, reading: Reading, captures: Sequence[str]) -> None:
    """Keep a reading in a map's folder, where it takes the place of the one before; ``captures`` are their ids."""

    def fill(part: Path) -> None:
        text = json.dumps({"format": FORMAT, "captures": list(captures), **_facts(reading)}, default=_plain)
        (part / READING.link).write_text(text, encoding="ascii")
        for table, given in _tables(reading):
            write_table(table_writer(folder), part, table, given)

    publish(folder, READING, fill)


def captures_read(folder: Path) -> list[str] | None:
    """The ids of the captures that the kept reading is of; None when there is none that this version can read."""
    try:
        facts = json.loads((folder / READING.link).read_bytes())
        captures = [str(one) for one in facts["captures"]]
        return captures if facts["format"] == FORMAT else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def load_reading(folder: Path) -> Reading:
    """What :func:`save_reading` kept."""
    part = part_path(folder, READING, newest(folder, READING))
    facts = json.loads((part / READING.link).read_bytes())
    registry = _registry(facts)
    *found, names = (read_table(table_writer(folder), part, table) for table in columns.OF_READING)
    legs = _legs(*found)
    leg_set = LegSet(
        legs=legs,
        claims=[Claim(*row) for row in facts["claims"]],
        points={number: PointStatistics(*row) for number, *row in facts["point_statistics"]},
        others=Others(**facts["others"]),
        **{name: facts[name] for name in _SUMS},
    )
    return Reading(
        registry,
        leg_set,
        names=_names(names),
        applications={(protocol, ip, port): name for protocol, ip, port, name in facts["applications"]},
        captures=[(CaptureInfo(**info), _outcome(outcome)) for info, outcome in facts["outcomes"]],
        neighbors=[LinkNeighbor(*row) for row in facts["neighbors"]],
    )


def _facts(reading: Reading) -> dict[str, Any]:
    legs, registry = reading.legs, reading.registry
    return {
        **{name: getattr(legs, name) for name in _SUMS},
        "claims": legs.claims,
        "point_statistics": [[number, *asdict(one).values()] for number, one in legs.points.items()],
        "others": asdict(legs.others),
        "max_points": registry.max_points,
        "points": [asdict(point) for point in registry.points],
        "tunnels": registry.tunnels,
        "applications": [[*service, name] for service, name in reading.applications.items()],
        "outcomes": [[asdict(info), asdict(outcome)] for info, outcome in reading.captures],
        "neighbors": reading.neighbors,
    }


def _plain(value: Any) -> Any:
    return value.item()  # a number of NumPy


def _registry(facts: dict[str, Any]) -> Registry:
    registry = Registry(facts["max_points"])
    for row in facts["points"]:
        neighbors = tuple(LinkNeighbor(*one) for one in row.pop("neighbors"))
        registry.point(PointKey(*row.pop("key")), neighbors=neighbors, **row)
    for row in facts["tunnels"]:
        registry.tunnel(Tunnel(*row))
    return registry


def _outcome(facts: dict[str, Any]) -> Outcome:
    return Outcome(**{**facts, "notices": [Notice(**row) for row in facts["notices"]]})


def _tables(reading: Reading) -> list[tuple[Table, Mapping[str, Values]]]:
    legs = reading.legs.legs
    if not isinstance(legs, LegColumns):
        raise TypeError("legs are kept as columns, which the compiled fold gives")
    rows = legs.rows
    facts: dict[str, Values] = {name: getattr(legs, name) for name in (*_KEY, *FACTS)}
    for name in ("low_ip", "high_ip"):
        facts[f"{name}_high"], facts[f"{name}_low"] = np.ascontiguousarray(getattr(legs, name).T)
    facts |= {f"copies_{count + 1}": np.ascontiguousarray(rows.copies[:, count]) for count in range(COPIES_KEPT)}
    samples: dict[str, Values] = {
        "leg": _owners(rows.sample_ends), "packet_hash": rows.sample_hash, "time_ns": rows.sample_time_ns,
        "ttl": rows.sample_ttl, "frame_number": rows.sample_frame,
    }  # fmt: skip
    bucket, packets, wire_bytes, payload_bytes = np.ascontiguousarray(rows.slices.T)
    slices: dict[str, Values] = {
        "leg": _owners(rows.slice_ends), "bucket": bucket, "packets": packets, "wire_bytes": wire_bytes,
        "payload_bytes": payload_bytes,
    }  # fmt: skip
    names: dict[str, Values] = {
        field: [escape(value) if isinstance(value, str) else value for value in values]
        for field, values in zip(NameRecord._fields, zip(*reading.names, strict=True), strict=True)
    } if reading.names else {field: [] for field in NameRecord._fields}  # fmt: skip
    return list(zip(columns.OF_READING, (facts, samples, slices, names), strict=True))


def _owners(ends: Any) -> Any:
    """The number of the leg that owns each row, where leg i owns the rows from ``ends[i]`` to ``ends[i + 1]``."""
    return np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))


def _ends(owners: Any, legs: int) -> Any:
    return np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=legs))]).astype(np.int64)


def _legs(facts: dict[str, Any], samples: dict[str, Any], slices: dict[str, Any]) -> LegColumns:
    count = len(facts["packets"])
    rows = LegRows(
        _ends(samples["leg"], count), samples["packet_hash"], samples["time_ns"], samples["ttl"],
        samples["frame_number"], _ends(slices["leg"], count),
        np.stack([slices[name] for name in ("bucket", "packets", "wire_bytes", "payload_bytes")], axis=1),
        np.stack([facts[f"copies_{number + 1}"] for number in range(COPIES_KEPT)], axis=1),
    )  # fmt: skip
    addresses = {
        name: np.stack([facts[f"{name}_high"], facts[f"{name}_low"]], axis=1) for name in ("low_ip", "high_ip")
    }
    return LegColumns(**{name: facts[name] for name in (*_KEY, *FACTS)}, **addresses, rows=rows)


def _names(found: dict[str, Any]) -> list[NameRecord]:
    fields = [found[name].tolist() for name in NameRecord._fields]
    texts = [[unescape(text) for text in values] for values in fields[:3]]
    return [NameRecord(*row) for row in zip(*texts, *fields[3:], strict=True)]
