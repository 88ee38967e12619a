"""Variants of pcap that share a magic number and differ in the size of their record headers.

Red Hat 6.1, SuSE 6.3 and Nokia wrote them. As Wireshark does, the first records are read in each way, and the way that
finds the fewest oddities is taken; the usual one comes first.
"""

from __future__ import annotations

import struct

from flowmap.capture.container import Container
from flowmap.kernels.framing import MAX_PACKET_BYTES

PLAIN, NOKIA, MODIFIED, SUSE = 16, 20, 24, 28
"""Bytes of a record header."""

_RECORDS_TRIED = 3
_LONGEST_WIRE_BYTES = 128 << 20
_LAST_INTERFACE = 10_000
_OLD_PROTOCOLS = {0x0060, 0x0200, 0x0400, *range(0x18)}
"""Protocol numbers below the ethertypes that Linux used."""


def header_bytes_of(container: Container, head: bytes, order: str) -> int:
    """Size of the record headers of a file.

    Parameters
    ----------
    container : Container
        What its header says.
    head : bytes
        Its beginning; records behind it are not looked at.
    order : str
        Byte order for :mod:`struct`.
    """
    if container.format == "pcap" and struct.unpack_from(order + "HH", head, 4) >= (2, 4):
        variants = [PLAIN, MODIFIED, NOKIA]
    elif container.format == "modified-pcap":
        variants = [MODIFIED, SUSE]
    else:
        return PLAIN
    found = [_oddities(head, container, order, size) for size in variants]
    return variants[found.index(min(found))]


def _oddities(head: bytes, container: Container, order: str, size: int) -> int:
    """What is odd about the first records when they are read with headers of ``size`` bytes."""
    at, odd = container.header_bytes, 0
    for _ in range(_RECORDS_TRIED):
        header = head[at : at + size]
        if len(header) < size:
            return odd + int(bool(header))
        fraction, captured, original = map(int, struct.unpack_from(order + "4xIII", header))
        odd += (fraction >= 1_000_000) + (captured > MAX_PACKET_BYTES) + (captured > container.snaplen)
        odd += (original > _LONGEST_WIRE_BYTES) + (captured > original)
        if size == NOKIA:
            odd += not _is_nokia(*struct.unpack_from("<I", header, 16))
        elif size > NOKIA:
            interface, protocol, kind = struct.unpack_from(order + "IHB", header, 16)
            odd += (interface > _LAST_INTERFACE) + (protocol < 0x600 and protocol not in _OLD_PROTOCOLS) + (kind > 4)
        if captured > MAX_PACKET_BYTES:
            return odd
        if at + size + captured > len(head):
            return odd + 1
        at += size + captured
    return odd


def _is_nokia(word: int) -> bool:
    """The extra word of Nokia's headers, as far as it was ever seen."""
    return (
        word & 0x0FFF_00F0 == 0x0FBF_0000
        and word >> 28 in (0x9, 0xB)
        and word >> 12 & 0xF in (0xB, 0xD)
        and word >> 8 & 0xF in (0x6, 0x9)
        and word & 0xF in (1, 2)
    )
