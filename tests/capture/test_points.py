"""What users state of capture points, and what is inferred from names."""

from __future__ import annotations

import pytest

from flowmap.capture.points import PointKey, Registry, Statements, infer_roles, parse_point_option, parse_points
from flowmap.errors import InventoryError, UsageError

EXAMPLE = """
hosts:  { esx-01: { uplinks: [vmnic0, vmnic1], uplinks_complete: true } }
points: [ { file: a.pcapng, interface: vnet0, host: esx-01, role: vnic },
          { file: span.pcap, host: esx-01, role: mirror, covers: all, sampled: 1 },
          { session: "erspan:10.0.0.5/77", host: esx-02, role: mirror } ]
"""


def registry_with(*keys):
    registry = Registry()
    for key, interface in keys:
        registry.point(key, interface=interface)
    return registry


def test_the_points_file_of_the_design_reads_and_applies():
    statements = parse_points(EXAMPLE, "flowmap-points.yaml")
    assert statements.hosts["esx-01"].uplinks == ("vmnic0", "vmnic1")
    assert statements.hosts["esx-01"].uplinks_complete
    points = registry_with(
        (PointKey("a.pcapng", 0, 0, -1, ""), "vnet0"),
        (PointKey("a.pcapng", 0, 1, -1, ""), "vmnic0"),
        (PointKey("span.pcap", 0, 0, -1, ""), ""),
        (PointKey("erspan.pcap", 0, 0, -1, "erspan:10.0.0.5/77/31"), ""),
        (PointKey("erspan.pcap", 0, 0, -1, "erspan:10.0.0.5/771"), ""),
    ).points
    assert statements.apply(points) == []
    assert [(point.role, point.host) for point in points] == [
        ("vnic", "esx-01"), ("unknown", None), ("mirror", "esx-01"), ("mirror", "esx-02"), ("unknown", None),
    ]  # fmt: skip
    assert points[0].how == "role stated; host stated"


@pytest.mark.parametrize(("role", "of_copies"), [("uplink", "unknown"), ("vnic", "unknown"), ("mirror", "mirror")])
def test_a_row_about_a_file_calls_the_copies_in_it_no_uplink_and_no_port(role, of_copies):
    """Copies that a host sends to a collector pass its uplink; that they are copies does not change there."""
    keys = [PointKey("up.pcap", 0, 0, -1, mirror) for mirror in ("", "erspan:172.31.0.1/77")]
    points = registry_with(*((key, "") for key in keys)).points
    text = f"points: [ {{ file: up.pcap, host: esx-01, role: {role} }} ]"
    assert parse_points(text, "points.yaml").apply(points) == []
    assert [point.role for point in points] == [role, of_copies]


def test_a_statement_about_a_read_file_that_matches_nothing_is_named():
    text = "points: [ { file: a.pcap, interface: vnet7, role: vnic }, { file: other.pcap, role: mirror } ]"
    (sentence,) = parse_points(text, "points.yaml").apply(registry_with((PointKey("a.pcap", 0, 0, -1, ""), "")).points)
    assert "vnet7" in sentence


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("points: [ { file: a, role: wire } ]", "wire"),
        ("points: [ { role: mirror } ]", "point 1"),
        ("points: [ { file: a, colour: red } ]", "unknown keys"),
        ("points: { a: 1 }", "list"),
        ("hosts: [a]", "mapping"),
        ("nonsense: 1", "'hosts' and 'points'"),
        ("points: [ { file: a, sampled: 0 } ]", "sampled"),
        ("points: [", "line"),
        ("- a", "'hosts' and 'points'"),
    ],
)
def test_a_wrong_points_file_gives_one_sentence_with_the_place(text, names):
    with pytest.raises(InventoryError) as caught:
        parse_points(text, "points.yaml")
    assert "points.yaml" in str(caught.value)
    assert names in str(caught.value)


def test_the_point_option():
    row = parse_point_option("a.pcapng:vnet0=host:esx-01,role:vnic")
    assert (row.file, row.interface, row.host, row.role) == ("a.pcapng", "vnet0", "esx-01", "vnic")
    assert parse_point_option("span.pcap:=role:mirror").interface == ""
    assert parse_point_option("C:/x/a.pcap:eth0=host:h").file == "C:/x/a.pcap"
    copies = parse_point_option("a.pcapng:eno1=vlan:999,role:mirror,host:esx-01")
    assert (copies.vlan, copies.role, copies.names_copies) == (999, "mirror", True)
    assert parse_point_option("c.pcap:=transport:vxlan").transport == "vxlan"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a:b",
        "a:b=",
        "a:b=role:wire",
        "a:b=size:3",
        "=host:x",
        "a:b=vlan:4095",
        "a:b=vlan:x",
        "a:b=vlan:9,role:uplink",
        "a:b=transport:gre",
    ],
)
def test_a_wrong_point_option_is_a_usage_error(text):
    with pytest.raises(UsageError):
        parse_point_option(text)


