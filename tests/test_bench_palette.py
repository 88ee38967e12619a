"""A picture with few colours is the same after its colours were reduced, whatever filters it was written with."""

import struct
import zlib

import pytest

from bench.palette import _read, reduce_colours


def png(pixels, how):
    """RGB rows with one PNG filter, as the specification defines it (section 9)."""
    height, width = len(pixels), len(pixels[0])
    flat = [[value for pixel in row for value in pixel] for row in pixels]
    body = b""
    for y, row in enumerate(flat):
        body += bytes([how])
        for x, value in enumerate(row):
            left = row[x - 3] if x >= 3 else 0
            up = flat[y - 1][x] if y else 0
            corner = flat[y - 1][x - 3] if y and x >= 3 else 0
            near = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
            body += bytes([(value - (0, left, up, (left + up) // 2, near)[how]) & 255])
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(body)),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PIXELS = [[((x * 40) % 256, (y * 60) % 256, (x * y * 20) % 256) for x in range(7)] for y in range(5)]


@pytest.mark.parametrize("how", range(5))
def test_every_filter_is_read(how):
    assert _read(png(PIXELS, how)).tolist() == [[list(pixel) for pixel in row] for row in PIXELS]


def test_few_colours_stay_as_they_are(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(png(PIXELS, 4))
    reduce_colours(path)
    data = path.read_bytes()
    at = data.index(b"PLTE")
    palette = data[at + 4 : at + 4 + struct.unpack(">I", data[at - 4 : at])[0]]
    start = data.index(b"IDAT")
    rows = zlib.decompress(data[start + 4 : start + 4 + struct.unpack(">I", data[start - 4 : start])[0]])
    found = [[tuple(palette[3 * i : 3 * i + 3]) for i in rows[y * 8 + 1 : y * 8 + 8]] for y in range(5)]
    assert found == PIXELS
