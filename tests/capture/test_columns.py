"""The columns of plain frames: lengths that lie, times, transport headers, fragments, cooked headers,
identity."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flowmap.packets import (
    ACK,
    FIRST_FRAGMENT,
    LATER_FRAGMENT,
    NO_TIME,
    PSH,
    SYN,
    WHOLE,
    packet_hashes,
)
from flowmap.settings import Settings
from tests.capture import frames as f
from tests.capture.files import (
    END,
    SECOND,
    enhanced,
    file_header,
    interface,
    option,
    pcap,
    pcapng,
    record,
    section,
)
from tests.capture.plain_walker import walk_pcap
from tests.capture.reading import read_bytes

NS = 10**9


def test_recorded_captured_and_ip_lengths(tmp_path):
    packet = f.ip4(f.tcp(b"z" * 100, flags=ACK | PSH), f.TCP)
    padded = f.eth(f.ip4(f.tcp(), f.TCP)) + bytes(6)
    files = file_header() + record(f.eth(packet)) + record(f.eth(packet)[:60], length=154) + record(padded)
    packets = read_bytes(tmp_path, files).packets
    assert packets.frame_bytes.tolist() == [154, 154, 60]
    assert packets.captured_bytes.tolist() == [154, 60, 60]
    assert packets.wire_bytes.tolist() == [154, 154, 60]
    assert packets.ip_bytes.tolist() == [140, 140, 40]
    assert packets.payload_bytes.tolist() == [100, 100, 0]


def test_a_switch_that_cuts_frames_and_writes_the_cut_length_as_the_original_one(tmp_path):
    # Open vSwitch with snaplen=64: frame.len = cap_len = 64 while the IP header says 84 (reference 0.10).
    ping = f.eth(f.ip4(f.icmp(payload=bytes(56)), f.ICMP))[:64]
    download = f.eth(f.ip4(f.tcp(b"d" * 1400, flags=ACK), f.TCP))[:64]
    datagram = f.eth(f.tag(f.ip4(f.udp(b"u" * 1000)), 5), f.VLAN)[:64]
    packets = read_bytes(tmp_path, pcap([ping, download, datagram])).packets
    assert packets.frame_bytes.tolist() == [64, 64, 64]
    assert packets.ip_bytes.tolist() == [84, 1440, 1028]
    assert packets.wire_bytes.tolist() == [98, 1454, 1046]
    assert packets.payload_bytes.tolist() == [64, 1400, 1000]


def test_ip_lengths_that_the_frame_contradicts(tmp_path):
    udp_disagrees = f.eth(f.ip4(f.udp(b"x"), length=65535))
    whole = f.eth(f.ip4(f.tcp(b"t" * 100), f.TCP, length=9000))
    # The file knows that it cut this frame of 154 bytes, so an IP length of 9,000 is a lie.
    data = file_header() + record(udp_disagrees) + record(whole[:80], length=154)
    result = read_bytes(tmp_path, data)
    assert result.packets.ip_bytes.tolist() == [29, 140]
    assert result.packets.wire_bytes.tolist() == [43, 154]
    assert result.notices()["ip_length_lies"] == 2


def test_segmentation_offload_takes_the_length_from_the_frame(tmp_path):
    plain = f.eth(f.ip4(f.tcp(b"x" * 3000, flags=ACK), f.TCP, length=0))
    six = f.eth(f.ip6(f.tcp(b"x" * 3000, flags=ACK), f.TCP, length=0), f.IPV6)
    inner = f.eth(f.ip4(f.tcp(b"x" * 3000, flags=ACK), f.TCP, length=0))
    nested = f.eth(f.ip4(f.udp(f.vxlan(inner, 5), 50000, 4789)))
    packets = read_bytes(tmp_path, pcap([plain, six, nested])).packets
    assert packets.ip_bytes.tolist() == [3040, 3060, 3040]
    assert packets.payload_bytes.tolist() == [3000, 3000, 3000]
    assert packets.wire_bytes.tolist() == [len(plain), len(six), len(nested)]


def test_absurd_original_lengths_count_what_was_captured(tmp_path):
    data = file_header() + record(f.PLAIN, length=2**31 - 1) + record(f.PLAIN, length=262144)
    packets = read_bytes(tmp_path, data).packets
    assert packets.wire_bytes.tolist() == [62, 262144]
    assert packets.ip_bytes.tolist() == [48, 48]


def test_times_are_exact_integers(tmp_path):
    times = [(0, 0), (1, 999_999_999), (SECOND, 123_456_789), (2**32 - 1, 1)]
    data = file_header(magic=0xA1B23C4D) + b"".join(record(f.PLAIN, s, n) for s, n in times)
    packets = read_bytes(tmp_path, data).packets
    assert packets.time_ns.tolist() == [s * NS + n for s, n in times]


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_any_second_and_fraction_is_an_exact_time_or_none(tmp_path, magic):
    numbers = st.integers(0, 2**32 - 1)

    @examples(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(numbers, numbers | st.integers(0, 10**9 - 1)), min_size=1, max_size=20))
    def check(times):
        data = file_header(magic=magic) + b"".join(record(f.PLAIN, second, part) for second, part in times)
        found = read_bytes(tmp_path, data).packets.time_ns.tolist()
        assert found == [row[3] for row in walk_pcap(data).rows]
        unit, whole = (1, NS) if magic == 0xA1B23C4D else (1000, 10**6)
        for time, (second, part) in zip(found, times, strict=True):
            assert time == second * NS + part * unit if part < whole else NO_TIME <= time < 2**63

    check()


def test_times_that_are_none(tmp_path):
    data = file_header() + record(f.PLAIN, fraction=2**32 - 1) + record(f.PLAIN, fraction=1_500_000)
    result = read_bytes(tmp_path, data)
    assert result.packets.time_ns.tolist() == [NO_TIME, SECOND * NS + 1_500_000_000]
    assert result.notices()["implausible_time"] == 1


def test_the_end_of_time_is_in_2262(tmp_path):
    last = 2**63 - 1
    nano = interface(options=option(9, b"\x09") + END)
    blocks = (enhanced(ticks=last), enhanced(ticks=last + 1))
    packets = read_bytes(tmp_path, pcapng(nano, *blocks)).packets
    assert packets.time_ns.tolist() == [last, NO_TIME]


def test_tcp_header_fields(tmp_path):
    first = f.eth(f.ip4(f.tcp(seq=4_000_000_000, flags=SYN, options=bytes(20), header_words=10), f.TCP))
    second = f.eth(f.ip4(f.tcp(b"hello", seq=7, ack=8, flags=ACK | PSH), f.TCP))
    cut_after_ports = first[: 14 + 20 + 4]
    cut_in_ports = first[: 14 + 20 + 3]
    data = pcap([first, second]) + record(cut_after_ports, length=74) + record(cut_in_ports, length=74)
    packets = read_bytes(tmp_path, data).packets
    assert packets.tcp_seq.tolist() == [4_000_000_000, 7, -1, -1]
    assert packets.tcp_flags.tolist() == [SYN, ACK | PSH, -1, -1]
    assert packets.payload_bytes.tolist()[:2] == [0, 5]
    assert packets.src_port.tolist() == [1234, 1234, 1234, -1]
    assert packets.dst_port.tolist() == [80, 80, 80, -1]


def test_other_transports(tmp_path):
    frames = [
        f.eth(f.ip4(f.sctp(b"s" * 16), f.SCTP)),
        f.eth(f.ip4(f.icmp(8, 0, 5, 9, b"p" * 48), f.ICMP)),
        f.eth(f.ip4(bytes(30), 50)),
        f.eth(f.ip6(f.tcp(b"abc", flags=ACK), f.TCP), f.IPV6),
        f.eth(f.ip6(f.hop_options(f.udp(b"abcd"), f.UDP, 2), 0), f.IPV6),
    ]
    packets = read_bytes(tmp_path, pcap(frames)).packets
    assert packets.protocol.tolist() == [f.SCTP, f.ICMP, 50, f.TCP, f.UDP]
    assert packets.src_port.tolist() == [2905, -1, -1, 1234, 1234]
    assert packets.payload_bytes.tolist() == [16, 56, 30, 3, 4]


def test_icmp_errors_do_not_show_what_they_quote(tmp_path):
    quoted = f.ip4(f.tcp(), f.TCP, "9.9.9.9", "8.8.8.8")
    mirrored = f.ip4(f.erspan2(f.eth(quoted), 7), f.GRE, "9.9.9.9", "8.8.8.8")
    frames = [
        f.eth(f.ip4(f.icmp(kind, 0, 0, 0, packet), f.ICMP)) for kind in (3, 5, 11) for packet in (quoted, mirrored)
    ]
    frames.append(f.eth(f.ip6(f.icmp(1, 0, 0, 0, f.ip6(f.tcp(), f.TCP)), f.ICMPV6), f.IPV6))
    frames.append(f.eth(f.ip4(f.icmp(0), f.ICMP)))
    result = read_bytes(tmp_path, pcap(frames))
    assert result.packets.icmp_error.tolist() == [True] * 7 + [False]
    assert {result.addresses(row) for row in range(6)} == {(f.IP_A, f.IP_B)}
    assert set(result.packets.src_port.tolist()) == {-1}
    assert {point.key.mirror for point in result.registry.points} == {""}


def test_fragments(tmp_path):
    datagram = f.udp(b"q" * 100)
    frames = [
        f.eth(f.ip4(datagram[:64], fragment=0x2000, identity=700)),
        f.eth(f.ip4(datagram[64:], fragment=0x0008, identity=700)),
        f.eth(f.ip6(f.fragment6(datagram[:64], f.UDP, 0, True, 0x80000005), 44), f.IPV6),
        f.eth(f.ip6(f.fragment6(datagram[64:], f.UDP, 8, False, 0x80000005), 44), f.IPV6),
        f.eth(f.ip6(f.fragment6(datagram, f.UDP, 0, False, 3), 44), f.IPV6),
    ]
    packets = read_bytes(tmp_path, pcap(frames)).packets
    assert packets.fragment.tolist() == [
        FIRST_FRAGMENT,
        LATER_FRAGMENT,
        FIRST_FRAGMENT,
        LATER_FRAGMENT,
        WHOLE,
    ]
    assert packets.src_port.tolist() == [1234, -1, 1234, -1, 1234]
    assert packets.ip_id.tolist() == [700, 700, 5, 5, 3]
    assert packets.protocol.tolist() == [f.UDP] * 5
    assert packets.payload_bytes.tolist() == [56, 44, 56, 44, 100]


def test_cooked_captures(tmp_path):
    packet = f.ip4(f.udp(b"x"))
    cooked = pcap([f.sll(packet, 0x0250_0000_0001), f.sll(packet, 0, hardware=772)], linktype=113)
    first = read_bytes(tmp_path, cooked)
    assert first.packets.src_mac.tolist() == [0x0250_0000_0001, -1]
    assert first.packets.dst_mac.tolist() == [-1, -1]
    assert first.packets.wire_bytes.tolist() == [16 + 29] * 2
    second = read_bytes(tmp_path, pcap([f.sll2(packet, 3), f.sll2(packet, 4), f.sll2(packet, 3)], linktype=276))
    assert [second.registry.points[number].key.cooked_index for number in second.packets.point] == [3, 4, 3]
    assert second.packets.src_mac.tolist() == [f.MAC_A] * 3


def test_identity_words_are_those_of_the_contract(tmp_path):
    udp_frame = f.eth(f.ip4(f.udp(b"0123456789", 1000, 2000), identity=77))
    tcp_frame = f.eth(f.ip4(f.tcp(bytes(range(1, 40)), 1, 2, seq=3, ack=4, flags=ACK), f.TCP, identity=0))
    later = f.eth(f.ip4(b"w" * 24, fragment=0x0002, identity=5))
    echo = f.eth(f.ip6(f.icmp(128, 0, 6, 7, b"abcdefgh"), f.ICMPV6), f.IPV6)
    packets = read_bytes(tmp_path, pcap([udp_frame, tcp_frame, later, echo])).packets
    head = int.from_bytes
    words = [
        [17 | 78 << 32, 1000 | 2000 << 16 | 18 << 32, 0, 10 << 32, head(b"01234567"), head(b"89" + bytes(6))],
        [
            6,
            1 | 2 << 16 | 59 << 32,
            3 | 4 << 32,
            ACK | 39 << 32,
            head(bytes(range(1, 9))),
            head(bytes(range(9, 17))),
        ],
        [17 | 2 << 8 | 6 << 32, 24 << 32, 0, 24 << 32, head(b"w" * 8), head(b"w" * 8)],
        [58, 128 | 6 << 16 | 7 << 32, 0, 16 << 32, head(b"abcdefgh"), 0],
    ]
    assert packets.packet_hash.tolist() == packet_hashes(np.array(words, np.uint64)).tolist()


def test_padding_is_no_payload(tmp_path):
    short = f.eth(f.ip4(f.udp(b"ab")))
    packets = read_bytes(tmp_path, pcap([short, short + b"\xff" * 16])).packets
    assert packets.packet_hash[0] == packets.packet_hash[1]


def test_address_translation_and_routing_keep_the_identity(tmp_path):
    there = f.eth(f.ip4(f.udp(b"same bytes"), identity=9, ttl=64))
    routed = f.eth(f.tag(f.ip4(f.udp(b"same bytes"), src="203.0.113.9", identity=9, ttl=63), 20), f.VLAN, 5, 6)
    other = f.eth(f.ip4(f.udp(b"same bytes"), identity=10, ttl=64))
    hashes = read_bytes(tmp_path, pcap([there, routed, other])).packets.packet_hash.tolist()
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_batches_have_the_size_of_the_setting(tmp_path, size):
    result = read_bytes(tmp_path, pcap([f.PLAIN] * 7), Settings(batch_packets=size))
    sizes = [len(batch) for batch in result.capture.batches()]
    assert sum(sizes) == 7 and max(sizes) <= size
    assert result.packets.frame_number.tolist() == list(range(1, 8))


def test_custom_blocks_keep_wiresharks_frame_numbers(tmp_path):
    custom = struct.pack("<III", 0xBAD, 20, 1) + bytes(4) + struct.pack("<I", 20)
    data = section() + interface() + enhanced() + custom + enhanced()
    assert read_bytes(tmp_path, data).packets.frame_number.tolist() == [1, 3]
