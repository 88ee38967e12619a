"""The result of an analysis on disk: the graph document, and tables to ask.

``result-<revision>/`` holds ``map.json`` (the document of DESIGN section 5), the tables of
:data:`flowmap.store.columns.OF_RESULT` as Parquet, and ``facts.json``: what questions need beside them. The link
``map.json`` beside it names the newest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flowmap.evidence import AddressTexts, fold_legs
from flowmap.evidence.pair_legs import KEY_WORDS, leg_rows
from flowmap.export import document, dumps
from flowmap.export.safe_text import escape
from flowmap.graph import Talk, fold_outside, pairs_of
from flowmap.pipeline import FlowMap
from flowmap.settings import Settings
from flowmap.store import columns
from flowmap.store.places import RESULT, newest, part_path, publish
from flowmap.store.slices import Lane, SliceColumns
from flowmap.tables import Table, Values, table_writer, write_table
from flowmap.views import conversation_row, placement

FORMAT = 1
"""Goes up whenever what is written here changes its meaning: only the document of another format is shown."""

FACTS = "facts.json"

HAIRPINS = ("hairpin_routed", "hairpin_reflected")


class Result(NamedTuple):
    """What is known of a result without opening it; ``is_current`` is False for one of an earlier version."""

    revision: int
    t0_ns: int | None
    is_current: bool = True


def write(folder: Path, flow_map: FlowMap, settings: Settings, *, captures_are_kept: bool = False) -> Result:
    """Make a result the map's current one; the ones before it stay a while for those who are reading them.

    With ``captures_are_kept`` it holds what finds the packets of a pair in them.
    """

    def fill(part: Path) -> None:
        whole = document(flow_map.graph)
        (part / RESULT.link).write_bytes(dumps(whole).encode())
        tables, facts = _tables(flow_map, whole, settings, captures_are_kept=captures_are_kept)
        (part / FACTS).write_bytes(dumps(facts).encode())
        for table, given in tables:
            write_table(table_writer(folder), part, table, given)

    revision = publish(folder, RESULT, fill)
    return Result(revision, flow_map.graph.graph["totals"]["first_seen_ns"])


def current(folder: Path) -> Result:
    """The newest result of a map's folder; revision 0 when there is none."""
    revision = newest(folder, RESULT)
    if not revision:
        return Result(0, None)
    try:
        facts = read_facts(folder, revision)
        return Result(revision, facts["t0_ns"])
    except (OSError, ValueError, KeyError, AttributeError):  # also one that a disk has damaged: it is made anew
        return Result(revision if document_path(folder, revision).exists() else 0, None, is_current=False)


def document_path(folder: Path, revision: int) -> Path:
    """Where the document of a revision is."""
    return part_path(folder, RESULT, revision) / RESULT.link


def load_document(folder: Path, revision: int) -> dict[str, Any]:
    """The parsed document of a revision."""
    loaded: dict[str, Any] = json.loads(document_path(folder, revision).read_bytes())
    return loaded


@lru_cache(maxsize=2)
def shared_document(folder: Path, revision: int) -> dict[str, Any]:
    """A parsed document, kept for the next question; nobody may change it."""
    return load_document(folder, revision)


def read_facts(folder: Path, revision: int) -> dict[str, Any]:
    """What ``facts.json`` of a revision holds::

        {"format", "t0_ns": int|null, "last_seen_ns": int|null, "slice_ns", "first_bucket": int|null,
         "last_bucket": int|null, "conversations", "points", "tunnels", "legs_are_missing", "graph": of the document}

    Raises
    ------
    FileNotFoundError
        There is no such result, or it is of another format.
    """
    facts: dict[str, Any] = json.loads((part_path(folder, RESULT, revision) / FACTS).read_bytes())
    if facts.get("format") != FORMAT:
        raise FileNotFoundError(FACTS)
    return facts


