"""The short form of the cases of ``make soak`` in which much is asked of the server."""

from __future__ import annotations

from soak.disk_full import disk_full
from soak.endurance import endurance
from soak.http_load import http_load
from soak.live_cycles import live_cycles
from soak.restart import restart
from soak.upload_load import upload_load
from tests.faults.reports import passed


def test_on_a_full_disk_nothing_breaks_and_with_room_it_goes_on(tmp_path):
    report = passed(disk_full(tmp_path, rounds=2))
    assert sum(count for what, count in report.outcomes.items() if "analysis" in what) == 2


def test_uploads_at_once_broken_off_and_slow(tmp_path):
    report = passed(upload_load(tmp_path, parallel=4, frames=8_000, aborted=10, slow=2))
    assert report.outcomes["done"] == 4


def test_strangers_who_do_what_they_can_keep_nobody_from_being_answered(tmp_path):
    report = passed(http_load(tmp_path, seconds=5.0))
    assert report.outcomes["ordinary answered"] > 0 and report.outcomes["large refused"] > 0


def test_live_captures_leave_nothing(tmp_path):
    report = passed(live_cycles(tmp_path, rounds=4))
    assert report.outcomes == {"done": 5}


def test_stored_maps_are_all_there_after_a_restart(tmp_path):
    passed(restart(tmp_path, maps=20))


def test_everything_at_once_for_a_while(tmp_path):
    report = passed(endurance(tmp_path, seconds=15.0))
    assert report.outcomes["uploads"] > 0 and report.outcomes["answers"] > 0
