"""The last word on "stayed": no leg of the 5-tuple, nor a translated twin, on any uplink (DESIGN section 4).

A wrong "never left the host" is the worst answer there is, so this looks at both directions of a conversation whatever
rule judged them.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowmap.identity.bindings import usual_subnet
from flowmap.identity.endpoint import Endpoint, is_routable
from flowmap.legs import WITH_PORTS, FiveTuple, Leg
from flowmap.locality.sightings import OUTSIDE_ROLES, Scene, lacks_ports
from flowmap.locality.verdict import STAYED, Evidence, Judgement
from flowmap.packets import ip_text

DECIDED_BY_SIGHT = frozenset(("sighting-1", "sighting-2", "sighting-7", "sighting-8"))
"""Rows by which ports or uplinks alone say "stayed"; the others rest on an inventory."""

ROUTED_INSIDE = frozenset(("intra_host_routed_vm", "intra_host_routed_distributed"))


def guard_stayed(
    scene: Scene, legs: Sequence[Leg], judgements: Sequence[Judgement], ends: tuple[Endpoint, Endpoint]
) -> list[Judgement]:
    """Turn every "stayed" of a conversation into a conflict when one of its legs, or of its ends, speaks against it.

    Parameters
    ----------
    legs
        All legs of the conversation, both directions.
    judgements
        What was judged of its directions; accepted flood leaks are in their ``leaks``.
    ends
        The endpoints at ``five_tuple.low`` and ``.high``.
    """
    if STAYED not in [judgement.left_host for judgement in judgements]:
        return list(judgements)
    contradicted = next((judgement for judgement in judgements if judgement.grade == "conflict"), None)
    if contradicted is not None:
        row = Evidence("stayed-guard", False, "What was seen of the other direction contradicts itself.")
        return _withdrawn(judgements, "conflict", row, contradicted.would_settle)
    accepted = {id(leg) for judgement in judgements for leg in judgement.leaks}
    text, against = _speaks_against(scene, legs, accepted)
    if not against:
        against = _unknown_places(scene, legs, judgements)
        text = "It was seen at a point of which nobody says what it is; were it an uplink, the traffic would have left."
    if not against:
        _cap_routed(scene, legs, judgements, ends)
    stranger = "" if against else _perhaps_behind_a_gateway(scene, legs, judgements, ends)
    if stranger:
        row = Evidence("stayed-guard", False, stranger, scene.names(legs[:2]))
        settle = "A capture that holds its ARP or neighbour discovery, or an inventory with its address."
        return _withdrawn(judgements, None, row, [settle])
    if not against:
        return list(judgements)
    settle = "State the role of " + ", ".join(sorted({scene.points[leg.key.point].id for leg in against})[:3]) + "."
    row = Evidence("stayed-guard", False, text, scene.names(against[:4]), tuple(leg.first_frame for leg in against[:4]))
    return _withdrawn(judgements, "conflict", row, [settle])


def _withdrawn(
    judgements: Sequence[Judgement], grade: str | None, why: Evidence, would_settle: Sequence[str]
) -> list[Judgement]:
    """The judgements with every "stayed" taken back, its reason first where nothing else was in conflict."""
    return [
        Judgement(
            "undetermined", grade,
            [*judgement.evidence, why] if grade else [why, *judgement.evidence], list(would_settle),
        )
        if judgement.left_host == STAYED
        else judgement
        for judgement in judgements
    ]  # fmt: skip


def _cap_routed(
    scene: Scene, legs: Sequence[Leg], judgements: Sequence[Judgement], ends: tuple[Endpoint, Endpoint]
) -> None:
    """Routed ends are in two networks anyway; one whose address nobody claimed may be behind the machine there."""
    five_tuple = legs[0].key.five_tuple
    for endpoint, end in zip(ends, (five_tuple.low, five_tuple.high), strict=True):
        ip = ip_text(*end[0])
        for judgement in judgements:
            if judgement.verdict in ROUTED_INSIDE and not scene.identities.is_its_own(endpoint, ip):
                judgement.capped("strong", f"Nothing but its packets shows that {ip} is the machine's own.")


def _perhaps_behind_a_gateway(
    scene: Scene, legs: Sequence[Leg], judgements: Sequence[Judgement], ends: tuple[Endpoint, Endpoint]
) -> str:
    """Why an end may be behind the machine whose MAC stands in its place: a VPN or proxy that leaves the TTL alone.

    Frames go straight between two MACs though the addresses are in two networks, and nobody but the sender of those
    frames says that the address is its own.
    """
    if "intra_host_switched" not in [judgement.verdict for judgement in judgements]:
        return ""
    five_tuple = legs[0].key.five_tuple
    addresses = ip_text(*five_tuple.low[0]), ip_text(*five_tuple.high[0])
    networks = {usual_subnet(ip) for ip in addresses if is_routable(ip)}
    if len(networks) < 2 or any(leg.key.tunnel >= 0 for leg in legs):
        return ""
    for endpoint, ip in zip(ends, addresses, strict=True):
        if not scene.identities.is_its_own(endpoint, ip):
            return (
                f"{' and '.join(addresses)} are in two networks, yet frames go straight between two MACs, and nothing "
                f"but these shows that {ip} is the machine's own: it may be a gateway that leaves the TTL alone."
            )
    return ""


def _speaks_against(scene: Scene, legs: Sequence[Leg], accepted: set[int]) -> tuple[str, list[Leg]]:
    outside = [leg for leg in legs if scene.points[leg.key.point].role in OUTSIDE_ROLES and id(leg) not in accepted]
    if outside:
        return "Some of its packets are on an uplink.", outside
    tunnelled = [leg for leg in legs if leg.key.tunnel >= 0 and scene.points[leg.key.point].role != "vnic"]
    if tunnelled:
        return "It was inside a tunnel between two endpoints.", tunnelled
    cut = _perhaps_with_cut_ports(scene, legs[0].key.five_tuple)
    if cut:
        return "Frames between the two are on an uplink, and where ports were cut off nobody can tell them apart.", cut
    translated = [scene.legs[index] for index in sorted(scene.translated.get(legs[0].key.five_tuple, ()))]
    return (
        "The same packets are on an uplink under a translated address.",
        [leg for leg in translated if scene.points[leg.key.point].role in OUTSIDE_ROLES],
    )


def _perhaps_with_cut_ports(scene: Scene, five_tuple: FiveTuple) -> list[Leg]:
    """Legs between the same addresses on uplinks that may be these packets: captured too short there, or here."""
    if five_tuple.protocol not in WITH_PORTS:
        return []
    legs = scene.outside_between().get((five_tuple.protocol, five_tuple.low[0], five_tuple.high[0]), ())
    return [leg for leg in legs if lacks_ports(leg.key.five_tuple) != lacks_ports(five_tuple)]


def _unknown_places(scene: Scene, legs: Sequence[Leg], judgements: Sequence[Judgement]) -> list[Leg]:
    """Legs at points without a role beside ports that decided; an inventory's answer is capped for them already."""
    by_sight = any(judgement.evidence and judgement.evidence[0].rule in DECIDED_BY_SIGHT for judgement in judgements)
    return [leg for leg in legs if scene.points[leg.key.point].role == "unknown"] if by_sight else []
