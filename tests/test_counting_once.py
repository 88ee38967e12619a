"""Bytes of a conversation, counted once per direction, whatever the tap did (DESIGN section 3).

Sent per data packet: 1000 bytes of payload, 1054 on the wire (14 + 20 + 20 + 1000).
"""

from __future__ import annotations

import pytest

from flowmap.packets import SYN
from tests.network import SECOND, START_NS, Machine, Network, at, talk, udp, vm

WEB, DB = vm(1, "10.10.0.11"), vm(2, "10.20.0.13")
PEER = vm(3, "10.10.0.14")
GATEWAY_10 = Machine("gw-10", 0x001B21000010, "10.10.0.1")
GATEWAY_20 = Machine("gw-20", 0x001B21000020, "10.20.0.1")


def only_talk(flow_map):
    """The one conversation of the map."""
    (found,) = flow_map.talks
    return found.conversation


def data_direction(conversation):
    """The direction that carries the payload."""
    return max(conversation.forward, conversation.backward, key=lambda direction: direction.payload_bytes)


def hairpin(network: Network, a: int, u: int, b: int) -> None:
    """WEB in VLAN 10 to DB in VLAN 20 by the router outside, and the answers."""
    out, turned = {"vlan": 10}, {"vlan": 20, "ttl": 63, "src_mac": GATEWAY_20.mac, "dst_mac": DB.mac}
    out_back, turned_back = {"vlan": 20}, {"vlan": 10, "ttl": 63, "src_mac": GATEWAY_10.mac, "dst_mac": WEB.mac}
    there = (at(a), at(u, after_ns=10_000, **out), at(u, after_ns=200_000, **turned),
             at(b, after_ns=210_000, **{**turned, "vlan": -1}))  # fmt: skip
    back = (at(b), at(u, after_ns=10_000, **out_back), at(u, after_ns=200_000, **turned_back),
            at(a, after_ns=210_000, **{**turned_back, "vlan": -1}))  # fmt: skip
    talk(network, WEB, DB, there, back, via=GATEWAY_10, via_back=GATEWAY_20)


def test_hairpin_from_vlan_10_to_20_is_one_conversation_with_its_bytes_once():
    network = Network()
    hairpin(network, network.point("vnet0"), network.point("vmnic0"), network.point("vnet1"))
    conversation = only_talk(network.map())
    assert data_direction(conversation).payload_bytes == 10 * 1000
    assert data_direction(conversation).wire_bytes == 10 * 1054 + 54
    assert data_direction(conversation).packets == 11
    assert conversation.packets == 22


def test_hairpin_in_one_mirror_counts_the_two_halves_as_one():
    network = Network()
    mirror = network.point("")
    hairpin(network, mirror, mirror, mirror)
    assert data_direction(only_talk(network.map())).payload_bytes == 10_000


def test_one_conversation_seen_by_two_hosts_with_different_local_tags_counts_once():
    network = Network()
    here, there = network.point("", file="host-a.pcap"), network.point("", file="host-b.pcap")
    talk(network, WEB, PEER, (at(here, vlan=3), at(there, after_ns=50_000, vlan=7)),
         (at(there, vlan=7), at(here, after_ns=50_000, vlan=3)))  # fmt: skip
    conversation = only_talk(network.map())
    assert (conversation.payload_bytes, conversation.packets) == (10_000, 22)


def test_asymmetric_routing_over_two_vnis_is_one_conversation():
    network = Network()
    point = network.point("vmnic0")
    there, back = (
        network.tunnel("vxlan", "172.31.0.1", "172.31.0.2", 5001),
        network.tunnel("vxlan", "172.31.0.2", "172.31.0.1", 5002),
    )
    talk(network, WEB, DB, (at(point, tunnel=there),), (at(point, tunnel=back),), via=GATEWAY_10, via_back=GATEWAY_20)
    conversation = only_talk(network.map())
    assert conversation.payload_bytes == 10_000
    assert conversation.forward.legs and conversation.backward.legs


