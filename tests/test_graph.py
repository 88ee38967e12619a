"""The document of real lab captures and of made-up ones: valid, its identities hold, folds stay exact."""

from __future__ import annotations

import functools
from pathlib import Path

import jsonschema
import pytest

from flowmap.capture.points import Statements, parse_points
from flowmap.export import check_identities, document, schema
from flowmap.inventory import Inventory, read_inventory
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from tests.network import Machine, Network, at, record, talk, udp, vm

CAPTURES = Path(__file__).parent.parent / "captures"
SAMPLE = ("ports-host-a.pcapng", "ports-host-b.pcapng", "mirror-host-c.pcap")
GATEWAY = Machine("gw", 0x001B21000010, "10.10.0.1")


@functools.cache
def lab_map(files, stated=True):
    """The lab's files with points and inventory, or with neither."""
    statements = parse_points((CAPTURES / "points.yaml").read_text(), "points.yaml") if stated else Statements()
    known = read_inventory([CAPTURES / "inventory.yaml"]) if stated else Inventory([])
    reading = read_captures([CAPTURES / file for file in files], Settings())
    return make_map(reading, known, statements, Settings(), "lab")


def answers(flow_map):
    """What matters of every pair, by node ids."""
    return {
        tuple(sorted((source, target))): (
            edge["verdict"],
            edge["left_host"],
            edge["grade"],
            edge["wire_bytes"],
            edge["stayed_bytes"],
            edge["left_bytes"],
        )
        for source, target, edge in flow_map.graph.edges(data=True)
    }


@pytest.mark.parametrize("stated", [False, True], ids=["nothing stated", "stated"])
@pytest.mark.parametrize(
    "files", [SAMPLE, ("erspan-collector.pcap",), ("overlay-underlay.pcapng",), ("linux-bridge-tc.pcap",)], ids=" ".join
)
def test_the_document_is_valid_and_its_identities_hold(files, stated):
    flow_map = lab_map(files, stated)
    made = document(flow_map.graph)
    jsonschema.validate(made, schema())
    assert check_identities(made) == []
    totals, legs = made["graph"]["totals"], flow_map.reading.legs.legs
    parts = sum(leg.packets for leg in legs) + totals["duplicate_packets"] + totals["non_ip_packets"]
    assert totals["packets"] == parts + sum(totals["skipped"].values())


def test_the_order_of_files_changes_no_answer():
    assert answers(lab_map(SAMPLE)) == answers(lab_map(SAMPLE[::-1]))


def test_node_ids_are_stable_and_name_what_they_rest_on():
    nodes = dict(lab_map(SAMPLE).graph.nodes(data=True))
    assert nodes["vm:web-1"]["kind"] == "vm"
    assert nodes["ip:default/10.10.0.31"]["label"] == "dev-1"
    assert {"name": "dev-1", "source": "dhcp"} in nodes["ip:default/10.10.0.31"]["names"]
    assert nodes["ip:default/203.0.113.10"]["kind"] == "external"
    assert nodes["ip:default/10.10.0.1"]["kind"] == "router"
    assert nodes["vm:web-1"]["segments"] == ["vlan10"]


def crowd(outside: int, settings: Settings) -> Network:
    """One VM that talks to many peers outside and to two VMs."""
    network = Network(settings)
    mirror = network.point("", "mirror", "host-a")
    network.arp(GATEWAY, mirror)
    web = vm(1, "10.10.0.11")
    for number in range(outside):
        peer = Machine("peer", 0x001B21000010, f"198.18.{number >> 8}.{number & 255}")
        udp(network, web, peer, at(mirror), via=GATEWAY, count=1 + number % 3)
        udp(network, peer, web, at(mirror, ttl=57), count=1, ports=(514, 5000))
    for number in (2, 3):
        talk(network, web, vm(number, f"10.10.0.1{number}"), (at(mirror),), (at(mirror),))
    return network


def test_peers_outside_fold_exactly_and_are_announced():
    free, folded = crowd(40, Settings()).map(), crowd(40, Settings(max_external_nodes=10)).map()
    assert check_identities(document(folded.graph)) == []
    assert free.graph.graph["totals"] == folded.graph.graph["totals"]
    assert free.graph.graph["shares"] == folded.graph.graph["shares"]
    externals = [key for key, kind in folded.graph.nodes(data="kind") if kind == "external"]
    assert len(externals) == 10
    assert "group:outside" in folded.graph
    assert [row["count"] for row in folded.graph.graph["warnings"] if row["code"] == "folded_outside"] == [30]


@pytest.mark.parametrize("caps", [{"max_nodes": 5}, {"max_edges": 4}, {"max_nodes": 5, "max_edges": 3}], ids=str)
def test_nodes_and_edges_beyond_their_caps_fold_exactly(caps):
    free, folded = crowd(30, Settings()).map(), crowd(30, Settings(**caps)).map()
    assert check_identities(document(folded.graph)) == []
    assert free.graph.graph["totals"]["unique_bytes"] == folded.graph.graph["totals"]["unique_bytes"]
    assert folded.graph.number_of_edges() <= caps.get("max_edges", 40)
    told = {row["code"] for row in folded.graph.graph["warnings"]} & {"folded_others", "folded_pairs"}
    assert told and (told == {"folded_others"} or "max_edges" in caps)


def test_one_edge_per_pair_and_its_source_initiated_more():
    network = Network()
    mirror = network.point("", "mirror", "host-a")
    web, app = vm(1, "10.10.0.11"), vm(2, "10.10.0.12")
    for number in range(3):
        talk(network, app, web, (at(mirror),), (at(mirror),), client_port=41_000 + number)
    talk(network, web, app, (at(mirror),), (at(mirror),), client_port=50_000)
    ((source, target, edge),) = network.map(record(web, "h"), record(app, "h")).graph.edges(data=True)
    assert (source, target, edge["initiator"]) == ("vm:vm-2", "vm:vm-1", "syn")
    assert (edge["conversations"], edge["conversations_from_target"]) == (4, 1)
    assert edge["source_to_target_bytes"] == 3 * (10 * 1054 + 54) + 11 * 54


def test_a_vm_talking_to_itself_is_a_self_loop_counted_once():
    network = Network()
    web = vm(1, "10.10.0.11")
    udp(network, web, web, at(network.point("")), count=3, ports=(5000, 5001))
    ((source, target, edge),) = network.map().graph.edges(data=True)
    assert source == target
    assert edge["wire_bytes"] == edge["source_to_target_bytes"] == 3 * (14 + 28 + 200)
