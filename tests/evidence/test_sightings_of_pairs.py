"""Rows of sightings, held against how packets were sent."""

from __future__ import annotations

import json

from flowmap.evidence import AddressTexts, Folded, fold_legs
from flowmap.evidence.sightings import ROWS_SHOWN
from flowmap.graph import pairs_of
from flowmap.settings import Settings
from flowmap.views import find_edge, pair_detail, sightings_table
from tests.locality.two_hosts import DB, WEB, Lab, hairpin_sightings
from tests.network import SECOND, START_NS, Network, at, talk, vm


def sightings(network, one, other):
    flow_map = network.map()
    return pair_detail(flow_map, *find_edge(flow_map, one.ip, other.ip), Settings())["sightings"]


def test_a_hairpin_reads_along_its_way():
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, DB, *hairpin_sightings(lab))
    rows = sightings(lab.network, WEB, DB)["rows"]
    there = [row for row in rows if row["direction"] == "source_to_target"]
    assert [(row["ttl_min"], row["ttl_max"]) for row in there] == [(64, 64), (64, 64), (63, 63), (63, 63)]
    assert {(row["interface"], row["role"], row["host"], row["vlan"]) for row in there} == {
        ("vnet0", "vnic", "host-a", None), ("vmnic0", "uplink", "host-a", 10), ("vmnic0", "uplink", "host-a", 20),
        ("vnet2", "vnic", "host-a", None),
    }  # fmt: skip
    assert {row["direction"] for row in rows[len(there) :]} == {"target_to_source"}


def test_conversations_are_folded_and_copies_counted():
    network, one, other = Network(), vm(1, "10.0.0.1"), vm(2, "10.0.0.2")
    mirror = network.point("", "mirror", "host-a", file="m.pcap")
    for number in range(5):
        network.send(one, other, at(mirror, times=2), ports=(40_000 + number, 80), payload=100, seq=1,
                     time_ns=START_NS + number * SECOND)  # fmt: skip
    (row,) = sightings(network, one, other)["rows"]
    assert (row["packets"], row["frames"], row["copies"]) == (5, 10, 2)
    assert (row["payload_bytes"], row["wire_bytes"]) == (500, 5 * (14 + 20 + 20 + 100))
    assert (row["first_seen_ns"], row["first_frame"]) == (START_NS, 1)
    assert START_NS + 4 * SECOND <= row["last_seen_ns"] < START_NS + 5 * SECOND
    assert (row["src_mac"], row["dst_mac"]) == ("00:50:56:80:00:01", "00:50:56:80:00:02")


def test_rows_are_bounded_and_what_is_left_out_is_counted():
    network, one, other = Network(), vm(1, "10.0.0.1"), vm(2, "10.0.0.2")
    mirror = network.point("", "mirror", "host-a", file="m.pcap")
    for vlan in range(1, ROWS_SHOWN + 4):
        network.send(one, other, at(mirror, vlan=vlan), payload=100 + vlan, seq=vlan * 1000)
    found = sightings(network, one, other)
    assert len(found["rows"]) == ROWS_SHOWN
    assert (found["more_rows"], found["more_frames"]) == (3, 3)
    assert min(row["vlan"] for row in found["rows"]) == 4, "the rows with most bytes are shown"


def test_what_is_stored_gives_the_same_table():
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, DB, *hairpin_sightings(lab))
    flow_map = lab.network.map()
    table = sightings_table(flow_map)
    for (source, _), pair in pairs_of(flow_map.talks).items():
        folded = fold_legs(flow_map.reading.legs.legs, pair.talks, source, AddressTexts())
        assert table.of(Folded.restored(json.loads(json.dumps(folded)))) == table.of(folded)
