"""Tunnels that guests build: who carries containers, and when the ends of a tunnel are hypervisors instead."""

from __future__ import annotations

import pytest

from flowmap.inventory.records import HostRecord
from tests.network import Machine, Network, at, record, talk, udp, vm

NODE_1, NODE_2 = vm(1, "10.10.0.11"), vm(2, "10.10.0.12")
POD_1 = Machine("pod-1", 0x0A580AF40005, "10.244.0.5")
POD_2 = Machine("pod-2", 0x0A580AF40106, "10.244.1.6")


class Cluster:
    """Two nodes on two hosts; their pods talk through a tunnel that the nodes build."""

    def __init__(self, kind: str = "vxlan", *, role: str = "vnic") -> None:
        self.network = Network()
        self.port_1 = self.network.point("vnet0", role, "host-a")
        self.port_2 = self.network.point("vnet0", role, "host-b", file="b.pcapng")
        self.there = self.network.tunnel(kind, NODE_1.ip, NODE_2.ip, 1)
        self.back = self.network.tunnel(kind, NODE_2.ip, NODE_1.ip, 1)

    def talk(self, one: Machine = POD_1, other: Machine = POD_2, **facts) -> None:
        there = (at(self.port_1, tunnel=self.there), at(self.port_2, tunnel=self.there))
        back = (at(self.port_2, tunnel=self.back), at(self.port_1, tunnel=self.back))
        talk(self.network, one, other, there, back, **facts)


def ends(flow_map) -> list[tuple[str, str]]:
    """Labels of the two ends of each conversation: of its initiator's address first."""
    return [
        (talk.initiator.label, (talk.high if talk.conversation.initiator_is_low else talk.low).label)
        for talk in flow_map.talks
    ]


@pytest.mark.parametrize("kind", ["vxlan", "geneve", "gre", "ipip"])
def test_a_tunnel_that_stands_at_vnic_ports_was_built_by_the_guests(kind):
    cluster = Cluster(kind)
    cluster.talk()
    flow_map = cluster.network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))
    assert ends(flow_map) == [("vm-1", "vm-2")]
    (carried,) = flow_map.talks
    assert {carried.conversation.five_tuple.low[1], carried.conversation.five_tuple.high[1]} == {40_000, 80}
    assert {node["kind"] for _, node in flow_map.graph.nodes(data=True)} == {"vm"}
    leg = flow_map.reading.legs.legs[0]
    assert [endpoint.label for endpoint in flow_map.identities.carriers_of(leg)] == ["vm-1", "vm-2"]


def test_many_pods_of_two_nodes_are_one_pair_of_nodes():
    cluster = Cluster()
    for number in range(3):
        cluster.talk(Machine("pod", POD_1.mac + number, f"10.244.0.{number + 5}"), client_port=40_000 + number)
    flow_map = cluster.network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))
    ((_, _, edge),) = flow_map.graph.edges(data=True)
    assert edge["conversations"] == 3


def test_without_an_inventory_the_ports_are_enough():
    cluster = Cluster()
    cluster.network.arp(NODE_1, cluster.port_1)
    cluster.network.arp(NODE_2, cluster.port_2)
    cluster.talk()
    flow_map = cluster.network.map()
    assert ends(flow_map) == [(NODE_1.ip, NODE_2.ip)]
    assert {endpoint.kind for endpoint in flow_map.identities.all() if endpoint.ips & {NODE_1.ip, NODE_2.ip}} == {"vm"}


def test_in_mirrors_and_on_uplinks_the_inventory_must_give_both_ends_to_vms():
    cluster = Cluster(role="mirror")
    cluster.talk()
    assert ends(cluster.network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))) == [("vm-1", "vm-2")]
    assert ends(cluster.network.map(record(NODE_1, "host-a"))) == [(POD_1.ip, POD_2.ip)]
    assert ends(cluster.network.map()) == [(POD_1.ip, POD_2.ip)]


