"""Everything at once for a while: uploads, a live capture, people who look and people who follow events."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from soak.cable import Sender, cable, why_not
from soak.captures import Capture, capture
from soak.health_probe import HealthProbe
from soak.processes import Usage, adopting, descendants, left_over
from soak.report import Report
from soak.server import BUSY, ENDED, Server, serving, settled, temporary_files, wait_for
from soak.slopes import Sample, fit

POLLERS, STREAMS = 5, 2
UPLOAD_EVERY_S, POLL_EVERY_S = 1.0, 0.3
_UNFINISHED_AT_MOST, _KEPT_MAPS = 5, 40
_VIEWS = ("", "/graph", "/conversations", "/timeline", "/health")
_LIVE_FRAMES_PER_S, _LIVE_SECONDS = 500.0, 60
_SAMPLES_LEAST_S, _SAMPLES = 0.5, 400
_FIT_FROM_S = 120.0
"""Shorter runs are checked for errors and for what is left, but a slope of them says nothing."""

_SPARE_DESCRIPTORS, _SPARE_THREADS = 3, 3


class _Load:
    """What all clients share: the maps that are there, what they did, what went wrong."""

    def __init__(self, server: Server, one: Capture) -> None:
        self.server, self.one = server, one
        self.maps: deque[str] = deque()
        self.done: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.ended = threading.Event()
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """One more."""
        with self._lock:
            self.counts[what] += 1

    def error(self, sentence: str) -> None:
        """One more mistake of that kind."""
        with self._lock:
            self.errors[sentence[:160]] += 1

    def take_end(self, map_id: str, status: dict[str, Any]) -> None:
        """Note how an analysis ended, once."""
        self.done.add(map_id)
        self.count("analyses")
        if status["state"] != "done":
            self.error(f"an analysis {status['state']}: {status['error']}")

    def thread(self, client_of: Callable[[_Load, httpx.Client], None]) -> threading.Thread:
        """A client that repeats its work until the end."""

        def run() -> None:
            with self.server.new_client() as client:
                while not self.ended.is_set():
                    try:
                        client_of(self, client)
                    except (httpx.HTTPError, AssertionError, TimeoutError, KeyError) as error:
                        self.error(f"{client_of.__name__}: {type(error).__name__} {error}")
                        self.ended.wait(1.0)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def endurance(folder: Path, seconds: float, frames: int = 400) -> Report:
    """Run all of it for so long, and look at how memory, descriptors, threads, processes and the disk change."""
    report = Report(f"{seconds:,.0f} s of uploads, a live capture, {POLLERS} pollers and {STREAMS} event streams")
    report.skipped = why_not()
    if report.skipped:
        return report
    known = {process.pid for process in descendants(os.getpid())}
    with adopting():
        with cable() as (near, far), serving(folder / "data") as server:
            load = _Load(server, capture(frames, conversations=40))
            _look_once(server, load.one)
            _live_once(server, near, far)
            _at_once(server, load.one)
            idle = settled(server)
            samples = _run(load, near, far, seconds, report)
            _judge_end(load, idle, report)
            _judge_slopes(samples, load, seconds, report)
        report.failures += [f"{process} was left over" for process in left_over(known)]
    return report


def _look_once(server: Server, one: Capture) -> None:
    """Every view of a map: the first question to one loads DuckDB, 40 MB of code and 30 of data, which stay."""
    map_id = server.analysed(("first.pcap", one.content))
    for view in _VIEWS:
        assert server.client.get(f"/api/maps/{map_id}{view}").is_success
    server.delete(map_id)


def _live_once(server: Server, near: str, far: str) -> None:
    with Sender(near, _LIVE_FRAMES_PER_S):
        map_id = server.new_map()
        server.start_live(map_id, far)
        wait_for(lambda: server.status(map_id)["revision"] or server.status(map_id)["state"] in ENDED, "live", 60.0)
        server.stop_live(map_id)
        server.wait(map_id)
        server.delete(map_id)


def _at_once(server: Server, one: Capture) -> None:
    """As many clients as will come: pools of threads that have a bound grow to what they need, and stay."""

    def client(_: int) -> None:
        with server.new_client() as client:
            map_id = str(client.post("/api/maps").json()["id"])
            answers = [client.put(f"/api/maps/{map_id}/captures/one.pcap", content=one.content)]
            answers += [client.get(path) for path in ("/api/maps", "/metrics", "/healthz", "/api/interfaces")]
            answers.append(client.delete(f"/api/maps/{map_id}"))
            assert all(answer.is_success for answer in answers)

    count = POLLERS + STREAMS + 2
    with ThreadPoolExecutor(count) as clients:
        list(clients.map(client, range(5 * count)))


def _run(load: _Load, near: str, far: str, seconds: float, report: Report) -> list[Sample]:
    samples: list[Sample] = []
    begun = time.monotonic()
    every_s = max(_SAMPLES_LEAST_S, seconds / _SAMPLES)
    with Sender(near, _LIVE_FRAMES_PER_S), HealthProbe(load.server) as probe:
        live = _live_client(far)
        threads = [load.thread(one) for one in (_uploader, live, *[_poller] * POLLERS, *[_follower] * STREAMS)]
        try:
            while time.monotonic() - begun < seconds:
                time.sleep(every_s)
                seconds_in = time.monotonic() - begun
                samples.append(Sample.now(load.server, seconds_in, load.counts["analyses"], len(load.maps)))
        finally:
            load.ended.set()
            for thread in threads:
                thread.join(90.0)
                report.check(not thread.is_alive(), "a client hangs")
    report.figures |= probe.figures()
    report.check(probe.errors == 0, f"/healthz failed {probe.errors} times")
    return samples


# --- the clients


def _uploader(load: _Load, client: httpx.Client) -> None:
    """One upload a second, as long as the analyses keep up; the oldest maps are deleted."""
    begun = time.monotonic()
    unfinished = sum(one["state"] in BUSY for one in client.get("/api/maps").json()["maps"])
    if unfinished <= _UNFINISHED_AT_MOST:
        map_id = client.post("/api/maps").json()["id"]
        load.maps.append(map_id)
        answer = client.put(f"/api/maps/{map_id}/captures/one.pcap", content=load.one.content)
        assert answer.status_code == 201, answer.text
        answer = client.post(f"/api/maps/{map_id}/analysis")
        assert answer.status_code == 202, answer.text
        load.count("uploads")
    else:
        load.count("uploads put off, the queue is long")
    for map_id in [one for one in load.maps if one not in load.done]:
        status = client.get(f"/api/maps/{map_id}").json()
        if status["state"] in ENDED:
            load.take_end(map_id, status)
    while len(load.maps) > _KEPT_MAPS:
        map_id = load.maps.popleft()
        load.done.discard(map_id)
        answer = client.delete(f"/api/maps/{map_id}")
        assert answer.status_code == 204, answer.text
    load.ended.wait(max(0.0, UPLOAD_EVERY_S - (time.monotonic() - begun)))


def _live_client(interface: str) -> Callable[[_Load, httpx.Client], None]:
    def _live(load: _Load, client: httpx.Client) -> None:
        """A live capture that ends by its own limit, then the next one."""
        map_id = client.post("/api/maps").json()["id"]
        body = {"interface": interface, "limits": {"seconds": _LIVE_SECONDS}}
        answer = client.post(f"/api/maps/{map_id}/live", json=body)
        assert answer.status_code == 202, answer.text
        while (status := client.get(f"/api/maps/{map_id}").json())["state"] == "live":
            if load.ended.wait(0.5) and status["revision"]:
                break
        if status["state"] == "live":
            client.delete(f"/api/maps/{map_id}/live")
        while (status := client.get(f"/api/maps/{map_id}").json())["state"] == "live":
            time.sleep(0.1)
        assert status["state"] == "done", f"a live capture {status['state']}: {status['error']}"
        packets = client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]["packets"]
        assert packets > 0, "a live capture saw nothing"
        load.count("live captures")
        assert client.delete(f"/api/maps/{map_id}").status_code == 204

    return _live


def _poller(load: _Load, client: httpx.Client) -> None:
    """Somebody who looks at lists and maps."""
    paths = ["/api/maps", "/metrics", "/healthz", "/api/interfaces"]
    if done := list(load.done):
        map_id = random.choice(done)
        paths += [f"/api/maps/{map_id}{view}" for view in _VIEWS]
    path = random.choice(paths)
    answer = client.get(path)
    load.count("answers")
    # The map may have been deleted in between.
    assert answer.status_code in (200, 404), f"{path.rpartition('/')[2]}: {answer.status_code} {answer.text[:80]}"
    load.ended.wait(POLL_EVERY_S)


def _follower(load: _Load, client: httpx.Client) -> None:
    """Somebody who follows the newest map for a few seconds and then leaves without a word."""
    if not load.maps:
        load.ended.wait(0.5)
        return
    leave = time.monotonic() + 3.0
    with client.stream("GET", f"/api/maps/{load.maps[-1]}/events", timeout=30.0) as answer:
        assert answer.status_code in (200, 404), f"events: {answer.status_code}"
        for line in answer.iter_lines():
            load.counts["events"] += line.startswith("event:")
            if time.monotonic() > leave or load.ended.is_set():
                break


# --- what came out


def _judge_end(load: _Load, before: Usage, report: Report) -> None:
    """All jobs end, all maps can be deleted, and the server is as it was."""
    server = load.server

    def maps() -> list[dict[str, Any]]:
        return list(server.client.get("/api/maps").json()["maps"])

    wait_for(lambda: all(one["state"] in ENDED for one in maps()), "the last job")
    for one in maps():
        if one["id"] in load.maps and one["id"] not in load.done:
            load.take_end(one["id"], one)
        server.delete(one["id"])
    after = settled(server)
    report.figures["MB idle, before and after"] = f"{before.resident_bytes / 1e6:.1f}, {after.resident_bytes / 1e6:.1f}"
    report.figures["descriptors more"] = after.descriptors - before.descriptors
    report.figures["threads more"] = after.threads - before.threads
    report.check(after.descriptors <= before.descriptors + _SPARE_DESCRIPTORS, "descriptors were left open")
    report.check(after.threads <= before.threads + _SPARE_THREADS, "threads were left")
    report.check(not temporary_files(server.data), f"left: {', '.join(temporary_files(server.data)[:3])}")
    folders = list((server.data / "maps").glob("*"))
    report.check(not folders, f"{len(folders)} folders of deleted maps are left")
    report.outcomes.update(load.counts)
    report.failures += [f"{count} times: {sentence}" for sentence, count in load.errors.most_common(10)]
    report.check(load.counts["analyses"] > 0, "no analysis ended")
    report.check(load.counts["live captures"] > 0, "no live capture ended")
    report.check(load.counts["events"] > 0, "no event came")


def _judge_slopes(samples: list[Sample], load: _Load, seconds: float, report: Report) -> None:
    if seconds < _FIT_FROM_S:
        return
    for slope in fit(samples):
        report.figures[slope.name] = f"{slope.value:+,.2f} ± {slope.error:,.2f}"
        report.check(
            slope.within_limit, f"{slope.name}: {slope.value:+,.2f} ± {slope.error:,.2f}, limit {slope.limit:g}"
        )
