"""Fixed hashes that decide results: partition, copies, fragments. Plain and compiled fold use the same numbers.

All arithmetic is on 64 bits. :mod:`flowmap.kernels.fold_marks` has the compiled form; tests hold the two together.
"""

from __future__ import annotations

from typing import NamedTuple

from flowmap.kernels.fold_layout import ADD_HIGH, ADD_LOW, FRAGMENT_SLOTS, MIX_1, MIX_2, RECENT_BUCKETS
from flowmap.legs import PARTITIONS, FiveTuple, LegKey

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_HALF = 0xFFFF_FFFF


def _mixed(value: int) -> int:
    """Spread every bit over the upper and the lower half."""
    value ^= value >> 32
    value = value * MIX_1 & _MASK
    value ^= value >> 29
    value = value * MIX_2 & _MASK
    return value ^ value >> 32


def ends_word(five_tuple: FiveTuple) -> int:
    """Ports and protocol in one word; each is one higher, so that -1 fits."""
    return (five_tuple.low[1] + 1) | (five_tuple.high[1] + 1) << 17 | (five_tuple.protocol + 1) << 34


def conversation_mark(five_tuple: FiveTuple) -> int:
    """A 64-bit hash of a conversation, independent of direction and process."""
    words = (*five_tuple.low[0], *five_tuple.high[0], ends_word(five_tuple))
    products = (
        ((word & _HALF) + low) * ((word >> 32) + high) for word, low, high in zip(words, ADD_LOW, ADD_HIGH, strict=True)
    )
    return _mixed(sum(products) & _MASK)


def partition_of(five_tuple: FiveTuple) -> int:
    """The partition of a conversation."""
    return conversation_mark(five_tuple) >> 58 & PARTITIONS - 1


def leg_mark(key: LegKey) -> int:
    """A 64-bit hash of a leg."""
    mark = conversation_mark(key.five_tuple)
    for word in (
        key.forward | (key.vlan + 1) << 1,
        (key.src_mac + 1) | (key.outer_vlan + 1) << 49,
        key.dst_mac + 1,
        key.point | (key.tunnel + 1) << 32,
    ):
        mark = (mark ^ word) * MIX_1 & _MASK
        mark ^= mark >> 32
    return mark


class PacketMark(NamedTuple):
    """Where a packet stands in the recent-packet table: bucket, and what tells it from the others there."""

    bucket: int
    fingerprint: int


def packet_mark(mark_of_leg: int, packet_hash: int, ttl: int) -> PacketMark:
    """The identity of a packet on its leg, 60 bits."""
    mark = _mixed(mark_of_leg + packet_hash * MIX_2 + ttl & _MASK)
    return PacketMark(mark >> 4 & RECENT_BUCKETS - 1, mark >> 4)


class FragmentMark(NamedTuple):
    """Where a datagram's fragments stand in the fragment table, and what tells it from the others."""

    slot: int
    identity: int


def fragment_mark(
    point: int, vlan: int, tunnel: int, src_ip: list[int], dst_ip: list[int], protocol: int, ip_id: int
) -> FragmentMark:
    """The identity of a fragmented datagram at one capture point (RFC 791 3.2, RFC 8200 4.5), 64 bits."""
    mark = point | (tunnel + 1) << 32
    for word in (*src_ip, *dst_ip, (protocol + 1) | (vlan + 1) << 16 | (ip_id + 1) << 32):
        mark = _mixed(mark ^ word) + MIX_2 & _MASK
    return FragmentMark(mark & FRAGMENT_SLOTS - 1, mark)
