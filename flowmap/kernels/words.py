"""Big-endian numbers out of captured bytes. Callers have checked that the bytes are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from flowmap.kernels import kernel
from flowmap.kernels.arrays import Bytes

int64 = cast(Callable[[object], int], np.int64)
"""A signed number of a byte (``int`` of one would be unsigned in a kernel), and sums that wrap, compiled or not."""

_1, _2, _3 = np.uint64(1), np.uint64(2), np.uint64(3)
"""An unsigned index spares the compiled code the question whether it is negative."""


@kernel
def be8(data: Bytes, at: int) -> int:
    """The byte at ``at`` as int64."""
    return int64(data[np.uint64(at)])


@kernel
def be16(data: Bytes, at: int) -> int:
    """Two bytes from ``at`` as int64."""
    i = np.uint64(at)
    return int64(data[i]) << 8 | int64(data[i + _1])


@kernel
def be32(data: Bytes, at: int) -> int:
    """Four bytes from ``at`` as int64, never negative."""
    i = np.uint64(at)
    return int64(data[i]) << 24 | int64(data[i + _1]) << 16 | int64(data[i + _2]) << 8 | int64(data[i + _3])


@kernel
def be64(data: Bytes, at: int) -> int:
    """Eight bytes from ``at`` as the int64 with the same bits."""
    return be32(data, at) << 32 | be32(data, at + 4)


@kernel
def be24(data: Bytes, at: int) -> int:
    """Three bytes from ``at`` as int64."""
    return be16(data, at) << 8 | be8(data, at + 2)


@kernel
def be48(data: Bytes, at: int) -> int:
    """A MAC address from ``at`` as int64."""
    return be16(data, at) << 32 | be32(data, at + 2)
