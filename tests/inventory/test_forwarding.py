"""Forwarding tables that Open vSwitch and iproute2 wrote (samples/make.sh), and what follows from them."""

from pathlib import Path

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import HostRecord, Inventory, join_files, parse_inventory_file, read_inventory
from flowmap.inventory.cells import mac_text

SAMPLES = Path(__file__).parent / "samples"
BRIDGES_A = ("br-ex", "br-int", "br-priv", "br-tun", "br-odd")

# Which MAC samples/make.sh put behind which VM port.
VM_PORTS = {
    "52:54:00:aa:00:01": ("kvm-a", "br-int", "vnet0"),
    "52:54:00:aa:00:02": ("kvm-a", "br-int", "vnet1"),
    "52:54:00:aa:00:03": ("kvm-a", "br-priv", "vnet2"),
    "52:54:00:aa:00:04": ("kvm-a", "br-priv", "vnet3"),
    "52:54:00:aa:00:05": ("kvm-a", "br-tun", "vnet4"),
    "52:54:00:bb:00:07": ("kvm-b", "br0", "vnet0"),
}
WEB, APP, REM, LIN = 0x525400AA0001, 0x525400AA0002, 0x525400BB0007, 0x525400CC0008

FDB_TITLES = " port  VLAN  MAC                Age\n"
SECOND_NS = 10**9


def lab() -> Inventory:
    """Both hosts with Open vSwitch: their tables and the forwarding table of each bridge."""
    tables = [f"{host}={SAMPLES / f'ovs-{host}.json'}" for host in ("kvm-a", "kvm-b")]
    learned = [f"kvm-a={SAMPLES / f'fdb-kvm-a-{bridge}.txt'}" for bridge in BRIDGES_A]
    return read_inventory([*tables, *learned, f"kvm-b={SAMPLES / 'fdb-kvm-b-br0.txt'}"])


def of(*files: tuple[str, str], host: str | None = "h1", when: int = 5) -> Inventory:
    """{name: content} as files about one host, unless the name says which (`h2=x.txt`)."""
    parsed = []
    for name, text in files:
        named, _, rest = name.rpartition("=")
        parsed.append(parse_inventory_file(text, name=rest, host=named or host, modified_ns=when * SECOND_NS))
    return join_files(parsed)


def test_every_mac_at_a_vms_port_is_found_there():
    rows = [r for r in lab().learned if r.is_uplink is False]
    assert {mac_text(r.mac): (r.host, r.vswitch, r.interface) for r in rows} == VM_PORTS


def test_what_came_through_a_bond_or_a_nic_is_remote():
    # Open vSwitch names a bond by one of its members.
    bond = {"eno1": "bond0", "eno2": "bond0"}
    rows = [r for r in lab().learned if r.is_uplink]
    remote = {(mac_text(r.mac), r.host, bond.get(r.interface or "", r.interface)) for r in rows}
    assert {("52:54:00:bb:00:07", "kvm-a", "bond0"), ("52:54:00:aa:00:01", "kvm-b", "vmnic0")} <= remote
    assert {interface for _, _, interface in remote} == {"bond0", "vmnic0"}


def test_patch_ports_tell_neither():
    assert {r.is_uplink for r in lab().learned if r.interface in ("int-ex", "ex-int")} == {None}


def test_what_was_learned_from_copies_in_an_rspan_vlan_is_left_out():
    inventory = lab()
    assert "999" in (SAMPLES / "fdb-kvm-a-br-ex.txt").read_text()
    assert {r.vlan for r in inventory.learned} == {10, None}


def test_the_live_table_places_and_excludes():
    inventory = lab()
    assert inventory.conflicts == []
    assert [inventory.live_host(mac) for mac in (WEB, APP, REM)] == ["kvm-a", "kvm-a", "kvm-b"]
    assert inventory.live_host(0x525400AA0006) is None  # never talked
    assert inventory.live_remote(WEB, "kvm-b") and inventory.live_remote(REM, "kvm-a")
    assert inventory.live_remote(REM, "KVM-A")
    assert not inventory.live_remote(WEB, "kvm-a") and not inventory.live_remote(APP, "kvm-b")
    assert not inventory.live_remote(WEB, "elsewhere")


@pytest.mark.parametrize("suffix", ["txt", "json"])
def test_a_linux_bridge(suffix):
    fdb = f"kvm-c={SAMPLES / f'bridge-fdb-kvm-c.{suffix}'}"
    rows = {mac_text(r.mac): r for r in read_inventory([fdb]).learned}
    # All others in it are permanent: the host's own and multicast.
    assert {mac: (r.interface, r.vswitch, r.is_uplink) for mac, r in rows.items()} == {
        "52:54:00:dd:00:09": ("eno1", "br0", None),
        "52:54:00:aa:00:01": ("eno1", "br0", None),
        "52:54:00:cc:00:08": ("vnet0", "br0", None),
    }


