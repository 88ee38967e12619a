"""The lab's captures against ``captures/truth.json``, which the lab wrote from how it was built.

Whatever is known, no pair may get a wrong answer: the true one or undetermined with a reason. With points stated, pairs
whose ports were captured get the true verdict.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flowmap.capture.points import Statements
from flowmap.inventory import Inventory
from flowmap.packets import ICMPV6
from flowmap.pipeline import make_map
from flowmap.settings import Settings
from tests.lab import (
    INVENTORIES,
    TAPS,
    TRUTH,
    edge_of,
    edges,
    edges_of,
    hosts_with_ports_in,
    inventory_with_ports,
    lab_map,
    pairs_in,
    reading,
    scenario_of,
    stated,
    tap_of,
    true_shares,
)
from tests.verdict_table import table

SURE = ("proven", "strong")
SLACK = 0.03
"""Share of a moved pair's bytes that handshakes and acknowledgements make of one side of the move."""

COMPLETE = [
    files for files in TAPS
    if all(tap_of(file) == "ports" for file in files) and scenario_of(files) != "teamed"
]  # fmt: skip
"""Ports with every uplink of their hosts."""

TOLD_BY_INVENTORY = [files for files in COMPLETE if scenario_of(files) not in ("migration", "rspan")]
"""An inventory tells one host of a moved VM, and nothing of a remote mirror."""

MIRRORS = [files for files in TAPS if all(tap_of(file) == "mirror" for file in files)]


def wrong_answer(pair, edge, files) -> str:
    """What is wrong with FlowMap's answer; empty where it is true or honestly open."""
    who = f"{pair['a']} - {pair['b']}"
    if edge is None:
        return f"{who} is missing"
    if edge["left_host"] == "undetermined" and not edge["evidence"]:
        return f"{who}: undetermined without a reason"
    truly = true_shares(pair, files)
    for word in ("stayed", "left"):
        said = edge[f"{word}_bytes"] / edge["wire_bytes"]
        if said > truly[word] + SLACK and not _is_undetectable(pair, edge, files):
            return f"{who}: {said:.0%} {word} ({edge['verdict']}, {edge['grade']}), truly {truly[word]:.0%}"
    if edge["left_host"] == "stayed" and "parts" not in pair and edge["verdict"] != pair["verdict"]:
        return f"{who}: {edge['verdict']}, truly {pair['verdict']}"
    return ""


def _is_undetectable(pair, edge, files) -> bool:
    """A move without RARP, of which only mirrors know and an export of before: at ``likely`` nothing shows it."""
    moved_by_arp = {move["vm"] for move in TRUTH["scenarios"][scenario_of(files)].get("moves", ())
                    if move["announced_by"] == "arp"}  # fmt: skip
    only_mirrors = all(tap_of(file) == "mirror" for file in files)
    return only_mirrors and bool({pair["a"], pair["b"]} & moved_by_arp) and edge["grade"] not in SURE


def test_the_truth_knows_pairs_for_every_tap():
    assert all(pairs_in(files) for files in TAPS)
    assert len(TRUTH["scenarios"]) >= 13
    assert len(INVENTORIES) >= 12


def test_what_moved_pairs_did_before_and_after_adds_up():
    moved = [pair for pair in TRUTH["pairs"] if "parts" in pair]
    assert {pair["left_host"] for pair in moved} == {"mixed"}
    for pair in moved:
        assert {part["left_host"] for part in pair["parts"]} == {"stayed", "left"}
        sent = pair["a_to_b_payload_bytes"] + pair["b_to_a_payload_bytes"]
        assert sum(part["payload_bytes"] for part in pair["parts"]) == sent


@pytest.mark.parametrize("inventory", [False, True], ids=["no inventory", "inventory"])
@pytest.mark.parametrize("points", [False, True], ids=["no points", "points"])
@pytest.mark.parametrize("files", TAPS, ids=" ".join)
def test_no_answer_is_wrong(files, points, inventory):
    found = edges(files, points=points, inventory=inventory)
    wrong = [wrong_answer(pair, edge_of(found, pair), files) for pair in pairs_in(files)]
    assert [text for text in wrong if text] == []


@pytest.mark.parametrize("inventory", [False, True], ids=["no inventory", "inventory"])
@pytest.mark.parametrize("files", COMPLETE, ids=" ".join)
def test_ports_with_stated_points_give_the_true_verdict(files, inventory):
    """The port of a VM that never answers cannot be told from others that hear the flood: it needs the inventory.

    Of a moved pair, one host's ports show only what was there; its bytes are checked above. Which machine beyond the
    router is a VM, and that both ends of a pair share a far host, no port here can know without an inventory.
    """
    found = edges(files, points=True, inventory=inventory)
    all_hosts = {machine["host"] for machine in TRUTH["scenarios"][scenario_of(files)]["machines"] if machine["host"]}
    wrong = []
    for pair in pairs_in(files):
        edge = edge_of(found, pair)
        ends = {pair["a_host"], pair["b_host"]} - {None}
        if not ends & hosts_with_ports_in(files) or (pair["flooded"] and not inventory):
            continue
        if "parts" in pair and not all_hosts <= hosts_with_ports_in(files):
            continue
        is_far = not inventory and not ends <= hosts_with_ports_in(files)
        if is_far and edge["left_host"] == pair["left_host"]:
            continue
        if (edge["left_host"], edge["verdict"]) != (pair["left_host"], pair["verdict"]):
            wrong.append(f"{pair['a']} - {pair['b']}: {edge['verdict']}, truly {pair['verdict']}")
    assert wrong == []


