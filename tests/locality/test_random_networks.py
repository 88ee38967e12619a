"""Random small networks whose truth is known: whatever part of them was captured, nothing that left is called stayed.

Two hosts with a vSwitch and an uplink each, a physical router, four to six VMs. Each conversation is sent along its true
path, and every capture point on the path records it, if the point was captured at that time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab import edges_of
from tests.locality.two_hosts import GATEWAY_10, GATEWAY_20
from tests.network import SECOND, START_NS, At, Machine, Network, at, record, talk, vm

HOSTS = ("host-a", "host-b")
SURE = ("proven", "strong")


@dataclass
class Guest:
    """A VM with its host, its segment and the number of its port where that was captured."""

    machine: Machine
    host: str
    segment: int
    port: int | None = None


class World:
    """One random network; ``captured`` decides what exists of its points, ``window`` when each file was recorded."""

    def __init__(self, seed: int, *, windows: bool) -> None:
        self.random = choose = random.Random(seed)
        self.network = Network()
        self.guests = [
            Guest(vm(number + 1, f"10.{10 * segment}.0.{number + 11}"), choose.choice(HOSTS), segment)
            for number in range(choose.randint(4, 6)) for segment in [choose.choice((1, 1, 2))]
        ]  # fmt: skip
        self.mirrors: dict[str, int] = {}
        self.uplinks: dict[str, int] = {}
        self.window: dict[int, tuple[float, float]] = {}
        for host in HOSTS:
            file = f"{host}.pcapng"
            if choose.random() < 0.5:
                self.mirrors[host] = self._point("", "mirror", host, f"mirror-{host}.pcap", windows)
            if choose.random() < 0.7:
                self.uplinks[host] = self._point("vmnic0", "uplink", host, f"uplink-{host}.pcapng", windows)
                self.network.uplinks(host, "vmnic0", complete=choose.random() < 0.8)
            here = [guest for guest in self.guests if guest.host == host]
            for number, guest in enumerate(here):
                if choose.random() < 0.6:
                    guest.port = self._point(f"vnet{number}", "vnic", host, file, False)
        self.truth: dict[frozenset[str], str] = {}

    def _point(self, name: str, role: str, host: str, file: str, windows: bool) -> int:
        number = self.network.point(name, role, host, file=file)
        cut = windows and self.random.random() < 0.5
        self.window[number] = (self.random.uniform(0, 30), self.random.uniform(60, 100)) if cut else (0, 1e9)
        return number

    def path(self, one: Guest, other: Guest) -> list[At]:
        """Where a frame from one to the other is seen, on its way."""
        if one.segment == other.segment:
            seen = [self._at(one.port), self._at(self.mirrors.get(one.host))]
            if one.host != other.host:
                seen += [self._at(self.uplinks.get(host)) for host in (one.host, other.host)]
                seen += [self._at(self.mirrors.get(other.host))]
            return [*filter(None, seen), *filter(None, [self._at(other.port)])]
        gateway = (GATEWAY_10, GATEWAY_20)[other.segment - 1]
        turned = {"src_mac": gateway.mac, "dst_mac": other.machine.mac, "ttl": 63}
        out = [one.port, self.mirrors.get(one.host), self.uplinks.get(one.host)]
        back = [self.uplinks.get(other.host), self.mirrors.get(other.host), other.port]
        return [one for one in (*map(self._at, out), *(self._at(point, **turned) for point in back)) if one]

    def _at(self, point: int | None, **changes) -> At | None:
        return None if point is None else at(point, **changes)

    def converse(self, one: Guest, other: Guest, start_s: float, client_port: int) -> None:
        """A conversation of a tenth to twenty seconds, recorded by what was being captured then."""
        every_ns = self.random.choice((10_000_000, 2 * SECOND))
        first = len(self.network.words)
        via, via_back = ((GATEWAY_10, GATEWAY_20)[guest.segment - 1] if one.segment != other.segment else None
                         for guest in (one, other))  # fmt: skip
        talk(
            self.network, one.machine, other.machine, tuple(self.path(one, other)), tuple(self.path(other, one)),
            via=via, via_back=via_back, client_port=client_port, start_ns=START_NS + round(start_s * SECOND),
            every_ns=every_ns, isn=client_port * 10_000,
        )  # fmt: skip
        for row in range(len(self.network.words) - 1, first - 1, -1):
            begin, end = self.window.get(self.network.rows["point"][row], (0, 1e9))
            if not begin <= (self.network.rows["time_ns"][row] - START_NS) / SECOND <= end:
                del self.network.words[row]
                for values in self.network.rows.values():
                    del values[row]
        stayed = one.segment == other.segment and one.host == other.host
        self.truth[frozenset((one.machine.ip, other.machine.ip))] = "stayed" if stayed else "left"

    def populate(self) -> None:
        """Up to a dozen conversations at random times; a pair may talk several times."""
        for number in range(self.random.randint(4, 12)):
            one, other = self.random.sample(self.guests, 2)
            self.converse(one, other, self.random.uniform(0, 100), 30_000 + number)

    def rows(self, wrong: int):
        """The inventory, with ``wrong`` VMs on the other host."""
        moved = self.random.sample(range(len(self.guests)), wrong)
        return [
            record(guest.machine, HOSTS[HOSTS.index(guest.host) ^ (number in moved)], row=number + 1)
            for number, guest in enumerate(self.guests)
        ]


def wrong_words(world: World, *rows, grades=("proven", "strong", "likely", "weak")):
    """Pairs with bytes under a word that is not theirs, at some grades."""
    found = []
    for ends, edge in edges_of(world.network.map(*rows)).items():
        truly = world.truth.get(ends)
        for word in ("stayed", "left"):
            if truly and word != truly and edge[f"{word}_bytes"] and edge["grade"] in grades:
                found.append((sorted(ends), word, edge["grade"], [row["text"] for row in edge["evidence"]]))
    return found


@pytest.mark.parametrize("windows", [False, True], ids=["captured at once", "captured at different times"])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_true_statements_and_no_inventory_give_no_wrong_word(windows, seed):
    world = World(seed, windows=windows)
    world.populate()
    assert wrong_words(world) == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_true_inventory_gives_no_wrong_word(seed):
    world = World(seed, windows=True)
    world.populate()
    assert wrong_words(world, *world.rows(0)) == []


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), wrong=st.integers(1, 3))
def test_a_wrong_inventory_is_never_sure_of_a_wrong_word(seed, wrong):
    world = World(seed, windows=True)
    world.populate()
    assert wrong_words(world, *world.rows(wrong), grades=SURE) == []
