"""What is learned of capture points: by neighbours, traffic, names and the inventory, and what that may decide."""

from __future__ import annotations

import pytest

from flowmap.capture.names import LinkNeighbor
from flowmap.capture.points import PointStatement
from flowmap.identity.capture_points import shared_name_warnings
from flowmap.inventory import Inventory
from flowmap.inventory.records import HostRecord
from flowmap.pipeline import make_map
from flowmap.reading import Reading
from tests.locality.two_hosts import APP, DB, GATEWAY_10, OUTSIDE, REM, WEB
from tests.network import START_NS, Network, at, record, replace_points, talk, vm

SWITCH_MAC = 0x001B210E0001
DAY_NS = 86_400 * 10**9


def lldp(point, *, name="tor-1", port="Eth1/1", mac=SWITCH_MAC, forwards=None):
    return LinkNeighbor(point, name, port, "", "lldp", 1, mac, forwards)


def cdp(point, name, port="vmnic3", platform="VMware ESX"):
    return LinkNeighbor(point, name, port, platform, "cdp", 1, SWITCH_MAC)


def made(network, *records, neighbors=(), hypervisors=()):
    """The map of a network with an inventory of VMs and hypervisors, and neighbours that were heard."""
    reading = Reading(replace_points(network.registry), network.fold(), neighbors=list(neighbors))
    inventory = Inventory(list(records), hypervisors=list(hypervisors))
    return make_map(reading, inventory, network.statements, network.settings, "test")


def both_ways(network, one, other, *points, client_port=40_000, **facts):
    """A conversation of which each of these points shows both directions, unchanged."""
    seen = tuple(at(point) for point in points)
    talk(network, one, other, seen, seen, client_port=client_port, **facts)


def answer_of(flow_map, one, other):
    """Answer, verdict and grade of the edge between two machines."""
    graph = flow_map.graph
    ids = {ip: key for key, node in graph.nodes(data=True) for ip in node["ips"]}
    edge = graph.get_edge_data(ids[one.ip], ids[other.ip]) or graph.get_edge_data(ids[other.ip], ids[one.ip])
    return edge["left_host"], edge["verdict"], edge["grade"]


# --- neighbours


def ports_and(*others):
    """Stated ports of WEB and APP in a file with more interfaces, whose names say nothing."""
    network = Network()
    web, app = network.point("vnet0", "vnic", "host-a"), network.point("vnet1", "vnic", "host-a")
    return network, web, app, *(network.point(name) for name in others)


def test_a_switch_heard_beside_ports_marks_the_uplink():
    network, web, app, lan = ports_and("lan7")
    network.statements.points.append(PointStatement(interface="lan7", host="host-a"))
    both_ways(network, WEB, REM, web, lan)
    both_ways(network, APP, REM, app, lan, client_port=40_001)
    for number, (machine, port) in enumerate(((WEB, web), (APP, app))):
        both_ways(network, machine, OUTSIDE, port, lan, client_port=41_000 + number)
    flow_map = made(network, neighbors=[lldp(lan)])
    point = flow_map.points[lan]
    assert (point.role, point.is_stated) == ("uplink", False)
    assert "LLDP of tor-1 port Eth1/1" in point.how
    left_host, _, grade = answer_of(flow_map, WEB, REM)
    assert (left_host, grade) == ("left", "likely")


@pytest.mark.parametrize(
    "heard",
    [
        {"mac": 0x005056800009},  # a VM, or the switch inside a nested host
        {"mac": 0x02001B210001},  # locally administered: a bridge inside the host
        {"forwards": False},  # says itself that it is only a station
    ],
)
def test_what_is_no_physical_switch_marks_nothing(heard):
    network, web, _, lan = ports_and("lan7")
    both_ways(network, WEB, REM, web, lan)
    assert made(network, neighbors=[lldp(lan, **heard)]).points[lan].role != "uplink"


