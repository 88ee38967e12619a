"""The sightings table at mirrors, guessed points, tunnels and groups."""

from __future__ import annotations

import pytest

from tests.locality.two_hosts import (
    APP,
    DB,
    GATEWAY_10,
    GATEWAY_20,
    REM,
    WEB,
    Lab,
    hairpin_sightings,
)
from tests.network import START_NS, Machine, Network, at, record, talk, udp


def two_mirrors():
    network = Network()
    return (
        network,
        network.point("", "mirror", "host-a", file="a.pcap"),
        network.point("", "mirror", "host-b", file="b.pcap"),
    )


def test_row_10_in_the_mirrors_of_two_hosts_both_ways_is_inter_host():
    network, here, there = two_mirrors()
    talk(network, WEB, REM, (at(here), at(there)), (at(there), at(here)))
    (edge,) = (edge for _, _, edge in network.map().graph.edges(data=True))
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("inter_host", "left", "proven")


def test_row_10_a_flood_in_the_other_hosts_mirror_is_no_departure():
    network, here, there = two_mirrors()
    udp(network, WEB, APP, at(here), at(there))
    (edge,) = (edge for _, _, edge in network.map().graph.edges(data=True))
    assert (edge["left_host"], edge["left_bytes"]) == ("undetermined", 0)


def test_row_10_against_the_inventory_is_a_conflict():
    network, here, there = two_mirrors()
    talk(network, WEB, APP, (at(here), at(there)), (at(there), at(here)))
    (edge,) = (edge for _, _, edge in network.map(record(WEB, "host-a"), record(APP, "host-a")).graph.edges(data=True))
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")


def test_row_10_a_migration_leaves_the_part_in_one_mirror_undetermined():
    network, here, there = two_mirrors()
    for number in range(100):
        places = (here,) if number < 60 else (here, there)
        network.send(WEB, APP, *map(at, places), seq=1 + number * 1000, time_ns=START_NS + number * 100_000_000)
        network.send(
            APP,
            WEB,
            *map(at, places),
            payload=0,
            ports=(80, 40_000),
            seq=5,
            ack=number,
            time_ns=START_NS + number * 100_000_000,
        )
    (edge,) = (edge for _, _, edge in network.map().graph.edges(data=True))
    assert edge["left_host"] == "left"
    assert edge["stayed_bytes"] == 0
    assert edge["undetermined_bytes"] == pytest.approx(0.6 * edge["wire_bytes"], rel=0.02)


def test_row_12_one_mirror_and_no_inventory_decides_nothing():
    network = Network()
    mirror = network.point("", "mirror", "host-a")
    talk(network, WEB, APP, (at(mirror),), (at(mirror),))
    (edge,) = (edge for _, _, edge in network.map().graph.edges(data=True))
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("undetermined", "undetermined", None)
    assert edge["evidence"][0]["rule"] == "sighting-12"
    assert edge["would_settle"]


def test_a_guessed_role_caps_the_grade_at_likely():
    """vnet0 and vmnic0 are known by their names only; the host is stated."""
    network = Network()
    web, db, uplink = (
        network.point("vnet0", host="host-a"),
        network.point("vnet2", host="host-a"),
        network.point("vmnic0", host="host-a"),
    )
    lab = type("Points", (), {"web": web, "db": db, "up_a": uplink})
    talk(network, WEB, DB, *hairpin_sightings(lab), via=GATEWAY_10, via_back=GATEWAY_20)
    (edge,) = (edge for _, _, edge in network.map().graph.edges(data=True))
    assert (edge["left_host"], edge["grade"]) == ("left", "likely")


def test_a_tenant_tunnel_on_the_underlay_crossed_to_another_host():
    network = Network()
    port, underlay = network.point("vnet0", "vnic", "host-a"), network.point("vmnic1", "underlay", "host-a")
    there, back = (
        network.tunnel("vxlan", "172.31.0.1", "172.31.0.2", 5001),
        network.tunnel("vxlan", "172.31.0.2", "172.31.0.1", 5001),
    )
    talk(network, WEB, REM, (at(port), at(underlay, tunnel=there)), (at(underlay, tunnel=back), at(port)))
    (edge,) = (edge for _, _, edge in network.map().graph.edges(data=True))
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("inter_host_overlay", "left", "proven")


def test_a_translated_twin_on_the_uplink_forbids_stayed():
    """DB is reached under a floating address; the packets that a router translated stand on the uplink."""
    lab = Lab()
    lab.chatter()
    for number in range(20):
        lab.network.send(
            WEB,
            DB,
            at(lab.web),
            at(lab.db),
            at(lab.up_a, dst_ip="203.0.113.13", dst_mac=GATEWAY_10.mac),
            seq=1 + number * 1000,
            time_ns=START_NS + number * 1_000_000,
        )
        lab.network.send(DB, WEB, at(lab.db), at(lab.web), payload=0, ports=(80, 40_000), seq=3, ack=number)
    assert lab.edge(WEB, DB)["stayed_bytes"] <= 20 * 54


def test_multicast_goes_to_a_group_and_changes_no_pair():
    network = Network()
    mirror = network.point("", "mirror", "host-a")
    group = Machine("mdns", 0x01005E0000FB, "224.0.0.251")
    udp(network, WEB, group, at(mirror), ports=(5353, 5353))
    graph = network.map().graph
    assert [(target, edge["verdict"], edge["left_host"]) for _, target, edge in graph.edges(data=True)] == [
        ("group:multicast", "flooded", None)
    ]
    assert graph.graph["shares"]["east_west_bytes"] == 0
