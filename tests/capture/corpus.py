"""Broken and odd capture files, each with the answer that must come.

The cases and their answers are those of reference/reliability.md section 4, which also records what tshark
does with each; the files are made here.
"""

from __future__ import annotations

import gzip
import random
import struct
from dataclasses import dataclass, field

from flowmap.settings import Settings
from tests.capture.files import (
    END,
    RESOLUTION,
    SECOND,
    block,
    enhanced,
    file_header,
    interface,
    option,
    pcap,
    pcapng,
    record,
    section,
    simple,
    statistics,
)
from tests.capture.frames import PLAIN, ip4, udp

OK, PARTIAL, REJECTED = "ok", "partial", "rejected"


@dataclass(frozen=True)
class Case:
    """A file and what must be said of it.

    ``skipped`` counts frames whose IP header is broken or too deep; ``offset`` is the first byte that was not
    read, for partial files whose records can be walked; ``says`` stands in the sentence of a rejection.
    """

    name: str
    data: bytes
    state: str
    packets: int = 0
    notices: dict[str, int] = field(default_factory=dict)
    offset: int | None = None
    says: str = ""
    skipped: dict[str, int] = field(default_factory=dict)


FIVE = pcap()
NG = pcapng()
ONE_NG = section() + interface() + enhanced()
AFTER_FIVE = len(FIVE)
AFTER_ONE_NG = len(ONE_NG)


def _modified() -> bytes:
    """Kuznetzov's variant: eight more bytes in each record header."""
    start = file_header(magic=0xA1B2CD34)
    size = len(PLAIN)
    return start + b"".join(struct.pack("<IIIIIHBB", SECOND, n, size, size, 1, 0, 0, 0) + PLAIN for n in range(5))


