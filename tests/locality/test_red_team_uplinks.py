"""What an uplink does not show, or shows and is no departure: filters, frames cut short, unlisted tunnels, copies."""

from __future__ import annotations

import pytest

from flowmap.capture.points import PointStatement
from tests.locality.test_red_team import MirrorLab, edge
from tests.locality.two_hosts import APP, DB, REM, WEB, Lab, triangle
from tests.network import START_NS, UDP, Machine, Network, at, talk, udp

NO_PORTS = (-1, -1)


def busy() -> Lab:
    """WEB, APP and DB talk to each other's hosts for a second, so that ports are sure and the uplink is awake."""
    lab = Lab()
    lab.chatter()
    inside, outside = {DB: lab.db, WEB: lab.web, APP: lab.app}, (lab.up_a, lab.up_b, lab.rem)
    for number, (one, other) in enumerate(((DB, WEB), (DB, APP), (WEB, REM), (APP, REM))):
        path = [inside[one], *(outside if other is REM else [inside[other]])]
        for source, target, places, ports in (
            (one, other, path, (6000, 6001 + number)), (other, one, path[::-1], (6001 + number, 6000))
        ):  # fmt: skip
            udp(lab.network, source, target, *map(at, places), ports=ports, count=120)
    return lab


def ask(lab: Lab, k: int, there: list[int], back: list[int]) -> None:
    """The k-th datagram from WEB to APP and its answer, a millisecond later than the one before."""
    for one, other, ports, places in ((WEB, APP, (5000, 5001), there), (APP, WEB, (5001, 5000), back)):
        lab.network.send(
            one, other, *map(at, places), protocol=UDP, ports=ports, payload=200, content=k + 1,
            time_ns=START_NS + k * 1_000_000 + (100_000 if one is APP else 0),
        )  # fmt: skip


# --- a move that no announcement tells


@pytest.mark.parametrize("who", [WEB, APP], ids=["source", "destination"])
@pytest.mark.parametrize("when", ["end", "middle", "beginning"])
def test_datagrams_by_the_uplink_while_a_vm_was_elsewhere_are_no_flood(who, when):
    """40 of 1,000 datagrams went by the uplink: one of the two VMs was on another host then."""
    lab = busy()
    away = {"end": range(960, 1000), "middle": range(400, 440), "beginning": range(40)}[when]
    for k in range(1000):
        here = [lab.web, lab.app]
        if k in away:
            here[0 if who is WEB else 1] = lab.up_a
        ask(lab, k, here, here[::-1])
    assert lab.edge(WEB, APP)["stayed_bytes"] == 0


@pytest.mark.parametrize("first", [0, 400, 960])
def test_datagrams_that_were_flooded_and_delivered_all_the_same_stayed(first):
    """As many on the uplink, but both ports have all of them: the contrary of the test before."""
    lab = busy()
    for k in range(1000):
        leak = [lab.up_a] if first <= k < first + 40 else []
        ask(lab, k, [lab.web, lab.app, *leak], [lab.app, lab.web])
    assert lab.edge(WEB, APP)["left_host"] == "stayed"


# --- captures that cannot show everything


def test_an_uplink_captured_with_a_filter_proves_no_absence():
    """A relay outside reflects WEB's frames to APP; the uplink's file tells a filter, "host 10.10.0.14"."""
    lab = Lab()
    lab.chatter()
    triangle(lab)
    lab.network.registry.points[lab.up_a].capture_filter = "host 10.10.0.14"
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app)), (at(lab.app), at(lab.web)))
    found = lab.edge(WEB, APP)
    assert found["grade"] != "proven"
    assert any("host 10.10.0.14" in row["text"] for row in found["evidence"])


