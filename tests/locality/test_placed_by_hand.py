"""A person's word beside the lab's samples: right or wrong, it makes nothing sure, and packets stay what they are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import product

import pytest

from flowmap.inventory import Inventory
from flowmap.inventory.records import BY_HAND
from flowmap.settings import Settings
from flowmap.views import find_edge, pair_detail
from tests.lab import TAPS, lab_map
from tests.locality.test_wrong_inventories import moved, on_one_host, rows_of, sure_bytes

NOBODY = Inventory([])
SOME = 7
"""Each so many of the wrong statements: judging all of them takes minutes."""


def by_hand(rows):
    """The rows as a person states them: host and kind of a MAC, no time."""
    return [
        replace(row, format=BY_HAND, source="placed-on-the-page.json", vswitch=None, interface=None, network=None,
                observed_at_ns=None, observed_how=None)
        for row in rows
    ]  # fmt: skip


def made_sure(files, rows):
    """Addresses and words that the rows make sure, and that packets alone do not even say."""
    packets = bytes_of_words(lab_map(files, True, NOBODY))
    told = sure_bytes(lab_map(files, True, Inventory(by_hand(rows))))
    return [key for key, size in told.items() if size > packets.get(key, 0)]


def bytes_of_words(flow_map):
    """(both addresses, word) -> bytes, of any grade."""
    result = defaultdict(int)
    for talk in flow_map.talks:
        for one, other in product(talk.low.ips, talk.high.ips):
            for part in talk.verdict.parts:
                result[frozenset((one, other)), part.word] += part.wire_bytes
    return result


@pytest.mark.parametrize("files", TAPS, ids=" ".join)
def test_the_truth_stated_by_hand_makes_nothing_sure_that_packets_do_not(files):
    assert made_sure(files, rows_of(files)) == []


@pytest.mark.parametrize("files", [files for files in TAPS if len(files) > 1], ids=" ".join)
def test_what_is_wrong_by_hand_makes_nothing_sure(files):
    for make in (moved, on_one_host):
        for what, rows in list(make(files))[::SOME]:
            assert made_sure(files, rows) == [], what


def test_a_port_that_contradicts_is_told_and_wins():
    files = ("ports-host-a.pcapng", "ports-host-b.pcapng")
    rows = [replace(row, host="host-b") if row.vm == "web-1" else row for row in rows_of(files)]
    flow_map = lab_map(files, True, Inventory(by_hand(rows)))
    detail = pair_detail(flow_map, *find_edge(flow_map, "web-1", "cache-1"), Settings())
    assert (detail["edge"]["verdict"], detail["edge"]["grade"]) == ("intra_host_switched", "proven")
    (conflict,) = [end["conflict"] for end in detail["placement"].values() if end["conflict"]]
    assert conflict.startswith("a person places web-1 on host-b, its port ports-host-a.pcapng:vnet0 is on host-a")


def test_packets_of_a_mirror_that_contradict_are_a_conflict():
    """The mirror of host-a shows answered traffic of web-1 with web-3 of host-b, so it is on host-a or web-3 is."""
    files = ("mirror-host-a.pcap",)
    rows = [replace(row, host="host-z") if row.vm == "web-1" else row for row in rows_of(files)]
    flow_map = lab_map(files, True, Inventory(by_hand(rows)))
    edge = pair_detail(flow_map, *find_edge(flow_map, "web-1", "cache-1"), Settings())["edge"]
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")
    assert any("by hand, on the page" in row["text"] for row in edge["evidence"] if not row["supports"])
