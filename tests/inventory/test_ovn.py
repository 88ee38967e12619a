"""OVN's databases, against what samples/make_ovn.sh told ovn-nbctl and ovn-sbctl."""

import json
from pathlib import Path

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import Inventory, join_files, parse_inventory_file, read_inventory

SAMPLES = Path(__file__).parent / "samples"
SOUTH = ["ovn-sb-Port_Binding.json", "ovn-sb-Chassis.json", "ovn-sb-Encap.json"]
NORTH = ["ovn-nb-Logical_Switch_Port.json", "ovn-nb-NAT.json", "ovn-nb-Logical_Router_Port.json"]
HOST_1, HOST_2 = "kvm-1.example.net", "kvm-2.example.net"


def sample(*names: str) -> Inventory:
    return read_inventory([SAMPLES / name for name in names])


def table(titles: str, *rows: list[object]) -> str:
    return json.dumps({"headings": titles.split(), "data": rows})


def uuid(name: str) -> list[str]:
    return ["uuid", name]


BINDING = "logical_port type chassis mac datapath options additional_chassis nat_addresses tag"
NONE, EMPTY = ["set", []], ["map", []]


def binding(name: object, kind: object, chassis: object, mac: object, *more: object) -> list[object]:
    return [name, kind, chassis, mac, *more, *[uuid("d"), EMPTY, NONE, NONE, NONE][len(more) :]]


def test_both_databases_together():
    inventory = sample(*NORTH, *SOUTH)
    assert inventory.conflicts == []
    vms = {r.vm: (f"{r.mac:012x}", r.ips, r.host, r.external_ips) for r in inventory.records if r.kind == "vm"}
    late = vms.pop("late")
    assert vms == {
        "web": ("fa163e000001", ("10.1.0.11",), HOST_1, ("198.51.100.50",)),
        "app": ("fa163e000003", ("10.2.0.13",), HOST_1, ("198.51.100.51",)),
        "db": ("fa163e000002", ("10.1.0.12", "fd00::12"), HOST_2, ()),
        "asleep": ("fa163e000005", ("10.2.0.15",), None, ()),
    }
    # The address of a dynamic port stands only in the northbound database.
    assert late[1:3] == (("10.1.0.2",), HOST_2) and late[0] != "None"


def test_several_tables_in_one_file_say_the_same():
    whole, apart = sample("ovn-sb.json", "ovn-nb.json"), sample(*SOUTH, *NORTH)
    facts = ("vm", "mac", "ips", "host", "kind", "distributed", "segment_type", "vlan", "external_ips")
    assert {tuple(getattr(r, f) for f in facts) for r in whole.records} == {
        tuple(getattr(r, f) for f in facts) for r in apart.records
    }


@pytest.mark.parametrize("names", [SOUTH, [*NORTH, *SOUTH], [*SOUTH, *NORTH]])
def test_routers(names):
    routers = {r.vm: (r.distributed, r.host) for r in sample(*names).records if r.kind == "router"}
    assert routers == {
        "lrp-blue": (True, None),
        "lrp-green": (True, None),
        "lrp-out": (False, None),  # bound by cr-lrp-out
        "lrp-kept": (False, None),  # reside-on-redirect-chassis
        "lrp-gw": (False, HOST_2),  # a gateway router
    }


def test_the_northbound_database_alone_does_not_tell_that_a_router_is_distributed():
    routers = [r for r in sample(*NORTH).records if r.kind == "router"]
    assert len(routers) == 5 and not any(r.distributed for r in routers)


def test_what_is_neither_vm_nor_router():
    inventory = sample(*SOUTH)
    kinds = {r.vm: r.kind for r in inventory.records}
    assert kinds["meta"] == "service"
    assert not {"out-net", "cr-lrp-out", "to-lrp-blue", "to-lrp-gw"} & kinds.keys()


def test_tunnel_endpoints_are_the_hosts():
    inventory = sample(*SOUTH)
    found = [inventory.hypervisor(ip=ip) for ip in ("192.0.2.1", "192.0.2.2")]
    assert [one and one.host for one in found] == [HOST_1, HOST_2]


def test_without_the_table_chassis_one_chassis_is_still_one_host():
    hosts = {r.vm: r.host for r in sample(SOUTH[0]).records if r.kind == "vm"}
    assert hosts["web"] == hosts["app"] is not None and hosts["db"] == hosts["late"] != hosts["web"]
    assert hosts["asleep"] is None