def _tables(
    flow_map: FlowMap, whole: Mapping[str, Any], settings: Settings, *, captures_are_kept: bool
) -> tuple[list[tuple[Table, Mapping[str, Values]]], dict[str, Any]]:
    """The tables of a result with their columns, and its facts."""
    shown, _ = fold_outside(flow_map.talks, settings)
    numbers = {(edge["source"], edge["target"]): number for number, edge in enumerate(whole["edges"])}
    pairs = [_pair_number(seen, numbers) for seen in shown]
    conversations, slices, services = _conversations(flow_map, shown, pairs, whole["edges"])
    tables: list[tuple[Table, Mapping[str, Values]]] = [
        (columns.NODES, _nodes(flow_map, whole["nodes"], shown, settings)),
        (columns.EDGES, _edges(flow_map, whole["edges"], shown)),
        (columns.CONVERSATIONS, conversations),
        (columns.SLICES, slices.given()),
        (columns.SERVICES_OF_SLICES, services),
    ]
    if captures_are_kept:
        tables.append((columns.PAIR_LEGS, _pair_legs(flow_map, pairs)))
    reading, totals = flow_map.reading, whole["graph"]["totals"]
    first_bucket, last_bucket = slices.span()
    facts = {
        "format": FORMAT,
        "t0_ns": totals["first_seen_ns"],
        "last_seen_ns": totals["last_seen_ns"],
        "slice_ns": reading.legs.slice_ns,
        "first_bucket": first_bucket,
        "last_bucket": last_bucket,
        "conversations": len(shown),
        "points": [[list(p.key), p.interface, p.role, p.host, p.linktype] for p in flow_map.points],
        "tunnels": [list(tunnel) for tunnel in reading.registry.tunnels],
        "legs_are_missing": reading.legs.others.packets > 0,
        "graph": whole["graph"],
    }
    return tables, facts


def _pair_number(seen: Talk, numbers: Mapping[tuple[str, str], int]) -> int:
    low, high = seen.low.id, seen.high.id
    number = numbers.get((low, high))
    return numbers[high, low] if number is None else number


def _conversations(
    flow_map: FlowMap, shown: Sequence[Talk], pairs: Sequence[int], edges: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Values], SliceColumns, Mapping[str, Values]]:
    """The columns of conversations, of slices and of the services that slices number."""
    given: dict[str, list[Any]] = {column.name: [] for column in columns.CONVERSATIONS.columns}
    texts, slices, services = _Texts(), SliceColumns(), _Numbers()
    adders = {name: values.append for name, values in given.items()}
    for number, (talk, seen, pair) in enumerate(zip(flow_map.talks, shown, pairs, strict=True)):
        edge, row, verdict = edges[pair], conversation_row(flow_map, talk), talk.verdict
        source, target = edge["source"], edge["target"]
        initiator, responder = row["initiator"], row["responder"]
        flat = {
            "id": number, "pair": pair, "source": texts[source], "target": texts[target],
            "protocol": row["protocol"], "application": texts[row["application"]], "domain": texts[row["domain"]],
            "initiator": texts[initiator["node"]], "initiator_ip": initiator["ip"],
            "initiator_port": initiator["port"], "responder": texts[responder["node"]],
            "responder_ip": responder["ip"], "responder_port": responder["port"], "connections": row["connections"],
            "wire_bytes": row["wire_bytes"], "payload_bytes": row["payload_bytes"], "sent_bytes": row["sent_bytes"],
            "received_bytes": row["received_bytes"], "packets": row["packets"],
            "first_seen_ns": row["first_seen_ns"], "last_seen_ns": row["last_seen_ns"], "verdict": row["verdict"],
            "left_host": row["left_host"], "grade": row["grade"], "stayed_bytes": verdict.stayed_bytes,
            "left_bytes": verdict.left_bytes,
        }  # fmt: skip
        for name, value in flat.items():
            adders[name](value)
        service = services[row["protocol"], responder["port"], row["application"]]
        from_target = seen.initiator.id == target != source
        lane = Lane(
            number, pair, service, _lane(row), from_target, row["wire_bytes"], verdict.stayed_bytes, verdict.left_bytes
        )
        low_is_source, both = seen.low.id == source, source == target
        conversation = talk.conversation
        slices.add(lane, conversation.forward.slices, low_is_source or both)
        slices.add(lane, conversation.backward.slices, not low_is_source or both)
        slices.end(lane)
    protocols, ports, applications = zip(*services, strict=True) if services else ((), (), ())
    return given, slices, {
        "number": list(range(len(services))), "protocol": protocols, "port": ports,
        "application": [texts[name] for name in applications],
    }  # fmt: skip


