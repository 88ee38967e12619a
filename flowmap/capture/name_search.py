"""Names and applications for the header reader: it keeps a few frames as it goes, tshark dissects them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowmap.capture.choosing import FrameChooser
from flowmap.capture.handover import HandedFrames
from flowmap.capture.names import Found
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.runs import Run
from flowmap.capture.tools import find_tshark
from flowmap.errors import ToolError
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

if TYPE_CHECKING:
    from flowmap.capture.naming import NamePass


class NameSearch:
    """Collects the frames of one or more captures that can hold names, for a single run of tshark.

    Without tshark, or with a budget of no frames, it collects nothing.

    Parameters
    ----------
    settings : Settings
        ``name_frames`` and ``name_bytes`` are the budget of each capture.
    captures : int
        How many captures there are.
    """

    def __init__(self, settings: Settings, captures: int = 1) -> None:
        budget = {"name_frames": settings.name_frames * captures, "name_bytes": settings.name_bytes * captures}
        self._settings = settings.model_copy(update=budget)
        try:
            self._tshark = find_tshark(settings)
        except ToolError:
            self._tshark = ""
        wanted = self._tshark and settings.name_frames
        self._frames = HandedFrames(self._settings) if wanted else None
        self._pass: NamePass | None = None
        self._stopped = False

    @property
    def frames(self) -> int:
        """How many are kept."""
        return len(self._frames) if self._frames is not None else 0

    def stop(self) -> None:
        """End the search, from another thread than that which takes the records."""
        self._stopped = True
        if self._pass is not None:
            self._pass.stop()

    def keep(self, chooser: FrameChooser, run: Run, batch: PacketBatch) -> None:
        """Keep the frames that are worth dissecting of ``batch``, which was decoded from ``run``."""
        if self._frames is None:
            return
        rows, to_server = chooser.choose(batch, run.room.links)
        linktypes = run.room.frames["linktype"]
        for row, direction in zip(rows.tolist(), to_server.tolist(), strict=True):
            self._frames.add(
                int(batch.frame_number[row]),
                int(batch.point[row]),
                int(linktypes[row]),
                int(batch.time_ns[row]),
                int(batch.frame_bytes[row]),
                run.frame(row),
                direction,
            )

    def records(self, notices: NoticeCounter) -> Iterator[Found]:
        """What tshark finds in the frames kept; they are given up afterwards."""
        if not self._tshark:
            notices.add("no_tshark")
        if self._frames is None:
            return
        from flowmap.capture.naming import handed_names  # brings pyshark, which takes a moment to import

        try:
            self._pass = handed_names(self._frames, self._tshark, self._settings, notices)
            if not self._stopped:
                yield from self._pass.records()
        finally:
            self._frames.close()
            self._frames = None
