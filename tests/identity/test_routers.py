"""Routers: recognised by what they do, by reserved MACs and by the inventory."""

from __future__ import annotations

import pytest

from flowmap.identity.router_macs import google_address, router_kind, standard_router_mac
from flowmap.inventory import Inventory
from flowmap.inventory.records import HostRecord
from flowmap.packets import Claim
from tests.network import ACK, START_NS, Machine, Network, at, record, talk, udp, vm

WEB, APP = vm(1, "10.10.0.11"), vm(2, "10.20.0.12")
ROUTER = Machine("router", 0x001B21000010, "10.10.0.1")
ROUTER_20 = Machine("router", 0x001B21000020, "10.20.0.1")
MAC_OF_A_DEVICE = 0x001B21000010


def mac(text: str) -> int:
    return int(text.replace(":", ""), 16)


# --- reserved MACs, as their standards and vendors give them


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("00:00:5e:00:01:0a", "unknown"),  # RFC 9568 section 7.3: VRRP for IPv4; CARP uses it too
        ("00:00:5e:00:02:0a", "unknown"),  # and for IPv6
        ("00:00:0c:07:ac:01", "physical"),  # HSRP version 1, group 1
        ("00:00:0c:9f:f1:2c", "physical"),  # HSRP version 2, group 300
        ("00:05:73:a0:0f:ff", "physical"),  # HSRP version 2 for IPv6, group 4095
        ("00:07:b4:00:01:02", "physical"),  # GLBP group 1, forwarder 2
        ("00:22:bd:f8:19:ff", "physical"),  # ACI
        ("02:50:56:56:44:52", "distributed"),  # NSX
        ("02:50:56:56:44:53", "distributed"),
        ("02:50:56:56:45:52", "unknown"),
        ("02:50:56:56:00:02", "unknown"),
        ("fa:16:3f:12:34:56", "distributed"),  # Neutron DVR
        ("12:34:56:78:9a:bc", "unknown"),  # Azure
    ],
)
def test_reserved_macs_are_routers_of_a_kind(address, kind):
    assert standard_router_mac(mac(address))
    assert router_kind(mac(address), Inventory([])) == kind
    network = Network()
    talk(network, WEB, Machine("gw", mac(address), "10.10.0.1"), (at(network.point("", file="a.pcap")),), ())
    assert mac(address) in network.map().identities.routers


@pytest.mark.parametrize(
    "address",
    [
        "00:00:5e:00:03:0a",  # not assigned to VRRP
        "00:00:0c:07:ad:01",
        "00:00:0c:9e:f1:2c",
        "00:05:73:a0:10:00",
        "00:07:b4:01:01:02",
        "02:50:56:56:44:54",
        "fa:16:3e:12:34:56",  # a Neutron port: VM, DHCP server or router
    ],
)
def test_their_neighbours_are_not(address):
    assert standard_router_mac(mac(address)) is None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("00:1b:21:00:00:10", "physical"),  # Intel
        ("00:50:56:80:00:01", "unknown"),  # a VM that the inventory does not know
        ("fa:16:3e:00:00:01", "unknown"),
        ("02:11:22:33:44:55", "unknown"),  # locally administered: anybody's
        ("0a:58:0a:01:00:01", "unknown"),
        ("00:00:00:00:ff:01", "unknown"),  # the OVN manual page's own example of a router port
    ],
)
def test_other_macs_are_of_a_physical_router_only_where_a_vendor_of_devices_made_them(address, kind):
    assert router_kind(mac(address), Inventory([])) == kind


def test_the_inventory_outranks_the_mac():
    router = Machine("r", MAC_OF_A_DEVICE, "10.10.0.1")

    def kind(*rows, **more):
        return router_kind(MAC_OF_A_DEVICE, Inventory(list(rows), **more))

    assert kind(record(router, "host-a")) == "vm"
    assert kind(record(router, "host-a", kind="router")) == "vm"
    assert kind(record(router, "host-a", kind="router", distributed=True)) == "distributed"
    assert kind(record(router, "host-a", distributed=True, kind="router"), record(router, "host-b")) == "unknown"
    assert kind(record(router, "host-a", kind="hypervisor")) == "unknown"
    assert kind(hypervisors=[HostRecord("host-a", macs=(MAC_OF_A_DEVICE,))]) == "unknown"
    assert kind() == "physical"


