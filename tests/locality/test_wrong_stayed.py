"""Situations in which traffic left, or may have left, and a careless rule would say that it stayed."""

from __future__ import annotations

import pytest

from flowmap.packets import NO_TIME
from flowmap.settings import Settings
from tests.locality.two_hosts import APP, DB, GATEWAY_10, GATEWAY_20, OUTSIDE, REM, WEB, Lab
from tests.network import SECOND, START_NS, Machine, Network, at, record, talk, udp, vm

ROUTER = vm(9, "10.10.0.1")
CORE = Machine("core", 0x001B21000077, "192.0.2.1")


def points(network, *names, role="vnic", host="host-a", file="a.pcapng"):
    """Stated points of one file."""
    return [network.point(name, role, host, file=file) for name in names]


def stream(network, there, back, count=100, one=WEB, other=APP):
    """A data packet and its acknowledgement a second; ``there`` and ``back`` give the sightings of the k-th."""
    for k in range(count):
        now = START_NS + k * SECOND
        network.send(one, other, *there(k), seq=1 + k * 1000, time_ns=now)
        network.send(
            other, one, *back(k), payload=0, seq=5, ack=1001 + k * 1000, ports=(80, 40_000), time_ns=now + 1000
        )


def both(network, one, other, here, there, client_port):
    """A conversation seen at two points."""
    talk(network, one, other, (at(here), at(there)), (at(there), at(here)), client_port=client_port)


def stayed(network, *records, pair=(WEB, APP)):
    """Stayed bytes between two machines."""
    graph = network.map(*records).graph
    wanted = {machine.ip for machine in pair}
    (edge,) = (
        edge
        for source, target, edge in graph.edges(data=True)
        if wanted & set(graph.nodes[source]["ips"]) and wanted & set(graph.nodes[target]["ips"])
    )
    return edge["stayed_bytes"]


def same_host(*facts):
    """Inventory rows for WEB and APP on host-a."""
    extra = [*facts, {}, {}]
    return record(WEB, "host-a", **extra[0]), record(APP, "host-a", row=2, **extra[1])


def test_a_firewall_vm_that_translates_ports_is_on_the_way_and_no_end():
    network = Network()
    web, firewall, db = points(network, "vnet0", "vnet5", "vnet2")
    (uplink,) = points(network, "vmnic0", role="uplink")
    network.uplinks("host-a", "vmnic0")
    for number, (machine, port) in enumerate(((WEB, web), (DB, db))):
        inside = {"src_mac": ROUTER.mac, "ttl": 56}
        talk(network, machine, OUTSIDE, (at(port), at(firewall)), (at(firewall, **inside), at(port, **inside)),
             via=ROUTER, client_port=number + 1)  # fmt: skip
    translated = Machine("pat", ROUTER.mac + 1, "198.51.100.7")
    talk(network, translated, OUTSIDE, (at(uplink, ttl=63),), (at(uplink, src_mac=CORE.mac, ttl=57),), via=CORE)
    assert stayed(network, pair=(WEB, OUTSIDE)) == 0


def test_two_one_direction_files_of_one_port_are_not_two_ports():
    network = Network()
    (to_vm,), (from_vm,) = points(network, "", file="in.pcap"), points(network, "", file="out.pcap")
    talk(network, WEB, REM, (at(from_vm),), (at(to_vm),))
    assert stayed(network, pair=(WEB, REM)) == 0


def test_two_files_of_a_ring_buffer_are_one_port():
    network = Network()
    (first,), (second,) = points(network, "vnet0", file="1.pcapng"), points(network, "vnet0", file="2.pcapng")
    talk(network, WEB, APP, (at(first),), (at(first),), client_port=5, segments=30)
    for number, point in enumerate((first, second)):
        talk(network, WEB, REM, (at(point),), (at(point),), client_port=6 + number)
    assert stayed(network, pair=(WEB, REM)) == 0


