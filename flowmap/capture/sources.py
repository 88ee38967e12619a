"""Where live frames come from: dumpcap on interfaces, or a capture that arrives on standard input.

A source has a descriptor from which a capture stream can be read.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO, Literal, NamedTuple, Protocol

from flowmap.capture.dissect import wait_unreaped
from flowmap.capture.filters import explain
from flowmap.capture.interfaces import is_up, missed_frames
from flowmap.capture.labels import neutral
from flowmap.capture.tools import find_dumpcap
from flowmap.errors import CaptureError, FlowMapError, InterfaceError, ToolError
from flowmap.settings import Settings

STANDARD_INPUT = "-"

PIPE_BYTES = 1 << 20
KERNEL_BUFFER_MIB = 16
"""For each interface: what comes while dumpcap is not running waits here."""

QUEUE_BYTES, QUEUE_PACKETS = 32 << 20, 200_000
"""Of several interfaces dumpcap reads each in a thread of its own, and loses what does not fit between them."""

BACKSTOP_S = 2
"""dumpcap's own time limit is later by this: it only matters when nobody is left to stop it."""

_MOST = 2**31 - 1
"""dumpcap takes no larger limits; ours hold without it."""

TERMINATE_S, KILL_S = 3.0, 5.0
MAX_ERROR_BYTES = 1 << 16
_SHELL = "/bin/sh"
_LIFELINE = 'ulimit -f 128; "$@" </dev/null & exec >/dev/null; read -r _; kill "$!" 2>/dev/null; wait "$!"'
"""dumpcap is told to end as soon as the other end of the shell's standard input is closed, which the kernel does in
whatever way this process dies. PR_SET_PDEATHSIG would not do: the kernel forgets it when a program with file
capabilities starts. The shell leaves with dumpcap's status; what it prints may not grow beyond 64 KiB."""

_DROPS = re.compile(
    r"received/dropped on interface '(?P<name>.*)': \d+/\d+ "
    r"\(pcap:(?P<kernel>\d+)/dumpcap:(?P<dumpcap>\d+)/flushed:\d+/ps_ifdrop:(?P<by_interface>\d+)\)"
)


class Failure(NamedTuple):
    """Why a source gave up: what did, and a sentence that says how."""

    by: Literal["interface", "dumpcap"]
    sentence: str


class Source(Protocol):
    """Gives a capture stream.

    Attributes
    ----------
    descriptor : int
        Where to read it, once started.
    waits_for_packets : bool
        Whether the first bytes may be long in coming.
    drops : dict
        Interface to packets lost, known after :meth:`end`; None where that is not told.
    missed : dict
        Interface to frames that it has lost itself since the start, by its own counters; they are part of ``drops``
        later. None where it has none that can be read.
    """

    descriptor: int
    waits_for_packets: bool
    drops: dict[str, int | None]

    @property
    def missed(self) -> dict[str, int | None]:
        """See above."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Ask for the end; what is on its way still comes."""

    def has_lost_interface(self) -> bool:
        """Whether one of several interfaces is gone or down, so that no more comes of any."""

    def end(self, *, patient: bool) -> Failure | None:
        """End it in any case, and say what was wrong where it ended by itself: None for a good end.

        ``patient`` means that its stream has ended, so that it is about to leave.
        """


