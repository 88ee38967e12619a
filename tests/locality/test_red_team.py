"""Traffic that truly left, told by packets and statements that a careless rule would take for "stayed"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowmap.inventory import Inventory
from flowmap.inventory.records import LearnedMac
from flowmap.pipeline import make_map
from flowmap.reading import Reading
from tests.locality.two_hosts import APP, DB, GATEWAY_10, GATEWAY_20, OUTSIDE, REM, WEB, Lab
from tests.network import SECOND, START_NS, Machine, Network, at, record, replace_points, talk, udp, vm

DISTRIBUTED = Machine("dr", 0x025056564452, "10.10.0.1")
ESP, STT_PORT = 50, 7471


class MirrorLab:
    """A mirror of host-a and the captures of both hosts' uplinks, in files of their own."""

    def __init__(self, *, control: bool = True) -> None:
        self.network = network = Network()
        self.mirror = network.point("", "mirror", "host-a", file="mirror.pcap")
        self.up_a = network.point("vmnic0", "uplink", "host-a", file="up-a.pcap")
        network.uplinks("host-a", "vmnic0")
        if control:
            self.control(WEB, APP, DB)

    def control(self, *machines: Machine, **facts) -> None:
        """These machines of host-a talk to a server elsewhere, over the uplink."""
        far = vm(90, "10.10.0.90")
        for number, machine in enumerate(machines):
            there = (at(self.mirror), at(self.up_a))
            talk(self.network, machine, far, there, there, client_port=50_000 + number, port=9, **facts)

    def inside(self, one: Machine, other: Machine, **facts) -> None:
        """A conversation that only the mirror shows."""
        talk(self.network, one, other, (at(self.mirror),), (at(self.mirror),), **facts)


def edge(network: Network, one: Machine, other: Machine, *records, learned=()):
    """The edge between two addresses."""
    reading = Reading(replace_points(network.registry), network.fold(), names=network.names)
    inventory = Inventory(list(records), learned=list(learned))
    graph = make_map(reading, inventory, network.statements, network.settings, "test").graph
    found = [
        facts
        for source, target, facts in graph.edges(data=True)
        if {one.ip, other.ip} <= set(graph.nodes[source]["ips"]) | set(graph.nodes[target]["ips"])
    ]
    (only,) = found
    return only


def ports_of(*machines: Machine, host="host-a"):
    """A network with a stated port for each machine; every two of them talk, so that each port's VM is sure."""
    network = Network()
    ports = [network.point(f"vnet{number}", "vnic", host) for number, _ in enumerate(machines)]
    return network, ports


def meet(network: Network, one: Machine, other: Machine, here: int, there: int, client_port: int) -> None:
    """A conversation at two points."""
    talk(network, one, other, (at(here), at(there)), (at(there), at(here)), client_port=client_port)


# --- uplinks that are said to be complete


@pytest.mark.parametrize("when", ["after", "before"])
def test_an_uplink_whose_capture_was_stopped_first_or_started_last(when):
    """REM is on another host; the mirror ran 8 s longer than the capture of the uplink, and then they talked."""
    lab = MirrorLab()
    lab.control(REM)
    lab.inside(WEB, REM, start_ns=START_NS + (5 if when == "after" else -5) * SECOND)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_ports_that_were_captured_longer_than_the_uplink_prove_nothing():
    """A reflective relay turned all of it round outside, after the capture of the uplink had been stopped."""
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)), start_ns=START_NS + 5 * SECOND)
    assert lab.edge(WEB, APP)["grade"] not in ("proven", "strong")


