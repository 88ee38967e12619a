"""Columns with titles that say nothing: the user says in the file which is what."""

import json

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import parse_inventory, parse_inventory_file
from flowmap.inventory.rows import SYNONYMS

TABLE = "Server Name,HW Addr,ESX Server,Addr A,Addr B\nweb,52:54:00:00:00:01,esx-1,10.0.0.1,10.0.0.2\n"
MAPPING = "vm=Server Name; mac=HW Addr; host=ESX Server; ip=Addr A; ip=Addr B"


def expected(record) -> bool:
    return (record.vm, record.mac, record.host, record.ips) == (
        "web",
        0x525400000001,
        "esx-1",
        ("10.0.0.1", "10.0.0.2"),
    )


@pytest.mark.parametrize(
    "lines",
    [
        f"# mapping: {MAPPING}\n",
        f"#Mapping = {MAPPING.upper()}\n",
        f'"# mapping: {MAPPING}",,,,\n',  # as a spreadsheet saves it
        f"# mapping: {MAPPING};\n# exported_at: 2026-03-04T12:00:00Z\n",
        "# mapping: vm=Server Name; mac=HW Addr\n# mapping: host=ESX Server\n# mapping: ip=Addr A; ip=Addr B\n",
    ],
)
def test_a_comment_line_above_a_table(lines):
    file = parse_inventory_file(lines + TABLE, name="i.csv")
    assert file.format == "csv" and file.warnings == []
    assert expected(file.records[0])


def test_the_delimiter_is_the_one_under_which_the_mapping_fits():
    text = f"# mapping: {MAPPING}\n" + TABLE.replace(",", ";").replace("Addr B", "Addr B, or C")
    with pytest.raises(InventoryError, match="column 'Addr B', which the file does not have"):
        parse_inventory(text, name="i.csv")
    fits = text.replace("ip=Addr B", "ip=Addr B, or C")
    assert expected(parse_inventory(fits, name="i.csv")[0])


@pytest.mark.parametrize(
    "mapping",
    [
        {"vm": "Server Name", "mac": "HW Addr", "host": "ESX Server", "ip": ["Addr A", "Addr B"]},
        {"VM Name": "server_name", "mac address": "HW ADDR", "vmhost": "esx server", "ips": ["Addr A", "Addr B"]},
        MAPPING,
    ],
)
@pytest.mark.parametrize("key", ["vms", "servers"])
def test_a_key_beside_the_list_of_json_and_yaml(mapping, key):
    row = dict(zip(*(line.split(",") for line in TABLE.splitlines()), strict=True))
    text = json.dumps({"mapping": mapping, key: [row]})
    file = parse_inventory_file(text, name="i.json")
    assert file.format == "json" and expected(file.records[0])
    yaml = parse_inventory_file("---\n" + text, name="i.yaml")  # JSON is YAML
    assert yaml.format == "yaml" and expected(yaml.records[0])


def test_yaml_as_people_write_it():
    text = (
        "mapping:\n  vm: Server Name\n  mac: HW Addr\n  host: ESX Server\nexported_at: 2026-03-04\nservers:\n"
        "  - {Server Name: web, HW Addr: 52:54:00:00:00:01, ESX Server: esx-1}\n  - {Server Name: db}\n"
    )
    web, db = parse_inventory(text, name="i.yaml")
    assert (web.vm, web.mac, web.host, web.observed_how) == ("web", 0x525400000001, "esx-1", "header")
    assert (db.vm, db.mac, db.host) == ("db", None, None)


def test_a_mapped_column_means_nothing_else_and_other_columns_mean_what_they_say():
    text = "# mapping: host=Name\nvm,mac,Name,host\nweb,525400000001,esx-1,wrong\n"
    (record,) = parse_inventory(text, name="i.csv")
    assert (record.vm, record.host) == ("web", "esx-1")


def test_a_mapping_makes_a_table_generic_whatever_its_titles():
    text = "# mapping: vm=Annotation\nVM,NIC label,Switch,Mac Address,Host,Annotation\nx,n,s,525400000001,h,web\n"
    file = parse_inventory_file(text, name="i.csv")
    assert (file.format, file.records[0].vm) == ("csv", "web")


