"""What a live capture keeps of its packets, and what is left of it when something dies: nothing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.api.frames import DATABASE, WEB, frame
from tests.api.private_network import FAR, private_network, send
from tests.api.servers import running, served, wait_for
from tests.api.test_live_maps import FRAMES, has_service, packets, send_until_seen, server, start, stop
from tests.evidence.downloads import parse

__all__ = ["server"]  # a fixture


def test_the_packets_of_a_pair_can_be_had_once_the_capture_has_ended(server):
    map_id = start(server, limits={"packets": len(FRAMES)}, filter="tcp")
    send_until_seen(server, map_id, FRAMES[:1])
    early = packets(server, map_id, "web", "db")
    assert early.status_code == 409 and "can be downloaded once it has ended" in early.json()["detail"]
    server.client.delete(f"/api/maps/{map_id}/live")
    server.wait(map_id)
    map_id = start(server, limits={"packets": len(FRAMES)})
    send_until_seen(server, map_id, FRAMES)
    server.wait(map_id)
    answer = packets(server, map_id, "web", "db")
    assert answer.status_code == 200, answer.text
    download = parse(answer.content)
    assert [packet.data for packet in download.packets] == FRAMES[:4]
    assert [one.options[2] for one in download.interfaces] == [FAR.encode()]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"keep_captures_s": 0}, "were not kept"), ({"keep_captures_bytes": 0}, "were not kept"),
     ({"min_free_bytes": 1 << 60}, "no longer kept")],
)  # fmt: skip
def test_packets_are_not_kept_where_the_settings_or_the_disk_forbid_it(settings, changed, sentence):
    with private_network(), running(settings.model_copy(update=changed)) as server:
        map_id = start(server, server.new_map(), limits={"packets": len(FRAMES)})
        send_until_seen(server, map_id, FRAMES)
        status = server.wait(map_id)
        assert status["state"] == "done" and status["captures"] == [] and status["live"]["kept_packets"] is None
        answer = packets(server, map_id, WEB[1], DATABASE[1])
        assert answer.status_code == 409 and sentence in answer.json()["detail"]
        folder = server.state.maps.get(map_id).folder
        wait_for(lambda: not (folder / "work").exists())
        assert not list((folder / "captures").iterdir())


def test_a_ring_that_is_too_small_says_what_is_missing(settings):
    small = settings.model_copy(update={"live_ring_bytes": 1 << 20, "live_ring_files": 4})
    with private_network(), running(small) as server:
        map_id = start(server, server.new_map())
        send_until_seen(server, map_id, FRAMES[:1])
        many = [frame(WEB, DATABASE, (40_000, 5432), b"x" * 1_000, seq=1_000 * n, identity=n + 1) for n in range(3_000)]
        send(many)
        last = frame(WEB, DATABASE, (40_000, 9_999), b"the last one")
        server.wait(map_id, lambda status: send([last]) or has_service(server, map_id, 9_999))
        status = stop(server, map_id)
        captured = server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]["packets"]
        assert 0 < status["live"]["kept_packets"] < captured
        (kept,) = (server.state.maps.get(map_id).folder / "captures").iterdir()
        assert kept.stat().st_size <= 1 << 20
        download = parse(packets(server, map_id, WEB[1], DATABASE[1]).content)
        assert len(download.packets) == status["live"]["kept_packets"]
        assert f"{status['live']['kept_packets']:,} are kept" in download.comment


def test_nothing_is_left_when_the_server_is_killed(tmp_path):
    """kill -9: worker and dumpcap are gone within 5 seconds, and the next server says what happened."""
    with private_network():
        with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
            map_id = client.post("/api/maps").json()["id"]
            answer = client.post(f"/api/maps/{map_id}/live", json={"interface": FAR})
            assert answer.status_code == 202, answer.text
            wait_for(lambda: client.get(f"/api/maps/{map_id}").json()["progress"]["stage"] == "capturing")
            started = descendants(server.process.pid)
            assert len(started) >= 2
            server.process.kill()
            wait_for(lambda: not [pid for pid in started if is_alive(pid)], within_s=5.0)
        with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
            status = client.get(f"/api/maps/{map_id}").json()
            assert status["state"] in ("partial", "failed") and "during the live capture" in status["error"]
            assert not (tmp_path / "maps" / map_id / "work").exists()


def descendants(pid):
    """Process ids below a process: its workers, and their tools."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, wanted = [], {pid}
    while wanted:
        wanted = {child for child, parent in parents.items() if parent in wanted}
        found += wanted
    return found


def is_alive(pid):
    """Whether a process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
