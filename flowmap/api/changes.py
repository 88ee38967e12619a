"""What differs between two results of a map, so that a page that grows live need not load the whole again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from flowmap.export import dumps
from flowmap.store.result import document_path, shared_document

Row = Mapping[str, Any]

MAX_CARRIED_BYTES = 64 << 10
"""Changes up to this size travel in the event that tells of them; who wants larger ones asks for them."""

MAX_COMPARED_BYTES = 4 << 20
"""Documents up to this size are compared for an event. Larger ones only when somebody asks: most pages that are told
of a result of that size still show the one before, and would throw the comparison away."""


def changes_since(folder: Path, since: int, revision: int) -> dict[str, Any]:
    """What turns the document of one revision into that of another, see :func:`changes_between`.

    Raises
    ------
    FileNotFoundError
        When one of the two is no longer kept.
    """
    new = shared_document(folder, revision)
    old = new if since == revision else shared_document(folder, since)
    return changes_between(old, new)


_one_at_a_time = threading.Lock()


def carried_changes(folder: Path, since: int, revision: int) -> str | None:
    """The same as JSON on one line, made once for all who follow a map; None where there is too much of it."""
    with _one_at_a_time:  # all of them ask at the same moment, and a cache alone lets each make it
        return _carried_changes(folder, since, revision)


@lru_cache(maxsize=8)
def _carried_changes(folder: Path, since: int, revision: int) -> str | None:
    try:
        sizes = [document_path(folder, number).stat().st_size for number in (since, revision)]
        if max(sizes) > MAX_COMPARED_BYTES:
            return None
        text = dumps({"since": since, "revision": revision, **changes_since(folder, since, revision)})
    except FileNotFoundError:
        return None
    return text if len(text.encode()) <= MAX_CARRIED_BYTES else None


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
