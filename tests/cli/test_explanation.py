"""``flowmap explain`` as a person reads it, at two widths."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from flowmap.cli.explanation import print_explanation
from flowmap.settings import Settings
from flowmap.views import find_edge, pair_detail
from tests.cli.command_line import CAPTURES, SAMPLE, flowmap
from tests.evidence.tshark import frames_of
from tests.locality.two_hosts import DB, WEB, Lab, hairpin_sightings
from tests.network import record, talk

POINTS = ("--points", CAPTURES / "points.yaml")
OLD_NS = 1_600_000_000 * 10**9


def explained(*records, width=120):
    """The explanation of a hairpin between web and db on host-a."""
    lab = Lab()
    lab.chatter()
    talk(lab.network, WEB, DB, *hairpin_sightings(lab))
    flow_map = lab.network.map(*records)
    file = io.StringIO()
    detail = pair_detail(flow_map, *find_edge(flow_map, WEB.ip, DB.ip), Settings())
    print_explanation(detail, Console(file=file, width=width, highlight=False))
    return detail, file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_everything_but_filters_fits_the_terminal(width):
    detail, text = explained(record(WEB, "host-a"), record(DB, "host-a"), width=width)
    filters = {row["filter"] for row in detail["sightings"]["rows"]} | {detail["sightings"]["filter"]}
    lines = text.splitlines()
    assert filters <= set(lines), "each filter stands alone on one line"
    assert [line for line in lines if len(line) > width and line not in filters] == []


def test_the_answer_comes_first_and_then_what_it_rests_on():
    _, text = explained()
    headings = ("Left the host", "Why", "Who they are, and who says where", "Where the packets were seen",
                "Conversations (1 of 1)", "Display filters for these frames")  # fmt: skip
    places = [text.index(f"\n{heading}") for heading in headings]
    assert places == sorted(places)
    assert "sighting-5" in text


def test_the_table_of_sightings_has_points_macs_ttl_and_frames():
    detail, text = explained()
    for row in detail["sightings"]["rows"]:
        assert f"{row['src_mac']} → {row['dst_mac']}" in text
        assert re.search(
            rf"{re.escape(row['point'])} +{row['role']} +{row['frames']} +{row['first_frame']} +{row['ttl_max']}", text
        )


def test_a_stale_row_of_the_inventory_is_marked():
    _, text = explained(record(WEB, "host-a", observed_at_ns=OLD_NS), record(DB, "host-a"))
    assert re.search(
        r"inventory\.yaml row 1: vm-1, host-a, .*1,157 d before\s+the\s+capture's\s+first\s+packet, stale", text
    )
    assert text.count("stale") == 1


def test_names_from_strangers_are_plain_text():
    _, text = explained(record(WEB, "host-a", vm="\x1b[31mred\u202e", network="[bold]x\n"), record(DB, "host-a"))
    assert "\x1b" not in text and "\u202e" not in text
    assert "[bold]x" in text


def test_a_copied_filter_finds_the_frames_of_its_row():
    run = flowmap("explain", SAMPLE, *POINTS, "--pair", "app-2", "10.10.0.21")
    lines = run.stdout.decode().splitlines()
    titles = [n for n, line in enumerate(lines) if re.match(r" +#\d+ in ", line)]
    assert len(titles) > 3
    for at in titles[:3]:
        frames, first = re.search(r": (\d+) frames from (\d+) on", lines[at]).groups()
        found = frames_of(SAMPLE, lines[at + 1])
        assert (len(found), found[0]) == (int(frames), int(first))


def test_json_holds_the_same():
    run = flowmap("explain", SAMPLE, *POINTS, "--pair", "app-2", "10.10.0.21", "--format", "json")
    detail = json.loads(run.stdout)
    assert {"sightings", "placement", "edge", "conversations", "source", "target"} == detail.keys()
    assert detail["sightings"]["rows"][0]["filter"]