def test_two_tenants_with_the_same_addresses_are_two_conversations():
    network = Network()
    point = network.point("trunk")
    red, blue = (vm(1, "10.0.0.1"), vm(2, "10.0.0.2")), (vm(11, "10.0.0.1"), vm(12, "10.0.0.2"))
    for (one, other), vlan, isn, payload in ((red, 10, 1000, 1000), (blue, 20, 3_000_000, 700)):
        network.arp(one, point, vlan=vlan)
        network.arp(other, point, vlan=vlan)
        talk(network, one, other, (at(point, vlan=vlan),), (at(point, vlan=vlan),), isn=isn, payload=payload)
    flow_map = network.map()
    assert sorted(found.conversation.payload_bytes for found in flow_map.talks) == [7_000, 10_000]
    assert len({found.conversation.domain for found in flow_map.talks}) == 2
    assert flow_map.graph.number_of_nodes() == 4
    assert flow_map.graph.graph["totals"]["five_tuples"] == 1


def test_one_machine_with_two_addresses_is_no_overlap():
    network = Network()
    point = network.point("trunk")
    network.arp(WEB, point, vlan=10)
    network.arp(Machine("same", WEB.mac, "10.10.0.12"), point, vlan=10)
    talk(network, WEB, PEER, (at(point, vlan=10),), (at(point, vlan=10),))
    assert {found.conversation.domain for found in network.map().talks} == {"default"}


def test_router_failover_loses_and_doubles_nothing():
    network = Network()
    point = network.point("")
    other_gateway = Machine("gw-b", 0x001B21000011, "10.10.0.2")
    for number in range(20):
        gateway = GATEWAY_10 if number < 8 else other_gateway
        network.send(
            WEB, DB, at(point, vlan=10), via=gateway, seq=1 + number * 1000, time_ns=START_NS + number * SECOND // 5
        )
    conversation = only_talk(network.map())
    assert (conversation.payload_bytes, conversation.packets) == (20_000, 20)