def test_a_listing_of_the_same_host_says_whose_port_it_is():
    listing = (
        "# host: kvm-c\n# vm: lin\n Interface   Type     Source   Model    MAC\n------\n"
        " vnet0       bridge   br0      virtio   52:54:00:cc:00:08\n"
    )
    inventory = of(("domiflist.txt", listing), ("kvm-c=fdb.txt", (SAMPLES / "bridge-fdb-kvm-c.txt").read_text()))
    assert inventory.live_host(LIN) == "kvm-c" and inventory.conflicts == []


PORT = '{"headings": ["_uuid", "name", "ofport", "type", "status", "external_ids"], "data": [%s]}'
VNET0 = '[["uuid", "i1"], "vnet0", 1, "", ["map", []], ["map", [["attached-mac", "52:54:00:00:00:01"]]]]'
ENO1 = '[["uuid", "i2"], "eno1", 2, "", ["map", [["driver_name", "ixgbe"]]], ["map", []]]'
TABLE = PORT % f"{VNET0}, {ENO1}"


def test_a_record_without_host_gets_that_of_the_row():
    """Open vSwitch knows the port of a VM but not its MAC, the list its MAC but no host: the row has both."""
    port = '[["uuid", "i1"], "vnet0", 1, "", ["map", []], ["map", [["iface-id", "port-1"]]]]'
    names = "vm,mac\nweb,52:54:00:00:00:01\nrem,52:54:00:00:00:02\n"
    fdb = FDB_TITLES + "    1     0  52:54:00:00:00:01    4\n    2     0  52:54:00:00:00:02    4\n"
    files = [
        parse_inventory_file(names, name="names.csv"),
        parse_inventory_file(PORT % f"{port}, {ENO1}", name="ovs.json", host="h1"),
        parse_inventory_file(fdb, name="fdb.txt", host="h1", modified_ns=7),
    ]
    found = {r.vm: (r.host, r.source, r.row, r.observed_at_ns) for r in join_files(files).records if r.mac}
    # Behind a way out is no place.
    assert found == {"web": ("h1", "fdb.txt", 2, 7), "rem": (None, "names.csv", 3, None)}


def test_a_table_without_its_host_places_nothing_and_says_what_to_do():
    csv = "vm,mac,interface\nweb,52:54:00:00:00:01,\n"
    owner = "vm,host,interface,mac\nweb,h1,vnet0,\n"
    fdb = "52:54:00:00:00:01 dev vnet0 master br0\n"
    inventory = of(("x.csv", csv), ("fdb", fdb), ("o.csv", owner), host=None)
    assert inventory.live_host(0x525400000001) is None  # the table names no host
    assert any("HOST=FILE" in warning for warning in inventory.warnings)


def test_an_export_that_the_live_table_contradicts_is_a_conflict():
    csv = "vm,mac,host,observed_at\nweb,52:54:00:00:00:01,h2,1970-01-01T00:00:01Z\nrem,52:54:00:00:00:02,h1,"
    csv += "1970-01-01T00:00:09Z\n"
    fdb = FDB_TITLES + "    1     0  52:54:00:00:00:01    4\n    2     0  52:54:00:00:00:02    4\n"
    inventory = of(("x.csv", csv), ("ovs.json", TABLE), ("fdb.txt", fdb))
    found = [c for c in inventory.conflicts if c.kind == "learned_elsewhere"]
    texts = sorted(c.text for c in found)
    assert len(found) == 2
    assert "52:54:00:00:00:01 (web) is on host h2" in texts[0] and "host h1 has it at the VM port vnet0" in texts[0]
    assert texts[0].endswith("the table is newer.")
    assert "52:54:00:00:00:02 (rem) is on host h1" in texts[1] and "behind a way out of it" in texts[1]
    assert texts[1].endswith("the table is older.")
    assert inventory.conflicts[0].kind == "learned_elsewhere"  # the worst first
    assert inventory.live_host(0x525400000001) == "h1" and inventory.live_remote(0x525400000002, "h1")


def test_two_tables_that_both_have_it_at_a_vm_port_place_nothing():
    fdb = FDB_TITLES + "    1     0  52:54:00:00:00:01    4\n"
    second = TABLE.replace('"i1"', '"j1"').replace('"i2"', '"j2"')
    inventory = of(("h1=a.json", TABLE), ("h1=a.txt", fdb), ("h2=b.json", second), ("h2=b.txt", fdb))
    assert [r.is_uplink for r in inventory.learned] == [False, False]
    assert inventory.live_host(0x525400000001) is None


def test_another_mac_behind_a_vms_port_places_nothing():
    """A nested machine, a VM that bridges, or one that forges another's address."""
    inventory = of(("ovs.json", TABLE), ("fdb.txt", FDB_TITLES + "    1     0  52:54:00:00:00:77    4\n"))
    assert [r.is_uplink for r in inventory.learned] == [None]
    assert inventory.live_host(0x525400000077) is None


def test_the_same_port_number_in_two_bridges_means_neither():
    two = PORT % f"{VNET0}, {ENO1.replace(', 2,', ', 1,')}"
    inventory = of(("ovs.json", two), ("fdb.txt", FDB_TITLES + "    1     0  52:54:00:00:00:01    4\n"))
    assert [(r.interface, r.is_uplink) for r in inventory.learned] == [(None, None)]


