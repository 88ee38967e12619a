"""The packets of a pair over the API: what is sent, what is refused with which sentence, and what ends a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import httpx
import pytest

from flowmap.api.opened import OpenedCaptures
from flowmap.settings import Settings
from tests.api.frames import CLIENT, DATABASE, START_S, WEB, pcap, talk, two_talks
from tests.api.servers import HEADERS, running, wait_for
from tests.capture import frames as f
from tests.evidence.downloads import COMMENT, parse

INVENTORY = b"vm,mac,ip,host\nweb,00:50:56:00:00:01,10.0.0.1,esx-01\ndb/1,00:50:56:00:00:02,10.0.0.2,esx-01\n"
WEB_DB = f"{quote('vm:web', safe='')},{quote('vm:db/1', safe='')}"
SECOND_NS, RADIOTAP = 10**9, 127


def path_of(map_id):
    return f"/api/maps/{map_id}/packets"


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """One server with one finished map; nothing here changes it."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as server:
        map_id, status = server.analysed(("a.pcap", pcap(two_talks())), inventory=[("vms.csv", INVENTORY)])
        assert status["state"] == "done", status
        server.client.patch(f"/api/maps/{map_id}", json={"name": "<Rack> 7/caf\u00e9"})
        yield server, path_of(map_id)


def ask(analysed, **parameters):
    server, path = analysed
    return server.client.get(path, params={"pair": WEB_DB, **parameters})


def test_the_packets_of_a_pair_and_what_the_file_says_of_itself(analysed):
    answer = ask(analysed)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-pcapng"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"flowmap-packets.pcapng\"; filename*=UTF-8''Rack-7-caf%C3%A9-packets.pcapng"
    )
    download = parse(answer.content)
    assert [packet.data for packet in download.packets] == two_talks()[:4]
    assert [packet.time_ns for packet in download.packets] == [(START_S + n) * SECOND_NS for n in range(4)]
    assert [one.options[COMMENT] for one in download.interfaces] == [b"From a.pcap."]
    for said in ("Map: <Rack> 7/caf\u00e9", "web (vm:web) and db/1 (vm:db/1)", "ip.addr == 10.0.0.1", "a.pcap"):
        assert said in download.comment


def test_the_order_of_the_pair_does_not_matter(analysed):
    other_way = ",".join(reversed(WEB_DB.split(",")))
    assert ask(analysed, pair=other_way).content == ask(analysed).content


def test_the_size_is_told_without_a_download(analysed):
    size = ask(analysed, size=1).json()
    content = ask(analysed).content
    assert size["available"] and size["complete"] and size["reason"] is None and size["packets"] == 4
    assert sum(map(len, two_talks()[:4])) < size["bytes"] < len(content)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"pair": None}, 422), ({"pair": "vm%3Aweb"}, 422), ({"pair": "vm%3Aweb,nobody"}, 404),
        ({"pair": "vm%3Aweb,vm%3Aweb"}, 404), ({"size": 2}, 422),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [0, 1])
def test_what_cannot_be_asked(analysed, parameters, status, size):
    wanted = {"size": size} | parameters
    answer = ask(analysed, **{name: value for name, value in wanted.items() if value is not None}) if (
        wanted.get("pair", "") is not None
    ) else analysed[0].client.get(analysed[1], params={"size": size})  # fmt: skip
    assert answer.status_code == status and answer.json()["status"] == status


def test_before_a_result_there_are_no_packets(server):
    assert server.client.get(path_of(server.new_map()), params={"pair": WEB_DB}).status_code == 409


def refusal(server, map_id, pair=WEB_DB):
    """The problem of a download, which the size told before."""
    size = server.client.get(path_of(map_id), params={"pair": pair, "size": 1}).json()
    answer = server.client.get(path_of(map_id), params={"pair": pair})
    assert not size["available"] and not size["complete"] and size["packets"] == size["bytes"] == 0
    assert answer.json()["detail"] == size["reason"]
    return answer.status_code, size["reason"]


def test_captures_that_were_deleted_are_gone(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, keep_captures_s=0)) as server:
        map_id, _ = server.analysed(("a.pcap", pcap(two_talks())), inventory=[("vms.csv", INVENTORY)])
        wait_for(lambda: not server.status(map_id)["captures"][0]["kept"])
        status, reason = refusal(server, map_id)
        assert status == 410 and reason.startswith("The kept time of a.pcap is over")


