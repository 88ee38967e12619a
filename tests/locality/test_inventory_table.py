"""The inventory table behind one mirror, row by row, and what lowers or forbids a verdict (reference 4.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowmap.capture.points import PointStatement
from tests.network import START_NS, Claim, Machine, Network, at, record, talk, vm

WEB, APP, DB = vm(1, "10.10.0.11"), vm(2, "10.10.0.12"), vm(3, "10.20.0.13")
ROUTER_VM = vm(9, "10.10.0.254")
GATEWAY_10 = Machine("gw-10", 0x001B21000010, "10.10.0.1")
GATEWAY_20 = Machine("gw-20", 0x001B21000020, "10.20.0.1")
DISTRIBUTED = Machine("dr", 0x025056564452, "10.10.0.1")
OUTSIDE = Machine("outside", 0x001B21000099, "203.0.113.10")
DAY_NS = 86_400 * 10**9


def mirrored(one=WEB, other=APP, there=None, back=None, host="host-a", **facts):
    """One mirror of host-a that saw a TCP conversation."""
    network = Network()
    mirror = network.point("", "mirror", host)
    network.arp(one, mirror)
    network.arp(other, mirror)
    there = tuple(at(mirror, **change) for change in there or ({},))
    back = tuple(at(mirror, **change) for change in back or ({},))
    talk(network, one, other, there, back, **facts)
    return network


def edge_of(network, *records):
    (edge,) = (edge for _, _, edge in network.map(*records).graph.edges(data=True))
    return edge


def routed(**gateways):
    """WEB to DB with both halves in the mirror, by the given gateways."""
    via, via_back = gateways.get("via", GATEWAY_10), gateways.get("via_back", GATEWAY_20)
    return mirrored(
        WEB, DB, via=via, via_back=via_back,
        there=({"vlan": 10}, {"vlan": 20, "ttl": 63, "src_mac": via_back.mac, "dst_mac": DB.mac}),
        back=({"vlan": 20}, {"vlan": 10, "ttl": 63, "src_mac": via.mac, "dst_mac": WEB.mac}),
    )  # fmt: skip


def verdict(edge):
    return edge["verdict"], edge["left_host"], edge["grade"]


def with_gateway(network, *machines):
    """Answered traffic of machines with a physical router, in the same mirror."""
    for number, machine in enumerate(machines):
        back = at(0, ttl=57, src_mac=GATEWAY_10.mac)
        talk(network, machine, OUTSIDE, (at(0),), (back,), via=GATEWAY_10, client_port=60_000 + number)
    return network


def edge_between(network, one, other, *records):
    graph = network.map(*records).graph
    ids = {ip: key for key, node in graph.nodes(data=True) for ip in node["ips"]}
    ends = ids[one.ip], ids[other.ip]
    return graph.edges[ends] if graph.has_edge(*ends) else graph.edges[ends[::-1]]


def test_same_host_same_vswitch_straight_from_nic_to_nic_is_switched():
    network = with_gateway(mirrored(), WEB, APP)
    edge = edge_between(network, WEB, APP, record(WEB, "host-a"), record(APP, "host-a"))
    assert verdict(edge) == ("intra_host_switched", "stayed", "strong")


def test_a_placement_that_only_the_inventory_tells_is_likely():
    """APP on another host would look the same in the mirror of host-a."""
    network = with_gateway(mirrored(), WEB)
    edge = edge_between(network, WEB, APP, record(WEB, "host-a"), record(APP, "host-a"))
    assert verdict(edge) == ("intra_host_switched", "stayed", "likely")
    assert any("Only the inventory says that vm-2" in row["text"] for row in edge["evidence"] if not row["supports"])


def test_a_placement_that_packets_contradict_is_a_conflict():
    """APP's answered traffic with the gateway crosses the vSwitch of host-a, so APP is on host-a."""
    network = with_gateway(mirrored(), WEB, APP)
    edge = edge_between(network, WEB, APP, record(WEB, "host-a"), record(APP, "host-b"))
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")


def test_other_hosts_are_inter_host():
    """APP on host-a after all would look the same, so rows that no packet confirms are ``likely``."""
    assert verdict(edge_of(mirrored(), record(WEB, "host-a"), record(APP, "host-b"))) == (
        "inter_host",
        "left",
        "likely",
    )


def test_other_hosts_where_packets_confirm_both_rows_are_strong():
    network = with_gateway(mirrored(), WEB)
    other = network.point("", "mirror", "host-b", file="b.pcap")
    back = at(other, ttl=57, src_mac=GATEWAY_10.mac)
    talk(network, APP, OUTSIDE, (at(other),), (back,), via=GATEWAY_10, client_port=60_005)
    edge = edge_between(network, WEB, APP, record(WEB, "host-a"), record(APP, "host-b"))
    assert verdict(edge) == ("inter_host", "left", "strong")


