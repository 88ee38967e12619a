"""The header reader as its users see it: which reader is chosen, what it says, and that it agrees with tshark's."""

from __future__ import annotations

import gzip
import io
import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import zstandard

from flowmap.capture.points import Registry
from flowmap.capture.reading import open_capture, open_capture_stream
from flowmap.errors import CaptureError, ToolError
from flowmap.packets import COLUMNS
from flowmap.settings import Settings
from tests.capture.files import (
    END,
    SECOND,
    block,
    enhanced,
    file_header,
    interface,
    named,
    option,
    pcap,
    pcapng,
    record,
    section,
    simple,
    statistics,
)
from tests.capture.frames import ARP, PLAIN, arp, eth, ip4, udp
from tests.capture.reading import Result, read_bytes

NO_TSHARK = Settings(tshark_path="/nonexistent/tshark")
FRAME_COLUMNS = ("frame_number", "time_ns", "frame_bytes", "captured_bytes")
SNOOP = b"snoop\0\0\0" + struct.pack("!II", 2, 4) + b"".join(
    struct.pack("!IIIIII", len(PLAIN), len(PLAIN), 24 + len(PLAIN) + -len(PLAIN) % 4, 0, SECOND, n)
    + PLAIN + bytes(-len(PLAIN) % 4)
    for n in range(4)
)  # fmt: skip


def points_of(result: Result) -> list[tuple[object, ...]]:
    return [(p.id, p.key, p.linktype, p.snaplen, p.description, p.dropped_packets) for p in result.registry.points]


@pytest.mark.parametrize(
    "data",
    [
        pcap([PLAIN] * 30),
        pcap([PLAIN] * 30, order=">", magic=0xA1B23C4D),
        file_header(version=(2, 2)) + record(PLAIN, captured=99, length=len(PLAIN)) * 2,
        file_header() + b"".join(record(PLAIN, fraction=n) for n in (5_000_000, 2_500_000, 2**31, 2**32 - 1)),
        gzip.compress(pcap()),
        zstandard.compress(pcapng()),
        pcapng(named(b"vnet0", snaplen=50), enhanced(), simple(PLAIN[:40]), block(0xBAD, bytes(8)), enhanced(),
               statistics(0, option(5, struct.pack("<Q", 7))))
        + section(order=">") + interface(order=">") + enhanced(order=">") * 2,
        pcapng(interface(options=option(9, b"\x09") + option(14, struct.pack("<q", 9)) + END), enhanced()),
        pcapng()[:-7],
        pcap() + record(PLAIN, captured=262_145),
        SNOOP,
    ],
    ids=["pcap", "nanoseconds", "old", "fractions", "gz", "zst", "blocks", "times", "cut", "too long", "snoop"],
)  # fmt: skip
def test_both_readers_agree_on_frames_points_and_notices(tmp_path, data):
    ours, theirs = (read_bytes(tmp_path, data, reader=reader) for reader in ("auto", "pyshark"))
    assert (ours.capture.info.reader, theirs.capture.info.reader) == ("header", "pyshark")
    for name in (*FRAME_COLUMNS, "src_mac", "src_ip", "dst_port"):
        assert getattr(ours.packets, name).tolist() == getattr(theirs.packets, name).tolist(), name
    facts = [
        (result.outcome.complete, result.outcome.packets, result.outcome.skipped, result.notices())
        for result in (ours, theirs)
    ]
    assert facts[0] == facts[1]
    if data is not SNOOP:  # of which tshark alone knows no link type
        assert points_of(ours) == points_of(theirs)


@pytest.mark.parametrize("linktype", [105, 147, 197])
def test_a_link_type_that_only_tshark_knows_goes_to_tshark_as_a_whole(tmp_path, linktype):
    wireless = b"\x08\x01" + bytes(40)
    data = pcapng(interface(1), interface(linktype), enhanced(), enhanced(wireless, number=1))
    result = read_bytes(tmp_path, data)
    assert result.capture.info.reader == "pyshark" and result.outcome.packets == 2
    assert read_bytes(tmp_path, pcap([wireless], linktype=105)).capture.info.reader == "pyshark"


def test_a_link_type_that_turns_up_late_is_counted_as_skipped(tmp_path):
    data = pcapng(interface(1), enhanced() * 50, interface(105), enhanced(number=1) * 3, enhanced())
    result = read_bytes(tmp_path, data, Settings(batch_packets=10, workers=1))
    assert result.capture.info.reader == "header" and result.outcome.complete
    assert result.outcome.packets == 54 and result.outcome.skipped["unknown_linktype"] == 3


def test_the_stated_reader_is_used(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap())
    for reader in ("header", "pyshark"):
        assert open_capture(path, Registry(), Settings(), reader=reader).info.reader == reader
    path.write_bytes(pcap(linktype=105))
    with pytest.raises(CaptureError, match="only tshark reads"):
        open_capture(path, Registry(), Settings(), reader="header")


