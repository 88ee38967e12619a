"""Legs: one direction of a conversation as one capture point saw it, the unit of counting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from flowmap.packets import NO_TIME, SCTP, TCP, UDP, Claim

ETHERNET_HEADER_BYTES = 14
SKETCH_SIZE = 8
COPIES_KEPT = 8
PARTITIONS = 64
WITH_PORTS = (TCP, UDP, SCTP)

End = tuple[tuple[int, int], int]
"""One end of a conversation: address halves and port (-1 where the protocol has none)."""


class FiveTuple(NamedTuple):
    """A conversation's key before the address domain is known: protocol and both ends, the lower one first."""

    protocol: int
    low: End
    high: End


class LegKey(NamedTuple):
    """What tells one leg from another (DESIGN section 1)."""

    five_tuple: FiveTuple
    forward: bool
    point: int
    src_mac: int
    dst_mac: int
    vlan: int
    outer_vlan: int
    tunnel: int


class Sample(NamedTuple):
    """One packet of a leg's bottom-k sketch: packets with the smallest hashes, the same on every leg they crossed."""

    packet_hash: int
    time_ns: int
    ttl: int
    frame_number: int


@dataclass(slots=True)
class Leg:
    """One leg with its sums. Copies beyond the first are in ``duplicate_packets`` and in no other sum.

    ``wire_bytes`` is 14 + innermost IP length, summed. ``copies[i]`` counts packets that stood i + 1 times on the leg
    (the last entry: that often or more). ``seq_low`` and ``seq_high`` are unwrapped TCP sequence numbers (RFC 9293) of
    the first connection, the latter behind the last byte; -1 without TCP. ``syn_seq`` is the first SYN's number.
    ``sketch`` is sorted.
    """

    key: LegKey
    ip_version: int
    packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0
    duplicate_packets: int = 0
    truncated_packets: int = 0
    copies: list[int] = field(default_factory=lambda: [0] * COPIES_KEPT)
    first_seen_ns: int = NO_TIME
    last_seen_ns: int = NO_TIME
    first_frame: int = 0
    ttl_min: int = 255
    ttl_max: int = 0
    syn_seq: int = -1
    syn_count: int = 0
    has_syn_ack: bool = False
    seq_low: int = -1
    seq_high: int = -1
    sketch: list[Sample] = field(default_factory=list)
    slices: dict[int, list[int]] = field(default_factory=dict)
    """Time bucket -> [packets, wire_bytes, payload_bytes]; frames without a time are in bucket ``NO_TIME``."""
    _seq_last: int = -1
    _last_syn: int = -1

    @property
    def source(self) -> End:
        """The sending end."""
        return self.key.five_tuple.low if self.key.forward else self.key.five_tuple.high

    @property
    def destination(self) -> End:
        """The receiving end."""
        return self.key.five_tuple.high if self.key.forward else self.key.five_tuple.low


@dataclass(slots=True)
class PointStatistics:
    """What one capture point recorded, legs or not."""

    packets: int = 0
    truncated_packets: int = 0
    first_seen_ns: int = NO_TIME
    last_seen_ns: int = NO_TIME


@dataclass(slots=True)
class Others:
    """Exact sums of the packets for which no leg was kept, because a table was full."""

    packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0


@dataclass(slots=True)
class LegSet:
    """The result of a fold: everything that later stages know of the packets."""

    legs: list[Leg]
    claims: list[Claim]
    points: dict[int, PointStatistics]
    others: Others
    slice_ns: int
    packets: int
    frame_bytes: int
    wire_bytes: int
    captured_bytes: int
    no_ip_packets: int
    five_tuples: int
    first_seen_ns: int
    last_seen_ns: int
    estimated: list[str]

    @property
    def duplicate_packets(self) -> int:
        """Copies on one leg, which count nowhere else."""
        return sum(leg.duplicate_packets for leg in self.legs)
