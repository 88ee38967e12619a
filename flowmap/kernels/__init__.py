"""The only Numba code: kernels that turn bytes into columns and columns into legs.

Numba compiles them once for a machine, in processes of its own (:mod:`flowmap.kernels.building`); what comes out is
machine code in a folder of the user's cache (:mod:`flowmap.kernels.folder`). Every other process loads that code and
calls it (:mod:`flowmap.kernels.calling`) without importing Numba, which would take longer than reading a small capture.

With ``FLOWMAP_KERNELS=numba``, and with Numba's own switches ``NUMBA_DISABLE_JIT`` and ``NUMBA_BOUNDSCHECK``, functions
are compiled one by one when they are first called, or not at all: for tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from flowmap.kernels.calling import Entry

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

BY_NUMBA = any(
    os.environ.get(name, "0") not in ("", "0") for name in ("FLOWMAP_KERNELS", "NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK")
)
"""Whether functions are Numba's in this process."""

ENTRIES: dict[str, Callable[..., Any]] = {}
"""With ``BY_NUMBA`` every entry, as it was written."""


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function that kernels call. From Python it runs as Python."""
    return by_numba(function) if BY_NUMBA else function


def inlined(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A kernel so often called that the call would cost as much as what it does."""
    return by_numba(function, forceinline=True) if BY_NUMBA else function


def entry(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A kernel that Python calls.

    Its annotations say how: arrays of :mod:`flowmap.kernels.arrays`, named tuples of them, and numbers. It returns
    nothing, a number, or a tuple of numbers.
    """
    if not BY_NUMBA:
        return cast(Callable[Parameters, Result], Entry(function))
    ENTRIES[f"{function.__module__}.{function.__name__}"] = function
    return by_numba(function)


def by_numba(function: Callable[Parameters, Result], **options: bool) -> Callable[Parameters, Result]:
    """Have Numba compile a function at its first call, without the interpreter's lock while it runs.

    Division follows NumPy (no exception), because a kernel never divides by what a packet says. A kernel allocates
    nothing and its arrays outlive the call, so references to them are not counted: Numba would do so with atomic
    additions for every array that a tuple hands to a called function, for every packet.
    """
    import numba

    every: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False, **options}
    return cast(Callable[Parameters, Result], numba.njit(**every)(function))
