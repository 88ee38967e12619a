"""Live captures are started and stopped again and again: nothing of them stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from soak.cable import Sender, cable, why_not
from soak.processes import adopting, descendants, left_over, named
from soak.report import Report
from soak.server import serving, settled, wait_for

_SPARE = 2
_FRAMES_PER_S = 500.0


def live_cycles(folder: Path, rounds: int) -> Report:
    """Start and stop ``rounds`` live captures in one map."""
    report = Report(f"{rounds} live captures started and stopped")
    report.skipped = why_not()
    if report.skipped:
        return report
    known = {process.pid for process in descendants(os.getpid())}
    with adopting():
        with cable() as (near, far), serving(folder / "data") as server, Sender(near, _FRAMES_PER_S):
            map_id = server.new_map()
            before, begun = server.usage(), time.monotonic()
            for number in range(rounds + 1):
                server.start_live(map_id, far)
                wait_for(lambda: named(server.pid, "dumpcap"), "the start of dumpcap", 30.0)
                server.stop_live(map_id)
                status = server.wait(map_id, 30.0)
                report.outcomes[status["state"]] += 1
                report.check(status["state"] == "done", f"a stopped capture is {status['state']}: {status['error']}")
                if number == 0:  # what the first one brings for good is not counted
                    before, begun = settled(server), time.monotonic()
            report.figures["s each"] = (time.monotonic() - begun) / rounds
            after = settled(server)
            report.figures |= {
                "descriptors more": after.descriptors - before.descriptors,
                "threads more": after.threads - before.threads,
                "MB more": (after.resident_bytes - before.resident_bytes) / 1e6,
            }
            report.check(after.descriptors <= before.descriptors + _SPARE, "descriptors were left open")
            report.check(after.threads <= before.threads + _SPARE, "threads were left")
        report.failures += [f"{process} was left over" for process in left_over(known)]
    return report
