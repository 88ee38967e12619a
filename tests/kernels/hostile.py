"""Damaged captures and cut frames through the whole header reader and the fold, and what came of each.

:func:`main` writes the answers to a file, so that a test can hold those of kernels with bounds checking, or without the
compiler, against those of the compiled ones.
"""

from __future__ import annotations

import pickle
import random
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from flowmap.capture.container import recognise
from flowmap.capture.decoding import FrameDecoder
from flowmap.capture.header_reading import HeaderCapture
from flowmap.capture.outcome import CaptureInfo, NoticeCounter
from flowmap.capture.points import Registry
from flowmap.capture.reading import open_capture
from flowmap.capture.rooms import Room, plain_table
from flowmap.errors import CaptureError
from flowmap.fold import LegFold
from flowmap.packets import COLUMNS
from flowmap.settings import Settings
from tests.capture import files
from tests.capture import frames as f
from tests.capture.random_frames import cut, damaged, ethernet, random_frame

ETHERNET, NULL, PPP, PPPOE, RAW, CISCO_HDLC, COOKED, IPOIB, COOKED_2 = 1, 0, 9, 51, 101, 104, 113, 242, 276
_ROWS, _STRETCHED_FROM_BYTES = 12, 64
"""So few that small files too are read in many runs, and in stretches by two workers."""

Frame = tuple[bytes, int]
"""Captured bytes and the original length."""


# --- captures


def frames_with_messages() -> list[bytes]:
    """One frame of each kind that the reader looks into further."""
    query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + b"\x03web\x04test\0" + struct.pack("!HH", 1, 1)
    neighbor = f.neighbor_message(136, f.address("fe80::9"), 2, f.MAC_A)
    offer = f.dhcp_message(2, 2, f.MAC_B, "10.0.0.9")
    nested = f.eth(f.ip4(f.udp(f.vxlan(f.eth(f.arp(2, f.MAC_A, "10.0.0.7"), f.ARP), 5), 50000, 4789)))
    extended = f.hop_options(f.fragment6(f.udp(b"x" * 20), f.UDP, 0, True, 9), 44, 1)
    cdp = b"\xaa\xaa\x03\x00\x00\x0c\x20\x00" + bytes(20)
    return [
        f.eth(f.ip4(f.udp(query, 40000, 53))),
        f.eth(f.tag(f.tag(f.arp(1, f.MAC_A, "10.0.0.1"), 20, f.ARP), 10, f.VLAN), f.VLAN),
        f.eth(f.ip6(neighbor, f.ICMPV6, hops=255), f.IPV6),
        f.eth(f.ip4(f.udp(offer, 67, 68))),
        f.eth(b"\x02\x07\x04" + bytes(20), 0x88CC),
        f.eth(cdp, len(cdp)),
        f.eth(f.ip6(extended, 0), f.IPV6),
        nested,
    ]


def mixed_frames(seed: int, count: int) -> list[bytes]:
    """Ethernet frames of all kinds, deep and shallow."""
    rng = random.Random(seed)
    return [*frames_with_messages(), *(ethernet(rng, depth % 4) for depth in range(count))]


def small_pcap() -> bytes:
    return files.pcap(mixed_frames(1, 16))


def pcapng_blocks() -> list[tuple[bytes, int]]:
    """Blocks of a file with two sections of different byte order, and how many packets each holds."""
    rng = random.Random(2)
    blocks = [(files.section(), 0), (files.named(b"vnet0"), 0), (files.interface(COOKED_2), 0)]
    for number, frame in enumerate(mixed_frames(3, 8)):
        blocks.append((files.enhanced(frame, ticks=files.SECOND * 10**6 + number), 1))
    for number in range(3):
        frame = random_frame(rng, COOKED_2)
        blocks.append((files.enhanced(frame, 1, files.SECOND * 10**6 + number, length=len(frame) + 9), 1))
    blocks += [(files.simple(f.PLAIN), 1), (files.statistics(0, files.option(5, struct.pack("<Q", 3))), 0)]
    blocks += [(files.block(0x7777, bytes(8)), 0)]
    blocks += [(files.section(order=">"), 0), (files.interface(RAW, order=">"), 0)]
    blocks += [(files.enhanced(random_frame(rng, RAW), order=">"), 1) for _ in range(4)]
    return blocks


