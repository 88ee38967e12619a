"""Which frames can hold names or tell an application, chosen from columns alone.

Always: what answers, registers or announces names (DNS answers, mDNS, LLMNR, NetBIOS, DHCP, syslog), each kind within
its own share of the budget, so that a flood of one cannot starve the rest. Else: the first payload segments of a few
conversations of each service. A question for a name names nobody and counts as the payload of its service.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowmap.kernels import entry, kernel
from flowmap.kernels.arrays import Int8, Int64, Rows
from flowmap.kernels.frames import Frames
from flowmap.packets import ACK, LATER_FRAGMENT, SYN, TCP, UDP

Number = int | np.int64
"""An int64 where the kernel is compiled."""

DNS, LOCAL_NAMES, NETBIOS, DHCP, SYSLOG, LINKS, PAYLOAD, CLASSES = range(8)
_SHARES = (8, 2, 2, 4, 1, 1, 14)
"""Shares of the classes in the budget, in thirty-seconds."""

SEGMENTS, CONVERSATIONS = 4, 8
"""Payload segments of one direction, and conversations of one service, that are handed over."""

_MOST_PROBES = 16
"""Slots looked at before a key counts as absent: keys that an attacker made to collide cost no more."""

_SAMPLED_BITS = 1 << 19

BUDGET_FRAMES, LEFT_FRAMES, LEFT_BYTES, PASSED, REFUSED = range(5)
"""Columns of ``Choice.classes``; ``PASSED`` counts frames met after half of the budget was used, ``REFUSED`` those that
were not chosen for want of budget."""

CONVERSATION_COUNT, SERVICE_COUNT, SERVER_COUNT, MOST_CONVERSATIONS, MOST_SERVICES = range(5)
"""Places in ``Choice.counts``."""


class Choice(NamedTuple):
    """What the choice remembers from batch to batch, of fixed size.

    Attributes
    ----------
    classes : int64 (7, 5)
        Budgets of the classes, see the columns above.
    counts : int64 (5,)
        Entries of the tables and how many they may have.
    conversations : int64 (slots,)
        One entry for each direction of a sampled conversation: hash, in its low bits segments given (3 bits) and
        whether the direction goes to the server (1 bit). 0: free.
    last : int64 (slots,)
        Capture point and lower half of the packet hash of the direction's last segment, so that copies do not count.
    services : int64 (slots,)
        Hash of (protocol, server address, server port), in its low 4 bits the conversations taken. 0: free.
    servers : int64 (slots,)
        Hashes of servers whose port is not the lower one, as a SYN or its answer has shown. 0: free.
    sampled : int64 (8192,)
        One bit for each direction in ``conversations``, and by chance for some others: small enough for a processor's
        own cache, it spares most packets the look-up there.
    """

    classes: Rows
    counts: Int64
    conversations: Int64
    last: Int64
    services: Int64
    servers: Int64
    sampled: Int64


def new_choice(most_frames: int, most_bytes: int, most_services: int) -> Choice:
    """An empty memory for one capture.

    Parameters
    ----------
    most_frames, most_bytes : int
        Frames that may be chosen, and their captured bytes.
    most_services : int
        Services of which conversations are sampled.
    """
    classes = np.zeros((CLASSES, REFUSED + 1), np.int64)
    for number, share in enumerate(_SHARES):
        frames, size = most_frames * share // sum(_SHARES), most_bytes * share // sum(_SHARES)
        classes[number, :PASSED] = frames, frames, size
    wanted = min(int(classes[PAYLOAD, BUDGET_FRAMES]), CONVERSATIONS * most_services)
    slots = _slots(2 * wanted)
    most_conversations = min(wanted, slots // 4)
    return Choice(
        classes,
        np.array([0, 0, 0, most_conversations, most_services], np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(_slots(most_services), np.int64),
        np.zeros(_slots(most_services), np.int64),
        np.zeros(_SAMPLED_BITS >> 6, np.int64),
    )


def _slots(entries: int) -> int:
    """A power of two of slots that the entries fill by half at most; never more than half a million."""
    return min(1 << max(2 * entries - 1, 255).bit_length(), 1 << 19)


@entry
def choose(frames: Frames, first: int, count: int, choice: Choice, rows: Int64, to_server: Int8) -> int:
    """Choose among ``count`` rows from ``first``; gives how many.

    Parameters
    ----------
    frames : Frames
        Only numbers are looked at, never bytes of a packet.
    first, count : int
        The rows.
    choice : Choice
        Is changed.
    rows : int64 (count,)
        Takes the chosen rows, ascending.
    to_server : int8 (count,)
        Takes 1 for a payload segment to its server, 0 for one from it, -1 where that is unknown.
    """
    conversations, last, counts, services, servers = (
        choice.conversations, choice.last, choice.counts, choice.services, choice.servers
    )  # fmt: skip
    payload_budget, sampled = choice.classes[PAYLOAD], choice.sampled
    chosen = 0
    for row in range(first, first + count):
        frame = frames[np.uint64(row)]
        protocol = np.int64(frame.protocol)
        sport, dport = np.int64(frame.src_port), np.int64(frame.dst_port)
        if (protocol != TCP and protocol != UDP) or frame.ip_version == 0 or sport < 0:
            continue
        if frame.fragment == LATER_FRAGMENT:
            continue
        if frame.payload_bytes <= 0:
            flags = frame.tcp_flags
            if protocol == TCP and flags > 0 and flags & SYN:
                if flags & ACK and sport > dport:
                    _learn(servers, counts, _end(frame.src_high, frame.src_low, sport, protocol))
                elif not flags & ACK and dport > sport:
                    _learn(servers, counts, _end(frame.dst_high, frame.dst_low, dport, protocol))
            continue
        kind = _class_of(protocol, sport, dport)
        if kind != PAYLOAD:
            if _within_budget(choice.classes[kind], frame.captured_bytes):
                rows[chosen], to_server[chosen] = row, -1
                chosen += 1
            continue
        if payload_budget[LEFT_FRAMES] <= 0:
            continue
        source = _end(frame.src_high, frame.src_low, sport, protocol)
        destination = _end(frame.dst_high, frame.dst_low, dport, protocol)
        key = _direction(source, destination)
        slot = _find(conversations, key) if _is_marked(sampled, key) else -1
        if slot < 0 or conversations[slot] == 0:
            towards = _goes_to_server(servers, counts, source, destination, sport, dport)
            service = source ^ ((source ^ destination) & -towards)  # the server's end, chosen without a branch
            if not _admitted(services, counts, payload_budget, service):
                continue
            slot = _enter(conversations, sampled, key, towards)
            _enter(conversations, sampled, _direction(destination, source), 1 - towards)
            counts[CONVERSATION_COUNT] += 1
        if slot >= 0 and conversations[slot] & 7 != SEGMENTS:
            seen = np.int64(frame.point) << 32 | frame.packet_hash & 0xFFFFFFFF
            if _takes_segment(conversations, last, slot, seen, payload_budget, frame.captured_bytes):
                rows[chosen], to_server[chosen] = row, conversations[slot] >> 3 & 1
                chosen += 1
    return chosen


@entry
def choose_links(frames: Frames, found: Int64, choice: Choice, rows: Int64) -> int:
    """Choose among the rows ``found`` with LLDP, CDP and spanning tree, within their share; gives how many."""
    chosen = 0
    for place in range(len(found)):
        if _within_budget(choice.classes[LINKS], frames[np.uint64(found[place])].captured_bytes):
            rows[chosen] = found[place]
            chosen += 1
    return chosen


@kernel
def _class_of(protocol: Number, source: Number, destination: Number) -> Number:
    """The class of a payload by its ports; ``PAYLOAD`` for what is none of the protocols of names."""
    if source == 53:
        return DNS
    if protocol != UDP or min(source, destination) > 5355:
        return PAYLOAD
    if destination == 5353 or source == 5353 or source == 5355:
        return LOCAL_NAMES
    if 137 <= destination <= 138 or 137 <= source <= 138:
        return NETBIOS
    if 67 <= destination <= 68 or 546 <= destination <= 547:
        return DHCP
    return SYSLOG if destination == 514 else PAYLOAD


@kernel
def _within_budget(budget: Int64, size: Number) -> bool:
    """Whether a frame of this size fits; if so it is charged.

    The second half of a budget is spent ever more slowly (each 4th, 16th, 64th, 256th frame), so that a long capture
    is searched to its end.
    """
    left, half = budget[LEFT_FRAMES], budget[BUDGET_FRAMES] >> 1
    if left <= 0 or size > budget[LEFT_BYTES]:
        budget[REFUSED] += 1
        return False
    if left <= half:
        quarter = min((half - left) * 4 // max(half, 1), 3)
        passed = budget[PASSED]
        budget[PASSED] = passed + 1
        if passed & ((4 << 2 * quarter) - 1):
            budget[REFUSED] += 1
            return False
    budget[LEFT_FRAMES] = left - 1
    budget[LEFT_BYTES] -= size
    return True


@kernel
def _takes_segment(conversations: Int64, last: Int64, slot: Number, seen: Number, budget: Int64, size: Number) -> bool:
    """Whether a direction takes this segment; if so it is counted.

    Not a copy of the last one, nothing that another capture point saw of the direction, nothing past the budget.
    """
    if conversations[slot] & 7 > 0 and (seen == last[slot] or seen >> 32 != last[slot] >> 32):
        return False
    if budget[LEFT_FRAMES] <= 0 or size > budget[LEFT_BYTES]:
        return False
    budget[LEFT_FRAMES] -= 1
    budget[LEFT_BYTES] -= size
    conversations[slot] += 1
    last[slot] = seen
    return True


@kernel
def _admitted(services: Int64, counts: Int64, budget: Int64, service: Number) -> bool:
    """Whether a service takes one more conversation; if so it is counted.

    The scarcer the budget, the fewer conversations of a service, so that late services find some of it left.
    """
    left, whole = budget[LEFT_FRAMES], budget[BUDGET_FRAMES]
    if left <= 0 or counts[CONVERSATION_COUNT] >= counts[MOST_CONVERSATIONS]:
        return False
    most = CONVERSATIONS if 2 * left > whole else (2 if 4 * left > whole else 1)
    slot = _find(services, service)
    if slot < 0:
        return False
    entry = services[slot]
    if entry == 0:
        if counts[SERVICE_COUNT] >= counts[MOST_SERVICES]:
            return False
        counts[SERVICE_COUNT] += 1
        entry = service
    if entry & 15 >= most:
        return False
    services[slot] = entry + 1
    return True


@kernel
def _enter(conversations: Int64, sampled: Int64, key: Number, towards: Number) -> Number:
    """Slot of a direction of a conversation, which is entered if it is new; -1 where there is no room.

    ``towards`` is 1 where it goes to the server.
    """
    slot = _find(conversations, key)
    if slot >= 0 and conversations[slot] == 0:
        conversations[slot] = key | towards << 3
        sampled[key >> 10 & len(sampled) - 1] |= np.int64(1) << (key >> 4 & 63)
    return slot


@kernel
def _is_marked(sampled: Int64, key: Number) -> bool:
    """Whether the direction may have been entered."""
    return bool(sampled[key >> 10 & len(sampled) - 1] >> (key >> 4 & 63) & 1)


@kernel
def _goes_to_server(
    servers: Int64, counts: Int64, source: Number, destination: Number, sport: Number, dport: Number
) -> Number:
    """1 where the destination is the server: a SYN said so, or it has the lower port."""
    lower = np.int64(dport <= sport)
    if counts[SERVER_COUNT] == 0 or dport == sport:
        return lower
    slot = _find(servers, source if lower else destination)
    return 1 - lower if slot >= 0 and servers[slot] != 0 else lower


@kernel
def _learn(servers: Int64, counts: Int64, server: Number) -> None:
    """Note a server whose port alone would not tell that it is one, within the table."""
    slot = _find(servers, server)
    if slot >= 0 and servers[slot] == 0 and counts[SERVER_COUNT] < counts[MOST_SERVICES]:
        servers[slot] = server
        counts[SERVER_COUNT] += 1


@kernel
def _find(table: Int64, key: Number) -> Number:
    """Slot that holds the key or is free for it; -1 when neither is near. The low 4 bits of an entry are no key."""
    mask = len(table) - 1
    slot = (key >> 20) & mask
    for _ in range(_MOST_PROBES):
        entry = table[slot]
        if entry == 0 or entry & ~15 == key:
            return slot
        slot = (slot + 1) & mask
    return -1


@kernel
def _end(high: Number, low: Number, port: Number, protocol: Number) -> Number:
    """Hash of one end of a conversation, with its low 4 bits free and never 0."""
    mixed = (low ^ (high * -7046029254386353131)) + (port << 8 | protocol)
    mixed = (mixed ^ ((mixed >> 32) & 0xFFFFFFFF)) * -4658895280553007687
    return (mixed ^ ((mixed >> 29) & 0x7FFFFFFFF)) & ~15 | 16


@kernel
def _direction(source: Number, destination: Number) -> Number:
    """Key of one direction between two ends, with its low 4 bits free and never 0."""
    mixed = (source * -7046029254386353131) ^ destination
    mixed = (mixed ^ ((mixed >> 31) & 0x1FFFFFFFF)) * -4658895280553007687
    return (mixed ^ ((mixed >> 30) & 0x3FFFFFFFF)) & ~15 | 16
