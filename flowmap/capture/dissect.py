"""The one place where pyshark drives tshark.

pyshark's own loop gives another answer on the same damaged file from run to run and hides crashes by signal
(reference/reliability.md, findings 1 and 2). This subclass keeps pyshark as the driver but owns the process:
no event loop, rows of ``-T fields`` read in blocks, limits on memory, processor, stall and wall time, and an
exit that is always classified.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyshark

from flowmap.capture.tools import protocol_names
from flowmap.errors import ToolError
from flowmap.settings import Settings

_NO_EVENT_LOOP = object()
"""Any true value keeps ``pyshark.capture.capture.Capture`` from touching asyncio."""

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


class TsharkFields(pyshark.FileCapture):  # type: ignore[misc]
    """One run of tshark over a file that prints chosen fields, a line a frame.

    Parameters
    ----------
    path : str
        Absolute path of the capture.
    tshark : str
        Absolute path of the program.
    read_format : str
        tshark's name of the one reader that may open the file.
    fields : sequence of str
        Display filter fields; every occurrence is printed, separated by ``separator``.
    options : sequence of str
        Further arguments: preferences and decode-as rules made by this package.
    settings : Settings
        The limits.
    protocols : frozenset of str, optional
        The dissectors to leave on; all others are off. Without it all are on.
    """

    def __init__(
        self,
        path: str,
        *,
        tshark: str,
        read_format: str,
        fields: Sequence[str],
        options: Sequence[str],
        settings: Settings,
        protocols: frozenset[str] | None = None,
        separator: str = ",",
    ) -> None:
        super().__init__(path, keep_packets=False, tshark_path=tshark, eventloop=_NO_EVENT_LOOP)
        self._tshark = tshark
        self._read_format = read_format
        self._fields = tuple(fields)
        self._options = tuple(options)
        self._settings = settings
        self._protocols = protocols
        self._separator = separator
        self.exit: Exit | None = None

    def get_parameters(self, packet_count: int | None = None) -> list[str]:
        """pyshark's arguments (the file) behind ours."""
        arguments = ["-n", "-Q", "-X", f"read_format:{self._read_format}", *self._options]
        arguments += ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "quote=n"]
        arguments += ["-E", f"aggregator={self._separator}"]
        for name in self._fields:
            arguments += ["-e", name]
        return arguments + list(super().get_parameters(packet_count))

    def close(self) -> None:
        """Nothing: :meth:`lines` ends its process itself; pyshark's close would want an event loop."""

    def __del__(self) -> None:
        """Nothing, for the same reason."""

    def lines(self) -> Iterator[list[bytes]]:
        """Blocks of complete rows without their line ends; afterwards :attr:`exit` is set.

        A last line without its end was cut by the end of the process and is dropped. Closing the iterator
        ends the process.

        Raises
        ------
        ToolError
            When tshark cannot be started.
        """
        with tempfile.TemporaryDirectory(prefix="flowmap-tshark-") as folder:
            process = self._start(folder)
            errors = _ErrorText(process)
            ended_by = None
            try:
                ended_by = yield from self._blocks(process)
            finally:
                status = _end_process(process, patient=ended_by == "")
                errors.finish()
            self.exit = _classify(ended_by or "", status, errors.text(), self._settings)

    def _start(self, folder: str) -> subprocess.Popen[bytes]:
        """Start tshark in a private empty folder, in its own process group, with limits."""
        config = Path(folder, "config")
        config.mkdir(mode=0o700)
        if self._protocols is not None:
            off = sorted(set(protocol_names(self._tshark)) - self._protocols)
            (config / "disabled_protos").write_text("\n".join(off) + "\n", encoding="utf-8")
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": folder,
            "WIRESHARK_CONFIG_DIR": str(config),
        }
        try:
            process = subprocess.Popen(
                [self._tshark, *self.get_parameters()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(
                f"{self._tshark} cannot be run ({error.strerror}); reinstall it or state another path."
            ) from error
        _limit(process.pid, self._settings)
        _widen(process)
        return process

    def _blocks(self, process: subprocess.Popen[bytes]) -> Generator[list[bytes], None, str]:
        """Yield the rows; return "" at the end of output or the name of the limit that was reached."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        deadline = time.monotonic() + self._settings.tshark_wall_s
        rest = b""
        while True:
            patience = min(self._settings.tshark_stall_s, deadline - time.monotonic())
            if patience <= 0:
                return "timeout"
            if not select.select([descriptor], [], [], patience)[0]:
                return "stalled" if patience == self._settings.tshark_stall_s else "timeout"
            data = os.read(descriptor, BLOCK_BYTES)
            if not data:
                return ""
            head, newline, tail = data.rpartition(b"\n")
            if newline:
                block, rest = rest + head, tail
                yield block.split(b"\n")
            else:
                rest += tail
                if len(rest) > MAX_LINE_BYTES:
                    return "line_too_long"


def _widen(process: subprocess.Popen[bytes]) -> None:
    """Let tshark work ahead while a batch is built; where the system forbids it, it only waits more often."""
    if hasattr(fcntl, "F_SETPIPE_SZ") and process.stdout is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _limit(pid: int, settings: Settings) -> None:
    """Bound memory and processor of a child; nothing it may write, no core file."""
    if not hasattr(resource, "prlimit"):
        return  # macOS: stall and wall limits remain
    limits = {
        resource.RLIMIT_AS: (settings.tshark_memory_bytes,) * 2,
        # A hard limit above the soft one makes the kernel send SIGXCPU, which tells this death from others.
        resource.RLIMIT_CPU: (settings.tshark_cpu_s, settings.tshark_cpu_s + 30),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
    }
    for what, (soft, hard) in limits.items():
        try:
            ceiling = resource.prlimit(pid, what)[1]
            if ceiling != resource.RLIM_INFINITY:
                soft, hard = min(soft, ceiling), min(hard, ceiling)
            resource.prlimit(pid, what, (soft, hard))
        except ProcessLookupError:
            return


class _ErrorText:
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


def _wait_unreaped(pid: int, seconds: float) -> bool:
    """Wait until a child has ended, leaving it as a zombie so that its group number stays ours."""
    end = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def _end_process(process: subprocess.Popen[bytes], *, patient: bool) -> int:
    """End a child with its whole group and return its status; ``patient`` lets it exit by itself first."""
    assert process.stdout is not None
    ended = _wait_unreaped(process.pid, KILL_S if patient else 0.0)
    for number, seconds in ((signal.SIGTERM, TERMINATE_S), (signal.SIGKILL, KILL_S)):
        if not ended:
            os.killpg(process.pid, number)
            ended = _wait_unreaped(process.pid, seconds)
    try:
        os.killpg(process.pid, signal.SIGKILL)  # whatever it has started
    except (ProcessLookupError, PermissionError):
        pass
    process.stdout.close()
    return process.wait()


_ABOUT_FILE = re.compile(r'^tshark: The file ".*" (?P<what>[^"]+)$|^tshark: (?P<other>.+)$')
_FILE_STATUS, _USAGE_STATUS = 2, 1
_SIGNAL_KINDS = {signal.SIGXCPU: "cpu", signal.SIGKILL: "killed", signal.SIGTERM: "killed"}


def _classify(ended_by: str, status: int, errors: str, settings: Settings) -> Exit:
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
