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
from flowmap.evidence.display_filter import (
    ADDRESS_PAIRS_KEPT,
    AddressPair,
    FileInterfaces,
    FrameMarks,
    marks_of,
    pair_filter,
    row_filter,
)
from flowmap.graph import Talk
from flowmap.legs import Leg
from flowmap.packets import NO_TIME, Tunnel, ip_text, mac_text

ROWS_SHOWN = 48
"""Rows of one pair, those with most bytes; a pair across a dozen capture points has about as many."""

ROWS_COMPARED = 512
"""Rows that a filter is held against; beyond it a pair is a group of machines, and its filters say so."""


class RowKey(NamedTuple):
    """What the legs of one row have in common."""

    from_source: bool
    point: int
    src_mac: int
    dst_mac: int
    vlan: int
    outer_vlan: int
    tunnel: int


class SightingRow(NamedTuple):
    """One row as plain values, which JSON gives back equal; sums and times are those of the legs.

    ``copies`` is how often most packets stand in the row (8: that often or more). ``address_pairs`` are the innermost
    ends of its conversations as [source, destination], at most :data:`ADDRESS_PAIRS_KEPT`.
    """

    key: RowKey
    packets: int
    duplicate_packets: int
    wire_bytes: int
    payload_bytes: int
    ttl_min: int
    ttl_max: int
    copies: int
    first_seen_ns: int
    last_seen_ns: int
    first_frame: int
    address_pairs: list[AddressPair]
    protocols: list[int]

    @property
    def frames(self) -> int:
        """Frames of the file, copies included."""
        return self.packets + self.duplicate_packets


class Folded(NamedTuple):
    """The rows of one pair, most bytes first, at most :data:`ROWS_COMPARED`, and what is left out."""

    rows: list[SightingRow]
    more_rows: int = 0
    more_frames: int = 0

    @classmethod
    def restored(cls, stored: Sequence[Any]) -> Folded:
        """From the lists that JSON made of it."""
        rows, *more = stored
        return cls([SightingRow(RowKey(*row[0]), *row[1:]) for row in rows], *more)


@dataclass(slots=True)
class _Gathered:
    """The legs of a row while the conversations of the pair are gone through."""

    legs: list[Leg] = field(default_factory=list)
    address_pairs: dict[AddressPair, None] = field(default_factory=dict)
    protocols: set[int] = field(default_factory=set)

    def row(self, key: RowKey) -> SightingRow:
        legs = self.legs
        duplicates = sum([leg.duplicate_packets for leg in legs])
        return SightingRow(
            key,
            sum([leg.packets for leg in legs]),
            duplicates,
            sum([leg.wire_bytes for leg in legs]),
            sum([leg.payload_bytes for leg in legs]),
            min([leg.ttl_min for leg in legs]),
            max([leg.ttl_max for leg in legs]),
            _usual_copies(legs) if duplicates else 1,
            min([leg.first_seen_ns for leg in legs if leg.first_seen_ns != NO_TIME], default=NO_TIME),
            max([leg.last_seen_ns for leg in legs]),
            min([leg.first_frame for leg in legs]),
            list(self.address_pairs),
            sorted(self.protocols),
        )


def _usual_copies(legs: Iterable[Leg]) -> int:
    copies = [sum(column) for column in zip(*(leg.copies for leg in legs), strict=True)]
    return 1 + copies.index(max(copies))


class AddressTexts(dict[tuple[int, int, int], str]):
    """(IP version, upper half, lower half) to text: an IPv6 packet may be between mapped IPv4 addresses."""

    def __missing__(self, key: tuple[int, int, int]) -> str:
        version, high, low = key
        text = self[key] = ip_text(high, low) if version == 4 else str(ipaddress.IPv6Address(high << 64 | low))
        return text


