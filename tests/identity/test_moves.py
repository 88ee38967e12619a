"""Moves: where a MAC lived and when, from ports, announcements and interrupted conversations."""

from __future__ import annotations

import pytest

from flowmap.identity.moves import MOVE_SLACK_NS, Movements, moves_of
from flowmap.packets import Claim
from flowmap.twins import Twins, clock_offsets, flows_of
from tests.network import SECOND, START_NS, Machine, Network, at, talk, vm

WEB, APP, DB, FAR = vm(1, "10.10.0.11"), vm(2, "10.10.0.12"), vm(3, "10.10.0.13"), vm(4, "10.10.0.14")
GATEWAY = Machine("gw", 0x001B21000010, "10.10.0.1")
MOVED_AT = START_NS + 60 * SECOND


def movements(
    network: Network, *, routers: tuple[int, ...] = (), sliced: bool = False, aligned: bool = True
) -> Movements:
    folded = network.fold()
    points = network.registry.points
    network.statements.apply(points)
    files = [point.key.file for point in points]
    twins = Twins(folded.legs, flows_of(folded.legs))
    offsets = clock_offsets(folded.legs, twins, files) if aligned else {}
    return moves_of(folded.legs, folded.claims, points, offsets, routers, folded.slice_ns if sliced else 0)


class TwoHosts:
    """app and db on host-a, far on host-b; web has a port on both, and lives at one of them at a time."""

    def __init__(self) -> None:
        self.network = network = Network()
        self.web_a = network.point("vnet0", "vnic", "host-a")
        self.app = network.point("vnet1", "vnic", "host-a")
        self.db = network.point("vnet2", "vnic", "host-a")
        self.up_a = network.point("vmnic0", "uplink", "host-a")
        self.web_b = network.point("vnet7", "vnic", "host-b", file="b.pcapng")
        self.far = network.point("vnet8", "vnic", "host-b", file="b.pcapng")
        self.up_b = network.point("vmnic0", "uplink", "host-b", file="b.pcapng")

    def path(self, host: str, peer: Machine) -> tuple[int, ...]:
        """The points between web on a host and a peer, in the order of web's packets."""
        at_home, up, other_up = (
            (self.web_a, self.up_a, self.up_b) if host == "host-a" else (self.web_b, self.up_b, self.up_a)
        )
        peer_port, peer_host = {APP: (self.app, "host-a"), DB: (self.db, "host-a"), FAR: (self.far, "host-b")}[peer]
        return (at_home, peer_port) if host == peer_host else (at_home, up, other_up, peer_port)

    def chat(
        self, host: str, peer: Machine, start_ns: int, *, seconds: int = 40, client_port: int = 40_000, isn: int = 1
    ) -> None:
        path = tuple(at(point) for point in self.path(host, peer))
        talk(
            self.network, WEB, peer, path, path[::-1],
            segments=seconds, every_ns=SECOND, start_ns=start_ns, client_port=client_port, isn=isn,
        )  # fmt: skip

    def between_peers(self, start_ns: int = START_NS) -> None:
        """app talks to db and to far all the time, so that their ports are known without web."""
        talk(self.network, APP, DB, (at(self.app), at(self.db)), (at(self.db), at(self.app)),
             segments=120, every_ns=SECOND, start_ns=start_ns, client_port=41_000)  # fmt: skip
        path = (at(self.app), at(self.up_a), at(self.up_b), at(self.far))
        talk(
            self.network,
            APP,
            FAR,
            path,
            path[::-1],
            segments=120,
            every_ns=SECOND,
            start_ns=start_ns,
            client_port=41_001,
        )

    def rarp(self, *points: int, time_ns: int = MOVED_AT, machine: Machine = WEB) -> None:
        for point in points:
            self.network.claims.append(Claim(machine.mac, "", "rarp", point, -1, -1, 1, time_ns))

    @property
    def everywhere(self) -> tuple[int, ...]:
        return (self.web_a, self.app, self.db, self.up_a, self.web_b, self.far, self.up_b)


@pytest.fixture
def lab() -> TwoHosts:
    return TwoHosts()


def live_at_both(lab: TwoHosts) -> None:
    """40 s at host-a with two peers, then 40 s at host-b from ``MOVED_AT`` + 1 s on."""
    lab.between_peers()
    for number, peer in enumerate((APP, FAR)):
        lab.chat("host-a", peer, START_NS, client_port=40_000 + number)
        lab.chat("host-b", peer, MOVED_AT + SECOND, client_port=40_000 + number, isn=50_001)


