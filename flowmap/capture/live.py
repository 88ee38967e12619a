"""Capturing live: dumpcap takes the frames, tshark takes them apart, and batches come out while it goes on.

dumpcap is the only program with the right to capture and does nothing else. It writes pcapng into a pipe that tshark
reads with the same fields and column code as a file; a capture that another program writes can come through standard
input instead. The pipe's reader is opened first, so that neither end is left over: when tshark dies, dumpcap's pipe
breaks, and when dumpcap ends, tshark reads the end.
"""

from __future__ import annotations

import math
import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from flowmap.capture.columns import BatchBuilder
from flowmap.capture.container import recognise
from flowmap.capture.dissect import BLOCK_BYTES, MAX_LINE_BYTES
from flowmap.capture.filters import check_words, try_on_interface
from flowmap.capture.interfaces import check_interface, interfaces, linktype_of
from flowmap.capture.layers import DISSECTED
from flowmap.capture.outcome import CaptureInfo, NoticeCounter, Outcome
from flowmap.capture.places import Places
from flowmap.capture.points import Registry
from flowmap.capture.reading import READER, column_options
from flowmap.capture.records import Interface, Walk
from flowmap.capture.rows import FIELDS, Row, split_row
from flowmap.capture.sources import Dumpcap, Source, Stream, make_pipe
from flowmap.capture.tools import find_tshark
from flowmap.capture.tshark_fields import TsharkFields
from flowmap.errors import CaptureError, ToolError, UsageError
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

STANDARD_INPUT = "-"
FILE = "live"
"""The name of a live capture in points and in the document."""

TICK_S = 0.2
DRAIN_S = 10.0
"""After a stop tshark has this long to print what was captured."""

_HEAD_BYTES, _HEAD_S = 64, 30.0
_SNAPLEN = 262_144
_INTERFACE_PLACE = FIELDS.index("frame.interface_id")
_PCAPNG_READER = "Wireshark/... - pcapng"


class LiveLimits(NamedTuple):
    """A live capture ends at the first of these: seconds, captured bytes, packets."""

    seconds: float
    bytes: int
    packets: int


def check_live(interface: str, filter: str | None, settings: Settings) -> None:
    """Check interface and filter as far as that goes without starting to capture.

    Raises
    ------
    UsageError
        A filter that is too long, has words that would be looked up, or is no filter.
    CaptureError
        An interface that is unknown or down.
    ToolError
        dumpcap or tshark is missing, or dumpcap may not capture.
    """
    text = (filter or "").strip()
    check_words(text, settings)
    find_tshark(settings)
    if interface == STANDARD_INPUT:
        if text:
            raise UsageError("A capture filter needs an interface; filter standard input where it is captured.")
        return
    check_interface(interface)
    try_on_interface(text, interface, settings)


