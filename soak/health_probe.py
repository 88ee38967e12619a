"""Somebody who asks all the time whether the server is well."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import httpx
import numpy as np

from soak.server import Server

_PROBE_S = 0.05


class HealthProbe:
    """Asks /healthz all the time until the block ends; ``milliseconds`` are its answers.

    With ``fresh`` it does so as a stranger who has no connection yet.
    """

    def __init__(self, server: Server, *, fresh: bool = False) -> None:
        self.milliseconds: list[float] = []
        self.errors = 0
        self._server, self._ended = server, threading.Event()
        self._kept_connections = 0 if fresh else 1
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> HealthProbe:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with self._server.new_client(self._kept_connections) as client:
            while not self._ended.wait(_PROBE_S):
                begun = time.monotonic()
                try:
                    self.errors += client.get("/healthz").status_code != 200
                except httpx.HTTPError:
                    self.errors += 1
                self.milliseconds.append((time.monotonic() - begun) * 1000)

    @property
    def p99_ms(self) -> float:
        """What 99 of 100 answers took at most."""
        return float(np.percentile(self.milliseconds or [0.0], 99))

    def figures(self) -> dict[str, object]:
        """Its median, 99th percentile and maximum."""
        median, most = np.percentile(self.milliseconds or [0.0], [50, 100])
        return {"healthz ms, median": float(median), "healthz ms, p99": self.p99_ms, "healthz ms, max": float(most)}
