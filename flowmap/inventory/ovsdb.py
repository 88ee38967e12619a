"""What ovs-vsctl, ovn-nbctl and ovn-sbctl print with `--format=json`: tables of an OVSDB database.

A table is an object of `headings` and `data`; a cell is a scalar, `["uuid", x]`, `["set", [..]]` or
`["map", [[key, value], ..]]` (RFC 7047, section 5.1), where a set of one member stands without its brackets.
`ovs-vsctl --format=json -- list Bridge -- list Port` prints several tables one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import DataDocument, Document
from flowmap.inventory.reading import Reading

Cells = Mapping[str, object]
"""One row: the cells of the table's columns."""


def envelopes(document: Document) -> list[dict[str, object]]:
    """The tables of a document, empty if it holds anything else."""
    if not isinstance(document, DataDocument) or document.syntax == "yaml":
        return []
    found = document.value if document.syntax == "json sequence" else [document.value]
    assert isinstance(found, list)
    if not all(isinstance(one, dict) and one.keys() - {"caption"} == {"data", "headings"} for one in found):
        return []
    return found


def titles_of(envelope: Mapping[str, object]) -> set[str]:
    """The columns of a table; empty where its headings are no list."""
    headings = envelope["headings"]
    return {str(heading) for heading in headings} if isinstance(headings, list) else set()


def rows_of(envelope: Mapping[str, object], reading: Reading, first: int = 1) -> Iterator[tuple[int, Cells]]:
    """Each row with its number; one that does not fit the headings is counted and left out."""
    headings, data = envelope["headings"], envelope["data"]
    assert isinstance(headings, list)
    positions = {str(heading): position for position, heading in enumerate(headings)}
    for row, cells in reading.numbered(data if isinstance(data, list) else [], first):
        if isinstance(cells, list) and len(cells) == len(headings):
            yield row, {title: cells[position] for title, position in positions.items()}
        else:
            reading.skip(row, "they do not have one value for each heading")


def text(cell: object) -> str:
    """A cell of text, cleaned; empty for anything else."""
    return clean_name(cell) if isinstance(cell, str) else ""


def whole(cell: object) -> int | None:
    """A cell that is a whole number."""
    return cell if isinstance(cell, int) and not isinstance(cell, bool) else None


def members(cell: object) -> list[object]:
    """The members of a set: several, the one that stands alone, or none."""
    if isinstance(cell, list) and len(cell) == 2 and cell[0] == "set":
        return cell[1] if isinstance(cell[1], list) else []
    return [cell]


def texts(cell: object) -> list[str]:
    """The texts of a set; their length is the writer's."""
    return [member for member in members(cell) if isinstance(member, str)]


def uuids(cell: object) -> tuple[str, ...]:
    """The UUIDs of a set, or the only one."""
    pairs = [member for member in members(cell) if isinstance(member, list) and len(member) == 2]
    return tuple(clean_name(pair[1]) for pair in pairs if pair[0] == "uuid" and isinstance(pair[1], str))


def uuid(cell: object) -> str:
    """The only UUID of a cell; empty where there is none."""
    found = uuids(cell)
    return found[0] if len(found) == 1 else ""


def mapping(cell: object) -> dict[str, str]:
    """`["map", [[key, value], ..]]` as cleaned text; anything else is empty."""
    if not (isinstance(cell, list) and len(cell) == 2 and cell[0] == "map" and isinstance(cell[1], list)):
        return {}
    pairs = [pair for pair in cell[1] if isinstance(pair, list) and len(pair) == 2]
    return {key: text(value) for key, value in pairs if isinstance(key, str)}
