"""Filters for what the lab does not have: each file is built so that rows are easily mistaken for each other."""

from __future__ import annotations

import pytest

from flowmap.evidence.display_filter import ADDRESSES_NAMED, pair_filter
from tests.capture import frames as f
from tests.capture.files import END, enhanced, interface, named, option, pcap, section
from tests.evidence.maps import map_of, rows_of, sightings_of_pairs
from tests.evidence.tshark import disagreements, frames_of

HOST_1, HOST_2, COLLECTOR = "172.31.0.1", "172.31.0.2", "172.31.0.9"
NIC_1, NIC_2 = 0x001B21000001, 0x001B21000002
A6, B6 = "fd00::1", "fd00::2"


def packet(size=20, **ends):
    return f.ip4(f.udp(bytes(size)), **ends)


def between_hosts(payload, protocol=f.UDP, src=HOST_1, dst=HOST_2):
    return f.eth(f.ip4(payload, protocol, src=src, dst=dst), src=NIC_1, dst=NIC_2)


def answer(kind, quoted, src, dst):
    """An ICMP error with the packet that it is about."""
    return f.eth(f.ip4(f.icmp(kind, 2, 0, 0, quoted), f.ICMP, src=src, dst=dst), src=NIC_2, dst=NIC_1)


INNER = f.eth(packet())
TAGGED = f.eth(f.tag(packet(), 10), f.VLAN)
IN_VXLAN = f.udp(f.vxlan(INNER, 5001), dst=4789)
IN_ERSPAN = f.erspan2(INNER, 77)
ARP_IN_VXLAN = f.udp(f.vxlan(f.eth(f.arp(1, f.MAC_A, f.IP_A), f.ARP), 5001), dst=4789)

FILES = {
    "untagged and tagged": [INNER, INNER, TAGGED, f.eth(f.tag(packet(30), 20), f.VLAN)],
    "service tags": [
        f.eth(f.tag(packet(1), 10), f.VLAN),
        f.eth(f.tag(f.tag(packet(2), 10), 20, f.VLAN), f.SERVICE_VLAN),
        f.eth(f.tag(f.tag(packet(3), 10), 20, f.VLAN), f.VLAN),
        f.eth(f.tag(packet(4), 30), f.SERVICE_VLAN),
        f.eth(packet(5)),
    ],
    "a tunnel beside what it carries": [INNER, TAGGED, between_hosts(IN_VXLAN), between_hosts(IN_VXLAN)],
    "two networks with the same addresses": [
        between_hosts(IN_VXLAN), between_hosts(f.udp(f.vxlan(INNER, 5002), dst=4789)),
        between_hosts(f.udp(f.geneve(INNER, 5001), dst=6081)),
    ],
    "tags inside a tunnel": [between_hosts(IN_VXLAN), between_hosts(f.udp(f.vxlan(TAGGED, 5001), dst=4789))],
    "tunnel endpoints that talk themselves": [
        between_hosts(IN_VXLAN), between_hosts(ARP_IN_VXLAN), between_hosts(f.udp(bytes(40), dst=3784)),
        between_hosts(f.tcp(seq=1), f.TCP), answer(8, bytes(8), HOST_2, HOST_1),
    ],
    "an exporter that talks to its collector": [
        between_hosts(IN_ERSPAN, f.GRE, dst=COLLECTOR), between_hosts(f.udp(bytes(9)), dst=COLLECTOR), INNER,
    ],
    "sessions": [
        between_hosts(f.erspan2(INNER, 77), f.GRE, dst=COLLECTOR),
        between_hosts(f.erspan2(INNER, 77, index=31), f.GRE, dst=COLLECTOR),
        between_hosts(f.erspan2(INNER, 78), f.GRE, dst=COLLECTOR),
        between_hosts(f.erspan3(INNER, 77), f.GRE, src=HOST_2, dst=COLLECTOR),
        between_hosts(f.gre(INNER, f.TEB, key=5), f.GRE, dst=COLLECTOR),
        between_hosts(f.erspan1(INNER), f.GRE, dst=COLLECTOR),
    ],
    "a collector that refuses": [
        between_hosts(IN_ERSPAN, f.GRE, dst=COLLECTOR),
        answer(3, f.ip4(IN_ERSPAN, f.GRE, src=HOST_1, dst=COLLECTOR), COLLECTOR, HOST_1),
    ],
    "an endpoint that refuses": [
        between_hosts(IN_VXLAN), answer(3, f.ip4(IN_VXLAN, src=HOST_1, dst=HOST_2), HOST_2, HOST_1),
    ],
    "a port that is closed": [
        INNER, f.eth(f.ip4(f.icmp(3, 3, 0, 0, packet()), f.ICMP, src=f.IP_B, dst=f.IP_A), src=f.MAC_B, dst=f.MAC_A),
    ],
    "other tunnels": [
        between_hosts(f.gre(packet(1), f.IPV4), f.GRE), between_hosts(f.gre(packet(2), f.IPV4, key=9), f.GRE),
        between_hosts(f.gre(f.eth(packet(3)), f.TEB, key=0x500107), f.GRE),
        between_hosts(packet(4), 4), between_hosts(f.udp(f.gtp(packet(5), 7), dst=2152)),
        f.eth(f.mpls(packet(6), 16, 99), f.MPLS), f.eth(f.pppoe(packet(7), 3), f.PPPOE),
        between_hosts(f.etherip(f.eth(packet(8))), 97),
    ],
    "IP in IP behind an extension header": [
        f.eth(f.ip6(f.hop_options(f.ip6(f.udp(b"1"), src=A6, dst=B6), 41), 0, src="fd99::1", dst="fd99::2"), f.IPV6),
    ],
    "both families": [
        INNER, f.eth(f.ip6(f.udp(bytes(5)), src=A6, dst=B6), f.IPV6),
        f.eth(f.ip6(f.udp(b"ping"), src=B6, dst=A6), f.IPV6),
    ],
    "a mapped address": [f.eth(f.ip6(f.udp(bytes(5)), src="::ffff:10.0.0.1", dst="::ffff:10.0.0.2"), f.IPV6)],
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_each_filter_finds_what_its_row_counted(tmp_path, name):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(FILES[name]))
    rows = rows_of(map_of(path))
    without_ip = 1 if name == "tunnel endpoints that talk themselves" else 0
    assert sum(row["frames"] for row in rows) == len(FILES[name]) - without_ip
    assert [row["filter_note"] for row in rows if row["filter_note"]] == []
    assert disagreements(path, rows) == []


