"""An inventory that contradicts itself: named, worst first, and every row kept."""

import pytest

from flowmap.inventory.records import CONFLICT_KINDS


def kinds(inventory):
    return [conflict.kind for conflict in inventory.conflicts]


def test_one_mac_on_two_hosts(inventory_of):
    inventory = inventory_of({"i.csv": "vm,mac,host\nweb,525400000001,kvm-1\nweb,525400000001,kvm-2\n"})
    (conflict,) = inventory.conflicts
    assert conflict.kind == "mac_on_two_hosts"
    assert conflict.text == ("MAC 52:54:00:00:00:01 is on 2 hosts: kvm-1 (i.csv row 2) and kvm-2 (i.csv row 3).")
    assert conflict.rows == (("i.csv", 2), ("i.csv", 3))
    assert [r.host for r in inventory.by_mac(0x525400000001)] == ["kvm-1", "kvm-2"]


def test_a_third_row_does_not_decide_between_two(inventory_of):
    files = {
        "a.csv": "vm,mac,host\nweb,525400000001,kvm-1\n",
        "b.csv": "vm,mac,host\nweb,525400000001,kvm-2\n",
        "c.csv": "mac,ip\n525400000001,10.0.0.1\n",
    }
    inventory = inventory_of(files)
    assert kinds(inventory) == ["mac_on_two_hosts"]
    assert [(r.host, r.ips) for r in inventory.records] == [
        ("kvm-1", ()),
        ("kvm-2", ()),
        (None, ("10.0.0.1",)),
    ]


def test_one_mac_on_two_vms(inventory_of):
    inventory = inventory_of({"i.csv": "vm,mac,host\nweb,525400000001,kvm-1\ndb,525400000001,kvm-1\n"})
    assert kinds(inventory) == ["mac_on_two_vms"]
    assert "web (i.csv row 2) and db (i.csv row 3)" in inventory.conflicts[0].text


def test_a_name_and_an_identifier_may_be_one_vm(inventory_of):
    # The two hosts keep the rows from being joined, but nobody said that there are two VMs.
    table = "vm,mac,host\nweb,525400000001,kvm-1\nweb,525400000001,kvm-2\n"
    assert kinds(inventory_of({"i.csv": table, "o.json": OVS})) == ["mac_on_two_hosts"]


def test_one_name_with_two_identifiers_of_one_tool_is_two_vms(inventory_of):
    text = "vm,uuid,mac,ip,host\nweb,u-1,525400000001,10.0.0.1,k1\nweb,u-2,525400000002,10.0.0.1,k2\n"
    assert kinds(inventory_of({"i.csv": text})) == ["ip_on_two_vms"]
    same_mac = "vm,uuid,mac,host\nweb,u-1,525400000001,k1\nweb,u-2,525400000001,k1\n"
    assert kinds(inventory_of({"i.csv": same_mac})) == ["mac_on_two_vms"]


def test_one_name_with_identifiers_of_two_tools_is_one_vm(inventory_of):
    table = "vm,vmid,mac,host\nweb,100,525400000001,k1\n"
    virsh = (
        "<domain id='1'><name>web</name><uuid>u-1</uuid><devices><interface>"
        "<mac address='52:54:00:00:00:01'/></interface></devices></domain>"
    )
    inventory = inventory_of({"i.csv": table, "v.xml": virsh})
    assert kinds(inventory) == [] and len(inventory.records) == 1


def test_one_vm_on_two_hosts_by_its_nics(inventory_of):
    inventory = inventory_of({"i.csv": "vm,mac,host\nweb,525400000001,kvm-1\nweb,525400000002,kvm-2\n"})
    assert kinds(inventory) == ["vm_on_two_hosts"]


def test_one_address_on_two_vms(inventory_of):
    text = "vm,mac,ip,host\nweb,525400000001,10.0.0.1,k1\ndb,525400000002,10.0.0.1,k1\n"
    inventory = inventory_of({"i.csv": text})
    assert kinds(inventory) == ["ip_on_two_vms"]
    assert len(inventory.by_ip("10.0.0.1")) == 2


def test_two_tenants_may_use_one_address_and_one_mac(inventory_of):
    text = "vm,mac,ip,tenant\nweb,525400000001,10.0.0.1,red\ndb,525400000001,10.0.0.1,blue\n"
    inventory = inventory_of({"i.csv": text})
    assert kinds(inventory) == []
    assert [r.vm for r in inventory.by_ip("10.0.0.1", "blue")] == ["db"]


def test_a_row_without_tenant_may_be_in_each(inventory_of):
    text = "vm,mac,ip,tenant\nweb,525400000001,10.0.0.1,red\ndb,525400000002,10.0.0.1,blue\nx,525400000003,10.0.0.1,\n"
    assert kinds(inventory_of({"i.csv": text})) == ["ip_on_two_vms", "ip_on_two_vms"]


@pytest.mark.parametrize("ip", ["fe80::1", "169.254.1.1"])
def test_link_local_addresses_repeat_on_every_segment(inventory_of, ip):
    text = f"vm,mac,ip,host\nweb,525400000001,{ip},k1\ndb,525400000002,{ip},k1\n"
    assert kinds(inventory_of({"i.csv": text})) == []


def test_two_addresses_of_one_vm_are_none(inventory_of):
    text = "vm,mac,ip,host\nweb,525400000001,10.0.0.1,k1\nweb,525400000002,10.0.0.1,k1\n"
    assert kinds(inventory_of({"i.csv": text})) == []


def test_one_mac_in_two_vlans(inventory_of):
    files = {
        "a.csv": "vm,mac,host,vlan\nweb,525400000001,k1,10\n",
        "b.csv": "vm,mac,host,vlan\nweb,525400000001,k1,20\n",
    }
    inventory = inventory_of(files)
    assert kinds(inventory) == ["mac_on_two_vlans"]
    assert "VLAN 10 (a.csv row 2) and VLAN 20 (b.csv row 2)" in inventory.conflicts[0].text


def test_one_interface_of_a_host_belongs_to_one_vm(inventory_of):
    text = "vm,mac,host,interface\nweb,525400000001,k1,vnet0\ndb,525400000002,k1,vnet0\nx,525400000003,k2,vnet0\n"
    inventory = inventory_of({"i.csv": text})
    assert kinds(inventory) == ["interface_on_two_vms"]
    assert [r.vm for r in inventory.by_interface("k2", "vnet0")] == ["x"]


OVS = (
    '{"headings": ["name", "external_ids"], "data": [["vnet0", ["map", ['
    '["attached-mac", "52:54:00:00:00:01"], ["vm-id", "u-1"]]]]]}'
)


def test_a_vm_in_the_exports_of_two_hypervisors(inventory_of):
    # Open vSwitch may show one port as active on both sides of a migration.
    files = {"ovs-a.json": OVS, "ovs-b.json": OVS, "h.csv": "vm,uuid,host\nweb,u-1,kvm-1\n"}
    inventory = inventory_of(files)
    assert kinds(inventory) == ["mac_in_two_exports"]
    assert inventory.conflicts[0].rows == (("ovs-a.json", 1), ("ovs-b.json", 1))
    assert len(inventory.by_mac(0x525400000001)) == 2


def test_a_definition_that_a_migration_left_behind_is_no_second_place(inventory_of):
    def domain(number):
        return (
            f"<domain {number}><name>web</name><devices><interface type='bridge'>"
            "<mac address='52:54:00:00:00:01'/></interface></devices></domain>"
        )

    assert kinds(inventory_of({"a.xml": domain("id='4'"), "b.xml": domain("")})) == []
    assert kinds(inventory_of({"a.xml": domain("id='4'"), "b.xml": domain("id='9'")})) == ["mac_in_two_exports"]


def test_age_and_power_state_are_told_where_they_may_explain_it(inventory_of):
    text = (
        "vm,mac,host,date,powerstate\n"
        "web,525400000001,kvm-1,2025-03-03T00:00:00Z,poweredOff\n"
        "web,525400000001,kvm-2,2025-03-04T12:00:00Z,poweredOn\n"
    )
    (conflict,) = inventory_of({"i.csv": text}).conflicts
    assert conflict.text == (
        "MAC 52:54:00:00:00:01 is on 2 hosts: kvm-1 (i.csv row 2, as of 2025-03-03 00:00:00 UTC, poweredOff)"
        " and kvm-2 (i.csv row 3, as of 2025-03-04 12:00:00 UTC)."
    )


def test_the_worst_come_first(inventory_of):
    text = (
        "vm,mac,ip,host\n"
        "a,525400000001,10.0.0.1,k1\nb,525400000002,10.0.0.1,k1\n"
        "c,525400000003,,k1\nc,525400000003,,k2\n"
        "d,525400000004,,k1\ne,525400000004,,k1\n"
    )
    found = kinds(inventory_of({"i.csv": text}))
    assert found == ["mac_on_two_vms", "mac_on_two_hosts", "ip_on_two_vms"]
    assert found == sorted(found, key=CONFLICT_KINDS.index)


def test_a_mac_on_thousands_of_vms_is_one_short_conflict(inventory_of):
    text = "vm,mac,host\n" + "".join(f"vm{n},525400000001,k1\n" for n in range(5000))
    (conflict,) = inventory_of({"i.csv": text}).conflicts
    assert conflict.text.startswith("MAC 52:54:00:00:00:01 is on 5,000 VMs: vm0 (i.csv row 2)")
    assert conflict.text.endswith("and 4,996 more.")
    assert len(conflict.rows) == 100


def test_more_conflicts_than_anybody_reads_are_counted(inventory_of):
    rows = [f"{vm}{n},{0x525400000000 + n:x},k1\n" for n in range(1, 10_003) for vm in "ab"]
    inventory = inventory_of({"i.csv": "vm,mac,host\n" + "".join(rows)})
    assert len(inventory.conflicts) == 10_000
    assert inventory.warnings == ["2 more conflicts are not listed."]