def fold_legs(legs: Sequence[Leg], talks: Iterable[Talk], source: str, texts: AddressTexts) -> Folded:
    """The rows of a pair.

    Parameters
    ----------
    legs
        Of the map.
    talks
        The conversations of the pair.
    source
        The id of the end that the pair's edge starts at.
    texts
        Of addresses met before.
    """
    found: dict[tuple[Any, ...], _Gathered] = {}
    for talk in talks:
        protocol = talk.conversation.five_tuple.protocol
        low_is_source = talk.low.id == source
        for direction, from_low in ((talk.conversation.forward, True), (talk.conversation.backward, False)):
            for index in direction.legs:
                leg = legs[index]
                key = (from_low == low_is_source, *leg.key[2:])
                gathered = found.get(key)
                if gathered is None:
                    gathered = found[key] = _Gathered()
                gathered.legs.append(leg)
                gathered.protocols.add(protocol)
                if len(gathered.address_pairs) < ADDRESS_PAIRS_KEPT:
                    # A leg's own addresses: behind a router that translates they are not the conversation's.
                    version, (sender, _), (receiver, _) = leg.ip_version, leg.source, leg.destination
                    gathered.address_pairs[texts[version, *sender], texts[version, *receiver]] = None
    rows = [gathered.row(RowKey(*key)) for key, gathered in found.items()]
    rows.sort(key=lambda row: (-row.wire_bytes, row.key))
    left_out = rows[ROWS_COMPARED:]
    return Folded(rows[:ROWS_COMPARED], len(left_out), sum(row.frames for row in left_out))


class SightingsTable:
    """Makes the sightings of the pairs of one map; what all pairs share is prepared once.

    Parameters
    ----------
    points, tunnels
        Those that the rows' keys number.
    legs_are_missing
        Some packets were kept in no leg.
    """

    def __init__(self, points: Sequence[CapturePoint], tunnels: Sequence[Tunnel], *, legs_are_missing: bool) -> None:
        self._points, self._tunnels, self._legs_are_missing = points, tunnels, legs_are_missing
        self._interfaces = FileInterfaces(points)
        self._carriers = Carriers(tunnels, points)

    def of(self, folded: Folded) -> dict[str, Any]:
        """The sightings of one pair as JSON values.

        Returns
        -------
        dict
            ``rows`` (at most :data:`ROWS_SHOWN`, those with most bytes, in the order of the way), ``more_rows`` and
            ``more_frames`` left out, ``filter`` for the whole pair with ``filter_note``, None without addresses.
        """
        marks = [self._marks(row) for row in folded.rows]
        shown = list(zip(folded.rows, marks, strict=True))[:ROWS_SHOWN]
        shown.sort(key=lambda item: _on_the_way(item[0]))
        left_out = folded.rows[ROWS_SHOWN:]
        whole = pair_filter(
            [
                ((source, destination), (row.key.src_mac, row.key.dst_mac))
                for row in folded.rows
                for source, destination in row.address_pairs
            ]
        )
        return {
            "rows": [self._row(row, one, marks, are_all=not folded.more_rows) for row, one in shown],
            "more_rows": len(left_out) + folded.more_rows,
            "more_frames": sum(row.frames for row in left_out) + folded.more_frames,
            "filter": whole.text if whole else None,
            "filter_note": whole.note if whole else "",
        }

    def _marks(self, row: SightingRow) -> FrameMarks:
        key, point = row.key, self._points[row.key.point]
        return marks_of(
            point, self._interfaces, (key.src_mac, key.dst_mac), (key.vlan, key.outer_vlan),
            self._tunnel(key.tunnel), [(source, destination) for source, destination in row.address_pairs],
            row.protocols, self._carriers.between(point.key.file, row.address_pairs),
        )  # fmt: skip

    def _tunnel(self, number: int) -> Tunnel | None:
        return self._tunnels[number] if number >= 0 else None

    def _row(self, row: SightingRow, marks: FrameMarks, others: list[FrameMarks], *, are_all: bool) -> dict[str, Any]:
        key = row.key
        found = row_filter(marks, others)
        note = found.note
        if self._legs_are_missing:
            note = note or "It may find more: some conversations were not kept apart and are missing in this row."
        elif not are_all:
            note = note or "It may find more: the pair has too many rows to hold them against each other."
        return {
            "direction": "source_to_target" if key.from_source else "target_to_source",
            **_place(self._points[key.point]),
            "src_mac": mac_text(key.src_mac) or None,
            "dst_mac": mac_text(key.dst_mac) or None,
            "vlan": key.vlan if key.vlan >= 0 else None,
            "outer_vlan": key.outer_vlan if key.outer_vlan >= 0 else None,
            "tunnel": _tunnel_facts(self._tunnel(key.tunnel)),
            "ttl_min": row.ttl_min,
            "ttl_max": row.ttl_max,
            "packets": row.packets,
            "frames": row.frames,
            "copies": row.copies,
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
