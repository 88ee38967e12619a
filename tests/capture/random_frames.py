"""Frames made at random, header in header, so that two readers can be held against each other.

Nothing here decides what a frame means: the readers must agree, whatever it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.capture import frames as f

IP_PORTS = (53, 67, 80, 443, 1701, 2152, 3544, 4341, 4789, 4790, 5353, 6081, 8472, 40000)
VLANS = (1, 10, 20, 4095)


def addresses(rng: random.Random, version: int) -> dict[str, str]:
    if version == 4:
        return {end: f"10.0.{rng.randrange(3)}.{rng.randrange(4)}" for end in ("src", "dst")}
    return {"src": f"2001:db8::{rng.randrange(1, 5)}", "dst": f"fe80::{rng.randrange(1, 5)}"}


def transport(rng: random.Random) -> tuple[int, bytes]:
    """A protocol number and what stands behind the IP header."""
    payload = rng.randbytes(rng.choice((0, 0, 1, 7, 15, 16, 17, 60)))
    ports = {"src": rng.choice(IP_PORTS[:3] + (40000, 50000)), "dst": rng.choice((80, 443, 53, 40000))}
    choice = rng.randrange(10)
    if choice < 4:
        segment = f.tcp(
            payload,
            **ports,
            seq=rng.randrange(1 << 32),
            ack=rng.randrange(1 << 32),
            flags=rng.randrange(64),
            header_words=rng.choice((5, 5, 5, 6, 15, 0)),
            options=bytes(rng.choice((0, 0, 4))),
        )
        return f.TCP, segment
    if choice < 7:
        return f.UDP, f.udp(payload, **ports, length=rng.choice((None, None, None, None, 8, 9, 7, 0, 60000)))
    if choice == 7:
        return f.SCTP, f.sctp(payload, **ports)
    if choice == 8:
        return f.ICMP, f.icmp(rng.choice((0, 3, 8, 11)), 0, rng.randrange(9), rng.randrange(9), payload)
    return rng.choice((50, 89, 112, 255)), payload + b"."


def packet(rng: random.Random, depth: int, version: int = 0) -> tuple[int, bytes]:
    """An IP packet with its Ethertype."""
    version = version or rng.choice((4, 4, 6))
    protocol, segment = inside_ip(rng, depth) if depth and rng.random() < 0.7 else transport(rng)
    if version == 4:
        if rng.random() < 0.1:
            protocol, segment = f.AH, f.authentication(segment, protocol)
        fragment = rng.choice((0, 0x4000, 0, 0x4000, 0x2000, 0x2001, 5, 0x1FFF))
        length = rng.choice((None,) * 12 + (0, 10, 20, 40000))
        option_words = rng.choice((0,) * 10 + (1, 10))
        return f.IPV4, f.ip4(
            b"\x01" * 4 * option_words + segment,
            protocol,
            **addresses(rng, 4),
            fragment=fragment if rng.random() < 0.3 else 0,
            identity=rng.randrange(4),
            ttl=rng.randrange(1, 256),
            length=length,
            header_words=rng.choice((5 + option_words,) * 20 + (4, 0)),
        )
    if protocol == f.ICMP:
        protocol = f.ICMPV6
        if rng.random() < 0.5:
            body = f.address("fe80::9")
            segment = f.neighbor_message(rng.choice((133, 134, 135, 136)), body, rng.choice((1, 2)), f.MAC_A)
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        kind = rng.randrange(4)
        if kind == 0:
            protocol, segment = 0, f.hop_options(segment, protocol, rng.randrange(3))
        elif kind == 1:
            protocol, segment = 60, f.hop_options(segment, protocol, rng.randrange(2))
        elif kind == 2:
            offset = rng.choice((0, 0, 3))
            protocol, segment = 44, f.fragment6(segment, protocol, offset, rng.random() < 0.5, rng.randrange(1 << 32))
        else:
            protocol, segment = f.AH, f.authentication(segment, protocol)
    hops = rng.choice((64, 255, 1))
    length = rng.choice((None,) * 12 + (5, 4000))
    return f.IPV6, f.ip6(segment, protocol, **addresses(rng, 6), hops=hops, length=length)


def inside_ip(rng: random.Random, depth: int) -> tuple[int, bytes]:
    """A tunnel directly in IP or in UDP."""
    number = rng.randrange(1, 9)

    def frame() -> bytes:
        return ethernet(rng, depth - 1)

    def ip() -> tuple[int, bytes]:
        return packet(rng, depth - 1)

    def gre_ip() -> tuple[int, bytes]:
        kind, inner = ip()
        return f.GRE, f.gre(inner, kind, key=rng.choice((None, 7)), sequence=rng.choice((None, 1)))

    def over_udp(payload: bytes, port: int) -> tuple[int, bytes]:
        return f.UDP, f.udp(payload, 50000, port)

    def ip_in_ip() -> tuple[int, bytes]:
        kind, inner = ip()
        return (4 if kind == f.IPV4 else 41), inner

    choices: tuple[Callable[[], tuple[int, bytes]], ...] = (
        ip_in_ip,
        gre_ip,
        lambda: (f.GRE, f.gre(frame(), f.TEB, key=rng.choice((None, 5, 0x200000)))),
        lambda: (f.GRE, f.erspan1(frame())),
        lambda: (f.GRE, f.erspan2(frame(), number, rng.randrange(3))),
        lambda: (f.GRE, f.erspan3(frame(), number)),
        lambda: (f.GRE, f.pptp(b"\xff\x03\x00\x21" + packet(rng, 0, 4)[1], number)),
        lambda: (f.GRE, f.gre(rng.randbytes(30), 0x1234)),
        lambda: over_udp(f.vxlan(frame(), number), rng.choice((4789, 8472))),
        lambda: over_udp(f.geneve(frame(), number, bytes(rng.choice((0, 4, 8)))), 6081),
        lambda: over_udp(f.gtp(ip()[1], number), 2152),
        lambda: (f.UDP, f.udp(f.l2tp(packet(rng, 0, 4)[1], 3, number), 1701, 1701)),
        lambda: (97, f.etherip(frame())),
    )
    return rng.choice(choices)()


def ethernet(rng: random.Random, depth: int) -> bytes:
    """An Ethernet frame with up to three tags."""
    macs = {"src": f.MAC_A + rng.randrange(3), "dst": rng.choice((f.MAC_B, (1 << 48) - 1, 0x0100_5E00_0001))}
    choice = rng.randrange(12)
    if choice == 0:
        kind, payload = f.ARP, f.arp(rng.choice((1, 2)), f.MAC_A, "10.0.0.9")
    elif choice == 1:
        kind, payload = rng.choice((0x88CC, 0x9000, 0x0100, 30)), rng.randbytes(rng.randrange(60))
    elif choice == 2:
        version = rng.choice((4, 6))
        inner = packet(rng, max(depth - 1, 0), version)[1]
        kind, payload = f.PPPOE, f.pppoe(inner, 6, 0x21 if version == 4 else 0x57)
    elif choice == 3:
        kind, payload = f.MPLS, f.mpls(packet(rng, max(depth - 1, 0))[1], *range(16, 17 + rng.randrange(3)))
    else:
        kind, payload = packet(rng, depth)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        kind, payload = f.VLAN, f.tag(payload, rng.choice(VLANS), kind)
    frame = f.eth(payload, kind, **macs)
    return frame + bytes(max(60 - len(frame), 0)) if rng.random() < 0.3 else frame


def random_frame(rng: random.Random, linktype: int) -> bytes:
    """A whole frame of a link type."""
    depth = rng.choice((0, 0, 1, 1, 2, 3))
    if linktype == 1:
        return ethernet(rng, depth)
    kind, payload = packet(rng, depth)
    if linktype == 113:
        return f.sll(payload, kind=kind, hardware=rng.choice((1, 1, 772)))
    if linktype == 276:
        return f.sll2(payload, rng.randrange(1, 4), kind=kind)
    return payload


def damaged(rng: random.Random, frame: bytes) -> bytes:
    """Now and then some bytes turned into others."""
    data = bytearray(frame)
    for _ in range(rng.choice((0, 0, 0, 1, 2, 4))):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def cut(rng: random.Random, frame: bytes) -> tuple[bytes, int]:
    """The captured part of a frame and its original length."""
    if rng.random() < 0.25:
        return frame[: rng.randrange(len(frame) + 1)], len(frame)
    if rng.random() < 0.05:
        short = frame[: rng.randrange(len(frame) + 1)]
        return short, len(short)  # a switch that cuts and loses the length
    return frame, len(frame)
