"""Rows of several files that are about one vNIC become one record; contradictions stay and are named."""

import itertools

import pytest

from flowmap.inventory import join, parse_inventory

VIRSH = (
    "<domain id='1'><name>web</name><uuid>u-1</uuid><devices><interface type='bridge'>"
    "<mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='vnet0'/></interface>"
    "</devices></domain>"
)
OVS = (
    '{"headings": ["name", "external_ids"], "data": [["vnet0", ["map", ['
    '["attached-mac", "52:54:00:00:00:01"], ["iface-id", "i-1"], ["vm-id", "u-1"]]]]]}'
)


@pytest.mark.parametrize("order", list(itertools.permutations(["web.xml", "ovs.json", "hosts.csv"])))
def test_three_sources_of_one_vnic(inventory_of, order):
    files = {
        "web.xml": VIRSH,
        "ovs.json": OVS,
        "hosts.csv": "mac,host,ip,vlan,exported_at\n525400000001,kvm-1,10.0.0.1,10,2025-03-04T12:00:00Z\n",
    }
    inventory = inventory_of({name: files[name] for name in order})
    (r,) = inventory.records
    assert (r.vm, r.vm_id, r.mac, r.host, r.interface) == ("web", "u-1", 0x525400000001, "kvm-1", "vnet0")
    assert (r.vswitch, r.ips, r.vlan, r.power_state) == ("br0", ("10.0.0.1",), 10, "running")
    # Evidence is the row that placed the VM, and its age.
    assert (r.source, r.row, r.observed_how) == ("hosts.csv", 2, "column")
    assert inventory.conflicts == []


def test_a_table_of_vms_and_hosts_completes_by_name(inventory_of):
    (record,) = inventory_of({"web.xml": VIRSH, "hosts.csv": "vm,host,ip\nWEB,kvm-1,10.0.0.1\n"}).records
    assert (record.host, record.ips, record.interface) == ("kvm-1", ("10.0.0.1",), "vnet0")


def test_addresses_of_a_vm_with_two_nics_belong_to_neither(inventory_of):
    two = VIRSH.replace(
        "</devices>", "<interface type='bridge'><mac address='52:54:00:00:00:02'/></interface></devices>"
    )
    inventory = inventory_of({"web.xml": two, "hosts.csv": "vm,host,ip\nweb,kvm-1,10.0.0.1\n"})
    assert [(r.mac, r.host, r.ips) for r in inventory.records] == [
        (0x525400000001, "kvm-1", ()),
        (0x525400000002, "kvm-1", ()),
        (None, "kvm-1", ("10.0.0.1",)),
    ]
    # ... but all are the same VM.
    assert {r.vm_id for r in inventory.records} == {"u-1"}
    assert inventory.conflicts == []


def test_two_vms_of_one_name_are_not_completed_by_name(inventory_of):
    twin = VIRSH.replace("u-1", "u-2").replace("00:01", "00:02")
    inventory = inventory_of({"a.xml": VIRSH, "b.xml": twin, "hosts.csv": "vm,host\nweb,kvm-1\n"})
    assert [(r.vm_id, r.host) for r in inventory.records] == [("u-1", None), ("u-2", None), (None, "kvm-1")]


def test_two_places_in_a_table_complete_nothing_and_are_a_conflict(inventory_of):
    inventory = inventory_of({"web.xml": VIRSH, "hosts.csv": "vm,host\nweb,kvm-1\nweb,kvm-2\n"})
    assert [r.host for r in inventory.records] == [None, "kvm-1", "kvm-2"]


def test_by_interface_only_with_the_same_host_or_vm(inventory_of):
    ovs_of_other_host = OVS
    csv = "interface,host,ip\nvnet0,kvm-1,10.0.0.1\n"
    assert len(inventory_of({"o.json": ovs_of_other_host, "i.csv": csv}).records) == 2
    named = "interface,vm,host,ip\nvnet0,web,kvm-1,10.0.0.1\n"
    (record,) = inventory_of({"web.xml": VIRSH, "i.csv": named}).records
    assert (record.mac, record.host, record.ips) == (0x525400000001, "kvm-1", ("10.0.0.1",))
    placed = "mac,interface,host\n525400000009,vnet0,kvm-1\n"
    (record,) = inventory_of({"p.csv": placed, "i.csv": csv}).records
    assert (record.mac, record.ips) == (0x525400000009, ("10.0.0.1",))


def test_one_row_for_each_address(inventory_of):
    text = "vm,mac,ip,host\nweb,525400000001,10.0.0.1,k1\nweb,525400000001,10.0.0.2,k1\n"
    (record,) = inventory_of({"i.csv": text}).records
    assert record.ips == ("10.0.0.1", "10.0.0.2")


