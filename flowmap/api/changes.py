"""What differs between two results of a map, so that a page that grows live need not load the whole again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def changes_between(old: Row, new: Row) -> dict[str, Any]:
    """What turns one graph document into another.

    Returns
    -------
    dict
        ``graph`` whole; ``nodes`` and ``edges`` that are new or not as they were, in the new order; ``removed_nodes``
        (ids) and ``removed_edges`` ([source, target]). The new list is the old one without the removed rows and with
        the changed ones in their places, then the new rows. Where it stands in another order, ``node_order`` and
        ``edge_order`` give the places in that list of the rows in the new order; else they are null.
    """
    nodes, removed_nodes, node_order = _rows_between(old["nodes"], new["nodes"], lambda node: node["id"])
    edges, removed_edges, edge_order = _rows_between(
        old["edges"], new["edges"], lambda edge: (edge["source"], edge["target"])
    )
    return {
        "graph": new["graph"],
        "nodes": nodes,
        "edges": edges,
        "removed_nodes": removed_nodes,
        "removed_edges": [list(ends) for ends in removed_edges],
        "node_order": node_order,
        "edge_order": edge_order,
    }


def _rows_between(
    old: Sequence[Row], new: Sequence[Row], key_of: Callable[[Row], Any]
) -> tuple[list[Row], list[Any], list[int] | None]:
    before = {key_of(row): row for row in old}
    after = {key_of(row): row for row in new}
    changed = [row for key, row in after.items() if before.get(key) != row]
    removed = [key for key in before if key not in after]
    applied = [key for key in before if key in after] + [key for key in after if key not in before]
    if applied == list(after):
        return changed, removed, None
    places: dict[Hashable, int] = {key: place for place, key in enumerate(applied)}
    return changed, removed, [places[key] for key in after]
