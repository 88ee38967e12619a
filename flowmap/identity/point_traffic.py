"""What the traffic at a capture point looks like: a mirror, the port of one VM, or anything.

Only conversations answered at the point count, because floods reach every port. A conversation ties two MACs, so the
traffic is a graph of MACs. On an uplink every frame crosses between a machine inside and one outside, so that graph
falls into two sides; where it does not, the point shows what an uplink of one host cannot.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from flowmap.identity.kinds import virtual_vendor
from flowmap.legs import Leg
from flowmap.packets import is_group_mac
from flowmap.twins import Flows

PORT_SHARE = 0.98
"""Share of the answered packets in which a port's one VM takes part."""

PORT_PACKETS, PORT_PEERS = 20, 2
"""Fewer packets or peers say nothing about a port."""

CENTRE_SHARE = 0.9
"""Share from which a MAC may be that of a port's VM."""

Pair = tuple[int, int]
"""Two MACs, the lower one first."""


@dataclass(slots=True)
class PointTraffic:
    """Answered unicast at one point, outside tunnels.

    ``pairs`` counts packets by pair of MACs; ``doubled_packets`` are those of legs where most packets stand twice or
    more: a doubling mirror, or a reflective relay's uplink, which shows both ends on one side. They are in no pair.
    """

    pairs: Counter[Pair] = field(default_factory=Counter)
    doubled_packets: int = 0

    @property
    def packets(self) -> int:
        """Packets of all pairs."""
        return self.pairs.total()

    @property
    def virtual_macs(self) -> set[int]:
        """MACs with a prefix of virtual machines."""
        return {mac for pair in self.pairs for mac in pair if virtual_vendor(mac) is not None}

    def centres(self, share: float = CENTRE_SHARE) -> set[int]:
        """MACs that take part in at least this share of the packets."""
        part: Counter[int] = Counter()
        for pair, packets in self.pairs.items():
            for mac in pair:
                part[mac] += packets
        return {mac for mac, packets in part.items() if packets >= share * self.packets}

    def port_owner(self) -> int | None:
        """The one virtual MAC of which nearly everything is, if it has several peers."""
        centres = self.centres(PORT_SHARE)
        if len(centres) != 1 or self.doubled_packets or self.packets < PORT_PACKETS:
            return None
        owner = centres.pop()
        peers = sum(owner in pair for pair in self.pairs)
        return owner if peers >= PORT_PEERS and virtual_vendor(owner) is not None else None

    def virtual_pairs(self) -> int:
        """Pairs of two virtual MACs."""
        virtual = self.virtual_macs
        return sum(one in virtual and other in virtual for one, other in self.pairs)

    def has_two_sides(self) -> bool:
        """Whether the MACs can be put on two sides so that every conversation crosses (a graph in two colours)."""
        peers: dict[int, list[int]] = defaultdict(list)
        for one, other in self.pairs:
            peers[one].append(other)
            peers[other].append(one)
        side: dict[int, bool] = {}
        for start in peers:
            if start in side:
                continue
            side[start] = True
            waiting = deque([start])
            while waiting:
                mac = waiting.popleft()
                for peer in peers[mac]:
                    if peer not in side:
                        side[peer] = not side[mac]
                        waiting.append(peer)
                    elif side[peer] == side[mac]:
                        return False
        return True


def traffic_at(wanted: Collection[int], legs: Sequence[Leg], flows: Flows) -> dict[int, PointTraffic]:
    """The traffic of some capture points, by their numbers."""
    found = {number: PointTraffic() for number in wanted}
    for forward, backward in flows.values():
        if not forward or not backward:
            continue
        there: dict[tuple[int, int, int], list[Leg]] = defaultdict(list)
        for index in forward:
            key = legs[index].key
            if key.point in found and key.tunnel < 0 and key.src_mac >= 0 and not is_group_mac(key.dst_mac):
                there[key.point, key.src_mac, key.dst_mac].append(legs[index])
        for index in backward if there else ():
            key = legs[index].key
            asked = there.get((key.point, key.dst_mac, key.src_mac), ()) if key.tunnel < 0 else ()
            if asked and key.src_mac != key.dst_mac:
                _count(found[key.point], [legs[index], *asked])
    return found


def _count(traffic: PointTraffic, both: Sequence[Leg]) -> None:
    """Count the legs of both directions of a conversation between two MACs."""
    packets = sum(leg.packets for leg in both)
    if 2 * sum(leg.duplicate_packets for leg in both) >= packets:
        traffic.doubled_packets += packets
        return
    key = both[0].key
    traffic.pairs[min(key.src_mac, key.dst_mac), max(key.src_mac, key.dst_mac)] += packets
