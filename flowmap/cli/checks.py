"""What ``flowmap doctor`` looks at: each check is a line with its state, what was found, and what to do about it."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from flowmap import __version__
from flowmap.cli.capture_right import capture_right
from flowmap.cli.check import MISSING, NOTE, OK, Check
from flowmap.errors import ToolError
from flowmap.settings import Settings, limit_of_group, wrong_setting
from flowmap.tables import of_a_pattern

OLDEST_TSHARK = (4, 0)
LEAST_FILES, LEAST_PROCESSES, LEAST_MEMORY_BYTES, LEAST_TEMPORARY_BYTES = 1024, 128, 1 << 30, 64 << 20
_OTHER_VARIABLES = {"FLOWMAP_DEBUG", "FLOWMAP_KERNELS", "FLOWMAP_KERNELS_SHARE"}
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""


def all_checks(*, live: bool) -> Iterator[Check]:
    """Look at everything, one after another; with ``live`` the right to capture is needed and no nicety."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("FlowMap", OK, f"{__version__} with Python {python} in {sys.prefix}")
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        found = ": ".join(filter(None, wrong_setting(error)))
        yield Check("settings", MISSING, found, "Correct or unset that variable, then ask again.")
    if settings is None:
        return
    yield _variables()
    yield _tshark(settings)
    yield capture_right(settings, needed=live)
    yield _interfaces()
    yield _kernels(settings)
    yield _library("duckdb", "writes and reads Parquet tables")
    yield _data_folder(settings)
    yield _temporary_folder()
    yield _limits()
    yield _clock()


def _variables() -> Check:
    """A setting with a typing mistake in its name is silently none."""
    known = {f"FLOWMAP_{name.upper()}" for name in Settings.model_fields}
    stated = {name for name in os.environ if name.startswith("FLOWMAP_")}
    unknown = sorted(stated - known - _OTHER_VARIABLES)
    if unknown:
        return Check(
            "settings", NOTE, f"No such setting: {', '.join(unknown[:5])}",
            "Look the name up in docs/operations.md or 'flowmap doctor --settings'.",
        )  # fmt: skip
    count = len(stated & known)
    return Check("settings", OK, f"{count} in the environment" if count else "defaults, none in the environment")


def _tshark(settings: Settings) -> Check:
    from flowmap.capture.tools import find_tshark

    without = "names, applications and rare link types are missing"
    try:
        path = find_tshark(settings)
    except ToolError as error:
        return Check("tshark", NOTE, f"{str(error).partition(';')[0]}; {without}", "Debian, Ubuntu: apt install tshark")
    version = _version_of(path)
    if version is None:
        return Check("tshark", NOTE, f"{path} tells no version; {without}", "Reinstall it: apt install tshark")
    if tuple(map(int, version.split(".")[:2])) < OLDEST_TSHARK:
        return Check(
            "tshark", NOTE, f"{version} at {path} is older than 4.0; {without}", "Install tshark 4.0 or newer."
        )
    return Check("tshark", OK, f"{version} at {path}")


def _version_of(path: str) -> str | None:
    try:
        done = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, cwd="/", check=False,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(rb"TShark\b.*?\b(\d+\.\d+(?:\.\d+)?)\b", done.stdout.partition(b"\n")[0])
    return match[1].decode() if match else None


def _interfaces() -> Check:
    from flowmap.capture.interfaces import interfaces

    found = interfaces()
    up = [row["name"] for row in found if row["up"] and not row["loopback"]]
    if not up:
        return Check("interfaces", NOTE, "None is up beside the loopback", "Switch one on: ip link set NAME up")
    more = f" and {len(up) - 6} more" if len(up) > 6 else ""
    return Check("interfaces", OK, f"{', '.join(up[:6])}{more} up, of {len(found)}")


def _kernels(settings: Settings) -> Check:
    from flowmap.kernels.folder import code_folder, is_warm

    folder = settings.kernel_cache_dir.expanduser()
    if code_folder().parent != settings.kernel_cache_dir:
        return Check(
            "kernels", NOTE,
            f"{folder} cannot be used, or others may write it; each start compiles for itself, half a minute",
            "Make it yours alone (chmod 700), or name another folder in FLOWMAP_KERNEL_CACHE_DIR.",
        )  # fmt: skip
    exposed = _writable_by_others(folder)
    if exposed:
        return Check("kernels", NOTE, f"Others may write {exposed}, so they could exchange the compiled kernels",
                     f"chmod go-w {exposed}")  # fmt: skip
    if not is_warm():
        return Check("kernels", NOTE, f"Not compiled yet; the first capture waits half a minute ({folder})",
                     "Compile them now: python -m flowmap.warm")  # fmt: skip
    return Check("kernels", OK, f"Compiled in {folder}")


def _writable_by_others(folder: Path) -> Path | None:
    """The first folder of the path that others may write, where no sticky bit keeps them from renaming what is ours."""
    for path in (folder, *folder.parents):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
            return path
    return None


