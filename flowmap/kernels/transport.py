"""Transport headers behind the innermost IP header, lengths, and the identity hash of a packet.

The rules are those of :mod:`flowmap.capture.transport`, :mod:`flowmap.capture.lengths` and
:func:`flowmap.packets.packet_hashes`, which read what tshark prints; here they read the bytes.
"""

from __future__ import annotations

from flowmap.kernels import inlined, kernel, state
from flowmap.kernels.arrays import Bytes, Int64
from flowmap.kernels.words import be8, be16, be32, be64, int64
from flowmap.packets import IDENTITY_KEYS as _KEYS

ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132
MAX_FRAME_BYTES = 262_144
"""A frame that claims more than this and more than was captured states an absurd length."""

_GOLDEN, _MIX_1, _MIX_2 = 0x9E3779B97F4A7C15 - (1 << 64), 0xBF58476D1CE4E5B9 - (1 << 64), 0x94D049BB133111EB - (1 << 64)


@kernel
def mixed(seed: int, word: int) -> int:
    """One round of splitmix64 over int64 bits."""
    z = int64(seed ^ word) + _GOLDEN
    z = (z ^ (z >> 30 & 0x3FFFFFFFF)) * _MIX_1
    z = (z ^ (z >> 27 & 0x1FFFFFFFFF)) * _MIX_2
    return z ^ (z >> 31 & 0x1FFFFFFFF)


@inlined
def term(word: int, low: int, high: int) -> int:
    """A word's part of the hash: it waits for no other word's."""
    return ((word & 0xFFFF_FFFF) + low) * ((word >> 32 & 0xFFFF_FFFF) + high)


@inlined
def identity_of(word_1: int, word_2: int, word_3: int, word_4: int, word_5: int, word_6: int) -> int:
    """The hash of :func:`flowmap.packets.packet_hashes` over its six words, as the int64 with the same bits."""
    z = int64(
        term(int64(word_1), _KEYS[0][0], _KEYS[0][1])
        + term(int64(word_2), _KEYS[1][0], _KEYS[1][1])
        + term(int64(word_3), _KEYS[2][0], _KEYS[2][1])
        + term(int64(word_4), _KEYS[3][0], _KEYS[3][1])
        + term(int64(word_5), _KEYS[4][0], _KEYS[4][1])
        + term(int64(word_6), _KEYS[5][0], _KEYS[5][1])
    )
    z = (z ^ (z >> 30 & 0x3FFFFFFFF)) * _MIX_1
    z = (z ^ (z >> 27 & 0x1FFFFFFFFF)) * _MIX_2
    z ^= z >> 31 & 0x1FFFFFFFF
    return z if z != 0 else 1


@kernel
def ip_total(s: Int64, frame: int, captured: int, segment: int) -> tuple[int, int]:
    """Length of the innermost IP packet, and 1 where its header was overruled (lengths.ip_lengths).

    ``frame`` is the believed frame length, ``segment`` the captured bytes behind the IP header, -1 where a tunnel
    header there led to nothing.
    """
    header, declared = s[state.IP_HEADER], s[state.IP_DECLARED]
    cut = max(frame - captured, 0)
    room = header + segment + cut if segment >= 0 else -1
    if s[state.IPS] == 1 and s[state.OUTER_LINK] >= 0:
        room = frame - s[state.OUTER_LINK]
    whole = s[state.FRAGMENT_OFFSET] == 0 and s[state.MORE_FRAGMENTS] == 0
    udp_length = s[state.UDP_LENGTH] if whole else -1
    believed = cut == 0 and (udp_length < 0 or udp_length == declared - header)
    lies = (0 < declared < header) or (declared > room >= 0 and not believed)
    if declared == 0 or lies:
        return max(room, header), 1 if lies else 0
    return declared, 0


@kernel
def payload_word(data: Bytes, at: int, end: int) -> int:
    """Eight payload bytes as a big-endian word; bytes at or behind ``end`` are zero."""
    if end - at >= 8:
        return be64(data, at)
    if at >= end:
        return 0
    word = 0
    for place in range(8):
        word = word << 8 | (be8(data, at + place) if at + place < end else 0)
    return word


@kernel
def byte_or_zero(data: Bytes, at: int, end: int) -> int:
    """A byte that may not have been captured."""
    return be8(data, at) if at < end else 0


@kernel
def icmp_word(data: Bytes, at: int, end: int) -> int:
    """Type, code, identifier and sequence number of an ICMP message as one word."""
    identifier = byte_or_zero(data, at + 4, end) << 8 | byte_or_zero(data, at + 5, end)
    sequence = byte_or_zero(data, at + 6, end) << 8 | byte_or_zero(data, at + 7, end)
    return byte_or_zero(data, at, end) | byte_or_zero(data, at + 1, end) << 8 | identifier << 16 | sequence << 32


@kernel
def is_icmp_error(protocol: int, kind: int) -> bool:
    """Whether an ICMP message quotes a packet (RFC 792, 4443)."""
    if protocol == ICMP:
        return kind in (3, 4, 5, 11, 12)
    return protocol == ICMPV6 and kind <= 127


@kernel
def read_transport(data: Bytes, s: Int64, at: int, end: int, length: int) -> None:
    """Ports, numbers, payload and identity of a packet.

    ``at`` is behind the IP header, ``end`` behind the captured bytes, ``length`` what the IP header says stands there.
    """
    protocol = s[state.IP_PROTOCOL]
    first = s[state.FRAGMENT_OFFSET] == 0
    captured = end - at
    header, head = 0, at
    source, destination, flags = -1, -1, -1
    sequence, acknowledgement = -1, -1
    is_icmp = protocol == ICMP or protocol == ICMPV6
    word = 0
    if first and (protocol == TCP or protocol == UDP or protocol == SCTP):
        header = int(20 if protocol == TCP else (8 if protocol == UDP else 12))
        if captured >= 4:
            source, destination = be16(data, at), be16(data, at + 2)
        if protocol == TCP:
            sequence = be32(data, at + 4) if captured >= 8 else sequence
            acknowledgement = be32(data, at + 8) if captured >= 12 else acknowledgement
            header = max((be8(data, at + 12) >> 4) * 4, 20) if captured >= 13 else header
            flags = be8(data, at + 13) if captured >= 14 else flags
        head = at + header
    elif first and is_icmp:
        word = icmp_word(data, at, end)
        s[state.ICMP_ERROR] = 1 if captured >= 1 and is_icmp_error(protocol, be8(data, at)) else 0
        head = at + 8
    payload = max(length - header, 0)
    if not is_icmp:
        word = max(source, 0) | max(destination, 0) << 16 | max(length, 0) << 32
    s[state.SRC_PORT], s[state.DST_PORT] = source, destination
    s[state.TCP_FLAGS], s[state.TCP_SEQ], s[state.PAYLOAD_BYTES] = flags, sequence, payload
    head_end = min(end, at + max(length, 0))
    identity = s[state.IPV4_ID] + 1 if s[state.IPV4_ID] > 0 else 0
    s[state.PACKET_HASH] = identity_of(
        max(protocol, 0) | s[state.FRAGMENT_OFFSET] << 8 | identity << 32,
        word,
        max(sequence, 0) | max(acknowledgement, 0) << 32,
        max(flags, 0) | payload << 32,
        payload_word(data, head, head_end),
        payload_word(data, head + 8, head_end),
    )
