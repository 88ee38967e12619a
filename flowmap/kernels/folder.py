"""Where machine code is kept, and who may write there: what lies there is executed."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import llvmlite.binding as llvm

from flowmap.settings import Settings

_WARM, _LOCK = "warm", "lock"
"""Files in the folder."""


@lru_cache(maxsize=1)
def code_folder() -> Path:
    """The folder of this process, see :func:`find_folder`."""
    return find_folder()


def find_folder() -> Path:
    """The folder for these sources, this compiler and this processor, below ``Settings.kernel_cache_dir``.

    One that others may write is not used, nor one that we cannot write: then a temporary one serves this process alone.
    """
    state = hashlib.sha256()
    for part in (importlib.metadata.version("numba"), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()):
        state.update(part.encode() + b"\0")
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
    """Whether every kernel of these sources was compiled before."""
    return Path(code_folder(), _WARM).exists()


def mark_warm() -> None:
    """Note that every kernel was compiled."""
    Path(code_folder(), _WARM).touch()


@contextmanager
def folder_lock() -> Iterator[None]:
    """One process at a time compiles into the folder."""
    with Path(code_folder(), _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
