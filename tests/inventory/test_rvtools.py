"""RVTools, each tab as CSV. The titles are those of its version 4.7; the rows are written in that layout."""

import pytest

from flowmap.inventory import parse_inventory_file
from tests.inventory.rvtools_tabs import DVPORT, SITE, VINFO, VNIC, VPORT, VSWITCH, as_csv, tab

HEADER = (
    "VM,Powerstate,Template,SRM Placeholder,NIC label,Adapter,Network,Switch,Connected,Starts Connected,"
    "Mac Address,Type,IPv4 Address,IPv6 Address,Direct Path IO,Internal Sort Column,Annotation,Datacenter,"
    "Cluster,Host,Folder,OS according to the configuration file,OS according to the VMware Tools,VM ID,"
    "VM UUID,VI SDK Server,VI SDK UUID"
)


def row(
    vm: str,
    mac: str,
    host: str,
    *,
    ipv4: str = "",
    ipv6: str = "",
    placeholder: str = "False",
    direct: str = "False",
    uuid: str = "4218b1d2-0000-0000-0000-000000000001",
) -> str:
    return (
        f"{vm},poweredOn,False,{placeholder},Network adapter 1,Vmxnet3,PG-10,dvs-prod,True,True,"
        f'{mac},assigned,"{ipv4}","{ipv6}",{direct},1,"a note, with commas",DC1,'
        f"CL1,{host},prod,Debian,Debian,vm-101,{uuid},vc.example,7d1e"
    )


def test_one_row_is_one_vnic_with_its_host():
    text = "\n".join(
        [
            HEADER,
            row("web", "00:50:56:80:00:01", "esx-01", ipv4="10.0.0.1, 10.0.0.2", ipv6="fe80::1", direct="True"),
        ]
    )
    file = parse_inventory_file(text, name="RVTools_tabvNetwork.csv")
    (record,) = file.records
    assert file.format == record.format == "rvtools-vnetwork"
    assert (record.vm, record.nic, record.mac) == ("web", "Network adapter 1", 0x005056800001)
    assert record.ips == ("10.0.0.1", "10.0.0.2", "fe80::1")
    assert (record.host, record.vswitch, record.network) == ("esx-01", "dvs-prod", "PG-10")
    assert (record.vlan, record.segment_type, record.passthrough) == (None, None, True)
    assert (record.vm_id, record.power_state, record.row) == (
        "4218b1d2-0000-0000-0000-000000000001",
        "poweredOn",
        2,
    )
    assert file.warnings == []


def test_a_site_recovery_placeholder_is_no_second_place_of_the_vm(inventory_of):
    text = "\n".join(
        [
            HEADER,
            row("web", "00:50:56:80:00:01", "esx-01"),
            row("web", "00:50:56:80:00:01", "esx-91", placeholder="True"),
        ]
    )
    inventory = inventory_of({"r.csv": text})
    assert [record.host for record in inventory.records] == ["esx-01"]
    assert inventory.conflicts == []
    assert "1 row left out because they are Site Recovery placeholders" in inventory.warnings[0]


def test_two_vms_with_one_bios_uuid_are_a_conflict(inventory_of):
    # A VM copied on the datastore keeps its UUID.
    text = "\n".join([HEADER, row("web", "00:50:56:80:00:01", "esx-01"), row("copy", "00:50:56:80:00:02", "esx-01")])
    (conflict,) = inventory_of({"r.csv": text}).conflicts
    assert conflict.kind == "vm_id_on_two_vms" and conflict.rows == (("r.csv", 2), ("r.csv", 3))


def test_semicolons_of_a_european_export():
    text = "\n".join([HEADER, row("web", "00:50:56:80:00:01", "esx-01")])
    text = text.replace('"a note, with commas"', "a note").replace(",", ";")
    file = parse_inventory_file(text.encode("utf-8-sig"), name="r.csv")
    assert (file.format, file.records[0].host) == ("rvtools-vnetwork", "esx-01")


@pytest.mark.parametrize("name", [name for name in SITE if name != "vMetaData"])
def test_each_tab_is_recognised_by_its_titles(name):
    file = parse_inventory_file(as_csv(SITE[name]), name="export.csv")
    assert file.format == f"rvtools-{name.lower().replace('_', '')}"
    assert file.warnings == [] and file.row_count > 0


def test_vinfo_gives_name_address_host_and_state_of_the_guest():
    (record,) = parse_inventory_file(as_csv(SITE["vInfo"]), name="vinfo.csv").records
    assert (record.vm, record.vm_id, record.mac) == ("web", "uuid-of-web", None)
    assert (record.guest_name, record.ips, record.power_state) == ("web.corp.example", ("10.0.10.1",), "poweredOn")
    assert (record.host, record.network, record.row) == ("esx-01.corp.example", "dpg-10", 2)


def test_vinfo_of_a_vm_in_two_networks_names_none_of_them():
    both = tab(VINFO, {"VM": "fw", "Host": "esx-01", "Network #1": "inside", "Network #2": "outside"})
    same = tab(VINFO, {"VM": "lb", "Host": "esx-01", "Network #1": "inside", "Network #2": "inside"})
    assert [parse_inventory_file(as_csv(rows), name="v.csv").records[0].network for rows in (both, same)] == [
        None,
        "inside",
    ]


