"""Stations: which MAC used which address where, without repetition.

A map of twenty thousand conversations has a few hundred machines, and all that identity asks is asked of these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from flowmap.legs import Leg
from flowmap.packets import ip_text

Place = tuple[int, int, int, int]
"""Capture point, VLAN, outer VLAN and tunnel of a leg."""


class Station(NamedTuple):
    """A MAC that sent, or was sent, frames of one address at one place; ``address`` as in ``PacketBatch.src_ip``."""

    point: int
    vlan: int
    outer_vlan: int
    tunnel: int
    mac: int
    address: tuple[int, int]

    @property
    def place(self) -> Place:
        """Where it was seen."""
        return self[:4]


class Stations:
    """Everybody who sent and everybody who was sent to.

    Attributes
    ----------
    senders : dict
        Source of legs to the highest TTL of each leg.
    receivers : set
        Destinations of legs.
    texts : dict
        Every address to its text.
    """

    def __init__(self, legs: Iterable[Leg]) -> None:
        senders, receivers = set(), set()
        for leg in legs:
            (_, low, high), forward, point, src_mac, dst_mac, vlan, outer_vlan, tunnel = leg.key
            source, destination = (low[0], high[0]) if forward else (high[0], low[0])
            senders.add((point, vlan, outer_vlan, tunnel, src_mac, source, leg.ttl_max))
            receivers.add((point, vlan, outer_vlan, tunnel, dst_mac, destination))
        self.senders: dict[Station, set[int]] = defaultdict(set)
        for *station, ttl in senders:
            self.senders[Station._make(station)].add(ttl)
        self.receivers = {Station._make(station) for station in receivers}
        self.texts = {station.address: "" for station in (*self.senders, *self.receivers)}
        for address in self.texts:
            self.texts[address] = ip_text(*address)
