"""Which frames of a capture are handed over for names, batch by batch in the order of the file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flowmap.kernels.choose import REFUSED, choose, choose_links, new_choice
from flowmap.kernels.frames import frames_of
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

_NO_ROWS = np.empty(0, np.int64)


class FrameChooser:
    """The choice of one capture: bounded memory, and the same frames each time.

    Parameters
    ----------
    settings : Settings
        ``name_frames``, ``name_bytes`` and ``name_services``.
    """

    def __init__(self, settings: Settings) -> None:
        self._choice = new_choice(settings.name_frames, settings.name_bytes, settings.name_services)

    @property
    def left_out(self) -> int:
        """Frames that are about names and were not chosen for want of budget.

        Conversations beyond the sample are none of them: of those, a sample is all that is wanted.
        """
        return int(self._choice.classes[:, REFUSED].sum())

    def choose(
        self, batch: PacketBatch, links: npt.NDArray[np.int64] = _NO_ROWS
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
        """Rows of a batch to hand over.

        Parameters
        ----------
        batch : PacketBatch
            With its points as numbered in the map.
        links : int64 (k,)
            Ascending rows that hold LLDP or CDP.

        Returns
        -------
        rows : int64 (m,)
            Ascending.
        to_server : int8 (m,)
            1 for a payload segment to its server, 0 for one from it, -1 where that is unknown.
        """
        frames = frames_of(batch)
        rows, to_server = np.empty(len(batch), np.int64), np.empty(len(batch), np.int8)
        count = choose(frames, 0, len(batch), self._choice, rows, to_server)
        rows, to_server = rows[:count], to_server[:count]
        if len(links):
            kept = np.empty(len(links), np.int64)
            kept = kept[: choose_links(frames, links, self._choice, kept)]
            places = np.searchsorted(rows, kept)
            rows, to_server = np.insert(rows, places, kept), np.insert(to_server, places, -1)
        return rows, to_server
