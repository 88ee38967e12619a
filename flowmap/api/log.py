"""What FlowMap tells its operator: one line an event, as text or JSON, in ``server.log`` or on standard error.

Lines name maps by their id, and faults of ours by theirs. What is in captures, what people called their files, tokens
and folders of users never stand there: an exception is told by its type and its places in the code, because its
message may quote a packet (with ``FLOWMAP_DEBUG`` set it is told whole). Faults of every process are in ``server.log``,
whatever else is chosen, so that the id that a person was shown is found there.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from flowmap.settings import Settings

FILE = "server.log"
_LOGGER = logging.getLogger("flowmap")
_PLAIN = re.compile(r"[\w.:/+-]+", re.ASCII)
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_PLACES_KEPT = 24
REPEATED_S = 60.0


def log_event(event: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Tell that something happened, with numbers, ids and words of ours; what is None is left out."""
    told = {name: value for name, value in facts.items() if value is not None}
    _LOGGER.log(level, event, extra={"event": event, "facts": told})


def log_fault(error: BaseException) -> str:
    """Tell of a mistake of ours; gives the id under which people find it."""
    fault = secrets.token_hex(4)
    log_event("fault", level=logging.ERROR, fault=fault, **_about(error))
    return fault


def log_to(settings: Settings, *, whole_server: bool = False) -> None:
    """Send what this process logs where the settings say.

    Parameters
    ----------
    settings : Settings
        ``data_dir`` holds the file, ``log_to``, ``log_format``, ``log_bytes`` and ``log_files`` say how.
    whole_server : bool
        This is the server and no process of a job: with ``log_to="stderr"`` its events go to standard error.
    """
    for old in list(_LOGGER.handlers):
        if isinstance(old, _SharedFile | _StandardError):
            _LOGGER.removeHandler(old)
            old.close()
    line = _Line(settings.log_format == "json")
    file = _SharedFile(settings.data_dir / FILE, settings.log_bytes, settings.log_files)
    file.setFormatter(line)
    _LOGGER.addHandler(file)
    if whole_server and settings.log_to == "stderr":
        file.setLevel(logging.ERROR)
        stream = _StandardError(sys.stderr)
        stream.setFormatter(line)
        _LOGGER.addHandler(stream)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False


def close_log() -> None:
    """Close the file; it is opened again should anything more be told."""
    for handler in _LOGGER.handlers:
        if isinstance(handler, _SharedFile):
            handler.close()


def log_like_flowmap(name: str) -> None:
    """Let a library's warnings go the same way, each once a minute: strangers can cause as many as they like."""
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate = _LOGGER.handlers, False
    logger.filters = [_OnceAMinute()]
    logger.setLevel(logging.WARNING)


class _OnceAMinute(logging.Filter):
    """Drops a warning whose text was told within the last minute; what is worse is always told."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._told_s: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to tell it."""
        if record.levelno > logging.WARNING:
            return True
        now_s = self._clock_s()  # texts before their values are filled in are the library's, and few
        if now_s - self._told_s.get(record.msg, -REPEATED_S) < REPEATED_S:
            return False
        self._told_s[record.msg] = now_s
        return True


class _Line(logging.Formatter):
    """``TIME LEVEL EVENT name=value ...``, or the same as one JSON object."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One line without control characters, whatever a value holds."""
        event = getattr(record, "event", "message")
        facts = dict(getattr(record, "facts", {}))
        if event == "message":
            facts |= {"logger": record.name, "text": " ".join(record.getMessage().split())}
        if record.exc_info and record.exc_info[1] is not None:
            facts |= _about(record.exc_info[1])
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._as_json:
            return json.dumps({"time": time, "level": record.levelname.lower(), "event": event, **facts}, default=str)
        words = [f"{name}={_word(value)}" for name, value in facts.items()]
        return " ".join([time, record.levelname, event, *words])


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if _PLAIN.fullmatch(text) else json.dumps(value, default=str)


class _SharedFile(RotatingFileHandler):
    """A file of bounded size that several processes append to.

    Any of them may put it aside, one at a time; the others see that by its inode and open the new one.
    """

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=files, delay=True, encoding="ascii")

    def _open(self) -> Any:
        return open(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="ascii")

    def emit(self, record: logging.LogRecord) -> None:
        """Write to the file that has the name now."""
        if self.stream is not None and not self._is_current():
            self.stream.close()
            self.stream = None
        super().emit(record)

    def doRollover(self) -> None:
        """Put the file aside, unless another process just did."""
        assert self.stream is not None
        held = os.dup(self.stream.fileno())  # the lock is the file's, and rolling over closes the stream first
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            if self._is_current():
                super().doRollover()
            else:
                self.stream.close()
                self.stream = self._open()
        finally:
            os.close(held)

    def _is_current(self) -> bool:
        assert self.stream is not None
        try:
            return os.stat(self.baseFilename).st_ino == os.fstat(self.stream.fileno()).st_ino
        except OSError:
            return False

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: a full disk must not end what was being told of, and nobody reads a traceback about it."""


class _StandardError(logging.StreamHandler[TextIO]):
    """Standard error; where it is systemd's journal, each line begins with its priority (sd-daemon(3))."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._is_journal = _is_journal(stream)

    def format(self, record: logging.LogRecord) -> str:
        """The line, for the journal with its priority."""
        line = super().format(record)
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{line}" if self._is_journal else line

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing, as for the file."""


def _is_journal(stream: TextIO) -> bool:
    """Whether this is the stream that ``JOURNAL_STREAM`` names (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _about(error: BaseException) -> dict[str, Any]:
    """An exception without its message: its type and where it came from, the innermost place last."""
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES_KEPT:]
    about: dict[str, Any] = {
        "error": type(error).__name__,
        "places": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if os.environ.get("FLOWMAP_DEBUG"):
        about["traceback"] = "".join(traceback.format_exception(error))
    return about


def _short(path: str) -> str:
    """A source file from its package on, because folders of an installation may name a person."""
    for mark in ("/site-packages/", "/dist-packages/"):
        if mark in path:
            return path.rpartition(mark)[2]
    _, found, rest = path.rpartition("/flowmap/")
    return f"flowmap/{rest}" if found else path.rpartition("/")[2]
