"""Rules for lengths that do not fit together, one row each."""

from __future__ import annotations

import numpy as np
import pytest

from flowmap.capture.lengths import ip_lengths, wire_lengths

UNKNOWN = -1


def ip_length(**row: int) -> tuple[int, bool]:
    base = {
        "declared": 84,
        "header": 20,
        "segment": 64,
        "frame": 98,
        "captured": 98,
        "link": 14,
        "udp_length": UNKNOWN,
    }
    found = ip_lengths(**{name: np.array([value], np.int64) for name, value in {**base, **row}.items()})
    return int(found.total[0]), bool(found.lies[0])


@pytest.mark.parametrize(
    ("row", "total", "lies"),
    [
        ({}, 84, False),
        ({"frame": 60, "captured": 60, "declared": 40, "segment": 20}, 40, False),  # Ethernet padding
        ({"captured": 40, "segment": 6}, 84, False),  # cut by snaplen, known to the file
        ({"frame": 64, "captured": 64, "segment": 30}, 84, False),  # cut by a switch that hides it
        ({"frame": 64, "captured": 64, "segment": 30, "udp_length": 64}, 84, False),
        ({"frame": 64, "captured": 64, "segment": 30, "udp_length": 30}, 50, True),
        ({"declared": 9000, "captured": 40, "segment": 6}, 84, True),
        ({"declared": 10}, 84, True),
        ({"declared": 0}, 84, False),
        ({"declared": 0, "link": UNKNOWN}, 84, False),
        ({"declared": 0, "link": UNKNOWN, "captured": 90, "segment": 56}, 84, False),
        ({"declared": 0, "link": UNKNOWN, "segment": UNKNOWN}, 20, False),
        ({"link": UNKNOWN, "segment": UNKNOWN, "declared": 9000}, 9000, False),
    ],
)
def test_length_of_the_innermost_packet(row, total, lies):
    assert ip_length(**row) == (total, lies)


@pytest.mark.parametrize(
    ("frame", "captured", "link", "outer", "wire"),
    [
        (98, 98, 14, 84, 98),
        (60, 60, 14, 40, 60),
        (64, 64, 14, 84, 98),
        (64, 64, UNKNOWN, 84, 64),
        (64, 64, 14, 0, 64),
        (262_144, 64, 14, 84, 262_144),
        (262_145, 64, 14, 84, 64),
        (262_145, 262_145, 14, 84, 262_145),
    ],
)
def test_length_of_the_frame_on_the_wire(frame, captured, link, outer, wire):
    values = {"frame": frame, "captured": captured, "link": link, "outer_ip": outer}
    assert wire_lengths(**{name: np.array([value]) for name, value in values.items()}).tolist() == [wire]
