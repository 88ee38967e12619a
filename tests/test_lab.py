"""The lab's captures against ``captures/truth.json``, which the lab wrote from how it was built.

Whatever is known, no pair may get a wrong answer: the true one or undetermined with a reason. With points stated, pairs
whose ports were captured get the true verdict.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from flowmap.capture.points import Statements, parse_points
from flowmap.inventory import Inventory, read_inventory
from flowmap.packets import ICMPV6
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings

CAPTURES = Path(__file__).parent.parent / "captures"
TRUTH = json.loads((CAPTURES / "truth.json").read_text())
INVENTORIES = ["inventory.yaml", "inventory-overlay.csv", "inventory-bridge.csv", "inventory-vepa.csv"]
SETS = [
    ("ports-host-a.pcapng",),
    ("ports-host-b.pcapng",),
    ("ports-host-a.pcapng", "ports-host-b.pcapng"),
    ("mirror-host-a.pcap",),
    ("mirror-host-b.pcap",),
    ("mirror-host-a.pcap", "mirror-host-b.pcap", "mirror-host-c.pcap"),
    ("mirror-host-a.pcap", "ports-host-a.pcapng"),
    ("erspan-collector.pcap",),
    ("overlay-underlay.pcapng",),
    ("linux-bridge-tc.pcap",),
    ("vepa-host.pcapng",),
]
MORE_INVENTORIES = [
    "inventory-router-vm.csv",
    "inventory-distributed.csv",
    "inventory-rspan.csv",
    "inventory-floating-ip.csv",
    "inventory-any.csv",
    "inventory-truncated.csv",
    "inventory-gso.csv",
    "inventory-teamed.csv",
]
MORE_SETS = [
    ("router-vm-ports-kvm-11.pcapng",),
    ("router-vm-ports-kvm-12.pcapng",),
    ("router-vm-ports-kvm-11.pcapng", "router-vm-ports-kvm-12.pcapng"),
    ("router-vm-mirror-kvm-11.pcap",),
    ("distributed-ports-esx-21.pcapng",),
    ("distributed-ports-esx-21.pcapng", "distributed-ports-esx-22.pcapng"),
    ("distributed-mirror-esx-21.pcap",),
    ("rspan-ports-kvm-31.pcapng",),
    ("rspan-ports-kvm-31.pcapng", "rspan-ports-kvm-32.pcapng"),
    ("floating-ip-ports-kvm-51.pcapng",),
    ("floating-ip-mirror-kvm-51.pcap",),
    ("any-dumpcap-kvm-61.pcap",),
    ("any-tcpdump-kvm-61.pcap",),
    ("truncated-ports-kvm-71.pcapng",),
    ("truncated-mirror-kvm-71.pcap",),
    ("gso-ports-kvm-81.pcapng",),
    ("gso-tc-kvm-81.pcap",),
    ("gso-ports-kvm-81.pcapng", "gso-tc-kvm-81.pcap"),
    ("teamed-ports-kvm-91.pcapng",),
]
PORTS = [files for files in SETS if all(file.startswith(("ports", "overlay", "vepa")) for file in files)]


@functools.cache
def reading(files):
    """The files read once for all tests."""
    return read_captures([CAPTURES / file for file in files], Settings())


def edges(files, *, points: bool, inventory: bool):
    """(a address, b address) in any order -> edge."""
    statements = parse_points((CAPTURES / "points.yaml").read_text(), "points.yaml") if points else Statements()
    names = INVENTORIES + MORE_INVENTORIES
    known = read_inventory([CAPTURES / name for name in names]) if inventory else Inventory([])
    graph = make_map(reading(files), known, statements, Settings(), "lab").graph
    result = {}
    for source, target, edge in graph.edges(data=True):
        for one in graph.nodes[source]["ips"]:
            for other in graph.nodes[target]["ips"]:
                result[frozenset((one, other))] = edge
    return result


def pairs_in(files):
    """The pairs of the truth that these files show, with the scenario's machines."""
    return [pair for pair in TRUTH["pairs"] if set(files) & set(pair["files"])]


def test_the_truth_knows_pairs_for_every_set():
    assert all(pairs_in(files) for files in SETS + MORE_SETS)


def test_what_moved_pairs_did_before_and_after_adds_up():
    moved = [pair for pair in TRUTH["pairs"] if "parts" in pair]
    assert {pair["left_host"] for pair in moved} == {"mixed"}
    for pair in moved:
        assert {part["left_host"] for part in pair["parts"]} == {"stayed", "left"}
        sent = pair["a_to_b_payload_bytes"] + pair["b_to_a_payload_bytes"]
        assert sum(part["payload_bytes"] for part in pair["parts"]) == sent


