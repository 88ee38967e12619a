"""What ``flowmap explain`` prints: one pair's answer, why, where its packets were seen, and how to find them again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flowmap.cli.console import plain, wide_console
from flowmap.cli.summary import STYLES, WORDS, size

CONVERSATIONS_SHOWN = 20
PLACES_SHOWN = 6
"""Points and frames of one row of evidence; the table of sightings has all points."""
COLUMNS = 120
"""Width where the output is no terminal: filters and sentences are read, not scanned."""

_FOR, _AGAINST = ("✓", "blue"), ("✗", "dark_orange3")
_MACS_WIDTH = 37
"""Two MACs with an arrow between them stay on one line."""


def print_explanation(detail: Mapping[str, Any], console: Console | None = None) -> None:
    """One pair (:func:`flowmap.views.pair_detail`) for a person: the answer first, then what it rests on."""
    console = console or wide_console(sys.stdout, COLUMNS)
    _print_answer(console, detail)
    _print_evidence(console, detail["edge"])
    _print_ends(console, detail)
    _print_sightings(console, detail)
    _print_conversations(console, detail["conversations"])
    _print_filters(console, detail["sightings"])


def _print_answer(console: Console, detail: Mapping[str, Any]) -> None:
    edge = detail["edge"]
    console.print(Text(_way(detail), style="bold"))
    answer = Text(WORDS[edge["left_host"]], style=STYLES[edge["left_host"]])
    console.print(answer.append(f"  {edge['verdict']}, grade {edge['grade'] or 'none'}", style="default"))
    console.print(
        Text(
            f"{size(edge['stayed_bytes'])} stayed, {size(edge['left_bytes'])} left, "
            f"{size(edge['undetermined_bytes'])} undetermined, "
            f"of {size(edge['wire_bytes'])} in {edge['packets']:,} packets."
        )
    )


def _way(detail: Mapping[str, Any], *, back: bool = False) -> str:
    labels = [plain(detail[end]["label"]) for end in ("source", "target")]
    return " → ".join(reversed(labels) if back else labels)


def _print_evidence(console: Console, edge: Mapping[str, Any]) -> None:
    """What speaks for the answer, what against it, and what would settle it."""
    _print_heading(console, "Why" if edge["evidence"] or edge["left_host"] is None else "Why: no evidence")
    for row in sorted(_merged(edge["evidence"]), key=lambda row: not row["supports"]):
        mark, style = _FOR if row["supports"] else _AGAINST
        times = f" ({row['count']:,} packets)" if row["count"] > 1 else ""
        _print_item(console, mark, Text(f"{plain(row['text'])}{times} [{row['rule']}]"), style)
        if row["places"]:
            more = ", ..." if len(row["places"]) > PLACES_SHOWN else ""
            places = ", ".join(plain(place) for place in row["places"][:PLACES_SHOWN])
            console.print(Padding(Text(places + more, style="dim"), (0, 0, 0, 5)))
    if edge["would_settle"]:
        _print_heading(console, "What would settle it")
        for text in edge["would_settle"]:
            _print_item(console, "→", Text(plain(text)), "default")


def _merged(evidence: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Several conversations often say the same: one row then, with all their places and packets."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in evidence:
        key = (row["supports"], row["rule"], row["text"])
        merged = rows.setdefault(key, {**row, "count": 0, "places": []})
        merged["count"] += row["count"]
        for point, frame in zip_longest(row["points"], row["frames"][: len(row["points"])]):
            place = f"{point} frame {frame}" if frame else point
            if place not in merged["places"]:
                merged["places"].append(place)
    return list(rows.values())


def _print_heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _print_item(console: Console, mark: str, text: Text, style: str) -> None:
    """A marked sentence whose further lines stand under its first word."""
    line = Table.grid(padding=(0, 1))
    line.add_column(width=2, justify="right")
    line.add_column(overflow="fold")
    line.add_row(Text(mark, style=style), text)
    console.print(line)


def _print_ends(console: Console, detail: Mapping[str, Any]) -> None:
    _print_heading(console, "Who they are, and who says where")
    for end in ("source", "target"):
        node, placement = detail[end], detail["placement"][end]
        who = Text(f"{plain(node['label'])}: {node['kind']}, {_placed(placement)}")
        _print_item(console, "•", who, "default")
        names = ", ".join(f"{name['name']} ({name['source']})" for name in node["names"])
        about = [", ".join([*node["ips"], *node["macs"]]), f"Names: {names}" if names else ""]
        if placement:
            about += [_inventory_row(row) for row in placement["rows"]]
            about.append(f"... and {placement['more_rows']:,} more rows" if placement["more_rows"] else "")
            about.append(f"Conflict: {placement['conflict']}" if placement["conflict"] else "")
        for text in filter(None, about):
            console.print(Padding(Text(plain(text), style="dim"), (0, 0, 0, 5)))


def _placed(placement: Mapping[str, Any] | None) -> str:
    if placement is None:
        return "on no host of its own"
    if placement["host"] is None:
        return "host not known"
    if placement["how"] == "inventory":
        how = "the inventory" if placement["matched_by"] == "MAC" else "the inventory, matched by address only"
    elif placement["how"] == "move":
        return f"on {plain(placement['host'])} since it moved there"
    else:
        how = f"its port {plain(placement['point'])}"
    return f"on {plain(placement['host'])} according to {how}"


def _inventory_row(row: Mapping[str, Any]) -> str:
    """``inventory.yaml row 3: web-1, host-a, br-int, VLAN 10, vnet0, MAC; 2 h before the capture's first packet``."""
    vlan = f"VLAN {row['vlan']}" if row["vlan"] is not None else None
    facts = [row["vm"], row["host"] or "no host", row["vswitch"], row["network"], vlan, row["interface"], row["mac"]]
    by_file = " by the file's time" if row["observed_how"] == "file time" else ""
    age = row["age"] + (f"{by_file}, stale" if row["freshness"] == "stale" else by_file)
    return f"{row['source']} row {row['row']}: {', '.join(str(fact) for fact in facts if fact)}; {age}"


