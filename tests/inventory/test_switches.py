"""Tables of Open vSwitch put together, against what samples/make.sh built."""

import json
from pathlib import Path

import pytest

from flowmap.inventory import join_files, parse_inventory_file, read_inventory
from flowmap.inventory.links import SwitchInterface
from flowmap.inventory.switches import leads_out

SAMPLES = Path(__file__).parent / "samples"
TABLES = [f"ovs-kvm-a-{table}.json" for table in ("interface", "port", "bridge", "mirror")]


def at(host: str, *names: str) -> list[str]:
    return [f"{host}={SAMPLES / name}" for name in names]


def tables(*envelopes: tuple[str, list[list[object]]]) -> str:
    return "\n".join(json.dumps({"headings": titles.split(), "data": rows}) for titles, rows in envelopes)


def uuid(name: str) -> list[str]:
    return ["uuid", name]


VM_IDS = ["map", [["attached-mac", "52:54:00:00:00:01"], ["vm-id", "web"]]]


def one_bridge(*more_interfaces: tuple[str, str], ports: list[str] | None = None, vm_port: str = "[]") -> str:
    """Bridge `br` with its own port, a VM's port vnet0, and more interfaces (name, type) one a port."""
    interfaces = [("br", "internal"), ("vnet0", ""), *more_interfaces]
    rows: list[list[object]] = [
        [uuid(f"i-{name}"), name, kind, VM_IDS if name == "vnet0" else ["map", []]] for name, kind in interfaces
    ]
    all_ports = [f"p-{name}" for name, _ in interfaces]
    extra = json.loads(vm_port)
    port_rows: list[list[object]] = [
        [uuid(f"p-{name}"), name, uuid(f"i-{name}"), *(extra if name == "vnet0" else [])] for name, _ in interfaces
    ]
    port_rows = [row + [["set", []]] * (6 - len(row)) for row in port_rows]
    return tables(
        ("_uuid name type external_ids", rows),
        ("_uuid name interfaces tag vlan_mode other_config", port_rows),
        ("_uuid name ports", [[uuid("b"), "br", ["set", [uuid(p) for p in (all_ports if ports is None else ports)]]]]),
    )


def test_one_file_with_all_tables_places_and_names_everything():
    inventory = read_inventory([SAMPLES / "ovs-kvm-a.json"])
    assert (inventory.conflicts, inventory.warnings) == ([], [])
    found = {r.vm: (r.host, r.interface, r.vswitch, r.vlan, r.has_uplink) for r in inventory.records}
    host = "kvm-a.example.net"
    assert found == {
        "uuid-web": (host, "vnet0", "br-ex", 10, None),  # br-int and br-ex are joined by patch ports
        "uuid-app": (host, "vnet1", "br-ex", 10, None),
        "uuid-db-1": (host, "vnet2", "br-priv", None, False),
        "uuid-db-2": (host, "vnet3", "br-priv", None, False),
        "uuid-far": (host, "vnet4", "br-tun", None, None),  # a tunnel leads out
        "uuid-odd": (host, "vnet5", "br-odd", None, None),  # nobody says what is behind the port docked
    }


def test_the_same_tables_in_files_of_their_own_say_the_same():
    whole = read_inventory(at("kvm-a", "ovs-kvm-a.json"))
    apart = read_inventory(at("kvm-a", *reversed(TABLES)))
    assert apart.warnings == []
    for inventory in (whole, apart):
        inventory.records.sort(key=lambda r: r.vm)
    facts = ("vm", "mac", "vswitch", "vlan", "segment_type", "has_uplink", "interface", "nic")
    assert [[getattr(r, f) for f in facts] for r in apart.records] == [
        [getattr(r, f) for f in facts] for r in whole.records
    ]
    assert {r.host for r in apart.records} == {"kvm-a"}


@pytest.mark.parametrize("missing", ["port", "bridge"])
def test_without_all_tables_nobody_claims_that_there_is_no_uplink(missing):
    names = [name for name in TABLES if missing not in name]
    assert {r.has_uplink for r in read_inventory(at("kvm-a", *names)).records} == {None}