def test_a_google_mac_is_made_of_its_address():
    assert google_address(mac("42:01:0a:80:00:01")) == "10.128.0.1"
    assert google_address(mac("42:02:0a:80:00:01")) is None
    assert google_address(-1) is None


def test_a_port_that_the_inventory_calls_a_routers_is_one_before_it_forwarded_anything():
    network = Network()
    point = network.point("", file="a.pcap")
    network.arp(ROUTER, point)
    talk(network, WEB, ROUTER, (at(point),), (at(point),))
    flow_map = network.map(record(ROUTER, "host-a", vm="tenant-router", kind="router"))
    assert flow_map.identities.routers[ROUTER.mac] == "row 1 of inventory.yaml calls it a router's port"


# --- by behaviour


def endpoint_of(flow_map, ip: str):
    (found,) = [endpoint for endpoint in flow_map.identities.all() if ip in endpoint.ips]
    return found


def far_never_gets(flow_map, machine: Machine, *router_macs: int):
    """The machine beyond a router is there, and no MAC of the router is its own."""
    endpoint = endpoint_of(flow_map, machine.ip)
    assert endpoint.macs.isdisjoint(router_macs)
    return endpoint


def forwarded(network: Network, before: int, after: int, ttl: int, count: int = 5, **facts) -> None:
    """web's packets to app before and behind a router, whose MACs they carry."""
    udp(
        network,
        WEB,
        APP,
        at(before),
        at(after, src_mac=ROUTER_20.mac, dst_mac=APP.mac, ttl=ttl),
        via=ROUTER,
        count=count,
        **facts,
    )


def test_a_router_that_lowers_the_ttl():
    network = Network()
    forwarded(network, network.point("", file="a.pcap"), network.point("", file="b.pcap"), 63)
    flow_map = network.map()
    assert set(flow_map.identities.routers) == {ROUTER.mac, ROUTER_20.mac}
    assert far_never_gets(flow_map, WEB, ROUTER.mac, ROUTER_20.mac).macs == {WEB.mac}


def test_a_firewall_with_one_mac_that_leaves_the_ttl_alone():
    network = Network()
    point = network.point("", file="a.pcap")
    udp(network, WEB, APP, at(point), at(point, src_mac=ROUTER.mac, dst_mac=APP.mac), via=ROUTER, count=5)
    flow_map = network.map()
    assert list(flow_map.identities.routers) == [ROUTER.mac]
    assert far_never_gets(flow_map, WEB, ROUTER.mac).macs == {WEB.mac}


def test_a_firewall_with_two_macs_that_leaves_the_ttl_alone_is_known_by_who_claimed_the_address():
    network = Network()
    before, after = network.point("", file="a.pcap"), network.point("", file="b.pcap")
    network.arp(WEB, before)
    forwarded(network, before, after, 64)
    flow_map = network.map()
    assert set(flow_map.identities.routers) == {ROUTER.mac, ROUTER_20.mac}
    assert far_never_gets(flow_map, WEB, ROUTER.mac, ROUTER_20.mac).macs == {WEB.mac}


def test_packets_that_a_switch_only_moved_make_no_router():
    network = Network()
    before, after = network.point("", file="a.pcap"), network.point("", file="b.pcap")
    talk(network, WEB, APP, (at(before), at(after, vlan=10)), (at(after, vlan=10), at(before)))
    assert network.map().identities.routers == {}


def test_seen_only_behind_it_with_the_ttl_left_alone():
    """No packet before the firewall and no ARP of the far machines: their subnets tell."""
    network = Network()
    point = network.point("", file="a.pcap")
    far = [Machine("far", ROUTER_20.mac, f"10.{number}.0.9") for number in (30, 31)]
    for machine in far:
        talk(network, machine, APP, (at(point),), (at(point),))
    flow_map = network.map()
    assert list(flow_map.identities.routers) == [ROUTER_20.mac]
    assert {far_never_gets(flow_map, machine, ROUTER_20.mac).id for machine in far} == {
        "ip:default/10.30.0.9", "ip:default/10.31.0.9",
    }  # fmt: skip


