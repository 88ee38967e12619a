"""Where the innermost addresses, tags, MACs and tunnels come from, for every encapsulation that is unwrapped.

Each frame carries the same datagram from 192.168.7.1 to 192.168.7.2, wrapped differently; all go through one
capture.
"""

from __future__ import annotations

import struct

import pytest

from flowmap.packets import Tunnel
from flowmap.settings import Settings
from tests.capture import frames as f
from tests.capture.files import pcap
from tests.capture.reading import Result, read_bytes

INNER_A, INNER_B = 0x0250_0000_000A, 0x0250_0000_000B
PACKET = f.ip4(f.udp(b"y" * 30, 4000, 5000), src="192.168.7.1", dst="192.168.7.2")
PACKET6 = f.ip6(f.udp(b"y" * 30, 4000, 5000), src="fd00::1", dst="fd00::2")
FRAME = f.eth(PACKET, src=INNER_A, dst=INNER_B)
TAGGED = f.eth(f.tag(PACKET, 42), f.VLAN, INNER_A, INNER_B)


def over_gre(gre_packet: bytes) -> bytes:
    return f.eth(f.ip4(gre_packet, f.GRE))


def over_udp(payload: bytes, dst: int, src: int = 50000) -> bytes:
    return f.eth(f.ip4(f.udp(payload, src, dst)))


def between(kind: str, network: int = -1) -> Tunnel:
    """A tunnel between the outer addresses."""
    return Tunnel(kind, f.IP_A, f.IP_B, network)


OUTER_MACS, INNER_MACS = (f.MAC_A, f.MAC_B), (INNER_A, INNER_B)

