"""The benchmark's captures hold what their truth says, told by a plain walk over the bytes, and never change."""

import dataclasses
import hashlib
import json
import shutil
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.generator import Capture, generate
from bench.plans import IMIX_SIZES, Plan

FRAMES, CONVERSATIONS = 6_000, 300
PLANS = {
    "plain": Plan(FRAMES, CONVERSATIONS),
    "imix": Plan(FRAMES, CONVERSATIONS, sizes=IMIX_SIZES),
    "nanoseconds": Plan(FRAMES, CONVERSATIONS, format="pcap-ns"),
    "pcapng": Plan(FRAMES, CONVERSATIONS, format="pcapng"),
    "vlan": Plan(FRAMES, CONVERSATIONS, "vlan"),
    "vxlan": Plan(FRAMES, CONVERSATIONS, "vxlan", format="pcapng"),
    "erspan": Plan(FRAMES, CONVERSATIONS, "erspan"),
    "scan": Plan(FRAMES, FRAMES, "scan"),
}

# Of one file: it shall have the same bytes on every machine and with every version of NumPy.
PLAIN_SHA256 = "6a4c1f933cd825cf10e37e2eadffb83ce53ccfb8ec6b1039d1c5e45adcdfb51d"


class Frame(NamedTuple):
    """One frame, decoded; ``wrap`` is what stands around the innermost Ethernet frame or its tags."""

    time_ns: int
    length: int
    wrap: tuple[object, ...]
    source: bytes
    destination: bytes
    protocol: int
    ports: tuple[int, int]
    ip_bytes: int
    payload: int
    flags: int
    seq: int
    ack: int


def records_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(time in ns, frame) of a little-endian pcap or of our kind of pcapng."""
    if data[:4] == struct.pack("<I", 0x0A0D0D0A):
        at = 0
        while at < len(data):
            kind, size = struct.unpack_from("<II", data, at)
            assert size % 4 == 0 and struct.unpack_from("<I", data, at + size - 4) == (size,)
            if kind == 6:
                _, high, low, captured, original = struct.unpack_from("<5I", data, at + 8)
                assert captured == original and size == 32 + (captured + 3) // 4 * 4
                yield high << 32 | low, data[at + 28 : at + 28 + captured]
            at += size
        return
    factor = {0xA1B2C3D4: 1_000, 0xA1B23C4D: 1}[struct.unpack_from("<I", data)[0]]
    at = 24
    while at < len(data):
        seconds, fraction, captured, original = struct.unpack_from("<4I", data, at)
        assert captured == original
        yield seconds * 10**9 + fraction * factor, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def words_sum(header: bytes) -> int:
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return total


def decode(time_ns: int, frame: bytes) -> Frame:
    wrap: list[object] = []
    at = 0
    while True:
        at += 12
        kind = int.from_bytes(frame[at : at + 2], "big")
        while kind in (0x8100, 0x88A8):
            wrap.append((kind, int.from_bytes(frame[at + 2 : at + 4], "big")))
            at += 4
            kind = int.from_bytes(frame[at : at + 2], "big")
        at += 2
        if kind == 0x0800:
            assert words_sum(frame[at : at + 20]) == 0xFFFF, "the header checksum is wrong"
            total, protocol = int.from_bytes(frame[at + 2 : at + 4], "big"), frame[at + 9]
            source, destination, l4 = frame[at + 12 : at + 16], frame[at + 16 : at + 20], at + 20
        else:
            assert kind == 0x86DD
            total, protocol = 40 + int.from_bytes(frame[at + 4 : at + 6], "big"), frame[at + 6]
            source, destination, l4 = frame[at + 8 : at + 24], frame[at + 24 : at + 40], at + 40
        if protocol == 47:
            assert frame[l4 : l4 + 4] == bytes.fromhex("100088be") and total == len(frame) - at
            wrap.append(("erspan", int.from_bytes(frame[l4 + 10 : l4 + 12], "big") & 0x3FF))
            at = l4 + 16
            continue
        ports = struct.unpack_from(">HH", frame, l4)
        if protocol == 17 and ports[1] == 4789:
            assert total == len(frame) - at
            wrap.append(("vxlan", source, destination, int.from_bytes(frame[l4 + 12 : l4 + 15], "big")))
            at = l4 + 16
            continue
        break
    # Behind the packet stands nothing but the padding of a short frame.
    assert at + total == len(frame) or (len(frame) - at + 14 == 60 and not any(frame[at + total :]))
    seq, ack, flags, header = 0, 0, 0, 8
    if protocol == 6:
        seq, ack, flags, header = *struct.unpack_from(">II", frame, l4 + 4), frame[l4 + 13], frame[l4 + 12] >> 4 << 2
    elif protocol == 17:
        assert int.from_bytes(frame[l4 + 4 : l4 + 6], "big") == at + total - l4
    else:
        ports, flags = (0, 0), frame[l4]
    payload = at + total - l4 - header
    return Frame(
        time_ns, len(frame), tuple(wrap), source, destination, protocol, ports, total, payload, flags, seq, ack
    )


class Walk(NamedTuple):
    """A capture, and its frames told by the walk, in all and by conversation without the mirror's second copies."""

    capture: Capture
    frames: list[Frame]
    conversations: dict[tuple[object, ...], list[Frame]]