def test_an_uplink_capture_with_a_gap():
    """Two captures of the uplink were merged; WEB and REM (on another host) talked in the minutes between."""
    lab = MirrorLab()
    lab.control(REM)
    lab.control(WEB, REM, start_ns=START_NS + 600 * SECOND, isn=77_000)
    lab.inside(WEB, REM, start_ns=START_NS + 300 * SECOND)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_a_second_uplink_that_nobody_knew_of_after_a_failover():
    """WEB and REM talked over vmnic0, which was captured; then the team failed over to a cable nobody stated."""
    lab = MirrorLab()
    there = (at(lab.mirror), at(lab.up_a))
    talk(lab.network, WEB, REM, there, there, client_port=1)
    lab.inside(WEB, REM, client_port=2)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_the_far_end_on_the_uplink_is_no_control_for_the_near_one():
    """WEB is pinned to a cable that nobody stated, so only REM, which is beyond, is ever seen on vmnic0."""
    lab = MirrorLab(control=False)
    there = (at(lab.mirror), at(lab.up_a))
    talk(lab.network, APP, REM, there, there, client_port=1)
    lab.inside(WEB, REM)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_an_uplink_capture_with_a_port_filter():
    """The uplink was captured with 'port 80'; a reflective relay outside turned WEB's and APP's ssh round too."""
    lab = Lab()
    lab.chatter()
    there, back = (at(lab.web), at(lab.up_a, times=2), at(lab.app)), (at(lab.app), at(lab.up_a, times=2), at(lab.web))
    talk(lab.network, WEB, APP, there, back, port=80, client_port=1)
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)), port=22, client_port=2)
    assert lab.edge(WEB, APP)["stayed_bytes"] == 0


def test_an_uplink_that_misses_what_certainly_left_proves_no_absence():
    """A filter on the uplink drops ssh: WEB's ssh to REM on host-b is at both ports and on no uplink."""
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, REM, (at(lab.web), at(lab.rem)), (at(lab.rem), at(lab.web)), port=22, client_port=1)
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)), port=22, client_port=2)
    assert lab.edge(WEB, APP)["grade"] != "proven"


# --- what the uplink carries unseen


@pytest.mark.parametrize("kind", ["ESP", "STT"])
def test_an_overlay_that_nobody_can_open(kind):
    """The underlay is encrypted or of a kind that no reader opens; REM is on the other side of it."""
    lab = MirrorLab()
    lab.control(REM)
    mine, far = Machine("tep-a", 0x001B21000051, "172.31.0.1"), Machine("tep-b", 0x001B21000052, "172.31.0.2")
    for number in range(30):
        now = START_NS + number * 10_000_000
        for one, other in ((mine, far), (far, mine)):
            if kind == "ESP":
                lab.network.send(one, other, at(lab.up_a), protocol=ESP, ports=(0, 0), content=number, time_ns=now)
            else:
                lab.network.send(one, other, at(lab.up_a), ports=(50_000, STT_PORT), seq=number * 1000, time_ns=now)
    lab.inside(WEB, REM)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


# --- routers


@pytest.mark.parametrize("uplinks", [False, True], ids=["no uplinks", "uplinks not complete"])
def test_a_service_router_on_an_edge_between_two_distributed_ones(uplinks):
    """WEB's packets went to the edge on another host and back: three hops, the first and last distributed."""
    lab = Lab(with_uplinks=uplinks, complete=False)
    meet(lab.network, WEB, APP, lab.web, lab.app, 5)
    meet(lab.network, DB, APP, lab.db, lab.app, 6)
    there, back = {"src_mac": DISTRIBUTED.mac, "ttl": 61}, {"src_mac": DISTRIBUTED.mac, "ttl": 61}
    talk(lab.network, WEB, DB, (at(lab.web), at(lab.db, dst_mac=DB.mac, **there)),
         (at(lab.db), at(lab.web, dst_mac=WEB.mac, **back)), via=DISTRIBUTED, via_back=DISTRIBUTED)  # fmt: skip
    assert lab.edge(WEB, DB)["stayed_bytes"] == 0


def test_out_by_a_firewall_vm_and_back_by_it_again():
    """The firewall VM on the host sent it to a router outside, which sent it back to the firewall: three hops."""
    lab = Lab(with_uplinks=False)
    firewall = vm(30, "10.10.0.1")
    meet(lab.network, WEB, APP, lab.web, lab.app, 5)
    meet(lab.network, DB, APP, lab.db, lab.app, 6)
    talk(lab.network, WEB, DB, (at(lab.web), at(lab.db, src_mac=firewall.mac, dst_mac=DB.mac, ttl=61)),
         (at(lab.db), at(lab.web, src_mac=firewall.mac, dst_mac=WEB.mac, ttl=61)),
         via=firewall, via_back=firewall)  # fmt: skip
    rows = [record(machine, "host-a") for machine in (WEB, DB, firewall)]
    assert lab.edge(WEB, DB, *rows)["stayed_bytes"] == 0