def test_a_tap_and_the_bridge_port_behind_it_with_one_more_peer_at_the_tap():
    network = Network()
    (tap,), (behind,) = points(network, "tap1", file="1.pcap"), points(network, "qvo1", file="2.pcap")
    talk(network, WEB, APP, (at(tap),), (at(tap),), client_port=5)
    both(network, WEB, REM, tap, behind, 6)
    assert stayed(network, pair=(WEB, REM)) == 0


def test_a_transparent_firewall_vm_before_the_uplink():
    network = Network()
    web, app, inner, outer = points(network, "vnet0", "vnet1", "vnet5", "vnet6")
    talk(network, WEB, APP, (at(web), at(app)), (at(app), at(web)), client_port=5, segments=30)
    talk(network, WEB, REM, (at(web), at(inner), at(outer)), (at(outer), at(inner), at(web)))
    assert stayed(network, pair=(WEB, REM)) == 0


def test_the_port_of_a_monitor_vm_is_nobodys_end():
    network = Network()
    web, app, monitor = points(network, "vnet0", "vnet1", "vnet9")
    both(network, WEB, REM, web, monitor, 1)
    both(network, APP, REM, app, monitor, 2)
    assert stayed(network, pair=(WEB, REM)) == 0


def test_ports_captured_for_a_tenth_of_what_the_mirror_saw_speak_for_that_tenth():
    network = Network()
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    (mirror,) = points(network, "", role="mirror", file="m.pcap")
    both(network, WEB, DB, web, db, 9)
    both(network, APP, DB, app, db, 10)
    stream(network, lambda k: map(at, (web, app, mirror) if k < 10 else (mirror,)),
           lambda k: map(at, (web, app, mirror) if k < 10 else (mirror,)))  # fmt: skip
    assert stayed(network) == pytest.approx(0.1 * 100 * 1108, rel=0.02)


def test_ports_captured_one_after_the_other_share_no_packet():
    network = Network()
    (web,), (app,) = points(network, "", file="w.pcap"), points(network, "", file="a.pcap")
    talk(network, WEB, DB, (at(web),), (at(web),), client_port=9)
    talk(network, APP, DB, (at(app),), (at(app),), client_port=9)
    stream(network, lambda k: [at(web if k < 50 else app)], lambda k: [at(web if k < 50 else app)])
    assert stayed(network) == 0


@pytest.mark.parametrize("ports", [True, False], ids=["ports", "mirror and inventory"])
def test_the_part_that_went_by_an_outside_gateway_did_not_stay(ports):
    """45 of 100 data packets were routed until a redirect; the acknowledgements went straight."""
    network = Network()
    if ports:
        web, app, db = points(network, "vnet0", "vnet1", "vnet2")
        both(network, WEB, DB, web, db, 9)
        both(network, APP, DB, app, db, 10)
    else:
        web = app = points(network, "", role="mirror")[0]
    routed = (at(web, dst_mac=GATEWAY_10.mac), at(app, src_mac=GATEWAY_10.mac, ttl=63))
    straight = (at(web), at(app)) if ports else (at(web),)
    stream(network, lambda k: routed if k < 45 else straight, lambda k: straight)
    assert stayed(network, *(() if ports else same_host())) == pytest.approx(55 * 1054 + 100 * 54, rel=0.01)


def test_an_address_that_moved_to_a_machine_on_another_host_is_a_conflict():
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    first, second = Machine("lb-a", 0x005056800051, "10.10.0.100"), Machine("lb-b", 0x005056800052, "10.10.0.100")
    network.arp(first, mirror)
    for k in range(100):
        holder = first if k < 50 else second
        network.send(WEB, holder, at(mirror), seq=1 + k * 1000, time_ns=START_NS + k * SECOND)
        network.send(holder, WEB, at(mirror), payload=0, ports=(80, 40_000), ack=k * 1000 + 1001)
    rows = (record(WEB, "host-a"), record(first, "host-a", row=2, ips=()), record(second, "host-b", row=3, ips=()))
    assert stayed(network, *rows, pair=(WEB, first)) == 0


