"""``flowmap conversations``: the table without judging."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from flowmap.cli.console import wide_console
from flowmap.conversation_table import ConversationRow, conversation_rows, write_csv
from flowmap.errors import CaptureError
from flowmap.reading import Reading

WIDEST = 240
"""Columns that two long IPv6 addresses and four 64-bit numbers need, so that no line of a pipe is ever folded."""

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}


def show_conversations(reading: Reading, output: Path | None, top: int) -> None:
    """Print the largest conversations, and write all of them as CSV where asked for.

    Raises
    ------
    CaptureError
        When the file cannot be written.
    """
    rows = conversation_rows(reading)
    if output is not None and str(output) != "-":
        try:
            with output.open("w", encoding="utf-8", newline="") as stream:
                write_csv(rows, stream)
        except OSError as error:
            raise CaptureError(f"{output} cannot be written: {error.strerror}.") from error
    elif output is not None:
        write_csv(rows, sys.stdout)
    _print(reading, rows, top, sys.stdout if output is None or str(output) != "-" else sys.stderr)


def _print(reading: Reading, rows: list[ConversationRow], top: int, stream: TextIO) -> None:
    console = wide_console(stream, WIDEST)
    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for name in ("Initiator", "Responder", "Protocol"):
        table.add_column(name, overflow="fold")
    for name in ("Packets", "back", "Wire bytes", "back"):
        table.add_column(name, justify="right", overflow="fold")
    for row in sorted(rows, key=lambda row: row.wire_bytes, reverse=True)[:top]:
        table.add_row(
            _end(row.initiator_ip, row.initiator_port),
            _end(row.responder_ip, row.responder_port),
            _PROTOCOLS.get(row.protocol, str(row.protocol)),
            f"{row.packets_to_responder:,}",
            f"{row.packets_to_initiator:,}",
            f"{row.wire_bytes_to_responder:,}",
            f"{row.wire_bytes_to_initiator:,}",
        )
    legs, others = reading.legs, reading.legs.others
    counted = sum(row.wire_bytes for row in rows)
    console.print(f"{legs.packets:,} packets, {len(rows):,} conversations, {counted:,} bytes counted once.")
    if others.packets:
        console.print(f"{others.packets:,} packets with {others.wire_bytes:,} bytes are of further conversations.")
    console.print(table)
    if len(rows) > top:
        console.print(f"... and {len(rows) - top:,} more (-o FILE writes all).")


def _end(ip: str, port: int) -> Text:
    """Address and port as text: the brackets around an IPv6 address are no markup."""
    if port < 0:
        return Text(ip)
    return Text(f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}")
