"""From the rows of the tables to columns of legs: which conversations are kept, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowmap.fold.table import FoldTable
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Bytes, Int32, Int64, Rows
from flowmap.kernels.fold_gather import (
    FACTS_OF_LEG,
    find_conversations,
    gather_legs,
    gather_samples,
    gather_slices,
    mark_kept,
    sum_dropped,
)
from flowmap.leg_columns import FACTS, LegColumns
from flowmap.legs import LegRows, Others


def gather(tables: Sequence[FoldTable], others: Others, most: int) -> tuple[LegColumns, Others]:
    """The legs of the ``most`` largest conversations in order of their first packet; the rest is added to others.

    The tables are at their largest now, so nothing here is as long as they are and stays for long.
    """
    kept, dropped_conversations = _kept_legs(tables, most)
    places = _places(tables, kept)
    dropped = np.zeros(4, dtype=np.int64)
    if dropped_conversations:
        for table, place in zip(tables, places, strict=True):
            sum_dropped(table.table, place, dropped)
    packets, wire_bytes, payload_bytes, duplicates = dropped.tolist()
    others = Others(
        others.packets + packets, others.wire_bytes + wire_bytes, others.payload_bytes + payload_bytes,
        duplicates, dropped_conversations, others.late_packets,
    )  # fmt: skip
    return _legs(tables, places, sum(map(np.count_nonzero, kept))), others


def _kept_legs(tables: Sequence[FoldTable], most: int) -> tuple[list[Bytes], int]:
    """1 for each leg of each table that is kept, 0 for the others, and how many conversations are not kept."""
    kept = [np.ones(table.legs, dtype=np.uint8) for table in tables]
    if sum(map(len, kept)) <= most:
        return kept, 0
    heads, sums, count = [], [], 0
    for table in tables:
        head, found = np.empty(table.legs, dtype=np.int32), np.full(table.legs, -1, dtype=np.int64)
        count += find_conversations(table.table, np.zeros(2 * table.legs + 2, dtype=np.int32), head, found)
        heads.append(head)
        sums.append(found)
    if count <= most:
        return kept, 0
    least, latest = _last_kept(tables, sums, most)
    for table, head, found, flags in zip(tables, heads, sums, kept, strict=True):
        mark_kept(table.table, head, found, least, latest, flags)
    return kept, count - most


def _last_kept(tables: Sequence[FoldTable], sums: Sequence[Int64], most: int) -> tuple[int, int]:
    """Wire bytes of the smallest conversation that is kept, and how many packets came before it.

    Of those with equally many bytes the earlier ones are kept.
    """
    every = np.concatenate([found[found >= 0] for found in sums])
    every.partition(len(every) - most)
    least = every[len(every) - most]
    larger = np.count_nonzero(every > least)
    del every
    orders = np.concatenate(
        [table.table.base[: table.legs, at.FACTS][found == least] for table, found in zip(tables, sums, strict=True)]
    )
    orders >>= at.ORDER_SHIFT
    orders.partition(most - larger - 1)
    return int(least), int(orders[most - larger - 1])


def _places(tables: Sequence[FoldTable], kept: Sequence[Bytes]) -> list[Int32]:
    """Where each leg stands among all that are kept, in order of their first packets; -1 for the others."""
    rows = [np.flatnonzero(flags) for flags in kept]
    orders = np.concatenate(
        [table.table.base[chosen, at.FACTS] >> at.ORDER_SHIFT for table, chosen in zip(tables, rows, strict=True)]
    )
    position = np.empty(len(orders), dtype=np.int32)
    position[np.argsort(orders)] = np.arange(len(orders), dtype=np.int32)
    places, start = [], 0
    for chosen, flags in zip(rows, kept, strict=True):
        place = np.full(len(flags), -1, dtype=np.int32)
        place[chosen] = position[start : start + len(chosen)]
        places.append(place)
        start += len(chosen)
    return places


def _legs(tables: Sequence[FoldTable], places: Sequence[Int32], count: int) -> LegColumns:
    """The rows of all tables as columns, each leg at its place."""
    numbers, keys = (np.empty((words, count), dtype=np.int64) for words in (FACTS_OF_LEG, at.PACKETS))
    copies = np.empty((count, at.COPIES_KEPT), dtype=np.int64)
    sample_ends, slice_ends = (np.zeros(count + 1, dtype=np.int64) for _ in range(2))
    spare = np.zeros((1, at.EXTENSION_WORDS), dtype=np.int64)
    for table, place in zip(tables, places, strict=True):
        gather_legs(table.table, place, spare, numbers, copies, keys, sample_ends, slice_ends)
    for ends in (sample_ends, slice_ends):
        np.cumsum(ends, out=ends)
    samples = np.empty((4, sample_ends[-1]), dtype=np.int64)
    slices = np.empty((slice_ends[-1], at.SLICE_WORDS), dtype=np.int64)
    cursors = slice_ends[:-1].copy()
    for table, place in zip(tables, places, strict=True):
        gather_samples(table.table, place, spare, sample_ends, samples)
        gather_slices(table.table, place, cursors, slices, table.slice_ns)
    rows = LegRows(
        sample_ends, samples[0].view(np.uint64), samples[1], samples[2], samples[3], slice_ends, slices, copies
    )
    facts: dict[str, Any] = dict(zip(FACTS, numbers, strict=True))
    facts["has_syn_ack"] = facts["has_syn_ack"] != 0
    return LegColumns(**_key_columns(keys), **facts, rows=rows)


def _key_columns(words: Rows) -> dict[str, Any]:
    """The words of the keys taken apart, one row a word."""
    ends, source, places, addresses = words[at.ENDS], words[at.SOURCE], words[at.PLACE], words.view(np.uint64)
    mac, port = (1 << at.MAC_BITS) - 1, (1 << at.PORT_BITS) - 1
    return {
        "protocol": (((ends & at.FIVE_TUPLE_MASK) >> at.PROTOCOL_SHIFT) - 1).astype(np.int16),
        "low_ip": addresses[at.LOW_IP : at.HIGH_IP].T,
        "low_port": ((ends & port) - 1).astype(np.int32),
        "high_ip": addresses[at.HIGH_IP : at.ENDS].T,
        "high_port": ((ends >> at.PORT_BITS & port) - 1).astype(np.int32),
        "forward": (ends >> at.FORWARD_SHIFT & 1) != 0,
        "point": (places & 0xFFFF_FFFF).astype(np.int32),
        "src_mac": (source & mac) - 1,
        "dst_mac": (words[at.DESTINATION] & mac) - 1,
        "vlan": ((ends >> at.VLAN_SHIFT) - 1).astype(np.int16),
        "outer_vlan": ((source >> at.MAC_BITS) - 1).astype(np.int16),
        "tunnel": ((places >> 32) - 1).astype(np.int32),
    }
