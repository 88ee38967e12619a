"""Addresses and MACs: what is a machine's own, what is shared, translated or only forwarded."""

from __future__ import annotations

from flowmap.packets import ICMP, Claim
from tests.network import START_NS, Machine, Network, at, record, talk, udp, vm

WEB, APP, DB = vm(1, "10.10.0.11"), vm(2, "10.10.0.12"), vm(3, "10.10.0.13")
FAR = vm(4, "10.20.0.14")
FIREWALL = vm(5, "10.10.0.1")
VIP = "10.10.0.100"


def endpoint_of(flow_map, ip: str):
    (found,) = {id(endpoint): endpoint for endpoint in flow_map.identities.all() if ip in endpoint.ips}.values()
    return found


def claim(network: Network, machine: Machine, ip: str, point: int, how: str = "arp", after_ns: int = 0) -> None:
    network.claims.append(Claim(machine.mac, ip, how, point, -1, -1, 1, START_NS + after_ns))


# --- frames of one machine that another one sends


def test_a_firewall_vm_that_leaves_the_ttl_alone_never_becomes_the_machine_behind_it():
    """Cisco's firewalls do so by default. Only its frames are seen, and only of one far machine."""
    network = Network()
    point = network.point("", "mirror", "host-a")
    behind = Machine("far", FIREWALL.mac, FAR.ip)
    talk(network, behind, WEB, (at(point),), (at(point),))
    rows = (record(WEB, "host-a"), record(FIREWALL, "host-a", vm="firewall"))
    far = endpoint_of(network.map(*rows), FAR.ip)
    assert (far.label, far.host, far.macs) == (FAR.ip, None, set())
    far = endpoint_of(network.map(*rows, record(FAR, "host-b")), FAR.ip)
    assert (far.label, far.host, far.macs) == ("vm-4", "host-b", {FAR.mac})


def test_a_physical_one_neither():
    network = Network()
    point = network.point("", "mirror", "host-a")
    talk(network, Machine("far", 0x001B21000020, FAR.ip), WEB, (at(point),), (at(point),))
    far = endpoint_of(network.map(record(WEB, "host-a"), record(FAR, "host-b")), FAR.ip)
    assert (far.label, far.host, far.macs, far.conflict) == ("vm-4", "host-b", {FAR.mac}, "")


def test_an_address_that_another_nic_claims_contradicts_the_inventory():
    network = Network()
    point = network.point("", "mirror", "host-a")
    stranger = Machine("stranger", 0x005056800F00, WEB.ip)
    network.arp(stranger, point)
    talk(network, stranger, APP, (at(point),), (at(point),))
    web = endpoint_of(network.map(record(WEB, "host-a"), record(APP, "host-a")), WEB.ip)
    assert web.conflict == f"the inventory gives {WEB.ip} to 00:50:56:80:00:01, packets to 00:50:56:80:0f:00"
    assert stranger.mac not in web.macs


def test_an_address_that_another_vm_claims_is_neither_vms():
    """A firewall VM answers ARP for the machine behind it, or the inventory is out of date: who knows."""
    network = Network()
    point = network.point("", "mirror", "host-a")
    behind = Machine("far", FIREWALL.mac, FAR.ip)
    network.arp(behind, point)
    talk(network, behind, WEB, (at(point),), (at(point),))
    rows = (record(WEB, "host-a"), record(FIREWALL, "host-a", vm="firewall", ips=()), record(FAR, "host-b"))
    far = endpoint_of(network.map(*rows), FAR.ip)
    assert (far.host, far.macs) == (None, set())
    assert far.conflict == "the inventory gives 10.20.0.14 to vm-4, packets to firewall"


def test_an_icmp_error_of_a_router_on_the_way_is_not_the_gateways_own_address():
    network = Network()
    point = network.point("", file="a.pcap")
    gateway = 0x001B21000010
    for number in range(3):  # a traceroute's answers: each hop with the TTL that is left of 255
        hop = Machine("hop", gateway, f"192.0.2.{number + 1}")
        network.send(hop, WEB, at(point), protocol=ICMP, ports=(0, 0), ttl=255 - number)
    flow_map = network.map()
    assert gateway in flow_map.identities.routers
    for number in (1, 2):
        assert endpoint_of(flow_map, f"192.0.2.{number + 1}").macs == set()


