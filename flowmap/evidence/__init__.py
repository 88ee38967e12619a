"""Evidence that a person can check: where packets of a pair were seen, how to find them, who placed its ends."""

from flowmap.evidence.placement import placement_of
from flowmap.evidence.sightings import SightingsTable

__all__ = ["SightingsTable", "placement_of"]
