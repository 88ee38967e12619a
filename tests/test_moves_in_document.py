"""What the document says of VMs that changed host, against what the lab wrote when it moved them."""

from __future__ import annotations

import jsonschema
import pytest

from flowmap.export import document, schema
from flowmap.facts import move_facts
from flowmap.identity.endpoint import Endpoint
from flowmap.identity.moves import Move, Movements
from tests.lab import TRUTH, lab_map

SECOND = 10**9
PORTS = ("migration-ports-esx-41.pcapng", "migration-ports-esx-42.pcapng")


@pytest.mark.parametrize("inventory", [False, True], ids=["no inventory", "inventory"])
def test_the_lab_s_moves_are_told_with_hosts_and_time(inventory):
    made = document(lab_map(PORTS, True, inventory).graph)
    jsonschema.validate(made, schema())
    nodes = {node["id"]: node for node in made["nodes"]}
    facts = TRUTH["scenarios"]["migration"]
    ips = {machine["name"]: machine["ips"][0] for machine in facts["machines"]}
    assert len(made["graph"]["moves"]) == len(facts["moves"]) == 2
    for found, true in zip(made["graph"]["moves"], facts["moves"], strict=True):
        assert ips[true["vm"]] in nodes[found["node"]]["ips"]
        assert (found["from_host"], found["to_host"]) == (true["from_host"], true["to_host"])
        # a silent VM is seen at its new place when it speaks again
        assert true["began_at_ns"] <= found["time_ns"] <= true["ended_at_ns"] + SECOND


def test_a_map_without_moves_says_none():
    assert document(lab_map(("ports-host-a.pcapng",), True, True).graph)["graph"]["moves"] == []


def test_the_macs_of_a_vm_move_together_and_moving_back_is_another_move():
    def move(mac, second, way):
        return Move(mac, second * SECOND, *way, "ports", 0, 0)

    there, back = ("h1", "h2"), ("h2", "h1")
    movements = Movements({1: [move(1, 60, there), move(1, 400, back)], 2: [move(2, 61, there)], 3: [move(3, 5, back)]})
    vm = Endpoint("vm:a", "vm", "", macs={1, 2})
    other, still = Endpoint("vm:b", "vm", "", macs={3}), Endpoint("vm:c", "vm", "", macs={4})
    rows = [
        (row["node"], row["time_ns"] // SECOND, row["to_host"]) for row in move_facts(movements, [vm, still, other])
    ]
    assert rows == [("vm:b", 5, "h1"), ("vm:a", 60, "h2"), ("vm:a", 400, "h1")]
