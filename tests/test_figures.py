"""The figures of the map, its hosts and its services, against networks whose bytes are added up by hand."""

from __future__ import annotations

import pytest

from flowmap.export import check_identities, document
from flowmap.figures import FIGURE_GRADES, FIGURES
from tests.locality.two_hosts import APP, DB, GATEWAY_10, GATEWAY_20, OUTSIDE, REM, WEB, Lab
from tests.network import at, record, talk, vm

TALK = 10 * 1054 + 12 * 54
"""Bytes of one :func:`talk`: ten segments of 14 + 20 + 20 + 1000, SYN, SYN-ACK and ten acknowledgements of 54."""


@pytest.fixture(scope="module")
def graph():
    """Host-a: three talks to rem on host-b, web-app stayed, web-db turned round outside, web to the internet.

    Host-b: nothing of its own. Every talk is of the same size.
    """
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)), port=5432)
    out = (at(lab.web, dst_mac=GATEWAY_10.mac), at(lab.up_a, vlan=10, dst_mac=GATEWAY_10.mac))
    came = (at(lab.up_a, vlan=20, src_mac=GATEWAY_20.mac, ttl=63), at(lab.db, src_mac=GATEWAY_20.mac, ttl=63))
    out_back = (at(lab.db, dst_mac=GATEWAY_20.mac), at(lab.up_a, vlan=20, dst_mac=GATEWAY_20.mac))
    back = (at(lab.up_a, vlan=10, src_mac=GATEWAY_10.mac, ttl=63), at(lab.web, src_mac=GATEWAY_10.mac, ttl=63))
    talk(lab.network, WEB, DB, (*out, *fix(came, DB)), (*out_back, *fix(back, WEB)), client_port=41_000)
    lab.network.arp(GATEWAY_10, lab.up_a)
    answers = (at(lab.up_a, vlan=10, src_mac=GATEWAY_10.mac, ttl=57), at(lab.web, src_mac=GATEWAY_10.mac, ttl=57))
    talk(
        lab.network, WEB, OUTSIDE, (at(lab.web), at(lab.up_a, vlan=10)), answers, via=GATEWAY_10, client_port=42_000,
        port=443,
    )  # fmt: skip
    made = lab.network.map().graph
    assert check_identities(document(made)) == []
    return made.graph


def fix(sightings, machine):
    """The same sightings with the destination's own MAC, as behind the router."""
    return tuple(at(one.point, **{**dict(one.changes), "dst_mac": machine.mac}) for one in sightings)


def figures_of(row):
    return {name: row[f"{name}_bytes"] // TALK for name in FIGURES}


def test_the_map(graph):
    assert figures_of(graph["shares"]) == {
        "internet": 1, "east_west": 5, "switched": 4, "routed": 1, "path_unknown": 0, "vm_vm": 5, "within_host": 1,
        "stayed": 1, "left": 5, "undetermined": 0, "hairpin": 1,
    }  # fmt: skip
    assert all(graph["shares"][f"{name}_bytes"] % TALK == 0 for name in FIGURES)


def test_a_conversation_between_two_hosts_counts_for_both(graph):
    host_a, host_b = graph["hosts"]
    assert (host_a["host"], host_b["host"]) == ("host-a", "host-b")
    assert figures_of(host_a) == figures_of(graph["shares"])  # every conversation has an end there
    assert figures_of(host_b) == {
        "internet": 0, "east_west": 3, "switched": 3, "routed": 0, "path_unknown": 0, "vm_vm": 3, "within_host": 0,
        "stayed": 0, "left": 3, "undetermined": 0, "hairpin": 0,
    }  # fmt: skip
    assert (host_a["wire_bytes"], host_b["wire_bytes"]) == (6 * TALK, 3 * TALK)
    assert [(row["uplinks"], row["uplinks_complete"]) for row in (host_a, host_b)] == [(["vmnic0"], True)] * 2


def test_the_grades_of_what_is_known_sum_to_stayed_and_left(graph):
    shares, grades = graph["shares"], graph["grades"]
    known = {grade: sum(grades[word][f"{grade}_bytes"] for word in ("stayed", "left")) for grade in FIGURE_GRADES}
    assert sum(known.values()) == shares["stayed_bytes"] + shares["left_bytes"] == 6 * TALK
    assert known["ungraded"] == 0


def test_services_have_the_bytes_of_their_conversations(graph):
    rows = {(row["protocol"], row["port"]): row for row in graph["services"]}
    assert {key: (row["stayed_bytes"], row["left_bytes"]) for key, row in rows.items()} == {
        ("tcp", 5432): (TALK, 0), ("tcp", 9): (0, 3 * TALK), ("tcp", 80): (0, TALK), ("tcp", 443): (0, TALK),
    }  # fmt: skip
    assert next(iter(rows)) == ("tcp", 5432)
    assert sum(rows["tcp", 5432]["stayed_by_grade"].values()) == TALK


def test_what_nothing_decides_has_no_grade():
    lab = Lab(hosts=False)
    lab.network.statements.hosts.clear()
    mirror = lab.network.point("", "mirror", "host-c", file="c.pcap")
    talk(lab.network, vm(7, "10.10.0.17"), vm(8, "10.10.0.18"), (at(mirror),), (at(mirror),))
    made = lab.network.map()
    graph = made.graph.graph
    assert check_identities(document(made.graph)) == []
    assert graph["shares"]["undetermined_bytes"] == TALK == graph["grades"]["vm_vm"]["ungraded_bytes"]
    (host,) = graph["hosts"]
    assert (host["host"], host["wire_bytes"], host["uplinks_complete"]) == ("host-c", 0, False)


def test_hosts_that_only_the_inventory_names_are_listed_without_bytes():
    """App's and db's ports have one peer each, so nothing places the two: their bytes are host-b's alone."""
    lab = Lab()
    lab.chatter()
    graph = lab.network.map(record(WEB, "host-a"), record(vm(9, "10.10.0.19"), "host-z")).graph.graph
    assert [(row["host"], row["wire_bytes"] // TALK) for row in graph["hosts"]] == [
        ("host-b", 3), ("host-a", 1), ("host-z", 0),
    ]  # fmt: skip
    assert graph["inventory"] == [
        {
            "file": "inventory.yaml",
            "format": "yaml",
            "rows": 2,
            "observed_at_ns": 1_700_000_000_000_000_000,
            "observed_how": "header",
        }
    ]


def test_edges_tell_their_hairpin_bytes_and_the_grade_of_what_stayed():
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)))
    stayed, left = lab.edge(WEB, APP), lab.edge(WEB, REM)
    assert (stayed["stayed_grade"], stayed["hairpin_bytes"]) == (stayed["grade"], 0)
    assert (left["stayed_grade"], left["hairpin_bytes"]) == (None, 0)
