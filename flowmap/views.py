"""What people ask of a finished map: its pairs, and one pair with all its evidence. The same for CLI and API."""

from __future__ import annotations

import ipaddress
from typing import Any

from flowmap.errors import UsageError
from flowmap.evidence import AddressTexts, SightingsTable, fold_legs, placement_of
from flowmap.graph import Talk, fold_outside, service_of
from flowmap.identity.endpoints import Endpoint
from flowmap.packets import NO_TIME, ip_text
from flowmap.pipeline import FlowMap
from flowmap.settings import Settings

CANDIDATES_SHOWN = 8


def find_endpoint(flow_map: FlowMap, text: str) -> str:
    """The node id that a name, address, MAC or id means.

    Raises
    ------
    UsageError
        When nothing or several nodes match; the candidates are listed.
    """
    nodes: list[tuple[str, dict[str, Any]]] = [*flow_map.graph.nodes.items()]
    wanted = _canonical(text)
    exact = [key for key, node in nodes if wanted in _spellings(key, node)]
    near = exact or [key for key, node in nodes if any(wanted in spelling for spelling in _spellings(key, node))]
    if len(exact) == 1 or len(near) == 1:
        return near[0]
    what = "matches nothing" if not near else f"matches {len(near)} endpoints"
    shown = near or [key for key, _ in sorted(nodes, key=lambda item: -item[1]["wire_bytes"])]
    listed = ", ".join(f"{flow_map.graph.nodes[key]['label']} ({key})" for key in shown[:CANDIDATES_SHOWN])
    raise UsageError(f"'{text}' {what}; the candidates are {listed or 'none, the map is empty'}.")


def _canonical(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text.strip().casefold().replace("-", ":") if text.count("-") == 5 else text.strip().casefold()


def _spellings(key: str, node: dict[str, Any]) -> list[str]:
    names = [name["name"] for name in node["names"]]
    return [
        spelling.casefold()
        for spelling in (key, key.partition(":")[2], node["label"], *names, *node["ips"], *node["macs"])
    ]


def find_edge(flow_map: FlowMap, one: str, other: str) -> tuple[str, str]:
    """Source and target of the edge between two endpoints, given as people write them.

    Raises
    ------
    UsageError
        When an end matches nothing or several, or the two did not talk.
    """
    first, second = find_endpoint(flow_map, one), find_endpoint(flow_map, other)
    for source, target in ((first, second), (second, first)):
        if flow_map.graph.has_edge(source, target):
            return source, target
    peers = sorted({*flow_map.graph.successors(first), *flow_map.graph.predecessors(first)})
    listed = ", ".join(peers[:CANDIDATES_SHOWN])
    raise UsageError(f"{first} and {second} did not talk to each other; {first} talked to {listed or 'nobody'}.")


def pair_detail(flow_map: FlowMap, source: str, target: str, settings: Settings) -> dict[str, Any]:
    """One pair: its two nodes, its edge, its conversations (most bytes first), and evidence to check.

    ``sightings`` is :meth:`flowmap.evidence.SightingsTable.of`; ``placement`` holds
    :func:`flowmap.evidence.placement_of` for ``source`` and ``target``. Every integer is raw bytes, packets or
    nanoseconds, as in the document.
    """
    graph = flow_map.graph
    shown, _ = fold_outside(flow_map.talks, settings)
    talks = [
        (talk, seen)
        for talk, seen in zip(flow_map.talks, shown, strict=True)
        if {seen.low.id, seen.high.id} == {source, target}
    ]
    ends = {end.id: end for _, seen in talks for end in (seen.low, seen.high)}
    return {
        "source": {"id": source, **graph.nodes[source]},
        "target": {"id": target, **graph.nodes[target]},
        "edge": {"source": source, "target": target, **graph.edges[source, target]},
        "conversations": sorted(
            (conversation_row(flow_map, talk) for talk, _ in talks), key=lambda row: -int(row["wire_bytes"])
        ),
        "sightings": sightings_table(flow_map).of(
            fold_legs(flow_map.legs, [seen for _, seen in talks], source, AddressTexts())
        ),
        "placement": {
            "source": placement(flow_map, ends.get(source), settings),
            "target": placement(flow_map, ends.get(target), settings),
        },
    }


def sightings_table(flow_map: FlowMap) -> SightingsTable:
    """What makes sightings of the rows of a map's pairs."""
    reading = flow_map.reading
    return SightingsTable(flow_map.points, reading.registry.tunnels, legs_are_missing=reading.legs.others.packets > 0)


def placement(flow_map: FlowMap, endpoint: Endpoint | None, settings: Settings) -> dict[str, Any] | None:
    """Who says where an endpoint is; None for groups, which are on no host."""
    if endpoint is None or endpoint.kind == "group":
        return None
    legs = flow_map.reading.legs
    return placement_of(endpoint, legs.first_seen_ns, legs.last_seen_ns, settings.inventory_fresh_s)


def conversation_row(flow_map: FlowMap, talk: Talk) -> dict[str, Any]:
    """One conversation: ends in order initiator, responder; bytes of each once."""
    conversation = talk.conversation
    ends = [conversation.five_tuple.low, conversation.five_tuple.high]
    if not conversation.initiator_is_low:
        ends.reverse()
    sent, received = conversation.forward, conversation.backward
    if not conversation.initiator_is_low:
        sent, received = received, sent
    protocol, port, application = service_of(talk, flow_map.reading.applications)
    return {
        "protocol": protocol,
        "initiator": {"node": talk.initiator.id, "ip": ip_text(*ends[0][0]), "port": _port(ends[0][1])},
        "responder": {
            "node": (talk.high if conversation.initiator_is_low else talk.low).id,
            "ip": ip_text(*ends[1][0]),
            "port": port,
        },
        "application": application,
        "domain": conversation.domain,
        "connections": conversation.connections,
        "wire_bytes": conversation.wire_bytes,
        "payload_bytes": conversation.payload_bytes,
        "sent_bytes": sent.wire_bytes,
        "received_bytes": received.wire_bytes,
        "packets": conversation.packets,
        "first_seen_ns": None if conversation.first_seen_ns == NO_TIME else conversation.first_seen_ns,
        "last_seen_ns": None if conversation.last_seen_ns == NO_TIME else conversation.last_seen_ns,
        "verdict": talk.verdict.verdict,
        "left_host": talk.verdict.left_host,
        "grade": talk.verdict.grade,
    }


def _port(port: int) -> int | None:
    return port if port >= 0 else None
