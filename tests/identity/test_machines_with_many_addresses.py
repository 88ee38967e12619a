"""A MAC with very many addresses: a balancer that claims them, or an attacker who makes up a source for each packet."""

from __future__ import annotations

import ipaddress

from tests.network import Machine, Network, at, udp, vm

TARGET = vm(1, "10.10.0.11")
MAC = 0x005056AA0000
FIRST, COUNT = ipaddress.ip_address("10.20.0.1"), 3000


def map_of_many(*, claimed: bool):
    """Each of many addresses of one MAC sends one datagram, the highest first."""
    network = Network()
    point = network.point("", file="a.pcap")
    for number in reversed(range(COUNT)):
        machine = Machine("many", MAC, str(FIRST + number))
        if claimed:
            network.arp(machine, point)
        udp(network, machine, TARGET, at(point), count=1)
    return network.map()


def test_addresses_that_it_claims_are_one_machine_named_by_its_lowest_address():
    flow_map = map_of_many(claimed=True)
    (machine,) = [endpoint for endpoint in flow_map.identities.all() if MAC in endpoint.macs]
    assert machine.ips == {str(FIRST + number) for number in range(COUNT)}
    assert machine.id == f"ip:default/{FIRST}"
    assert machine.label == str(FIRST)
    assert len(flow_map.talks) == COUNT
    assert flow_map.graph.number_of_edges() == 1


def test_the_pair_keeps_few_rows_of_evidence_and_every_conversation():
    ((_, _, edge),) = map_of_many(claimed=True).graph.edges(data=True)
    assert edge["conversations"] == COUNT
    assert edge["packets"] == COUNT
    assert [row["rule"] for row in edge["evidence"]] == ["sighting-12"]


def test_addresses_of_many_subnets_that_nobody_claimed_are_not_placed_where_their_sender_is():
    flow_map = map_of_many(claimed=False)
    assert "subnets" in flow_map.identities.routers[MAC]
    assert [endpoint for endpoint in flow_map.identities.all() if MAC in endpoint.macs] == []
    assert len(flow_map.talks) == COUNT
