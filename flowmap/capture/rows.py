"""The fields that the column pass asks tshark for, and access to their values by header.

Frames of one protocol list have their values in the same places, so a batch is split by list and each part is
read column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from flowmap.capture import wraps
from flowmap.capture.layers import Stack
from flowmap.errors import ToolError

FIELDS = (
    "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols", "frame.interface_id",
    "frame.section_number", "eth.src", "eth.dst", "vlan.id", "ieee8021ad.id", "ieee8021ad.svid",
    "ip.src", "ip.dst", "ip.hdr_len", "ip.len", "ip.id", "ip.flags.mf", "ip.frag_offset", "ip.ttl",
    "ip.proto",
    "ipv6.src", "ipv6.dst", "ipv6.plen", "ipv6.hlim", "ipv6.nxt",
    "ipv6.fraghdr.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ipv6.fraghdr.ident",
    "ipv6.hopopts.nxt", "ipv6.hopopts.len", "ipv6.dstopts.nxt", "ipv6.dstopts.len",
    "ipv6.routing.nxt", "ipv6.routing.len", "ah.next_header", "ah.length",
    "udp.srcport", "udp.dstport", "udp.length",
    "sll.src.eth", "sll.hatype", "sll.ifindex", "arp.opcode", "arp.src.hw_mac", "arp.src.proto_ipv4",
    *wraps.FIELDS,
    "data.data",
)  # fmt: skip
"""What the column pass asks tshark for; the bytes of the innermost payload last, because they are cut."""

_PLACE = {name: place for place, name in enumerate(FIELDS)}
DATA_LENGTH = len(FIELDS)
"""Place of the uncut length of ``data.data`` in bytes behind the cells of a row."""

KEPT_DATA_CHARS = 1200
"""600 bytes in hex: transport header, 16 bytes of payload, and the options of a DHCP message."""

Row = list[str]


def split_row(line: bytes) -> Row:
    """Cells of one line, the last one cut, with its uncut length in bytes behind them.

    Raises
    ------
    ToolError
        When the line has another number of cells.
    """
    head, _, data = line.rpartition(b"\t")
    cells = head.decode("utf-8", "replace").split("\t")
    if len(cells) != len(FIELDS) - 1:
        raise ToolError("tshark printed a row of another form than asked for; install tshark 4.0 or newer.")
    if b"," in data:
        data = data.rpartition(b",")[2]
    cells.append(data[:KEPT_DATA_CHARS].decode("ascii", "replace"))
    cells.append(str(len(data) // 2))
    return cells


def column(rows: Sequence[Row], name: str) -> list[str]:
    """Whole cells of a field."""
    place = _PLACE[name]
    return [row[place] for row in rows]


def numbers(texts: Sequence[str], missing: int = -1) -> npt.NDArray[np.int64]:
    """Texts as integers, decimal or with 0x; ``missing`` for the empty text."""
    return np.array([int(text, 0) if text else missing for text in texts], np.int64)


class Part:
    """The frames of a batch that share one protocol list.

    Attributes
    ----------
    rows : sequence of Row
    at : intp (n,)
        Their places in the batch.
    stack : Stack
    """

    def __init__(self, rows: Sequence[Row], at: npt.NDArray[np.intp], stack: Stack) -> None:
        self.rows, self.at, self.stack = rows, at, stack

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self, name: str, index: int = 0) -> list[str]:
        """The value of a field that belongs to the header with this index; "" where there is none."""
        place = _PLACE[name]
        if index == 0:
            return [row[place].partition(",")[0] for row in self.rows]
        found = []
        for row in self.rows:
            values = row[place].split(",")
            found.append(values[index] if index < len(values) else "")
        return found

    def numbers(self, name: str, index: int = 0, missing: int = -1) -> npt.NDArray[np.int64]:
        """The same as integers."""
        return numbers(self.texts(name, index), missing)

    def flags(self, name: str, index: int = 0) -> npt.NDArray[np.bool_]:
        """A boolean field: tshark 4.0 prints 1, later versions True."""
        return np.array([text in ("1", "True") for text in self.texts(name, index)], np.bool_)

    def data(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Captured bytes of the innermost payload in hex, cut, and their uncut number."""
        return (
            [row[_PLACE["data.data"]] for row in self.rows],
            np.array([int(row[DATA_LENGTH]) for row in self.rows], np.int64),
        )


def frame_cells(row: Row) -> Callable[[str], list[str]]:
    """Access to all values of a field in one frame, outermost first."""

    def cells(name: str) -> list[str]:
        text = row[_PLACE[name]]
        return text.split(",") if text else []

    return cells