def _print_sightings(console: Console, detail: Mapping[str, Any]) -> None:
    sightings = detail["sightings"]
    _print_heading(console, "Where the packets were seen")
    if not sightings["rows"]:
        console.print(Text("  Nowhere that is kept apart: their conversations are folded."))
    numbered = list(enumerate(sightings["rows"], 1))
    for direction, back in (("source_to_target", False), ("target_to_source", True)):
        rows = [(number, row) for number, row in numbered if row["direction"] == direction]
        if rows:
            console.print(_sightings_table(rows, _way(detail, back=back)))
    if sightings["more_rows"]:
        console.print(Text(f"... and {sightings['more_rows']:,} more rows with {sightings['more_frames']:,} frames."))


def _sightings_table(rows: Sequence[tuple[int, Mapping[str, Any]]], title: str) -> Table:
    """One direction. A row has two or three lines: where, between which MACs, in which tunnel."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left")
    table.title_style = "default"
    table.add_column("#", justify="right")
    table.add_column("Capture point, MACs", overflow="fold", min_width=_MACS_WIDTH)
    table.add_column("Role, host", overflow="fold")
    for name in ("Frames", "First", "TTL", "VLAN"):
        table.add_column(name, justify="right", no_wrap=name != "VLAN")
    for number, row in rows:
        copies = f"\n×{row['copies']}" if row["copies"] > 1 else ""
        table.add_row(
            str(number),
            Text(f"{_point(row)}\n").append("\n".join(_between(row)), style="dim"),
            Text(f"{row['role']}\n{plain(row['host'] or '?')}"),
            f"{row['frames']:,}{copies}",
            f"{row['first_frame']:,}",
            str(row["ttl_max"]) if row["ttl_min"] == row["ttl_max"] else f"{row['ttl_min']}-{row['ttl_max']}",
            _tags(row),
        )
    return table


def _point(row: Mapping[str, Any]) -> str:
    """A long name is broken behind its file, not within a name."""
    name = plain(row["point"])
    return name if len(name) <= _MACS_WIDTH else name.replace(":", ":\n", 1)


def _between(row: Mapping[str, Any]) -> list[str]:
    macs = f"{row['src_mac'] or 'no MAC'} → {row['dst_mac'] or 'no MAC'}"
    return [macs, _tunnel(row["tunnel"])] if row["tunnel"] else [macs]


def _tunnel(tunnel: Mapping[str, Any]) -> str:
    network = f" {tunnel['vni']}" if tunnel["vni"] is not None else ""
    ends = f" {tunnel['source']} → {tunnel['destination']}" if tunnel["source"] and tunnel["destination"] else ""
    return f"in {tunnel['kind']}{network}{ends}"


def _tags(row: Mapping[str, Any]) -> str:
    tags = [str(tag) for tag in (row["outer_vlan"], row["vlan"]) if tag is not None]
    return "/".join(tags) or "-"


def _print_filters(console: Console, sightings: Mapping[str, Any]) -> None:
    """Each filter alone on its line, however long, so that it can be copied."""
    if not sightings["rows"]:
        return
    _print_heading(console, "Display filters for these frames (Wireshark, or tshark -r FILE -Y 'FILTER')")
    if sightings["filter"]:
        _print_filter(console, "All of the pair, in any of the files", sightings["filter"], sightings["filter_note"])
    for number, row in enumerate(sightings["rows"], 1):
        title = f"#{number} in {plain(row['file'])}: {row['frames']:,} frames from {row['first_frame']:,} on"
        _print_filter(console, title, row["filter"], row["filter_note"])


def _print_filter(console: Console, title: str, text: str, note: str) -> None:
    console.print(Text(f"  {title}", style="dim"))
    console.print(Text(plain(text)), soft_wrap=True)
    if note:
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))


def _print_conversations(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    shown = min(CONVERSATIONS_SHOWN, len(rows))
    _print_heading(console, f"Conversations ({shown:,} of {len(rows):,})")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("Protocol", "Initiator", "Responder", "Sent", "Received", "Packets", "Answer"):
        is_number = name in ("Sent", "Received", "Packets")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=name == "Answer")
    for row in rows[:CONVERSATIONS_SHOWN]:
        ends = [
            f"{row[end]['ip']}{'' if row[end]['port'] is None else ' :' + str(row[end]['port'])}"
            for end in ("initiator", "responder")
        ]
        table.add_row(
            Text(plain(row["application"] or row["protocol"])),
            *ends,
            size(row["sent_bytes"]),
            size(row["received_bytes"]),
            f"{row['packets']:,}",
            Text(f"{row['verdict']}\n{row['grade'] or 'no grade'}"),
        )
    console.print(table)
