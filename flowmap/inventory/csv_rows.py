"""Generic CSV: any delimiter, any of the column titles in `rows.SYNONYMS`."""

from __future__ import annotations

from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import Document, Table
from flowmap.inventory.reading import Reading
from flowmap.inventory.rows import add_row, columns_of, defaults_from, tells_of_vnics


def matches(document: Document) -> bool:
    """A table whose titles name machines."""
    return isinstance(document, Table) and tells_of_vnics(columns_of(document.header))


def read(document: Document, reading: Reading) -> None:
    """Add the rows of a table that `matches`."""
    assert isinstance(document, Table)
    columns = columns_of(document.header)
    used = {position for positions in columns.values() for position in positions}
    unused = [clean_name(title) for n, title in enumerate(document.header) if n not in used and title.strip()]
    if unused:
        more = f" and {len(unused) - 10} more" if len(unused) > 10 else ""
        reading.warn_file(f"columns that FlowMap does not use: {', '.join(unused[:10])}{more}")
    defaults = defaults_from(list(document.preamble), list(document.preamble.values()), reading, 1)
    for row, cells in reading.numbered(document.rows, first=document.header_row + 1):
        if any(cell.strip() for cell in cells):
            add_row(document.header, cells, columns, reading, row, defaults)