@pytest.mark.parametrize("inventory", [False, True], ids=["no inventory", "inventory"])
@pytest.mark.parametrize("points", [False, True], ids=["no points", "points"])
@pytest.mark.parametrize("files", SETS + MORE_SETS, ids=" ".join)
def test_no_answer_is_wrong(files, points, inventory):
    found = edges(files, points=points, inventory=inventory)
    wrong = []
    # A floating address stands for the VM's own where the packets have it.
    talks = [
        (pair, frozenset((talk["client_ip"], talk["server_ip"])))
        for pair in pairs_in(files)
        for talk in pair["conversations"]
    ]
    for pair, addresses in talks:
        edge = found.get(addresses)
        if edge is None:
            wrong.append(f"{pair['a']} - {pair['b']} is missing")
        elif edge["left_host"] not in (pair["left_host"], "undetermined"):
            wrong.append(
                f"{pair['a']} - {pair['b']}: {edge['left_host']} ({edge['verdict']}), truly {pair['left_host']}"
            )
        elif edge["left_host"] == "undetermined" and not edge["evidence"]:
            wrong.append(f"{pair['a']} - {pair['b']}: undetermined without a reason")
        elif edge["left_host"] == "stayed" and edge["verdict"] != pair["verdict"]:
            wrong.append(f"{pair['a']} - {pair['b']}: {edge['verdict']}, truly {pair['verdict']}")
    assert wrong == []


@pytest.mark.parametrize("inventory", [False, True], ids=["no inventory", "inventory"])
@pytest.mark.parametrize("files", PORTS, ids=" ".join)
def test_ports_with_stated_points_give_the_true_verdict(files, inventory):
    """The port of a VM that never answers cannot be told from others that hear the flood: it needs the inventory."""
    found = edges(files, points=True, inventory=inventory)
    hosts = {host for file in files for host in TRUTH["scenarios"][_scenario(files)]["files"][file]}
    wrong = []
    for pair in pairs_in(files):
        edge = found[frozenset((pair["a_ip"], pair["b_ip"]))]
        if not {pair["a_host"], pair["b_host"]} & hosts or (pair["flooded"] and not inventory):
            continue
        if (edge["left_host"], edge["verdict"]) != (pair["left_host"], pair["verdict"]):
            wrong.append(f"{pair['a']} - {pair['b']}: {edge['verdict']}, truly {pair['verdict']}")
    assert wrong == []


def _scenario(files):
    return next(name for name, scenario in TRUTH["scenarios"].items() if set(files) <= set(scenario["files"]))


@pytest.mark.parametrize(
    "files", [files for files in SETS + MORE_SETS if len(files) == 1 and "mirror" in files[0]], ids=" ".join
)
@pytest.mark.parametrize("points", [False, True], ids=["no points", "points"])
def test_one_mirror_and_no_inventory_never_says_stayed(files, points):
    assert all(edge["left_host"] != "stayed" for edge in edges(files, points=points, inventory=False).values())


def test_payload_is_what_the_programs_sent():
    """Both ports and both uplinks were captured; neighbour discovery is no program's payload.

    A segment that TCP sent again counts again, because it was on the wire: there the sequence range tells the program's
    bytes, within the two numbers of SYN and FIN in each direction.
    """
    files = ("ports-host-a.pcapng", "ports-host-b.pcapng")
    flow_map = make_map(reading(files), Inventory([]), Statements(), Settings(), "lab")
    legs = flow_map.reading.legs.legs
    exactly, again = 0, []
    for pair in pairs_in(files):
        if not pair["payload_exact"]:
            continue
        wanted, counted, repeated = {pair["a_ip"], pair["b_ip"]}, 0, 0
        for talk in flow_map.talks:
            protocol = talk.conversation.five_tuple.protocol
            if wanted & talk.low.ips and wanted & talk.high.ips and (protocol != ICMPV6 or "icmp" in pair["services"]):
                for direction in (talk.conversation.forward, talk.conversation.backward):
                    counted += direction.payload_bytes
                    spans = [legs[n].seq_high - legs[n].seq_low for n in direction.legs if legs[n].seq_low >= 0]
                    repeated += max(0, direction.payload_bytes - max(spans)) if spans else 0
        sent = pair["a_to_b_payload_bytes"] + pair["b_to_a_payload_bytes"]
        assert counted - repeated == pytest.approx(sent, rel=0.01), pair
        exactly += not repeated
        again += [pair] * bool(repeated)
    assert exactly >= 15
    assert len(again) <= 5


def test_names_from_packets_are_found():
    names = {
        (record.name, record.source, record.ip)
        for record in reading(("ports-host-a.pcapng", "ports-host-b.pcapng")).names
    }
    wanted = {(row["name"], row["source"], row["ip"]) for row in TRUTH["names"]
              if {"ports-host-a.pcapng", "ports-host-b.pcapng"} & set(row["files"])}  # fmt: skip
    assert wanted - names == set()
