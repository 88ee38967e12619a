"""The process of one job: read and judge captures, or fold a live capture, apart from the server.

``python -m flowmap.api.worker`` takes one JSON object as a line of standard input and answers with one a line:

- ``{"event": "progress", "stage", "packets", "share": float|null}``, at most five a second
- ``{"event": "reading", "captures": [ids]}``: ``reading-2.pickle`` now holds the legs of these captures
- ``{"event": "live", "dropped_packets": int|null}``
- ``{"event": "result", "revision", "t0_ns": int|null}``
- ``{"event": "done", "complete": bool, "error": sentence|null}`` or ``{"event": "failed", "error": sentence}``, last

The end of standard input means "stop" to a live capture. SIGTERM ends any job, and tools with it; so does the death of
the server. A crash of this process costs one job and nothing else (reference reliability 3.2).

The legs are kept as a pickle, which only this program reads, from a folder that only this user can enter. The Parquet
store of a later release takes its place.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from flowmap.api import results
from flowmap.api.child import end_on_sigterm, end_with_parent, own_output
from flowmap.api.log import log_fault, log_to
from flowmap.capture.live import LiveCapture, LiveLimits
from flowmap.capture.points import Registry, Statements, statements_of
from flowmap.errors import FlowMapError
from flowmap.export.atomic import atomic_file
from flowmap.fold import LegFold
from flowmap.inventory import Inventory, join_files, parse_inventory_file
from flowmap.pipeline import make_map
from flowmap.reading import Reading, read_captures
from flowmap.settings import Settings
from flowmap.warm import prepare_kernels

PROGRESS_INTERVAL_S = 0.2
_LIVE_WORK_SHARE = 3
"""A live map is made again after at least this many times what making it took: capturing needs the processor."""

Report = Callable[..., None]


class Job:
    """What the server asked for, with everything read from the map's folder."""

    def __init__(self, command: dict[str, Any]) -> None:
        self.settings = Settings(**command["settings"])
        self.folder = Path(command["folder"])
        self.name: str = command["name"]
        self.captures: list[dict[str, str]] = command["captures"]
        self.read_again: bool = command["read_again"]
        self.live: dict[str, Any] | None = command["live"]
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
        prepare_kernels(lambda text: report("progress", stage=text, packets=0, share=None))
        reading = read_captures(
            [Path(row["path"]) for row in job.captures],
            job.settings,
            labels=[row["name"] for row in job.captures],
            progress=_throttled(
                lambda stage, packets, share: report("progress", stage=stage, packets=packets, share=share)
            ),
            counted=lambda reading: _publish(job, report, reading, inventory, statements),
        )
        save_reading(job.folder, reading)
        report("reading", captures=[row["id"] for row in job.captures])
    else:
        reading = load_reading(job.folder)
    report("progress", stage="judging", packets=reading.legs.packets, share=None)
    _publish(job, report, reading, inventory, statements)
    report("done", complete=reading.complete, error=" ".join(reading.damage) or None)


def follow(job: Job, report: Report, stop: threading.Event) -> None:
    """Capture live, and make the map again whenever packets have arrived."""
    assert job.live is not None
    inventory, statements = job.inventory(), job.statements()
    registry, fold = Registry(job.settings.max_points), LegFold(job.settings)
    limits = LiveLimits(job.live["seconds"], job.live["bytes"], job.live["packets"])
    source = LiveCapture(job.live["interface"], job.live["filter"], limits, registry, job.settings, stop=stop)
    packets = published = 0
    due = time.monotonic()
    reading = _live_reading(source, registry, fold)
    for batch in source.batches():
        fold.add(batch)
        packets += len(batch)
        if packets > published and time.monotonic() >= due:
            started = time.monotonic()
            reading = _live_reading(source, registry, fold)
            _publish(job, report, reading, inventory, statements)
            report("progress", stage="capturing", packets=packets, share=None)
            published = packets
            ended = time.monotonic()
            due = ended + max(job.settings.live_interval_s, _LIVE_WORK_SHARE * (ended - started))
    reading = _live_reading(source, registry, fold)
    report("live", dropped_packets=source.dropped_packets)
    save_reading(job.folder, reading)
    report("reading", captures=[])
    _publish(job, report, reading, inventory, statements)
    report("done", complete=reading.complete, error=" ".join(reading.damage) or None)


def _live_reading(source: LiveCapture, registry: Registry, fold: LegFold) -> Reading:
    return Reading(registry, fold.finish(), captures=[(source.info, source.outcome)])


def _publish(job: Job, report: Report, reading: Reading, inventory: Inventory, statements: Statements) -> None:
    flow_map = make_map(reading, inventory, statements, job.settings, job.name)
    result = results.write(job.folder, flow_map, job.settings, captures_are_kept=job.live is None)
    report("result", revision=result.revision, t0_ns=result.t0_ns)


def save_reading(folder: Path, reading: Reading) -> None:
    """Keep the legs, so that other points and inventories can be judged without the captures."""
    with atomic_file(folder / results.READING) as stream:
        pickle.dump(reading, stream, protocol=pickle.HIGHEST_PROTOCOL)


def load_reading(folder: Path) -> Reading:
    """What :func:`save_reading` kept."""
    with (folder / results.READING).open("rb") as stream:
        reading = pickle.load(stream)  # written by save_reading in a folder of mode 0700, see the module's text
    assert isinstance(reading, Reading)
    return reading


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


def _stop_at_end_of(descriptor: int, stop: threading.Event) -> None:
    """Read past Python's buffer, whose lock a thread must not hold when the interpreter ends."""
    while os.read(descriptor, 1 << 12):
        pass
    stop.set()


def run(command: dict[str, Any], report: Report, stop: threading.Event) -> None:
    """Do one job; whatever goes wrong is told in one sentence."""
    try:
        job = Job(command)
        if job.live is None:
            analyse(job, report)
        else:
            follow(job, report, stop)
    except FlowMapError as error:
        report("failed", error=str(error))
    except MemoryError:
        report(
            "failed",
            error="The analysis needs more memory than there is; give it fewer captures, or more memory.",
        )
    except OSError as error:
        report(
            "failed",
            error=f"The analysis could not use the data folder ({error.strerror}); make room there or check it.",
        )
    except Exception as error:
        fault = log_fault(error)
        report(
            "failed",
            error=f"FlowMap made a mistake in this analysis; server.log tells more under the id {fault}.",
        )


def main() -> None:
    """Entry of the process."""
    os.umask(0o077)
    reports = own_output()
    end_on_sigterm()
    command = json.loads(sys.stdin.buffer.readline())
    end_with_parent(command["parent"])
    log_to(Path(command["settings"]["data_dir"]))
    stop = threading.Event()
    threading.Thread(target=_stop_at_end_of, args=(0, stop), daemon=True).start()
    run(command, _reporter(reports), stop)


if __name__ == "__main__":
    main()
