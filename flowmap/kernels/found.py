"""What the decoder finds beside the rows of frames: capture points, tunnels, and messages that claim an address."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowmap.kernels.arrays import Int32, Int64, Rows
from flowmap.packets import NO_TIME

MAX_POINTS, MAX_TUNNELS, MAX_CLAIMS = 1024, 4096, 2048
"""What one call of the decoder may find; a call that finds more ends early."""

POINT_WORDS, TUNNEL_WORDS, CLAIM_WORDS = 7, 6, 4
_CLAIMS_REMEMBERED = 1024

TOO_DEEP, INCOMPLETE, MIRROR_NOT_DECODED, LENGTH_LIES, CLAIMS, POINTS, TUNNELS, LINKS = range(8)
TIMELESS, ABSURD, BELOW_CAPTURED, EMPTY, BACKWARD, FIRST_NS, LATEST_NS = range(8, 15)
UNTIMED, FRAGMENTS, UNKNOWN_LINKS, WITHOUT_IP, CUT_LINKS, COUNTS = range(15, 21)
"""Places in ``Found.counts``. ``BACKWARD`` counts frames before the latest one, ``FIRST_NS`` is the lowest time and
``LATEST_NS`` the highest, ``NO_TIME`` without any; ``UNTIMED`` counts frames whose record carries no time, which is
nothing implausible, ``UNKNOWN_LINKS`` those of a link type that is not read here, ``WITHOUT_IP`` those with neither IP
nor ARP nor a protocol by which switches know each other, ``CUT_LINKS`` those shorter than their link header."""


class Found(NamedTuple):
    """What a call of the decoder found beside the columns.

    Attributes
    ----------
    points : int64 (MAX_POINTS, POINT_WORDS)
        Interface, cooked index, mirror kind | address version << 8, source address (2), session, index.
    tunnels : int64 (MAX_TUNNELS, TUNNEL_WORDS)
        Kind | address version << 8, source (2), destination (2), network number.
    claims : int64 (MAX_CLAIMS, CLAIM_WORDS)
        Row, what it is (``ARP``, ``NEIGHBOR``, ``DHCP`` below), offset and length of the message in the data.
    counts : int64 (COUNTS,)
        See the places above.
    point_slots, tunnel_slots : int32
        Hash tables over the two; 0: free, else row + 1.
    remembered : int64
        Hashes of claims met in this call.
    links : int64 (MAX_CLAIMS,)
        Rows with LLDP, CDP or spanning tree, the first so many.
    """

    points: Rows
    tunnels: Rows
    claims: Rows
    counts: Int64
    point_slots: Int32
    tunnel_slots: Int32
    remembered: Int64
    links: Int64


ARP, NEIGHBOR, DHCP = 1, 2, 3


def new_found() -> Found:
    """Empty tables."""
    counts = np.zeros(COUNTS, np.int64)
    counts[[FIRST_NS, LATEST_NS]] = NO_TIME
    return Found(
        points=np.empty((MAX_POINTS, POINT_WORDS), np.int64),
        tunnels=np.empty((MAX_TUNNELS, TUNNEL_WORDS), np.int64),
        claims=np.empty((MAX_CLAIMS, CLAIM_WORDS), np.int64),
        counts=counts,
        point_slots=np.zeros(2 * MAX_POINTS, np.int32),
        tunnel_slots=np.zeros(2 * MAX_TUNNELS, np.int32),
        remembered=np.zeros(_CLAIMS_REMEMBERED, np.int64),
        links=np.empty(MAX_CLAIMS, np.int64),
    )
