"""Where the parts of a map are, and how one takes the place of another: whole, or not at all.

A part is a folder ``<kind>-<revision>`` in the map's folder, and a link names a file of the newest one. A new part is
filled under a temporary name, every file of it and the folder itself are flushed to the disk, it is renamed, and then
the link is replaced. Whoever follows the link sees the part before or the one after, at any moment, also after the
writer was killed or the power went.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flowmap.export.atomic import flush

TEMPORARY = ".flowmap-"
"""What every temporary name in a map's folder begins with: all of them are leftovers when a server starts."""

_FORMER_NAMES = ("result.part", "reading.pickle", "reading-2.pickle")
"""What earlier versions left. A pickle is never loaded: who can write it could run programs as us."""


class Kind(NamedTuple):
    """A kind of part: the name of its folders, the link to the newest, and the file in it that the link names."""

    name: str
    link: str
    kept_s: float = 0.0


RESULT = Kind("result", "map.json", kept_s=10.0)
"""A result can still be read for a while by those who asked before the newer one came, and the one just before the
newest as long as that is the newest: pages that show it ask what has changed since."""

READING = Kind("reading", "reading.json")


def step(name: str) -> None:
    """Called between two steps of :func:`publish`; tests put a fault in its place."""


def part_path(folder: Path, kind: Kind, revision: int) -> Path:
    """The folder of a part."""
    return folder / f"{kind.name}-{revision}"


def newest(folder: Path, kind: Kind) -> int:
    """The revision that the link names; 0 when there is none."""
    try:
        name = Path(os.readlink(folder / kind.link)).parent.name
    except OSError:
        return 0
    match = re.fullmatch(rf"{kind.name}-(\d+)", name)
    return int(match[1]) if match else 0


def publish(folder: Path, kind: Kind, fill: Callable[[Path], None]) -> int:
    """Let ``fill`` write the files of a new part, and make it the newest; its revision."""
    revision = newest(folder, kind) + 1
    temporary, target = folder / f"{TEMPORARY}{kind.name}.part", part_path(folder, kind, revision)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    step("made")
    fill(temporary)
    step("filled")
    for path in sorted(temporary.iterdir()):
        flush(path)
        step("flushed")
    flush(temporary)
    # One of a writer that was killed before it replaced the link: nobody has been told of it.
    shutil.rmtree(target, ignore_errors=True)
    os.replace(temporary, target)
    step("renamed")
    flush(folder)
    _link(folder, kind, target)
    step("linked")
    flush(folder)
    _remove_older(folder, kind, revision)
    return revision


def sweep(folder: Path) -> None:
    """Remove what a killed writer left, parts that a newer one has replaced, and files of earlier versions."""
    current = {f"{kind.name}-{newest(folder, kind)}" for kind in (RESULT, READING)}
    for name in os.listdir(folder):  # once: a server with a thousand maps starts in a second
        is_part = name.startswith((f"{RESULT.name}-", f"{READING.name}-"))
        if name.startswith(TEMPORARY) or name in _FORMER_NAMES or (is_part and name not in current):
            _remove(folder / name)


def _link(folder: Path, kind: Kind, target: Path) -> None:
    temporary = folder / f"{TEMPORARY}{kind.link}.part"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path(target.name, kind.link))
    step("link made")
    os.replace(temporary, folder / kind.link)


def _remove_older(folder: Path, kind: Kind, revision: int) -> None:
    stays = {part_path(folder, kind, number) for number in ((revision, revision - 1) if kind.kept_s else (revision,))}
    for path in folder.glob(f"{kind.name}-*"):
        # A part from the future was made before the clock was set back: when it was replaced cannot be told.
        if path not in stays and abs(time.time() - path.stat().st_mtime) >= kind.kept_s:
            shutil.rmtree(path, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
