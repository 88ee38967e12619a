"""Generic CSV. The layouts are those that Export-Csv and spreadsheets are documented to write."""

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import parse_inventory, parse_inventory_file
from flowmap.inventory.rows import SYNONYMS

ROW = {"vm": "web", "mac": "52:54:00:00:00:01", "ips": "10.0.0.1", "host": "kvm-1"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_delimiter_encoding_and_line_end(delimiter, encoding, newline):
    text = newline.join([delimiter.join(["VM", "MAC Address", "Host"]), delimiter.join(["wéb", "525400000001", "k1"])])
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    (record,) = parse_inventory((bom + text).encode(encoding), name="i.csv")
    assert (record.vm, record.mac, record.host, record.row) == ("wéb", 0x525400000001, "k1", 2)


@pytest.mark.parametrize("title", SYNONYMS["host"])
def test_each_title_for_the_host(title):
    (record,) = parse_inventory(f"vm,mac,{title}\nweb,525400000001,kvm-1\n", name="i.csv")
    assert record.host == "kvm-1"


@pytest.mark.parametrize("field", sorted(SYNONYMS))
def test_a_title_counts_in_any_case_and_with_any_gaps(field):
    for title in SYNONYMS[field]:
        spaced = f" {title[:1].upper()}_{title[1:]} "
        with_field = parse_inventory_file(f"{spaced},IP,VMhost,MAC\n,10.0.0.1,kvm-1,525400000001\n", name="i.csv")
        assert "does not use" not in " ".join(with_field.warnings), title


def test_export_csv_of_powercli():
    # Windows PowerShell 5 writes the type first; Parent is the VM, Name the adapter.
    text = (
        "#TYPE Selected.VMware.VimAutomation.ViCore.Impl.V1.VirtualDevice.NetworkAdapterImpl\r\n"
        '"Parent","Name","NetworkName","MacAddress","Type","VMHost"\r\n'
        '"web-01","Network adapter 1","VLAN10","00:50:56:aa:bb:01","Vmxnet3","esx-01.corp.example"\r\n'
    )
    (record,) = parse_inventory(text, name="nics.csv")
    assert (record.vm, record.nic, record.network) == ("web-01", "Network adapter 1", "VLAN10")
    assert (record.host, record.mac, record.row) == ("esx-01.corp.example", 0x005056AABB01, 3)


def test_export_csv_of_hyper_v_cannot_hold_lists():
    text = (
        '"VMName","Name","SwitchName","MacAddress","IPAddresses","ComputerName"\n'
        '"web","Network Adapter","vSwitch1","00155D010203","System.String[]","hv-1"\n'
    )
    file = parse_inventory_file(text, name="hv.csv")
    (record,) = file.records
    assert (record.vm, record.nic, record.vswitch, record.host) == (
        "web",
        "Network Adapter",
        "vSwitch1",
        "hv-1",
    )
    assert record.ips == ()
    assert any("row 2" in text and "'IPAddresses'" in text and "PowerShell" in text for text in file.warnings)


def test_a_spreadsheets_separator_line_and_blank_lines():
    (record,) = parse_inventory('sep=;\n\nvm;mac;host\n\n"we;b";525400000001;k1\n', name="i.csv")
    assert (record.vm, record.row) == ("we;b", 5)


def test_the_delimiter_is_the_one_that_makes_sense_of_the_titles():
    (record,) = parse_inventory("vm;mac;host;note, remark\nweb;525400000001;k1;a, b\n", name="i.csv")
    assert record.host == "k1"


def test_several_addresses_in_one_cell_and_several_columns():
    text = 'vm,mac,IPv4 Address,IPv6 Address,host\nweb,525400000001,"10.0.0.1/24, 10.0.0.2",fe80::1%eth0,k1\n'
    (record,) = parse_inventory(text, name="i.csv")
    assert record.ips == ("10.0.0.1", "10.0.0.2", "fe80::1")


def test_several_macs_in_one_cell_are_several_vnics():
    records = parse_inventory('vm,mac,host\nweb,"525400000001;525400000002",k1\n', name="i.csv")
    assert [(r.mac, r.row) for r in records] == [(0x525400000001, 2), (0x525400000002, 2)]


def test_a_bad_value_is_left_out_and_named_with_row_and_column():
    text = "vm,mac,ip,host,vlan\nweb,01:00:5e:00:00:01,10.0.0.1;10.0.0.999,k1,trunk\n"
    file = parse_inventory_file(text, name="i.csv")
    (record,) = file.records
    assert (record.vm, record.mac, record.ips, record.vlan) == ("web", None, ("10.0.0.1",), None)
    assert file.warnings == [
        "i.csv, row 2, column 'mac': '01:00:5e:00:00:01' is a multicast MAC address; the value is left out.",
        "i.csv, row 2, column 'ip': '10.0.0.999' is no IP address; the value is left out.",
        "i.csv, row 2, column 'vlan': 'trunk' is no single VLAN id; the value is left out.",
    ]


def test_many_bad_values_are_counted():
    file = parse_inventory_file("vm,mac\n" + "web,zz\n" * 1000, name="i.csv")
    assert len(file.records) == 1000 and len(file.warnings) == 51
    assert file.warnings[-1] == "i.csv: 950 more values could not be used."


def test_rows_that_name_no_machine_are_counted():
    file = parse_inventory_file("vm,mac,ip,host\n,,,k1\nweb,525400000001,,k1\n,-,n/a,k2\n", name="i.csv")
    assert [record.vm for record in file.records] == ["web"]
    assert "i.csv: 2 rows left out because they name no VM, no MAC and no IP address (the first is row 2)." in (
        file.warnings
    )


def test_a_row_without_a_vm_name_still_places_its_mac():
    (record,) = parse_inventory("mac,host\n525400000001,k1\n", name="i.csv")
    assert (record.vm, record.mac, record.host) == ("", 0x525400000001, "k1")


def test_vlan_and_segment_type():
    text = (
        "vm,mac,vlan,segment_type,vni\n"
        "a,525400000001,10,,\n"
        "b,525400000002,0,,\n"
        "c,525400000003,,geneve,\n"
        "d,525400000004,,,77\n"
    )
    records = parse_inventory(text, name="i.csv")
    assert [(r.vlan, r.segment_type) for r in records] == [
        (10, "vlan"),
        (None, "none"),
        (None, "overlay"),
        (None, "overlay"),
    ]


def test_a_bridge_is_both_vswitch_and_network_unless_these_are_told():
    first, second = (
        parse_inventory(text, name="i.csv")[0]
        for text in (
            "vm,mac,bridge\na,525400000001,br0\n",
            "vm,mac,bridge,network\na,525400000001,br0,prod\n",
        )
    )
    assert (first.vswitch, first.network) == ("br0", "br0")
    assert (second.vswitch, second.network) == ("br0", "prod")


def test_other_fields():
    text = "vm,uuid,mac,sriov,interface,powerstate,vrf\nweb,8d3c,525400000001,yes,vnet3,poweredOn,red\n"
    (r,) = parse_inventory(text, name="i.csv")
    assert (r.vm_id, r.passthrough, r.interface, r.power_state, r.domain) == (
        "8d3c",
        True,
        "vnet3",
        "poweredOn",
        "red",
    )


def test_when_it_was_true_comes_from_the_row_the_header_or_the_file():
    by_row = "vm,mac,observed_at\nweb,525400000001,2025-03-04T12:00:00Z\n"
    by_header = "# exported_at: 2025-03-04T12:00:00Z\n# host: kvm-9\nvm,mac\nweb,525400000001\n"
    by_file = "vm,mac\nweb,525400000001\n"
    times = [parse_inventory(text, name="i.csv", modified_ns=5)[0] for text in (by_row, by_header, by_file)]
    assert [(r.observed_at_ns, r.observed_how) for r in times] == [
        (1_741_089_600_000_000_000, "column"),
        (1_741_089_600_000_000_000, "header"),
        (5, "file time"),
    ]
    assert (times[1].host, times[1].row) == ("kvm-9", 4)
    unknown = parse_inventory(by_file, name="i.csv")[0]
    assert (unknown.observed_at_ns, unknown.observed_how) == (None, None)


def test_columns_that_nothing_reads_are_named():
    file = parse_inventory_file("vm,mac,hostname,rack\nweb,525400000001,kvm-1,4\n", name="i.csv")
    assert file.records[0].host is None
    assert file.warnings == ["i.csv: columns that FlowMap does not use: hostname, rack."]


def test_hostile_names_are_kept_as_text():
    file = parse_inventory_file('vm,mac,host\n"<script>\x07\n=cmd()",525400000001,"=1+1"\n', name="i.csv")
    assert (file.records[0].vm, file.records[0].host) == ("<script>\ufffd\ufffd=cmd()", "=1+1")


def test_a_name_of_a_million_characters_does_not_pass():
    with pytest.raises(InventoryError, match="row 2: .*longer than any export"):
        parse_inventory("vm,mac\n" + "x" * 1_000_000 + ",525400000001\n", name="i.csv")
    file = parse_inventory_file("vm,mac\n" + "x" * 1000 + ",525400000001\n", name="i.csv")
    assert len(file.records[0].vm) == 255 and "longer than 255 characters" in file.warnings[0]


def test_an_open_quote_is_found_at_its_row():
    with pytest.raises(InventoryError, match=r"^i\.csv, row 3: a quoted cell is not closed"):
        parse_inventory('vm,mac\nweb,525400000001\n"db,525400000002\n' + "x,525400000003\n" * 10, name="i.csv")


def test_short_and_long_rows():
    records = parse_inventory("vm,mac,host\nweb\ndb,525400000002,k1,more,and,more\n", name="i.csv")
    assert [(r.vm, r.mac, r.host) for r in records] == [("web", None, None), ("db", 0x525400000002, "k1")]


def test_a_header_alone_is_an_empty_inventory():
    file = parse_inventory_file("vm,mac,host\n", name="i.csv")
    assert (file.format, file.records, file.warnings) == ("csv", [], ["i.csv: it holds no machine."])


def test_the_row_limit():
    text = "vm,mac\n" + "web,525400000001\n" * 11
    assert len(parse_inventory(text, name="i.csv", max_rows=11)) == 11
    with pytest.raises(InventoryError, match="more than 10 rows"):
        parse_inventory(text, name="i.csv", max_rows=10)


def test_windows_1252_is_read_with_a_warning():
    file = parse_inventory_file("vm,mac\nbüro,525400000001\n".encode("cp1252"), name="i.csv")
    assert file.records[0].vm == "büro" and "Windows-1252" in file.warnings[0]
