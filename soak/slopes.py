"""Straight lines through what a server held over time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from soak.processes import descendants
from soak.server import Server

_WARM_UP_SHARE = 0.25
"""The first part of a run is left out: caches and thread pools fill, and the number of kept maps grows to its limit."""

_ERRORS = 2.0
"""A slope is over its limit when it is so by more than this many standard errors."""


class Sample(NamedTuple):
    """What there was at one moment of a run."""

    at_s: float
    analyses: int
    maps: int
    resident_bytes: int
    descriptors: int
    threads: int
    processes: int
    data_bytes: int

    @classmethod
    def now(cls, server: Server, at_s: float, analyses: int, maps: int) -> Sample:
        """Look."""
        held = server.usage()
        return cls(
            at_s, analyses, maps, *held, processes=len(descendants(server.pid)), data_bytes=folder_bytes(server.data)
        )


class Slope(NamedTuple):
    """A straight line's rise with its standard error, and the most that it may be."""

    name: str
    value: float
    error: float
    limit: float

    @property
    def within_limit(self) -> bool:
        """Whether it is not surely over it."""
        return self.value - _ERRORS * self.error <= self.limit


def fit(samples: Sequence[Sample]) -> list[Slope]:
    """Rises by 1,000 analyses, of the data folder by kept map; the limits are those of reference reliability 5."""
    kept = samples[int(len(samples) * _WARM_UP_SHARE) :]
    table = np.array(kept, float)
    column = {name: table[:, number] for number, name in enumerate(Sample._fields)}
    thousands = column["analyses"] / 1_000
    a_map = column["data_bytes"] / np.maximum(column["maps"], 1)
    return [
        Slope("MB resident by 1,000 analyses", *_line(thousands, column["resident_bytes"] / 1e6), 1.0),
        Slope("descriptors by 1,000 analyses", *_line(thousands, column["descriptors"]), 1.0),
        Slope("threads by 1,000 analyses", *_line(thousands, column["threads"]), 1.0),
        Slope("processes by 1,000 analyses", *_line(thousands, column["processes"]), 1.0),
        Slope("MB stored for each kept map, by 1,000 analyses", *_line(thousands, a_map / 1e6), 0.1),
    ]


def _line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Slope and standard error by least squares; neighbouring samples hang together, so every tenth counts as one."""
    x, y = x - x.mean(), y - y.mean()
    spread = float(x @ x)
    if spread == 0.0 or len(x) < 3:
        return 0.0, 0.0
    slope = float(x @ y) / spread
    rest = y - slope * x
    independent = max(len(x) / 10 - 2, 1.0)
    return slope, float(np.sqrt(rest @ rest / independent / spread))


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; those that go away meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):  # Path.rglob fails when a folder goes away under it
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