# name -> (frame, tunnel, mirror session, MACs, outer VLAN, VLAN)
WRAPPED = {
    "plain": (f.eth(PACKET), None, "", OUTER_MACS, -1, -1),
    "one tag": (f.eth(f.tag(PACKET, 10), f.VLAN), None, "", OUTER_MACS, -1, 10),
    "two tags": (f.eth(f.tag(f.tag(PACKET, 20), 10, f.VLAN), f.VLAN), None, "", OUTER_MACS, 10, 20),
    "provider tag": (f.eth(f.tag(f.tag(PACKET, 20), 10, f.VLAN), f.SERVICE_VLAN), None, "", OUTER_MACS, 10, 20),
    "three tags": (
        f.eth(f.tag(f.tag(f.tag(PACKET, 30), 20, f.VLAN), 10, f.VLAN), f.VLAN), None, "", OUTER_MACS, 10, 30,
    ),
    "VXLAN": (over_udp(f.vxlan(FRAME, 5001), 4789), between("vxlan", 5001), "", INNER_MACS, -1, -1),
    "VXLAN on its old port": (over_udp(f.vxlan(FRAME, 5001), 8472), between("vxlan", 5001), "", INNER_MACS, -1, -1),
    "VXLAN with a tag inside": (over_udp(f.vxlan(TAGGED, 7), 4789), between("vxlan", 7), "", INNER_MACS, -1, 42),
    "VXLAN under a tag": (
        f.eth(f.tag(f.ip4(f.udp(f.vxlan(FRAME, 7), 50000, 4789)), 99), f.VLAN),
        between("vxlan", 7), "", INNER_MACS, -1, -1,
    ),
    "VXLAN over IPv6": (
        f.eth(f.ip6(f.udp(f.vxlan(FRAME, 7), 50000, 4789)), f.IPV6),
        Tunnel("vxlan", "2001:db8::1", "2001:db8::2", 7), "", INNER_MACS, -1, -1,
    ),
    "Geneve": (over_udp(f.geneve(FRAME, 70000), 6081), between("geneve", 70000), "", INNER_MACS, -1, -1),
    "Geneve with options": (
        over_udp(f.geneve(FRAME, 3, struct.pack("!HBBI", 0x0102, 0x80, 1, 7)), 6081),
        between("geneve", 3), "", INNER_MACS, -1, -1,
    ),
    "GTP": (over_udp(f.gtp(PACKET, 77), 2152, 2152), between("gtp", 77), "", OUTER_MACS, -1, -1),
    "IP in IP": (f.eth(f.ip4(PACKET, 4)), between("ipip"), "", OUTER_MACS, -1, -1),
    "IPv6 in IPv4": (f.eth(f.ip4(PACKET6, 41)), between("6in4"), "", OUTER_MACS, -1, -1),
    "IPv4 in IPv6": (
        f.eth(f.ip6(PACKET, 4), f.IPV6), Tunnel("4in6", "2001:db8::1", "2001:db8::2", -1), "", OUTER_MACS, -1, -1,
    ),
    "IPv4 in IPv6 behind an option": (
        f.eth(f.ip6(f.hop_options(PACKET, 4), 60), f.IPV6),
        Tunnel("4in6", "2001:db8::1", "2001:db8::2", -1), "", OUTER_MACS, -1, -1,
    ),
    "GRE": (over_gre(f.gre(PACKET, f.IPV4)), between("gre"), "", OUTER_MACS, -1, -1),
    "GRE with a key": (over_gre(f.gre(PACKET, f.IPV4, key=40)), between("gre", 40), "", OUTER_MACS, -1, -1),
    "NVGRE": (over_gre(f.gre(FRAME, f.TEB, key=0x123456 << 8 | 9)), between("nvgre", 0x123456), "", INNER_MACS, -1, -1),
    "PPTP": (over_gre(f.pptp(b"\xff\x03\x00\x21" + PACKET, 24)), between("pptp", 24), "", OUTER_MACS, -1, -1),
    "EtherIP": (f.eth(f.ip4(f.etherip(FRAME), 97)), between("etherip"), "", INNER_MACS, -1, -1),
    "L2TP": (over_udp(f.l2tp(PACKET, 5, 6), 1701, 1701), between("l2tp", 6), "", OUTER_MACS, -1, -1),
    "Teredo": (over_udp(PACKET6, 3544), between("teredo"), "", OUTER_MACS, -1, -1),
    "MPLS": (f.eth(f.mpls(PACKET, 16, 17), f.MPLS), Tunnel("mpls", "", "", 17), "", OUTER_MACS, -1, -1),
    "PPPoE": (f.eth(f.pppoe(PACKET, 9), f.PPPOE), Tunnel("pppoe", "", "", 9), "", OUTER_MACS, -1, -1),
    "AH": (f.eth(f.ip4(f.authentication(PACKET[20:], f.UDP), f.AH, "192.168.7.1", "192.168.7.2")),
           None, "", OUTER_MACS, -1, -1),
    "ERSPAN I": (over_gre(f.erspan1(FRAME)), None, f"erspan:{f.IP_A}", INNER_MACS, -1, -1),
    "ERSPAN II": (over_gre(f.erspan2(FRAME, 77)), None, f"erspan:{f.IP_A}/77", INNER_MACS, -1, -1),
    "ERSPAN II with index": (over_gre(f.erspan2(TAGGED, 77, 31)), None, f"erspan:{f.IP_A}/77/31", INNER_MACS, -1, 42),
    "ERSPAN III": (over_gre(f.erspan3(FRAME, 78)), None, f"erspan:{f.IP_A}/78", INNER_MACS, -1, -1),
    "GRE-TEB": (over_gre(f.gre(FRAME, f.TEB, key=12)), None, f"gre-teb:{f.IP_A}/12", INNER_MACS, -1, -1),
    "GRE-TEB without key": (over_gre(f.gre(FRAME, f.TEB)), None, f"gre-teb:{f.IP_A}", INNER_MACS, -1, -1),
    "VXLAN in ERSPAN": (
        over_gre(f.erspan2(f.eth(f.ip4(f.udp(f.vxlan(FRAME, 8), 50000, 4789), src="172.16.0.1", dst="172.16.0.2")), 5)),
        Tunnel("vxlan", "172.16.0.1", "172.16.0.2", 8), f"erspan:{f.IP_A}/5", INNER_MACS, -1, -1,
    ),
    "ERSPAN in VXLAN": (
        over_udp(f.vxlan(f.eth(f.ip4(f.erspan2(FRAME, 6), f.GRE, "172.16.0.1", "172.16.0.2")), 8), 4789),
        None, "erspan:172.16.0.1/6", INNER_MACS, -1, -1,
    ),
    "MPLS in ERSPAN": (
        over_gre(f.erspan2(f.eth(f.mpls(PACKET, 18), f.MPLS, INNER_A, INNER_B), 6)),
        Tunnel("mpls", "", "", 18), f"erspan:{f.IP_A}/6", INNER_MACS, -1, -1,
    ),
    "GRE in GRE with keys": (
        over_gre(f.gre(f.ip4(f.gre(PACKET, f.IPV4, key=2), f.GRE, "172.16.0.1", "172.16.0.2"), f.IPV4, key=1)),
        Tunnel("gre", "172.16.0.1", "172.16.0.2", 2), "", OUTER_MACS, -1, -1,
    ),
    "keyed GRE in GRE without key": (
        over_gre(f.gre(f.ip4(f.gre(PACKET, f.IPV4, key=2), f.GRE, "172.16.0.1", "172.16.0.2"), f.IPV4)),
        Tunnel("gre", "172.16.0.1", "172.16.0.2", 2), "", OUTER_MACS, -1, -1,
    ),
}  # fmt: skip
NAMES = list(WRAPPED)


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> Result:
    folder = tmp_path_factory.mktemp("encapsulations")
    return read_bytes(folder, pcap([WRAPPED[name][0] for name in NAMES]))


def test_every_frame_is_read(result):
    assert len(result.packets) == len(NAMES)
    assert result.outcome.skipped == {} and result.notices() == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_inside(result, name):
    row = NAMES.index(name)
    packets = result.packets
    inner6 = name in ("IPv6 in IPv4", "Teredo")
    assert result.addresses(row) == (("fd00::1", "fd00::2") if inner6 else ("192.168.7.1", "192.168.7.2"))
    assert packets.ip_version[row] == (6 if inner6 else 4)
    assert (packets.protocol[row], packets.src_port[row], packets.dst_port[row]) == (f.UDP, 4000, 5000)
    overhead = 24 if name == "AH" else 0
    assert packets.ip_bytes[row] == (40 if inner6 else 20) + 38 + overhead
    assert packets.payload_bytes[row] == 30
    assert packets.ttl[row] == 64