def small_pcapng() -> bytes:
    return b"".join(block for block, _ in pcapng_blocks())


def good_files() -> list[bytes]:
    """The two above and others of more link types and byte orders."""
    rng = random.Random(4)

    def of(linktype: int) -> list[bytes]:
        return [_HEADERS.get(linktype, b"") + random_frame(rng, linktype) for _ in range(20)]

    cut_frames = [cut(rng, ethernet(rng, 2)) for _ in range(20)]
    return [
        small_pcap(),
        small_pcapng(),
        files.pcap(of(COOKED), linktype=COOKED),
        files.pcap(of(COOKED_2), linktype=COOKED_2, order=">"),
        files.pcap(of(RAW), linktype=RAW, magic=0xA1B23C4D),
        files.pcap(of(NULL), linktype=NULL),
        files.pcap(of(PPP), linktype=PPP),
        files.file_header() + b"".join(files.record(data, length=length) for data, length in cut_frames),
    ]


def flipped(count: int) -> Iterator[bytes]:
    """Good files with one to four bytes changed, by a bit or altogether; the same ones each time."""
    good = good_files()
    for seed in range(count):
        rng = random.Random(seed)
        data = bytearray(good[seed % len(good)])
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(data))
            data[place] = rng.choice([0, 0xFF, data[place] ^ 1 << rng.randrange(8), rng.randrange(256)])
        yield bytes(data)


# --- what the reader and the fold make of a capture