def test_between_hypervisors_the_tenants_stay_the_ends():
    cluster = Cluster(role="uplink")
    cluster.talk()
    hosts = [HostRecord("host-a", ips=(NODE_1.ip,)), HostRecord("host-b", ips=(NODE_2.ip,))]
    assert ends(cluster.network.map(hypervisors=hosts)) == [(POD_1.ip, POD_2.ip)]
    rows = [record(NODE_1, "host-a", kind="hypervisor"), record(NODE_2, "host-b", kind="hypervisor")]
    assert ends(cluster.network.map(*rows)) == [(POD_1.ip, POD_2.ip)]


def test_one_hypervisor_and_one_guest_are_an_edge_gateway_and_the_tenants_stay():
    cluster = Cluster()
    cluster.talk()
    flow_map = cluster.network.map(record(NODE_1, "host-a"), hypervisors=[HostRecord("host-b", ips=(NODE_2.ip,))])
    assert ends(flow_map) == [(POD_1.ip, POD_2.ip)]


def test_a_guest_prefix_alone_makes_no_carrier():
    """A tunnel's end with a guest's MAC, seen on uplinks only, may be a host's VMkernel interface."""
    cluster = Cluster(role="uplink")
    cluster.network.arp(NODE_1, cluster.port_1)
    cluster.network.arp(NODE_2, cluster.port_2)
    cluster.talk()
    assert ends(cluster.network.map()) == [(POD_1.ip, POD_2.ip)]


def test_inner_machines_that_the_inventory_knows_win():
    """A nested hypervisor's VMs, which an administrator has listed."""
    cluster = Cluster()
    cluster.talk()
    rows = [record(machine, "nested") for machine in (POD_1, POD_2)]
    flow_map = cluster.network.map(*rows, record(NODE_1, "host-a"), record(NODE_2, "host-b"))
    assert ends(flow_map) == [("pod-1", "pod-2")]


def test_copies_that_a_cloud_mirrors_in_vxlan_go_one_way_and_carry_nobody():
    """Both directions of a conversation come from the mirrored VM to the collector."""
    network = Network()
    port = network.point("eth0", "vnic", "host-a")
    copies = network.tunnel("vxlan", NODE_1.ip, NODE_2.ip, 7)
    talk(network, POD_1, POD_2, (at(port, tunnel=copies),), (at(port, tunnel=copies),))
    flow_map = network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))
    assert ends(flow_map) == [(POD_1.ip, POD_2.ip)]


def test_two_collectors_that_mirror_to_each_other_carry_nobody_either():
    """Tunnels both ways exist, but both directions of this conversation went one way."""
    cluster = Cluster()
    network = cluster.network
    talk(
        network, POD_1, POD_2, (at(cluster.port_1, tunnel=cluster.there),), (at(cluster.port_1, tunnel=cluster.there),)
    )
    assert ends(network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))) == [(POD_1.ip, POD_2.ip)]


def test_a_conversation_that_is_also_on_the_wire_keeps_its_ends():
    cluster = Cluster()
    bridged = cluster.network.point("vnet9", "vnic", "host-a")
    cluster.talk()
    udp(cluster.network, POD_1, POD_2, at(bridged), count=3)
    talk(cluster.network, POD_1, POD_2, (at(bridged),), (at(bridged),), client_port=40_000)
    flow_map = cluster.network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))
    assert set(ends(flow_map)) == {(POD_1.ip, POD_2.ip)}


def test_a_nodes_own_traffic_beside_the_tunnel_is_its_own():
    cluster = Cluster()
    cluster.talk()
    talk(
        cluster.network,
        NODE_1,
        NODE_2,
        (at(cluster.port_1), at(cluster.port_2)),
        (at(cluster.port_2), at(cluster.port_1)),
        port=10250,
        client_port=41_000,
    )
    flow_map = cluster.network.map(record(NODE_1, "host-a"), record(NODE_2, "host-b"))
    assert ends(flow_map) == [("vm-1", "vm-2")] * 2
    ((_, _, edge),) = flow_map.graph.edges(data=True)
    assert edge["conversations"] == 2
