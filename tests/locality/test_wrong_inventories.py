"""Stale and wrong inventories over the lab's samples: packets may not be overruled, and nothing wrong is ever sure."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import replace

import pytest

from flowmap.inventory import Inventory
from tests.lab import TAPS, TRUTH, edge_of, edges_of, inventory, lab_map, pairs_in, scenario_of, tap_of, true_shares

SURE = ("proven", "strong")
SLACK = 0.03
WEEK_NS = 7 * 86_400 * 10**9

PORTS = [files for files in TAPS if len(files) > 1 and {tap_of(file) for file in files} == {"ports"}]
PORTS += [("vepa-host.pcapng",), ("overlay-underlay.pcapng",), ("truncated-ports-kvm-71.pcapng",)]
MIRRORS = [files for files in TAPS if {tap_of(file) for file in files} == {"mirror"}]
BOTH = [files for files in TAPS if {tap_of(file) for file in files} == {"mirror", "ports"}]


def rows_of(files):
    """The inventory's rows of the VMs of one scenario."""
    machines = TRUTH["scenarios"][scenario_of(files)]["machines"]
    macs = {int(machine["mac"].replace(":", ""), 16) for machine in machines if machine["mac"]}
    return [row for row in inventory().records if row.mac in macs and row.host]


def with_rows(files, rows):
    """The lab's inventory with other rows for one scenario's VMs."""
    own = {id(row) for row in rows_of(files)}
    return Inventory([row for row in inventory().records if id(row) not in own] + rows, mirrors=inventory().mirrors)


def moved(files):
    """Each VM on each other host."""
    rows = rows_of(files)
    hosts = sorted({row.host for row in rows}) + ["host-z"]
    for place, row in enumerate(rows):
        for host in hosts:
            if host != row.host:
                yield f"{row.vm} on {host}", [*rows[:place], replace(row, host=host), *rows[place + 1 :]]


def swapped(files):
    """Each two VMs of two hosts in each other's place."""
    rows = rows_of(files)
    for first, one in enumerate(rows):
        for second in range(first + 1, len(rows)):
            if one.host != rows[second].host:
                other = list(rows)
                other[first], other[second] = (replace(one, host=rows[second].host),
                                               replace(rows[second], host=one.host))  # fmt: skip
                yield f"{one.vm} and {rows[second].vm} swapped", other


def on_one_host(files):
    """Everybody on one host, as an export of another site with the same names would say."""
    rows = rows_of(files)
    for host in sorted({row.host for row in rows}):
        yield f"all on {host}", [replace(row, host=host, vswitch="vSwitch0") for row in rows]


def doubled(files):
    """Each VM with the MAC of the next one, which keeps it too."""
    rows = rows_of(files)
    for place, row in enumerate(rows[:-1]):
        yield f"{row.vm} with another's MAC", [*rows[:place], replace(row, mac=rows[place + 1].mac), *rows[place + 1 :]]


def mislabelled(files):
    """Each VM on another vSwitch and in another VLAN."""
    rows = rows_of(files)
    for place, row in enumerate(rows):
        wrong = replace(row, vswitch="vSwitch9", vlan=999)
        yield f"{row.vm} on vSwitch9 in VLAN 999", [*rows[:place], wrong, *rows[place + 1 :]]
    yield "no vSwitch, no VLAN", [replace(row, vswitch=None, vlan=None, network=None) for row in rows]


def of_another_site(files):
    """The same addresses with other MACs, all on one host."""
    rows = rows_of(files)
    yield "another site", [replace(row, mac=0x005056B00000 + n, host=rows[0].host) for n, row in enumerate(rows)]
    yield "addresses only", [replace(row, mac=None, host=rows[0].host) for row in rows]


KINDS = [moved, swapped, on_one_host, doubled, mislabelled, of_another_site]


@functools.cache
def wrong_answers(files, make, *, week_old=False):
    """What FlowMap says wrongly, with its grade: (what is wrong in the inventory, pair, word, grade)."""
    found = []
    for what, rows in make(files):
        if week_old:
            rows = [replace(row, observed_at_ns=row.observed_at_ns and row.observed_at_ns - WEEK_NS) for row in rows]
        flow_map = lab_map(files, True, with_rows(files, rows))
        told, sure = edges_of(flow_map), sure_bytes(flow_map)
        for pair in pairs_in(files):
            edge, truly = edge_of(told, pair), true_shares(pair, files)
            if edge is None:
                continue
            for word in ("stayed", "left"):
                allowed = (truly[word] + SLACK) * edge["wire_bytes"]
                if edge[f"{word}_bytes"] > allowed:
                    is_sure = max((sure[ends] for ends in keys_of(told, edge) if ends[1] == word), default=0) > allowed
                    found.append((what, f"{pair['a']}-{pair['b']}", word, "sure" if is_sure else "likely"))
    return found


def sure_bytes(flow_map):
    """(both addresses, word) -> bytes of directions that are ``proven`` or ``strong``."""
    result = defaultdict(int)
    for talk in flow_map.talks:
        for one in talk.low.ips:
            for other in talk.high.ips:
                for part in talk.verdict.parts:
                    result[frozenset((one, other)), part.word] += part.wire_bytes * (part.grade in SURE)
    return result


def keys_of(told, edge):
    return [(ends, word) for ends, other in told.items() if other is edge for word in ("stayed", "left")]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("files", PORTS, ids=" ".join)
def test_ports_and_complete_uplinks_are_overruled_by_no_inventory(files, make):
    """But for VMs that never answer: their ports look like those of bystanders, so only a row tells, at ``likely``."""
    silent = {f"{pair['a']}-{pair['b']}" for pair in pairs_in(files) if pair["flooded"]}
    assert [one for one in wrong_answers(files, make) if one[3] != "likely" or one[1] not in silent] == []


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("files", MIRRORS, ids=" ".join)
def test_a_wrong_row_beside_a_mirror_that_no_packet_shows_is_likely_at_most(files, make):
    assert [answer for answer in wrong_answers(files, make) if answer[3] != "likely"] == []


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("files", BOTH, ids=" ".join)
def test_a_wrong_row_beside_ports_and_mirrors_is_likely_at_most(files, make):
    assert [answer for answer in wrong_answers(files, make) if answer[3] != "likely"] == []


@pytest.mark.parametrize("make", [moved, on_one_host], ids=lambda make: make.__name__)
@pytest.mark.parametrize("files", MIRRORS, ids=" ".join)
def test_a_wrong_row_of_a_week_ago_beside_a_mirror_is_likely_at_most(files, make):
    assert [answer for answer in wrong_answers(files, make, week_old=True) if answer[3] != "likely"] == []


def test_the_inventories_are_wrong():
    """Each kind makes rows that differ from the lab's, for scenarios of several hosts."""
    files = ("migration-ports-esx-41.pcapng", "migration-ports-esx-42.pcapng")
    assert len(rows_of(files)) >= 4
    for make in KINDS:
        assert all(rows != rows_of(files) for _, rows in make(files)), make
    assert sum(1 for _ in moved(files)) >= 8
