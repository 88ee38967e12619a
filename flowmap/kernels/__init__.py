"""The only Numba code: kernels that turn bytes into columns and columns into legs.

A kernel is compiled at its first call and kept in a folder of the user's cache, one for each state of the sources:
Numba itself notices a change of the file that a function stands in, but not one of the functions that it calls.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

from flowmap.settings import Settings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_WARM, _LOCK = "warm", "lock"
"""Files in the cache folder."""


def cache_folder() -> Path:
    """Where compiled kernels are kept: below ``Settings.kernel_cache_dir``.

    What lies there is run as it is, so a folder that others may write is not used, nor one that we cannot write: then a
    temporary one serves this process alone.
    """
    state = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        state.update(source.read_bytes())
    folder = Settings().kernel_cache_dir / state.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = folder.stat()
        is_ours = about.st_uid in (os.getuid(), 0) and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if is_ours and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return _folder_of_this_process()


def _folder_of_this_process() -> Path:
    folder = tempfile.mkdtemp(prefix="flowmap-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def is_warm() -> bool:
    """Whether every kernel of these sources was compiled before and stands in the cache."""
    return Path(_CACHE, _WARM).exists()


def mark_warm() -> None:
    """Note that the kernels stand in the cache."""
    Path(_CACHE, _WARM).touch()


@contextmanager
def cache_lock() -> Iterator[None]:
    """One process at a time compiles into the cache."""
    with Path(_CACHE, _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function at its first call, without the interpreter's lock while it runs.

    Division follows NumPy (no exception), because a kernel never divides by what a packet says. A kernel allocates
    nothing and its arrays outlive the call, so references to them are not counted: Numba would do so with atomic
    additions for every array that a tuple hands to a called function, for every packet.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return cast(Callable[Parameters, Result], numba.njit(**options)(function))


_CACHE = cache_folder()
setattr(numba.config, "CACHE_DIR", str(_CACHE))  # noqa: B010, the module makes its attributes as it runs
