"""What must change no verdict, and what must never make one surer: names, orders, files, and evidence taken away."""

from __future__ import annotations

import random
from copy import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmap.capture.points import PointStatement, Statements
from flowmap.inventory import Inventory
from flowmap.legs import LegSet
from flowmap.locality.verdict import GRADES
from flowmap.pipeline import make_map
from flowmap.reading import Reading, read_captures
from flowmap.settings import Settings
from tests.lab import CAPTURES, TAPS, edges_of, inventory, lab_map, reading, scenario_of, stated, tap_of
from tests.locality.test_routed_inside import DISTRIBUTED, ROUTER_10, ROUTER_20, MirrorLab, RouterLab, routed
from tests.locality.two_hosts import APP, DB, GATEWAY_10, GATEWAY_20, REM, WEB, Lab, hairpin_sightings, switched
from tests.network import Network, at, ip_halves, replace_points, talk, udp, vm

WHOLE = [
    files for files in TAPS
    if len(files) > 1 or files[0].split("-")[0] in ("teamed", "vepa", "linux", "overlay")
]  # fmt: skip
"""All files of a kind together, of each scenario."""

PAIRWISE = [files for files in WHOLE if len({scenario_of(files)}) == 1 and "any" not in map(tap_of, files)]

SMALL = [files for files in PAIRWISE if len(files) <= 2 and "host-a" not in files[0]]


def verdicts(flow_map):
    """Both addresses -> everything that a verdict says of their pair."""
    return {
        tuple(sorted(ends)): (edge["left_host"], edge["verdict"], edge["grade"], edge["stayed_bytes"],
                              edge["left_bytes"], edge["undetermined_bytes"])
        for ends, edge in edges_of(flow_map).items() if len(ends) == 2
    }  # fmt: skip


# --- the lab's samples


@pytest.mark.parametrize("files", PAIRWISE, ids=" ".join)
def test_names_of_hosts_say_nothing(files):
    def renamed(host):
        return host and f"zz-{host[::-1]}"

    known, said = inventory(), stated()
    records = [replace(row, host=renamed(row.host)) for row in known.records]
    other = Inventory(
        records,
        hypervisors=[replace(row, host=renamed(row.host)) for row in known.hypervisors],
        learned=[replace(row, host=renamed(row.host)) for row in known.learned],
        mirrors=[replace(row, host=renamed(row.host)) for row in known.mirrors],
    )
    statements = Statements(
        {renamed(host): facts for host, facts in said.hosts.items()},
        [replace(row, host=renamed(row.host)) for row in said.points],
    )
    assert verdicts(lab_map(files, statements, other)) == verdicts(lab_map(files, True, True))


@pytest.mark.parametrize("files", [files for files in PAIRWISE if len(files) > 1], ids=" ".join)
def test_the_order_of_files_says_nothing(files):
    turned = read_captures([CAPTURES / file for file in files[::-1]], Settings(), names=False)
    for known in (Inventory([]), inventory()):
        flow_map = make_map(turned, known, stated(), Settings(), "turned")
        assert verdicts(flow_map) == verdicts(lab_map(files, True, known))


@pytest.mark.parametrize("files", [files for files in PAIRWISE if len(files) > 1], ids=" ".join)
def test_files_put_into_one_say_the_same(files):
    """As ``mergecap -I none`` does it: the interfaces stay apart; here they get names of their own."""
    before = reading(files)
    registry = replace_points(before.registry)
    statements = Statements({}, [row for row in stated().points if row.session is not None])
    names: dict[str, str] = {}
    for number, point in enumerate(registry.points):
        made = registry.points[number] = copy(point)
        made.key = point.key._replace(file="merged.pcapng", interface_id=number)
        made.interface = f"{point.key.file}/{point.interface}"
        for row in stated().points:
            if row.session is None and row.matches(point):
                statements.points.append(replace(row, file="merged.pcapng", interface=made.interface))
                names.setdefault(f"{row.host}/{point.interface}", made.interface)
    for host, facts in stated().hosts.items():
        renamed = tuple(names.get(f"{host}/{name}", name) for name in facts.uplinks)
        statements.hosts[host] = replace(facts, uplinks=renamed)
    after = Reading(registry, before.legs, before.names, before.applications, before.captures)
    merged = make_map(after, Inventory([]), statements, Settings(), "merged")
    assert verdicts(merged) == verdicts(lab_map(files, True, Inventory([])))