def test_segments():
    assert {r.vm: r.segment_type for r in sample(*SOUTH).records if r.kind == "vm"} == dict.fromkeys(
        ("web", "db", "app", "late", "asleep"), "overlay"
    )
    text = table(
        BINDING,
        binding("a", "", uuid("c"), "52:54:00:00:00:01"),
        binding("net", "localnet", NONE, "unknown", uuid("d"), EMPTY, NONE, NONE, 100),
        binding("lrp", "patch", NONE, "52:54:00:00:00:02", uuid("r")),
    )
    (vm,) = [r for r in join_files([parse_inventory_file(text, name="b")]).records if r.kind == "vm"]
    assert (vm.segment_type, vm.vlan) == ("vlan", 100)


def test_only_the_bindings_of_vms_do_not_tell_the_segment():
    text = table(BINDING, binding("a", "", uuid("c"), "52:54:00:00:00:01"))
    assert [r.segment_type for r in join_files([parse_inventory_file(text, name="b")]).records] == [None]


def test_a_vm_that_migrates_is_on_no_host():
    text = table(BINDING, binding("a", "", uuid("c1"), "52:54:00:00:00:01", uuid("d"), EMPTY, uuid("c2")))
    file = parse_inventory_file(text, name="b")
    assert [r.host for r in file.records] == [None] and "migrates" in file.warnings[0]


def test_nat_by_address_only_where_one_vm_has_it():
    nat = table("type external_ip logical_ip", ["dnat_and_snat", "203.0.113.9", "10.0.0.1"])
    for macs, external in ((("01",), [("203.0.113.9",)]), (("01", "02"), [(), ()])):
        ports = table("name addresses type", *[[f"p{mac}", f"52:54:00:00:00:{mac} 10.0.0.1", ""] for mac in macs])
        files = [parse_inventory_file(text, name=name) for name, text in (("nat", nat), ("ports", ports))]
        inventory = join_files(files)
        assert [r.external_ips for r in inventory.records] == external
        assert len([w for w in inventory.warnings if w.startswith("nat:")]) == len(macs) - 1


@pytest.mark.parametrize(
    "row",
    [
        binding("<b>\x1b", "", uuid("c"), ["set", ["zz", 7, "52:54:00:00:00:01 10.0.0.1 nonsense"]]),
        binding(7, [], "c", {"x": 1}),
        binding(None, "", ["uuid", 5], ["map", [["a", "b"]]]),
        binding("a", "patch", ["set", [uuid("a"), uuid("b")]], "x" * 5000, 7, 7, 7, 7),
        binding("cr-", "chassisredirect", [], None, [], ["map", [["distributed-port", ["x"]]]]),
        binding("n", "localnet", None, None, None, None, None, None, 10**30),
        ["too", "short"],
        None,
    ],
)
def test_hostile_bindings(row):
    file = parse_inventory_file(table(BINDING, row), name="b.json", modified_ns=1)
    inventory = join_files([file])
    assert all("\x1b" not in f"{r.vm}{r.nic}{r.host}" for r in inventory.records)
    assert all(r.mac in (None, 0x525400000001) for r in inventory.records)


@pytest.mark.parametrize(
    ("titles", "row"),
    [
        ("_uuid name hostname", [7, [], {"a": 1}]),
        ("_uuid name hostname", [uuid("u"), "hv\x1b", "<i>"]),
        ("chassis_name ip", ["hv", "not an address"]),
        ("chassis_name ip", [None, 10**40]),
        ("type external_ip logical_ip", ["dnat_and_snat", 7, []]),
        ("type external_ip logical_ip", [{}, "203.0.113.1", "10.0.0.1"]),
        ("name addresses type", [[], 7, None]),
        ("name addresses type", ["p", ["set", ["dynamic", "router", ""]], ""]),
        ("name mac networks", ["lrp", "ff:ff:ff:ff:ff:ff", ["set", ["x", 7, "10.0.0.1/99"]]]),
    ],
)
def test_hostile_rows_of_other_tables(titles, row):
    inventory = join_files([parse_inventory_file(table(titles, row), name="t.json")])
    assert all(h.host in ("<i>", "hv") for h in inventory.hypervisors)
    assert all(r.mac is None for r in inventory.records)


def test_another_table_is_refused():
    with pytest.raises(InventoryError, match="not of a table that FlowMap reads"):
        parse_inventory_file(table("_uuid match priority", [uuid("a"), "ip4", 7]), name="acl.json")
