"""What the kernel says about processes: who descends from whom, descriptors, threads and resident memory (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ENDED_WITHIN_S = 20.0


class Process(NamedTuple):
    """One row of the kernel's table; ``state`` is its letter (``Z``: ended and not reaped)."""

    pid: int
    parent: int
    name: str
    state: str


class Usage(NamedTuple):
    """What one process holds."""

    resident_bytes: int
    descriptors: int
    threads: int


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Inside the block, a descendant that loses its parent becomes a child of this process, so that none is missed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "orphans cannot be adopted on this system")
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def descendants(pid: int) -> list[Process]:
    """Every process below one, itself not among them."""
    table = list(_processes())
    found: list[Process] = []
    parents = {pid}
    while parents:
        below = [process for process in table if process.parent in parents]
        found += below
        parents = {process.pid for process in below}
    return found


def named(pid: int, name: str) -> list[int]:
    """Living processes of that name below one."""
    return [process.pid for process in descendants(pid) if process.name == name and process.state != "Z"]


def left_over(known: Collection[int], within_s: float = ENDED_WITHIN_S) -> list[str]:
    """Descendants of this process that are still there after a while, and are none of the ``known`` ones.

    Adopted ones that have ended are reaped here.
    """
    end = time.monotonic() + within_s
    while True:
        found = [process for process in descendants(os.getpid()) if process.pid not in known]
        for process in found:
            if process.state == "Z" and process.parent == os.getpid():
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
        living = [process for process in found if process.state != "Z" or process.parent != os.getpid()]
        if not living or time.monotonic() > end:
            return [f"{process.name} ({process.state})" for process in living]
        time.sleep(0.05)


def usage(pid: int) -> Usage:
    """What a process holds now."""
    folder = _PROC / str(pid)
    resident_pages = int((folder / "statm").read_text().split()[1])
    return Usage(
        resident_pages * _PAGE_BYTES, len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
    )


def _processes() -> Iterator[Process]:
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        name, _, rest = text.partition("(")[2].rpartition(")")
        state, parent = rest.split()[:2]
        yield Process(int(folder.name), int(parent), name, state)
