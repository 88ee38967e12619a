"""The blind spot: what no device outside the host could have seen. Facts only: who, what, how much, and the proof."""

from __future__ import annotations

from flowmap.report.content import Block, Paragraph, Section, Table
from flowmap.report.source import ROWS_SHOWN, Row, Source, first_proof, left_out, service_name, services_of
from flowmap.report.wording import count, percent, short_name

GRADES = ("proven", "strong", "likely", "weak")


def blind_spot(source: Source) -> Section:
    """Pairs, hosts and services whose bytes stayed, most bytes first."""
    stayed = source.shares["stayed_bytes"]
    blocks: list[Block] = [
        Paragraph(
            "Bytes that stayed were delivered inside their host, over no cable and through no physical switch. No "
            "firewall, intrusion detection or flow exporter outside the host can have seen them, except for copies "
            "that a virtual switch flooded to the uplink as well, as it does while it has not learned an address: "
            "where that happened, the proof of the pair says so."
        )
    ]
    if not stayed:
        blocks.append(
            Paragraph("Of no byte in these captures could it be said that it stayed. That does not say that all left.")
        )
        return Section("blind-spot", "The blind spot", tuple(blocks))
    blocks += [_by_host(source), _by_service(source, stayed), _by_pair(source, stayed)]
    return Section("blind-spot", "The blind spot", tuple(blocks))


def _by_host(source: Source) -> Table:
    hosts = sorted(
        (row for row in source.graph["hosts"] if row["stayed_bytes"]), key=lambda row: -row["stayed_bytes"]
    )  # fmt: skip
    rows = tuple(
        (
            short_name(row["host"]), count(row["stayed_bytes"]), percent(row["stayed_bytes"], row["wire_bytes"]),
            *(count(row["by_grade"]["stayed"][f"{grade}_bytes"]) for grade in GRADES),
        )
        for row in hosts[:ROWS_SHOWN]
    )  # fmt: skip
    named = sum(row["stayed_bytes"] for row in hosts)
    note = left_out(hosts, "stayed_bytes", "hosts")
    if named != source.shares["stayed_bytes"]:
        note = f"{note} The endpoints of the other bytes that stayed are placed on no host or on several.".strip()
    columns = ("Host", "Bytes that stayed", "Of all bytes of the host", "Proven", "Strong", "Likely", "Weak")
    return Table("What stayed, by host", columns, rows, (1, 2, 3, 4, 5, 6), note)


def _by_service(source: Source, stayed: int) -> Table:
    services = [row for row in source.graph["services"] if row["stayed_bytes"]]
    rows = tuple(
        (
            service_name(row), count(row["stayed_bytes"]), percent(row["stayed_bytes"], stayed),
            percent(row["stayed_bytes"], row["wire_bytes"]),
            *(count(row["stayed_by_grade"][f"{grade}_bytes"]) for grade in GRADES),
        )
        for row in services[:ROWS_SHOWN]
    )  # fmt: skip
    columns = ("Service", "Bytes that stayed", "Of all that stayed", "Of the service’s bytes", "Proven", "Strong",
               "Likely", "Weak")  # fmt: skip
    note = left_out(services, "stayed_bytes", "services")
    return Table("What stayed, by service", columns, rows, (1, 2, 3, 4, 5, 6, 7), note)


def _by_pair(source: Source, stayed: int) -> Table:
    pairs = source.ranked("stayed_bytes")
    rows = tuple(
        (
            str(rank), source.pair(edge), source.hosts_of(edge), services_of(edge), count(edge["stayed_bytes"]),
            percent(edge["stayed_bytes"], stayed), percent(edge["stayed_bytes"], edge["wire_bytes"]),
            edge["stayed_grade"] or "–", _proof(edge),
        )
        for rank, edge in enumerate(pairs[:ROWS_SHOWN], 1)
    )  # fmt: skip
    columns = ("No.", "Pair", "Host", "Services", "Bytes that stayed", "Of all that stayed", "Of the pair’s bytes",
               "Grade", "Proof")  # fmt: skip
    return Table("What stayed, by pair", columns, rows, (0, 4, 5, 6), left_out(pairs, "stayed_bytes", "pairs"))


def _proof(edge: Row) -> str:
    """Evidence of a pair whose parts differ is listed whole elsewhere, where both sides stand."""
    if edge["left_host"] == "mixed" or edge["grade"] == "conflict":
        return "Only a part stayed: the evidence for and against stands under Mixed pairs and conflicts."
    return first_proof(edge)
