"""What people ask of a finished map: its pairs, and one pair with its conversations. The same for CLI and API."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from flowmap.errors import UsageError
from flowmap.graph import Talk, service_of
from flowmap.packets import NO_TIME, ip_text
from flowmap.pipeline import FlowMap

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


def pair_detail(flow_map: FlowMap, source: str, target: str) -> dict[str, Any]:
    """One pair: its two nodes, its edge and its conversations, most bytes first.

    Every integer is raw bytes, packets or nanoseconds, as in the document.
    """
    graph = flow_map.graph
    rows = sorted(conversation_rows(flow_map, source, target), key=lambda row: -int(row["wire_bytes"]))
    return {
        "source": {"id": source, **graph.nodes[source]},
        "target": {"id": target, **graph.nodes[target]},
        "edge": {"source": source, "target": target, **graph.edges[source, target]},
        "conversations": rows,
    }


def conversation_rows(flow_map: FlowMap, one: str, other: str) -> Iterator[dict[str, Any]]:
    """The conversations between two nodes as flat rows."""
    for talk in flow_map.talks:
        if {talk.low.id, talk.high.id} == {one, other}:
            yield conversation_row(flow_map, talk)


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
