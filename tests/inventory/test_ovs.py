"""`ovs-vsctl --format=json list Interface`.

data/ovs_interface.json was written by ovs-vsctl 3.1.0 from a database of this test's own: a bridge with the
uplink eno1, a tunnel, and ports with the external_ids that libvirt (vnet0, vnet7), OpenStack (tap..., DHCP
server tapd1), XenServer (vif3.0) and OVN-Kubernetes (a1b2c3) set.
"""

import json
from pathlib import Path

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import parse_inventory, parse_inventory_file

REAL = (Path(__file__).parent / "data" / "ovs_interface.json").read_text()


def envelope(*interfaces: dict[str, object]) -> str:
    rows = [[i["name"], ["map", list(map(list, i["external_ids"].items()))]] for i in interfaces]
    return json.dumps({"headings": ["name", "external_ids"], "data": rows})


def test_the_ports_of_vms_and_no_others():
    file = parse_inventory_file(REAL, name="ovs.json", modified_ns=9)
    assert file.format == "ovs-interface"
    found = {r.interface: (r.vm, r.vm_id, r.mac, r.nic) for r in file.records}
    assert found == {
        "vnet0": (
            "8d3c1a52-0a6e-4e3c-9d0c-6a3f0a4be001",
            "8d3c1a52-0a6e-4e3c-9d0c-6a3f0a4be001",
            0x525400000001,
            "0b0e7d4e-3f5a-4f0c-9a53-4f5a7b6c1d01",
        ),
        "tap5f2b7c11-09": (
            "8d3c1a52-0a6e-4e3c-9d0c-6a3f0a4be002",
            "8d3c1a52-0a6e-4e3c-9d0c-6a3f0a4be002",
            0xFA163E000002,
            "5f2b7c11-0974-4a7b-8f59-1f4f2f1c2a02",
        ),
        "vif3.0": (
            "8d3c1a52-0a6e-4e3c-9d0c-6a3f0a4be004",
            "8d3c1a52-0a6e-4e3c-9d0c-6a3f0a4be004",
            0xBAD000000004,
            None,
        ),
        "a1b2c3": ("default_web-7d4f", None, 0x0A580AF40005, "default_web-7d4f"),
    }
    assert {r.host for r in file.records} == {None}
    assert {r.observed_how for r in file.records} == {"file time"}
    assert [r.ips for r in file.records if r.interface == "a1b2c3"] == [("10.244.0.5",)]
    assert len(file.warnings) == 2
    assert "inactive" in file.warnings[0] + file.warnings[1]
    assert "internal ports without a VM" in file.warnings[0] + file.warnings[1]


def test_the_row_is_the_place_in_the_export():
    data = json.loads(REAL)
    names = [row[data["headings"].index("name")] for row in data["data"]]
    assert {r.row: r.interface for r in parse_inventory(REAL, name="o")}.items() <= dict(enumerate(names, 1)).items()


def test_the_mac_of_the_hosts_end_is_never_used():
    text = json.dumps(
        {
            "headings": ["name", "mac_in_use", "external_ids"],
            "data": [["vnet0", "fe:54:00:00:00:01", ["map", [["vm-name", "web"]]]]],
        }
    )
    (record,) = parse_inventory(text, name="o")
    assert (record.vm, record.mac, record.interface) == ("web", None, "vnet0")


def test_a_given_name_is_preferred():
    text = envelope({"name": "p", "external_ids": {"vm-name": "web", "vm-uuid": "u-1", "iface-id": "i-1"}})
    (record,) = parse_inventory(text, name="o")
    assert (record.vm, record.vm_id, record.nic) == ("web", "u-1", "i-1")


def test_no_vm_at_all_says_what_is_missing():
    file = parse_inventory_file(envelope({"name": "eno1", "external_ids": {}}), name="o.json")
    assert file.records == []
    assert file.warnings == [
        "o.json: no interface names a VM (external_ids attached-mac, vm-uuid or iface-id), so it places none."
    ]


@pytest.mark.parametrize(
    "headings",
    [["name", "tag"], ["name", "external_ids", "interfaces"], ["name", "external_ids", "ports"], [], 7, None],
)
def test_another_table_is_refused_with_the_right_command(headings):
    with pytest.raises(InventoryError, match="use: ovs-vsctl --format=json list Interface"):
        parse_inventory(json.dumps({"headings": headings, "data": []}), name="o.json")


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        ["only one"],
        ["p", ["map", [["attached-mac"]]]],
        ["p", ["map", [[1, 2], [None, None], [["x"], {}]]]],
        ["p", ["map", 7]],
        ["p", ["set", []]],
        [["set", []], {"map": 1}],
    ],
)
def test_wrong_types_inside_the_envelope_give_no_record(row):
    text = json.dumps({"headings": ["name", "external_ids"], "data": [row]})
    assert parse_inventory(text, name="o.json") == []


def test_hostile_external_ids():
    text = envelope(
        {
            "name": "<i>\u0000",
            "external_ids": {"attached-mac": "00:00:00:00:00:00", "vm-name": "a\u001b[2Jb" + "c" * 400},
        }
    )
    file = parse_inventory_file(text, name="o.json")
    (record,) = file.records
    assert record.mac is None and record.interface == "<i>\ufffd"
    assert record.vm.startswith("a\ufffd[2Jb") and len(record.vm) == 255
    assert "row 1, column 'external_ids:attached-mac': '00:00:00:00:00:00' is the zero MAC" in file.warnings[0]
