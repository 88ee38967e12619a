"""Holding the two readers against each other, row by row and column by column."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowmap.capture import open_capture
from flowmap.capture.layers import DISSECTED
from flowmap.capture.points import Registry
from flowmap.capture.pyshark_reading import column_options
from flowmap.capture.tools import find_tshark, protocol_names
from flowmap.packets import COLUMNS
from flowmap.settings import Settings

ALLOWED = Path(__file__).with_name("allowed_differences.tsv")


@dataclass
class Rows:
    """What one reader says of a file; points and tunnels as what they are, not as their numbers."""

    columns: dict[str, Any]
    claims: set[tuple[object, ...]]
    skipped: dict[str, int]
    notices: dict[str, int]
    complete: bool


def rows_of(path: Path, reader: str, settings: Settings | None = None) -> Rows:
    """Read a whole file with one reader."""
    settings = settings or Settings()
    registry = Registry(settings.max_points)
    capture = open_capture(path, registry, settings, reader=reader)
    batches = list(capture.batches())
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(batch, name) for batch in batches]) if batches else np.zeros(0, dtype)
        for name, dtype in COLUMNS.items()
    }
    points, tunnels = [tuple(point.key) for point in registry.points], [*registry.tunnels, None]
    columns["point"] = [points[number] for number in columns["point"].tolist()]
    columns["tunnel"] = [tunnels[number] for number in columns["tunnel"].tolist()]
    claims = {
        # Which frame said so first may differ: tshark's rows are taken group by group.
        (claim.mac, claim.ip, claim.how, points[claim.point], claim.vlan, tunnels[claim.tunnel])
        for batch in batches
        for claim in batch.claims
    }
    assert capture.outcome is not None
    notices = {notice.code: notice.count for notice in capture.outcome.notices}
    return Rows(columns, claims, capture.outcome.skipped, notices, capture.outcome.complete)


def differing_frames(one: Rows, other: Rows) -> dict[int, dict[str, tuple[object, object]]]:
    """Frame number to the columns that differ, with both values."""
    numbers = one.columns["frame_number"].tolist()
    assert numbers == other.columns["frame_number"].tolist()
    found: dict[int, dict[str, tuple[object, object]]] = {}
    for name in COLUMNS:
        left, right = (rows.columns[name] for rows in (one, other))
        if isinstance(left, np.ndarray):
            left, right = left.tolist(), right.tolist()
        for number, mine, theirs in zip(numbers, left, right, strict=True):
            if mine != theirs:
                found.setdefault(number, {})[name] = (mine, theirs)
    return found


def layers_of(path: Path, settings: Settings | None = None) -> dict[int, str]:
    """Frame number to what tshark saw in it, with the dissectors of the column pass."""
    tshark = find_tshark(settings or Settings())
    with tempfile.TemporaryDirectory() as folder:
        off = "\n".join(sorted(set(protocol_names(tshark)) - DISSECTED)) + "\n"
        Path(folder, "disabled_protos").write_text(off)
        run = subprocess.run(
            [tshark, "-n", *column_options(Settings()), "-r", str(path), "-T", "fields", "-e", "frame.number"]
            + ["-e", "frame.protocols"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "WIRESHARK_CONFIG_DIR": folder},
        )
    return {int(number): layers for number, layers in (line.split("\t") for line in run.stdout.splitlines())}


def allowed_classes() -> dict[str, re.Pattern[str]]:
    """Name of each class of allowed difference to a pattern over tshark's layers."""
    rows = (line.split("\t") for line in ALLOWED.read_text().splitlines() if line and not line.startswith("#"))
    return {name: re.compile(pattern) for name, pattern, _ in rows}
