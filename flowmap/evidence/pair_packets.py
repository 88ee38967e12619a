"""The packets of a pair, cut out of its captures as a pcapng stream.

The captures are read once more by the header reader, one after another, and what folds into the pair's legs is copied:
bytes, original lengths and times as they are, with one interface block for each interface that has such a packet.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowmap.capture import open_capture
from flowmap.capture.header_reading import HeaderCapture
from flowmap.capture.points import PointKey, Registry
from flowmap.capture.runs import Run
from flowmap.errors import FlowMapError
from flowmap.evidence.pair_legs import LegRows, Numbers, PacketFinder
from flowmap.export import pcapng
from flowmap.packets import NO_TIME, PacketBatch, Tunnel
from flowmap.settings import Settings

PIECE_BYTES = 256 << 10
_CLOSING_BYTES = 2_048
"""Room for the block of one more packet and the last comment."""

_NO_TIME_NOTE = "FlowMap: the capture gives this frame no time between 1970 and 2262."


@dataclass(frozen=True, slots=True)
class WantedPackets:
    """What is to be cut out of which captures.

    ``captures`` are the files with their names in the map; ``rows`` those of the pair's legs
    (:func:`flowmap.evidence.pair_legs.leg_rows`), whose points and tunnels are numbered as in ``points`` and
    ``tunnels``; ``comment`` stands at the beginning of what is written.
    """

    captures: Sequence[tuple[Path, str]]
    rows: LegRows
    points: Sequence[PointKey]
    tunnels: Sequence[Tunnel]
    comment: str
    application: str = "FlowMap"


@dataclass(slots=True)
class PacketCut:
    """Gives the stream piece by piece; ``packets`` and ``complete`` are known at its end.

    When it ends early (the limit, damage) the comment of the last packet says so.
    """

    wanted: WantedPackets
    settings: Settings
    packets: int = 0
    complete: bool = True
    _interfaces: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _bytes: int = 0
    _is_full: bool = False
    _last: tuple[int, int, int, bytes, str] | None = None
    _notes: list[str] = field(default_factory=list)

    def pieces(self) -> Generator[bytes, None, None]:
        """The pcapng stream in pieces of about :data:`PIECE_BYTES`.

        Raises
        ------
        FlowMapError
            When the first capture cannot be read; a later one that cannot is told in the comment of the last packet.
        """
        registry = Registry(self.settings.max_points)
        finder = PacketFinder(self.wanted.rows, self.wanted.points, self.wanted.tunnels, registry)
        piece = bytearray(self._counted(pcapng.section(self.wanted.comment, self.wanted.application)))
        for number, (path, name) in enumerate(self.wanted.captures):
            try:
                for blocks in self._blocks_of(path, name, registry, finder):
                    piece += blocks
                    if len(piece) >= PIECE_BYTES:
                        yield bytes(piece)
                        piece.clear()
            except FlowMapError as error:
                if not number:
                    raise
                self._end_early(str(error))
            if self._is_full:
                break
        piece += self._closing()
        yield bytes(piece)

    def _blocks_of(self, path: Path, name: str, registry: Registry, finder: PacketFinder) -> Iterator[bytes]:
        """The blocks of one capture."""
        no_names = self.settings.model_copy(update={"name_frames": 0})
        capture = open_capture(path, registry, no_names, file=name, reader="header")
        assert isinstance(capture, HeaderCapture)
        for run, batch in capture.runs():
            rows = finder.rows_in(batch)
            yield from self._copied(run, batch, rows, registry, name)
            if self._is_full:
                return
        if capture.outcome and capture.outcome.damage:
            self._end_early(capture.outcome.damage)

    def _copied(self, run: Run, batch: PacketBatch, rows: Numbers, registry: Registry, name: str) -> Iterator[bytes]:
        """The packets of some rows, but for the last one, which is held back for what there is to say at the end."""
        frames = run.room.frames
        columns = (
            frames["interface"][rows], frames["linktype"][rows], batch.point[rows], batch.time_ns[rows],
            batch.frame_bytes[rows],
        )  # fmt: skip
        facts = zip(*(column.tolist() for column in columns), run.frames(rows), strict=True)
        for interface, linktype, point, time_ns, frame_bytes, data in facts:
            if self._last is not None:
                yield self._counted(pcapng.packet(*self._last))
            key = (name, interface, linktype)
            number = self._interfaces.get(key)
            if number is None:
                number = self._interfaces[key] = len(self._interfaces)
                yield self._counted(_interface_block(registry, point, key))
            self._last = (number, max(time_ns, 0), frame_bytes, data, _NO_TIME_NOTE if time_ns == NO_TIME else "")
            self.packets += 1
            if self._bytes + len(data) + _CLOSING_BYTES >= self.settings.max_download_bytes:
                self._is_full = True
                self._end_early(
                    f"This file ends at its limit of {self.settings.max_download_bytes:,} bytes, and the captures may "
                    "hold more packets of the pair; raise FLOWMAP_MAX_DOWNLOAD_BYTES, or use the filter in Wireshark."
                )
                return

    def _counted(self, block: bytes) -> bytes:
        self._bytes += len(block)
        return block

    def _end_early(self, text: str) -> None:
        self.complete = False
        if text not in self._notes:
            self._notes.append(text)

    def _closing(self) -> bytes:
        notes = [f"FlowMap: {text}" for text in self._notes]
        if self._last is None:  # no packet carries them, so a section without packets does
            return pcapng.section(" ".join(notes), self.wanted.application) if notes else b""
        number, time_ns, original_bytes, data, note = self._last
        comment = " ".join([note, *notes]).strip()
        return pcapng.packet(number, time_ns, original_bytes, data, comment)


def _interface_block(registry: Registry, point_number: int, key: tuple[str, int, int]) -> bytes:
    file, _, linktype = key
    point = registry.points[point_number]
    return pcapng.interface(linktype, point.snaplen, point.interface, point.description, f"From {file}.")
