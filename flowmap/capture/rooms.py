"""Where frames are framed and decoded: the same memory again and again, because new memory costs more than reading.

The kernel of the operating system clears each page that a process gets, and the processor's caches do not hold it.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap.kernels import found as found_in
from flowmap.kernels import state
from flowmap.kernels.arrays import Int64
from flowmap.kernels.calling import held
from flowmap.kernels.found import Found, new_found
from flowmap.kernels.frames import Frames, columns_of, new_frames
from flowmap.kernels.memory import large_pages
from flowmap.packets import NO_TIME

Bytes = npt.NDArray[np.uint8]


class Room:
    """Rows for one run of frames, and what is found beside them.

    Parameters
    ----------
    size : int
        Frames that fit.

    Attributes
    ----------
    frames : record array of flowmap.kernels.frames.ROW
        The first ``framed`` rows are framed, the first ``count`` of those are decoded, points and tunnels still as
        ``found`` numbers them.
    found : Found
    rows, tables
        The same two, ready to be handed to kernels.
    messages : list of bytes
        The bytes behind each row of ``found.claims``.
    scratch : int64 (state.STATE_WORDS,)
        Room for the decoder to work in.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.frames, self._memory = new_frames(size)
        self.rows = held(self.frames, Frames)
        self.columns = columns_of(self._memory)
        self.found = new_found()
        self.tables = held(self.found, Found)
        self.scratch = held(np.zeros(state.STATE_WORDS, np.int64), Int64)
        self.framed = self.count = 0
        self.messages: list[bytes] = []
        self._own_references = sys.getrefcount(self._memory)

    @property
    def is_looked_at(self) -> bool:
        """Whether anybody still holds a part of the columns: every view of them keeps a reference to their memory."""
        return sys.getrefcount(self._memory) > self._own_references

    @property
    def links(self) -> npt.NDArray[np.int64]:
        """Rows with LLDP or CDP, ascending: int64 (k,)."""
        return self.found.links[: self.found.counts[found_in.LINKS]]

    def keep_messages(self, data: Bytes) -> None:
        """Copy the messages that were found in ``data`` since the last call."""
        first, end = len(self.messages), int(self.found.counts[found_in.CLAIMS])
        if first < end:
            claims = self.found.claims[first:end].tolist()
            self.messages += [data[at : at + length].tobytes() for _, _, at, length in claims]

    def clear(self) -> None:
        """Forget what was found."""
        counts = self.found.counts
        if counts[found_in.POINTS]:
            self.found.point_slots.fill(0)
        if counts[found_in.TUNNELS]:
            self.found.tunnel_slots.fill(0)
        if counts[found_in.CLAIMS]:
            self.found.remembered.fill(0)
        counts.fill(0)
        counts[found_in.FIRST_NS] = counts[found_in.LATEST_NS] = NO_TIME
        self.framed = self.count = 0
        self.messages = []

    def receive(self, other: Room) -> None:
        """Take over the records that were not decoded in another room."""
        rows = other.framed - other.count
        self.frames[:rows] = other.frames[other.count : other.framed]
        self.framed, other.framed = rows, other.count


class Rooms:
    """Lends rooms of one size, and windows of bytes; may be used by several threads.

    Parameters
    ----------
    size : int
        Of a room.
    window_bytes : int
        Of a window.
    """

    def __init__(self, size: int, window_bytes: int) -> None:
        self._size, self._window_bytes = size, window_bytes
        self._rooms: deque[Room] = deque()
        self._windows: deque[Bytes] = deque()
        self._lock = threading.Lock()

    def take(self) -> Room:
        """An empty room."""
        with self._lock:
            for _ in range(len(self._rooms)):
                room = self._rooms.pop()  # the last one used is the one in the processor's cache
                if not room.is_looked_at:
                    room.clear()
                    return room
                self._rooms.appendleft(room)
        return Room(self._size)

    def give_back(self, room: Room, keep: int) -> None:
        """Lend it again once nobody looks at it any more; of those that are looked at only ``keep`` are remembered."""
        with self._lock:
            self._rooms.append(room)
            while len(self._rooms) > keep:
                self._rooms.popleft()  # somebody collects batches: the memory lives as long as they do

    def take_window(self) -> Bytes:
        """A window with any bytes in it."""
        try:
            return self._windows.pop()
        except IndexError:
            return large_pages(self._window_bytes)

    def give_back_window(self, window: Bytes) -> None:
        """Lend it again."""
        self._windows.append(window)


def plain_table(room: Room) -> dict[str, npt.NDArray[Any]]:
    """The decoded rows of a room as columns."""
    return {name: column[: room.count] for name, column in room.columns.items()}
