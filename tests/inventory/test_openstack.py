"""OpenStack: ports as the Networking API v2.0 reference shows them, lists as python-openstackclient prints them."""

import json

import pytest

from flowmap.inventory import Inventory, join_files, parse_inventory_file

NET, SUBNET = "a87cc70a-3e15-4acf-8205-9b711a3531b7", "a0304c3a-4f08-4c43-88af-d796509c97d2"
WEB, DB, ROUTER = (f"{n}e5f2a1c-0d5b-4a8e-9d0a-6f1f2f3f4f5{n}" for n in "123")


def port_id(number: int) -> str:
    return f"{number:08x}-4d02-41ba-a5e1-b2f1d5b1f4b7"


def port(number: int, owner: str, device: str = "", host: str = "", ips: tuple[str, ...] = (), **more: object) -> dict:
    return {
        "id": port_id(number), "name": "", "network_id": NET, "mac_address": f"fa:16:3e:00:00:{number:02x}",
        "fixed_ips": [{"subnet_id": SUBNET, "ip_address": ip} for ip in ips], "device_id": device,
        "device_owner": owner, "binding:host_id": host, "binding:vnic_type": "normal", "binding:vif_type": "ovs",
        "binding:profile": {}, "allowed_address_pairs": [], "status": "ACTIVE",
    } | more  # fmt: skip


PORTS = [
    port(1, "compute:nova", WEB, "cmp-1", ("10.0.0.11", "2001:db8::11")),
    port(2, "compute:az2", DB, "cmp-2", ("10.0.0.12",), **{"binding:vnic_type": "direct"}),
    port(3, "network:router_interface", ROUTER, "net-1", ("10.0.0.1",)),
    port(4, "network:router_interface_distributed", ROUTER, "", ("10.0.1.1",)),
    port(5, "network:router_gateway", ROUTER, "net-1", ("198.51.100.2",)),
    port(6, "network:router_centralized_snat", ROUTER, "net-1", ("10.0.0.3",)),
    port(7, "network:dhcp", "dhcp-x", "net-1", ("10.0.0.2",)),
    port(8, "network:floatingip", "fip", "", ("198.51.100.50",)),
    port(9, "", "", "", ("10.0.0.100",)),
    port(10, "baremetal:none", "bm", "cmp-9", ("10.0.0.77",)),
    port(11, "network:ha_router_replicated_interface", ROUTER, "net-1", ("10.0.3.1",)),
]  # fmt: skip


def of(**files: object) -> Inventory:
    return join_files([parse_inventory_file(json.dumps(value), name=name) for name, value in files.items()])


def test_ports_by_their_owner():
    inventory = of(ports={"ports": PORTS})
    assert {r.nic: (r.kind, r.vm_id, r.host, r.distributed, r.passthrough) for r in inventory.records} == {
        port_id(1): ("vm", WEB, "cmp-1", False, False),
        port_id(2): ("vm", DB, "cmp-2", False, True),
        port_id(3): ("router", ROUTER, "net-1", False, False),
        port_id(4): ("router", ROUTER, None, True, False),
        port_id(5): ("router", ROUTER, "net-1", False, False),
        port_id(6): ("router", ROUTER, "net-1", False, False),
        port_id(7): ("service", "dhcp-x", "net-1", False, False),
        port_id(11): ("router", ROUTER, None, False, False),
    }
    web = inventory.by_mac(0xFA163E000001)[0]
    assert (web.ips, web.network) == (("10.0.0.11", "2001:db8::11"), NET)
    assert (web.interface, web.interface and len(web.interface)) == ("tap00000001-4d", 14)
    assert inventory.by_mac(0xFA163E000002)[0].interface is None  # a VF has no tap


def test_the_sdk_says_the_same():
    sdk = [{key.replace("binding:", "binding_"): value for key, value in one.items()} for one in PORTS]
    rest, other = of(ports={"ports": PORTS}), of(ports=sdk)
    assert rest.records == other.records != []


def test_servers_name_the_vms_and_floating_ips_their_addresses():
    servers = [
        {"ID": WEB, "Name": "web", "Status": "ACTIVE", "Task State": None, "Power State": 1,
         "Networks": {"prod": ["10.0.0.11", "2001:db8::11", "203.0.113.7"]}, "Image Name": "debian",
         "Availability Zone": "nova", "Host": "cmp-1", "Properties": {}},
        {"ID": DB, "Name": "db", "Status": "SHUTOFF", "Power State": "Shutdown", "Host": "cmp-2",
         "Networks": "prod=10.0.0.12; b=10.9.0.1"},
    ]  # fmt: skip
    floating = {"floatingips": [
        {"floating_ip_address": "203.0.113.8", "fixed_ip_address": "10.0.0.12", "port_id": port_id(2)},
        {"floating_ip_address": "203.0.113.9", "fixed_ip_address": None, "port_id": None},
    ]}  # fmt: skip
    inventory = of(servers=servers, ports={"ports": PORTS}, floating=floating)
    assert inventory.conflicts == []
    vms = {r.vm: r for r in inventory.records if r.kind == "vm"}
    assert (vms["web"].host, vms["web"].ips, vms["web"].external_ips) == (
        "cmp-1",
        ("10.0.0.11", "2001:db8::11"),
        ("203.0.113.7",),
    )
    assert (vms["db"].power_state, vms["db"].external_ips) == ("shut off", ("203.0.113.8",))
    assert vms["web"].power_state == "running" and set(vms) == {"web", "db"}


