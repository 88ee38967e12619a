"""Which limits a map or a request ran into, named after the setting that raises them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowmap.pipeline import FlowMap

_BY_WARNING = {
    "many_interfaces": "max_points",
    "names_limit": "max_names",
    "names_incomplete": "name_frames",
    "claims_limit": "max_claims",
    "folded_outside": "max_external_nodes",
    "folded_others": "max_nodes",
    "folded_pairs": "max_edges",
}
"""Code of a warning in the document -> the limit that it tells of."""

CAPS = (
    "max_legs", "max_conversations", "max_slices", *_BY_WARNING.values(),
    "max_maps", "max_live", "max_queued", "max_uploads", "max_upload_bytes", "max_inventory_bytes",
    "min_free_bytes", "max_event_streams", "max_downloads",
)  # fmt: skip
"""Every limit that is counted. ``max_claims`` alone is no setting: see :mod:`flowmap.kernels.found`."""


def caps_reached(flow_map: FlowMap, settings: Any) -> list[str]:
    """The limits that shaped this map, in the order of :data:`CAPS`; each is a warning or estimate of its document."""
    legs = flow_map.reading.legs
    found = {_BY_WARNING.get(row["code"]) for row in flow_map.graph.graph["warnings"]}
    if legs.others.late_packets:
        found.add("max_legs")
    if legs.others.conversations:
        found.add("max_conversations")
    if legs.slice_ns > settings.slice_ns:
        found.add("max_slices")
    return [cap for cap in CAPS if cap in found]
