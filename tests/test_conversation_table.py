"""The table of conversations made from columns is the one made from conversations that are objects."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flowmap.capture.points import PointKey, Registry
from flowmap.conversation_table import ConversationRow, conversation_table, write_csv
from flowmap.conversations import OnceCounter, conversations_of
from flowmap.fold import LegFold
from flowmap.fold.plain import PlainFold
from flowmap.packets import NO_TIME, SYN, UDP, ip_halves, ip_text
from flowmap.reading import Reading, read_captures
from flowmap.settings import Settings
from flowmap.twins import Twins, clock_offsets, flows_of
from tests.network import Network, at, talk, udp, vm
from tests.random_packets import random_batches

CAPTURES = Path(__file__).parent.parent / "captures"
SPECIAL = ["0.0.0.0", "::", "fe80::1", "febf:ffff::2", "fec0::1", "169.254.0.1"]
"""Some that are for one link only, and their neighbours that are not."""

SITUATIONS = {
    "as it comes": ({}, {}),
    "one conversation": ({}, {"addresses": 1}),
    "many conversations": ({}, {"addresses": 4000}),
    "some kept": ({"max_conversations": 40}, {"addresses": 4000}),
    "no legs": ({"max_legs": 10}, {}),
}


def random_reading(seed, options, universe, fold=LegFold) -> Reading:
    """Random packets of four points in two files; a tenth of the addresses are special ones."""
    rng, folded = np.random.default_rng(seed), fold(Settings(**options))
    special = np.array([ip_halves(text) for text in SPECIAL], dtype=np.uint64)
    for batch in random_batches(seed, count=400, **universe):
        for column in (batch.src_ip, batch.dst_ip):
            rows = np.flatnonzero(rng.random(len(batch)) < 0.1)
            column[rows] = special[rng.integers(0, len(special), len(rows))]
        folded.add(batch)
    registry = Registry()
    for number in range(4):
        registry.point(PointKey(f"{number % 2}.pcap", 0, number, -1, ""))
    return Reading(registry, folded.finish())


def conversations_in(reading):
    """As judging finds them, with every leg an object."""
    legs = list(reading.legs.legs)
    flows, files = flows_of(legs), [point.key.file for point in reading.registry.points]
    twins = Twins(legs, flows)
    counter = OnceCounter(legs, twins, files, clock_offsets(legs, twins, files), reading.legs.slice_ns)
    return conversations_of(legs, flows, [""] * len(legs), counter)


def expected_row(one) -> ConversationRow:
    low, high = ((ip_text(*address), port) for address, port in (one.five_tuple.low, one.five_tuple.high))
    (source, there), (target, back) = (low, one.forward), (high, one.backward)
    if not one.initiator_is_low:
        (source, there), (target, back) = (target, back), (source, there)
    times = ("" if time == NO_TIME else time for time in (one.first_seen_ns, one.last_seen_ns))
    return ConversationRow(
        one.five_tuple.protocol, *source, *target, there.packets, back.packets, there.wire_bytes, back.wire_bytes,
        there.payload_bytes, back.payload_bytes, one.connections, *times,
    )  # fmt: skip


def check(reading) -> None:
    """The table is that of the objects, whether the reading holds columns or objects."""
    expected = list(map(expected_row, conversations_in(reading)))
    assert conversation_table(reading).rows() == expected
    objects = replace(reading, legs=replace(reading.legs, legs=list(reading.legs.legs)))
    assert conversation_table(objects).rows() == expected


@pytest.mark.parametrize("name", SITUATIONS)
def test_random_packets_give_the_conversations_that_judging_finds(name):
    for seed in range(4):
        check(random_reading(seed, *SITUATIONS[name]))


def test_the_plain_fold_gives_the_same_table():
    options, universe = SITUATIONS["as it comes"]
    compiled, plain = (random_reading(9, options, universe, fold) for fold in (LegFold, PlainFold))
    assert conversation_table(compiled).rows() == conversation_table(plain).rows()


def test_the_random_packets_hit_everything():
    legs, ways, rows = Counter(), Counter(), []
    for options, universe in SITUATIONS.values():
        reading = random_reading(0, options, universe)
        for one in conversations_in(reading):
            legs[len(one.forward.legs), len(one.backward.legs)] += 1
            if len(one.forward.legs) < 2 and len(one.backward.legs) < 2:
                ways[one.initiator_how, one.initiator_is_low] += 1
        rows += conversation_table(reading).rows()
    assert min(legs[1, 0], legs[0, 1], legs[1, 1], legs[2, 0], legs[3, 1]) > 5
    assert {how for how, _ in ways} == {"syn", "port", "first", "unknown"}
    assert all(ways[how, low] > 5 for how in ("syn", "port", "first") for low in (True, False))
    assert {"0.0.0.0", "::", "fe80::1", "fec0::1"} <= {row.initiator_ip for row in rows}
    assert any(row.first_seen_ns == "" for row in rows) and any(row.connections > 1 for row in rows)


@pytest.mark.parametrize("ports", [(32_767, 32_768), (32_768, 32_767), (32_768, 40_000), (40_000, 32_768), (0, 32_768)])
def test_two_first_packets_at_one_time(ports):
    network = Network()
    point, one, other = network.point("vnet0"), vm(1, "10.0.0.1"), vm(2, "10.0.0.2")
    network.send(one, other, at(point), protocol=UDP, ports=ports)
    network.send(other, one, at(point), protocol=UDP, ports=ports[::-1])
    check(Reading(network.registry, network.fold()))


def test_link_local_conversations_are_kept_apart_by_their_macs():
    network = Network()
    point = network.point("trunk")
    machines = [replace(vm(number, "169.254.0.1"), ip=ip) for number, ip in enumerate(("fe80::1", "fe80::2") * 2)]
    for one, other, segments in ((*machines[:2], 3), (*machines[2:], 5)):
        talk(network, one, other, (at(point),), (at(point),), segments=segments)
    rows = conversation_table(Reading(network.registry, network.fold())).rows()
    assert [row.payload_bytes_to_responder for row in rows] == [3000, 5000]


def test_conversations_of_both_kinds_stand_in_order_of_their_first_packets():
    network = Network()
    points = [network.point("vnet0"), network.point("vnet1")]
    for number in range(6):
        seen = [at(point) for point in points[: 1 + number % 2]]
        network.send(vm(1, "10.0.0.1"), vm(2, "10.0.0.2"), *seen, ports=(1000 + number, 80), flags=SYN)
    udp(network, vm(3, "10.0.0.3"), vm(4, "10.0.0.4"), at(points[0]))
    table = conversation_table(Reading(network.registry, network.fold()))
    rows = table.rows()
    assert [row.initiator_port for row in rows[:-1]] == [1000 + number for number in range(6)]
    assert (rows[-1].protocol, len(rows)) == (17, 7)
    assert table.largest(3).rows() == [rows[-1], *rows[:2]]


@pytest.fixture(scope="module")
def lab() -> list[Path]:
    return sorted(path for path in CAPTURES.iterdir() if path.suffix in (".pcap", ".pcapng"))


def test_captures_give_the_conversations_that_judging_finds(lab):
    assert len(lab) > 4
    for paths in ([path] for path in lab):
        check(read_captures(paths, Settings(), names=False))
    for paths in (lab, lab[::-1]):
        check(read_captures(paths, Settings(), names=False))


def test_the_file_is_what_the_csv_module_writes():
    table = conversation_table(random_reading(2, {}, {"addresses": 50}))
    found, expected = io.StringIO(newline=""), io.StringIO(newline="")
    write_csv(table, found)
    csv.writer(expected).writerows([ConversationRow._fields, *table.rows()])
    assert found.getvalue() == expected.getvalue()


def test_chosen_legs_are_those_of_the_whole_list():
    legs = random_reading(3, {}, {"addresses": 20}).legs.legs
    chosen = np.arange(1, len(legs), 7)
    objects = legs.objects(chosen)
    assert objects == [legs[index] for index in chosen.tolist()]
    assert [leg.sketch for leg in objects] == [leg.sketch for leg in legs[1::7]]
