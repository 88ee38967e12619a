"""IPv4 and IPv6 headers, extension headers and AH (RFC 791, 8200, 4302), and what follows by protocol number."""

from __future__ import annotations

from flowmap.kernels import kernel, state
from flowmap.kernels.arrays import Bytes, Int64
from flowmap.kernels.link import limit, settle
from flowmap.kernels.words import be8, be16, be32, be64

_V4_PREFIX = 0xFFFF << 32
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AH, _DESTINATION, _NO_NEXT = 0, 43, 44, 51, 60, 59
_MAX_EXTENSIONS = 64


@kernel
def ip_in_ip(s: Int64, version: int) -> None:
    """IP directly behind IP is a tunnel without a header of its own (RFC 2003, 2473, 4213)."""
    if s[state.IP_IN_PLACE] == 0:
        return
    outer = s[state.IP_VERSION]
    if outer == 4:
        kind = state.IN_IPIP if version == 4 else state.IN_6IN4
    else:
        kind = state.IN_4IN6 if version == 4 else state.IN_6IN6
    enter_tunnel(s, kind, -1)


@kernel
def enter_tunnel(s: Int64, kind: int, network: int) -> None:
    """A tenant tunnel begins behind the innermost IP header, unless that belongs to a mirror transport."""
    now = state.NOW
    s[state.WRAPS] += 1
    s[now + state.TUNNEL] = kind
    s[now + state.TUNNEL_NETWORK] = network
    inside = s[state.IPS] > s[state.STRIPPED_IPS] and s[state.IP_READABLE] == 1
    s[now + state.TUNNEL_VERSION] = s[state.IP_VERSION] if inside else 0
    s[now + state.TUNNEL_SRC_HIGH] = s[state.SRC_HIGH] if inside else 0
    s[now + state.TUNNEL_SRC_LOW] = s[state.SRC_LOW] if inside else 0
    s[now + state.TUNNEL_DST_HIGH] = s[state.DST_HIGH] if inside else 0
    s[now + state.TUNNEL_DST_LOW] = s[state.DST_LOW] if inside else 0


@kernel
def _begin_ip(s: Int64, version: int) -> None:
    ip_in_ip(s, version)
    settle(s)
    s[state.IPS] += 1
    if s[state.IPS] == 1 and s[state.LINK_KNOWN] == 1:
        s[state.OUTER_LINK] = s[state.LINK]
    s[state.INNERMOST_IS_IP] = 1
    s[state.IP_AT], s[state.IP_VERSION], s[state.IP_READABLE] = s[state.AT], version, 0
    s[state.IP_ID] = s[state.IPV4_ID] = -1
    s[state.FRAGMENT_OFFSET] = s[state.MORE_FRAGMENTS] = 0
    s[state.UDP_LENGTH] = s[state.UDP_SRC] = s[state.UDP_DST] = -1
    s[state.IP_PROTOCOL] = s[state.IP_TTL] = -1
    s[state.IP_DECLARED] = 0
    s[state.IP_HEADER] = 20 if version == 4 else 40


@kernel
def ipv4(data: Bytes, s: Int64) -> int:
    """An IPv4 header; 0 (nothing further) where its addresses were not captured or its lengths are impossible."""
    _begin_ip(s, 4)
    at, end = s[state.AT], s[state.END]
    if end - at < 20:
        return state.DONE
    words, declared = (be8(data, at) & 15) * 4, be16(data, at + 2)
    if s[state.IPS] == 1:
        s[state.OUTER_DECLARED] = declared
    possible = be8(data, at) >> 4 == 4 and words >= 20 and (declared == 0 or declared >= words)
    if not possible or not _options_end(data, at, words, end):
        return state.DONE
    fragment = be16(data, at + 6)
    s[state.IP_HEADER], s[state.IP_DECLARED] = words, declared
    s[state.IP_ID] = s[state.IPV4_ID] = be16(data, at + 4)
    s[state.MORE_FRAGMENTS], s[state.FRAGMENT_OFFSET] = fragment >> 13 & 1, fragment & 0x1FFF
    s[state.IP_TTL], s[state.IP_PROTOCOL] = be8(data, at + 8), be8(data, at + 9)
    s[state.SRC_HIGH], s[state.SRC_LOW] = 0, _V4_PREFIX | be32(data, at + 12)
    s[state.DST_HIGH], s[state.DST_LOW] = 0, _V4_PREFIX | be32(data, at + 16)
    s[state.IP_READABLE] = 1
    if declared == 0:  # segmentation offload: the frame knows the length
        s[state.IP_DECLARED] = max(s[state.REPORTED_END] - at, words)
    limit(s, at + s[state.IP_DECLARED])
    s[state.AT] = min(at + words, s[state.END])
    return _behind_ip(data, s) if s[state.IP_DECLARED] != words else state.DONE


