"""Jobs: one worker process each, ``max_jobs`` analyses at a time, the rest in a queue; live captures beside them.

A thread per job reads what its worker reports and ends with it; another looks whether the job stays within its limits.
The server outlives any worker: whatever kills one makes its map ``failed`` (or ``partial``, when a live map has a
result) with one sentence, its tools are ended with it, and the next job begins.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from flowmap.api.child import command_of
from flowmap.api.job import Job, events, live_end
from flowmap.api.limits import limit_worker, resource_sentence
from flowmap.api.maps import BUSY, MapRecord, Maps
from flowmap.api.problems import Problem
from flowmap.api.watch import LOOK_S, Watch, end_stale_processes, name_searches_s
from flowmap.capture.live_end import EndedBy
from flowmap.capture.points import Statements
from flowmap.settings import Settings

log = logging.getLogger("flowmap.api")

FULL = "The disk with the data folder is full, so nothing could be started; make room, then start it again."
NO_LIVE = "Live captures are switched off on this server (FLOWMAP_MAX_LIVE=0)."

TERMINATE_S = 8.0
"""A worker that is told to end has this long to end its tools and leave; then it is killed."""

STOP_S = 60.0
"""The same for a live capture that is to be finished in order, with its last map; its names have time of their own."""


class Jobs:
    """Start, follow, stop and cancel the jobs of a server. Safe to call from any thread."""

    def __init__(self, settings: Settings, maps: Maps, told: Callable[[str, dict[str, Any]], None]) -> None:
        self._settings, self._maps, self._told = settings, maps, told
        self._lock = threading.RLock()
        self._queue: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}
        self._closed = False

    # --- what people ask for

    def start_analysis(self, record: MapRecord) -> None:
        """Queue the analysis of a map; it runs at once when nothing else does."""
        with self._lock:
            if len(self._queue) >= self._settings.max_queued:
                raise Problem(
                    409,
                    f"{len(self._queue):,} analyses wait already, which is the limit; wait until some have ended.",
                    cap="max_queued",
                )
            self._enqueue(record)

    def start_live(self, record: MapRecord, live: dict[str, Any], statements: Statements | None = None) -> None:
        """Start a live capture into a map: ``interface``, ``interfaces`` (a list of ``{"name", ...}``), ``filter``,
        ``seconds``, ``bytes`` and ``packets``. ``statements`` become those of the map."""
        with self._lock:
            self._check_free(record)
            most = self._settings.max_live
            if sum(job.live is not None for job in self._jobs.values()) >= most:
                full = f"{most} live captures are running, which is the limit; stop one first."
                raise Problem(409, full if most else NO_LIVE, cap="max_live")
            if statements is not None:
                self._maps.set_points(record, statements)
            job = Job(record, live)
            self._begin(
                job, state="live", live={**live, "kept_packets": None}, live_facts={},
                progress={"stage": "starting", "packets": 0, "share": None}, revision_before_live=record.revision,
            )  # fmt: skip
            self._run_in_thread(job)

    def stop_live(self, record: MapRecord) -> None:
        """Let a live capture finish: the last packets are folded, then the map is done."""
        with self._lock:
            job = self._jobs.get(record.id)
            if job is None or job.live is None:
                raise Problem(409, "No live capture is running in this map.")
            self._stop_in_order(job, "stop")

    def _stop_in_order(self, job: Job, why: EndedBy) -> None:
        with self._lock:
            if not job.stopped_by:
                job.stopped_by = why
                job.close_stdin()
                job.kill_later(STOP_S + name_searches_s(self._settings))

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
                job.end(TERMINATE_S)

    def end(self, record: MapRecord) -> None:
        """Cancel a map's job if it has one, and wait until its process is gone."""
        with self._lock:
            job = self._jobs.get(record.id)
            if job is not None:
                self.cancel(record)
        if job is not None:
            job.ended.wait(TERMINATE_S + 5.0)

    def resume(self) -> None:
        """After a restart: what was cut off by the end of the last server runs again, once; what only waited, waits."""
        end_stale_processes(self._settings.data_dir)
        for record in reversed(self._maps.all()):
            if record.state == "live":
                self._live_was_cut_off(record)
            elif record.state == "running" and record.requeued:
                self._note(
                    record, state="failed", progress=None,
                    error="The server ended twice during this analysis, so it was not tried again; start it yourself.",
                )  # fmt: skip
            elif record.state in BUSY:
                try:
                    with self._lock:
                        was_tried = record.requeued or record.state == "running"
                        self._maps.change(record, state="new", requeued=was_tried)
                        self._enqueue(record)
                except Problem as problem:
                    self._note(record, state="failed", error=problem.detail)
                except OSError:
                    self._note(record, state="failed", error=FULL)
            elif record.is_outdated:
                self._read_outdated(record)

    def _read_outdated(self, record: MapRecord) -> None:
        """Read a map of an earlier version again where its captures are still there, else say what it is."""
        try:
            self.start_analysis(record)
        except Problem as problem:
            self._note(
                record,
                error="An earlier FlowMap made this map, so only its graph can be shown; start its analysis again."
                if problem.cap
                else "An earlier FlowMap made this map and its captures are gone, so only its graph can be shown; "
                "upload them again to read them again.",
            )
        except OSError:
            self._note(record, error=FULL)

    def close(self) -> None:
        """Take no more jobs and end the running ones: live captures in order, analyses to be resumed next time."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            jobs = [job for job in self._jobs.values() if job.process]
            for job in jobs:
                job.shutting_down = True
                if job.live is None:
                    job.end(TERMINATE_S)
                else:
                    job.stopped_by = job.stopped_by or "server"
                    job.close_stdin(b"the server ends\n")
        deadline = time.monotonic() + TERMINATE_S
        for job in jobs:
            if not job.ended.wait(max(0.0, deadline - time.monotonic())) and job.process:
                job.send(signal.SIGKILL)
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

    def _enqueue(self, record: MapRecord) -> None:
        self._check_free(record)
        self._check_captures(record)
        job = Job(record, None)
        self._begin(job, state="queued", progress={"stage": "queued", "packets": 0, "share": None})
        self._queue.append(job)
        self._start_next()

    def _begin(self, job: Job, **values: Any) -> None:
        """Take a job in; on a disk that is too full to note it, and in a deleted map, nothing has happened."""
        before = {name: getattr(job.record, name) for name in ("error", *values)}
        self._jobs[job.record.id] = job
        try:
            self._maps.change(job.record, error=None, **values)
            if job.record.deleted:
                raise Problem(404, "There is no such map any more; it was deleted.")
        except (OSError, Problem):
            del self._jobs[job.record.id]
            for name, value in before.items():
                setattr(job.record, name, value)
            raise

    def _note(self, record: MapRecord, **values: Any) -> None:
        """Change a map's state in the course of a job, which goes on where the disk is too full to note it."""
        try:
            self._maps.change(record, **values)
        except OSError:
            log.exception("the state of map %s could not be saved", record.id)
            self._maps.wake()

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
        while self._queue and running < self._settings.max_jobs:
            job = self._queue.popleft()
            running += 1
            self._note(job.record, state="running", progress={"stage": "starting", "packets": 0, "share": None})
            self._run_in_thread(job)

    def _run_in_thread(self, job: Job) -> None:
        # The worker asks to be told when its parent dies, and for that the kernel looks at the thread: it must stay.
        try:
            threading.Thread(target=self._run, args=(job,), name=f"job-{job.record.id}", daemon=True).start()
        except RuntimeError as error:  # there are too many; the ones behind it must not wait for this one
            job.last_event = {"event": "failed", "error": resource_sentence(error, self._settings, job.what)}
            self._finish(job)

    def _run(self, job: Job) -> None:
        inputs = job.record.inputs()
        if job.live:
            inputs[0] = []  # what was uploaded before is not part of this result
        try:
            with self._lock:
                job.shutting_down |= self._closed
                if job.cancelled or self._closed:
                    return
                command = job.command(self._settings)
                shutil.rmtree(job.record.work_folder, ignore_errors=True)
                job.record.work_folder.mkdir(mode=0o700)
                job.process = subprocess.Popen(
                    command_of("flowmap.api.worker"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={**os.environ, "TMPDIR": str(job.record.work_folder)},
                    start_new_session=True,
                )
                limit_worker(job.process.pid, self._settings, counts_cpu=job.live is None)
                live_s = None if job.live is None else float(job.live["seconds"])
                job.watch = Watch(job.process.pid, job.record.folder.resolve(), self._settings, live_s)
            threading.Thread(target=self._watch, args=(job,), daemon=True).start()
            self._follow(job, job.process, command, inputs)
        except Exception as error:
            log.exception("job of map %s", job.record.id)
            sentence = resource_sentence(error, self._settings, job.what)
            job.last_event = {
                "event": "failed",
                "error": sentence or f"The work could not be started ({type(error).__name__}).",
            }
            if job.process:
                job.send(signal.SIGKILL)
                job.process.wait()
        finally:
            if job.watch:
                job.watch.kill_leftovers()
            shutil.rmtree(job.record.work_folder, ignore_errors=True)
            self._finish(job)

    def _watch(self, job: Job) -> None:
        """Look at a running job until it ends, and end it when it goes beyond a limit."""
        assert job.process and job.watch
        while not job.ended.wait(LOOK_S) and job.process.poll() is None:
            if limit := job.watch.look():
                with self._lock:
                    job.limit = limit
                    job.end(TERMINATE_S)
                return
            if job.is_forgotten(self._settings):
                self._stop_in_order(job, "unwatched")

    def _follow(self, job: Job, process: subprocess.Popen[bytes], command: bytes, inputs: list[Any]) -> None:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(command)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; its status tells how
        with self._lock:
            job.command_sent = True
            if job.stopped_by:
                job.close_stdin()
        for event in events(process.stdout):
            job.last_event = event
            if job.watch:
                job.watch.told(captures=event["event"] == "live")
            self._take(job, event, inputs)
        process.stdout.close()
        process.wait()
        with self._lock:
            job.close_stdin()

    def _take(self, job: Job, event: dict[str, Any], inputs: list[Any]) -> None:
        record = job.record
        self._told(record.id, event)
        if event["event"] == "progress":
            self._note(record, progress={key: event[key] for key in ("stage", "packets", "share")})
        elif event["event"] == "reading":
            self._note(record, read_captures=event["captures"])
        elif event["event"] == "live":
            told = {name: value for name, value in event.items() if name != "event"}
            self._note(record, live_facts=job.live_facts(told, self._settings))
        elif event["event"] == "capture":
            inputs[0] = [event["id"]]
            self._maps.keep_live_capture(record, event)
        elif event["event"] == "result":
            # Whether a live map is whole shows at its end; what is known is of the one that it has replaced.
            whole = {"complete": None} if job.live else {}
            self._note(record, revision=event["revision"], t0_ns=event["t0_ns"], judged=inputs, **whole)

    def _finish(self, job: Job) -> None:
        """Turn how the worker ended into the map's state, and start the next job."""
        with self._lock:
            self._jobs.pop(job.record.id, None)
            if job.live:
                facts = {**job.record.live_facts, **job.live_end(self._settings)}
                self._note(job.record, live={**(job.record.live or {}), **facts}, live_facts={})
            if not (job.shutting_down and job.live is None and not job.told_its_end):
                worked_s = time.time() if job.process else job.record.worked_s
                self._note(
                    job.record, progress=None, requeued=False, worked_s=worked_s, **job.end_state(self._settings)
                )
            try:
                self._maps.apply_retention()
            except OSError:
                log.exception("captures could not be deleted after their kept time")
            job.ended.set()
            if not self._closed:
                self._start_next()

    def _live_was_cut_off(self, record: MapRecord) -> None:
        sentence = "The server ended during the live capture"
        asked = record.live or {}
        live = {**live_end("server", asked, self._settings), **asked}
        if record.revision > record.revision_before_live:
            sentence += "; the map shows what was captured until then."
            self._note(record, state="partial", complete=False, error=sentence, progress=None, live=live)
        else:
            sentence += " and before its first result."
            self._note(record, state="failed", error=sentence, progress=None, live=live)
