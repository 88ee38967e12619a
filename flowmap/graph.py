"""The VM-to-VM graph: a networkx DiGraph whose attributes are the document of DESIGN section 5.

One edge per unordered pair; its direction says who initiated more conversations. Everything is counted once, so the
edges' ``wire_bytes`` sum to ``unique_bytes``, "others" rows included.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import networkx as nx

from flowmap.conversations import Conversation
from flowmap.figures import HOSTS_KEPT, Figures, Judged
from flowmap.identity.endpoints import Endpoint
from flowmap.legs import Others
from flowmap.locality import Verdict, sum_verdicts
from flowmap.locality.verdict import STAYED, worst_grade
from flowmap.packets import NO_TIME, mac_text
from flowmap.settings import Settings

FlowGraph: TypeAlias = "nx.DiGraph[str]"
"""The type of the graph, so that other stages need not import networkx."""

PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 89: "ospf",
             103: "pim", 112: "vrrp", 132: "sctp"}  # fmt: skip
SERVICES_KEPT = 32
NODE_ITEMS_KEPT = 64
MOVES_LISTED = 1_000
_INITIATOR_ORDER = ("syn", "port", "first", "unknown")


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


@dataclass(slots=True)
class Pair:
    """Two endpoints with all their conversations; ``low`` has the smaller id."""

    low: Endpoint
    high: Endpoint
    talks: list[Talk] = field(default_factory=list)
    wire_bytes: int = 0


def pairs_of(talks: Sequence[Talk]) -> dict[tuple[str, str], Pair]:
    """Group conversations by unordered pair of endpoint ids."""
    pairs: dict[tuple[str, str], Pair] = {}
    for talk in talks:
        key = _pair_key(talk)
        pair = pairs.get(key)
        if pair is None:
            pair = pairs[key] = Pair(*((talk.low, talk.high) if talk.low.id == key[0] else (talk.high, talk.low)))
        pair.talks.append(talk)
        pair.wire_bytes += talk.conversation.wire_bytes
    return pairs


def _pair_key(talk: Talk) -> tuple[str, str]:
    low, high = talk.low.id, talk.high.id
    return (low, high) if low <= high else (high, low)


def fold_outside(talks: Sequence[Talk], settings: Settings) -> tuple[list[Talk], list[dict[str, Any]]]:
    """Fold what a map cannot show into group nodes: external peers, then nodes, then edges beyond their caps.

    Bytes stay exact; each fold is a warning.
    """
    warnings: list[dict[str, Any]] = []
    for name, kinds, cap in (
        ("outside", ("external",), settings.max_external_nodes),
        ("others", ("external", "unknown", "router", "hypervisor", "vm"), settings.max_nodes),
    ):
        folded = _lightest(talks, kinds, cap)
        if folded:
            talks = _folded(talks, folded, Endpoint(f"group:{name}", "group", "folded", label=name))
            warnings.append(_warning(f"folded_{name}", f"{len(folded)} endpoints with the fewest bytes are folded into "
                                     f"group:{name}; their bytes count there.", len(folded)))  # fmt: skip
    if len(talks) > settings.max_edges and len(pairs := pairs_of(talks)) > settings.max_edges:
        ranked_pairs = sorted(pairs, key=lambda key: (-pairs[key].wire_bytes, key))
        group = Endpoint("group:others", "group", "folded", label="others")
        dropped = set(ranked_pairs[settings.max_edges - 1 :])
        talks = [
            Talk(talk.conversation, group, group, talk.verdict) if _pair_key(talk) in dropped else talk
            for talk in talks
        ]
        warnings.append(_warning("folded_pairs", f"{len(dropped)} pairs with the fewest bytes are folded into "
                                 "group:others.", len(dropped)))  # fmt: skip
    return list(talks), warnings


def _lightest(talks: Sequence[Talk], kinds: Collection[str], cap: int) -> set[str]:
    """The ids of the endpoints of some kinds beyond ``cap``, those with the fewest bytes."""
    endpoints = {talk.low.id: talk.low.kind for talk in talks} | {talk.high.id: talk.high.kind for talk in talks}
    weight = {key: 0 for key, kind in endpoints.items() if kind in kinds}
    if len(weight) <= cap:
        return set()
    for talk in talks:
        for key in {talk.low.id, talk.high.id} & weight.keys():
            weight[key] += talk.conversation.wire_bytes
    return set(sorted(weight, key=lambda key: (-weight[key], key))[cap:])


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
    hosts: Mapping[str, Mapping[str, Any]],
) -> FlowGraph:
    """The graph with the attributes of DESIGN section 5.

    Parameters
    ----------
    talks
        Every conversation with its ends and verdict.
    others
        Packets for which no leg was kept; they become a self-loop at ``group:others``.
    facts
        The document's ``graph`` object without its figures, ``unique_bytes`` and ``conversations``, which are made
        here.
    applications
        (protocol, server address, server port) to the application that tshark recognised.
    hosts
        What is known of each host, also of those without traffic (:meth:`.figures.Figures.hosts`).
    """
    shown, warnings = fold_outside(talks, settings)
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[tuple[str, str, dict[str, Any]]] = []
    for pair in pairs_of(shown).values():
        source, target, attributes = _edge(pair, applications)
        edges.append((source.id, target.id, attributes))
        for endpoint in (source, target) if source.id != target.id else (source,):
            node = nodes.get(endpoint.id)
            if node is None:
                node = nodes[endpoint.id] = _node(endpoint)
            node["wire_bytes"] += attributes["wire_bytes"]
            node["packets"] += attributes["packets"]
    graph: FlowGraph = nx.DiGraph()
    graph.add_nodes_from(nodes.items())
    graph.add_edges_from(edges)
    if others.packets:
        _add_others(graph, others)
    totals = dict(facts["totals"])
    totals["unique_bytes"] = sum(attributes["wire_bytes"] for _, _, attributes in graph.edges(data=True))
    totals["conversations"] = len(talks)
    figures = Figures(
        Judged(talk.low, talk.high, talk.verdict, talk.conversation.wire_bytes, service_of(talk, applications))
        for talk in talks
    )
    rows = figures.hosts(hosts)
    if len(rows) == HOSTS_KEPT:
        warnings.append(_warning("hosts_listed", f"Only the {HOSTS_KEPT:,} hosts with most bytes are listed.", 1))
    moves = [move for move in facts["moves"] if move["node"] in graph]
    if len(moves) > MOVES_LISTED:
        warnings.append(_warning("moves_listed", f"Only the first {MOVES_LISTED:,} moves of VMs are listed.", 1))
    graph.graph.update(
        facts, totals=totals, shares=figures.shares(), grades=figures.grades(), hosts=rows,
        moves=moves[:MOVES_LISTED], range=None, services=figures.services(),
        warnings=[*facts["warnings"], *warnings],
    )  # fmt: skip
    return graph


def _node(endpoint: Endpoint) -> dict[str, Any]:
    """The attributes of a node, its sums still 0."""
    return {
        "label": endpoint.label or endpoint.id,
        "kind": endpoint.kind,
        "host": endpoint.host,
        "vswitch": endpoint.vswitch,
        "segments": sorted(endpoint.segments)[:NODE_ITEMS_KEPT],
        "macs": [mac_text(mac) for mac in sorted(endpoint.macs)[:NODE_ITEMS_KEPT]],
        "ips": sorted(endpoint.ips)[:NODE_ITEMS_KEPT],
        "names": [{"name": name, "source": source} for name, source in endpoint.names],
        "wire_bytes": 0,
        "packets": 0,
    }


def _edge(pair: Pair, applications: Mapping[tuple[int, str, int], str]) -> tuple[Endpoint, Endpoint, dict[str, Any]]:
    """Source, target and attributes of a pair's edge."""
    sums = _sums(pair)
    low_opened_most, to_itself = 2 * sums.opened_by_low >= len(pair.talks), pair.low.id == pair.high.id
    source, target = (pair.low, pair.high) if low_opened_most else (pair.high, pair.low)
    from_target = len(pair.talks) - sums.opened_by_low if low_opened_most else sums.opened_by_low
    verdict, wire_bytes = sum_verdicts([talk.verdict for talk in pair.talks]), pair.wire_bytes
    sent = wire_bytes if to_itself else sums.from_low if low_opened_most else wire_bytes - sums.from_low
    return source, target, {
        "initiator": _INITIATOR_ORDER[sums.initiator],
        "conversations": len(pair.talks),
        "conversations_from_target": 0 if to_itself else from_target,
        "wire_bytes": wire_bytes,
        "payload_bytes": sums.payload_bytes,
        "source_to_target_bytes": sent,
        "target_to_source_bytes": wire_bytes - sent,
        "packets": sums.packets,
        "first_seen_ns": None if sums.first_seen_ns == NO_TIME else sums.first_seen_ns,
        "last_seen_ns": None if sums.last_seen_ns == NO_TIME else sums.last_seen_ns,
        "services": _services(pair.talks, applications),
        "left_host": verdict.left_host,
        "verdict": verdict.verdict,
        "grade": verdict.grade,
        "stayed_bytes": verdict.stayed_bytes,
        "left_bytes": verdict.left_bytes,
        "undetermined_bytes": verdict.undetermined_bytes,
        "hairpin_bytes": verdict.hairpin_bytes,
        "stayed_grade": worst_grade(
            part.grade for talk in pair.talks for part in talk.verdict.parts if part.word == STAYED
        ),
        "evidence": [
            {"rule": row.rule, "supports": row.supports, "text": row.text, "points": list(row.points),
             "frames": list(row.frames), "count": row.packets}
            for row in verdict.evidence
        ],
        "would_settle": list(verdict.would_settle),
    }  # fmt: skip