def surer(less, more):
    """Pairs of which less evidence says "stayed" though more said nothing, or says it with a better grade."""
    found = []
    for ends, (word, _, grade, stayed, *_) in less.items():
        before = more.get(ends)
        if not stayed or before is None or grade == "conflict":
            continue
        if not before[3] or (word == before[0] == "stayed" and GRADES.index(grade) < GRADES.index(before[2])):
            found.append((ends, before, less[ends]))
    return found


def said_too_much(less, more, *, with_uplink):
    """Of :func:`surer` what is wrong where a whole point is gone.

    Without the second witness two that contradicted each other are one, so a conflict may become ``likely``; and an
    uplink that is gone shows no reflection any more, so what it showed to have left may seem to have stayed, ``likely``
    too.
    """
    return [
        pair for pair in surer(less, more)
        if pair[2][2] in ("proven", "strong") or not (pair[1][2] == "conflict" or not with_uplink)
    ]  # fmt: skip


@pytest.mark.parametrize("files", PAIRWISE, ids=" ".join)
def test_without_the_inventory_nothing_is_surer(files):
    assert surer(verdicts(lab_map(files, True, False)), verdicts(lab_map(files, True, True))) == []


@pytest.mark.parametrize("known", [False, True], ids=["no inventory", "inventory"])
@pytest.mark.parametrize("files", SMALL, ids=" ".join)
def test_uplinks_that_nobody_calls_complete_make_nothing_surer(files, known):
    said = stated()
    hosts = {host: replace(facts, uplinks_complete=False) for host, facts in said.hosts.items()}
    less = verdicts(lab_map(files, Statements(hosts, said.points), known))
    assert surer(less, verdicts(lab_map(files, True, known))) == []


@pytest.mark.parametrize("files", SMALL, ids=" ".join)
def test_a_point_of_which_nobody_says_anything_makes_nothing_surer(files):
    said, more = stated(), verdicts(lab_map(files, True, True))
    for row in [row for row in said.points if row.file in files]:
        statements = Statements(said.hosts, [other for other in said.points if other is not row])
        assert said_too_much(verdicts(lab_map(files, statements, True)), more, with_uplink=True) == [], row


@pytest.mark.parametrize("files", SMALL, ids=" ".join)
def test_a_point_that_was_not_captured_makes_nothing_surer(files):
    whole = lab_map(files, True, True)
    for number, point in enumerate(reading(files).registry.points):
        less = make_map(without_point(reading(files), number), inventory(), stated(), Settings(), "less")
        found = said_too_much(verdicts(less), verdicts(whole), with_uplink=whole.points[number].role != "uplink")
        assert found == [], point.id


def without_point(before: Reading, number: int) -> Reading:
    """A reading as if one interface had not been captured; the point stays in the list, without a frame."""
    legs: LegSet = replace(
        before.legs,
        legs=[leg for leg in before.legs.legs if leg.key.point != number],
        claims=[claim for claim in before.legs.claims if claim.point != number],
        points={key: seen for key, seen in before.legs.points.items() if key != number},
    )
    return Reading(before.registry, legs, before.names, before.applications, before.captures)


# --- hand-built networks


def switched_inside() -> Network:
    lab = Lab()
    lab.chatter()
    switched(lab)
    return lab.network


def reflected() -> Network:
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, APP, (at(lab.web), at(lab.up_a, times=2), at(lab.app)),
         (at(lab.app), at(lab.up_a, times=2), at(lab.web)))  # fmt: skip
    return lab.network


def hairpin() -> Network:
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, DB, *hairpin_sightings(lab), via=GATEWAY_10, via_back=GATEWAY_20)
    return lab.network


def distributed() -> Network:
    lab = Lab()
    lab.chatter()
    routed(lab, DISTRIBUTED, DISTRIBUTED)
    return lab.network


def router_vm() -> Network:
    lab = RouterLab()
    lab.chatter()
    routed(lab, ROUTER_10, ROUTER_20, before=[lab.r10], after=[lab.r20])
    return lab.network


