"""What a result answers: the document and its filters, pairs, conversations, timeline, health, exports, events."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import quote

import jsonschema
import networkx as nx
import pytest

from flowmap.capture.points import statements_of
from flowmap.export import FORMATS, check_identities, schema
from flowmap.inventory import read_inventory
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from flowmap.views import find_edge, pair_detail
from tests.api.frames import (
    CLIENT,
    CLIENT_TO_WEB,
    DATABASE,
    START_S,
    WEB,
    WEB_SIZES,
    WEB_TO_DATABASE,
    pcap,
    talk,
    two_talks,
    wire_bytes,
)
from tests.api.servers import running

INVENTORY = (
    b"vm,mac,ip,host\n"
    b"web,00:50:56:00:00:01,10.0.0.1,esx-01\n"
    b"db/1,00:50:56:00:00:02,10.0.0.2,esx-01\n"
    b"<b>client</b>,00:50:56:00:00:03,10.0.0.3,esx-02\n"
)
POINTS = {"points": [{"file": "a.pcap", "host": "esx-01", "role": "mirror", "covers": "all"}]}
WEB_ID, DATABASE_ID, CLIENT_ID = "vm:web", "vm:db/1", "vm:<b>client</b>"


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """One server with one finished map; nothing here changes it."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as server:
        map_id, status = server.analysed(
            ("a.pcap", pcap(two_talks())), inventory=[("vms.csv", INVENTORY)], points=POINTS
        )
        assert status["state"] == "done", status
        yield server, f"/api/maps/{map_id}"


def ask(analysed, path, **parameters):
    server, base = analysed
    return server.client.get(base + path, params=parameters)


def graph(analysed, **parameters):
    """A graph document that holds what every document must hold."""
    answer = ask(analysed, "/graph", **parameters)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    jsonschema.validate(document, schema())
    assert check_identities(document) == []
    return document


def pairs(document):
    return {frozenset((edge["source"], edge["target"])) for edge in document["edges"]}


def pair_path(one, other):
    return f"/pairs/{quote(one, safe='')}/{quote(other, safe='')}"


def test_the_whole_document(analysed):
    document = graph(analysed)
    assert pairs(document) == {frozenset((WEB_ID, DATABASE_ID)), frozenset((WEB_ID, CLIENT_ID))}
    assert not [row for row in document["graph"]["warnings"] if row["code"] == "filtered"]
    nx.node_link_graph(document, edges="edges")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"vm": "db/1"}, {DATABASE_ID}),
        ({"vm": " DB/1 "}, {DATABASE_ID}),
        ({"vm": "10.0.0.3"}, {CLIENT_ID}),
        ({"vm": "00:50:56:00:00:02"}, {DATABASE_ID}),
        ({"vm": WEB_ID}, {DATABASE_ID, CLIENT_ID}),
        ({"vm": "db"}, set()),
        ({"service": "5432"}, {DATABASE_ID}),
        ({"service": "tcp/80"}, {CLIENT_ID}),
        ({"service": "udp/80"}, set()),
        ({"service": "tcp"}, {DATABASE_ID, CLIENT_ID}),
        ({"top": 1}, {DATABASE_ID}),
        ({"min_bytes": WEB_TO_DATABASE}, {DATABASE_ID}),
        ({"min_bytes": WEB_TO_DATABASE + 1}, set()),
        ({"segment": "no such segment"}, set()),
        ({"vm": "web", "service": "80"}, {CLIENT_ID}),
    ],
)
def test_filters_keep_the_edges_that_match_and_say_what_they_hide(analysed, parameters, expected):
    document = graph(analysed, **parameters)
    assert pairs(document) == {frozenset((WEB_ID, peer)) for peer in expected}
    size = {DATABASE_ID: WEB_TO_DATABASE, CLIENT_ID: CLIENT_TO_WEB}
    assert document["graph"]["totals"]["unique_bytes"] == sum(size[peer] for peer in expected)
    assert {node["id"] for node in document["nodes"]} == ({WEB_ID, *expected} if expected else set())
    (warning,) = [row for row in document["graph"]["warnings"] if row["code"] == "filtered"]
    assert warning["count"] == 2 - len(expected) and f"Shown are {len(expected)} of 2 pairs" in warning["text"]


def test_a_pair_has_sightings_and_placement_as_the_command_line_shows_them(analysed, tmp_path):
    """The same packets read here give the same evidence; times are milliseconds from the first packet."""
    (tmp_path / "a.pcap").write_bytes(pcap(two_talks()))
    (tmp_path / "vms.csv").write_bytes(INVENTORY)
    known = read_inventory([tmp_path / "vms.csv"], max_bytes=1 << 20, max_rows=10)
    reading = read_captures([tmp_path / "a.pcap"], Settings())
    flow_map = make_map(reading, known, statements_of(POINTS, "points"), Settings(), "test")
    for peer in (DATABASE_ID, CLIENT_ID):
        served = ask(analysed, pair_path(WEB_ID, peer)).json()
        expected = pair_detail(flow_map, *find_edge(flow_map, WEB_ID, peer), Settings())
        rows, mine = served["sightings"].pop("rows"), expected["sightings"].pop("rows")
        assert served["sightings"] == expected["sightings"]
        for row in mine:
            for short, long in (("first_ms", "first_seen_ns"), ("last_ms", "last_seen_ns")):
                row[short] = (row.pop(long) - int(served["t0_ns"])) / 1e6
        assert rows == mine != []
        for end, placement in served["placement"].items():
            found, wanted = placement.pop("rows"), expected["placement"][end].pop("rows")
            assert placement == expected["placement"][end]
            assert [_without_time(row) for row in found] == [_without_time(row) for row in wanted] != []