class _Sums(NamedTuple):
    """What the conversations of a pair add up to; ``low`` is the pair's end with the smaller id."""

    from_low: int
    opened_by_low: int
    payload_bytes: int
    packets: int
    first_seen_ns: int
    last_seen_ns: int
    initiator: int


def _sums(pair: Pair) -> _Sums:
    from_low = opened_by_low = payload_bytes = packets = 0
    first_ns = last_ns = NO_TIME
    initiator = len(_INITIATOR_ORDER)
    for talk in pair.talks:
        conversation = talk.conversation
        forward, backward = conversation.forward, conversation.backward
        low_is_low = talk.low.id == pair.low.id
        from_low += forward.wire_bytes if low_is_low else backward.wire_bytes
        opened_by_low += talk.initiator.id == pair.low.id
        payload_bytes += forward.payload_bytes + backward.payload_bytes
        packets += forward.packets + backward.packets
        if conversation.first_seen_ns != NO_TIME and (first_ns == NO_TIME or conversation.first_seen_ns < first_ns):
            first_ns = conversation.first_seen_ns
        last_ns = max(last_ns, conversation.last_seen_ns)
        initiator = min(initiator, _INITIATOR_ORDER.index(conversation.initiator_how))
    return _Sums(from_low, opened_by_low, payload_bytes, packets, first_ns, last_ns, initiator)