@pytest.mark.parametrize("note", ["# bridge: br-int\n", "$ ovs-appctl fdb/show br-int\n", ""])
def test_the_bridge_is_in_a_note_the_command_or_the_name_of_the_file(note):
    fdb = note + (SAMPLES / "fdb-kvm-a-br-int.txt").read_text()
    name = "kvm-a=x.txt" if note else "kvm-a=fdb_br-int.txt"
    inventory = of(("kvm-a=ovs", (SAMPLES / "ovs-kvm-a.json").read_text()), (name, fdb))
    assert ("vnet0", False) in {(r.interface, r.is_uplink) for r in inventory.learned}
    assert {r.vswitch for r in inventory.learned} == {"br-int"}


def test_a_loop_over_hosts_and_bridges_in_one_file():
    fdb = (
        f"# host: h1\n# bridge: br0\n{FDB_TITLES}    1    10  52:54:00:00:00:01    4\n"
        f"# bridge: br1\n{FDB_TITLES}LOCAL     0  52:54:00:00:00:02  300\n"
        f"# host: h2\n{FDB_TITLES}    7     0  52:54:00:00:00:03    0\n"
    )
    rows = [(r.mac & 0xFF, r.host, r.vswitch, r.vlan, r.age_s) for r in of(("x", fdb), host=None).learned]
    assert rows == [(1, "h1", "br0", 10, 4), (2, "h1", "br1", None, 300), (3, "h2", None, None, 0)]


def test_an_uplink_that_another_file_names():
    fdb = "52:54:00:cc:00:08 dev eno1 master br0\n"
    file = parse_inventory_file(fdb, name="fdb", host="kvm-c")
    file.hypervisors.append(HostRecord("kvm-c", uplinks=("eno1",)))
    assert join_files([file]).live_remote(LIN, "kvm-c")


def test_a_vxlan_device_learns_where_the_tunnel_ends():
    rows = of(
        ("x", "52:54:00:00:00:01 dev vxlan5 dst 192.0.2.7 self\n00:00:00:00:00:00 dev vxlan5 dst 192.0.2.7 self\n"
         "52:54:00:00:00:02 dev eth0 self\n52:54:00:00:00:03 dev vnet1 vlan 10 master br0 static\n"
         "52:54:00:00:00:04 dev vnet1 vlan 10 master br0 extern_learn\n"),
    ).learned  # fmt: skip
    assert [(r.mac & 0xFF, r.is_uplink, r.vlan) for r in rows] == [(1, True, None), (4, None, 10)]


@pytest.mark.parametrize(
    "text",
    [
        FDB_TITLES + "    1     0  52:54:00:00:00:zz    4\n",
        FDB_TITLES + "99999999999999999999     0  52:54:00:00:00:01    4\n",
        FDB_TITLES + "    1     0  52:54:00:00:00:01    static\n",
        FDB_TITLES + "    1     0  01:00:5e:00:00:01    4\n",
        FDB_TITLES + "<script>alert(1)</script>\n\x1b[2J\n",
        FDB_TITLES + "    \u0661     0  52:54:00:00:00:01    4\n",
        "52:54:00:00:00:01 dev vnet0 permanent\n",
        "52:54:00:00:00:01 dev\n52:54:00:00:00:01 dev vnet0 self\n",
        '[{"mac": "zz", "ifname": "vnet0", "flags": [], "state": ""}]',
        '[{"mac": 7, "ifname": ["x"], "flags": 1, "state": {}}, 5, null]',
        '[{"mac": "52:54:00:00:00:01", "ifname": "vnet0", "flags": ["self"], "state": {}}]',
    ],
)
def test_hostile_rows_give_nothing_but_a_warning(text):
    file = parse_inventory_file(text, name="f.txt")
    assert file.learned == [] and file.warnings and "\x1b" not in "".join(file.warnings)


def test_names_in_a_table_are_cleaned_and_vlans_are_vlans():
    text = (
        '[{"mac": "52:54:00:00:00:01", "ifname": "v\\u001b[2J", "master": "<b>", "vlan": %s, "flags": [], "state": ""}]'
    )
    for vlan in ("true", "1e999", "-1", "4095", '"7"', "[]"):
        (row,) = parse_inventory_file(text % vlan, name="f").learned
        assert (row.interface, row.vswitch, row.vlan) == ("v\ufffd[2J", "<b>", None)


def test_a_table_has_a_limit():
    text = FDB_TITLES + "    1     0  52:54:00:00:00:01    4\n" * 20
    with pytest.raises(InventoryError, match="more than 10 rows"):
        parse_inventory_file(text, name="f", max_rows=10)


def test_a_line_above_says_host_and_time_of_any_listing():
    text = "# host: h1\n# exported_at: 1970-01-01T00:00:09Z\n52:54:00:00:00:01 dev vnet0 master br0\n"
    (row,) = parse_inventory_file(text, name="fdb.txt", modified_ns=5).learned
    assert (row.host, row.observed_at_ns, row.observed_how) == ("h1", 9 * SECOND_NS, "header")
