"""Excel workbooks: the sheets of an .xlsx file as tables of text. openpyxl reads them; nothing is calculated.

A workbook is a zip archive of XML parts, so a few kilobytes can stand for gigabytes in memory. Everything in it that
could be parsed as XML is therefore looked through before openpyxl sees it: sizes, numbers of elements, and no document
types, which openpyxl would refuse as well (it parses with defusedxml where that is installed).
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime
from itertools import count, islice
from typing import Any

from flowmap.errors import InventoryError
from flowmap.inventory.cells import clean_name
from flowmap.inventory.documents import Table, Workbook, add_to_preamble, is_comment

MAX_PARTS = 2_000
MAX_PART_BYTES = 128 << 20
MAX_TOTAL_BYTES = 384 << 20
"""Uncompressed, of one part and of all."""
MAX_ITEMS = 1_048_576
"""Rows of one sheet, which is Excel's own limit, and shared texts."""
MAX_TAGS_OF_ITEM = 200_000
"""XML tags of one row, one text, or all styles: a row of RVTools has 400."""
MAX_SHEETS = 64
MAX_COLUMNS = 256
MAX_ROWS_TO_HEADER = 100
_CHUNK_BYTES = 1 << 20

_MAGIC = b"PK\x03\x04"
_ITEM = re.compile(rb"<(?:[\w.-]+:)?(?:row|si)[\s/>]")
_OTHER_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"'](?!utf-?8[\"'])", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_STARTS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0")


def is_xlsx(data: str | bytes) -> bool:
    """Whether the bytes begin like a zip archive."""
    return isinstance(data, bytes) and data.startswith(_MAGIC)


def load_workbook(data: bytes, name: str) -> Workbook:
    """The sheets that have a header line; their rows are read when somebody walks them.

    Raises
    ------
    InventoryError
        If it is no workbook, damaged, encrypted, or over a limit; also later, from the rows.
    """
    import openpyxl  # takes as long to import as the rest of the program, and most inventories are text

    try:
        _look_through(data, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that it leaves out
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = [(clean_name(sheet.title), sheet) for sheet in book.worksheets[:MAX_SHEETS]]
    except InventoryError:
        raise
    except Exception:  # whatever openpyxl and zipfile raise at what strangers wrote
        raise _damaged(name) from None
    found = []
    for title, sheet in sheets:
        table = _table(_text_rows(sheet, name))
        if table is not None:
            found.append((title, table))
    return Workbook(found)


def _table(rows: Iterator[tuple[int, list[str]]]) -> Table | None:
    """Header, comments above it and the rows below; None for a sheet without a header."""
    preamble: dict[str, str] = {}
    for number, cells in islice(rows, MAX_ROWS_TO_HEADER):
        first = next((cell for cell in cells if cell), "")
        if is_comment(first):
            add_to_preamble(first, preamble)
        elif first:
            while cells and not cells[-1]:
                cells.pop()
            return Table(cells, number, (below for _, below in rows), preamble)
    return None


def _text_rows(sheet: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    """1-based number and cells of each row, those included that the sheet leaves out."""
    sheet.reset_dimensions()  # what a sheet says of its own size is not to be relied on
    rows = sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)
    for number in count(1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values = next(rows, None)
        except Exception:  # as in load_workbook
            raise _damaged(name) from None
        if values is None:
            return
        yield number, ["" if value is None else _text(value) for value in values]


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.isoformat()
    return str(value)


def _look_through(data: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if "[Content_Types].xml" not in archive.namelist():
            raise InventoryError(f"{name} is a zip archive, not an Excel workbook; unpack it first.")
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_TOTAL_BYTES:
            raise _too_large(name)
        for part in parts:
            if part.file_size > MAX_PART_BYTES:
                raise _too_large(name)
            with archive.open(part) as stream:
                _look_through_part(stream, name)


def _look_through_part(stream: Any, name: str) -> None:
    """Refuse what would cost more memory than its size says. A part that is no XML is never parsed as such.

    In well-formed XML a "<" always begins a tag, unless there are comments or CDATA; these are refused too, because
    no program writes them into a workbook.
    """
    head = stream.read(_CHUNK_BYTES)
    if head.startswith(_STARTS_OF_UTF16) or _OTHER_ENCODING.search(head[:1024]):
        raise _damaged(name)
    if not head.removeprefix(_BOM).lstrip().startswith(b"<"):
        return
    items = tags = 0
    chunk, tail = head, b""
    while chunk:
        # The last bytes are kept back: a tag may go on in the next chunk.
        text = tail + chunk
        following = stream.read(_CHUNK_BYTES)
        cut = max(text.rfind(b"<"), 0) if following else len(text)
        text, tail = text[:cut], text[cut:]
        if len(tail) > _CHUNK_BYTES or b"<!" in text:
            raise _damaged(name)
        pieces = _ITEM.split(text)
        items += len(pieces) - 1
        for number, piece in enumerate(pieces):
            tags = piece.count(b"<") + (tags if number == 0 else 0)
            if tags > MAX_TAGS_OF_ITEM or items > MAX_ITEMS:
                raise _too_large(name)
        chunk = following


def _damaged(name: str) -> InventoryError:
    return InventoryError(
        f"{name} looks like an Excel workbook but cannot be read as one; save the sheet (RVTools: vNetwork) as CSV."
    )


def _too_large(name: str) -> InventoryError:
    return InventoryError(
        f"{name} is an Excel workbook that unpacks to more than FlowMap reads; save the sheets needed as CSV."
    )
