"""Capturing live: dumpcap takes the frames, the kernels decode them, and batches come out while it goes on.

dumpcap is the only program with the right to capture and does nothing else. It writes pcapng into a pipe, which a
thread reads ahead of the decoding; a capture that another program writes can come through standard input instead. The
same bytes can be kept in a ring of files.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from flowmap.capture.container import PCAP_FORMATS, recognise_head
from flowmap.capture.draining import Drain
from flowmap.capture.framing import note_framing
from flowmap.capture.live_checks import check_live
from flowmap.capture.live_end import EndedBy, LiveLimits, end_sentence
from flowmap.capture.live_names import LiveNames
from flowmap.capture.live_reading import FILE, StreamReader
from flowmap.capture.names import Found
from flowmap.capture.opening import can_open
from flowmap.capture.outcome import CaptureInfo, NoticeCounter, Outcome
from flowmap.capture.points import Registry
from flowmap.capture.ring import Ring, RingFile
from flowmap.capture.sources import STANDARD_INPUT, Dumpcap, Failure, Source, StandardInput
from flowmap.errors import CaptureError
from flowmap.heap import freed_memory_kept
from flowmap.packets import COLUMNS, PacketBatch, batch_of
from flowmap.settings import Settings

__all__ = ["FILE", "STANDARD_INPUT", "LiveCapture", "LiveLimits", "RingFile"]

READER = "header"
TICK_S = 0.2
DRAIN_S = 10.0
"""After a stop dumpcap has this long to hand over what was captured."""

LAST_WORDS_S = 1.0
"""Ctrl-C ends both sides of a pipe: the writer has this long for its last packets and for what it has dropped."""

OPEN_S = 20.0
"""dumpcap has this long to begin."""

_HEAD_BYTES = 64


class LiveCapture:
    """One live capture.

    Parameters
    ----------
    names : sequence of str
        Interfaces of the kernel's list, ``any``, or ``-`` alone for a pcap or pcapng stream on standard input. Each is
        a capture point.
    filter : str or None
        A capture filter for all of them, see :mod:`flowmap.capture.filters`.
    limits : LiveLimits
        When it ends by itself.
    registry : Registry
        Takes its capture points and tunnels.
    settings : Settings
    stop : threading.Event, optional
        Ends the capture in order when it is set.
    ring : Path, optional
        A folder for the last packets, see :class:`flowmap.capture.ring.Ring`. Without it nothing is kept.

    Attributes
    ----------
    packets, captured_bytes : int
        So far.
    ended_by : str or None
        Why it has ended, see :data:`flowmap.capture.live_end.EndedBy`; None while it goes on.

    Raises
    ------
    UsageError, CaptureError, ToolError
        As :func:`check_live`.

    Notes
    -----
    One thread runs :meth:`batches`; everything else may be called from others.
    """

    def __init__(
        self,
        names: Sequence[str],
        filter: str | None,
        limits: LiveLimits,
        registry: Registry,
        settings: Settings,
        *,
        stop: threading.Event | None = None,
        ring: Path | None = None,
    ) -> None:
        check_live(names, filter, settings)
        self._interfaces, self._limits, self._registry, self._settings = list(names), limits, registry, settings
        self._stop, self._folder = stop or threading.Event(), ring
        self._source: Source = (
            StandardInput()
            if list(names) == [STANDARD_INPUT]
            else Dumpcap(names, (filter or "").strip(), limits.seconds, limits.packets, settings)
        )
        self._notices, self._names = NoticeCounter(), LiveNames(settings)
        self._drain: Drain | None = None
        self._reader: StreamReader | None = None
        self._ring: Ring | None = None
        self._first_point = len(registry.points)
        self.packets = self.captured_bytes = 0
        self._damage: str | None = None
        self._left: str | None = None
        self.ended_by: EndedBy | None = None

    @property
    def info(self) -> CaptureInfo:
        """What is being captured; ``size_bytes`` are the bytes of the frames so far."""
        return CaptureInfo(FILE, "", self.captured_bytes, None, FILE, READER)

    @property
    def outcome(self) -> Outcome:
        """How it stands; the end of :meth:`batches` makes it final but for what is said about names."""
        return Outcome(
            complete=self._damage is None,
            packets=self.packets,
            notices=[*self._notices.notices(), *self._names.notices()],
            skipped=self._reader.skipped if self._reader else {},
            damage=self._damage,
        )

    @property
    def drops(self) -> dict[str, int | None]:
        """Interface to the frames that the kernel or dumpcap lost; None where that is not known (yet).

        dumpcap tells it at its end. Of a pipe it is what the stream has said so far, with interfaces of its own.
        """
        if isinstance(self._source, StandardInput) and self._reader is not None and self._reader.drops:
            return {STANDARD_INPUT: sum(self._reader.drops)}
        return dict(self._source.drops)

    @property
    def dropped_packets(self) -> int | None:
        """Their sum; None while none is known."""
        known = [count for count in self.drops.values() if count is not None]
        return sum(known) if known else None

    @property
    def missed(self) -> dict[str, int | None]:
        """Interface to the frames that it could not take itself, by its own counters; they are part of the drops."""
        return self._source.missed

    @property
    def held_up_s(self) -> float:
        """For how long ``live_queue_bytes`` were waiting, so that dumpcap had to wait, too, and lost what went on."""
        return self._drain.full_s if self._drain else 0.0

    @property
    def end_sentence(self) -> str | None:
        """Why it has ended, for people."""
        return self.ended_by and end_sentence(self.ended_by, self._limits, self._interfaces)

    @property
    def behind_bytes(self) -> int:
        """Captured and not yet decoded. Once it reaches ``live_queue_bytes`` frames are about to be lost."""
        return self._drain.waiting_bytes if self._drain else 0

    @property
    def ring_files(self) -> list[RingFile]:
        """The files of the ring that are there, oldest first; the last one is being written."""
        return self._ring.files if self._ring else []

    @property
    def ring_problem(self) -> str | None:
        """Why packets are no longer kept, in one sentence."""
        return self._ring.problem if self._ring else None

    def take_names(self) -> list[Found]:
        """Names, applications and neighbours that were found since the last call."""
        return self._names.take()

    def finish_names(self) -> None:
        """After the last batch: wait until the frames not yet searched are searched, ``name_seconds`` at most each."""
        try:
            self._names.finish()
        except BaseException:  # somebody waits no longer: nothing may go on searching without us
            self._names.close()
            raise

    def batches(self) -> Iterator[PacketBatch]:
        """Packets as they come; an empty batch at least every 0.2 s, so that the caller can look after other things.

        Closing the iterator ends the capture and its processes.

        Raises
        ------
        CaptureError, ToolError
            When it ends before the first packet and not because somebody wanted it to.
        """
        at_end, began_s = False, time.monotonic()
        with freed_memory_kept():
            try:
                self._source.start()
                self._drain = Drain(self._source.descriptor, self._settings.live_queue_bytes)
                yield from self._until_the_end(self._source, self._drain)
                at_end = True
            finally:
                if self._drain is not None:
                    self._drain.close()
                failure = self._source.end(patient=at_end)
                if self._ring is not None:
                    self._ring.close()
                if not at_end:
                    self._names.close()
                self._note_drops()
        was_asked = self.ended_by is not None
        self.ended_by = self.ended_by or self._why_it_ended(failure, time.monotonic() - began_s)
        self._note_end(failure, was_asked)

    def _until_the_end(self, source: Source, drain: Drain) -> Iterator[PacketBatch]:
        began = time.monotonic()
        deadline = began + self._limits.seconds if source.waits_for_packets else None
        stopped_at: float | None = None
        head = b""
        while not drain.is_empty:
            pieces = drain.take(TICK_S)
            head = yield from self._batches_of(pieces, head)
            now = time.monotonic()
            if deadline is None and (pieces or now - began > OPEN_S):
                if not pieces:
                    self.ended_by = "dumpcap"
                    raise CaptureError(f"dumpcap has not begun to capture within {OPEN_S:g} s; try again.")
                deadline = now + self._limits.seconds  # the first bytes come when capturing has begun
            if self._reader is not None and self._reader.damage:
                return
            if stopped_at is None and (why := self._why_to_end(bool(deadline and now >= deadline), drain)):
                source.stop()
                stopped_at, self.ended_by = now, why
            elif stopped_at is None and not pieces and source.has_lost_interface():
                source.stop()
                stopped_at, self.ended_by = now, "interface"
            elif stopped_at is not None and now - stopped_at > DRAIN_S:
                self._note_left(drain)
                return
            is_late = stopped_at is not None and (self.ended_by != "stop" or now - stopped_at > LAST_WORDS_S)
            if source.waits_for_packets and is_late:
                drain.close()
        if self._reader is None and isinstance(source, StandardInput):
            self._check_head(head, time.monotonic() - began)
            self._begin(head)  # a short one may be a capture without a packet
            yield from self._decoded()

    def _why_to_end(self, is_over: bool, drain: Drain) -> EndedBy | None:
        """Why to end now. Of a stream that has ended already the last bytes are read, and how it ended says why."""
        if self._is_full():
            return "packets" if self.packets >= self._limits.packets else "bytes"
        has_stopped = self._stop.is_set()
        if drain.has_ended and not (has_stopped and self._source.waits_for_packets):  # Ctrl-C ends a pipe's writer, too
            return None
        return "stop" if has_stopped else "seconds" if is_over else None

    def _why_it_ended(self, failure: Failure | None, lasted_s: float) -> EndedBy:
        """Why it ended, though nobody on this side had asked for it."""
        if self._reader is not None and self._reader.damage:
            return "damage"
        if failure is not None:
            return failure.by
        if isinstance(self._source, StandardInput):
            return "stream"
        # dumpcap knows the limit, too: it ends by itself where we were kept from looking at the time.
        return "seconds" if lasted_s >= self._limits.seconds else "dumpcap"

    def _note_left(self, drain: Drain) -> None:
        """Keep in one sentence what does not come any more, unless nobody wants it."""
        if self._is_full():
            return
        self._left = "dumpcap did not end when it was told to, so its last packets and what it lost are not known."
        if drain.waiting_bytes:
            self._left = f"the last {drain.waiting_bytes:,} bytes captured could not be read within {DRAIN_S:g} s."

    def _batches_of(self, pieces: list[bytes], head: bytes) -> Generator[PacketBatch, None, bytes]:
        """Decode pieces; while it is not known what the stream is they are its head, which is given back."""
        for piece in pieces:
            if self._is_full():
                break
            if self._reader is not None:
                self._reader.append(piece)
            elif len(head := head + piece) >= _HEAD_BYTES:
                self._begin(head)
            yield from self._decoded()
        yield batch_of({name: [] for name in COLUMNS})
        return head

    def _decoded(self) -> Iterator[PacketBatch]:
        if self._reader is None or self._is_full():
            return
        for batch in self._reader.batches(self._limits.packets - self.packets):
            self.packets += len(batch)
            self.captured_bytes += int(batch.captured_bytes.sum())
            yield batch
            if self._is_full():
                return

    def _is_full(self) -> bool:
        return self.packets >= self._limits.packets or self.captured_bytes >= self._limits.bytes

    def _begin(self, head: bytes) -> None:
        """Recognise the stream and get ready to read it."""
        container = recognise_head(head, "Standard input")
        if container.format not in (*PCAP_FORMATS, "pcapng") or not can_open(container):
            raise CaptureError(
                "Standard input is no plain pcap or pcapng stream; give it what 'dumpcap -w -' or "
                "'tcpdump -U -w -' writes."
            )
        if self._folder is not None:
            suffix = ".pcap" if container.format in PCAP_FORMATS else ".pcapng"
            self._ring = Ring(self._folder, suffix, self._settings)
        self._reader = StreamReader(
            container, head, self._registry, self._settings, self._notices, self._names, self._ring
        )

    def _check_head(self, head: bytes, waited_s: float) -> None:
        """Say what is wrong with a stream of which nothing came."""
        if head:
            return
        if self.ended_by:
            raise CaptureError(f"Nothing came on standard input for {waited_s:.0f} s; start the capture that feeds it.")
        raise CaptureError("Standard input is empty (0 bytes); pipe a capture into it.")

    def _note_drops(self) -> None:
        """Drops to the capture points: as dumpcap prints them, else as the stream says."""
        if self._reader is not None:
            self._reader.note_drops()
        if isinstance(self._source, StandardInput):
            return  # an interface of the stream may have the name that stands for the whole
        drops = self._source.drops
        for point in self._registry.points[self._first_point :]:
            told = drops.get(point.interface) if point.key.file == FILE else None
            if told is not None:
                point.dropped_packets = told

    def _note_end(self, failure: Failure | None, was_asked: bool) -> None:
        """Keep what is wrong with the end in one sentence, or raise it when there is nothing else to show."""
        reader, reason = self._reader, failure and failure.sentence
        self._notices.add("no_packets", int(self.packets == 0))
        if reader is not None:
            note_framing(self._notices, reader.counters)
            self._notices.add("unknown_linktype", reader.unread)
            if reader.damage:
                reason = f"the next {reader.what} {reader.damage} (byte {reader.offset:,} of the stream)."
            # A stream that was left in the middle of a packet is no damage.
            elif reason is None and reader.is_in_a_record and not was_asked:
                reason = f"the next {reader.what} is cut short (byte {reader.offset:,} of the stream)."
        reason = reason or self._left
        if reason is None:
            return
        if not self.packets:
            raise CaptureError(f"Nothing was captured: {reason}" if reason[0].islower() else reason)
        self._damage = f"The live capture ended after {self.packets:,} packets: {reason}"