def test_the_end_of_a_conversation_that_moved_to_the_uplink_is_no_flood():
    network = Network()
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    (uplink,) = points(network, "vmnic0", role="uplink")
    network.uplinks("host-a", "vmnic0")
    both(network, WEB, DB, web, db, 9)
    both(network, APP, DB, app, db, 10)
    both(network, WEB, REM, web, uplink, 11)
    stream(
        network, lambda k: [at(web), at(app if k < 95 else uplink)], lambda k: [at(app if k < 95 else uplink), at(web)]
    )
    assert stayed(network) == 0


@pytest.mark.parametrize(("role", "host"), [("uplink", None), ("underlay", "host-a"), ("unknown", "host-a")])
def test_reflected_frames_at_a_nic_of_any_role_forbid_stayed(role, host):
    network = Network()
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    nic = network.point("nic0", role, host, file="u.pcap")
    both(network, WEB, DB, web, db, 9)
    both(network, APP, DB, app, db, 10)
    talk(network, WEB, APP, (at(web), at(nic, times=2), at(app)), (at(app), at(nic, times=2), at(web)))
    assert stayed(network) == 0


def test_answers_on_the_uplink_forbid_stayed_for_the_other_direction_too():
    network = Network()
    (mirror,), (uplink,) = points(network, "", role="mirror"), points(network, "vmnic0", role="uplink", file="u.pcap")
    stream(network, lambda k: [at(mirror)], lambda k: [at(mirror), at(uplink)], 20)
    assert stayed(network, *same_host()) == 0


def test_legs_lost_to_a_full_table_prove_nothing():
    network = Network(Settings(max_legs=256))
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    (uplink,) = points(network, "vmnic0", role="uplink", file="u.pcap")
    network.uplinks("host-a", "vmnic0")
    both(network, WEB, DB, web, db, 9)
    both(network, WEB, APP, web, app, 40_000)
    talk(network, WEB, APP, (at(uplink, times=2),), (at(uplink, times=2),))
    assert stayed(network) == 0


def test_a_short_reflected_conversation_with_one_packet_missed_is_no_leak():
    lab = Lab()
    lab.chatter()
    stream(lab.network, lambda k: [at(lab.web), at(lab.app)] + [at(lab.up_a)] * (k < 8),
           lambda k: [at(lab.app)] + [at(lab.up_a)] * (k < 8) + [at(lab.web)], 9)  # fmt: skip
    assert lab.edge(WEB, APP)["stayed_bytes"] == 0


def test_unanswered_datagrams_all_on_the_uplink_and_at_no_bystander_are_no_flood():
    lab = Lab()
    lab.chatter()
    udp(lab.network, WEB, APP, at(lab.web), at(lab.up_a), at(lab.app), count=200)
    assert lab.edge(WEB, APP)["stayed_bytes"] == 0


def test_a_bridge_between_two_vlans_may_be_outside():
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    talk(network, WEB, APP, (at(mirror, vlan=10), at(mirror, vlan=20)), (at(mirror, vlan=20), at(mirror, vlan=10)))
    assert stayed(network, *same_host({"vlan": 10}, {"vlan": 20})) == 0


def test_an_edge_vm_and_then_a_router_outside():
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    edge = vm(10, "192.0.2.2")
    there = (at(mirror), at(mirror, src_mac=edge.mac, dst_mac=CORE.mac, ttl=63),
             at(mirror, src_mac=GATEWAY_20.mac, dst_mac=DB.mac, ttl=62))  # fmt: skip
    talk(network, WEB, DB, there, (at(mirror),), via=ROUTER, via_back=GATEWAY_20)
    rows = (record(WEB, "host-a"), record(DB, "host-a", row=2), record(ROUTER, "host-a", row=3, vm="edge"),
            record(edge, "host-a", row=4, vm="edge"))  # fmt: skip
    assert stayed(network, *rows, pair=(WEB, DB)) == 0


