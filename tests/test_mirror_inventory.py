"""What the real tables of a lab host say beside its captures: the VLAN of its remote mirror, and where MACs are.

The tables are what `ovs-vsctl` and `ovs-appctl fdb/show` printed on kvm-31 while the samples were recorded; what truly
happened is in captures/truth.json.
"""

from __future__ import annotations

import json

import pytest

from flowmap.capture.points import parse_points
from flowmap.inventory import InventoryFile, join_files, parse_inventory_file
from flowmap.pipeline import make_map
from flowmap.reading import Reading
from tests.lab import CAPTURES, TRUTH, edge_of, edges_of, lab_map
from tests.network import Machine, Network, at, replace_points, talk

PORTS = ("rspan-ports-kvm-31.pcapng",)
POINTS = """
hosts: { kvm-31: { uplinks: [vmnic0], uplinks_complete: true } }
points:
  - { file: rspan-ports-kvm-31.pcapng, interface: vnet0, host: kvm-31, role: vnic }
  - { file: rspan-ports-kvm-31.pcapng, interface: vnet1, host: kvm-31, role: vnic }
  - { file: rspan-ports-kvm-31.pcapng, interface: vnet2, host: kvm-31, role: vnic }
  - { file: rspan-ports-kvm-31.pcapng, interface: vmnic0, host: kvm-31, role: uplink }
"""
"""Roles and hosts only: nobody states that VLAN 999 holds copies."""

SCENARIO = TRUTH["scenarios"]["rspan"]
RECORDED_NS = SCENARIO["started_at_s"] * 10**9
MACHINES = {
    one["name"]: Machine(one["name"], int(one["mac"].replace(":", ""), 16), one["ips"][0])
    for one in SCENARIO["machines"]
    if one["kind"] == "vm"
}
WIKI_1, WIKI_2, FORUM = (MACHINES[name] for name in ("wiki-1", "wiki-2", "forum-1"))


def table(name: str, host: str | None = "kvm-31") -> InventoryFile:
    """A table of the lab's host, exported when the samples were recorded."""
    file = f"ovs-kvm-31-{name}"
    return parse_inventory_file((CAPTURES / file).read_bytes(), name=file, host=host, modified_ns=RECORDED_NS)


def switch_tables() -> list[InventoryFile]:
    return [table(f"{name}.json") for name in ("bridge", "port", "interface")]


def pair(one: str, other: str) -> dict:
    return next(each for each in TRUTH["pairs"] if {each["a"], each["b"]} == {one, other})


def edge_in_the_lab(one: str, other: str, *files: InventoryFile):
    found = edges_of(lab_map(PORTS, parse_points(POINTS, "points.yaml"), join_files(files)))
    return edge_of(found, pair(one, other))


def test_the_table_of_mirrors_tells_the_vlan_of_the_copies():
    edge = edge_in_the_lab("wiki-1", "wiki-2", *switch_tables(), table("mirror.json"))
    assert (edge["left_host"], edge["verdict"]) == ("stayed", pair("wiki-1", "wiki-2")["verdict"])
    assert edge["undetermined_bytes"] == 0


def test_the_mirrors_host_is_that_of_its_bridge():
    files = [*switch_tables(), table("mirror.json", host=None)]
    (mirror,) = join_files(files).mirrors
    assert (mirror.host, mirror.vswitch, mirror.output_vlan) == ("kvm-31", "br-int", 999)
    assert edge_in_the_lab("wiki-1", "wiki-2", *files)["left_host"] == "stayed"


@pytest.mark.parametrize("host", [None, "kvm-32"])
def test_a_mirror_of_nobody_knows_where_or_of_another_host_explains_nothing(host):
    edge = edge_in_the_lab("wiki-1", "wiki-2", table("mirror.json", host))
    assert (edge["left_host"], edge["stayed_bytes"]) == ("undetermined", 0)


def test_without_the_table_of_mirrors_nothing_stayed():
    edge = edge_in_the_lab("wiki-1", "wiki-2", *switch_tables())
    assert (edge["left_host"], edge["stayed_bytes"]) == ("undetermined", 0)


