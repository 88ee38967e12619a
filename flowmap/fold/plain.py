"""The plain fold: batches of packets to legs, one packet after another, written to be read.

It is the oracle of :class:`flowmap.fold.compiled.LegFold`, which gives the same legs many times faster. Everything
that needs two legs (twins, verdicts, bytes once) happens later, in :mod:`flowmap.conversations` and
:mod:`flowmap.locality`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from flowmap.fold.marks import fragment_mark, leg_mark, packet_mark, partition_of
from flowmap.kernels.fold_layout import MOST_COPIES, RECENT_ENTRIES
from flowmap.legs import (
    COPIES_KEPT,
    ETHERNET_HEADER_BYTES,
    PARTITIONS,
    SKETCH_SIZE,
    WITH_PORTS,
    End,
    FiveTuple,
    Leg,
    LegKey,
    LegSet,
    Others,
    PointStatistics,
    Sample,
)
from flowmap.packets import (
    ACK,
    FIN,
    FIRST_FRAGMENT,
    LATER_FRAGMENT,
    NO_TIME,
    RST,
    SYN,
    TCP,
    Claim,
    PacketBatch,
)
from flowmap.settings import Settings

WIDEST_SLICE_NS = 1 << 62
"""No time of the years 1970 to 2262 needs more."""


@dataclass(slots=True)
class _State:
    """A leg, and what following its packets needs besides."""

    leg: Leg
    partition: int
    mark: int
    seq_last: int = -1
    last_syn: int = -1


@dataclass(slots=True)
class _Recent:
    """A packet seen a moment ago, and how often."""

    fingerprint: int
    time_ns: int
    count: int = 1


class PlainFold:
    """Fold batches of packets into legs.

    Notes
    -----
    State is bounded in 64 partitions chosen by the conversation, so that the result does not depend on how many
    workers fold: legs, distinct 5-tuples and recent packets have a cap in each. Fragments have a table of fixed size;
    time buckets double their width.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._legs: dict[LegKey, _State] = {}
        self._partition_legs = [0] * PARTITIONS
        self._others = Others()
        self._claims: dict[tuple[int, str, str, int, int, int], Claim] = {}
        self._points: dict[int, PointStatistics] = {}
        self._fragments: dict[int, tuple[int, int, int]] = {}
        self._recent: dict[tuple[int, int], list[_Recent]] = defaultdict(list)
        self._five_tuples: list[set[FiveTuple]] = [set() for _ in range(PARTITIONS)]
        self._five_tuples_full = False
        self._slice_ns = settings.slice_ns
        self._slice_rows = 0
        self._packets = self._frame_bytes = self._wire_bytes = self._captured_bytes = self._no_ip = 0
        self._first = self._last = NO_TIME

    def add(self, batch: PacketBatch) -> None:
        """Fold one batch; batches of one file must come in the file's order."""
        self._packets += len(batch)
        self._frame_bytes += int(batch.frame_bytes.sum())
        self._wire_bytes += int(batch.wire_bytes.sum())
        self._captured_bytes += int(batch.captured_bytes.sum())
        for claim in batch.claims:
            self._claims.setdefault((claim.mac, claim.ip, claim.how, claim.point, claim.vlan, claim.tunnel), claim)
        timed = batch.time_ns[batch.time_ns != NO_TIME]
        if len(timed):
            self._first, self._last = _span(self._first, self._last, int(timed.min()), int(timed.max()))
            while self._slice_ns < wide_enough(self._slice_ns, self._first, self._last, self._settings.max_slices):
                self._double_slices()
        columns = {name: getattr(batch, name).tolist() for name in _USED_COLUMNS}
        for values in zip(*columns.values(), strict=True):
            self._add_packet(_Packet(*values))

    def finish(self) -> LegSet:
        """Return the legs in order of their first packet, and the sums."""
        legs, others = keep_largest([state.leg for state in self._legs.values()], self._others, self._settings)
        return LegSet(
            legs=legs,
            claims=list(self._claims.values()),
            points=self._points,
            others=others,
            slice_ns=self._slice_ns,
            packets=self._packets,
            frame_bytes=self._frame_bytes,
            wire_bytes=self._wire_bytes,
            captured_bytes=self._captured_bytes,
            no_ip_packets=self._no_ip,
            five_tuples=sum(len(counted) for counted in self._five_tuples),
            first_seen_ns=self._first,
            last_seen_ns=self._last,
            estimated=["five_tuples"] if self._five_tuples_full else [],
        )

    def _add_packet(self, packet: _Packet) -> None:
        truncated = packet.captured_bytes < packet.frame_bytes
        point = self._points.setdefault(packet.point, PointStatistics())
        point.packets += 1
        point.truncated_packets += truncated
        if packet.time_ns != NO_TIME:
            point.first_seen_ns, point.last_seen_ns = _span(
                point.first_seen_ns, point.last_seen_ns, packet.time_ns, packet.time_ns
            )
        if not packet.ip_version:
            self._no_ip += 1
            if packet.src_port >= 0:
                self._count_five_tuple(_directed(packet)[0])
            return
        packet = self._with_ports_of_first_fragment(packet)
        five_tuple, forward = _directed(packet)
        if packet.src_port >= 0 and packet.protocol in WITH_PORTS:
            self._count_five_tuple(five_tuple)
        state = self._state(packet, five_tuple, forward)
        if state is None:
            self._others.packets += 1
            self._others.late_packets += 1
            self._others.wire_bytes += ETHERNET_HEADER_BYTES + packet.ip_bytes
            self._others.payload_bytes += packet.payload_bytes
        elif self._is_copy(state, packet):
            state.leg.duplicate_packets += 1
        else:
            state.leg.truncated_packets += truncated
            _count(state.leg, packet)
            self._count_in_slice(state.leg, packet)
            if packet.protocol == TCP and packet.tcp_seq >= 0:
                _follow_sequence(state, packet)
            _sample(state.leg, packet)

    def _with_ports_of_first_fragment(self, packet: _Packet) -> _Packet:
        """Give a later fragment the ports of its first one (RFC 791 3.2, RFC 8200 4.5), where that is still known."""
        if not packet.fragment:
            return packet
        slot, identity = fragment_mark(
            packet.point, packet.vlan, packet.tunnel, packet.src_ip, packet.dst_ip, packet.protocol, packet.ip_id
        )
        if packet.fragment == FIRST_FRAGMENT and packet.src_port >= 0:
            self._fragments[slot] = (identity, packet.src_port, packet.dst_port)
        elif packet.fragment == LATER_FRAGMENT and slot in self._fragments:
            known, src_port, dst_port = self._fragments[slot]
            if known == identity:
                return packet._replace(src_port=src_port, dst_port=dst_port)
        return packet

    def _count_five_tuple(self, five_tuple: FiveTuple) -> None:
        counted = self._five_tuples[partition_of(five_tuple)]
        if len(counted) < 4 * self._settings.max_legs // PARTITIONS:
            counted.add(five_tuple)
        elif five_tuple not in counted:
            self._five_tuples_full = True

    def _state(self, packet: _Packet, five_tuple: FiveTuple, forward: bool) -> _State | None:
        """The packet's leg, made at first sight; None when its partition is full."""
        key = LegKey(
            five_tuple, forward, packet.point, packet.src_mac, packet.dst_mac,
            packet.vlan, packet.outer_vlan, packet.tunnel,
        )  # fmt: skip
        state = self._legs.get(key)
        if state is None:
            partition = partition_of(five_tuple)
            if self._partition_legs[partition] >= self._settings.max_legs // PARTITIONS:
                return None
            self._partition_legs[partition] += 1
            leg = Leg(key, packet.ip_version)
            state = self._legs[key] = _State(leg, partition, leg_mark(key))
        return state

    def _is_copy(self, state: _State, packet: _Packet) -> bool:
        """Whether this very packet was on this leg a moment ago; keeps the copies histogram.

        A retransmission has another IP id (reference 4.4). Without an id, a pure acknowledgement cannot be told from
        its duplicate, so only packets with payload or handshake flags count as copies there.
        """
        copies = state.leg.copies
        if packet.ip_id > 0:
            window_ns = self._settings.copy_window_ns
        elif packet.payload_bytes > 0 or (packet.tcp_flags >= 0 and packet.tcp_flags & (SYN | FIN | RST)):
            window_ns = self._settings.copy_window_no_id_ns
        else:
            copies[0] += 1
            return False
        bucket, fingerprint = packet_mark(state.mark, packet.packet_hash, packet.ttl)
        entries = self._recent[state.partition, bucket]
        seen = next((entry for entry in entries if entry.fingerprint == fingerprint), None)
        if seen is not None and abs(packet.time_ns - seen.time_ns) <= window_ns:
            if seen.count < COPIES_KEPT:
                copies[seen.count - 1] -= 1
                copies[seen.count] += 1
            seen.count = min(seen.count + 1, MOST_COPIES)
            return True
        if seen is not None:
            seen.time_ns, seen.count = packet.time_ns, 1
        else:
            entries.insert(0, _Recent(fingerprint, packet.time_ns))
            del entries[RECENT_ENTRIES:]
        copies[0] += 1
        return False

    def _count_in_slice(self, leg: Leg, packet: _Packet) -> None:
        bucket = NO_TIME if packet.time_ns == NO_TIME else packet.time_ns // self._slice_ns
        row = leg.slices.get(bucket)
        if row is None:
            row = leg.slices[bucket] = [0, 0, 0]
            self._slice_rows += 1
        row[0] += 1
        row[1] += ETHERNET_HEADER_BYTES + packet.ip_bytes
        row[2] += packet.payload_bytes
        while self._slice_rows > 2 * self._settings.max_legs and self._slice_ns < WIDEST_SLICE_NS:
            self._double_slices()

    def _double_slices(self) -> None:
        """Merge neighbouring buckets; floor(t / 2w) = floor(floor(t / w) / 2), so the order of packets is no matter.

        The width at the end is the smallest that fits, whenever it is looked at: rows only grow in number, and there
        are never more of them than packets so far need.
        """
        self._slice_ns *= 2
        self._slice_rows = 0
        for state in self._legs.values():
            merged: dict[int, list[int]] = {}
            for bucket, row in state.leg.slices.items():
                target = merged.setdefault(bucket if bucket == NO_TIME else bucket // 2, [0, 0, 0])
                for column, value in enumerate(row):
                    target[column] += value
            state.leg.slices = merged
            self._slice_rows += len(merged)


def wide_enough(slice_ns: int, first_ns: int, last_ns: int, max_slices: int) -> int:
    """The width, doubled from ``slice_ns``, at which a time span takes no more than ``max_slices`` buckets."""
    while last_ns // slice_ns - first_ns // slice_ns >= max_slices and slice_ns < WIDEST_SLICE_NS:
        slice_ns *= 2
    return slice_ns


def keep_largest(legs: list[Leg], others: Others, settings: Settings) -> tuple[list[Leg], Others]:
    """Keep whole conversations, those with most bytes (ties: the earlier), and sum the rest exactly."""
    members: dict[FiveTuple, list[Leg]] = defaultdict(list)
    for leg in legs:
        members[leg.key.five_tuple].append(leg)
    ranked = sorted(members, key=lambda five_tuple: -sum(leg.wire_bytes for leg in members[five_tuple]))
    dropped = set(ranked[settings.max_conversations :])
    rest = [leg for five_tuple in dropped for leg in members[five_tuple]]
    return [leg for leg in legs if leg.key.five_tuple not in dropped], Others(
        others.packets + sum(leg.packets for leg in rest),
        others.wire_bytes + sum(leg.wire_bytes for leg in rest),
        others.payload_bytes + sum(leg.payload_bytes for leg in rest),
        sum(leg.duplicate_packets for leg in rest),
        len(dropped),
        others.late_packets,
    )


class _Packet(NamedTuple):
    """The columns of PacketBatch that the fold reads."""

    frame_number: int
    time_ns: int
    point: int
    frame_bytes: int
    captured_bytes: int
    src_mac: int
    dst_mac: int
    vlan: int
    outer_vlan: int
    tunnel: int
    ip_version: int
    src_ip: list[int]
    dst_ip: list[int]
    protocol: int
    src_port: int
    dst_port: int
    ttl: int
    ip_id: int
    fragment: int
    ip_bytes: int
    payload_bytes: int
    tcp_flags: int
    tcp_seq: int
    packet_hash: int


_USED_COLUMNS = _Packet._fields


def _directed(packet: _Packet) -> tuple[FiveTuple, bool]:
    """The packet's 5-tuple, and whether it goes from the lower end to the higher one."""
    source: End = ((packet.src_ip[0], packet.src_ip[1]), packet.src_port)
    destination: End = ((packet.dst_ip[0], packet.dst_ip[1]), packet.dst_port)
    return FiveTuple(packet.protocol, min(source, destination), max(source, destination)), source <= destination


def _span(first: int, last: int, low: int, high: int) -> tuple[int, int]:
    """Extend a time span that may still be empty."""
    return (low, high) if first == NO_TIME else (min(first, low), max(last, high))


def _count(leg: Leg, packet: _Packet) -> None:
    leg.packets += 1
    leg.wire_bytes += ETHERNET_HEADER_BYTES + packet.ip_bytes
    leg.payload_bytes += packet.payload_bytes
    leg.first_frame = leg.first_frame or packet.frame_number
    leg.ttl_min, leg.ttl_max = min(leg.ttl_min, packet.ttl), max(leg.ttl_max, packet.ttl)
    if packet.time_ns != NO_TIME:
        leg.first_seen_ns, leg.last_seen_ns = _span(leg.first_seen_ns, leg.last_seen_ns, packet.time_ns, packet.time_ns)


def _follow_sequence(state: _State, packet: _Packet) -> None:
    """Keep the unwrapped sequence range of the first connection, and count initial SYNs."""
    leg, flags = state.leg, max(packet.tcp_flags, 0)  # flags that were not captured say nothing
    is_syn = bool(flags & SYN)
    if is_syn and packet.tcp_seq != state.last_syn:
        state.last_syn = packet.tcp_seq
        leg.syn_count += not flags & ACK
        leg.has_syn_ack = leg.has_syn_ack or bool(flags & ACK)
        if leg.syn_seq < 0:
            leg.syn_seq = packet.tcp_seq
    if state.last_syn not in (-1, leg.syn_seq) or flags & RST:
        return  # a later connection on the same ports, or a reset, whose number may be 0
    if state.seq_last < 0:
        # Start in the middle of the number space, so that a packet older than the first seen stays positive.
        state.seq_last = packet.tcp_seq + (1 << 32)
    step = (packet.tcp_seq - state.seq_last + (1 << 31)) % (1 << 32) - (1 << 31)
    start = state.seq_last + step
    state.seq_last = start
    end = start + packet.payload_bytes + is_syn + bool(flags & FIN)
    leg.seq_low = start if leg.seq_low < 0 else min(leg.seq_low, start)
    leg.seq_high = max(leg.seq_high, end)


def _sample(leg: Leg, packet: _Packet) -> None:
    """Keep the packet if its hash is among the leg's smallest; a later equal packet changes nothing."""
    sketch = leg.sketch
    if len(sketch) == SKETCH_SIZE and packet.packet_hash >= sketch[-1].packet_hash:
        return
    if any(sample.packet_hash == packet.packet_hash for sample in sketch):
        return
    sketch.append(Sample(packet.packet_hash, packet.time_ns, packet.ttl, packet.frame_number))
    sketch.sort()
    del sketch[SKETCH_SIZE:]
