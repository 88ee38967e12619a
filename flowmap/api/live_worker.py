"""The job of a live capture: fold what comes, make the map again and again beside it, keep the packets at the end.

Folding never waits for a map: one thread folds, another makes a map of a snapshot of the legs. A map is made again
when packets have come, at the earliest after ``live_interval_s`` and after three times what the last one took, and not
while the capture runs ahead of the folding. So the processor is there for the packets first.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowmap.capture.kept_ring import join_ring
from flowmap.capture.live import FILE, LiveCapture, LiveLimits
from flowmap.capture.names import Found
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError
from flowmap.fold import LegFold
from flowmap.reading import Reading, add_name

if TYPE_CHECKING:
    from flowmap.api.worker import Job, Report

WORK_SHARE = 3
"""A live map is made again after at least this many times what making it took: capturing needs the processor."""

BEHIND_BYTES = 8 << 20
"""No map is begun while so much is captured and not yet folded."""

FACTS_INTERVAL_S = 0.5
_SWITCH_S = 0.001
"""The folding thread gets the interpreter back from the one that makes maps after this long."""

Publish = Callable[[Reading, bool], None]
"""Makes a map of a reading and tells the server; True when the packets are in a capture of the map."""


class LiveJob:
    """One live capture of a worker.

    Parameters
    ----------
    job : Job
        With ``live`` as the server keeps it: ``interfaces``, ``filter``, ``seconds``, ``bytes``, ``packets``.
    report : callable
        Sends an event to the server; used from two threads.
    stop : threading.Event
        Ends the capture in order.
    hurry : threading.Event
        Set with ``stop`` when the server ends: names are not waited for then.
    """

    def __init__(self, job: Job, report: Report, stop: threading.Event, hurry: threading.Event) -> None:
        assert job.live is not None
        self._job, self._hurry = job, hurry
        self._sending = threading.Lock()
        self._send = report
        self._registry, self._fold = Registry(job.settings.max_points), LegFold(job.settings)
        self._found: list[Found] = []
        self._started_s = time.monotonic()
        self._problem: str | None = None
        settings = job.settings
        most_kept_bytes = min(settings.live_ring_bytes, settings.keep_captures_bytes)
        self._ring: Path | None = None
        if settings.keep_captures_s > 0 and most_kept_bytes > 0:
            self._ring = job.folder / "work" / "ring"
            self._ring.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._source = LiveCapture(
            [interface["name"] for interface in job.live["interfaces"]],
            job.live["filter"],
            LiveLimits(job.live["seconds"], job.live["bytes"], job.live["packets"]),
            self._registry,
            settings.model_copy(update={"live_ring_bytes": most_kept_bytes}),
            stop=stop,
            ring=self._ring,
        )

    def run(self, publish: Publish, save: Callable[[Reading, list[str]], None]) -> None:
        """Capture to the end; ``save`` keeps the legs, with the ids of the captures that they are of."""
        sys.setswitchinterval(_SWITCH_S)
        maps = _MapsBeside(lambda reading: publish(reading, False), self._job.settings.live_interval_s)
        folded_packets = told_s = 0.0
        try:
            for batch in self._source.batches():
                self._fold.add(batch)
                folded_packets += len(batch)
                if folded_packets and self._source.behind_bytes < BEHIND_BYTES and maps.is_due(folded_packets):
                    maps.begin(self._snapshot(), folded_packets)
                if time.monotonic() - told_s >= FACTS_INTERVAL_S:
                    told_s = time.monotonic()
                    self._tell()
        except CaptureError:
            self._tell()  # there is nothing to show, and why it ended is known all the same
            raise
        self._tell()
        maps.wait()
        kept_file = self._keep_packets()
        if not self._hurry.is_set():
            if self._source.packets > maps.of_packets:
                publish(self._snapshot(), False)
            self.report("progress", stage="names", packets=self._source.packets, share=None)
            self._source.finish_names()
        reading = self._snapshot()
        captures = [kept_file] if kept_file else []
        save(reading, captures)
        self.report("reading", captures=captures)
        publish(reading, kept_file is not None)
        self.report("done", complete=reading.complete, error=" ".join(reading.damage) or None)

    def _snapshot(self) -> Reading:
        """What has been read so far; nothing of it changes when more comes."""
        self._found += self._source.take_names()
        registry = Registry(self._registry.max_points, [copy(point) for point in self._registry.points])
        registry.tunnels = list(self._registry.tunnels)
        reading = Reading(registry, self._fold.finish(), captures=[(self._source.info, self._source.outcome)])
        for record in self._found:
            add_name(reading, record)
        return reading

    def _tell(self) -> None:
        """How it goes, for the status of the map."""
        source = self._source
        self.report("progress", stage="capturing", packets=source.packets, share=None)
        self.report(
            "live",
            elapsed_s=round(time.monotonic() - self._started_s, 1),
            captured_bytes=source.captured_bytes,
            dropped_packets=source.dropped_packets,
            dropped_by_interface=source.drops,
            missed_by_interface=source.missed,
            behind_bytes=source.behind_bytes,
            held_up_s=round(source.held_up_s, 1),
            ended_by=source.ended_by,
            end=source.end_sentence,
            problem=self._problem or source.ring_problem,
        )

    def _keep_packets(self) -> str | None:
        """Make the ring of files a capture of the map; its id, or None where none is kept."""
        files = self._source.ring_files
        packets = sum(file.packets for file in files)
        if self._ring is None or not packets:
            return None
        target = self._job.folder / "captures" / self._job.capture_id
        try:
            size_bytes = join_ring([file.path for file in files], target)
        except OSError as error:
            target.unlink(missing_ok=True)
            self._problem = f"The packets could not be kept ({error.strerror}); make room in the data folder."
            self._tell()
            return None
        finally:
            shutil.rmtree(self._ring, ignore_errors=True)
        self.report("capture", id=target.name, name=FILE, size_bytes=size_bytes, packets=packets)
        return target.name

    def report(self, event: str, **values: Any) -> None:
        """Send an event; from any thread."""
        with self._sending:
            self._send(event, **values)


class _MapsBeside:
    """Makes maps in a thread of its own, one at a time."""

    def __init__(self, make: Callable[[Reading], None], interval_s: float) -> None:
        self._make, self._interval_s = make, interval_s
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._due_s = 0.0
        self.of_packets = 0.0
        """The packets that the newest map holds."""

    def is_due(self, packets: float) -> bool:
        """Whether a map of so many packets is to be made now."""
        busy = self._thread is not None and self._thread.is_alive()
        return not busy and packets > self.of_packets and time.monotonic() >= self._due_s

    def begin(self, reading: Reading, packets: float) -> None:
        """Make a map; an error of the one before is raised here."""
        self.wait()
        self.of_packets = packets
        # A daemon: whoever ends this process does not wait for a map.
        self._thread = threading.Thread(target=self._run, args=(reading,), name="live-map", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until the map that is being made is there; raises what went wrong with it."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self, reading: Reading) -> None:
        started_s = time.monotonic()
        try:
            self._make(reading)
        except BaseException as error:
            self._error = error
        ended_s = time.monotonic()
        self._due_s = ended_s + max(self._interval_s, WORK_SHARE * (ended_s - started_s))
