"""Little data that would become much: refused by its first bytes, or ended at a limit that the sentence names."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
import zstandard

from flowmap.capture import open_capture
from flowmap.capture.decompress import RATIO_FROM_BYTES
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError, LimitError
from flowmap.settings import Settings
from tests.capture.files import enhanced, file_header, interface, pcap, record, section
from tests.capture.frames import PLAIN
from tests.capture.reading import Result, read, read_bytes

either_reader = pytest.mark.parametrize("reader", ["header", "pyshark"])

MIB = 1 << 20
EMPTY = record(b"", length=60) * 65_536
"""One MiB of records without a byte of a frame."""

LARGE = record(bytes(262_144)) * 4
"""A little more of the largest frames, all zeros."""

LZ4 = b"\x04\x22\x4d\x18" + bytes(64)
"""The beginning of an LZ4 frame (lz4_Frame_format); Python cannot make one."""


def gzipped(pieces: Iterator[bytes]) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(compressor.compress(piece) for piece in pieces), compressor.flush()])


def zstandarded(pieces: Iterator[bytes]) -> bytes:
    compressor = zstandard.ZstdCompressor(level=3).compressobj()
    return b"".join([*(compressor.compress(piece) for piece in pieces), compressor.flush()])


def zeros(count: int) -> Iterator[bytes]:
    return (bytes(MIB) for _ in range(count))


def records(count: int, kind: bytes = LARGE) -> Iterator[bytes]:
    yield file_header()
    yield from (kind for _ in range(count))


PACKERS = pytest.mark.parametrize("pack", [gzipped, zstandarded])


@PACKERS
def test_zeros_are_no_capture_whatever_they_would_become(tmp_path, pack):
    bomb = pack(zeros(512))
    assert len(bomb) < MIB
    for reader in ("auto", "pyshark"):
        with pytest.raises(CaptureError, match="not a capture file"):
            read_bytes(tmp_path, bomb, reader=reader)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (LZ4, "is compressed with lz4, which is not read; decompress it first."),
        (gzipped(iter([gzipped(zeros(8))])), "is compressed twice (gzip inside); decompress it once."),
        (gzipped(iter([zstandarded(zeros(8))])), "is compressed twice (zstd inside); decompress it once."),
        (gzipped(iter([LZ4])), "is compressed twice (lz4 inside); decompress it once."),
        (zstandarded(iter([gzipped(records(1))])), "is compressed twice (gzip inside); decompress it once."),
        (zstandarded(iter([zstandarded(records(1))])), "is compressed twice (zstd inside); decompress it once."),
    ],
)
def test_one_layer_of_two_formats_is_opened(tmp_path, data, says):
    for reader in ("auto", "pyshark"):
        with pytest.raises(CaptureError) as refused:
            read_bytes(tmp_path, data, reader=reader)
        assert says in str(refused.value)


@either_reader
@PACKERS
def test_a_capture_that_expands_too_far_is_ended(tmp_path, pack, reader):
    times = 500 if pack is gzipped else 5_000
    bomb = pack(records(96))
    assert len(bomb) < 96 * MIB // times
    with pytest.raises(LimitError) as ended:
        read_bytes(tmp_path, bomb, name="bomb", reader=reader)
    assert f"bomb expands to more than {times:,} times its size" in str(ended.value)
    assert "FLOWMAP_MAX_DECOMPRESSION_RATIO" in str(ended.value) and str(tmp_path) not in str(ended.value)


@either_reader
@PACKERS
def test_decompressed_bytes_have_a_limit_of_their_own(tmp_path, pack, reader):
    whole = pcap([os.urandom(1_000) for _ in range(500)])
    exactly = Settings(max_decompressed_bytes=len(whole))
    assert read_bytes(tmp_path, pack(iter([whole])), exactly, reader=reader).outcome.packets == 500
    with pytest.raises(LimitError, match="FLOWMAP_MAX_DECOMPRESSED_BYTES"):
        read_bytes(tmp_path, pack(iter([whole])), Settings(max_decompressed_bytes=len(whole) - 1), reader=reader)


@PACKERS
def test_what_is_decompressed_is_never_in_memory_as_a_whole(tmp_path, pack):
    path = written(tmp_path, pack(records(192)))
    tracemalloc.start()
    try:
        capture = open_capture(path, Registry(), Settings(max_decompression_ratio=1 << 30, workers=1), reader="header")
        packets = sum(len(batch) for batch in capture.batches())
        assert packets == 4 * 192 and tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()


def test_many_members_count_together(tmp_path):
    members = b"".join(gzip.compress(piece) for piece in records(80))
    with pytest.raises(LimitError, match="FLOWMAP_MAX_DECOMPRESSION_RATIO"):
        read_bytes(tmp_path, members)


def test_what_compresses_well_is_no_bomb_while_it_is_small(tmp_path):
    small = gzipped(records(2, EMPTY))
    assert 2 * MIB > 400 * len(small) and 2 * MIB < RATIO_FROM_BYTES
    assert read_bytes(tmp_path, small).outcome.packets == 2 * 65_536


@either_reader
def test_ten_members_are_one_capture(tmp_path, reader):
    whole = pcap([PLAIN] * 1_000)
    members = b"".join(gzip.compress(whole[at : at + len(whole) // 9]) for at in range(0, len(whole), len(whole) // 9))
    assert members.count(gzip.compress(b"")[:4]) >= 10
    assert read_bytes(tmp_path, members, reader=reader).outcome.packets == 1_000


def test_a_million_empty_members_are_given_up(tmp_path):
    data = gzip.compress(file_header()) + gzip.compress(b"") * 1_000_000
    with pytest.raises(LimitError, match="made of empty parts"):
        read_bytes(tmp_path, data, reader="header")


def test_a_few_empty_members_and_frames_are_nothing(tmp_path):
    whole = pcap()
    nothing = gzip.compress(b"") * 50
    parts = [gzip.compress(whole[:100]), nothing, gzip.compress(whole[100:]), nothing]
    assert read_bytes(tmp_path, b"".join(parts)).outcome.packets == 5
    skipped = struct.pack("<II", 0x184D2A50, 8) + bytes(8)  # a frame for something else than content
    parts = [zstandard.compress(b""), skipped, zstandard.compress(whole[:100]), zstandard.compress(whole[100:])]
    assert read_bytes(tmp_path, b"".join(parts)).outcome.packets == 5


@pytest.mark.parametrize("count", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_very_many_interfaces_are_counted_and_not_kept(tmp_path, count):
    data = section() + interface() * count + enhanced(number=count - 1)
    registry = Registry(64)
    capture = open_capture(written(tmp_path, data), registry, Settings(max_points=64), reader="header")
    packets = sum(len(batch) for batch in capture.batches())
    assert packets == 1 and capture.outcome is not None and capture.outcome.complete
    assert [notice.code for notice in capture.outcome.notices] == ["many_interfaces"]
    assert len(registry.points) <= 64


def test_a_hundred_megabytes_on_one_line_are_no_capture(tmp_path):
    path = tmp_path / "line"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"a" * MIB)
    with pytest.raises(CaptureError, match="not a capture file"):
        read(path)


@either_reader
def test_eight_sparse_gigabytes_are_not_searched_for_a_capture(tmp_path, reader):
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(8 << 30)
    with pytest.raises(CaptureError, match="not a capture file"):
        read(path, reader=reader)


def written(folder, data: bytes):
    path = folder / "made.pcapng"
    path.write_bytes(data)
    return path


def first_batch_then(path, reader: str, change) -> Result | None:
    """What came of a file that ``change`` was done to when its first packets had been read."""
    registry, settings = Registry(), Settings(batch_packets=1_000)
    capture = open_capture(path, registry, settings, reader=reader)
    batches = capture.batches()
    packets = len(next(batches))
    change(path)
    packets += sum(len(batch) for batch in batches)
    assert capture.outcome is not None and capture.outcome.packets == packets
    return capture.outcome


FRAMES = 12_000
GROWING = [PLAIN] * FRAMES


@either_reader
def test_a_file_that_shrinks_while_it_is_read_ends_early(tmp_path, reader):
    path = tmp_path / "ring.pcap"
    path.write_bytes(pcap(GROWING))
    cut = 24 + (16 + len(PLAIN)) * 11_000 + 20
    outcome = first_batch_then(path, reader, lambda path: os.truncate(path, cut))
    assert 1_000 <= outcome.packets <= FRAMES
    assert outcome.complete == (outcome.packets == FRAMES)
    assert outcome.complete or str(tmp_path) not in outcome.damage


@either_reader
def test_a_file_that_grows_while_it_is_read_is_read_up_to_some_record(tmp_path, reader):
    path = tmp_path / "ring.pcap"
    path.write_bytes(pcap(GROWING))

    def grow(path):
        with path.open("ab") as file:
            file.write(record(PLAIN) * 5_000)

    outcome = first_batch_then(path, reader, grow)
    assert outcome.complete and FRAMES <= outcome.packets <= FRAMES + 5_000
