"""The process of one job: read and judge captures, or fold a live capture, apart from the server.

The process (:mod:`flowmap.api.child`) takes one JSON object as a line of standard input and answers with one a line:

- ``{"event": "progress", "stage", "packets", "share": float|null}``, at most five a second
- ``{"event": "reading", "captures": [ids], "frames", "bytes"}``: the map's folder now holds the legs of these
  captures, read from so many frames and bytes
- ``{"event": "live", ...}``: how a live capture goes, see :meth:`flowmap.api.live_worker.LiveJob.run`
- ``{"event": "capture", "id", "name", "size_bytes", "packets"}``: its packets are in the map's folder of captures now
- ``{"event": "result", "revision", "t0_ns": int|null, "caps": [names], "frames", "bytes"}``: the limits that shaped
  it, and how much it was made from, in captured bytes
- ``{"event": "done", "complete": bool, "error": sentence|null}`` or ``{"event": "failed", "error": sentence}``, last,
  with ``"fault"``, the id of a mistake of ours, where it was one

The end of standard input means "stop" to a live capture, and a line before it that the server ends too. SIGTERM ends
any job, and tools with it; so does the death of the server. A crash of this process costs one job and nothing else
(reference reliability 3.2).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from flowmap.api.caps import caps_reached
from flowmap.api.child import end_on_sigterm, own_output
from flowmap.api.limits import fitting, resource_sentence
from flowmap.api.live_worker import LiveJob
from flowmap.api.log import log_fault, log_to
from flowmap.capture.points import Statements, statements_of
from flowmap.errors import FlowMapError
from flowmap.inventory import Inventory, join_files, parse_inventory_file
from flowmap.pipeline import make_map
from flowmap.reading import Reading, read_captures
from flowmap.settings import Settings
from flowmap.store import result as results
from flowmap.store.reading import load_reading, save_reading
from flowmap.warm import prepare_kernels

PROGRESS_INTERVAL_S = 0.2
COMPILING_AGAIN_S = 1.0

Report = Callable[..., None]


class Job:
    """What the server asked for, with everything read from the map's folder."""

    def __init__(self, command: dict[str, Any]) -> None:
        self.settings = fitting(Settings(**command["settings"]))
        self.folder = Path(command["folder"])
        self.name: str = command["name"]
        self.captures: list[dict[str, str]] = command["captures"]
        self.read_again: bool = command["read_again"]
        self.live: dict[str, Any] | None = command["live"]
        self.capture_id: str = command["capture_id"]
        self._inventory: list[dict[str, Any]] = command["inventory"]
        self._points: dict[str, Any] = command["points"]

    def inventory(self) -> Inventory:
        """The inventory files, joined."""
        files = [
            parse_inventory_file(
                Path(row["path"]).read_bytes(), name=row["name"], modified_ns=row["modified_ns"],
                max_rows=self.settings.max_inventory_rows, host=row["host"],
            )
            for row in self._inventory
        ]  # fmt: skip
        return join_files(files)

    def statements(self) -> Statements:
        """What is stated of the capture points."""
        return statements_of(self._points, "the points of the map")


def analyse(job: Job, report: Report) -> None:
    """Read the captures, or take the legs of the last reading, and judge them."""
    inventory, statements = job.inventory(), job.statements()
    if job.read_again:
        prepare_kernels(lambda text: report("progress", stage=text, packets=0, share=None), COMPILING_AGAIN_S)
        reading = read_captures(
            [Path(row["path"]) for row in job.captures],
            job.settings,
            labels=[row["name"] for row in job.captures],
            progress=_throttled(
                lambda stage, packets, share: report("progress", stage=stage, packets=packets, share=share)
            ),
            counted=lambda reading: _publish(job, report, reading, inventory, statements),
        )
        captures = [row["id"] for row in job.captures]
        save_reading(job.folder, reading, captures)
        read_bytes = sum(info.size_bytes for info, _ in reading.captures)
        report("reading", captures=captures, frames=reading.legs.packets, bytes=read_bytes)
    else:
        reading = load_reading(job.folder)
    report("progress", stage="judging", packets=reading.legs.packets, share=None)
    _publish(job, report, reading, inventory, statements)
    report("done", complete=reading.complete, error=" ".join(reading.damage) or None)


def follow(job: Job, report: Report, stop: threading.Event, hurry: threading.Event) -> None:
    """Capture live, and make the map again whenever packets have arrived."""
    inventory, statements = job.inventory(), job.statements()
    prepare_kernels(lambda text: report("progress", stage=text, packets=0, share=None), COMPILING_AGAIN_S)

    def publish(reading: Reading, packets_are_kept: bool) -> None:
        _publish(job, live.report, reading, inventory, statements, captures_are_kept=packets_are_kept)

    live = LiveJob(job, report, stop, hurry)
    live.run(publish, lambda reading, captures: save_reading(job.folder, reading, captures))


def _publish(
    job: Job,
    report: Report,
    reading: Reading,
    inventory: Inventory,
    statements: Statements,
    *,
    captures_are_kept: bool = True,
) -> None:
    flow_map = make_map(reading, inventory, statements, job.settings, job.name)
    result = results.write(job.folder, flow_map, job.settings, captures_are_kept=captures_are_kept)
    report(
        "result", revision=result.revision, t0_ns=result.t0_ns, caps=caps_reached(flow_map, job.settings),
        frames=reading.legs.packets, bytes=reading.legs.captured_bytes,
    )  # fmt: skip


def _throttled(send: Callable[[str, int, float | None], None]) -> Callable[[str, int, float | None], None]:
    last_s, last_stage = 0.0, ""

    def throttled(stage: str, packets: int, share: float | None) -> None:
        nonlocal last_s, last_stage
        now = time.monotonic()
        if now - last_s >= PROGRESS_INTERVAL_S or stage != last_stage:
            last_s, last_stage = now, stage
            send(stage, packets, share)

    return throttled


def _reporter(stream: BinaryIO) -> Report:
    def report(event: str, **values: Any) -> None:
        try:
            stream.write(json.dumps({"event": event, **values}).encode() + b"\n")
            stream.flush()
        except BrokenPipeError:
            raise SystemExit(1) from None  # the server is gone

    return report


def _stop_at_end_of(descriptor: int, stop: threading.Event, hurry: threading.Event) -> None:
    """Read past Python's buffer, whose lock a thread must not hold when the interpreter ends."""
    while os.read(descriptor, 1 << 12):
        hurry.set()
    stop.set()


def run(command: dict[str, Any], report: Report, stop: threading.Event, hurry: threading.Event) -> None:
    """Do one job; whatever goes wrong is told in one sentence."""
    try:
        job = Job(command)
        if job.live is None:
            analyse(job, report)
        else:
            follow(job, report, stop, hurry)
    except FlowMapError as error:
        report("failed", error=str(error))
    except Exception as error:
        what = "analysis" if command["live"] is None else "live capture"
        sentence = resource_sentence(error, Settings(**command["settings"]), what)
        fault = None
        if sentence is None:
            fault = log_fault(error)
            sentence = f"FlowMap made a mistake in this {what}; server.log tells more under the id {fault}."
        report("failed", error=sentence, fault=fault)


def main() -> None:
    """Entry of the process."""
    os.umask(0o077)
    reports = own_output()
    end_on_sigterm()
    command = json.loads(sys.stdin.buffer.readline())
    log_to(Settings(**command["settings"]))
    stop, hurry = threading.Event(), threading.Event()
    threading.Thread(target=_stop_at_end_of, args=(0, stop, hurry), daemon=True).start()
    run(command, _reporter(reports), stop, hurry)
