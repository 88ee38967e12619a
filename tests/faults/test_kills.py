"""The short form of the cases of ``make soak`` in which a process is killed or told to leave."""

from __future__ import annotations

from soak.graceful import graceful_end
from soak.server_kills import server_kills
from soak.tool_kills import dumpcap_kills, tshark_kills
from tests.faults.reports import passed


def test_a_killed_server_loses_no_accepted_upload_and_shows_no_half_result(tmp_path):
    report = passed(server_kills(tmp_path, rounds=3, frames=8_000))
    assert sum(report.outcomes.values()) == 3


def test_a_killed_tshark_leaves_a_part_that_is_counted_right(tmp_path):
    report = passed(tshark_kills(tmp_path, rounds=3, frames=40_000))
    assert sum(report.outcomes.values()) == 3


def test_a_killed_dumpcap_leaves_what_was_captured_and_says_so(tmp_path):
    report = passed(dumpcap_kills(tmp_path, rounds=3))
    assert report.outcomes == {"partial": 3}


def test_a_server_that_is_asked_to_leave_does_so_in_order(tmp_path):
    passed(graceful_end(tmp_path, frames=40_000))
