"""The frames that nearly all frames are: Ethernet, at most two tags, whole IPv4 or IPv6 without options, TCP or UDP.

They need none of the decoder's state. What is asked here is only whether a frame is of that kind and its lengths agree;
every other frame is left to :mod:`flowmap.kernels.decode`, which gives the same row for these too.
"""

from __future__ import annotations

from typing import Any

from flowmap.kernels import inlined, kernel, state
from flowmap.kernels.arrays import Bytes, Int64
from flowmap.kernels.transport import MAX_FRAME_BYTES, TCP, UDP, identity_of, payload_word
from flowmap.kernels.tunnels import fixed_port
from flowmap.kernels.words import be8, be16, be32, be48, be64

_V4_PREFIX = 0xFFFF << 32
_DHCP_SERVER_PORT = 67
_LEAST_BYTES = 54
"""Ethernet, IPv4 and TCP; a shorter frame is not of this kind."""


@inlined
def read_plain(data: Bytes, frame: Any, options: Int64, start: int, captured: int, original: int) -> bool:
    """Fill the row of a frame, all but point and tunnel, or say that the frame is of another kind."""
    if captured < _LEAST_BYTES or original < captured or original > MAX_FRAME_BYTES:
        return False
    at, end = start + 14, start + captured
    kind = be16(data, start + 12)
    vlan, outer_vlan = -1, -1
    if kind == 0x8100:
        vlan, kind = be16(data, at) & 0xFFF, be16(data, at + 2)
        at += 4
        if kind == 0x8100:
            outer_vlan, vlan, kind = vlan, be16(data, at) & 0xFFF, be16(data, at + 2)
            at += 4
    if kind == 0x0800:
        if be8(data, at) != 0x45 or be16(data, at + 6) & 0x3FFF or end - at < 28:
            return False
        total, header, protocol = be16(data, at + 2), 20, be8(data, at + 9)
    elif kind == 0x86DD:
        if be8(data, at) >> 4 != 6 or end - at < 48:
            return False
        total, header, protocol = be16(data, at + 4) + 40, 40, be8(data, at + 6)
    else:
        return False
    behind, length = at + header, total - header
    if total > start + original - at or length < 8:
        return False
    end = min(end, at + total)
    flags, sequence, numbers = -1, -1, 0
    if protocol == TCP:
        if end - behind < 20:
            return False
        own = max((be8(data, behind + 12) >> 4) * 4, 20)
        sequence, flags = be32(data, behind + 4), be8(data, behind + 13)
        numbers = sequence | be32(data, behind + 8) << 32
    elif protocol == UDP:
        if end - behind < 8 or be16(data, behind + 4) != length:
            return False
        own = 8
    else:
        return False
    source, destination = be16(data, behind), be16(data, behind + 2)
    if protocol == UDP and _carries_more(options, source, destination):
        return False
    payload = max(length - own, 0)
    if header == 20:
        identity = be16(data, at + 4)
        frame.ip_version, frame.ttl, frame.ip_id = 4, be8(data, at + 8), identity
        frame.src_high, frame.src_low = 0, _V4_PREFIX | be32(data, at + 12)
        frame.dst_high, frame.dst_low = 0, _V4_PREFIX | be32(data, at + 16)
    else:
        identity = 0
        frame.ip_version, frame.ttl, frame.ip_id = 6, be8(data, at + 7), -1
        frame.src_high, frame.src_low = be64(data, at + 8), be64(data, at + 16)
        frame.dst_high, frame.dst_low = be64(data, at + 24), be64(data, at + 32)
    frame.packet_hash = identity_of(
        protocol | (identity + 1 if identity > 0 else 0) << 32,
        source | destination << 16 | length << 32,
        numbers,
        max(flags, 0) | payload << 32,
        payload_word(data, behind + own, end),
        payload_word(data, behind + own + 8, end),
    )
    frame.wire_bytes = original
    frame.dst_mac, frame.src_mac = be48(data, start), be48(data, start + 6)
    frame.vlan, frame.outer_vlan = vlan, outer_vlan
    frame.protocol, frame.src_port, frame.dst_port = protocol, source, destination
    frame.fragment = frame.icmp_error = 0
    frame.ip_bytes, frame.payload_bytes = total, payload
    frame.tcp_flags, frame.tcp_seq = flags, sequence
    return True


@kernel
def _carries_more(options: Int64, source: int, destination: int) -> bool:
    """Whether a datagram may carry a tunnel or a DHCP message."""
    for place in range(state.PORTS, len(options), 2):
        if options[place] == destination:
            return True
    return source == _DHCP_SERVER_PORT or fixed_port(source, destination) != state.DONE