def test_a_mirror_beside_ports_is_no_uplink_because_of_a_copied_frame():
    """What two captured ports say to each other needs no uplink, and stands on this interface."""
    network, web, app, mirror = ports_and("mon0")
    both_ways(network, WEB, APP, web, app, mirror)
    both_ways(network, WEB, REM, web, mirror, client_port=40_001)
    flow_map = made(network, neighbors=[lldp(mirror)])
    assert flow_map.points[mirror].role == "unknown"
    assert "a mirror shows copies of it" in flow_map.points[mirror].how
    assert answer_of(flow_map, WEB, APP)[0] == "undetermined"


def test_the_same_switch_port_at_two_interfaces_is_a_copy_at_one():
    network, web, app, uplink, mirror = ports_and("vmnic0", "mon0")
    both_ways(network, WEB, REM, web, uplink, mirror)
    flow_map = made(network, neighbors=[lldp(uplink), lldp(mirror)])
    assert [flow_map.points[n].role for n in (uplink, mirror)] == ["uplink", "unknown"]


def test_a_plain_file_with_a_switch_heard_stays_unknown_and_says_why():
    network = Network()
    plain = network.point("", file="somewhere.pcap")
    both_ways(network, WEB, REM, plain)
    point = made(network, neighbors=[lldp(plain, port="Eth1/3")]).points[plain]
    assert point.role == "unknown"
    assert point.how == "role not known: LLDP of tor-1 port Eth1/3 was seen, but a mirror shows copies of it"


def test_an_esxi_host_names_itself_on_its_uplink_only():
    network = Network()
    uplink, port = network.point("vmnic3"), network.point("vnet0")
    both_ways(network, WEB, REM, uplink, port)
    points = made(network, neighbors=[cdp(uplink, "esx-01.lab"), cdp(port, "esx-01.lab")]).points
    assert [point.host for point in points] == ["esx-01.lab", None]
    assert points[uplink].host_how == "inferred from CDP of esx-01.lab port vmnic3"


@pytest.mark.parametrize("told", [[("esx-01", "vmnic0")], [("esx-01", "vmnic3"), ("esx-02", "vmnic3")]])
def test_hosts_that_name_another_port_or_each_other_name_nobody(told):
    network = Network()
    uplink = network.point("vmnic3")
    both_ways(network, WEB, REM, uplink)
    neighbors = [cdp(uplink, name, port) for name, port in told]
    assert made(network, neighbors=neighbors).points[uplink].host is None


# --- traffic


def test_crosswise_traffic_is_a_mirrors():
    """Two VMs that talk to each other and to one gateway: no wire out of their host shows all three."""
    network = Network()
    span = network.point("", file="span.pcap")
    both_ways(network, WEB, APP, span)
    for number, machine in enumerate((WEB, APP)):
        both_ways(network, machine, GATEWAY_10, span, client_port=41_000 + number)
    flow_map = made(network)
    assert flow_map.points[span].role == "mirror"
    assert "2 virtual MACs, 1 pairs of them talk directly" in flow_map.points[span].how
    assert answer_of(flow_map, WEB, APP)[0] == "undetermined"


def test_traffic_of_two_sides_is_not_called_an_uplink():
    network = Network()
    plain = network.point("", file="plain.pcap")
    for number, (one, other) in enumerate([(WEB, REM), (APP, REM), (WEB, OUTSIDE), (APP, OUTSIDE)]):
        both_ways(network, one, other, plain, client_port=40_000 + number)
    point = made(network).points[plain]
    assert point.role == "unknown" and "an uplink or of a mirror" in point.how


def test_doubled_packets_are_not_called_a_mirrors():
    """A reflective relay's uplink shows both ends of a pair on one side, each packet twice."""
    network = Network()
    plain = network.point("", file="plain.pcap")
    for number, (one, other) in enumerate([(WEB, APP), (WEB, DB), (APP, DB)]):
        seen = (at(plain, times=2),)
        talk(network, one, other, seen, seen, client_port=40_000 + number)
    point = made(network).points[plain]
    assert point.role == "unknown" and "stand here twice" in point.how


