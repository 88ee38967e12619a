"""govc's JSON. The samples hold the documented properties of the vSphere Web Services API, as govc prints them."""

import copy
import json

import pytest

from flowmap.errors import InventoryError
from flowmap.inventory import parse_inventory_file

SWITCH_UUID = "50 2f f4 4d 27 b4 2a e2-76 b0 57 7e 4c 34 46 5a"


def card(key: int, mac: str, backing: dict, kind: str = "VirtualVmxnet3", **more) -> dict:
    label = {
        "_typeName": "Description",
        "label": f"Network adapter {key - 3999}",
        "summary": f"DVSwitch: {SWITCH_UUID}",
    }
    return {
        "_typeName": kind, "key": key, "deviceInfo": label, "backing": backing, "addressType": "assigned",
        "macAddress": mac, **more,
    }  # fmt: skip


DISTRIBUTED = {
    "_typeName": "VirtualEthernetCardDistributedVirtualPortBackingInfo",
    "port": {"switchUuid": SWITCH_UUID, "portgroupKey": "dvportgroup-10", "portKey": "7"},
}
STANDARD = {"_typeName": "VirtualEthernetCardNetworkBackingInfo", "deviceName": "VM Network"}
OPAQUE = {"opaqueNetworkId": "1f0e-nsx", "opaqueNetworkType": "nsx.LogicalSwitch"}


def vm(name: str, cards: list[dict], guest: dict | None = None, host: str = "host-11", **runtime) -> dict:
    return {
        "self": {"type": "VirtualMachine", "value": f"vm-{name}"},
        "name": name,
        "config": {
            "name": name,
            "uuid": f"bios-{name}",
            "instanceUuid": f"instance-{name}",
            "template": False,
            "hardware": {"device": [{"_typeName": "VirtualDisk", "key": 2000}, *cards]},
        },
        "runtime": {"host": {"type": "HostSystem", "value": host}, "powerState": "poweredOn", **runtime},
        "guest": guest or {},
    }


GUEST = {
    "hostName": "web.corp.example",
    "ipAddress": "10.0.10.1",
    "net": [
        {
            "network": "dpg-10",
            "ipAddress": ["10.0.10.1", "fe80::1"],
            "macAddress": "00:50:56:80:00:01",
            "connected": True,
            "deviceConfigId": 4000,
            "ipConfig": {"ipAddress": [{"ipAddress": "10.0.10.1", "prefixLength": 24}]},
        },
        {"network": "", "ipAddress": ["172.17.0.1"], "macAddress": "02:42:00:00:00:01", "deviceConfigId": -1},
    ],
}
VMS = {
    "virtualMachines": [
        vm("web", [card(4000, "00:50:56:80:00:01", DISTRIBUTED)], GUEST),
        vm("app", [card(4000, "00:50:56:80:00:02", STANDARD)], {"ipAddress": "10.0.30.2"}),
        vm("fast", [card(4000, "00:50:56:80:00:03", STANDARD, "VirtualSriovEthernetCard", sriovBacking={})]),
        vm("nsx", [card(4000, "00:50:56:80:00:04", OPAQUE)]),
        vm("bare", []),
        vm("two", [card(4000, "00:50:56:80:00:05", STANDARD), card(4001, "00:50:56:80:00:06", STANDARD)],
           {"ipAddress": "10.0.30.9"}, host="host-99"),
    ]
}  # fmt: skip
HOSTS = {
    "hostSystems": [
        {
            "self": {"type": "HostSystem", "value": "host-11"},
            "name": "esx-01.corp.example",
            "summary": {
                "host": {"type": "HostSystem", "value": "host-11"},
                "hardware": {"uuid": "4c4c4544-0001"},
                "config": {"name": "esx-01.corp.example"},
            },
            "config": {
                "network": {
                    "pnic": [
                        {"key": "key-vim.host.PhysicalNic-vmnic0", "device": "vmnic0", "mac": "a0:36:9f:00:01:00",
                         "linkSpeed": {"speedMb": 10000, "duplex": True}},
                        {"key": "key-vim.host.PhysicalNic-vmnic1", "device": "vmnic1", "mac": "a0:36:9f:00:01:01"},
                        {"key": "key-vim.host.PhysicalNic-vmnic2", "device": "vmnic2", "mac": "a0:36:9f:00:01:02"},
                        {"key": "key-vim.host.PhysicalNic-vmnic3", "device": "vmnic3", "mac": "a0:36:9f:00:01:03",
                         "linkSpeed": {"speedMb": 10000, "duplex": True}},
                    ],
                    "vnic": [
                        {"device": "vmk0", "portgroup": "Management Network",
                         "spec": {"mac": "a0:36:9f:00:01:00",
                                  "ip": {"dhcp": False, "ipAddress": "10.0.0.11", "subnetMask": "255.255.255.0",
                                         "ipV6Config": {"ipV6Address": [{"ipAddress": "fe80::a236"}]}}}},
                        {"device": "vmk1", "spec": {"mac": "00:50:56:61:00:01", "ip": {"ipAddress": "10.0.1.11"}}},
                    ],
                    "vswitch": [
                        {"name": "vSwitch0", "key": "key-vim.host.VirtualSwitch-vSwitch0",
                         "pnic": ["key-vim.host.PhysicalNic-vmnic0"]},
                        {"name": "vSwitch1", "key": "key-vim.host.VirtualSwitch-vSwitch1"},
                    ],
                    "proxySwitch": [
                        {"dvsUuid": SWITCH_UUID, "dvsName": "dvs-prod", "key": "key-1",
                         "pnic": ["key-vim.host.PhysicalNic-vmnic2"]},
                        {"dvsUuid": "50 00", "dvsName": "dvs-empty", "key": "key-2"},
                    ],
                    "portgroup": [
                        {"spec": {"name": "VM Network", "vlanId": 30, "vswitchName": "vSwitch0"}},
                        {"spec": {"name": "Trunk", "vlanId": 4095, "vswitchName": "vSwitch0"}},
                    ],
                }
            },
        }
    ]
}  # fmt: skip


