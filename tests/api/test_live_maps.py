"""A live map: it grows while frames cross a cable of the test's own, and stays when the capture ends."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from urllib.parse import quote

import pytest

from flowmap.store.result import load_document
from tests.api.frames import CLIENT, CLIENT_TO_WEB, DATABASE, WEB, WEB_TO_DATABASE, frame, pcap, two_talks
from tests.api.private_network import FAR, NEAR, private_network, send
from tests.api.servers import running, wait_for
from tests.api.test_analysis import INVENTORY, edges, workers
from tests.api.test_changes import apply
from tests.api.test_events import Listener
from tests.evidence.downloads import parse

FRAMES = two_talks()


@pytest.fixture
def server(settings):
    with private_network(), running(settings) as found:
        yield found


def start(server, map_id=None, **body):
    """A live map that is capturing."""
    map_id = map_id or server.new_map(inventory=[("vms.csv", INVENTORY)])
    asked = {name: value for name, value in {"interface": FAR, **body}.items() if value is not None}
    answer = server.client.post(f"/api/maps/{map_id}/live", json=asked)
    assert answer.status_code == 202 and answer.json()["state"] == "live", answer.text
    return map_id


def packets(server, map_id, *labels):
    """The answer to a download of the packets of a pair, which its labels name."""
    document = server.client.get(f"/api/maps/{map_id}/graph").json()
    ids = {node["label"]: node["id"] for node in document["nodes"]}
    pair = ",".join(quote(ids[label], safe="") for label in labels)
    return server.client.get(f"/api/maps/{map_id}/packets", params={"pair": pair})


def has_service(server, map_id, port):
    return server.client.get(f"/api/maps/{map_id}/conversations?service={port}").json()["total"]


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
    assert point["file"] == "live" and status["stale"] is False
    ((name, kept),) = [(file["name"], file["kept"]) for file in status["captures"]]
    assert (name, kept) == ("live", True) and status["live"]["kept_packets"] == len(FRAMES)


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

    server.wait(map_id, lambda status: send([last]) or has_service(server, map_id, 9_999))
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
    map_id = start(server, limits={"seconds": 86_400, "packets": 10**12, "bytes": 10**15})
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


def test_a_live_worker_killed_before_its_first_packet_claims_nothing_for_the_result_before(server):
    map_id, before = server.analysed(("web.pcap", pcap(two_talks())))
    start(server, map_id, filter="udp port 9")
    (worker,) = wait_for(workers)
    os.kill(worker, signal.SIGKILL)
    status = server.wait(map_id)
    assert status["revision"] == before["revision"] and status["complete"] is True
    assert status["state"] == "failed" and "captured until then" not in status["error"]


def test_live_captures_are_bounded(server):
    maps = [start(server) for _ in range(2)]
    answer = server.client.post(f"/api/maps/{server.new_map()}/live", json={"interface": FAR})
    assert answer.status_code == 409 and "2 live captures" in answer.json()["detail"]
    for map_id in maps:
        stop(server, map_id)


def test_live_captures_that_are_switched_off_are_said_to_be(settings):
    with private_network(), running(settings.model_copy(update={"max_live": 0})) as server:
        answer = server.client.post(f"/api/maps/{server.new_map()}/live", json={"interface": FAR})
        assert answer.status_code == 409 and "switched off" in answer.json()["detail"]
        assert server.client.get("/api/interfaces").json()["problem"] == answer.json()["detail"]


def test_a_live_capture_that_nobody_looks_at_ends_where_that_is_set(settings):
    with private_network(), running(settings.model_copy(update={"live_unwatched_s": 0.01})) as server:
        ids = server.new_map(), server.new_map()
        watched, forgotten = map(server.state.maps.get, ids)
        with server.client.stream("GET", f"/api/maps/{watched.id}/events") as events:
            lines = events.iter_lines()  # kept: a generator that is thrown away closes the stream
            assert next(lines).startswith("retry")
            for map_id in ids:
                start(server, map_id, filter="udp port 9")
            wait_for(lambda: forgotten.state == "done")  # asking the server would be looking
            assert forgotten.complete and forgotten.error is None and forgotten.live["ended_by"] == "unwatched"
            assert forgotten.live["end"] == (
                "Stopped because nobody had looked at it for 0.01 s (FLOWMAP_LIVE_UNWATCHED_S)."
            )
            assert watched.state == "live"
        wait_for(lambda: watched.state == "done")


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
        ({"interface": FAR, "limits": {"seconds": 0}}, "limits.seconds: Input should be greater than or equal to 1."),
        ({"interface": FAR, "limits": {"seconds": -5}}, "limits.seconds: Input should be greater than or equal to 1."),
        ({"interface": FAR, "limits": {"seconds": 86_401}}, "seconds: Input should be less than or equal to 86400."),
        ({"interface": FAR, "limits": {"bytes": 0}}, "limits.bytes: Input should be greater than or equal to 1."),
        ({"interface": FAR, "limits": {"bytes": -1}}, "limits.bytes: Input should be greater than or equal to 1."),
        ({"interface": FAR, "limits": {"packets": 0}}, "limits.packets: Input should be greater than or equal to 1."),
        ({"interface": FAR, "limits": {"packets": -1}}, "limits.packets: Input should be greater than or equal to 1."),
        ({}, "interface"),
        ({"interface": 7}, "interface"),
        ({"interface": FAR, "interfaces": [{"name": FAR}]}, "either"),
        ({"interfaces": [{"name": FAR}, {"name": FAR}]}, "twice"),
        ({"interfaces": [{"name": FAR}, {"name": "-"}]}, "standard input"),
        ({"interfaces": [{"name": FAR}, {"name": "nosuch0"}]}, "nosuch0"),
        ({"interfaces": [{"name": FAR, "role": "trunk"}]}, "trunk"),
        ({"interfaces": [{"role": "uplink"}]}, "name"),
        ({"interfaces": [{"name": FAR, "sampled": 0}]}, "sampled"),
        ({"interfaces": [{"name": f"x{number}"} for number in range(9)]}, "limit"),
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
    assert (found["running"], found["most_running"], found["most_interfaces"]) == (0, 2, 8)


def test_captures_can_follow_a_live_capture(server):
    map_id = start(server, limits={"packets": 2})
    send_until_seen(server, map_id, FRAMES[:2])
    server.wait(map_id)
    server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=pcap(FRAMES))
    assert server.status(map_id)["stale"] is True
    server.client.post(f"/api/maps/{map_id}/analysis")
    status = server.wait(map_id)
    assert status["state"] == "done" and status["stale"] is False
    totals = server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]
    assert totals["packets"] == 2 + len(FRAMES)


def test_a_live_capture_replaces_the_one_before_and_no_upload(server):
    map_id = server.new_map(captures=[("a.pcap", pcap(FRAMES))])
    for frames in (FRAMES[:1], FRAMES[:2]):
        start(server, map_id, limits={"packets": len(frames)})
        send_until_seen(server, map_id, frames)
        status = server.wait(map_id)
        assert [file["name"] for file in status["captures"]] == ["a.pcap", "live"] and status["stale"] is True
    folder = server.state.maps.get(map_id).folder / "captures"
    assert len(list(folder.iterdir())) == 2
    assert server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]["packets"] == 2
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    totals = server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]
    assert totals["packets"] == 2 + len(FRAMES)


def test_several_interfaces_are_captured_at_once_with_their_roles(server):
    interfaces = [
        {"name": NEAR, "role": "vnic", "host": "esx-01"},
        {"name": FAR, "role": "uplink", "host": "esx-01", "covers": "all"},
    ]
    map_id = start(server, interface=None, interfaces=interfaces)
    listening = frame(CLIENT, DATABASE, (40_000, 9_999), b"are both listening?")

    def both_have_heard(status):
        send([listening])
        if not status["revision"]:
            return False
        return len(server.client.get(f"/api/maps/{map_id}/health").json()["points"]) == 2

    server.wait(map_id, both_have_heard)
    send(FRAMES)
    server.wait(map_id, lambda status: has_service(server, map_id, 80))
    status = stop(server, map_id)
    assert status["live"]["interface"] == f"{NEAR}, {FAR}"
    assert status["live"]["dropped_by_interface"] == {NEAR: 0, FAR: 0}
    document = server.client.get(f"/api/maps/{map_id}/graph").json()
    found = {point["interface"]: point for point in document["graph"]["points"]}
    assert {name: (point["role"], point["host"], point["role_how"]) for name, point in found.items()} == {
        NEAR: ("vnic", "esx-01", "stated"), FAR: ("uplink", "esx-01", "stated"),
    }  # fmt: skip
    assert found[FAR]["covers"] == "all"
    # the same packets at two points are counted once, and what is on the uplink left
    assert edges(document)[frozenset(("web", "db"))] == WEB_TO_DATABASE
    assert edges(document)[frozenset(("web", "client"))] == CLIENT_TO_WEB
    download = parse(packets(server, map_id, "web", "db").content)
    assert sorted(packet.data for packet in download.packets) == sorted(2 * FRAMES[:4])


def test_statements_about_other_points_stay(server):
    points = {"hosts": {"esx-01": {"uplinks": ["vmnic0"]}}, "points": [
        {"file": "a.pcap", "role": "mirror"}, {"file": "live", "interface": FAR, "role": "mirror"},
    ]}  # fmt: skip
    map_id = server.new_map(points=points)
    start(server, map_id, interface=None, interfaces=[{"name": FAR, "role": "uplink"}])
    stated = server.status(map_id)["points"]
    assert stated["hosts"]["esx-01"]["uplinks"] == ["vmnic0"]
    assert stated["points"] == [
        {"file": "a.pcap", "role": "mirror"}, {"file": "live", "interface": FAR, "role": "uplink"},
    ]  # fmt: skip
    stop(server, map_id)


def test_a_page_follows_a_live_map_by_what_the_events_carry(server):
    map_id = start(server)
    listener = Listener(server, map_id)
    send_until_seen(server, map_id, FRAMES[:2])
    wait_for(listener.graphs)
    first = listener.graphs()[0]["revision"]
    document = load_document(server.state.maps.get(map_id).folder, first)
    for number in (1, 2):
        send_until_seen(server, map_id, FRAMES[2 * number : 2 * number + 2])
    newest = stop(server, map_id)["revision"]
    wait_for(lambda: listener.graphs()[-1]["revision"] == newest)
    told = [graph["revision"] for graph in listener.graphs()]
    carried = [graph["changes"] for graph in listener.graphs()[1:]]
    assert [(one["since"], one["revision"]) for one in carried] == list(pairwise(told)) and len(carried) >= 2
    for changes in carried:
        document = apply(document, changes)
    assert document == server.client.get(f"/api/maps/{map_id}/graph").json()
    lives = [data["live"] for _, name, data in listener.events if name == "state" and data["state"] == "live"]
    assert lives[-1]["elapsed_s"] > 0 and lives[-1]["captured_bytes"] >= sum(map(len, FRAMES))
    server.client.delete(f"/api/maps/{map_id}")
    listener.join()