@dataclass
class Answer:
    """All that is known of a file in the end; ``refused`` is the sentence where nothing was readable."""

    refused: str = ""
    columns: dict[str, bytes] | None = None
    rest: tuple[object, ...] = ()
    skipped: int = 0
    no_ip_packets: int = 0
    packets: int = 0
    leg_packets: int = 0
    duplicate_packets: int = 0
    complete: bool = True
    damage: str | None = None

    def rows(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        """A column; none where nothing was read."""
        return np.frombuffer((self.columns or {}).get(name, b""), COLUMNS[name])


@cache
def _settings(workers: int) -> Settings:
    return Settings(workers=workers, batch_packets=_ROWS)


def answer_of(path: Path, workers: int = 1) -> Answer:
    """Read and fold a file; only the error that says that nothing was readable is no failure."""
    settings = _settings(workers)
    registry, fold = Registry(settings.max_points), LegFold(settings)
    try:
        capture = open_capture(path, registry, settings, reader="header")
        if workers > 1:
            container, info = recognise(path, capture.info.file), capture.info
            about = CaptureInfo(info.file, info.path, info.size_bytes, None, info.format, info.reader)
            capture = HeaderCapture(
                about, container, registry, settings, exclusively=True, parallel_from_bytes=_STRETCHED_FROM_BYTES
            )
        batches = []
        for batch in capture.batches():
            fold.add(batch)
            batches.append(batch)
    except CaptureError as error:
        return Answer(refused=str(error))
    outcome, legs = capture.outcome, fold.finish()
    assert outcome is not None and outcome.packets == legs.packets
    points = [(point.key, point.linktype, point.snaplen, point.dropped_packets) for point in registry.points]
    notices = [(notice.code, notice.count) for notice in outcome.notices]
    claims = [claim for batch in batches for claim in batch.claims]
    return Answer(
        columns={name: b"".join(getattr(batch, name).tobytes() for batch in batches) for name in COLUMNS},
        rest=(points, list(registry.tunnels), notices, sorted(outcome.skipped.items()), claims, pickle.dumps(legs)),
        skipped=sum(outcome.skipped.values()),
        no_ip_packets=legs.no_ip_packets,
        packets=outcome.packets,
        leg_packets=sum(leg.packets for leg in legs.legs) + legs.others.packets,
        duplicate_packets=legs.duplicate_packets,
        complete=outcome.complete,
        damage=outcome.damage,
    )


def answers(folder: Path, captures: Iterable[bytes], workers: int = 1) -> Iterator[Answer]:
    """The answer for each."""
    path = folder / "hostile.cap"
    for data in captures:
        path.write_bytes(data)
        yield answer_of(path, workers)


def prefixes(data: bytes, step: int = 1) -> Iterator[bytes]:
    return (data[:length] for length in range(0, len(data) + 1, step))


# --- frames by themselves


def every_cut(frames: Iterable[bytes]) -> list[Frame]:
    """Each frame captured up to each of its bytes."""
    return [(frame[:end], len(frame)) for frame in frames for end in range(len(frame) + 1)]


def nearly_plain_frames(count: int) -> list[Frame]:
    """Ethernet, up to three tags, IP, TCP or UDP: whole ones, and some cut, padded, wrong in a length or a byte."""
    found = []
    for seed in range(count):
        rng = random.Random(seed)
        ports = rng.choice([(40000, 443), (53, 53), (67, 68), (50000, 4789), (3544, 3544), (1701, 9), (9, 2152)])
        payload = rng.randbytes(rng.choice([0, 3, 8, 15, 16, 17, 40]))
        if rng.random() < 0.5:
            words, number = rng.choice([5, 5, 5, 8, 15, 0]), rng.randrange(1 << 32)
            segment = f.tcp(payload, *ports, seq=number, ack=number ^ 5, flags=seed % 256, header_words=words)
        else:
            segment = f.udp(payload, *ports, length=rng.choice([None] * 6 + [0, 8, 60]))
        protocol = f.TCP if len(segment) - len(payload) == 20 else f.UDP
        length = rng.choice([None] * 8 + [0, 20, 27, 28, 60, 9000])
        kind, packet = f.IPV4, f.ip4(
            segment, protocol, length=length, identity=seed % 3, fragment=rng.choice([0, 0x4000, 0, 0, 0x2000, 1])
        )  # fmt: skip
        if rng.random() < 0.4:
            kind, packet = f.IPV6, f.ip6(segment, protocol, length=length)
        for _ in range(rng.choice([0, 0, 1, 2, 3])):
            kind, packet = f.VLAN, f.tag(packet, rng.randrange(1 << 16), kind)
        frame = f.eth(packet, kind) + bytes(rng.choice([0, 0, 0, 4, 20]))
        found.append(cut(rng, damaged(rng, frame)))
    return found


def _room(frames: Sequence[Frame], offsets: Sequence[int], linktype: int) -> Room:
    room = Room(len(frames))
    rows = room.frames
    rows.offset[:] = offsets
    rows.captured_bytes[:] = [len(data) for data, _ in frames]
    rows.frame_bytes[:] = [length for _, length in frames]
    rows.time_ns[:] = files.SECOND
    rows.linktype[:] = linktype
    rows.frame_number[:] = 1
    rows.timed[:] = rows.interface[:] = 0
    room.framed = len(frames)
    return room


def _decoder() -> FrameDecoder:
    return FrameDecoder(lambda *_: 0, Registry(), Settings(), NoticeCounter())


def _rows(decoder: FrameDecoder, data: bytes, room: Room) -> tuple[list[bytes], set[bytes]]:
    """Each row as bytes, with point and tunnel as what they are; and the messages found, which a room tells once."""
    array = np.frombuffer(data, np.uint8)
    rows: list[bytes] = []
    messages: set[bytes] = set()
    while room.framed:  # the tables of a room may be full before its rows are
        decoder.decode(array, 0, room)
        assert room.count > 0
        columns = plain_table(room)
        columns["point"] = room.found.points[columns["point"]]
        no_tunnel = np.full_like(room.found.tunnels[:1], -1)
        tunnels = room.found.tunnels[columns["tunnel"]]
        columns["tunnel"] = np.where(columns["tunnel"][:, None] < 0, no_tunnel, tunnels)
        parts = [np.ascontiguousarray(column).reshape(room.count, -1).view(np.uint8) for column in columns.values()]
        rows += [row.tobytes() for row in np.hstack(parts)]
        messages.update(room.messages)
        rest = Room(room.size)
        rest.receive(room)
        room = rest
    return rows, messages


def rows_alone(frames: Sequence[Frame], linktype: int = ETHERNET) -> tuple[list[bytes], set[bytes]]:
    """Each frame in data that begin and end with its captured bytes: bounds checking notices a byte too far."""
    rows: list[bytes] = []
    messages: set[bytes] = set()
    decoder = _decoder()
    for frame in frames:
        found = _rows(decoder, frame[0], _room([frame], [0], linktype))
        rows += found[0]
        messages |= found[1]
    return rows, messages


def rows_between(
    frames: Sequence[Frame], filler: Callable[[int], bytes], linktype: int = ETHERNET
) -> tuple[list[bytes], set[bytes]]:
    """All frames in one buffer; ``filler`` makes so many bytes to stand before, between and behind them."""
    data, offsets = bytearray(filler(80)), []
    for captured, _ in frames:
        offsets.append(len(data))
        data += captured + filler(80)
    return _rows(_decoder(), bytes(data), _room(frames, offsets, linktype))


_HEADERS = {
    NULL: b"\x02\0\0\0",
    PPP: b"\xff\x03\0\x21",
    PPPOE: b"\x11\0\0\x05\0\x50\0\x21",
    CISCO_HDLC: b"\x0f\0\x08\0",
    IPOIB: bytes(40) + b"\x08\0\0\0",
}
"""What stands before IPv4; other link types' frames are made whole."""


def hostile_frames(seed: int, count: int, linktype: int = ETHERNET) -> list[bytes]:
    """Random frames, half of them damaged."""
    rng = random.Random(seed)
    found = [_HEADERS.get(linktype, b"") + random_frame(rng, linktype) for _ in range(count)]
    return [damaged(rng, frame) if rng.random() < 0.5 else frame for frame in found]


LINK_TYPES = (ETHERNET, RAW, COOKED, COOKED_2, NULL, PPP, PPPOE, CISCO_HDLC, IPOIB)


def cut_frames(linktype: int, count: int) -> list[Frame]:
    """Every cut of ``count`` Ethernet frames, or of an eighth as many of another link type."""
    return every_cut(hostile_frames(linktype, count if linktype == ETHERNET else count // 8, linktype))


def lone_frames(count: int, cut_step: int) -> Iterator[tuple[str, list[Frame], int]]:
    """A name, frames and their link type: nearly plain ones and every ``cut_step``-th cut of others."""
    yield "nearly plain", nearly_plain_frames(count), ETHERNET
    for linktype in LINK_TYPES:
        yield f"link type {linktype}", cut_frames(linktype, count)[::cut_step], linktype


def main(out: str, flips: int, prefix_step: int, count: int, cut_step: int) -> None:
    """Everything once, by one worker."""
    result: dict[str, object] = {}
    with np.errstate(over="ignore"), tempfile.TemporaryDirectory() as folder:
        for name, data in (("pcap", small_pcap()), ("pcapng", small_pcapng())):
            result[name] = list(answers(Path(folder), prefixes(data, prefix_step)))
        result["flips"] = list(answers(Path(folder), flipped(flips)))
        for name, lone, linktype in lone_frames(count, cut_step):
            result[name] = rows_alone(lone, linktype)
    Path(out).write_bytes(pickle.dumps(result))
