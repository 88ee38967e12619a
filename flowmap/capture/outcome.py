"""What is said about one capture file beside its packets: what it is, how reading ended, what was odd."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CaptureInfo:
    """One capture file.

    ``file`` is the name shown to people, ``format`` e.g. ``pcap``, ``nanosecond-pcap``, ``modified-pcap``,
    ``pcapng``, ``snoop``, with ``+gz`` or ``+zst`` where compressed.
    """

    file: str
    path: str
    size_bytes: int
    sha256: str | None
    format: str
    reader: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something odd that did not stop the reading, and how often it was met."""

    code: str
    text: str
    count: int


@dataclass(slots=True)
class Outcome:
    """How the reading of a capture ended.

    Attributes
    ----------
    complete : bool
        The whole file was read. False: ``damage`` says why, and everything before it counts (exit 3).
    packets : int
        Packets read; rows of the batches.
    notices : list of Notice
        In the order of first appearance.
    skipped : dict
        Reason to frames among the rows with ``ip_version`` 0 that are no honest non-IP frames.
    damage : str or None
        One sentence: packets read, byte offset, bytes not read, time of the last good packet.
    """

    complete: bool
    packets: int
    notices: list[Notice] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    damage: str | None = None


_TEXTS = {
    "no_packets": "The capture holds no packets.",
    "implausible_time": "Frames have a time outside 1970 to 2262; they count, their time does not.",
    "carried_time": "Times with a fraction beyond a second were carried over.",
    "no_time": "Simple packet blocks carry no time; they count, but stand on no time axis.",
    "implausible_length": "Frames state an original length beyond 262,144 bytes; the captured bytes count.",
    "length_below_captured": "Frames state an original length below the bytes captured.",
    "nothing_captured": "Frames were recorded without a single byte, so they have no addresses.",
    "no_ip": "Frames hold neither IP nor ARP, LLDP, CDP or spanning tree; they count, but belong to no pair.",
    "malformed": "Headers of frames are cut short or contradict themselves; the frames count, but belong to no pair.",
    "ip_length_lies": "IP headers state a length that the frame contradicts; the frame's counts.",
    "not_in_time_order": "Frames stand before an earlier one; first and last time are the extremes.",
    "not_a_packet": "Blocks of the file are no packets (custom or journal blocks) and were left out.",
    "unknown_blocks": "Blocks of a kind that is not known were passed over.",
    "unknown_version": "The file states a format version that is not known; it was read as the usual one.",
    "many_interfaces": "The file has more interfaces than are kept apart; these share one point.",
    "dissector_bug": "tshark reported errors of its own while decoding; the frames count as far as decoded.",
    "trailing_data": "Bytes after the end of the compressed data belong to no capture and were left out.",
    "truncated_gzip": "The compressed data end early.",
    "bad_crc": "The check sum of the compressed data is wrong.",
    "unknown_linktype": "Frames of interfaces with a link type that only tshark reads count as skipped; "
    "read the file with --reader pyshark.",
    "claims_limit": "More address claims (ARP, ND, DHCP) than are kept; further ones were left out.",
    "names_limit": "More names than are kept; further ones were left out.",
    "names_incomplete": "Not every frame with names was searched: the capture has more of them than the budget allows.",
    "no_tshark": "tshark is not installed, so names and applications are missing; everything else is complete.",
    "concatenated": "A second capture file follows inside this file; only the first was read.",
}


class NoticeCounter:
    """Counts oddities by code, so that a packet cannot make unbounded text."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, code: str, count: int = 1) -> None:
        """Count ``code``, a key of the table of texts, ``count`` times more (0 is nothing)."""
        if code not in _TEXTS:
            raise KeyError(code)
        if count:
            self._counts[code] += int(count)

    def notices(self) -> list[Notice]:
        """The notices so far."""
        return [Notice(code, _TEXTS[code], count) for code, count in self._counts.items()]
