"""The sightings table with stated ports and uplinks: each row's situation, made by construction, gives its verdict."""

from __future__ import annotations

import pytest

from tests.locality.two_hosts import (
    APP,
    DB,
    GATEWAY_10,
    GATEWAY_20,
    OUTSIDE,
    REM,
    WEB,
    Lab,
    edges_of,
    hairpin_sightings,
    switched,
    triangle,
)
from tests.network import START_NS, Network, at, record, talk, udp


def test_row_1_both_ports_and_on_no_uplink_is_switched_and_proven():
    lab = Lab()
    lab.chatter()
    switched(lab)
    edge = lab.edge(WEB, APP)
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("intra_host_switched", "stayed", "proven")
    assert edge["stayed_bytes"] == edge["wire_bytes"] == 11 * 1054 - 1000 + 11 * 54
    assert {row["rule"] for row in edge["evidence"] if row["supports"]} == {"sighting-1"}


def test_row_1_without_stated_completeness_is_likely_at_most():
    lab = Lab(complete=False)
    lab.chatter()
    switched(lab)
    edge = lab.edge(WEB, APP)
    assert (edge["left_host"], edge["grade"]) == ("stayed", "likely")
    assert any("uplinks_complete" in text for text in edge["would_settle"])


def test_row_1_without_a_positive_control_is_likely_at_most():
    lab = Lab()
    lab.network.claims.clear()
    switched(lab)
    triangle(lab)
    talk(lab.network, DB, REM, (at(lab.db), at(lab.up_a), at(lab.rem)), (at(lab.rem), at(lab.up_a), at(lab.db)))
    assert lab.edge(WEB, APP)["grade"] == "likely"


@pytest.mark.parametrize("spoil", ["sampled", "dropped", "missing"])
def test_row_1_with_a_lossy_or_missing_uplink_is_likely_at_most(spoil):
    lab = Lab()
    lab.chatter()
    switched(lab)
    uplink = lab.network.registry.points[lab.up_a]
    if spoil == "sampled":
        uplink.sampled = 10
        for number, row in enumerate(lab.network.statements.points):
            if row.interface == "vmnic0":
                lab.network.statements.points[number] = type(row)(
                    **{name: getattr(row, name) for name in row.__dataclass_fields__} | {"sampled": 10}
                )
    elif spoil == "dropped":
        uplink.dropped_packets = 3
    else:
        lab.network.uplinks("host-a", "vmnic0", "vmnic1")
    edge = lab.edge(WEB, APP)
    assert (edge["left_host"], edge["grade"]) == ("stayed", "likely")


def test_row_2_both_ports_of_one_host_and_no_uplink_capture_is_likely():
    """A reflective relay between the two would look the same."""
    lab = Lab(with_uplinks=False)
    triangle(lab)
    switched(lab)
    edge = lab.edge(WEB, APP)
    assert (edge["verdict"], edge["grade"]) == ("intra_host_switched", "likely")


def test_row_2_ports_of_two_hosts_is_inter_host():
    lab = Lab(with_uplinks=False)
    talk(lab.network, WEB, REM, (at(lab.web), at(lab.rem)), (at(lab.rem), at(lab.web)))
    edge = lab.edge(WEB, REM)
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("inter_host", "left", "strong")


def test_two_interfaces_of_one_file_are_not_one_host():
    lab = Lab(with_uplinks=False, hosts=False)
    talk(lab.network, WEB, DB, (at(lab.web), at(lab.db)), (at(lab.db), at(lab.web)), client_port=1)
    switched(lab)
    assert lab.edge(WEB, APP)["left_host"] == "undetermined"


def test_one_port_with_a_host_and_one_without_is_not_one_host():
    network = Network()
    here, somewhere, third = (
        network.point("vnet0", "vnic", "host-a"),
        network.point("vnet1", "vnic"),
        network.point("vnet2", "vnic", "host-a"),
    )
    talk(network, WEB, APP, (at(here), at(somewhere)), (at(somewhere), at(here)))
    talk(network, WEB, DB, (at(here), at(third)), (at(third), at(here)), client_port=2)
    graph = network.map().graph
    assert {edge["left_host"] for _, target, edge in graph.edges(data=True) if APP.ip in target} == {"undetermined"}