def test_the_list_of_floating_ips_of_the_command():
    rows = [{"ID": "f", "Floating IP Address": "203.0.113.8", "Fixed IP Address": "10.0.0.11", "Port": port_id(1),
             "Floating Network": "x", "Project": "y"},
            {"ID": "g", "Floating IP Address": "203.0.113.9", "Fixed IP Address": None, "Port": None}]  # fmt: skip
    inventory = of(ports={"ports": PORTS}, floating=rows)
    assert {r.nic: r.external_ips for r in inventory.records if r.external_ips} == {port_id(1): ("203.0.113.8",)}


def test_a_floating_ip_without_its_port_is_named():
    inventory = of(floating={"floatingips": [{"floating_ip_address": "203.0.113.8", "port_id": "nowhere"}]})
    assert inventory.records == [] and "belongs to no vNIC" in inventory.warnings[0]


@pytest.mark.parametrize("with_owner", [True, False])
def test_port_list(with_owner):
    def row(number: int, owner: str, fixed: object) -> dict:
        told = {"Security Groups": [], "Device Owner": owner, "Tags": []} if with_owner else {}
        mac = f"fa:16:3e:00:00:0{number}"
        return {
            "ID": port_id(number),
            "Name": "",
            "MAC Address": mac,
            "Fixed IP Addresses": fixed,
            "Status": "ACTIVE",
        } | told

    rows = [
        row(1, "compute:nova", [{"subnet_id": SUBNET, "ip_address": "10.0.0.11"}]),
        row(2, "network:router_interface_distributed", f"ip_address='10.0.0.1', subnet_id='{SUBNET}'"),
        row(3, "", []),
    ]
    file = parse_inventory_file(json.dumps(rows), name="ports.json")
    found = [(r.kind, r.ips, r.distributed, r.host, r.vm) for r in file.records]
    if with_owner:
        assert found == [("vm", ("10.0.0.11",), False, None, ""), ("router", ("10.0.0.1",), True, None, "")]
        assert any("bound to no VM" in warning for warning in file.warnings)
    else:
        assert [one[:2] for one in found] == [("vm", ("10.0.0.11",)), ("vm", ("10.0.0.1",)), ("vm", ())]
        assert any("--long" in warning for warning in file.warnings)


def test_the_ports_of_a_host_meet_those_of_open_vswitch():
    """With the hybrid plug Open vSwitch has qvo..., Nova's tap... hangs behind it: one vNIC."""
    name = f"qvo{port_id(1)[:11]}"
    ids = ["map", [["attached-mac", "fa:16:3e:00:00:01"], ["iface-id", port_id(1)], ["vm-uuid", WEB]]]
    inventory = of(ports={"ports": PORTS[:1]}, ovs={"headings": ["name", "external_ids"], "data": [[name, ids]]})
    (record,) = inventory.records
    assert (record.host, record.vm_id, record.interface) == ("cmp-1", WEB, f"tap{port_id(1)[:11]}")


def pairs(*ips: object) -> dict[str, object]:
    return {"allowed_address_pairs": [{"ip_address": ip, "mac_address": "fa:16:3e:00:00:01"} for ip in ips]}


def test_a_virtual_ip_is_given_to_nobody():
    ports = [
        port(1, "compute:nova", WEB, "cmp-1", ("10.0.0.11",), **pairs("10.0.0.100", "10.0.0.200/32", "10.5.0.0/16")),
        port(2, "compute:nova", DB, "cmp-2", ("10.0.0.12",), **pairs("10.0.0.100", "10.0.0.12")),
        port(9, "", "", "", ("10.0.0.99",)),
        port(3, "compute:nova", "third", "cmp-2", ("10.0.0.13",), **pairs("10.0.0.99")),
    ]
    file = parse_inventory_file(json.dumps({"ports": ports}), name="ports.json")
    assert {r.vm_id: r.ips for r in file.records} == {
        WEB: ("10.0.0.11", "10.0.0.200"),
        DB: ("10.0.0.12",),
        "third": ("10.0.0.13",),
    }
    named = "".join(file.warnings)
    assert "10.0.0.100 is an allowed address of 2 ports" in named and "10.0.0.99 is" in named and ".200" not in named


def test_a_port_that_is_being_migrated_is_on_no_host():
    moving = port(1, "compute:nova", WEB, "cmp-1", ("10.0.0.11",), **{"binding:profile": {"migrating_to": "cmp-2"}})
    file = parse_inventory_file(json.dumps({"ports": [moving]}), name="p")
    assert [r.host for r in file.records] == [None] and "migrated" in file.warnings[0]


HOSTILE = [
    None,
    7,
    1.5,
    True,
    [],
    {},
    [[[[[[]]]]]],
    "<script>\x1b[2J",
    "x" * 5_000,
    10**30,
    [{"ip_address": {}}],
    [None],
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: repr(v)[:20])
def test_hostile_values_in_any_place(value):
    server = {"ID": "i", "Name": "n", "Networks": {"p": ["10.0.0.1"]}, "Host": "h", "Power State": 1}
    listed = {"ID": "i", "MAC Address": "fa:16:3e:00:00:01", "Fixed IP Addresses": [], "Device Owner": "compute:nova"}
    floating = {"floating_ip_address": "203.0.113.8", "port_id": "p"}
    for good, around in ((PORTS[0], "ports"), (server, ""), (listed, ""), (floating, "floatingips")):
        for key in good:
            rows = [good | {key: value}, value, good]
            text = json.dumps({around: rows} if around else rows)
            file = parse_inventory_file(text, name="h.json", max_rows=10)
            inventory = join_files([file])
            shown = [f"{r.vm}{r.vm_id}{r.nic}{r.host}{r.network}{r.interface}" for r in inventory.records]
            assert not any("\x1b" in text or len(text) > 2_000 for text in shown + inventory.warnings)
            assert file.row_count >= 1  # the good row counts
