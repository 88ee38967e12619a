"""The queries of docs/inventory.md, over answers in the layout that each source documents.

Beside each answer lies what jq made of it, so that the records are tested where there is no jq too.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flowmap.inventory import parse_inventory_file
from flowmap.inventory.recognise import FORMATS
from flowmap.inventory.rows import SYNONYMS

DATA = Path(__file__).parent / "data"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"```jq\n# (\w+)\.jq\n(.*?)```", DOCUMENT, re.DOTALL))
OPTIONS = {"netbox": ["-s"]}

EXPECTED = {
    # vm, MAC, addresses, host, network, VLAN, domain, state, passthrough
    "nutanix": [
        ("web-01", 0x506B8D000001, ("10.42.10.11",), "ahv-node-1", "vlan10", None, None, "ON", False),
        ("web-01", 0x506B8D000002, (), "ahv-node-1", "fast", None, None, "ON", True),
        ("off-01", 0x506B8D000003, (), None, "vlan10", None, None, "OFF", False),
    ],
    "netbox": [
        ("srv-ba01", 0x005056AABB01, ("10.2.1.3", "fd00:2::3"), "esx-01", None, 120, "tenant-a", "active", False),
        ("srv-ba01", 0x005056AABB02, (), "esx-01", None, None, None, "active", False),
        ("srv-ba02", 0x005056AABB03, (), None, None, None, None, "offline", False),
    ],
    "ansible": [
        (
            "ubuntu_t",
            0x00505687A59A,
            ("10.76.33.228", "fd00::228"),
            "10.76.33.226",
            None,
            None,
            None,
            "poweredOn",
            False,
        ),
        ("no_tools", 0x00505687A59B, (), "10.76.33.227", None, None, None, "poweredOff", False),
        ("no_tools", 0x00505687A59C, (), "10.76.33.227", None, None, None, "poweredOff", False),
    ],
}


def test_every_query_of_the_page_is_tested():
    assert set(QUERIES) == set(EXPECTED)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq, which `make test` installs")
@pytest.mark.parametrize("source", sorted(EXPECTED))
def test_jq_makes_of_the_answer_what_lies_beside_it(source):
    command = ["jq", *OPTIONS.get(source, []), QUERIES[source], str(DATA / f"{source}.json")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(run.stdout) == json.loads((DATA / f"{source}.generic.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", sorted(EXPECTED))
def test_flowmap_reads_what_the_query_makes(source):
    file = parse_inventory_file((DATA / f"{source}.generic.json").read_bytes(), name="vms.json")
    assert (file.format, file.warnings) == ("json", [])
    rows = [
        (r.vm, r.mac, r.ips, r.host, r.network, r.vlan, r.domain, r.power_state, r.passthrough) for r in file.records
    ]
    assert rows == EXPECTED[source]


def test_the_csv_of_hyper_v():
    file = parse_inventory_file((DATA / "hyperv.csv").read_bytes(), name="hyperv.csv")
    web, lab, fast, host = file.records
    assert (file.format, file.warnings) == ("csv", [])
    assert (web.vm, web.nic, web.mac, web.vswitch) == ("web", "Network Adapter", 0x00155D010203, "Prod")
    assert (web.ips, web.host, web.vlan) == (("10.5.0.1", "fe80::215:5dff:fe01:203"), "hv-1", 20)
    assert [r.has_uplink for r in file.records] == [True, False, True, True]
    assert [(r.kind, r.isolated, r.passthrough) for r in (lab, fast, host)] == [
        ("vm", False, False),
        ("vm", True, True),
        ("hypervisor", False, False),
    ]


def test_the_page_names_every_format_and_every_field():
    assert [known.name for known in FORMATS if f"`{known.name}`" not in DOCUMENT] == []
    assert [field for field in SYNONYMS if f"`{field}`" not in DOCUMENT] == []


def test_the_tables_of_the_page_are_read():
    table = re.search(r"```\n(# exported_at:.*?)```", DOCUMENT, re.DOTALL)
    mapped = re.search(r"```yaml\n(mapping:.*?)```", DOCUMENT, re.DOTALL)
    assert table and mapped
    (one,) = parse_inventory_file(table[1], name="own.csv").records
    (other,) = parse_inventory_file(mapped[1], name="own.yaml").records
    for record in (one, other):
        assert (record.vm, record.mac, record.host) == ("web-1", 0x0050568A1011, "esx-01")
    assert (one.vlan, one.observed_how) == (10, "header")