@pytest.mark.parametrize("files", TAPS, ids=" ".join)
def test_without_stated_points_nothing_is_sure(files):
    """Roles and hosts are guesses then, and an inventory alone cannot say where a capture was taken."""
    for edge in edges(files, points=False, inventory=False).values():
        assert edge["grade"] not in SURE, edge
    for edge in edges(files, points=False, inventory=True).values():
        assert edge["left_host"] not in ("stayed", "mixed") or edge["grade"] not in SURE, edge


@pytest.mark.parametrize("files", MIRRORS, ids=" ".join)
@pytest.mark.parametrize("points", [False, True], ids=["no points", "points"])
def test_mirrors_without_uplinks_and_inventory_never_say_stayed(files, points):
    assert all(edge["stayed_bytes"] == 0 for edge in edges(files, points=points, inventory=False).values())


@pytest.mark.parametrize("files", [files for files in TAPS if scenario_of(files) == "teamed"], ids=" ".join)
def test_an_uplink_that_nobody_captured_makes_no_proof_of_absence(files):
    """The team failed over to vmnic1, so hairpins and traffic to another host are on no captured uplink."""
    for known in (False, True):
        found = edges(files, points=True, inventory=known)
        for pair in pairs_in(files):
            edge = edge_of(found, pair)
            assert edge["grade"] != "proven" or edge["left_host"] == "left"
            assert pair["left_host"] == "stayed" or edge["stayed_bytes"] == 0


@pytest.mark.parametrize("files", TOLD_BY_INVENTORY, ids=" ".join)
def test_ports_that_an_inventory_tells_give_the_true_verdict(files):
    """The inventory has each vNIC's interface and host, and nothing is stated: so nobody says whose the uplinks are.

    What those cannot decide then stays open: one half of a pair, a VM whose port shows a single peer.
    """
    found = edges_of(lab_map(files, Statements(), inventory_with_ports(scenario_of(files))))
    open_ones = 0
    for pair in pairs_in(files):
        edge = edge_of(found, pair)
        assert wrong_answer(pair, edge, files) == ""
        same_name = edge["verdict"] == pair["verdict"] or edge["left_host"] == pair["left_host"] == "left"
        assert same_name or edge["left_host"] == "undetermined"
        open_ones += not same_name
    assert open_ones <= 1


def test_payload_is_what_the_programs_sent():
    """At the most complete points of each scenario; neighbour discovery is no program's payload.

    A segment that TCP sent again counts again, because it was on the wire: there the sequence range tells the program's
    bytes, within the two numbers of SYN and FIN in each direction.
    """
    exactly, again = 0, []
    for files in (files for files in TAPS if len(files) == len(TRUTH["scenarios"][scenario_of(files)]["files"])
                  or set(files) >= {"ports-host-a.pcapng", "ports-host-b.pcapng"}):  # fmt: skip
        flow_map = make_map(reading(files), Inventory([]), stated(), Settings(), "lab")
        ips = {machine["name"]: {*machine["ips"], machine.get("floating_ip")}
               for machine in TRUTH["scenarios"][scenario_of(files)]["machines"]}  # fmt: skip
        for pair in pairs_in(files):
            if not pair["payload_exact"]:
                continue
            counted, repeated = counted_payload(flow_map, ips[pair["a"]], ips[pair["b"]], pair)
            sent = pair["a_to_b_payload_bytes"] + pair["b_to_a_payload_bytes"]
            assert counted - repeated == pytest.approx(sent, rel=0.01), (files, pair)
            exactly += not repeated
            again += [pair] * bool(repeated)
    assert exactly >= 60
    assert len(again) <= 10


def counted_payload(flow_map, a_ips, b_ips, pair) -> tuple[int, int]:
    """Payload between two machines, and how much of it TCP sent again."""
    counted = repeated = 0
    for talk in flow_map.talks:
        protocol = talk.conversation.five_tuple.protocol
        if (
            a_ips & talk.low.ips | b_ips & talk.low.ips
            and a_ips & talk.high.ips | b_ips & talk.high.ips
            and (protocol != ICMPV6 or "icmp" in pair["services"])
        ):
            for direction in (talk.conversation.forward, talk.conversation.backward):
                counted += direction.payload_bytes
                legs = [flow_map.legs[number] for number in direction.legs]
                spans = [leg.seq_high - leg.seq_low for leg in legs if leg.seq_low >= 0]
                repeated += max(0, direction.payload_bytes - max(spans)) if spans else 0
    return counted, repeated


def test_names_from_packets_are_found():
    files = ("ports-host-a.pcapng", "ports-host-b.pcapng")
    names = {(record.name, record.source, record.ip) for record in reading(files).names}
    wanted = {(row["name"], row["source"], row["ip"]) for row in TRUTH["names"] if set(files) & set(row["files"])}
    assert wanted - names == set()


def test_a_floating_address_is_the_vm_s_own():
    """batch-1 and portal-cron call portal-1 by its floating address: one conversation each, not one on each side."""
    flow_map = lab_map(("floating-ip-ports-kvm-51.pcapng",), True, False)
    translated = [talk for talk in flow_map.talks if talk.conversation.translation]
    assert {frozenset((talk.low.label, talk.high.label)) for talk in translated} == {
        frozenset(("10.172.0.13", "10.171.0.11")), frozenset(("10.171.0.14", "10.171.0.11"))
    }  # fmt: skip


def test_the_table_in_architecture_is_what_the_program_says():
    """``python -m tests.verdict_table`` prints it anew."""
    page = (Path(__file__).parent.parent / "ARCHITECTURE.md").read_text()
    assert table() in page
