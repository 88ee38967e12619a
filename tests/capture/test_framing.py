"""A capture gives the same rows whoever reads it: one thread or several, as a file or as a stream of any pieces."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flowmap.capture.container import recognise_head
from flowmap.capture.decoding import FrameDecoder
from flowmap.capture.framing import Framing, PcapFraming, PcapngFraming
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.points import Registry
from flowmap.capture.runs import Ending, RunReader
from flowmap.capture.windows import FileBytes, Source, StreamBytes
from flowmap.kernels import framing as kernel
from flowmap.settings import Settings
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
from tests.capture.plain_walker import walk_pcap, walk_pcapng


def decoder() -> FrameDecoder:
    """One that names each interface by its number."""
    return FrameDecoder(lambda interface, *_: interface, Registry(), Settings(), NoticeCounter())


Rows = list[tuple[int, ...]]


def framing_of(data: bytes) -> tuple[Framing, int]:
    container = recognise_head(data, "x")
    if container.format == "pcapng":
        return PcapngFraming(4096), 0
    return PcapFraming(container, data), container.header_bytes


def rows_of(reader: RunReader) -> tuple[Rows, Ending]:
    rows: Rows = []
    for run in reader.runs():
        for place, frame in enumerate(run.room.frames[: run.room.count]):
            known = (frame.frame_number, frame.time_ns, frame.captured_bytes, frame.frame_bytes, frame.interface)
            rows.append((*map(int, known), sum(run.frame(place))))
    return rows, reader.ending


def read_file(path: Path, data: bytes, workers: int = 1, rows: int = 7) -> tuple[Rows, Ending]:
    path.write_bytes(data)
    framing, first = framing_of(data)
    file = FileBytes(path)
    try:
        return rows_of(
            RunReader(file, framing, decoder(), first_record=first, rows=rows, workers=workers, parallel_from_bytes=0)
        )
    finally:
        file.close()


def read_stream(data: bytes, pieces: Iterator[bytes], step: int) -> tuple[Rows, Ending]:
    framing, first = framing_of(data)
    source: Source = StreamBytes(pieces)
    return rows_of(RunReader(source, framing, decoder(), first_record=first, rows=7, step=step))


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def expected_rows(data: bytes) -> tuple[Rows, int, bool]:
    walked = walk_pcapng(data) if data[:1] == b"\n" else walk_pcap(data)
    rows = [
        (number, time, captured, original, which, sum(data[at : at + captured]))
        for at, captured, original, time, _, which, _, number in walked.rows
    ]
    return rows, walked.offset, walked.whole


def frames(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.choice([14, 40, 60, 61, 150])) for _ in range(count)]


def busy_pcapng() -> bytes:
    """Interfaces and sections that begin in the middle, and blocks without packets."""
    out = section() + interface() + interface(101)
    for n, frame in enumerate(frames(5, 400)):
        out += enhanced(frame, number=n % 2, ticks=SECOND * 10**6 + n)
        if n % 90 == 50:
            out += interface(113) + enhanced(frame, number=2 + n // 90)
        if n == 200:
            out += statistics(1, option(5, struct.pack("<Q", 4))) + block(0xBAD, bytes(12)) + simple(frame)
        if n in (250, 300):
            out += section() + interface(options=option(9, b"\x09") + END) + interface(1)
            out += interface(113) * 6
    return out


GOOD = {"pcap": pcap(frames(4, 400)), "big-endian": pcap(frames(6, 300), order=">"), "pcapng": busy_pcapng()}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_result_does_not_depend_on_the_number_of_workers(tmp_path, name, workers):
    data = GOOD[name]
    expected, offset, whole = expected_rows(data)
    assert len(expected) >= 300 and whole
    rows, ending = read_file(tmp_path / "x", data, workers)
    assert rows == expected
    assert (ending.offset, ending.status) == (offset, kernel.AT_END)


@pytest.mark.parametrize("name", GOOD)
def test_a_stream_in_pieces_of_any_size_is_read_like_the_file(name):
    data = GOOD[name]
    first = framing_of(data)[1]
    for size, step in ((1, 1), (13, 1), (1000, 1), (4096, 1 << 20), (1 << 20, 1)):
        rows, ending = read_stream(data, cut(data[first:], size), step)
        assert rows == expected_rows(data)[0]
        assert (ending.offset, ending.status) == (len(data), kernel.AT_END)


@pytest.mark.parametrize("name", ["pcap", "pcapng"])
def test_prefixes_and_damage_are_the_same_for_all_workers(tmp_path, name):
    data = GOOD[name]
    for seed in range(40):
        chance = random.Random(seed)
        broken = bytearray(data[: chance.randrange(1000, len(data))] if seed % 2 else data)
        if seed > 10:
            broken[chance.randrange(200, len(broken))] = chance.choice([0, 255, chance.randrange(256)])
        expected, offset, whole = expected_rows(bytes(broken))
        endings = []
        for workers in (1, 2, 5):
            rows, ending = read_file(tmp_path / "x", bytes(broken), workers)
            assert rows == expected
            endings.append((ending.offset, ending.status == kernel.AT_END, ending.reason, ending.drops))
        assert endings == endings[:1] * 3
        assert endings[0][:2] == (offset, whole)


def test_captures_inside_packets_mislead_nobody(tmp_path):
    """Somebody copies a capture over the network: its records look like ours, and guesses find them."""
    inner = pcap([bytes(20)] * 40)[24:]
    data = pcap([inner] * 60)
    for workers in (1, 2, 5):
        rows, ending = read_file(tmp_path / "x", data, workers, rows=1)
        assert [row[2] for row in rows] == [len(inner)] * 60 and ending.status == kernel.AT_END
    blocks = pcapng(interface(), *(enhanced(enhanced(bytes(20)) * 40) for _ in range(60)))
    rows, _ = read_file(tmp_path / "x", blocks, 3, rows=1)
    assert len(rows) == 60


def test_a_record_that_crosses_every_border_is_read_whole(tmp_path):
    frames = [b"\x01" * 200_000, b"\x02" * 50, b"\x03" * 262_144]
    for data in (pcap(frames), pcapng(interface(), *map(enhanced, frames))):
        first = framing_of(data)[1]
        for workers in (1, 2):
            assert [row[5] for row in read_file(tmp_path / "x", data, workers, rows=1)[0]] == [200_000, 100, 786_432]
        assert [row[5] for row in read_stream(data, cut(data[first:], 7000), 1)[0]] == [200_000, 100, 786_432]


def test_a_pipe_gives_what_is_there():
    """No run waits for bytes that belong to a later packet."""
    records = [record(frame) for frame in frames(9, 5)]
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number, data in enumerate(records):
            asked.append(number)
            yield data

    data = file_header()
    framing, first = framing_of(data)
    runs = RunReader(StreamBytes(pieces()), framing, decoder(), first_record=first, rows=100, step=1).runs()
    for number in range(5):
        assert next(runs).room.count == 1 and asked == list(range(number + 1))


def test_a_long_block_takes_one_reading(tmp_path):
    """A block is waited for as a whole, not looked at again with each piece that comes."""
    data = section() + interface() + block(0x7777, bytes(3_000_000)) + enhanced()
    looks = []

    class Counting(PcapngFraming):
        def frame(self, *arguments):  # type: ignore[no-untyped-def]
            looks.append(1)
            return super().frame(*arguments)

    reader = RunReader(StreamBytes(cut(data, 500)), Counting(9), decoder(), first_record=0, rows=7, step=1)
    assert len(rows_of(reader)[0]) == 1 and len(looks) < 12


def test_a_file_that_shrinks_is_cut_short(tmp_path):
    path = tmp_path / "x"
    data = pcap(frames(3, 2000))
    path.write_bytes(data)
    framing, first = framing_of(data)
    file = FileBytes(path)
    runs = RunReader(file, framing, decoder(), first_record=first, rows=50, workers=2, parallel_from_bytes=0)
    iterator = runs.runs()
    begun = next(iterator).room.count
    path.write_bytes(data[:3000])
    count = begun + sum(run.room.count for run in iterator)
    file.close()
    assert count < 2000 and runs.ending.offset < len(data)


def test_a_file_that_grows_is_read_to_its_new_end(tmp_path):
    path = tmp_path / "x"
    data = pcap(frames(3, 300))
    path.write_bytes(data)
    framing, first = framing_of(data)
    file = FileBytes(path)
    runs = RunReader(file, framing, decoder(), first_record=first, rows=50, workers=2, parallel_from_bytes=0)
    iterator = runs.runs()
    begun = next(iterator).room.count
    with path.open("ab") as more:
        more.write(record(b"abc") * 20)
    count = begun + sum(run.room.count for run in iterator)
    file.close()
    assert count == 320 and runs.ending.status == kernel.AT_END


def test_an_abandoned_reading_leaves_no_thread(tmp_path):
    import threading

    before = set(threading.enumerate())
    path = tmp_path / "x"
    path.write_bytes(GOOD["pcap"])
    framing, first = framing_of(GOOD["pcap"])
    file = FileBytes(path)
    reader = RunReader(file, framing, decoder(), first_record=first, rows=7, workers=3, parallel_from_bytes=0)
    runs = reader.runs()
    for _ in range(12):
        next(runs)
    runs.close()  # type: ignore[attr-defined]
    file.close()
    assert set(threading.enumerate()) == before


def test_windows_keep_what_was_read(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(range(100)))
    file = FileBytes(path)
    kept = np.arange(5, dtype=np.uint8)
    assert file.extend(kept, 10, 3).tolist() == [0, 1, 2, 3, 4, 10, 11, 12]
    assert file.extend(kept, 98, 1 << 40).tolist() == [0, 1, 2, 3, 4, 98, 99]
    assert file.extend(kept, 200, 5).tolist() == kept.tolist()
    file.close()
