"""Seeded random batches from tiny universes, so that everything a fold has to notice happens often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flowmap.packets import COLUMNS, NO_TIME, Claim, PacketBatch

START_NS = 1_700_000_000_000_000_000
V4 = [0xFFFF_0A00_0001 + number for number in range(4)]
V6_HIGH, V6_LOW = [0x2001_0DB8 << 32, 0xFE80 << 48], [1, 2, 2**64 - 1]


def random_batch(
    rng: np.random.Generator, count: int, first_frame: int = 1, addresses: int = 3, span_ns: int = 3 * 10**9
) -> PacketBatch:
    """``count`` packets of one file, in the order of the file.

    ``addresses`` widens the universe of addresses (at most 2**24); ``span_ns`` is the time that the packets take.
    """

    def some(values: list[int], weights: list[float] | None = None) -> Any:
        return rng.choice(np.array(values, dtype=np.int64), count, p=weights)

    rows: dict[str, Any] = {}
    rows["frame_number"] = first_frame + np.cumsum(rng.integers(1, 3, count)) - 1
    when = np.sort(rng.integers(0, span_ns, count)) + some([0, 0, 0, -(10**9), 10**9])
    rows["time_ns"] = np.where(rng.random(count) < 0.03, NO_TIME, START_NS + 2 * 10**9 + when)
    rows["point"] = some([3, 0, 1, 2], [0.6, 0.3, 0.07, 0.03])
    rows["captured_bytes"] = some([60, 100])
    rows["frame_bytes"] = rows["captured_bytes"] + some([0, 0, 0, 40])
    rows["wire_bytes"] = rows["frame_bytes"] + some([0, 4])
    rows["src_mac"] = some([-1, 0xFFFF_FFFF_FFFF, 0x0050_5600_0001, 0], [0.01, 0.01, 0.97, 0.01])
    rows["dst_mac"] = some([-1, 0xFFFF_FFFF_FFFF, 0x0050_5600_0002, 0], [0.01, 0.01, 0.97, 0.01])
    rows["vlan"] = some([-1, 0, 10, 4095], [0.94, 0.02, 0.02, 0.02])
    rows["outer_vlan"] = some([-1, 0, 4095], [0.96, 0.02, 0.02])
    rows["tunnel"] = some([-1, 0, 1], [0.96, 0.02, 0.02])
    rows["ip_version"] = some([4, 6, 0], [0.8, 0.15, 0.05])
    is_v6 = rows["ip_version"] == 6
    for name in ("src_ip", "dst_ip"):
        v4 = np.array(V4[:1], dtype=np.uint64) + rng.integers(0, addresses, count).astype(np.uint64)
        high = rng.choice(np.array(V6_HIGH, dtype=np.uint64), count)
        low = rng.choice(np.array(V6_LOW, dtype=np.uint64), count)
        rows[name] = np.stack([np.where(is_v6, high, np.uint64(0)), np.where(is_v6, low, v4)], axis=1)
    rows["protocol"] = some([6, 17, 132, 1, 58], [0.6, 0.25, 0.05, 0.05, 0.05])
    ports = np.isin(rows["protocol"], (6, 17, 132))
    rows["fragment"] = np.where(ports, some([0, 1, 2], [0.9, 0.05, 0.05]), 0)
    ports &= rows["fragment"] != 2
    rows["src_port"] = np.where(ports, some([0, 80, 40_000, 65_535], [0.05, 0.4, 0.5, 0.05]), -1)
    rows["dst_port"] = np.where(ports, some([0, 80, 40_000, 65_535], [0.05, 0.4, 0.5, 0.05]), -1)
    rows["ttl"] = some([64, 63, 255, 0, -1], [0.8, 0.1, 0.03, 0.04, 0.03])
    rows["ip_id"] = some([-1, 0, 1, 2, 2**31 - 1], [0.2, 0.1, 0.3, 0.3, 0.1])
    rows["payload_bytes"] = some([0, 1, 1000])
    rows["ip_bytes"] = 40 + rows["payload_bytes"]
    tcp = ports & (rows["protocol"] == 6)
    captured = tcp & (rng.random(count) < 0.97)
    rows["tcp_flags"] = np.where(captured, some([0x10, 2, 0x12, 0x11, 4, 0x18], [0.6, 0.1, 0.05, 0.05, 0.1, 0.1]), -1)
    near_wrap = rng.integers(0, 4000, count) + some([0, 2**32 - 4000, 2**31, 2**30 * 3, 7_000_000])
    rows["tcp_seq"] = np.where(tcp, np.where(rng.random(count) < 0.3, some([1, 5]), near_wrap % 2**32), -1)
    rows["icmp_error"] = np.zeros(count)
    # Hashes at both ends of their range, many of them equal.
    rows["packet_hash"] = rng.integers(1, 30, count).astype(np.uint64) * rng.choice(
        np.array([1, 2**59, 2**63 + 5, 1234567], dtype=np.uint64), count
    )
    rows["packet_hash"][rng.random(count) < 0.01] = 2**64 - 1
    rows["packet_hash"][rng.random(count) < 0.01] = 0
    claims = [Claim(int(rng.integers(3)), "10.0.0.1", "arp", 0, -1, -1, first_frame, START_NS)]
    arrays = {name: np.ascontiguousarray(rows[name].astype(dtype)) for name, dtype in COLUMNS.items()}
    return PacketBatch(**arrays, claims=claims)


def repeated(rng: np.random.Generator, batch: PacketBatch, share: float = 0.4) -> PacketBatch:
    """Some rows stand up to a dozen times in a row, close in time: mirror copies."""
    times = np.where(rng.random(len(batch)) < share, rng.geometric(0.35, len(batch)).clip(1, 12), 1)
    rows = np.repeat(np.arange(len(batch)), times)
    arrays = {name: getattr(batch, name)[rows] for name in COLUMNS}
    arrays["frame_number"] = batch.frame_number[0] + np.arange(len(rows))
    timed = arrays["time_ns"] != NO_TIME
    arrays["time_ns"] = np.where(timed, arrays["time_ns"] + rng.integers(0, 2 * 10**6, len(rows)), NO_TIME)
    return PacketBatch(**arrays, claims=batch.claims)


def random_batches(seed: int, batches: int = 4, count: int = 500, **universe: int) -> Iterator[PacketBatch]:
    """Batches of two files: the frame numbers start again in the middle."""
    rng = np.random.default_rng(seed)
    frame = 1
    for number in range(batches):
        if number == batches // 2:
            frame = 1
        batch = repeated(rng, random_batch(rng, count, frame, **universe))
        frame = int(batch.frame_number[-1]) + 1
        yield batch


def parts(batch: PacketBatch, *cuts: int) -> Iterator[PacketBatch]:
    """The batch cut into smaller ones."""
    edges = [0, *sorted(cuts), len(batch)]
    for start, stop in zip(edges, edges[1:], strict=False):
        columns = {name: getattr(batch, name)[start:stop] for name in COLUMNS}
        yield PacketBatch(**columns, claims=batch.claims if start == 0 else [])
