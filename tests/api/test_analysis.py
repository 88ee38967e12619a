"""Jobs: from captures to a result, damage and failure in one sentence, cancelling, queueing, restarting."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from flowmap.api.maps import Maps, StoredFile
from tests.api.frames import CLIENT_TO_WEB, WEB_TO_DATABASE, named_talks, pcap, two_talks
from tests.api.servers import hanging_tshark, running, wait_for

INVENTORY = (
    b"vm,mac,ip,host\n"
    b"web,00:50:56:00:00:01,10.0.0.1,esx-01\n"
    b"db,00:50:56:00:00:02,10.0.0.2,esx-01\n"
    b"client,00:50:56:00:00:03,10.0.0.3,esx-02\n"
)
CAPTURE = ("web.pcap", pcap(two_talks()))
AFTER_READING = 2
"""The revision after captures were read: a first map without names, then one with names. Judging again adds one."""


def edges(document):
    """Wire bytes by the labels of both ends."""
    labels = {node["id"]: node["label"] for node in document["nodes"]}
    return {frozenset((labels[e["source"]], labels[e["target"]])): e["wire_bytes"] for e in document["edges"]}


def workers():
    """Process ids of the workers of this test process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"flowmap.api.worker" in words and parent == os.getpid():
            found.append(int(folder.name))
    return found


@pytest.fixture
def hanging(tmp_path, settings):
    """Settings with a tshark that does not come to an end."""
    return settings.model_copy(update={"tshark_path": str(hanging_tshark(tmp_path / "tshark"))})


def start_and_hang(server, *captures):
    """A map whose analysis runs and does not end."""
    map_id = server.new_map(captures or [CAPTURE])
    assert server.client.post(f"/api/maps/{map_id}/analysis").status_code == 202
    server.wait(map_id, lambda status: status["state"] == "running")
    wait_for(workers)
    return map_id


def test_an_uploaded_capture_becomes_a_map(server, settings):
    map_id, status = server.analysed(CAPTURE)
    assert status["state"] == "done" and status["complete"] is True and status["error"] is None
    assert status["revision"] == AFTER_READING and status["progress"] is None and status["stale"] is False
    document = server.client.get(f"/api/maps/{map_id}/graph").json()
    assert edges(document) == {
        frozenset(("10.0.0.1", "10.0.0.2")): WEB_TO_DATABASE,
        frozenset(("10.0.0.1", "10.0.0.3")): CLIENT_TO_WEB,
    }
    assert document["graph"]["captures"][0]["file"] == "web.pcap"
    folder = settings.data_dir / "maps" / map_id
    assert (folder / "map.json").is_file() and folder.parent.stat().st_mode & 0o077 == 0


def test_the_first_map_has_all_counts_and_the_second_the_names_too(server, settings):
    map_id, status = server.analysed(("web.pcap", pcap(named_talks())))
    assert status["state"] == "done" and status["revision"] == AFTER_READING
    folder = settings.data_dir / "maps" / map_id
    first, last = (json.loads((folder / f"result-{number}" / "map.json").read_bytes()) for number in (1, 2))
    assert server.client.get(f"/api/maps/{map_id}/graph").json() == last
    assert [node["names"] for node in first["nodes"]] == [[], [], []]
    named = {node["ips"][0]: node["names"] for node in last["nodes"] if node["names"]}
    assert named == {"10.0.0.1": [{"name": "web.corp", "source": "dns"}]}
    assert first["graph"]["totals"] == last["graph"]["totals"]
    assert first["graph"]["totals"]["packets"] == len(named_talks()) and first["graph"]["complete"] is True
    sizes = [{(e["source"], e["target"]): e["wire_bytes"] for e in document["edges"]} for document in (first, last)]
    assert sizes[0] == sizes[1]


def test_there_is_no_result_before_the_first_analysis(server):
    map_id = server.new_map([CAPTURE])
    pages = ("graph", "pairs/a/b", "conversations", "timeline", "health", "export/json", "report", "packets?pair=a,b")
    for what in pages:
        assert server.client.get(f"/api/maps/{map_id}/{what}").status_code == 409


def test_a_map_without_captures_cannot_be_analysed(server):
    answer = server.client.post(f"/api/maps/{server.new_map()}/analysis")
    assert answer.status_code == 409 and "upload" in answer.json()["detail"]


