"""Generic CSV: any delimiter, any of the column titles in `rows.SYNONYMS`, or a mapping of the user's own titles."""

from __future__ import annotations

from flowmap.errors import InventoryError
from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import Document, Table
from flowmap.inventory.mapping import KEY, mapped_columns, mapping_from_text, missing_titles, unknown_column
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import Columns, add_row, columns_of, defaults_from, tells_of_vnics


def matches(document: Document) -> bool:
    """A table whose titles name machines, or that says itself which column is what."""
    return isinstance(document, Table) and (matches_mapped(document) or tells_of_vnics(columns_of(document.header)))


def matches_mapped(document: Document) -> bool:
    """A table with a mapping above it: then its titles say nothing of the format."""
    return isinstance(document, Table) and KEY in document.preamble


def columns_understood(table: Table, name: str) -> Columns:
    """Which columns tell which field.

    Raises
    ------
    InventoryError
        If the mapping above the table cannot be understood.
    """
    if KEY not in table.preamble:
        return columns_of(table.header)
    return mapped_columns(table.header, mapping_from_text(table.preamble[KEY], name))


def read(document: Document, reading: Reading) -> None:
    """Add the rows of a table that `matches`.

    Raises
    ------
    InventoryError
        If a mapping names a column that is not there, or maps nothing that makes an inventory.
    """
    assert isinstance(document, Table)
    columns = columns_understood(document, reading.name)
    if matches_mapped(document):
        _check_mapping(document, columns, reading.name)
    used = {position for positions in columns.values() for position in positions}
    unused = [clean_name(title) for n, title in enumerate(document.header) if n not in used and title.strip()]
    if unused:
        more = f" and {len(unused) - 10} more" if len(unused) > 10 else ""
        reading.warn_file(f"columns that FlowMap does not use: {', '.join(unused[:10])}{more}")
    defaults = defaults_from(list(document.preamble), list(document.preamble.values()), reading, 1)
    for row, cells in reading.numbered(document.rows, first=document.header_row + 1):
        if any(cell.strip() for cell in cells):
            add_row(document.header, cells, columns, reading, row, defaults)


def _check_mapping(table: Table, columns: Columns, name: str) -> None:
    missing = missing_titles(table.header, mapping_from_text(table.preamble[KEY], name))
    if missing:
        raise unknown_column(missing, table.header, name)
    if not tells_of_vnics(columns):
        raise InventoryError(
            f"{name}: the mapping gives no machine with MAC, IP or host; map at least mac and host, or vm and host."
        )