def test_vnic_gives_the_uplinks_of_each_host():
    file = parse_inventory_file(as_csv(SITE["vNIC"]), name="vnic.csv", modified_ns=5)
    one, two, three = file.hypervisors
    # vmnic1 has no link and no switch. vmnic2 has a link: it may be the uplink of a switch that RVTools does not know.
    assert (one.host, one.uplinks, one.uplinks_complete) == ("esx-01.corp.example", ("vmnic0", "vmnic2"), True)
    assert one.macs == (0xA0369F000100, 0xA0369F000101, 0xA0369F000102)
    assert (two.uplinks, two.uplinks_complete, two.row) == (("vmnic0",), True, 5)
    # No NIC of esx-03 names a switch, so RVTools could not read them.
    assert (three.uplinks, three.uplinks_complete) == (("vmnic0",), False)
    assert [(one.observed_at_ns, one.observed_how), file.records] == [(5, "file time"), []]


def test_vmkernel_addresses_belong_to_the_host():
    (host,) = parse_inventory_file(as_csv(SITE["vSC_VMK"]), name="vmk.csv").hypervisors
    assert host.ips == ("10.0.0.11", "fd00::11", "10.0.1.11")
    assert host.macs == (0xA0369F000100, 0x005056610001)


def test_vhost_tells_what_vcenter_calls_the_host():
    one, _ = parse_inventory_file(as_csv(SITE["vHost"]), name="vhost.csv").hypervisors
    assert (one.host, one.ids) == ("esx-01.corp.example", ("host-11", "hw-1"))


def test_all_tabs_as_csv_are_one_inventory(inventory_of):
    inventory = inventory_of({f"{name}.csv": as_csv(rows) for name, rows in SITE.items() if name != "vMetaData"})
    web, db, app, sealed = inventory.records
    assert (web.vm, web.mac, web.ips, web.vlan, web.segment_type) == ("web", 0x005056800001, ("10.0.10.1",), 10, "vlan")
    assert (web.guest_name, db.vlan, app.vlan) == ("web.corp.example", 20, 30)
    assert (sealed.vlan, sealed.segment_type) == (None, "none")
    # vSwitch1 of esx-01 is listed, and no physical NIC is its uplink; the others have one.
    assert [r.has_uplink for r in inventory.records] == [True, True, True, False]
    one = inventory.hypervisors[0]
    assert (one.host, one.ids, one.uplinks) == ("esx-01.corp.example", ("host-11", "hw-1"), ("vmnic0", "vmnic2"))
    assert one.ips == ("10.0.0.11", "fd00::11", "10.0.1.11")
    assert inventory.hypervisor(mac=0x005056610001) == inventory.hypervisor(ip="10.0.0.11") == one
    assert (inventory.conflicts, inventory.warnings) == ([], [])


@pytest.mark.parametrize("missing", ["vNIC", "vSwitch"])
def test_no_vswitch_is_said_to_have_no_uplink_without_both_tabs(inventory_of, missing):
    tabs = {f"{name}.csv": as_csv(rows) for name, rows in SITE.items() if name not in (missing, "vMetaData")}
    assert [r.has_uplink for r in inventory_of(tabs).records if r.vm == "sealed"] == [None]


def test_a_vswitch_of_a_host_whose_nics_name_no_switch_is_not_said_to_have_no_uplink(inventory_of):
    nics = tab(VNIC, {"Host": "esx-01", "Network Device": "vmnic0", "Speed": "10000"})
    switches = tab(VSWITCH, {"Host": "esx-01", "Switch": "vSwitch0", "Promiscuous Mode": "False"})
    files = {
        "vnic.csv": as_csv(nics),
        "vswitch.csv": as_csv(switches),
        "net.csv": "\n".join([HEADER, row("web", "00:50:56:80:00:01", "esx-01").replace("dvs-prod", "vSwitch0")]),
    }
    (record,) = inventory_of(files).records
    assert (record.vswitch, record.has_uplink) == ("vSwitch0", None)


@pytest.mark.parametrize(
    ("vlan", "expected"),
    [
        ("10", (10, "vlan", False)),
        ("0", (None, "none", False)),
        ("", (None, None, False)),
        ("0-4094", (None, None, False)),
        ("1-10,20", (None, None, False)),
        ("4095", (None, None, False)),
        ("99999999999999999999", (None, None, False)),
        ("101 (isolated)", (None, None, True)),
    ],
)
@pytest.mark.parametrize(("titles", "name"), [(VPORT, "Port Group"), (DVPORT, "Port")])
def test_the_vlan_of_a_port_group(titles, name, vlan, expected):
    host = {"Host": "esx-01"} if titles is VPORT else {"Type": "earlyBinding"}
    rows = tab(titles, {name: "PG", "Switch": "sw", "VLAN": vlan, **host})
    file = parse_inventory_file(as_csv(rows), name="ports.csv")
    (group,) = file.networks
    assert (group.name, group.vswitch, group.host) == ("PG", "sw", host.get("Host"))
    assert (group.vlan, group.segment_type, group.isolated) == expected
    assert file.warnings == []
