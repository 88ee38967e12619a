"""A screenshot with 256 colours: a third of the size, and nothing that an eye would miss in a drawn page."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS, _BITS = 256, 8
Pixels = npt.NDArray[np.uint8]


def reduce_colours(path: Path) -> None:
    """Write a PNG of 8-bit RGB or RGBA again with a palette of its most frequent colours; alpha is dropped."""
    pixels = _read(path.read_bytes())
    height, width, _ = pixels.shape
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, index, count = np.unique(packed, return_inverse=True, return_counts=True)
    rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.int64)
    kept = _palette(rgb, count)
    nearest = np.array([np.abs(kept - colour).sum(axis=1).argmin() for colour in rgb], np.uint8)
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = nearest[index.reshape(height, width)]
    header = struct.pack(">IIBBBBB", width, height, _BITS, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", kept.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
    ]
    path.write_bytes(_SIGNATURE + b"".join(_chunk(*chunk) for chunk in [*chunks, (b"IEND", b"")]))


def _palette(rgb: npt.NDArray[np.int64], count: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The most frequent colours, one of each small cube of colours first, so that rare hues keep theirs."""
    order = np.argsort(-count, kind="stable")
    cube = (rgb >> 5) @ np.array([64, 8, 1])
    _, first = np.unique(cube[order], return_index=True)
    some = order[np.sort(first)][: _COLOURS // 2]
    rest = order[~np.isin(order, some)][: _COLOURS - some.size]
    kept: npt.NDArray[np.int64] = rgb[np.concatenate([some, rest])]
    return kept


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read(data: bytes) -> Pixels:
    """Height by width by RGB of a PNG that is not interlaced."""
    at, packed, width, height, kind = len(_SIGNATURE), b"", 0, 0, 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        if name == b"IHDR":
            width, height, bits, kind, *_ = struct.unpack(">IIBBBBB", body)
            if bits != _BITS or kind not in (2, 6):
                raise ValueError("not a PNG of 8-bit RGB or RGBA")
        packed += body if name == b"IDAT" else b""
        at += size + 12
    channels = 3 if kind == 2 else 4
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, width * channels + 1)
    out = np.zeros((height + 1, width + 1, channels), np.int64)
    for number, row in enumerate(rows):
        _unfilter(int(row[0]), row[1:].reshape(width, channels).astype(np.int64), out[number], out[number + 1])
    return out[1:, 1:, :3].astype(np.uint8)


def _unfilter(how: int, row: npt.NDArray[np.int64], above: npt.NDArray[np.int64], out: npt.NDArray[np.int64]) -> None:
    """PNG filters 0 to 4 (PNG specification, section 9); index 0 of ``above`` and ``out`` is left of the picture."""
    if how == 0:
        out[1:] = row
    elif how == 1:
        out[1:] = np.cumsum(row, axis=0) & 255
    elif how == 2:
        out[1:] = row + above[1:] & 255
    else:
        for channel in range(row.shape[1]):
            filtered, up = row[:, channel].tolist(), above[:, channel].tolist()
            line, left = [0], 0
            for x, value in enumerate(filtered, 1):
                guess = (left + up[x]) // 2 if how == 3 else _paeth(left, up[x], up[x - 1])
                left = value + guess & 255
                line.append(left)
            out[:, channel] = line


def _paeth(left: int, up: int, corner: int) -> int:
    by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner
