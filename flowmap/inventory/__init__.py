"""Inventories: which VM has which MAC, on which host. Text in, records out.

    files -> recognise (by content) -> one reader a format -> records -> join -> Inventory with its conflicts

Only `read_inventory` opens files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from flowmap.errors import InventoryError
from flowmap.inventory.cells import clean_name
from flowmap.inventory.join import join
from flowmap.inventory.proxmox_conf import node_in_path
from flowmap.inventory.reading import MAX_ROWS
from flowmap.inventory.recognise import InventoryFile, parse_inventory_file
from flowmap.inventory.records import Conflict, HostRecord, Inventory, LearnedMac, MirrorSession, VnicRecord

__all__ = [
    "Conflict",
    "HostRecord",
    "Inventory",
    "InventoryFile",
    "LearnedMac",
    "MirrorSession",
    "VnicRecord",
    "host_and_path",
    "inventory_files",
    "join",
    "join_files",
    "parse_inventory",
    "parse_inventory_file",
    "read_inventory",
]

MAX_BYTES = 64 << 20


def parse_inventory(
    text_or_bytes: str | bytes, *, name: str, modified_ns: int | None = None, max_rows: int = MAX_ROWS
) -> list[VnicRecord]:
    """The records of one inventory; `parse_inventory_file` gives its warnings and format too.

    Raises
    ------
    InventoryError
        If the content is in no known format, broken, or over a limit.
    """
    return parse_inventory_file(text_or_bytes, name=name, modified_ns=modified_ns, max_rows=max_rows).records


def read_inventory(
    paths: Iterable[str | os.PathLike[str]], *, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS
) -> Inventory:
    """Open, parse and join inventory files.

    Parameters
    ----------
    paths
        In the order in which they are trusted: the first to tell a thing is kept. ``HOST=FILE`` says which host a
        file is about whose rows do not name one, like a forwarding table.
    max_bytes, max_rows
        Limits of each file.

    Raises
    ------
    InventoryError
        If a file cannot be opened, is over a limit, or is no inventory.
    """
    return join_files(inventory_files(paths, max_bytes=max_bytes, max_rows=max_rows))


def inventory_files(
    paths: Iterable[str | os.PathLike[str]], *, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS
) -> list[InventoryFile]:
    """Open and parse inventory files as `read_inventory` does, without joining them."""
    given = [host_and_path(str(path)) for path in paths]
    base_names = [path.name for _, path in given]
    files = []
    for host, path in given:
        # Two files of one name in different folders keep their folders, or nobody could tell them apart.
        name = clean_name(path.name if base_names.count(path.name) == 1 else str(path))
        data, modified_ns = _read(path, name, max_bytes)
        files.append(parse_inventory_file(data, name=name, modified_ns=modified_ns, max_rows=max_rows, host=host))
    return files


def join_files(files: Sequence[InventoryFile]) -> Inventory:
    """One inventory of several files, in the order in which they are trusted."""
    return join(
        [file.records for file in files],
        [warning for file in files for warning in file.warnings],
        hypervisors=[record for file in files for record in file.hypervisors],
        learned=[record for file in files for record in file.learned],
        mirrors=[record for file in files for record in file.mirrors],
        networks=[record for file in files for record in file.networks],
        links=[link for file in files for link in file.links],
    )


def host_and_path(text: str) -> tuple[str | None, Path]:
    """``HOST=FILE``, or a file alone; a path that exists is a path.

    A Proxmox configuration below ``nodes/NODE/`` is that node's, though its name alone does not say so.
    """
    host, separator, path = text.partition("=")
    if separator and host and path and "/" not in host and not Path(text).exists():
        return host, Path(path)
    return node_in_path(text), Path(text)


def _read(path: Path, name: str, max_bytes: int) -> tuple[bytes, int | None]:
    """Content and modification time in ns (None for a pipe, which has none that means anything)."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise InventoryError(f"{name} does not exist; check the path of the inventory.") from None
    except IsADirectoryError:
        raise InventoryError(f"{name} is a folder; name the inventory files in it.") from None
    except PermissionError:
        raise InventoryError(f"{name} may not be read by this user; change its permissions.") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is no path"
        raise InventoryError(f"{name} cannot be opened ({reason}); check its path.") from None
    if len(data) > max_bytes:
        raise InventoryError(
            f"{name} is larger than {max_bytes / (1 << 20):,.0f} MiB, which is the limit for one inventory;"
            " export one cluster or site at a time."
        )
    return data, status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None
