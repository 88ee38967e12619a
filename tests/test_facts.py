"""The document's facts: what it says of packets for which no leg was kept."""

from __future__ import annotations

import pytest

from flowmap.settings import Settings
from tests.network import Network, at, udp, vm

SIZES = (50, 40, 30, 2, 1)
"""Datagrams of five conversations; each leg and each conversation is one here."""


def warnings_of(settings):
    """The warnings about a full table of a map of five conversations."""
    network = Network(settings)
    point = network.point("")
    for number, count in enumerate(SIZES):
        udp(network, vm(1, "10.0.0.1"), vm(2, "10.0.0.2"), at(point), count=count, ports=(5000 + number, 514))
    graph = network.map().graph.graph
    assert graph["totals"]["packets"] == sum(SIZES)
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


@pytest.mark.parametrize("settings", [Settings(), Settings(max_conversations=len(SIZES))])
def test_nothing_is_said_where_everything_is_kept(settings):
    assert warnings_of(settings) == []
