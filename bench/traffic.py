"""Who says what to whom and when: conversations, their packets in order of time, and a scan."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bench.draws import draw, draw_below
from bench.endpoints import Endpoints
from bench.packets import ACK, FIN, ICMP, ICMPV6, PSH, SYN, TCP, UDP, Packets, ip_bytes
from bench.plans import Plan

T0_NS = 1_700_000_000_000_000_000
_TCP_SERVICES = np.array([443, 443, 443, 8443, 22, 445, 3306, 5432, 6379, 9092])
_UDP_SERVICES = np.array([514, 443, 8125, 11211, 1514])
_FIRST_EPHEMERAL = 32_768
_FEWEST = {TCP: 7, UDP: 2, ICMP: 2}  # a TCP conversation: three to open, one or more of data, three to close
_ICMP_PAYLOAD = 56
_ECHO, _ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}


class Traffic(Protocol):
    """What a capture shows, chunk by chunk, and the sums of it."""

    def chunks(self, packets: int) -> Iterator[Packets]:
        """All packets in the order of time, so many at once."""

    def truth(self) -> dict[str, object]:
        """Numbers that a reader of the capture has to find."""


def traffic_of(plan: Plan, endpoints: Endpoints) -> Traffic:
    """The traffic of a plan."""
    return Scan(plan, endpoints) if plan.mix == "scan" else Conversations(plan, endpoints)


@dataclass(frozen=True)
class Scan:
    """One machine asks all others for a connection, port after port, in a shuffled order; nobody answers."""

    plan: Plan
    endpoints: Endpoints

    def chunks(self, packets: int) -> Iterator[Packets]:
        """Nothing is kept, so that a scan of any length takes the memory of a chunk."""
        total = self.plan.frames
        stride = next(n for n in range(7_368_787, 7_368_787 + total) if math.gcd(n, total) == 1)
        for first in range(0, total, packets):
            number = np.arange(first, min(first + packets, total))
            shuffled = number * stride % total
            targets = self.endpoints.machines - 1
            nothing = np.zeros(number.size, np.int64)
            yield Packets(
                source=nothing,
                destination=1 + shuffled % targets,
                protocol=np.full(number.size, TCP, np.uint8),
                ip_version=np.full(number.size, 4, np.uint8),
                source_port=_FIRST_EPHEMERAL + number * 7_919 % 28_000,
                destination_port=1 + shuffled // targets,
                flags=np.full(number.size, SYN, np.uint8),
                seq=draw(self.plan.seed, 1, number.size, first).astype(np.uint32),
                ack=nothing.astype(np.uint32),
                payload_bytes=nothing,
                ip_id=number & 0xFFFF,
                conversation=number,
                time_ns=T0_NS + number * self.plan.span_ns // total,
            )

    def truth(self) -> dict[str, object]:
        """As :meth:`Conversations.truth`; the biggest conversation is as big as all others."""
        frames = self.plan.frames
        return {
            "conversations": frames,
            "five_tuples": frames,
            "connections": frames,
            "packets_by_protocol": {"tcp": frames, "udp": 0, "icmp": 0},
            "payload_bytes": [0, 0],
            "wire_bytes": [frames * 54, 0],
            "biggest": [],
        }


class Conversations:
    """Conversations whose sizes follow Zipf's law, with every packet of theirs.

    The packets stand in memory by conversation, about 60 bytes each, with the order of time beside them. ``direction``
    is 0 from the initiator to the responder, else 1.
    """

    def __init__(self, plan: Plan, endpoints: Endpoints) -> None:
        self._plan, self._endpoints = plan, endpoints
        self._agree_on_ends()
        self._agree_on_sizes()
        self._write_contents()
        self._set_times()

    def chunks(self, packets: int) -> Iterator[Packets]:
        """Columns of the next packets, gathered by the order of time."""
        for first in range(0, self._order.size, packets):
            at = self._order[first : first + packets]
            conversation = self._conversation[at].astype(np.int64)
            forward = self._direction[at] == 0
            protocol, version = self._protocol[conversation], self._ip_version[conversation]
            ordinal = at - self._start[conversation]
            echo = (protocol == ICMP) | (protocol == ICMPV6)
            near, far = self._initiator[conversation], self._responder[conversation]
            client, service = self._client_port[conversation], self._service_port[conversation]
            yield Packets(
                source=np.where(forward, near, far),
                destination=np.where(forward, far, near),
                protocol=protocol,
                ip_version=version,
                source_port=np.where(echo | forward, client, service),
                destination_port=np.where(echo, ordinal // 2 & 0xFFFF, np.where(forward, service, client)),
                flags=self._flags[at],
                seq=self._seq[at],
                ack=self._ack[at],
                payload_bytes=self._payload[at].astype(np.int64),
                ip_id=conversation * 7_919 + ordinal & 0xFFFF,
                conversation=conversation,
                time_ns=self._time[at],
            )

    def truth(self) -> dict[str, object]:
        """Counts of packets as sent, that is without the second copy that a mirror makes."""
        protocol, version = self._protocol[self._conversation], self._ip_version[self._conversation]
        wire = 14 + ip_bytes(version, protocol, self._payload.astype(np.int64))
        sides = [self._direction == side for side in (0, 1)]
        with_ports = (self._protocol == TCP) | (self._protocol == UDP)
        biggest = np.argsort(-self._packets, kind="stable")[:20]
        return {
            "conversations": int(self._protocol.size),
            "five_tuples": int(np.count_nonzero(with_ports)),
            "connections": int(np.count_nonzero(self._protocol == TCP)),
            "packets_by_protocol": {
                "tcp": int(np.count_nonzero(protocol == TCP)),
                "udp": int(np.count_nonzero(protocol == UDP)),
                "icmp": int(np.count_nonzero((protocol == ICMP) | (protocol == ICMPV6))),
            },
            "payload_bytes": [int(self._payload[side].sum(dtype=np.int64)) for side in sides],
            "wire_bytes": [int(wire[side].sum()) for side in sides],
            "biggest": [self._row(int(number), wire) for number in biggest],
        }

    def _row(self, number: int, wire: npt.NDArray[np.int64]) -> dict[str, object]:
        part = slice(int(self._start[number]), int(self._start[number] + self._packets[number]))
        sides = [self._direction[part] == side for side in (0, 1)]
        row: dict[str, object] = {"protocol": int(self._protocol[number])}
        for name, ends in (("initiator", self._initiator), ("responder", self._responder)):
            row[name] = address_text(self._endpoints, int(ends[number]), int(self._ip_version[number]))
        if row["protocol"] in (TCP, UDP):
            row["initiator_port"], row["responder_port"] = (
                int(self._client_port[number]),
                int(self._service_port[number]),
            )
        row["packets"] = [int(np.count_nonzero(side)) for side in sides]
        row["payload_bytes"] = [int(self._payload[part][side].sum(dtype=np.int64)) for side in sides]
        row["wire_bytes"] = [int(wire[part][side].sum()) for side in sides]
        return row

    def _agree_on_ends(self) -> None:
        """78 % TCP, 21 % UDP, 1 % ICMP; a tenth IPv6; 20 % with one end outside.

        A machine gives each conversation of its own another ephemeral port, so no two share a 5-tuple. An echo has no
        ports: there each pair of machines is taken once.
        """
        count, machines, seed = self._plan.conversations, self._endpoints.machines, self._plan.seed
        number = np.arange(count)
        kind = number % 100
        self._protocol = np.select([kind < 78, kind < 99], [TCP, UDP], ICMP).astype(np.uint8)
        self._ip_version = np.where(draw_below(10, seed, 1, count) == 0, 6, 4).astype(np.uint8)
        self._protocol[(self._protocol == ICMP) & (self._ip_version == 6)] = ICMPV6

        vm = number % machines
        other = (vm + 1 + draw_below(machines - 1, seed, 2, count)) % machines
        outside = self._endpoints.ipv4.size - machines
        place = draw_below(100, seed, 3, count)
        far = np.where(place < 20, machines + draw_below(outside, seed, 4, count), other)
        echo = kind == 99
        nth_echo = number // 100
        vm = np.where(echo, nth_echo % machines, vm)
        far = np.where(echo, (vm + 1 + nth_echo // machines) % machines, far)
        inbound = (place < 5) & ~echo
        self._initiator, self._responder = np.where(inbound, far, vm), np.where(inbound, vm, far)

        self._client_port = _FIRST_EPHEMERAL + number // machines
        choice = draw_below(1 << 16, seed, 5, count)
        self._service_port = np.where(
            self._protocol == TCP,
            _TCP_SERVICES[choice % _TCP_SERVICES.size],
            _UDP_SERVICES[choice % _UDP_SERVICES.size],
        )

    def _agree_on_sizes(self) -> None:
        """Every conversation its fewest packets; the rest by Zipf's law over a shuffled ranking."""
        count, total = self._plan.conversations, self._plan.packets
        fewest = np.select([self._protocol == TCP, self._protocol == UDP], [_FEWEST[TCP], _FEWEST[UDP]], _FEWEST[ICMP])
        rest = total - int(fewest.sum())
        weight = 1.0 / (np.arange(count) + 5.0)
        share = np.cumsum(weight)
        upto = np.floor(share / share[-1] * rest).astype(np.int64)
        upto[-1] = rest
        ranking = np.argsort(draw(self._plan.seed, 6, count), kind="stable")
        self._packets = fewest.astype(np.int64)
        self._packets[ranking] += np.diff(upto, prepend=0)
        self._start = np.cumsum(self._packets) - self._packets
        self._conversation = np.repeat(np.arange(count, dtype=np.int32), self._packets)

    def _write_contents(self) -> None:
        """Direction, flags, payload and sequence numbers of each packet."""
        ordinal = self._ordinal()
        left = self._packets[self._conversation] - 1 - ordinal
        protocol, six = self._protocol[self._conversation], self._ip_version[self._conversation] == 6
        tcp, echo = protocol == TCP, (protocol == ICMP) | (protocol == ICMPV6)

        size = self._sizes(ordinal.size)
        opening, closing = tcp & (ordinal < 3), tcp & (left < 3)
        small = size == 0
        header = 14 + np.where(six, 40, 20) + np.where(tcp, 20, 8)
        payload = np.where(size == 1, 590, 1_514) - header
        payload[small] = np.where(tcp[small], 0, 18)
        payload[opening | closing] = 0
        payload[echo] = _ICMP_PAYLOAD
        self._payload = payload.astype(np.uint16)
        del header, size

        # Data goes mostly from the responder; the other side acknowledges. The first data are the request.
        sender = (draw(self._plan.seed, 7, self._plan.conversations) % np.uint64(10) < 7).astype(np.uint8)
        direction = sender[self._conversation]
        direction[tcp & small] ^= 1
        coin = (draw(self._plan.seed, 8, ordinal.size) >> np.uint64(63)).astype(np.uint8)
        direction[~tcp] = coin[~tcp]
        direction[echo] = (ordinal[echo] & 1).astype(np.uint8)
        direction[ordinal == 0] = 0
        direction[tcp & ((ordinal == 2) | (ordinal == 3) | (left == 2) | (left == 0))] = 0
        direction[tcp & ((ordinal == 1) | (left == 1))] = 1
        self._direction = direction

        flags = np.where(payload > 0, PSH | ACK, ACK).astype(np.uint8)
        flags[ordinal == 0] = SYN
        flags[ordinal == 1] = SYN | ACK
        flags[(left == 2) | (left == 1)] = FIN | ACK
        for version in (4, 6):
            at = echo & (six == (version == 6))
            flags[at] = np.where(direction[at] == 0, _ECHO[version], _ECHO_REPLY[version])
        self._flags = flags
        self._number_bytes(tcp)

    def _number_bytes(self, tcp: npt.NDArray[np.bool_]) -> None:
        """TCP sequence and acknowledgement numbers: what each side has sent before, SYN and FIN one each."""
        takes = self._payload.astype(np.uint32) + ((self._flags & (SYN | FIN)) != 0)
        before = []
        for side in (0, 1):
            mine = np.where(self._direction == side, takes, np.uint32(0)).astype(np.uint32)
            sent = np.cumsum(mine, dtype=np.uint32) - mine
            first = draw(self._plan.seed, 9 + side, self._plan.conversations).astype(np.uint32)
            first -= sent[self._start]
            sent += first[self._conversation]
            before.append(sent)
        forward = self._direction == 0
        self._seq = np.where(forward, before[0], before[1])
        self._ack = np.where(forward, before[1], before[0])
        self._ack[self._start] = 0
        self._seq[~tcp] = self._ack[~tcp] = 0

    def _set_times(self) -> None:
        """Conversations begin within the first three quarters and spread their packets evenly, with jitter."""
        count, span, seed = self._plan.conversations, self._plan.span_ns, self._plan.seed
        begin = draw_below(1 << 20, seed, 11, count) * (span * 3 // 4 >> 20)
        begin[0] = 0
        step = (span - begin >> 20) * ((1 << 17) + draw_below(7 << 17, seed, 12, count)) // self._packets
        step = np.maximum(step, 1)
        time = self._ordinal() * step[self._conversation]
        jitter = draw(seed, 13, time.size).view(np.int64) & 0x3FFF
        time += jitter * step[self._conversation] >> 14
        time += begin[self._conversation]
        self._order = np.argsort(time, kind="stable").astype(np.int32)
        time += T0_NS
        self._time = time

    def _ordinal(self) -> npt.NDArray[np.int64]:
        return np.arange(self._conversation.size) - self._start[self._conversation]

    def _sizes(self, count: int) -> npt.NDArray[np.uint8]:
        """0 small, 1 medium, 2 large, by the weights of the plan."""
        table = np.repeat(np.arange(3, dtype=np.uint8), self._plan.sizes)
        return table[draw_below(table.size, self._plan.seed, 14, count)]


def address_text(endpoints: Endpoints, index: int, ip_version: int) -> str:
    """An endpoint's address as people write it."""
    if ip_version == 4:
        return str(ipaddress.IPv4Address(int(endpoints.ipv4[index])))
    return str(ipaddress.IPv6Address(endpoints.ipv6[index].tobytes()))
