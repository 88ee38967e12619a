"""Sound files with broken, odd or hostile frames (reference/reliability.md section 4, cases p01 to p33).

``sound`` frames of each case stand around the odd one, so a reader that stumbles loses them too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import reduce

from tests.capture.corpus import OK, Case
from tests.capture.files import pcap
from tests.capture.frames import (
    ARP,
    GRE,
    ICMP,
    IPV4,
    IPV6,
    MPLS,
    PLAIN,
    SCTP,
    TCP,
    VLAN,
    eth,
    gre,
    icmp,
    ip4,
    ip6,
    mac,
    sctp,
    tag,
    tcp,
    udp,
    vxlan,
)


def nested(times: int, wrap: Callable[[bytes], bytes], innermost: bytes) -> bytes:
    """``wrap`` applied again and again."""
    return reduce(lambda inner, _: wrap(inner), range(times), innermost)


def vlans(count: int) -> bytes:
    return eth(nested(count, lambda inner: tag(inner, 7, VLAN), tag(ip4(udp(b"")), 7)), VLAN)


def ip_in_ip(count: int) -> bytes:
    return eth(nested(count, lambda inner: ip4(inner, 4), ip4(udp(b""))))


def vxlan_in_vxlan(count: int) -> bytes:
    return nested(count, lambda frame: eth(ip4(udp(vxlan(frame, 5), dst=4789))), PLAIN)


def gre_in_gre(count: int) -> bytes:
    return eth(nested(count, lambda inner: ip4(gre(inner, IPV4), GRE), ip4(udp(b""))))


def extension_headers(count: int) -> bytes:
    options = b"\x3c\0\x01\x04\0\0\0\0" * (count - 1) + b"\x11\0\x01\x04\0\0\0\0"
    return eth(ip6(options + udp(b""), 60), IPV6)


def dns_question(*labels: bytes) -> bytes:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)


def dns_answer(ip: bytes, *labels: bytes) -> bytes:
    """An answer that gives the name the address, naming the owner by a pointer to the question."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    question = name + struct.pack("!HH", 1, 1)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + ip
    return struct.pack("!HHHHHH", 1, 0x8180, 1, 1, 0, 0) + question + record


def dns_loop() -> bytes:
    """An answer whose owner name points at itself."""
    return (
        struct.pack("!HHHHHH", 1, 0x8180, 0, 1, 0, 0) + b"\xc0\x0c" + struct.pack("!HHIH", 12, 1, 60, 2) + b"\xc0\x0c"
    )


def client_hello(name: bytes) -> bytes:
    """A TLS record with a ClientHello that asks for a server name (RFC 6066 section 3)."""
    entry = b"\0" + struct.pack("!H", len(name)) + name
    server_name = struct.pack("!HH", 0, len(entry) + 2) + struct.pack("!H", len(entry)) + entry
    body = b"\x03\x03" + bytes(32) + b"\0" + struct.pack("!H", 2) + b"\x13\x01" + b"\1\0"
    body += struct.pack("!H", len(server_name)) + server_name
    message = b"\x01" + len(body).to_bytes(3) + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def _around(name: str, frame: bytes, *, skipped: str = "", **notices: int) -> Case:
    return Case(name, pcap([PLAIN, frame, PLAIN]), OK, 3, dict(notices), skipped={skipped: 1} if skipped else {})


def _alone(name: str, *frames: bytes) -> Case:
    return Case(name, pcap(frames), OK, len(frames))


_JUMBO = bytes(15) + b"\1" + bytes(15) + b"\2" + b"\x11\0\xc2\x04\xff\xff\xff\xff" + udp(b"")

FRAME_CASES = [
    _around("runt", b"\x02" * 5, no_ip=1, malformed=1),
    _around("header length 0", eth(ip4(udp(b""), header_words=0)), skipped="ip_header_incomplete", malformed=1),
    _around("header length 60", eth(ip4(udp(b""), header_words=15)), skipped="ip_header_incomplete", malformed=1),
    _alone("IP length 0 with offload", eth(ip4(tcp(b"x" * 3000, flags=16), TCP, length=0))),
    _around("IP length 65535", eth(ip4(udp(b"x"), length=65535)), ip_length_lies=1),
    _around("IP length 1", eth(ip4(udp(b"x"), length=1)), skipped="ip_header_incomplete", malformed=1),
    _around("IP version 7", eth(ip4(udp(b"x"), version=7)), skipped="ip_header_incomplete", malformed=1),
    _around("TCP offset 0", eth(ip4(tcp(header_words=0), TCP))),
    _around("TCP offset 15", eth(ip4(tcp(header_words=15), TCP))),
    _around("UDP length 0", eth(ip4(udp(b"x", length=0)))),
    _around("UDP length 65535", eth(ip4(udp(b"x", length=65535)))),
    _alone("first fragment alone", eth(ip4(udp(b"x" * 64), fragment=0x2000))),
    _alone("later fragment alone", eth(ip4(b"x" * 64, fragment=0x0010))),
    _around("500 VLAN tags", vlans(500)),
    _around("500 IP in IP", ip_in_ip(500), skipped="too_deep", dissector_bug=1),
    _around("60 VXLAN", vxlan_in_vxlan(60), skipped="too_deep"),
    _alone("ICMP error", eth(ip4(icmp(3, 1, 0, 0, ip4(tcp(), TCP, "9.9.9.9", "8.8.8.8")), ICMP))),
    _alone("markup in DNS", eth(ip4(udp(dns_answer(b"\x0a\0\0\x09", b"<img src=x onerror=alert(1)>"), 53, 4000)))),
    _around("DNS name that points at itself", eth(ip4(udp(dns_loop(), 53, 4000)))),
    _alone("tab and line end in DNS", eth(ip4(udp(dns_question(b'a\tb\nc,"', b"com"), dst=53)))),
    _alone("formula in DNS", eth(ip4(udp(dns_answer(b"\x0a\0\0\x09", b"=cmd|'/C calc'!A0", b"com"), 53, 4000)))),
    _alone("invalid UTF-8 in DNS", eth(ip4(udp(dns_question(b"\xff\xfe\xe2\x80\xae", b"com"), dst=53)))),
    _alone("markup in TLS", eth(ip4(tcp(client_hello(b'"><img src=x onerror=alert(1)>'), dst=443, flags=24), TCP))),
    _alone("long name in TLS", eth(ip4(tcp(client_hello(b"a" * 16000), dst=443, flags=24), TCP))),
    _around("IPv6 jumbogram option", eth(struct.pack("!IHBB", 6 << 28, 0, 0, 64) + _JUMBO, IPV6)),
    _around("1000 extension headers", extension_headers(1000), dissector_bug=1),
    _around("short ARP", eth(b"\0\1", ARP)),
    _alone("one address at two MACs", PLAIN, PLAIN[:6] + mac(0x0200_0000_0099) + PLAIN[12:]),
    _alone("source is destination", eth(ip4(udp(b""), src="10.0.0.1", dst="10.0.0.1"))),
    _alone("no address and everybody", eth(ip4(udp(b"", 68, 67), src="0.0.0.0", dst="255.255.255.255")),
           eth(ip4(udp(b""), dst="239.1.1.1"))),
    _around("endless MPLS labels", eth(b"\0\0\x10\x40" * 300, MPLS)),
    _around("200 GRE", gre_in_gre(200), skipped="too_deep"),
    _around("short SCTP", eth(ip4(sctp()[:2], SCTP))),
]  # fmt: skip
