"""The inventories of the lab against truth.json, which was written from how the lab was built."""

import json
from pathlib import Path

import pytest

from flowmap.inventory import read_inventory
from flowmap.inventory.cells import mac_text

CAPTURES = Path(__file__).parents[2] / "captures"
TABLES = {
    "inventory.csv": "vlan",
    "inventory.yaml": "vlan",
    "rvtools-vNetwork.csv": "vlan",
    "inventory-bridge.csv": "bridge",
    "inventory-overlay.csv": "overlay",
}


def listed_vms(scenario: str) -> dict[str, dict[str, object]]:
    """VMs of a scenario that its inventory is to list, by MAC."""
    truth = json.loads((CAPTURES / "truth.json").read_text())
    machines = truth["scenarios"][scenario]["machines"]
    return {m["mac"]: m for m in machines if m["kind"] == "vm" and m["in_inventory"]}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_each_table_places_every_vm(name):
    inventory = read_inventory([CAPTURES / name])
    truth = listed_vms(TABLES[name])
    assert (inventory.conflicts, inventory.warnings) == ([], [])
    assert {mac_text(r.mac): (r.vm, r.host, r.vswitch, r.network, set(r.ips)) for r in inventory.records} == {
        mac: (m["name"], m["host"], m["vswitch"], m["network"], set(m["ips"])) for mac, m in truth.items()
    }


def test_the_hypervisors_own_exports_give_the_interfaces():
    truth = {mac: m for mac, m in listed_vms("vlan").items() if m["host"] == "host-a"}
    names = ["ovs-host-a-interface.json", "virsh-dumpxml-web-1.xml", "inventory.csv"]
    inventory = read_inventory([CAPTURES / name for name in names])
    assert (inventory.conflicts, inventory.warnings) == ([], [])
    assert len(inventory.records) == len(listed_vms("vlan"))
    found = {mac_text(r.mac): (r.vm, r.interface, r.vlan) for r in inventory.records if r.host == "host-a"}
    assert found == {mac: (m["name"], m["port"], m["vlan"]) for mac, m in truth.items()}
    assert [r.vm for r in inventory.by_interface("host-a", "vnet0")] == ["web-1"]


def test_all_exports_of_one_lab_agree():
    names = ["virsh-dumpxml-web-1.xml", "rvtools-vNetwork.csv", "inventory.yaml", "ovs-host-a-interface.json"]
    inventory = read_inventory([CAPTURES / name for name in names])
    assert (inventory.conflicts, inventory.warnings) == ([], [])
    assert len(inventory.records) == len(listed_vms("vlan"))
    # The YAML file says when it was exported; the others have only the time of the file.
    assert {(r.source, r.observed_how) for r in inventory.records} == {("inventory.yaml", "header")}
