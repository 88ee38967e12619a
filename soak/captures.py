"""Captures of known content: frame n has its own time and length, so that sums tell which frames were counted."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

START_S = 1_700_000_000
ETHERNET, FRAME_RELAY = 1, 107
"""Frames of the second are for tshark alone: the header reader does not know that link type."""

_IP, _TCP, _ACK = 20, 20, 16
_STEP_US = 100
_LENGTHS = 97
_RELAYED = bytes((0x18, 0x41, 0x03, 0xCC))
"""Q.922 address (DLCI 100), UI, and the NLPID of IPv4 (RFC 2427 section 4.1)."""


class Capture(NamedTuple):
    """A pcap file, and what it holds: bytes of its frames by their number from 1 on."""

    content: bytes
    frames: int
    link_bytes: int

    def frame_bytes(self, frames: int) -> int:
        """Sum of the lengths of the first frames."""
        whole, rest = divmod(frames, _LENGTHS)
        payload = whole * sum(range(_LENGTHS)) + sum(range(rest))
        return payload + frames * (self.link_bytes + _IP + _TCP)

    def time_ns(self, frame: int) -> int:
        """When frame ``frame`` (from 1) was recorded."""
        return START_S * 10**9 + (frame - 1) * _STEP_US * 1000


def capture(frames: int, conversations: int = 500, linktype: int = ETHERNET, names: bool = False) -> Capture:
    """TCP segments of many conversations, one after another; frame n carries (n - 1) mod 97 bytes.

    With ``names`` those are the beginning of a request with a host's name, which only tshark can read.
    """
    link = _RELAYED if linktype == FRAME_RELAY else b""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, linktype)]
    filler = b"GET / HTTP/1.1\r\nHost: web.example\r\n\r\n".ljust(_LENGTHS, b"x") if names else bytes(_LENGTHS)
    for number in range(frames):
        flow = number % conversations
        payload = number % _LENGTHS
        total = _IP + _TCP + payload
        source, destination = 0x0A000001 + flow % 200, 0x0A000101 + flow % 50
        header = link or struct.pack("!HIHIH", 0x0050, 0x56800000 + flow % 50, 0x0050, 0x56900000 + flow % 200, 0x0800)
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, total, number & 0xFFFF, 0, 64, 6, 0, source, destination)
        tcp = struct.pack("!HHIIBBHHH", 20_000 + flow, 80, number, 1, 0x50, _ACK, 65_535, 0, 0)
        length = len(header) + total
        seconds, rest = divmod(number * _STEP_US, 1_000_000)
        parts.append(struct.pack("<IIII", START_S + seconds, rest, length, length))
        parts += (header, ip, tcp, filler[:payload])
    return Capture(b"".join(parts), frames, len(link) or 14)


class LiveFrame:
    """Frames of equal length for a cable, each with its number."""

    BYTES = 14 + _IP + _TCP + 6

    def __init__(self) -> None:
        ethernet = struct.pack("!HIHIH", 0x0050, 0x56800001, 0x0050, 0x56900001, 0x0800)
        addresses = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.1.1")
        self._start = ethernet + struct.pack("!BBH", 0x45, 0, _IP + _TCP + 6)
        self._middle = struct.pack("!HBBH", 0, 64, 6, 0) + addresses
        self.sent = 0

    def next(self) -> bytes:
        """The next frame."""
        self.sent += 1
        ports = struct.pack("!HHIIBBHHH", 20_000 + self.sent % 50, 80, self.sent, 1, 0x50, _ACK, 65_535, 0, 0)
        return self._start + struct.pack("!H", self.sent & 0xFFFF) + self._middle + ports + b"abcdef"
