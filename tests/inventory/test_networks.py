"""What port groups and vSwitches say of the vNICs on them."""

import pytest

from flowmap.inventory import HostRecord, join, parse_inventory
from flowmap.inventory.networks import MAX_APART_NS, PortGroup, Vswitch

TEXT = "vm,mac,host,network,vswitch\nweb,525400000001,esx-1,PG,{vswitch}\n"


def record(networks, vswitch: str = "sw", hypervisors=(), text: str = TEXT):
    (only,) = join(
        [parse_inventory(text.format(vswitch=vswitch), name="v.csv")], networks=networks, hypervisors=hypervisors
    ).records
    return only


def group(**changes) -> PortGroup:
    facts = {"name": "pg", "vswitch": "SW", "host": None, "vlan": 10, "segment_type": "vlan"} | changes
    return PortGroup(**facts)


@pytest.mark.parametrize(
    ("groups", "vlan"),
    [
        ([group()], 10),
        ([group(host="ESX-1")], 10),
        ([group(), group(host="esx-1")], 10),
        ([group(host="esx-2")], None),
        ([group(vswitch="other")], None),
        ([group(vswitch=None)], 10),
        ([group(name="other")], None),
        ([group(), group(vlan=20)], None),  # two sites have a port group of that name
        ([group(), group(vlan=None, segment_type=None)], None),
    ],
)
def test_a_port_group_tells_the_vlan_if_all_that_fit_agree(groups, vlan):
    assert record(groups).vlan == vlan


def test_what_a_row_tells_itself_stays():
    text = "vm,mac,host,network,vlan\nweb,525400000001,esx-1,PG,77\n"
    assert record([group()], text=text).vlan == 77
    untagged = "vm,mac,host,network,vlan\nweb,525400000001,esx-1,PG,0\n"
    assert (record([group()], text=untagged).vlan, record([group()], text=untagged).segment_type) == (None, "none")


def test_an_isolated_port_group_and_the_name_of_its_switch():
    told = record([group(isolated=True)], text="vm,mac,host,network\nweb,525400000001,esx-1,PG\n")
    assert (told.isolated, told.vswitch) == (True, "SW")


def test_a_switch_by_its_identifier():
    switch = Vswitch("dvs-prod", "esx-1", True, ids=("50 2F",))
    assert (record([switch], "50 2f").vswitch, record([switch], "50 2f").has_uplink) == ("dvs-prod", True)
    other = Vswitch("dvs-test", "esx-2", True, ids=("50 2f",))
    assert record([switch, other], "50 2f").vswitch == "50 2f"


@pytest.mark.parametrize(
    ("says", "expected"), [((True,), True), ((False,), False), ((None,), None), ((False, True), True), ((), None)]
)
def test_one_uplink_that_is_seen_counts_more_than_none_that_is_not(says, expected):
    assert record([Vswitch("sw", "esx-1", one) for one in says] or [group()]).has_uplink is expected


@pytest.mark.parametrize(
    ("listed_ns", "seen_ns", "format_name", "expected"),
    [
        (10, 10, "rvtools-vswitch", False),
        (10, 10 + MAX_APART_NS, "rvtools-vswitch", False),
        (10, 11 + MAX_APART_NS, "rvtools-vswitch", None),
        (None, None, "rvtools-vswitch", False),
        (10, None, "rvtools-vswitch", None),
        (10, 10, "govc-host-info", None),
    ],
)
def test_a_listed_switch_without_a_listed_uplink(listed_ns, seen_ns, format_name, expected):
    host = HostRecord("esx-1", uplinks=("vmnic0",), uplinks_complete=True, observed_at_ns=listed_ns)
    switch = Vswitch("sw", "esx-1", None, format=format_name, observed_at_ns=seen_ns)
    assert record([switch], hypervisors=[host]).has_uplink is expected
    assert record([switch], hypervisors=[HostRecord("esx-1", uplinks=("vmnic0",))]).has_uplink is None