@pytest.mark.parametrize(("one", "other"), [("forum-1", "wiki-1"), ("forum-1", "wiki-2"), ("wiki-1", "wiki-db")])
def test_what_left_in_its_own_vlan_left_all_the_same(one, other):
    assert edge_in_the_lab(one, other, *switch_tables(), table("mirror.json"))["left_host"] == "left"


def in_the_mirror_of_kvm_31(one: Machine, other: Machine, *files: InventoryFile):
    """A conversation that a mirror of kvm-31 saw, where local and remote traffic look the same."""
    network = Network()
    mirror = network.point("", "mirror", "kvm-31")
    network.arp(one, mirror)
    network.arp(other, mirror)
    talk(network, one, other, (at(mirror, vlan=150),), (at(mirror, vlan=150),), start_ns=RECORDED_NS)
    reading = Reading(replace_points(network.registry), network.fold())
    flow_map = make_map(reading, join_files(files), network.statements, network.settings, "test")
    (edge,) = (edge for _, _, edge in flow_map.graph.edges(data=True))
    return edge


def names(*machines: Machine, host: str = "") -> InventoryFile:
    """A list of VMs, with a host or without."""
    rows = "".join(f"{one.name},{one.mac:012x},{one.ip},{host}\n" for one in machines)
    return parse_inventory_file(f"vm,mac,ip,host\n{rows}", name="names.csv", modified_ns=RECORDED_NS)


def ports_without_macs() -> list[InventoryFile]:
    """The host's tables as of a platform that tells Open vSwitch a VM's identifier, but not its MAC."""
    text = (CAPTURES / "ovs-kvm-31-interface.json").read_text()
    content = json.loads(text)
    ids = content["headings"].index("external_ids")
    for row in content["data"]:
        row[ids] = ["map", [pair for pair in row[ids][1] if pair[0] != "attached-mac"]]
    told = parse_inventory_file(json.dumps(content), name="interface.json", host="kvm-31", modified_ns=RECORDED_NS)
    assert told.links and all(record.mac is None for record in told.records)
    return [table("bridge.json"), table("port.json"), told]


def test_the_forwarding_table_places_vms_that_no_other_file_places():
    files = [names(WIKI_1, WIKI_2), *ports_without_macs()]
    assert in_the_mirror_of_kvm_31(WIKI_1, WIKI_2, *files)["left_host"] == "undetermined"
    edge = in_the_mirror_of_kvm_31(WIKI_1, WIKI_2, *files, table("fdb-show.txt"))
    assert (edge["left_host"], edge["verdict"]) == ("stayed", "intra_host_switched")
    assert edge["grade"] != "proven"


def test_behind_the_uplink_of_the_forwarding_table_is_away():
    files = [names(WIKI_1, FORUM), *ports_without_macs(), table("fdb-show.txt")]
    edge = in_the_mirror_of_kvm_31(WIKI_1, FORUM, *files)
    assert (edge["left_host"], edge["verdict"]) == ("left", "inter_host")


def test_the_forwarding_table_takes_back_what_a_stale_list_places_on_its_host():
    stale = names(WIKI_1, FORUM, host="kvm-31")
    assert in_the_mirror_of_kvm_31(WIKI_1, FORUM, stale)["left_host"] == "stayed"  # what it would wrongly say
    edge = in_the_mirror_of_kvm_31(WIKI_1, FORUM, stale, *ports_without_macs(), table("fdb-show.txt"))
    assert (edge["left_host"], edge["grade"]) == ("undetermined", "conflict")
    assert any("has it behind a way out" in row["text"] for row in edge["evidence"])


def test_a_forwarding_table_without_its_host_or_ports_places_nothing():
    files = [names(WIKI_1, WIKI_2), *ports_without_macs(), table("fdb-show.txt", host=None)]
    assert in_the_mirror_of_kvm_31(WIKI_1, WIKI_2, *files)["left_host"] == "undetermined"
    files = [names(WIKI_1, WIKI_2), table("fdb-show.txt")]
    assert in_the_mirror_of_kvm_31(WIKI_1, WIKI_2, *files)["left_host"] == "undetermined"