def test_an_inventory_is_judged_from_the_legs_without_reading_again(server, settings):
    map_id, _ = server.analysed(CAPTURE)
    for path in (settings.data_dir / "maps" / map_id / "captures").iterdir():
        path.write_bytes(b"not read again")
    assert server.client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY).status_code == 201
    assert server.status(map_id)["stale"] is True
    server.client.post(f"/api/maps/{map_id}/analysis")
    status = server.wait(map_id)
    assert status["state"] == "done" and status["revision"] == AFTER_READING + 1 and status["stale"] is False
    found = edges(server.client.get(f"/api/maps/{map_id}/graph").json())
    assert found == {frozenset(("web", "db")): WEB_TO_DATABASE, frozenset(("web", "client")): CLIENT_TO_WEB}


def by_hand(*rows):
    return json.dumps({"placed_by_hand": True, "vms": list(rows)})


def test_what_is_placed_by_hand_is_judged_from_the_legs_and_taken_back(server):
    map_id, _ = server.analysed(CAPTURE)
    before = server.client.get(f"/api/maps/{map_id}/graph").json()
    path = f"/api/maps/{map_id}/inventory/placed-on-the-page.json"
    rows = [
        {"vm": "10.0.0.1", "mac": "00:50:56:00:00:01", "host": "esx-01", "kind": "vm"},
        {"vm": "10.0.0.2", "ip": ["10.0.0.2"], "host": "esx-01", "kind": "vm"},  # silent: the MAC may be a router's
        {"vm": "10.0.0.3", "mac": "00:50:56:00:00:03", "host": "esx-02", "kind": "vm"},
    ]
    assert server.client.put(path, content=by_hand(*rows)).json()["format"] == "by-hand"
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    judged = server.client.get(f"/api/maps/{map_id}/graph").json()
    assert {node["label"]: node["host"] for node in judged["nodes"]} == {row["vm"]: row["host"] for row in rows}
    assert {edge["left_host"]: edge["grade"] for edge in judged["edges"]} == {"undetermined": None, "left": "likely"}
    rows[1]["mac"] = "00:50:56:00:00:02"
    assert server.client.put(path, content=by_hand(*rows)).status_code == 201
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    judged = server.client.get(f"/api/maps/{map_id}/graph").json()
    assert {edge["left_host"]: edge["grade"] for edge in judged["edges"]} == {"stayed": "likely", "left": "likely"}
    for edge in judged["edges"]:
        texts = [row["text"] for row in edge["evidence"] if row["rule"] == "inventory-placement"]
        assert len(texts) == 2 and all(text.endswith("(by hand, on the page).") for text in texts)
    assert json.loads(server.client.get(path).content)["vms"] == rows

    assert server.client.delete(path).status_code == 204
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    after = server.client.get(f"/api/maps/{map_id}/graph").json()
    assert (after["nodes"], after["edges"]) == (before["nodes"], before["edges"])


def test_the_host_of_an_inventory_reaches_the_map(server):
    content = (
        b"<domains>"
        + b"".join(
            b"<domain type='kvm' id='%d'><name>%s</name><devices><interface type='bridge'>"
            b"<mac address='00:50:56:00:00:0%d'/></interface></devices></domain>" % (number, name, number)
            for number, name in ((1, b"web"), (2, b"db"))
        )
        + b"</domains>"
    )
    map_id, _ = server.analysed(CAPTURE, inventory=[("vms.xml?host=kvm-1", content)])
    nodes = server.client.get(f"/api/maps/{map_id}/graph").json()["nodes"]
    assert {node["host"] for node in nodes if node["label"] in ("web", "db")} == {"kvm-1"}


def test_points_are_judged_again_too(server):
    map_id, _ = server.analysed(CAPTURE)
    points = {"points": [{"file": "web.pcap", "host": "esx-01", "role": "mirror"}]}
    server.client.put(f"/api/maps/{map_id}/points", json=points)
    server.client.post(f"/api/maps/{map_id}/analysis")
    assert server.wait(map_id)["revision"] == AFTER_READING + 1
    (point,) = server.client.get(f"/api/maps/{map_id}/health").json()["points"]
    assert (point["role"], point["host"]) == ("mirror", "esx-01")


def test_another_capture_is_read(server):
    map_id, _ = server.analysed(CAPTURE)
    server.client.put(f"/api/maps/{map_id}/captures/again.pcap", content=CAPTURE[1])
    server.client.post(f"/api/maps/{map_id}/analysis")
    server.wait(map_id)
    totals = server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]
    assert totals["packets"] == 2 * len(two_talks())


