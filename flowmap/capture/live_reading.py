"""A live stream from its bytes to batches: framed and decoded by the kernels as it comes, and kept in the ring.

Unlike a file it has no end that could be looked up, so nothing is believed that would let memory grow: a block may be
large only within a bound, and what is waiting for the rest of a record is at most that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from flowmap.capture.blocks import SECTION
from flowmap.capture.container import PCAP_FORMATS, Container
from flowmap.capture.decoding import LINK_TYPES, FrameDecoder
from flowmap.capture.framing import NEW_STATE, Framing, PcapFraming, PcapngFraming, start_at
from flowmap.capture.interface_points import InterfacePoints
from flowmap.capture.live_names import LiveNames
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.points import Registry
from flowmap.capture.records import Interface
from flowmap.capture.ring import Ring
from flowmap.capture.rooms import Room, Rooms
from flowmap.capture.runs import Run
from flowmap.errors import CaptureError
from flowmap.kernels import framing as kernel
from flowmap.kernels.found import UNKNOWN_LINKS
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

FILE = "live"
"""The name of a live capture in points and in the document."""

MAX_BLOCK_BYTES = 16 << 20
"""A longer block of a stream is taken for a lie: what comes behind it would have to wait in memory."""

_SECTION_MARK = SECTION.to_bytes(4, "little")
_NO_END = 1 << 62
_FIRST_BUFFER_BYTES = 1 << 20
_ROOMS_KEPT = 4


class StreamReader:
    """Frames and decodes a stream.

    Parameters
    ----------
    container : Container
        What its beginning says.
    head : bytes
        That beginning, with a pcap header at least.
    registry : Registry
        Takes capture points and tunnels.
    settings : Settings
    notices : NoticeCounter
    names : LiveNames
        Looks through the frames for names.
    ring : Ring, optional
        Keeps the frames.

    Attributes
    ----------
    what : str
        How its records are called: "record" or "block".
    damage : str
        What is wrong with the next record, which ends the reading; "" while all is well.
    unread : int
        Frames with a link type that the kernels do not read.
    """

    def __init__(
        self,
        container: Container,
        head: bytes,
        registry: Registry,
        settings: Settings,
        notices: NoticeCounter,
        names: LiveNames,
        ring: Ring | None,
    ) -> None:
        is_pcap = container.format in PCAP_FORMATS
        self.what = "record" if is_pcap else "block"
        blocks = PcapngFraming(settings.max_points)
        self._framing: Framing = PcapFraming(container, head, seekable=False) if is_pcap else blocks
        sections = None if is_pcap else blocks.sections
        only = Interface("", "", container.linktype, container.snaplen)
        self._points = InterfacePoints(FILE, registry, sections, only, notices)
        self._decoder = FrameDecoder(self._points.number, registry, settings, notices)
        self._rows = settings.batch_packets
        self._rooms = Rooms(self._rows, 1)
        self._names, self._ring, self._notices = names, ring, notices
        self._data, self._size, self._base = np.empty(_FIRST_BUFFER_BYTES, np.uint8), 0, 0
        first_record = container.header_bytes if is_pcap else 0
        self._position = start_at(first_record)
        self._wanted = first_record
        self._is_known = False
        self.damage, self.unread = "", 0
        notices.add("unknown_version", int(container.unknown_version))
        if ring is not None and is_pcap:
            ring.begin(head[:first_record])
        self.append(head)

    @property
    def skipped(self) -> dict[str, int]:
        """Reason to frames without IP that are no honest non-IP frames."""
        return {**self._decoder.skipped, **({"unknown_linktype": self.unread} if self.unread else {})}

    @property
    def drops(self) -> list[int]:
        """Packets dropped, of each interface whose statistics the stream has told."""
        return list(self._position.drops.values())

    @property
    def is_in_a_record(self) -> bool:
        """Whether the bytes so far end within a record."""
        return self._position.at < self._size

    @property
    def offset(self) -> int:
        """Of the next record in the stream."""
        return self._base + self._position.at

    @property
    def counters(self) -> npt.NDArray[np.int64]:
        """Of the framing so far, int64 (COUNTERS,)."""
        return self._position.counters

    def append(self, piece: bytes) -> None:
        """Take more of the stream; what was used up before makes room for it."""
        at, rest = self._position.at, self._size - self._position.at
        if at > self._size:
            at, rest = 0, self._size  # within a file header
        data = self._data
        if rest + len(piece) > len(data):
            data = np.empty(max(2 * len(data), rest + len(piece)), np.uint8)
        if at or data is not self._data:
            data[:rest] = self._data[at : self._size].copy()
        data[rest : rest + len(piece)] = np.frombuffer(piece, np.uint8)
        self._data, self._size, self._base = data, rest + len(piece), self._base + at
        self._position.at -= at
        self._wanted -= at

    def batches(self, most_packets: int) -> Iterator[PacketBatch]:
        """The packets in the bytes so far, at most so many.

        Raises
        ------
        CaptureError
            When the first packets are of a link type that only tshark reads.
        """
        while most_packets > 0 and not self.damage and self._size >= self._wanted:
            room: Room | None = Room(most_packets) if most_packets < self._rows else self._rooms.take()
            assert room is not None
            most_packets -= self._frame(room)
            while room is not None:
                if room.framed:
                    self._decoder.decode(self._data[: self._size], self._base, room)
                rest = None
                if room.count < room.framed:
                    rest = self._rooms.take()
                    rest.receive(room)
                if room.count:
                    yield self._batch(room)
                if room.size == self._rows:
                    self._rooms.give_back(room, _ROOMS_KEPT)
                room = rest

    def note_drops(self) -> None:
        """Hand what statistics blocks said to the capture points."""
        self._points.note_end(self._position.drops)

    def _frame(self, room: Room) -> int:
        """Frame into a room as far as the bytes go, and keep what was framed; how many packets."""
        position, framing = self._position, self._framing
        data = self._data[: self._size]
        began, number = position.at, int(position.counters[kernel.FRAME])
        framing.frame(data, self._base, position, _NO_END - self._base, room)
        if room.framed and not self._is_known:
            self._check_link_types()
        self._keep(began, position.at, room.framed, number + 1)
        if position.status == NEW_STATE:
            began = position.at
            framing.renew(data, position)
            self._keep_header(data[began : position.at].tobytes())
        if position.status == kernel.CUT:
            self._wanted = int(position.counters[kernel.WANTED])
            if self._wanted - position.at > MAX_BLOCK_BYTES:
                stated = self._wanted - position.at
                self.damage = f"says that it is {stated} bytes long, which is more than a live stream may hold back"
        elif position.status != kernel.FULL:
            self.damage = position.reason or "cannot be read"
        return room.framed

    def _check_link_types(self) -> None:
        if not self._framing.linktypes & LINK_TYPES:
            numbers = ", ".join(map(str, sorted(self._framing.linktypes)[:4]))
            raise CaptureError(
                f"Frames of link type {numbers} are not read live; save them with dumpcap -w and read the file with "
                "flowmap analyze --reader pyshark."
            )
        self._is_known = True

    def _keep(self, began: int, end: int, packets: int, first_frame_number: int) -> None:
        if self._ring is not None and end > began:
            self._ring.write(self._data[began:end].data, packets, first_frame_number)

    def _keep_header(self, block: bytes) -> None:
        if self._ring is None or not block:
            return
        if block.startswith(_SECTION_MARK):  # reads the same in both byte orders
            self._ring.begin(block)
        else:
            self._ring.describe(block)

    def _batch(self, room: Room) -> PacketBatch:
        self.unread += int(room.found.counts[UNKNOWN_LINKS])
        batch = self._decoder.batch_of(room)
        self._names.keep(Run(room, self.offset, (self._data, self._base)), batch)
        return batch
