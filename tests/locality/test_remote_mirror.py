"""RSPAN: copies in the VLAN of a remote mirror stand on the uplink though the packets stayed (reference 0.4)."""

from __future__ import annotations

from flowmap.capture.points import PointStatement
from flowmap.inventory import Inventory, MirrorSession
from flowmap.pipeline import make_map
from flowmap.reading import Reading
from tests.locality.two_hosts import APP, REM, WEB, Lab
from tests.network import at, replace_points, talk


def lab_with_copies() -> Lab:
    """WEB and APP on host-a; the vSwitch mirrors all it switches into VLAN 999, by the uplink."""
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.app), at(lab.up_a, vlan=999)),
         (at(lab.app), at(lab.web), at(lab.up_a, vlan=999)))  # fmt: skip
    talk(lab.network, WEB, REM, (at(lab.web), at(lab.up_a, vlan=10), at(lab.up_a, vlan=999), at(lab.rem)),
         (at(lab.rem), at(lab.up_a, vlan=10), at(lab.up_a, vlan=999), at(lab.web)), client_port=3)  # fmt: skip
    return lab


def edge_with(lab: Lab, inventory: Inventory):
    reading = Reading(replace_points(lab.network.registry), lab.network.fold())
    graph = make_map(reading, inventory, lab.network.statements, lab.network.settings, "test").graph
    ids = {ip: key for key, node in graph.nodes(data=True) for ip in node["ips"]}
    ends = ids[WEB.ip], ids[APP.ip]
    return graph, graph.edges[ends] if graph.has_edge(*ends) else graph.edges[ends[::-1]]


def state(lab: Lab) -> None:
    lab.network.statements.points.append(PointStatement(file="a.pcapng", interface="vmnic0", vlan=999))


def test_unstated_copies_on_the_uplink_never_make_a_stayed():
    assert lab_with_copies().edge(WEB, APP)["stayed_bytes"] == 0


def test_a_stated_remote_mirror_leaves_the_uplink_silent():
    lab = lab_with_copies()
    state(lab)
    edge = lab.edge(WEB, APP)
    assert (edge["verdict"], edge["grade"]) == ("intra_host_switched", "proven")
    assert edge["stayed_bytes"] == edge["wire_bytes"] == 11 * 1054 - 1000 + 11 * 54


def test_traffic_of_its_own_vlan_left_all_the_same():
    lab = lab_with_copies()
    state(lab)
    assert lab.edge(WEB, REM)["left_host"] == "left"


def test_the_inventory_names_the_vlan_of_the_mirror():
    mirror = MirrorSession("rs", "host-a", "br-int", True, output_vlan=999, source="mirror.json", row=1)
    graph, edge = edge_with(lab_with_copies(), Inventory([], mirrors=[mirror]))
    assert edge["left_host"] == "stayed"
    (point,) = [point for point in graph.graph["points"] if "rspan" in point["id"]]
    assert (point["id"], point["role"], point["host"]) == ("a.pcapng:vmnic0:rspan:999", "mirror", "host-a")
    assert point["how"].startswith("role inventory mirror.json")


def test_a_mirror_of_another_host_explains_nothing_here():
    mirror = MirrorSession("rs", "host-b", "br-int", True, output_vlan=999, source="mirror.json", row=1)
    _, edge = edge_with(lab_with_copies(), Inventory([], mirrors=[mirror]))
    assert edge["stayed_bytes"] == 0


def test_packets_of_the_points_still_sum_to_all_packets():
    lab = lab_with_copies()
    state(lab)
    facts = lab.network.map().graph.graph
    assert sum(point["packets"] for point in facts["points"]) == facts["totals"]["packets"]
