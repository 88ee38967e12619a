"""A zip of ``nodes.csv``, ``edges.csv`` and ``graph.json``, for spreadsheets and data frames.

The CSV files follow RFC 4180: UTF-8, a header row, lines end with CR LF, and a record is always one line.
Numbers stand bare, all else is quoted; lists and objects are JSON text; an empty cell is null.
``graph.json`` is the document's "graph" object: totals, shares, warnings and whether the map is complete.

A spreadsheet runs a cell that begins with ``= + - @`` (CWE-1236; reliability.md row 14). Text that begins
like that, even after spaces or quotes or in full-width form, or with TAB, CR, LF or NUL, gets a leading
apostrophe. So does text that begins with an apostrophe, and the empty text, so that reading takes off exactly
one. Unsafe characters become ``_xHHHH_``, and so does a semicolon before ``= + - @``: where lists are
separated by semicolons it begins a cell.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import networkx as nx

from flowmap.export.flat import Scalar, fields, scalar, unflatten
from flowmap.export.node_link import Document, dumps

# = + - @, then the same in full-width and small forms, then the minus sign
_TRIGGERS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_STARTS_FORMULA = re.compile(rf"[\s\"]*[{_TRIGGERS}\0]|\s*[\t\r\n]|'|\Z")
_SEPARATOR = re.compile(rf";(?=[\s\"]*[{_TRIGGERS}])")
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold, so that equal maps give equal files."""


def write_csv(document: Document, stream: BinaryIO) -> None:
    """Write a document as a zip of CSV files."""
    members = {
        "nodes.csv": _table(fields("node"), document["nodes"]),
        "edges.csv": _table(fields("edge"), document["edges"]),
        "graph.json": dumps(document["graph"]),
    }
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, on every system
            info.external_attr = 0o644 << 16
            archive.writestr(info, text.encode())


def read_csv(source: Path | BinaryIO) -> nx.DiGraph[str]:
    """The graph of a zip that :func:`write_csv` wrote.

    Raises
    ------
    zipfile.BadZipFile, KeyError, ValueError
        It is no zip, or not one of ours.
    """
    flat: nx.DiGraph[str] = nx.DiGraph()
    with zipfile.ZipFile(source) as archive:
        for row in _rows(archive.read("nodes.csv").decode()):
            flat.add_nodes_from([(row["id"], row)])
        for row in _rows(archive.read("edges.csv").decode()):
            flat.add_edges_from([(row["source"], row["target"], row)])
        whole = json.loads(archive.read("graph.json"))
    graph = unflatten(flat)
    graph.graph.clear()
    graph.graph.update(whole)
    return graph


def _table(columns: Iterable[str], records: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in record.items()} for record in records)
    return text.getvalue()


def _cell(value: Any) -> Scalar | None:
    if value is None:
        return None
    cell = scalar(value)
    if not isinstance(cell, str):
        return cell
    apostrophe = "'" if isinstance(value, str) and _STARTS_FORMULA.match(value) else ""
    return apostrophe + _SEPARATOR.sub("_x003B_", cell)


def _rows(text: str) -> Iterator[dict[str, str]]:
    """Records without their empty cells, one leading apostrophe taken off each cell."""
    limit = csv.field_size_limit(len(text) + 1)  # the default, 128 KiB, is less than a cell may hold
    try:
        for row in csv.DictReader(io.StringIO(text, newline="")):
            yield {name: cell.removeprefix("'") for name, cell in row.items() if cell}
    finally:
        csv.field_size_limit(limit)
