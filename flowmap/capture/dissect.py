"""The process of one tshark: bounded while it runs, ended with all it has started, and its end always classified.

pyshark hides crashes by signal (reference/reliability.md, finding 2). Nothing here needs pyshark, which takes longer to
import than a small capture to read: :mod:`flowmap.capture.tshark_fields` brings it where tshark is really run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

from flowmap.capture.bounds import bound
from flowmap.settings import Settings

BLOCK_BYTES = 1 << 18
PIPE_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 20
"""A frame of 262,144 bytes in hex is 524,288 characters; a longer line is no row of ours."""

STDERR_HEAD_BYTES, STDERR_TAIL_BYTES = 1 << 14, 1 << 15
TERMINATE_S, KILL_S = 1.0, 5.0
OPEN_FILES = 64


@dataclass(frozen=True, slots=True)
class Exit:
    """How one tshark ended.

    ``kind`` is ``ok``, ``damaged`` (tshark gave up on the file), ``usage``, ``memory``, ``cpu``, ``crashed``,
    ``killed``, ``stalled``, ``timeout``, ``line_too_long`` or ``failed``; ``text`` is tshark's own sentence
    about the file without its path, or what happened to the process; ``dissector_bugs`` counts its own error
    lines.
    """

    kind: str
    text: str
    dissector_bugs: int


def widen_pipe(process: subprocess.Popen[bytes]) -> None:
    """Let tshark work ahead while a batch is built; where the system forbids it, it only waits more often."""
    if hasattr(fcntl, "F_SETPIPE_SZ") and process.stdout is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def limit_process(pid: int, settings: Settings) -> None:
    """Bound memory and processor of a child; nothing it may write, no core file. On macOS stall and wall remain."""
    limits = {
        resource.RLIMIT_AS: (settings.tshark_memory_bytes,) * 2,
        # A hard limit above the soft one makes the kernel send SIGXCPU, which tells this death from others.
        resource.RLIMIT_CPU: (settings.tshark_cpu_s, settings.tshark_cpu_s + 30),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
    }
    bound(pid, limits)


class ErrorText:
    """Drains standard error in a thread and keeps its beginning and its end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        self._pipe = process.stderr
        self._head, self._tail = bytearray(), bytearray()
        self.bugs = 0
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        descriptor = self._pipe.fileno()
        while True:
            try:
                data = os.read(descriptor, 1 << 16)
            except OSError:
                return
            if not data:
                return
            room = STDERR_HEAD_BYTES - len(self._head)
            self._head += data[:room] if room > 0 else b""
            self._tail += data[max(room, 0) :]
            if len(self._tail) > 2 * STDERR_TAIL_BYTES:
                del self._tail[:-STDERR_TAIL_BYTES]

    def finish(self) -> None:
        """Wait for the thread; the process and its group are gone, so the pipe has ended."""
        self._thread.join(KILL_S)
        if not self._thread.is_alive():
            self._pipe.close()

    def text(self) -> str:
        """What was kept, decoded."""
        return (bytes(self._head) + bytes(self._tail)).decode("utf-8", "replace")


def wait_unreaped(pid: int, seconds: float) -> bool:
    """Wait until a child has ended, leaving it as a zombie so that its group number stays ours."""
    end = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def end_process(process: subprocess.Popen[bytes], *, patient: bool) -> int:
    """End a child with its whole group and return its status; ``patient`` lets it exit by itself first."""
    assert process.stdout is not None
    ended = wait_unreaped(process.pid, KILL_S if patient else 0.0)
    for number, seconds in ((signal.SIGTERM, TERMINATE_S), (signal.SIGKILL, KILL_S)):
        if not ended:
            os.killpg(process.pid, number)
            ended = wait_unreaped(process.pid, seconds)
    try:
        os.killpg(process.pid, signal.SIGKILL)  # whatever it has started
    except (ProcessLookupError, PermissionError):
        pass
    process.stdout.close()
    return process.wait()


_ABOUT_FILE = re.compile(r'^tshark: The file ".*" (?P<what>[^"]+)$|^tshark: (?P<other>.+)$')
_FILE_STATUS, _USAGE_STATUS = 2, 1
_SIGNAL_KINDS = {signal.SIGXCPU: "cpu", signal.SIGKILL: "killed", signal.SIGTERM: "killed"}


def classify(ended_by: str, status: int, errors: str, settings: Settings) -> Exit:
    """Turn limit, exit status and standard error into an :class:`Exit`."""
    bugs = errors.count("Dissector bug")
    if ended_by:
        silence = f"{settings.tshark_stall_s:g} s of silence"
        text = {
            "stalled": f"tshark was ended after {silence} (FLOWMAP_TSHARK_STALL_S)",
            "timeout": f"tshark was ended after {settings.tshark_wall_s:g} s (FLOWMAP_TSHARK_WALL_S)",
            "line_too_long": "tshark printed a line beyond every limit and was ended",
        }[ended_by]
        return Exit(ended_by, text, bugs)
    if status == 0:
        return Exit("ok", "", bugs)
    if status < 0:
        return _killed(-status, errors, bugs, settings)
    text = _sentence_about_file(errors)
    if status == _FILE_STATUS:
        return Exit("damaged", text or "it cannot be read any further", bugs)
    if status == _USAGE_STATUS:
        return Exit("usage", text or "tshark did not accept its arguments", bugs)
    return Exit("failed", f"tshark ended with status {status}", bugs)


def _killed(number: int, errors: str, bugs: int, settings: Settings) -> Exit:
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if "failed to allocate" in errors or "out of memory" in errors.lower():
        return Exit(
            "memory",
            f"tshark needed more memory than FLOWMAP_TSHARK_MEMORY_BYTES = {settings.tshark_memory_bytes:,}",
            bugs,
        )
    kind = _SIGNAL_KINDS.get(signal.Signals(number), "crashed") if name.startswith("SIG") else "crashed"
    if kind == "cpu":
        text = f"tshark used more than {settings.tshark_cpu_s} s of processor time (FLOWMAP_TSHARK_CPU_S)"
    else:
        text = f"tshark was ended by {name}"
    return Exit(kind, text, bugs)


def _sentence_about_file(errors: str) -> str:
    """tshark's last sentence about the file, without the path, with the detail in brackets that follows
    it."""
    found = ""
    lines = errors.splitlines()
    for number, line in enumerate(lines):
        match = _ABOUT_FILE.match(line)
        if match:
            found = match["what"] or match["other"]
            detail = lines[number + 1].strip() if number + 1 < len(lines) else ""
            if detail.startswith("(") and detail.endswith(")"):
                found = f"{found.rstrip('.')} {detail}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in found)[:300].rstrip(".")
