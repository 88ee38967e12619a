"""The choice of frames for names, against a plain Python one with exact keys."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from flowmap.capture.choosing import FrameChooser
from flowmap.kernels.choose import new_choice
from flowmap.packets import (
    ACK,
    COLUMNS,
    FIRST_FRAGMENT,
    LATER_FRAGMENT,
    SYN,
    TCP,
    UDP,
    PacketBatch,
    batch_of,
    ip_halves,
)
from flowmap.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
"""Hashes wrap around; NumPy warns of it only where the kernels are not compiled."""

A, B, C = (ip_halves(text) for text in ("10.0.0.1", "10.0.0.2", "2001:db8::3"))
SEGMENTS, CONVERSATIONS = 4, 8


def packet(
    protocol: int = TCP, source: Any = A, sport: int = 40000, destination: Any = B, dport: int = 80, **more: Any
):
    """One row: a payload of 100 bytes unless said otherwise."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, 0)
    row |= {"src_ip": source, "dst_ip": destination, "src_port": sport, "dst_port": dport, "protocol": protocol}
    row |= {"ip_version": 4, "payload_bytes": 100, "captured_bytes": 150, "tcp_flags": ACK if protocol == TCP else -1}
    return row | more


def batch(packets: list[dict[str, Any]]) -> PacketBatch:
    """The rows as a batch, with a hash of their own where none is stated."""
    rows = [row | {"frame_number": n + 1, "packet_hash": row["packet_hash"] or n + 1} for n, row in enumerate(packets)]
    return batch_of({name: [row[name] for row in rows] for name in COLUMNS})


def chosen(packets: list[dict[str, Any]], **settings: Any) -> list[int]:
    return FrameChooser(Settings(**settings)).choose(batch(packets))[0].tolist()


class Plain:
    """The same choice with dictionaries; budgets are so large that they never bind."""

    def __init__(self, most_services: int) -> None:
        self.most_services = most_services
        self.given: Counter[Any] = Counter()
        self.last: dict[Any, tuple[int, int]] = {}
        self.roles: dict[Any, int] = {}
        self.services: Counter[Any] = Counter()
        self.servers: set[Any] = set()

    def takes(self, row: dict[str, Any]) -> int | None:
        """None, or what ``to_server`` says."""
        if row["protocol"] not in (TCP, UDP) or row["fragment"] == LATER_FRAGMENT or row["ip_version"] == 0:
            return None
        source = (row["protocol"], row["src_ip"], row["src_port"])
        destination = (row["protocol"], row["dst_ip"], row["dst_port"])
        if row["payload_bytes"] == 0:
            if row["protocol"] == TCP and row["tcp_flags"] & SYN:
                server, client = (source, destination) if row["tcp_flags"] & ACK else (destination, source)
                if server[2] > client[2] and len(self.servers) < self.most_services:
                    self.servers.add(server)
            return None
        if self.is_about_names(row):
            return -1
        return self.sampled(row, source, destination)

    @staticmethod
    def is_about_names(row: dict[str, Any]) -> bool:
        source, destination = row["src_port"], row["dst_port"]
        if row["protocol"] == TCP:
            return source == 53
        return bool(source in (53, 5353, 5355, 137, 138) or destination in (5353, 137, 138, 67, 68, 546, 547, 514))

    def sampled(self, row: dict[str, Any], source: Any, destination: Any) -> int | None:
        key, back = (source, destination), (destination, source)
        if key not in self.roles:
            lower = destination[2] <= source[2]
            known = (source if lower else destination) in self.servers and source[2] != destination[2]
            to_server = int(lower != known)
            service = destination if to_server else source
            if self.services[service] == CONVERSATIONS:
                return None
            if not self.services[service] and sum(map(bool, self.services.values())) == self.most_services:
                return None
            self.services[service] += 1
            self.roles[key] = to_server
            self.roles.setdefault(back, 1 - to_server)
        seen = (row["point"], row["packet_hash"])
        if self.given[key] == SEGMENTS or (
            self.given[key] and (seen == self.last[key] or seen[0] != self.last[key][0])
        ):
            return None
        self.given[key] += 1
        self.last[key] = seen
        return self.roles[key]


def random_packets(seed: int, count: int) -> list[dict[str, Any]]:
    """Few hosts and ports, so that conversations, services, copies and collisions of roles are frequent."""
    draw = random.Random(seed)
    hosts = [ip_halves(f"10.0.0.{n}") for n in range(1, 6)] + [ip_halves(f"2001:db8::{n}") for n in range(1, 4)]
    ports = [53, 67, 68, 80, 123, 137, 138, 443, 514, 546, 547, 5353, 5355, *range(40000, 40030)]
    packets = []
    for number in range(count):
        protocol = draw.choice((TCP, TCP, UDP, 1, 132))
        ported = protocol != 1
        packets.append(
            packet(
                protocol,
                draw.choice(hosts),
                draw.choice(ports) if ported else -1,
                draw.choice(hosts),
                draw.choice(ports) if ported else -1,
                payload_bytes=draw.choice((0, 1, 100, 1400)),
                tcp_flags=draw.choice((SYN, SYN | ACK, ACK, ACK)) if protocol == TCP else -1,
                fragment=draw.choice((0, 0, 0, 0, FIRST_FRAGMENT, LATER_FRAGMENT)),
                ip_version=draw.choice((4, 6, 6, 6, 0)),
                point=draw.choice((0, 0, 1)),
                packet_hash=draw.choice((number + 1, max(number, 1))) | draw.getrandbits(31) << 33,
            )
        )
    return packets


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("most_services", [3, 1000])
def test_equal_to_plain_python_over_batches(seed, most_services):
    packets = random_packets(seed, 1200)
    plain = Plain(most_services)
    expected = [(row, plain.takes(one)) for row, one in enumerate(packets)]
    chooser = FrameChooser(Settings(name_services=most_services))
    found = []
    for start in range(0, len(packets), 150):
        rows, to_server = chooser.choose(batch(packets[start : start + 150]))
        found += zip((rows + start).tolist(), to_server.tolist(), strict=True)
    assert found == [(row, role) for row, role in expected if role is not None]
    assert len({role for _, role in found}) == 3