def capitals(value: object) -> object:
    """The same document as govc 0.29 and older print it: names begin with a capital, and types are not told."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: capitals(part) for key, part in value.items() if key != "_typeName"}
    return [capitals(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("spelling", [lambda value: value, capitals])
def test_machines_with_their_cards(spelling):
    file = parse_inventory_file(json.dumps(spelling(VMS)), name="vms.json", modified_ns=5)
    assert (file.format, file.warnings) == ("govc-vm-info", [])
    web, app, fast, nsx, bare, two_a, two_b = file.records
    assert (web.vm, web.vm_id, web.nic, web.mac) == ("web", "instance-web", "Network adapter 1", 0x005056800001)
    assert (web.ips, web.guest_name, web.power_state) == (("10.0.10.1", "fe80::1"), "web.corp.example", "poweredOn")
    assert (web.network, web.vswitch, web.host, web.row) == ("dpg-10", SWITCH_UUID, "host-11", 1)
    assert (app.network, app.vswitch, app.ips, app.segment_type) == ("VM Network", None, ("10.0.30.2",), None)
    assert [r.passthrough for r in file.records] == [False, False, True, False, False, False, False]
    assert (nsx.network, nsx.segment_type) == ("1f0e-nsx", "overlay")
    assert (bare.vm, bare.mac, bare.ips) == ("bare", None, ())
    # Which of its two cards has the address, nobody said.
    assert (two_a.mac, two_b.mac, two_a.ips, two_b.ips) == (0x005056800005, 0x005056800006, (), ())
    assert (web.observed_at_ns, web.observed_how) == (5, "file time")


def test_without_tools_a_distributed_port_group_is_known_by_its_key():
    document = {"virtualMachines": [vm("web", [card(4000, "00:50:56:80:00:01", DISTRIBUTED)])]}
    (record,) = parse_inventory_file(json.dumps(document), name="vms.json").records
    assert record.network == "dvportgroup-10"


def test_directpath_in_use_is_past_the_vswitch():
    state = [{"key": 4000, "runtimeState": {"vmDirectPathGen2Active": True}}]
    document = {"virtualMachines": [vm("web", [card(4000, "00:50:56:80:00:01", STANDARD)], device=state)]}
    assert parse_inventory_file(json.dumps(document), name="vms.json").records[0].passthrough


def test_an_nsx_network_on_a_vlan_is_no_overlay():
    backing = OPAQUE | {"opaqueNetworkType": "nsx.VlanSwitch"}
    document = {"virtualMachines": [vm("web", [card(4000, "00:50:56:80:00:01", backing)])]}
    assert parse_inventory_file(json.dumps(document), name="vms.json").records[0].segment_type is None


def test_templates_do_not_run():
    template = copy.deepcopy(VMS["virtualMachines"][0])
    template["config"]["template"] = True
    file = parse_inventory_file(json.dumps({"virtualMachines": [template]}), name="vms.json")
    assert file.records == [] and any("templates" in text for text in file.warnings)


@pytest.mark.parametrize("spelling", [lambda value: value, capitals])
def test_hosts_with_their_network(spelling):
    file = parse_inventory_file(json.dumps(spelling(HOSTS)), name="hosts.json")
    assert (file.format, file.warnings) == ("govc-host-info", [])
    (host,) = file.hypervisors
    assert (host.host, host.ids) == ("esx-01.corp.example", ("host-11", "4c4c4544-0001"))
    # vmnic1 has no link and no switch; vmnic3 has a link, so it may be in use by something that is not told.
    assert (host.uplinks, host.uplinks_complete) == (("vmnic0", "vmnic2", "vmnic3"), True)
    assert host.ips == ("10.0.0.11", "fe80::a236", "10.0.1.11")
    assert host.macs == (0xA0369F000100, 0xA0369F000101, 0xA0369F000102, 0xA0369F000103, 0x005056610001)


@pytest.mark.parametrize("order", [("vms.json", "hosts.json"), ("hosts.json", "vms.json")])
def test_references_become_the_names_of_hosts(inventory_of, order):
    files = {"vms.json": json.dumps(VMS), "hosts.json": json.dumps(HOSTS)}
    inventory = inventory_of({name: files[name] for name in order})
    by_name = {record.vm: record for record in inventory.records}
    assert {by_name[name].host for name in ("web", "app", "fast", "nsx", "bare")} == {"esx-01.corp.example"}
    # The distributed switch by its name, the VLAN from the port group, the uplink from the switch.
    assert (by_name["web"].vswitch, by_name["web"].has_uplink) == ("dvs-prod", True)
    assert (by_name["app"].vswitch, by_name["app"].vlan, by_name["app"].has_uplink) == ("vSwitch0", 30, True)
    # host-99 is in no file: it is no name that anybody would know.
    assert by_name["two"].host is None
    assert [text for text in inventory.warnings if "host-99" in text] == [
        "Host host-99 of 2 vNICs is vSphere's reference to a host that no file names; add the output of govc"
        " host.info -json."
    ]


def test_only_a_standard_vswitch_is_said_to_have_no_uplink(inventory_of):
    cards = [("sealed", "Lab", "vSwitch1"), ("other", "dpg", "dvs-empty")]
    text = "vm,mac,host,network,vswitch\n" + "".join(
        f"{name},00:50:56:80:01:0{n},esx-01,{network},{vswitch}\n" for n, (name, network, vswitch) in enumerate(cards)
    )
    inventory = inventory_of({"hosts.json": json.dumps(HOSTS), "vms.csv": text})
    assert [(r.vm, r.host, r.has_uplink) for r in inventory.records] == [
        ("sealed", "esx-01.corp.example", False),
        ("other", "esx-01.corp.example", None),
    ]


COLLECTED = {"kind": "enter", "obj": {"type": "HostSystem", "value": "host-11"},
             "changeSet": [{"name": "name", "op": "assign", "val": "esx-01.corp.example"}]}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(COLLECTED),
        json.dumps(COLLECTED)
        + "\n"
        + json.dumps(capitals(COLLECTED | {"obj": {"type": "HostSystem", "value": "host-12"}})),
        json.dumps([COLLECTED]),
    ],
)
def test_collected_names_of_hosts(text):
    file = parse_inventory_file(text, name="names.json")
    assert (file.format, file.warnings) == ("govc-collect", [])
    assert (file.hypervisors[0].host, file.hypervisors[0].ids) == ("esx-01.corp.example", ("host-11",))


def test_collected_properties_without_their_object_say_nothing():
    with pytest.raises(InventoryError, match="use: govc collect -json -type h / name"):
        parse_inventory_file(json.dumps(COLLECTED["changeSet"]), name="names.json")


def test_what_is_not_about_a_host_is_counted():
    vm_name = COLLECTED | {"obj": {"type": "VirtualMachine", "value": "vm-1"}}
    file = parse_inventory_file(json.dumps([vm_name, COLLECTED | {"changeSet": []}]), name="names.json")
    assert file.hypervisors == [] and len(file.warnings) == 3
