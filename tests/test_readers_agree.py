"""The header reader against the pyshark reader, which is its oracle: equal rows, integers, no tolerance."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.capture import files
from tests.capture.agreement import ALLOWED, allowed_classes, differing_frames, layers_of, rows_of
from tests.capture.random_frames import cut, damaged, random_frame

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("FLOWMAP_SHARED", ROOT.parent / "shared"))
LAB = sorted((ROOT / "captures").glob("*.pcap*"))
REAL = sorted(path for path in (SHARED / "captures").glob("*/*") if path.parent.name != "broken")
ETHERNET, SLL, SLL2, RAW = 1, 113, 276, 101
FRAMES = 4_000

KNOWN_IN_REAL_CAPTURES: dict[str, str] = {}
"""File name to the class of a difference that a real capture shows."""


def made(folder: Path, linktype: int, seed: int, *, is_damaged: bool) -> Path:
    """A capture of random frames, some cut."""
    rng = random.Random(seed)
    records = []
    for number in range(FRAMES):
        frame = random_frame(rng, linktype)
        captured, length = cut(rng, damaged(rng, frame) if is_damaged else frame)
        records.append(files.record(captured, fraction=number, length=length))
    path = folder / f"{linktype}-{seed}.pcap"
    path.write_bytes(files.file_header(linktype=linktype) + b"".join(records))
    return path


def test_every_allowed_difference_has_a_reason():
    for line in ALLOWED.read_text().splitlines():
        if line and not line.startswith("#"):
            name, pattern, reason = line.split("\t")
            assert name and pattern and len(reason) > 30, line


@pytest.mark.parametrize(("linktype", "seed"), [(ETHERNET, 1), (ETHERNET, 2), (SLL, 3), (SLL2, 4), (RAW, 5)])
def test_made_frames_give_equal_rows(tmp_path, linktype, seed):
    path = made(tmp_path, linktype, seed, is_damaged=False)
    header, pyshark = rows_of(path, "header"), rows_of(path, "pyshark")
    layers = layers_of(path)
    only = allowed_classes()["version_contradicts"]
    rest = {
        number: columns
        for number, columns in differing_frames(header, pyshark).items()
        if not only.search(layers[number])
    }
    assert rest == {}
    assert header.claims == pyshark.claims
    assert (header.columns["ip_version"] > 0).sum() > FRAMES / 2


def test_damaged_frames_differ_in_known_ways_only(tmp_path):
    path = made(tmp_path, ETHERNET, 6, is_damaged=True)
    differing, layers = differing_frames(rows_of(path, "header"), rows_of(path, "pyshark")), layers_of(path)
    classes = allowed_classes()
    unknown = {
        number: (layers[number], columns)
        for number, columns in differing.items()
        if not any(pattern.search(layers[number]) for pattern in classes.values())
    }
    assert unknown == {}
    assert len(differing) < FRAMES / 100


@pytest.mark.parametrize("path", LAB, ids=lambda path: path.name)
def test_lab_captures_give_equal_rows(path):
    header, pyshark = rows_of(path, "header"), rows_of(path, "pyshark")
    assert differing_frames(header, pyshark) == {}
    assert (header.claims, header.skipped) == (pyshark.claims, pyshark.skipped)
    assert header.notices == pyshark.notices


@pytest.mark.skipif(not REAL, reason=f"the real captures are not at {SHARED}")
def test_real_captures_give_equal_rows_where_the_collection_is_present():
    found = {}
    for path in REAL:
        header, pyshark = rows_of(path, "auto"), rows_of(path, "pyshark")
        differing = differing_frames(header, pyshark)
        if differing or header.claims != pyshark.claims or header.skipped != pyshark.skipped:
            found[path.name] = list(differing.items())[:3]
    assert found == {}