def test_a_vm_at_ports_of_two_hosts_one_after_the_other_has_moved(lab):
    live_at_both(lab)
    found = movements(lab.network)
    assert found.duplicates == {}
    assert list(found.moves) == [WEB.mac]
    (move,) = found.moves[WEB.mac]
    assert (move.from_host, move.to_host, move.how) == ("host-a", "host-b", "ports")
    assert move.left_ns == pytest.approx(START_NS + 40 * SECOND, abs=SECOND)
    assert move.time_ns == move.arrived_ns == pytest.approx(MOVED_AT + SECOND, abs=SECOND // 2)


def test_the_announcement_tells_the_time_wherever_it_was_heard(lab):
    live_at_both(lab)
    lab.rarp(*lab.everywhere)
    (move,) = movements(lab.network).moves[WEB.mac]
    assert (move.time_ns, move.from_host, move.to_host, move.how) == (MOVED_AT, "host-a", "host-b", "ports and RARP")
    assert move.left_ns < move.time_ns <= move.arrived_ns


def test_an_arp_at_its_own_new_port_is_its_arrival_and_one_at_a_bystanders_is_not(lab):
    live_at_both(lab)
    for point, time_ns in ((lab.far, MOVED_AT - 10 * SECOND), (lab.web_b, MOVED_AT)):
        lab.network.claims.append(Claim(WEB.mac, WEB.ip, "arp", point, -1, -1, 1, time_ns))
    (move,) = movements(lab.network).moves[WEB.mac]
    assert move.arrived_ns == MOVED_AT


def test_there_and_back_again_is_two_moves(lab):
    lab.between_peers()
    for number, (host, start) in enumerate((("host-a", 0), ("host-b", 40), ("host-a", 80))):
        for port, peer in enumerate((APP, FAR)):
            lab.chat(host, peer, START_NS + start * SECOND, seconds=30, client_port=42_000 + 10 * number + port)
    moves = movements(lab.network).moves[WEB.mac]
    assert [(move.from_host, move.to_host) for move in moves] == [("host-a", "host-b"), ("host-b", "host-a")]


def test_one_long_conversation_there_and_back_again_needs_its_time_buckets(lab):
    lab.between_peers()
    for number, (host, start) in enumerate((("host-a", 0), ("host-b", 40), ("host-a", 80))):
        for port, peer in enumerate((APP, FAR)):
            lab.chat(
                host, peer, START_NS + start * SECOND, seconds=30, client_port=40_000 + port, isn=1 + number * 50_000
            )
    assert movements(lab.network) == Movements()
    moves = movements(lab.network, sliced=True).moves[WEB.mac]
    assert [(move.from_host, move.to_host) for move in moves] == [("host-a", "host-b"), ("host-b", "host-a")]


def test_two_clones_at_the_same_time_are_a_mac_in_use_twice(lab):
    lab.between_peers()
    for number, peer in enumerate((APP, FAR)):
        lab.chat("host-a", peer, START_NS, client_port=40_000 + number)
        lab.chat("host-b", peer, START_NS + 10 * SECOND, client_port=45_000 + number)
    found = movements(lab.network)
    assert found.moves == {}
    duplicate = found.duplicates[WEB.mac]
    assert duplicate.hosts == ("host-a", "host-b")
    assert duplicate.last_ns - duplicate.first_ns == pytest.approx(30 * SECOND, abs=SECOND)
    assert duplicate.text == "its MAC sends at ports of host-a and host-b at the same time"


def test_a_spoofed_conversation_during_its_stay_is_a_mac_in_use_twice_and_no_move(lab):
    lab.between_peers()
    for number, peer in enumerate((APP, FAR)):
        lab.chat("host-a", peer, START_NS, client_port=40_000 + number)
        lab.chat("host-b", peer, START_NS + 10 * SECOND, seconds=1, client_port=45_000 + number)
    found = movements(lab.network)
    assert (found.moves, list(found.duplicates)) == ({}, [WEB.mac])


def test_the_port_of_a_transparent_firewall_on_another_host_is_no_second_home(lab):
    """All of web's packets pass the firewall's port on host-b; its own port and the firewall's show the same ones."""
    for number, peer in enumerate((APP, DB)):
        lab.between_peers()
        path = (at(lab.web_a), at(lab.up_a), at(lab.up_b), at(lab.web_b), at(lab.app if peer is APP else lab.db))
        talk(lab.network, WEB, peer, path, path[::-1], segments=40, every_ns=SECOND, client_port=40_000 + number)
    assert movements(lab.network) == Movements()


def test_two_vms_on_one_host_that_never_move_have_no_moves(lab):
    lab.between_peers()
    lab.chat("host-a", APP, START_NS)
    lab.chat("host-a", FAR, START_NS, client_port=40_001)
    lab.rarp(*lab.everywhere)  # the host repeats it when an uplink fails over
    assert movements(lab.network) == Movements()


def test_a_gateway_that_every_host_has_is_not_in_use_twice(lab):
    """Anycast: the same router MAC answers on each host, and each VM talks through it."""
    network = lab.network
    for number, (machine, point) in enumerate(((WEB, lab.web_a), (APP, lab.app), (FAR, lab.far))):
        outside = Machine("outside", GATEWAY.mac, f"203.0.113.{number + 1}")
        talk(network, machine, outside, (at(point),), (at(point, ttl=60),), segments=40, every_ns=SECOND)
        other = Machine("outside", GATEWAY.mac, f"198.51.100.{number + 1}")
        talk(network, machine, other, (at(point),), (at(point, ttl=60),), segments=40, every_ns=SECOND)
    assert movements(network, routers=(GATEWAY.mac,)) == Movements()
    assert movements(network) == Movements()


def test_ports_whose_host_nobody_stated_are_never_two_hosts():
    network = Network()
    one, other = network.point("vnet0", "vnic"), network.point("vnet1", "vnic", file="b.pcapng")
    for number, (point, start) in enumerate(((one, START_NS), (other, MOVED_AT))):
        for port, peer in enumerate((APP, DB)):
            talk(
                network, WEB, peer, (at(point),), (at(point),), start_ns=start, client_port=40_000 + 10 * number + port
            )
    assert movements(network) == Movements()


def test_clocks_that_differ_are_aligned_by_the_packets_that_both_saw(lab):
    """host-b's clock is ten seconds late: without alignment the two stays would overlap by nine."""
    lab.between_peers()
    for number, peer in enumerate((APP, FAR)):
        lab.chat("host-a", peer, START_NS, seconds=58, client_port=40_000 + number)
        lab.chat("host-b", peer, MOVED_AT, client_port=40_000 + number, isn=90_001)
    network = lab.network
    late = [number for number, point in enumerate(network.registry.points) if point.key.file == "b.pcapng"]
    times, points = network.rows["time_ns"], network.rows["point"]
    network.rows["time_ns"] = [time - 10 * SECOND * (point in late) for time, point in zip(times, points, strict=True)]
    (move,) = movements(network).moves[WEB.mac]
    assert move.arrived_ns == pytest.approx(MOVED_AT, abs=SECOND // 2)
    assert movements(network, aligned=False).moves == {}


# --- an announcement and a conversation that is interrupted


def mirrors() -> tuple[Network, int, int]:
    network = Network()
    here = network.point("", "mirror", "host-a", file="a.pcap")
    there = network.point("", "mirror", "host-b", file="b.pcap")
    for statement in network.statements.points:
        object.__setattr__(statement, "covers", "all")
    return network, here, there


def through(network: Network, before: tuple[int, ...], after: tuple[int, ...], peer: Machine = APP) -> None:
    """One conversation of web that is at some points until ``MOVED_AT`` and at others from then on."""
    for places, start, isn in ((before, START_NS, 1), (after, MOVED_AT, 60_001)):
        path = tuple(map(at, places))
        talk(network, WEB, peer, path, path[::-1], segments=55, every_ns=SECOND, start_ns=start, isn=isn)


def always(network: Network, *points: int) -> None:
    """Traffic that shows the mirrors to be awake from long before the move until long after."""
    path = tuple(map(at, points))
    talk(
        network,
        DB,
        FAR,
        path,
        path[::-1],
        segments=150,
        every_ns=SECOND,
        start_ns=START_NS - 10 * SECOND,
        client_port=9,
    )


def announce(network: Network, *points: int, machine: Machine = WEB, time_ns: int = MOVED_AT) -> None:
    for point in points:
        network.claims.append(Claim(machine.mac, "", "rarp", point, -1, -1, 1, time_ns))


def test_mirrors_show_the_new_host_where_a_conversation_begins_when_its_mac_is_announced():
    """app is on host-a: before the move only its mirror sees them, afterwards both do."""
    network, here, there = mirrors()
    always(network, here, there)
    through(network, (here,), (here, there))
    assert movements(network) == Movements(), "without an announcement either of the two may have moved"
    announce(network, here, there)
    (move,) = movements(network).moves[WEB.mac]
    assert (move.from_host, move.to_host, move.how, move.time_ns) == (None, "host-b", "RARP", MOVED_AT)


def test_mirrors_show_the_old_host_where_a_conversation_ends():
    """far is on host-b."""
    network, here, there = mirrors()
    always(network, here, there)
    through(network, (here, there), (there,), FAR)
    announce(network, here, there)
    (move,) = movements(network).moves[WEB.mac]
    assert (move.from_host, move.to_host) == ("host-a", None)


def test_mirrors_show_both_hosts_of_a_vm_that_talks_outside():
    network, here, there = mirrors()
    always(network, here, there)
    through(network, (here,), (there,), GATEWAY)
    announce(network, here, there)
    (move,) = movements(network).moves[WEB.mac]
    assert (move.from_host, move.to_host) == ("host-a", "host-b")


def test_where_both_ends_were_announced_nobody_knows_which_one_moved():
    network, here, there = mirrors()
    always(network, here, there)
    through(network, (here,), (here, there))
    announce(network, here, there)
    announce(network, here, there, machine=APP, time_ns=MOVED_AT + SECOND)
    assert movements(network) == Movements()


def test_a_mirror_that_may_copy_the_uplink_only_shows_no_arrival():
    """web leaves host-b, so its packets begin to arrive by host-b's uplink, which is all that this mirror copies."""
    network = Network()
    here = network.point("", "mirror", "host-a", file="a.pcap")
    there = network.point("", "mirror", "host-b", file="b.pcap")
    always(network, here, there)
    through(network, (here,), (here, there))
    announce(network, here, there)
    assert movements(network) == Movements()


def test_a_mirror_that_was_switched_on_at_that_time_shows_no_arrival():
    network, here, there = mirrors()
    always(network, here)
    through(network, (here,), (here, there))
    announce(network, here, there)
    assert movements(network) == Movements()


def test_an_uplink_shows_no_arrival():
    network = Network()
    here = network.point("vmnic0", "uplink", "host-a", file="a.pcap")
    there = network.point("vmnic0", "uplink", "host-b", file="b.pcap")
    always(network, here, there)
    through(network, (here,), (here, there))
    announce(network, here, there)
    assert movements(network) == Movements()


def test_a_flood_at_a_bystanders_port_after_the_move_shows_no_arrival():
    """Only one direction is heard there, however long the switch does not know its destination."""
    network = Network()
    far = network.point("vnet8", "vnic", "host-b", file="b.pcapng")
    here = network.point("vnet1", "vnic", "host-a", file="a.pcapng")
    always(network, here, far)
    for start, isn, places in ((START_NS, 1, (here,)), (MOVED_AT, 60_001, (here, far))):
        talk(
            network,
            WEB,
            APP,
            tuple(map(at, places)),
            (at(here),),
            segments=55,
            every_ns=SECOND,
            start_ns=start,
            isn=isn,
        )
    announce(network, here, far)
    assert movements(network) == Movements()


def test_its_own_port_falls_silent_when_it_is_announced_elsewhere(lab):
    """Only host-a is captured: web left it, and where to nobody saw."""
    network = lab.network
    lab.between_peers()
    path = (at(lab.web_a), at(lab.app))
    talk(network, WEB, APP, path, path[::-1], segments=55, every_ns=SECOND)
    path = (at(lab.up_a), at(lab.app))
    talk(network, WEB, APP, path, path[::-1], segments=55, every_ns=SECOND, start_ns=MOVED_AT, isn=60_001)
    lab.rarp(lab.up_a, lab.app, lab.db)
    (move,) = movements(network).moves[WEB.mac]
    assert (move.from_host, move.to_host) == ("host-a", None)
    assert move.left_ns <= MOVED_AT + MOVE_SLACK_NS


def test_an_announcement_without_any_interruption_is_no_move():
    network, here, there = mirrors()
    always(network, here, there)
    through(network, (here, there), (here, there))
    announce(network, here, there)
    assert movements(network) == Movements()