def test_row_3_a_flooded_datagram_to_a_silent_sink_did_not_depart():
    lab = Lab()
    lab.chatter()
    udp(lab.network, WEB, APP, at(lab.web), at(lab.app), at(lab.db), at(lab.up_a), at(lab.up_b), at(lab.rem))
    edge = lab.edge(WEB, APP)
    assert edge["left_host"] == "stayed"
    assert any(row["rule"] == "sighting-3" for row in edge["evidence"])
    assert edge["grade"] in ("strong", "likely")


def test_row_3_a_few_leaked_frames_of_a_tcp_conversation_change_nothing():
    lab = Lab()
    lab.chatter()
    for number in range(100):
        leak = [at(lab.up_a), at(lab.up_b), at(lab.rem)] if number < 2 else []
        lab.network.send(
            WEB, APP, at(lab.web), at(lab.app), *leak, seq=1 + number * 1000, time_ns=START_NS + number * 1_000_000
        )
        lab.network.send(
            APP, WEB, at(lab.app), at(lab.web), payload=0, ports=(80, 40_000), seq=7, ack=1 + number * 1000
        )
    edge = lab.edge(WEB, APP)
    assert (edge["verdict"], edge["left_host"]) == ("intra_host_switched", "stayed")


def test_a_flood_at_a_third_vms_port_is_not_the_destination_port():
    """WEB's datagrams to REM on the other host, flooded to DB's port here: they left."""
    lab = Lab()
    lab.chatter()
    udp(lab.network, WEB, REM, at(lab.web), at(lab.db), at(lab.up_a), at(lab.up_b), at(lab.rem), ports=(5001, 514))
    edge = lab.edge(WEB, REM)
    assert (edge["left_host"], edge["stayed_bytes"]) == ("left", 0)


def test_a_flood_at_the_port_of_a_vm_that_never_speaks_proves_nothing():
    """The only sighting of an unknown destination is a silent VM's port, which hears every flood."""
    network = Network()
    web, silent = network.point("vnet0", "vnic", "host-a"), network.point("vnet9", "vnic", "host-a")
    udp(network, WEB, REM, at(web), at(silent))
    udp(network, WEB, DB, at(web), ports=(5002, 514))
    assert all(edge["left_host"] == "undetermined" for _, _, edge in network.map().graph.edges(data=True))


def test_a_bystander_hears_floods_of_a_pair_whose_other_port_was_not_captured():
    """WEB's only peer REM is on another host; SILENT's port hears the flooded half of it."""
    network = Network()
    web, silent = network.point("vnet0", "vnic", "host-a"), network.point("vnet9", "vnic", "host-a")
    talk(network, WEB, REM, (at(web), at(silent)), (at(web),))
    assert edges_of(network) == [("undetermined", 0)]


def test_two_places_on_the_way_of_one_vm_are_not_two_ends():
    """A tap and the bridge port behind it, both stated as vNICs, show nothing but WEB and REM, which is elsewhere."""
    network = Network()
    tap, behind = network.point("tap1", "vnic", "host-a"), network.point("qvo1", "vnic", "host-a")
    talk(network, WEB, REM, (at(tap), at(behind)), (at(behind), at(tap)))
    assert edges_of(network) == [("undetermined", 0)]


def test_one_pair_alone_on_two_ports_is_not_proven_by_uplinks_that_show_nothing_else_of_it():
    """Their ARP on the uplink is no proof that their unicast would be recorded there."""
    lab = Lab()
    switched(lab)
    lab.network.send(DB, REM, at(lab.db), at(lab.up_a), at(lab.up_b), at(lab.rem))
    assert lab.edge(WEB, APP)["left_host"] == "undetermined"


def test_both_directions_at_another_hosts_mirror_contradict_stayed():
    lab = Lab()
    other = lab.network.point("", "mirror", "host-b", file="mirror-b.pcap")
    lab.chatter()
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app), at(other)), (at(lab.app), at(lab.web), at(other)))
    edge = lab.edge(WEB, APP)
    assert (edge["left_host"], edge["grade"], edge["stayed_bytes"]) == ("undetermined", "conflict", 0)


def test_row_4_out_by_the_uplink_to_another_hosts_vm():
    lab = Lab()
    lab.chatter()
    network = lab.network
    talk(network, WEB, REM, (at(lab.web), at(lab.up_a)), (at(lab.up_a), at(lab.web)), client_port=41_000)
    edge = lab.edge(WEB, REM)
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("inter_host", "left", "proven")


