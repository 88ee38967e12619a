"""A folder of ``nodes.parquet``, ``edges.parquet`` and ``graph.json``, for DuckDB, data frames and other engines.

Columns are the fields of the schema, in its order: integers are BIGINT (64 bit, exact), booleans BOOLEAN, text VARCHAR,
lists of text VARCHAR[]; other lists and objects (``names``, ``services``, ``evidence``) are JSON text, which
``json_extract`` and its like take apart. Null is null. Unsafe characters of text are ``_xHHHH_`` as in XML and CSV
(:mod:`flowmap.export.safe_text`). ``graph.json`` is the document's "graph" object: totals, shares, warnings and whether
the map is complete. A stream gets the folder as a zip.

The rows go to DuckDB as lines of JSON with stated types, which is many times faster than row by row and exact.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import networkx as nx

from flowmap.errors import FlowMapError
from flowmap.export.flat import fields, from_scalar, scalar
from flowmap.export.node_link import Document, dumps, schema
from flowmap.export.safe_text import escape, unescape

MEMBERS = ("nodes.parquet", "edges.parquet", "graph.json")
_TYPES = {"boolean": "BOOLEAN", "integer": "BIGINT"}
_TEXTS = "VARCHAR[]"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold, so that equal maps give equal files."""

_ROW_BYTES = 16 << 20
"""What DuckDB is told of the longest line of JSON, twice of which it takes at once; more where a line is longer."""


def write_parquet(document: Document, stream: BinaryIO) -> None:
    """Write a document as a zip of the folder."""
    with tempfile.TemporaryDirectory(prefix="flowmap-") as made:
        _fill(document, Path(made))
        with zipfile.ZipFile(stream, "w") as archive:
            for name in MEMBERS:
                info = zipfile.ZipInfo(name, _ZIP_EPOCH)
                info.create_system = 3  # Unix, on every system
                info.external_attr = 0o644 << 16
                archive.writestr(info, Path(made, name).read_bytes())  # stored: Parquet is compressed already


def write_parquet_folder(document: Document, folder: Path) -> None:
    """Write a document as a folder, which appears whole; one of an earlier map there is replaced.

    Raises
    ------
    FlowMapError
        Something else stands there: nothing of it is touched.
    OSError
        The parent is missing or cannot be written to, or the disk is full.
    """
    if folder.exists() and not (folder.is_dir() and {path.name for path in folder.iterdir()} <= set(MEMBERS)):
        raise FlowMapError(f"{str(folder)!r} is not a folder of a map; choose another name for it.")
    target = Path(os.path.realpath(folder))
    name = f".flowmap-{secrets.token_hex(8)}"
    temporary, replaced = target.with_name(f"{name}.part"), target.with_name(f"{name}.old")
    temporary.mkdir()
    try:
        _fill(document, temporary)
        if target.exists():
            os.replace(target, replaced)
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if replaced.exists() and not target.exists():
            os.replace(replaced, target)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def read_parquet(source: Path) -> nx.DiGraph[str]:
    """The graph of a folder that :func:`write_parquet_folder` wrote, or of a zip of it."""
    if source.is_file():
        with tempfile.TemporaryDirectory(prefix="flowmap-") as made, zipfile.ZipFile(source) as archive:
            for name in MEMBERS:
                Path(made, name).write_bytes(archive.read(name))
            return read_parquet(Path(made))
    graph: nx.DiGraph[str] = nx.DiGraph(**json.loads((source / "graph.json").read_bytes()))
    for row in _rows(source / "nodes.parquet", "node"):
        graph.add_node(row.pop("id"), **row)
    for row in _rows(source / "edges.parquet", "edge"):
        graph.add_edge(row.pop("source"), row.pop("target"), **row)
    return graph


def _fill(document: Document, folder: Path) -> None:
    """Make the members in an empty folder, and have them on disk."""
    (folder / "graph.json").write_bytes(dumps(document["graph"]).encode())
    _write_table(folder, "nodes.parquet", "node", document["nodes"])
    _write_table(folder, "edges.parquet", "edge", document["edges"])
    for name in MEMBERS:
        descriptor = os.open(folder / name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _columns(scope: str) -> dict[str, str]:
    """Field name -> DuckDB type."""
    definitions = schema()["$defs"]

    def is_texts(field: Mapping[str, Any]) -> bool:
        if "$ref" in field:
            field = definitions[field["$ref"].rpartition("/")[2]]
        return field.get("type") == "array" and field["items"].get("type") == "string"

    properties = definitions[scope]["properties"]
    return {
        name: _TEXTS if is_texts(properties[name]) else _TYPES.get(kind, "VARCHAR")
        for name, kind in fields(scope).items()
    }


def _write_table(folder: Path, name: str, scope: str, records: Iterable[Mapping[str, Any]]) -> None:
    import duckdb  # takes a moment, and no other format needs it

    columns, lines = _columns(scope), folder / f"{name}.jsonl"
    longest = _ROW_BYTES
    with lines.open("wb") as stream:
        for record in records:
            row = {field: _cell(record.get(field), kind) for field, kind in columns.items()}
            longest = max(longest, stream.write(json.dumps(row, ensure_ascii=False).encode() + b"\n"))
    types = ", ".join(f"'{field}': '{kind}'" for field, kind in columns.items())
    try:
        with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as database:
            source = (
                f"read_json(?, format='newline_delimited', columns={{{types}}}, maximum_object_size={longest},"
                " hive_partitioning=false)"
                if lines.stat().st_size
                else f"(SELECT {', '.join(f'NULL::{kind} AS {_quoted(field)}' for field, kind in columns.items())}) "
                "WHERE ? IS NULL"
            )
            target = str(folder / name).replace("'", "''")
            database.execute(
                f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)", [str(lines)]
            )
    except duckdb.Error as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        kind = str(error).partition(":")[0]  # the rest may name a place on this machine
        raise FlowMapError(f"Cannot write the map as Parquet (DuckDB: {kind}); choose another format.") from error
    finally:
        lines.unlink(missing_ok=True)


def _cell(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return [escape(text) for text in value] if kind == _TEXTS else scalar(value)


def _rows(path: Path, scope: str) -> Iterable[dict[str, Any]]:
    import duckdb

    kinds, columns = fields(scope), _columns(scope)
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as database:
        # Else a folder named site=1 above the file is taken for a column, and one named site-? for all that match.
        literal = re.sub(r"[*?[]", r"[\g<0>]", str(path))
        found = database.execute("SELECT * FROM read_parquet(?, hive_partitioning = false)", [literal])
        names = [column[0] for column in found.description or ()]
        rows = found.fetchall()
    for row in rows:
        yield {
            name: [unescape(text) for text in value] if columns[name] == _TEXTS and value is not None
            else from_scalar(kinds[name], value)
            for name, value in zip(names, row, strict=True)
        }  # fmt: skip


def _quoted(name: str) -> str:
    return f'"{name}"'
