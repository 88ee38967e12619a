"""tshark and dumpcap are killed at random moments: what was read until then is counted right, and said to be a part."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from soak.cable import Sender, cable, why_not
from soak.captures import FRAME_RELAY, Capture, LiveFrame, capture
from soak.processes import adopting, descendants, left_over, named
from soak.report import Report
from soak.server import ENDED, Server, serving, settled, wait_for

_WITHIN_S = 30.0
_ENOUGH_ROUNDS = 10
"""With so many random moments some fall into the reading of frames."""

_SPARE_DESCRIPTORS = 2
"""The harness' own connections, which may be open or not when the descriptors are counted."""


def tshark_kills(folder: Path, rounds: int, frames: int, seed: int = 2) -> Report:
    """Kill tshark ``rounds`` times while it reads a capture of a link type that is its alone, headers or names."""
    report = Report(f"kill -9 of tshark, {rounds} times")
    one = capture(frames, linktype=FRAME_RELAY, names=True)
    known = {process.pid for process in descendants(os.getpid())}
    moments = random.Random(seed)
    with adopting():
        with serving(folder / "data") as server:
            span_s = _undisturbed(server, one, report)
            before = settled(server)
            counts = []
            for _ in range(rounds):
                map_id = server.new_map()
                server.upload(map_id, "wan.pcap", one.content)
                server.start(map_id)
                killed = _kill_one(server, map_id, "tshark", moments.uniform(0.0, span_s))
                status = server.wait(map_id)
                outcome, count = _judge_file(server, map_id, status, one, killed, report)
                report.outcomes[outcome] += 1
                counts += count
                server.delete(map_id)
                report.check(not named(server.pid, "tshark"), "a tshark outlived its analysis")
            after = settled(server)
            report.figures |= {"descriptors more": after.descriptors - before.descriptors}
            report.check(after.descriptors <= before.descriptors + _SPARE_DESCRIPTORS, "descriptors were left open")
        report.failures += [f"{process} was left over" for process in left_over(known)]
    if rounds >= _ENOUGH_ROUNDS:
        report.check(report.outcomes["done, not met"] < rounds / 2, "hardly any tshark was met alive")
        report.check(bool(counts), "no tshark was killed while it read frames")
    report.figures["packets counted in parts"] = (
        f"{min(counts):,} to {max(counts):,} of {frames:,}" if counts else "none"
    )
    return report


def _undisturbed(server: Server, one: Capture, report: Report) -> float:
    """How long tsharks run for this capture when nobody kills them."""
    map_id = server.new_map()
    server.upload(map_id, "wan.pcap", one.content)
    server.start(map_id)
    wait_for(lambda: named(server.pid, "tshark"), "the start of tshark")
    begun = last_seen = time.monotonic()
    while server.status(map_id)["state"] not in ENDED:
        if named(server.pid, "tshark"):
            last_seen = time.monotonic()
        time.sleep(0.02)
    span_s, status = last_seen - begun, server.status(map_id)
    report.check(status["state"] == "done", f"an undisturbed run ended {status['state']}: {status['error']}")
    totals = server.graph(map_id)["graph"]["totals"]
    report.check(totals["packets"] == one.frames, "an undisturbed run did not count every frame")
    report.check(totals["frame_bytes"] == one.frame_bytes(one.frames), "an undisturbed run did not count every byte")
    server.delete(map_id)
    return span_s


def _kill_one(server: Server, map_id: str, name: str, after_s: float) -> bool:
    """Kill the tool ``after_s`` after it was first seen; whether there was one to kill."""

    def running() -> bool:
        return bool(named(server.pid, name)) or server.status(map_id)["state"] in ENDED

    wait_for(running, f"the start of {name}")
    time.sleep(after_s)
    for pid in named(server.pid, name):
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            continue
    return False


def _judge_file(
    server: Server, map_id: str, status: dict[str, Any], one: Capture, killed: bool, report: Report
) -> tuple[str, list[int]]:
    """What came out of one run, checked."""
    state, error = status["state"], status["error"] or ""
    if state == "failed":
        report.check(killed and error.endswith(".") and "tshark" in error, f"it failed with: {error}")
        return "failed before the first packet", []
    graph = server.graph(map_id)["graph"]
    totals, count = graph["totals"], graph["totals"]["packets"]
    report.check(totals["frame_bytes"] == one.frame_bytes(count), f"{count} packets have the wrong sum of bytes")
    report.check(totals["last_seen_ns"] == one.time_ns(count), f"{count} packets end at the wrong time")
    if state == "partial":
        report.check(killed and graph["complete"] is False and "tshark" in error, f"partial, and says: {error}")
        report.check(0 < count <= one.frames, f"{count} packets were counted")
        return "partial", [count]
    report.check(state == "done", f"the state is {state}: {error}")
    report.check(count == one.frames, f"{count} of {one.frames} packets are called whole")
    said = any(warning["code"] == "names_incomplete" for warning in graph["warnings"])
    return ("done, names said to be missing" if said else "done, killed too late" if killed else "done, not met"), []


def dumpcap_kills(folder: Path, rounds: int, frames_per_s: float = 2_000.0, seed: int = 3) -> Report:
    """Kill dumpcap ``rounds`` times while it captures from a cable."""
    report = Report(f"kill -9 of dumpcap, {rounds} times")
    report.skipped = why_not()
    if report.skipped:
        return report
    known = {process.pid for process in descendants(os.getpid())}
    moments = random.Random(seed)
    ended_after: list[float] = []
    with adopting():
        with cable() as (near, far), serving(folder / "data") as server:
            before = settled(server)
            for number in range(rounds):
                with Sender(near, frames_per_s) as sender:
                    map_id = server.new_map()
                    server.start_live(map_id, far)
                    seen = _wait_for_packets(server, map_id)
                    killed = _kill_one(server, map_id, "dumpcap", moments.uniform(0.0, 1.0))
                    report.check(killed, "there was no dumpcap to kill")
                    begun = time.monotonic()
                    status = server.wait(map_id, _WITHIN_S)
                    ended_after.append(time.monotonic() - begun)
                _judge_live(server, map_id, status, seen, sender.frames.sent, report)
                report.outcomes[status["state"]] += 1
                server.delete(map_id)
                if number == 0:
                    before = settled(server)  # what the first live capture brings for good
            after = settled(server)
            report.figures["descriptors more"] = after.descriptors - before.descriptors
            report.check(after.descriptors <= before.descriptors + _SPARE_DESCRIPTORS, "descriptors were left open")
        report.failures += [f"{process} was left over" for process in left_over(known)]
    report.figures["longest until the map said so, s"] = max(ended_after)
    return report


def _wait_for_packets(server: Server, map_id: str) -> int:
    """Packets in the first result of a live map that has some."""

    def counted() -> int:
        status = server.status(map_id)
        if status["state"] in ENDED:
            raise AssertionError(f"the live capture ended {status['state']}: {status['error']}")
        return int(server.graph(map_id)["graph"]["totals"]["packets"]) if status["revision"] else 0

    return wait_for(counted, "the first packet of a live capture", _WITHIN_S, every_s=0.1)


def _judge_live(server: Server, map_id: str, status: dict[str, Any], seen: int, sent: int, report: Report) -> None:
    error = status["error"] or ""
    report.check(status["state"] == "partial", f"the map is {status['state']}: {error}")
    report.check("dumpcap" in error and error.endswith("."), f"the map does not name dumpcap: {error}")
    graph = server.graph(map_id)["graph"]
    count = graph["totals"]["packets"]
    report.check(graph["complete"] is False, "the document calls itself whole")
    report.check(seen <= count <= sent, f"{count} packets were counted, of {sent} sent and {seen} seen before")
    report.check(graph["totals"]["frame_bytes"] == count * LiveFrame.BYTES, "packets have the wrong sum of bytes")
