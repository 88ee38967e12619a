"""From a file to decoded runs of frames in their order, on one processor or on several.

One run is a few thousand frames: framed, and decoded right behind that while their bytes are still in the processor's
cache. A large file is cut into stretches, which several threads read at the same time, and for each the first record is
*guessed*; a stretch counts only if the one before it ended exactly there, in the same state. Otherwise it is read again
from the right place. So the result is that of reading one record after another, whatever the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flowmap.capture.framing import NEW_STATE, Framing, Options, Position, Reach, start_at
from flowmap.capture.rooms import Room, Rooms
from flowmap.capture.windows import STEP_BYTES, Bytes, FileBytes, Source, Window
from flowmap.kernels import framing as kernel
from flowmap.kernels.stretches import MESSAGES, OVERLAP_BYTES, WINDOW_BYTES

PARALLEL_FROM_BYTES = 4 << 20
"""A shorter rest of a file is read record by record, without guessing."""

_NO_END = 1 << 62
_LEAST_STRETCH_BYTES, _MAX_STRETCH_BYTES = 64, 16 << 20
_LONGEST_WINDOW_BYTES = 1 << 20
"""A longer record of a stretch is left to the reading record by record."""

_STRETCHES_PER_WORKER = 2
_DENSE = 4
"""Times what is wanted of a part of a file that is still read as a whole: copying is cheaper than many calls."""

_MAX_SPAN_BYTES = 64 << 20

_FULL_SHARE = 0.9
"""Of the rows of a run that a stretch is to fill: one that holds more than these makes a second run of the rest."""


class Decoder(Protocol):
    """The part of :class:`flowmap.capture.decoding.FrameDecoder` that may run in several threads."""

    options: Options

    def decode(self, data: Bytes, base: int, room: Room) -> None:
        """Decode the rows of a room from ``room.count`` to ``room.framed``, perhaps not all of them."""
        ...


@dataclass(slots=True)
class Run:
    """Decoded frames.

    Attributes
    ----------
    room : Room
        Holds them until the next run is asked for.
    end : int
        Offset in the file behind these frames, or a little further.
    source : FileBytes or (uint8 (n,), int)
        The file, or a window of it and its offset there.
    """

    room: Room
    end: int
    source: FileBytes | tuple[Bytes, int]

    def frame(self, row: int) -> bytes:
        """The captured bytes of a frame; fewer where the file has shrunk since."""
        frame = self.room.frames[row]
        at, count = int(frame.offset), int(frame.captured_bytes)
        if isinstance(self.source, FileBytes):
            return self.source.read(at, count)
        data, base = self.source
        return data[at - base : at - base + count].tobytes()

    def frames(self, rows: npt.NDArray[np.int64]) -> Iterator[bytes]:
        """The captured bytes of some frames, ascending; those that lie close together are read at once."""
        found, source = self.room.frames, self.source
        places = list(zip(found["offset"][rows].tolist(), found["captured_bytes"][rows].tolist(), strict=True))
        first, end = (places[0][0], sum(places[-1])) if places else (0, 0)
        most = min(_DENSE * sum(count for _, count in places), _MAX_SPAN_BYTES)
        if isinstance(source, FileBytes) and places and end - first <= most:
            whole = source.read(first, end - first)
            yield from (whole[at - first : at - first + count] for at, count in places)
        else:
            yield from (self.frame(row) for row in rows.tolist())


@dataclass(slots=True)
class Ending:
    """How a stretch, or the whole file, ended.

    Attributes
    ----------
    offset : int
        Behind the last good record.
    status : int
        Of the framing; ``AT_END`` where the stretch or the data end where a record ends.
    reason : str
        What is wrong with the next record.
    counters : int64 (COUNTERS,)
        Of the framing: frame numbers given, those of them that are no packets, and what was odd.
    drops : dict
        Interface over the file to packets dropped.
    """

    offset: int = 0
    status: int = kernel.FULL
    reason: str = ""
    counters: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(kernel.COUNTERS, np.int64))
    drops: dict[int, int] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Frame numbers given so far."""
        return int(self.counters[kernel.FRAME])


