"""The command line as its user meets it: exit codes, one-sentence errors, where output goes (DESIGN section 6)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from tests.cli.command_line import CAPTURES, SAMPLE, flowmap, sentence
from tests.inventory.rvtools_tabs import SITE
from tests.inventory.test_workbook import workbook


def test_version():
    run = flowmap("--version")
    assert (run.returncode, run.stdout) == (0, b"flowmap 0.1.0\n")


def test_the_document_alone_goes_to_standard_output_and_the_summary_to_standard_error():
    run = flowmap("analyze", SAMPLE, "-o", "-")
    document = json.loads(run.stdout)
    assert run.returncode == 0
    assert document["graph"]["totals"]["packets"] > 100
    assert b"Capture points" in run.stderr
    graph = nx.node_link_graph(document, edges="edges")
    assert graph.number_of_edges() == len(document["edges"])


def test_several_outputs_at_once_in_their_formats(tmp_path):
    outputs = [tmp_path / name for name in ("map.json", "map.graphml", "map.csv", "map.parquet")]
    run = flowmap("analyze", SAMPLE, *(part for path in outputs for part in ("-o", path)))
    assert run.returncode == 0
    assert all(path.stat().st_size > 1000 for path in outputs)
    assert {path.name for path in (tmp_path / "map.parquet").iterdir()} == {
        "nodes.parquet", "edges.parquet", "graph.json",
    }  # fmt: skip
    assert b"Capture points" in run.stdout
    assert run.stderr == b""


def test_standard_input():
    run = flowmap("analyze", "-", "--format", "json", "-o", "-", stdin=SAMPLE.read_bytes())
    assert json.loads(run.stdout)["graph"]["complete"] is True


def test_pairs_can_be_filtered_and_cut_and_are_json_when_asked():
    arguments = ("pairs", SAMPLE, "--points", CAPTURES / "points.yaml", "--format", "json")
    everything = json.loads(flowmap(*arguments).stdout)
    left = json.loads(flowmap(*arguments, "--left-host", "left", "--top", "3").stdout)
    assert len(left) == 3
    assert {pair["left_host"] for pair in left} == {"left"}
    assert [pair["wire_bytes"] for pair in everything] == sorted(
        (pair["wire_bytes"] for pair in everything), reverse=True
    )


def test_explain_shows_evidence_with_points_and_frames():
    run = flowmap("explain", SAMPLE, "--points", CAPTURES / "points.yaml", "--pair", "app-2", "10.10.0.21")
    text = run.stdout.decode()
    assert run.returncode == 0
    assert "Left the host  hairpin_routed, grade proven" in text
    assert "sighting-5" in text
    assert "vmnic0 frame" in text


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("analyze", "no-such-file.pcap"), 1, "no-such-file.pcap"),
        (("analyze", "FOLDER"), 1, "folder"),
        (("analyze", "EMPTY"), 1, "empty"),
        (("analyze", "TEXT"), 1, "not a capture"),
        (("analyze", SAMPLE, "-o", "map.docx"), 2, "map.docx"),
        (("analyze", SAMPLE, "-o", "no/such/folder/map.json"), 2, "no/such/folder"),
        (("analyze", SAMPLE, "--inventory", "EMPTY"), 1, "EMPTY"),
        (("analyze", SAMPLE, "--inventory", "missing.csv"), 1, "missing.csv"),
        (("analyze", SAMPLE, "--points", "missing.yaml"), 1, "missing.yaml"),
        (("analyze", SAMPLE, "--points", "TEXT"), 1, "points"),
        (("analyze", SAMPLE, "--point", "nonsense"), 2, "nonsense"),
        (("explain", SAMPLE, "--pair", "nobody", "app-2"), 2, "nobody"),
        (("explain", SAMPLE, "--pair", "10.20", "app-2"), 2, "candidates"),
        (("pairs", SAMPLE, "--format", "xml"), 2, "xml"),
        (("inventory", "TEXT"), 1, "TEXT"),
        (("live", "-i", "no-such-interface"), 1, "no-such-interface"),
        (("live", "-i", "lo", "--filter", "nonsense (("), 2, "filter"),
    ],
    ids=lambda value: " ".join(Path(str(part)).name for part in value) if isinstance(value, tuple) else None,
)
def test_errors_are_one_sentence_with_their_exit_code(tmp_path, monkeypatch, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "EMPTY").write_bytes(b"")
    (tmp_path / "TEXT").write_text("hello, this is not a capture\n" * 50)
    run = flowmap(*arguments)
    assert run.returncode == code, run.stderr
    assert says.lower() in sentence(run).lower()
    assert not list(tmp_path.glob("map*"))


@pytest.mark.parametrize(
    "arguments",
    [(), ("--nonsense",), ("analyze",), ("analyze", "a", "--reader", "magic"), ("serve", "--port", "99999")],
)
def test_a_wrong_command_line_exits_2(arguments):
    run = flowmap(*arguments)
    assert run.returncode == 2


def test_an_unreadable_file_is_named_and_not_a_traceback(tmp_path):
    """Root may read everything that has a mode, but not the memory at address 0."""
    path = tmp_path / "secret.pcap"
    path.write_bytes(SAMPLE.read_bytes())
    path.chmod(0)
    unreadable = path if os.geteuid() else Path("/proc/self/mem")
    run = flowmap("analyze", unreadable)
    assert run.returncode == 1
    assert str(unreadable.name) in sentence(run)


def test_tables_that_do_not_fit_into_memory_are_no_mistake_of_ours():
    """A real mapping, larger than any machine's memory: the system refuses it with an error of its own."""
    program = (
        "import sys\n"
        "from flowmap.cli import main\n"
        "from flowmap.fold import table\n"
        "large_pages = table.large_pages\n"
        "table.large_pages = lambda count: large_pages(1 << 62)\n"
        f"sys.argv = ['flowmap', 'analyze', '--reader', 'header', {str(SAMPLE)!r}]\n"
        "main()\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=120)
    assert run.returncode == 1 and "There is not enough memory for this capture" in sentence(run)


def test_a_capture_without_packets_is_whole(tmp_path):
    path = tmp_path / "header-only.pcap"
    path.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    run = flowmap("analyze", path, "-o", "-")
    document = json.loads(run.stdout)
    assert run.returncode == 0
    assert (document["graph"]["totals"]["packets"], document["nodes"], document["edges"]) == (0, [], [])


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_cut_off_capture_keeps_what_came_before_and_exits_3(tmp_path, cut):
    data = (CAPTURES / "mirror-host-a.pcap").read_bytes()
    path = tmp_path / "cut.pcap"
    path.write_bytes(data[: int(len(data) * cut)])
    run = flowmap("analyze", path, "-o", tmp_path / "map.json")
    document = json.loads((tmp_path / "map.json").read_text())
    assert run.returncode == 3
    assert document["graph"]["complete"] is False
    assert document["graph"]["totals"]["packets"] > 100
    message = sentence(run)
    assert "cut.pcap" in message
    assert (
        f"{document['graph']['totals']['packets']:,}" in message
        or str(document["graph"]["totals"]["packets"]) in message
    )


def test_without_tshark_only_names_are_missing_and_a_note_says_so():
    with_names = json.loads(flowmap("analyze", SAMPLE, "-o", "-").stdout)
    run = flowmap("analyze", SAMPLE, "-o", "-", FLOWMAP_TSHARK_PATH="/nonexistent/tshark")
    document = json.loads(run.stdout)
    assert run.returncode == 0
    assert b"tshark is not installed, so names and applications are missing" in run.stderr
    assert "no_tshark" in {row["code"] for row in document["graph"]["warnings"]}
    assert any(node["names"] for node in with_names["nodes"]) and not any(node["names"] for node in document["nodes"])
    assert document["graph"]["complete"] is True and document["graph"]["totals"] == with_names["graph"]["totals"]


def test_the_pyshark_reader_without_tshark_is_one_sentence_that_says_what_to_install():
    run = flowmap("analyze", SAMPLE, "--reader", "pyshark", FLOWMAP_TSHARK_PATH="/nonexistent/tshark")
    assert run.returncode == 1 and run.stdout == b""
    assert "tshark was not found in /nonexistent/tshark; install it" in sentence(run)


def test_contradictory_inventories_show_the_conflict_first(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("vm,mac,host\nweb,00:50:56:00:00:01,esx-1\nweb,00:50:56:00:00:01,esx-2\n")
    run = flowmap("inventory", path)
    assert run.returncode == 0
    assert run.stdout.decode().lstrip().startswith("Conflict: ")


def test_the_inventory_command_shows_files_with_their_age_hosts_and_rows(tmp_path):
    vms = tmp_path / "vms.csv"
    vms.write_text("# exported_at: 2026-03-04T12:00:00Z\nvm,mac,host\nweb,00:50:56:00:00:01,esx-1\n")
    vmk = tmp_path / "vmk.csv"
    vmk.write_text("Host,Port Group,Device,Mac Address,IP Address\nesx-1,Management,vmk0,a0:36:9f:00:01:00,10.0.0.11\n")
    os.utime(vmk, (1_772_625_600, 1_772_625_600))
    lines = [line.split() for line in flowmap("inventory", vms, vmk).stdout.decode().splitlines()]
    assert "1 vms.csv csv 1 vNIC 2026-03-04 12:00 UTC the file itself".split() in lines
    assert "2 vmk.csv rvtools-vscvmk 1 hypervisor 2026-03-04 12:00 UTC the file's time".split() in lines
    assert "web 00:50:56:00:00:01 esx-1 1:3".split() in lines  # columns that nothing fills are left out
    assert "esx-1 10.0.0.11 a0:36:9f:00:01:00 2:2".split() in lines
    assert lines[-1] == "1 vNIC, 1 host, 0 conflicts, 0 notes.".split()


def test_rows_of_a_sheet_and_of_a_file_alone_are_found_again(tmp_path):
    path = tmp_path / "site.xlsx"
    path.write_bytes(workbook({"vNetwork": SITE["vNetwork"], "vNIC": SITE["vNIC"]}))
    alone = flowmap("inventory", path).stdout.decode().splitlines()
    first = next(line.split() for line in alone if SITE["vNetwork"][1][0] in line.split())
    assert first[-1] == "(vNetwork):2"
    other = tmp_path / "other.csv"
    other.write_text("vm,mac,host\nprinter,00:50:56:00:00:99,esx-1\n")
    both = flowmap("inventory", other, path).stdout.decode().splitlines()
    again = next(line.split() for line in both if SITE["vNetwork"][1][0] in line.split())
    assert again[-2:] == ["2", "(vNetwork):2"]


def test_control_characters_of_names_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("vm,mac,host\n\x1b[31mred‮,00:50:56:00:00:01,esx-1\n")
    output = flowmap("inventory", path).stdout.decode()
    assert "\x1b" not in output
    assert "‮" not in output
