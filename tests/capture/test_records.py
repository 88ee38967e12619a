"""The walk over records finds the place of the damage and what stands beside the packets."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import pytest
import zstandard

from flowmap.capture.container import Container, recognise
from flowmap.capture.labels import MAX_CHARS
from flowmap.capture.records import Walk, walk
from flowmap.errors import CaptureError
from tests.capture.files import (
    END,
    SECOND,
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
from tests.capture.frames import PLAIN
from tests.capture.reading import read_bytes

DROPS, SYSTEM_DROPS = 5, 7


def walked(folder: Path, data: bytes, stop_after: int | None = None) -> Walk:
    path = folder / "x"
    path.write_bytes(data)
    found = walk(recognise(path, "x"), stop_after)
    assert found is not None
    return found


def dropped(count: int, code: int = DROPS) -> bytes:
    return option(code, struct.pack("<Q", count))


@pytest.mark.parametrize(("data", "header", "size"), [(pcap(), 24, 78), (pcap(order=">"), 24, 78), (pcapng(), 48, 96)])
def test_every_prefix_of_a_file(tmp_path, data, header, size):
    assert len(data) == header + 5 * size
    for end in range(header, len(data) + 1):
        found = walked(tmp_path, data[:end])
        assert found.packets == (end - header) // size
        assert found.offset == header + found.packets * size
        assert found.whole == ((end - header) % size == 0)
        assert found.total_bytes == end


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("data", [pcap(), pcapng()])
def test_compressed_data_are_walked_like_plain_ones(tmp_path, pack, data):
    plain, packed = walked(tmp_path, data), walked(tmp_path, pack(data))
    assert (packed.packets, packed.offset, packed.whole) == (plain.packets, plain.offset, plain.whole)
    assert packed.total_bytes is None and packed.compression_error == ""


def test_the_walk_ends_where_it_is_told(tmp_path):
    assert walked(tmp_path, pcap(), 3).offset == 24 + 3 * 78
    assert walked(tmp_path, pcapng(), 2).offset == 48 + 2 * 96


def test_a_long_compressed_packet_is_passed_in_pieces(tmp_path):
    frames = [random.Random(n).randbytes(200_000) for n in range(20)]
    found = walked(tmp_path, gzip.compress(pcap(frames), 1))
    assert found.packets == 20 and found.whole


def test_other_formats_are_not_walked(tmp_path):
    assert walk(Container(str(tmp_path / "x"), 0, "snoop", "", "")) is None


def test_names_and_facts_of_interfaces(tmp_path):
    options = option(2, b"vnet0\0") + option(3, "Gastgerät".encode()) + END
    found = walked(tmp_path, pcapng(interface(1, 96, options), named(b"vnet1", linktype=113)))
    first, second = found.interfaces
    assert (first.name, first.description, first.linktype, first.snaplen) == ("vnet0", "Gastgerät", 1, 96)
    assert (second.name, second.linktype, second.dropped) == ("vnet1", 113, None)


def test_names_of_interfaces_are_harmless_and_bounded(tmp_path):
    hostile = "<b>\x1b[31m\u202e".encode()
    found = walked(tmp_path, pcapng(named(hostile), named(b"n" * 5000)))
    assert found.interfaces[0].name == "<b>\ufffd[31m\ufffd"
    assert len(found.interfaces[1].name) == MAX_CHARS


def test_interfaces_are_counted_over_sections(tmp_path):
    data = pcapng(named(b"a"), named(b"b")) + pcapng(named(b"c"))
    found = walked(tmp_path, data)
    assert found.sections == [0, 2]
    assert [interface.name for interface in found.interfaces] == ["a", "b", "c"]


def test_dropped_packets(tmp_path):
    data = pcapng(
        named(b"a"), named(b"b"), named(b"c"), named(b"d"),
        statistics(0, dropped(5)), statistics(0, dropped(9), dropped(1, SYSTEM_DROPS)),
        statistics(1, dropped(0)),
        statistics(2, dropped(2**63)),
        statistics(9, dropped(4)),
    )  # fmt: skip
    assert [found.dropped for found in walked(tmp_path, data).interfaces] == [10, 0, None, None]


def test_points_carry_what_the_interface_blocks_say(tmp_path):
    data = pcapng(named(b"vnet0"), named(b"uplink"), enhanced(number=1), enhanced(), statistics(1, dropped(7)))
    data += section(order=">") + interface(order=">") + enhanced(order=">")
    result = read_bytes(tmp_path, data)
    points = [result.registry.points[number] for number in result.packets.point]
    assert [(p.interface, p.key.section, p.key.interface_id, p.dropped_packets) for p in points] == [
        ("uplink", 0, 1, 7), ("vnet0", 0, 0, None), ("", 1, 2, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("option_value", "text"),
    [(b"\0host 10.0.0.1", "host 10.0.0.1"), (b"\0", ""), (b"\1\x28\0\0\0", "a compiled program")],
)
def test_points_carry_the_filter_they_were_captured_with(tmp_path, option_value, text):
    """The first octet of if_filter is 0 before text and 1 before BPF instructions (pcapng, section 4.2)."""
    data = pcapng(interface(options=option(11, option_value) + END), named(b"b"), enhanced(), enhanced(number=1))
    result = read_bytes(tmp_path, data)
    points = [result.registry.points[number] for number in result.packets.point]
    assert [point.capture_filter for point in points] == [text, ""]
    assert [interface.capture_filter for interface in walked(tmp_path, data).interfaces] == [text, ""]


def test_equal_names_are_different_points(tmp_path):
    result = read_bytes(tmp_path, pcapng(named(b"mirB"), named(b"mirB"), enhanced(), enhanced(number=1)))
    assert len(set(result.packets.point.tolist())) == 2


def test_simple_packets_belong_to_the_first_interface(tmp_path):
    result = read_bytes(tmp_path, pcapng(named(b"a"), named(b"b"), simple(), enhanced(number=1)))
    assert [result.registry.points[number].interface for number in result.packets.point] == ["a", "b"]


def test_many_interfaces_share_a_point_past_the_limit(tmp_path):
    packets = b"".join(enhanced(number=number) for number in range(4090, 4110))
    result = read_bytes(tmp_path, section() + interface() * 5000 + packets)
    assert len(result.registry.points) == 7
    assert result.notices()["many_interfaces"] == 5000 - 4096


@pytest.mark.parametrize("data", [pcap(), pcapng()])
def test_prefixes_are_read_to_their_last_whole_packet(tmp_path, data):
    header, size = (24, 78) if data[:1] == b"\xd4" else (48, 96)
    for end in range(header, len(data) + 1, 19):
        outcome = read_bytes(tmp_path, data[:end]).outcome if end - header >= size else None
        if outcome is None:
            continue
        assert outcome.packets == (end - header) // size
        assert outcome.complete == ((end - header) % size == 0)


@pytest.mark.parametrize("seed", range(12))
def test_random_damage_gives_an_outcome_or_one_sentence(tmp_path, seed):
    chance = random.Random(seed)
    data = bytearray(pcap() if seed % 2 else pcapng())
    for place in range(len(data)):
        if chance.random() < 0.02:
            data[place] = chance.randrange(256)
    try:
        outcome = read_bytes(tmp_path, bytes(data)).outcome
    except CaptureError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
    else:
        assert outcome.complete or outcome.damage


def test_a_file_that_shrinks_meanwhile_is_damaged_not_a_crash(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(file_header() + record(PLAIN, SECOND))
    container = recognise(path, "x")
    path.write_bytes(file_header())
    found = walk(container)
    assert found is not None and found.packets == 0
