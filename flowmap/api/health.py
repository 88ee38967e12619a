"""Whether a server is well: its event loop keeps time, a job could start, its data folder and disk can take one."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque

from flowmap.settings import Settings

LAG_LIMIT_S = 5.0
LAG_WINDOW_S = 15.0
BEAT_S = 0.5
KEPT_S = 5.0
"""Anybody may ask how the server is, so the answer is looked up at most this often."""

_START_S = 10.0


class LoopLag:
    """How late the event loop gets to what is due, measured twice a second."""

    def __init__(self) -> None:
        self._beats: deque[tuple[float, float]] = deque(maxlen=int(60 / BEAT_S))
        self._due_s: float | None = None

    async def measure(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due_s = time.monotonic() + BEAT_S
            await asyncio.sleep(BEAT_S)
            now_s = time.monotonic()
            self._beats.append((now_s, now_s - self._due_s))

    def worst_s(self, within_s: float) -> float:
        """The longest delay of the last seconds; one that still lasts counts."""
        now_s = time.monotonic()
        lags = [lag_s for at_s, lag_s in list(self._beats) if now_s - at_s <= within_s]
        lasting_s = 0.0 if self._due_s is None else now_s - self._due_s
        return max(0.0, lasting_s, *lags)


class Health:
    """The state of one server.

    Parameters
    ----------
    settings : Settings
        ``data_dir`` and ``min_free_bytes``.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.loop_lag = LoopLag()
        self._lock = threading.Lock()
        self._looked_s: float | None = None
        self._found: list[str] = []

    def problems(self) -> list[str]:
        """What is wrong, one sentence each, without a number or path: strangers read it. Empty when all is well."""
        with self._lock:
            now_s = time.monotonic()
            if self._looked_s is None or now_s - self._looked_s >= KEPT_S:
                self._found = [text for text in (self._loop(), self._folder(), self._disk(), self._start()) if text]
                self._looked_s = time.monotonic()
            return self._found

    def _loop(self) -> str | None:
        if self.loop_lag.worst_s(LAG_WINDOW_S) < LAG_LIMIT_S:
            return None
        return "The server answers late; give it more processor time, or run fewer jobs at once."

    def _folder(self) -> str | None:
        try:
            with tempfile.TemporaryFile(dir=self._settings.data_dir) as file:  # without a name where Linux can
                file.write(b"flowmap")
        except OSError:
            return "The data folder cannot be written; see that it is mounted, has room and belongs to the server."
        return None

    def _disk(self) -> str | None:
        try:
            free = shutil.disk_usage(self._settings.data_dir).free
        except OSError:
            return None  # told as the folder's
        if free >= self._settings.min_free_bytes:
            return None
        return "The disk with the data folder is nearly full, so uploads are refused; delete maps or make room there."

    @staticmethod
    def _start() -> str | None:
        """Starting an interpreter takes everything that starting a job takes, but its second of imports."""
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", ""], cwd="/", timeout=_START_S, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            done = None
        if done is not None and done.returncode == 0:
            return None
        return "No process for a job can be started; raise the limits on processes and memory."
