"""What the machines of an estate send, and where each packet passes: columns, no bytes yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.draws import draw, draw_below
from bench.estate import START_NS, Estate, Machine, Point, port_name
from bench.packets import ACK, PSH, SYN

Integers = npt.NDArray[np.int64]

GATEWAY_MAC = 0x001B210E0001
"""The physical router's, a network card of its own."""
DISTRIBUTED_MAC = 0x025056564452
"""The router's that VMware puts into every host."""
HEADER_BYTES = 14 + 20 + 20
_OUTSIDE_TTL = 55
_WIRE_NS = 120_000
_FIRST_EPHEMERAL = 32_768


@dataclass(frozen=True)
class Sent:
    """Packets as their senders made them: one array a column, sorted by talk and time."""

    talk: Integers
    is_answer: npt.NDArray[np.bool_]
    payload: Integers
    flags: Integers
    seq: Integers
    ack: Integers
    ip_id: Integers
    time_ns: Integers

    @property
    def wire_bytes(self) -> Integers:
        """Ethernet header and IP length, as FlowMap counts."""
        return HEADER_BYTES + self.payload


@dataclass(frozen=True)
class Seen:
    """Packets as capture points saw them: a packet of ``Sent`` by its number, and what is not the sender's own."""

    packet: Integers
    point: Integers
    vlan: Integers
    source_mac: Integers
    target_mac: Integers
    ttl: Integers
    time_ns: Integers