def mirror_and_uplinks() -> Network:
    stage = MirrorLab()
    talk(stage.network, WEB, APP, (at(stage.mirror),), (at(stage.mirror),))
    return stage.network


def flooded() -> Network:
    lab = Lab()
    lab.chatter()
    udp(lab.network, WEB, APP, at(lab.web), at(lab.app), count=200)
    udp(lab.network, WEB, APP, at(lab.web), at(lab.up_a), at(lab.up_b), at(lab.rem), at(lab.app), count=4, first=200)
    return lab.network


NETWORKS = [switched_inside, reflected, hairpin, distributed, router_vm, mirror_and_uplinks, flooded]
TRULY = {
    "switched_inside": "stayed", "reflected": "left", "hairpin": "left", "distributed": "stayed",
    "router_vm": "stayed", "mirror_and_uplinks": "stayed", "flooded": "stayed",
}  # fmt: skip


def of_pair(network: Network):
    """The verdict of WEB with APP or DB that the scenario is about: the one without a conversation in the chatter."""
    return verdicts(network.map())


@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_the_networks_are_what_they_are(build):
    found = of_pair(build())
    pair = (WEB.ip, DB.ip) if build in (hairpin, distributed, router_vm) else (WEB.ip, APP.ip)
    assert found[tuple(sorted(pair))][0] in (TRULY[build.__name__], "undetermined")
    assert found[tuple(sorted((WEB.ip, REM.ip)))][0] == "left"


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.sampled_from(NETWORKS), st.integers(0, 2**32))
def test_the_order_of_frames_says_nothing(build, seed):
    network = build()
    wanted = of_pair(network)
    order = list(range(len(network.words)))
    random.Random(seed).shuffle(order)
    for name, values in network.rows.items():
        network.rows[name] = [values[index] for index in order]
    network.words = [network.words[index] for index in order]
    assert of_pair(network) == wanted


@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_which_address_is_the_lower_one_says_nothing(build):
    """Every address a.b.c.d becomes 10.(255-b).c.(255-d), so that all pairs change places."""

    def turned(ip):
        parts = [int(part) for part in ip.split(".")]
        return f"10.{255 - parts[1]}.{parts[2]}.{255 - parts[3]}" if parts[0] == 10 else ip

    machines = (WEB, APP, DB, REM, ROUTER_10, ROUTER_20, DISTRIBUTED, GATEWAY_10, GATEWAY_20)
    halves = {ip_halves(machine.ip): ip_halves(turned(machine.ip)) for machine in machines}
    network, other = build(), build()
    for name in ("src_ip", "dst_ip"):
        other.rows[name] = [halves.get(value, value) for value in other.rows[name]]
    other.claims = [claim._replace(ip=turned(claim.ip)) for claim in other.claims]
    wanted = {tuple(sorted(map(turned, ends))): found for ends, found in of_pair(network).items()}
    assert of_pair(other) == wanted


@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_traffic_of_others_says_nothing(build):
    network = build()
    wanted = of_pair(network)
    port = network.point("vnet30", "vnic", "host-a")
    one, two, three = (vm(60 + number, f"10.60.0.{number + 1}") for number in range(3))
    for number, peer in enumerate((two, three)):
        talk(network, one, peer, (at(port),), (at(port),), client_port=1000 + number)
    found = of_pair(network)
    assert {ends: found[ends] for ends in wanted} == wanted


@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_a_file_cut_in_two_makes_nothing_surer(build):
    """A ring buffer: the later half of each file's frames stands in a file of its own, with the same interfaces."""
    network = build()
    more, points = of_pair(network), list(network.registry.points)
    later = {}
    middle = sorted(network.rows["time_ns"])[len(network.words) // 2]
    for row, (point, time_ns) in enumerate(zip(network.rows["point"], network.rows["time_ns"], strict=True)):
        if time_ns > middle:
            if point not in later:
                file = "later-" + points[point].key.file
                later[point] = network.point(points[point].interface, file=file)
                network.statements.points += [
                    PointStatement(**{**{name: getattr(said, name) for name in said.__slots__}, "file": file})
                    for said in network.statements.points if said.matches(points[point])
                ]  # fmt: skip
            network.rows["point"][row] = later[point]
    assert surer(of_pair(network), more) == []
