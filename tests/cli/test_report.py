"""``flowmap report``: where it goes, in which form, and that its numbers are those of the document."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.command_line import CAPTURES, SAMPLE, flowmap, sentence

LAB = (
    CAPTURES / "ports-host-a.pcapng", CAPTURES / "ports-host-b.pcapng", CAPTURES / "mirror-host-c.pcap",
    "--points", CAPTURES / "points.yaml", "--inventory", CAPTURES / "inventory.yaml",
)  # fmt: skip


def test_markdown_goes_to_standard_output_and_says_what_the_document_says(tmp_path):
    run = flowmap("report", *LAB)
    assert (run.returncode, run.stderr) == (0, b"")
    text = run.stdout.decode()
    flowmap("analyze", *LAB, "-o", tmp_path / "map.json")
    document = json.loads((tmp_path / "map.json").read_bytes())
    shares = document["graph"]["shares"]
    within, whole = shares["within_host_bytes"], shares["vm_vm_bytes"]
    share = f"{100 * within / whole:.1f} %"
    assert f"Of {whole:,} bytes between VMs, {within:,} ({share}) are known never to have left their host" in text
    for host in document["graph"]["hosts"]:
        if host["stayed_bytes"]:
            assert re.search(rf"^\| {host['host']} \| {host['stayed_bytes']:,} \|", text, re.MULTILINE)
    stayed = [edge for edge in document["edges"] if edge["stayed_bytes"]]
    assert text.count("(sighting-1)") == len(stayed) > 0


def test_hairpins_name_the_router(tmp_path):
    """The lab's router has a MAC in each VLAN (captures/README.md)."""
    text = flowmap("report", *LAB).stdout.decode()
    assert "a router outside the host (`00:1b:21:00:00:10`) turned it round" in text


def test_the_suffix_chooses_the_form(tmp_path):
    for name in ("report.md", "report.html", "report.json"):
        run = flowmap("report", SAMPLE, "-o", tmp_path / name)
        assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    assert (tmp_path / "report.md").read_text("utf-8").startswith("# Blind-spot report: ")
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert json.loads((tmp_path / "report.json").read_bytes())["schema"] == "flowmap-report/1"


def test_the_hash_of_each_capture_stands_in_it_when_asked_for():
    import hashlib

    assert hashlib.sha256(SAMPLE.read_bytes()).hexdigest() in flowmap("report", SAMPLE, "--hash").stdout.decode()
    assert "not computed" in flowmap("report", SAMPLE).stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("-o", "report.pdf"), 2, "report.pdf"),
        (("-o", "no/such/folder/report.md"), 2, "no/such/folder"),
        (("--points", "missing.yaml"), 1, "missing.yaml"),
    ],
)
def test_mistakes_are_one_sentence(arguments, code, says):
    run = flowmap("report", SAMPLE, *arguments)
    assert run.returncode == code
    assert says in sentence(run)


def test_a_damaged_capture_has_a_report_that_says_so(tmp_path):
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(SAMPLE.read_bytes()[:200_001])
    run = flowmap("report", cut)
    assert run.returncode == 3
    assert "- Complete: no: a capture was damaged or ended early" in run.stdout.decode()
    assert "cut.pcapng" in sentence(run)