def test_damage_gives_a_partial_map_with_the_sentence(server):
    content = CAPTURE[1][:-10]
    map_id, status = server.analysed(("cut.pcap", content))
    assert status["state"] == "partial" and status["complete"] is False
    assert status["error"].startswith("cut.pcap: 5 packets were read")
    document = server.client.get(f"/api/maps/{map_id}/graph").json()
    assert document["graph"]["complete"] is False and document["graph"]["totals"]["packets"] == 5
    assert server.client.get(f"/api/maps/{map_id}/export/json").json()["graph"]["complete"] is False


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"\x89PNG\r\n\x1a\n" + b"x" * 100, "is not a capture"), (b"", "empty"), (CAPTURE[1][:12], "cut off")],
)
def test_what_is_no_capture_fails_with_the_sentence(server, content, part):
    map_id, status = server.analysed(("photo.png", content))
    assert status["state"] == "failed" and status["error"].startswith("photo.png") and part in status["error"]
    assert "Traceback" not in status["error"]
    answer = server.client.get(f"/api/maps/{map_id}/graph")
    assert answer.status_code == 409 and answer.json()["detail"] == status["error"]


def test_a_capture_without_packets_is_a_whole_empty_map(server):
    map_id, status = server.analysed(("empty.pcap", pcap([])))
    assert status["state"] == "done" and status["t0_ns"] is None
    assert server.client.get(f"/api/maps/{map_id}/graph").json()["edges"] == []
    assert server.client.get(f"/api/maps/{map_id}/timeline").json()["series"]["stayed"] == []
    assert server.client.get(f"/api/maps/{map_id}/graph?from_ms=0").status_code == 422


def test_a_killed_worker_fails_its_map_and_nothing_else(hanging):
    with running(hanging) as server:
        map_id = start_and_hang(server)
        (worker,) = workers()
        os.kill(worker, signal.SIGKILL)
        status = server.wait(map_id)
        assert status["state"] == "failed" and "SIGKILL" in status["error"] and status["error"].endswith(".")
        assert server.client.get("/healthz").status_code == 200
        assert not (hanging.data_dir / "maps" / map_id / "work").exists()
        again = start_and_hang(server)
        assert again != map_id


def test_without_tshark_the_map_is_whole_but_for_its_names(settings):
    with running(settings.model_copy(update={"tshark_path": "/nowhere/tshark"})) as server:
        map_id, status = server.analysed(("web.pcap", pcap(named_talks())))
        assert status["state"] == "done" and status["error"] is None
        document = server.client.get(f"/api/maps/{map_id}/graph").json()
        assert document["graph"]["totals"]["packets"] == len(named_talks()) and document["graph"]["complete"] is True
        assert not any(node["names"] for node in document["nodes"])
        (warning,) = document["graph"]["warnings"]
        assert warning["code"] == "no_tshark" and "names and applications are missing" in warning["text"]


def test_what_only_tshark_reads_fails_without_it_in_one_sentence(settings):
    wireless = CAPTURE[1][:20] + (105).to_bytes(4, "little") + CAPTURE[1][24:]  # IEEE 802.11
    with running(settings.model_copy(update={"tshark_path": "/nowhere/tshark"})) as server:
        _, status = server.analysed(("air.pcap", wireless))
        assert status["state"] == "failed" and "tshark was not found" in status["error"]


def test_cancelling_ends_the_worker(hanging):
    with running(hanging) as server:
        map_id = start_and_hang(server)
        assert server.client.delete(f"/api/maps/{map_id}/analysis").status_code == 202
        status = server.wait(map_id)
        assert status["state"] == "cancelled" and "cancelled" in status["error"]
        assert workers() == []
        assert server.client.delete(f"/api/maps/{map_id}/analysis").status_code == 409


def test_one_analysis_runs_and_the_next_waits(hanging):
    with running(hanging) as server:
        first = start_and_hang(server)
        second = server.new_map([CAPTURE])
        assert server.client.post(f"/api/maps/{second}/analysis").json()["state"] == "queued"
        assert server.client.post(f"/api/maps/{second}/analysis").status_code == 409
        server.client.delete(f"/api/maps/{first}/analysis")
        server.wait(second, lambda status: status["state"] == "running")
        assert server.status(first)["state"] == "cancelled"