def test_other_hosts_on_an_overlay_are_inter_host_overlay():
    rows = [record(machine, host, segment_type="overlay") for machine, host in ((WEB, "host-a"), (APP, "host-b"))]
    assert verdict(edge_of(mirrored(), *rows)) == ("inter_host_overlay", "left", "likely")


def test_same_host_other_segment_by_an_outside_gateway_is_a_hairpin():
    edge = edge_of(routed(), record(WEB, "host-a"), record(DB, "host-a"))
    assert verdict(edge) == ("hairpin_routed", "left", "likely")


def test_same_host_other_segment_by_a_router_vm_on_the_host_is_routed_inside():
    edge = edge_of(
        routed(via=ROUTER_VM, via_back=ROUTER_VM),
        record(WEB, "host-a"),
        record(DB, "host-a"),
        record(ROUTER_VM, "host-a"),
    )
    assert verdict(edge) == ("intra_host_routed_vm", "stayed", "likely")


def test_a_router_vm_on_another_host_is_no_reason_to_say_stayed():
    edge = edge_of(
        routed(via=ROUTER_VM, via_back=ROUTER_VM),
        record(WEB, "host-a"),
        record(DB, "host-a"),
        record(ROUTER_VM, "host-b"),
    )
    assert edge["left_host"] == "left"


def test_row_14_with_confirmed_placement_is_strong():
    network = with_gateway(routed(via=ROUTER_VM, via_back=ROUTER_VM), WEB, DB, ROUTER_VM)
    rows = [record(machine, "host-a") for machine in (WEB, DB, ROUTER_VM)]
    assert verdict(edge_between(network, WEB, DB, *rows)) == ("intra_host_routed_vm", "stayed", "strong")


def test_row_15_sent_to_a_distributed_router_and_both_ends_here():
    network = mirrored(WEB, DB, via=DISTRIBUTED, via_back=DISTRIBUTED)
    edge = edge_of(network, record(WEB, "host-a"), record(DB, "host-a"))
    assert verdict(edge) == ("intra_host_routed_distributed", "stayed", "likely")


def test_row_15_sent_to_a_distributed_router_for_another_host():
    network = mirrored(WEB, DB, via=DISTRIBUTED, via_back=DISTRIBUTED)
    edge = edge_of(network, record(WEB, "host-a"), record(DB, "host-b"))
    assert verdict(edge) == ("inter_host_overlay", "left", "likely")


def test_row_15_without_an_answer_a_firewall_may_have_dropped_it():
    network = Network()
    mirror = network.point("", "mirror", "host-a")
    for number in range(5):
        network.send(WEB, DB, at(mirror), via=DISTRIBUTED, seq=1 + number * 1000)
    edge = edge_of(network, record(WEB, "host-a"), record(DB, "host-a"))
    assert edge["left_host"] == "undetermined"


def test_row_16_no_routed_twin_in_a_mirror_that_covers_the_host_is_a_conflict():
    network = mirrored(WEB, DB, via=GATEWAY_10, via_back=GATEWAY_20)
    network.statements.points[0] = replace(network.statements.points[0], covers="all")
    edge = edge_of(network, record(WEB, "host-a"), record(DB, "host-a"))
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")
    assert {row["rule"] for row in edge["evidence"]} >= {"sighting-16"}


def test_row_13_a_physical_router_turned_it_round_needs_no_inventory():
    edge = edge_of(routed())
    assert verdict(edge) == ("hairpin_routed", "left", "likely")
    assert {row["rule"] for row in edge["evidence"]} == {"sighting-13"}


def test_row_13_says_nothing_of_a_router_that_may_be_a_vm():
    assert edge_of(routed(via=ROUTER_VM, via_back=ROUTER_VM))["left_host"] == "undetermined"


def test_row_11_in_one_of_two_mirrors_only_is_not_enough():
    network = mirrored()
    other = network.point("", "mirror", "host-b", file="b.pcap")
    talk(network, DB, OUTSIDE, (at(other),), (at(other),), via=GATEWAY_20, via_back=GATEWAY_20)
    edge = edge_between(network, WEB, APP)
    assert edge["left_host"] == "undetermined"
    assert {row["rule"] for row in edge["evidence"]} == {"sighting-11"}


def test_isolated_ports_that_answer_each_other_went_outside():
    edge = edge_of(mirrored(), record(WEB, "host-a", isolated=True), record(APP, "host-a", isolated=True))
    assert verdict(edge) == ("hairpin_reflected", "left", "likely")


