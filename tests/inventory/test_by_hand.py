"""What a person states on the page outranks the exports, keeps what they tell besides, and has no time."""

from __future__ import annotations

import json

import pytest

from flowmap.inventory import parse_inventory_file

WEB, WEB_2, DB = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:09"
TITLES = "vm,vm_uuid,mac,ip,host,vswitch,vlan,interface"
EXPORT = f"{TITLES}\nweb,u-1,{WEB},10.0.0.1,kvm-1,br0,10,vnet0\ndb,u-9,{DB},10.0.0.9,kvm-1,br0,10,vnet9\n"
DAY_NS = 86_400 * 10**9


def by_hand(*rows):
    return json.dumps({"placed_by_hand": True, "vms": list(rows)})


def row_of(inventory, mac):
    (record,) = inventory.by_mac(int(mac.replace(":", ""), 16))
    return record


def test_it_is_recognised_by_what_it_says_and_its_file_time_means_nothing():
    content = by_hand({"vm": "web", "mac": WEB, "host": "kvm-2", "kind": "vm"})
    file = parse_inventory_file(content, name="any.json", modified_ns=DAY_NS)
    assert file.format == "by-hand" and file.exported_ns is None
    (record,) = file.records
    assert (record.vm, record.host, record.format, record.observed_at_ns) == ("web", "kvm-2", "by-hand", None)
    plain = parse_inventory_file(content.replace("true", "false"), name="any.json")
    assert plain.format == "json"


def test_a_correction_moves_a_vnic_and_keeps_what_the_export_tells_besides(inventory_of):
    hand = by_hand({"vm": "web", "mac": WEB, "host": "kvm-2", "kind": "vm"})
    inventory = inventory_of({"export.csv": EXPORT, "hand.json": hand})
    web = row_of(inventory, WEB)
    assert (web.host, web.source, web.row, web.format) == ("kvm-2", "hand.json", 1, "by-hand")
    assert (web.vm, web.vm_id, web.ips, web.vlan) == ("web", "u-1", ("10.0.0.1",), 10)
    # These belong to the host that the export named.
    assert (web.vswitch, web.interface, web.observed_at_ns) == (None, None, None)
    assert row_of(inventory, DB).host == "kvm-1" and inventory.conflicts == []


def test_what_names_the_same_host_keeps_its_vswitch_but_is_by_hand(inventory_of):
    hand = by_hand({"vm": "web", "mac": WEB, "host": "KVM-1", "kind": "vm"})
    web = row_of(inventory_of({"hand.json": hand, "export.csv": EXPORT}), WEB)
    assert (web.host.casefold(), web.vswitch, web.interface, web.format) == ("kvm-1", "br0", "vnet0", "by-hand")


def test_a_machine_in_no_export_stands_for_itself(inventory_of):
    hand = by_hand({"vm": "10.0.0.7", "mac": WEB_2, "host": "kvm-2", "kind": "router"})
    record = row_of(inventory_of({"export.csv": EXPORT, "hand.json": hand}), WEB_2)
    assert (record.vm, record.host, record.kind, record.vm_id) == ("10.0.0.7", "kvm-2", "router", None)


def test_two_exports_that_contradict_each_other_are_settled(inventory_of):
    files = {"a.csv": EXPORT, "b.csv": EXPORT.replace("kvm-1", "kvm-3")}
    assert {conflict.kind for conflict in inventory_of(files).conflicts} >= {"mac_on_two_hosts"}
    hand = by_hand(*({"vm": vm, "mac": mac, "host": "kvm-3", "kind": "vm"} for vm, mac in (("web", WEB), ("db", DB))))
    settled = inventory_of({**files, "hand.json": hand})
    assert {record.host for record in settled.records} == {"kvm-3"}
    assert not {conflict.kind for conflict in settled.conflicts} & {"mac_on_two_hosts", "mac_in_two_exports"}


def test_the_other_vnics_of_the_vm_move_with_it(inventory_of):
    export = f"{EXPORT}web,u-1,{WEB_2},10.1.0.1,kvm-1,br0,20,vnet1\n"
    hand = by_hand({"vm": "web", "mac": WEB, "host": "kvm-2", "kind": "vm"})
    inventory = inventory_of({"export.csv": export, "hand.json": hand})
    assert row_of(inventory, WEB_2).host == "kvm-2" and row_of(inventory, DB).host == "kvm-1"
    assert inventory.conflicts == []


