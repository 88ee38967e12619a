"""The header reader: one capture file framed and decoded by the kernels, without tshark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

from flowmap.capture.choosing import FrameChooser
from flowmap.capture.container import Container
from flowmap.capture.damage import damage_sentence
from flowmap.capture.decoding import LINK_TYPES, FrameDecoder
from flowmap.capture.dissect import Exit
from flowmap.capture.framing import PcapngFraming, note_framing
from flowmap.capture.interface_points import InterfacePoints
from flowmap.capture.name_search import NameSearch
from flowmap.capture.names import Found
from flowmap.capture.opening import CONVERTED_FORMATS, Opened, open_file
from flowmap.capture.outcome import CaptureInfo, Notice, NoticeCounter, Outcome
from flowmap.capture.points import Registry
from flowmap.capture.pyshark_reading import READER as PYSHARK
from flowmap.capture.pyshark_reading import Progress, PysharkCapture
from flowmap.capture.records import Interface
from flowmap.capture.runs import PARALLEL_FROM_BYTES, Ending, Run, RunReader
from flowmap.capture.tools import find_tshark
from flowmap.errors import CaptureError, ToolError
from flowmap.heap import freed_memory_kept
from flowmap.kernels import framing as kernel
from flowmap.kernels.found import UNKNOWN_LINKS
from flowmap.packets import NO_TIME, PacketBatch
from flowmap.settings import Settings

READER = "header"
UNKNOWN_LINK_TYPE = "unknown_linktype"

_COMPRESSION_REASONS = {
    "truncated_gzip": "the compressed data end early",
    "bad_crc": "the check sum of the compressed data is wrong",
    "zstd": "the compressed data cannot be decompressed any further",
}


class HeaderCapture:
    """One capture file, read by :meth:`batches`; then :attr:`outcome` says how that ended.

    Parameters
    ----------
    info : CaptureInfo
    container : Container
        A format that :func:`flowmap.capture.opening.can_open`.
    registry : Registry
        Takes capture points and tunnels.
    settings : Settings
    exclusively : bool
        False: a file whose first interfaces have a link type that the kernels do not read goes to tshark as a whole.
    opener : callable, optional
        Opens something else than the file of ``container``, a pipe for example.
    search : NameSearch, optional
        Takes the frames that can hold names; then its owner looks through them, and :meth:`names` gives none.
    parallel_from_bytes : int
        A shorter file is read by one thread.

    Attributes
    ----------
    outcome : Outcome or None
        None until the last batch was taken.
    names_notices : list of Notice
        What was odd about the names pass.
    """

    def __init__(
        self,
        info: CaptureInfo,
        container: Container,
        registry: Registry,
        settings: Settings,
        *,
        exclusively: bool = False,
        opener: Callable[[ExitStack], Opened] | None = None,
        search: NameSearch | None = None,
        parallel_from_bytes: int = PARALLEL_FROM_BYTES,
    ) -> None:
        self._info, self._container, self._registry, self._settings = info, container, registry, settings
        self._exclusively, self._parallel_from = exclusively, parallel_from_bytes
        self._opener = opener or (lambda stack: open_file(container, settings, stack, info.file))
        self._instead: PysharkCapture | None = None
        self._own_search = None if search else NameSearch(settings)
        self._search = search or self._own_search
        self.outcome: Outcome | None = None
        self.names_notices: list[Notice] = []

    @property
    def info(self) -> CaptureInfo:
        """The file; ``reader`` is ``pyshark`` once it turned out that only tshark knows its link types."""
        return self._instead.info if self._instead else self._info

    def batches(self, progress: Progress | None = None) -> Iterator[PacketBatch]:
        """Packets in the order of the file, at most ``settings.batch_packets`` a batch.

        Raises
        ------
        CaptureError
            When not one packet of a damaged file can be read, or the file is gone.
        ToolError
            When the file is of a kind that needs tshark, and it is missing or cannot be run.
        """
        for _, batch in self.runs(progress):
            yield batch
        if self._instead is not None:
            yield from self._instead.batches(progress)
            self.outcome = self._instead.outcome

    def runs(self, progress: Progress | None = None) -> Iterator[tuple[Run, PacketBatch]]:
        """The same batches, each with the run that gives the bytes of its frames; errors as in :meth:`batches`.

        A capture that goes to tshark as a whole has none (``exclusively`` prevents that).
        """
        with ExitStack() as stack, freed_memory_kept():
            try:
                opened = self._opener(stack)
            except OSError as error:
                raise CaptureError(f"{self.info.file} is no longer there; it was moved or deleted.") from error
            yield from self._read(opened, progress)

    def _read(self, opened: Opened, progress: Progress | None) -> Iterator[tuple[Run, PacketBatch]]:
        notices = NoticeCounter()
        notices.add("unknown_version", int(self._container.unknown_version))
        points = self._points(opened, notices)
        decoder = FrameDecoder(points.number, self._registry, self._settings, notices)
        reader = RunReader(
            opened.source,
            opened.framing,
            decoder,
            first_record=opened.first_record,
            rows=self._settings.batch_packets,
            workers=self._settings.workers,
            step=opened.step,
            parallel_from_bytes=self._parallel_from,
        )
        chooser = FrameChooser(self._settings)
        packets, latest_ns, unread, done = 0, NO_TIME, 0, 0
        with closing(reader.runs()) as runs:  # type: ignore[type-var]
            for run in runs:
                if packets and progress is not None:
                    progress(packets, _share(done, opened))
                if not packets and not self._exclusively and not opened.framing.linktypes <= LINK_TYPES:
                    self._instead = self._pyshark()
                    return
                unread += int(run.room.found.counts[UNKNOWN_LINKS])
                batch = decoder.batch_of(run.room)
                if self._search is not None:
                    self._search.keep(chooser, run, batch)
                packets += len(batch)
                latest_ns, done = int(batch.time_ns[-1]), run.end
                yield run, batch
        conversion = opened.conversion()
        if not packets and not self._exclusively and conversion is not None and conversion.kind != "ok":
            self._instead = self._pyshark()  # perhaps what it holds cannot be written in another format
            return
        notices.add("names_incomplete", chooser.left_out)
        points.note_end(reader.ending.drops)
        skipped = dict(decoder.skipped)
        if unread:
            skipped[UNKNOWN_LINK_TYPE] = unread
            notices.add(UNKNOWN_LINK_TYPE, unread)
        self._end(opened, reader.ending, packets, latest_ns, notices, skipped)
        if progress is not None:
            progress(packets, 1.0)

    def _points(self, opened: Opened, notices: NoticeCounter) -> InterfacePoints:
        only = Interface("", "", self._container.linktype, self._container.snaplen)
        is_own = isinstance(opened.framing, PcapngFraming) and self._container.format not in CONVERTED_FORMATS
        sections = opened.framing.sections if isinstance(opened.framing, PcapngFraming) and is_own else None
        return InterfacePoints(self._info.file, self._registry, sections, only, notices)

    def _end(
        self,
        opened: Opened,
        ending: Ending,
        packets: int,
        latest_ns: int,
        notices: NoticeCounter,
        skipped: dict[str, int],
    ) -> None:
        """Set the outcome.

        Raises
        ------
        CaptureError, ToolError
            When reading ended before the first packet and not because there is none.
        """
        conversion, error = opened.conversion(), opened.compression.error
        reason = _reason(opened, ending, conversion)
        if reason and not packets:
            self._refuse(reason, conversion)
        note_framing(notices, ending.counters)
        notices.add("no_packets", int(packets == 0))
        notices.add("concatenated", int(ending.status == kernel.SECOND_FILE))
        notices.add("trailing_data", int(opened.compression.trailing_bytes > 0))
        if error in ("truncated_gzip", "bad_crc"):
            notices.add(error)
        damage = None
        if reason:
            offset = None if conversion is not None and conversion.kind != "ok" else ending.offset
            damage = damage_sentence(self._info.file, packets, reason, offset, opened.size_bytes, latest_ns)
        self.outcome = Outcome(not reason, packets, notices.notices(), skipped, damage)

    def _refuse(self, reason: str, conversion: Exit | None) -> None:
        if conversion is None or conversion.kind in ("ok", "damaged"):
            raise CaptureError(f"{self._info.file} holds no readable packet: {reason}.")
        raise ToolError(f"Nothing of {self._info.file} could be read: {reason}; try a newer tshark.")

    # --- what only tshark can tell

    def names(self) -> Iterator[Found]:
        """Names and applications, which only protocol dissectors can read; none where tshark is missing."""
        if self._instead is not None:
            yield from self._instead.names()
            self.names_notices = self._instead.names_notices
        elif self._own_search is not None:
            notices = NoticeCounter()
            try:
                yield from self._own_search.records(notices)
            finally:
                self.names_notices = notices.notices()

    def _pyshark(self) -> PysharkCapture:
        tshark = find_tshark(self._settings)
        info = CaptureInfo(
            self._info.file,
            self._info.path,
            self._info.size_bytes,
            self._info.sha256,
            self._info.format,
            PYSHARK,
        )
        return PysharkCapture(info, self._container, self._registry, self._settings, tshark)


def _share(done: int, opened: Opened) -> float | None:
    return None if opened.size_bytes is None else min(done / opened.size_bytes, 1.0)


def _reason(opened: Opened, ending: Ending, conversion: Exit | None) -> str:
    """Why the reading ended before the end; "" when it did not."""
    if conversion is not None and conversion.kind != "ok":
        return f"the file {conversion.text}" if conversion.kind == "damaged" else conversion.text
    broken = opened.compression.error
    if broken and ending.status in (kernel.AT_END, kernel.CUT):
        return _COMPRESSION_REASONS[broken]
    if ending.status == kernel.AT_END:
        return ""
    what = "block" if isinstance(opened.framing, PcapngFraming) else "record"
    return f"the next {what} {ending.reason}"