@pytest.mark.parametrize("cut", ["uplink", "mirror"])
def test_frames_whose_ports_were_cut_off_are_not_missing(cut):
    """Two datagrams each way between WEB and REM, elsewhere; one of the two captures kept 34 bytes of each frame."""
    lab = MirrorLab()
    lab.control(REM)
    for k in range(2):
        for one, other, ports in ((WEB, REM, (5353, 53)), (REM, WEB, (53, 5353))):
            for point, name in ((lab.mirror, "mirror"), (lab.up_a, "uplink")):
                lab.network.send(
                    one, other, at(point), protocol=UDP, ports=NO_PORTS if name == cut else ports, payload=200,
                    ip_id=100 + 2 * k + (one is REM), content=k + 1, time_ns=START_NS + k * 1_000_000,
                )  # fmt: skip
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_frames_whose_ports_were_cut_off_inside_a_tunnel_are_not_missing():
    """The same in an overlay, whose outer headers take 50 of the bytes that were kept."""
    lab = MirrorLab()
    lab.control(REM)
    for one, other, ports, ends in (
        (WEB, REM, (5353, 53), ("172.31.0.1", "172.31.0.2")), (REM, WEB, (53, 5353), ("172.31.0.2", "172.31.0.1"))
    ):  # fmt: skip
        tunnel = lab.network.tunnel("vxlan", *ends, 5001)
        udp(lab.network, one, other, at(lab.mirror), ports=ports)
        udp(lab.network, one, other, at(lab.up_a, tunnel=tunnel), ports=NO_PORTS)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_an_uplink_of_which_too_little_was_kept_proves_no_absence():
    """50 bytes hold IPv4 addresses, but not those of IPv6: WEB's IPv6 to REM, elsewhere, is in the mirror only."""
    network = Network()
    mirror = network.point("", "mirror", "host-a", file="mirror.pcap")
    uplink = network.point("vmnic0", "uplink", "host-a", file="up-a.pcap", snaplen=50)
    network.uplinks("host-a", "vmnic0")
    for number, machine in enumerate((WEB, REM)):
        both = (at(mirror), at(uplink))
        talk(network, machine, DB, both, both, client_port=50_000 + number, port=9)
    six = [Machine(one.name, one.mac, f"2001:db8::{one.mac & 0xFF}") for one in (WEB, REM)]
    talk(network, *six, (at(mirror),), (at(mirror),))
    edges = network.map().graph.edges(data=True)
    assert sum(facts["stayed_bytes"] for _, _, facts in edges) == 0


@pytest.mark.parametrize("port", [5555, 6635, 8285, 40_404], ids=["FOU", "MPLS", "flannel", "a port of one's own"])
def test_an_overlay_on_a_port_that_no_list_has(port):
    """The host bridges a VLAN into a tunnel to the host of REM; nobody opens it, and its ends are no guests."""
    lab = MirrorLab()
    lab.control(REM)
    mine, far = Machine("tep-a", 0x001B21000051, "172.31.0.1"), Machine("tep-b", 0x001B21000052, "172.31.0.2")
    udp(lab.network, mine, far, at(lab.up_a), ports=(50_000, port), count=20, payload=1050)
    udp(lab.network, far, mine, at(lab.up_a), ports=(50_000, port), count=20, payload=1050)
    lab.inside(WEB, REM)
    assert edge(lab.network, WEB, REM)["stayed_bytes"] == 0


def test_datagrams_of_guests_on_the_uplink_are_no_tunnel():
    """WEB and APP in the mirror and on no uplink, on which DB streams to REM meanwhile."""
    lab = MirrorLab()
    udp(lab.network, DB, REM, at(lab.mirror), at(lab.up_a), ports=(50_000, 40_404), count=40, payload=1200)
    lab.inside(WEB, APP)
    assert edge(lab.network, WEB, APP)["left_host"] == "stayed"


# --- copies


@pytest.mark.parametrize("kind", ["vxlan", "geneve", "nvgre"])
def test_copies_of_which_each_session_has_a_network_of_its_own_did_not_leave(kind):
    """A session for each port, which copies what comes in there: question and answer differ in their VNI only."""
    network = Network()
    uplink = network.point("vmnic0", "uplink", "host-a")
    there, back = (at(uplink, tunnel=network.tunnel(kind, "172.31.0.1", "172.31.0.9", vni)) for vni in (11, 12))
    talk(network, WEB, APP, (there,), (back,))
    assert edge(network, WEB, APP)["left_bytes"] == 0


def test_tunnels_there_and_back_between_two_hosts_left_in_whatever_networks():
    """Asymmetric routing: the answer comes back in another virtual network."""
    network = Network()
    uplink = network.point("vmnic0", "uplink", "host-a")
    there = at(uplink, tunnel=network.tunnel("vxlan", "172.31.0.1", "172.31.0.2", 11))
    back = at(uplink, tunnel=network.tunnel("vxlan", "172.31.0.2", "172.31.0.1", 12))
    talk(network, WEB, REM, (there,), (back,))
    assert edge(network, WEB, REM)["verdict"] == "inter_host_overlay"


def test_copies_for_a_collector_on_the_uplink_of_a_file_without_interface_names():
    """A row names the uplink by its file; the host's ERSPAN copies of WEB and APP pass there."""
    network = Network()
    network.point("", file="up.pcap")
    copies = network.registry.point(
        network.registry.points[0].key._replace(mirror="erspan:172.31.0.1/77"), interface=""
    )
    network.statements.points.append(PointStatement(file="up.pcap", host="host-a", role="uplink"))
    talk(network, WEB, APP, (at(copies),), (at(copies),))
    assert edge(network, WEB, APP)["left_bytes"] == 0
