"""How the verdicts were made, what the grades mean, and the files that everything rests on."""

from __future__ import annotations

from flowmap.report.content import Paragraph, Section, Table
from flowmap.report.source import Row, Source
from flowmap.report.wording import count, duration, short_name, utc

_GRADES = (
    ("proven", "Packets at identified capture points show it, and the capture passes the test of completeness."),
    ("strong", "The packets and a fresh, complete inventory agree, and nothing contradicts them."),
    ("likely", "It rests on something old, partial or inferred: an old inventory, a role guessed from a name."),
    ("weak", "A single hint. Never enough to say that something stayed."),
    ("conflict", "The evidence contradicts itself. The bytes count as undetermined."),
    ("none", "Undetermined: nothing is claimed."),
)


def method(source: Source) -> Section:
    """Two paragraphs, the grades, the captures and the inventory files."""
    blocks = (
        Paragraph(
            "Every packet is assigned to a conversation (the two innermost addresses, protocol and ports) and to the "
            "capture point, the MAC addresses, the VLAN or tunnel and the direction in which it was seen. The same "
            "packets seen at two points are recognised by TCP sequence ranges and by hashes of what switching and "
            "routing leave alone, not by time. TTL, MAC addresses and VLAN compared between such sightings tell "
            "whether a packet was switched, routed or reflected on its way, and which of the points it passed. Copies "
            "that a mirror makes are taken out, and a mirror’s own tunnel is never taken for a path."
        ),
        Paragraph(
            "A conversation is said to have stayed only when what was seen fits a rule for it and no sighting of "
            "either direction, floods apart, stands on an uplink, inside a tunnel or at a point of unknown role. "
            "Absence from the uplinks proves something only where all uplinks of the host are known and captured, "
            "without drops, at that time, and the same VM’s other traffic is visible there. Where the packets do not "
            "decide, the inventory may, at a lower grade; packets outrank an inventory, and names or private "
            "addresses prove nothing. Each direction is judged on its own, and a pair sums its conversations. Rules "
            "are cited in brackets."
        ),
        Table("Grades", ("Grade", "Meaning"), _GRADES),
        _captures(source.graph["captures"]),
        _inventory(source),
    )
    return Section("method", "Method and sources", blocks)


def _captures(captures: list[Row]) -> Table:
    rows = tuple(
        (
            short_name(capture["file"]), capture["format"], count(capture["size_bytes"]), count(capture["packets"]),
            capture["reader"], "yes" if capture["complete"] else "no, it ended early",
            capture["sha256"] or "not computed",
        )
        for capture in captures
    )  # fmt: skip
    columns = ("Capture", "Format", "Bytes", "Packets", "Reader", "Read to its end", "SHA-256")
    return Table("Captures", columns, rows, (2, 3))


def _inventory(source: Source) -> Paragraph | Table:
    files = source.graph["inventory"]
    if not files:
        return Paragraph("No inventory was given: every placement rests on capture points.")
    start_ns = source.graph["totals"]["first_seen_ns"]
    rows = tuple(
        (
            short_name(file["file"]), file["format"], count(file["rows"]), utc(file["observed_at_ns"]),
            file["observed_how"] or "–", _age(file["observed_at_ns"], start_ns),
        )
        for file in files
    )  # fmt: skip
    columns = ("Inventory file", "Format", "Rows used", "As of (UTC)", "Told by", "Age at the first packet")
    return Table("Inventory files", columns, rows, (2,))


def _age(observed_at_ns: int | None, start_ns: int | None) -> str:
    if observed_at_ns is None or start_ns is None:
        return "not known"
    if observed_at_ns > start_ns:
        return f"{duration(observed_at_ns - start_ns)} younger"
    return f"{duration(start_ns - observed_at_ns)} older"