@pytest.fixture(scope="module", params=PLANS)
def walk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    capture = generate(PLANS[request.param], tmp_path_factory.mktemp(request.param))
    frames = [decode(*record) for record in records_of(capture.path.read_bytes())]
    conversations = defaultdict(list)
    for frame in frames[:: 2 if capture.plan.mix == "erspan" else 1]:
        ends = sorted([(frame.source, frame.ports[0]), (frame.destination, frame.ports[1])])
        conversations[(frame.protocol, *ends)].append(frame)
    return Walk(capture, frames, dict(conversations))


def test_the_truth_is_what_a_walk_over_the_bytes_finds(walk):
    truth = walk.capture.truth
    assert truth["file_bytes"] == walk.capture.path.stat().st_size
    assert truth["frames"] == len(walk.frames) == FRAMES
    assert truth["frame_bytes"] == sum(frame.length for frame in walk.frames)
    times = [frame.time_ns for frame in walk.frames]
    assert times == sorted(times)
    assert (truth["first_seen_ns"], truth["last_seen_ns"]) == (times[0], times[-1])

    assert truth["conversations"] == len(walk.conversations) == walk.capture.plan.conversations
    assert truth["five_tuples"] == sum(key[0] in (6, 17) for key in walk.conversations)
    once = [frame for frames in walk.conversations.values() for frame in frames]
    assert truth["packets"] == len(once)
    kinds = {"tcp": {6}, "udp": {17}, "icmp": {1, 58}}
    assert truth["packets_by_protocol"] == {
        name: sum(frame.protocol in numbers for frame in once) for name, numbers in kinds.items()
    }


def sums(frames: list[Frame]) -> list[list[int]]:
    """Packets, payload and wire bytes, each from the sender of the first frame and from the other side."""
    sides = [[f for f in frames if (f.source == frames[0].source) is forward] for forward in (True, False)]
    return [
        [len(side) for side in sides],
        [sum(f.payload for f in side) for side in sides],
        [sum(14 + f.ip_bytes for f in side) for side in sides],
    ]


def test_bytes_of_each_direction(walk):
    rows = [sums(frames) for frames in walk.conversations.values()]
    for name, column in (("payload_bytes", 1), ("wire_bytes", 2)):
        assert walk.capture.truth[name] == [sum(row[column][side] for row in rows) for side in (0, 1)]
    biggest = [
        [row[name] for name in ("packets", "payload_bytes", "wire_bytes")] for row in walk.capture.truth["biggest"]
    ]
    assert all(row in rows for row in biggest)
    if biggest:
        assert len(biggest) == 20
        assert sum(biggest[0][0]) == max(sum(row[0]) for row in rows)


