"""Traffic over time, and documents of a time range: whole buckets, which the answer names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import jsonschema
import pytest
import yaml

from flowmap.export import check_identities, schema
from flowmap.settings import Settings
from tests.api.frames import CLIENT_SIZES, START_S, WEB_SIZES, pcap, two_talks, wire_bytes
from tests.api.servers import running

CAPTURES = Path(__file__).parents[2] / "captures"
START_NS = START_S * 10**9
SECOND_NS = 10**9
LLDP = bytes.fromhex("0180c200000e00505600000188cc") + bytes(46)
"""A frame without IP: it is in no conversation, and so in no series."""

INVENTORY = b"vm,mac,ip,host\nweb,00:50:56:00:00:01,10.0.0.1,h1\ndb,00:50:56:00:00:02,10.0.0.2,h1\n"
SIZES = [wire_bytes(0), *map(wire_bytes, WEB_SIZES), wire_bytes(0), *map(wire_bytes, CLIENT_SIZES)]
"""Bytes of each second, by how the frames are built: web and db talk in the first four, client and web in two."""


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Six seconds of talks, then three of frames without IP."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as server:
        map_id, status = server.analysed(
            ("a.pcap", pcap([*two_talks(), LLDP, LLDP, LLDP])), inventory=[("vms.csv", INVENTORY)]
        )
        assert status["state"] == "done", status
        yield server, f"/api/maps/{map_id}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The lab's two hosts with hairpins, and two hosts between which VMs moved."""
    with running(Settings(data_dir=tmp_path_factory.mktemp("data"), min_free_bytes=0)) as server:
        points = yaml.safe_load((CAPTURES / "points.yaml").read_text())

        def made(inventory, *files):
            map_id, status = server.analysed(
                *((name, (CAPTURES / name).read_bytes()) for name in files),
                inventory=[(inventory, (CAPTURES / inventory).read_bytes())], points=points,
            )  # fmt: skip
            assert status["state"] == "done", status
            return server, f"/api/maps/{map_id}"

        yield (
            made("inventory.yaml", "ports-host-a.pcapng"),
            made("inventory-migration.csv", "migration-ports-esx-41.pcapng", "migration-ports-esx-42.pcapng"),
        )


def ask(analysed, path, **parameters):
    server, base = analysed
    answer = server.client.get(base + path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def graph(analysed, **parameters):
    document = ask(analysed, "/graph", **parameters)
    jsonschema.validate(document, schema())
    assert check_identities(document) == []
    return document


def by_second(timeline):
    return [sum(values) for values in zip(*timeline["series"].values(), strict=True)]


def test_the_timeline_covers_the_capture_to_its_last_frame(analysed):
    assert by_second(ask(analysed, "/timeline")) == [*SIZES, 0, 0, 0]


def test_series_of_a_pair_and_of_a_node_have_the_buckets_of_the_whole(analysed):
    db = ask(analysed, "/timeline", node="vm:db")
    assert by_second(db) == [*SIZES[:4], 0, 0, 0, 0, 0]
    assert by_second(ask(analysed, "/timeline", node="vm:web")) == by_second(ask(analysed, "/timeline"))
    pair = ask(analysed, "/timeline", pair=f"{quote('vm:web', safe='')},{quote('vm:db', safe='')}")
    assert pair == db
    assert by_second(ask(analysed, "/timeline", node="vm:nobody")) == [0] * 9


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "first", "end"),
    [
        (1_000, 3_000, 1, 3),  # the end does not belong to it
        (1_000.0004, 2_999.9996, 1, 3),  # what an address rounds off changes nothing
        (999.999, 3_000.001, 1, 3),
        (1_900, 2_100, 1, 3),  # buckets that it touches, wholly
        (1_500, 1_500, 1, 2),
        (-10_000, 1_000, 0, 1),
        (5_000, 1e9, 5, 6),
        (7_000, 8_000, 6, 6),
    ],
)
def test_a_range_is_the_whole_buckets_that_it_touches_and_names_them(analysed, from_ms, to_ms, first, end):
    document = graph(analysed, from_ms=from_ms, to_ms=to_ms)
    assert document["graph"]["totals"]["unique_bytes"] == sum(SIZES[first:end])
    named = document["graph"]["range"]
    assert named["from_ns"] <= START_NS + from_ms * 1e6 + 2_000 and named["to_ns"] >= START_NS + to_ms * 1e6 - 2_000
    assert named["from_ns"] % SECOND_NS == named["to_ns"] % SECOND_NS == 0
    if 0 <= from_ms and to_ms < 6_000:
        assert named == {"from_ns": START_NS + first * SECOND_NS, "to_ns": START_NS + end * SECOND_NS}


def test_a_range_may_be_open_and_the_whole_names_none(analysed):
    assert graph(analysed, from_ms=4_000)["graph"]["range"] == {"from_ns": START_NS + 4 * SECOND_NS, "to_ns": None}
    assert graph(analysed, top=1)["graph"]["range"] is None


def test_hairpins_have_a_series_of_their_own(lab):
    analysed, _ = lab
    timeline, conversations = ask(analysed, "/timeline"), ask(analysed, "/conversations", limit=1_000)["conversations"]
    turned = [row for row in conversations if row["verdict"].startswith("hairpin")]
    left = [row for row in conversations if row["left_host"] == "left" and row not in turned]
    sums = {word: sum(values) for word, values in timeline["series"].items()}
    assert sums["hairpin"] == sum(row["wire_bytes"] for row in turned) > 0
    assert sums["left"] == sum(row["wire_bytes"] for row in left) > 0


def test_hairpins_of_all_seconds_are_those_of_the_whole(lab):
    analysed, _ = lab
    whole = sum(edge["hairpin_bytes"] for edge in graph(analysed)["edges"])
    timeline = ask(analysed, "/timeline")
    parts = []
    for second in range(len(timeline["series"]["left"])):
        from_ms = timeline["start_ms"] + second * 1_000
        edges = graph(analysed, from_ms=from_ms, to_ms=from_ms + 1_000)["edges"]
        parts.append(sum(edge["hairpin_bytes"] for edge in edges))
    assert sum(parts) == whole > 0 and parts.count(0) > 0


def test_moves_stay_with_the_endpoints_that_a_filter_shows(lab):
    _, analysed = lab
    labels = {node["id"]: node["label"] for node in graph(analysed)["nodes"]}
    moved = [labels[move["node"]] for move in graph(analysed)["graph"]["moves"]]
    assert moved == ["ord-1", "bill-1"]
    assert [labels[move["node"]] for move in graph(analysed, vm="bill-1")["graph"]["moves"]] == ["bill-1"]
