"""One job: what its worker is told, how it is ended, and what its end means for the map."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

from flowmap.api.limits import limit_sentence
from flowmap.api.maps import MapRecord
from flowmap.api.watch import Watch
from flowmap.capture.live_end import EndedBy, LiveLimits, end_sentence
from flowmap.settings import Settings

MAX_LINE_BYTES = 1 << 20


class Job:
    """One job and its process.

    Attributes
    ----------
    record : MapRecord
        Its map.
    live : dict or None
        What a live capture was asked for; None: an analysis.
    process : Popen or None
        The worker, once there is one; ``watch`` looks at it.
    limit : str or None
        The limit for which it is being ended.
    stopped_by : str or None
        Why a live capture is being ended in order, when that was asked for: ``stop``, ``unwatched`` or ``server``.
    ended : Event
        Set when the map has the state that the job left it in.
    """

    def __init__(self, record: MapRecord, live: dict[str, Any] | None) -> None:
        self.record, self.live = record, live
        self.process: subprocess.Popen[bytes] | None = None
        self.cancelled = self.shutting_down = self.command_sent = False
        self.stopped_by: EndedBy | None = None
        self.last_event: dict[str, Any] | None = None
        self.watch: Watch | None = None
        self.limit: str | None = None
        self.ended = threading.Event()
        self._began_s = time.monotonic()

    @property
    def what(self) -> str:
        """What people call it."""
        return "live capture" if self.live else "analysis"

    @property
    def told_its_end(self) -> bool:
        """The worker came to its own end, good or bad."""
        return self.last_event is not None and self.last_event["event"] in ("done", "failed")

    def is_forgotten(self, settings: Settings) -> bool:
        """A live capture whose map nobody has open or has asked for in ``live_unwatched_s``."""
        record, longest_s = self.record, settings.live_unwatched_s
        if self.live is None or self.stopped_by or not longest_s or record.readers:
            return False
        return time.monotonic() - max(self._began_s, record.asked_s) > longest_s

    def command(self, settings: Settings) -> bytes:
        """What the worker is told."""
        record = self.record
        command = {
            "settings": settings.model_dump(mode="json"),
            "folder": str(record.folder.resolve()),
            "name": record.name,
            "captures": [
                {"id": file.id, "name": file.name, "path": str(record.file_path("captures", file).resolve())}
                for file in record.captures
            ],
            "inventory": [
                {
                    "name": file.name,
                    "path": str(record.file_path("inventory", file).resolve()),
                    "modified_ns": file.modified_ns,
                    "host": file.host,
                }
                for file in record.inventory
            ],
            "points": record.points,
            "read_again": not record.can_judge_again,
            "live": self.live,
            "capture_id": secrets.token_hex(16),
        }
        return json.dumps(command).encode() + b"\n"

    def close_stdin(self, last_word: bytes = b"") -> None:
        """Tell a live capture to stop, once it knows what to do."""
        if self.command_sent and self.process and self.process.stdin and not self.process.stdin.closed:
            try:
                self.process.stdin.write(last_word)
                self.process.stdin.close()
            except BrokenPipeError:
                pass

    def send(self, number: signal.Signals) -> None:
        """Signal the worker alone: its tools have groups of their own, and it ends them itself."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, seconds: float) -> None:
        """Let the worker end its tools and leave; a stopped one is woken for that. After ``seconds`` it is killed."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        self.kill_later(seconds)

    def kill_later(self, seconds: float) -> None:
        """Leave the worker so long to end in order."""

        def kill() -> None:
            if not self.ended.wait(seconds):
                self.send(signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()

    def live_facts(self, told: dict[str, Any], settings: Settings) -> dict[str, Any]:
        """How a live capture goes, as its worker told it; who stopped it the worker does not know."""
        if told.get("ended_by") != "stop" or self.stopped_by is None:
            return told
        return {**told, **self._end(self.stopped_by, settings)}

    def live_end(self, settings: Settings) -> dict[str, Any]:
        """Why a live capture has ended, once its process is gone; nothing where the worker has said so."""
        if self.record.live_facts.get("ended_by"):
            return {}
        asked: EndedBy | None = "cancelled" if self.cancelled else "server" if self.shutting_down else None
        return self._end(self.stopped_by or asked or "failure", settings)

    def _end(self, ended_by: EndedBy, settings: Settings) -> dict[str, Any]:
        return live_end(ended_by, self.live or {}, settings)

    def end_state(self, settings: Settings) -> dict[str, Any]:
        """The map's state after the end of its process."""
        event = self.last_event or {}
        if event.get("event") == "done":
            complete = event["complete"]
            return {"state": "done" if complete else "partial", "complete": complete, "error": event["error"]}
        if self.cancelled:
            return {"state": "cancelled", "error": f"The {self.what} was cancelled."}
        told = event.get("event") == "failed" and not self.limit
        sentence: str = event["error"] if told else self._death(settings)
        if self.live and self.record.revision > self.record.revision_before_live:
            sentence = f"{sentence[:-1]}; the map shows what was captured until then."
            return {"state": "partial", "complete": False, "error": sentence}
        return {"state": "failed", "error": sentence}

    def _death(self, settings: Settings) -> str:
        """The sentence for a worker that did not tell its end."""
        status = self.process.returncode if self.process else 0
        limit = self.limit or ("cpu" if status == -signal.SIGXCPU else None)
        if limit:
            return limit_sentence(limit, settings, self.what)
        if status < 0 and self.watch and self.watch.was_near_memory():
            return limit_sentence("memory", settings, self.what)
        how = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
        hint = ", most likely because memory ran out" if status == -signal.SIGKILL and not self.stopped_by else ""
        return f"The {self.what} {how}{hint}; start it again."


def live_end(ended_by: EndedBy, live: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Why a live capture ended, as its map keeps it."""
    limits = LiveLimits(*(live.get(name, 0) for name in LiveLimits._fields))
    names = [interface["name"] for interface in live.get("interfaces", ())]
    return {
        "ended_by": ended_by,
        "end": end_sentence(ended_by, limits, names, unwatched_s=settings.live_unwatched_s),
    }


def events(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """What a worker tells, one at a time, until its end."""
    while line := stream.readline(MAX_LINE_BYTES):
        if line.endswith(b"\n"):  # a line without its end was cut by the death of the worker
            yield json.loads(line)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
