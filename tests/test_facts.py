"""The document's facts: what it says of packets for which no leg was kept."""

from __future__ import annotations

import pytest

from flowmap.fold import partition_of
from flowmap.legs import PARTITIONS, FiveTuple
from flowmap.packets import UDP, ip_halves
from flowmap.settings import Settings
from tests.network import Network, at, udp, vm

SIZES = (50, 40, 30, 2, 1)
"""Datagrams of five conversations; each leg and each conversation is one here."""


def warnings_of(settings, late=None):
    """The warnings about a full table of a map of five conversations, and of later ones by number and size."""
    network = Network(settings)
    point = network.point("")
    sizes = {**dict(enumerate(SIZES)), **(late or {})}
    for number, count in sizes.items():
        udp(network, vm(1, "10.0.0.1"), vm(2, "10.0.0.2"), at(point), count=count, ports=(5000 + number, 514))
    graph = network.map().graph.graph
    assert graph["totals"]["packets"] == sum(sizes.values())
    return [row for row in graph["warnings"] if row["code"] == "legs_full"]


def test_conversations_beyond_the_limit_are_said_with_both_numbers():
    (warning,) = warnings_of(Settings(max_conversations=2))
    assert warning["count"] == sum(SIZES[2:])
    assert warning["text"] == (
        "Only the 2 conversations with most bytes are kept apart; 3 others are summed in group:others "
        "(FLOWMAP_MAX_CONVERSATIONS)."
    )


def test_a_full_leg_table_has_a_text_of_its_own():
    (warning,) = warnings_of(Settings(max_legs=1))
    assert "The leg table is full" in warning["text"] and "FLOWMAP_MAX_LEGS" in warning["text"]
    assert warning["count"] > 0


def test_both_limits_are_said_with_what_each_cost():
    """Five conversations have a leg, one for each partition, and two of them are kept; the sixth comes too late."""
    ends = (ip_halves("10.0.0.1"), ip_halves("10.0.0.2"))
    partitions = [partition_of(FiveTuple(UDP, (ends[0], port), (ends[1], 514))) for port in range(5000, 6000)]
    late = partitions.index(partitions[0], len(SIZES))
    assert len(set(partitions[: len(SIZES)])) == len(SIZES)
    (warning,) = warnings_of(Settings(max_legs=PARTITIONS, max_conversations=2), late={late: 7})
    assert warning["count"] == sum(SIZES[2:]) + 7
    assert warning["text"] == (
        "The leg table is full: 7 packets of further conversations are summed in group:others (FLOWMAP_MAX_LEGS). Of "
        "those in the table only the 2 with most bytes are kept apart; 3 others are summed there, too "
        "(FLOWMAP_MAX_CONVERSATIONS)."
    )


@pytest.mark.parametrize("settings", [Settings(), Settings(max_conversations=len(SIZES))])
def test_nothing_is_said_where_everything_is_kept(settings):
    assert warnings_of(settings) == []
