"""Where live frames come from: dumpcap on an interface, or a capture that arrives on a descriptor.

A source writes a capture stream into a named pipe, whose reader is there already.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import re
import resource
import select
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Protocol

from flowmap.capture.filters import explain
from flowmap.capture.labels import neutral
from flowmap.capture.tools import find_dumpcap
from flowmap.errors import FlowMapError, ToolError
from flowmap.settings import Settings

PIPE_BYTES = 1 << 20
KERNEL_BUFFER_MIB = 16
BACKSTOP_S = 2
"""dumpcap's own time limit is later by this: it only matters when nobody is left to stop it."""

OPEN_S, TERMINATE_S, KILL_S, POLL_S = 20.0, 2.0, 5.0, 0.2
MAX_ERROR_BYTES = 1 << 16
_DROPS = re.compile(r"received/dropped on interface .*: \d+/(\d+) \(.*ps_ifdrop:(\d+)\)")
_PARENT_DEATH = "/usr/bin/setpriv"


class Source(Protocol):
    """A writer of the pipe.

    ``dropped_packets`` is known after :meth:`end`, None where the source does not count.
    """

    dropped_packets: int | None

    def start(self, pipe: Path, reader: subprocess.Popen[bytes]) -> None:
        """Begin to write once ``reader`` has opened the pipe."""

    def stop(self) -> None:
        """Ask for the end; what is on its way still comes."""

    def end(self, *, patient: bool) -> str | None:
        """End it in any case, and say why it ended by itself: None for a good end.

        ``patient`` means that its pipe has ended, so that it is about to leave.
        """


class Dumpcap:
    """Frames of an interface."""

    def __init__(self, interface: str, filter: str, seconds: float, packets: int, settings: Settings) -> None:
        self.dropped_packets: int | None = None
        self._interface = interface
        self._arguments = [
            find_dumpcap(settings), "-q", "-i", interface, "-B", str(KERNEL_BUFFER_MIB),
            *(("-f", filter) if filter else ()),
            "-a", f"duration:{math.ceil(seconds) + BACKSTOP_S}", "-c", str(packets), "-w", "-",
        ]  # fmt: skip
        if os.access(_PARENT_DEATH, os.X_OK):
            self._arguments[:0] = [_PARENT_DEATH, "--pdeathsig", "TERM", "--"]
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: Path | None = None
        self._stopped = False

    def start(self, pipe: Path, reader: subprocess.Popen[bytes]) -> None:
        """Start dumpcap with the pipe as its standard output, in a group of its own."""
        descriptor = open_write_end(pipe, reader)
        self._errors = pipe.with_name("dumpcap-says")
        try:
            with self._errors.open("wb") as errors:
                self._process = subprocess.Popen(
                    self._arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=descriptor,
                    stderr=errors,
                    cwd="/",
                    env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                    start_new_session=True,
                )
        except OSError as error:
            raise ToolError(f"dumpcap cannot be run ({error.strerror}); check its permissions.") from error
        finally:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (MAX_ERROR_BYTES, MAX_ERROR_BYTES))

    def stop(self) -> None:
        """dumpcap writes what it holds, tells its drop counters and leaves."""
        if self._process and not self._stopped and self._process.poll() is None:
            self._stopped = True
            self._process.send_signal(signal.SIGTERM)

    def end(self, *, patient: bool) -> str | None:
        """Reap it; its sentence when it gave up by itself."""
        if self._process is None:
            return None
        for wait_s, number in ((TERMINATE_S if patient else 0.0, signal.SIGTERM), (TERMINATE_S, signal.SIGKILL)):
            try:
                self._process.wait(wait_s)
                break
            except subprocess.TimeoutExpired:
                self._stopped = True
                os.killpg(self._process.pid, number)
        status = self._process.wait(KILL_S)
        said = self._said()
        drops = _DROPS.search(said)
        self.dropped_packets = sum(map(int, drops.groups())) if drops else None
        return None if self._stopped else self._reason(status, said)

    def _reason(self, status: int, said: str) -> str | None:
        """Why it ended by itself. The status is 0 also when the interface went away: only the text tells."""
        try:
            explain(said, self._interface)
        except FlowMapError as error:
            return str(error)
        if status == 0:
            return None
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return f"dumpcap on {neutral(self._interface)} ended {how}."

    def _said(self) -> str:
        if self._errors is None:
            return ""
        with contextlib.suppress(OSError):
            return self._errors.read_bytes()[:MAX_ERROR_BYTES].decode("utf-8", "replace")
        return ""


class Stream:
    """A capture that somebody writes to a descriptor, usually standard input; ``head`` was read from it already."""

    def __init__(self, descriptor: int, head: bytes) -> None:
        self.dropped_packets: int | None = None
        self._descriptor, self._head = descriptor, head
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, pipe: Path, reader: subprocess.Popen[bytes]) -> None:
        """Copy in a thread."""
        target = open_write_end(pipe, reader)
        self._thread = threading.Thread(target=self._copy, args=(target,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no further."""
        self._stopped.set()

    def end(self, *, patient: bool) -> str | None:
        """Wait for the thread; a stream that ends is a good end."""
        self._stopped.set()
        if self._thread:
            self._thread.join(KILL_S)
        return None

    def _copy(self, target: int) -> None:
        data = self._head
        try:
            while True:
                while data:
                    data = data[os.write(target, data) :]
                while not self._stopped.is_set() and not select.select([self._descriptor], [], [], POLL_S)[0]:
                    pass
                data = b"" if self._stopped.is_set() else os.read(self._descriptor, PIPE_BYTES)
                if not data:
                    return
        except OSError:
            return  # the reader has gone, and tells why itself
        finally:
            os.close(target)


def open_write_end(pipe: Path, reader: subprocess.Popen[bytes]) -> int:
    """Open a named pipe for writing as soon as its reader has opened it.

    Raises
    ------
    ToolError
        When the reader ends first, or takes too long.
    """
    deadline = time.monotonic() + OPEN_S
    while True:
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if reader.poll() is not None or time.monotonic() > deadline:
                raise ToolError("tshark ended before the capture began; check it with 'flowmap doctor'.") from None
        time.sleep(0.01)
    os.set_blocking(descriptor, True)
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return descriptor


def make_pipe(folder: Path) -> Path:
    """A named pipe in a private folder."""
    pipe = folder / "frames"
    os.mkfifo(pipe, 0o600)
    return pipe
