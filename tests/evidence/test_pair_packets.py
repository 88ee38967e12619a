"""Downloads of packets: tshark's display filters say which frames belong to a pair, and what these frames are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flowmap.capture import open_capture
from flowmap.evidence.pair_legs import FRAGMENTS_REMEMBERED, PacketFinder, leg_rows
from flowmap.evidence.pair_packets import PacketCut, WantedPackets
from flowmap.graph import pairs_of
from flowmap.settings import Settings
from tests.capture import frames as f
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
)  # fmt: skip
from tests.evidence.downloads import COMMENT, NAME, download_of, downloads_of, frames_by_number
from tests.evidence.maps import map_of, sightings_of_pairs
from tests.evidence.tshark import frames_of

CAPTURES = Path(__file__).parents[2] / "captures"
LAB = (
    "any-dumpcap-kvm-61.pcap",  # cooked
    "floating-ip-ports-kvm-51.pcapng",  # both sides of an address translation
    "overlay-underlay.pcapng",  # VXLAN and Geneve, and the tunnels' own ends
    "truncated-mirror-kvm-71.pcap",
    "vepa-host.pcapng",
)


def frames_of_rows(path, sightings):
    """Numbers of the frames that the filters of a pair's rows select in a file, by tshark."""
    rows = [row for row in sightings["rows"] if row["file"] == path.name]
    assert sightings["more_rows"] == 0 and [row["filter_note"] for row in rows if row["filter_note"]] == []
    return frames_of(path, " || ".join(f"({row['filter']})" for row in rows)) if rows else []


def check_file(path):
    """Every pair of a capture: the frames of its download are those that tshark selects, unchanged."""
    flow_map = map_of(path)
    source = frames_by_number(path)
    downloads = downloads_of(flow_map, path)
    by_size = sorted(pairs_of(flow_map.talks).items(), key=lambda item: -item[1].wire_bytes)
    for (key, _), sightings in zip(by_size, sightings_of_pairs(flow_map), strict=True):
        cut, download = downloads[key]
        numbers = frames_of_rows(path, sightings)
        assert download.facts() == [source[number].facts for number in numbers], key
        names = [download.interfaces[packet.interface].options.get(NAME, b"").decode() for packet in download.packets]
        assert names == [source[number].interface if path.suffix == ".pcapng" else "" for number in numbers]
        assert cut.complete and cut.packets == len(numbers)
    return downloads


@pytest.mark.parametrize("file", LAB)
def test_a_download_holds_the_frames_that_the_filters_of_its_pair_select(file):
    check_file(CAPTURES / file)


def test_both_sides_of_a_translation_are_in_one_download():
    path = CAPTURES / "floating-ip-ports-kvm-51.pcapng"
    flow_map = map_of(path)
    pair = next(
        pair for pair in pairs_of(flow_map.talks).values() if any(talk.conversation.translation for talk in pair.talks)
    )
    _, download = download_of(flow_map, pair, path)
    destinations = {packet.data[30:34] for packet in download.packets}
    assert {bytes((203, 0, 113, 151)), bytes((10, 171, 0, 11))} <= destinations


def test_several_captures_are_one_file_with_one_block_for_each_interface():
    files = [CAPTURES / name for name in ("ports-host-a.pcapng", "ports-host-b.pcapng", "mirror-host-a.pcap")]
    flow_map = map_of(*files)
    pairs, everywhere = pairs_of(flow_map.talks), {path.name for path in files}
    key, sightings = next(
        (key, found)
        for key, found in _keyed_sightings(flow_map)
        if {row["file"] for row in found["rows"]} == everywhere
    )
    cut, download = download_of(flow_map, pairs[key], *files)
    interfaces = [(one.options[COMMENT].decode(), one.options.get(NAME, b"").decode()) for one in download.interfaces]
    assert len(set(interfaces)) == len(interfaces) > 2
    assert {comment for comment, _ in interfaces} == {f"From {name}." for name in everywhere}
    expected = []
    for path in files:
        source = frames_by_number(path)
        expected += [source[number].facts for number in frames_of_rows(path, sightings)]
    assert download.facts() == expected and cut.packets == len(expected)


def _keyed_sightings(flow_map):
    by_size = sorted(pairs_of(flow_map.talks).items(), key=lambda item: -item[1].wire_bytes)
    return [(key, found) for (key, _), found in zip(by_size, sightings_of_pairs(flow_map), strict=True)]


