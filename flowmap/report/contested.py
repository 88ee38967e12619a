"""Mixed pairs and conflicts, each with all its evidence for and against; then contradictions of the inventory."""

from __future__ import annotations

from flowmap.report.content import Block, Bullets, Heading, Paragraph, Section
from flowmap.report.source import Row, Source, proof, services_of
from flowmap.report.wording import count, cut, size

PAIRS_SHOWN = 50
CONFLICTS_SHOWN = 50


def contested(source: Source) -> Section:
    """What does not fit one answer."""
    blocks = [
        *_pairs(
            source, "Mixed pairs", [edge for edge in source.edges if edge["left_host"] == "mixed"],
            "A part of their traffic stayed and a part left: two services took two ways, or one moved.",
            "No pair is mixed.",
        ),
        *_pairs(
            source, "Conflicts", [edge for edge in source.edges if edge["grade"] == "conflict"],
            "Their evidence contradicts itself. Their open bytes count as undetermined until somebody finds out why.",
            "No pair’s evidence contradicts itself.",
        ),
        *_inventory(source.graph["warnings"]),
    ]  # fmt: skip
    return Section("contested", "Mixed pairs and conflicts", tuple(blocks))


def _pairs(source: Source, title: str, edges: list[Row], what: str, nothing: str) -> list[Block]:
    if not edges:
        return [Heading(title), Paragraph(nothing)]
    blocks: list[Block] = [Heading(title), Paragraph(what)]
    for edge in edges[:PAIRS_SHOWN]:
        blocks.append(
            Paragraph(
                f"{source.pair(edge)} (host {source.hosts_of(edge)}; {services_of(edge)}): of "
                f"{size(edge['wire_bytes'])} {count(edge['stayed_bytes'])} stayed, {count(edge['left_bytes'])} left, "
                f"{count(edge['undetermined_bytes'])} undetermined; verdict {edge['verdict']}, grade "
                f"{edge['grade'] or 'none'}."
            )
        )
        rows = [f"{'For' if row['supports'] else 'Against'}: {proof(row)}" for row in edge["evidence"]]
        rows += [f"Would settle it: {cut(text)}" for text in edge["would_settle"]]
        blocks.append(Bullets(tuple(rows) or ("No evidence is recorded.",)))
    rest = edges[PAIRS_SHOWN:]
    if rest:
        total = size(sum(edge["wire_bytes"] for edge in rest))
        blocks.append(Paragraph(f"Not listed: {len(rest):,} more pairs with {total}."))
    return blocks


def _inventory(warnings: list[Row]) -> list[Block]:
    texts = [cut(row["text"]) for row in warnings if row["code"] == "inventory_conflict"]
    if not texts:
        return [Heading("Contradictions of the inventory"), Paragraph("None was found.")]
    blocks: list[Block] = [Heading("Contradictions of the inventory"), Bullets(tuple(texts[:CONFLICTS_SHOWN]))]
    if len(texts) > CONFLICTS_SHOWN:
        blocks.append(Paragraph(f"Not listed: {len(texts) - CONFLICTS_SHOWN:,} more, which flowmap inventory lists."))
    return blocks
