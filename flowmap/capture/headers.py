"""Reading the headers of a part's frames: times, VLAN tags, IP headers, the bytes behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flowmap.capture.layers import Header
from flowmap.capture.lengths import BoolArray, IntArray
from flowmap.capture.rows import Part
from flowmap.packets import NO_TIME

IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, FRAGMENT_HEADER_BYTES, UDP_HEADER_BYTES = 20, 40, 8, 8
_NO_NEXT_HEADER = 59
_END_OF_TIME_NS = 1 << 63
_NS = 10**9

_NEXT_FIELDS = {
    "ipv6.hopopts": ("ipv6.hopopts.nxt", "ipv6.hopopts.len"),
    "ipv6.dstopts": ("ipv6.dstopts.nxt", "ipv6.dstopts.len"),
    "ipv6.routing": ("ipv6.routing.nxt", "ipv6.routing.len"),
    "ipv6.fraghdr": ("ipv6.fraghdr.nxt", ""),
    "ah": ("ah.next_header", "ah.length"),
}
"""Next header and length field of each extension."""


@dataclass(slots=True)
class IpHeader:
    """The innermost IP header of a part's frames without its addresses, all arrays (n,).

    ``protocol`` is that behind extension headers and AH; ``identity`` the IPv4 identification or that of the
    IPv6 fragment header cut to 31 bits, -1 without; ``offset`` of a fragment in units of 8 bytes; ``more``
    fragments follow; ``header`` the length with extensions; ``declared`` the total length stated, 0: not
    stated.
    """

    protocol: IntArray
    ttl: IntArray
    identity: IntArray
    offset: IntArray
    more: BoolArray
    header: IntArray
    declared: IntArray


def times_ns(texts: Sequence[str]) -> list[int]:
    """Decimal seconds to nanoseconds in integers; ``NO_TIME`` for none and for times outside 1970 to 2262.

    tshark prints a fraction of a second beyond 10^9 ns with ten digits and a negative one with its own sign
    (reference/reliability.md, corpus 21), so seconds and fraction are read apart and carried.
    """
    found = []
    for text in texts:
        if text[-10:-9] == "." and text[0] != "-":
            value = int(text[:-10]) * _NS + int(text[-9:])
        elif not text or "-" in text:
            value = -1
        else:
            seconds, _, fraction = text.partition(".")
            value = int(seconds) * _NS + int(fraction or 0)
        found.append(value if 0 <= value < _END_OF_TIME_NS else NO_TIME)
    return found


def is_carried(text: str) -> bool:
    """Whether a time as tshark prints it has a fraction beyond a second, which has more than nine digits."""
    return len(text) > 10 and text[-10] != "." and "." in text and "-" not in text


def vlans(part: Part) -> tuple[IntArray, IntArray]:
    """Outermost tag where there are several, and innermost tag; -1 where there is none."""
    tags = []
    for kind, index in part.stack.vlans:
        if kind == "vlan":
            tags.append(part.numbers("vlan.id", index))
        else:
            single = part.numbers("ieee8021ad.id", index)
            tags.append(np.where(single >= 0, single, part.numbers("ieee8021ad.svid", index)))
    none = np.full(len(part), -1, np.int64)
    innermost = none
    for tag in tags:  # tshark gives up on absurdly many tags: the last one it has read counts
        innermost = np.where(tag >= 0, tag, innermost)
    return (tags[0] if len(tags) > 1 else none), innermost


def outer_length(part: Part) -> IntArray:
    """Length that the outermost IP header states, 0 where there is none or it says 0."""
    outer = part.stack.outer_ip
    if outer is None:
        return np.zeros(len(part), np.int64)
    if outer.kind == "ip":
        return part.numbers("ip.len", outer.number, 0)
    payload = part.numbers("ipv6.plen", outer.number, 0)
    return np.where(payload > 0, payload + IPV6_HEADER_BYTES, 0)


def ip_header(part: Part, header: Header) -> IpHeader:
    """The innermost IP header."""
    found = _ipv4(part, header.number) if header.kind == "ip" else _ipv6(part, header.number)
    for kind, index in part.stack.extensions:
        next_field, length_field = _NEXT_FIELDS[kind]
        following = part.numbers(next_field, index)
        found.protocol = np.where(following >= 0, following, found.protocol)
        if kind == "ipv6.fraghdr":
            found.header = found.header + FRAGMENT_HEADER_BYTES
            found.offset = np.maximum(part.numbers("ipv6.fraghdr.offset", index), 0)
            found.more = part.flags("ipv6.fraghdr.more", index)
            identity = part.numbers("ipv6.fraghdr.ident", index)
            found.identity = np.where(identity >= 0, identity & 0x7FFF_FFFF, -1)
        else:
            length = np.maximum(part.numbers(length_field, index), 0)
            found.header = found.header + ((length + 2) * 4 if kind == "ah" else (length + 1) * 8)
    return found


def _ipv4(part: Part, index: int) -> IpHeader:
    return IpHeader(
        protocol=part.numbers("ip.proto", index),
        ttl=part.numbers("ip.ttl", index),
        identity=part.numbers("ip.id", index),
        offset=part.numbers("ip.frag_offset", index, 0),
        more=part.flags("ip.flags.mf", index),
        header=part.numbers("ip.hdr_len", index, IPV4_HEADER_BYTES),
        declared=part.numbers("ip.len", index, 0),
    )


def _ipv6(part: Part, index: int) -> IpHeader:
    payload, following = part.numbers("ipv6.plen", index, 0), part.numbers("ipv6.nxt", index)
    count = len(part)
    return IpHeader(
        protocol=following,
        ttl=part.numbers("ipv6.hlim", index),
        identity=np.full(count, -1, np.int64),
        offset=np.zeros(count, np.int64),
        more=np.zeros(count, np.bool_),
        header=np.full(count, IPV6_HEADER_BYTES, np.int64),
        declared=np.where((payload > 0) | (following == _NO_NEXT_HEADER), payload + IPV6_HEADER_BYTES, 0),
    )


def segment(part: Part) -> tuple[list[str], IntArray, IntArray]:
    """What was captured behind the innermost IP header.

    Returns
    -------
    data : list of str
        Its first bytes in hex.
    captured : int64 (n,)
        How many bytes there are, -1 where another dissector has taken them.
    udp_length : int64 (n,)
        The length field of the UDP header, -1 where there is none.
    """
    data, captured = part.data()
    index, tail = part.stack.udp, part.stack.tail
    if index >= 0:
        lengths = part.numbers("udp.length", index)
        ports = zip(part.texts("udp.srcport", index), part.texts("udp.dstport", index), data, strict=True)
        # tshark has read the UDP header: put it back in front, as every other protocol has its own there.
        texts = [f"{int(s):04x}{int(d):04x}00000000{rest}" if s and d else "" for s, d, rest in ports]
        whole = np.array([bool(text) for text in texts], np.bool_)
        if tail not in (("udp",), ("udp", "data")):
            return texts, np.where(whole, UDP_HEADER_BYTES, 0), lengths
        return texts, np.where(whole, captured + UDP_HEADER_BYTES, 0), lengths
    if tail not in ((), ("data",)):
        return [""] * len(part), np.full(len(part), -1, np.int64), np.full(len(part), -1, np.int64)
    return data, captured, np.full(len(part), -1, np.int64)