def test_gre_that_nobody_reads_is_not_left_out_of_its_endpoints_row(tmp_path):
    """One packet between the endpoints holds a foreign protocol in GRE, another one IP between the same endpoints."""
    path = tmp_path / "a.pcap"
    ends = {"src": HOST_1, "dst": HOST_2}
    carried = f.eth(f.ip4(f.gre(f.ip4(f.udp(bytes(4)), **ends), f.IPV4, key=40), f.GRE, **ends), src=NIC_1, dst=NIC_2)
    foreign = f.eth(f.ip4(f.gre(bytes(40), 0x6003, key=40), f.GRE, **ends), src=NIC_1, dst=NIC_2)
    path.write_bytes(pcap([carried, foreign]))
    rows = rows_of(map_of(path))
    assert [(row["frames"], bool(row["filter_note"])) for row in rows] == [(1, True), (1, True)]
    assert disagreements(path, rows) == []


@pytest.mark.parametrize(
    ("linktype", "frames"),
    [
        (113, [f.sll(packet()), f.sll(packet(5, src=f.IP_B, dst=f.IP_A), src=f.MAC_B)]),
        (276, [f.sll2(packet(), 3), f.sll2(packet(), 4), f.sll2(packet(), 4)]),
        (101, [packet(), packet(5, src=f.IP_B, dst=f.IP_A)]),
    ],
    ids=["cooked", "cooked with interfaces", "raw IP"],
)
def test_captures_without_all_macs(tmp_path, linktype, frames):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(frames, linktype=linktype))
    rows = rows_of(map_of(path))
    assert sum(row["frames"] for row in rows) == len(frames)
    assert disagreements(path, rows) == []
    assert not any("eth.dst" in row["filter"] for row in rows)


