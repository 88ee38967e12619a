"""Hypervisors' own traffic apart from that of VMs (trap 23)."""

from __future__ import annotations

import pytest

from flowmap.identity.hypervisors import host_side
from flowmap.inventory.records import HostRecord
from tests.network import Machine, Network, at, record, talk, vm

WEB = vm(1, "10.10.0.11")
ESX_1 = Machine("esx-1", 0x001B21000101, "192.168.0.1")
ESX_2 = Machine("esx-2", 0x001B21000102, "192.168.0.2")
HOSTS = [
    HostRecord("esx-1", ips=("192.168.0.1", "172.31.0.1"), macs=(ESX_1.mac,)),
    HostRecord("esx-2", ips=("192.168.0.2", "172.31.0.2")),
]


def mac(text: str) -> int:
    return int(text.replace(":", ""), 16)


def endpoint_of(flow_map, ip: str):
    (found,) = {id(endpoint): endpoint for endpoint in flow_map.identities.all() if ip in endpoint.ips}.values()
    return found


@pytest.mark.parametrize("port", [8000, 2049, 3260, 2233, 443])  # vMotion, NFS, iSCSI, vSAN, management
def test_hosts_of_the_inventory_talk_to_each_other_and_no_vm_does(port):
    network = Network()
    uplink = network.point("vmnic0", "uplink", "esx-1")
    talk(network, ESX_1, ESX_2, (at(uplink),), (at(uplink),), port=port)
    flow_map = network.map(hypervisors=HOSTS)
    assert [(endpoint.kind, endpoint.label, endpoint.host) for endpoint in flow_map.identities.all()] == [
        ("hypervisor", "esx-1", "esx-1"), ("hypervisor", "esx-2", "esx-2"),
    ]  # fmt: skip
    assert flow_map.graph.graph["shares"]["vm_vm_bytes"] == 0
    assert flow_map.graph.graph["shares"]["east_west_bytes"] > 0


@pytest.mark.parametrize("port", [8000, 2049, 3260, 6081])
def test_the_same_ports_between_vms_make_no_hypervisor(port):
    network = Network()
    point = network.point("", file="a.pcap")
    talk(network, WEB, vm(2, "10.10.0.12"), (at(point),), (at(point),), port=port)
    assert {endpoint.kind for endpoint in network.map(hypervisors=HOSTS).identities.all()} == {"vm"}


def test_all_addresses_of_a_host_are_one_endpoint_whichever_talked():
    network = Network()
    uplink = network.point("vmnic0", "uplink", "esx-1")
    for number, ip in enumerate(("192.168.0.1", "172.31.0.1")):
        talk(
            network,
            Machine("vmk", ESX_1.mac + number, ip),
            WEB,
            (at(uplink),),
            (at(uplink),),
            client_port=40_000 + number,
        )
    flow_map = network.map(record(WEB, "esx-1"), hypervisors=HOSTS)
    host = endpoint_of(flow_map, "172.31.0.1")
    assert host is endpoint_of(flow_map, "192.168.0.1")
    assert host.id == "ip:default/172.31.0.1"
    assert ESX_1.mac in host.macs
    assert flow_map.graph.number_of_edges() == 1


def test_a_vmkernel_row_is_the_host_it_stands_on():
    network = Network()
    uplink = network.point("vmnic0", "uplink", "esx-1")
    vmk = Machine("vmk1", mac("00:50:56:6a:15:43"), "192.168.5.1")
    talk(network, vmk, WEB, (at(uplink),), (at(uplink),))
    flow_map = network.map(record(vmk, "esx-1", vm="", nic="vmk1", kind="hypervisor"), hypervisors=HOSTS)
    host = endpoint_of(flow_map, vmk.ip)
    assert (host.kind, host.label, host.host, host.kind_how) == ("hypervisor", "esx-1", "esx-1", "inventory")
    assert vmk.mac in host.macs


