"""A made estate is judged as its wiring has it: what the plan says of a pair is what FlowMap finds in the captures."""

from __future__ import annotations

import json

import pytest

from bench.estate import Estate, Written, write
from bench.estate_plans import dense, hosts60, mock, unplaced
from flowmap.capture.points import Statements, parse_points
from flowmap.inventory import Inventory, read_inventory
from flowmap.pipeline import FlowMap, make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings


def judged(estate: Estate, folder) -> tuple[Written, FlowMap]:
    written = write(estate, folder)
    reading = read_captures(written.captures, Settings())
    known = read_inventory([written.inventory]) if written.inventory else Inventory([])
    stated = parse_points(written.points.read_text(), "points.yaml") if written.points else Statements()
    return written, make_map(reading, known, stated, Settings(), estate.name)


@pytest.fixture(scope="module")
def mock_estate(tmp_path_factory):
    return judged(mock(scale=0.01), tmp_path_factory.mktemp("mock"))


def pairs_found(flow_map):
    """Each pair by its two addresses: left_host and bytes."""
    ip_of = {node: facts["ips"][0] for node, facts in flow_map.graph.nodes(data=True)}
    return {
        frozenset((ip_of[one], ip_of[other])): (facts["left_host"], facts["wire_bytes"])
        for one, other, facts in flow_map.graph.edges(data=True)
    }


def pairs_planned(written):
    rows = json.loads(written.truth.read_text())["pairs"]
    return {frozenset(row["ips"]): (row["left_host"], row["bytes"]) for row in rows}


def test_every_pair_of_the_mock_is_judged_as_planned(mock_estate):
    written, flow_map = mock_estate
    assert pairs_found(flow_map) == pairs_planned(written)


def test_the_mock_has_one_hairpin_and_one_pair_that_a_move_made_mixed(mock_estate):
    _, flow_map = mock_estate
    label = dict(flow_map.graph.nodes(data="label"))
    found = {
        facts["verdict"]: {label[one], label[other]}
        for one, other, facts in flow_map.graph.edges(data=True)
        if facts["verdict"] in ("hairpin_routed", "mixed")
    }
    assert found == {"hairpin_routed": {"bld-3", "nfs-1"}, "mixed": {"mq-1", "cache-1"}}


def test_the_mock_places_33_vms_and_leaves_3_without_a_host(mock_estate):
    _, flow_map = mock_estate
    vms = [facts for _, facts in flow_map.graph.nodes(data=True) if facts["kind"] == "vm"]
    assert len([vm for vm in vms if vm["host"]]) == 33
    assert {vm["label"] for vm in vms if not vm["host"]} == {"10.9.4.17", "10.9.4.21", "10.9.4.33"}


def test_the_shares_of_the_mock_are_sums_of_its_pairs(mock_estate):
    """Of the VM pairs all bytes are inside, outside or unknown; a mixed pair gives to two of them."""
    written, flow_map = mock_estate
    shares = flow_map.graph.graph["shares"]
    rows = [row for row in json.loads(written.truth.read_text())["pairs"] if not row["a"].startswith("outside")]
    planned = {
        word: sum(row["bytes"] for row in rows if row["left_host"] == word) for word in ("stayed", "left", "mixed")
    }
    assert shares["vm_vm_bytes"] == sum(row["bytes"] for row in rows)
    assert planned["stayed"] < shares["within_host_bytes"] < planned["stayed"] + planned["mixed"]
    assert shares["hairpin_bytes"] == sum(row["bytes"] for row in rows if row["hairpin"])


def test_the_health_of_the_mock_points_is_as_planned(mock_estate):
    _, flow_map = mock_estate
    dropped = {point.id: point.dropped_packets for point in flow_map.points if point.dropped_packets}
    assert dropped == {"esx-04.pcapng:mirror": 1_624}


@pytest.mark.parametrize("estate", [dense, unplaced])
def test_smaller_estates_are_judged_as_planned(estate, tmp_path):
    written, flow_map = judged(estate(), tmp_path)
    assert pairs_found(flow_map) == pairs_planned(written)


def test_an_estate_has_the_same_bytes_every_time(tmp_path):
    one, other = write(unplaced(), tmp_path / "one"), write(unplaced(), tmp_path / "other")
    assert [path.read_bytes() for path in one.captures] == [path.read_bytes() for path in other.captures]


def test_sixty_hosts_hold_a_thousand_vms_and_five_thousand_pairs():
    estate = hosts60()
    assert len(estate.clusters) == 60
    assert len(estate.machines) == len({one.ip for one in estate.machines}) == 1_000
    assert len({frozenset((talk.client.name, talk.server.name)) for talk in estate.talks}) == 5_000