def test_row_4_out_by_the_uplink_to_an_outside_address_is_north_south():
    lab = Lab()
    lab.chatter()
    there = (at(lab.web), at(lab.up_a, vlan=10))
    back = (at(lab.up_a, vlan=10, src_mac=GATEWAY_10.mac, ttl=57), at(lab.web, src_mac=GATEWAY_10.mac, ttl=57))
    lab.network.arp(GATEWAY_10, lab.up_a)
    talk(lab.network, WEB, OUTSIDE, there, back, via=GATEWAY_10)
    edge = lab.edge(WEB, OUTSIDE)
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("north_south", "left", "proven")


def test_row_5_out_and_back_with_a_lower_ttl_is_a_hairpin():
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, DB, *hairpin_sightings(lab), via=GATEWAY_10, via_back=GATEWAY_20)
    edge = lab.edge(WEB, DB)
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("hairpin_routed", "left", "proven")
    assert edge["left_bytes"] == edge["wire_bytes"] == 10 * 1054 + 54 + 11 * 54
    shares = lab.network.map().graph.graph["shares"]
    assert shares["hairpin_bytes"] == edge["wire_bytes"]


def test_row_5_without_the_destinations_port_is_still_a_hairpin():
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, DB, *hairpin_sightings(lab, destination_port=False), via=GATEWAY_10, via_back=GATEWAY_20)
    assert (lab.edge(WEB, DB)["verdict"], lab.edge(WEB, DB)["grade"]) == ("hairpin_routed", "strong")


def test_row_6_reflective_relay_left_the_host_although_both_ends_are_on_it():
    lab = Lab()
    lab.chatter()
    talk(
        lab.network,
        WEB,
        APP,
        (at(lab.web), at(lab.up_a, times=2), at(lab.app)),
        (at(lab.app), at(lab.up_a, times=2), at(lab.web)),
    )
    edge = lab.edge(WEB, APP)
    assert (edge["verdict"], edge["left_host"], edge["grade"]) == ("hairpin_reflected", "left", "proven")


def test_a_capture_that_doubles_everything_makes_no_reflection_of_what_went_to_another_host():
    """The uplink's frames were mirrored on two ports of the physical switch; the inventory has REM on host-b."""
    network = Network()
    web, app, uplink = (network.point(*facts, "host-a") for facts in (("v0", "vnic"), ("v1", "vnic"), ("n0", "uplink")))
    talk(network, WEB, APP, (at(web), at(app)), (at(app), at(web)))
    twice = at(uplink, times=2)
    talk(network, WEB, REM, (at(web), twice), (twice, at(web)), client_port=7)
    edges = network.map(record(REM, "host-b")).graph.edges(data=True)
    (edge,) = (edge for _, _, edge in edges if edge["left_host"] == "left")
    assert (edge["verdict"], edge["grade"]) == ("inter_host", "likely")


def test_row_6_over_two_teamed_uplinks():
    lab = Lab()
    second = lab.network.point("vmnic1", "uplink", "host-a")
    lab.chatter()
    talk(
        lab.network,
        WEB,
        APP,
        (at(lab.web), at(lab.up_a), at(second), at(lab.app)),
        (at(lab.app), at(second), at(lab.up_a), at(lab.web)),
    )
    assert lab.edge(WEB, APP)["verdict"] == "hairpin_reflected"


def test_reflection_seen_in_one_direction_of_the_uplink_only_is_never_called_stayed():
    """An uplink file with the outgoing half only looks like a flood, but the destination is known and answers."""
    lab = Lab()
    lab.chatter()
    talk(
        lab.network,
        WEB,
        APP,
        (at(lab.web), at(lab.up_a), at(lab.app)),
        (at(lab.app), at(lab.up_a), at(lab.web)),
        segments=50,
    )
    edge = lab.edge(WEB, APP)
    assert edge["left_host"] != "stayed"
    assert edge["stayed_bytes"] == 0


def test_a_vm_that_talks_through_its_gateway_only_has_its_port():
    lab = Lab()
    there, back = hairpin_sightings(lab)
    talk(lab.network, WEB, DB, there, back, via=GATEWAY_10, via_back=GATEWAY_20)
    edge = lab.edge(WEB, DB)
    assert (edge["verdict"], edge["grade"]) == ("hairpin_routed", "proven")
