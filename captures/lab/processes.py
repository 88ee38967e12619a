"""Commands, long-running programs and namespaces of one lab run, and their end.

Everything the lab starts is remembered here by process id, pid file or namespace name, so that
`Lab.close` can take it all down again, whatever went wrong in between.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

PREFIX = "fml-"
"""Every namespace of the lab begins with this."""
RESOLVER_FOLDER = Path("/etc/netns")
"""`ip netns exec` mounts the files of `/etc/netns/NAME/` over those of `/etc`."""


class LabError(Exception):
    """Something the lab needs is missing or did not work; the text is one sentence for the user."""


class Lab:
    """The state of one run: a private folder, processes and namespaces.

    Parameters
    ----------
    keep_logs : bool
        Leave the state folder (logs of every program) in place afterwards.
    """

    def __init__(self, keep_logs: bool = False) -> None:
        self.keep_logs = keep_logs
        self._lock = open("/run/flowmap-lab.lock", "w")  # held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LabError("another run of the capture lab is under way; wait for it to end") from None
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.state = self._folder
        self._children: list[subprocess.Popen[str]] = []
        self._pid_files: list[Path] = []
        self._namespaces: list[str] = []
        self._logs: list[IO[str]] = []
        remove_leftovers()

    def begin(self, scenario: str) -> None:
        """Give a scenario a state folder of its own: names of switches and programs come again in others."""
        self.state = self._folder / scenario
        self.state.mkdir()

    def add_namespace(self, name: str) -> None:
        """Make namespace `fml-<name>` with loopback up and IPv6 off on every interface to come."""
        namespace = PREFIX + name
        self.run("ip", "netns", "add", namespace)
        self._namespaces.append(name)
        for setting in ("all", "default"):
            self.run("sysctl", "-qw", f"net.ipv6.conf.{setting}.disable_ipv6=1", at=name)
        # Tail loss probes would send a last segment twice whenever the machine is busy for some milliseconds.
        self.run("sysctl", "-qw", "net.ipv4.tcp_early_retrans=0", at=name)
        self.run("ip", "link", "set", "lo", "up", at=name)

    def run(self, *command: str, at: str | None = None, timeout_s: float = 60) -> str:
        """Run a command to its end, in namespace `at` if given, and return its standard output.

        Raises
        ------
        LabError
            When it exits with another code than 0 or does not end in time.
        """
        try:
            done = subprocess.run(
                inside(at, command),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"`{' '.join(command)}` did not end within {timeout_s:.0f} s (at {at})") from None
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()[-400:]
            raise LabError(f"`{' '.join(command)}` failed with code {done.returncode} (at {at}): {reason}")
        return done.stdout

    def start(self, *command: str, at: str, **options: Any) -> subprocess.Popen[str]:
        """Start a program that runs on in namespace `at`; its output goes to a log in the state folder."""
        log = open(self.state / f"{len(self._children):03}-{at}.log", "w")  # closed in clear()
        self._logs.append(log)
        options = {"stdout": log, "stderr": log} | options
        child = subprocess.Popen(inside(at, command), stdin=subprocess.DEVNULL, text=True, **options)
        self._children.append(child)
        return child

    def owns_pid_file(self, path: Path) -> None:
        """Remember a daemon by its pid file: it is ended by `close`."""
        self._pid_files.append(path)

    def finish(self, child: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> int:
        """End one started program with a signal and return its exit code."""
        if child.poll() is None:
            child.send_signal(how)
        try:
            return child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def clear(self) -> None:
        """End all programs and remove all namespaces of a scenario."""
        for child in reversed(self._children):
            self.finish(child)
        for path in self._pid_files:
            end_daemon(path)
        for name in reversed(self._namespaces):
            remove_namespace(PREFIX + name)
        for log in self._logs:
            log.close()
        self._children, self._pid_files, self._namespaces, self._logs = [], [], [], []

    def close(self) -> None:
        """Take everything down and remove the state folder unless the logs are to be kept."""
        self.clear()
        if not self.keep_logs:
            shutil.rmtree(self._folder, ignore_errors=True)


def inside(at: str | None, command: tuple[str, ...]) -> list[str]:
    """The command line that runs `command` in a namespace, under the host name of that machine.

    The UTS namespace keeps the real machine's host name out of the captures.
    """
    if at is None:
        return list(command)
    named = ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', at]
    return ["ip", "netns", "exec", PREFIX + at, *named, *command]


def wait_until(what: str, ready: Any, timeout_s: float = 10) -> None:
    """Poll `ready()` until it is true.

    Raises
    ------
    LabError
        When that takes longer than `timeout_s`.
    """
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise LabError(f"{what} was not ready within {timeout_s:.0f} s")
        time.sleep(0.05)


def end_daemon(pid_file: Path, patience_s: float = 5) -> None:
    """End the process that a pid file names and wait until it is gone."""
    try:
        process = os.pidfd_open(int(pid_file.read_text()))
    except (OSError, ValueError):
        return
    try:
        for how in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(process, how)
            # The descriptor becomes readable when the process ends, even if nobody has collected it yet.
            if select.select([process], [], [], patience_s)[0]:
                return
    except ProcessLookupError:
        return
    finally:
        os.close(process)


def remove_namespace(namespace: str) -> None:
    """End what still runs in a namespace of the lab, then delete it and its resolver files."""
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True)
    for pid in listed.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
    shutil.rmtree(RESOLVER_FOLDER / namespace, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove what a killed earlier run left behind: only namespaces with the prefix of the lab."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        if line.startswith(PREFIX):
            remove_namespace(line.split()[0])
