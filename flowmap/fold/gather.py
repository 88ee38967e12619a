"""From the rows of the tables to columns of legs: which conversations are kept, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from flowmap.fold.table import FoldTable
from flowmap.kernels import fold_layout as at
from flowmap.kernels.arrays import Int64
from flowmap.kernels.fold_gather import (
    LEG_COLUMNS,
    SAMPLES_OF_LEG,
    SLICES_OF_LEG,
    gather_legs,
    gather_samples,
    gather_slices,
    number_conversations,
    sum_dropped,
)
from flowmap.leg_columns import FACTS, LegColumns
from flowmap.legs import LegRows, Others


def gather(tables: Sequence[FoldTable], others: Others, most: int) -> tuple[LegColumns, Others]:
    """The legs of the ``most`` largest conversations in order of their first packet; the rest is added to others."""
    kept, dropped_conversations = _kept_rows(tables, most)
    orders = [table.table.base[: table.legs, at.FACTS] >> at.ORDER_SHIFT for table in tables]
    orders = [order if rows is None else order[rows] for order, rows in zip(orders, kept, strict=True)]
    position = np.empty(sum(map(len, orders)), dtype=np.int64)
    position[np.argsort(np.concatenate(orders))] = np.arange(len(position))
    places = []
    for table, rows, part in zip(tables, kept, np.split(position, np.cumsum([*map(len, orders)])[:-1]), strict=True):
        place = part
        if rows is not None:
            place = np.full(table.legs, -1, dtype=np.int64)
            place[rows] = part
        places.append(np.ascontiguousarray(place))
    dropped = np.zeros(4, dtype=np.int64)
    if dropped_conversations:
        for table, place in zip(tables, places, strict=True):
            sum_dropped(table.table, place, dropped)
    packets, wire_bytes, payload_bytes, duplicates = dropped.tolist()
    others = Others(
        others.packets + packets, others.wire_bytes + wire_bytes, others.payload_bytes + payload_bytes,
        duplicates, dropped_conversations,
    )  # fmt: skip
    return _legs(tables, places, len(position)), others


def _kept_rows(tables: Sequence[FoldTable], most: int) -> tuple[list[Int64 | None], int]:
    """The rows of each table that are kept (None: all), and how many conversations are not."""
    if sum(table.legs for table in tables) <= most:
        return [None] * len(tables), 0
    numbers, sums = [], []
    for table in tables:
        number, found = np.empty(table.legs, dtype=np.int64), np.zeros((table.legs, 2), dtype=np.int64)
        slots = np.zeros(1 << max(2 * table.legs, 2).bit_length(), dtype=np.int64)
        sums.append(found[: number_conversations(table.table, slots, number, found)])
        numbers.append(number)
    every = np.concatenate(sums)
    if len(every) <= most:
        return [None] * len(tables), 0
    keep = np.zeros(len(every), dtype=np.bool_)
    keep[np.lexsort((every[:, 1], -every[:, 0]))[:most]] = True
    parts = np.split(keep, np.cumsum([*map(len, sums)])[:-1])
    return [np.flatnonzero(part[number]) for part, number in zip(parts, numbers, strict=True)], len(every) - most


def _legs(tables: Sequence[FoldTable], places: Sequence[Int64], count: int) -> LegColumns:
    """The rows of all tables as columns, each leg at its place."""
    numbers, keys = np.empty((count, LEG_COLUMNS), dtype=np.int64), np.empty((count, 8), dtype=np.int64)
    spare = np.zeros((1, at.EXTENSION_WORDS), dtype=np.int64)
    for table, place in zip(tables, places, strict=True):
        gather_legs(table.table, place, spare, numbers, keys)
    sample_ends, slice_ends = (
        np.concatenate([[0], np.cumsum(numbers[:, column])]) for column in (SAMPLES_OF_LEG, SLICES_OF_LEG)
    )
    samples = np.empty((4, sample_ends[-1]), dtype=np.int64)
    slices = np.empty((slice_ends[-1], 4), dtype=np.int64)
    cursors = slice_ends[:-1].copy()
    for table, place in zip(tables, places, strict=True):
        gather_samples(table.table, place, spare, sample_ends, samples)
        gather_slices(table.table, place, cursors, slices, table.slice_ns)
    rows = LegRows(
        sample_ends,
        samples[0].view(np.uint64),
        samples[1],
        samples[2],
        samples[3],
        slice_ends,
        slices,
        numbers[:, 16:SAMPLES_OF_LEG].copy(),
    )
    facts: dict[str, Any] = dict(zip(FACTS, np.ascontiguousarray(numbers[:, :16].T), strict=True))
    facts["has_syn_ack"] = facts["has_syn_ack"] != 0
    return LegColumns(**_key_columns(keys), **facts, rows=rows)


def _key_columns(words: Int64) -> dict[str, Any]:
    """The words of the keys taken apart."""
    words = np.ascontiguousarray(words.T)
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
