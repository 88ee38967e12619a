"""When a live capture ends, and why it did: one word for programs, one sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from flowmap.capture.labels import neutral

EndedBy = Literal[
    "seconds", "bytes", "packets",
    "stop", "unwatched", "cancelled", "server", "stream",
    "interface", "dumpcap", "damage", "failure",
]  # fmt: skip
"""One of its limits; that nobody wanted more, or nobody gave more; or what went wrong."""


class LiveLimits(NamedTuple):
    """A live capture ends at the first of these: seconds, captured bytes, packets."""

    seconds: float
    bytes: int
    packets: int


def end_sentence(ended_by: EndedBy, limits: LiveLimits, names: Sequence[str], *, unwatched_s: float = 0.0) -> str:
    """Why a live capture ended, as a fact; what is missing because of it is said elsewhere.

    Parameters
    ----------
    ended_by : str
        See :data:`EndedBy`.
    limits : LiveLimits
        Those of the capture.
    names : sequence of str
        Its interfaces.
    unwatched_s : float
        After how long a capture ends that nobody looks at.
    """
    if ended_by in ("seconds", "bytes", "packets"):
        return f"Stopped after {_amount(ended_by, limits)}, the limit set for this capture."
    if ended_by == "unwatched":
        return f"Stopped because nobody had looked at it for {_number(unwatched_s)} s (FLOWMAP_LIVE_UNWATCHED_S)."
    if ended_by == "interface":
        what = "The interface" if len(names) == 1 else "One of the interfaces"
        return f"{what} {neutral(', '.join(names))} went away or down."
    return _SENTENCES[ended_by]


_SENTENCES: dict[EndedBy, str] = {
    "stop": "Stopped by hand.",
    "cancelled": "Cancelled by hand.",
    "server": "Stopped because the server ended.",
    "stream": "The stream on standard input ended.",
    "dumpcap": "dumpcap ended before any limit of this capture.",
    "damage": "What came could not be read any further.",
    "failure": "Ended early by a failure.",
}


def _amount(ended_by: EndedBy, limits: LiveLimits) -> str:
    if ended_by == "seconds":
        return f"{_number(limits.seconds)} s"
    count = limits.bytes if ended_by == "bytes" else limits.packets
    return f"{count:,} {str(ended_by) if count != 1 else str(ended_by)[:-1]}"


def _number(value: float) -> str:
    return f"{value:,.12g}"
