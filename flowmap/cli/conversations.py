"""``flowmap conversations``: the table without judging."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from flowmap.conversation_table import ConversationRow, ConversationTable, conversation_table, write_csv
from flowmap.errors import CaptureError
from flowmap.reading import Reading

WIDEST = 240
"""Columns that two long IPv6 addresses and four 64-bit numbers need, so that no line of a pipe is ever folded."""

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}
_WORDS, _NUMBERS = ("Initiator", "Responder", "Protocol"), ("Packets", "back", "Wire bytes", "back")


def show_conversations(reading: Reading, output: Path | None, top: int) -> None:
    """Print the largest conversations, and write all of them as CSV where asked for.

    Raises
    ------
    CaptureError
        When the file cannot be written.
    """
    table = conversation_table(reading)
    if output is not None and str(output) != "-":
        try:
            with output.open("w", encoding="utf-8", newline="") as stream:
                write_csv(table, stream)
        except OSError as error:
            raise CaptureError(f"{output} cannot be written: {error.strerror}.") from error
    elif output is not None:
        write_csv(table, sys.stdout)
    _print(reading, table, top, sys.stdout if output is None or str(output) != "-" else sys.stderr)


def _print(reading: Reading, table: ConversationTable, top: int, stream: TextIO) -> None:
    legs, others = reading.legs, reading.legs.others
    counted = int(table.wire_bytes.sum())
    print(f"{legs.packets:,} packets, {len(table):,} conversations, {counted:,} bytes counted once.", file=stream)
    if others.packets:
        print(f"{others.packets:,} packets with {others.wire_bytes:,} bytes are of further conversations.", file=stream)
    rows = [_cells(row) for row in table.largest(top).rows()]
    if _is_plain(stream):
        stream.writelines(f"{line}\n" for line in plain_lines(rows))
    else:
        print_rich(rows, stream)
    if len(table) > top:
        print(f"... and {len(table) - top:,} more (-o FILE writes all).", file=stream)


def _cells(row: ConversationRow) -> tuple[str, ...]:
    numbers = (
        row.packets_to_responder, row.packets_to_initiator, row.wire_bytes_to_responder, row.wire_bytes_to_initiator,
    )  # fmt: skip
    return (
        _end(row.initiator_ip, row.initiator_port),
        _end(row.responder_ip, row.responder_port),
        _PROTOCOLS.get(row.protocol, str(row.protocol)),
        *(f"{number:,}" for number in numbers),
    )


def _end(ip: str, port: int) -> str:
    if port < 0:
        return ip
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _is_plain(stream: TextIO) -> bool:
    """Whether the table has neither colours nor a width to fit into: no terminal, nor is it to be taken for one."""
    is_utf8 = (stream.encoding or "").lower().startswith("utf")
    return is_utf8 and not stream.isatty() and not os.environ.keys() & {"FORCE_COLOR", "TTY_COMPATIBLE"}


def plain_lines(rows: list[tuple[str, ...]]) -> Iterable[str]:
    """What rich would print, without the time that importing it takes."""
    names = (*_WORDS, *_NUMBERS)
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    total = sum(widths) + 3 * len(widths) - 1
    yield " " * (total + 2)
    for number, row in enumerate((names, *rows)):
        cells = [
            cell.ljust(width) if place < len(_WORDS) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'   '.join(cells)}  "
        if number == 0:
            yield f" {'─' * total} "
    yield " " * (total + 2)


def print_rich(rows: list[tuple[str, ...]], stream: TextIO) -> None:
    """The table in bold and as wide as the terminal; rich is imported here, because that takes a while."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from flowmap.cli.console import wide_console

    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for name in _WORDS:
        table.add_column(name, overflow="fold")
    for name in _NUMBERS:
        table.add_column(name, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # as text: the brackets around an IPv6 address are no markup
    wide_console(stream, WIDEST).print(table)
