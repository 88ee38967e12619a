"""How much of a direction some legs saw, and what that allows to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flowmap.legs import Leg
from flowmap.locality.sightings import Scene, Sightings
from flowmap.locality.verdict import Evidence, Judgement
from flowmap.packets import mac_text

NEARLY_ALL = 0.9
"""Share of a direction from which a few packets missing at one place change nothing."""

MISSED_SHARE = 0.02
"""Share that a port's capture may have missed where the uplinks do not prove that it went nowhere else."""

LEAK_SHARE = 0.1
LEAK_PACKETS = 8
"""A flood leak is at most this share of what was delivered, or this few packets and a quarter of it."""


def same_addresses(one: Leg, other: Leg) -> bool:
    """Equal MACs and TTL: the packet was switched, not routed, between two sightings."""
    return (one.key.src_mac, one.key.dst_mac, one.ttl_max) == (other.key.src_mac, other.key.dst_mac, other.ttl_max)


def host_of(scene: Scene, leg: Leg) -> str | None:
    """The host of the point that recorded a leg."""
    return scene.points[leg.key.point].host


def in_brackets(mac: int) -> str:
    """A MAC in brackets, to stand behind what has it; empty where the capture does not tell it."""
    return f" ({mac_text(mac)})" if mac >= 0 else ""


def seen_at(scene: Scene, rule: str, text: str, legs: Sequence[Leg], supports: bool = True) -> Evidence:
    """Evidence made of sightings: their points, first frames and the packets of the largest."""
    return Evidence(
        rule,
        supports,
        text,
        scene.names(legs),
        tuple(leg.first_frame for leg in legs),
        max(leg.packets for leg in legs),
    )


def is_leak(seen: Sightings, legs: Sequence[Leg]) -> bool:
    """Whether so little of a direction is on some legs that floods explain it."""
    packets = sum(leg.packets for leg in legs)
    few = LEAK_PACKETS >= packets <= seen.packets / 4
    return packets < seen.packets and (few or packets <= LEAK_SHARE * seen.packets)


def once(scene: Scene, seen: Sightings, legs: Sequence[Leg]) -> list[Leg]:
    """Of some legs those at the place that saw most, none of them twice: what two hosts' uplinks saw is the same.

    A place is a host, or a capture point of which nobody states the host; legs of a team's uplinks add up there.
    """
    places: dict[str | int, list[Leg]] = defaultdict(list)
    for leg in sorted(legs, key=seen.share, reverse=True):
        chosen = places[host_of(scene, leg) or leg.key.point]
        if not any(scene.are_twins(leg, other) for other in chosen):
            chosen.append(leg)
    return max(places.values(), key=lambda chosen: seen.share(*chosen), default=[])


def covering(judgement: Judgement, seen: Sightings, legs: Sequence[Leg]) -> Judgement:
    """Let a judgement speak only for the share of the direction that some legs saw, when it is not nearly all."""
    share = seen.share(*legs)
    if share < NEARLY_ALL:
        judgement.covered = share
        judgement.evidence.append(
            Evidence(judgement.evidence[0].rule, False, f"Only {share:.0%} of it was seen there; the rest is open.")
        )
    return judgement


def usual_copies(leg: Leg) -> int:
    """How often most packets of a leg stand on it."""
    return max(range(len(leg.copies)), key=lambda index: leg.copies[index]) + 1
