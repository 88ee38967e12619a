"""Legs: one direction of a conversation as one capture point saw it, the unit of counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import numpy.typing as npt

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
class LegRows:
    """The lists of many legs as columns; a leg makes objects of its own part when asked.

    Attributes
    ----------
    sample_ends, slice_ends : int64 (legs + 1,)
        Leg number i owns the samples ``sample_ends[i]:sample_ends[i + 1]``, and slices likewise.
    sample_hash : uint64 (samples,)
        Ascending within a leg.
    sample_time_ns, sample_ttl, sample_frame : int64 (samples,)
        The other fields of :class:`Sample`.
    slices : int64 (slices, 4)
        Time bucket, packets, wire_bytes, payload_bytes; ascending within a leg.
    copies : int64 (legs, 8)
        The histogram of copies.
    """

    sample_ends: npt.NDArray[np.int64]
    sample_hash: npt.NDArray[np.uint64]
    sample_time_ns: npt.NDArray[np.int64]
    sample_ttl: npt.NDArray[np.int64]
    sample_frame: npt.NDArray[np.int64]
    slice_ends: npt.NDArray[np.int64]
    slices: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int64]

    def copies_of(self, number: int) -> list[int]:
        """The copies of one leg."""
        return cast(list[int], self.copies[number].tolist())

    def sketch_of(self, number: int) -> list[Sample]:
        """The samples of one leg."""
        part = slice(self.sample_ends[number], self.sample_ends[number + 1])
        columns = (self.sample_hash, self.sample_time_ns, self.sample_ttl, self.sample_frame)
        return [Sample(*values) for values in zip(*(column[part].tolist() for column in columns), strict=True)]

    def slices_of(self, number: int) -> dict[int, list[int]]:
        """The time buckets of one leg."""
        rows = self.slices[self.slice_ends[number] : self.slice_ends[number + 1]].tolist()
        return {bucket: sums for bucket, *sums in rows}


@dataclass(slots=True)
class Leg:
    """One leg with its sums. Copies beyond the first are in ``duplicate_packets`` and in no other sum.

    ``wire_bytes`` is 14 + innermost IP length, summed. ``copies[i]`` counts packets that stood i + 1 times on the leg
    (the last entry: that often or more). ``seq_low`` and ``seq_high`` are unwrapped TCP sequence numbers (RFC 9293) of
    the first connection, the latter behind the last byte; -1 without TCP. ``syn_seq`` is the first SYN's number.
    ``sketch`` is sorted. ``copies``, ``sketch`` and ``slices`` are made from ``rows`` when first read, because most
    legs are never asked for them.
    """

    key: LegKey
    ip_version: int
    packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0
    duplicate_packets: int = 0
    truncated_packets: int = 0
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
    rows: LegRows | None = field(default=None, repr=False, compare=False)
    number: int = field(default=0, repr=False, compare=False)
    copies: list[int] = field(init=False)
    sketch: list[Sample] = field(init=False)
    slices: dict[int, list[int]] = field(init=False)
    """Time bucket -> [packets, wire_bytes, payload_bytes]; frames without a time are in bucket ``NO_TIME``."""

    if not TYPE_CHECKING:  # a checker shall still find misspelt attributes

        def __getattr__(self, name: str) -> object:
            """Fill a slot at its first use; Python calls this for empty slots only."""
            if name not in _LAZY:
                raise AttributeError(f"a Leg has no attribute '{name}'", name=name, obj=self)
            value = getattr(self.rows, f"{name}_of")(self.number) if self.rows else _LAZY[name]()
            setattr(self, name, value)
            return value

    def __getstate__(self) -> tuple[object, ...]:
        """Leave out what can be made again from ``rows``."""
        return tuple(getattr(self, name) for name in (_STORED if self.rows else _WHOLE))

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(_WHOLE, state, strict=False):
            setattr(self, name, value)

    @property
    def source(self) -> End:
        """The sending end."""
        return self.key.five_tuple.low if self.key.forward else self.key.five_tuple.high

    @property
    def destination(self) -> End:
        """The receiving end."""
        return self.key.five_tuple.high if self.key.forward else self.key.five_tuple.low


_LAZY: dict[str, Callable[[], object]] = {"copies": lambda: [0] * COPIES_KEPT, "sketch": list, "slices": dict}
_WHOLE = tuple(field.name for field in fields(Leg))
_STORED = _WHOLE[: -len(_LAZY)]


@dataclass(slots=True)
class PointStatistics:
    """What one capture point recorded, legs or not."""

    packets: int = 0
    truncated_packets: int = 0
    first_seen_ns: int = NO_TIME
    last_seen_ns: int = NO_TIME


@dataclass(slots=True)
class Others:
    """Exact sums of the packets for which no leg was kept, because a table was full.

    ``conversations`` of them had legs that were summed here at the end (``settings.max_conversations``); only those
    have ``duplicate_packets``, which are in no other sum. ``late_packets`` of the packets came when the table of legs
    was full (``settings.max_legs``); nobody knows how many conversations they are of.
    """

    packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0
    duplicate_packets: int = 0
    conversations: int = 0
    late_packets: int = 0


@dataclass(slots=True)
class LegSet:
    """The result of a fold: everything that later stages know of the packets.

    ``legs`` stand in order of their first packet; the compiled fold gives :class:`flowmap.leg_columns.LegColumns`.
    """

    legs: Sequence[Leg]
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
        return self.others.duplicate_packets + sum(leg.duplicate_packets for leg in self.legs)
