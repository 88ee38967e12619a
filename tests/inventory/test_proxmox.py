"""Proxmox VE: configurations as qm.conf(5) and pct.conf(5) write them, /cluster/resources and the guest agent."""

import json

import pytest

from flowmap.inventory import join_files, parse_inventory, parse_inventory_file, read_inventory

VM_100 = """\
#nodes/pve9/qemu-server/999.conf
boot: order=scsi0;net0
cores: 2
memory: 2048
name: web
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=20
net1: e1000=BC:24:11:00:00:02,bridge=vmbr1
parent: before
scsi0: local-lvm:vm-100-disk-0,size=32G
smbios1: uuid=53704878-ec92-4e5e-9387-d2826499f8bf

[before]
name: old
net0: virtio=BC:24:11:00:00:99,bridge=vmbr9,tag=99
"""
CT_101 = """\
arch: amd64
hostname: cache
net0: name=eth0,bridge=vmbr0,firewall=1,gw=10.0.20.1,hwaddr=BC:24:11:00:00:03,ip=10.0.20.3/24,ip6=auto,tag=20,type=veth
ostype: debian
"""
RESOURCES = [
    {"id": "qemu/100", "type": "qemu", "vmid": 100, "name": "web", "node": "pve1", "status": "running", "template": 0},
    {"id": "lxc/101", "type": "lxc", "vmid": 101, "name": "cache", "node": "pve2", "status": "stopped", "template": 0},
    {"id": "qemu/900", "type": "qemu", "vmid": 900, "name": "golden", "node": "pve1", "template": 1},
    {"id": "node/pve1", "type": "node", "node": "pve1", "status": "online"},
    {"id": "storage/pve1/local", "type": "storage", "node": "pve1", "storage": "local"},
]  # fmt: skip
AGENT = [
    {"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [{"ip-address": "127.0.0.1"}]},
    {"name": "eth0", "hardware-address": "bc:24:11:00:00:01",
     "ip-addresses": [{"ip-address": "10.0.20.1", "ip-address-type": "ipv4", "prefix": 24}, {"ip-address": "fe80::1"}]},
    {"name": "docker0", "hardware-address": "02:42:ac:11:00:01", "ip-addresses": [{"ip-address": "172.17.0.1"}]},
]  # fmt: skip


def test_a_vm_and_what_its_snapshot_does_not_change():
    records = parse_inventory(VM_100, name="nodes/pve1/qemu-server/100.conf")
    assert [(r.vm, r.vm_id, r.host, r.nic, r.mac, r.vswitch, r.vlan, r.interface) for r in records] == [
        ("web", "100", "pve1", "net0", 0xBC2411000001, "vmbr0", 20, "tap100i0"),
        ("web", "100", "pve1", "net1", 0xBC2411000002, "vmbr1", None, "tap100i1"),
    ]
    assert [r.row for r in records] == [6, 7]


def test_a_container():
    (record,) = parse_inventory(CT_101, name="101.conf")
    assert (record.vm, record.vm_id, record.host, record.interface) == ("cache", "101", None, "veth101i0")
    assert (record.mac, record.ips, record.vlan) == (0xBC2411000003, ("10.0.20.3",), 20)


def test_several_in_one_file():
    text = (
        f"# /etc/pve/nodes/pve1/qemu-server/100.conf\n{VM_100}\n==> /etc/pve/nodes/pve2/lxc/101.conf <==\n{CT_101}"
        f"# host is not said\n# /backup/qemu-server/102.conf\nnet0: virtio=BC:24:11:00:00:04,bridge=vmbr0\n"
    )
    found = [(r.vm, r.vm_id, r.host, r.interface) for r in parse_inventory(text, name="all.txt")]
    assert found == [
        ("web", "100", "pve1", "tap100i0"),
        ("web", "100", "pve1", "tap100i1"),
        ("cache", "101", "pve2", "veth101i0"),
        ("102", "102", None, "tap102i0"),
    ]


def test_the_path_on_the_command_line_names_the_node(tmp_path):
    folder = tmp_path / "nodes" / "pve7" / "qemu-server"
    folder.mkdir(parents=True)
    (folder / "100.conf").write_text(VM_100)
    assert {r.host for r in read_inventory([folder / "100.conf"]).records} == {"pve7"}
    assert {r.host for r in read_inventory([f"pve8={folder / '100.conf'}"]).records} == {"pve8"}


def test_a_description_of_a_vm_is_no_path():
    """Descriptions stand as comments in the file: whoever may edit one must not move other VMs."""
    text = VM_100.replace("#nodes", "#/etc/pve/nodes")
    assert {(r.vm_id, r.host) for r in parse_inventory(text, name="nodes/pve1/qemu-server/100.conf")} == {
        ("100", "pve1")
    }


def test_resources_place_what_the_configurations_name():
    files = [
        parse_inventory_file(VM_100, name="100.conf"),
        parse_inventory_file(CT_101, name="101.conf"),
        parse_inventory_file(json.dumps(RESOURCES), name="resources.json"),
        parse_inventory_file(json.dumps(AGENT), name="agent-100.json"),
    ]
    inventory = join_files(files)
    assert inventory.conflicts == []
    assert {(r.vm, r.nic, r.host, r.power_state, r.ips) for r in inventory.records} == {
        ("web", "net0", "pve1", "running", ("10.0.20.1", "fe80::1")),
        ("web", "net1", "pve1", "running", ()),
        ("cache", "net0", "pve2", "stopped", ("10.0.20.3",)),
    }
    assert [h.host for h in inventory.hypervisors] == ["pve1"]
    assert any("templates" in warning for warning in inventory.warnings)


@pytest.mark.parametrize("key", ["result", "return", "data"])
def test_the_envelopes_of_the_agent(key):
    (record,) = parse_inventory(json.dumps({key: AGENT}), name="a")
    assert (record.mac, record.ips) == (0xBC2411000001, ("10.0.20.1", "fe80::1"))


def test_resources_in_the_envelope_of_the_rest_interface():
    assert parse_inventory_file(json.dumps({"data": RESOURCES}), name="r").format == "proxmox-resources"


@pytest.mark.parametrize(
    "line",
    [
        "net0: virtio=BC:24:11:00:00:01:02,bridge=x",
        "net0: virtio=ff:ff:ff:ff:ff:ff,bridge=x",
        "net0: virtio=,bridge=<script>",
        "net0: =,=,=,bridge=",
        "net0: bridge=" + "x" * 5_000,
        "net0: hwaddr=\x1b[2J,bridge=a",
    ],
)
def test_hostile_configurations(line):
    file = parse_inventory_file(f"name: w\n{line}\n", name="100.conf")
    assert file.records == [] and file.warnings and "\x1b" not in "".join(file.warnings)


def test_hostile_values_beside_a_good_mac():
    text = "name: <b>\x1b[2J\nnet0: virtio=BC:24:11:00:00:01,bridge=\x07br,tag=99999,ip=nonsense,trunks=1;2\n"
    (record,) = parse_inventory(text, name="x")
    assert (record.vm, record.vswitch, record.vlan, record.ips) == ("<b>\ufffd[2J", "\ufffdbr", None, ())
    assert (record.vm_id, record.interface) == (None, None)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "qemu/1", "type": "qemu", "vmid": 10**40, "node": "p"},
        {"id": "qemu/1", "type": "qemu", "vmid": True, "node": "p"},
        {"id": "qemu/1", "type": "qemu", "vmid": "100", "node": ["p"]},
        {"id": "qemu/1", "type": [], "vmid": -1, "node": {}},
        {"id": "node/x", "type": "node", "node": 7},
    ],
)
def test_hostile_resources(row):
    file = parse_inventory_file(json.dumps([row, None, 7, [[[[]]]]]), name="r")
    assert (file.format, file.records, file.hypervisors) == ("proxmox-resources", [], [])


@pytest.mark.parametrize(
    "row",
    [
        {"name": "eth0", "hardware-address": "zz", "ip-addresses": 7},
        {"name": 7, "hardware-address": ["x"], "ip-addresses": [{}]},
        {"name": "eth0", "ip-addresses": [[], {"ip-address": {}}]},
    ],
)
def test_hostile_agents(row):
    file = parse_inventory_file(json.dumps([row, "x", None]), name="a")
    assert (file.format, file.records) == ("guest-agent", []) and file.warnings