def test_tcp_conversations_are_whole(walk):
    """Three packets open, three close, and every sequence number follows from what was sent before."""
    if walk.capture.plan.mix == "scan":
        assert all(frame.flags == 2 and frame.length == 60 for frame in walk.frames)
        return
    tcp = [frames for key, frames in walk.conversations.items() if key[0] == 6]
    assert len(tcp) == walk.capture.truth["connections"]
    for frames in tcp:
        client = frames[0].source
        assert [f.flags for f in frames[:3]] == [0x02, 0x12, 0x10]
        assert [f.flags for f in frames[-3:]] == [0x11, 0x11, 0x10]
        assert [f.source == client for f in (*frames[:3], *frames[-3:])] == [True, False, True] * 2
        following = {True: frames[0].seq, False: frames[1].seq}
        for position, frame in enumerate(frames):
            mine = frame.source == client
            assert frame.seq == following[mine]
            assert frame.ack == (following[not mine] if position else 0)
            following[mine] = (frame.seq + frame.payload + bool(frame.flags & 0x03)) & 0xFFFFFFFF


def test_wrapping(walk):
    wraps = {tuple(part[0] for part in frame.wrap) for frame in walk.frames}
    assert wraps == {
        "vlan": {(), (0x8100,), (0x88A8, 0x8100)},
        "vxlan": {(), ("vxlan",)},
        "erspan": {("erspan",)},
    }.get(walk.capture.plan.mix, {()})


def test_a_mirror_shows_every_packet_twice(walk):
    if walk.capture.plan.mix != "erspan":
        assert walk.capture.truth["repeated"] == 0
        return
    inner = [frame[50:] for _, frame in records_of(walk.capture.path.read_bytes())]  # 14 + 20 + 16 bytes of the session
    assert inner[::2] == inner[1::2]
    first, second = walk.frames[::2], walk.frames[1::2]
    assert [f._replace(wrap=()) for f in first] == [f._replace(wrap=()) for f in second]
    assert walk.capture.truth["repeated"] == sum(a.wrap == b.wrap for a, b in zip(first, second, strict=True)) > 0


def test_sizes_follow_zipf(walk):
    sizes = sorted((len(frames) for frames in walk.conversations.values()), reverse=True)
    if walk.capture.plan.mix == "scan":
        assert set(sizes) == {1}
    else:
        assert sum(sizes[: CONVERSATIONS // 10]) > 0.2 * sum(sizes), "a tenth carries more than twice its share"


def test_every_kind_of_traffic_is_there(walk):
    if walk.capture.plan.mix != "scan":
        assert {frame.protocol for frame in walk.frames} >= {6, 17}
        assert {len(frame.source) for frame in walk.frames} == {4, 16}


def test_the_same_plan_gives_the_same_bytes(tmp_path):
    plan = PLANS["plain"]
    assert hashlib.sha256(generate(plan, tmp_path / "a").path.read_bytes()).hexdigest() == PLAIN_SHA256
    other = generate(dataclasses.replace(plan, seed=2), tmp_path / "a")
    assert hashlib.sha256(other.path.read_bytes()).hexdigest() != PLAIN_SHA256


def test_chunks_leave_no_trace_in_the_file(tmp_path, monkeypatch):
    """However many packets are laid out at once, headers and lengths are the same (payload is not)."""
    plan = PLANS["pcapng"]
    whole = generate(plan, tmp_path / "whole")
    monkeypatch.setattr("bench.generator._CHUNK_PACKETS", 1_001)
    pieces = generate(plan, tmp_path / "pieces")
    assert pieces.truth == whole.truth
    expected, got = (list(map(decode, *zip(*records_of(c.path.read_bytes()), strict=True))) for c in (whole, pieces))
    assert got == expected


def test_a_capture_that_is_there_is_used_again(tmp_path):
    made = generate(PLANS["scan"], tmp_path)
    before = made.path.stat().st_mtime_ns
    assert generate(PLANS["scan"], tmp_path) == made
    assert made.path.stat().st_mtime_ns == before

    Path(made.path).write_bytes(made.path.read_bytes()[:-1])  # damaged: made anew
    assert generate(PLANS["scan"], tmp_path) == made
    assert made.path.stat().st_size == made.truth["file_bytes"]
    assert json.loads((tmp_path / (made.path.name + ".json")).read_text()) == made.truth


def test_too_little_space_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1_000))
    with pytest.raises(SystemExit, match="BENCH_DIR"):
        generate(PLANS["plain"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [{"mix": "carrier-pigeon"}, {"format": "gif"}, {"conversations": FRAMES}, {"mix": "erspan", "frames": FRAMES + 1}],
)
def test_a_plan_that_cannot_be_met_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        dataclasses.replace(PLANS["plain"], **wrong)
