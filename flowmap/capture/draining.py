"""Reading a live stream ahead of the work on it, so that its writer need not wait while a map is made."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque

PIECE_BYTES = 1 << 20
_TAKE_BYTES = 4 << 20
_POLL_S, _PAUSE_S = 0.2, 0.005
_FEW_BYTES = 1 << 17
"""After a read of less than this the pipe is left to fill for a moment: few large reads cost least."""


class Drain:
    """Reads a descriptor in a thread until it ends or :meth:`close` is called.

    Parameters
    ----------
    descriptor : int
        Stays the caller's.
    most_bytes : int
        What is read ahead at most; then the writer has to wait, and the kernel's buffers fill.

    Attributes
    ----------
    waiting_bytes : int
        Read and not yet taken.
    """

    def __init__(self, descriptor: int, most_bytes: int) -> None:
        self._descriptor, self._most_bytes = descriptor, most_bytes
        self._pieces: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._at_end = self._closed = False
        self.waiting_bytes = 0
        self._full_s = 0.0
        self._full_since_s: float | None = None
        self._thread = threading.Thread(target=self._read, name="flowmap-drain", daemon=True)
        self._thread.start()

    @property
    def is_empty(self) -> bool:
        """Whether everything was taken and nothing will come any more."""
        with self._changed:
            return self._at_end and not self._pieces

    @property
    def has_ended(self) -> bool:
        """Whether the stream came to its end by itself; some of it may not have been taken."""
        with self._changed:
            return self._at_end and not self._closed

    @property
    def full_s(self) -> float:
        """For how long so far nothing was read, because as much was waiting as may."""
        with self._changed:
            return self._full_s + (0.0 if self._full_since_s is None else time.monotonic() - self._full_since_s)

    def take(self, seconds: float) -> list[bytes]:
        """What has come, in order, a few MiB at most; nothing after so many seconds of silence, or at the end."""
        pieces, count = [], 0
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._at_end, seconds)
            while self._pieces and count < _TAKE_BYTES:
                pieces.append(self._pieces.popleft())
                count += len(pieces[-1])
            self.waiting_bytes -= count
            self._changed.notify_all()
        return pieces

    def close(self) -> None:
        """Read no further; what was read can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _read(self) -> None:
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLIN | select.POLLHUP)
        try:
            while self._has_room():
                if not waiting.poll(_POLL_S * 1000):
                    continue
                piece = os.read(self._descriptor, PIECE_BYTES)
                if not piece:
                    return
                with self._changed:
                    self._pieces.append(piece)
                    self.waiting_bytes += len(piece)
                    self._changed.notify_all()
                if len(piece) < _FEW_BYTES:
                    time.sleep(_PAUSE_S)
        except OSError:
            return  # whoever wrote it says why
        finally:
            with self._changed:
                self._at_end = True
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until there is room for a piece; False when nothing more is wanted."""
        with self._changed:
            if not self._may_go_on():
                self._full_since_s = time.monotonic()
                self._changed.wait_for(self._may_go_on)
                self._full_s += time.monotonic() - self._full_since_s
                self._full_since_s = None
            return not self._closed

    def _may_go_on(self) -> bool:
        return self._closed or self.waiting_bytes < self._most_bytes