@pytest.mark.parametrize("facts", [{"passthrough": True, "vswitch": None}, {"vswitch": "vSwitch1"}], ids=str)
def test_the_second_nic_of_a_vm_counts_as_what_it_is(facts):
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    second = Machine("vm-1", 0x005056800101, "10.10.0.111")
    talk(network, WEB, DB, (at(mirror),), (at(mirror),), client_port=5)
    talk(network, second, APP, (at(mirror),), (at(mirror),))
    rows = (record(WEB, "host-a"), record(second, "host-a", row=2, **facts), record(APP, "host-a", row=3))
    assert stayed(network, *rows, pair=(second, APP)) == 0


@pytest.mark.parametrize("facts", [{"passthrough": True}, {"vswitch": "vSwitch1"}], ids=str)
def test_two_ports_without_uplinks_heed_what_the_inventory_says_of_the_nics(facts):
    network = Network()
    web, app, db = points(network, "macvtap0", "macvtap1", "macvtap2")
    both(network, WEB, DB, web, db, 9)
    both(network, APP, DB, app, db, 10)
    both(network, WEB, APP, web, app, 1)
    assert stayed(network, *same_host({}, facts)) == 0


def test_a_port_of_another_host_contradicts_the_inventory():
    network = Network()
    (port,) = points(network, "vnet5", host="host-b")
    talk(network, WEB, APP, (at(port),), (at(port),))
    assert stayed(network, *same_host()) == 0


def test_frames_inside_a_tunnel_between_two_endpoints_did_not_stay():
    network = Network()
    (mirror,) = points(network, "", role="mirror")
    out, back = (network.tunnel("vxlan", f"172.31.0.{a}", f"172.31.0.{b}", 1) for a, b in ((1, 2), (2, 1)))
    talk(network, WEB, APP, (at(mirror, tunnel=out),), (at(mirror, tunnel=back),))
    assert stayed(network, *same_host()) == 0


def test_a_mirror_of_nobody_knows_where_is_likely_at_most():
    network = Network()
    session = network.point("", file="e.pcap", mirror="erspan:10.9.9.9/77")
    talk(network, WEB, APP, (at(session),), (at(session),))
    ((_, _, edge),) = network.map(*same_host()).graph.edges(data=True)
    assert edge["grade"] == "likely"


@pytest.mark.parametrize("case", ["asleep an hour before", "without times"])
def test_an_uplink_that_may_have_been_asleep_proves_nothing(case):
    network = Network()
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    (uplink,) = points(network, "vmnic0", role="uplink")
    network.uplinks("host-a", "vmnic0")
    for number, machine in enumerate((WEB, APP)):
        talk(network, machine, REM, (at(uplink),), (at(uplink),), client_port=50 + number, port=9)
    if case == "without times":
        network.rows["time_ns"] = [NO_TIME] * len(network.rows["time_ns"])
    later = START_NS + 3600 * SECOND
    for number, (one, other, here, there) in enumerate(((WEB, DB, web, db), (APP, DB, app, db), (WEB, APP, web, app))):
        talk(network, one, other, (at(here), at(there)), (at(there), at(here)), start_ns=later, client_port=60 + number)
    graph = network.map().graph
    assert "proven" not in {edge["grade"] for _, _, edge in graph.edges(data=True) if edge["stayed_bytes"]}


def test_a_port_that_recorded_and_saw_nothing_of_it_is_not_where_the_inventory_says():
    """WEB's port shows one peer only, so it may be APP's; but DB's talk with WEB, elsewhere by then, is at neither."""
    network = Network()
    web, app, db = points(network, "vnet0", "vnet1", "vnet2")
    both(network, WEB, APP, web, app, 9)
    both(network, DB, APP, db, app, 10)
    talk(network, DB, WEB, (at(db),), (at(db),), client_port=11)
    rows = (*same_host(), record(DB, "host-a", row=3, ips=("10.20.0.13",)))
    assert stayed(network, *rows, pair=(DB, WEB)) == 0
