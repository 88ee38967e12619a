"""The frames that nearly all frames are: Ethernet, at most two tags, whole IPv4 or IPv6 without options, TCP or UDP.

They need none of the decoder's state. What is asked here is only whether a frame is of that kind and its lengths agree;
every other frame is left to :mod:`flowmap.kernels.decode`, which gives the same row for these too.
"""

from __future__ import annotations

from flowmap.kernels import kernel, state
from flowmap.kernels.columns import Int64
from flowmap.kernels.link import State
from flowmap.kernels.transport import MAX_FRAME_BYTES, TCP, UDP, identity_of, payload_word
from flowmap.kernels.tunnels import fixed_port
from flowmap.kernels.words import Bytes, be8, be16, be32, be48, be64

_V4_PREFIX = 0xFFFF << 32
_DHCP_SERVER_PORT = 67
_LEAST_BYTES = 54
"""Ethernet, IPv4 and TCP; a shorter frame is not of this kind."""


@kernel
def read_plain(data: Bytes, s: State, options: Int64, start: int, captured: int, original: int) -> bool:
    """Fill the words of ``s`` that become columns, or say that the frame is of another kind and leave them."""
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
    flags, sequence, acknowledgement = -1, -1, -1
    if protocol == TCP:
        if end - behind < 20:
            return False
        own = max((be8(data, behind + 12) >> 4) * 4, 20)
        sequence, acknowledgement, flags = be32(data, behind + 4), be32(data, behind + 8), be8(data, behind + 13)
    elif protocol == UDP:
        if end - behind < 8 or be16(data, behind + 4) != length:
            return False
        own = 8
    else:
        return False
    source, destination = be16(data, behind), be16(data, behind + 2)
    if protocol == UDP and _carries_more(options, source, destination):
        return False
    _addresses(data, s, at, header)
    payload = max(length - own, 0)
    identity = s[state.IP_ID] + 1 if s[state.IP_ID] > 0 else 0
    s[state.PACKET_HASH] = identity_of(
        protocol | identity << 32,
        source | destination << 16 | length << 32,
        max(sequence, 0) | max(acknowledgement, 0) << 32,
        max(flags, 0) | payload << 32,
        payload_word(data, behind + own, end),
        payload_word(data, behind + own + 8, end),
    )
    s[state.IP_PROTOCOL], s[state.SRC_PORT], s[state.DST_PORT] = protocol, source, destination
    s[state.TCP_FLAGS], s[state.TCP_SEQ] = flags, sequence
    s[state.IP_BYTES], s[state.PAYLOAD_BYTES] = total, payload
    s[state.ICMP_ERROR] = s[state.MORE_FRAGMENTS] = 0
    s[state.FRAME_BYTES] = s[state.WIRE_BYTES] = original
    s[state.CAPTURED_BYTES] = captured
    s[state.DST_MAC], s[state.SRC_MAC] = be48(data, start), be48(data, start + 6)
    s[state.VLAN_ID], s[state.OUTER_VLAN] = vlan, outer_vlan
    return True


@kernel
def _addresses(data: Bytes, s: State, at: int, header: int) -> None:
    if header == 20:
        s[state.IP_VERSION], s[state.IP_TTL], s[state.IP_ID] = 4, be8(data, at + 8), be16(data, at + 4)
        s[state.SRC_HIGH] = s[state.DST_HIGH] = 0
        s[state.SRC_LOW] = _V4_PREFIX | be32(data, at + 12)
        s[state.DST_LOW] = _V4_PREFIX | be32(data, at + 16)
    else:
        s[state.IP_VERSION], s[state.IP_TTL], s[state.IP_ID] = 6, be8(data, at + 7), -1
        s[state.SRC_HIGH], s[state.SRC_LOW] = be64(data, at + 8), be64(data, at + 16)
        s[state.DST_HIGH], s[state.DST_LOW] = be64(data, at + 24), be64(data, at + 32)


@kernel
def _carries_more(options: Int64, source: int, destination: int) -> bool:
    """Whether a datagram may carry a tunnel or a DHCP message."""
    for place in range(state.PORTS, len(options), 2):
        if options[place] == destination:
            return True
    return source == _DHCP_SERVER_PORT or fixed_port(source, destination) != state.DONE
