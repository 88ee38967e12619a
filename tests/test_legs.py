"""Both folds: sums, copies, sequence ranges, sketches, fragments, caps and time buckets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowmap.fold import LegFold, partition_of
from flowmap.fold.plain import PlainFold
from flowmap.legs import PARTITIONS, SKETCH_SIZE, Others
from flowmap.packets import ACK, FIN, FIRST_FRAGMENT, LATER_FRAGMENT, NO_TIME, RST, SYN, UDP
from flowmap.settings import Settings
from tests import network as networks
from tests.network import SECOND, START_NS, Network, at, talk, udp, vm

WEB, APP = vm(1, "10.10.0.11"), vm(2, "10.10.0.12")


@pytest.fixture(scope="module", autouse=True, params=[LegFold, PlainFold])
def either_fold(request):
    """Every test here holds for the compiled fold and for the plain one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "LegFold", request.param)
        yield


def only_leg(network):
    (leg,) = network.fold().legs
    return leg


def test_wire_bytes_are_14_and_the_ip_length_without_tags():
    network = Network()
    network.send(WEB, APP, at(network.point(""), vlan=10), payload=100)
    leg = only_leg(network)
    assert (leg.wire_bytes, leg.payload_bytes, leg.packets) == (14 + 20 + 20 + 100, 100, 1)


def test_a_leg_is_one_direction_at_one_point_with_one_pair_of_macs_and_one_vlan():
    network = Network()
    one, other = network.point("a"), network.point("b")
    network.send(WEB, APP, at(one), at(other), at(one, vlan=10), at(one, dst_mac=0x0200000000FF))
    network.send(APP, WEB, at(one), ports=(80, 40_000))
    assert len(network.fold().legs) == 5


def test_the_sequence_range_ends_behind_the_last_byte_and_counts_syn_and_fin():
    network = Network()
    point = network.point("")
    network.send(WEB, APP, at(point), payload=0, seq=1000, flags=SYN)
    network.send(WEB, APP, at(point), payload=500, seq=1001)
    network.send(WEB, APP, at(point), payload=0, seq=1501, flags=FIN | ACK)
    leg = only_leg(network)
    assert (leg.seq_high - leg.seq_low, leg.syn_seq, leg.syn_count) == (502, 1000, 1)


def test_an_older_segment_that_comes_late_extends_the_range_downwards():
    network = Network()
    point = network.point("")
    for seq in (5000, 1000, 3000):
        network.send(WEB, APP, at(point), payload=1000, seq=seq)
    assert only_leg(network).seq_high - only_leg(network).seq_low == 5000


def test_a_reset_with_sequence_zero_does_not_stretch_the_range():
    network = Network()
    point = network.point("")
    network.send(WEB, APP, at(point), payload=1000, seq=2_000_000_000)
    network.send(WEB, APP, at(point), payload=0, seq=0, flags=RST)
    assert only_leg(network).seq_high - only_leg(network).seq_low == 1000


def test_the_sketch_holds_the_smallest_hashes_whatever_the_order():
    hashes = []
    for order in (range(50), reversed(range(50))):
        network = Network()
        point = network.point("")
        for number in order:
            network.send(WEB, APP, at(point), protocol=UDP, content=number, ip_id=number + 1)
        batch = network.batch()
        hashes.append([sample.packet_hash for sample in only_leg(network).sketch])
        assert hashes[-1] == sorted(batch.packet_hash.tolist())[:SKETCH_SIZE]
    assert hashes[0] == hashes[1]


def test_two_equal_points_have_equal_sketches_and_all_their_packets_are_twins():
    network = Network()
    udp(network, WEB, APP, at(network.point("a")), at(network.point("b"), ttl=63, vlan=20), count=100)
    one, other = network.fold().legs
    assert [sample.packet_hash for sample in one.sketch] == [sample.packet_hash for sample in other.sketch]


def test_copies_come_within_the_window_only():
    network = Network()
    point = network.point("")
    window = network.settings.copy_window_ns
    for number, gap in enumerate((window, window + 1)):
        for delay in (0, gap):
            network.send(WEB, APP, at(point), seq=number * 10_000, ip_id=77, time_ns=START_NS + number * SECOND + delay)
    assert network.fold().duplicate_packets == 1


