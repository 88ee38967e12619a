"""The VM-to-VM graph: a networkx DiGraph whose attributes are the document of DESIGN section 5.

One edge per unordered pair; its direction says who initiated more conversations. Everything is counted once, so the
edges' ``wire_bytes`` sum to ``unique_bytes``, "others" rows included.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import networkx as nx

from flowmap.conversations import Conversation
from flowmap.identity.endpoints import Endpoint
from flowmap.identity.kinds import is_global
from flowmap.legs import Others
from flowmap.locality import Verdict, sum_verdicts
from flowmap.packets import NO_TIME, mac_text
from flowmap.settings import Settings

FlowGraph: TypeAlias = "nx.DiGraph[str]"
"""The type of the graph, so that other stages need not import networkx."""

PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 89: "ospf",
             103: "pim", 112: "vrrp", 132: "sctp"}  # fmt: skip
SERVICES_KEPT = 32
NODE_ITEMS_KEPT = 64
_INITIATOR_ORDER = ("syn", "port", "first", "unknown")


@dataclass(slots=True)
class Pair:
    """Two endpoints with all their conversations; ``low`` has the smaller id."""

    low: Endpoint
    high: Endpoint
    conversations: list[int] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: sum_verdicts([]))
    wire_bytes: int = 0


@dataclass(slots=True)
class Talk:
    """One conversation with its ends and verdict: what pairs, shares and the API are made of."""

    conversation: Conversation
    low: Endpoint
    high: Endpoint
    verdict: Verdict

    @property
    def initiator(self) -> Endpoint:
        """The end that opened it."""
        return self.low if self.conversation.initiator_is_low else self.high

    def bytes_from(self, endpoint: Endpoint) -> int:
        """Wire bytes sent by one end, counted once."""
        direction = self.conversation.forward if endpoint.id == self.low.id else self.conversation.backward
        return direction.wire_bytes


def pairs_of(talks: Sequence[Talk]) -> dict[tuple[str, str], Pair]:
    """Group conversations by unordered pair of endpoint ids and sum their verdicts."""
    pairs: dict[tuple[str, str], Pair] = {}
    for number, talk in enumerate(talks):
        low, high = sorted((talk.low, talk.high), key=lambda endpoint: endpoint.id)
        pair = pairs.setdefault((low.id, high.id), Pair(low, high))
        pair.conversations.append(number)
        pair.wire_bytes += talk.conversation.wire_bytes
    for pair in pairs.values():
        pair.verdict = sum_verdicts([talks[number].verdict for number in pair.conversations])
    return pairs


def fold_outside(talks: Sequence[Talk], settings: Settings) -> tuple[list[Talk], list[dict[str, Any]]]:
    """Fold what a map cannot show into group nodes: external peers, then nodes, then edges beyond their caps.

    Bytes stay exact; each fold is a warning.
    """
    warnings: list[dict[str, Any]] = []
    for name, kinds, cap in (
        ("outside", ("external",), settings.max_external_nodes),
        ("others", ("external", "unknown", "router", "hypervisor", "vm"), settings.max_nodes),
    ):
        weight: Counter[str] = Counter()
        for talk in talks:
            for endpoint in {talk.low.id: talk.low, talk.high.id: talk.high}.values():
                if endpoint.kind in kinds:
                    weight[endpoint.id] += talk.conversation.wire_bytes
        if len(weight) > cap:
            ranked = sorted(weight, key=lambda key: (-weight[key], key))
            folded = set(ranked[cap:])
            talks = _folded(talks, folded, Endpoint(f"group:{name}", "group", "folded", label=name))
            warnings.append(_warning(f"folded_{name}", f"{len(folded)} endpoints with the fewest bytes are folded into "
                                     f"group:{name}; their bytes count there.", len(folded)))  # fmt: skip
    pairs = pairs_of(talks)
    if len(pairs) > settings.max_edges:
        ranked_pairs = sorted(pairs, key=lambda key: (-pairs[key].wire_bytes, key))
        group = Endpoint("group:others", "group", "folded", label="others")
        dropped = set(ranked_pairs[settings.max_edges - 1 :])
        talks = [
            Talk(talk.conversation, group, group, talk.verdict)
            if tuple(sorted((talk.low.id, talk.high.id))) in dropped else talk
            for talk in talks
        ]  # fmt: skip
        warnings.append(_warning("folded_pairs", f"{len(dropped)} pairs with the fewest bytes are folded into "
                                 "group:others.", len(dropped)))  # fmt: skip
    return list(talks), warnings


def _folded(talks: Sequence[Talk], ids: set[str], group: Endpoint) -> list[Talk]:
    return [
        Talk(
            talk.conversation, group if talk.low.id in ids else talk.low, group if talk.high.id in ids else talk.high,
            talk.verdict,
        )
        for talk in talks
    ]  # fmt: skip


def _warning(code: str, text: str, count: int) -> dict[str, Any]:
    return {"code": code, "text": text, "count": count}


def build_graph(
    talks: Sequence[Talk],
    others: Others,
    facts: Mapping[str, Any],
    applications: Mapping[tuple[int, str, int], str],
    settings: Settings,
) -> FlowGraph:
    """The graph with the attributes of DESIGN section 5.

    Parameters
    ----------
    talks
        Every conversation with its ends and verdict.
    others
        Packets for which no leg was kept; they become a self-loop at ``group:others``.
    facts
        The document's ``graph`` object without ``shares``, ``unique_bytes`` and ``conversations``, which are made here.
    applications
        (protocol, server address, server port) to the application that tshark recognised.
    """
    shown, warnings = fold_outside(talks, settings)
    graph: FlowGraph = nx.DiGraph()
    for pair in pairs_of(shown).values():
        source, target, attributes = _edge([shown[number] for number in pair.conversations], pair, applications)
        for endpoint in (source, target):
            _add_node(graph, endpoint)
        graph.add_edge(source.id, target.id, **attributes)
        for endpoint in {source.id: source, target.id: target}.values():
            graph.nodes[endpoint.id]["wire_bytes"] += attributes["wire_bytes"]
            graph.nodes[endpoint.id]["packets"] += attributes["packets"]
    if others.packets:
        _add_others(graph, others)
    totals = dict(facts["totals"])
    totals["unique_bytes"] = sum(attributes["wire_bytes"] for _, _, attributes in graph.edges(data=True))
    totals["conversations"] = len(talks)
    graph.graph.update(facts, totals=totals, shares=shares_of(talks), warnings=[*facts["warnings"], *warnings])
    return graph


def _add_node(graph: FlowGraph, endpoint: Endpoint) -> None:
    if endpoint.id not in graph:
        graph.add_node(
            endpoint.id,
            label=endpoint.label or endpoint.id,
            kind=endpoint.kind,
            host=endpoint.host,
            vswitch=endpoint.vswitch,
            segments=sorted(endpoint.segments)[:NODE_ITEMS_KEPT],
            macs=[mac_text(mac) for mac in sorted(endpoint.macs)][:NODE_ITEMS_KEPT],
            ips=sorted(endpoint.ips)[:NODE_ITEMS_KEPT],
            names=[{"name": name, "source": source} for name, source in endpoint.names],
            wire_bytes=0,
            packets=0,
        )


def _edge(
    talks: Sequence[Talk], pair: Pair, applications: Mapping[tuple[int, str, int], str]
) -> tuple[Endpoint, Endpoint, dict[str, Any]]:
    """Source, target and attributes of a pair's edge."""
    from_low = sum(talk.initiator.id == pair.low.id for talk in talks)
    source, target = (pair.low, pair.high) if 2 * from_low >= len(talks) else (pair.high, pair.low)
    first = [talk.conversation.first_seen_ns for talk in talks if talk.conversation.first_seen_ns != NO_TIME]
    last = [talk.conversation.last_seen_ns for talk in talks if talk.conversation.last_seen_ns != NO_TIME]
    verdict, wire_bytes = pair.verdict, pair.wire_bytes
    sent = wire_bytes if source.id == target.id else sum(talk.bytes_from(source) for talk in talks)
    return source, target, {
        "initiator": min((talk.conversation.initiator_how for talk in talks), key=_INITIATOR_ORDER.index),
        "conversations": len(talks),
        "conversations_from_target": 0 if source.id == target.id else sum(t.initiator.id == target.id for t in talks),
        "wire_bytes": wire_bytes,
        "payload_bytes": sum(talk.conversation.payload_bytes for talk in talks),
        "source_to_target_bytes": sent,
        "target_to_source_bytes": wire_bytes - sent,
        "packets": sum(talk.conversation.packets for talk in talks),
        "first_seen_ns": min(first, default=None),
        "last_seen_ns": max(last, default=None),
        "services": _services(talks, applications),
        "left_host": verdict.left_host,
        "verdict": verdict.verdict,
        "grade": verdict.grade,
        "stayed_bytes": verdict.stayed_bytes,
        "left_bytes": verdict.left_bytes,
        "undetermined_bytes": verdict.undetermined_bytes,
        "evidence": [
            {"rule": row.rule, "supports": row.supports, "text": row.text, "points": list(row.points),
             "frames": list(row.frames), "count": row.packets}
            for row in verdict.evidence
        ],
        "would_settle": verdict.would_settle,
    }  # fmt: skip


