"""The legs of a pair as numbers, by which its packets are found again in the captures.

A leg's key is everything that the fold told packets apart by, so a frame belongs to a pair exactly when it would fold
into one of the pair's legs: innermost addresses and ports, MACs, VLANs, tunnel and capture point. Both sides of an
address translation have legs of their own and are found alike.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from flowmap.capture.points import PointKey, Registry
from flowmap.leg_columns import LegColumns
from flowmap.legs import Leg
from flowmap.packets import FIRST_FRAGMENT, LATER_FRAGMENT, WHOLE, PacketBatch, Tunnel

KEY_WORDS = 9
"""Of a row: source address in two halves, destination address, source MAC, destination MAC, capture point and tunnel,
source port and destination port, protocol and VLANs. ``FRAMES`` and ``WIRE_BYTES`` stand behind them."""

FRAMES, WIRE_BYTES = KEY_WORDS, KEY_WORDS + 1
FRAGMENTS_REMEMBERED = 1 << 16
"""First fragments whose ports are known; a flood of them must not fill the memory."""

LegRows = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64]

_PAIR_WORD = np.dtype([("low", "<i4"), ("high", "<i4")])
_TAGS_WORD = np.dtype([("outer_vlan", "<i2"), ("vlan", "<i2"), ("protocol", "<i4")])


def leg_rows(legs: Sequence[Leg]) -> LegRows:
    """One row for each leg: its key in packet direction, frames (copies included) and their bytes."""
    columns = legs if isinstance(legs, LegColumns) else None
    if columns is None:
        raise TypeError("legs are kept as columns, which the compiled fold gives")
    rows = np.empty((len(columns), KEY_WORDS + 2), np.int64)
    forward = columns.forward
    one, other = (np.where(forward[:, None], *ends) for ends in (
        (columns.low_ip, columns.high_ip), (columns.high_ip, columns.low_ip)
    ))  # fmt: skip
    ports = [
        np.where(forward, *ends)
        for ends in ((columns.low_port, columns.high_port), (columns.high_port, columns.low_port))
    ]
    _fill_keys(
        rows, one, other, columns.src_mac, columns.dst_mac, (columns.point, columns.tunnel), (ports[0], ports[1]),
        columns.protocol, columns.vlan, columns.outer_vlan,
    )  # fmt: skip
    rows[:, FRAMES] = columns.packets + columns.duplicate_packets
    average = columns.wire_bytes // np.maximum(columns.packets, 1)
    rows[:, WIRE_BYTES] = columns.wire_bytes + average * columns.duplicate_packets
    return rows


def _fill_keys(
    rows: LegRows, src_ip: Any, dst_ip: Any, src_mac: Any, dst_mac: Any, place: tuple[Any, Any],
    ports: tuple[Any, Any], protocol: Any, vlan: Any, outer_vlan: Any,
) -> None:  # fmt: skip
    rows[:, 0:2], rows[:, 2:4] = src_ip.view(np.int64), dst_ip.view(np.int64)
    rows[:, 4], rows[:, 5] = src_mac, dst_mac
    for word, (high, low) in ((6, place), (7, ports)):
        packed = np.empty(len(rows), _PAIR_WORD)
        packed["high"], packed["low"] = high, low
        rows[:, word] = packed.view(np.int64)
    tags = np.empty(len(rows), _TAGS_WORD)
    tags["protocol"], tags["vlan"], tags["outer_vlan"] = protocol, vlan, outer_vlan
    rows[:, 8] = tags.view(np.int64)


def points_of(rows: LegRows) -> list[int]:
    """The capture points of some legs, ascending."""
    return [int(point) for point in np.unique(rows[:, 6] >> 32)]


class PacketFinder:
    """Finds the rows of batches that belong to some legs.

    Parameters
    ----------
    rows : int64 (n, KEY_WORDS + 2)
        Of the legs, points and tunnels numbered as in ``points`` and ``tunnels``.
    points, tunnels
        Those of the map.
    registry : Registry
        Numbers the points and tunnels of the batches.
    """

    def __init__(
        self, rows: LegRows, points: Sequence[PointKey], tunnels: Sequence[Tunnel], registry: Registry
    ) -> None:
        keys = np.unique(rows[:, :KEY_WORDS], axis=0)
        self._senders, self._receivers = np.unique(keys[:, 1]), np.unique(keys[:, 3])
        self._point_numbers = {key: number for number, key in enumerate(points)}
        self._tunnel_numbers = {tunnel: number for number, tunnel in enumerate(tunnels)}
        self._registry = registry
        self._points, self._tunnels = np.empty(0, np.int32), np.full(1, -1, np.int32)
        self._fragments: dict[tuple[int, ...], tuple[int, int]] = {}
        hashes = np.zeros(2, np.uint64)
        while len(np.unique(hashes)) < len(hashes):
            # Drawn anew for each search, so that nobody can write packets whose keys collide.
            self._factors = np.array([secrets.randbits(64) | 1 for _ in range(KEY_WORDS)], np.uint64)
            hashes = self._hashes(keys)
            if len(keys) < 2:
                break
        order = np.argsort(hashes)
        self._hashes_known, self._keys = hashes[order], keys[order]

    def rows_in(self, batch: PacketBatch) -> Numbers:
        """The rows that belong to the legs, ascending; batches of a file come in its order."""
        if not len(self._keys):
            return np.empty(0, np.int64)
        has_ip = batch.ip_version != 0
        source, destination = batch.src_ip[:, 1].view(np.int64), batch.dst_ip[:, 1].view(np.int64)
        at = np.flatnonzero(has_ip & np.isin(source, self._senders) & np.isin(destination, self._receivers))
        if not len(at):
            return at
        self._learn_numbers()
        keys = np.empty((len(at), KEY_WORDS), np.int64)
        src_port, dst_port = batch.src_port[at], batch.dst_port[at]
        if (batch.fragment[at] != WHOLE).any():
            self._give_ports(batch, at, src_port, dst_port)
        _fill_keys(
            keys, batch.src_ip[at], batch.dst_ip[at], batch.src_mac[at], batch.dst_mac[at],
            (self._points[batch.point[at]], self._tunnels[batch.tunnel[at]]), (src_port, dst_port),
            batch.protocol[at], batch.vlan[at], batch.outer_vlan[at],
        )  # fmt: skip
        hashes = self._hashes(keys)
        places = np.minimum(np.searchsorted(self._hashes_known, hashes), len(self._keys) - 1)
        found: Numbers = at[(self._keys[places] == keys).all(axis=1)]
        return found

    def _hashes(self, keys: LegRows) -> npt.NDArray[np.uint64]:
        mixed = keys.view(np.uint64) if keys.flags.c_contiguous else np.ascontiguousarray(keys).view(np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * self._factors
        hashes: npt.NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(32))).sum(axis=1, dtype=np.uint64)
        return hashes

    def _learn_numbers(self) -> None:
        """Number new points and tunnels of the reading as the map does; -1 for those that it does not have."""
        registry = self._registry
        if len(self._points) < len(registry.points):
            new = [self._point_number(point.key) for point in registry.points[len(self._points) :]]
            self._points = np.append(self._points, np.array(new, np.int32))
        if len(self._tunnels) <= len(registry.tunnels):
            missing = len(self._point_numbers) + len(self._tunnel_numbers)  # the number of no tunnel
            new = [self._tunnel_numbers.get(tunnel, missing) for tunnel in registry.tunnels[len(self._tunnels) - 1 :]]
            # The last place is that of number -1, "no tunnel".
            self._tunnels = np.concatenate([self._tunnels[:-1], np.array(new, np.int32), self._tunnels[-1:]])

    def _point_number(self, key: PointKey) -> int:
        found = self._point_numbers.get(key)
        if found is None:  # the map had more points than it keeps apart (Registry.point)
            found = self._point_numbers.get(key._replace(mirror="", cooked_index=-1), -1)
        return found

    def _give_ports(self, batch: PacketBatch, at: Numbers, src_port: Any, dst_port: Any) -> None:
        """Give later fragments the ports of their first, as the fold does (RFC 791 3.2, RFC 8200 4.5)."""
        for place, row in enumerate(at.tolist()):
            kind = batch.fragment[row]
            if kind == WHOLE:
                continue
            key = (
                int(batch.point[row]), int(batch.vlan[row]), int(batch.tunnel[row]), *batch.src_ip[row].tolist(),
                *batch.dst_ip[row].tolist(), int(batch.protocol[row]), int(batch.ip_id[row]),
            )  # fmt: skip
            if kind == FIRST_FRAGMENT and src_port[place] >= 0:
                self._fragments.pop(key, None)
                self._fragments[key] = int(src_port[place]), int(dst_port[place])
                if len(self._fragments) > FRAGMENTS_REMEMBERED:
                    del self._fragments[next(iter(self._fragments))]
            elif kind == LATER_FRAGMENT and key in self._fragments:
                src_port[place], dst_port[place] = self._fragments[key]