def test_names_hint_at_roles_but_eth0_says_nothing():
    names = {
        "vnet3": "vnic",
        "vmnic0": "uplink",
        "tap0123abcd-ef": "vnic",
        "eth0": "unknown",
        "br0": "unknown",
        "mon0": "unknown",
    }
    points = registry_with(*((PointKey("a", 0, n, -1, ""), name) for n, name in enumerate(names))).points
    infer_roles(points)
    assert {point.interface: point.role for point in points} == names
    assert all(not point.is_stated for point in points if point.role != "unknown")


def test_hostile_sessions_cannot_make_unbounded_points():
    registry = Registry(max_points=10)
    for number in range(1000):
        registry.point(PointKey("a.pcap", 0, 0, -1, f"erspan:10.0.0.1/{number}"))
    assert len(registry.points) <= 11


def merged():
    """Two hosts' ``mirB`` as ``mergecap -I none`` leaves them, and a third interface of its own name."""
    return registry_with(
        (PointKey("merged.pcapng", 0, 0, -1, ""), "mirB"),
        (PointKey("merged.pcapng", 0, 1, -1, ""), "mirB"),
        (PointKey("merged.pcapng", 0, 2, -1, ""), "vnet0"),
    ).points


def test_interfaces_of_one_name_are_told_apart_by_their_number_and_no_other_id_changes():
    assert [point.id for point in merged()] == ["merged.pcapng:mirB#0", "merged.pcapng:mirB#1", "merged.pcapng:vnet0"]
    alone = registry_with(
        (PointKey("a.pcapng", 0, 3, -1, ""), "mirB"),
        (PointKey("a.pcapng", 1, 4, -1, ""), "mirB"),
        (PointKey("b.pcapng", 0, 1, -1, ""), "mirB"),
        (PointKey("c.pcapng", 0, 0, -1, ""), ""),
        (PointKey("c.pcapng", 0, 1, -1, ""), ""),
        (PointKey("d.pcapng", 0, 0, 7, ""), "any"),
        (PointKey("d.pcapng", 0, 0, 8, ""), "any"),
    ).points
    assert [point.id for point in alone] == [
        "a.pcapng:mirB", "a.pcapng:section1:mirB", "b.pcapng:mirB", "c.pcapng", "c.pcapng:interface1",
        "d.pcapng:any:ifindex7", "d.pcapng:any:ifindex8",
    ]  # fmt: skip


@pytest.mark.parametrize("option", ["merged.pcapng:#1=host:host-b,role:mirror", "merged.pcapng:mirB#1=host:host-b"])
def test_an_option_addresses_an_interface_by_its_number(option):
    points, statements = merged(), Statements(points=[parse_point_option(option)])
    assert statements.apply(points) == []
    assert [point.host for point in points] == [None, "host-b", None]


def test_a_file_addresses_interfaces_and_cooked_points_by_their_numbers():
    text = """points: [ { file: merged.pcapng, interface_id: 0, host: host-a, role: mirror },
                        { file: any.pcap, ifindex: 7, role: vnic, host: host-c } ]"""
    cooked = registry_with((PointKey("any.pcap", 0, 0, 7, ""), ""), (PointKey("any.pcap", 0, 0, 8, ""), "")).points
    points = [*merged(), *cooked]
    assert parse_points(text, "points.yaml").apply(points) == []
    assert [point.host for point in points] == ["host-a", None, None, "host-c", None]


def test_a_number_that_no_interface_has_is_named():
    statements = Statements(points=[parse_point_option("merged.pcapng:#9=host:x")])
    (sentence,) = statements.apply(merged())
    assert "merged.pcapng, #9" in sentence


def test_an_option_tells_what_a_mirror_covers_and_how_it_samples():
    (row,) = [parse_point_option("span.pcap:=role:mirror,covers:all,sampled:100")]
    (point,) = registry_with((PointKey("span.pcap", 0, 0, -1, ""), "")).points
    Statements(points=[row]).apply([point])
    assert (point.role, point.covers, point.sampled) == ("mirror", "all", 100)


def test_a_later_row_about_something_else_does_not_undo_the_sampling():
    text = "points: [ { file: up.pcap, sampled: 10, covers: all }, { file: up.pcap, role: uplink, host: esx-01 } ]"
    (point,) = registry_with((PointKey("up.pcap", 0, 0, -1, ""), "")).points
    parse_points(text, "points.yaml").apply([point])
    assert (point.sampled, point.covers, point.role) == (10, "all", "uplink")


@pytest.mark.parametrize(
    "option",
    [
        "a:b=sampled:0",
        "a:b=sampled:many",
        "a:b=sampled:1e3",
        "a:b=sampled:99999999999",
        "a:b=speed:10",
        "a:b=sampled:²",
    ],
)
def test_options_with_wrong_facts_are_refused(option):
    with pytest.raises(UsageError):
        parse_point_option(option)


@pytest.mark.parametrize("facts", ["interface_id: -1", "interface_id: x", "ifindex: 1.5", "interface_id: true"])
def test_numbers_of_a_points_file_are_whole(facts):
    with pytest.raises(InventoryError, match="whole number"):
        parse_points(f"points: [ {{ file: a.pcapng, {facts}, host: h }} ]", "points.yaml")


def test_an_interface_number_without_a_file_is_refused():
    with pytest.raises(InventoryError, match="names no file"):
        parse_points("points: [ { interface_id: 1, host: h } ]", "points.yaml")