def test_a_vswitch_without_an_uplink_is_named_as_the_reason():
    rows = [record(machine, "host-a", has_uplink=False) for machine in (WEB, APP)]
    edge = edge_of(mirrored(), *rows)
    assert edge["verdict"] == "intra_host_switched"
    assert "inventory-no-uplink" in {row["rule"] for row in edge["evidence"]}


def test_a_vm_and_its_own_hypervisor_are_host_local():
    management = Machine("esx-vmk", 0x005056600001, "10.10.0.5")
    rows = (record(WEB, "host-a"), record(management, "host-a", kind="hypervisor", vm=""))
    edge = edge_of(mirrored(WEB, management), *rows)
    assert verdict(edge) == ("host_local", "stayed", "likely")


def test_row_19_a_cloud_never_reveals_the_host():
    network = Network()
    nic = network.point("eth0", "mirror", file="mirror.pcap")
    network.statements.points.append(PointStatement(file="mirror.pcap", interface="eth0", transport="vxlan"))
    session = network.tunnel("vxlan", "10.0.0.5", "10.0.0.9", 77)
    talk(network, WEB, APP, (at(nic, tunnel=session),), (at(nic, tunnel=session),))
    edge = edge_of(network)
    assert edge["left_host"] == "undetermined"
    assert {row["rule"] for row in edge["evidence"]} == {"sighting-19"}


def test_sent_to_a_gateway_and_never_seen_again_is_no_hairpin():
    network = mirrored(WEB, DB, via=GATEWAY_10, via_back=GATEWAY_20)
    assert edge_of(network, record(WEB, "host-a"), record(DB, "host-a"))["left_host"] == "undetermined"


def test_two_vswitches_on_one_segment_go_out_and_back():
    edge = edge_of(mirrored(), record(WEB, "host-a"), record(APP, "host-a", vswitch="vSwitch1"))
    assert (edge["left_host"], edge["grade"]) == ("left", "likely")


def test_a_passthrough_nic_is_undetermined():
    edge = edge_of(mirrored(), record(WEB, "host-a", passthrough=True), record(APP, "host-a"))
    assert edge["left_host"] == "undetermined"


def test_one_end_missing_in_the_inventory_is_undetermined_and_named():
    edge = edge_of(mirrored(), record(WEB, "host-a"))
    assert edge["left_host"] == "undetermined"
    assert "10.10.0.12" in edge["evidence"][0]["text"]


def test_an_outside_peer_behind_a_physical_gateway_left():
    network = mirrored(WEB, OUTSIDE, via=GATEWAY_10, back=({"src_mac": GATEWAY_10.mac, "ttl": 57},))
    network.claims = [claim for claim in network.claims if claim.ip != OUTSIDE.ip]
    other = Machine("outside-2", GATEWAY_10.mac, "203.0.113.99")
    talk(network, WEB, other, (at(0),), (at(0, src_mac=GATEWAY_10.mac, ttl=50),), via=GATEWAY_10, client_port=9)
    edges = [edge for _, _, edge in network.map(record(WEB, "host-a")).graph.edges(data=True)]
    assert [verdict(edge) for edge in edges] == [("north_south", "left", "likely")] * 2


@pytest.mark.parametrize(
    "observed_at_ns", [START_NS - 3 * DAY_NS, START_NS + 3 * DAY_NS, None], ids=["older", "newer", "unknown age"]
)
def test_a_stale_inventory_is_likely_at_most(observed_at_ns):
    rows = [record(machine, "host-a", observed_at_ns=observed_at_ns) for machine in (WEB, APP)]
    assert verdict(edge_of(mirrored(), *rows)) == ("intra_host_switched", "stayed", "likely")


def test_matched_by_address_only_is_likely_at_most():
    rows = [record(machine, "host-a", mac=None) for machine in (WEB, APP)]
    assert edge_of(mirrored(), *rows)["grade"] == "likely"


def test_an_unnamed_vswitch_is_likely_at_most():
    rows = [record(machine, "host-a", vswitch=None) for machine in (WEB, APP)]
    assert verdict(edge_of(mirrored(), *rows)) == ("intra_host_switched", "stayed", "likely")


def test_an_unstated_point_is_likely_at_most():
    network = mirrored()
    network.statements.points.clear()
    edge = edge_of(network, record(WEB, "host-a"), record(APP, "host-a"))
    assert verdict(edge) == ("intra_host_switched", "stayed", "likely")


def test_another_hosts_interface_of_the_same_name_gives_no_host():
    """The inventory knows vnet0 of host-a only; the capture's vnet0 shows other MACs."""
    network = Network()
    one, other = network.point("vnet0"), network.point("vnet1")
    talk(network, WEB, APP, (at(one), at(other)), (at(other), at(one)))
    rows = [record(vm(70 + number, f"10.99.0.{number}"), "host-a", interface=f"vnet{number}") for number in (0, 1)]
    assert [point.host for point in network.map(*rows).points] == [None, None]


