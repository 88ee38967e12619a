"""The report of the document whose sums were done on paper (:mod:`tests.export.graphs`), and of the lab's captures."""

from __future__ import annotations

import copy

import pytest

from flowmap.export import document
from flowmap.report import FORMATS, format_of, make_report, write_report
from flowmap.report.content import Bullets, Paragraph, Table, as_json
from flowmap.report.wording import duration, percent, size, span, utc
from tests.export.graphs import edge, empty_graph, make_graph


def changed(change=lambda made: None):
    """The report of the paper document after a change of it."""
    made = copy.deepcopy(document(make_graph()))
    change(made)
    return make_report(made)


def edge_of(made, source, target):
    """One edge of a document."""
    return next(one for one in made["edges"] if (one["source"], one["target"]) == (source, target))


def section(report, name):
    return next(section for section in report.sections if section.id == name)


def tables(report, name):
    return {block.caption: block for block in section(report, name).blocks if isinstance(block, Table)}


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


def texts(report, name):
    """Paragraphs and list items of a section."""
    found = []
    for block in section(report, name).blocks:
        found += [block.text] if isinstance(block, Paragraph) else block.items if isinstance(block, Bullets) else []
    return found


def gaps(report):
    """What was found, by what was looked for."""
    return dict(tables(report, "unseen")["Gaps"].rows)


def test_what_the_captures_did_not_see_comes_first():
    assert [section.id for section in changed().sections] == [
        "unseen", "figures", "blind-spot", "hairpins", "contested", "method",
    ]  # fmt: skip


def test_the_answer_names_its_whole_and_its_undetermined_part():
    """VM-VM: 1,000 stayed, 600 + 200 left, 50 undetermined."""
    report = changed()
    assert report.answer == (
        "Of 1,850 bytes between VMs, 1,000 (54.1\u00a0%) are known never to have left their host, 800 "
        "(43.2\u00a0%) to have left it, and of 50 (2.7\u00a0%) it cannot be told."
    )
    assert report.answer_grades == (
        "Never left: 1,000 proven. Left: 200 strong, 600 likely. Undetermined bytes have no grade."
    )
    assert [(part.word, round(part.share * 1850)) for part in report.bar] == [
        ("stayed", 1000), ("left", 800), ("undetermined", 50),
    ]  # fmt: skip


def test_without_vm_traffic_there_is_no_share():
    def none(made):
        made["graph"]["shares"].update(vm_vm_bytes=0, within_host_bytes=0)

    report = changed(none)
    assert report.answer.startswith("No traffic between two VMs")
    assert report.bar == ()


def test_an_incomplete_map_says_so_at_the_top_and_among_the_gaps():
    report = changed()
    assert dict(report.facts)["Complete"].startswith("no: a capture was damaged")
    assert gaps(report)["Captures that ended early"] == "lab.pcapng"
    whole = changed(lambda made: made["graph"].update(complete=True))
    assert dict(whole.facts)["Complete"].startswith("yes")


@pytest.mark.parametrize(
    ("where", "fields", "what", "found"),
    [
        ("hosts/1", {}, "Hosts with traffic here and no capture point", "esx-02 (250 bytes)"),
        ("hosts/1", {"wire_bytes": 0}, "Hosts that are named in the points file or the inventory only", "esx-02"),
        ("points/1", {"role": "vnic"}, "Captured hosts without any uplink captured", "esx-01"),
        ("hosts/0", {"uplinks": ["vmnic0", "vmnic7"]}, "Known uplinks that were not captured",
         "vmnic0 of esx-01, vmnic7 of esx-01"),
        ("hosts/0", {"uplinks_complete": False}, "Captured hosts whose uplinks are not known to be complete",
         "esx-01"),
        ("points/1", {"role": "mirror"}, "Uplinks", "no capture point of this map is one"),
        ("points/1", {}, "Points whose host is not known", "lab.pcapng:eth0"),
        ("points/0", {"role": "unknown"}, "Points of unknown role", "lab.pcapng:vnet0"),
        ("points/0", {"how": "role inferred from the name"}, "Points whose role or host is only inferred",
         "lab.pcapng:vnet0"),
        ("points/0", {"sampled": 100}, "Sampled points", "lab.pcapng:vnet0"),
        ("points/0", {"truncated_share": 0.5}, "Points with packets cut short", "lab.pcapng:vnet0"),
        ("points/0", {}, "Points that dropped packets", "lab.pcapng:vnet0"),
        ("points/1", {}, "Points that do not tell what they dropped", "lab.pcapng:eth0"),
        ("totals", {}, "Packets skipped, in no figure", "too_deep: 1"),
        ("totals", {}, "Broadcast, multicast and conversations beyond a table's limit, in no figure", "40 bytes"),
        (".", {"estimated": ["five_tuples"]}, "Numbers that are estimates", "five_tuples"),
    ],
)  # fmt: skip
def test_every_gap_is_named(where, fields, what, found):
    def change(made):
        place = made["graph"]
        for step in [] if where == "." else where.split("/"):
            place = place[int(step)] if step.isdigit() else place[step]
        place.update(fields)

    assert gaps(changed(change))[what] == found


