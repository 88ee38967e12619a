"""How long a packet was on the wire, when the file and the headers disagree.

The recorded length may be too small (Open vSwitch with ``snaplen`` writes the cut length as the original
one), absurd (a damaged or hostile file), and the IP header may say 0 (segmentation offload, BIG TCP) or lie.
Reference virtual-switching.md 0.10 and 1.4; DESIGN section 3, bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MAX_FRAME_BYTES = 262_144
"""A frame that claims more than this and more than was captured states an absurd length."""


class IpLengths(NamedTuple):
    """``total`` int64 (n,): length of the IP packet with its header; ``lies`` bool (n,): the header was
    overruled."""

    total: IntArray
    lies: BoolArray


def ip_lengths(
    *,
    declared: IntArray,
    header: IntArray,
    segment: IntArray,
    frame: IntArray,
    captured: IntArray,
    link: IntArray,
    udp_length: IntArray,
) -> IpLengths:
    """Length of the innermost IP packet.

    Parameters
    ----------
    declared : int64 (n,)
        What the IP header says, 0 for "not said" (offload, jumbogram).
    header : int64 (n,)
        IP header with options and extension headers.
    segment : int64 (n,)
        Captured bytes behind it, -1 where unknown.
    frame, captured : int64 (n,)
        Recorded original length and bytes in the file.
    link : int64 (n,)
        What stands before the IP header, -1 where unknown or where other IP headers do.
    udp_length : int64 (n,)
        Length field of a whole UDP datagram directly in this packet, -1 where there is none.

    Notes
    -----
    A header that says more than the frame holds is believed only where the file kept the whole frame (frame =
    captured: a switch that cuts writes it so) and the UDP length, if there is one, agrees. Where the file
    itself says that it cut the frame, it knows the original length, and the header lies.
    """
    cut = np.maximum(frame - captured, 0)
    behind = np.where(segment >= 0, header + segment + cut, -1)
    room = np.where(link >= 0, frame - link, behind)
    beyond = (room >= 0) & (declared > room)
    disagrees = (udp_length >= 0) & (udp_length != declared - header)
    believed = (cut == 0) & ~disagrees
    short = (declared > 0) & (declared < header)
    overruled = short | (beyond & ~believed)
    total = np.where((declared == 0) | overruled, np.maximum(room, header), declared)
    return IpLengths(total, overruled)


def wire_lengths(*, frame: IntArray, captured: IntArray, link: IntArray, outer_ip: IntArray) -> IntArray:
    """Frame length on the wire: max(frame, link header + outermost IP length), captured bytes where absurd.

    ``link`` is -1 where the link header's length is unknown, ``outer_ip`` 0 where there is no IP.
    """
    from_ip = np.where((link >= 0) & (outer_ip > 0), link + outer_ip, 0)
    return np.where(absurd(frame, captured), captured, np.maximum(frame, from_ip))


def absurd(frame: IntArray, captured: IntArray) -> BoolArray:
    """Recorded lengths that no frame can have."""
    return (frame > MAX_FRAME_BYTES) & (frame > captured)