def test_one_mac_on_two_hosts_is_a_conflict():
    rows = [record(WEB, "host-a"), record(WEB, "host-b", row=2), record(APP, "host-a", row=3)]
    edge = edge_of(mirrored(), *rows)
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")


def test_one_mac_of_two_vms_is_a_conflict():
    rows = [record(WEB, "host-a"), record(WEB, "host-a", vm="clone", row=2), record(APP, "host-a", row=3)]
    edge = edge_of(mirrored(), *rows)
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")


def test_a_mirror_of_a_third_host_contradicts_the_placement():
    edge = edge_of(mirrored(host="host-c"), record(WEB, "host-a"), record(APP, "host-a"))
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")


def test_a_stated_port_outranks_the_inventory():
    """The inventory is wrong about APP; its port is stated to be on host-a, uplinks silent and complete."""
    network = Network()
    names = (("vnet0", "vnic"), ("vnet1", "vnic"), ("vmnic0", "uplink"))
    web, app, uplink = (network.point(name, role, "host-a") for name, role in names)
    network.uplinks("host-a", "vmnic0")
    talk(network, WEB, DB, (at(web), at(uplink)), (at(uplink), at(web)))
    talk(network, APP, DB, (at(app), at(uplink)), (at(uplink), at(app)))
    talk(network, WEB, APP, (at(web), at(app)), (at(app), at(web)))
    graph = network.map(record(WEB, "host-a"), record(APP, "host-b")).graph
    edge = graph.edges["vm:vm-1", "vm:vm-2"]
    assert (edge["left_host"], edge["grade"]) == ("stayed", "proven")


def test_two_ports_with_one_pair_weaken_what_the_inventory_says():
    """The ports may be the two ends or two places on the way of one; the inventory alone is not believed as strong."""
    network = Network()
    web, app = network.point("vnet0", "vnic", "host-a"), network.point("vnet1", "vnic", "host-a")
    talk(network, WEB, APP, (at(web), at(app)), (at(app), at(web)))
    assert edge_of(network, record(WEB, "host-a"), record(APP, "host-b"))["grade"] == "likely"


def test_figures_split_the_same_bytes():
    network = mirrored()
    mirror = 0
    talk(
        network,
        WEB,
        OUTSIDE,
        (at(mirror),),
        (at(mirror, src_mac=GATEWAY_10.mac, ttl=57),),
        via=GATEWAY_10,
        client_port=2,
    )
    shares = network.map(record(WEB, "host-a"), record(APP, "host-a")).graph.graph["shares"]
    total = 2 * (10 * 1054 + 12 * 54)
    assert shares["internet_bytes"] == shares["east_west_bytes"] == shares["vm_vm_bytes"] == total // 2
    assert shares["within_host_bytes"] == shares["switched_bytes"] == total // 2
    assert shares["stayed_bytes"] + shares["left_bytes"] + shares["undetermined_bytes"] == total


def test_in_two_captures_of_unknown_hosts_the_inventory_does_not_decide():
    network = Network()
    one, other = network.point("", file="one.pcap"), network.point("", file="other.pcap")
    talk(network, WEB, APP, (at(one), at(other)), (at(other), at(one)))
    edge = edge_of(network, record(WEB, "host-a"), record(APP, "host-a"))
    assert (edge["left_host"], edge["stayed_bytes"]) == ("undetermined", 0)
    assert "sighting-10" in {row["rule"] for row in edge["evidence"]}


def test_row_18_an_announced_vm_has_no_place_in_an_export():
    network = mirrored()
    network.claims.append(Claim(APP.mac, "", "rarp", 0, -1, -1, 5, START_NS))
    edge = edge_of(network, record(WEB, "host-a"), record(APP, "host-a"))
    assert (edge["left_host"], edge["stayed_bytes"]) == ("undetermined", 0)
    assert "sighting-18" in {row["rule"] for row in edge["evidence"]}


def test_a_floating_address_by_a_distributed_router_is_not_judged():
    """DB's public address is translated by a gateway that may be on another host."""
    public = Machine("db-public", DB.mac, "203.0.113.7")
    network = mirrored(WEB, public, via=DISTRIBUTED, via_back=DISTRIBUTED)
    network.claims.clear()
    edge = edge_of(network, record(WEB, "host-a"), record(DB, "host-a", external_ips=(public.ip,)))
    assert (edge["left_host"], edge["stayed_bytes"]) == ("undetermined", 0)
    assert "inventory-translated" in {row["rule"] for row in edge["evidence"]}