@pytest.mark.parametrize("field", sorted(SYNONYMS))
def test_every_field_can_be_mapped(field):
    text = f"# mapping: {field}=Odd Title\nmac,ip,vm name,Odd Title\n525400000001,10.0.0.1,web,x\n"
    unused = [warning for warning in parse_inventory_file(text, name="i.csv").warnings if "does not use" in warning]
    assert "Odd Title" not in "".join(unused)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# mapping: vm=Nmae\nName,mac\nweb,525400000001\n", r"column 'Nmae', .* its columns are Name, mac\."),
        (
            "# mapping: machine=Name\nName,mac\nweb,525400000001\n",
            r"field 'machine', .* the fields are cluster, distributed, ",
        ),
        ("# mapping: vm Name\nName,mac\nweb,525400000001\n", "'vm Name' in the mapping has no '='"),
        ("# mapping: nic=Card\nCard,Other\na,b\n", "the mapping gives no machine with MAC, IP or host"),
        ('{"mapping": {"vm": "Nmae"}, "vms": [{"Name": "web", "mac": "525400000001"}]}', "column 'Nmae'"),
        ('{"mapping": {"vm": "Name"}, "a": [{"Name": 1}], "b": [{"Name": 2}]}', "not one list of machines beside it"),
        ('{"mapping": {"vm": "Name"}}', "not one list of machines beside it"),
        ('{"mapping": {"vm": {"x": 1}}, "vms": []}', "must give the name of a column for each field"),
        ('{"mapping": [1], "vms": []}', "must give the name of a column for each field"),
        ('{"mapping": {}, "vms": []}', "must give the name of a column for each field"),
        ("# mapping: vm=\x1b[31m\nName,mac\nweb,525400000001\n", r"column '\ufffd\[31m'"),
    ],
)
def test_a_mapping_that_cannot_be_meant_says_what_is_wrong(text, problem):
    with pytest.raises(InventoryError, match=problem) as caught:
        parse_inventory(text, name="i.txt")
    assert str(caught.value).startswith("i.txt") and "\x1b" not in str(caught.value)


REFERENCE = {
    "vm": "vm/name/guest/instance/parent/vmname",
    "mac": "mac/mac address/macaddress/hwaddr",
    "ips": "ip/ipv4 address/primary ip address/fixed ip addresses",
    "host": "host/vmhost/esxi/hypervisor/node/compute/esxi_hostname/binding_host_id/binding:host_id",
    "network": "network/portgroup/port group/bridge",
    "vlan": "vlan/tag/vlanid/accessvlanid",
}
"""Titles that exports use for each field, of section 3 of the reference."""


@pytest.mark.parametrize(
    ("field", "title"), [(f, title) for f, titles in REFERENCE.items() for title in titles.split("/")]
)
def test_titles_that_need_no_mapping(field, title):
    values = {"vm": "web", "mac": "525400000001", "ips": "10.0.0.1", "host": "h1", "network": "pg", "vlan": "7"}
    others = {
        other: other for other in ("vm", "mac", "ip", "host") if other not in (field, "ip" if field == "ips" else "")
    }
    titles, cells = [title, *others], [values[field], *(values["ips" if other == "ip" else other] for other in others)]
    (record,) = parse_inventory(f"{','.join(titles)}\n{','.join(cells)}\n", name="i.csv")
    told = {"mac": 0x525400000001, "ips": ("10.0.0.1",), "vlan": 7}
    assert getattr(record, field) == told.get(field, values[field])


def test_the_generic_form_tells_everything_that_a_record_holds():
    text = (
        "vm,mac,host,SwitchType,IsManagementOS,isolated,distributed,floating_ip,dns name\n"
        "web,525400000001,h,Private,False,true,no,203.0.113.5,web.example\n"
        "h,525400000002,h,External,True,false,no,,\n"
        "gw,525400000003,h,,router,false,yes,,\n"
    )
    text = text.replace("IsManagementOS", "kind", 1)
    web, host, router = parse_inventory(text, name="i.csv")
    assert (web.has_uplink, web.kind, web.isolated, web.external_ips) == (False, "vm", True, ("203.0.113.5",))
    assert (web.guest_name, host.has_uplink, host.kind) == ("web.example", True, "hypervisor")
    assert (router.kind, router.distributed, router.has_uplink) == ("router", True, None)