def test_what_is_all_of_one_vm_looks_like_its_port_and_decides_nothing():
    """It may be the uplink of a host with one VM, on which a reflected pair would look switched."""
    network = Network()
    port = network.point("vnet1", "vnic", "host-a")
    plain = network.point("", "unknown", "host-a", file="plain.pcap")
    both_ways(network, WEB, APP, plain, port)
    both_ways(network, WEB, OUTSIDE, plain, client_port=41_000)
    both_ways(network, APP, DB, port, client_port=42_000)
    flow_map = made(network)
    assert flow_map.points[plain].role == "vnic"
    assert flow_map.points[plain].how.startswith(
        "role inferred from its traffic: 00:50:56:80:00:01 takes part in 44 of 44"
    )
    assert answer_of(flow_map, WEB, APP)[0] == "undetermined"


def test_a_far_vm_that_all_talk_to_is_not_placed_where_its_traffic_passes():
    """The uplink of host-a, its role not stated: all of it is with REM, which is not on host-a."""
    network = Network()
    plain = network.point("", "unknown", "host-a", file="plain.pcap")
    for number, machine in enumerate((WEB, APP, DB)):
        both_ways(network, machine, REM, plain, client_port=40_000 + number)
    flow_map = made(network, *(record(machine, "host-a") for machine in (WEB, APP, DB)))
    assert flow_map.points[plain].role == "vnic"  # as REM's own port would look
    assert answer_of(flow_map, WEB, REM)[0] == "undetermined"


def test_a_mirror_inferred_from_traffic_decides_only_when_it_is_stated():
    """Row 10 for two hosts' mirrors: with the same frames, and only the role stated as well, it applies."""

    def two_mirrors(role):
        network = Network()
        spans = [network.point("", role, host, file=f"{host}.pcap") for host in ("host-a", "host-b")]
        both_ways(network, WEB, REM, *spans)
        for span, (one, other) in zip(spans, ((WEB, APP), (REM, vm(9, "10.10.0.19"))), strict=True):
            both_ways(network, one, other, span, client_port=41_000 + span)
            for number, machine in enumerate((one, other)):
                both_ways(network, machine, GATEWAY_10, span, client_port=42_000 + 10 * span + number)
        return made(network)

    inferred = two_mirrors("unknown")
    assert [point.role for point in inferred.points] == ["mirror", "mirror"]
    assert answer_of(inferred, WEB, REM)[0] == "undetermined"
    assert answer_of(two_mirrors("mirror"), WEB, REM)[:2] == ("left", "inter_host")


def test_what_a_user_states_is_never_inferred_away():
    network = Network()
    span = network.point("", "uplink", file="span.pcap")
    for number, (one, other) in enumerate([(WEB, APP), (WEB, DB), (APP, DB)]):
        both_ways(network, one, other, span, client_port=40_000 + number)
    assert made(network).points[span].role_how == "stated"


# --- hosts


@pytest.mark.parametrize(
    ("file", "host"),
    [
        ("esx-01_vmnic0.pcap", "esx-01"),
        ("2024-05-01 ESX-01.pcap", "esx-01"),
        ("esx-01-2024.pcap", "esx-01"),
        ("esx-01.pcap", "esx-01"),
        ("from.kvm-7.pcap", "kvm-7.example.org"),
        ("esx-011.pcap", None),
        ("esx-01-2.pcap", None),
        ("vesx-01.pcap", None),
        ("esx-01_to_kvm-7.pcap", None),
        ("capture.pcap", None),
    ],
)
def test_a_file_named_after_one_host_is_inferred_to_be_of_it(file, host):
    network = Network()
    point = network.point("", file=file)
    both_ways(network, WEB, REM, point)
    hosts = (record(APP, "esx-01"), record(DB, "kvm-7.example.org"))
    found = made(network, *hosts).points[point]
    assert found.host == host
    assert found.host_how == ("inferred from the file's name" if host else "")


