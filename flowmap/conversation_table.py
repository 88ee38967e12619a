"""The plain table of conversations, without judging: what flow tools make, with every packet counted once.

Most conversations have one leg in each direction, so that nothing is to be decided about them: these are taken column
by column. The others, seen at several points or split by link, go the way of all conversations that are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TextIO

import numpy as np
import numpy.typing as npt

from flowmap.conversations import Conversation, OnceCounter, conversations_of, first_leg, is_for_one_link
from flowmap.leg_columns import LegColumns
from flowmap.legs import Leg
from flowmap.packets import NO_TIME, TCP, ip_text
from flowmap.reading import Reading
from flowmap.twins import Twins, clock_offsets, flows_of

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class ConversationRow(NamedTuple):
    """One conversation. Ports are -1 and times "" where there are none; ``connections`` counts initial SYNs."""

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
    first_seen_ns: int | str
    last_seen_ns: int | str


@dataclass(slots=True)
class ConversationTable:
    """Conversations in order of their first packet, one array a fact.

    Attributes
    ----------
    protocol, connections : int64 (n,)
    addresses : uint64 (n, 2, 2)
        The halves of the initiator's address, then of the responder's.
    ports : int64 (n, 2)
        The initiator's, then the responder's; -1 where the protocol has none.
    packets, wire_bytes, payload_bytes : int64 (n, 2)
        To the responder, then to the initiator.
    first_seen_ns, last_seen_ns : int64 (n,)
        ``NO_TIME`` where no packet had one.
    """

    protocol: Numbers
    addresses: npt.NDArray[np.uint64]
    ports: Numbers
    packets: Numbers
    wire_bytes: Numbers
    payload_bytes: Numbers
    connections: Numbers
    first_seen_ns: Numbers
    last_seen_ns: Numbers

    def __len__(self) -> int:
        return len(self.protocol)

    def at(self, chosen: Numbers) -> ConversationTable:
        """The conversations of these numbers, in this order."""
        return ConversationTable(*(getattr(self, one.name)[chosen] for one in fields(self)))

    def largest(self, count: int) -> ConversationTable:
        """Those with most wire bytes, the earlier one first where they are equal."""
        return self.at(np.argsort(-self.wire_bytes.sum(axis=1), kind="stable")[:count])

    def columns(self) -> list[list[Any]]:
        """The fields of :class:`ConversationRow`, one list each."""
        initiator, responder = _address_texts(self.addresses)
        initiator_port, responder_port = self.ports.T.tolist()
        sums = [column for pair in (self.packets, self.wire_bytes, self.payload_bytes) for column in pair.T.tolist()]
        times = [_known(times) for times in (self.first_seen_ns, self.last_seen_ns)]
        return [
            self.protocol.tolist(), initiator, initiator_port, responder, responder_port,
            *sums, self.connections.tolist(), *times,
        ]  # fmt: skip

    def rows(self) -> list[ConversationRow]:
        """The same as rows."""
        return list(map(ConversationRow, *self.columns()))


def conversation_table(reading: Reading) -> ConversationTable:
    """The conversations of a reading.

    Address domains are not told apart: that needs the rest of the map.
    """
    legs = reading.legs.legs
    if not isinstance(legs, LegColumns):
        return _of_conversations(_counted_once(legs, reading))
    ways = _one_leg_a_way(legs)
    is_left = np.ones(len(legs), dtype=np.bool_)
    is_left[ways[ways >= 0]] = False
    left = np.flatnonzero(is_left)
    table = _of_legs(legs, ways)
    if not len(left):
        return table  # in order already
    conversations = _counted_once(legs.objects(left), reading)
    first_legs = np.where(ways < 0, len(legs), ways).min(axis=1), left[[first_leg(one) for one in conversations]]
    return _joined(table, _of_conversations(conversations)).at(np.argsort(np.concatenate(first_legs)))


def write_csv(table: ConversationTable, stream: TextIO) -> None:
    """One line a conversation below a line of names.

    As the csv module writes it, only faster: numbers and addresses need no quotes, and nothing else is in it.
    """
    line = ",".join(["%s"] * len(ConversationRow._fields)) + "\r\n"
    stream.write(line % ConversationRow._fields)
    stream.writelines(map(line.__mod__, zip(*table.columns(), strict=True)))


def _counted_once(legs: Sequence[Leg], reading: Reading) -> list[Conversation]:
    """Conversations of any kind.

    Legs without a second one in their direction have no twins, so clocks and counts are the same without them.
    """
    flows, files = flows_of(legs), [point.key.file for point in reading.registry.points]
    twins = Twins(legs, flows)
    counter = OnceCounter(legs, twins, files, clock_offsets(legs, twins, files), reading.legs.slice_ns)
    return conversations_of(legs, flows, [""] * len(legs), counter)


def _one_leg_a_way(legs: LegColumns) -> Numbers:
    """The conversations that have one leg in a direction at most, in order of their first legs.

    Two legs between addresses that are good on one link only may be two conversations, so these are left out.

    Returns
    -------
    int64 (conversations, 2)
        Numbers of the forward and the backward leg, -1 where there is none.
    """
    order, starts = _side_by_side(legs.protocol, legs.low_port, legs.high_port, *legs.low_ip.T, *legs.high_ip.T)
    sizes = np.diff(np.append(starts, len(order)))
    first = order[starts]
    on_one_link = is_for_one_link(*legs.low_ip[first].T) | is_for_one_link(*legs.high_ip[first].T)
    pairs = (sizes == 2) & ~on_one_link
    second = np.full(len(first), -1)
    second[pairs] = order[starts[pairs] + 1]
    chosen = (sizes == 1) | (pairs & (legs.forward[first] != legs.forward[second]))
    in_order = np.flatnonzero(chosen)[np.argsort(first[chosen])]
    first, second = first[in_order], second[in_order]
    goes_up = legs.forward[first]
    return np.stack([np.where(goes_up, first, second), np.where(goes_up, second, first)], axis=1)


def _side_by_side(*columns: npt.NDArray[Any]) -> tuple[Numbers, Numbers]:
    """An order in which equal rows stand side by side, themselves in their old order, and where each group starts."""
    varying = [columns[0], *(column for column in columns[1:] if (column != column[:1]).any())]  # fewer are quicker
    order = np.lexsort(varying)
    differs = np.zeros(len(order), dtype=np.bool_)
    differs[:1] = True
    for column in varying:
        differs[1:] |= np.diff(column[order]) != 0
    return order, np.flatnonzero(differs)


def _of_legs(legs: LegColumns, ways: Numbers) -> ConversationTable:
    """The table of conversations that have one leg in a direction at most, see :func:`_one_leg_a_way`."""
    absent, either = ways < 0, ways.max(axis=1)

    def both(column: npt.NDArray[Any], missing: int = 0) -> Numbers:
        return np.where(absent, missing, column[ways])

    protocol, ports = legs.protocol[either], np.stack([legs.low_port[either], legs.high_port[either]], axis=1)
    first_seen, syns = both(legs.first_seen_ns, NO_TIME), both(legs.syn_count)
    return _from_initiator(
        _low_starts(protocol, ports, first_seen, ~absent, syns > 0, both(legs.has_syn_ack) > 0),
        protocol=protocol,
        addresses=np.stack([legs.low_ip[either], legs.high_ip[either]], axis=1),
        ports=ports,
        packets=both(legs.packets),
        wire_bytes=both(legs.wire_bytes),
        payload_bytes=both(legs.payload_bytes),
        connections=syns.max(axis=1),
        # NO_TIME is less than any time
        first_seen_ns=np.where((first_seen == NO_TIME).any(axis=1), first_seen.max(axis=1), first_seen.min(axis=1)),
        last_seen_ns=both(legs.last_seen_ns, NO_TIME).max(axis=1),
    )


def _low_starts(
    protocol: Numbers, ports: Numbers, first_seen: Numbers, present: Flags, syn: Flags, syn_ack: Flags
) -> Flags:
    """Whether the low end opened each conversation, by the rule that ``conversations.py`` has for single ones.

    All but the protocol are (n, 2): the low and the high end, the forward and the backward leg.
    """
    is_tcp, (low_port, high_port) = protocol == TCP, ports.T
    low_said_so, high_said_so = is_tcp & (syn[:, 0] | syn_ack[:, 1]), is_tcp & (syn[:, 1] | syn_ack[:, 0])
    one_server_port = (ports.min(axis=1) >= 0) & (ports.min(axis=1) < 32_768) & (ports.max(axis=1) >= 32_768)
    no_times = (first_seen == NO_TIME).any(axis=1)
    return np.select(
        [low_said_so, high_said_so, one_server_port, no_times],
        [np.True_, np.False_, low_port > high_port, present[:, 0]],
        first_seen[:, 0] <= first_seen[:, 1],
    )


def _of_conversations(conversations: Sequence[Conversation]) -> ConversationTable:
    """The table of conversations that are objects."""
    ends = [(one.five_tuple.low, one.five_tuple.high) for one in conversations]
    ways = [(one.forward, one.backward) for one in conversations]

    def pairs(values: list[tuple[int, int]]) -> Numbers:
        return np.array(values, dtype=np.int64).reshape(-1, 2)

    def numbers(name: str) -> Numbers:
        return np.array([getattr(one, name) for one in conversations], dtype=np.int64)

    return _from_initiator(
        np.array([one.initiator_is_low for one in conversations], dtype=np.bool_),
        protocol=np.array([one.five_tuple.protocol for one in conversations], dtype=np.int64),
        addresses=np.array([(low[0], high[0]) for low, high in ends], dtype=np.uint64).reshape(-1, 2, 2),
        ports=pairs([(low[1], high[1]) for low, high in ends]),
        packets=pairs([(there.packets, back.packets) for there, back in ways]),
        wire_bytes=pairs([(there.wire_bytes, back.wire_bytes) for there, back in ways]),
        payload_bytes=pairs([(there.payload_bytes, back.payload_bytes) for there, back in ways]),
        connections=numbers("connections"),
        first_seen_ns=numbers("first_seen_ns"),
        last_seen_ns=numbers("last_seen_ns"),
    )


def _from_initiator(low_starts: Flags, **facts: npt.NDArray[Any]) -> ConversationTable:
    """The table whose pairs start with the initiator; those given start with the low end."""
    for name, pairs in facts.items():
        if pairs.ndim > 1:
            is_turned = ~low_starts.reshape(-1, *[1] * (pairs.ndim - 1))
            facts[name] = np.where(is_turned, pairs[:, ::-1], pairs)
    return ConversationTable(**facts)


def _joined(*tables: ConversationTable) -> ConversationTable:
    names = (one.name for one in fields(ConversationTable))
    return ConversationTable(*(np.concatenate([getattr(table, name) for table in tables]) for name in names))


def _address_texts(addresses: npt.NDArray[np.uint64]) -> list[list[str]]:
    """The texts of the initiators and of the responders; each address is written once."""
    halves = addresses.reshape(-1, 2)
    order, starts = _side_by_side(halves[:, 1], halves[:, 0])
    texts = [ip_text(*pair) for pair in halves[order[starts]].tolist()]
    every = np.empty(len(halves), dtype=object)
    every[order] = np.repeat(np.array(texts, dtype=object), np.diff(np.append(starts, len(order))))
    initiators, responders = every.reshape(-1, 2).T.tolist()
    return [initiators, responders]


def _known(times: Numbers) -> list[int | str]:
    return ["" if time_ns == NO_TIME else time_ns for time_ns in times.tolist()]
