"""A live map: it grows while frames cross a cable of the test's own, and stays when the capture ends."""

from __future__ import annotations

import os
import signal
from urllib.parse import quote

import pytest

from tests.api.frames import CLIENT_TO_WEB, DATABASE, WEB, WEB_TO_DATABASE, frame, pcap, two_talks
from tests.api.private_network import FAR, NEAR, private_network, send
from tests.api.servers import running
from tests.api.test_analysis import INVENTORY, edges, workers

FRAMES = two_talks()


@pytest.fixture
def server(settings):
    with private_network(), running(settings) as found:
        yield found


def start(server, map_id=None, **body):
    """A live map that is capturing."""
    map_id = map_id or server.new_map(inventory=[("vms.csv", INVENTORY)])
    answer = server.client.post(f"/api/maps/{map_id}/live", json={"interface": FAR, **body})
    assert answer.status_code == 202 and answer.json()["state"] == "live", answer.text
    return map_id


def send_until_seen(server, map_id, frames):
    """dumpcap listens a moment after its start and nothing tells when: repeat until the map has grown."""
    before = server.status(map_id)["revision"]

    def grown(status):
        assert status["state"] in ("live", "done"), status["error"]
        send(frames)
        return status["revision"] > before

    return server.wait(map_id, grown)


def stop(server, map_id):
    assert server.client.delete(f"/api/maps/{map_id}/live").status_code == 202
    return server.wait(map_id)


def test_a_live_map_grows_and_is_kept(server):
    map_id = start(server, limits={"packets": len(FRAMES)})
    status = send_until_seen(server, map_id, FRAMES)
    assert status["live"]["interface"] == FAR
    status = server.wait(map_id)
    assert status["state"] == "done" and status["complete"] is True and status["live"]["dropped_packets"] == 0
    document = server.client.get(f"/api/maps/{map_id}/graph").json()
    totals = document["graph"]["totals"]
    assert totals["packets"] == len(FRAMES) and totals["frame_bytes"] == sum(map(len, FRAMES))
    found = edges(document)
    assert found == {frozenset(("web", "db")): WEB_TO_DATABASE, frozenset(("web", "client")): CLIENT_TO_WEB}
    (point,) = server.client.get(f"/api/maps/{map_id}/health").json()["points"]
    assert (point["interface"], point["dropped_packets"]) == (FAR, 0)
    one = document["edges"][0]
    pair = {"pair": ",".join(quote(one[end], safe="") for end in ("source", "target"))}
    answer = server.client.get(f"/api/maps/{map_id}/packets", params=pair)
    assert answer.status_code == 409 and answer.json()["detail"] == "The packets of a live capture are not kept."


def test_more_frames_make_another_revision_while_it_captures(server):
    map_id = start(server)
    first = send_until_seen(server, map_id, FRAMES[:2])
    second = send_until_seen(server, map_id, FRAMES[-2:])
    assert first["state"] == second["state"] == "live" and second["revision"] > first["revision"]
    assert len(server.client.get(f"/api/maps/{map_id}/graph").json()["edges"]) == 2
    status = stop(server, map_id)
    assert status["state"] == "done" and server.client.delete(f"/api/maps/{map_id}/live").status_code == 409
    assert workers() == []


def test_every_frame_is_in_the_map_or_counted_as_dropped(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    many = 20_000
    send(frame(WEB, DATABASE, (40_000, 7_777), b"x" * 50, seq=50 * n, identity=n + 1) for n in range(many))
    last = frame(WEB, DATABASE, (40_000, 9_999), b"the last one")

    def last_is_seen(status):
        send([last])
        return server.client.get(f"/api/maps/{map_id}/conversations?service=9999").json()["total"]

    server.wait(map_id, last_is_seen)
    status = stop(server, map_id)
    (row,) = server.client.get(f"/api/maps/{map_id}/conversations?service=7777").json()["conversations"]
    assert row["packets"] + status["live"]["dropped_packets"] == many


def test_points_are_judged_again_after_the_capture(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    stop(server, map_id)
    points = {"points": [{"interface": FAR, "host": "esx-01", "role": "uplink"}]}
    assert server.client.put(f"/api/maps/{map_id}/points", json=points).status_code == 200
    assert server.client.post(f"/api/maps/{map_id}/analysis").status_code == 202
    assert server.wait(map_id)["state"] == "done"
    (point,) = server.client.get(f"/api/maps/{map_id}/health").json()["points"]
    assert (point["role"], point["host"]) == ("uplink", "esx-01")


def test_a_live_capture_ends_after_its_seconds(server):
    map_id = start(server, limits={"seconds": 1})
    assert server.wait(map_id)["state"] == "done"
    assert server.client.get(f"/api/maps/{map_id}/graph").json()["edges"] == []


def test_limits_of_the_server_cannot_be_exceeded(server, settings):
    map_id = start(server, limits={"seconds": 10**6, "packets": 10**12, "bytes": 10**15})
    live = server.status(map_id)["live"]
    assert (live["seconds"], live["packets"], live["bytes"]) == (
        settings.live_seconds, settings.live_packets, settings.live_bytes,
    )  # fmt: skip
    stop(server, map_id)


def test_a_killed_live_worker_keeps_what_was_captured(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES)
    (worker,) = workers()
    os.kill(worker, signal.SIGKILL)
    status = server.wait(map_id)
    assert status["state"] == "partial" and "SIGKILL" in status["error"] and status["complete"] is False
    assert server.client.get(f"/api/maps/{map_id}/graph").json()["edges"]


def test_live_captures_are_bounded(server):
    maps = [start(server) for _ in range(2)]
    answer = server.client.post(f"/api/maps/{server.new_map()}/live", json={"interface": FAR})
    assert answer.status_code == 409 and "2 live captures" in answer.json()["detail"]
    for map_id in maps:
        stop(server, map_id)


def test_a_live_capture_is_stopped_with_its_map(server):
    map_id = start(server)
    assert server.client.delete(f"/api/maps/{map_id}").status_code == 204
    assert workers() == []


def test_the_end_of_the_server_ends_a_live_capture_in_order(settings):
    with private_network():
        with running(settings) as server:
            map_id = start(server)
            send_until_seen(server, map_id, FRAMES)
        assert workers() == []
        with running(settings) as server:
            status = server.status(map_id)
            assert status["state"] == "done" and status["revision"] >= 1


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"interface": "nosuch0"}, "nosuch0"),
        ({"interface": "-"}, "standard input"),
        ({"interface": "TCP@127.0.0.1:9"}, "There is no interface"),
        ({"interface": FAR, "filter": "host example.org"}, "example.org"),
        ({"interface": FAR, "filter": "tcp port ("}, "filter"),
        ({"interface": FAR, "filter": "x" * 5_000}, "limit"),
        ({"interface": FAR, "limits": {"seconds": 0}}, "limits.seconds"),
        ({}, "interface"),
        ({"interface": 7}, "interface"),
    ],
)
def test_what_cannot_be_captured_is_told(server, body, part):
    map_id = server.new_map()
    answer = server.client.post(f"/api/maps/{map_id}/live", json=body)
    assert answer.status_code == 422 and part in answer.json()["detail"]
    assert server.status(map_id)["state"] == "new" and workers() == []


def test_the_interfaces_are_listed(server, settings):
    found = server.client.get("/api/interfaces").json()
    assert {row["name"] for row in found["interfaces"]} == {"lo", NEAR, FAR}
    assert found["problem"] is None and found["limits"]["seconds"] == settings.live_seconds


def test_captures_can_follow_a_live_capture(server):
    map_id = start(server)
    send_until_seen(server, map_id, FRAMES[:2])
    stop(server, map_id)
    server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=pcap(FRAMES))
    server.client.post(f"/api/maps/{map_id}/analysis")
    assert server.wait(map_id)["state"] == "done"
    totals = server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]
    assert totals["packets"] == len(FRAMES)
