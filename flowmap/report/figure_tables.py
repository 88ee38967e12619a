"""The figures: each in bytes and percent with its whole named, and the grades behind it, for the map and each host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowmap.report.content import Block, Heading, Paragraph, Section, Table
from flowmap.report.source import ROWS_SHOWN, Row, Source, left_out
from flowmap.report.wording import count, percent, short_name

HOSTS_IN_FULL = 20
GRADES = ("proven", "strong", "likely", "weak", "ungraded")

FIGURES = (
    ("internet", "Internet", "one end is a global address outside the inventory", "all"),
    ("east_west", "East-west", "all other traffic", "all"),
    ("switched", "Switched", "delivered within its segment", "east_west"),
    ("routed", "Routed", "a router passed it on", "east_west"),
    ("path_unknown", "Path unknown", "switched or routed is not known", "east_west"),
    ("vm_vm", "VM-VM", "both ends are VMs", "east_west"),
    ("within_host", "Within host", "between VMs, never left the host", "vm_vm"),
    ("stayed", "Stayed on host", "never left its host, whatever the ends", "all"),
    ("left", "Left the host", "went out by an uplink or a tunnel", "all"),
    ("hairpin", "Hairpin", "left its host and came back to it", "left"),
    ("undetermined", "Undetermined", "stayed or left is not known", "all"),
)
"""Figure, its name, what counts in it, and the figure that is its whole."""

_WHOLES = {"all": "in all", "east_west": "east-west", "vm_vm": "VM-VM", "left": "that left"}


def figure_tables(source: Source) -> Section:
    """The map, then the hosts beside each other, then each host as the map."""
    graph = source.graph
    blocks: list[Block] = [
        Paragraph(
            "Bytes are counted once, however many capture points saw them: 14 bytes of Ethernet and the innermost IP "
            "packet. Broadcast and multicast are apart. “In all” are the bytes between two endpoints: Internet + "
            "East-west, which is Stayed + Left + Undetermined. The last five columns say by grade what the bytes of a "
            "row rest on (see Method and sources); those without a grade are undetermined."
        ),
        _figures("The whole map", source.shares, graph["grades"], source.all_bytes),
        Heading("By host"),
        Paragraph(
            "A host’s figures are those of all conversations with an end on it. A conversation between two hosts "
            "counts for both, so the hosts do not add up to the map; what stayed is on one host and counts there alone."
        ),
    ]
    hosts = [row for row in graph["hosts"] if row["wire_bytes"]]
    if not hosts:
        return Section("figures", "The figures", (*blocks, Paragraph("No endpoint could be placed on a host.")))
    blocks.append(_beside_each_other(hosts))
    blocks += [
        _figures(f"Host {short_name(row['host'])}", row, row["by_grade"], row["wire_bytes"])
        for row in hosts[:HOSTS_IN_FULL]
    ]
    if len(hosts) > HOSTS_IN_FULL:
        blocks.append(
            Paragraph(f"The other {len(hosts) - HOSTS_IN_FULL:,} hosts stand in full in the graph document only.")
        )
    return Section("figures", "The figures", tuple(blocks))


def _figures(caption: str, figures: Mapping[str, Any], grades: Mapping[str, Row], all_bytes: int) -> Table:
    sizes = {"all": all_bytes, **{name: figures[f"{name}_bytes"] for name, *_ in FIGURES}}
    rows = [
        (
            title, meaning, count(sizes[name]), percent(sizes[name], sizes[whole]),
            f"{count(sizes[whole])} {_WHOLES[whole]}",
            *(count(grades[name][f"{grade}_bytes"]) for grade in GRADES),
        )
        for name, title, meaning, whole in FIGURES
    ]  # fmt: skip
    columns = ("Figure", "What counts", "Bytes", "Share", "Of", "Proven", "Strong", "Likely", "Weak", "None")
    return Table(caption, columns, tuple(rows), (2, 3, 5, 6, 7, 8, 9))


def _beside_each_other(hosts: list[Row]) -> Table:
    rows = tuple(
        (
            short_name(row["host"]),
            count(row["wire_bytes"]),
            *(
                f"{count(row[f'{word}_bytes'])} ({percent(row[f'{word}_bytes'], row['wire_bytes'])})"
                for word in ("stayed", "left", "undetermined")
            ),
            f"{count(row['within_host_bytes'])} ({percent(row['within_host_bytes'], row['vm_vm_bytes'])})",
            f"{count(row['hairpin_bytes'])} ({percent(row['hairpin_bytes'], row['left_bytes'])})",
        )
        for row in hosts[:ROWS_SHOWN]
    )
    columns = ("Host", "All bytes of the host", "Stayed (of all)", "Left (of all)", "Undetermined (of all)",
               "Within host (of VM-VM)", "Hairpin (of left)")  # fmt: skip
    return Table(
        "The hosts beside each other", columns, rows, (1, 2, 3, 4, 5, 6), left_out(hosts, "wire_bytes", "hosts")
    )