def test_without_an_ip_id_a_repeated_pure_acknowledgement_is_no_copy_but_payload_is():
    network = Network()
    point = network.point("")
    for payload in (0, 0, 500, 500):
        network.send(WEB, APP, at(point), payload=payload, ip_id=0)
    assert network.fold().duplicate_packets == 1


def test_later_fragments_join_the_conversation_of_their_first():
    network = Network()
    point = network.point("")
    network.send(WEB, APP, at(point), protocol=UDP, ports=(4000, 53), payload=1000, ip_id=9)
    network.send(WEB, APP, at(point), protocol=UDP, ports=(0, 0), payload=500, ip_id=9)
    network.rows["fragment"] = [FIRST_FRAGMENT, LATER_FRAGMENT]
    network.rows["src_port"][1] = network.rows["dst_port"][1] = -1
    leg = only_leg(network)
    assert (leg.packets, leg.source[1], leg.destination[1]) == (2, 4000, 53)
    assert network.fold().five_tuples == 1


def test_a_later_fragment_without_its_first_is_a_conversation_without_ports_and_no_five_tuple():
    network = Network()
    network.send(WEB, APP, at(network.point("")), protocol=UDP, payload=500, ip_id=9)
    network.rows["fragment"] = [LATER_FRAGMENT]
    network.rows["src_port"][0] = network.rows["dst_port"][0] = -1
    assert only_leg(network).source[1] == -1
    assert network.fold().five_tuples == 0


def test_past_the_cap_packets_and_bytes_stay_exact_in_others():
    network = Network(Settings(max_legs=PARTITIONS))
    point = network.point("")
    for port in range(1000):
        network.send(WEB, APP, at(point), ports=(port + 1, 80), payload=100)
    legs = network.fold()
    assert len(legs.legs) <= PARTITIONS
    assert sum(leg.packets for leg in legs.legs) + legs.others.packets == 1000
    assert (legs.others.late_packets, legs.others.conversations) == (legs.others.packets, 0)
    assert sum(leg.wire_bytes for leg in legs.legs) + legs.others.wire_bytes == 1000 * 154
    graph = network.map().graph
    assert graph.graph["totals"]["unique_bytes"] == 1000 * 154
    assert graph.edges["group:others", "group:others"]["packets"] == legs.others.packets
    (warning,) = [row for row in graph.graph["warnings"] if row["code"] == "legs_full"]
    assert warning["count"] == legs.others.packets and "FLOWMAP_MAX_LEGS" in warning["text"]


@given(st.lists(st.integers(0, 3 * 10**13), min_size=1, max_size=40), st.randoms())
def test_time_buckets_double_until_they_fit_and_do_not_depend_on_the_order(times, random):
    widths = []
    for _ in range(2):
        network = Network(Settings(max_slices=16))
        point = network.point("")
        for time in times:
            network.send(WEB, APP, at(point), time_ns=START_NS + time, payload=10)
        legs = network.fold()
        (leg,) = legs.legs
        assert sum(row[0] for row in leg.slices.values()) == leg.packets
        assert max(leg.slices) - min(leg.slices) < 16
        widths.append((legs.slice_ns, {bucket: row[1] for bucket, row in leg.slices.items()}))
        random.shuffle(times)
    assert widths[0] == widths[1]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=12))
