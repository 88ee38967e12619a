"""Content alone decides the format, and nothing but InventoryError comes out of bad content."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowmap.errors import InventoryError
from flowmap.inventory import Inventory, join_files, parse_inventory, parse_inventory_file
from flowmap.inventory.recognise import FORMATS
from tests.inventory.rvtools_tabs import SITE, as_csv
from tests.inventory.test_workbook import workbook

OF_MACHINES = {
    "csv": "vm,mac,ip,host\nweb,52:54:00:00:00:01,10.0.0.1,kvm-1\n",
    "rvtools-vnetwork": "VM,NIC label,Switch,Mac Address,Host\nweb,NIC 1,vSwitch0,00:50:56:80:00:01,esx-01\n",
    "virsh-dumpxml": "<domain><name>web</name></domain>",
    "ovs-interface": '{"headings": ["name", "external_ids"], "data": [["p", ["map", [["vm-name", "web"]]]]]}',
    "ovsdb": (
        '{"headings": ["_uuid", "name", "external_ids"], "data": [[["uuid", "i"], "p", ["map", [["vm-name", "web"]]]]]}'
        '\n{"headings": ["_uuid", "name", "interfaces"], "data": [[["uuid", "p"], "p", ["uuid", "i"]]]}'
    ),
    "virsh-domiflist": (
        "# vm: web\n Interface   Type     Source   Model    MAC\n-----------------\n"
        " vnet0       bridge   br0      virtio   52:54:00:00:00:01\n"
    ),
    "virsh-domifaddr": (
        "# vm: web\n Name   MAC address          Protocol     Address\n-----------------\n"
        " vnet0  52:54:00:00:00:01    ipv4         10.0.0.1/24\n"
    ),
    "by-hand": '{"placed_by_hand": true, "vms": [{"vm": "web", "mac": "00:50:56:00:00:01", "host": "esx-01"}]}',
    "proxmox-conf": "name: web\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n",
    "proxmox-resources": '[{"id": "qemu/100", "type": "qemu", "vmid": 100, "name": "web", "node": "pve1"}]',
    "openstack-servers": '[{"ID": "u-1", "Name": "web", "Networks": {"n": ["10.0.0.1"]}, "Host": "c1"}]',
    "neutron-ports": (
        '{"ports": [{"id": "p", "mac_address": "fa:16:3e:00:00:01", "fixed_ips": [], "device_id": "web",'
        ' "device_owner": "compute:nova", "binding:host_id": "c1"}]}'
    ),
    "rvtools-vinfo": "VM,Powerstate,DNS Name,Primary IP Address,Host\nweb,poweredOn,web.example,10.0.0.1,esx-01\n",
    "powercli": "Parent,Name,NetworkName,MacAddress\nweb,Network adapter 1,PG,00:50:56:80:00:01\n",
    "govc-vm-info": '{"virtualMachines": [{"name": "web", "config": {}, "runtime": {}, "guest": {}}]}',
    "yaml": "- vm: web\n  mac: 52:54:00:00:00:01\n",
    "json": '[{"vm": "web", "mac": "52:54:00:00:00:01"}]',
}


NAMELESS = {
    "ovs-fdb": " port  VLAN  MAC                Age\n    1     0  52:54:00:00:00:01    4\n",
    "bridge-fdb": "52:54:00:00:00:01 dev vnet0 master br0 \n",
    "guest-agent": '[{"name": "eth0", "hardware-address": "52:54:00:00:00:01", "ip-addresses": []}]',
    "openstack-ports": '[{"ID": "p", "MAC Address": "fa:16:3e:00:00:01", "Fixed IP Addresses": []}]',
    "neutron-floating-ips": '{"floatingips": [{"floating_ip_address": "203.0.113.5", "port_id": "p"}]}',
}
OF_HOSTS = {
    **{f"rvtools-{name.lower().replace('_', '')}": as_csv(SITE[name]) for name in list(SITE)[2:-1]},
    "govc-host-info": '{"hostSystems": [{"name": "esx-01", "self": {"value": "host-11"}, "config": {"network": {}}}]}',
    "govc-collect": '{"obj": {"type": "HostSystem", "value": "host-11"}, "changeSet": [{"name": "name", "val": "e"}]}',
}
GOOD: dict[str, str | bytes] = {
    **OF_MACHINES,
    **NAMELESS,
    **OF_HOSTS,
    "xlsx": workbook({"vNetwork": SITE["vNetwork"]}),
}


def test_every_format_has_an_example_here():
    assert GOOD.keys() - {"ovs-interface"} == {known.name for known in FORMATS}


@pytest.mark.parametrize("format_name", sorted(GOOD))
def test_content_alone_decides(format_name):
    file = parse_inventory_file(GOOD[format_name], name="x.txt")
    assert file.format == format_name and file.row_count > 0


@pytest.mark.parametrize("format_name", sorted(OF_MACHINES))
@pytest.mark.parametrize("name", ["inventory", "x.csv", "x.xml", "x.json"])
def test_the_name_of_a_file_says_nothing(format_name, name):
    file = parse_inventory_file(OF_MACHINES[format_name], name=name)
    assert file.format == format_name
    of_record = "ovs-interface" if format_name == "ovsdb" else format_name
    assert [(r.vm, r.format, r.source) for r in file.records] == [("web", of_record, name)]


@pytest.mark.parametrize("format_name", sorted(OF_MACHINES))
def test_bytes_with_a_byte_order_mark_are_the_same(format_name):
    assert parse_inventory(OF_MACHINES[format_name].encode("utf-8-sig"), name="i") == parse_inventory(
        OF_MACHINES[format_name], name="i"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"  \n\t", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"PK\x03\x04...", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0...", "old Excel workbook"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "packet capture"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "packet capture"),
        (b"\x7fELF\x02", "a program"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary file"),
        (bytes(range(256)), "binary file"),
        (b"Dear all, the inventory follows.\nBest regards\n", "name no VM|no inventory format"),
        (b"hello", "no inventory format"),
        (b"foo,bar\n1,2\n", r"titles \(foo, bar\) name no VM"),
        (b"name,date\nx,2025-01-01\n", "name no VM"),
    ],
)
def test_what_it_is_where_and_the_way_out(content, problem):
    with pytest.raises(InventoryError, match=problem) as caught:
        parse_inventory(content, name="in\x1bventory.bin")
    message = str(caught.value)
    assert message.startswith("in\ufffdventory.bin") and message.endswith(".") and ";" in message
    assert "\n" not in message


def records_or_refusal(content: str | bytes) -> Inventory | None:
    try:
        file = parse_inventory_file(content, name="i", modified_ns=1, max_rows=1000)
    except InventoryError as problem:
        assert str(problem).startswith("i") and str(problem).endswith(".")
        return None
    return join_files([file])


@given(st.binary(max_size=400))
def test_any_bytes(content):
    records_or_refusal(content)


@given(st.text(st.characters(), max_size=400))
@example("vm,mac\n\r\n\x00")
@example("<domain>\ud800")
@example("%YAML 9.9\n--- x")
def test_any_text(content):
    records_or_refusal(content)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_good_file_cut_patched_or_followed_by_junk(format_name, data):
    good = GOOD[format_name]
    good = good.encode() if isinstance(good, str) else good
    at = data.draw(st.integers(0, len(good)))
    junk = data.draw(
        st.binary(max_size=8) | st.sampled_from([b",", b'"', b"<", b"[", b"{", b"&a", b"*a", b": ", b"\n"])
    )
    tail = data.draw(st.sampled_from([b"", good[at:], good[at + 1 :]]))
    inventory = records_or_refusal(good[:at] + junk + tail)
    if inventory is not None:
        assert all(record.mac is None or 0 < record.mac < 2**48 for record in inventory.records)
        assert all(len(record.vm) <= 255 for record in inventory.records)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from(["525400000001"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["vm", "mac", "ip", "host", "vms", "nics", "data", "headings", "vlan", "date", "name"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_any_json_value(value):
    records_or_refusal(json.dumps(value))
    records_or_refusal(json.dumps([value, {"vm": "web", "mac": "525400000001", "host": value}]))