def test_more_addresses_than_a_vnic_has_are_cut_with_a_warning(inventory_of):
    rows = [f"web,525400000001,10.0.{n // 256}.{n % 256},k1\n" for n in range(1, 400)]
    inventory = inventory_of({"i.csv": "vm,mac,ip,host\n" + "".join(rows)})
    assert len(inventory.records[0].ips) == 256
    assert "more than 256 addresses" in inventory.warnings[0]


def test_a_short_and_a_qualified_host_name_are_one_host(inventory_of):
    inventory = inventory_of(
        {
            "r.csv": "vm,mac,host\nweb,525400000001,esx-01.corp.example\n",
            "s.csv": "vm,mac,host\nweb,525400000001,ESX-01\ndb,525400000002,esx-01\n",
        }
    )
    assert inventory.hosts() == ["esx-01.corp.example"]
    assert inventory.conflicts == []
    assert "Host ESX-01 is taken for esx-01.corp.example" in inventory.warnings[0]
    assert inventory.host_named("esx-01") == inventory.host_named("ESX-01.CORP.example") == "esx-01.corp.example"


def test_one_label_in_two_sites_is_two_hosts(inventory_of):
    text = "vm,mac,host\na,525400000001,n1.east.example\nb,525400000002,n1.west.example\nc,525400000003,n1\n"
    inventory = inventory_of({"i.csv": text})
    assert inventory.hosts() == ["n1", "n1.east.example", "n1.west.example"]


def test_addresses_as_host_names_have_no_short_form(inventory_of):
    text = "vm,mac,host\na,525400000001,10.0.0.1\nb,525400000002,10.0.0.2\n"
    inventory = inventory_of({"i.csv": text})
    assert inventory.hosts() == ["10.0.0.1", "10.0.0.2"] and inventory.host_named("10") is None


def test_open_vswitch_gets_the_name_that_libvirt_knows(inventory_of):
    other = OVS.replace("vnet0", "qvo1").replace("00:01", "00:02")
    inventory = inventory_of({"web.xml": VIRSH, "ovs.json": other})
    assert [(r.vm, r.vm_id, r.interface) for r in inventory.records] == [
        ("web", "u-1", "vnet0"),
        ("web", "u-1", "qvo1"),
    ]


def test_the_warnings_of_the_files_are_kept(inventory_of):
    assert "'zz' is no MAC address" in inventory_of({"i.csv": "vm,mac\nweb,zz\n"}).warnings[0]


def test_a_stated_time_is_better_evidence_than_the_time_of_a_file():
    dated = "# exported_at: 2025-03-04T12:00:00Z\nmac,host\n525400000001,k1\n"
    files = [
        parse_inventory("vm,mac,host\nweb,525400000001,k1\n", name="a.csv", modified_ns=5),
        parse_inventory(dated, name="b.csv", modified_ns=6),
    ]
    (record,) = join(files).records
    assert (record.vm, record.source, record.row, record.observed_how) == ("web", "b.csv", 3, "header")


def test_two_vms_of_one_name_and_one_row_that_tells_the_host_of_that_name(inventory_of):
    """Each has a first adapter, so these are two VMs, and nobody says which of them is on host-a."""
    nics = '"Parent","Name","NetworkName","MacAddress"\n' + "".join(
        f'"app","Network adapter 1","net10","00:50:56:80:00:0{number}"\n' for number in (1, 2)
    )
    inventory = inventory_of({"nics.csv": nics, "vms.csv": '"Name","VMHost"\n"app","host-a"\n'})
    assert {record.host for record in inventory.records if record.mac} == {None}


def test_two_adapters_of_one_vm_get_its_host(inventory_of):
    nics = '"Parent","Name","NetworkName","MacAddress"\n' + "".join(
        f'"app","Network adapter {number}","net10","00:50:56:80:00:0{number}"\n' for number in (1, 2)
    )
    inventory = inventory_of({"nics.csv": nics, "vms.csv": '"Name","VMHost"\n"app","host-a"\n'})
    assert [record.host for record in inventory.records if record.mac] == ["host-a", "host-a"]


@pytest.mark.parametrize(("name", "host"), [("web", "pve-a"), ("mail", None)])
def test_a_number_that_two_proxmox_clusters_use(inventory_of, name, host):
    """A configuration of another cluster has the same number, and another name."""
    resources = '[{"id": "qemu/100", "type": "qemu", "vmid": 100, "name": "web", "node": "pve-a"}]'
    files = {"100.conf": f"name: {name}\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n", "resources.json": resources}
    assert [record.host for record in inventory_of(files).records if record.mac] == [host]
