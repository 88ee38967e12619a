"""Parquet tables on disk, written and asked with DuckDB; the only other place of DuckDB is the export of Parquet.

A :class:`Table` names its columns with their SQL types. Columns are given as NumPy arrays or lists and become one file
in the order given, or sorted. DuckDB is held within bounds: memory, threads, no extension is ever loaded, and it opens
no file outside the folders that it is given.

Text of strangers goes into a table with unsafe characters as ``_xHHHH_`` (:mod:`flowmap.export.safe_text`), as in every
export: Parquet holds valid UTF-8 only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import duckdb

Values = npt.NDArray[Any] | Sequence[Any]
"""One column: an array, or a list in which None is null."""

ROW_GROUP_ROWS = 122_880
"""DuckDB reads a file by groups of so many rows, and passes over those whose least and greatest value cannot match."""

_COMPRESSION = "snappy"
"""Files are a third larger than with zstd, and read in half the time."""

AS_IT_IS = "hive_partitioning = false"
"""For ``read_parquet``: a folder ``pair=7`` above the file must not become a column, or take the place of one."""

_OF_PATTERNS = "*?["
"""What makes ``read_parquet`` take a path for a pattern: it then reads what matches, which may be in a folder beside.

A character can be taken at its word (``[*]``) where every folder may be listed, but not in a database that opens files
of some folders alone: that looks whether it may open the pattern.
"""

_WRITER_MEMORY_BYTES = 512 << 20
_SPILLED_BYTES = 4 << 30
"""What may lie in the temporary folder when a query does not fit in the memory."""


class Column(NamedTuple):
    """A column: its name, its SQL type, and the value in our arrays that stands for null in the file."""

    name: str
    type: str
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that becomes ``<name>.parquet``. ``order`` is an ORDER BY of its rows, "" keeps them as they come.

    The type ``JSON VARCHAR[]`` and the like means: given as JSON text, kept as that type.
    """

    name: str
    columns: tuple[Column, ...]
    order: str = ""
    group_rows: int = ROW_GROUP_ROWS

    @property
    def file_name(self) -> str:
        """The file in a folder of tables."""
        return f"{self.name}.parquet"


def write_table(database: duckdb.DuckDBPyConnection, folder: Path, table: Table, given: Mapping[str, Values]) -> None:
    """Write a table into a folder; ``given`` holds a value of each row for every column.

    Raises
    ------
    OSError
        DuckDB could not write it.
    """
    import duckdb

    arrays = {column.name: _array(given[column.name], column.type) for column in table.columns}
    chosen = ", ".join(f"{_written(column)} AS {column.name}" for column in table.columns)
    order = f" ORDER BY {table.order}" if table.order else ""
    try:
        database.register("given", arrays)
        database.execute(
            f"COPY (SELECT {chosen} FROM given{order}) TO {quoted(folder / table.file_name)}"
            f" (FORMAT parquet, COMPRESSION {_COMPRESSION}, ROW_GROUP_SIZE {table.group_rows})"
        )
    except duckdb.Error as error:
        raise OSError(None, f"the table of {table.name} could not be written") from error
    finally:
        database.unregister("given")


def read_table(database: duckdb.DuckDBPyConnection, folder: Path, table: Table) -> dict[str, npt.NDArray[Any]]:
    """The columns of a table as arrays of their SQL types, in the order of its rows; text as objects.

    Raises
    ------
    duckdb.Error
        The file is missing or is not such a table.
    """
    chosen = ", ".join(
        column.name
        if column.missing is None
        else f"coalesce({column.name}, ({column.missing})::{column.type}) AS {column.name}"
        for column in table.columns
    )
    found = database.execute(
        f"SELECT {chosen} FROM read_parquet($path, {AS_IT_IS})", {"path": str(folder / table.file_name)}
    ).fetchnumpy()
    return {name: np.ma.getdata(values) for name, values in found.items()}  # nothing is masked: there are no nulls left


def _array(values: Values, kind: str) -> npt.NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    if kind.endswith(("VARCHAR", "[]")):
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return texts
    if kind == "BOOLEAN":
        return np.array(values, dtype=np.bool_)
    if None in values:
        absent = np.array([value is None for value in values])
        return np.ma.masked_array(np.array([value or 0 for value in values], np.int64), absent)
    return np.array(values, dtype=np.int64)


def as_in_arrays(column: Column) -> str:
    """The SQL that reads a column, with the value in our arrays instead of null."""
    return column.name if column.missing is None else f"coalesce({column.name}, ({column.missing})::{column.type})"


def _written(column: Column) -> str:
    kind = column.type
    if kind.startswith("JSON "):
        return f"from_json({column.name}::VARCHAR::JSON, {_shape(kind[5:])})"
    cast = f"{column.name}::{kind}"
    return cast if column.missing is None else f"nullif({cast}, ({column.missing})::{kind})"


_SHAPES = {
    "VARCHAR[]": '["VARCHAR"]',
    "STRUCT(protocol VARCHAR, port INTEGER, application VARCHAR, wire_bytes BIGINT)[]": (
        '[{"protocol": "VARCHAR", "port": "INTEGER", "application": "VARCHAR", "wire_bytes": "BIGINT"}]'
    ),
}


def _shape(kind: str) -> str:
    return f"'{_SHAPES[kind]}'"


def quoted(path: Path) -> str:
    """A path of ours as an SQL literal; values of users are always bound instead."""
    text = str(path).replace("'", "''")
    return f"'{text}'"


def of_a_pattern(folder: Path) -> str:
    """The first character for which a folder's path is read as a pattern, so that it can hold no tables; "" if none."""
    return next((character for character in str(folder) if character in _OF_PATTERNS), "")


@lru_cache(maxsize=1)
def table_writer(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that writes into one folder and those in it; kept, because making one takes its time."""
    spilled = Path(tempfile.gettempdir()) / "flowmap-tables"  # of a job: in the map's work folder
    return confined([folder], memory_bytes=_WRITER_MEMORY_BYTES, threads=1, temporary=spilled)


def confined(folders: Sequence[Path], *, memory_bytes: int, threads: int, temporary: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that opens files in ``folders`` alone, within the given bounds.

    Nothing of this can be changed afterwards. ``temporary`` is for what does not fit in the memory; it is made when it
    is needed.
    """
    import duckdb

    database = duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": f"{memory_bytes}B",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "max_temp_directory_size": f"{_SPILLED_BYTES}B",
        }
    )
    database.execute("SET pandas_analyze_sample = 0")  # objects are text, also where the first thousand are null
    database.execute(f"SET temp_directory = {quoted(temporary)}")
    database.execute(f"SET allowed_directories = [{', '.join(map(quoted, folders))}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database
