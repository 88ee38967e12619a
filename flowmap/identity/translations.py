"""Conversations on both sides of an address translation become one, between the machines that truly talked.

A router that translates addresses (floating IP, DNAT, hairpin NAT) shows two 5-tuples for the same packets: before it
with the public address, behind it with the VM's own. Counting both would double the pair's bytes, and neither alone
tells that the traffic left and came back (reference 4.4, 4.7 trap 18).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowmap.conversations import Conversation, Direction
from flowmap.identity.endpoints import Endpoint
from flowmap.legs import FiveTuple, Leg
from flowmap.packets import TCP, ip_text
from flowmap.twins import Flows, Twin, Twins, shared_across_flows

Ends = tuple[Endpoint, Endpoint]


@dataclass(slots=True)
class _Match:
    """Packets that two flows share: legs of each, by the direction of the first flow."""

    ahead: set[tuple[int, int]]
    behind: set[tuple[int, int]]
    hashes_ahead: int = 0
    hashes_behind: int = 0


def join_translated(
    legs: Sequence[Leg],
    flows: Flows,
    twins: Twins,
    conversations: Sequence[Conversation],
    ends: Sequence[Ends],
) -> tuple[list[Conversation], list[Ends]]:
    """Join each two conversations that are the two sides of one translation, and link their legs as twins.

    That they are is shown by both directions: packets with equal hashes (which hold no addresses), and a TTL that is
    lower behind the router for requests and lower before it for answers. A sender that tells two receivers the same
    shows neither. A conversation with several such partners is left alone.

    Returns
    -------
    conversations, ends
        In the order given; the joined one stands at the place of the side nearer the initiator and ends at the machine
        behind the translation. ``Conversation.translation`` says what was translated.
    """
    of_flow: dict[FiveTuple, list[int]] = defaultdict(list)
    for number, conversation in enumerate(conversations):
        of_flow[conversation.five_tuple].append(number)
    five_tuples = list(flows)
    partners: dict[int, list[tuple[int, _Match, bool]]] = defaultdict(list)
    for (first, second, flipped), match in _matches(legs, flows).items():
        one, other = of_flow[five_tuples[first]], of_flow[five_tuples[second]]
        if len(one) == len(other) == 1 and _is_translation(legs, conversations[one[0]], match):
            partners[one[0]].append((other[0], match, flipped))
            partners[other[0]].append((one[0], match, flipped))
    result, ends_of_result, gone = list(conversations), list(ends), set()
    for number, found in sorted(partners.items()):
        partner, match, flipped = found[0]
        if number in gone or len(found) > 1 or len(partners[partner]) > 1 or partner < number:
            continue
        near, far = _near_and_far(legs, conversations, number, partner, match)
        for pair in (*match.ahead, *match.behind):
            twins.add(*pair, Twin((), 0))
        result[near] = _joined(conversations[near], conversations[far], flipped)
        ends_of_result[near] = _true_ends(conversations, ends, near, far, flipped)
        gone.add(far)
    kept = [number for number in range(len(result)) if number not in gone]
    return [result[number] for number in kept], [ends_of_result[number] for number in kept]


def _matches(legs: Sequence[Leg], flows: Flows) -> dict[tuple[int, int, bool], _Match]:
    """(number of a flow, number of another, whether their directions are opposite) -> what they share."""
    matches: dict[tuple[int, int, bool], _Match] = {}
    for holders in shared_across_flows(legs, flows):
        counted: set[tuple[int, int, bool, bool]] = set()
        for first, one in holders:
            for second, other in holders:
                if first >= second or legs[one].key.five_tuple.protocol != legs[other].key.five_tuple.protocol:
                    continue
                ahead = legs[one].key.forward
                flipped = ahead != legs[other].key.forward
                match = matches.setdefault((first, second, flipped), _Match(set(), set()))
                (match.ahead if ahead else match.behind).add((one, other))
                if (first, second, flipped, ahead) not in counted:
                    counted.add((first, second, flipped, ahead))
                    match.hashes_ahead += ahead
                    match.hashes_behind += not ahead
    return matches


def _is_translation(legs: Sequence[Leg], conversation: Conversation, match: _Match) -> bool:
    """Whether both directions crossed a router between the two flows, one each way."""
    enough = 1 if conversation.five_tuple.protocol == TCP else 2
    if min(match.hashes_ahead, match.hashes_behind) < enough:
        return False
    drops = [_drop(legs, pairs) for pairs in (match.ahead, match.behind)]
    return drops[0] * drops[1] < 0


def _drop(legs: Sequence[Leg], pairs: set[tuple[int, int]]) -> int:
    """By how much the TTL is lower on the second flow."""
    return max(legs[one].ttl_max for one, _ in pairs) - max(legs[other].ttl_max for _, other in pairs)


def _near_and_far(
    legs: Sequence[Leg],
    conversations: Sequence[Conversation],
    number: int,
    partner: int,
    match: _Match,
) -> tuple[int, int]:
    """The side of the initiator first: the one on which its packets still have the higher TTL."""
    pairs = match.ahead if conversations[number].initiator_is_low else match.behind
    return (number, partner) if _drop(legs, pairs) > 0 else (partner, number)


def _joined(near: Conversation, far: Conversation, flipped: bool) -> Conversation:
    """The near conversation with the legs of both; each direction counts where more of it was seen."""
    ahead, behind = (far.backward, far.forward) if flipped else (far.forward, far.backward)
    low, high = (far.five_tuple.high, far.five_tuple.low) if flipped else (far.five_tuple.low, far.five_tuple.high)
    changes = [
        f"{ip_text(*before[0])} to {ip_text(*after[0])}"
        for before, after in ((near.five_tuple.low, low), (near.five_tuple.high, high))
        if before[0] != after[0]
    ]
    return replace(
        near,
        forward=_larger(near.forward, ahead),
        backward=_larger(near.backward, behind),
        first_seen_ns=min(near.first_seen_ns, far.first_seen_ns),
        last_seen_ns=max(near.last_seen_ns, far.last_seen_ns),
        translation=" and ".join(changes),
    )


def _larger(near: Direction, far: Direction) -> Direction:
    counted = far if (far.payload_bytes, far.packets) > (near.payload_bytes, near.packets) else near
    return replace(counted, legs=[*near.legs, *far.legs])


def _true_ends(conversations: Sequence[Conversation], ends: Sequence[Ends], near: int, far: int, flipped: bool) -> Ends:
    """The initiator as it is known on its own side, the responder as on its own."""
    behind = ends[far][::-1] if flipped else ends[far]
    if conversations[near].initiator_is_low:
        return ends[near][0], behind[1]
    return behind[0], ends[near][1]
