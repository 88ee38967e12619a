"""The compiled hashes are the plain ones, and the layout of the tables has room for every value."""

from __future__ import annotations

import numpy as np
import pytest

from flowmap import legs
from flowmap.fold.marks import conversation_mark, fragment_mark, leg_mark, packet_mark, partition_of
from flowmap.fold.plain import _USED_COLUMNS, _directed, _Packet
from flowmap.kernels import fold_layout as at
from flowmap.kernels import fold_legs, fold_marks
from flowmap.kernels.frames import frames_of
from flowmap.packets import LATER_FRAGMENT
from tests.random_packets import random_batch


def packets_of(batch):
    rows = zip(*(getattr(batch, name).tolist() for name in _USED_COLUMNS), strict=True)
    return [_Packet(*row) for row in rows]


def key_of(packet):
    five_tuple, forward = _directed(packet)
    return legs.LegKey(
        five_tuple, forward, packet.point, packet.src_mac, packet.dst_mac,
        packet.vlan, packet.outer_vlan, packet.tunnel,
    )  # fmt: skip


def test_the_numbers_of_the_kernels_are_those_of_the_legs():
    assert (at.PARTITIONS, at.SKETCH_SIZE, at.COPIES_KEPT) == (legs.PARTITIONS, legs.SKETCH_SIZE, legs.COPIES_KEPT)
    assert fold_legs._ETHERNET_HEADER_BYTES == legs.ETHERNET_HEADER_BYTES
    assert at.BASE_WORDS * 8 == 2 * 64 and at.EXTENSION_WORDS * 8 == 5 * 64


@pytest.mark.parametrize("is_marked", [0, 1])
def test_partitions_and_packet_marks_are_the_plain_ones(is_marked):
    batch = random_batch(np.random.default_rng(1), 2000, addresses=50)
    frames, packets = frames_of(batch), packets_of(batch)
    marks, partition = np.zeros(len(batch), dtype=np.int64), np.zeros(len(batch), dtype=np.uint8)
    fold_marks.mark_packets(frames, marks, partition)
    scratch = np.zeros((at.CHUNK, at.SCRATCH_WORDS), dtype=np.int64)
    secrets, mine = np.arange(at.SECRETS), np.ones(256, dtype=np.uint8)
    mine[at.NO_PARTITION] = 0
    start, seen = 0, 0
    while start < len(batch):
        with np.errstate(over="ignore"):  # hashes wrap; here the kernel runs as Python
            count, start = fold_legs.collect(
                frames, marks, partition, mine, is_marked, scratch, secrets, start, len(batch)
            )
        for row in scratch[:count]:
            number, mark = int(row[at.BATCH_ROW]), int(row[at.MARK]) & 2**64 - 1
            packet = packets[number]
            key = key_of(packet)
            assert partition[number] == row[at.PARTITION] == partition_of(key.five_tuple)
            assert marks.view(np.uint64)[number] == conversation_mark(key.five_tuple)
            plain = packet_mark(leg_mark(key), packet.packet_hash, packet.ttl)
            assert (plain.fingerprint, plain.bucket) == (mark >> 4, mark >> 4 & at.RECENT_BUCKETS - 1)
            seen += 1
    assert seen == np.count_nonzero(partition != at.NO_PARTITION) > 1900


def test_later_fragments_get_the_ports_that_the_plain_mark_finds():
    batch = random_batch(np.random.default_rng(2), 3000, addresses=2)
    frames = frames_of(batch)
    table = np.zeros((at.FRAGMENT_SLOTS, 2), dtype=np.int64)
    fold_marks.give_ports(frames, len(batch), table)
    known, given = {}, 0
    for number, packet in enumerate(packets_of(batch)):
        expected = (packet.src_port, packet.dst_port)
        if packet.fragment and packet.ip_version:
            mark = fragment_mark(
                packet.point, packet.vlan, packet.tunnel, packet.src_ip, packet.dst_ip, packet.protocol, packet.ip_id
            )
            if packet.fragment == LATER_FRAGMENT:
                expected = known.get(mark, expected)
                given += mark in known
            elif packet.src_port >= 0:
                known[mark] = expected
        assert (frames.src_port[number], frames.dst_port[number]) == expected
    assert given > 20


def test_keys_hold_their_smallest_and_largest_values():
    from flowmap.fold.gather import _key_columns

    address = 2**64 - 1
    for port, protocol, mac, vlan, tunnel, point in (
        (-1, -1, -1, -1, -1, 0),
        (65_535, 255, 2**48 - 1, 4095, 2**31 - 2, 2**31 - 1),
    ):
        six = (address, address, address, address)
        ends = (port + 1) | (port + 1) << at.PORT_BITS | (protocol + 1) << at.PROTOCOL_SHIFT
        words = [
            *six,
            ends | 1 << at.FORWARD_SHIFT | (vlan + 1) << at.VLAN_SHIFT,
            (mac + 1) | (vlan + 1) << at.MAC_BITS,
            mac + 1,
            point | (tunnel + 1) << 32,
        ]
        columns = _key_columns(np.array([words], dtype=np.uint64).view(np.int64).T)
        assert {name: column[0].tolist() for name, column in columns.items()} == {
            "protocol": protocol, "low_ip": [address] * 2, "low_port": port, "high_ip": [address] * 2,
            "high_port": port, "forward": True, "point": point, "src_mac": mac, "dst_mac": mac, "vlan": vlan,
            "outer_vlan": vlan, "tunnel": tunnel,
        }  # fmt: skip
