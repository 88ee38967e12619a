"""An oracle for framing: pcap and pcapng taken apart record by record in plain Python, written from the format
descriptions (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng) and from what tshark 4.0 does with broken files.

It shares no code with FlowMap and takes the whole file at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

NO_TIME = -(2**63)
MAX_PACKET, MAX_BLOCK = 262_144, 134_348_832


@dataclass
class Walked:
    """Rows (offset, captured, original, time_ns, timed, interface, linktype, number) and how it ended.

    ``offset`` is the first byte behind the last good record; ``whole`` is true where the data end there.
    """

    rows: list[tuple[int, ...]] = field(default_factory=list)
    offset: int = 0
    whole: bool = False
    frames: int = 0
    drops: dict[int, int] = field(default_factory=dict)


def plausible(seconds: int, ns: int) -> int:
    time = seconds * 10**9 + ns
    return time if 0 <= time < 2**63 else NO_TIME


def walk_pcap(data: bytes, header: int = 16) -> Walked:
    """Walk a file with record headers of 16 or 24 bytes."""
    found = Walked(offset=24)
    order = "little" if data[3] == 0xA1 else "big"
    unit = 1 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    linktype = int.from_bytes(data[20:24], order) & 0xFFFF
    at = 24
    while True:
        found.offset = at
        if at == len(data):
            found.whole = True
            return found
        if len(data) - at < header or data[at : at + 8] == data[:8]:
            return found
        second, part, captured, original = (int.from_bytes(data[at + k : at + k + 4], order) for k in (0, 4, 8, 12))
        if captured > MAX_PACKET or len(data) - at - header < captured:
            return found
        ns = part * unit % 2**32
        time = plausible(second, ns) if ns < 2**31 else NO_TIME
        found.frames += 1
        at += header
        found.rows.append((at, captured, min(original, 2**31 - 1), time, 0, 0, linktype, found.frames))
        at += captured


class Broken(Exception):
    """A block that cannot be read."""


def walk_pcapng(data: bytes) -> Walked:
    """Walk all blocks of a file."""
    found, at, order = Walked(), 0, "little"
    interfaces: list[tuple[int, int, Fraction, int]] = []
    first = 0

    def number(place: int, size: int = 4) -> int:
        return int.from_bytes(data[place : place + size], order)

    def options(place: int, end: int) -> list[tuple[int, bytes]]:
        out = []
        while place < end:
            if end - place < 4:
                raise Broken
            code, size = number(place, 2), number(place + 2, 2)
            if end - place - 4 < (size + 3) // 4 * 4:
                raise Broken
            if code == 0:
                break
            if code in (2988, 2989, 19372, 19373) and size < 4:
                raise Broken
            out.append((code, data[place + 4 : place + 4 + size]))
            place += 4 + (size + 3) // 4 * 4
        return out

    def add(place: int, captured: int, original: int, ticks: int | None, interface: int) -> None:
        linktype, _, units, offset = interfaces[interface]
        time = NO_TIME
        if ticks is not None and units <= 10**15:  # a finer one cannot be meant: 64 bits of it do not last a day
            part = ticks % units.numerator * 10**9 % 2**64 // units.numerator
            second = (ticks // units.numerator + offset + 2**63) % 2**64 - 2**63
            time = plausible(second, part) if second >= 0 else NO_TIME
        found.frames += 1
        row = (place, captured, min(original, 2**31 - 1), time, int(ticks is None), first + interface, linktype)
        found.rows.append((*row, found.frames))

    def packet(kind: int, place: int, end: int) -> None:
        if end - place < 20:
            raise Broken
        interface = number(place) if kind == 6 else number(place, 2)
        high, low, captured, original = (number(place + k) for k in (4, 8, 12, 16))
        behind = place + 20 + (captured + 3) // 4 * 4
        if behind > end or interface >= len(interfaces) or captured > MAX_PACKET:
            raise Broken
        sizes = {2: 4, 4: 8, 5: 8, 6: 4}
        for code, value in options(behind, end):
            if len(value) != sizes.get(code, len(value)) or (code == 7 and not value):
                raise Broken
            if code == 7 and value[0] in (1, 2) and len(value) != 9:
                raise Broken
        check_end()
        add(place + 20, captured, original, high << 32 | low, interface)

    def simple(place: int, end: int) -> None:
        if end - place < 4 or not interfaces:
            raise Broken
        original = number(place)
        captured = min(original, interfaces[0][1] or original)
        if captured > MAX_PACKET or place + 4 + (captured + 3) // 4 * 4 != end:
            raise Broken
        check_end()
        add(place + 4, captured, original, None, 0)

    def interface(place: int, end: int) -> None:
        if end - place < 8:
            raise Broken
        units, offset, seen = Fraction(10**6), 0, set()
        for code, value in options(place + 8, end):
            if code not in seen and code == 9 and len(value) == 1:
                units = Fraction(2 ** (value[0] & 127) if value[0] & 128 else 10 ** value[0])
            if code not in seen and code == 14 and len(value) == 8:
                offset = int.from_bytes(value, order, signed=True)
            if code == 11 and not value:
                raise Broken
            seen.add(code)
        check_end()
        interfaces.append((number(place, 2), number(place + 4), units, offset))

    def statistics(place: int, end: int) -> None:
        if end - place < 12:
            raise Broken
        which = number(place)
        counters: dict[int, int] = {}
        for code, value in options(place + 12, end):
            if code in (5, 7) and len(value) == 8:
                counters.setdefault(code, int.from_bytes(value, order))
        check_end()
        if which < len(interfaces) and counters and max(counters.values()) <= 10**12:
            found.drops[first + which] = sum(counters.values())

    def names(place: int, end: int) -> None:
        if end - place < 4:
            raise Broken
        while place < end:
            if end - place < 4:
                raise Broken
            kind, size = number(place, 2), number(place + 2, 2)
            place += 4
            if end - place < (size + 3) // 4 * 4:
                raise Broken
            if kind == 0:
                break
            least = {1: 4, 2: 16}.get(kind, 0)
            text = data[place + least : place + size]
            if size < least or (kind in (1, 2) and text and text[-1]):
                raise Broken
            place += (size + 3) // 4 * 4
        options(place, end)
        check_end()

    def check_end() -> None:
        if (number(at + length - 4) + 3) // 4 * 4 != length:
            raise Broken

    while True:
        found.offset = at
        if at == len(data):
            found.whole = True
            return found
        if len(data) - at < 12:
            return found
        is_section = data[at : at + 4] == b"\x0a\x0d\x0d\x0a"
        if is_section:
            mark = data[at + 8 : at + 12]
            if mark not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
                return found
            order = "little" if mark[0] == 0x4D else "big"
        kind, length = number(at), (number(at + 4) + 3) // 4 * 4
        if length < 12 or length > MAX_BLOCK or len(data) - at < length:
            return found
        body, end = at + 8, at + length - 4
        try:
            if is_section:
                if end - body < 16 or (number(body + 4, 2), number(body + 6, 2)) not in ((1, 0), (1, 2)):
                    raise Broken
                options(body + 16, end)
                check_end()
                first += len(interfaces)
                interfaces = []
            elif kind in (2, 6):
                packet(kind, body, end)
            elif kind == 3:
                simple(body, end)
            elif kind == 1:
                interface(body, end)
            elif kind == 5:
                statistics(body, end)
            elif kind == 4:
                names(body, end)
            elif kind in (0xBAD, 0x40000BAD):
                if end - body < 4:
                    raise Broken
                check_end()
                found.frames += 1
            elif kind == 10:
                if end - body < 8 or number(body + 4) > end - body - 8:
                    raise Broken
                check_end()
            else:
                check_end()
        except Broken:
            return found
        at += length