def test_a_vms_row_outranks_a_host_with_its_address():
    network = Network()
    point = network.point("", file="a.pcap")
    talk(network, WEB, vm(2, "10.10.0.12"), (at(point),), (at(point),))
    flow_map = network.map(record(WEB, "esx-2"), hypervisors=[HostRecord("esx-1", ips=(WEB.ip,))])
    assert (endpoint_of(flow_map, WEB.ip).kind, endpoint_of(flow_map, WEB.ip).host) == ("vm", "esx-2")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("00:50:56:63:f6:da", "hypervisor"),  # vmk10 of a public host listing
        ("00:50:56:6a:15:43", "hypervisor"),
        ("00:50:56:c0:00:08", "hypervisor"),  # Workstation's vmnet8
        ("0a:00:27:00:00:00", "hypervisor"),  # VirtualBox host-only
        ("fe:54:00:12:34:56", "hypervisor"),  # libvirt's end of a tap
        ("fe:16:3e:12:34:56", "hypervisor"),  # and Neutron's
        ("00:50:56:45:00:01", "unknown"),
        ("00:50:56:e9:00:01", "unknown"),
        ("00:50:56:00:00:01", "vm"),  # static
        ("00:50:56:3f:ff:ff", "vm"),
        ("00:50:56:80:0f:01", "vm"),  # vCenter
        ("00:50:56:bf:00:01", "vm"),
        ("52:54:00:12:34:56", "vm"),
        ("fe:12:34:56:78:9a", "unknown"),
    ],
)
def test_macs_that_no_guest_can_have(address, kind):
    network = Network()
    point = network.point("", file="a.pcap")
    machine = Machine("it", mac(address), "10.0.0.5")
    talk(network, machine, WEB, (at(point),), (at(point),))
    found = endpoint_of(network.map(), machine.ip)
    assert found.kind == kind
    assert (host_side(machine.mac) is not None) == (kind == "hypervisor")
    assert ("likely" in found.kind_how) == (kind == "hypervisor")


def test_the_ends_of_overlays_and_mirror_sessions_are_hypervisors():
    network = Network()
    uplink = network.point("vmnic0", "underlay", "esx-1")
    session = network.point("", file="c.pcap", mirror="erspan:172.31.0.3/77")
    network.tunnel("geneve", "172.31.0.1", "172.31.0.2", 5001)
    vteps = [Machine("vtep", 0x001B210F0000 + number, f"172.31.0.{number}") for number in (1, 2, 3)]
    talk(network, vteps[0], vteps[1], (at(uplink),), (at(uplink),), port=3784)
    talk(network, vteps[2], WEB, (at(session),), (at(session),), client_port=41_000)
    flow_map = network.map()
    assert [endpoint_of(flow_map, vtep.ip).kind for vtep in vteps] == ["hypervisor"] * 3
    assert endpoint_of(flow_map, "172.31.0.1").kind_how == "end of geneve tunnels, likely"
    assert endpoint_of(flow_map, "172.31.0.3").kind_how == "sends a mirror session, likely"


def test_the_end_of_a_tunnel_that_the_inventory_calls_a_vm_is_a_vm():
    network = Network()
    uplink = network.point("vmnic0", "underlay", "esx-1")
    network.tunnel("geneve", "172.31.0.1", "172.31.0.2", 5001)
    edge = Machine("edge", 0x005056800099, "172.31.0.1")
    talk(network, edge, Machine("vtep", 0x001B210F0002, "172.31.0.2"), (at(uplink),), (at(uplink),))
    flow_map = network.map(record(edge, "esx-1"))
    assert (endpoint_of(flow_map, edge.ip).kind, endpoint_of(flow_map, "172.31.0.2").kind) == ("vm", "hypervisor")


def test_the_end_of_a_vpn_is_no_hypervisor():
    network = Network()
    uplink = network.point("vmnic0", "underlay", "esx-1")
    network.tunnel("gre", "172.31.0.1", "172.31.0.2", -1)
    one, other = (Machine("it", 0x001B210F0000 + number, f"172.31.0.{number}") for number in (1, 2))
    talk(network, one, other, (at(uplink),), (at(uplink),))
    assert {endpoint.kind for endpoint in network.map().identities.all()} == {"unknown"}
