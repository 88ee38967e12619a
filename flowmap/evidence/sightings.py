"""Sightings of a pair: one row for each way its packets were recorded, with sums and the filter that finds the frames.

A row folds the legs of all conversations of the pair that have direction, capture point, MACs, VLANs and tunnel in
common, so that a person compares a few rows and not a thousand legs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowmap.capture.points import CapturePoint
from flowmap.evidence.carriers import Carriers
from flowmap.evidence.display_filter import AddressPair, FileInterfaces, FrameMarks, marks_of, pair_filter, row_filter
from flowmap.graph import Talk
from flowmap.legs import COPIES_KEPT, Leg
from flowmap.packets import NO_TIME, Tunnel, ip_text, mac_text
from flowmap.pipeline import FlowMap

ROWS_SHOWN = 48
"""Rows of one pair, those with most bytes; a pair across a dozen capture points has about as many."""

ROWS_COMPARED = 512
"""Rows that a filter is held against; beyond it a pair is a group of machines, and its filters say so."""

ADDRESS_PAIRS_KEPT = 256
"""Of one row; a filter names far fewer."""


class RowKey(NamedTuple):
    """What the legs of one row have in common."""

    from_source: bool
    point: int
    src_mac: int
    dst_mac: int
    vlan: int
    outer_vlan: int
    tunnel: int


@dataclass(slots=True)
class SightingRow:
    """Sums over the legs of a row; units as in :class:`flowmap.legs.Leg`."""

    key: RowKey
    packets: int = 0
    duplicate_packets: int = 0
    wire_bytes: int = 0
    payload_bytes: int = 0
    ttl_min: int = 255
    ttl_max: int = 0
    first_seen_ns: int = NO_TIME
    last_seen_ns: int = NO_TIME
    first_frame: int = 0
    legs: int = 0
    copies: list[int] = field(default_factory=lambda: [0] * COPIES_KEPT)
    address_pairs: dict[AddressPair, None] = field(default_factory=dict)
    protocols: set[int] = field(default_factory=set)

    def add(self, leg: Leg) -> None:
        """Count one more leg."""
        self.packets += leg.packets
        self.duplicate_packets += leg.duplicate_packets
        self.wire_bytes += leg.wire_bytes
        self.payload_bytes += leg.payload_bytes
        self.ttl_min = min(self.ttl_min, leg.ttl_min)
        self.ttl_max = max(self.ttl_max, leg.ttl_max)
        self.last_seen_ns = max(self.last_seen_ns, leg.last_seen_ns)
        if leg.first_seen_ns != NO_TIME and (self.first_seen_ns == NO_TIME or leg.first_seen_ns < self.first_seen_ns):
            self.first_seen_ns = leg.first_seen_ns
        if not self.legs or leg.first_frame < self.first_frame:
            self.first_frame = leg.first_frame
        self.legs += 1
        if leg.duplicate_packets:
            self.copies = [one + other for one, other in zip(self.copies, leg.copies, strict=True)]
        else:
            self.copies[0] += leg.packets
        if len(self.address_pairs) < ADDRESS_PAIRS_KEPT:
            self.address_pairs[_address(leg, leg.source[0]), _address(leg, leg.destination[0])] = None
        self.protocols.add(leg.key.five_tuple.protocol)

    @property
    def usual_copies(self) -> int:
        """How often most packets stand in the row, 1 where nothing is doubled; 8 means eight or more."""
        return 1 + self.copies.index(max(self.copies))


def _address(leg: Leg, halves: tuple[int, int]) -> str:
    """The address as its own header has it: an IPv6 packet may be between mapped IPv4 addresses."""
    high, low = halves
    return ip_text(high, low) if leg.ip_version == 4 else str(ipaddress.IPv6Address(high << 64 | low))


def fold_legs(legs: Sequence[Leg], talks: Iterable[Talk], source: str) -> list[SightingRow]:
    """The rows of a pair, most bytes first.

    Parameters
    ----------
    legs
        Of the map.
    talks
        The conversations of the pair.
    source
        The id of the end that the pair's edge starts at.
    """
    rows: dict[RowKey, SightingRow] = {}
    for talk in talks:
        for direction, from_low in ((talk.conversation.forward, True), (talk.conversation.backward, False)):
            from_source = from_low == (talk.low.id == source)
            for index in direction.legs:
                leg = legs[index]
                key = RowKey(from_source, *leg.key[2:])
                row = rows.get(key)
                if row is None:
                    row = rows[key] = SightingRow(key)
                row.add(leg)
    return sorted(rows.values(), key=lambda row: (-row.wire_bytes, row.key))


class SightingsTable:
    """Makes the sightings of the pairs of one map; what all pairs share is prepared once."""

    def __init__(self, flow_map: FlowMap) -> None:
        self._legs: Sequence[Leg] = flow_map.reading.legs.legs
        self._points, self._tunnels = flow_map.points, flow_map.reading.registry.tunnels
        self._interfaces = FileInterfaces(flow_map.points)
        self._carriers = Carriers(self._tunnels, self._points)
        self._legs_are_missing = flow_map.reading.legs.others.packets > 0

    def of(self, talks: Iterable[Talk], source: str) -> dict[str, Any]:
        """The sightings of one pair as JSON values.

        Returns
        -------
        dict
            ``rows`` (at most :data:`ROWS_SHOWN`, those with most bytes, in the order of the way), ``more_rows`` and
            ``more_frames`` left out, ``filter`` for the whole pair with ``filter_note``, None without addresses.
        """
        rows = fold_legs(self._legs, talks, source)
        compared = rows[:ROWS_COMPARED]
        marks = [self._marks(row) for row in compared]
        shown = list(zip(rows[:ROWS_SHOWN], marks, strict=False))
        shown.sort(key=lambda item: _on_the_way(item[0]))
        left_out = rows[ROWS_SHOWN:]
        whole = pair_filter([pair for row in rows for pair in row.address_pairs])
        return {
            "rows": [self._row(row, one, marks, are_all=len(rows) <= ROWS_COMPARED) for row, one in shown],
            "more_rows": len(left_out),
            "more_frames": sum(row.packets + row.duplicate_packets for row in left_out),
            "filter": whole.text if whole else None,
            "filter_note": whole.note if whole else "",
        }

    def _marks(self, row: SightingRow) -> FrameMarks:
        key = row.key
        return marks_of(
            self._points[key.point], self._interfaces, (key.src_mac, key.dst_mac), (key.vlan, key.outer_vlan),
            self._tunnel(key.tunnel), row.address_pairs, row.protocols,
            self._carriers.between(self._points[key.point].key.file, row.address_pairs),
        )  # fmt: skip

    def _tunnel(self, number: int) -> Tunnel | None:
        return self._tunnels[number] if number >= 0 else None

    def _row(self, row: SightingRow, marks: FrameMarks, others: list[FrameMarks], *, are_all: bool) -> dict[str, Any]:
        key, point, tunnel = row.key, self._points[row.key.point], self._tunnel(row.key.tunnel)
        found = row_filter(marks, others)
        note = found.note
        if self._legs_are_missing:
            note = note or "It may find more: some conversations were not kept apart and are missing in this row."
        elif not are_all:
            note = note or "It may find more: the pair has too many rows to hold them against each other."
        return {
            "direction": "source_to_target" if key.from_source else "target_to_source",
            **_place(point),
            "src_mac": mac_text(key.src_mac) or None,
            "dst_mac": mac_text(key.dst_mac) or None,
            "vlan": key.vlan if key.vlan >= 0 else None,
            "outer_vlan": key.outer_vlan if key.outer_vlan >= 0 else None,
            "tunnel": _tunnel_facts(tunnel),
            "ttl_min": row.ttl_min,
            "ttl_max": row.ttl_max,
            "packets": row.packets,
            "frames": row.packets + row.duplicate_packets,
            "copies": row.usual_copies,
            "wire_bytes": row.wire_bytes,
            "payload_bytes": row.payload_bytes,
            "first_seen_ns": None if row.first_seen_ns == NO_TIME else row.first_seen_ns,
            "last_seen_ns": None if row.last_seen_ns == NO_TIME else row.last_seen_ns,
            "first_frame": row.first_frame,
            "filter": found.text,
            "filter_note": note,
        }


def _on_the_way(row: SightingRow) -> tuple[Any, ...]:
    """Order of the rows for people: there before back, and routers lower the TTL on the way."""
    return not row.key.from_source, -row.ttl_max, row.first_seen_ns, row.key


def _place(point: CapturePoint) -> dict[str, Any]:
    return {
        "point": point.id,
        "file": point.key.file,
        "interface": point.interface,
        "role": point.role,
        "host": point.host,
    }


def _tunnel_facts(tunnel: Tunnel | None) -> dict[str, Any] | None:
    if tunnel is None:
        return None
    return {
        "kind": tunnel.kind,
        "source": tunnel.source or None,
        "destination": tunnel.destination or None,
        "vni": tunnel.vni if tunnel.vni >= 0 else None,
    }
