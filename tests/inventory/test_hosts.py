"""Hosts by one name, whatever the files call them."""

import pytest

from flowmap.inventory import HostRecord, LearnedMac, join, parse_inventory


def vms(host: str) -> list:
    return parse_inventory(f"vm,mac,host\nweb,525400000001,{host}\n", name="vms.csv")


def test_an_identifier_becomes_the_hosts_name_and_that_is_said():
    inventory = join([vms("HOST-UUID-1")], hypervisors=[HostRecord("kvm-1", ids=("host-uuid-1",))])
    assert inventory.records[0].host == "kvm-1"
    assert inventory.warnings == ["Host HOST-UUID-1 is taken for kvm-1, whose identifier it is."]


def test_a_name_is_never_taken_for_an_identifier():
    hosts = [HostRecord("kvm-1", ids=("kvm-2",)), HostRecord("kvm-2")]
    assert join([vms("kvm-2")], hypervisors=hosts).records[0].host == "kvm-2"


def test_an_identifier_of_two_hosts_is_nobodys():
    hosts = [HostRecord("kvm-1", ids=("host-9",)), HostRecord("kvm-2", ids=("host-9",))]
    inventory = join([vms("host-9")], hypervisors=hosts)
    assert inventory.records[0].host is None
    assert inventory.warnings == [
        "Host host-9 of 1 vNIC is the identifier of two hosts; give the files of one vCenter or OVN at a time."
    ]


def test_a_host_that_is_called_like_a_reference_keeps_its_name_in_a_table():
    assert join([vms("host-9")]).records[0].host == "host-9"


def test_all_rows_of_a_host_are_one_record():
    hosts = [
        HostRecord("esx-01", ids=("host-1",), ips=("10.0.0.1",), uplinks=("vmnic0",), observed_at_ns=20,
                   observed_how="header"),
        HostRecord("esx-01.corp.example", macs=(1, 2), uplinks=("vmnic1",), uplinks_complete=True, observed_at_ns=10,
                   observed_how="file time"),
        HostRecord("ESX-01", ips=("10.0.0.1", "10.0.0.2")),
    ]  # fmt: skip
    (host,) = join([], hypervisors=hosts).hypervisors
    assert (host.host, host.ids, host.ips, host.macs) == (
        "esx-01.corp.example",
        ("host-1",),
        ("10.0.0.1", "10.0.0.2"),
        (1, 2),
    )
    assert (host.uplinks, host.uplinks_complete) == (("vmnic0", "vmnic1"), True)
    # One of the rows does not say how old it is.
    assert (host.observed_at_ns, host.observed_how) == (None, None)


@pytest.mark.parametrize("spelling", ["ESX-01", "esx-01"])
def test_learned_rows_and_vms_are_on_one_host(spelling):
    learned = LearnedMac(1, spelling, "br0", None, None, None, None, None)
    inventory = join([vms("esx-01.corp.example")], learned=[learned])
    assert inventory.learned[0].host == inventory.records[0].host == "esx-01.corp.example"
