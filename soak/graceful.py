"""The server is asked to leave in the middle of an upload, an analysis and a live capture."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path

from soak.cable import Sender, cable, why_not
from soak.captures import capture
from soak.processes import adopting, descendants, left_over
from soak.report import Report
from soak.server import BUSY, Server, serving, temporary_files, wait_for
from soak.server_kills import comparable

ENDS_WITHIN_S = 20.0
_UPLOAD_BYTES = 1 << 20


def graceful_end(folder: Path, frames: int) -> Report:
    """SIGTERM during all three, then a restart."""
    report = Report("SIGTERM during an upload, an analysis and a live capture")
    report.skipped = why_not()
    if report.skipped:
        return report
    one = capture(frames, conversations=5_000, names=True)
    known = {process.pid for process in descendants(os.getpid())}
    with adopting():
        with cable() as (near, far):
            with serving(folder / "data") as server:
                calm = server.analysed(("one.pcap", one.content))
                wanted = comparable(server.graph(calm))
                with Sender(near, 500.0), contextlib.closing(_half_upload(server)) as upload:
                    live = server.new_map()
                    server.start_live(live, far)
                    wait_for(lambda: server.status(live)["revision"], "the first live result", 60.0)
                    busy = server.new_map()
                    server.upload(busy, "one.pcap", one.content)
                    server.start(busy)
                    wait_for(lambda: server.status(busy)["state"] == "running", "the start of the analysis")
                    time.sleep(0.2)
                    try:
                        report.figures["s until it had left"] = server.end()
                    except subprocess.TimeoutExpired:
                        report.failures.append("it did not leave")
                        server.kill()
                    upload.settimeout(1.0)
                report.failures += [f"{process} outlived the server" for process in left_over(known, 2.0)]
            took_s = report.figures.get("s until it had left", ENDS_WITHIN_S)
            report.check(isinstance(took_s, float) and took_s <= ENDS_WITHIN_S, f"it took {took_s} s to leave")
            with serving(folder / "data") as server:
                _after_restart(server, busy, live, wanted, report)
        report.failures += [f"{process} was left over" for process in left_over(known)]
    return report


def _half_upload(server: Server) -> socket.socket:
    """A connection on which half of a capture has arrived."""
    map_id = server.new_map()
    connection = socket.create_connection(server.address)
    connection.sendall(server.head("PUT", f"/api/maps/{map_id}/captures/half.pcap", _UPLOAD_BYTES))
    connection.sendall(bytes(_UPLOAD_BYTES // 2))
    return connection


def _after_restart(server: Server, busy: str, live: str, wanted: dict[str, object], report: Report) -> None:
    state = server.status(busy)["state"]
    report.check(state in (*BUSY, "done"), f"the analysis was not taken up again, it is {state}")
    if state not in (*BUSY, "done"):
        return
    status = server.wait(busy)
    report.check(status["state"] == "done", f"the analysis {status['state']}: {status['error']}")
    report.check(comparable(server.graph(busy)) == wanted, "the result is not that of an undisturbed run")
    status = server.status(live)
    report.outcomes[f"live map {status['state']}"] += 1
    report.check(status["state"] in ("done", "partial"), f"the live map is {status['state']}: {status['error']}")
    report.check(server.graph(live)["graph"]["totals"]["packets"] > 0, "the live map has lost its packets")
    report.check(not temporary_files(server.data), f"left: {', '.join(temporary_files(server.data)[:3])}")
