"""``python -m bench.store``: questions to a stored map of a million conversations.

The tables are made by construction, without a capture: 1,000 machines, 5,000 pairs, three time buckets for each
conversation. Every question is asked once by a process that has never opened the map ("first") and then again and
again ("warm"); printed are milliseconds. A question is everything the server does for it but HTTP.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flowmap.export import dumps
from flowmap.settings import Settings
from flowmap.store import columns
from flowmap.store.conversations import condition, page, timeline
from flowmap.store.narrowed import GraphFilter, narrowed
from flowmap.store.opened import OpenResult, opened
from flowmap.store.pairs import find_pair, placement
from flowmap.store.places import RESULT, publish
from flowmap.store.result import FACTS, FORMAT
from flowmap.tables import table_writer, write_table

CONVERSATIONS, PAIRS, NODES, BUCKETS, SERVICES = 1_000_000, 5_000, 1_000, 3_600, 40
ROWS_EACH = 3
"""Time buckets of a conversation."""

SERVICES_EACH = 3
"""Services of a pair."""

START_NS = 1_700_000_000_000_000_000
ASKED = 15
WORDS = np.array(["stayed", "left", "mixed", "undetermined"], object)
EVIDENCE = [
    {"rule": "row 2", "supports": True, "text": "Both ports of the vSwitch carried the packets." * 3, "points": ["a:1"],
     "frames": [1, 2, 3], "count": 12}
] * 3  # fmt: skip


def make(folder: Path) -> None:
    """Write the tables of a result as the map's newest."""
    random = np.random.default_rng(6)
    pair = np.sort(random.integers(0, PAIRS, CONVERSATIONS))
    random.shuffle(pair)
    ends = np.array(sorted({(a, b) for a, b in random.integers(0, NODES, (PAIRS * 2, 2)).tolist() if a != b})[:PAIRS])
    ids = np.array([f"vm:machine-{number:04}" for number in range(NODES)], object)
    addresses = np.array([f"10.0.{number >> 8}.{number & 255}" for number in range(NODES)], object)
    service = (pair * 7 + random.integers(0, SERVICES_EACH, CONVERSATIONS)) % SERVICES
    ports = 1 + service * 7
    applications = np.array([None, "tls", "http", "dns"] * (SERVICES // 4), object)
    word = WORDS[pair % 4]
    sizes = random.integers(60, 1_500, (CONVERSATIONS, ROWS_EACH)) * random.integers(1, 400, (CONVERSATIONS, 1))
    wire_bytes = sizes.sum(axis=1)
    first = random.integers(0, BUCKETS - 10, CONVERSATIONS) + START_NS // 10**9
    buckets = first[:, None] + np.arange(ROWS_EACH) * random.integers(1, 4, (CONVERSATIONS, 1))
    times = {"first_seen_ns": buckets[:, 0] * 10**9, "last_seen_ns": buckets[:, -1] * 10**9}
    stayed, left = (np.where(word == name, wire_bytes, 0) for name in ("stayed", "left"))
    source, target = ids[ends[pair, 0]], ids[ends[pair, 1]]
    numbers = np.arange(CONVERSATIONS)
    same = np.full(CONVERSATIONS, "tcp", object)
    conversations: dict[str, Any] = {
        "id": numbers, "pair": pair, "source": source, "target": target, "protocol": same,
        "application": applications[service], "domain": np.full(CONVERSATIONS, "", object), "initiator": source,
        "initiator_ip": addresses[ends[pair, 0]], "initiator_port": 32_768 + numbers % 28_000, "responder": target,
        "responder_ip": addresses[ends[pair, 1]], "responder_port": ports, "connections": np.ones_like(numbers),
        "wire_bytes": wire_bytes, "payload_bytes": wire_bytes // 2, "sent_bytes": wire_bytes // 3,
        "received_bytes": wire_bytes - wire_bytes // 3, "packets": wire_bytes // 500, **times,
        "verdict": np.where(word == "stayed", "intra_host_switched", "inter_host").astype(object), "left_host": word,
        "grade": np.full(CONVERSATIONS, "proven", object), "stayed_bytes": stayed, "left_bytes": left,
    }  # fmt: skip
    flat, each = sizes.reshape(-1), np.repeat(numbers, ROWS_EACH)
    previous = np.roll(buckets, 1, axis=1)
    previous[:, 0] = np.iinfo(np.int64).min
    slices: dict[str, Any] = {
        "bucket": buckets.reshape(-1), "conversation": each, "pair": pair[each], "service": service[each],
        "lane": word[each], "previous_bucket": previous.reshape(-1), "from_target": (numbers % 5 == 0)[each],
        "packets": flat // 500, "wire_bytes": flat, "payload_bytes": flat // 2, "source_to_target_bytes": flat // 3,
        "stayed_bytes": np.where(word == "stayed", 1, 0)[each] * flat,
        "left_bytes": np.where(word == "left", 1, 0)[each] * flat,
    }  # fmt: skip
    services: dict[str, Any] = {
        "number": list(range(SERVICES)), "protocol": ["tcp"] * SERVICES,
        "port": [1 + number * 7 for number in range(SERVICES)], "application": applications,
    }  # fmt: skip

    def fill(part: Path) -> None:
        graph = {"totals": {"unique_bytes": int(wire_bytes.sum()), "conversations": CONVERSATIONS}, "warnings": []}
        facts = {
            "format": FORMAT, "t0_ns": START_NS, "last_seen_ns": START_NS + BUCKETS * 10**9, "slice_ns": 10**9,
            "first_bucket": int(buckets.min()), "last_bucket": int(buckets.max()), "conversations": CONVERSATIONS,
            "points": [], "tunnels": [], "legs_are_missing": False, "graph": graph,
        }  # fmt: skip
        (part / FACTS).write_text(dumps(facts))
        (part / RESULT.link).write_text("{}")
        sums = {
            "conversations": np.bincount(pair, minlength=PAIRS),
            **{
                name: np.bincount(pair, values, PAIRS).astype(np.int64)
                for name, values in (("wire_bytes", wire_bytes), ("stayed_bytes", stayed), ("left_bytes", left))
            },
        }
        tables: list[tuple[Any, dict[str, Any]]] = [
            (columns.NODES, _nodes(ids, addresses)),
            (columns.EDGES, _edges(ids, ends, sums)),
            (columns.CONVERSATIONS, conversations),
            (columns.SLICES, slices),
            (columns.SERVICES_OF_SLICES, services),
        ]
        for table, given in tables:
            write_table(table_writer(folder), part, table, given)

    publish(folder, RESULT, fill)


def _nodes(ids: Any, addresses: Any) -> dict[str, Any]:
    texts = [json.dumps([f"VLAN {number % 20}"]) for number in range(NODES)]
    known = [json.dumps([one, address]) for one, address in zip(ids, addresses, strict=True)]
    rest = [dumps({"id": one, "label": one, "kind": "vm", "ips": [], "segments": []}) for one in ids]
    return {
        "number": list(range(NODES)), "id": ids, "label": ids, "kind": ["vm"] * NODES, "host": [None] * NODES,
        "vswitch": [None] * NODES, "segments": texts, "macs": ["[]"] * NODES, "ips": known, "spellings": known,
        "wire_bytes": [1] * NODES, "packets": [1] * NODES, "rest": rest, "placement": ['{"rows": []}'] * NODES,
    }  # fmt: skip


def _edges(ids: Any, ends: Any, sums: dict[str, Any]) -> dict[str, Any]:
    source, target = ids[ends[:, 0]], ids[ends[:, 1]]
    words = WORDS[np.arange(PAIRS) % 4]
    rest = [
        dumps({"source": one, "target": other, "left_host": word, "evidence": EVIDENCE, "would_settle": []})
        for one, other, word in zip(source, target, words, strict=True)
    ]
    zeros = np.zeros(PAIRS, np.int64)
    listed = json.dumps([{"protocol": "tcp", "port": 443, "application": "tls", "wire_bytes": 1}])
    return {
        "number": np.arange(PAIRS), "source": source, "target": target, "left_host": words,
        "verdict": np.full(PAIRS, "inter_host", object), "grade": np.full(PAIRS, "proven", object),
        **{name: sums.get(name, zeros) for name in columns.EDGE_SUMS},
        "first_seen_ns": np.full(PAIRS, START_NS), "last_seen_ns": np.full(PAIRS, START_NS),
        "services": [listed] * PAIRS, "rest": rest, "sightings": ["[[]]"] * PAIRS,
    }  # fmt: skip


def questions() -> dict[str, Callable[[OpenResult], Any]]:
    """What people ask, by name."""
    one, other = "vm:machine-0000", "vm:machine-0000"

    def pair(result: OpenResult) -> tuple[str, str]:
        nonlocal one, other
        if one == other:
            ((one, other),) = result.rows("SELECT source, target FROM read_parquet($edges) WHERE number = 17")
        return one, other

    half = (0.0, BUCKETS * 500.0)
    return {
        "graph, largest 100 pairs": lambda result: narrowed(result, GraphFilter(top=100)),
        "graph, one word": lambda result: narrowed(result, GraphFilter(left_host=("left",))),
        "graph, one VM": lambda result: narrowed(result, GraphFilter(vm="10.0.1.7")),
        "graph, one service": lambda result: narrowed(result, GraphFilter(service="tcp/443")),
        "graph, one segment, 1 MB": lambda result: narrowed(result, GraphFilter(segment="VLAN 3", min_bytes=10**6)),
        "graph, one minute": lambda result: narrowed(result, GraphFilter(range_ms=(60_000.0, 120_000.0))),
        "graph, half of the time": lambda result: narrowed(result, GraphFilter(range_ms=half)),
        "graph, all of the time, top 100": lambda result: narrowed(result, GraphFilter(range_ms=(0.0, None), top=100)),
        "pair": lambda result: (find_pair(result, *pair(result)), page(result, condition(pair(result)), 100)),
        "placement": lambda result: placement(result, "vm:machine-0007"),
        "conversations, first page": lambda result: page(result, condition(), 100),
        "conversations, page in the middle": lambda result: page(result, condition(), 100, "500000-7"),
        "conversations, one word": lambda result: page(result, condition(left_host=("left",)), 100),
        "conversations, one service": lambda result: page(result, condition(service="tls"), 100),
        "conversations, one port of a pair": lambda result: page(result, condition(pair(result), service="281"), 100),
        "timeline": lambda result: timeline(result, 400),
        "timeline, one pair": lambda result: timeline(result, 400, pair=pair(result)),
        "timeline, one VM": lambda result: timeline(result, 400, node="vm:machine-0007"),
    }


def ask(folder: Path, name: str) -> None:
    """Ask one question in this process; the first time and the median of the others, in milliseconds, as JSON."""
    settings, question, times = Settings(), questions()[name], []
    for _ in range(1 + ASKED):
        start = time.perf_counter()
        with opened(folder, 1, settings) as result:
            question(result)
        times.append((time.perf_counter() - start) * 1e3)
    say(json.dumps([times[0], statistics.median(times[1:]), max(times[1:])]))


def say(text: str) -> None:
    """A line for the person who started it."""
    sys.stdout.write(text + "\n")


def main() -> None:
    """Make the tables, ask every question in a process of its own, and print the times."""
    if len(sys.argv) == 3:
        ask(Path(sys.argv[1]), sys.argv[2])
        return
    with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as made:
        folder = Path(made)
        start = time.perf_counter()
        make(folder)
        sizes = {path.stem: path.stat().st_size for path in (folder / "result-1").glob("*.parquet")}
        say(f"{CONVERSATIONS:,} conversations written in {time.perf_counter() - start:.1f} s:")
        say(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sorted(sizes.items())))
        say(f"{'ms':36}{'first':>9}{'warm':>9}{'worst':>9}")
        for name in questions():
            answer = subprocess.run(
                [sys.executable, "-m", "bench.store", str(folder), name], check=True, capture_output=True, text=True
            )
            say(f"{name:36}" + "".join(f"{value:9.1f}" for value in json.loads(answer.stdout)))


if __name__ == "__main__":
    main()