def test_an_uplink_that_was_captured_is_not_missing():
    def change(made):
        made["graph"]["points"][1].update(host="esx-01", interface="vmnic0")

    report = changed(change)
    assert "Known uplinks that were not captured" not in gaps(report)
    looked_for = next(text for text in texts(report, "unseen") if text.startswith("Looked for and not found"))
    assert "known uplinks that were not captured" in looked_for


def test_undetermined_bytes_by_reason_with_what_would_settle_them():
    """The paper document: 60 in the router's self-loop and 50 of the pair between hosts."""

    def reasons(made):
        for one in made["edges"]:
            if one["undetermined_bytes"]:
                one["evidence"][0].update(supports=False, rule="inventory-missing", text=f"{one['source']} is nowhere.")

    found = tables(changed(reasons), "unseen")
    assert found["Undetermined bytes by reason"].rows == (
        ("ip:default/192.0.2.1 is nowhere. And 1 similar reason.", "inventory-missing", "2", "110", "100.0\u00a0%"),
    )
    assert found["What would settle it"].rows == (("a capture of vmnic1 on esx-01", "2", "110", "100.0\u00a0%"),)


def test_every_figure_names_its_whole_and_its_grades_add_up():
    found = tables(changed(), "figures")
    table = found["The whole map"]
    rows = {row[0]: row for row in table.rows}
    assert rows["Within host"][2:5] == ("1,000", "54.1\u00a0%", "1,850 VM-VM")
    assert rows["Hairpin"][2:5] == ("600", "67.4\u00a0%", "890 that left")
    assert rows["Switched"][2:5] == ("1,000", "52.4\u00a0%", "1,910 east-west")
    assert rows["Undetermined"][2:5] == ("110", "5.5\u00a0%", "2,000 in all")
    assert rows["VM-VM"][5:] == ("1,000", "200", "600", "0", "50")
    for caption in ("The whole map", "Host esx-01", "Host esx-02"):
        for row in found[caption].rows:
            assert sum(int(cell.replace(",", "")) for cell in row[5:]) == int(row[2].replace(",", "")), (caption, row)
    assert {row[0]: row for row in found["Host esx-02"].rows}["Left the host"][2:5] == (
        "200", "80.0\u00a0%", "250 in all",
    )  # fmt: skip


def test_the_blind_spot_lists_what_stayed_with_its_proof():
    found = tables(changed(), "blind-spot")
    assert found["What stayed, by host"].rows == (("esx-01", "1,000", "51.5\u00a0%", "1,000", "0", "0", "0"),)
    assert found["What stayed, by service"].rows == (
        ("tls tcp/443", "1,000", "100.0\u00a0%", "50.0\u00a0%", "1,000", "0", "0", "0"),
    )
    (row,) = found["What stayed, by pair"].rows
    assert row[:8] == (
        "1", "web-01 → app-01", "esx-01", "tls tcp/443, icmp", "1,000", "100.0\u00a0%", "100.0\u00a0%", "proven",
    )  # fmt: skip
    assert row[8] == ("Seen at both vNICs; not at the uplink. Seen at lab.pcapng:vnet0 frame 1. (sighting-1)")


def test_flooded_copies_and_doubts_are_part_of_the_proof():
    def flood(made):
        row = edge_of(made, "vm:web-01", "vm:app-01")
        row.update(grade="likely")
        row["evidence"] += [
            {"rule": "sighting-3", "supports": True, "text": "8 were flooded.", "points": [], "frames": [], "count": 8},
            {"rule": "x", "supports": False, "text": "The role is guessed.", "points": [], "frames": [], "count": 0},
        ]

    (row,) = tables(changed(flood), "blind-spot")["What stayed, by pair"].rows
    assert row[8].endswith("(sighting-1) 8 were flooded. But: The role is guessed.")


def test_nothing_stayed_is_not_everything_left():
    def none(made):
        made["graph"]["shares"]["stayed_bytes"] = 0

    assert "That does not say that all left." in texts(changed(none), "blind-spot")[-1]


@pytest.mark.parametrize(
    ("verdict", "how", "kept", "not_kept"),
    [
        ("hairpin_routed", "routed outside", "A distributed router", "VEPA"),
        ("hairpin_reflected", "reflected", "VEPA", "A distributed router"),
    ],
)
def test_a_hairpin_says_where_it_turned_and_what_would_keep_it_inside(verdict, how, kept, not_kept):
    def change(made):
        edge_of(made, "vm:db-01", "vm:app-01")["verdict"] = verdict

    report = changed(change)
    (row,) = tables(report, "hairpins")["Pairs that left and came back"].rows
    assert row[1:2] + row[4:8] == ("db-01 → app-01", "600", "67.4\u00a0%", how, "likely")
    said = " ".join(texts(report, "hairpins"))
    assert kept in said and not_kept not in said
    assert "into the blind spot" in said


def test_a_mixed_pair_with_hairpin_bytes_gets_both_ways_in():
    def change(made):
        edge_of(made, "vm:db-01", "vm:app-01").update(verdict="mixed", left_host="mixed")

    said = " ".join(texts(changed(change), "hairpins"))
    assert "A distributed router" in said and "VEPA" in said


