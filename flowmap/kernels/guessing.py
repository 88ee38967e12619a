"""Where in the middle of a capture file a record probably begins, for a thread that starts there.

A place counts when several plausible records follow one another, or fewer up to the very end of the data. It is a
guess: whoever uses it must compare it with where the records before it end.
"""

from __future__ import annotations

from flowmap.kernels import entry
from flowmap.kernels.arrays import Bytes, Int64
from flowmap.kernels.framing import BIG_ENDIAN, FRACTION_NS, HEADER_BYTES, MAX_PACKET_BYTES, SECRETS, word32

_YEAR_S = 31_557_600
"""Records of one file are believed to be closer in time than this."""


@entry
def find_pcap(data: Bytes, at: int, end: int, layout: Int64, about_s: int, chain: int) -> int:
    """Where the first record at or behind ``at`` and before ``end`` probably begins, -1 when nowhere.

    ``layout`` as in :func:`flowmap.kernels.framing.frame_pcap`, ``about_s`` the second of the file's first record,
    ``chain`` the records that must follow one another.
    """
    size, big, header = len(data), layout[BIG_ENDIAN], layout[HEADER_BYTES]
    fractions = 1_000_000_000 // layout[FRACTION_NS]
    while at < end:
        place, links = at, 0
        while links < chain and size - place >= header:
            seconds, fraction = word32(data, place, big), word32(data, place + 4, big)
            captured, original = word32(data, place + 8, big), word32(data, place + 12, big)
            if captured > MAX_PACKET_BYTES or captured > original or original > MAX_PACKET_BYTES:
                break
            if fraction >= fractions or not -_YEAR_S < seconds - about_s < _YEAR_S:
                break
            place += header + captured
            links += 1
        if links == chain or (links and place == size):
            return at
        at += 1
    return -1


@entry
def find_pcapng(data: Bytes, at: int, end: int, big: int, chain: int) -> int:
    """The same for blocks, which begin at multiples of four; ``at`` is one and counts as in the file."""
    size = len(data)
    while at < end:
        place, links = at, 0
        while links < chain and size - place >= 12:
            kind, length = word32(data, place, big), word32(data, place + 4, big)
            if length < 12 or length & 3 or length > MAX_PACKET_BYTES or length > size - place:
                break
            if not (0 < kind <= SECRETS) or word32(data, place + length - 4, big) != length:
                break
            place += length
            links += 1
        if links == chain or (links and place == size):
            return at
        at += 4
    return -1