def test_a_retransmission_across_a_failover_is_no_twin():
    network = Network()
    point = network.point("")
    other_gateway = Machine("gw-b", 0x001B21000011, "10.10.0.2")
    for number, gateway in [*((n, GATEWAY_10) for n in range(8)), *((n, other_gateway) for n in range(7, 20))]:
        network.send(WEB, DB, at(point, vlan=10), via=gateway, seq=1 + number * 1000,
                     time_ns=START_NS + number * SECOND // 5)  # fmt: skip
    assert only_talk(network.map()).payload_bytes == 21_000


@pytest.mark.parametrize("sender", [talk, udp])
def test_a_migration_between_two_mirrors_counts_both_parts(sender):
    network = Network()
    before, after = network.point("", file="host-a.pcap"), network.point("", file="host-b.pcap")
    if sender is udp:
        udp(network, WEB, PEER, at(before), count=300)
        udp(network, WEB, PEER, at(after), first=300, count=200)
        expected = 500 * 200
    else:
        for number in range(50):
            place = before if number < 30 else after
            network.send(WEB, PEER, at(place), seq=1 + number * 1000, time_ns=START_NS + number * SECOND // 10)
        expected = 50_000
    assert only_talk(network.map()).payload_bytes == expected


def test_one_direction_vnic_files_give_both_directions():
    network = Network()
    web_port, peer_port = network.point("", file="web.pcap"), network.point("", file="peer.pcap")
    talk(network, WEB, PEER, (at(web_port),), (at(peer_port),))
    conversation = only_talk(network.map())
    assert (conversation.payload_bytes, conversation.packets) == (10_000, 22)
    assert conversation.forward.counted_at != conversation.backward.counted_at


@pytest.mark.parametrize("skew_ns", [0, 300_000_000, -7 * SECOND])
def test_overlapping_files_count_each_packet_once_whatever_their_clocks(skew_ns):
    network = Network()
    first, second = network.point("", file="1.pcap"), network.point("", file="2.pcap")
    for number in range(150):
        seen = [at(first)] if number < 100 else []
        seen += [at(second, after_ns=skew_ns)] if number >= 50 else []
        network.send(WEB, PEER, *seen, seq=1 + number * 1000, time_ns=START_NS + number * SECOND // 10)
    conversation = only_talk(network.map())
    # Slices are a second wide: with clocks that differ by part of one, packets beside the seam may shift by a slice.
    slack = 0 if skew_ns % SECOND == 0 else 10_000
    assert abs(conversation.payload_bytes - 150_000) <= slack


def test_the_same_capture_twice_with_a_skewed_clock_counts_once_exactly():
    network = Network()
    first, second = network.point("", file="1.pcap"), network.point("", file="2.pcap")
    for number in range(150):
        network.send(WEB, PEER, at(first), at(second, after_ns=437_000_000), seq=1 + number * 1000,
                     time_ns=START_NS + number * SECOND // 10)  # fmt: skip
    assert only_talk(network.map()).payload_bytes == 150_000


def test_tc_mirror_doubling_counts_once_and_keeps_the_histogram():
    network = Network()
    monitor = network.point("mon0")
    talk(network, WEB, PEER, (at(monitor, times=2),), (at(monitor, times=2),))
    flow_map = network.map()
    conversation = only_talk(flow_map)
    assert (conversation.payload_bytes, conversation.packets) == (10_000, 22)
    assert flow_map.reading.legs.duplicate_packets == 22
    assert [leg.copies[1] for leg in flow_map.reading.legs.legs] == [11, 11]
    assert flow_map.graph.graph["points"][0]["copies_per_packet"] == 2.0


def test_a_retransmission_at_one_point_is_no_copy():
    network = Network()
    point = network.point("")
    for _ in range(2):
        network.send(WEB, PEER, at(point), seq=1, time_ns=START_NS)
    assert network.fold().duplicate_packets == 0


def test_gso_at_the_vnic_and_segments_at_the_uplink_count_once():
    network = Network()
    vnic, uplink = network.point("vnet0"), network.point("vmnic0")
    for number in range(4):
        now = START_NS + number * SECOND // 10
        network.send(WEB, PEER, at(vnic), payload=14_000, seq=1 + number * 14_000, time_ns=now)
        for segment in range(10):
            network.send(WEB, PEER, at(uplink, after_ns=segment * 1000), payload=1400,
                         seq=1 + number * 14_000 + segment * 1400, time_ns=now)  # fmt: skip
    conversation = only_talk(network.map())
    assert conversation.payload_bytes == 56_000


def test_sequence_numbers_that_wrap_stay_twins():
    network = Network()
    vnic, uplink = network.point("vnet0"), network.point("vmnic0")
    start = 2**32 - 20_000
    for number in range(4):
        now = START_NS + number * SECOND // 10
        network.send(WEB, PEER, at(vnic), payload=14_000, seq=start + number * 14_000, time_ns=now)
        for segment in range(10):
            network.send(WEB, PEER, at(uplink), payload=1400, seq=start + number * 14_000 + segment * 1400, time_ns=now)
    assert only_talk(network.map()).payload_bytes == 56_000


def test_reflective_relay_at_the_uplink_counts_once():
    network = Network()
    uplink = network.point("vmnic0")
    talk(network, WEB, PEER, (at(uplink, times=2),), (at(uplink, times=2),))
    assert only_talk(network.map()).payload_bytes == 10_000


def test_every_flood_copy_counts_nothing_more():
    network = Network()
    ports = [network.point(name) for name in ("vnet0", "vnet1", "vnet2", "vmnic0")]
    other_host = network.point("", file="host-b.pcap")
    udp(network, WEB, PEER, *(at(port) for port in ports), at(other_host, after_ns=30_000))
    conversation = only_talk(network.map())
    assert (conversation.payload_bytes, conversation.packets) == (2_000, 10)


def test_a_port_used_twice_is_one_conversation_with_two_connections():
    network = Network()
    point = network.point("")
    talk(network, WEB, PEER, (at(point),), (at(point),), isn=1000)
    talk(network, WEB, PEER, (at(point),), (at(point),), isn=77_000_000, start_ns=START_NS + 60 * SECOND)
    conversation = only_talk(network.map())
    assert (conversation.connections, conversation.payload_bytes) == (2, 20_000)


def test_a_repeated_syn_is_one_connection():
    network = Network()
    point = network.point("")
    for number in range(3):
        network.send(WEB, PEER, at(point), payload=0, seq=1000, flags=SYN, time_ns=START_NS + number * SECOND)
    assert only_talk(network.map()).connections == 1


def test_a_heartbeat_without_ip_id_is_counted_whole_across_a_gateway_failover():
    """Every packet has the same hash; equal hashes of different packets are no twins."""
    network = Network()
    point = network.point("")
    other_gateway = Machine("gw-b", 0x001B21000011, "10.10.0.2")
    for number in range(100):
        gateway = GATEWAY_10 if number < 50 else other_gateway
        network.send(
            WEB, DB, at(point), via=gateway, protocol=17, ip_id=0, content=5, time_ns=START_NS + number * SECOND
        )
    assert only_talk(network.map()).packets == 100
