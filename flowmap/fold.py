"""The fold: batches of packets to legs, in one pass.

This is the plain one, written to be read: it is the oracle of any faster one. It takes packets in file order and never
looks back, so everything that needs two legs (twins, verdicts, bytes once) happens later, in
:mod:`flowmap.conversations` and :mod:`flowmap.locality`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

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

RECENT_PACKETS = 65_536
FRAGMENTS = 65_536


class LegFold:
    """Fold batches of packets into legs.

    Notes
    -----
    State is bounded: legs by ``settings.max_legs`` in 64 partitions chosen by the conversation, so that the result does
    not depend on how many workers fold; fragments and recent packets by the sizes above; time buckets by doubling
    their width.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._legs: dict[LegKey, Leg] = {}
        self._partition_legs = [0] * PARTITIONS
        self._others = Others()
        self._claims: dict[tuple[int, str, str, int, int, int], Claim] = {}
        self._points: dict[int, PointStatistics] = {}
        self._fragments: OrderedDict[tuple[object, ...], tuple[int, int]] = OrderedDict()
        self._recent: OrderedDict[tuple[int, int, int], list[int]] = OrderedDict()
        self._five_tuples: set[FiveTuple] = set()
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
            self._widen_slices_to_span()
        columns = {name: getattr(batch, name).tolist() for name in _USED_COLUMNS}
        for values in zip(*columns.values(), strict=True):
            self._add_packet(_Packet(*values))

    def finish(self) -> LegSet:
        """Return the legs in order of their first frame at each point, and the sums."""
        return LegSet(
            legs=list(self._legs.values()),
            claims=list(self._claims.values()),
            points=self._points,
            others=self._others,
            slice_ns=self._slice_ns,
            packets=self._packets,
            frame_bytes=self._frame_bytes,
            wire_bytes=self._wire_bytes,
            captured_bytes=self._captured_bytes,
            no_ip_packets=self._no_ip,
            five_tuples=len(self._five_tuples),
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
        leg = self._leg(packet, five_tuple, forward)
        if leg is None:
            self._others.packets += 1
            self._others.wire_bytes += ETHERNET_HEADER_BYTES + packet.ip_bytes
            self._others.payload_bytes += packet.payload_bytes
        elif self._is_copy(leg, packet):
            leg.duplicate_packets += 1
        else:
            leg.truncated_packets += truncated
            _count(leg, packet)
            self._count_in_slice(leg, packet)
            if packet.protocol == TCP and packet.tcp_seq >= 0:
                _follow_sequence(leg, packet)
            _sample(leg, packet)

    def _with_ports_of_first_fragment(self, packet: _Packet) -> _Packet:
        """Give a later fragment the ports of its first one (RFC 791 3.2, RFC 8200 4.5), where that was seen."""
        if not packet.fragment:
            return packet
        key = (
            packet.point, packet.vlan, packet.tunnel,
            tuple(packet.src_ip), tuple(packet.dst_ip), packet.protocol, packet.ip_id,
        )  # fmt: skip
        if packet.fragment == FIRST_FRAGMENT and packet.src_port >= 0:
            self._fragments[key] = (packet.src_port, packet.dst_port)
            if len(self._fragments) > FRAGMENTS:
                self._fragments.popitem(last=False)
        elif packet.fragment == LATER_FRAGMENT and key in self._fragments:
            src_port, dst_port = self._fragments[key]
            return packet._replace(src_port=src_port, dst_port=dst_port)
        return packet

    def _count_five_tuple(self, five_tuple: FiveTuple) -> None:
        if len(self._five_tuples) < 4 * self._settings.max_legs:
            self._five_tuples.add(five_tuple)
        elif five_tuple not in self._five_tuples:
            self._five_tuples_full = True

    def _leg(self, packet: _Packet, five_tuple: FiveTuple, forward: bool) -> Leg | None:
        """The packet's leg, made at first sight; None when its partition is full."""
        key = LegKey(
            five_tuple, forward, packet.point, packet.src_mac, packet.dst_mac,
            packet.vlan, packet.outer_vlan, packet.tunnel,
        )  # fmt: skip
        leg = self._legs.get(key)
        if leg is None:
            partition = partition_of(five_tuple)
            if self._partition_legs[partition] >= self._settings.max_legs // PARTITIONS:
                return None
            self._partition_legs[partition] += 1
            leg = self._legs[key] = Leg(key, packet.ip_version)
        return leg

    def _is_copy(self, leg: Leg, packet: _Packet) -> bool:
        """Whether this very packet was on this leg a moment ago; keeps the copies histogram.

        A retransmission has another IP id (reference 4.4). Without an id, a pure acknowledgement cannot be told from
        its duplicate, so only packets with payload or handshake flags count as copies there.
        """
        settings = self._settings
        if packet.ip_id > 0:
            window_ns = settings.copy_window_ns
        elif packet.payload_bytes > 0 or (packet.tcp_flags >= 0 and packet.tcp_flags & (SYN | FIN | RST)):
            window_ns = settings.copy_window_no_id_ns
        else:
            leg.copies[0] += 1
            return False
        key = (id(leg), packet.packet_hash, packet.ttl)
        seen = self._recent.get(key)
        if seen is not None and abs(packet.time_ns - seen[0]) <= window_ns:
            seen[1] += 1
            if seen[1] <= COPIES_KEPT:
                leg.copies[seen[1] - 2] -= 1
                leg.copies[seen[1] - 1] += 1
            return True
        self._recent[key] = [packet.time_ns, 1]
        self._recent.move_to_end(key)
        if len(self._recent) > RECENT_PACKETS:
            self._recent.popitem(last=False)
        leg.copies[0] += 1
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
        while self._slice_rows > 2 * self._settings.max_legs and self._slice_rows > len(self._legs):
            self._double_slices()

    def _widen_slices_to_span(self) -> None:
        while self._last // self._slice_ns - self._first // self._slice_ns >= self._settings.max_slices:
            self._double_slices()

    def _double_slices(self) -> None:
        """Merge neighbouring buckets; floor(t / 2w) = floor(floor(t / w) / 2), so the order of packets is no matter."""
        self._slice_ns *= 2
        self._slice_rows = 0
        for leg in self._legs.values():
            merged: dict[int, list[int]] = {}
            for bucket, row in leg.slices.items():
                target = merged.setdefault(bucket if bucket == NO_TIME else bucket // 2, [0, 0, 0])
                for column, value in enumerate(row):
                    target[column] += value
            leg.slices = merged
            self._slice_rows += len(merged)


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


def partition_of(five_tuple: FiveTuple) -> int:
    """The partition of a conversation: a fixed mix of its key, independent of direction and process."""
    state = five_tuple.protocol
    for (high, low), port in (five_tuple.low, five_tuple.high):
        for word in (high, low, port & 0xFFFF_FFFF):
            state = (state ^ word) * 0xBF58476D1CE4E5B9 & 0xFFFF_FFFF_FFFF_FFFF
            state ^= state >> 29
    return state % PARTITIONS


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


def _follow_sequence(leg: Leg, packet: _Packet) -> None:
    """Keep the unwrapped sequence range of the first connection, and count initial SYNs."""
    is_syn = bool(packet.tcp_flags & SYN)
    if is_syn and packet.tcp_seq != leg._last_syn:
        leg._last_syn = packet.tcp_seq
        leg.syn_count += not packet.tcp_flags & ACK
        leg.has_syn_ack = leg.has_syn_ack or bool(packet.tcp_flags & ACK)
        if leg.syn_seq < 0:
            leg.syn_seq = packet.tcp_seq
    if leg._last_syn not in (-1, leg.syn_seq) or packet.tcp_flags & RST:
        return  # a later connection on the same ports, or a reset, whose number may be 0
    if leg._seq_last < 0:
        # Start in the middle of the number space, so that a packet older than the first seen stays positive.
        leg._seq_last = packet.tcp_seq + (1 << 32)
    step = (packet.tcp_seq - leg._seq_last + (1 << 31)) % (1 << 32) - (1 << 31)
    start = leg._seq_last + step
    leg._seq_last = start
    end = start + packet.payload_bytes + is_syn + bool(packet.tcp_flags & FIN)
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
