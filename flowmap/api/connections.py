"""Connections that nobody can keep for nothing: uvicorn's h11 protocol with an end to every wait.

uvicorn ends a connection that is silent after an answer. One that never finishes the head of a request, that drips
bytes of a body behind its answer, or that does not read what it asked for, it keeps for ever, and some dozens of those
are all that ``limit_concurrency`` allows: anybody who reaches the port could close the server with a script of ten
lines (reliability.md threat 32). So a head and a reader have their time, and when connections run out, the one that
has been without a request for longest makes room, then the one whose reader is behind. With so many connections there
are no more requests at once either.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sys
import termios

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from flowmap.api.guard import HEADERS
from flowmap.api.problems import problem_response

MAX_CONNECTIONS = 64
HEAD_S = 10.0
"""From the start of a connection, or the end of an answer, to the end of the next request's head."""

READER_S = 60.0
LEAST_TAKEN_BYTES = 64 << 10
"""So much of an answer has to be taken in each ``READER_S``, or the rest of it."""


class BoundedProtocol(H11Protocol):
    """One connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _idle_since_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, in the place of whoever has waited longest if there is no other."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > MAX_CONNECTIONS:
            others = [one for one in self.connections if isinstance(one, BoundedProtocol) and one is not self]
            # Who reads slowly what anybody may ask for holds a connection as well as who asks for nothing.
            spare = [one for one in others if one._is_idle or one.flow.write_paused]
            min(spare, key=lambda one: (not one._is_idle, one._idle_since_s), default=self)._abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        for timer in (self._head_timer, self._reader_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait_for_head()

    def pause_writing(self) -> None:
        """The reader is behind; it gets time to catch up."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """The reader has caught up."""
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()

    def send_400_response(self, msg: str) -> None:
        """The answer to what is no HTTP, with the headers of every other answer; none where one has begun."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        answer = problem_response(400, "This is no request that can be read; nothing was done.")
        headers = [(name.encode(), value.encode()) for name, value in {**HEADERS, "Connection": "close"}.items()]
        for event in (
            h11.Response(status_code=400, headers=[*answer.raw_headers, *headers], reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait_for_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._idle_since_s = self.loop.time()
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _head_is_late(self, left_before: int | None = None) -> None:
        if not self._is_idle:
            return
        left = self._untaken_bytes()
        if left and (left_before is None or _is_taken(left_before, left)):  # the end of an answer is still on its way
            self._head_timer = self.loop.call_later(READER_S, self._head_is_late, left)
        else:
            self._abort()

    def _watch_reader(self) -> None:
        self._reader_timer = self.loop.call_later(READER_S, self._reader_is_late, self._untaken_bytes())

    def _reader_is_late(self, left_before: int) -> None:
        if _is_taken(left_before, self._untaken_bytes()):
            self._watch_reader()
        else:
            self._abort()

    def _untaken_bytes(self) -> int:
        """What is written and not taken. The kernel holds megabytes of it, and asks for more in large steps."""
        waiting = bytearray(4)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.transport.get_extra_info("socket"), termios.TIOCOUTQ, waiting)
        return self.transport.get_write_buffer_size() + int.from_bytes(waiting, sys.byteorder)

    def _abort(self) -> None:
        # A connection that is being closed stays until its answer is read, if nobody ends it.
        if self.transport is not None:
            self.transport.abort()
        self.connections.discard(self)


def _is_taken(left_before: int, left: int) -> bool:
    """Enough of an answer was taken meanwhile."""
    return left_before - left >= LEAST_TAKEN_BYTES
