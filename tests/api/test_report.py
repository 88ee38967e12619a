"""``/api/maps/{id}/report``: the same report as the command line's, in three formats, behind the same gate."""

from __future__ import annotations

import json
import re

import pytest

from flowmap.report import FORMATS, make_report
from flowmap.settings import Settings
from flowmap.store import result as results
from tests.api.frames import pcap, two_talks
from tests.api.servers import running
from tests.api.test_results import INVENTORY, POINTS


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """One server with one finished map; nothing here changes it."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as server:
        map_id, status = server.analysed(
            ("a.pcap", pcap(two_talks())), inventory=[("vms.csv", INVENTORY)], points=POINTS
        )
        assert status["state"] == "done", status
        yield server, f"/api/maps/{map_id}"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("md", "text/markdown; charset=utf-8"), ("html", "text/html; charset=utf-8"), ("json", "application/json")],
)
def test_every_format_is_made_from_the_graph_document(analysed, name, media_type):
    server, base = analysed
    answer = server.client.get(f"{base}/report", params={"format": name})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(f'inline; filename="flowmap.{name}"')
    assert answer.text == FORMATS[name].text_of(make_report(server.client.get(f"{base}/graph").json()))


def test_json_is_what_is_answered_unasked(analysed):
    server, base = analysed
    report = server.client.get(f"{base}/report").json()
    assert report["schema"] == "flowmap-report/1"
    assert report["sections"][0]["id"] == "unseen"


def test_the_page_as_a_file_may_do_nothing_but_use_its_own_style(analysed):
    server, base = analysed
    answer = server.client.get(f"{base}/report", params={"format": "html"})
    policy = answer.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; "
        r"frame-ancestors 'none'; sandbox",
        policy,
    )
    assert policy.partition("; frame-ancestors")[0] in answer.text.replace("&#39;", "'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<b>client</b>" not in answer.text


@pytest.mark.parametrize("name", ["pdf", "", "../x", "x" * 17])
def test_another_format_is_refused_in_a_problem_document(analysed, name):
    server, base = analysed
    answer = server.client.get(f"{base}/report", params={"format": name})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_wants_the_token_and_a_map(analysed):
    server, base = analysed
    assert server.stranger.get(f"{base}/report").status_code == 401
    assert server.client.get("/api/maps/none/report").status_code == 404


def test_a_result_of_an_earlier_version_says_what_to_do(server):
    map_id, _ = server.analysed(("a.pcap", pcap(two_talks())))
    record = server.state.maps.get(map_id)
    path = results.document_path(record.folder, record.revision)
    made = json.loads(path.read_bytes())
    del made["graph"]["grades"]
    path.write_text(json.dumps(made))
    answer = server.client.get(f"/api/maps/{map_id}/report")
    assert answer.status_code == 409
    assert "start its analysis again" in answer.json()["detail"]
