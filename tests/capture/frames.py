"""Frames built header by header, so that tests know what stands where."""

from __future__ import annotations

import ipaddress
import struct

MAC_A, MAC_B = 0x0200_0000_0001, 0x0200_0000_0002
IP_A, IP_B = "10.0.0.1", "10.0.0.2"
IPV4, IPV6, ARP, RARP, VLAN, SERVICE_VLAN, TEB, MPLS, PPPOE = (
    0x0800, 0x86DD, 0x0806, 0x8035, 0x8100, 0x88A8, 0x6558, 0x8847, 0x8864,
)  # fmt: skip
TCP, UDP, ICMP, GRE, ICMPV6, SCTP, AH = 6, 17, 1, 47, 58, 132, 51


def address(text: str) -> bytes:
    """An IPv4 or IPv6 address as bytes."""
    return ipaddress.ip_address(text).packed


def mac(value: int) -> bytes:
    return value.to_bytes(6)


def eth(payload: bytes, kind: int = IPV4, src: int = MAC_A, dst: int = MAC_B) -> bytes:
    return mac(dst) + mac(src) + struct.pack("!H", kind) + payload


def tag(payload: bytes, vlan: int, kind: int = IPV4) -> bytes:
    """What follows the ethertype of a VLAN tag: the tag itself, the next ethertype, the payload."""
    return struct.pack("!HH", vlan, kind) + payload


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(
    payload: bytes,
    protocol: int = UDP,
    src: str = IP_A,
    dst: str = IP_B,
    *,
    length: int | None = None,
    header_words: int = 5,
    version: int = 4,
    fragment: int = 0,
    identity: int = 1,
    ttl: int = 64,
) -> bytes:
    """An IPv4 packet; ``length`` and ``header_words`` may lie, ``fragment`` is the flags and offset word."""
    total = 20 + len(payload) if length is None else length
    start = struct.pack("!BBHHHBB", version << 4 | header_words, 0, total & 0xFFFF, identity, fragment, ttl, protocol)
    ends = address(src) + address(dst)
    return start + struct.pack("!H", checksum(start + b"\0\0" + ends)) + ends + payload


def ip6(
    payload: bytes,
    following: int = UDP,
    src: str = "2001:db8::1",
    dst: str = "2001:db8::2",
    *,
    length: int | None = None,
    hops: int = 64,
) -> bytes:
    size = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, size, following, hops) + address(src) + address(dst) + payload


def udp(payload: bytes, src: int = 1234, dst: int = 5678, length: int | None = None) -> bytes:
    size = 8 + len(payload) if length is None else length
    return struct.pack("!HHHH", src, dst, size, 0) + payload


def tcp(
    payload: bytes = b"",
    src: int = 1234,
    dst: int = 80,
    *,
    seq: int = 1,
    ack: int = 0,
    flags: int = 2,
    header_words: int = 5,
    options: bytes = b"",
) -> bytes:
    header = struct.pack("!HHIIBBHHH", src, dst, seq, ack, header_words << 4, flags, 8192, 0, 0)
    return header + options + payload


def sctp(payload: bytes = b"", src: int = 2905, dst: int = 2906) -> bytes:
    return struct.pack("!HHII", src, dst, 7, 0) + payload


def icmp(kind: int = 8, code: int = 0, identity: int = 5, sequence: int = 9, payload: bytes = b"") -> bytes:
    start = struct.pack("!BB", kind, code)
    rest = struct.pack("!HH", identity, sequence) + payload
    return start + struct.pack("!H", checksum(start + b"\0\0" + rest)) + rest


def gre(payload: bytes, protocol: int, *, key: int | None = None, sequence: int | None = None) -> bytes:
    flags = (0x2000 if key is not None else 0) | (0x1000 if sequence is not None else 0)
    optional = b"".join(struct.pack("!I", value) for value in (key, sequence) if value is not None)
    return struct.pack("!HH", flags, protocol) + optional + payload


def pptp(payload: bytes, call: int) -> bytes:
    """Enhanced GRE with a PPP frame, without sequence number (RFC 2637)."""
    return struct.pack("!HHHH", 0x2001, 0x880B, len(payload), call) + payload