@kernel
def _options_end(data: Bytes, at: int, words: int, end: int) -> bool:
    """Whether the options of an IPv4 header (RFC 791 3.1) were captured to their end, as far as their lengths tell."""
    place, behind = at + 20, at + words
    while place < behind:
        if place >= end:
            return False
        kind = be8(data, place)
        if kind == 0:
            return True
        if kind == 1:
            place += 1
            continue
        if place + 1 >= end:
            return False
        length = be8(data, place + 1)
        if length < 2:
            return True
        place += length
    return True


@kernel
def ipv6(data: Bytes, s: Int64) -> int:
    """An IPv6 header; a payload length of 0 says nothing (jumbogram, offload), unless nothing follows."""
    at, end = s[state.AT], s[state.END]
    if end > at and be8(data, at) >> 4 != 6:
        return state.DONE
    _begin_ip(s, 6)
    if end - at < 40:
        return state.DONE
    payload, following = be16(data, at + 4), be8(data, at + 6)
    declared = payload + 40 if payload > 0 else 0
    if s[state.IPS] == 1:
        s[state.OUTER_DECLARED] = declared
    s[state.IP_DECLARED] = 40 if following == _NO_NEXT and payload == 0 else declared
    s[state.IP_PROTOCOL], s[state.IP_TTL] = following, be8(data, at + 7)
    s[state.SRC_HIGH], s[state.SRC_LOW] = be64(data, at + 8), be64(data, at + 16)
    s[state.DST_HIGH], s[state.DST_LOW] = be64(data, at + 24), be64(data, at + 32)
    s[state.IP_READABLE] = 1
    if payload > 0:
        limit(s, at + 40 + payload)
    s[state.AT] = at + 40
    return _behind_ip(data, s)


@kernel
def _behind_ip(data: Bytes, s: Int64) -> int:
    """Pass extension headers (RFC 8200 4.1) and AH, and name the layer of the protocol behind them."""
    for _ in range(_MAX_EXTENSIONS):
        if s[state.FRAGMENT_OFFSET] > 0:
            return state.DONE
        protocol, at, left = s[state.IP_PROTOCOL], s[state.AT], s[state.END] - s[state.AT]
        if protocol != _AH and (
            s[state.IP_VERSION] == 4 or protocol not in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION)
        ):
            break
        size = _extension_bytes(data, protocol, at, left)
        if left < 2 or (left < size and protocol == _FRAGMENT):
            s[state.IP_HEADER] += 8
            if protocol == _FRAGMENT:
                s[state.IP_ID], s[state.MORE_FRAGMENTS] = -1, 0
            return state.DONE
        s[state.IP_HEADER] += size
        s[state.IP_PROTOCOL] = be8(data, at)
        s[state.AT] = min(at + size, s[state.END])
        if protocol == _FRAGMENT:
            offset = be16(data, at + 2)
            s[state.FRAGMENT_OFFSET], s[state.MORE_FRAGMENTS] = offset >> 3, offset & 1
            s[state.IP_ID] = be32(data, at + 4) & 0x7FFFFFFF
        if left < size:
            return state.DONE
    return _by_protocol(s)


@kernel
def _extension_bytes(data: Bytes, protocol: int, at: int, left: int) -> int:
    """Length of an extension header; AH counts in words of four bytes, the others in eight."""
    if protocol == _FRAGMENT or left < 2:
        return 8
    return (be8(data, at + 1) + 2) * 4 if protocol == _AH else (be8(data, at + 1) + 1) * 8


@kernel
def _by_protocol(s: Int64) -> int:
    """Layers that carry another packet; UDP does so by its ports."""
    protocol = s[state.IP_PROTOCOL]
    if protocol == 4 or protocol == 41:
        s[state.IP_IN_PLACE] = 1
        return state.IPV4 if protocol == 4 else state.IPV6
    if protocol == 47:
        return state.GRE
    if protocol == 97:
        return state.ETHERIP
    if protocol == 137:
        return state.MPLS
    return state.UDP if protocol == 17 else state.DONE
