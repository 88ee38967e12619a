"""Flows, and twins under a translated address."""

from __future__ import annotations

from flowmap.twins import flows_of, translated_twins
from tests.network import Network, at, talk, udp, vm

ONE, OTHER = vm(1, "10.10.0.11"), vm(2, "10.10.0.12")


def test_flows_are_in_order_of_first_appearance_with_both_directions():
    network = Network()
    point = network.point("", file="a.pcap")
    udp(network, OTHER, ONE, at(point), ports=(9, 9), count=1)
    talk(network, ONE, OTHER, (at(point),), (at(point),))
    legs = network.fold().legs
    flows = flows_of(legs)
    assert [(five_tuple.protocol, flow) for five_tuple, flow in flows.items()] == [(17, ([], [0])), (6, ([1], [2]))]


def test_a_translated_twin_is_found_at_the_points_asked_for():
    network = Network()
    inside, outside = network.point("vnet0"), network.point("vmnic0")
    talk(network, ONE, OTHER, (at(inside), at(outside, src_ip="203.0.113.7")), ())
    legs = network.fold().legs
    flows = flows_of(legs)
    (own,) = [leg.key.five_tuple for leg in legs if leg.key.point == inside]
    (index,) = [number for number, leg in enumerate(legs) if leg.key.point == outside]
    assert translated_twins(legs, flows, {outside}) == {own: {index}}
    assert translated_twins(legs, flows, set()) == {}


def test_one_shared_datagram_under_other_addresses_is_no_twin():
    network = Network()
    inside, outside = network.point("vnet0"), network.point("vmnic0")
    udp(network, ONE, OTHER, at(inside), at(outside, src_ip="203.0.113.7"), count=1)
    legs = network.fold().legs
    assert translated_twins(legs, flows_of(legs), {outside}) == {}
