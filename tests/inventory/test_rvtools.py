"""RVTools, tab vNetwork. The header is the one in its manual; the rows are written in that layout."""

from flowmap.inventory import parse_inventory_file

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
