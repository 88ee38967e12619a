"""From a file to decoded runs of frames in their order, on one processor or on several.

One run is a few thousand frames: framed, and decoded right behind that while their bytes are still in the processor's
cache. On several processors the file is cut into stretches, and for each the first record is *guessed*; a stretch
counts only if the one before it ended exactly there, in the same state. Otherwise it is read again from the right
place. So the result is that of reading one record after another, whatever the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from flowmap.capture.decoding import Decoded
from flowmap.capture.framing import NEW_STATE, Framing, Position, start_at
from flowmap.capture.windows import WINDOW_BYTES, Bytes, FileBytes, Source, Window, stretch
from flowmap.kernels import framing as kernel
from flowmap.kernels.framing import Records, empty_records

PARALLEL_FROM_BYTES = 4 << 20
"""A shorter rest of a file is read by one thread."""

_NO_END = 1 << 62
_LEAST_RECORD_BYTES, _LEAST_STRETCH_BYTES, _MAX_STRETCH_BYTES = 12, 64, 16 << 20
_SEARCHED_BYTES = 1 << 20
_STRETCHES_PER_WORKER = 2


class Decoder(Protocol):
    """The part of :class:`flowmap.capture.decoding.FrameDecoder` that may run in several threads."""

    def columns_of(self, data: Bytes, records: Records, first: int, count: int) -> Decoded:
        """Decode rows of ``records``, perhaps fewer than asked for."""
        ...


@dataclass(slots=True)
class Run:
    """Decoded frames.

    Attributes
    ----------
    data : uint8 (n,)
        The bytes that ``records`` point into.
    records : Records
        Row ``first + k`` belongs to row ``k`` of ``decoded``.
    end : int
        Offset in the file behind these frames, or a little further.
    """

    data: Bytes
    records: Records
    first: int
    decoded: Decoded
    end: int


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
    frames, no_packets : int
        Frame numbers given, and those of them that are no packets.
    drops : dict
        Interface over the file to packets dropped.
    """

    offset: int = 0
    status: int = kernel.FULL
    reason: str = ""
    frames: int = 0
    no_packets: int = 0
    drops: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Framed:
    data: Bytes
    records: Records
    count: int
    end: int


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
        A shorter rest of a file is read by one thread.

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
        step: int = WINDOW_BYTES,
        parallel_from_bytes: int = PARALLEL_FROM_BYTES,
    ) -> None:
        self._source, self._framing, self._decoder = source, framing, decoder
        self._rows, self._workers, self._step = rows, workers, step
        self._parallel_from = parallel_from_bytes
        self._begun = first_record
        self.ending = Ending(offset=first_record)

    def runs(self) -> Iterator[Run]:
        """Runs in the order of the file."""
        if isinstance(self._source, FileBytes) and self._workers > 1:
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
        position.counters[kernel.FRAME] = self.ending.frames
        position.counters[kernel.NO_PACKETS] = self.ending.no_packets
        position.drops = self.ending.drops
        for framed in _frame(window, self._framing, position, end, self._rows, renew=True):
            enough -= framed.count
            self.ending = _ending(window, position)
            self.ending.status = kernel.FULL
            yield from _decode(self._decoder, framed)
            if enough <= 0:
                return
        self.ending = _ending(window, position)

    def _side_by_side(self, file: FileBytes) -> Iterator[Run]:
        """Read stretches in several threads, and take those that begin where the one before ended."""
        pending: deque[tuple[int, int, int, Future[_Stretch]]] = deque()
        size, cut = file.size(), self.ending.offset
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="flowmap-decode")
        try:
            while self.ending.status == kernel.FULL and self.ending.offset < size:
                while len(pending) < self._workers * _STRETCHES_PER_WORKER and cut < size:
                    end = min(cut + self._stretch_bytes(), size)
                    framing, exact = self._framing.snapshot(), cut == self.ending.offset
                    work = pool.submit(_read_stretch, file, framing, self._decoder, cut, end, self._rows, exact)
                    pending.append((cut, end, framing.version, work))
                    cut = end
                _, end, version, work = pending.popleft()
                found = work.result()
                if found.start == self.ending.offset and version == self._framing.version:
                    yield from self._take(found)
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
            if run.first == 0:
                run.records.number[:] += before.frames
            run.decoded.table["frame_number"] += before.frames
            yield run
        go_on = (kernel.AT_END, kernel.CUT, NEW_STATE)  # what a worker cannot go beyond is no damage yet
        self.ending = Ending(
            offset=ending.offset,
            status=kernel.FULL if ending.status in go_on else ending.status,
            reason=ending.reason,
            frames=before.frames + ending.frames,
            no_packets=before.no_packets + ending.no_packets,
            drops={**before.drops, **ending.drops},
        )

    def _stretch_bytes(self) -> int:
        """Bytes that hold about as many frames as a run, by the records so far."""
        average = (self.ending.offset - self._begun) / max(self.ending.frames, 1)
        return int(min(max(self._rows * average, _LEAST_STRETCH_BYTES), _MAX_STRETCH_BYTES))


def _read_stretch(
    file: FileBytes, framing: Framing, decoder: Decoder, start: int, end: int, rows: int, exact: bool
) -> _Stretch:
    """Frame and decode the records that begin from ``start`` on and before ``end``; runs in a thread of the pool."""
    window = stretch(file, start, end)
    searched = min(end - start, _SEARCHED_BYTES, len(window.data))
    at = 0 if exact else framing.find(window.data, start, searched)
    if at < 0:
        return _Stretch(-1, [], Ending())
    position = start_at(at)
    runs: list[Run] = []
    for framed in _frame(window, framing, position, end, rows, renew=False):
        runs += _decode(decoder, framed)
    return _Stretch(start + at, runs, _ending(window, position))


def _frame(
    window: Window, framing: Framing, position: Position, end: int, rows: int, *, renew: bool
) -> Iterator[_Framed]:
    """Frame run by run from ``position`` in the window to the offset ``end``, and move the window on."""
    while True:
        data = window.data
        records = empty_records(min(rows, len(data) // _LEAST_RECORD_BYTES + 1))
        count = framing.frame(data, position, end - window.base, records)
        if count:
            yield _Framed(data, records, count, window.base + position.at)
        if renew and position.status == NEW_STATE:
            framing.renew(data, position)
        if position.status == kernel.CUT:
            if not window.move(position.at, int(position.counters[kernel.WANTED])):
                return
            position.at = 0
        elif position.status != kernel.FULL:
            return


def _decode(decoder: Decoder, framed: _Framed) -> Iterator[Run]:
    first = 0
    while first < framed.count:
        decoded = decoder.columns_of(framed.data, framed.records, first, framed.count - first)
        yield Run(framed.data, framed.records, first, decoded, framed.end)
        first += decoded.count


def _ending(window: Window, position: Position) -> Ending:
    whole = position.status == kernel.CUT and position.at == len(window.data)
    return Ending(
        offset=window.base + position.at,
        status=kernel.AT_END if whole else position.status,
        reason=position.reason,
        frames=int(position.counters[kernel.FRAME]),
        no_packets=int(position.counters[kernel.NO_PACKETS]),
        drops=position.drops,
    )