def test_mirrors_name_their_ports():
    for names in (["ovs-kvm-a.json"], TABLES):
        mirrors = {m.name: m for m in read_inventory(at("kvm-a", *names)).mirrors}
        assert mirrors.keys() == {"m0", "m1"}
        m0, m1 = mirrors["m0"], mirrors["m1"]
        assert (m0.select_all, m0.output_interface, m0.output_vlan, m0.snaplen) == (True, "m0out", None, 96)
        assert (m1.select_all, m1.select_interfaces, m1.select_vlans) == (False, ("vnet0",), (10,))
        assert (m1.output_interface, m1.output_vlan, m1.snaplen) == (None, 999, None)
        assert {(m.vswitch, m.host) for m in (m0, m1)} == {("br-int", m0.host)} and m0.host.startswith("kvm-a")


def test_a_mirror_alone_does_not_look_as_if_it_copied_nothing():
    mirrors = {m.name: m for m in read_inventory(at("kvm-a", "ovs-kvm-a-mirror.json")).mirrors}
    assert len(mirrors["m1"].select_interfaces) == 1 and mirrors["m1"].select_interfaces != ("vnet0",)
    assert mirrors["m0"].output_interface not in (None, "m0out")


def test_a_bond_is_a_way_out_and_its_members_are_known():
    text = one_bridge(("eno1", ""), ("eno2", ""))
    assert [r.has_uplink for r in join_files([parse_inventory_file(text, name="o")]).records] == [None]


@pytest.mark.parametrize(
    ("interfaces", "ports", "has_uplink"),
    [
        ((), None, False),
        ((("eno1", ""),), None, None),
        ((("tap9", "system"),), None, None),
        ((("vx0", "vxlan"),), None, None),
        ((("int-ex", "patch"),), None, None),
        ((("svc", "internal"),), None, None),  # may be enslaved to a bridge that leads out
        ((), ["p-br", "p-vnet0", "p-that-no-table-lists"], None),
        ((), [], None),
    ],
)
def test_a_bridge_without_a_way_out(interfaces, ports, has_uplink):
    text = one_bridge(*interfaces, ports=ports)
    assert [r.has_uplink for r in join_files([parse_inventory_file(text, name="o")]).records] == [has_uplink]


@pytest.mark.parametrize(
    ("port", "vlan", "segment_type"),
    [
        ([10], 10, "vlan"),
        ([0], None, "none"),
        ([10, "access"], 10, "vlan"),
        ([10, "native-untagged"], None, None),
        ([10, "dot1q-tunnel"], None, None),
        ([4095], None, None),
        ([-1], None, None),
        ([10**30], None, None),
        (["10"], None, None),
        ([True], None, None),
        # Neutron: the tag is this host's own, the segment stands beside it.
        ([3, "", ["map", [["net_uuid", "n"], ["network_type", "vxlan"], ["segmentation_id", "77"]]]], None, "overlay"),
        ([3, "", ["map", [["net_uuid", "n"], ["network_type", "vlan"], ["segmentation_id", "77"]]]], 77, "vlan"),
        ([3, "", ["map", [["net_uuid", "n"], ["network_type", "vlan"], ["segmentation_id", "9999"]]]], None, "vlan"),
        ([3, "", ["map", [["net_uuid", "n"], ["network_type", "<b>"]]]], None, None),
    ],
)
def test_the_vlan_of_a_port(port, vlan, segment_type):
    inventory = join_files([parse_inventory_file(one_bridge(vm_port=json.dumps(port)), name="o")])
    assert [(r.vlan, r.segment_type) for r in inventory.records] == [(vlan, segment_type)]


def test_a_protected_port_is_isolated():
    text = tables(
        ("_uuid name external_ids", [[uuid("i"), "vnet0", VM_IDS]]),
        ("_uuid name interfaces protected", [[uuid("p"), "vnet0", uuid("i"), True]]),
    )
    assert [r.isolated for r in join_files([parse_inventory_file(text, name="o")]).records] == [True]