def _library(name: str, purpose: str) -> Check:
    try:
        module = __import__(name)
    except ImportError as error:
        return Check(name, MISSING, f"It {purpose}, and cannot be imported ({error})",
                     f"Install it into {sys.prefix}: pip install {name}")  # fmt: skip
    return Check(name, OK, f"{module.__version__}, {purpose}")


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir.expanduser()
    if character := of_a_pattern(folder.resolve()):
        return Check("data folder", MISSING, f"{folder.resolve()} cannot hold tables: a '{character}' in its path is "
                     "read as a pattern", "Name another in FLOWMAP_DATA_DIR.")  # fmt: skip
    place = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if not place.is_dir():
        return Check("data folder", MISSING, f"{place} is no folder", "Name another in FLOWMAP_DATA_DIR.")
    if not os.access(place, os.W_OK | os.X_OK) or not _can_write(place):
        if place != folder:
            return Check("data folder", MISSING, f"{folder} is not there, and this user cannot make it in {place}",
                         f"Make it for the user of the server: sudo install -d -m 700 -o USER {folder}; "
                         "or name another in FLOWMAP_DATA_DIR.")  # fmt: skip
        return Check("data folder", MISSING, f"{place} cannot be written by this user",
                     f"chown it to the user of the server, or name another in FLOWMAP_DATA_DIR: {folder}")  # fmt: skip
    free = shutil.disk_usage(place).free
    room = f"{_gigabytes(free)} free"
    if free < settings.min_free_bytes:
        return Check("data folder", MISSING, f"{folder}, {room}; uploads are refused below "
                     f"{_gigabytes(settings.min_free_bytes)}",
                     "Make room, or set FLOWMAP_MIN_FREE_BYTES lower.")  # fmt: skip
    if place != folder:
        return Check("data folder", OK, f"{folder}, {room}; made by the first 'flowmap serve'")
    mode = folder.stat().st_mode & 0o777
    if mode & 0o077:
        return Check("data folder", NOTE, f"{folder} has mode {mode:04o}; others on this machine can enter it",
                     f"chmod 700 {folder}")  # fmt: skip
    return Check("data folder", OK, f"{folder}, {room}")


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"flowmap")
    except OSError:
        return False
    return True


def _temporary_folder() -> Check:
    try:
        folder = Path(tempfile.gettempdir())
    except OSError:
        return Check("temporary files", MISSING, "No folder for temporary files can be written",
                     "Mount one at /tmp (containers: --tmpfs /tmp), or name one in TMPDIR.")  # fmt: skip
    free = shutil.disk_usage(folder).free
    if free < LEAST_TEMPORARY_BYTES:
        return Check("temporary files", NOTE, f"{folder} has {free >> 20} MiB free, a few live captures need more",
                     f"Give it {LEAST_TEMPORARY_BYTES >> 20} MiB, or name another folder in TMPDIR.")  # fmt: skip
    return Check("temporary files", OK, f"{folder}, {_gigabytes(free)} free")


def _limits() -> Check:
    """What the system allows this user, and memory; the least are enough for one analysis with a few pages open."""
    files = _most(resource.RLIMIT_NOFILE)
    processes = min(_most(resource.RLIMIT_NPROC), limit_of_group("pids.max"))
    memory = min(_memory_bytes(), limit_of_group("memory.max"))
    found = f"{_count(files)} open files, {_count(processes)} processes, {_gigabytes(memory)} memory"
    short = []
    if files < LEAST_FILES:
        short.append(f"open files to {LEAST_FILES:,}")
    if processes < LEAST_PROCESSES:
        short.append(f"processes to {LEAST_PROCESSES:,}")
    if memory < LEAST_MEMORY_BYTES:
        short.append("memory to 1 GB")
    if short:
        return Check("limits", NOTE, found, f"Raise {' and '.join(short)} (ulimit, systemd unit or container).")
    return Check("limits", OK, found)


def _most(limit: int) -> float:
    soft, _ = resource.getrlimit(limit)
    return float("inf") if soft == resource.RLIM_INFINITY else soft


def _memory_bytes() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _count(value: float) -> str:
    return "unlimited" if value == float("inf") else f"{int(value):,}"


def _gigabytes(value: float) -> str:
    return f"{value / 1e9:,.1f} GB"


def _clock() -> Check:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if is_synchronised() is False:
        return Check("clock", NOTE, f"{now}, not synchronised; ages of inventories and kept captures may be wrong",
                     "Switch time synchronisation on: timedatectl set-ntp true")  # fmt: skip
    return Check("clock", OK, now)


def is_synchronised() -> bool | None:
    """What the kernel knows of the clock (adjtimex(2)); None where it does not tell."""
    try:
        ask: Callable[[ctypes.Array[ctypes.c_char]], int] = ctypes.CDLL(None).adjtimex
        state = ask(ctypes.create_string_buffer(512))  # struct timex, all zero: change nothing
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