def test_a_machine_without_a_mac_of_its_own_is_meant_by_its_address(inventory_of):
    hand = by_hand({"vm": "web", "ip": ["10.0.0.1", "10.0.0.200"], "host": "kvm-2", "kind": "vm"})
    inventory = inventory_of({"export.csv": EXPORT, "hand.json": hand})
    assert row_of(inventory, WEB).host == "kvm-2" and len(inventory.records) == 2


def test_an_export_that_lists_the_vm_without_its_nics_does_not_contradict(inventory_of):
    hand = by_hand({"vm": "web", "mac": WEB, "host": "kvm-2", "kind": "vm"})
    inventory = inventory_of({"info.csv": "vm,vm_uuid,host,ip\nweb,u-1,kvm-1,10.0.0.1\n", "hand.json": hand})
    assert {(record.host, record.vm_id) for record in inventory.records} == {("kvm-2", "u-1")}
    assert inventory.conflicts == []


def test_a_live_forwarding_table_still_contradicts(inventory_of):
    files = {"export.csv": EXPORT, "fdb.txt": f"# host: kvm-1\n{WEB} dev vnet0 master br0\n"}
    hand = by_hand({"vm": "web", "mac": WEB, "host": "kvm-2", "kind": "vm"})
    assert inventory_of(files).conflicts == []
    (conflict,) = inventory_of({**files, "hand.json": hand}).conflicts
    assert conflict.kind == "learned_elsewhere" and "(web) is on host kvm-2 (hand.json row 1)" in conflict.text


@pytest.mark.parametrize("rows", [[{"vm": "web", "mac": "no MAC", "host": "kvm-2"}], [7, None, "x"], []])
def test_rows_that_mean_nothing_change_nothing(inventory_of, rows):
    inventory = inventory_of({"export.csv": EXPORT, "hand.json": by_hand(*rows)})
    assert {record.mac: record.host for record in inventory.records if record.mac} == {
        int(mac.replace(":", ""), 16): "kvm-1" for mac in (WEB, DB)
    }


TENANTS = (
    "vm,vm_uuid,mac,ip,host,domain\n"
    f"web-a,u-1,{WEB},10.0.0.1,kvm-1,tenant-a\nweb-b,u-2,{WEB_2},10.0.0.1,kvm-2,tenant-b\n"
)


def test_a_correction_of_one_tenants_machine_leaves_the_others_with_its_address_alone(inventory_of):
    hand = by_hand({"vm": "web-b", "ip": ["10.0.0.1"], "host": "kvm-9", "kind": "vm"})
    inventory = inventory_of({"export.csv": TENANTS, "hand.json": hand})
    assert (row_of(inventory, WEB).host, row_of(inventory, WEB_2).host) == ("kvm-1", "kvm-9")
    assert inventory.warnings == []


def test_a_correction_that_may_mean_machines_of_several_tenants_changes_nothing_and_is_told(inventory_of):
    hand = by_hand({"vm": "10.0.0.1", "ip": ["10.0.0.1"], "host": "kvm-9", "kind": "vm"})
    inventory = inventory_of({"export.csv": TENANTS, "hand.json": hand})
    assert [record.host for record in inventory.records] == ["kvm-1", "kvm-2"]
    (warning,) = inventory.warnings
    assert "10.0.0.1" in warning and "several tenants" in warning


def test_two_places_by_hand_for_one_machine_are_told_and_the_last_counts(inventory_of):
    hand = by_hand(*({"vm": "web", "mac": WEB, "host": host, "kind": "vm"} for host in ("kvm-2", "kvm-3")))
    inventory = inventory_of({"export.csv": EXPORT, "hand.json": hand})
    assert row_of(inventory, WEB).host == "kvm-3"
    assert [text for text in inventory.warnings if "several hosts by hand" in text and "web" in text]


def test_a_thousand_corrections_of_an_address_that_a_thousand_rows_have_end_soon(inventory_of):
    rows = "".join(
        f"vm-{n},u-{n},52:54:00:01:{n >> 8:02x}:{n & 255:02x},10.0.0.1,kvm-1,br0,10,vnet{n}\n" for n in range(1000)
    )
    hand = by_hand(*({"vm": f"vm-{n}", "ip": ["10.0.0.1"], "host": "kvm-2", "kind": "vm"} for n in range(1000)))
    inventory = inventory_of({"export.csv": f"{TITLES}\n{rows}", "hand.json": hand})
    assert {record.host for record in inventory.records} == {"kvm-2"}