def service_of(talk: Talk, applications: Mapping[tuple[int, str, int], str]) -> tuple[str, int | None, str | None]:
    """Protocol name, responder's port and application of a conversation."""
    conversation, responder = talk.conversation, talk.high if talk.conversation.initiator_is_low else talk.low
    port = conversation.server_port
    number = conversation.five_tuple.protocol
    names = (applications.get((number, ip, port)) for ip in sorted(responder.ips))
    application = next((name for name in names if name), None)
    return PROTOCOLS.get(number, f"ip-{number}"), port if port >= 0 else None, application


def _services(talks: Sequence[Talk], applications: Mapping[tuple[int, str, int], str]) -> list[dict[str, Any]]:
    """Services of a pair by bytes; past the cap one row of the smallest keeps the sum exact."""
    sums: dict[tuple[str, int | None, str | None], int] = defaultdict(int)
    for talk in talks:
        sums[service_of(talk, applications)] += talk.conversation.wire_bytes
    ranked = sorted(sums.items(), key=lambda item: (-item[1], str(item[0])))
    rows = [
        {"protocol": protocol, "port": port, "application": application, "wire_bytes": size}
        for (protocol, port, application), size in ranked[:SERVICES_KEPT]
    ]
    rest = sum(size for _, size in ranked[SERVICES_KEPT:])
    return [*rows, {"protocol": "others", "port": None, "application": None, "wire_bytes": rest}] if rest else rows