def test_without_macs_errors_that_quote_cannot_be_told_from_the_quoted_and_the_row_says_so(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(
        pcap([packet(), f.ip4(f.icmp(3, 3, 0, 0, packet()), f.ICMP, src=f.IP_B, dst=f.IP_A)], linktype=101)
    )
    rows = rows_of(map_of(path))
    assert disagreements(path, rows) == []
    assert [bool(row["filter_note"]) for row in rows] == [False, True]


HOSTILE = b'v" || ip || "'


@pytest.mark.parametrize(
    "interfaces",
    [
        [named(b"vnet0"), named(b"vnet1")],
        [named(b"mirB"), named(b"mirB")],
        [named(HOSTILE), named(b"vnet1")],
        [interface(), interface()],
    ],
    ids=["names", "one name twice", "a hostile name", "no names"],
)
def test_interfaces_of_one_file(tmp_path, interfaces):
    path = tmp_path / "a.pcapng"
    path.write_bytes(section() + b"".join(interfaces) + enhanced(INNER, 0) + enhanced(INNER, 1) + enhanced(INNER, 1))
    rows = rows_of(map_of(path))
    assert sorted(row["frames"] for row in rows) == [1, 2]
    assert [row["filter_note"] for row in rows] == ["", ""]
    assert disagreements(path, rows) == []


def test_sections_of_one_file(tmp_path):
    """tshark 4.0 numbers interfaces anew in each section, so two interfaces of a later one cannot be told apart."""
    path = tmp_path / "a.pcapng"
    first = section() + named(b"vnet0") + named(b"vnet1") + enhanced(INNER, 0) + enhanced(INNER, 1)
    path.write_bytes(first + section() + named(b"vnet0") + enhanced(INNER, 0))
    rows = rows_of(map_of(path))
    assert [row["filter_note"] for row in rows] == ["", "", ""]
    assert disagreements(path, rows) == []
    path.write_bytes(first + section() + named(b"x") + named(b"vnet0") + enhanced(INNER, 0) + enhanced(INNER, 1))
    rows = rows_of(map_of(path))
    assert [bool(row["filter_note"]) for row in rows] == [False, False, True, True]
    assert disagreements(path, rows) == []


def test_a_machine_that_talks_to_itself_has_one_filter_for_both_ways_and_says_so(tmp_path):
    path = tmp_path / "a.pcap"
    ends = {"src": "127.0.0.1", "dst": "127.0.0.1"}
    path.write_bytes(pcap([f.ip4(f.udp(b"1", 9, 10), **ends), f.ip4(f.udp(b"2", 10, 9), **ends)], linktype=101))
    (pair,) = sightings_of_pairs(map_of(path))
    assert [bool(row["filter_note"]) for row in pair["rows"]] == [True, True]
    assert frames_of(path, pair["filter"]) == frames_of(path, pair["rows"][0]["filter"]) == [1, 2]


def test_several_addresses_become_sets_that_tshark_understands(tmp_path):
    path = tmp_path / "a.pcap"
    addresses = [f"10.0.1.{number}" for number in range(1, 7)]
    path.write_bytes(
        pcap([f.eth(packet(src=source)) for source in addresses] + [f.eth(packet(src="10.0.1.7", dst="10.0.0.9"))])
    )
    flow_map = map_of(path)
    pairs = [pair for pair in sightings_of_pairs(flow_map) if pair["rows"][0]["frames"] == len(addresses)]
    assert len(pairs) == 1, "one MAC has all these addresses, so they are one machine"
    assert " in {" in pairs[0]["rows"][0]["filter"] and " in {" in pairs[0]["filter"]
    assert frames_of(path, pairs[0]["rows"][0]["filter"]) == frames_of(path, pairs[0]["filter"]) == [1, 2, 3, 4, 5, 6]


def test_a_filter_of_too_many_addresses_says_that_it_is_cut():
    pairs = [((f"10.0.0.{number}", "10.0.1.1"), (f.MAC_A, f.MAC_B)) for number in range(ADDRESSES_NAMED + 1)]
    assert pair_filter(pairs[:-1]).note == ""
    assert "16 pairs" in pair_filter(pairs).note
    assert pair_filter([]) is None


def test_a_name_in_an_option_of_the_file_never_reaches_a_filter(tmp_path):
    path = tmp_path / "a.pcapng"
    blocks = [interface(options=option(2, name) + END) for name in (b"vnet0\x00\x07", "vn\u202eet1".encode())]
    path.write_bytes(section() + b"".join(blocks) + enhanced(INNER, 0) + enhanced(INNER, 1))
    rows = rows_of(map_of(path))
    assert all(row["filter"].isascii() and row["filter"].isprintable() for row in rows)
    assert disagreements(path, rows) == []
