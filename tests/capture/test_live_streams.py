"""A live capture that comes through standard input: whole, cut, lying, silent."""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import resource
import struct
import threading
import time

import pytest

from flowmap.capture import open_capture
from flowmap.capture.live import LiveCapture, LiveLimits
from flowmap.capture.live_reading import MAX_BLOCK_BYTES
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError
from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks

FRAMES = two_talks()
LIMITS = LiveLimits(30, 1 << 30, 1_000_000)
WITHIN_S = 30


def block(kind, body=b"", *, stated=None, trailer=None):
    """A little-endian pcapng block, perhaps with lengths that are not its own."""
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack("<II", kind, stated or length) + body + struct.pack("<I", trailer or stated or length)


def section():
    return block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(name=b"", linktype=1):
    option = struct.pack("<HH", 2, len(name)) + name + bytes(-len(name) % 4) + bytes(4) if name else b""
    return block(1, struct.pack("<HHI", linktype, 0, 0) + option)


def packet(data, number=0):
    return block(6, struct.pack("<IIIII", number, 0, 1_000_000, len(data), len(data)) + data)


def statistics(number, dropped):
    options = struct.pack("<HHQ", 5, 8, dropped) + bytes(4)
    return block(5, struct.pack("<III", number, 0, 0) + options)


def pcapng(frames, *, name=b"vmnic4"):
    return section() + interface(name) + b"".join(map(packet, frames))


@contextlib.contextmanager
def standard_input(*pieces, stays_open=False):
    """Standard input gives these pieces, one after another."""
    reading, writing = os.pipe()
    saved = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)

    def write():
        with contextlib.suppress(OSError):
            for piece in pieces:
                view = memoryview(piece)
                while len(view):
                    view = view[os.write(writing, view) :]
                time.sleep(0.01 if len(pieces) < 100 else 0)
        if not stays_open:
            os.close(writing)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        thread.join(WITHIN_S)
        assert not thread.is_alive()
        if stays_open:
            os.close(writing)


def read(*pieces, limits=LIMITS, ring=None, stays_open=False, settings=None):
    """The capture and its registry, after its end."""
    registry = Registry()
    with standard_input(*pieces, stays_open=stays_open):
        live = LiveCapture(["-"], None, limits, registry, settings or Settings(), ring=ring)
        began = time.monotonic()
        packets = sum(map(len, live.batches()))
        assert time.monotonic() - began < WITHIN_S
    assert packets == live.packets == live.outcome.packets
    return live, registry


@pytest.mark.parametrize("content", [pcap(FRAMES), pcapng(FRAMES)], ids=["pcap", "pcapng"])
def test_a_whole_stream(content):
    live, registry = read(content)
    assert (live.packets, live.outcome.complete, live.outcome.damage) == (len(FRAMES), True, None)
    assert live.captured_bytes == sum(map(len, FRAMES))
    assert [point.interface for point in registry.points] == [("vmnic4" if content[0] == 0x0A else "")]


def test_a_stream_that_comes_byte_by_byte():
    live, _ = read(*(bytes([byte]) for byte in pcapng(FRAMES)))
    assert (live.packets, live.outcome.complete) == (len(FRAMES), True)


@pytest.mark.parametrize(
    ("content", "packets"), [(pcap([]), 0), (pcap([b"x" * 20]), 1), (section(), 0), (section() + interface(), 0)]
)
def test_a_short_stream(content, packets):
    live, _ = read(content)
    assert (live.packets, live.outcome.complete) == (packets, True)


def test_sections_follow_each_other():
    live, registry = read(pcapng(FRAMES[:2]) + pcapng(FRAMES[2:], name=b"vmnic5"))
    assert live.packets == len(FRAMES) and live.outcome.complete
    assert [point.interface for point in registry.points] == ["vmnic4", "vmnic5"]


def test_drops_that_the_stream_tells():
    live, registry = read(pcapng(FRAMES) + statistics(0, 7))
    assert live.drops == {"-": 7} and live.dropped_packets == 7
    assert registry.points[0].dropped_packets == 7


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"hello, world", "is not a capture"),
        (b"hello, world" * 100, "is not a capture"),
        (pcap(FRAMES)[:20], "cut off inside its file header"),
        (gzip.compress(pcap(FRAMES)), "compressed with gzip"),
        (b"snoop\0\0\0" + bytes(100), "no plain pcap or pcapng stream"),
        (section() + interface(linktype=147) + packet(b"x" * 60), "link type 147"),
        (pcap(FRAMES)[:50], "cut short"),
    ],
    ids=["nothing", "words", "many words", "half a header", "gzip", "snoop", "user link type", "cut"],
)
def test_a_stream_without_a_readable_packet_is_one_sentence(content, says):
    with pytest.raises(CaptureError, match=says) as raised:
        read(content)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pcap(FRAMES)[:-5], "cut short"),
        (pcapng(FRAMES)[:-5], "cut short"),
        (pcap(FRAMES) + struct.pack("<IIII", 1, 0, 300_000, 300_000), "larger than 262144"),
        (pcap(FRAMES) + pcap(FRAMES), "second capture file"),
        (pcapng(FRAMES) + block(6, bytes(20), stated=MAX_BLOCK_BYTES + 16), "more than a live stream may hold back"),
        (pcapng(FRAMES) + block(0xBAD, bytes(20), stated=0x7FFF_FFFC), "length that no such block can have"),
        (pcapng(FRAMES) + block(6, bytes(20), trailer=40), "two different lengths"),
        (pcapng(FRAMES) + packet(b"x" * 60, number=9), "interface index 9"),
        (pcapng(FRAMES) + block(0x0A0D0D0A, bytes(16)), "byte-order mark"),
        (pcapng(FRAMES) + block(1, bytes(8), trailer=24), "two lengths"),
    ],
)  # fmt: skip
def test_damage_after_good_packets_keeps_them_and_says_what_it_is(content, says):
    lengths = [len(FRAMES)] + [len(FRAMES) - 1] * (says == "cut short")
    live, _ = read(content, *([b"x" * 4096] * 50 if says != "cut short" else []))
    assert live.packets in lengths and not live.outcome.complete
    assert says in live.outcome.damage
    assert live.outcome.damage.startswith(f"The live capture ended after {live.packets:,} packets: the next ")


