"""Legs as columns, one array a fact: what the compiled fold gives. Objects are made of them where somebody asks."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import repeat
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from flowmap.legs import FiveTuple, Leg, LegKey, LegRows

Chosen = npt.NDArray[np.int64]
"""Numbers of legs."""


@dataclass(eq=False, slots=True)
class LegColumns(Sequence[Leg]):
    """A sequence of legs that become objects, all of them, when the first one is asked for.

    ``flowmap conversations`` needs next to none, and a hundred thousand objects cost more than folding their packets.

    Attributes
    ----------
    protocol : int16 (legs,)
    low_ip, high_ip : uint64 (legs, 2)
        Halves of the addresses; the ends of :class:`flowmap.legs.FiveTuple`.
    low_port, high_port : int32 (legs,)
    forward : bool (legs,)
        These seven are the 5-tuple and the direction in it.
    point, src_mac, dst_mac, vlan, outer_vlan, tunnel
        The rest of :class:`flowmap.legs.LegKey`, with the types of :class:`flowmap.packets.PacketBatch`.
    ip_version to seq_high : int64 (legs,), ``has_syn_ack`` bool
        The fields of :class:`flowmap.legs.Leg`, in its order and units.
    rows : LegRows
        The lists of the legs.
    """

    protocol: npt.NDArray[np.int16]
    low_ip: npt.NDArray[np.uint64]
    low_port: npt.NDArray[np.int32]
    high_ip: npt.NDArray[np.uint64]
    high_port: npt.NDArray[np.int32]
    forward: npt.NDArray[np.bool_]
    point: npt.NDArray[np.int32]
    src_mac: npt.NDArray[np.int64]
    dst_mac: npt.NDArray[np.int64]
    vlan: npt.NDArray[np.int16]
    outer_vlan: npt.NDArray[np.int16]
    tunnel: npt.NDArray[np.int32]
    ip_version: npt.NDArray[np.int64]
    packets: npt.NDArray[np.int64]
    wire_bytes: npt.NDArray[np.int64]
    payload_bytes: npt.NDArray[np.int64]
    duplicate_packets: npt.NDArray[np.int64]
    truncated_packets: npt.NDArray[np.int64]
    first_seen_ns: npt.NDArray[np.int64]
    last_seen_ns: npt.NDArray[np.int64]
    first_frame: npt.NDArray[np.int64]
    ttl_min: npt.NDArray[np.int64]
    ttl_max: npt.NDArray[np.int64]
    syn_seq: npt.NDArray[np.int64]
    syn_count: npt.NDArray[np.int64]
    has_syn_ack: npt.NDArray[np.bool_]
    seq_low: npt.NDArray[np.int64]
    seq_high: npt.NDArray[np.int64]
    rows: LegRows
    _made: list[Leg] | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.packets)

    @overload
    def __getitem__(self, index: int) -> Leg: ...

    @overload
    def __getitem__(self, index: slice) -> list[Leg]: ...

    def __getitem__(self, index: int | slice) -> Leg | list[Leg]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the objects, which can be made again."""
        return LegColumns, tuple(getattr(self, one.name) for one in fields(self) if one.init)

    def objects(self, chosen: Chosen) -> list[Leg]:
        """The legs of these numbers as new objects; legs of one conversation share its 5-tuple."""
        facts = (getattr(self, name)[chosen].tolist() for name in FACTS)
        with _collecting_no_garbage():
            return list(map(Leg, self._keys(chosen), *facts, repeat(self.rows), chosen.tolist()))

    def _all(self) -> list[Leg]:
        if self._made is None:
            self._made = self.objects(np.arange(len(self)))
        return self._made

    def _keys(self, chosen: Chosen) -> list[LegKey]:
        """Their keys; those of one conversation share its 5-tuple, and those of one address the address."""
        five_tuples: dict[tuple[int, ...], FiveTuple] = {}
        addresses: dict[tuple[int, int], tuple[int, int]] = {}
        low_ip, high_ip = self.low_ip[chosen].T.tolist(), self.high_ip[chosen].T.tolist()
        others = (column[chosen].tolist() for column in (self.low_port, self.high_port, self.protocol))
        shared = []
        for conversation in zip(*low_ip, *high_ip, *others, strict=True):
            five_tuple = five_tuples.get(conversation)
            if five_tuple is None:
                low_high, low_low, high_high, high_low, low_port, high_port, protocol = conversation
                low, high = (low_high, low_low), (high_high, high_low)
                low, high = addresses.setdefault(low, low), addresses.setdefault(high, high)
                five_tuple = five_tuples[conversation] = FiveTuple(protocol, (low, low_port), (high, high_port))
            shared.append(five_tuple)
        rest = (getattr(self, name)[chosen].tolist() for name in LegKey._fields[1:])
        keys = zip(shared, *rest, strict=True)
        return list(
            map(tuple.__new__, repeat(LegKey), keys)
        )  # a named tuple's own constructor takes five times as long


FACTS = tuple(name for name in Leg.__match_args__ if name in LegColumns.__match_args__ and name != "rows")
"""The fields that a leg has in common with the columns, in their order: ip_version to seq_high."""


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
