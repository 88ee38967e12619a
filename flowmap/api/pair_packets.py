"""Which captures hold the packets of a pair, whether they can still be read, and how much a download will be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowmap import __version__
from flowmap.api.maps import MapRecord, StoredFile
from flowmap.api.problems import Problem
from flowmap.api.results import views
from flowmap.capture.labels import neutral
from flowmap.capture.live import FILE
from flowmap.evidence.pair_legs import FRAMES, WIRE_BYTES, points_of
from flowmap.settings import Settings
from flowmap.store.pairs import find_pair, pair_legs
from flowmap.store.result import shared_document

BLOCK_BYTES = 36
"""What a packet takes in pcapng beside its bytes: 32, and up to 3 of padding."""

_CARRIER_BYTES = 54
"""What a tunnel puts around a packet at least: Ethernet, IPv4, UDP and VXLAN headers and the inner Ethernet's tag."""


@dataclass(slots=True)
class PairPackets:
    """The packets of an edge: where they are, how many, and what keeps them from being copied (``reasons``)."""

    edge: dict[str, Any]
    frames: int = 0
    bytes: int = 0
    captures: list[tuple[Path, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    status: int = 409

    def size(self, limit_bytes: int) -> dict[str, Any]:
        """What the page shows before a download."""
        reasons = list(self.reasons)
        if self.captures and self.bytes > limit_bytes:
            reasons.append(f"The file ends at {limit_bytes / 1e6:,.6g} MB, the limit of a download.")
        return {
            "available": bool(self.captures),
            "packets": self.frames if self.captures else 0,
            "bytes": self.bytes if self.captures else 0,
            "complete": bool(self.captures) and not reasons,
            "reason": " ".join(reasons) or None,
        }


def pair_packets(record: MapRecord, ends: tuple[str, str], settings: Settings) -> PairPackets:
    """What is known of the packets of a pair without reading a capture; :class:`Problem` 404 when there is no pair."""
    document = shared_document(record.folder, record.revision)
    edge = next((edge for edge in document["edges"] if {edge["source"], edge["target"]} == set(ends)), None)
    if edge is None:
        raise Problem(404, "These two endpoints did not talk to each other in this map.")
    found = PairPackets(edge)
    legs = pair_legs(record.folder, record.revision, settings, edge["source"], edge["target"])
    if legs is None:
        old = "An earlier FlowMap made this map, without what finds its packets again; start its analysis again."
        found.reasons.append(_live_reason(record) or old)
        return found
    files = list(dict.fromkeys(legs.points[number].file for number in points_of(legs.rows)))
    if not files:
        found.reasons.append(
            "No packets were kept apart for this pair: it stands for many that did not fit in the map."
        )
        return found
    readers = {capture["file"]: capture["reader"] for capture in document["graph"]["captures"]}
    readable: set[str] = set()
    for name in files:
        file, reason = _kept_file(record, name, readers.get(name, ""))
        if file is None:
            found.reasons.append(reason)
            found.status = 410 if reason.endswith(_GONE) else found.status
        else:
            found.captures.append((record.file_path("captures", file), name))
            readable.add(name)
    rows = legs.rows[[legs.points[point].file in readable for point in (legs.rows[:, 6] >> 32).tolist()]]
    found.frames = int(rows[:, FRAMES].sum())
    in_tunnel = int(rows[(rows[:, 6] & 0xFFFF_FFFF) != 0xFFFF_FFFF, FRAMES].sum())
    found.bytes = int(rows[:, WIRE_BYTES].sum()) + found.frames * BLOCK_BYTES + in_tunnel * _CARRIER_BYTES
    if found.captures and (lacking := _ring_reason(record, document)):
        found.reasons.append(lacking)
    if legs.some_are_missing and found.captures:
        found.reasons.append("Packets of conversations that did not fit in the map are missing.")
    return found


def _live_reason(record: MapRecord) -> str | None:
    """Why the packets of a live capture cannot be downloaded, and when they can."""
    if record.state == "live":
        return "The packets of a live capture can be downloaded once it has ended; stop it, or wait for its end."
    if record.live is None or record.live.get("kept_packets") is not None:
        return None
    return (
        record.live_facts.get("problem")
        or record.live.get("problem")
        or (
            "The packets of this live capture were not kept: captures are kept by the settings keep_captures_s and "
            "keep_captures_bytes, and of a capture that ends in order."
        )
    )


def _ring_reason(record: MapRecord, document: dict[str, Any]) -> str | None:
    """What is missing where the ring of files was too small for the whole live capture."""
    kept = record.live.get("kept_packets") if record.live else None
    captured = document["graph"]["totals"]["packets"]
    if kept is None or kept >= captured or [row["file"] for row in document["graph"]["captures"]] != [FILE]:
        return None
    return f"Of the {captured:,} packets of the live capture, {kept:,} are kept (FLOWMAP_LIVE_RING_BYTES)."


_GONE = "upload it again, and start the analysis."


def _kept_file(record: MapRecord, name: str, reader: str) -> tuple[StoredFile | None, str]:
    """The capture of that name as it was read, or why it cannot be read again."""
    judged = record.judged[0] if record.judged else []
    file = next((file for file in record.captures if neutral(file.name) == name and file.id in judged), None)
    if file is None:
        return None, f"{name} is no longer part of this map."
    path = record.file_path("captures", file)
    try:
        status = path.stat() if file.kept else None
    except OSError:
        status = None
    if status is None:
        if file.path:
            return None, f"{name} is no longer there; it was moved or deleted."
        return None, f"The kept time of {name} is over; {_GONE}"
    if status.st_size != file.size_bytes or (file.path and status.st_mtime != file.uploaded_s):
        return None, f"{name} has changed since it was read; open it again."
    if reader != "header":
        return None, f"{name} was read by tshark; open it in Wireshark with the pair's filter instead."
    return file, ""


def comment_of(record: MapRecord, found: PairPackets, settings: Settings) -> str:
    """What stands at the beginning of the download: map, pair, filter, captures and what is missing."""
    edge = found.edge
    document = shared_document(record.folder, record.revision)
    labels = {node["id"]: node["label"] for node in document["nodes"]}
    with views(record, settings) as result:
        pair = find_pair(result, edge["source"], edge["target"])
    sightings = pair.sightings if pair else {"filter": None}
    ends = [f"{neutral(labels[edge[end]])} ({neutral(edge[end])})" for end in ("source", "target")]
    lines = [
        f"Packets of one pair, cut out of captures by FlowMap {__version__}.",
        f"Map: {neutral(record.name)}",
        f"Pair: {ends[0]} and {ends[1]}",
        f"Captures, one after another: {', '.join(neutral(name) for _, name in found.captures)}",
    ]
    if sightings["filter"]:
        lines.append(f"Wireshark filter for this pair in the captures: {sightings['filter']}")
        lines += [sightings["filter_note"]] if sightings["filter_note"] else []
    lines += found.reasons
    lines.append(
        f"At most {settings.max_download_bytes:,} bytes are written; a file that ends early says so at its last packet."
    )
    return "\n".join(lines)
