"""Random numbers that are the same with every version of NumPy: SplitMix64 of a counter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
_GOLDEN = 0x9E3779B97F4A7C15


def draw(seed: int, stream: int, count: int, first: int = 0) -> Words:
    """``count`` evenly distributed 64-bit numbers of one stream, from the ``first`` on.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
    """
    start = (seed * 0xD1B54A32D192ED03 + stream * 0x8CB92BA72F3D8DD7) & (2**64 - 1)
    state = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    state *= np.uint64(_GOLDEN)
    state += np.uint64(start)
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state


def draw_below(limit: int, seed: int, stream: int, count: int) -> npt.NDArray[np.int64]:
    """``count`` numbers from 0 to ``limit`` - 1 (``limit`` below 2**32), without the bias of a remainder's low bits."""
    return ((draw(seed, stream, count) >> np.uint64(32)) * np.uint64(limit) >> np.uint64(32)).astype(np.int64)