def test_without_tshark_frames_are_read_and_names_are_not(tmp_path):
    result = read_bytes(tmp_path, pcap(), NO_TSHARK)
    assert result.outcome.complete and result.outcome.packets == 5
    assert list(result.capture.names()) == []
    assert [notice.code for notice in result.capture.names_notices] == ["no_tshark"]
    with pytest.raises(ToolError, match="tshark was not found"):
        read_bytes(tmp_path, pcap(linktype=105), NO_TSHARK)
    with pytest.raises(ToolError, match="tshark was not found"):
        read_bytes(tmp_path, SNOOP, NO_TSHARK)


def test_workers_change_nothing(tmp_path):
    frames = [eth(ip4(udp(bytes(n % 700), 1000 + n % 7, 53), src=f"10.0.{n % 3}.{n % 250}")) for n in range(20_000)]
    results = [
        read_bytes(tmp_path, pcap(frames), Settings(workers=workers, batch_packets=500)) for workers in (1, 2, 5)
    ]
    for result in results[1:]:
        for name in COLUMNS:
            assert np.array_equal(getattr(result.packets, name), getattr(results[0].packets, name)), name
        assert result.outcome == results[0].outcome
        assert points_of(result) == points_of(results[0])


@pytest.mark.parametrize("workers", [1, 2])
def test_more_messages_than_a_table_holds(tmp_path, workers):
    """Each is copied before its window is used again, and a full table costs no frame."""
    count = 6_000  # of 1,500 bytes: several stretches, and three tables full
    frames = [eth(arp(2, n + 1, f"10.1.{n >> 8}.{n & 255}"), ARP).ljust(1_500, b"\0") for n in range(count)]
    result = read_bytes(tmp_path, pcap(frames), Settings(workers=workers))
    assert result.packets.frame_number.tolist() == list(range(1, count + 1))
    found = [(claim.mac, claim.ip, claim.frame_number) for claim in result.packets.claims]
    assert found == [(n + 1, f"10.1.{n >> 8}.{n & 255}", n + 1) for n in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_frames_as_long_as_a_window(tmp_path, workers):
    sizes = [262_144, 60, 250_000, 1_514, 262_000] * 12
    frames = [eth(ip4(udp(b"", 1, 2))).ljust(size, b"\x55") for size in sizes]
    result = read_bytes(tmp_path, pcap(frames), Settings(workers=workers))
    assert result.packets.captured_bytes.tolist() == sizes and result.outcome.complete
    assert set(result.packets.dst_port.tolist()) == {2}


def test_drops_come_from_the_last_statistics_of_an_interface(tmp_path):
    drops = [statistics(0, option(5, struct.pack("<Q", count))) for count in (1, 6)]
    result = read_bytes(tmp_path, pcapng(named(b"a"), named(b"b"), enhanced(), enhanced(number=1), *drops))
    assert [point.dropped_packets for point in result.registry.points] == [6, None]


def test_an_endless_run_of_zeros_ends_with_bounded_memory(tmp_path):
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = compressor.compress(pcap()) + b"".join(compressor.compress(bytes(1 << 20)) for _ in range(8))
    result = read_bytes(tmp_path, packed + compressor.flush())
    assert result.outcome.packets == 5 + (8 << 20) // 16
    blocks = gzip.compress(section() + interface() + enhanced() + bytes(8 << 20))
    outcome = read_bytes(tmp_path, blocks).outcome
    assert outcome.packets == 1 and not outcome.complete


def test_compressed_data_that_end_where_a_record_ends_are_damaged_all_the_same(tmp_path):
    whole = io.BytesIO()
    with gzip.GzipFile(fileobj=whole, mode="wb") as file:
        file.write(pcap())
        file.flush()
        place = whole.tell()
        file.write(record(PLAIN) * 50)
    result = read_bytes(tmp_path, whole.getvalue()[:place])
    assert result.outcome.packets == 5 and not result.outcome.complete
    assert result.notices() == {"truncated_gzip": 1}
    assert "the compressed data end early" in (result.outcome.damage or "")


def test_a_stream_on_a_descriptor(tmp_path):
    data = pcapng(named(b"vnet0"), *(enhanced(ticks=SECOND * 10**6 + n) for n in range(300)))
    receive, send = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(send, data), os.close(send)))
    writer.start()
    head = os.read(receive, 40)
    registry = Registry()
    capture = open_capture_stream(receive, head, registry, Settings(), file="live", shown="Standard input")
    packets = sum(len(batch) for batch in capture.batches())
    writer.join()
    os.close(receive)
    assert packets == 300 and capture.outcome is not None and capture.outcome.complete
    assert [(point.key.file, point.interface) for point in registry.points] == [("live", "vnet0")]
    with pytest.raises(CaptureError, match="compressed with gzip"):
        open_capture_stream(0, gzip.compress(data), registry, Settings(), file="live", shown="Standard input")


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap())
    capture = open_capture(path, Registry(), Settings())
    Path(path).unlink()
    with pytest.raises(CaptureError, match=r"^a\.pcap is no longer there; it was moved or deleted\.$"):
        next(iter(capture.batches()))
