"""Which frames of a capture are handed over for names, batch by batch in the order of the file."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from flowmap.kernels.choose import REFUSED, choose, choose_links, new_choice
from flowmap.kernels.frames import frames_of
from flowmap.packets import PacketBatch
from flowmap.settings import Settings

_NO_ROWS = np.empty(0, np.int64)

_BRIDGES = np.array((0x0180C2000000, 0x0180C2000008, 0x01000CCCCCCD), np.int64)
"""Where spanning tree messages go: IEEE 802.1D, provider bridges (802.1ad), Cisco's one for each VLAN."""
_SAME_BRIDGE, _BRIDGES_REMEMBERED = 2, 4096
"""Messages kept of one sender at one point, and how many of those are told apart: they come every two seconds and
all say the same, and would use up what LLDP and CDP need."""


class FrameChooser:
    """The choice of one capture: bounded memory, and the same frames each time.

    Parameters
    ----------
    settings : Settings
        ``name_frames``, ``name_bytes`` and ``name_services``.
    """

    def __init__(self, settings: Settings) -> None:
        self._choice = new_choice(settings.name_frames, settings.name_bytes, settings.name_services)
        self._bridges: Counter[tuple[int, int]] = Counter()

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
            Ascending rows that hold LLDP, CDP or spanning tree.

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
        links = self._without_repeated_bridges(batch, links)
        if len(links):
            kept = np.empty(len(links), np.int64)
            kept = kept[: choose_links(frames, links, self._choice, kept)]
            places = np.searchsorted(rows, kept)
            rows, to_server = np.insert(rows, places, kept), np.insert(to_server, places, -1)
        return rows, to_server

    def _without_repeated_bridges(self, batch: PacketBatch, links: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        is_bridge = np.isin(batch.dst_mac[links], _BRIDGES)
        if not is_bridge.any():
            return links
        keep = ~is_bridge
        for place in np.flatnonzero(is_bridge).tolist():
            row = links[place]
            sender = (int(batch.point[row]), int(batch.src_mac[row]))
            if self._bridges[sender] < _SAME_BRIDGE and len(self._bridges) <= _BRIDGES_REMEMBERED:
                self._bridges[sender] += 1
                keep[place] = True
        return links[keep]
