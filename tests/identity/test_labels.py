"""Which name labels a machine: never that of a group, or of somebody whom it speaks for."""

from __future__ import annotations

import pytest

from flowmap.capture.names import NameRecord
from tests.network import Machine, Network, at, record, talk, vm

WEB, APP, DB = vm(1, "10.10.0.11"), vm(2, "10.10.0.12"), vm(3, "10.10.0.13")


def label_of(flow_map, machine: Machine) -> str:
    (found,) = {endpoint.label for endpoint in flow_map.identities.all() if machine.ip in endpoint.ips}
    return found


def network_with(*names: tuple[str, str, Machine]) -> Network:
    """All three talk; names are (name, source, whose address it was given to)."""
    network = Network()
    point = network.point("", file="a.pcap")
    for number, (one, other) in enumerate(((WEB, APP), (APP, DB))):
        talk(network, one, other, (at(point),), (at(point),), client_port=40_000 + number)
    network.names += [NameRecord(name, source, machine.ip, -1, point, 1) for name, source, machine in names]
    return network


@pytest.mark.parametrize("source", ["dns", "mdns", "llmnr", "nbns"])
def test_a_name_of_several_machines_labels_none_of_them(source):
    flow_map = network_with(("cluster.corp", source, WEB), ("Cluster.corp", source, APP), ("db.corp", source, DB)).map()
    assert [label_of(flow_map, machine) for machine in (WEB, APP, DB)] == [WEB.ip, APP.ip, "db.corp"]


def test_it_is_still_among_their_names():
    flow_map = network_with(("cluster.corp", "dns", WEB), ("cluster.corp", "dns", APP)).map()
    nodes = [node for _, node in flow_map.graph.nodes(data=True) if node["names"]]
    assert [node["names"] for node in nodes] == [[{"name": "cluster.corp", "source": "dns"}]] * 2


def test_two_addresses_of_one_machine_may_share_its_name():
    network = network_with(("web.corp", "dns", WEB))
    second = Machine("web", WEB.mac, "10.10.0.99")
    network.arp(second, 0)
    talk(network, second, DB, (at(0),), (at(0),), client_port=43_000)
    network.names.append(NameRecord("web.corp", "dns", second.ip, -1, 0, 1))
    assert label_of(network.map(), WEB) == "web.corp"


@pytest.mark.parametrize("source", ["ntlmssp", "rdp", "kerberos", "nbdgm"])
def test_a_proxy_that_hands_on_its_clients_logins_is_not_called_like_one_of_them(source):
    flow_map = network_with(("DESK1", source, APP), ("DESK2", source, APP), ("app.corp", "dns", APP)).map()
    assert label_of(flow_map, APP) == "app.corp"


def test_a_login_that_is_seen_before_and_behind_a_proxy_labels_neither():
    flow_map = network_with(("DESK1", "ntlmssp", WEB), ("DESK1", "ntlmssp", APP)).map()
    assert [label_of(flow_map, machine) for machine in (WEB, APP)] == [WEB.ip, APP.ip]


def test_long_and_short_spelling_of_one_computer_are_one_name():
    long = "a-very-long-computer-name"
    flow_map = network_with((f"{long}.corp", "ntlmssp", WEB), (long[:15].upper(), "ntlmssp", WEB)).map()
    assert label_of(flow_map, WEB) == f"{long}.corp"


def test_clones_that_tell_a_dhcp_server_one_name_keep_it():
    flow_map = network_with(("debian", "dhcp", WEB), ("debian", "dhcp", APP)).map()
    assert [label_of(flow_map, machine) for machine in (WEB, APP)] == ["debian", "debian"]


@pytest.mark.parametrize("source", ["syslog", "http_host", "tls_sni", "smb2_tree", "ssh_banner", "http_server"])
def test_names_of_services_and_of_writers_behind_a_relay_label_nothing(source):
    assert label_of(network_with(("something", source, APP)).map(), APP) == APP.ip


def test_the_inventory_outranks_them_all():
    network = network_with(("web.corp", "dhcp", WEB), ("DESK1", "ntlmssp", WEB))
    assert label_of(network.map(record(WEB, "host-a")), WEB) == "vm-1"
