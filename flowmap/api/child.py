"""What a process that the server starts does first, so that it ends with the server and in order.

``python -m flowmap.api.child MODULE PARENT`` binds itself to the process that started it and only then imports the
module, which takes a second, and runs its ``main``: whenever the server dies, its children do.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
from types import FrameType
from typing import BinaryIO

_PR_SET_PDEATHSIG = 1


def own_output() -> BinaryIO:
    """Standard output as a stream of its own: whatever else prints must not get among what is sent there."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream


def end_on_sigterm() -> None:
    """Leave by the way that runs every ``finally``, so that tools are ended and reaped; once."""
    signal.signal(signal.SIGTERM, _terminated)


def end_with_parent(parent: int) -> None:
    """Get SIGTERM when the server dies, however it dies (Linux); leave at once when it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(1)


def _terminated(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


def command_of(module: str) -> list[str]:
    """The command that runs a module as a child of this process."""
    return [sys.executable, "-P", "-m", "flowmap.api.child", module, str(os.getpid())]


def main() -> None:
    """Entry of the process."""
    module, parent = sys.argv[1:]
    end_with_parent(int(parent))
    importlib.import_module(module).main()


if __name__ == "__main__":
    main()
