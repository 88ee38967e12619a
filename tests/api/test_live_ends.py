"""Why a live capture ended: the status says it in one word and one sentence, and still does after a restart."""

from __future__ import annotations

import os
import signal

import pytest

from tests.api.frames import pcap
from tests.api.private_network import FAR, ip, private_network
from tests.api.servers import running, served, wait_for
from tests.api.test_analysis import workers
from tests.api.test_events import Listener
from tests.api.test_live_maps import FRAMES, send_until_seen, server, start, stop

__all__ = ["server"]  # a fixture

BY_HAND = ("stop", "Stopped by hand.")


def end_of(status):
    return status["live"]["ended_by"], status["live"]["end"]


@pytest.mark.parametrize(
    ("limits", "end"),
    [
        ({"seconds": 1}, ("seconds", "Stopped after 1 s, the limit set for this capture.")),
        ({"bytes": 50}, ("bytes", "Stopped after 50 bytes, the limit set for this capture.")),
        ({"packets": 2}, ("packets", "Stopped after 2 packets, the limit set for this capture.")),
    ],
    ids=["seconds", "bytes", "packets"],
)
def test_a_limit_that_somebody_has_set_is_a_fact_and_no_warning(server, limits, end):
    map_id = start(server, limits=limits)
    assert end_of(server.status(map_id)) == (None, None)
    if "seconds" not in limits:
        send_until_seen(server, map_id, FRAMES)
    status = server.wait(map_id)
    assert end_of(status) == end
    assert (status["state"], status["complete"], status["error"]) == ("done", True, None)


def test_a_stop_by_hand_is_told_to_who_follows_the_map(server):
    map_id = start(server)
    listener = Listener(server, map_id)
    send_until_seen(server, map_id, FRAMES)
    status = stop(server, map_id)
    assert end_of(status) == BY_HAND and status["error"] is None
    wait_for(lambda: any(name == "state" and data["state"] == "done" for _, name, data in listener.events))
    told = [(data["state"], *end_of(data)) for _, name, data in listener.events if name == "state"]
    assert ("live", None, None) in told and told[-1] == ("done", *BY_HAND)
    server.client.delete(f"/api/maps/{map_id}")
    listener.join()


def test_an_interface_that_goes_away_stays_a_warning(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    ip("link", "delete", FAR)
    status = server.wait(map_id)
    assert end_of(status) == ("interface", f"The interface {FAR} went away or down.")
    assert (status["state"], status["complete"]) == ("partial", False)
    assert f"The interface {FAR} went away" in status["error"]


def test_an_interface_that_goes_away_before_the_first_packet_is_the_reason_too(server):
    map_id = start(server, filter="udp port 9")
    server.wait(map_id, lambda status: (status["progress"] or {}).get("stage") == "capturing")
    ip("link", "delete", FAR)
    status = server.wait(map_id)
    assert (status["state"], status["live"]["ended_by"]) == ("failed", "interface")


def test_a_worker_that_died_is_a_failure(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    (worker,) = workers()
    os.kill(worker, signal.SIGKILL)
    status = server.wait(map_id)
    assert end_of(status) == ("failure", "Ended early by a failure.")
    assert status["state"] == "partial" and "SIGKILL" in status["error"]


def test_a_capture_that_is_cancelled(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    assert server.client.delete(f"/api/maps/{map_id}/analysis").status_code == 202
    status = server.wait(map_id)
    assert (status["state"], *end_of(status)) == ("cancelled", "cancelled", "Cancelled by hand.")


def test_the_reason_outlasts_a_restart_and_an_analysis_and_goes_with_the_next_capture(settings):
    with private_network():
        with running(settings) as server:
            map_id = start(server, limits={"packets": 2})
            send_until_seen(server, map_id, FRAMES)
            before = end_of(server.wait(map_id))
            assert before == ("packets", "Stopped after 2 packets, the limit set for this capture.")
        with running(settings) as server:
            assert end_of(server.status(map_id)) == before
            server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=pcap(FRAMES))
            server.client.post(f"/api/maps/{map_id}/analysis")
            assert end_of(server.wait(map_id)) == before
            start(server, map_id)
            assert end_of(server.status(map_id)) == (None, None)
            assert end_of(stop(server, map_id)) == BY_HAND


def test_the_end_of_the_server_is_the_reason(settings):
    with private_network():
        with running(settings) as server:
            map_id = start(server)
            send_until_seen(server, map_id, FRAMES)
        with running(settings) as server:
            status = server.status(map_id)
            assert end_of(status) == ("server", "Stopped because the server ended.")
            assert (status["state"], status["error"]) == ("done", None)


def test_the_death_of_the_server_is_the_reason(tmp_path):
    with private_network():
        with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
            map_id = client.post("/api/maps").json()["id"]
            client.post(f"/api/maps/{map_id}/live", json={"interface": FAR})
            wait_for(lambda: client.get(f"/api/maps/{map_id}").json()["progress"]["stage"] == "capturing")
            server.process.kill()
        with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
            status = client.get(f"/api/maps/{map_id}").json()
            assert end_of(status) == ("server", "Stopped because the server ended.")
            assert status["state"] == "failed" and "during the live capture" in status["error"]


def test_the_schema_of_the_api_names_every_reason(server):
    answers = server.app.openapi()["paths"]["/api/maps/{map_id}"]["get"]["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    reasons = schema["properties"]["live"]["properties"]["ended_by"]["enum"]
    assert {"seconds", "bytes", "packets", "stop", "interface", "dumpcap", "server", "failure", None} <= set(reasons)


def test_what_is_known_of_losses_while_it_captures(server):
    """Nothing is claimed: drops are not known yet, and a private network shows no counters of its interfaces."""
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    live = server.wait(map_id, lambda status: status["live"]["missed_by_interface"])["live"]
    assert (live["dropped_packets"], live["dropped_by_interface"]) == (None, {FAR: None})
    assert (live["missed_by_interface"], live["held_up_s"]) == ({FAR: None}, 0.0)
    assert stop(server, map_id)["live"]["dropped_packets"] == 0
