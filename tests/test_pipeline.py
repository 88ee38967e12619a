"""Running the stages: what a reader noticed reaches the people who look at the map."""

from __future__ import annotations

from pathlib import Path

from flowmap.capture.points import Statements
from flowmap.inventory import Inventory
from flowmap.pipeline import make_map
from flowmap.reading import labels_of, read_captures
from flowmap.settings import Settings

CAPTURES = Path(__file__).parent.parent / "captures"


def test_names_that_were_left_out_are_said_in_the_document():
    settings = Settings(max_names=1)
    reading = read_captures([CAPTURES / "mirror-host-a.pcap"], settings)
    graph = make_map(reading, Inventory([]), Statements(), settings, "test").graph.graph
    assert len(reading.names) == 1
    assert "names_limit" in {row["code"] for row in graph["warnings"]}
    assert "names_limit" in {row["code"] for row in graph["captures"][0]["warnings"]}


def test_files_of_one_name_are_told_apart_by_their_folders():
    paths = [Path("a/x/c.pcap"), Path("b/x/c.pcap")]
    assert labels_of(paths) == ["a/x/c.pcap", "b/x/c.pcap"]
    assert labels_of(paths[:1]) == ["c.pcap"]