def test_a_waiting_analysis_can_be_cancelled(hanging):
    with running(hanging) as server:
        first = start_and_hang(server)
        second = server.new_map([CAPTURE])
        server.client.post(f"/api/maps/{second}/analysis")
        server.client.delete(f"/api/maps/{second}/analysis")
        assert server.status(second)["state"] == "cancelled" and server.status(first)["state"] == "running"


def test_inputs_stay_as_they_are_while_they_are_read(hanging):
    with running(hanging) as server:
        map_id = start_and_hang(server)
        for answer in (
            server.client.put(f"/api/maps/{map_id}/captures/b.pcap", content=b"x"),
            server.client.put(f"/api/maps/{map_id}/inventory/b.csv", content=INVENTORY),
            server.client.put(f"/api/maps/{map_id}/points", json={}),
            server.client.delete(f"/api/maps/{map_id}/captures/web.pcap"),
            server.client.post(f"/api/maps/{map_id}/live", json={"interface": "lo"}),
        ):
            assert answer.status_code == 409


def test_deleting_a_map_ends_its_work(hanging):
    with running(hanging) as server:
        map_id = start_and_hang(server)
        assert server.client.delete(f"/api/maps/{map_id}").status_code == 204
        assert workers() == [] and not (hanging.data_dir / "maps" / map_id).exists()


def test_what_a_restart_cut_off_is_done_afterwards(hanging, settings):
    with running(hanging) as server:
        running_map = start_and_hang(server)
        waiting_map = server.new_map([CAPTURE])
        server.client.post(f"/api/maps/{waiting_map}/analysis")
    assert workers() == []
    with running(settings) as server:
        for map_id in (running_map, waiting_map):
            assert server.wait(map_id)["state"] == "done"


def test_it_is_tried_again_once_only(hanging):
    with running(hanging) as server:
        map_id = start_and_hang(server)
    with running(hanging) as server:
        server.wait(map_id, lambda status: status["state"] == "running")
    with running(hanging) as server:
        status = server.status(map_id)
        assert status["state"] == "failed" and "twice" in status["error"]


def test_a_result_survives_a_restart(settings):
    with running(settings) as server:
        map_id, before = server.analysed(CAPTURE, inventory=[("vms.csv", INVENTORY)])
        document = server.client.get(f"/api/maps/{map_id}/graph").content
    with running(settings) as server:
        assert server.status(map_id) == before
        assert server.client.get(f"/api/maps/{map_id}/graph").content == document


def test_captures_go_after_the_analysis_when_nothing_is_kept(settings):
    with running(settings.model_copy(update={"keep_captures_s": 0})) as server:
        map_id, _ = server.analysed(CAPTURE)
        status = server.wait(map_id, lambda status: not status["captures"][0]["kept"])
        assert status["state"] == "done"
        assert not list((settings.data_dir / "maps" / map_id / "captures").iterdir())
        server.client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY)
        server.client.post(f"/api/maps/{map_id}/analysis")
        assert server.wait(map_id)["revision"] == AFTER_READING + 1
        server.client.put(f"/api/maps/{map_id}/captures/b.pcap", content=CAPTURE[1])
        answer = server.client.post(f"/api/maps/{map_id}/analysis")
        assert answer.status_code == 409 and "web.pcap" in answer.json()["detail"]


def test_a_capture_is_said_to_be_gone_once_it_is(settings):
    all_maps = Maps(settings.model_copy(update={"keep_captures_s": 0}))
    record = all_maps.create()
    file = StoredFile("0a", "web.pcap", len(CAPTURE[1]), uploaded_s=0.0)
    record.file_path("captures", file).write_bytes(CAPTURE[1])
    all_maps.add_file(record, "captures", file)
    all_maps.change(record, state="done")
    told = []
    all_maps.watch(lambda changed: told.append((file.kept, changed.file_path("captures", file).exists())))
    all_maps.apply_retention()
    assert told == [(False, False)]


def test_the_oldest_captures_go_first(settings):
    size = len(CAPTURE[1])
    with running(settings.model_copy(update={"keep_captures_bytes": 2 * size})) as server:
        maps = [server.analysed(CAPTURE)[0] for _ in range(3)]
        server.wait(maps[0], lambda status: not status["captures"][0]["kept"])
        assert [server.status(map_id)["captures"][0]["kept"] for map_id in maps[1:]] == [True, True]