def test_a_stream_without_end_that_lies_takes_bounded_memory():
    """A block of nearly all that is allowed, then interfaces without end: both are let in up to their bounds."""
    large = block(0xBAD, bytes(MAX_BLOCK_BYTES - 64))
    pieces = [large[at : at + 65_536] for at in range(0, len(large), 65_536)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    live, _ = read(pcapng(FRAMES), *pieces * 4, *[interface(b"n" * 2_000) * 32] * 200, packet(b"x" * 60))
    assert live.packets == len(FRAMES) + 1 and live.outcome.complete
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 200 << 20


def test_a_stream_is_left_after_the_packets_asked_for():
    live, _ = read(pcap(FRAMES * 2_000)[:-5], limits=LiveLimits(30, 1 << 30, 3))
    assert (live.packets, live.outcome.complete) == (3, True)


@pytest.mark.parametrize("content", [pcap(FRAMES), pcap(FRAMES)[:-5], pcapng(FRAMES) + struct.pack("<II", 6, 4096)])
def test_silence_within_a_stream_ends_after_the_seconds(content):
    live, _ = read(content, limits=LiveLimits(0.5, 1 << 30, 1_000), stays_open=True)
    assert live.packets in (len(FRAMES), len(FRAMES) - 1) and live.outcome.complete


def test_a_stream_that_never_begins_ends_after_the_seconds():
    with pytest.raises(CaptureError, match="Nothing came on standard input"):
        read(limits=LiveLimits(0.3, 1 << 30, 1_000), stays_open=True)


def test_batches_come_in_silence():
    registry = Registry()
    with standard_input(stays_open=True):
        live = LiveCapture(["-"], None, LIMITS, registry, Settings())
        batches = live.batches()
        assert [len(next(batches)) for _ in range(3)] == [0, 0, 0]
        batches.close()


def test_a_terminal_is_no_capture():
    reading, terminal = os.openpty()
    saved = os.dup(0)
    os.dup2(terminal, 0)
    try:
        with pytest.raises(CaptureError, match="is a terminal"):
            list(LiveCapture(["-"], None, LIMITS, Registry(), Settings()).batches())
    finally:
        os.dup2(saved, 0)
        for descriptor in (saved, reading, terminal):
            os.close(descriptor)


def test_a_spoilt_stream_gives_what_the_same_file_gives(tmp_path):
    """Bytes changed, cut out and doubled at random: as many packets and bytes as from a file, and the same damage."""
    draw = random.Random(6)
    good = pcapng(FRAMES * 3) + interface(b"other") + packet(FRAMES[0], number=1) + statistics(1, 3) + pcapng(FRAMES)
    endings = set()
    for number in range(60):
        content = bytearray(good if number % 3 else pcap(FRAMES * 5))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(200, len(content))  # behind the first packet
            kind = draw.randrange(3)
            if kind == 0:
                content[at] ^= 1 << draw.randrange(8)
            elif kind == 1:
                del content[at : at + draw.randint(1, 40)]
            else:
                content[at:at] = content[at : at + draw.randint(1, 200)]
        file = tmp_path / "spoilt"
        file.write_bytes(content)
        read_as_file = open_capture(file, Registry(), Settings(), reader="header")
        batches = [(len(batch), int(batch.captured_bytes.sum())) for batch in read_as_file.batches()]
        live, _ = read(bytes(content[:100]), bytes(content[100:]))
        assert (live.packets, live.captured_bytes) == tuple(map(sum, zip(*batches, strict=True))), number
        assert live.outcome.complete is read_as_file.outcome.complete, (live.outcome, read_as_file.outcome)
        if live.outcome.damage:
            reason = live.outcome.damage.partition("the next ")[2].partition(" (byte")[0]
            assert reason in read_as_file.outcome.damage
        endings.add(live.outcome.complete)
    assert endings == {True, False}