def _without_time(row):
    """The file sent came without the time of its last change, the one here has it."""
    return {name: row[name] for name in row if name not in ("observed_at", "observed_how", "age", "freshness")}


def test_a_word_shows_the_edges_of_that_word(analysed):
    words = {frozenset((e["source"], e["target"])): e["left_host"] for e in graph(analysed)["edges"]}
    for word in ("stayed", "left", "mixed", "undetermined"):
        assert pairs(graph(analysed, left_host=word)) == {pair for pair, found in words.items() if found == word}
    assert len(pairs(graph(analysed, left_host="stayed,left,mixed,undetermined"))) == 2


@pytest.mark.parametrize(
    "parameters",
    [{"left_host": "internal"}, {"top": 0}, {"min_bytes": -1}, {"top": "x"}, {"from_ms": "nan"}, {"to_ms": "1e99"}],
)
def test_wrong_filters_are_told(analysed, parameters):
    answer = ask(analysed, "/graph", **parameters)
    assert answer.status_code == 422 and answer.json()["detail"]


def test_a_time_range_counts_its_buckets(analysed):
    # One frame a second: the first two are the SYN and the first data frame of web to database.
    document = graph(analysed, from_ms=0, to_ms=1_900)
    (edge,) = document["edges"]
    assert edge["wire_bytes"] == wire_bytes(0) + wire_bytes(WEB_SIZES[0]) and edge["packets"] == 2
    assert edge["payload_bytes"] == WEB_SIZES[0] and edge["conversations"] == 1
    both = graph(analysed, from_ms=3_000, to_ms=4_500)
    assert {edge["wire_bytes"] for edge in both["edges"]} == {wire_bytes(WEB_SIZES[2]), wire_bytes(0)}
    assert graph(analysed, from_ms=60_000)["edges"] == []
    whole = graph(analysed, from_ms=-1e12, to_ms=1e12)
    assert whole["graph"]["totals"]["unique_bytes"] == WEB_TO_DATABASE + CLIENT_TO_WEB


