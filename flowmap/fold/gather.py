"""From the rows of the tables to Leg objects: which conversations are kept, and in which order."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat

import numpy as np

from flowmap.fold.table import FoldTable
from flowmap.kernels import fold_layout as at
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
from flowmap.kernels.fold_layout import Words
from flowmap.legs import FiveTuple, Leg, LegKey, LegRows, Others


def gather(tables: Sequence[FoldTable], others: Others, most: int) -> tuple[list[Leg], Others]:
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


def _kept_rows(tables: Sequence[FoldTable], most: int) -> tuple[list[Words | None], int]:
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


def _legs(tables: Sequence[FoldTable], places: Sequence[Words], count: int) -> list[Leg]:
    """Leg objects over columns of their numbers."""
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
    with _collecting_no_garbage():
        columns = [column.tolist() for column in numbers[:, :16].T]
        columns[13] = [bool(seen) for seen in columns[13]]  # has_syn_ack
        return list(map(Leg, _keys(keys), *columns, repeat(rows), range(count)))


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Python looks for garbage whenever many objects were made; these are all kept."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _keys(words: Words) -> list[LegKey]:
    """Leg keys from the words of their rows; legs of one conversation share its 5-tuple, and those their addresses."""
    five_tuples: dict[tuple[int, ...], FiveTuple] = {}
    addresses: dict[tuple[int, int], tuple[int, int]] = {}
    ends, places = words[:, at.ENDS], words[:, at.PLACE]
    mac, port = (1 << at.MAC_BITS) - 1, (1 << at.PORT_BITS) - 1
    conversations = zip(
        *words[:, :4].view(np.uint64).T.tolist(),
        (ends & at.FIVE_TUPLE_MASK).tolist(),
        strict=True,
    )
    shared = []
    for conversation in conversations:
        five_tuple = five_tuples.get(conversation)
        if five_tuple is None:
            low_high, low_low, high_high, high_low, packed = conversation
            low, high = packed & port, packed >> at.PORT_BITS & port
            one, other = (low_high, low_low), (high_high, high_low)
            one, other = addresses.setdefault(one, one), addresses.setdefault(other, other)
            five_tuple = five_tuples[conversation] = FiveTuple(
                (packed >> at.PROTOCOL_SHIFT) - 1, (one, low - 1), (other, high - 1)
            )
        shared.append(five_tuple)
    fields = zip(
        shared,
        (ends >> at.FORWARD_SHIFT & 1).astype(bool).tolist(),
        (places & 0xFFFF_FFFF).tolist(),
        ((words[:, at.SOURCE] & mac) - 1).tolist(),
        ((words[:, at.DESTINATION] & mac) - 1).tolist(),
        ((ends >> at.VLAN_SHIFT) - 1).tolist(),
        ((words[:, at.SOURCE] >> at.MAC_BITS) - 1).tolist(),
        ((places >> 32) - 1).tolist(),
        strict=True,
    )
    return list(map(tuple.__new__, repeat(LegKey), fields))  # a named tuple's own constructor takes five times as long
