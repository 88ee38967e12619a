"""Runs one command and says what it took: time, processor, memory of the whole process tree."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 1_800
_SAMPLE_S = 0.01
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""A user's Python keeps what it has compiled."""

_CACHE_SHARE = 0.7


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes
    ----------
    wall_s : float
        From start to end of the process.
    cpu_s : float
        User and system time of the process and its children.
    peak_bytes : int
        Largest resident memory of the process tree, mapped pages of files included: sampled every 10 ms, for each
        process alone as the kernel's own high-water mark. Pages that several processes share count for each.
    own_bytes : int
        The same without mapped files; 0 where the process was too quick to be sampled.
    exit_code : int
        Negative when a signal ended it.
    output : str
        Standard output and error.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    own_bytes: int
    exit_code: int
    output: str

    @property
    def cores(self) -> float:
        """Processors kept busy on average."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


def run(command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> Run:
    """Run a command in a folder to its end, or until ``LIMIT_S`` have passed.

    The output goes through a file in that folder, so that a full pipe never slows the command.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "output.txt"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**_ENVIRONMENT, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        memory = _MemoryWatch(process.pid)
        timer = threading.Timer(LIMIT_S, _kill_group, [process.pid])
        timer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - began
        except BaseException:
            _kill_group(process.pid)
            raise
        finally:
            timer.cancel()
            memory.stop()
        process.returncode = os.waitstatus_to_exitcode(status)  # waited for here, not by Popen
    return Run(
        wall_s=wall_s,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_bytes=memory.peak_bytes,  # not ru_maxrss, which begins with the size of the process that forks
        own_bytes=memory.own_bytes,
        exit_code=process.returncode,
        output=log.read_text(encoding="utf-8", errors="replace"),
    )


def warm(path: Path) -> bool:
    """Read a file into the page cache; False where it is too large to stay there."""
    with path.open("rb", buffering=0) as file:
        block = bytearray(1 << 22)
        while file.readinto(block):
            pass
    return path.stat().st_size < _CACHE_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def median_run(runs: Sequence[Run]) -> Run:
    """The run with the median wall time, memory being the largest of all."""
    middle = statistics.median_low([one.wall_s for one in runs])
    found = next(one for one in runs if one.wall_s == middle)
    peak, own = max(one.peak_bytes for one in runs), max(one.own_bytes for one in runs)
    return Run(found.wall_s, found.cpu_s, peak, own, found.exit_code, found.output)


class _MemoryWatch:
    """Samples the resident memory of a process and its descendants until stopped."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = self.own_bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            sizes = [_memory_of(pid) for pid in _tree(self._pid)]
            marks = [mark for _, mark, _ in sizes]
            self.peak_bytes = max(self.peak_bytes, sum(resident for resident, _, _ in sizes), *marks)
            self.own_bytes = max(self.own_bytes, sum(own for _, _, own in sizes))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue  # the thread has ended
    return found


def _memory_of(pid: int) -> tuple[int, int, int]:
    """Resident bytes of a process, the most it ever had, and what of the first is no page of a file."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0, 0
    size = {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if " kB" in rest
    }
    own = size.get("RssAnon", 0) + size.get("RssShmem", 0)
    return size.get("VmRSS", 0), size.get("VmHWM", 0), own


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