def _lane(row: Mapping[str, Any]) -> str:
    """The series of the timeline that a conversation's bytes are in."""
    if row["left_host"] == "left" and row["verdict"] in HAIRPINS:
        return "hairpin"
    return row["left_host"] or "group"


class _Texts(dict[str | None, str | None]):
    """Text as the tables have it; most of it stands in many rows."""

    def __missing__(self, text: str | None) -> str | None:
        escaped = self[text] = None if text is None else escape(text)
        return escaped


class _Numbers(dict[Any, int]):
    """Numbers of things in order of their appearance."""

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        return number


def _nodes(
    flow_map: FlowMap, nodes: Sequence[Mapping[str, Any]], shown: Sequence[Talk], settings: Settings
) -> Mapping[str, Values]:
    ends = {end.id: end for talk in shown for end in (talk.low, talk.high)}
    given: dict[str, list[Any]] = defaultdict(list)
    for number, node in enumerate(nodes):
        placed = placement(flow_map, ends.get(node["id"]), settings)
        rest = {name: value for name, value in node.items() if name not in columns.NODE_SUMS}
        flat = {
            "number": number, **{name: _escaped(node[name]) for name in ("id", "label", "kind", "host", "vswitch")},
            **{name: _json_texts(node[name]) for name in ("segments", "macs", "ips")},
            "spellings": _json_texts(spellings(node)), **{name: node[name] for name in columns.NODE_SUMS},
            "rest": dumps(rest), "placement": None if placed is None else dumps(placed),
        }  # fmt: skip
        for name, value in flat.items():
            given[name].append(value)
    return given or {column.name: [] for column in columns.NODES.columns}


def spellings(node: Mapping[str, Any]) -> list[str]:
    """What people may call a node, case folded."""
    names = [node["id"], node["label"], *node["ips"], *node["macs"], *(name["name"] for name in node["names"])]
    return list(dict.fromkeys(name.casefold() for name in names))


def _edges(flow_map: FlowMap, edges: Sequence[Mapping[str, Any]], shown: Sequence[Talk]) -> Mapping[str, Values]:
    """The columns of edges; the one of packets that no conversation was kept for has no sightings."""
    legs, pairs, texts = flow_map.legs, pairs_of(shown), AddressTexts()
    given: dict[str, list[Any]] = defaultdict(list)
    replaced = {*columns.EDGE_SUMS, "services"}
    for number, edge in enumerate(edges):
        source, target = edge["source"], edge["target"]
        pair = pairs.get((min(source, target), max(source, target)))
        services = [row | {"application": _escaped(row["application"])} for row in edge["services"]]
        flat = {
            "number": number, "source": _escaped(source), "target": _escaped(target), "left_host": edge["left_host"],
            "verdict": edge["verdict"], "grade": edge["grade"], **{name: edge[name] for name in columns.EDGE_SUMS},
            "first_seen_ns": edge["first_seen_ns"], "last_seen_ns": edge["last_seen_ns"],
            "services": json.dumps(services),
            "rest": dumps({name: value for name, value in edge.items() if name not in replaced}),
            "sightings": json.dumps(fold_legs(legs, pair.talks if pair else [], source, texts)),
        }  # fmt: skip
        for name, value in flat.items():
            given[name].append(value)
    return given or {column.name: [] for column in columns.EDGES.columns}


def _pair_legs(flow_map: FlowMap, pairs: Sequence[int]) -> Mapping[str, Values]:
    rows = leg_rows(flow_map.reading.legs.legs)
    numbers: list[int] = []
    owners: list[int] = []
    for talk, pair in zip(flow_map.talks, pairs, strict=True):
        for way in (talk.conversation.forward, talk.conversation.backward):
            numbers += way.legs
            owners += [pair] * len(way.legs)
    chosen = np.ascontiguousarray(rows[np.array(numbers, np.int64)].T)
    names = [column.name for column in columns.PAIR_LEGS.columns[1:]]
    given: dict[str, Values] = {"pair": np.array(owners, np.int32)}
    for place, name in enumerate(names):
        is_address = place < 4 <= KEY_WORDS
        given[name] = chosen[place].view(np.uint64) if is_address else chosen[place]
    return given


def _escaped(text: str | None) -> str | None:
    return None if text is None else escape(text)


def _json_texts(texts: Sequence[str]) -> str:
    return json.dumps([escape(text) for text in texts])