def test_into_a_distributed_router_and_out_of_a_physical_one():
    """WEB's segment is routed in the hosts, DB's by a physical router: it left, though one hop is all the TTL shows."""
    lab = Lab(with_uplinks=False)
    meet(lab.network, WEB, APP, lab.web, lab.app, 5)
    meet(lab.network, DB, APP, lab.db, lab.app, 6)
    talk(lab.network, WEB, DB, (at(lab.web), at(lab.db, src_mac=GATEWAY_20.mac, dst_mac=DB.mac, ttl=63)),
         (at(lab.db), at(lab.web, src_mac=DISTRIBUTED.mac, dst_mac=WEB.mac, ttl=63)),
         via=DISTRIBUTED, via_back=GATEWAY_20)  # fmt: skip
    assert lab.edge(WEB, DB)["stayed_bytes"] == 0


def test_a_router_vm_that_only_a_stale_row_places():
    """The router VM moved to another host a week ago; the rows of the two ends are fresh, its own is not."""
    lab = Lab(with_uplinks=False)
    router = vm(30, "10.10.0.1")
    meet(lab.network, WEB, APP, lab.web, lab.app, 5)
    meet(lab.network, DB, APP, lab.db, lab.app, 6)
    talk(lab.network, WEB, DB, (at(lab.web), at(lab.db, src_mac=router.mac, dst_mac=DB.mac, ttl=63)),
         (at(lab.db), at(lab.web, src_mac=router.mac, dst_mac=WEB.mac, ttl=63)), via=router,
         via_back=router)  # fmt: skip
    rows = [record(machine, "host-a") for machine in (WEB, DB)]
    stale = record(router, "host-a", observed_at_ns=START_NS - 7 * 86_400 * SECOND)
    assert lab.edge(WEB, DB, *rows, stale)["grade"] not in ("proven", "strong")


@pytest.mark.parametrize("claims", [True, False], ids=["ARP seen", "no ARP"])
def test_a_vpn_vm_that_leaves_the_ttl_alone_is_not_the_far_end(claims):
    """The gateway VM wrapped WEB's packets and sent them to another site by its second, uncaptured NIC."""
    lab = Lab()
    lab.chatter()
    inner, remote = vm(30, "10.10.0.1"), Machine("remote", vm(30, "").mac, "192.168.5.5")
    port = lab.network.point("vnet7", "vnic", "host-a")
    if claims:
        lab.network.arp(inner, port)
    for number, (machine, own) in enumerate(((WEB, lab.web), (APP, lab.app))):
        talk(lab.network, machine, remote, (at(own), at(port)), (at(port), at(own)), client_port=40 + number)
    assert lab.edge(WEB, remote)["stayed_bytes"] == 0


# --- ports that are on the way


def test_the_outer_port_of_a_transparent_firewall_that_guards_one_server():
    """REM is on another host, as the inventory says; the firewall's outer port carries its conversations only."""
    network, (web, app, outer) = ports_of(WEB, APP, REM)
    meet(network, WEB, APP, web, app, 1)
    for number, (machine, port) in enumerate(((WEB, web), (APP, app))):
        meet(network, machine, REM, port, outer, 10 + number)
    assert edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-b"))["stayed_bytes"] == 0


def test_a_port_that_shows_each_packet_in_two_vlans_is_on_the_way():
    """A transparent firewall with one NIC takes VLAN 110 in and gives VLAN 10 out, to REM on another host."""
    network, (web, app, stick) = ports_of(WEB, APP, REM)
    meet(network, WEB, APP, web, app, 1)
    for number, (machine, port) in enumerate(((WEB, web), (APP, app))):
        on_it = (at(stick, vlan=110), at(stick, vlan=10))
        talk(network, machine, REM, (at(port), *on_it), (*on_it, at(port)), client_port=10 + number)
    assert edge(network, WEB, REM)["stayed_bytes"] == 0


