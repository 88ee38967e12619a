"""The processes of a job: its worker, and the tools that work for it, whoever has started them.

A tool has a process group of its own, and outlives a worker that is killed. It is known by its environment: the
worker's temporary files, and the home of each tool, are in the folder of the job, which nobody else uses. (Linux;
elsewhere none is found, and a worker ends its tools itself.)
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_MARKS = (b"TMPDIR=", b"HOME=")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_MEMORY = ("RssAnon:", "RssShmem:", "VmSwap:")


class JobProcesses:
    """Looks for the processes whose temporary files or home are in a folder.

    Parameters
    ----------
    folder : Path
        Absolute.
    """

    def __init__(self, folder: Path) -> None:
        self._prefix = os.fsencode(folder)
        self._strangers: set[int] = set()

    def find(self) -> list[int]:
        """Their ids, this process left out. One that was seen to be a stranger is not looked at again."""
        present = {int(name) for name in _listed("/proc") if name.isdigit()} - {os.getpid()}
        self._strangers &= present
        found = [pid for pid in present - self._strangers if self._is_ours(pid)]
        self._strangers |= present - set(found)
        return found

    def cpu_s(self) -> float:
        """Processor seconds that they have used so far, those of their ended children too."""
        return sum(_cpu_ticks(pid) for pid in self.find()) / _TICKS

    def kill(self) -> int:
        """End them and say how many there were; those that they start meanwhile are found in another round."""
        killed: set[int] = set()
        while new := set(self.find()) - killed:
            for pid in new:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            killed |= new
        return len(killed)

    def _is_ours(self, pid: int) -> bool:
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
                return False
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        values = (row.partition(b"=")[2] for row in environment.split(b"\0") if row.startswith(_MARKS))
        return any(value == self._prefix or value.startswith(self._prefix + b"/") for value in values)


def memory_bytes(pid: int) -> int:
    """What a process holds that no file stands behind, in memory or swapped out; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(_MEMORY))


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime (proc_pid_stat(5))


def _listed(folder: str) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except OSError:
        return