# --- proxies


def test_a_proxy_that_claims_what_others_use_is_in_nobodys_way():
    network = Network()
    point = network.point("", file="a.pcap")
    proxy = Machine("proxy", 0x001B21000030, "10.10.0.2")
    network.arp(proxy, point)
    for machine in (WEB, APP):
        network.arp(machine, point)
        claim(network, proxy, machine.ip, point)
    talk(network, WEB, APP, (at(point),), (at(point),))
    talk(network, proxy, APP, (at(point),), (at(point),), client_port=41_000)
    flow_map = network.map()
    for machine in (WEB, APP, proxy):
        found = endpoint_of(flow_map, machine.ip)
        assert (found.macs, found.conflict) == ({machine.mac}, "")


def test_one_disputed_address_is_a_conflict_and_no_proxy():
    network = Network()
    point = network.point("", file="a.pcap")
    network.arp(WEB, point)
    claim(network, Machine("other", 0x001B21000030, WEB.ip), WEB.ip, point)
    talk(network, WEB, APP, (at(point),), (at(point),))
    assert endpoint_of(network.map(), WEB.ip).conflict


def test_a_router_that_answers_for_a_whole_subnet_owns_none_of_it():
    """Proxy ARP: it claims every far address, and forwards their packets with the TTL lowered."""
    network = Network()
    point = network.point("", file="a.pcap")
    router = 0x001B21000030
    far = [Machine("far", router, f"10.30.0.{number}") for number in range(1, 6)]
    for machine in far:
        network.arp(machine, point)
        udp(network, machine, WEB, at(point), count=3, ttl=63)
    flow_map = network.map()
    assert "TTL already lowered" in flow_map.identities.routers[router]
    assert {endpoint_of(flow_map, machine.ip).id for machine in far} == {f"ip:default/{machine.ip}" for machine in far}


def test_a_proxy_for_silent_addresses_owns_none_of_them():
    network = Network()
    point = network.point("", file="a.pcap")
    router = 0x001B21000030
    far = [Machine("far", router, f"10.30.0.{number}") for number in range(1, 6)]
    for machine in far:
        network.arp(machine, point)
        udp(network, WEB, machine, at(point), count=3)
    flow_map = network.map()
    assert {endpoint_of(flow_map, machine.ip).id for machine in far} == {f"ip:default/{machine.ip}" for machine in far}


def test_what_a_dhcp_server_gave_through_a_relay_is_the_clients():
    """The relay's frames carry its own MAC; the message names the client's."""
    network = Network()
    point = network.point("", file="a.pcap")
    claim(network, WEB, WEB.ip, point, "dhcp")
    relay, server = Machine("relay", 0x001B21000010, "10.10.0.1"), Machine("dhcp", 0x001B21000020, "10.99.0.2")
    udp(network, server, relay, at(point, src_mac=relay.mac, dst_mac=APP.mac, ttl=63), ports=(67, 67))
    udp(network, APP, WEB, at(point), count=3)
    flow_map = network.map()
    assert endpoint_of(flow_map, WEB.ip).macs == {WEB.mac}


# --- virtual addresses


def shared_vip(*, both: bool = True) -> Network:
    """web and app have an address each; the virtual one is first web's, then app's."""
    network = Network()
    point = network.point("", "mirror", "host-a")
    for machine in (WEB, APP, DB):
        network.arp(machine, point)
    for number, (machine, after_s) in enumerate(((WEB, 0), (APP, 60))[: 1 + both]):
        claim(network, machine, VIP, point, after_ns=after_s * 10**9)
        now = Machine("vip", machine.mac, VIP)
        talk(
            network,
            DB,
            now,
            (at(point),),
            (at(point),),
            client_port=40_000 + number,
            start_ns=START_NS + after_s * 10**9,
        )
        talk(network, DB, machine, (at(point),), (at(point),), client_port=41_000 + number, port=22)
    return network