def test_another_file_that_names_the_inner_bridge_does_not_make_a_second_vswitch():
    csv = "vm,mac,host,vswitch\nlone,52:54:00:aa:00:55,kvm-a,br-int\nelse,52:54:00:aa:00:56,kvm-z,br-int\n"
    files = [
        parse_inventory_file((SAMPLES / "ovs-kvm-a.json").read_bytes(), name="o"),
        parse_inventory_file(csv, name="c"),
    ]
    inventory = join_files(files)
    assert [r.vswitch for r in inventory.by_mac(0x525400AA0055)] == ["br-ex"]
    assert [r.vswitch for r in inventory.by_mac(0x525400AA0056)] == ["br-int"]


@pytest.mark.parametrize(
    ("name", "kind", "driver", "of_vm", "out"),
    [
        ("eno1", "", "ixgbe", False, True),
        ("p0", "", "mlx5_core", False, True),
        ("vmnic0", "", "veth", False, True),
        ("dpdk-p0", "dpdk", "", False, True),
        ("vx0", "vxlan", "", False, True),
        ("docked", "", "veth", False, False),
        ("tap100i0", "", "tun", False, False),  # Proxmox tells Open vSwitch nothing about VMs
        ("vhu0", "dpdkvhostuserclient", "", False, False),
        ("eth0", "", "veth", False, False),
        ("eno1", "", "ixgbe", True, False),
        ("int-ex", "patch", "", False, False),
        ("br0", "internal", "tun", False, False),
        ("enp1s0", "", "", False, True),
    ],
)
def test_what_leads_out(name, kind, driver, of_vm, out):
    assert leads_out(SwitchInterface("u", name, kind, 1, of_vm, driver, None, None, "s", 1)) is out


def test_cloned_hosts_with_the_same_identifiers_are_not_mixed_up():
    first, second = one_bridge(), one_bridge(("eno1", ""))
    files = [parse_inventory_file(text, name=name, host=name) for text, name in ((first, "kvm-1"), (second, "kvm-2"))]
    found = {(r.host, r.vswitch, r.has_uplink) for r in join_files(files).records}
    assert found == {("kvm-1", None, None), ("kvm-2", None, None)}


def test_tables_that_name_each_other_in_circles_or_wrongly_end():
    text = tables(
        ("_uuid name type external_ids options", [
            [uuid("i1"), "a", "patch", ["map", []], ["map", [["peer", "b"]]]],
            [uuid("i2"), "b", "patch", ["map", []], ["map", [["peer", "a"]]]],
            [uuid("i3"), "c", "patch", VM_IDS, ["map", [["peer", "c"]]]],
            [7, {"x": 1}, None, [], "peer"],
        ]),
        ("_uuid name interfaces", [
            [uuid("p1"), "a", ["set", [uuid("i1"), uuid("i3"), 7, ["uuid", 9], []]]],
            [uuid("p2"), "b", uuid("i2")],
            [["set", []], 5, "x"],
        ]),
        ("_uuid name ports", [
            [uuid("b1"), "one", uuid("p1")], [uuid("b2"), "two", ["set", [uuid("p2"), uuid("p1")]]], [1, 2, 3],
        ]),
        ("name select_all output_port select_vlan snaplen", [
            [None, "yes", uuid("nowhere"), ["set", [5, "x", 99999, -1]], 10**40],
        ]),
        ("bridges external_ids", [[uuid("b1"), ["map", [["hostname", "<i>\x1b"], ["ovn-encap-ip", "x, 10.0.0.1"]]]]]),
    )  # fmt: skip
    inventory = join_files([parse_inventory_file(text, name="o")])
    (record,) = inventory.records
    assert record.vswitch is None and record.interface == "c"  # two bridges claim its port
    (mirror,) = inventory.mirrors
    assert (mirror.select_all, mirror.select_vlans, mirror.snaplen) == (False, (5,), None)
    assert [(h.host, h.ips) for h in inventory.hypervisors] == [("<i>\ufffd", ("10.0.0.1",))]