def test_a_capture_of_another_content_is_not_read(server):
    map_id, _ = server.analysed(("a.pcap", pcap(two_talks())), inventory=[("vms.csv", INVENTORY)])
    server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=pcap(two_talks()[:2]))
    assert refusal(server, map_id) == (409, "a.pcap is no longer part of this map.")


def test_a_link_type_that_only_tshark_reads_is_left_to_wireshark(server):
    ieee80211 = bytes((0, 0, 8, 0, 0, 0, 0, 0)) + bytes.fromhex("0801") + bytes(2) + bytes.fromhex(
        "005056000002005056000001005056000002") + bytes(2) + bytes.fromhex("aaaa030000000800")  # fmt: skip
    data = ieee80211 + f.ip4(f.udp(b"12345"))
    radiotap = pcap([data])[:20] + RADIOTAP.to_bytes(4, "little") + pcap([data])[24:]
    map_id, status = server.analysed(("w.pcap", radiotap))
    assert status["state"] == "done", status
    edge = server.client.get(f"/api/maps/{map_id}/graph").json()["edges"][0]
    pair = f"{quote(edge['source'], safe='')},{quote(edge['target'], safe='')}"
    assert refusal(server, map_id, pair) == (
        409, "w.pcap was read by tshark; open it in Wireshark with the pair's filter instead.",
    )  # fmt: skip


def test_one_of_two_captures_is_better_than_none(server):
    frames = two_talks()
    map_id, _ = server.analysed(
        ("a.pcap", pcap(frames[:2])), ("b.pcap", pcap(frames[2:])), inventory=[("vms.csv", INVENTORY)]
    )
    server.client.delete(f"/api/maps/{map_id}/captures/a.pcap")
    size = server.client.get(path_of(map_id), params={"pair": WEB_DB, "size": 1}).json()
    assert size["available"] and not size["complete"] and size["packets"] == 2
    assert size["reason"] == "a.pcap is no longer part of this map."
    download = parse(server.client.get(path_of(map_id), params={"pair": WEB_DB}).content)
    assert [packet.data for packet in download.packets] == frames[2:4] and size["reason"] in download.comment


def test_the_limit_is_told_before_and_at_the_end(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, max_download_bytes=5_000)) as server:
        map_id, _ = server.analysed(("a.pcap", pcap(talk(WEB, DATABASE, 80, [900] * 50))),
                                    inventory=[("vms.csv", INVENTORY)])  # fmt: skip
        size = server.client.get(path_of(map_id), params={"pair": WEB_DB, "size": 1}).json()
        assert size["available"] and not size["complete"] and "ends at 0.005 MB" in size["reason"]
        content = server.client.get(path_of(map_id), params={"pair": WEB_DB}).content
        download = parse(content)
        assert (
            3 <= len(download.packets)
            and len(content) <= 5_000
            and "limit of 5,000 bytes" in download.packets[-1].comment
        )


def test_a_capture_read_in_place_is_held_against_its_time(tmp_path):
    path = tmp_path / "in-place.pcap"
    path.write_bytes(pcap(two_talks()))
    with running(
        Settings(data_dir=tmp_path / "data", min_free_bytes=0), opened=[OpenedCaptures((path,), (path.name,))]
    ) as server:
        (map_id,) = server.app.state.opened
        server.wait(map_id)
        edges = server.client.get(f"/api/maps/{map_id}/graph").json()["edges"]
        edge = max(edges, key=lambda edge: edge["packets"])
        pair = f"{quote(edge['source'], safe='')},{quote(edge['target'], safe='')}"
        assert len(parse(server.client.get(path_of(map_id), params={"pair": pair}).content).packets) == 4
        os.utime(path, (1, 1))
        assert refusal(server, map_id, pair) == (
            409, "in-place.pcap has changed since it was read; open it again.",
        )  # fmt: skip
        path.unlink()
        assert refusal(server, map_id, pair) == (409, "in-place.pcap is no longer there; it was moved or deleted.")


def test_a_capture_that_vanishes_after_its_first_look_is_a_problem(server, monkeypatch):
    map_id, _ = server.analysed(("a.pcap", pcap(two_talks())), inventory=[("vms.csv", INVENTORY)])
    record = server.state.maps.get(map_id)
    file = record.file_path("captures", record.captures[0])
    monkeypatch.setattr("flowmap.api.routes.packets.comment_of", lambda *_: file.unlink() or "")
    answer = server.client.get(path_of(map_id), params={"pair": WEB_DB})
    assert answer.status_code == 409 and answer.json()["detail"].startswith("a.pcap")


