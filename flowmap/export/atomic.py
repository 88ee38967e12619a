"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become ``path`` when the block ends well, and vanish when it does not.

    The bytes go to a temporary name in the same folder, which then replaces ``path`` in one step. A
    symbolic link stays one: the file that it names is replaced. What exists and is no regular file (a pipe,
    ``/dev/null``) must not be replaced and is written to directly.

    Raises
    ------
    OSError
        The folder is missing or cannot be written to, the disk is full, ``path`` is a folder.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".flowmap-{secrets.token_hex(8)}.part")
    # 0o666 less the umask, as for any new file; tempfile would leave 0o600
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, would still be there after the power went."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