@example([0, 2**63 - 1])
@example([2**63 - 1, 2**63 - 2, 0])
def test_no_span_takes_more_buckets_than_the_cap_and_its_ends_are_the_extremes(times):
    network = Network(Settings(max_slices=16))
    point = network.point("")
    for time in times:
        network.send(WEB, APP, at(point), time_ns=time, payload=10)
    legs = network.fold()
    assert (legs.first_seen_ns, legs.last_seen_ns) == (min(times), max(times))
    (leg,) = legs.legs
    assert (leg.first_seen_ns, leg.last_seen_ns) == (min(times), max(times))
    assert {time // legs.slice_ns for time in times} >= leg.slices.keys() and max(leg.slices) - min(leg.slices) < 16
    assert sum(row[0] for row in leg.slices.values()) == leg.packets


def test_a_frame_without_a_time_counts_and_stays_out_of_first_and_last():
    network = Network()
    point = network.point("")
    network.send(WEB, APP, at(point), time_ns=START_NS)
    network.send(WEB, APP, at(point), time_ns=START_NS)
    network.rows["time_ns"][1] = NO_TIME
    legs = network.fold()
    assert (legs.packets, legs.first_seen_ns, legs.last_seen_ns) == (2, START_NS, START_NS)
    assert legs.legs[0].packets == 2


@given(st.data())
def test_splitting_a_batch_changes_nothing(data):
    network = Network()
    point = network.point("")
    talk(network, WEB, APP, (at(point, times=2),), (at(point),), segments=6)
    whole, batch = network.fold(), network.batch()
    cut = data.draw(st.integers(0, len(batch)))
    fold = networks.LegFold(network.settings)
    for part in (slice(0, cut), slice(cut, None)):
        columns = {name: getattr(batch, name)[part] for name in network.rows}
        fold.add(type(batch)(**columns, claims=[]))
    assert fold.finish() == whole


def test_partitions_do_not_depend_on_the_direction_and_spread_well():
    network = Network()
    point = network.point("")
    for port in range(2000):
        network.send(WEB, APP, at(point), ports=(port + 1, 80), payload=0)
        network.send(APP, WEB, at(point), ports=(80, port + 1), payload=0)
    keys = [leg.key.five_tuple for leg in network.fold().legs]
    counts = np.bincount([partition_of(key) for key in keys], minlength=PARTITIONS)
    assert counts.max() < 3 * counts.mean()


def test_the_largest_conversations_are_kept_whole_and_the_rest_is_exact():
    """Five conversations of 1 to 5 packets, both directions, each packet twice; ties go to the earlier one."""
    network = Network(Settings(max_conversations=2))
    point = network.point("")
    for number, packets in enumerate((3, 5, 1, 5, 5)):
        for packet in range(packets):
            facts = {"payload": 100, "time_ns": START_NS + packet * SECOND}
            network.send(WEB, APP, at(point, times=2), ports=(number + 1, 80), seq=packet * 100, **facts)
            network.send(APP, WEB, at(point, times=2), ports=(80, number + 1), seq=packet * 100, **facts)
    legs = network.fold()
    assert [(leg.source[1], leg.destination[1]) for leg in legs.legs] == [(2, 80), (80, 2), (4, 80), (80, 4)]
    assert [leg.packets for leg in legs.legs] == [5] * 4
    assert legs.others == Others(2 * 9, 2 * 9 * 154, 2 * 9 * 100, 2 * 9, 3)
    assert (legs.packets, legs.duplicate_packets, legs.five_tuples) == (4 * 19, 2 * 19, 5)
    assert legs.packets == sum(leg.packets for leg in legs.legs) + legs.duplicate_packets + legs.others.packets


def test_flags_that_were_not_captured_are_no_handshake():
    network = Network()
    network.send(WEB, APP, at(network.point("")), seq=1000, payload=10)
    network.rows["tcp_flags"] = [-1]
    leg = only_leg(network)
    assert (leg.syn_seq, leg.has_syn_ack, leg.seq_high - leg.seq_low) == (-1, False, 10)


def test_fragments_of_two_points_or_vlans_are_not_joined():
    network = Network()
    one, other = network.point("a"), network.point("b")
    network.send(WEB, APP, at(one), at(other), at(one, vlan=5), protocol=UDP, ports=(4000, 53), ip_id=9)
    network.rows["fragment"] = [FIRST_FRAGMENT, LATER_FRAGMENT, LATER_FRAGMENT]
    for row in (1, 2):
        network.rows["src_port"][row] = network.rows["dst_port"][row] = -1
    assert [leg.source[1] for leg in network.fold().legs] == [4000, -1, -1]


def test_five_tuples_past_their_cap_are_an_estimate():
    network = Network(Settings(max_legs=PARTITIONS))
    point = network.point("")
    for port in range(1000):
        network.send(WEB, APP, at(point), ports=(port + 1, 80), payload=100)
    legs = network.fold()
    assert legs.estimated == ["five_tuples"]
    assert 4 * PARTITIONS * 0.9 < legs.five_tuples <= 4 * PARTITIONS