def test_a_description_names_the_host_too():
    network = Network()
    point = network.point("eth9", description="tap on esx-01, port 3")
    both_ways(network, WEB, REM, point)
    found = made(network, record(APP, "esx-01")).points[point]
    assert (found.host, found.host_how) == ("esx-01", "inferred from the interface's description")


def test_a_file_name_makes_no_two_ports_one_host():
    """host-a.pcapng may hold ports of two hosts; only who knows may say that they are of one."""
    network = Network()
    web, app = (network.point(name, file="host-a.pcapng") for name in ("vnet0", "vnet1"))
    both_ways(network, WEB, APP, web, app)
    both_ways(network, WEB, OUTSIDE, web, client_port=41_000)
    both_ways(network, APP, OUTSIDE, app, client_port=41_001)
    flow_map = made(network, record(DB, "host-a"))
    assert [flow_map.points[n].host for n in (web, app)] == ["host-a", "host-a"]
    assert answer_of(flow_map, WEB, APP)[0] == "undetermined"


def test_the_exporter_of_a_mirror_is_read_from_the_inventory():
    network = Network()
    key = "erspan:172.31.0.1/77"
    session = network.point("", file="collector-kvm-2.pcap", mirror=key)
    both_ways(network, WEB, APP, session)
    hypervisors = [
        HostRecord("kvm-1", ips=("172.31.0.1",), source="hosts.yaml"),
        HostRecord("kvm-2", ips=("172.31.0.2",), source="hosts.yaml"),
    ]
    point = made(network, hypervisors=hypervisors).points[session]
    assert (point.role, point.host, point.is_stated) == ("mirror", "kvm-1", True)
    assert point.host_how == "inventory hosts.yaml, which has its address 172.31.0.1"
    twice = [*hypervisors, HostRecord("kvm-3", ips=("172.31.0.1",), source="hosts.yaml")]
    assert made(network, hypervisors=twice).points[session].host is None


@pytest.mark.parametrize(
    ("age_ns", "complete", "grade"), [(0, True, "proven"), (0, False, "likely"), (3 * DAY_NS, True, "likely")]
)
def test_uplinks_are_read_from_the_inventory(age_ns, complete, grade):
    """Row 1: at both ports, on no uplink; proven only by a list of uplinks that is whole and of the day."""
    network, web, app, uplink = ports_and("p5p1")
    network.statements.points.append(PointStatement(interface="p5p1", host="host-a"))
    both_ways(network, WEB, APP, web, app)
    both_ways(network, WEB, REM, web, uplink, client_port=41_000)
    both_ways(network, APP, REM, app, uplink, client_port=41_001)
    hypervisor = HostRecord(
        "host-a", uplinks=("p5p1",), uplinks_complete=complete, source="hosts.yaml", observed_at_ns=START_NS - age_ns
    )
    flow_map = made(network, hypervisors=[hypervisor])
    point = flow_map.points[uplink]
    assert (point.role, point.role_how) == ("uplink", "inventory hosts.yaml")
    assert answer_of(flow_map, WEB, APP) == ("stayed", "intra_host_switched", grade)
    (row,) = [row for row in flow_map.graph.graph["hosts"] if row["host"] == "host-a"]
    assert (row["uplinks"], row["uplinks_complete"]) == (["p5p1"], grade == "proven")


def test_the_user_outranks_the_inventory_about_uplinks():
    network, web, app, uplink = ports_and("vmnic0")
    network.uplinks("host-a", "vmnic0", "vmnic1", complete=False)
    both_ways(network, WEB, APP, web, app)
    hypervisor = HostRecord("host-a", uplinks=("vmnic0",), uplinks_complete=True, observed_at_ns=START_NS)
    hosts = made(network, hypervisors=[hypervisor]).graph.graph["hosts"]
    (row,) = [row for row in hosts if row["host"] == "host-a"]
    assert (row["uplinks"], row["uplinks_complete"]) == (["vmnic0", "vmnic1"], False)


