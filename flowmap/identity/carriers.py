"""The ends of conversations that guests carried in tunnels of their own, see :mod:`flowmap.identity.nested`."""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.conversations import Conversation
from flowmap.identity.endpoint import Endpoint
from flowmap.identity.endpoints import Identities
from flowmap.legs import Leg


def carried_ends(
    legs: Sequence[Leg], conversation: Conversation, identities: Identities
) -> tuple[Endpoint, Endpoint] | None:
    """The guests at ``five_tuple.low`` and ``.high`` that carried a conversation; None where the inner ends stand.

    Every leg must have been in a tunnel of the same two guests, from the one that carries the sender to the one that
    carries the receiver. Where a leg was in no tunnel the inner machines were on the wire themselves.
    """
    found: tuple[Endpoint, Endpoint] | None = None
    for direction in (conversation.forward, conversation.backward):
        for index in direction.legs:
            carriers = identities.carriers_of(legs[index])
            if carriers is None:
                return None
            ends = carriers if direction is conversation.forward else carriers[::-1]
            if found is not None and (found[0] is not ends[0] or found[1] is not ends[1]):
                return None
            found = ends
    return found