def _png() -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack("!I", 13) + b"IHDR" + struct.pack("!IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return head + bytes(4) + struct.pack("!I", 0) + b"IEND\xaeB`\x82"


def _bad_crc() -> bytes:
    good = gzip.compress(FIVE)
    return good[:-8] + bytes(4) + good[-4:]


PCAP_CASES = [
    Case("plain", FIVE, OK, 5),
    Case("empty", b"", REJECTED, says="empty"),
    Case("one byte", b"\xd4", REJECTED, says="not a capture"),
    Case("magic only", FIVE[:4], REJECTED, says="cut off"),
    Case("short file header", FIVE[:20], REJECTED, says="cut off"),
    Case("header without packets", file_header(), OK, 0, {"no_packets": 1}),
    Case("cut in a record header", FIVE + record(PLAIN)[:7], PARTIAL, 5, offset=AFTER_FIVE),
    Case("cut in a packet", FIVE + record(PLAIN)[:30], PARTIAL, 5, offset=AFTER_FIVE),
    Case("captured length 2^32-1", FIVE + record(PLAIN, captured=2**32 - 1) + record(PLAIN), PARTIAL, 5,
         offset=AFTER_FIVE),
    Case("captured length above the maximum", FIVE + record(PLAIN, captured=262146) + record(PLAIN), PARTIAL, 5,
         offset=AFTER_FIVE),
    Case("original below captured length", FIVE + record(PLAIN, length=10) + record(PLAIN), OK, 7,
         {"length_below_captured": 1}),
    Case("original length 2^32-1", FIVE + record(PLAIN, length=2**32 - 1) + record(PLAIN), OK, 7,
         {"implausible_length": 1}),
    Case("nothing captured", FIVE + record(b"", length=60) + record(PLAIN), OK, 7, {"nothing_captured": 1}),
    Case("zero lengths", FIVE + record(b"") + record(PLAIN), OK, 7),
    Case("snaplen too small", pcap(snaplen=16), OK, 5),
    Case("snaplen 0", pcap(snaplen=0), OK, 5),
    Case("snaplen 2^32-1", pcap(snaplen=2**32 - 1), OK, 5),
    Case("version 9.9", file_header(version=(9, 9)) + FIVE[24:], OK, 5, {"unknown_version": 1}),
    Case("big endian", pcap(order=">"), OK, 5),
    Case("nanoseconds", pcap(magic=0xA1B23C4D), OK, 5),
    Case("modified headers", _modified(), OK, 5),
    Case("fractions beyond a second", FIVE + record(PLAIN, fraction=2**32 - 1) + record(PLAIN, fraction=10**6), OK, 7,
         {"implausible_time": 1, "carried_time": 1}),
    Case("second 2^32-1", FIVE + record(PLAIN, seconds=2**32 - 1), OK, 6),
    Case("second 0", file_header() + record(PLAIN, seconds=0) * 2, OK, 2),
    Case("time runs backwards", file_header() + b"".join(record(PLAIN, SECOND - n * 3600) for n in range(5)), OK, 5,
         {"not_in_time_order": 4}),
    Case("one time for all", file_header() + record(PLAIN) * 5, OK, 5),
    Case("unknown link type", pcap(linktype=65535), REJECTED, says="network type 65535 unknown or unsupported"),
    Case("null with a wrong family", file_header(linktype=0) + record(b"\xff" * 4 + ip4(udp(b""))) * 3, OK, 3,
         {"no_ip": 3}),
    Case("raw IP", file_header(linktype=101) + record(ip4(udp(b"a"))) * 3, OK, 3),
    Case("short cooked header", file_header(linktype=113) + record(bytes(7)) * 3, OK, 3, {"malformed": 3}),
    Case("wireless", file_header(linktype=105) + record(b"\x08\x01" + bytes(22)) * 3, OK, 3, {"no_ip": 3}),
    Case("garbage in the middle", FIVE + random.Random(7).randbytes(500) + record(PLAIN) * 5, PARTIAL, 5,
         offset=AFTER_FIVE),
    Case("random bytes", random.Random(1).randbytes(4096), REJECTED, says="not a capture"),
    Case("zeros", bytes(4096), REJECTED, says="not a capture"),
    Case("text", b"hello, this is not a capture\n" * 50, REJECTED, says="not a capture"),
    Case("page", b"<html><script>alert(1)</script></html>", REJECTED, says="not a capture"),
    Case("picture", _png(), REJECTED, says="not a capture"),
    Case("program", b"\x7fELF\x02\x01\x01" + bytes(4089), REJECTED, says="not a capture"),
    Case("JSON", b'{"a":[1,2,3]}', REJECTED, says="not a capture"),
    Case("two pcaps in one", FIVE + FIVE, PARTIAL, 5, {"concatenated": 1}, offset=AFTER_FIVE),
    Case("pcapng behind pcap", FIVE + NG, PARTIAL, 5, offset=AFTER_FIVE),
    Case("gzip", gzip.compress(FIVE), OK, 5),
    Case("gzip of several members", b"".join(gzip.compress(FIVE[n : n + 41]) for n in range(0, AFTER_FIVE, 41)), OK, 5),
    Case("gzip with a wrong check sum", _bad_crc(), PARTIAL, 5, {"bad_crc": 1}),
    Case("gzip in gzip", gzip.compress(gzip.compress(FIVE)), REJECTED, says="compressed twice"),
    Case("bytes behind the gzip", gzip.compress(FIVE) + b"junkjunk" * 10, OK, 5, {"trailing_data": 1}),
    Case("xz", b"\xfd7zXZ\0" + bytes(64), REJECTED, says="compressed with xz"),
]  # fmt: skip

_ZERO_BODY = bytes(20)
_NAMES = struct.pack("<HH", 1, 4 + 31) + bytes([10, 0, 0, 1]) + b"<script>alert(1)</script>.evil\0"
_UNENDED_NAMES = struct.pack("<HH", 1, 8) + bytes([10, 0, 0, 1]) + b"abcd" + END
_LYING_COUNTERS = (option(4, struct.pack("<Q", 2**64 - 1)), option(5, struct.pack("<Q", 2**63)))


def _resolution(byte: int) -> bytes:
    return section() + interface(options=option(9, bytes([byte])) + END) + enhanced() * 2


def _offset(seconds: int) -> bytes:
    return section() + interface(options=option(14, struct.pack("<q", seconds)) + END) + enhanced() * 2


PCAPNG_CASES = [
    Case("ng plain", NG, OK, 5),
    Case("ng section only", section(), OK, 0, {"no_packets": 1}),
    Case("ng without interface", section() + enhanced(), REJECTED, says="interface index 0"),
    Case("ng unknown interface", ONE_NG + enhanced(number=7) + enhanced(), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng interface 2^32-1", ONE_NG + enhanced(number=2**32 - 1) + enhanced(), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng block length 0", ONE_NG + block(6, _ZERO_BODY, length=0), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng block length 33", ONE_NG + block(6, _ZERO_BODY, length=33), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng block length 2^32-4", ONE_NG + block(6, _ZERO_BODY, length=2**32 - 4), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng lengths differ", ONE_NG + enhanced(tail=64) + enhanced(), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng cut block", NG[:-10], PARTIAL, 4, offset=len(NG) - len(enhanced())),
    Case("ng captured beyond block", ONE_NG + enhanced(captured=5000) + enhanced(), PARTIAL, 1, offset=AFTER_ONE_NG),
    Case("ng wrong byte order mark", section(mark=0xDEADBEEF) + interface() + enhanced(), REJECTED,
         says="not a capture"),
    Case("ng version 99", section(major=99) + interface() + enhanced(), REJECTED, says="unknown SHB version 99.0"),
    Case("ng section length lies", section(length=5) + interface() + enhanced() * 3, OK, 3),
    Case("ng section length negative", section(length=-(2**62)) + interface() + enhanced() * 3, OK, 3),
    Case("ng unknown block", section() + interface() + block(0x7FFF1234, b"zz" * 20) + enhanced() * 3, OK, 3,
         {"unknown_blocks": 1}),
    Case("ng unknown blocks before and behind the damage", ONE_NG + block(0x7FFF1234, b"zz" * 20) + enhanced(number=7)
         + block(0x7FFF1234, b"zz" * 20) + enhanced(), PARTIAL, 1, {"unknown_blocks": 1}),
    Case("ng custom block", section() + interface() + block(0xBAD, struct.pack("<I", 1) + b"zz" * 20) + enhanced() * 3,
         OK, 3, {"not_a_packet": 1}),
    Case("ng option overrun", section(options=option(2, b"hw", length=65535)) + interface() + enhanced(), REJECTED,
         says="option of length 65535"),
    Case("ng options without end", section(options=option(3, b"os")) + interface(options=option(2, b"eth0"))
         + enhanced() * 2, OK, 2),
    Case("ng resolution 2^-63", _resolution(0x80 | 63), OK, 2, {"implausible_time": 2}),
    Case("ng resolution 10^-127", _resolution(127), OK, 2, {"implausible_time": 2}),
    Case("ng resolution of seconds", _resolution(0), OK, 2, {"implausible_time": 2}),
    Case("ng time offset greatest", _offset(2**63 - 1), OK, 2, {"implausible_time": 2}),
    Case("ng time offset least", _offset(-(2**63)), OK, 2, {"implausible_time": 2}),
    Case("ng time greatest", section() + interface() + enhanced(ticks=2**64 - 1) * 2, OK, 2, {"implausible_time": 2}),
    Case("ng 10,000 interfaces", section() + interface() * 10_000 + enhanced(number=9999), OK, 1,
         {"many_interfaces": 10_000 - Settings().max_points}),
    Case("ng markup in names", section() + interface(options=option(2, b"<img src=x onerror=alert(1)>")
         + option(3, b'"><script>') + END) + enhanced() * 2, OK, 2),
    Case("ng control characters", section() + interface()
         + enhanced(options=option(1, b"a\0b\x1b[31m\r\n=cmd|x\t\xff\xfe") + END), OK, 1),
    Case("ng markup in resolved names", section() + interface() + block(RESOLUTION, _NAMES + b"\0" + END) + enhanced(),
         OK, 1),
    Case("ng resolved name without end", section() + interface() + block(RESOLUTION, _UNENDED_NAMES) + enhanced(),
         REJECTED, says="non-null-terminated"),
    Case("ng secrets", section() + interface() + block(10, struct.pack("<II", 0x544C534B, 4) + b"key\n") + enhanced(),
         OK, 1),
    Case("ng simple packet without interface", section() + simple(), REJECTED, says="before any IDBs"),
    Case("ng simple packet length 2^32-1", section() + interface() + simple(length=2**32 - 1) + enhanced(), REJECTED,
         says="larger than 262144"),
    Case("ng simple packet", section() + interface() + simple() + enhanced(), OK, 2, {"no_time": 1}),
    Case("ng sections of both byte orders", NG + section(order=">") + interface(order=">") + enhanced(order=">") * 3,
         OK, 8),
    Case("ng two link types", section() + interface(1) + interface(101) + enhanced()
         + enhanced(ip4(udp(b"")), number=1), OK, 2),
    Case("ng lying counters", NG + statistics(0, *_LYING_COUNTERS), OK, 5),
    Case("ng counters of no interface", NG + statistics(99), OK, 5),
    Case("ng shortest section block", block(0x0A0D0D0A, b"", length=12), REJECTED, says="not a capture"),
]  # fmt: skip
