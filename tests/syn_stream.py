"""SYNs of so many 5-tuples, made batch by batch and folded at once: no file, no reader.

``python -m tests.syn_stream COUNT WORKERS`` prints what came of it as JSON; what is true of the packets follows from
their numbers, from 0 on. A process of its own, because its memory is what is looked at.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from flowmap.fold import LegFold
from flowmap.legs import LegSet
from flowmap.packets import COLUMNS, SYN, TCP, V4_PREFIX, PacketBatch
from flowmap.settings import Settings

START_NS, GAP_NS = 1_700_000_000_000_000_000, 10_000
PORTS, FIRST_PORT = 50_000, 1_024
"""Source ports of an address, after which the next address goes on."""

TARGET, SOURCES = V4_PREFIX + 0x0A00_0001, V4_PREFIX + 0x0A01_0001

HEADER_BYTES, IP_HEADERS_BYTES = 54, 40
LARGE, LARGE_PAYLOAD = range(900_000, 1_000_000), 400
"""Packets with so much payload; that of all others is the last digit of their number."""

AGAIN = range(0, 1_000_000, 1_000)
"""Packets that are sent a second time when all were sent once: legs are found that were made long ago."""


def batch_of_syns(numbers: range, order: int) -> PacketBatch:
    """The packets with these numbers, after so many that were sent before."""
    n = np.arange(numbers.start, numbers.stop, numbers.step, dtype=np.int64)
    sent = order + np.arange(len(n))
    payload = np.where((n >= LARGE.start) & (n < LARGE.stop), LARGE_PAYLOAD, n % 10)
    high = np.zeros_like(n)
    values: dict[str, Any] = {
        "frame_number": sent + 1, "time_ns": START_NS + sent * GAP_NS, "point": 0,
        "frame_bytes": HEADER_BYTES + payload, "captured_bytes": HEADER_BYTES, "wire_bytes": HEADER_BYTES + payload,
        "src_mac": 0x0050_5600_0001, "dst_mac": 0x0050_5600_0002, "vlan": -1, "outer_vlan": -1, "tunnel": -1,
        "ip_version": 4, "src_ip": np.stack([high, SOURCES + n // PORTS], axis=1),
        "dst_ip": np.stack([high, high + TARGET], axis=1),
        "protocol": TCP, "src_port": FIRST_PORT + n % PORTS, "dst_port": 80, "ttl": 64, "ip_id": sent % 65_535 + 1,
        "fragment": 0, "ip_bytes": IP_HEADERS_BYTES + payload, "payload_bytes": payload, "tcp_flags": SYN,
        "tcp_seq": n * 7_919 % (1 << 32), "icmp_error": False, "packet_hash": sent + 1,
    }  # fmt: skip
    columns = {
        name: np.empty((len(n), 2) if name in ("src_ip", "dst_ip") else len(n), COLUMNS[name]) for name in COLUMNS
    }
    for name, column in columns.items():
        column[:] = values[name]
    return PacketBatch(**columns, claims=[])


def stream(count: int, batch_packets: int) -> Iterator[PacketBatch]:
    """So many packets in batches, and some of them again."""
    for first in range(0, count, batch_packets):
        yield batch_of_syns(range(first, min(first + batch_packets, count)), first)
    yield batch_of_syns(AGAIN, count)


def peak_bytes() -> int:
    """The most memory that this program has had; getrusage would tell that of the process which started it, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def sums(legs: LegSet) -> dict[str, Any]:
    """What the fold says of all packets, and of the conversations that it kept."""
    columns: Any = legs.legs
    sources = (columns.high_ip[:, 1].astype(np.int64) - SOURCES) * PORTS + columns.high_port - FIRST_PORT
    return {
        **{name: getattr(legs, name) for name in ("packets", "frame_bytes", "wire_bytes", "captured_bytes")},
        **{name: getattr(legs, name) for name in ("first_seen_ns", "last_seen_ns", "five_tuples", "estimated")},
        "truncated_packets": legs.points[0].truncated_packets,
        "others": asdict(legs.others),
        "kept": {name: int(getattr(columns, name).sum()) for name in ("packets", "wire_bytes", "payload_bytes")},
        "kept_numbers": sources.tolist(),
        "kept_frames": columns.first_frame.tolist(),
    }


def document(legs: LegSet, settings: Settings) -> dict[str, Any]:
    """What the map's document says of it."""
    # Judging is no part of folding, nor is the memory of what it imports.
    from flowmap.api.caps import caps_reached
    from flowmap.capture.points import PointKey, Registry, Statements
    from flowmap.inventory import Inventory
    from flowmap.pipeline import make_map
    from flowmap.reading import Reading

    registry = Registry()
    registry.point(PointKey("syn.pcap", 0, 0, -1, ""))
    flow_map = make_map(Reading(registry, legs), Inventory([]), Statements(), settings, "test")
    graph = flow_map.graph
    return {
        "caps": caps_reached(flow_map, settings),
        **{name: graph.graph[name] for name in ("totals", "estimated", "warnings")},
        "edges_wire_bytes": sum(size for _, _, size in graph.edges(data="wire_bytes")),
        "others": graph.edges["group:others", "group:others"],
    }


def main(count: int, workers: int) -> None:
    """Fold, say what the fold has needed, then make the map."""
    settings = Settings(workers=workers)
    fold = LegFold(settings)
    for batch in stream(count, settings.batch_packets):
        fold.add(batch)
    legs = fold.finish()
    told = {"peak_bytes": peak_bytes(), **sums(legs)}
    json.dump({**told, "document": document(legs, settings)}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
