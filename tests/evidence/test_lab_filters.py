"""Filters of the lab's captures: for every pair, tshark finds exactly the frames that a row counted."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from tests.evidence.maps import map_of, sightings_of_pairs
from tests.evidence.tshark import counts_of, disagreements, frames_of

CAPTURES = Path(__file__).parents[2] / "captures"
TRUTH = json.loads((CAPTURES / "truth.json").read_text())
FILES = sorted(path.name for path in CAPTURES.glob("*.pcap*"))
QUOTING = "icmp.type == 3 || icmp.type == 11"


@functools.cache
def pairs(*files):
    """Sightings of each pair, of captures that are read once."""
    return sightings_of_pairs(map_of(*(CAPTURES / file for file in files)))


@pytest.mark.parametrize("file", FILES)
def test_each_filter_finds_what_its_row_counted(file):
    rows = [row for pair in pairs(file) for row in pair["rows"]]
    assert rows
    assert [row["filter_note"] for row in rows if row["filter_note"]] == []
    assert disagreements(CAPTURES / file, rows) == []


def test_files_together_are_told_apart_by_name():
    files = ("ports-host-a.pcapng", "ports-host-b.pcapng", "mirror-host-a.pcap")
    rows = [row for pair in pairs(*files)[:6] for row in pair["rows"]]
    assert {row["file"] for row in rows} == set(files)
    for file in files:
        assert disagreements(CAPTURES / file, [row for row in rows if row["file"] == file]) == []


@pytest.mark.parametrize("file", FILES)
def test_the_filter_of_a_pair_finds_all_its_rows_and_beyond_them_only_errors_that_quote(file):
    whole = [pair for pair in pairs(file) if pair["filter"] and "," not in pair["filter"]]
    filters = [pair["filter"] for pair in whole]
    found = counts_of(CAPTURES / file, filters)
    without_errors = counts_of(CAPTURES / file, [f"({text}) && !({QUOTING})" for text in filters])
    for pair, most, least in zip(whole, found, without_errors, strict=True):
        assert least <= sum(row["frames"] for row in pair["rows"]) <= most, pair["filter"]
        assert pair["more_rows"] == 0 and pair["filter_note"] == ""


def test_rows_found_by_tshark_itself_one_by_one():
    """The same without the statistics of tshark: the numbers themselves, of rows that share no frame."""
    hairpin = next(
        pair for pair in pairs("ports-host-a.pcapng") if {row["ttl_max"] for row in pair["rows"]} == {63, 64}
    )
    seen = []
    for row in hairpin["rows"]:
        numbers = frames_of(CAPTURES / "ports-host-a.pcapng", row["filter"])
        assert len(numbers) == row["frames"]
        assert numbers[0] == row["first_frame"]
        seen += numbers
    assert len(seen) == len(set(seen))
    assert sorted(seen) == frames_of(CAPTURES / "ports-host-a.pcapng", hairpin["filter"])


def test_what_the_wiring_gives_is_in_the_rows():
    """Roles and copies by how the lab was built: the bridge mirrors each packet twice, VEPA turns it round once."""
    bridge = [
        row for pair in pairs("linux-bridge-tc.pcap") for row in pair["rows"] if row["dst_mac"][1] not in "13579bdf"
    ]
    assert {row["copies"] for row in bridge} == {2}
    (vepa,) = pairs("vepa-host.pcapng")
    assert {row["copies"] for row in vepa["rows"] if row["interface"] == "eno1"} == {2}
    assert {row["copies"] for row in vepa["rows"] if row["interface"] != "eno1"} == {1}
    overlay = [
        row for pair in pairs("overlay-underlay.pcapng") for row in pair["rows"] if row["interface"] in ("eno1", "eno2")
    ]
    assert {(row["tunnel"]["kind"], row["tunnel"]["vni"]) for row in overlay} == {("vxlan", 5001), ("geneve", 6001)}
    machines = {machine["mac"] for one in TRUTH["scenarios"].values() for machine in one["machines"]}
    assert {row["src_mac"] for row in overlay} <= machines