@dataclass(slots=True)
class _Stretch:
    """What a worker made of a stretch: begun at ``start`` (-1: no record found), its frames numbered from 1."""

    start: int
    runs: list[Run]
    ending: Ending


class RunReader:
    """Reads one capture.

    Parameters
    ----------
    source : Source
        A file or a stream.
    framing : Framing
        Of its format, at its beginning.
    decoder : Decoder
    first_record : int
        Offset of the first record or block.
    rows : int
        Frames of a run at most.
    workers : int
        Threads; a stream is always read by one.
    step : int
        Bytes read at a time; 1 for a pipe, which is to give what is there.
    parallel_from_bytes : int
        A shorter rest of a file is read record by record.

    Attributes
    ----------
    ending : Ending
        How far the reading has come; final when the last run was taken.
    """

    def __init__(
        self,
        source: Source,
        framing: Framing,
        decoder: Decoder,
        *,
        first_record: int,
        rows: int,
        workers: int = 1,
        step: int = STEP_BYTES,
        parallel_from_bytes: int = PARALLEL_FROM_BYTES,
    ) -> None:
        self._source, self._framing, self._decoder = source, framing, decoder
        self._rows, self._workers, self._step = rows, workers, step
        self._parallel_from = parallel_from_bytes
        self._begun = first_record
        self._rooms, self._keep = Rooms(rows, _LONGEST_WINDOW_BYTES), 4 * (workers + 1)
        self.ending = Ending(offset=first_record)

    def runs(self) -> Iterator[Run]:
        """Runs in the order of the file."""
        for run in self._runs():
            yield run
            self._rooms.give_back(run.room, self._keep)

    def _runs(self) -> Iterator[Run]:
        if isinstance(self._source, FileBytes):
            yield from self._one_by_one(_NO_END, enough=self._rows)
            rest = self._source.size() - self.ending.offset
            if self.ending.status == kernel.FULL and self.ending.frames and rest >= self._parallel_from:
                yield from self._side_by_side(self._source)
        if self.ending.status == kernel.FULL:
            yield from self._one_by_one(_NO_END)

    def _one_by_one(self, end: int, enough: int = _NO_END) -> Iterator[Run]:
        """Read on from where the reading stands, to the offset ``end`` or until ``enough`` frames were framed."""
        window = Window(self._source, self.ending.offset, step=self._step)
        position = start_at(0)
        position.counters[:] = self.ending.counters
        position.drops = self.ending.drops
        while True:
            room: Room | None = self._rooms.take()
            assert room is not None
            self._framing.frame(window.data, window.base, position, end - window.base, room)
            self.ending = _ending(len(window.data), window.base, position)
            self.ending.status = kernel.FULL
            enough -= room.framed
            if not room.framed:
                self._rooms.give_back(room, self._keep)
                room = None
            while room is not None:
                self._decoder.decode(window.data, window.base, room)
                rest = self._rest_of(room)
                yield Run(room, window.base + position.at, (window.data, window.base))
                room = rest
            if enough <= 0:
                return
            if position.status == NEW_STATE:
                self._framing.renew(window.data, position)
            if position.status == kernel.CUT:
                if not window.move(position.at, int(position.counters[kernel.WANTED])):
                    break
                position.at = 0
            elif position.status != kernel.FULL:
                break
        self.ending = _ending(len(window.data), window.base, position)

    def _side_by_side(self, file: FileBytes) -> Iterator[Run]:
        """Read stretches in several threads, and take those that begin where the one before ended."""
        pending: deque[tuple[int, int, Future[_Stretch]]] = deque()
        size, cut = file.size(), self.ending.offset
        pool = _threads(self._workers)
        try:
            while self.ending.status == kernel.FULL and self.ending.offset < size:
                while len(pending) < (self._workers - 1) * _STRETCHES_PER_WORKER + 1 and cut < size:
                    end = min(cut + self._stretch_bytes(), size)
                    framing, exact = self._framing.snapshot(), cut == self.ending.offset
                    work = pool.submit(self._read_stretch, file, framing, cut, end, exact)
                    pending.append((end, framing.version, work))
                    cut = end
                end, version, work = pending.popleft()
                found = work.result()
                if found.start == self.ending.offset and version == self._framing.version:
                    yield from self._take(found)
                else:
                    for run in found.runs:
                        self._rooms.give_back(run.room, self._keep)
                if self.ending.status == kernel.FULL and self.ending.offset < end:
                    yield from self._one_by_one(end)
                if self.ending.status == kernel.AT_END:
                    self.ending.status = kernel.FULL
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _take(self, found: _Stretch) -> Iterator[Run]:
        """Give out the runs of a stretch with their frame numbers in the file."""
        before, ending = self.ending, found.ending
        for run in found.runs:
            run.room.frames["frame_number"][: run.room.count] += before.frames
            yield run
        go_on = (kernel.AT_END, kernel.CUT, NEW_STATE)  # what a worker cannot go beyond is no damage yet
        self.ending = Ending(
            offset=ending.offset,
            status=kernel.FULL if ending.status in go_on else ending.status,
            reason=ending.reason,
            counters=before.counters + ending.counters,
            drops={**before.drops, **ending.drops},
        )

    def _stretch_bytes(self) -> int:
        """Bytes that hold a little less than the frames of a run, by the records so far."""
        average = (self.ending.offset - self._begun) / max(self.ending.frames, 1)
        return int(min(max(_FULL_SHARE * self._rows * average, _LEAST_STRETCH_BYTES), _MAX_STRETCH_BYTES))

    def _read_stretch(self, file: FileBytes, framing: Framing, start: int, end: int, exact: bool) -> _Stretch:
        """Frame and decode the records that begin from ``start`` on and before ``end``, in a thread of the pool."""
        window = self._rooms.take_window()
        try:
            at, reach = 0, Reach(file.descriptor, window, start, 0)
            for size in (WINDOW_BYTES, _LONGEST_WINDOW_BYTES):
                reach.size = file.read_into(window, start, min(end - start + OVERLAP_BYTES, size))
                at = 0 if exact else framing.find(reach.data, start, min(end - start, reach.size))
                if at >= 0:
                    return self._decode_stretch(file, framing, reach, start_at(at), end)
            return _Stretch(-1, [], Ending())
        finally:
            self._rooms.give_back_window(window)

    def _decode_stretch(
        self, file: FileBytes, framing: Framing, reach: Reach, position: Position, end: int
    ) -> _Stretch:
        """Go through a stretch window by window, up to its end or to what a stretch cannot go beyond."""
        start, room = reach.base + position.at, self._rooms.take()
        runs: list[Run] = []
        while True:
            framing.read(reach, position, end, room, self._decoder.options)
            if rest := self._rest_of(room):
                runs.append(Run(room, reach.base + position.at, file))
                room = rest
            elif position.status == kernel.FULL:
                runs.append(Run(room, reach.base + position.at, file))
                room = self._rooms.take()
            elif position.status != MESSAGES:
                break
        if room.count:
            runs.append(Run(room, reach.base + position.at, file))
        else:
            self._rooms.give_back(room, self._keep)
        return _Stretch(start, runs, _ending(reach.size, reach.base, position))

    def _rest_of(self, room: Room) -> Room | None:
        """Another room with the records that a full table kept from being decoded in this one."""
        if room.count == room.framed:
            return None
        rest = self._rooms.take()
        rest.receive(room)
        return rest


class _Inline(Executor):
    """Runs what it is given at once, in the thread that asks."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """See :class:`concurrent.futures.Executor`."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


def _threads(workers: int) -> Executor:
    """One thread less than workers: the last one is the one that asks and folds."""
    if workers == 1:
        return _Inline()
    return ThreadPoolExecutor(workers - 1, thread_name_prefix="flowmap-decode")


def _ending(size: int, base: int, position: Position) -> Ending:
    whole = position.status == kernel.CUT and position.at == size
    return Ending(
        offset=base + position.at,
        status=kernel.AT_END if whole else position.status,
        reason=position.reason,
        counters=position.counters.copy(),
        drops=position.drops,
    )