class LiveCapture:
    """One live capture.

    Parameters
    ----------
    interface : str
        A name of the kernel's list, ``any``, or ``-`` for a pcap or pcapng stream on standard input.
    filter : str or None
        A capture filter, see :mod:`flowmap.capture.filters`.
    limits : LiveLimits
        When it ends by itself.
    registry : Registry
        Takes its capture points and tunnels.
    settings : Settings
        Tool paths and tshark's limits.
    stop : threading.Event, optional
        Ends the capture in order when it is set.

    Attributes
    ----------
    dropped_packets : int or None
        Frames that kernel or dumpcap lost, known at the end; it is also set on the capture's points.

    Raises
    ------
    UsageError, CaptureError, ToolError
        As :func:`check_live`.
    """

    def __init__(
        self,
        interface: str,
        filter: str | None,
        limits: LiveLimits,
        registry: Registry,
        settings: Settings,
        *,
        stop: threading.Event | None = None,
    ) -> None:
        check_live(interface, filter, settings)
        self.dropped_packets: int | None = None
        self._interface, self._filter, self._limits = interface, (filter or "").strip(), limits
        self._registry, self._settings, self._stop = registry, settings, stop or threading.Event()
        self._notices = NoticeCounter()
        # Without blocks to walk, the one interface of the stream is told from here.
        name = "" if interface == STANDARD_INPUT else interface
        only = Interface(name, "", linktype_of(interface) if name else -1, _SNAPLEN)
        places = Places(FILE, registry, Walk(sections=[0], interfaces=[only], interface_count=1), only, self._notices)
        self._builder = BatchBuilder(places, registry, settings, self._notices)
        self._first_point = len(registry.points)
        self._packets = self._bytes = self._frames = 0
        self._damage: str | None = None
        self._ended_here = False

    @property
    def info(self) -> CaptureInfo:
        """What is being captured; ``size_bytes`` are the bytes of the frames so far."""
        return CaptureInfo(FILE, "", self._bytes, None, "live", READER)

    @property
    def outcome(self) -> Outcome:
        """How it stands; the end of :meth:`batches` makes it final."""
        return Outcome(
            complete=self._damage is None,
            packets=self._packets,
            notices=self._notices.notices(),
            skipped=dict(self._builder.skipped),
            damage=self._damage,
        )

    def batches(self) -> Iterator[PacketBatch]:
        """Packets as they come; an empty batch at least every 0.2 s, so that the caller can look after other things.

        Closing the iterator ends the capture and its processes.

        Raises
        ------
        CaptureError, ToolError
            When it ends before the first packet and not because somebody wanted it to.
        """
        settings = self._settings
        with tempfile.TemporaryDirectory(prefix="flowmap-live-") as folder:
            source, read_format = self._source(Path(folder))
            run = _TsharkLive(
                make_pipe(Path(folder)), find_tshark(settings), read_format, source,
                settings.model_copy(update={"tshark_cpu_s": settings.tshark_cpu_s + math.ceil(self._limits.seconds)}),
            )  # fmt: skip
            reason, at_end = None, False
            try:
                yield from self._until_the_end(run, source)
                at_end = True
            finally:
                reason = source.end(patient=at_end)
                self._note_drops(source)
            self._note_end(run, reason)

    def _source(self, folder: Path) -> tuple[Source, str]:
        if self._interface != STANDARD_INPUT:
            limits = self._limits
            source = Dumpcap(self._interface, self._filter, limits.seconds, limits.packets, self._settings)
            return source, _PCAPNG_READER
        head = _read_head(0, self._stop)
        (folder / "head").write_bytes(head)
        found = recognise(folder / "head", "Standard input")
        if "pcap" not in found.format or found.compression:
            raise CaptureError(
                "Standard input is no plain pcap or pcapng stream; give it what 'dumpcap -w -' or "
                "'tcpdump -U -w -' writes."
            )
        return Stream(0, head), found.read_format

    def _until_the_end(self, run: _TsharkLive, source: Source) -> Iterator[PacketBatch]:
        deadline = stopped_at = None
        for lines in run.lines():
            yield self._batch(lines, run.is_pcapng)
            now = time.monotonic()
            deadline = deadline or now + self._limits.seconds  # the first block comes when capturing has begun
            if stopped_at is None and (now >= deadline or self._stop.is_set() or self._is_full):
                source.stop()
                stopped_at, self._ended_here = now, True
            elif stopped_at is not None and now - stopped_at > DRAIN_S:
                return

    @property
    def _is_full(self) -> bool:
        return self._packets >= self._limits.packets or self._bytes >= self._limits.bytes

    def _batch(self, lines: list[bytes], is_pcapng: bool) -> PacketBatch:
        rows: list[Row] = []
        numbers: list[int] = []
        for line in lines:
            if self._packets + len(rows) >= self._limits.packets:
                break
            self._frames += 1
            row = split_row(line)
            if is_pcapng and not row[_INTERFACE_PLACE]:
                self._notices.add("not_a_packet")
                continue
            rows.append(row)
            numbers.append(self._frames)
        batch = self._builder.build(rows, numbers)
        self._packets += len(batch)
        self._bytes += int(batch.captured_bytes.sum())
        return batch

    def _note_drops(self, source: Source) -> None:
        self.dropped_packets = source.dropped_packets
        for point in self._registry.points[self._first_point :]:
            if point.key.file == FILE:
                point.dropped_packets = source.dropped_packets

    def _note_end(self, run: _TsharkLive, reason: str | None) -> None:
        """Keep what is wrong with the end in one sentence, or raise it when there is nothing else to show."""
        self._notices.add("no_packets", int(self._packets == 0))
        if run.exit is not None:
            self._notices.add("dissector_bug", run.exit.dissector_bugs)
            # A stream that was left in the middle of a packet is no damage.
            if reason is None and run.exit.kind not in ("ok", "damaged" if self._ended_here else "ok"):
                reason = f"tshark gave up: {run.exit.text}."
        if reason is None:
            return
        if not self._packets:
            raise CaptureError(reason)
        self._damage = f"The live capture ended after {self._packets:,} packets: {reason}"


class _TsharkLive(TsharkFields):
    """tshark on a pipe that a source fills; silence is no stall, because a network may be silent."""

    def __init__(self, pipe: Path, tshark: str, read_format: str, source: Source, settings: Settings) -> None:
        # pyshark insists on a regular file; the pipe takes its place before anything is started.
        super().__init__(
            tshark,
            tshark=tshark,
            read_format=read_format,
            fields=FIELDS,
            options=("-l", *column_options(settings)),
            settings=settings,
            protocols=DISSECTED,
        )
        self.input_filepath = pipe
        self._source = source
        self.is_pcapng = read_format == _PCAPNG_READER

    def _start(self, folder: str) -> subprocess.Popen[bytes]:
        process = super()._start(folder)
        try:
            self._source.start(self.input_filepath, process)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return process

    def _blocks(self, process: subprocess.Popen[bytes]) -> Generator[list[bytes], None, str]:
        """Rows as they come, an empty block on every tick of silence; the return value as in the parent."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        rest = b""
        while True:
            if not select.select([descriptor], [], [], TICK_S)[0]:
                yield []
                continue
            data = os.read(descriptor, BLOCK_BYTES)
            if not data:
                return ""
            head, newline, tail = data.rpartition(b"\n")
            if newline:
                block, rest = rest + head, tail
                yield block.split(b"\n")
            else:
                rest += tail
                if len(rest) > MAX_LINE_BYTES:
                    return "line_too_long"


def _read_head(descriptor: int, stop: threading.Event) -> bytes:
    """The first bytes of a stream, enough to tell what it is."""
    head = b""
    deadline = time.monotonic() + _HEAD_S
    while len(head) < _HEAD_BYTES and not stop.is_set():
        if time.monotonic() > deadline:
            raise CaptureError(f"Nothing came on standard input for {_HEAD_S:g} s; start the capture that feeds it.")
        if select.select([descriptor], [], [], TICK_S)[0]:
            data = os.read(descriptor, _HEAD_BYTES - len(head))
            if not data:
                break
            head += data
    if not head:
        raise CaptureError("Standard input is empty (0 bytes); pipe a capture into it.")
    return head


def capture_problem(settings: Settings) -> str | None:
    """Why nothing can be captured on this machine, in one sentence; None when it can."""
    try:
        find_tshark(settings)
        try_on_interface("", _some_interface(), settings)
    except ToolError as error:
        return str(error)
    except CaptureError:
        return None  # this interface is in no state to tell
    return None


def _some_interface() -> str:
    usable = [interface["name"] for interface in interfaces() if interface["up"]]
    if not usable:
        raise CaptureError("There is no interface that is up.")
    return usable[0]