class Dumpcap:
    """Frames of one or several interfaces, in one pcapng stream."""

    waits_for_packets = False

    def __init__(
        self, interfaces: Sequence[str], filter: str, seconds: float, packets: int, settings: Settings
    ) -> None:
        self.descriptor = -1
        self.drops: dict[str, int | None] = dict.fromkeys(interfaces)
        self._interfaces = list(interfaces)
        self._arguments = [find_dumpcap(settings), "-q", "-B", str(KERNEL_BUFFER_MIB)]
        self._arguments += ["-f", filter] if filter else []
        for name in interfaces:
            self._arguments += ["-i", name]
        if len(interfaces) > 1:
            self._arguments += ["-C", str(QUEUE_BYTES), "-N", str(QUEUE_PACKETS)]
        duration_s = min(math.ceil(seconds) + BACKSTOP_S, _MOST)
        self._arguments += ["-c", str(packets)] if packets <= _MOST else []
        self._arguments += ["-a", f"duration:{duration_s}", "-w", "-"]
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._lifeline = -1
        self._stopped = False
        self._lost: list[str] = []
        self._missed_before: dict[str, int | None] = dict.fromkeys(interfaces)

    @property
    def missed(self) -> dict[str, int | None]:
        """What the interfaces have lost since the start."""
        return {name: _grown(before, missed_frames(name)) for name, before in self._missed_before.items()}

    def start(self) -> None:
        """Start dumpcap with a pipe as its standard output, in a group of its own."""
        self._errors = _anonymous_file()
        self._missed_before = {name: missed_frames(name) for name in self._interfaces}
        self.descriptor, writing = os.pipe()
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [_SHELL, "-c", _LIFELINE, "flowmap-live", *self._arguments],
                stdin=lifeline,
                stdout=writing,
                stderr=self._errors,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"},
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"dumpcap cannot be run ({error.strerror}); check its permissions.") from error
        finally:
            os.close(lifeline)
            os.close(writing)

    def stop(self) -> None:
        """dumpcap writes what it holds, tells its drop counters and leaves."""
        if self._lifeline >= 0:
            self._stopped = True
            self._cut_lifeline()

    def has_lost_interface(self) -> bool:
        """With several, dumpcap stops at the loss of one, and then waits for a frame of each of the others to end."""
        if len(self._interfaces) > 1:
            self._lost = self._missing()
        return bool(self._lost)

    def end(self, *, patient: bool) -> Failure | None:
        """Reap it; why it gave up, when it did so by itself."""
        # Its stream has ended or nobody reads it any more: what it still wants to write has no place to go.
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        if self._process is None:
            self._cut_lifeline()
            self._close_errors()
            return None
        self._stopped = self._stopped or not patient
        self._cut_lifeline()
        if not wait_unreaped(self._process.pid, TERMINATE_S):
            self._stopped = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        status = self._process.wait(KILL_S)
        said = self._close_errors()
        self._note_drops(said)
        if self._lost:
            names = neutral(", ".join(self._lost))
            return Failure("interface", f"The interface {names} went away, so the capture has stopped.")
        return None if self._stopped else self._reason(status, said)

    def _cut_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _note_drops(self, said: str) -> None:
        for line in _DROPS.finditer(said):
            # It is called "Loopback: lo" there; no interface has a blank in its name.
            name = line["name"].rpartition(": ")[2]
            if name in self.drops:
                # What was flushed came after the end that somebody wanted: it is missing at no time of the capture.
                self.drops[name] = sum(int(line[part]) for part in ("kernel", "dumpcap", "by_interface"))

    def _reason(self, status: int, said: str) -> Failure | None:
        """Why it ended by itself. The status is 0 also when the interface went away: only the text tells."""
        try:
            explain(said, ", ".join(self._missing() or self._interfaces))
        except InterfaceError as error:
            return Failure("interface", str(error))
        except FlowMapError as error:
            return Failure("dumpcap", str(error))
        if status == 0:
            return None
        is_signal = status > 128 and status - 128 in set(signal.Signals)
        how = f"by {signal.Signals(status - 128).name}" if is_signal else f"with status {status}"
        return Failure("dumpcap", f"dumpcap on {neutral(', '.join(self._interfaces))} ended {how}.")

    def _missing(self) -> list[str]:
        return [name for name in self._interfaces if not is_up(name)]

    def _close_errors(self) -> str:
        """What it has printed."""
        if self._errors is None:
            return ""
        with self._errors as file:
            file.seek(0)
            return file.read(MAX_ERROR_BYTES).decode("utf-8", "replace")


def _anonymous_file() -> IO[bytes]:
    """A file in memory where the system has such files, else without a name in the folder for temporary files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("flowmap-dumpcap", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()


def _grown(before: int | None, now: int | None) -> int | None:
    """By how much a counter has grown; None where it is gone or began anew."""
    return now - before if before is not None and now is not None and now >= before else None


class StandardInput:
    """A capture that somebody writes to our standard input."""

    waits_for_packets = True

    def __init__(self) -> None:
        self.descriptor = 0
        self.drops: dict[str, int | None] = {STANDARD_INPUT: None}
        self.missed: dict[str, int | None] = {}

    def start(self) -> None:
        """Nothing: it is there.

        Raises
        ------
        CaptureError
            When nobody can have written a capture to it.
        """
        try:
            is_terminal = os.isatty(self.descriptor)
            os.fstat(self.descriptor)
        except OSError as error:
            raise CaptureError("Standard input is closed; pipe a capture into it.") from error
        if is_terminal:
            raise CaptureError("Standard input is a terminal; pipe a capture into it, or name an interface.")

    def stop(self) -> None:
        """Nothing: whoever reads it reads no further."""

    def has_lost_interface(self) -> bool:
        """Never: it has none."""
        return False

    def end(self, *, patient: bool) -> Failure | None:
        """Nothing: a stream that ends is a good end."""
        return None