def large_map(server):
    """A map of a capture whose download does not fit in the buffers between worker and client."""
    frames = talk(WEB, DATABASE, 80, [60_000] * 400) + talk(CLIENT, WEB, 80, [10], source_port=41_000)
    map_id, status = server.analysed(("a.pcap", pcap(frames)), inventory=[("vms.csv", INVENTORY)])
    assert status["state"] == "done", status
    return map_id


def workers():
    """Processes of downloads that this process has started."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                command = stream.read()
            with open(f"/proc/{pid}/stat") as stream:
                state, parent = stream.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if b"packets_worker" in command and int(parent) == os.getpid() and state != "Z":
            found.append(int(pid))
    return found


def test_a_client_that_leaves_ends_its_worker_and_others_are_served_meanwhile(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, max_downloads=1)) as server:
        map_id = large_map(server)
        with httpx.Client(base_url=server.url, headers=HEADERS, timeout=60) as client:
            with client.stream("GET", path_of(map_id), params={"pair": WEB_DB}) as response:
                assert response.status_code == 200
                assert len(workers()) == 1 and server.state.downloads == 1
                started = time.monotonic()
                assert server.client.get(f"/api/maps/{map_id}").status_code == 200
                assert time.monotonic() - started < 5
                second = server.client.get(path_of(map_id), params={"pair": WEB_DB})
                assert second.status_code == 503 and "1 downloads" in second.json()["detail"]
        wait_for(lambda: server.state.downloads == 0 and not workers())
        whole = parse(server.client.get(path_of(map_id), params={"pair": WEB_DB}).content)
        assert len(whole.packets) == 401


def test_a_client_that_leaves_before_the_first_packet_ends_its_worker(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, max_downloads=1)) as server:
        map_id = large_map(server)
        patience = threading.Thread(target=give_up, args=(server.url + path_of(map_id),))
        patience.start()
        wait_for(lambda: len(workers()) == 1)
        (worker,) = workers()
        os.kill(worker, signal.SIGSTOP)  # as one that reads a long capture without a packet of the pair
        patience.join()
        wait_for(lambda: server.state.downloads == 0 and not workers())


def give_up(url):
    with pytest.raises(httpx.TimeoutException):
        httpx.get(url, params={"pair": WEB_DB}, headers=HEADERS, timeout=2.0)


def test_a_client_that_takes_nothing_gives_its_download_up(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, max_downloads=1, upload_stall_s=1.0)) as server:
        map_id = large_map(server)
        with server.client.stream("GET", path_of(map_id), params={"pair": WEB_DB}) as answer:
            assert answer.status_code == 200
            wait_for(lambda: server.state.downloads == 0 and not workers())
            with pytest.raises(httpx.RemoteProtocolError):
                answer.read()


def test_a_worker_that_dies_breaks_the_download_off(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0)) as server:
        map_id = large_map(server)
        with pytest.raises(httpx.RemoteProtocolError):
            with server.client.stream("GET", path_of(map_id), params={"pair": WEB_DB}) as response:
                os.kill(workers()[0], 9)
                for _ in response.iter_bytes():
                    pass
        wait_for(lambda: server.state.downloads == 0)


@pytest.mark.parametrize("before", [0, 1])
def test_a_mistake_is_told_before_the_packets_and_never_among_them(tmp_path, before):
    program = f"""
import flowmap.api.packets_worker as worker

class Cut:
    def __init__(self, wanted, settings):
        pass

    def pieces(self):
        yield from [b"packets"] * {before}
        raise ValueError("a mistake")

worker.wanted_packets = worker.prepare_kernels = lambda *given: None
worker.PacketCut = Cut
worker.main()
"""
    command = {"settings": {"data_dir": str(tmp_path)}}
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(command).encode() + b"\n", capture_output=True, timeout=60
    )
    logged = (tmp_path / "server.log").read_text()
    assert done.returncode == 1 and "ValueError" in logged and "a mistake" not in logged
    if before:
        assert done.stdout == b"{}\npackets"
    else:
        assert "server.log tells more under the id" in json.loads(done.stdout)["error"]
