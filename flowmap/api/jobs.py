"""Jobs: one worker process each, one analysis at a time, the rest in a queue; live captures beside them.

A thread per job reads what its worker reports and ends with it. The server outlives any worker: whatever kills one
makes its map ``failed`` (or ``partial``, when a live map has a result) with one sentence.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import IO, Any

from flowmap.api.maps import BUSY, MapRecord, Maps
from flowmap.api.problems import Problem
from flowmap.settings import Settings

log = logging.getLogger("flowmap.api")

MAX_RUNNING = 1
MAX_LINE_BYTES = 1 << 20
TERMINATE_S = 8.0
"""A worker that is told to end has this long to end its tools and leave; then it is killed."""

STOP_S = 15.0
"""The same for a live capture that is to be finished in order, with its last map."""


class _Job:
    """One job and its process."""

    def __init__(self, record: MapRecord, live: dict[str, Any] | None) -> None:
        self.record, self.live = record, live
        self.process: subprocess.Popen[bytes] | None = None
        self.cancelled = self.stopping = self.shutting_down = self.command_sent = False
        self.last_event: dict[str, Any] | None = None
        self.ended = threading.Event()


class Jobs:
    """Start, follow, stop and cancel the jobs of a server. Safe to call from any thread."""

    def __init__(self, settings: Settings, maps: Maps) -> None:
        self._settings, self._maps = settings, maps
        self._lock = threading.RLock()
        self._queue: deque[_Job] = deque()
        self._jobs: dict[str, _Job] = {}
        self._closed = False

    # --- what people ask for

    def start_analysis(self, record: MapRecord) -> None:
        """Queue the analysis of a map; it runs at once when nothing else does."""
        with self._lock:
            self._check_free(record)
            self._check_captures(record)
            job = self._jobs[record.id] = _Job(record, None)
            self._maps.change(
                record, state="queued", error=None, progress={"stage": "queued", "packets": 0, "share": None}
            )
            self._queue.append(job)
            self._start_next()

    def start_live(self, record: MapRecord, live: dict[str, Any]) -> None:
        """Start a live capture into a map: ``interface``, ``filter``, ``seconds``, ``bytes`` and ``packets``."""
        with self._lock:
            self._check_free(record)
            if sum(job.live is not None for job in self._jobs.values()) >= self._settings.max_live:
                raise Problem(
                    409,
                    f"{self._settings.max_live} live captures are running, which is the limit; stop one first.",
                )
            job = self._jobs[record.id] = _Job(record, live)
            self._maps.change(
                record, state="live", error=None, live={**live, "dropped_packets": None},
                progress={"stage": "starting", "packets": 0, "share": None},
            )  # fmt: skip
            self._run_in_thread(job)

    def stop_live(self, record: MapRecord) -> None:
        """Let a live capture finish: the last packets are folded, then the map is done."""
        with self._lock:
            job = self._jobs.get(record.id)
            if job is None or job.live is None:
                raise Problem(409, "No live capture is running in this map.")
            if not job.stopping:
                job.stopping = True
                self._close_stdin(job)
                self._kill_later(job, STOP_S)

    def cancel(self, record: MapRecord) -> None:
        """End a map's job; what the map showed before stays."""
        with self._lock:
            job = self._jobs.get(record.id)
            if job is None:
                raise Problem(409, "Nothing is running in this map.")
            job.cancelled = True
            if job in self._queue:
                self._queue.remove(job)
                self._finish(job)
            elif job.process:
                _signal(job.process, signal.SIGTERM)
                self._kill_later(job, TERMINATE_S)

    def end(self, record: MapRecord) -> None:
        """Cancel a map's job if it has one, and wait until its process is gone."""
        with self._lock:
            job = self._jobs.get(record.id)
            if job is not None:
                self.cancel(record)
        if job is not None:
            job.ended.wait(TERMINATE_S + 5.0)

    def resume(self) -> None:
        """After a restart: what was cut off by the end of the last server runs again, once."""
        for record in reversed(self._maps.all()):
            if record.state == "live":
                self._live_was_cut_off(record)
            elif record.state in BUSY and record.requeued:
                self._maps.change(
                    record, state="failed", progress=None,
                    error="The server ended twice during this analysis, so it was not tried again; start it yourself.",
                )  # fmt: skip
            elif record.state in BUSY:
                self._maps.change(record, state="new", requeued=True)
                try:
                    self.start_analysis(record)
                except Problem as problem:
                    self._maps.change(record, state="failed", error=problem.detail)

    def close(self) -> None:
        """Take no more jobs and end the running ones: live captures in order, analyses to be resumed next time."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            jobs = [job for job in self._jobs.values() if job.process]
            for job in jobs:
                job.shutting_down = True
                if job.live is None:
                    assert job.process
                    _signal(job.process, signal.SIGTERM)
                else:
                    job.stopping = True
                    self._close_stdin(job)
        deadline = time.monotonic() + TERMINATE_S
        for job in jobs:
            if not job.ended.wait(max(0.0, deadline - time.monotonic())) and job.process:
                _signal(job.process, signal.SIGKILL)
                job.ended.wait(5.0)

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self._lock:
            live = sum(job.live is not None for job in self._jobs.values())
            return {
                "queued": len(self._queue),
                "running": len(self._jobs) - len(self._queue) - live,
                "live": live,
            }

    # --- inside

    def _check_free(self, record: MapRecord) -> None:
        if self._closed:
            raise Problem(503, "The server is ending; start it again.")
        if record.id in self._jobs or record.state in BUSY:
            raise Problem(409, "The map is being worked on; wait for the end, or stop it first.")

    @staticmethod
    def _check_captures(record: MapRecord) -> None:
        if record.can_judge_again:
            return
        if not record.captures:
            raise Problem(409, "The map has no captures; upload one, or start a live capture.")
        gone = [file.name for file in record.captures if not file.kept]
        if gone:
            raise Problem(409, f"The kept time of {', '.join(gone[:5])} is over; upload it again to read it again.")

    def _start_next(self) -> None:
        running = sum(job.live is None for job in self._jobs.values()) - len(self._queue)
        while self._queue and running < MAX_RUNNING:
            job = self._queue.popleft()
            running += 1
            self._maps.change(job.record, state="running", progress={"stage": "starting", "packets": 0, "share": None})
            self._run_in_thread(job)

    def _run_in_thread(self, job: _Job) -> None:
        # The worker asks to be told when its parent dies, and for that the kernel looks at the thread: it must stay.
        threading.Thread(target=self._run, args=(job,), name=f"job-{job.record.id}", daemon=True).start()

    def _run(self, job: _Job) -> None:
        inputs = job.record.inputs()
        try:
            with self._lock:
                if job.cancelled or self._closed:
                    return
                command = self._command(job)
                shutil.rmtree(job.record.work_folder, ignore_errors=True)
                job.record.work_folder.mkdir(mode=0o700)
                job.process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "flowmap.api.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={**os.environ, "TMPDIR": str(job.record.work_folder)},
                    start_new_session=True,
                )
            self._follow(job, job.process, command, inputs)
        except Exception as error:
            log.exception("job of map %s", job.record.id)
            job.last_event = {
                "event": "failed",
                "error": f"The work could not be started ({type(error).__name__}).",
            }
            if job.process:
                _signal(job.process, signal.SIGKILL)
                job.process.wait()
        finally:
            shutil.rmtree(job.record.work_folder, ignore_errors=True)
            self._finish(job)

    def _follow(self, job: _Job, process: subprocess.Popen[bytes], command: bytes, inputs: list[Any]) -> None:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(command)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; its status tells how
        with self._lock:
            job.command_sent = True
            if job.stopping:
                self._close_stdin(job)
        for event in _events(process.stdout):
            job.last_event = event
            self._take(job, event, inputs)
        process.stdout.close()
        process.wait()
        with self._lock:
            self._close_stdin(job)

    def _take(self, job: _Job, event: dict[str, Any], inputs: list[Any]) -> None:
        record = job.record
        if event["event"] == "progress":
            self._maps.change(record, progress={key: event[key] for key in ("stage", "packets", "share")})
        elif event["event"] == "reading":
            self._maps.change(record, read_captures=event["captures"])
        elif event["event"] == "live" and record.live:
            self._maps.change(record, live={**record.live, "dropped_packets": event["dropped_packets"]})
        elif event["event"] == "result":
            self._maps.change(record, revision=event["revision"], t0_ns=event["t0_ns"], judged=inputs)

    def _finish(self, job: _Job) -> None:
        """Turn how the worker ended into the map's state, and start the next job."""
        with self._lock:
            self._jobs.pop(job.record.id, None)
            try:
                if not (job.shutting_down and job.live is None and not self._told_its_end(job)):
                    self._maps.change(job.record, progress=None, requeued=False, **self._end_state(job))
                self._maps.apply_retention()
            except OSError:
                log.exception("the state of map %s could not be saved", job.record.id)
            job.ended.set()
            if not self._closed:
                self._start_next()

    @staticmethod
    def _told_its_end(job: _Job) -> bool:
        return job.last_event is not None and job.last_event["event"] in ("done", "failed")

    def _end_state(self, job: _Job) -> dict[str, Any]:
        event = job.last_event or {}
        what = "live capture" if job.live else "analysis"
        if event.get("event") == "done":
            complete = event["complete"]
            return {"state": "done" if complete else "partial", "complete": complete, "error": event["error"]}
        if job.cancelled:
            return {"state": "cancelled", "error": f"The {what} was cancelled."}
        if event.get("event") == "failed":
            return {"state": "failed", "error": event["error"]}
        status = job.process.returncode if job.process else 0
        how = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
        hint = ", most likely because memory ran out" if status == -signal.SIGKILL and not job.stopping else ""
        if job.live and job.record.revision:
            sentence = f"The live capture {how}{hint}; the map shows what was captured until then."
            return {"state": "partial", "complete": False, "error": sentence}
        return {"state": "failed", "error": f"The {what} {how}{hint}; start it again."}

    def _live_was_cut_off(self, record: MapRecord) -> None:
        sentence = "The server ended during the live capture"
        if record.revision:
            sentence += "; the map shows what was captured until then."
            self._maps.change(record, state="partial", complete=False, error=sentence, progress=None)
        else:
            self._maps.change(record, state="failed", error=sentence + " and before its first result.", progress=None)

    def _command(self, job: _Job) -> bytes:
        record = job.record
        command = {
            "parent": os.getpid(),
            "settings": self._settings.model_dump(mode="json"),
            "folder": str(record.folder.resolve()),
            "name": record.name,
            "captures": [
                {"id": file.id, "name": file.name, "path": str(record.file_path("captures", file).resolve())}
                for file in record.captures
            ],
            "inventory": [
                {
                    "name": file.name,
                    "path": str(record.file_path("inventory", file).resolve()),
                    "modified_ns": file.modified_ns,
                    "host": file.host,
                }
                for file in record.inventory
            ],
            "points": record.points,
            "read_again": not record.can_judge_again,
            "live": job.live,
        }
        return json.dumps(command).encode() + b"\n"

    @staticmethod
    def _close_stdin(job: _Job) -> None:
        if job.command_sent and job.process and job.process.stdin:
            try:
                job.process.stdin.close()
            except BrokenPipeError:
                pass

    @staticmethod
    def _kill_later(job: _Job, seconds: float) -> None:
        def kill() -> None:
            if not job.ended.wait(seconds) and job.process:
                _signal(job.process, signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()


def _events(stream: IO[bytes]) -> Any:
    while line := stream.readline(MAX_LINE_BYTES):
        if line.endswith(b"\n"):  # a line without its end was cut by the death of the worker
            yield json.loads(line)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the worker alone: its tools have groups of their own, and it ends them itself."""
    if process.poll() is None:
        process.send_signal(number)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
