"""The sightings of every pair of some captures."""

from __future__ import annotations

from flowmap.capture.points import Statements
from flowmap.evidence import AddressTexts, fold_legs
from flowmap.graph import pairs_of
from flowmap.inventory import Inventory
from flowmap.pipeline import make_map
from flowmap.reading import read_captures
from flowmap.settings import Settings
from flowmap.views import sightings_table


def map_of(*paths):
    """A map without names, inventory and statements."""
    return make_map(
        read_captures(list(paths), Settings(), names=False), Inventory([]), Statements(), Settings(), "test"
    )


def sightings_of_pairs(flow_map):
    """Sightings of each pair, most bytes first."""
    table, legs = sightings_table(flow_map), flow_map.reading.legs.legs
    pairs = sorted(pairs_of(flow_map.talks).items(), key=lambda item: -item[1].wire_bytes)
    return [table.of(fold_legs(legs, pair.talks, source, AddressTexts())) for (source, _), pair in pairs]


def rows_of(flow_map):
    """All rows of all pairs."""
    return [row for pair in sightings_of_pairs(flow_map) for row in pair["rows"]]