def test_four_payload_segments_of_each_direction():
    there = [packet() for _ in range(6)]
    back = [packet(TCP, B, 80, A, 40000) for _ in range(6)]
    assert chosen(there + back) == [0, 1, 2, 3, 6, 7, 8, 9]


def test_acknowledgements_without_payload_are_passed_over():
    assert chosen([packet(payload_bytes=0), packet(), packet(payload_bytes=0)]) == [1]


def test_copies_of_a_segment_do_not_count():
    copies = [packet(packet_hash=7), packet(packet_hash=7), packet(packet_hash=8, point=1), packet(packet_hash=8)]
    assert chosen(copies) == [0, 3]


def test_eight_conversations_of_a_service():
    assert chosen([packet(sport=40000 + n) for n in range(20)]) == list(range(8))


def test_services_are_bounded():
    assert chosen([packet(dport=n) for n in range(80, 100)], name_services=5) == list(range(5))


def test_a_syn_or_its_answer_tells_the_server():
    syn = packet(sport=1000, dport=50000, tcp_flags=SYN, payload_bytes=0)
    answer = packet(TCP, C, 50000, A, 1000, tcp_flags=SYN | ACK, payload_bytes=0)
    requests = [packet(sport=1000, dport=50000), packet(sport=1000, destination=C, dport=50000)]
    rows, to_server = FrameChooser(Settings()).choose(batch([syn, answer, *requests]))
    assert (rows.tolist(), to_server.tolist()) == ([2, 3], [1, 1])
    assert FrameChooser(Settings()).choose(batch(requests))[1].tolist() == [0, 0]


def test_a_flood_of_one_kind_leaves_the_others_their_share():
    flood = [packet(UDP, A, 53, B, 40000) for _ in range(2000)]
    rest = [
        packet(UDP, A, 68, B, 67), packet(UDP, A, 137, B, 137), packet(UDP, A, 5353, C, 5353),
        packet(UDP, A, 40000, B, 514), packet(TCP, A, 40000, B, 443),
    ]  # fmt: skip
    found = chosen(flood + rest, name_frames=320)
    assert found[-5:] == [2000, 2001, 2002, 2003, 2004]
    assert found[:40] == list(range(40)), "the first half of a share of 80 goes at once"
    assert len(found) - 5 < 80 and found[-6] > 1000, "the other half is spread over what follows"


def test_what_is_left_out_is_counted():
    chooser = FrameChooser(Settings(name_frames=320))
    rows, _ = chooser.choose(batch([packet(UDP, A, 53, B, 40000) for _ in range(500)]))
    assert len(rows) + chooser.left_out == 500 and chooser.left_out > 300
    chooser = FrameChooser(Settings())
    chooser.choose(batch([packet(sport=40000 + n) for n in range(20)] + [packet(UDP, A, 53, B, 40000)]))
    assert chooser.left_out == 0


def test_questions_count_as_payload_of_their_service():
    questions = [packet(UDP, A, 40000 + n, B, 53) for n in range(20)]
    assert chosen(questions) == list(range(8))


def test_the_budget_in_bytes_holds():
    answers = [packet(UDP, A, 53, B, 40000, captured_bytes=1000) for _ in range(100)]
    assert len(chosen(answers, name_bytes=32_000)) == 8, "a quarter belongs to answers"
    assert chosen(answers, name_frames=0) == []


def test_links_stand_between_the_others_in_order():
    packets = [packet(), packet(0, ip_version=0), packet(), packet(0, ip_version=0)]
    rows, to_server = FrameChooser(Settings()).choose(batch(packets), np.array([1, 3]))
    assert (rows.tolist(), to_server.tolist()) == ([0, 1, 2, 3], [1, -1, 1, -1])


def test_memory_is_bounded():
    choice = new_choice(10**9, 10**12, 1 << 17)
    assert sum(array.nbytes for array in choice) <= 16 << 20


def test_a_full_table_stays_full():
    """More conversations than the memory holds: the oldest stay, nothing grows, and what is known goes on."""
    packets = [packet(sport=1024 + n, dport=80 + n % 7) for n in range(3000)]
    found = chosen(packets, name_frames=320)
    assert len(found) <= 140 and found == sorted(found)
