"""Evidence that a person can check: where packets of a pair were seen, how to find them, who placed its ends."""

from flowmap.evidence.placement import placement_of
from flowmap.evidence.sightings import AddressTexts, Folded, SightingsTable, fold_legs

__all__ = ["AddressTexts", "Folded", "SightingsTable", "fold_legs", "placement_of"]