def test_an_address_that_moves_between_two_machines_is_neither_of_them():
    flow_map = shared_vip().map(*(record(machine, "host-a") for machine in (WEB, APP, DB)))
    vip = endpoint_of(flow_map, VIP)
    assert vip.kind_how == "a virtual address that several machines use in turn (10.10.0.11, 10.10.0.12)"
    assert (vip.id, vip.kind, vip.macs, vip.host, vip.conflict) == (f"ip:default/{VIP}", "unknown", set(), None, "")
    for machine in (WEB, APP):
        found = endpoint_of(flow_map, machine.ip)
        assert (found.macs, found.conflict, found.host) == ({machine.mac}, "", "host-a")
    edges = {frozenset((source, target)): edge for source, target, edge in flow_map.graph.edges(data=True)}
    assert edges[frozenset((vip.id, endpoint_of(flow_map, DB.ip).id))]["left_host"] == "undetermined"


def test_an_address_that_stays_with_one_machine_is_its_own():
    flow_map = shared_vip(both=False).map()
    assert endpoint_of(flow_map, VIP).ips == {WEB.ip, VIP}


def test_two_nics_of_one_vm_with_one_address_are_that_vm():
    network = shared_vip()
    rows = [record(WEB, "host-a", vm="pair"), record(APP, "host-a", vm="pair")]
    found = endpoint_of(network.map(*rows), VIP)
    assert (found.label, found.ips) == ("pair", {WEB.ip, APP.ip, VIP})


def test_a_keepalived_vms_own_address_stays_its_own_while_it_speaks_with_the_virtual_mac():
    """Its VRRP advertisements have its own address and the virtual MAC, TTL 255; the virtual address has the latter."""
    network = Network()
    point = network.point("", "mirror", "host-a")
    virtual = 0x00005E00010A
    network.arp(WEB, point)
    claim(network, Machine("vrrp", virtual, VIP), VIP, point)
    network.send(Machine("vrrp", virtual, WEB.ip), Machine("all", 0x01005E000012, "224.0.0.18"), at(point), ttl=255)
    talk(network, DB, WEB, (at(point),), (at(point),))
    talk(network, DB, Machine("vrrp", virtual, VIP), (at(point),), (at(point),), client_port=41_000)
    flow_map = network.map(record(WEB, "host-a"), record(DB, "host-a"))
    assert endpoint_of(flow_map, WEB.ip).macs == {WEB.mac}
    vip = endpoint_of(flow_map, VIP)
    assert (vip.kind, vip.macs, vip.host) == ("router", {virtual}, None)
    assert flow_map.identities.router_kind(virtual) == "unknown"


# --- translated addresses


def test_a_floating_address_is_the_vms_and_no_second_node():
    network = Network()
    point = network.point("", "mirror", "host-a")
    router = Machine("router", 0xFA163E0000FE, "203.0.113.13")
    network.arp(router, point)
    talk(network, DB, router, (at(point),), (at(point),))
    talk(network, DB, WEB, (at(point),), (at(point),), client_port=41_000)
    row = record(WEB, "host-a", external_ips=("203.0.113.13",))
    flow_map = network.map(row, record(DB, "host-a"))
    web = endpoint_of(flow_map, "203.0.113.13")
    assert web is endpoint_of(flow_map, WEB.ip)
    assert (web.label, web.macs, web.translated, web.records_how) == ("vm-1", {WEB.mac}, {"203.0.113.13"}, "MAC")
    assert flow_map.graph.number_of_edges() == 1


# --- one MAC twice


def test_a_mac_in_use_at_two_hosts_is_a_conflict_of_its_machine():
    network = Network()
    ports = [network.point("vnet0", "vnic", host, file=f"{host}.pcapng") for host in ("host-a", "host-b")]
    for number, port in enumerate(ports):
        for peer in (APP, DB):
            talk(network, WEB, peer, (at(port),), (at(port),), every_ns=10**9, client_port=40_000 + number)
    flow_map = network.map(record(WEB, "host-a"))
    assert endpoint_of(flow_map, WEB.ip).conflict == (
        "vm-1: its MAC sends at ports of host-a and host-b at the same time"
    )
