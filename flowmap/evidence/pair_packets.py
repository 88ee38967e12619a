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
    _written: int = 0
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
        piece = bytearray(pcapng.section(self.wanted.comment, self.wanted.application))
        for number, (path, name) in enumerate(self.wanted.captures):
            try:
                for blocks in self._blocks_of(path, name, registry, finder):
                    piece += blocks
                    if len(piece) >= PIECE_BYTES:
                        self._written += len(piece)
                        yield bytes(piece)
                        piece.clear()
                    if not self._has_room(len(piece)):
                        break
            except FlowMapError as error:
                if not number:
                    raise
                self._end_early(str(error))
            if not self._has_room(len(piece)):
                break
        piece += self._closing()
        yield bytes(piece)

    def _blocks_of(self, path: Path, name: str, registry: Registry, finder: PacketFinder) -> Iterator[bytes]:
        """The blocks of one capture; a batch without a packet of the pair gives an empty piece."""
        no_names = self.settings.model_copy(update={"name_frames": 0})
        capture = open_capture(path, registry, no_names, file=name, reader="header")
        assert isinstance(capture, HeaderCapture)
        for run, batch in capture.runs():
            rows = finder.rows_in(batch)
            yield self._copied(run, batch, rows, registry, name) if len(rows) else b""
        if capture.outcome and capture.outcome.damage:
            self._end_early(capture.outcome.damage)

    def _copied(self, run: Run, batch: PacketBatch, rows: Numbers, registry: Registry, name: str) -> bytes:
        """The packets of some rows, but for the last one, which is held back for what there is to say at the end."""
        frames = run.room.frames
        blocks: list[bytes] = []
        room = self.settings.max_download_bytes - self._written
        for row in rows.tolist():
            key = (name, int(frames.interface[row]), int(frames.linktype[row]))
            number = self._interfaces.get(key)
            if number is None:
                number = self._interfaces[key] = len(self._interfaces)
                blocks.append(_interface_block(registry, int(batch.point[row]), key))
            time_ns = int(batch.time_ns[row])
            note = _NO_TIME_NOTE if time_ns == NO_TIME else ""
            if self._last is not None:
                blocks.append(pcapng.packet(*self._last))
                room -= len(blocks[-1])
            self._last = (number, max(time_ns, 0), int(batch.frame_bytes[row]), run.frame(row), note)
            self.packets += 1
            if room <= 0:
                break
        return b"".join(blocks)

    def _has_room(self, waiting: int) -> bool:
        if self._written + waiting < self.settings.max_download_bytes:
            return True
        limit = self.settings.max_download_bytes
        self._end_early(
            f"This file ends at its limit of {limit:,} bytes, and the captures may hold more packets of the pair; "
            "raise FLOWMAP_MAX_DOWNLOAD_BYTES, or use the filter in Wireshark."
        )
        return False

    def _end_early(self, text: str) -> None:
        self.complete = False
        if text not in self._notes:
            self._notes.append(text)

    def _closing(self) -> bytes:
        if self._last is None:
            return b""
        number, time_ns, original_bytes, data, note = self._last
        comment = " ".join([note, *(f"FlowMap: {text}" for text in self._notes)]).strip()
        return pcapng.packet(number, time_ns, original_bytes, data, comment)


def _interface_block(registry: Registry, point_number: int, key: tuple[str, int, int]) -> bytes:
    file, _, linktype = key
    point = registry.points[point_number]
    return pcapng.interface(linktype, point.snaplen, point.interface, point.description, f"From {file}.")
