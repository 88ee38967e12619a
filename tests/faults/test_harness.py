"""The harness sees what it is there to see."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from soak.captures import FRAME_RELAY, capture
from soak.processes import adopting, descendants, left_over, usage
from soak.report import Report, table
from soak.server import temporary_files
from soak.slopes import Sample, fit
from tests.capture.plain_walker import walk_pcap

ORPHAN = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep({})'])"


def known():
    return {process.pid for process in descendants(os.getpid())}


def test_an_orphan_is_found_and_one_that_ends_is_reaped():
    before = known()
    with adopting():
        subprocess.run([sys.executable, "-c", ORPHAN.format(60)], check=True)
        found = [process for process in descendants(os.getpid()) if process.pid not in before]
        assert len(found) == len(left_over(before, 0.2)) == 1
        os.kill(found[0].pid, 9)
        assert left_over(before) == [] and known() <= before


def test_descriptors_and_threads_of_a_process_are_counted(tmp_path):
    before = usage(os.getpid())
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        assert usage(os.getpid()).descriptors == before.descriptors + 2
    assert usage(os.getpid()).descriptors == before.descriptors


def test_temporary_files_are_found(tmp_path):
    for name in ("maps/1/captures/a.part", "maps/1/meta.json.tmp", "maps/1/work/x", "maps/1/meta.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert temporary_files(tmp_path) == ["maps/1/captures/a.part", "maps/1/meta.json.tmp", "maps/1/work"]


@pytest.mark.parametrize("linktype", [1, FRAME_RELAY])
def test_a_capture_holds_what_it_says(linktype):
    one = capture(250, linktype=linktype)
    walked = walk_pcap(one.content)
    for count in (1, 96, 97, 98, 250):
        assert one.frame_bytes(count) == sum(row[2] for row in walked.rows[:count])
        assert one.time_ns(count) == walked.rows[count - 1][3]


def samples(megabytes, descriptors):
    """A run of 1,000 analyses with what grows by each analysis, and a fixed disturbance."""
    return [
        Sample(
            float(n), n, 40, int((100 + megabytes * n + n % 7) * 1e6), 20 + int(descriptors * n) + n % 3, 9, 3, 10**7
        )
        for n in range(1_000)
    ]


def test_a_leak_is_over_the_limit_and_noise_is_not():
    assert [slope.name for slope in fit(samples(0.0, 0.0)) if not slope.within_limit] == []
    over = [slope for slope in fit(samples(0.01, 0.02)) if not slope.within_limit]
    assert [slope.name.split(" by")[0] for slope in over] == ["MB resident", "descriptors"]
    assert over[0].value == pytest.approx(10, rel=0.05) and over[1].value == pytest.approx(20, rel=0.05)


def test_a_table_tells_failures_and_what_was_skipped():
    bad, left_out = Report("kills", failures=["an upload was lost"]), Report("disk", skipped="it needs root")
    good = Report("calm", figures={"s": 1.25, "maps": 3})
    text = table([bad, left_out, good])
    assert "| kills |  | 1 failures |" in text and "- kills: an upload was lost" in text
    assert "| disk | it needs root | skipped |" in text and "| calm | s: 1.2; maps: 3 | passed |" in text
