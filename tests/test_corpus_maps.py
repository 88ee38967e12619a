"""What a map says of odd but readable files: the machines, bytes and times that are worked out by hand here.

That such files are read to their end is asked in tests/capture/test_corpus.py; here, that nothing in them bends a
figure (reference/reliability.md section 4, and threats 6 and 7 of its section 2).
"""

from __future__ import annotations

import pytest

from flowmap.capture.points import Statements
from flowmap.export import check_identities, document
from flowmap.inventory import Inventory
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from tests.capture.corpus import PCAP_CASES, PCAPNG_CASES
from tests.capture.corpus_frames import FRAME_CASES
from tests.capture.files import SECOND
from tests.capture.frames import PLAIN

CASES = {case.name: case.data for case in (*PCAP_CASES, *PCAPNG_CASES, *FRAME_CASES)}
NS = 10**9
SIZE = len(PLAIN)
A, B = "ip:default/10.0.0.1", "ip:default/10.0.0.2"


def map_of(folder, name):
    """The reading and the document of one case."""
    settings = Settings(name_frames=0, workers=1)
    path = folder / "given.pcap"
    path.write_bytes(CASES[name])
    reading = read_captures([path], settings)
    made = document(make_map(reading, Inventory([]), Statements(), settings, "odd").graph)
    assert check_identities(made) == []
    return reading, made


@pytest.mark.parametrize(
    ("name", "sums"),
    [
        # An absurd original length counts as what was captured; one that is too small, too.
        ("original length 2^32-1", (7 * SIZE, 7 * SIZE)),
        ("original below captured length", (7 * SIZE, 7 * SIZE)),
        ("nothing captured", (6 * SIZE + 60, 6 * SIZE)),
        ("zero lengths", (6 * SIZE, 6 * SIZE)),
        # 14 of Ethernet, 20 of IP, 20 of TCP: offload leaves the length of the packet to the frame.
        ("IP length 0 with offload", (3054, 3054)),
        ("IP length 65535", (2 * SIZE + 43, 2 * SIZE + 43)),
        ("ng lying counters", (5 * SIZE, 5 * SIZE)),
    ],
)
def test_lengths_that_lie_bend_no_sum(tmp_path, name, sums):
    _, made = map_of(tmp_path, name)
    totals = made["graph"]["totals"]
    assert (totals["wire_bytes"], totals["captured_bytes"]) == sums
    assert sum(edge["wire_bytes"] for edge in made["edges"]) == totals["unique_bytes"] <= totals["wire_bytes"]


@pytest.mark.parametrize(
    ("name", "packets"),
    [
        ("null with a wrong family", 3), ("short cooked header", 3), ("wireless", 3), ("runt", 1), ("short ARP", 1),
        ("nothing captured", 1), ("zero lengths", 1), ("endless MPLS labels", 1), ("plain", 0), ("raw IP", 0),
    ],
)  # fmt: skip
def test_frames_without_ip_are_counted_as_such(tmp_path, name, packets):
    reading, made = map_of(tmp_path, name)
    assert made["graph"]["totals"]["non_ip_packets"] == reading.legs.no_ip_packets == packets
    assert made["graph"]["totals"]["skipped"] == {}


@pytest.mark.parametrize(
    ("name", "nodes", "edges"),
    [
        ("ICMP error", {A, B}, {(A, B)}),  # who is quoted did not talk
        ("source is destination", {A}, {(A, A)}),
        ("no address and everybody", {A, "group:broadcast", "group:multicast"},
         {(A, "group:broadcast"), (A, "group:multicast")}),
        ("500 IP in IP", {A, B}, {(A, B)}),
        ("60 VXLAN", {A, B}, {(A, B)}),
        ("200 GRE", {A, B}, {(A, B)}),
        ("later fragment alone", {A, B}, {(A, B)}),
        ("TCP offset 0", {A, B}, {(A, B)}),
        ("ng markup in resolved names", {A, B}, {(A, B)}),
        ("one address at two MACs", {A, B}, {(A, B)}),
    ],
)  # fmt: skip
def test_only_machines_that_talked_are_on_the_map(tmp_path, name, nodes, edges):
    _, made = map_of(tmp_path, name)
    assert {node["id"] for node in made["nodes"]} == nodes
    found = [tuple(sorted((edge["source"], edge["target"]))) for edge in made["edges"]]
    assert sorted(found) == sorted(tuple(sorted(edge)) for edge in edges)


@pytest.mark.parametrize(
    ("name", "first_ns", "last_ns"),
    [
        ("time runs backwards", (SECOND - 4 * 3600) * NS, SECOND * NS),
        ("one time for all", SECOND * NS, SECOND * NS),
        ("second 0", 0, 0),
        ("second 2^32-1", SECOND * NS, (2**32 - 1) * NS),
        # 4,294,967,295 us are no part of a second, so that frame has no time; 1,000,000 us are one second.
        ("fractions beyond a second", SECOND * NS, (SECOND + 1) * NS),
        ("ng resolution of seconds", None, None),
        ("ng resolution 2^-63", None, None),
        ("ng resolution 10^-127", None, None),
        ("ng time offset greatest", None, None),
        ("ng time offset least", None, None),
        ("ng time greatest", None, None),
    ],
)
def test_the_first_and_last_time_are_the_least_and_the_greatest_and_the_axis_is_bounded(
    tmp_path, name, first_ns, last_ns
):
    reading, made = map_of(tmp_path, name)
    totals, width_ns = made["graph"]["totals"], reading.legs.slice_ns
    assert (totals["first_seen_ns"], totals["last_seen_ns"]) == (first_ns, last_ns)
    if first_ns is not None:
        assert last_ns // width_ns - first_ns // width_ns < Settings().max_slices


def test_an_address_that_two_machines_use_is_a_conflict_and_says_so(tmp_path):
    _, made = map_of(tmp_path, "one address at two MACs")
    (edge,) = made["edges"]
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")
    assert [row["text"] for row in edge["evidence"]] == ["10.0.0.1 is used by 02:00:00:00:00:01, 02:00:00:00:00:99."]
    assert edge["would_settle"][0].startswith("One machine for the address")