def test_an_uplink_only_guessed_from_its_name_proves_no_absence():
    network, web, app, uplink = ports_and("vmnic0")
    network.statements.points.append(PointStatement(interface="vmnic0", host="host-a"))
    network.uplinks("host-a", complete=True)  # complete, but which ones nobody says
    both_ways(network, WEB, APP, web, app)
    both_ways(network, WEB, REM, web, uplink, client_port=41_000)
    both_ways(network, APP, REM, app, uplink, client_port=41_001)
    assert answer_of(made(network), WEB, APP) == ("stayed", "intra_host_switched", "likely")


# --- a row about a whole file, and the mirror sessions in it


def file_with_sessions(*sessions):
    """A file that a row calls host-b's mirror, and its points: what stands in it plain, and mirror sessions."""
    network = Network()
    plain = network.point("", file="b.pcap")
    key = network.registry.points[plain].key
    network.statements.points.append(PointStatement(file="b.pcap", host="host-b", role="mirror"))
    return network, plain, [network.registry.point(key._replace(mirror=session)) for session in sessions]


def hosts_of(network, *numbers, **facts):
    points = made(network, **facts).points
    return [points[number].host for number in numbers]


def test_copies_that_pass_in_a_hosts_mirror_are_not_of_that_host():
    """The collector of host-a's session runs on host-b, whose mirror copies the copies: WEB and APP did not leave."""
    network, plain, (copies,) = file_with_sessions("erspan:172.31.0.1/77")
    here = network.point("", "mirror", "host-a", file="a.pcap")
    both_ways(network, WEB, APP, here, copies)
    for number, (one, other) in enumerate(((REM, vm(5, "10.10.0.15")), (vm(6, "10.10.0.16"), vm(7, "10.10.0.17")))):
        both_ways(network, one, other, plain, client_port=41_000 + number)
    assert hosts_of(network, plain, copies) == ["host-b", None]
    assert answer_of(made(network), WEB, APP)[0] == "undetermined"


def test_copies_at_a_collector_are_of_the_host_that_its_file_is_said_to_be_of():
    network, plain, (copies,) = file_with_sessions("erspan:172.31.0.2/77")
    both_ways(network, WEB, APP, copies)
    collector = vm(9, "172.31.0.9")
    for number in (5, 6):
        both_ways(network, vm(number, f"172.31.0.1{number}"), collector, plain, client_port=41_000 + number)
    assert hosts_of(network, copies) == ["host-b"]


def test_copies_of_two_senders_are_not_all_of_one_host():
    network, _, sessions = file_with_sessions("erspan:172.31.0.1/77", "erspan:172.31.0.2/77")
    for session in sessions:
        both_ways(network, WEB, REM, session)
    assert hosts_of(network, *sessions) == [None, None]
    known = [HostRecord("host-a", ips=("172.31.0.1",), source="hosts.yaml")]
    assert hosts_of(network, *sessions, hypervisors=known) == ["host-a", None]


# --- interfaces of one name


def test_interfaces_of_one_name_ask_for_their_hosts_until_they_are_stated():
    network = Network()
    points = [network.point("mirB", file="merged-host-a.pcapng") for _ in range(2)]
    both_ways(network, WEB, REM, *points)
    flow_map = made(network, record(DB, "host-a"))
    assert [point.host for point in flow_map.points] == [None, None]  # the file's name says nothing of merged files
    (warning,) = [row for row in flow_map.graph.graph["warnings"] if row["code"] == "shared_interface_name"]
    assert "2 interfaces named mirB" in warning["text"] and "#0=host:NAME" in warning["text"]
    for point, host in zip(flow_map.points, ("host-a", "host-b"), strict=True):
        point.host, point.host_how = host, "stated"
    assert shared_name_warnings(flow_map.points) == []
