"""The sample map: made of the captures that the wheel carries, ready to be looked at."""

from __future__ import annotations

import re
from pathlib import Path

from flowmap.api import opened

ROOT = Path(__file__).parents[2]


def test_the_sample_becomes_a_map_with_its_points_and_inventory(server):
    answer = server.client.post("/api/maps/sample")
    assert answer.status_code == 201 and answer.headers["location"] == f"/api/maps/{answer.json()['id']}"
    assert answer.json()["state"] in ("queued", "running") and answer.json()["name"] == "Sample: three hosts"
    status = server.wait(answer.json()["id"])
    assert status["state"] == "done" and status["points"]["points"] and status["inventory"][0]["name"]
    assert [file["name"] for file in status["captures"]] == list(opened.SAMPLE_CAPTURES)
    document = server.client.get(f"/api/maps/{status['id']}/graph").json()
    assert {"stayed", "left"} <= {edge["left_host"] for edge in document["edges"]}


def test_without_the_files_it_is_a_sentence(server, monkeypatch, tmp_path):
    monkeypatch.setattr(opened, "sample_folder", lambda: tmp_path)
    answer = server.client.post("/api/maps/sample")
    assert answer.status_code == 404 and "not installed" in answer.json()["detail"]
    assert server.client.get("/api/maps").json()["maps"] == []


def test_the_wheel_carries_what_the_sample_needs():
    carried = re.findall(r'"captures/([^"]+)",', (ROOT / "pyproject.toml").read_text())
    assert {*opened.SAMPLE_CAPTURES, "points.yaml", "inventory.yaml"} == set(carried)
