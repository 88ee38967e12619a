"""A result opened for questions: DuckDB over its Parquet files.

One database for each map that is looked at, with bounded memory, that can open files of this map's folder alone. It
holds no data of its own. SQL is written here and in the modules beside; values always come as bound parameters.
"""

from __future__ import annotations

import errno
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowmap.errors import FlowMapError, LimitError
from flowmap.settings import Settings
from flowmap.store.columns import OF_RESULT
from flowmap.store.places import RESULT, TEMPORARY, part_path
from flowmap.store.result import read_facts
from flowmap.tables import AS_IT_IS, confined

if TYPE_CHECKING:
    import duckdb

MAPS_OPEN = 4
"""Maps whose database is kept for the next question; each may take ``settings.store_memory_bytes``."""

_TABLE = re.compile(rf"\$({'|'.join(table.name for table in OF_RESULT)})\b")
_AS_WRITTEN = rf"$\1, {AS_IT_IS}"
_opening = threading.Lock()
_databases: OrderedDict[Path, duckdb.DuckDBPyConnection] = OrderedDict()
"""By the map's folder, the one that was asked last at the end; touched under the lock alone."""


class EarlierVersion(FlowMapError):
    """An earlier FlowMap made this result, and it cannot be asked."""


class OpenResult:
    """One revision of a map's result.

    Attributes
    ----------
    path : Path
        Its folder.
    facts : dict
        See :func:`flowmap.store.result.read_facts`; nobody may change it.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, path: Path, facts: dict[str, Any]) -> None:
        self._database, self.path, self.facts = database, path, facts

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query. ``read_parquet($edges)`` in it is a table of the result, other names are ``values``.

        Raises
        ------
        LimitError
            The query needs more memory than it may have.
        FileNotFoundError
            The map was deleted meanwhile.
        """
        import duckdb

        tables = {name: str(self.path / f"{name}.parquet") for name in set(_TABLE.findall(sql))}
        try:
            return self._database.execute(_TABLE.sub(_AS_WRITTEN, sql), {**values, **tables}).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise LimitError(
                "The question needs more memory than FLOWMAP_STORE_MEMORY_BYTES allows; ask for less at once, or "
                "set it higher."
            ) from error
        except duckdb.IOException as error:
            if self.path.exists():
                raise
            raise FileNotFoundError(errno.ENOENT, "the result is gone", str(self.path)) from error

    def has(self, name: str) -> bool:
        """Whether the result has that table."""
        return (self.path / f"{name}.parquet").exists()


@contextmanager
def opened(folder: Path, revision: int, settings: Settings) -> Iterator[OpenResult]:
    """A revision of a map's result, read only.

    Raises
    ------
    EarlierVersion
        The result is of another version of FlowMap, or no longer there.
    """
    try:
        facts = _facts(folder, revision)
    except FileNotFoundError:
        raise EarlierVersion(
            "An earlier FlowMap made this map, so only its graph can be shown; start its analysis again."
        ) from None
    with _opening:
        cursor = _database(folder, settings).cursor()
    try:
        yield OpenResult(cursor, part_path(folder, RESULT, revision), facts)
    finally:
        cursor.close()


def close(folder: Path) -> None:
    """Let the database of a map go, with its threads; questions that are being answered still are."""
    with _opening:
        _databases.pop(folder, None)  # its last cursor ends it; closing it would close the cursors of those who ask


def _database(folder: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    """The map's database; beyond ``MAPS_OPEN`` the one that was asked longest ago goes."""
    if folder not in _databases:
        _databases[folder] = confined(
            [folder], memory_bytes=settings.store_memory_bytes, threads=settings.workers,
            temporary=folder / f"{TEMPORARY}spilled",
        )  # fmt: skip
    _databases.move_to_end(folder)
    while len(_databases) > MAPS_OPEN:
        _databases.popitem(last=False)
    return _databases[folder]


@lru_cache(maxsize=2 * MAPS_OPEN)
def _facts(folder: Path, revision: int) -> dict[str, Any]:
    return read_facts(folder, revision)