@pytest.mark.parametrize("name", NAMES)
def test_what_is_around(result, name):
    row = NAMES.index(name)
    frame, tunnel, mirror, macs, outer_vlan, vlan = WRAPPED[name]
    packets, registry = result.packets, result.registry
    number = packets.tunnel[row]
    assert (registry.tunnels[number] if number >= 0 else None) == tunnel
    assert result.mirror(row) == mirror
    assert (packets.src_mac[row], packets.dst_mac[row]) == macs
    assert (packets.outer_vlan[row], packets.vlan[row]) == (outer_vlan, vlan)
    assert packets.frame_bytes[row] == packets.captured_bytes[row] == packets.wire_bytes[row] == len(frame)


def test_the_identity_of_a_packet_survives_every_encapsulation(result):
    kept = [name for name in NAMES if name not in ("IPv6 in IPv4", "Teredo", "AH")]
    hashes = {int(result.packets.packet_hash[NAMES.index(name)]) for name in kept}
    assert len(hashes) == 1 and hashes != {0}


def test_an_overlay_towards_another_port_is_none(tmp_path):
    frames = [
        over_udp(f.vxlan(FRAME, 7), dst=50000, src=4789),
        over_udp(f.vxlan(FRAME, 7), dst=4790),
        over_udp(f.vxlan(FRAME, 7), dst=8000),
    ]
    settings = Settings(vxlan_ports=(8000,))
    result = read_bytes(tmp_path, pcap(frames), settings)
    assert result.addresses(0) == (f.IP_A, f.IP_B)
    assert (result.packets.src_port[0], result.packets.dst_port[0]) == (4789, 50000)
    assert result.packets.tunnel[0] == -1 and result.packets.src_mac[0] == f.MAC_A
    assert result.packets.payload_bytes[0] == len(FRAME) + 8
    assert result.addresses(2) == ("192.168.7.1", "192.168.7.2")
    assert result.registry.tunnels[result.packets.tunnel[2]] == between("vxlan", 7)


def test_a_frame_without_ip_in_a_tunnel_has_the_ends_of_the_tunnel_but_no_version(tmp_path):
    question = f.eth(f.arp(1, INNER_A, "192.168.7.1"), f.ARP, INNER_A, 0xFFFF_FFFF_FFFF)
    result = read_bytes(tmp_path, pcap([over_udp(f.vxlan(question, 7), 4789), over_gre(f.erspan2(question, 3))]))
    assert result.packets.ip_version.tolist() == [0, 0] and result.outcome.skipped == {}
    assert (result.addresses(0), result.packets.dst_port[0]) == ((f.IP_A, f.IP_B), 4789)
    assert (result.addresses(1), result.packets.dst_port[1]) == (("::", "::"), -1)
    assert result.packets.src_mac.tolist() == [INNER_A, INNER_A]
    assert result.registry.tunnels[result.packets.tunnel[0]] == between("vxlan", 7)
    assert result.mirror(1) == f"erspan:{f.IP_A}/3"
    assert [(claim.mac, claim.ip, claim.how, claim.tunnel) for claim in result.packets.claims] == [
        (INNER_A, "192.168.7.1", "arp", result.packets.tunnel[0]),
        (INNER_A, "192.168.7.1", "arp", -1),
    ]


def test_a_copy_that_cannot_be_decoded_belongs_to_no_conversation(tmp_path):
    marker = struct.pack("!HHIHH", 2 << 12, 5, 0, 0, 7 << 10) + bytes(40)  # frame type 7 is not Ethernet
    result = read_bytes(tmp_path, pcap([over_gre(f.gre(marker, 0x22EB, sequence=1))]))
    assert result.packets.ip_version.tolist() == [0]
    assert result.outcome.skipped == {"mirror_not_decoded": 1}
    assert result.mirror() == f"erspan:{f.IP_A}/5" and result.packets.src_mac.tolist() == [-1]


def test_depth_is_bounded_by_the_setting(tmp_path):
    three = f.eth(f.ip4(f.ip4(f.ip4(PACKET, 4), 4), 4))
    assert read_bytes(tmp_path, pcap([three]), Settings(encapsulation_depth=3)).addresses()[0] == "192.168.7.1"
    assert read_bytes(tmp_path, pcap([three]), Settings(encapsulation_depth=2)).outcome.skipped == {"too_deep": 1}


def test_many_sessions_share_a_point_past_the_limit(tmp_path):
    settings = Settings(max_points=3)
    result = read_bytes(tmp_path, pcap([over_gre(f.erspan2(FRAME, session)) for session in range(1, 9)]), settings)
    assert len(result.registry.points) <= 3 + 1
    assert result.packets.point.max() < len(result.registry.points)