def test_mixed_pairs_and_conflicts_stand_with_all_their_evidence():
    def change(made):
        mixed = edge("mixed", "mixed", "strong", stayed=40, left=60)
        against = {**mixed["evidence"][0], "supports": False, "text": "On the uplink too."}
        mixed["evidence"].append(against)
        made["edges"].append({"source": "vm:backup", "target": "vm:web-01", **mixed})
        edge_of(made, "ip:default/192.0.2.1", "ip:default/192.0.2.1")["grade"] = "conflict"
        made["graph"]["warnings"].append({"code": "inventory_conflict", "text": "web-01 is on two hosts.", "count": 1})

    report = changed(change)
    said = texts(report, "contested")
    assert any(
        text.startswith("backup → web-01 (host esx-02 / esx-01") and "of 100 bytes 40 stayed, 60 left" in text
        for text in said
    )
    assert "For: Seen at both vNICs; not at the uplink. Seen at lab.pcapng:vnet0 frame 1. (sighting-1)" in said
    assert "Against: On the uplink too. Seen at lab.pcapng:vnet0 frame 1. (sighting-1)" in said
    assert any(text.startswith("192.0.2.1 → 192.0.2.1") for text in said)
    assert "web-01 is on two hosts." in said
    assert "web-01 is on two hosts." not in str(section(report, "unseen"))
    stayed = tables(report, "blind-spot")["What stayed, by pair"]
    assert column(stayed, "Proof")[1].startswith("Only a part stayed")


def test_sources_stand_with_their_hashes_and_ages():
    found = tables(changed(), "method")
    assert column(found["Captures"], "SHA-256") == ["0123456789abcdef" * 4]
    assert found["Inventory files"].rows[0][0] == "vms.csv"
    assert column(found["Inventory files"], "Age at the first packet") == ["1 h 00 min older"]
    without = changed(lambda made: made["graph"].update(inventory=[]))
    assert "No inventory was given: every placement rests on capture points." in texts(without, "method")


def test_long_tables_are_cut_and_say_what_is_missing():
    def many(made):
        for number in range(150):
            made["nodes"].append({**made["nodes"][0], "id": f"vm:m{number}", "label": f"m{number}"})
            row = edge("intra_host_switched", "stayed", "proven", stayed=10)
            made["edges"].append({"source": "vm:web-01", "target": f"vm:m{number}", **row})

    table = tables(changed(many), "blind-spot")["What stayed, by pair"]
    assert len(table.rows) == 100
    assert table.note == "Not listed: 51 more pairs with 510 bytes."


def test_two_endpoints_of_one_name_can_be_told_apart():
    def same(made):
        made["nodes"][1]["label"] = "web-01"

    (row,) = tables(changed(same), "blind-spot")["What stayed, by pair"].rows
    assert row[1] == "web-01 (vm:web-01) → web-01 (vm:app-01)"


def test_a_capture_without_packets_has_a_report():
    made = document(empty_graph())
    made["graph"].update(hosts=[], services=[])
    for parts in (made["graph"]["shares"], *made["graph"]["grades"].values()):
        parts.update(dict.fromkeys(parts, 0))
    report = make_report(made)
    assert "No byte between two endpoints is undetermined." in texts(report, "unseen")
    assert all(chosen.text_of(report) for chosen in FORMATS.values())


def test_the_json_is_plain_and_complete():
    made = as_json(changed())
    assert made["schema"] == "flowmap-report/1"
    assert [one["id"] for one in made["sections"]] == [section.id for section in changed().sections]
    kinds = {block["kind"] for one in made["sections"] for block in one["blocks"]}
    assert kinds == {"heading", "paragraph", "bullets", "table"}


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "–"), (0, 7, "0.0 %"), (1, 100_000, "< 0.1 %"), (99_999, 100_000, "> 99.9 %"), (7, 7, "100.0 %"),
     (1, 3, "33.3 %")],
)  # fmt: skip
def test_a_percentage_never_rounds_something_away(part, whole, text):
    assert percent(part, whole).replace("\u00a0", " ") == text


def test_times_are_utc_and_say_so():
    """1,760,000,000 s after 1970 is 2025-10-09 08:53:20 UTC (date -u -d @1760000000)."""
    assert utc(1_760_000_000_123_456_789) == "2025-10-09 08:53:20.123"
    assert span(1_760_000_000_000_000_000, 1_760_000_061_500_000_000) == (
        "2025-10-09 08:53:20.000 to 2025-10-09 08:54:21.500 UTC (1 min 01 s)"
    )
    assert span(None, None) == "no packet has a time"
    assert [duration(seconds * 10**9) for seconds in (3, 3_725, 90_000)] == ["3.0 s", "1 h 02 min", "1 d 1 h"]
    assert size(1_234) == "1,234 bytes"


def test_the_suffix_chooses_the_format(tmp_path):
    report = changed()
    for name in ("r.md", "r.html", "r.json"):
        write_report(report, tmp_path / name)
        assert (tmp_path / name).read_text("utf-8") == FORMATS[format_of(tmp_path / name)].text_of(report)