def packets_of(estate: Estate) -> Sent:
    """Three packets of a handshake, then data each way, spread by the shape of the day."""
    talks = estate.talks
    first = np.array([talk.first_s for talk in talks])
    last = np.array([talk.last_s for talk in talks])
    number, answer, payload, share = [], [], [], []
    for is_answer in (False, True):
        total = np.array([talk.answered if is_answer else talk.sent for talk in talks], np.int64)
        segment = np.array([talk.segment_bytes for talk in talks], np.int64)
        count = np.maximum(np.array([talk.fewest for talk in talks], np.int64), -(-total // segment))
        count = np.where(total == 0, 0, count)
        of = np.repeat(np.arange(len(talks)), count)
        nth = np.arange(of.size) - np.repeat(np.cumsum(count) - count, count)
        jitter = draw_below(1 << 16, estate.seed, 20 + is_answer, of.size) / (1 << 16)
        number.append(of)
        answer.append(np.full(of.size, is_answer))
        payload.append(total[of] // count[of] + (nth < total[of] % count[of]))
        share.append((nth + jitter) / count[of])
    day = _Day(estate)
    when = day.between(first[np.concatenate(number)] + 0.01, last[np.concatenate(number)], np.concatenate(share))
    every = np.arange(len(talks))
    talk = np.concatenate([np.tile(every, 3), *number])
    is_answer_of = np.concatenate(
        [np.zeros(len(talks), bool), np.ones(len(talks), bool), np.zeros(len(talks), bool), *answer]
    )
    flags = np.concatenate([np.repeat([SYN, SYN | ACK, ACK], len(talks)), np.full(when.size, PSH | ACK)])
    size = np.concatenate([np.zeros(3 * len(talks), np.int64), *payload])
    opening = np.concatenate([first + step for step in (0.0, 0.0004, 0.0008)])
    time_ns = START_NS + (np.concatenate([opening, when]) * 1e9).astype(np.int64)
    order = np.lexsort((time_ns, talk))
    talk, flags, size, time_ns = (one[order] for one in (talk, flags, size, time_ns))
    is_answer_of = is_answer_of[order]
    seq, ack = _numbered(estate, talk, is_answer_of, flags, size)
    ip_id = draw(estate.seed, 30, talk.size).astype(np.int64) & 0xFFFF
    return Sent(talk, is_answer_of, size, flags, seq, ack, np.maximum(ip_id, 1), time_ns)


def client_ports(count: int) -> Integers:
    """One a talk; two talks of one client and service never have the same."""
    return _FIRST_EPHEMERAL + np.arange(count, dtype=np.int64) % 28_000


def _numbered(
    estate: Estate, talk: Integers, is_answer: npt.NDArray[np.bool_], flags: Integers, size: Integers
) -> tuple[Integers, Integers]:
    """TCP numbers: what each side has sent before, a SYN being one."""
    takes = size + ((flags & SYN) != 0)
    starts = np.flatnonzero(np.diff(talk, prepend=-1))
    length = np.diff(np.append(starts, talk.size))
    before = []
    for side in (False, True):
        mine = np.where(is_answer == side, takes, 0)
        sent = np.cumsum(mine) - mine
        first = (draw(estate.seed, 40 + side, starts.size) >> np.uint64(32)).astype(np.int64)
        before.append(sent + np.repeat(first - sent[starts], length) & 0xFFFF_FFFF)
    ack = np.where(is_answer, before[0], before[1])
    ack[starts] = 0
    return np.where(is_answer, before[1], before[0]), ack


class _Day:
    """How busy each moment is: a morning that rises, a dip at noon, and bursts of some minutes."""

    _STEPS = 720

    def __init__(self, estate: Estate) -> None:
        at = np.arange(self._STEPS) / self._STEPS
        rise = 0.55 + 0.35 * np.sin(np.pi * at) - 0.25 * np.exp(-(((at - 0.42) / 0.09) ** 2))
        burst = draw_below(1_000, estate.seed, 50, self._STEPS // 8) / 1_000
        busy = rise * (0.8 + 0.4 * np.repeat(burst, 8))
        self._clock = np.linspace(0, estate.span_s, self._STEPS + 1)
        self._done = np.concatenate([[0], np.cumsum(busy / busy.sum())])

    def between(self, first: Any, last: Any, share: Any) -> npt.NDArray[np.float64]:
        """The moment when a share of what happens between two moments has happened."""
        low, high = (np.interp(moment, self._clock, self._done) for moment in (first, last))
        when: npt.NDArray[np.float64] = np.interp(low + share * (high - low), self._done, self._clock)
        return when


def sightings_of(estate: Estate, points: list[Point], sent: Sent) -> Seen:
    """Where each packet passes, as the wiring has it.

    At most four places: the sender's side of the vSwitch, the uplink out, the uplink in, the receiver's side.
    """
    machines = list(dict.fromkeys(end for talk in estate.talks for end in (talk.client, talk.server)))
    index = {machine: number for number, machine in enumerate(machines)}
    ends = np.array([[index[talk.client], index[talk.server]] for talk in estate.talks])
    side = sent.is_answer.astype(np.int64)
    sender, receiver = ends[sent.talk, side], ends[sent.talk, 1 - side]
    places = _Places(points, machines, estate)
    mac, vlan = (np.array([getattr(one, name) for one in machines], np.int64) for name in ("mac", "vlan"))

    here, there = places.host(sender, sent.time_ns), places.host(receiver, sent.time_ns)
    by_gateway = np.array([talk.by_gateway for talk in estate.talks])[sent.talk]
    outside = vlan < 0
    beyond = outside[sender] | outside[receiver]
    stray = ~beyond & ((here < 0) | (there < 0)) | (estate.recorded == "stray")
    inside = (here == there) & ~by_gateway & ~beyond & ~stray
    routed = (vlan[sender] != vlan[receiver]) & ~stray
    router = np.where(inside, DISTRIBUTED_MAC, GATEWAY_MAC)
    rows = []

    def pass_by(where: npt.NDArray[np.bool_], point: Integers, is_before: bool, delay_ns: int) -> None:
        """Some packets pass a point, before or after they were routed."""
        some = np.flatnonzero(where)
        tag = (vlan[sender] if is_before else vlan[receiver])[some]
        source = mac[sender[some]] if is_before else np.where(routed, router, mac[sender])[some]
        target = np.where(routed, router, mac[receiver])[some] if is_before else mac[receiver[some]]
        left = np.where(outside[sender[some]], _OUTSIDE_TTL, 64) - (0 if is_before else routed[some].astype(int))
        rows.append((some, point[some], tag, source, target, left, sent.time_ns[some] + delay_ns))

    leaves, comes = ~inside & ~stray & ~outside[sender], ~inside & ~stray & ~outside[receiver]
    missed = places.is_missed(sent, here, leaves), places.is_missed(sent, there, comes)
    pass_by((inside | leaves) & ~missed[0], places.inner(sender, here), True, 0)
    pass_by(leaves, places.uplink(here), True, 5_000)
    pass_by(comes, places.uplink(there), False, 5_000 + _WIRE_NS)
    second = inside & (routed | (estate.recorded == "ports"))
    pass_by((second | comes) & ~missed[1], places.inner(receiver, there), False, 10_000 + _WIRE_NS)
    pass_by(stray, np.full(sender.size, len(points) - 1), True, 0)
    columns = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    return places.with_copies(Seen(*columns))


class _Places:
    """Numbers of hosts and points."""

    def __init__(self, points: list[Point], machines: list[Machine], estate: Estate) -> None:
        self._estate, self._points = estate, points
        self._hosts = list(estate.clusters)
        number = {host: n for n, host in enumerate(self._hosts)}
        at = {
            (point.host, point.interface if point.role == "vnic" else point.role): n for n, point in enumerate(points)
        }
        self._before = np.array([number.get(one.host or "", -1) for one in machines])
        self._after = np.array([number.get(one.last_host or "", -1) for one in machines])
        move_s = [one.moves_to[1] if one.moves_to else estate.span_s * 2 for one in machines]
        self._move_ns = START_NS + (np.array(move_s) * 1e9).astype(np.int64)
        self._uplinks = np.array([at.get((host, "uplink"), -1) for host in self._hosts] + [-1])
        self._mirrors = np.array([at.get((host, "mirror"), -1) for host in self._hosts] + [-1])
        self._ports = np.full((len(machines), len(self._hosts) + 1), -1)
        if estate.recorded == "ports":
            for row, one in enumerate(machines):
                for host in (one.host, one.last_host):
                    if host:
                        self._ports[row, number[host]] = at[host, port_name(estate, host, one)]

    def host(self, machine: Integers, time_ns: Integers) -> Integers:
        """Number of the host that a machine is on at a time; -1 for none."""
        return np.where(time_ns < self._move_ns[machine], self._before[machine], self._after[machine])

    def inner(self, machine: Integers, host: Integers) -> Integers:
        """The point that sees what a machine sends or gets inside its host."""
        return self._ports[machine, host] if self._estate.recorded == "ports" else self._mirrors[host]

    def uplink(self, host: Integers) -> Integers:
        """The uplink of a host."""
        return self._uplinks[host]

    def is_missed(self, sent: Sent, host: Integers, crosses: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Answers that a mirror of one direction does not show."""
        numbers = [self._hosts.index(name) for name in self._estate.one_way]
        missed: npt.NDArray[np.bool_] = crosses & sent.is_answer & np.isin(host, numbers) & (sent.talk % 8 == 3)
        return missed

    def with_copies(self, seen: Seen) -> Seen:
        """Some mirrors write everything twice."""
        twice = [
            n for n, point in enumerate(self._points) if point.host in self._estate.twice and point.role == "mirror"
        ]
        if not twice:
            return seen
        again = np.flatnonzero(np.isin(seen.point, twice))
        columns = {name: np.concatenate([column, column[again]]) for name, column in vars(seen).items()}
        columns["time_ns"][-again.size :] += 40_000
        return Seen(**columns)
