"""Names while a capture goes on: every few seconds tshark looks through the frames that can hold some.

They are chosen and copied while they are decoded, as for a file, so that the ring need not be read again. One search
runs at a time, in a thread and a tshark of low priority, each bounded by the settings ``name_frames``, ``name_bytes``
and ``name_seconds``; so a busy network is searched in part, and the capture never waits.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from flowmap.capture.choosing import FrameChooser
from flowmap.capture.name_search import NameSearch
from flowmap.capture.names import ApplicationRecord, Found, NameRecord
from flowmap.capture.outcome import Notice, NoticeCounter
from flowmap.capture.runs import Run
from flowmap.errors import FlowMapError
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

INTERVAL_S = 5.0
_REST_SHARE = 3
"""Between two searches at least this many times what the last one took: capturing needs the processor."""

_NICENESS = 10


class LiveNames:
    """Searches the frames of one live capture.

    Parameters
    ----------
    settings : Settings
        ``max_names`` bounds what is remembered of all searches together.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._search, self._chooser = NameSearch(settings), FrameChooser(settings)
        self._running: NameSearch | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._due_s = time.monotonic() + INTERVAL_S
        self._lock = threading.Lock()
        self._new: list[Found] = []
        self._seen: set[tuple[object, ...]] = set()
        self._left_out, self._at_limit = 0, False
        self._codes: set[str] = set()
        self._closed = False

    def keep(self, run: Run, batch: PacketBatch) -> None:
        """Copy the frames of ``batch`` that can hold names; at times this begins a search."""
        self._search.keep(self._chooser, run, batch)
        if self._search.frames and not self._is_searching and time.monotonic() >= self._due_s:
            self._start()
            self._search, self._chooser = NameSearch(self._settings), FrameChooser(self._settings)

    def take(self) -> list[Found]:
        """What was found since the last call; each name, application and neighbour once."""
        with self._lock:
            taken, self._new = self._new, []
            return taken

    def finish(self) -> None:
        """Search what is left, and wait until that is done."""
        self._wait()
        if not self._closed:
            self._closed = True
            self._start()
            self._wait()

    def close(self) -> None:
        """End a search that is under way."""
        self._closed = True
        if self._running is not None:
            self._running.stop()
        self._wait()

    def notices(self) -> list[Notice]:
        """What was odd about the searches so far."""
        counter = NoticeCounter()
        with self._lock:
            for code in sorted(self._codes):
                counter.add(code)
            counter.add("names_incomplete", self._left_out)
            counter.add("names_limit", int(self._at_limit and "names_limit" not in self._codes))
        return counter.notices()

    @property
    def _is_searching(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _wait(self) -> None:
        """Until the search under way has ended.

        Not by joining its thread: once a signal has interrupted that, Python 3.11 takes the thread for ended.
        """
        self._ended.wait()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        """Search the frames so far."""
        self._left_out += self._chooser.left_out
        self._running, ended = self._search, threading.Event()
        thread = threading.Thread(target=self._run, args=(self._running, ended), name="flowmap-names", daemon=True)
        thread.start()
        self._thread, self._ended = thread, ended  # not before: nobody waits for a thread that could not be started

    def _run(self, search: NameSearch, ended: threading.Event) -> None:
        try:
            self._search_all(search)
        finally:
            ended.set()

    def _search_all(self, search: NameSearch) -> None:
        began, notices = time.monotonic(), NoticeCounter()
        with contextlib.suppress(OSError, AttributeError):
            # On Linux this is the thread's alone, and tshark inherits it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        try:
            for record in search.records(notices):
                self._note(record)
        except (FlowMapError, OSError):
            notices.add("names_incomplete")
        took = time.monotonic() - began
        self._due_s = time.monotonic() + max(INTERVAL_S, _REST_SHARE * took)
        with self._lock:
            self._codes |= {notice.code for notice in notices.notices()}

    def _note(self, record: Found) -> None:
        key: tuple[object, ...]
        if isinstance(record, NameRecord):
            key = (record.name, record.source, record.ip, record.mac)
        elif isinstance(record, ApplicationRecord):
            key = (record.protocol, record.ip, record.port)
        else:
            key = (record.point, record.system_name, record.port, record.platform, record.protocol)
        with self._lock:
            if key in self._seen:
                return
            if len(self._seen) >= self._settings.max_names:
                self._at_limit = True
                return
            self._seen.add(key)
            self._new.append(record)
