"""Where tshark and dumpcap are, and which version.

Tools are looked for in the settings and in fixed system folders, never on ``PATH`` or in the current folder:
a folder that uploads can reach must not decide which program runs (reference/reliability.md, threats 22 and
31).
"""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path

from flowmap.errors import ToolError
from flowmap.settings import Settings

FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/usr/sbin",
    "/opt/wireshark/bin",
    "/opt/homebrew/bin",
    "/Applications/Wireshark.app/Contents/MacOS",
)
_TOOL_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
_ANSWER_S = 30.0


def find_tshark(settings: Settings) -> str:
    """Absolute path of tshark.

    Raises
    ------
    ToolError
        When it is not there or not executable; the sentence tells how to install it.
    """
    return _find("tshark", settings.tshark_path, "FLOWMAP_TSHARK_PATH", "tshark")


def find_dumpcap(settings: Settings) -> str:
    """Absolute path of dumpcap; raises as :func:`find_tshark`."""
    return _find("dumpcap", settings.dumpcap_path, "FLOWMAP_DUMPCAP_PATH", "wireshark-common")


def _find(name: str, stated: str, variable: str, package: str) -> str:
    candidates = [stated] if stated else [f"{folder}/{name}" for folder in FOLDERS]
    for candidate in candidates:
        path = Path(candidate)
        if path.is_absolute() and path.is_file() and os.access(path, os.X_OK):
            return str(path)
    place = stated or ", ".join(FOLDERS[:3])
    raise ToolError(
        f"{name} was not found in {place}; install it (Debian: apt install {package}) "
        f"or state its absolute path in {variable}."
    )


@lru_cache(maxsize=4)
def protocol_names(tshark: str) -> tuple[str, ...]:
    """Filter names of every protocol that this tshark knows (``tshark -G protocols``)."""
    rows = (line.split("\t") for line in _answer(tshark, "-G", "protocols").splitlines())
    names = tuple(row[2] for row in rows if len(row) >= 3)
    if not names:
        raise ToolError(f"{tshark} does not list its protocols; install tshark 4.0 or newer.")
    return names


def _answer(path: str, *arguments: str) -> str:
    """Standard output of a short run, without the user's settings and outside every upload folder."""
    try:
        run = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_S,
            cwd="/",
            env=_TOOL_ENVIRONMENT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{path} gave no answer in {_ANSWER_S:.0f} s; check that it is a working tshark.") from error
    except OSError as error:
        raise ToolError(f"{path} cannot be run ({error.strerror}); reinstall it or state another path.") from error
    return run.stdout.decode("utf-8", "replace")