def test_its_own_claimed_address_beside_a_far_one_with_the_ttl_left_alone():
    network = Network()
    point = network.point("", file="a.pcap")
    network.arp(ROUTER_20, point)
    udp(network, Machine("far", ROUTER_20.mac, "10.30.0.9"), APP, at(point), count=5)
    flow_map = network.map()
    assert list(flow_map.identities.routers) == [ROUTER_20.mac]
    assert far_never_gets(flow_map, Machine("far", -1, "10.30.0.9"), ROUTER_20.mac).kind == "unknown"


def test_addresses_of_one_machine_in_two_subnets_that_it_claimed_are_its_own():
    network = Network()
    point = network.point("", file="a.pcap")
    both = [Machine("web", WEB.mac, ip) for ip in ("10.10.0.11", "192.168.7.11")]
    for machine in both:
        network.arp(machine, point)
        udp(network, machine, APP, at(point), count=5)
    flow_map = network.map()
    assert flow_map.identities.routers == {}
    assert endpoint_of(flow_map, "192.168.7.11").ips == {"10.10.0.11", "192.168.7.11"}


def test_ipv4_and_ipv6_of_one_machine_are_no_two_subnets():
    network = Network()
    point = network.point("", file="a.pcap")
    udp(network, WEB, APP, at(point), count=5)
    network.send(WEB, APP, at(point, src_ip="2001:db8::11", dst_ip="2001:db8::12"), flags=ACK)
    assert network.map().identities.routers == {}


def test_an_initial_ttl_of_sixty_is_also_sixty_four_after_four_hops_and_makes_no_address_the_routers():
    network = Network()
    point = network.point("", file="a.pcap")
    for number, ttl in enumerate((60, 59)):
        udp(network, Machine("far", ROUTER_20.mac, f"203.0.113.{number}"), APP, at(point), count=5, ttl=ttl)
    flow_map = network.map()
    for number in range(2):
        assert far_never_gets(flow_map, Machine("far", -1, f"203.0.113.{number}"), ROUTER_20.mac).macs == set()


def test_one_direction_only_and_every_far_machine_behind_one_mac():
    """pktcap-uw's default at a port, direction out: nothing but frames from the gateway."""
    network = Network()
    point = network.point("", file="a.pcap")
    for number in range(4):
        udp(network, Machine("far", ROUTER_20.mac, f"203.0.113.{number}"), APP, at(point), count=3, ttl=50 + number)
    flow_map = network.map()
    assert list(flow_map.identities.routers) == [ROUTER_20.mac]
    for number in range(4):
        assert far_never_gets(flow_map, Machine("far", -1, f"203.0.113.{number}"), ROUTER_20.mac).kind == "external"


# --- fabrics of clouds


def test_azures_answer_to_every_arp_merges_no_machines():
    network = Network()
    point = network.point("", file="a.pcap")
    fabric = mac("12:34:56:78:9a:bc")
    me = Machine("me", mac("00:0d:3a:11:22:33"), "10.0.0.4")
    peers = [Machine("peer", fabric, f"10.0.0.{number}") for number in (5, 6, 7)]
    network.arp(me, point)
    for peer in peers:
        network.arp(peer, point)
        talk(network, me, peer, (at(point),), (at(point),))
    flow_map = network.map()
    assert {far_never_gets(flow_map, peer, fabric).id for peer in peers} == {
        f"ip:default/10.0.0.{number}" for number in (5, 6, 7)
    }
    assert endpoint_of(flow_map, me.ip).macs == {me.mac}
    assert flow_map.graph.number_of_edges() == 3


def test_googles_gateway_is_the_mac_of_every_peer_and_merges_none():
    network = Network()
    point = network.point("", file="a.pcap")
    gateway = mac("42:01:0a:80:00:01")
    me = Machine("me", mac("42:01:0a:80:00:02"), "10.128.0.2")
    peers = [Machine("peer", gateway, f"10.128.0.{number}") for number in (3, 4)]
    network.claims.append(Claim(gateway, "10.128.0.1", "arp", point, -1, -1, 1, START_NS))
    for peer in peers:
        talk(network, me, peer, (at(point),), (at(point),))
    flow_map = network.map()
    assert "Google" in flow_map.identities.routers[gateway]
    assert {far_never_gets(flow_map, peer, gateway).id for peer in peers} == {
        "ip:default/10.128.0.3", "ip:default/10.128.0.4",
    }  # fmt: skip
    assert endpoint_of(flow_map, me.ip).macs == {me.mac}