# --- files that the lab does not have

A6, B6 = "fd00::1", "fd00::2"
HOST_1, HOST_2 = "172.31.0.1", "172.31.0.2"


def fragmented(whole, *cuts, **ends):
    """A packet's payload in fragments, cut at these multiples of 8 bytes; all have identification 7."""
    edges = [0, *cuts, len(whole)]
    return [
        f.eth(f.ip4(whole[at:end], fragment=(end < len(whole)) << 13 | at // 8, identity=7, **ends))
        for at, end in zip(edges, edges[1:], strict=False)
    ]


FRAGMENTS = fragmented(f.udp(bytes(range(48)), src=40_000, dst=53), 16, 32)
"""A datagram in three fragments."""


def packet6(data=b"12345", **ends):
    return f.ip6(f.udp(data), **ends)


MADE = {
    "IPv6 beside IPv4": [
        f.eth(packet6(src=A6, dst=B6), f.IPV6), f.eth(f.ip4(f.udp(b"1"))), f.eth(packet6(src=B6, dst=A6), f.IPV6),
    ],
    "QinQ": [
        f.eth(f.tag(f.tag(f.ip4(f.udp(b"1")), 10), 20, f.VLAN), f.SERVICE_VLAN),
        f.eth(f.tag(f.ip4(f.udp(b"2")), 10), f.VLAN),
        f.eth(f.ip4(f.udp(b"3"), src="10.0.0.9")),
    ],
    "VXLAN and its own ends": [
        f.eth(f.ip4(f.udp(f.vxlan(f.eth(f.ip4(f.udp(b"1"))), 5001), dst=4789), src=HOST_1, dst=HOST_2)),
        f.eth(f.ip4(f.udp(bytes(9), dst=3784), src=HOST_1, dst=HOST_2)),
    ],
    "without IP": [f.eth(f.arp(1, f.MAC_A, f.IP_A), f.ARP), f.eth(f.ip4(f.udp(b"1")))],
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_made_files(tmp_path, name):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(MADE[name]))
    check_file(path)


def test_a_big_endian_file_with_nanoseconds(tmp_path):
    path = tmp_path / "a.pcap"
    data = f.eth(f.ip4(f.udp(b"payload")))
    path.write_bytes(
        file_header(magic=0xA1B23C4D, order=">", snaplen=99)
        + record(data, fraction=123_456_789, length=1_400, order=">")
        + record(data, fraction=999_999_999, order=">")
    )
    ((_, download),) = check_file(path).values()
    assert [packet.time_ns for packet in download.packets] == [
        SECOND * 10**9 + 123_456_789, SECOND * 10**9 + 999_999_999,
    ]  # fmt: skip
    assert [packet.original_bytes for packet in download.packets] == [1_400, len(data)]
    assert [one.snaplen for one in download.interfaces] == [99]


def test_a_pcapng_with_two_link_types_units_of_time_and_byte_orders(tmp_path):
    path = tmp_path / "a.pcapng"
    ip = f.ip4(f.udp(b"1"))
    hundred_ns = option(9, b"\x07") + END
    path.write_bytes(
        pcapng(
            named(b"eth0"), interface(linktype=101, options=option(2, "caf\u00e9 <b>".encode()) + hundred_ns),
            enhanced(f.eth(ip)), enhanced(ip, number=1, ticks=SECOND * 10**7 + 19),
        )
    )  # fmt: skip
    ((_, download),) = downloads_of(map_of(path), path).values()
    assert [one.linktype for one in download.interfaces] == [1, 101]
    assert [one.options[NAME].decode() for one in download.interfaces] == ["eth0", "caf\u00e9 <b>"]
    assert [packet.time_ns for packet in download.packets] == [SECOND * 10**9, SECOND * 10**9 + 1_900]
    assert [packet.data for packet in download.packets] == [f.eth(ip), ip]


def test_later_fragments_come_with_their_first(tmp_path):
    """Two machines, and the second conversation has another pair of machines: its fragments stay out."""
    path = tmp_path / "a.pcap"
    other = fragmented(f.udp(b"x" * 20), 24, src="10.0.0.8", dst="10.0.0.9")
    mine = FRAGMENTS
    path.write_bytes(pcap([mine[0], other[0], mine[1], other[1], mine[2]]))
    check_file(path)
    flow_map = map_of(path)
    found = {frozenset(key): download for key, (_, download) in downloads_of(flow_map, path).items()}
    assert sorted(len(download.packets) for download in found.values()) == [2, 3]
    three = next(download for download in found.values() if len(download.packets) == 3)
    assert [packet.data for packet in three.packets] == mine


def test_a_flood_of_first_fragments_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(FRAGMENTS))
    flow_map = map_of(path)
    rows = leg_rows(flow_map.reading.legs.legs)
    finder = PacketFinder(rows, [p.key for p in flow_map.points], [], flow_map.reading.registry)
    finder._fragments.update(dict.fromkeys(((n,) for n in range(FRAGMENTS_REMEMBERED)), (1, 2)))
    downloads_of(flow_map, path)
    for batch in open_capture(path, flow_map.reading.registry, Settings(name_frames=0)).batches():
        assert len(finder.rows_in(batch)) == 3
    assert len(finder._fragments) <= FRAGMENTS_REMEMBERED


def test_a_frame_without_a_time_says_so(tmp_path):
    path = tmp_path / "a.pcapng"
    path.write_bytes(section() + interface() + simple(f.eth(f.ip4(f.udp(b"1")))))
    ((_, download),) = downloads_of(map_of(path), path).values()
    assert "no time" in download.packets[0].comment


def test_a_download_ends_at_its_limit_and_says_so_at_its_last_packet(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([f.eth(f.ip4(f.udp(bytes(1_000))))] * 100))
    ((cut, download),) = downloads_of(map_of(path), path, max_download_bytes=20_000).values()
    assert not cut.complete and 15 <= len(download.packets) == cut.packets <= 17
    assert "limit of 20,000 bytes" in download.packets[-1].comment
    assert {packet.comment for packet in download.packets[:-1]} == {""}


def test_a_damaged_capture_is_copied_up_to_its_damage(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([f.eth(f.ip4(f.udp(b"1")))] * 3)[:-5])
    ((cut, download),) = downloads_of(map_of(path), path).values()
    assert not cut.complete and len(download.packets) == 2
    assert "cut short" in download.packets[-1].comment


def test_damage_before_the_first_packet_of_the_pair_is_told_too(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([f.eth(f.ip4(f.udp(b"1")))] * 3))
    flow_map = map_of(path)
    path.write_bytes(pcap([f.eth(f.ip4(f.udp(b"1", src=9), src="10.9.9.9"))] * 3)[:-5])
    (talk,) = flow_map.talks
    rows = leg_rows(flow_map.reading.legs.legs)[list(talk.conversation.forward.legs)]
    cut = PacketCut(WantedPackets([(path, path.name)], rows, [p.key for p in flow_map.points], [], ""), Settings())
    made = tmp_path / "made.pcapng"
    made.write_bytes(b"".join(cut.pieces()))
    assert (cut.packets, cut.complete) == (0, False)
    run = subprocess.run(["capinfos", "-k", str(made)], capture_output=True, text=True, check=True)
    assert "cut short" in run.stdout


def test_wireshark_opens_a_download(tmp_path):
    path = CAPTURES / "ports-host-a.pcapng"
    flow_map = map_of(path)
    pair = next(iter(pairs_of(flow_map.talks).values()))
    legs = [n for talk in pair.talks for n in (*talk.conversation.forward.legs, *talk.conversation.backward.legs)]
    rows = leg_rows(flow_map.reading.legs.legs)[legs]
    comment = "Map: caf\u00e9 \U0001f4a5\nPair: " + "x" * 100_000
    wanted = WantedPackets([(path, path.name)], rows, [p.key for p in flow_map.points], [], comment)
    cut = PacketCut(wanted, Settings())
    made = tmp_path / "made.pcapng"
    made.write_bytes(b"".join(cut.pieces()))
    run = subprocess.run(["capinfos", "-M", "-c", "-k", str(made)], capture_output=True, text=True, check=True)
    assert f"Number of packets:   {cut.packets}" in run.stdout and "Map: caf\u00e9 \U0001f4a5" in run.stdout
    run = subprocess.run(["tshark", "-r", str(made), "-q"], capture_output=True, text=True, check=True)
    assert "appears" not in run.stderr and "damaged" not in run.stderr
