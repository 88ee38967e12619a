"""The plain table of conversations, without judging: what flow tools make, with every packet counted once."""

from __future__ import annotations

import csv
from functools import lru_cache
from typing import NamedTuple, TextIO

from flowmap.conversations import Conversation, OnceCounter, conversations_of
from flowmap.legs import End
from flowmap.packets import NO_TIME, ip_text
from flowmap.reading import Reading
from flowmap.twins import Twins, clock_offsets, flows_of


class ConversationRow(NamedTuple):
    """One conversation. Ports are -1 and times None where there are none; ``connections`` counts initial SYNs."""

    protocol: int
    initiator_ip: str
    initiator_port: int
    responder_ip: str
    responder_port: int
    packets_to_responder: int
    packets_to_initiator: int
    wire_bytes_to_responder: int
    wire_bytes_to_initiator: int
    payload_bytes_to_responder: int
    payload_bytes_to_initiator: int
    connections: int
    first_seen_ns: int | None
    last_seen_ns: int | None

    @property
    def wire_bytes(self) -> int:
        """Both directions."""
        return self.wire_bytes_to_responder + self.wire_bytes_to_initiator


def conversation_rows(reading: Reading) -> list[ConversationRow]:
    """The conversations of a reading in order of their first packet.

    Address domains are not told apart: that needs the rest of the map.
    """
    legs = reading.legs.legs
    flows, files = flows_of(legs), [point.key.file for point in reading.registry.points]
    twins = Twins(legs, flows)
    counter = OnceCounter(legs, twins, files, clock_offsets(legs, twins, files), reading.legs.slice_ns)
    return [_row(one) for one in conversations_of(legs, flows, [""] * len(legs), counter)]


def _row(one: Conversation) -> ConversationRow:
    ends, ways = (one.five_tuple.low, one.five_tuple.high), (one.forward, one.backward)
    if not one.initiator_is_low:
        ends, ways = (ends[1], ends[0]), (ways[1], ways[0])
    (initiator_ip, initiator_port), (responder_ip, responder_port) = _shown(ends[0]), _shown(ends[1])
    there, back = ways
    return ConversationRow(
        one.five_tuple.protocol, initiator_ip, initiator_port, responder_ip, responder_port,
        there.packets, back.packets, there.wire_bytes, back.wire_bytes, there.payload_bytes, back.payload_bytes,
        one.connections, _known(one.first_seen_ns), _known(one.last_seen_ns),
    )  # fmt: skip


@lru_cache(maxsize=1 << 16)
def _address(halves: tuple[int, int]) -> str:
    return ip_text(*halves)


def _shown(end: End) -> tuple[str, int]:
    return _address(end[0]), end[1]


def _known(time_ns: int) -> int | None:
    return None if time_ns == NO_TIME else time_ns


def write_csv(rows: list[ConversationRow], stream: TextIO) -> None:
    """One line a conversation below a line of names; nothing in it was written by a packet but numbers."""
    writer = csv.writer(stream)
    writer.writerow(ConversationRow._fields)
    writer.writerows(rows)
