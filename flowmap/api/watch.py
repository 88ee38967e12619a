"""What only looking tells of a running job: time, memory made as shared, disk, and that it does nothing at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from flowmap.api.processes import JobProcesses, memory_bytes
from flowmap.settings import Settings

LOOK_S = 1.0
WORK_S = 0.5
"""Processor time that counts as work: threads that only wait wake up now and then as well."""

LIVE_GRACE_S = 60.0
"""A live capture that is this long beyond its end, and the time for its names, does not end by itself any more."""

_NEAR = 0.9
_INPUTS = ("captures", "inventory")
_BLOCK_BYTES = 512
"""Unit of ``st_blocks`` (inode(7))."""


class Watch:
    """Looks at one job.

    Parameters
    ----------
    pid : int
        The worker.
    folder : Path
        The map's folder, absolute; the job's own files are in ``work`` there.
    settings : Settings
    live_s : float, optional
        Of a live capture: when it ends by itself. It may be silent as long as the network is.
    """

    def __init__(self, pid: int, folder: Path, settings: Settings, live_s: float | None = None) -> None:
        self._pid, self._folder, self._settings = pid, folder, settings
        self._is_live, self._captures = live_s is not None, False
        self._processes = JobProcesses(folder / "work")
        self._written_before = _bytes_of(folder)
        self._began = self._worked = time.monotonic()
        self._most_live_s = (live_s or 0.0) + LIVE_GRACE_S + name_searches_s(settings)
        self._ends = self._began + (settings.job_wall_s if live_s is None else self._most_live_s)
        self._cpu_s = 0.0
        self._most_bytes = 0

    def told(self, *, captures: bool = False) -> None:
        """The worker has told something; once that is how it ``captures``, the time of a live capture has begun.

        Until then it waits for kernels at most, and tells that again and again.
        """
        self._worked = time.monotonic()
        if self._is_live and not self._captures:
            self._captures, self._ends = captures, self._worked + self._most_live_s

    def look(self) -> str | None:
        """The limit that the job has gone beyond: ``memory``, ``disk``, ``wall``, ``overdue`` or ``stall``."""
        now, settings = time.monotonic(), self._settings
        used = memory_bytes(self._pid)
        self._most_bytes = max(self._most_bytes, used)
        if used > settings.job_memory_bytes:
            return "memory"
        if _bytes_of(self._folder) - self._written_before > settings.job_disk_bytes:
            return "disk"
        if now > self._ends:
            return "overdue" if self._is_live else "wall"
        return None if self._is_live else self._stall(now)

    def was_near_memory(self) -> bool:
        """It was last seen close to the limit, which explains a death in code that cannot do without memory."""
        return self._most_bytes > _NEAR * self._settings.job_memory_bytes

    def kill_leftovers(self) -> int:
        """End what the job has started and left behind; how many there were."""
        return self._processes.kill()

    def _stall(self, now: float) -> str | None:
        cpu_s = self._processes.cpu_s()
        if abs(cpu_s - self._cpu_s) >= WORK_S:  # it becomes less when a tool ends that nobody waited for
            self._cpu_s, self._worked = cpu_s, now
        return "stall" if now - self._worked > self._settings.job_stall_s else None


def name_searches_s(settings: Settings) -> float:
    """How long the end of a live capture may search for names: the search that is under way, and the last one."""
    return 2 * settings.name_seconds


def _bytes_of(folder: Path) -> int:
    """Disk space of what a job writes into a map's folder: all but its inputs."""
    return sum(_disk_bytes(os.path.join(folder, name)) for name in _names(folder) if name not in _INPUTS)


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except OSError:
        return


def _disk_bytes(path: str) -> int:
    total = 0
    pending = [path]
    while pending:
        here = pending.pop()
        try:
            total += os.lstat(here).st_blocks * _BLOCK_BYTES
            if os.path.isdir(here) and not os.path.islink(here):
                pending += (os.path.join(here, name) for name in os.listdir(here))
        except OSError:
            continue  # it has just been renamed or removed
    return total


def end_stale_processes(data_dir: Path) -> int:
    """End what a former server has left running in its data folder, which this one has locked; how many there were."""
    return JobProcesses(data_dir / "maps").kill()