# --- inventories


def mirrored():
    """A mirror of host-a alone."""
    network = Network()
    return network, network.point("", "mirror", "host-a")


def with_gateway(network, mirror, *machines):
    """Answered traffic of machines with a physical router."""
    for number, machine in enumerate(machines):
        back = at(mirror, ttl=57, src_mac=GATEWAY_10.mac)
        talk(network, machine, OUTSIDE, (at(mirror),), (back,), via=GATEWAY_10, client_port=60_000 + number)


def sure_of_staying(found) -> bool:
    return found["stayed_bytes"] > 0 and found["grade"] in ("proven", "strong")


def test_a_vm_that_polls_the_mirrored_host_is_not_on_it():
    """REM moved to host-b; it talks to host-a's VMkernel interface, which has the MAC of a physical NIC."""
    network, mirror = mirrored()
    vmk = Machine("vmk0", 0x001B2100AA01, "10.10.0.5")
    with_gateway(network, mirror, WEB)
    talk(network, REM, vmk, (at(mirror),), (at(mirror),), client_port=5)
    talk(network, WEB, REM, (at(mirror),), (at(mirror),), client_port=6)
    assert not sure_of_staying(edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-a")))


def test_two_rows_whose_hosts_were_swapped_confirm_nothing():
    """REM is on host-b and WEB on host-a; the inventory has them the other way round."""
    network, mirror = mirrored()
    with_gateway(network, mirror, APP)
    talk(network, WEB, REM, (at(mirror),), (at(mirror),), client_port=5)
    talk(network, APP, REM, (at(mirror),), (at(mirror),), client_port=6)
    rows = record(WEB, "host-b"), record(REM, "host-a"), record(APP, "host-a")
    assert not sure_of_staying(edge(network, APP, REM, *rows))


def test_copies_at_the_port_of_a_monitor_vm_confirm_nothing():
    """A session copies REM's traffic on host-b to a monitor on host-a, whose port was captured with all others."""
    network, mirror = mirrored()
    monitor = network.point("vnet9", "vnic", "host-a", file="ports.pcapng")
    with_gateway(network, mirror, WEB)
    with_gateway(network, monitor, REM)
    talk(network, WEB, REM, (at(mirror),), (at(mirror),), client_port=6)
    assert not sure_of_staying(edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-a")))


def test_a_forwarding_table_of_hours_ago_is_not_live():
    """REM was at a port of host-a when the table was read, six hours before; it has moved since."""
    network, mirror = mirrored()
    with_gateway(network, mirror, WEB)
    talk(network, WEB, REM, (at(mirror),), (at(mirror),), client_port=6)
    row = LearnedMac(REM.mac, "host-a", "br-int", "vnet9", 9, False, None, 5, "fdb.txt", 1, "ovs-fdb",
                     START_NS - 6 * 3600 * SECOND, "file time")  # fmt: skip
    rows = record(WEB, "host-a"), record(REM, None)  # type: ignore[arg-type]
    assert sure_of_staying(edge(network, WEB, REM, *rows, learned=[replace(row, observed_at_ns=START_NS)]))
    assert not sure_of_staying(edge(network, WEB, REM, *rows, learned=[row]))


def test_the_router_vm_of_row_14_needs_confirmation_like_the_ends():
    """The two ends are on host-a, confirmed; the router VM is on host-b, where it moved after the export."""
    network, mirror = mirrored()
    router = vm(30, "10.10.0.1")
    with_gateway(network, mirror, WEB, DB)
    talk(network, WEB, DB, (at(mirror), at(mirror, src_mac=router.mac, dst_mac=DB.mac, ttl=63)),
         (at(mirror), at(mirror, src_mac=router.mac, dst_mac=WEB.mac, ttl=63)), via=router,
         via_back=router)  # fmt: skip
    assert not sure_of_staying(edge(network, WEB, DB, *(record(one, "host-a") for one in (WEB, DB, router))))


def test_a_vm_and_the_management_address_of_its_host_by_a_router_outside():
    """The VMkernel address is in another network, so the physical gateway routes between the two."""
    network, mirror = mirrored()
    vmk = Machine("vmk0", 0x005056600001, "10.99.0.5")
    with_gateway(network, mirror, WEB)
    talk(network, WEB, vmk, (at(mirror),), (at(mirror, src_mac=GATEWAY_10.mac, ttl=63),), via=GATEWAY_10)
    rows = record(WEB, "host-a"), record(vmk, "host-a", kind="hypervisor", vm="")
    assert edge(network, WEB, vmk, *rows)["stayed_bytes"] == 0


def test_a_vm_and_its_host_on_two_vswitches():
    """The management network has a vSwitch and an uplink of its own."""
    network, mirror = mirrored()
    vmk = Machine("vmk0", 0x005056600001, "10.10.0.5")
    with_gateway(network, mirror, WEB)
    talk(network, WEB, vmk, (at(mirror),), (at(mirror),))
    rows = record(WEB, "host-a"), record(vmk, "host-a", kind="hypervisor", vm="", vswitch="vSwitch1")
    assert edge(network, WEB, vmk, *rows)["stayed_bytes"] == 0


def test_floods_of_both_directions_confirm_nothing():
    """Each of WEB and REM was flooded once, in two conversations, to the mirror of host-b, where neither of them is."""
    network = Network()
    web, app = (network.point(f"vnet{number}", "vnic", "host-a") for number in range(2))
    mirror = network.point("", "mirror", "host-b", file="mirror.pcap")
    meet(network, WEB, APP, web, app, 5)
    talk(network, WEB, REM, (at(web),), (at(web),), client_port=6)
    network.send(WEB, REM, at(web), at(mirror), ports=(7, 80))
    network.send(REM, WEB, at(web), at(mirror), ports=(80, 8))
    found = edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-b"))
    assert (found["left_host"], found["grade"]) == ("left", "likely")


def test_the_port_of_a_bystander_that_a_wrong_row_gives_to_a_silent_receiver():
    """REM, a log server elsewhere, never answers, so its lines are flooded; the row of before its move has it here."""
    network, (web, app, bystander) = ports_of(WEB, APP, DB)
    meet(network, WEB, APP, web, app, 5)
    udp(network, WEB, REM, at(web), at(bystander), count=50)
    assert not sure_of_staying(edge(network, WEB, REM, record(WEB, "host-a"), record(REM, "host-a")))


# --- said to have left, and stayed


def test_copies_of_a_remote_mirror_in_another_hosts_mirror_did_not_leave():
    """WEB and APP are on host-a; its remote mirror floods copies in VLAN 999, and host-b's mirror shows those."""
    network = Network()
    here, there = (network.point("", "mirror", f"host-{name}", file=f"{name}.pcap") for name in "ab")
    talk(network, WEB, APP, (at(here, vlan=10), at(there, vlan=999)), (at(here, vlan=10), at(there, vlan=999)))
    talk(network, WEB, REM, (at(here, vlan=10), at(there, vlan=10), at(there, vlan=999)),
         (at(here, vlan=10), at(there, vlan=10), at(there, vlan=999)), client_port=5)  # fmt: skip
    assert edge(network, WEB, APP)["left_bytes"] == 0
    assert edge(network, WEB, REM)["left_host"] == "left"


def test_copies_that_a_switch_sends_in_vxlan_to_a_collector_did_not_leave():
    """WEB and APP stayed; a mirror session wraps copies of both directions in VXLAN from the host to a collector."""
    lab = Lab()
    lab.chatter()
    session = lab.network.tunnel("vxlan", "172.31.0.1", "172.31.0.9", 77)
    copied = at(lab.up_a, tunnel=session)
    talk(lab.network, WEB, APP, (at(lab.web), copied, at(lab.app)), (at(lab.app), copied, at(lab.web)))
    assert lab.edge(WEB, APP)["left_bytes"] == 0