def _add_others(graph: FlowGraph, others: Others) -> None:
    """Packets without a leg, exact in sum, in no pair."""
    group = Endpoint("group:others", "group", "tables full", label="others")
    _add_node(graph, group)
    attributes = graph.edges.get((group.id, group.id))
    if attributes is None:
        graph.add_edge(group.id, group.id, **_empty_edge())
        attributes = graph.edges[group.id, group.id]
    for key, value in (
        ("wire_bytes", others.wire_bytes), ("payload_bytes", others.payload_bytes), ("packets", others.packets),
        ("source_to_target_bytes", others.wire_bytes), ("undetermined_bytes", others.wire_bytes),
    ):  # fmt: skip
        attributes[key] += value
    graph.nodes[group.id]["wire_bytes"] += others.wire_bytes
    graph.nodes[group.id]["packets"] += others.packets


def _empty_edge() -> dict[str, Any]:
    return {
        "initiator": "unknown", "conversations": 0, "conversations_from_target": 0, "wire_bytes": 0, "payload_bytes": 0,
        "source_to_target_bytes": 0, "target_to_source_bytes": 0, "packets": 0, "first_seen_ns": None,
        "last_seen_ns": None, "services": [], "left_host": "undetermined", "verdict": "undetermined",
        "grade": None, "stayed_bytes": 0, "left_bytes": 0, "undetermined_bytes": 0, "evidence": [], "would_settle": [],
    }  # fmt: skip


def shares_of(talks: Sequence[Talk]) -> dict[str, int]:
    """The figures of DESIGN section 4 in bytes, multicast and broadcast apart."""
    sums = dict.fromkeys(
        ("internet", "east_west", "switched", "routed", "path_unknown", "vm_vm", "within_host", "stayed", "left",
         "undetermined", "hairpin"), 0,
    )  # fmt: skip
    for talk in talks:
        if "group" in (talk.low.kind, talk.high.kind):
            continue
        verdict, size = talk.verdict, talk.conversation.wire_bytes
        sums["stayed"] += verdict.stayed_bytes
        sums["left"] += verdict.left_bytes
        sums["undetermined"] += verdict.undetermined_bytes
        sums["hairpin"] += verdict.hairpin_bytes
        if any(_is_internet(endpoint) for endpoint in (talk.low, talk.high)):
            sums["internet"] += size
            continue
        sums["east_west"] += size
        sums[{"switched": "switched", "routed": "routed"}.get(verdict.path, "path_unknown")] += size
        if talk.low.kind == talk.high.kind == "vm":
            sums["vm_vm"] += size
            sums["within_host"] += verdict.stayed_bytes
    return {f"{name}_bytes": value for name, value in sums.items()}


def _is_internet(endpoint: Endpoint) -> bool:
    """One end global and not in the inventory."""
    return not endpoint.records and any(is_global(ip) for ip in endpoint.ips)
