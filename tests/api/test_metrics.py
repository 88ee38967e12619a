"""What /metrics counts, read with Prometheus' own parser and held against what was sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowmap.settings import Settings
from tests.api.frames import frame, pcap, two_talks
from tests.api.private_network import FAR, private_network, send
from tests.api.servers import running, wait_for
from tests.api.test_analysis import CAPTURE, INVENTORY

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "operations.md"
FRAMES = two_talks()
JOBS_ENDED = "flowmap_jobs_ended_total"


def scrape(server, ended=0):
    """Sample name and labels -> value, as Prometheus would store them, once so many jobs are counted.

    A map says that it is done a moment before its job is counted.
    """

    def counted():
        found = scrape_once(server)
        return sum(count for key, count in found.items() if key[0] == JOBS_ENDED) >= ended and found

    return wait_for(counted)


def scrape_once(server):
    answer = server.client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_an_analysis_is_counted_in_frames_bytes_and_time(server):
    before = scrape(server)
    assert before["flowmap_frames_read_total", "file"] == 0
    map_id, status = server.analysed(CAPTURE, inventory=[("vms.csv", INVENTORY)])
    assert status["state"] == "done"
    after = scrape(server, ended=1)
    assert after["flowmap_frames_read_total", "file"] == len(FRAMES)
    assert after["flowmap_bytes_read_total", "file"] == len(CAPTURE[1])
    assert after["flowmap_frames_read_total", "live"] == 0
    assert after["flowmap_jobs_ended_total", "analysis", "done"] == 1
    assert after["flowmap_job_duration_seconds_count", "analysis"] == 1
    assert after["flowmap_job_duration_seconds_sum", "analysis"] > 0
    assert after["flowmap_maps", "done"] == 1 and after["flowmap_maps", "failed"] == 0
    assert after["flowmap_kept_capture_bytes",] == len(CAPTURE[1])
    assert after["flowmap_uploads_total", "accepted", "captures"] == 1
    assert after["flowmap_uploads_total", "accepted", "inventory"] == 1
    assert after["flowmap_healthy",] == 1 and after["flowmap_free_disk_bytes",] > 0
    assert not [key for key, value in after.items() if key[0] == "flowmap_caps_reached_total" and value]
    # Judging again reads no frame.
    assert server.client.put(f"/api/maps/{map_id}/points", json={"hosts": {}, "points": []}).status_code == 200
    assert server.client.post(f"/api/maps/{map_id}/analysis").status_code == 202
    assert server.wait(map_id)["state"] == "done"
    again = scrape(server, ended=2)
    assert again["flowmap_frames_read_total", "file"] == len(FRAMES)
    assert again["flowmap_jobs_ended_total", "analysis", "done"] == 2


def test_a_job_that_fails_is_counted_as_such(server):
    server.analysed(("photo.png", b"\x89PNG\r\n\x1a\n" * 10))
    found = scrape(server, ended=1)
    assert found["flowmap_jobs_ended_total", "analysis", "failed"] == 1
    assert found["flowmap_jobs_ended_total", "analysis", "done"] == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_legs", 0),
        ("max_conversations", 1),
        ("max_external_nodes", 0),
        ("max_nodes", 2),
        ("max_edges", 1),
        ("max_slices", 2),
    ],
)
def test_a_limit_that_shaped_a_map_is_counted_once_for_the_job(settings, setting, value):
    capture = two_talks()
    capture.append(frame(("00:50:56:00:00:01", "10.0.0.1"), ("00:50:56:00:00:09", "8.8.8.8"), (50_000, 443)))
    with running(settings.model_copy(update={setting: value})) as server:
        _, status = server.analysed(("web.pcap", pcap(capture)))
        assert status["state"] == "done"
        reached = {
            key[1]: count
            for key, count in scrape(server, ended=1).items()
            if key[0] == "flowmap_caps_reached_total" and count
        }
    assert reached == {setting: 1}


def test_refused_uploads_are_counted_by_reason(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", min_free_bytes=0, max_upload_bytes=100, max_maps=1)
    with running(settings) as server:
        map_id = server.new_map()
        path = f"/api/maps/{map_id}/captures/web.pcap"
        assert server.client.put(path, content=b"x" * 101).status_code == 413
        assert server.client.put("/api/maps/0123/captures/web.pcap", content=b"x").status_code == 404
        assert server.stranger.put(path, content=b"x", headers={"X-FlowMap": "1"}).status_code == 401
        assert server.client.put(f"/api/maps/{map_id}/inventory/x.csv", content=b"\0" * 40).status_code == 422
        assert server.client.post("/api/maps").status_code == 409
        found = scrape(server)
    assert found["flowmap_uploads_total", "captures", "too_large"] == 1
    assert found["flowmap_uploads_total", "captures", "no_map"] == 1
    assert found["flowmap_uploads_total", "captures", "not_allowed"] == 1
    assert found["flowmap_uploads_total", "inventory", "not_readable"] == 1
    assert found["flowmap_uploads_total", "accepted", "captures"] == 0
    assert found["flowmap_caps_reached_total", "max_upload_bytes"] == 1
    assert found["flowmap_caps_reached_total", "max_maps"] == 1
    assert found["flowmap_http_answers_total", "413"] == 1 and found["flowmap_http_answers_total", "401"] == 1


def test_a_full_disk_is_a_refused_upload_and_a_limit(tmp_path):
    with running(Settings(data_dir=tmp_path / "data", min_free_bytes=1 << 60)) as server:
        path = f"/api/maps/{server.new_map()}/captures/web.pcap"
        assert server.client.put(path, content=b"x").status_code == 507
        found = scrape(server)
    assert found["flowmap_uploads_total", "captures", "no_room"] == 1
    assert found["flowmap_caps_reached_total", "min_free_bytes"] == 1
    assert found["flowmap_healthy",] == 0


def test_a_live_capture_counts_its_frames_while_it_runs(settings):
    with private_network(), running(settings) as server:
        map_id = server.new_map()
        started = server.client.post(f"/api/maps/{map_id}/live", json={"interface": FAR})
        assert started.status_code == 202, started.text

        def seen(status):
            send(FRAMES)
            return status["revision"] > 0

        server.wait(map_id, seen)
        running_one = scrape(server)
        assert running_one["flowmap_live_captures",] == 1 and running_one["flowmap_jobs", "live"] == 1
        assert running_one["flowmap_frames_read_total", "live"] > 0
        server.client.delete(f"/api/maps/{map_id}/live")
        server.wait(map_id)
        totals = server.client.get(f"/api/maps/{map_id}/graph").json()["graph"]["totals"]
        ended = scrape(server, ended=1)
    assert ended["flowmap_frames_read_total", "live"] == totals["packets"]
    assert ended["flowmap_live_captures",] == 0 and ended["flowmap_jobs_ended_total", "done", "live"] == 1
    assert ended["flowmap_frames_dropped_total",] == 0


def test_metrics_need_the_token(server):
    assert server.stranger.get("/metrics").status_code == 401


def test_every_name_is_documented_and_nothing_else_is(server):
    families = text_string_to_metric_families(server.client.get("/metrics").text)
    served = {family.name for family in families if family.name.startswith("flowmap_")}
    documented = set(re.findall(r"^\| `(flowmap_\w+)", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name.removesuffix("_total") for name in documented} == served
