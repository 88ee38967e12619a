"""Reading one capture file with pyshark: tshark takes it apart, batches come out, and how it ended is said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from flowmap.capture.columns import BatchBuilder
from flowmap.capture.container import Container
from flowmap.capture.damage import damage_sentence
from flowmap.capture.decompress import Expansion, check_expansion
from flowmap.capture.dissect import Exit
from flowmap.capture.layers import DISSECTED
from flowmap.capture.names import Found
from flowmap.capture.outcome import CaptureInfo, Notice, NoticeCounter, Outcome
from flowmap.capture.places import Places
from flowmap.capture.points import Registry
from flowmap.capture.records import Interface, Walk, walk
from flowmap.capture.rows import FIELDS, Row, split_row
from flowmap.errors import CaptureError, ToolError
from flowmap.packets import NO_TIME, PacketBatch
from flowmap.settings import Settings

if TYPE_CHECKING:
    from flowmap.capture.tshark_fields import TsharkFields

Progress = Callable[[int, float | None], None]
"""Called with the packets read so far and the share of the file, None where that is unknown."""

READER = "pyshark"
"""The name of this reader in the document."""

_PREFERENCES = (
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "arp.detect_duplicate_ips:FALSE",
    "udp.calculate_timestamps:FALSE",
)
_RECORD_BYTES, _BLOCK_BYTES = 16, 32


class PysharkCapture:
    """One capture file, read by :meth:`batches`; then :attr:`outcome` says how that ended.

    Attributes
    ----------
    info : CaptureInfo
    outcome : Outcome or None
        None until the last batch was taken.
    names_notices : list of Notice
        What was odd about the names pass.
    """

    def __init__(
        self, info: CaptureInfo, container: Container, registry: Registry, settings: Settings, tshark: str
    ) -> None:
        self.info = info
        self.outcome: Outcome | None = None
        self.names_notices: list[Notice] = []
        self._container, self._registry, self._settings, self._tshark = container, registry, settings, tshark
        self._blocks: Walk | None = None

    def batches(self, progress: Progress | None = None) -> Iterator[PacketBatch]:
        """Packets in the order of the file, at most ``settings.batch_packets`` a batch.

        Raises
        ------
        CaptureError
            When not one packet of a damaged file can be read, or its link type is not supported.
        LimitError
            When a compressed file expands too far.
        ToolError
            When tshark cannot be run.
        """
        self._check_expansion()
        notices = NoticeCounter()
        notices.add("unknown_version", int(self._container.unknown_version))
        builder = BatchBuilder(self._places(notices), self._registry, self._settings, notices)
        run = self._tshark_run(FIELDS, column_options(self._settings), DISSECTED)
        rows: list[Row] = []
        numbers: list[int] = []
        frames = packets = done_bytes = 0
        latest_ns = NO_TIME
        size = self._settings.batch_packets
        for lines in self._guarded(run):
            for line in lines:
                frames += 1
                row = split_row(line)
                if self._container.format == "pcapng" and not row[_INTERFACE_PLACE]:
                    notices.add("not_a_packet")
                    continue
                rows.append(row)
                numbers.append(frames)
            # One row stays back: a damaged file may show its last row to be no packet.
            while len(rows) > size:
                batch = builder.build(rows[:size], numbers[:size])
                del rows[:size], numbers[:size]
                packets += len(batch)
                latest_ns = int(batch.time_ns[-1])
                yield batch
                done_bytes += self._bytes_of(batch)
                if progress is not None:
                    progress(packets, self._share(done_bytes))
        assert run.exit is not None
        self._refuse_nothing(run.exit, packets + len(rows))
        ending = self._ending(run.exit, packets + len(rows), notices)
        if ending is not None and ending.concatenated and ending.packets == packets + len(rows) - 1:
            del rows[-1:], numbers[-1:]
        if rows:
            batch = builder.build(rows, numbers)
            packets += len(batch)
            latest_ns = int(batch.time_ns[-1])
            yield batch
        if progress is not None:
            progress(packets, 1.0)
        complete = run.exit.kind == "ok" or (ending is not None and ending.trailing_bytes > 0 and ending.whole)
        notices.add("no_packets", int(packets == 0))
        walked = ending or self._blocks
        notices.add("unknown_blocks", walked.unknown_blocks if walked is not None else 0)
        notices.add("dissector_bug", run.exit.dissector_bugs)
        self.outcome = Outcome(
            complete=complete,
            packets=packets,
            notices=notices.notices(),
            skipped=dict(builder.skipped),
            damage=None if complete else self._damage(run.exit, packets, ending, latest_ns),
        )

    def names(self) -> Iterator[Found]:
        """Names and applications that only protocol dissectors can read: a second pass over the file.

        Each is given once; at most ``settings.max_names`` of either kind. A pass that ends early gives what
        it found; afterwards :attr:`names_notices` says so.
        """
        from flowmap.capture import naming  # brings pyshark, which takes a moment to import

        notices = NoticeCounter()
        run = self._tshark_run(naming.FIELDS, (), None, naming.SEPARATOR)
        found = naming.NamePass(run, self._places(notices), self._settings, notices)
        try:
            yield from found.records()
        finally:
            self.names_notices = notices.notices()

    def _tshark_run(
        self,
        fields: tuple[str, ...],
        options: tuple[str, ...],
        protocols: frozenset[str] | None,
        separator: str = ",",
    ) -> TsharkFields:
        from flowmap.capture.tshark_fields import TsharkFields  # brings pyshark, which takes a moment to import

        try:
            return TsharkFields(
                self._container.path,
                tshark=self._tshark,
                read_format=self._container.read_format,
                fields=fields,
                options=options,
                settings=self._settings,
                protocols=protocols,
                separator=separator,
            )
        except OSError as error:
            raise CaptureError(f"{self.info.file} is no longer there; it was moved or deleted.") from error

    def _check_expansion(self) -> None:
        """tshark decompresses on its own and without a limit, so that this comes first."""
        container, limits = self._container, Expansion.of(self._settings, self.info.file)
        if container.compression:
            with contextlib.suppress(OSError):  # it is gone; tshark says so
                check_expansion(container.path, container.compression, limits)

    def _guarded(self, run: TsharkFields) -> Iterator[list[bytes]]:
        try:
            yield from run.lines()
        except OSError as error:
            raise ToolError(
                f"{self.info.file} cannot be read: {error.strerror or 'system error'}; "
                "check free space for temporary files."
            ) from error

    def _places(self, notices: NoticeCounter) -> Places:
        """Capture points of the file; a pcapng is walked once for what its interface blocks say."""
        container = self._container
        if container.format == "pcapng" and self._blocks is None:
            self._blocks = self._walk(None)
        only = Interface("", "", container.linktype, container.snaplen)
        return Places(self.info.file, self._registry, self._blocks, only, notices)

    def _walk(self, stop_after: int | None) -> Walk | None:
        try:
            return walk(self._container, stop_after, self._settings.max_points, self._settings.tshark_wall_s)
        except OSError:
            return None  # it was deleted meanwhile; tshark says so

    def _bytes_of(self, batch: PacketBatch) -> int:
        overhead = _BLOCK_BYTES if self._container.format == "pcapng" else _RECORD_BYTES
        return int(batch.captured_bytes.sum()) + overhead * len(batch)

    def _share(self, done_bytes: int) -> float | None:
        return None if self._container.compression else min(done_bytes / self.info.size_bytes, 1.0)

    def _refuse_nothing(self, ended: Exit, packets: int) -> None:
        """Raise when tshark gave up before the first packet."""
        if ended.kind == "ok" or packets:
            return
        if ended.kind == "damaged":
            raise CaptureError(f"{self.info.file} holds no readable packet: it {ended.text}.")
        if ended.kind == "usage":
            raise ToolError(f"tshark refused to read {self.info.file} ({ended.text}); install tshark 4.0 or newer.")
        way_out = "raise the limit or cut the file" if "FLOWMAP_" in ended.text else "try a newer tshark"
        raise ToolError(f"Nothing of {self.info.file} could be read: {ended.text}; {way_out}.")

    def _ending(self, ended: Exit, packets: int, notices: NoticeCounter) -> Walk | None:
        """Walk a file that was not read to its end to the last packet that was."""
        if ended.kind == "ok":
            return None
        found = self._walk(packets)
        if found is not None:
            if found.packets == packets:
                beyond = self._walk(packets + 1)  # passes blocks that are no packets, finds the end of the data
                if beyond is not None and beyond.packets == packets:
                    found = beyond
            if found.compression_error:
                notices.add(found.compression_error)
            notices.add("trailing_data", int(found.trailing_bytes > 0))
            notices.add("concatenated", int(found.concatenated))
        return found

    def _damage(self, ended: Exit, packets: int, found: Walk | None, latest_ns: int) -> str:
        reason = f"the file {ended.text}" if ended.kind == "damaged" else ended.text
        usable = found if found is not None and found.packets in (packets, packets - 1) else None
        offset, total = (usable.offset, usable.total_bytes) if usable is not None else (None, None)
        return damage_sentence(self.info.file, packets, reason, offset, total, latest_ns)


_INTERFACE_PLACE = FIELDS.index("frame.interface_id")


def column_options(settings: Settings) -> tuple[str, ...]:
    """Preferences, and the overlays' UDP ports as decode-as rules."""
    options = [part for preference in _PREFERENCES for part in ("-o", preference)]
    for ports, protocol in ((settings.vxlan_ports, "vxlan"), (settings.geneve_ports, "geneve")):
        options += [part for port in ports for part in ("-d", f"udp.port=={port},{protocol}")]
    return tuple(options)