def test_an_unchanged_document_is_not_sent_again(analysed):
    server, base = analysed
    first = server.client.get(base + "/graph")
    assert server.client.get(base + "/graph", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    filtered = server.client.get(base + "/graph?top=1", headers={"If-None-Match": first.headers["etag"]})
    assert filtered.status_code == 200


@pytest.mark.parametrize("ends", [(WEB_ID, DATABASE_ID), (DATABASE_ID, WEB_ID)])
def test_a_pair_in_any_order(analysed, ends):
    found = ask(analysed, pair_path(*ends)).json()
    assert {found["source"]["id"], found["target"]["id"]} == set(ends)
    assert found["t0_ns"] == str(START_S * 10**9)
    edge = found["edge"]
    assert edge["wire_bytes"] == WEB_TO_DATABASE and edge["evidence"] and "first_seen_ns" not in edge
    assert (edge["first_ms"], edge["last_ms"]) == (0.0, 3_000.0)
    (row,) = found["conversations"]
    assert found["total"] == 1
    assert row["initiator"] == {"node": WEB_ID, "ip": WEB[1], "port": 40_000}
    assert row["responder"] == {"node": DATABASE_ID, "ip": DATABASE[1], "port": 5432}
    assert row["sent_bytes"] == row["wire_bytes"] == WEB_TO_DATABASE and row["received_bytes"] == 0
    assert row["payload_bytes"] == sum(WEB_SIZES) and row["packets"] == 4 and row["connections"] == 1


@pytest.mark.parametrize(
    "path",
    [
        pair_path(DATABASE_ID, CLIENT_ID),
        pair_path(WEB_ID, WEB_ID),
        pair_path("a", "b"),
        "/pairs/a",
        "/pairs/a/b/c",
        "/pairs//b",
    ],
)
def test_those_who_did_not_talk_are_404(analysed, path):
    assert ask(analysed, path).status_code == 404


def test_conversations_in_pages(server):
    frames = [part for n in range(7) for part in talk(WEB, DATABASE, 5432, [10 * (n // 2)], source_port=50_000 + n)]
    map_id, _ = server.analysed(("a.pcap", pcap(frames, step_s=0.01)))
    seen, cursor = [], None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        found = server.client.get(f"/api/maps/{map_id}/conversations", params=parameters).json()
        assert found["total"] == 7 and len(found["conversations"]) <= 3
        seen += found["conversations"]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert len({row["id"] for row in seen}) == 7
    assert [row["wire_bytes"] for row in seen] == sorted((row["wire_bytes"] for row in seen), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-1", "1-2-3", "9" * 30 + "-1", "1-'; DROP TABLE conversations"])
def test_a_made_up_cursor_is_told(analysed, cursor):
    answer = ask(analysed, "/conversations", cursor=cursor)
    assert answer.status_code == 422 and answer.json()["detail"]


def test_conversations_of_a_pair_a_word_and_a_service(analysed):
    pair = f"{quote(CLIENT_ID, safe='')},{quote(WEB_ID, safe='')}"
    (row,) = ask(analysed, "/conversations", pair=pair).json()["conversations"]
    assert row["initiator"]["ip"] == CLIENT[1]
    assert ask(analysed, "/conversations", service="5432").json()["total"] == 1
    assert ask(analysed, "/conversations", service="tcp").json()["total"] == 2
    assert ask(analysed, "/conversations", left_host="stayed,left,mixed,undetermined").json()["total"] == 2
    assert ask(analysed, "/conversations", pair="a").status_code == 422


def test_the_timeline_holds_every_byte_once(analysed):
    found = ask(analysed, "/timeline").json()
    assert found["bucket_ms"] == 1_000 and found["start_ms"] == 0 and found["t0_ns"] == str(START_S * 10**9)
    sums = [sum(values) for values in zip(*found["series"].values(), strict=True)]
    assert sums == [wire_bytes(0), *map(wire_bytes, WEB_SIZES), wire_bytes(0), wire_bytes(50)]
    narrow = ask(analysed, "/timeline", buckets=2).json()
    assert narrow["bucket_ms"] == 3_000
    assert [sum(values) for values in zip(*narrow["series"].values(), strict=True)] == [sum(sums[:3]), sum(sums[3:])]
    pair = f"{quote(WEB_ID, safe='')},{quote(DATABASE_ID, safe='')}"
    assert sum(map(sum, ask(analysed, "/timeline", pair=pair).json()["series"].values())) == WEB_TO_DATABASE


def numbers_in(value):
    """Every number of a JSON value."""
    if isinstance(value, (dict, list)):
        rows = value.values() if isinstance(value, dict) else value
        return [number for row in rows for number in numbers_in(row)]
    return [value] if isinstance(value, (int, float)) else []


@pytest.mark.parametrize("path", ["", "/timeline", "/health", "/conversations", pair_path(WEB_ID, DATABASE_ID)])
def test_no_number_of_a_view_is_more_than_javascript_holds(analysed, path):
    answer = ask(analysed, path)
    found = numbers_in(answer.json())
    assert answer.status_code == 200 and len(found) > 5 and max(map(abs, found)) < 2**53


def test_health_shows_points_and_captures(analysed):
    found = ask(analysed, "/health").json()
    (point,) = found["points"]
    assert point["packets"] == len(two_talks()) and (point["first_ms"], point["last_ms"]) == (0.0, 5_000.0)
    assert found["complete"] is True and found["captures"][0]["file"] == "a.pcap" and found["hosts"] == {}


def test_exports_are_attachments_that_read_back(analysed):
    for name in FORMATS:
        answer = ask(analysed, f"/export/{name}")
        assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment;")
    document = graph(analysed)
    assert ask(analysed, "/export/json").json() == document
    back = nx.read_graphml(io.BytesIO(ask(analysed, "/export/graphml").content))
    assert set(back.nodes) == {node["id"] for node in document["nodes"]}
    assert zipfile.ZipFile(io.BytesIO(ask(analysed, "/export/csv").content)).testzip() is None
    folder = zipfile.ZipFile(io.BytesIO(ask(analysed, "/export/parquet").content))
    assert json.loads(folder.read("graph.json")) == document["graph"] and len(folder.namelist()) == 3
    assert ask(analysed, "/export/exe").status_code == 422


def test_the_name_of_an_export_cannot_break_its_header(server):
    map_id, _ = server.analysed(("a.pcap", pcap(two_talks())))
    server.client.patch(f"/api/maps/{map_id}", json={"name": 'x"; filename="evil.exe\r\nSet-Cookie: a=b ü'})
    answer = server.client.get(f"/api/maps/{map_id}/export/json")
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-disposition"].startswith(
        "attachment; filename=\"flowmap.json\"; filename*=UTF-8''x-"
    )


def test_a_placement_says_how_kind_and_host_of_a_node_are_known(analysed):
    nodes = ask(analysed, "/graph").json()["nodes"]
    for node in nodes:
        placed = ask(analysed, "/placement", node=node["id"]).json()["placement"]
        assert placed["host"] == node["host"] and placed["kind_how"]
    assert ask(analysed, "/placement", node="vm:nobody").json() == {"placement": None}
    assert ask(analysed, "/placement").status_code == 422
