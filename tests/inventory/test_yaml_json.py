"""Generic YAML and JSON, friendly and hostile."""

import json

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import parse_inventory, parse_inventory_file
from flowmap.inventory.yaml_events import MAX_YAML_CHARS

WEB = {"vm": "web", "mac": "52:54:00:00:00:01", "host": "kvm-1"}


def test_yaml_with_what_holds_for_all():
    text = """
exported_at: 2025-03-04T12:00:00Z
host: kvm-1
vms:
  - {vm: web, mac: 52:54:00:00:00:01, ips: [10.0.0.1, "fe80::1"], vlan: 010}
  - vm: db
    mac: "52:54:00:00:00:02"
    host: kvm-2
    observed_at: 2025-03-05 00:00:00
    interface: null
"""
    first, second = parse_inventory(text, name="i.yaml")
    assert (first.vm, first.host, first.ips, first.vlan) == ("web", "kvm-1", ("10.0.0.1", "fe80::1"), 10)
    assert (first.observed_at_ns, first.observed_how) == (1_741_089_600_000_000_000, "header")
    assert (second.host, second.observed_how, second.interface, second.row) == ("kvm-2", "column", None, 2)


@pytest.mark.parametrize(
    "mac",
    ["52:54:00:11:22:33", "10:20:30:40:50:06", "525400112233", "12:00:00:00:00:00", "1e:00:00:00:00:01"],
)
def test_an_unquoted_mac_is_no_number(mac):
    # YAML 1.1 reads the first two as integers to base 60.
    (record,) = parse_inventory(f"- vm: web\n  mac: {mac}\n", name="i.yaml")
    assert f"{record.mac:012x}" == mac.replace(":", "")


def test_names_that_yaml_takes_for_something_else():
    text = "- {vm: off, mac: 525400000001, host: 010}\n- {vm: '123', mac: 525400000002, host: 1.10}\n"
    records = parse_inventory(text, name="i.yaml")
    assert [(r.vm, r.host) for r in records] == [("off", "010"), ("123", "1.10")]


@pytest.mark.parametrize(
    "value",
    [
        [WEB],
        WEB,  # ConvertTo-Json of a single object
        {"vms": [WEB]},
        {"value": [WEB], "Count": 1},
        {"name": "export of site A", "host": "vcenter", "machines": [WEB]},
    ],
)
def test_shapes_of_json(value):
    (record,) = parse_inventory(json.dumps(value), name="i.json")
    assert (record.vm, record.mac, record.host, record.format) == ("web", 0x525400000001, "kvm-1", "json")


def test_nics_nested_in_their_vm():
    text = json.dumps(
        [
            {
                "name": "web",
                "host": "kvm-1",
                "disks": [{"size": 1}],
                "nics": [{"name": "net0", "mac": "525400000001", "ip": "10.0.0.1"}, {"mac": "525400000002"}],
            },
            {"name": "db", "host": "kvm-2", "nics": []},
        ]
    )
    records = parse_inventory(text, name="i.json")
    assert [(r.vm, r.nic, r.mac, r.ips, r.host, r.row) for r in records] == [
        ("web", "net0", 0x525400000001, ("10.0.0.1",), "kvm-1", 1),
        ("web", None, 0x525400000002, (), "kvm-1", 1),
        ("db", None, None, (), "kvm-2", 2),
    ]


def test_convertto_json_of_hyper_v():
    text = json.dumps(
        {
            "VMName": "web",
            "Name": "Network Adapter",
            "SwitchName": "vSwitch1",
            "MacAddress": "00155D010203",
            "IPAddresses": ["10.0.0.1", "fe80::1"],
            "ComputerName": "hv-1",
        }
    )
    (record,) = parse_inventory(text, name="hv.json")
    assert (record.vm, record.nic, record.host) == ("web", "Network Adapter", "hv-1")
    assert (record.mac, record.ips) == (0x00155D010203, ("10.0.0.1", "fe80::1"))


