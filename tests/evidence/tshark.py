"""Counting with tshark: the independent judge of every display filter."""

from __future__ import annotations

import re
import subprocess

FILTERS_AT_ONCE = 120


def frames_of(path, display_filter):
    """Numbers of the frames that ``tshark -r FILE -Y FILTER`` prints."""
    command = ["tshark", "-n", "-r", str(path), "-Y", display_filter, "-T", "fields", "-e", "frame.number"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(number) for number in run.stdout.split()]


def counts_of(path, filters):
    """How many frames each filter finds; many filters in one pass, as a reading takes a quarter of a second."""
    counts = []
    for at in range(0, len(filters), FILTERS_AT_ONCE):
        some = filters[at : at + FILTERS_AT_ONCE]
        assert not any("," in one for one in some), "io,stat would take the part behind the comma for another filter"
        command = ["tshark", "-n", "-q", "-r", str(path), "-z", ",".join(["io,stat,0", *some])]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        row = re.search(r"^\|[^|]*<>[^|]*\|(.*)\|\s*$", run.stdout, re.MULTILINE)
        if row is None:  # the statistics of a capture without a duration are empty
            counts += [len(frames_of(path, one)) for one in some]
        else:
            counts += [int(cell) for cell in row[1].split("|") if cell.strip()][::2]
    assert len(counts) == len(filters)
    return counts


def disagreements(path, rows):
    """Rows whose filter does not find as many frames as were counted, the first one among them.

    A row whose note says so may find more, but never fewer.
    """
    filters = [row["filter"] for row in rows]
    first = [f"frame.number == {row['first_frame']} && {row['filter']}" for row in rows]
    counts = counts_of(path, [*filters, *first])
    wrong = []
    for row, found, has_first in zip(rows, counts, counts[len(rows) :], strict=False):
        is_right = found >= row["frames"] if row["filter_note"] else found == row["frames"]
        if not is_right or has_first != 1:
            wrong.append(f"{found} found, {row['frames']} counted, first among them: {has_first == 1}: {row['filter']}")
    return wrong
