"""`virsh domiflist` and `domifaddr`, in the layout of libvirt's tools/virsh-domain-monitor.c (no libvirt here)."""

import pytest

from flowmap.inventory import join_files, parse_inventory, parse_inventory_file

IFLIST = """\
 Interface   Type      Source     Model    MAC
--------------------------------------------------------------
 vnet0       bridge    ovsbr      virtio   52:54:00:00:00:01
 vnet1       network   prod net   e1000    52:54:00:00:00:02
 macvtap0    direct    eno1       virtio   52:54:00:00:00:03
 -           hostdev   -          -        52:54:00:00:00:04

"""
SHUT_OFF = """\
 Interface   Type     Source   Model    MAC
-----------------------------------------------------------
 -           bridge   ovsbr    virtio   52:54:00:00:00:09
"""
IFADDR_AGENT = """\
 Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 lo         00:00:00:00:00:00    ipv4         127.0.0.1/8
 -          -                    ipv6         ::1/128
 eth0       52:54:00:00:00:01    ipv4         10.0.0.11/24
 -          -                    ipv6         2001:db8::11/64
 docker0    02:42:ac:11:00:01    ipv4         172.17.0.1/16
 br-0123456789ab 02:42:ac:12:00:01 ipv4       172.18.0.1/16
 -          -                    ipv4         172.18.0.2/16
 eth1       52:54:00:00:00:02    N/A          N/A

"""
IFADDR_LEASE = """\
 Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 vnet1      52:54:00:00:00:02    ipv4         10.0.1.12/24
"""
DUMPXML = """\
<domain type='kvm' id='1'><name>web</name><uuid>u-1</uuid><devices>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='ovsbr'/><vlan><tag id='10'/></vlan>
<target dev='vnet0'/></interface>
<interface type='network'><mac address='52:54:00:00:00:02'/><source network='prod net'/><target dev='vnet1'/>
</interface></devices></domain>
"""


def test_the_rows_of_domiflist():
    file = parse_inventory_file(IFLIST, name="domiflist-web.txt", host="kvm-1", modified_ns=4)
    found = {
        (r.mac or 0) & 0xF: (r.interface, r.vswitch, r.network, r.passthrough, r.power_state) for r in file.records
    }
    assert found == {
        1: ("vnet0", "ovsbr", "ovsbr", False, "running"),
        2: ("vnet1", None, "prod net", False, "running"),
        3: ("macvtap0", None, "macvtap on eno1", True, "running"),
        4: (None, None, None, True, "shut off"),
    }
    assert {(r.vm, r.host, r.format, r.observed_at_ns) for r in file.records} == {
        ("web", "kvm-1", "virsh-domiflist", 4)
    }
    assert ["macvtap" in warning for warning in file.warnings] == [True]


@pytest.mark.parametrize(
    ("text", "name", "vm"),
    [
        (IFLIST, "domiflist-web1.txt", "web1"),
        (IFLIST, "domiflist.txt", ""),
        (IFLIST, "domiflist.log", ""),
        (IFLIST, "host-a/domiflist_web1.log", "web1"),
        (IFLIST, "domiflist.web.prod", "web.prod"),
        (IFLIST, "listing.txt", ""),
        ("# vm: web1\n" + IFLIST, "domiflist-other.txt", "web1"),
        ("virsh domiflist web1\n" + IFLIST, "x", "web1"),
        ("$ virsh domiflist --domain web1\n" + IFLIST, "x", "web1"),
        ("root@kvm-1:~# virsh -c qemu:///system domiflist --domain=web1\n" + IFLIST, "x", "web1"),
        ("[root@kvm-1 ~]# virsh domiflist web1\n" + IFLIST, "x", "web1"),
        ("[root@kvm-1 ~]# date\n" + IFLIST, "x", ""),
        ("+ sudo virsh domiflist 'web1'\n" + IFLIST, "x", "web1"),
    ],
)
def test_where_the_name_of_the_vm_stands(text, name, vm):
    assert {r.vm for r in parse_inventory(text, name=name)} == {vm}


def test_a_loop_over_vms_and_hosts():
    text = f"# host: kvm-1\n# vm: web\n{IFLIST}# vm: off\n{SHUT_OFF}# host: kvm-2\n# vm: far\n{SHUT_OFF}"
    records = parse_inventory(text.replace("00:09", "00:0a", 1), name="all.txt")
    assert [(r.vm, r.host) for r in records] == [("web", "kvm-1")] * 4 + [("off", "kvm-1"), ("far", "kvm-2")]
    assert records[-1].row == text.count("\n")


def test_addresses_go_to_the_vnic_and_those_of_the_guests_own_bridges_nowhere():
    file = parse_inventory_file(IFADDR_AGENT, name="domifaddr-web.txt")
    assert [(r.vm, (r.mac or 0) & 0xF, r.ips) for r in file.records] == [
        ("web", 1, ("10.0.0.11",)),
        ("web", 1, ("2001:db8::11",)),
    ]
    assert any("3 rows left out because they are the guest's own" in warning for warning in file.warnings)


def test_all_three_listings_and_the_xml_are_one_vm():
    texts = {
        "domiflist-web.txt": IFLIST,
        "domifaddr-web.txt": IFADDR_AGENT,
        "lease.txt": "# vm: web\n" + IFADDR_LEASE,
        "web.xml": DUMPXML,
    }
    inventory = join_files([parse_inventory_file(text, name=name, host="kvm-1") for name, text in texts.items()])
    assert inventory.conflicts == []
    found = {(r.mac or 0) & 0xF: (r.vm, r.vm_id, r.host, r.interface, r.ips, r.vlan) for r in inventory.records}
    assert len(inventory.records) == 4
    assert found[1] == ("web", "u-1", "kvm-1", "vnet0", ("10.0.0.11", "2001:db8::11"), 10)
    assert found[2] == ("web", "u-1", "kvm-1", "vnet1", ("10.0.1.12",), None)


def test_a_vm_listed_as_running_on_two_hosts_is_a_conflict():
    texts = {"a/domiflist-web.txt": IFLIST, "b/domiflist-web.txt": IFLIST}
    inventory = join_files([parse_inventory_file(text, name=name) for name, text in texts.items()])
    assert {c.kind for c in inventory.conflicts} == {"mac_in_two_exports"}


@pytest.mark.parametrize(
    "row",
    [
        " vnet0 bridge br0 virtio zz:54:00:00:00:01",
        " vnet0",
        " vnet0 bridge br0 virtio 01:00:5e:00:00:01",
        "<script>alert(1)</script> \x1b[2J a b c",
        "x " * 5_000,
        " " * 5_000 + "-",
        "\u202e vnet0 bridge br0 virtio 525400000001x",
    ],
)
def test_hostile_rows(row):
    text = IFLIST.splitlines()[0] + "\n---\n" + row + "\n"
    for first, titles in (("Interface", text), ("Name", IFADDR_LEASE.splitlines()[0] + "\n---\n" + row + "\n")):
        file = parse_inventory_file(titles, name="v.txt")
        assert first in titles and file.warnings
        assert all(r.mac is None for r in file.records)
        assert not any(char in "".join(file.warnings) for char in "\x1b\u202e")