def test_wrong_types_are_left_out_with_row_and_column():
    text = (
        '[7, null, "web", [1],'
        ' {"vm": {"x": 1}, "mac": [["a"]], "ip": [1, true, {"a": 1}, "10.0.0.1"],'
        ' "vlan": NaN, "host": 1e999},'
        ' {"vm": 12, "mac": 525400000001, "host": -Infinity, "vlan": 10.0}]'
    )
    file = parse_inventory_file(text, name="i.json")
    first, second = file.records
    assert (first.vm, first.mac, first.ips, first.vlan, first.host, first.row) == (
        "",
        None,
        ("10.0.0.1",),
        None,
        None,
        5,
    )
    assert (second.vm, second.mac, second.host, second.vlan) == ("12", 0x525400000001, None, 10)
    assert file.warnings[0] == (
        "i.json: 4 rows left out because they are not a mapping of names to values (the first is row 1)."
    )
    assert all("row 5, column" in warning for warning in file.warnings[1:])
    assert {warning.split("column ")[1].split(":")[0] for warning in file.warnings[1:]} == {
        "'vm'",
        "'mac'",
        "'ip'",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"vm": "web", ]', "not valid JSON at line 1, column 16"),
        ('[{"vm": "web", "host": "a", "host": "b", "mac": "525400000001"}]', "names 'host' twice"),
        ("[" * 200_000, "nested too deeply"),
        ("[" + "1" * 5000 + "]", "number of absurd length"),
        ("[" + "[]," * 4_000_000 + "1]", "more than 4,000,000 JSON values"),
        ('{"a": 1}', "lists no VMs"),
        ('[{"title": "x"}]', "lists no VMs"),
        ("[1, 2, 3]", "lists no VMs"),
        ('{"data": [], "headings": [], "extra": 1}', "lists no VMs"),
    ],
)
def test_json_that_is_refused(text, problem):
    with pytest.raises(InventoryError, match=problem):
        parse_inventory(text, name="i.json")


YAML_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (YAML_BOMB, "line 2: the YAML uses an alias"),
        ("base: &b {vm: a}\nvms:\n  - <<: *b\n    mac: 525400000001\n", "line 3: the YAML uses an alias"),
        ("- " * 30 + "x", "nested too deeply"),
        ("vms: " + "[" * 100_000, "nested too deeply"),
        ("- vm: web\n  mac: [\n", "not valid YAML at line"),
        ("- vm: web\n  host: a\n  host: b\n", "line 3: the YAML names 'host' a second time"),
        ("- ? [a, b]\n  : c\n", "has a key that is no text"),
        ("---\n- {vm: a, mac: 525400000001}\n---\n- {vm: b}\n", "starts a second YAML document"),
        ("- vm: \x07\n", "not valid YAML"),
        ("title: a\nlist: b\n", "is YAML, but lists no VMs"),
        ("- {a: 1, b: 2}\n", "is YAML, but lists no VMs"),
        ("- one\n- two\n", "is YAML, but lists no VMs"),
        ("- x\n" + " " * MAX_YAML_CHARS, "more than 16 MiB"),
        ("- [" + "a," * 2_000_001 + "]", "more values than are accepted"),
    ],
)
def test_yaml_that_is_refused(text, problem):
    with pytest.raises(InventoryError, match=problem):
        parse_inventory(text, name="i.yaml")


def test_yaml_makes_no_objects():
    text = "- vm: !!python/object/apply:os.system ['exit 3']\n  mac: !!int 525400000001\n  host: !!binary aGk=\n"
    (record,) = parse_inventory(text, name="i.yaml")
    assert (record.vm, record.mac, record.host) == ("exit 3", 0x525400000001, "aGk=")


def test_control_characters_written_as_escapes():
    for text in (
        '- {vm: "a\\x07\\u202Eb", mac: 525400000001}',
        '[{"vm": "a\\u0007\\u202eb", "mac": "525400000001"}]',
    ):
        assert parse_inventory(text, name="i")[0].vm == "a\ufffd\ufffdb"


def test_a_row_of_a_thousand_keys_is_left_out():
    wide = {f"k{n}": n for n in range(1000)} | WEB
    file = parse_inventory_file(json.dumps([WEB, wide]), name="i.json")
    assert len(file.records) == 1 and "more than 200 values (the first is row 2)" in file.warnings[0]


def test_the_row_limit_counts_nested_nics():
    text = json.dumps([{"vm": "web", "host": "h", "nics": [{"mac": "525400000001"}] * 11}])
    with pytest.raises(InventoryError, match="more than 10 rows"):
        parse_inventory(text, name="i.json", max_rows=10)


@pytest.mark.parametrize(("text", "format_name"), [("[]", "json"), ('{"vms": []}', "json"), ("vms: []\n", "yaml")])
def test_an_export_of_nothing_is_an_empty_inventory(text, format_name):
    file = parse_inventory_file(text, name="i")
    assert (file.format, file.records, file.warnings) == (format_name, [], ["i: it holds no machine."])


def test_one_machine_after_the_other_as_jq_writes_them():
    text = '{"vm": "web", "mac": "52:54:00:00:00:01"}\n{"vm": "db", "mac": "52:54:00:00:00:02"}\n'
    file = parse_inventory_file(text, name="lines.json")
    assert file.format == "json" and [r.vm for r in file.records] == ["web", "db"]
