"""Two interfaces with a cable between them in a network that nobody else sees, and frames on it. Needs root."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType

from flowmap.capture.tools import FOLDERS
from soak.captures import LiveFrame

_TICK_S = 0.02


def why_not() -> str:
    """What is missing for a capture on a cable, in words; empty when nothing is."""
    if os.geteuid() != 0:
        return "a network of its own needs root"
    if not shutil.which("ip"):
        return "the program ip is not installed"
    return "" if shutil.which("dumpcap", path=":".join(FOLDERS)) else "dumpcap is not installed"


@contextlib.contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Names of its two ends; threads and processes that start inside the block live in the new network."""
    network = importlib.import_module("tests.api.private_network")
    with network.private_network():
        yield network.NEAR, network.FAR


class Sender:
    """Sends frames at a steady rate from a thread until the block ends; ``frames.sent`` counts them."""

    def __init__(self, interface: str, frames_per_s: float) -> None:
        self.frames = LiveFrame()
        self._interface, self._rate = interface, frames_per_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self) -> None:
        begun = time.monotonic()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as end:
            end.bind((self._interface, 0))
            while not self._ended.wait(_TICK_S):
                while self.frames.sent < (time.monotonic() - begun) * self._rate:
                    with contextlib.suppress(OSError):  # a full queue loses a frame, as on any cable
                        end.send(self.frames.next())