def erspan1(frame: bytes) -> bytes:
    return gre(frame, 0x88BE)


def erspan2(frame: bytes, session: int, index: int = 0, vlan: int = 0) -> bytes:
    return gre(struct.pack("!HHI", 1 << 12 | vlan, session, index) + frame, 0x88BE, sequence=1)


def erspan3(frame: bytes, session: int) -> bytes:
    header = struct.pack("!HHIHH", 2 << 12, session, 0, 0, 0)
    return gre(header + frame, 0x22EB, sequence=1)


def vxlan(frame: bytes, vni: int) -> bytes:
    return struct.pack("!BxxxI", 8, vni << 8) + frame


def geneve(frame: bytes, vni: int, options: bytes = b"") -> bytes:
    return struct.pack("!BBHI", len(options) // 4, 0, TEB, vni << 8) + options + frame


def gtp(packet: bytes, teid: int) -> bytes:
    return struct.pack("!BBHI", 0x30, 255, len(packet), teid) + packet


def mpls(payload: bytes, *labels: int) -> bytes:
    last = len(labels) - 1
    return b"".join(struct.pack("!I", label << 12 | (i == last) << 8 | 64) for i, label in enumerate(labels)) + payload


def pppoe(payload: bytes, session: int, protocol: int = 0x21) -> bytes:
    return struct.pack("!BBHHH", 0x11, 0, session, len(payload) + 2, protocol) + payload


def l2tp(payload: bytes, tunnel: int, session: int) -> bytes:
    """An L2TPv2 data message with a PPP frame (RFC 2661 3.1)."""
    return struct.pack("!HHH", 0x0002, tunnel, session) + b"\xff\x03\x00\x21" + payload


def etherip(frame: bytes) -> bytes:
    return b"\x30\0" + frame


def authentication(payload: bytes, following: int) -> bytes:
    return struct.pack("!BBHII", following, 4, 0, 1, 1) + bytes(12) + payload


def hop_options(payload: bytes, following: int, eights: int = 0) -> bytes:
    return bytes([following, eights]) + b"\x01\x04" + bytes(4) + b"\x01\x06\0\0\0\0\0\0" * eights + payload


def fragment6(payload: bytes, following: int, offset: int, more: bool, identity: int) -> bytes:
    return struct.pack("!BBHI", following, 0, offset << 3 | more, identity) + payload


def arp(opcode: int, sender: int, ip: str, target: int = 0, target_ip: str = "0.0.0.0") -> bytes:
    start = struct.pack("!HHBBH", 1, IPV4, 6, 4, opcode)
    return start + mac(sender) + address(ip) + mac(target) + address(target_ip)


def neighbor_message(kind: int, body: bytes, option: int, owner: int) -> bytes:
    """An ICMPv6 neighbour discovery message with one link-layer address option."""
    return struct.pack("!BBHI", kind, 0, 0, 0) + body + bytes([option, 1]) + mac(owner)


def dhcp_message(op: int, kind: int, owner: int, given: str = "0.0.0.0", options: bytes = b"") -> bytes:
    start = struct.pack("!BBBBIHH", op, 1, 6, 0, 99, 0, 0) + bytes(4) + address(given) + bytes(8)
    return (
        start
        + mac(owner).ljust(16, b"\0")
        + bytes(192)
        + b"\x63\x82\x53\x63"
        + bytes([53, 1, kind])
        + options
        + b"\xff"
    )


def sll(packet: bytes, src: int = MAC_A, kind: int = IPV4, hardware: int = 1) -> bytes:
    return struct.pack("!HHH", 0, hardware, 6) + mac(src) + b"\0\0" + struct.pack("!H", kind) + packet


def sll2(packet: bytes, interface: int, src: int = MAC_A, kind: int = IPV4) -> bytes:
    return struct.pack("!HHIHBB", kind, 0, interface, 1, 0, 6) + mac(src) + b"\0\0" + packet


PLAIN = eth(ip4(udp(b"x" * 20)))
"""A plain datagram from A to B: 62 bytes."""
