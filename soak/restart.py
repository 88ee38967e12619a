"""A server with many stored maps is started again."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from soak.captures import capture
from soak.report import Report
from soak.server import serving

READY_WITHIN_S = 3.0


def restart(folder: Path, maps: int) -> Report:
    """Store ``maps`` analysed maps, start again, and see when it answers."""
    report = Report(f"restart with {maps:,} stored maps")
    one = capture(2_000)
    with serving(folder / "data") as server:
        first = server.analysed(("one.pcap", one.content))
        wanted = server.graph(first)
    stored = next(path for path in (folder / "data").rglob(first) if path.is_dir())
    others = [f"{number:0{len(first)}x}" for number in range(1, maps)]
    for map_id in others:
        _copy(stored, first, map_id)
    begun = time.monotonic()
    with serving(folder / "data") as server:
        report.figures["s until it said its address"] = time.monotonic() - begun
        begun = time.monotonic()
        listed = server.client.get("/api/maps").json()["maps"]
        report.figures["s for the list of maps"] = time.monotonic() - begun
        report.figures["server MB"] = server.usage().resident_bytes / 1e6
        with_result = sum(one["state"] == "done" and one["revision"] > 0 for one in listed)
        report.check(with_result == maps, f"{with_result} of {maps} stored maps are listed with their results")
        for map_id in (first, *others[:: max(1, maps // 5)]):
            report.check(server.graph(map_id)["edges"] == wanted["edges"], "a stored map has another result")
    return report


def _copy(stored: Path, first: str, map_id: str) -> None:
    """The folder of a map under another id, which stands in its name and in what the server notes in it."""
    copy = stored.with_name(map_id)
    shutil.copytree(stored, copy, symlinks=True)
    for path in (path for path in copy.rglob("*.json") if not path.is_symlink()):
        text = path.read_text(encoding="utf-8")
        if first in text:
            path.write_text(text.replace(first, map_id), encoding="utf-8")
