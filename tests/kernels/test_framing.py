"""Records out of bytes, held against a plain walker, with the kernels compiled, with bounds checked, and plain."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowmap.capture.container import recognise_head
from flowmap.capture.framing import Framing, PcapFraming, PcapngFraming, Position, start_at
from flowmap.capture.rooms import Room
from flowmap.kernels import framing as kernel
from flowmap.packets import NO_TIME
from tests.capture.files import (
    END,
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
from tests.capture.plain_walker import Walked, walk_pcap, walk_pcapng

RECORD = (
    "offset", "captured_bytes", "frame_bytes", "time_ns", "timed", "interface", "linktype", "frame_number",
)  # fmt: skip
"""What framing says of a frame, in the order of the plain walker."""

FLIPS = int(os.environ.get("FRAMING_FLIPS", "1000"))
"""Damaged files of each kind; the slow runs below make fewer."""


def frames(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.choice([0, 1, 14, 60, 61, 62, 63, 300])) for _ in range(count)]


def good_pcap() -> bytes:
    return pcap(frames(1, 12))


def good_pcapng() -> bytes:
    """Every kind of block, two sections of different byte order, several interfaces."""
    one, two, three, four, *_ = frames(2, 9)
    flags = option(2, struct.pack("<I", 1)) + option(1, b"seen") + END
    old = struct.pack("<HHIIII", 1, 0, SECOND * 10**6 >> 32, SECOND * 10**6 & 0xFFFFFFFF, len(two), 99) + two
    return b"".join([
        section(options=option(3, b"os") + END),
        interface(1, 40, option(2, b"eth0") + option(9, b"\x09") + option(14, struct.pack("<q", -5)) + END),
        interface(101, 0, option(9, b"\x94") + END),
        enhanced(one, 0, SECOND * 10**9 + 7, options=flags), simple(b"abc"), block(2, old),
        block(4, struct.pack("<HH", 1, 9) + bytes(4) + b"host\0" + bytes(3) + END),
        block(10, struct.pack("<II", 1, 3) + b"key\n"), block(0xBAD, struct.pack("<I", 1) + bytes(8)),
        block(0x7777, bytes(20)), enhanced(three, 1, 3 << 20),
        statistics(0, option(5, struct.pack("<Q", 3))), statistics(1, option(7, struct.pack("<Q", 2**60))),
        section(order=">"), interface(113, order=">"), enhanced(four, order=">"), enhanced(one, order=">"),
    ])  # fmt: skip


def framing_of(data: bytes) -> tuple[Framing, int]:
    container = recognise_head(data, "x")
    if container.format == "pcapng":
        return PcapngFraming(100), 0
    return PcapFraming(container, data), container.header_bytes


@cache
def room_for(rows: int) -> Room:
    return Room(rows)


def framed(data: bytes, rows: int = 5) -> tuple[list[tuple[int, ...]], Position]:
    """All rows of a file, framed a few at a time, and where and how it ended."""
    framing, at = framing_of(data)
    position, out = start_at(at), []
    array = np.frombuffer(data, np.uint8)
    room = room_for(rows)
    while True:
        room.clear()
        with np.errstate(over="ignore"):  # without the compiler, times that wrap are warned of
            framing.frame(array, 0, position, 1 << 62, room)
        out += room.frames[list(RECORD)][: room.framed].tolist()
        if position.status == 32:
            framing.renew(array, position)
        if position.status != kernel.FULL:
            return out, position


def check(data: bytes, expected: Walked) -> None:
    rows, position = framed(data)
    assert rows == expected.rows
    assert position.at == expected.offset
    assert (position.status == kernel.CUT and position.at == len(data)) == expected.whole
    assert int(position.counters[kernel.FRAME]) == expected.frames
    assert position.drops == expected.drops
    assert expected.whole or position.reason


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_pcap_of_both_byte_orders_and_units(order, magic):
    data = pcap(frames(3, 40), order=order, magic=magic, linktype=113)
    expected = walk_pcap(data)
    assert len(expected.rows) == 40 and expected.whole
    check(data, expected)


def test_every_kind_of_block():
    expected = walk_pcapng(good_pcapng())
    assert len(expected.rows) == 6 and expected.frames == 7 and expected.whole and expected.drops == {0: 3}
    assert {row[5] for row in expected.rows} == {0, 1, 2} and {row[6] for row in expected.rows} == {1, 101, 113}
    check(good_pcapng(), expected)


def test_every_prefix():
    for data, walk, least in ((good_pcap(), walk_pcap, 24), (good_pcapng(), walk_pcapng, 28)):
        for end in range(least, len(data)):
            check(data[:end], walk(data[:end]))


@pytest.mark.parametrize(("make", "walk", "kinds"), [(good_pcap, walk_pcap, 2), (good_pcapng, walk_pcapng, 6)])
def test_seeded_damage(make, walk, kinds):
    data, ended = make(), set()
    for seed in range(FLIPS):
        chance = random.Random(seed)
        broken = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(28, len(data))] = chance.choice([0, 1, 4, 255, chance.randrange(256)])
        check(bytes(broken), walk(bytes(broken)))
        ended.add(framed(bytes(broken))[1].status)
    assert len(ended) >= kinds or FLIPS < 1000, "the damage must be of several kinds"


@given(second=st.integers(0, 2**32 - 1), part=st.integers(0, 2**32 - 1), unit=st.sampled_from([1, 1000]))
def test_times_of_pcap(second, part, unit):
    ns = part * unit % 2**32
    expected = second * 10**9 + ns if ns < 2**31 else NO_TIME
    assert kernel.pcap_time(second, part, unit) == expected


@given(
    ticks=st.integers(0, 2**64 - 1) | st.integers(0, 2**62),
    units=st.sampled_from([1, 10**3, 10**6, 10**9, 10**12, 10**19, 2**20, 2**63, 2**64 - 1]),
    offset=st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**34), 2**34),
)
def test_times_of_pcapng(ticks, units, offset):
    second = (ticks // units + offset + 2**63) % 2**64 - 2**63
    time = second * 10**9 + ticks % units * 10**9 % 2**64 // units
    expected = time if second >= 0 and time < 2**63 else NO_TIME
    signed = [np.int64(value - (value >> 63 << 64)) for value in (ticks, units)]
    with np.errstate(over="ignore"):
        assert kernel.pcapng_time(*signed, np.int64(offset)) == expected


def test_the_rows_of_old_versions_have_their_lengths_the_other_way_round():
    body = bytes(20)
    data = file_header(version=(2, 2)) + record(body, captured=60, length=20)
    data_3 = file_header(version=(2, 3)) + record(body, captured=60, length=20) + record(body, length=90)
    assert [row[1:3] for row in framed(data)[0]] == [(20, 60)]
    assert [row[1:3] for row in framed(data_3)[0]] == [(20, 60), (20, 90)]


@pytest.mark.parametrize(
    ("magic", "extra"),
    [
        (0xA1B2CD34, struct.pack("<IHBB", 2, 0x800, 0, 7)),
        (0xA1B2CD34, struct.pack("<IHB5s", 2, 0x800, 0, bytes(5))),
        (0xA1B2C3D4, struct.pack("<IHBB", 2, 0x800, 4, 7)),
        (0xA1B2C3D4, struct.pack("<I", 0x9FBFB601)),
    ],
    ids=["modified", "SuSE", "Red Hat", "Nokia"],
)
def test_variants_of_pcap_are_told_apart_by_their_first_records(magic, extra):
    bodies = frames(5, 8)
    data = file_header(magic=magic)
    for n, body in enumerate(bodies):
        data += struct.pack("<IIII", SECOND, n, len(body), len(body)) + extra + body
    rows, position = framed(data)
    assert [row[1] for row in rows] == [len(body) for body in bodies] and position.at == len(data)


def test_ixia_headers_are_four_bytes_longer():
    for magic, unit in ((0x1C0001AC, 1), (0x1C0001AB, 1000)):
        data = file_header(magic=magic) + bytes(4) + record(b"abcd", fraction=5)
        rows, _ = framed(data)
        assert [row[:4] for row in rows] == [(44, 4, 4, SECOND * 10**9 + 5 * unit)]


def test_a_guess_finds_the_next_record():
    data = np.frombuffer(pcap(frames(6, 300), order=">"), np.uint8)
    framing, at = framing_of(data.tobytes())
    starts = [row[0] - 16 for row in framed(data.tobytes())[0]]
    for place in range(at + 1, starts[-9], 97):
        assert framing.find(data[place:], place, 4096) == min(s for s in starts if s >= place) - place
    blocks = pcapng(interface(), *(enhanced(frame) for frame in frames(7, 300)))
    array = np.frombuffer(blocks, np.uint8)
    ng, _ = framing_of(blocks)
    position = start_at(0)
    for _ in range(3):
        ng.frame(array, 0, position, 1 << 62, Room(1))
        ng.renew(array, position) if position.status == 32 else None
    starts = [row[0] - 28 for row in framed(blocks)[0]]
    for place in range(200, starts[-9], 89):
        assert ng.find(array[place:], place, 4096) == min(s for s in starts if s >= place) - place


def test_noise_holds_no_record():
    noise = np.frombuffer(random.Random(8).randbytes(50_000), np.uint8)
    for data in (good_pcap(), good_pcapng()):
        assert framing_of(data)[0].find(noise, 0, len(noise)) == -1


@pytest.mark.parametrize("switch", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"])
def test_nothing_outside_the_data_is_read(tmp_path, switch):
    if os.environ.get("FRAMING_FLIPS"):
        pytest.skip("this is the run that the test makes")
    environment = {
        **os.environ, switch: "1", "FRAMING_FLIPS": "1000" if switch == "NUMBA_BOUNDSCHECK" else "60",
        "FLOWMAP_KERNEL_CACHE_DIR": str(tmp_path),
    }  # fmt: skip
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            __file__,
            "-k",
            "damage or prefix or times",
        ],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:]