def service_of(talk: Talk, applications: Mapping[tuple[int, str, int], str]) -> tuple[str, int | None, str | None]:
    """Protocol name, responder's port and application of a conversation."""
    conversation = talk.conversation
    port, number = conversation.server_port, conversation.five_tuple.protocol
    application = None
    if applications:
        responder = talk.high if conversation.initiator_is_low else talk.low
        names = (applications.get((number, ip, port)) for ip in sorted(responder.ips))
        application = next((name for name in names if name), None)
    return PROTOCOLS.get(number) or f"ip-{number}", port if port >= 0 else None, application


def _services(talks: Sequence[Talk], applications: Mapping[tuple[int, str, int], str]) -> list[dict[str, Any]]:
    """Services of a pair by bytes; past the cap one row of the smallest keeps the sum exact."""
    sums: dict[tuple[str, int | None, str | None], int] = {}
    for talk in talks:
        service = service_of(talk, applications)
        sums[service] = sums.get(service, 0) + talk.conversation.wire_bytes
    ranked = list(sums.items())
    if len(ranked) > 1:
        ranked.sort(key=lambda item: (-item[1], str(item[0])))
    rows = [
        {"protocol": protocol, "port": port, "application": application, "wire_bytes": size}
        for (protocol, port, application), size in ranked[:SERVICES_KEPT]
    ]
    if len(ranked) <= SERVICES_KEPT:
        return rows
    rest = sum(size for _, size in ranked[SERVICES_KEPT:])
    return [*rows, {"protocol": "others", "port": None, "application": None, "wire_bytes": rest}] if rest else rows


def _add_others(graph: FlowGraph, others: Others) -> None:
    """Packets without a leg, exact in sum, in no pair."""
    group = Endpoint("group:others", "group", "tables full", label="others")
    if group.id not in graph:
        graph.add_node(group.id, **_node(group))
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
        "grade": None, "stayed_bytes": 0, "left_bytes": 0, "undetermined_bytes": 0, "hairpin_bytes": 0,
        "stayed_grade": None, "evidence": [], "would_settle": [],
    }  # fmt: skip
