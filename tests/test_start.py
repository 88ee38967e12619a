"""What a command does not need is not imported: a quick look at a small capture is mostly start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parent.parent / "captures"
PCAP = CAPTURES / "mirror-host-c.pcap"
NEVER_FOR_FILES = {"fastapi", "starlette", "uvicorn", "pydantic_settings"}


def imported_by(*arguments: object) -> set[str]:
    """Every module that a command imports, itself and what it imports in turn, as the interpreter tells."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "flowmap", *map(str, arguments)], capture_output=True, text=True,
        check=False, timeout=570,
    )  # fmt: skip
    assert run.returncode == 0 and run.stdout, run.stderr[-2000:]
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_conversations_of_a_pcap_need_no_tshark_graph_or_server():
    found = imported_by("conversations", PCAP)
    assert "llvmlite.binding" in found and "flowmap.capture.header_reading" in found
    assert not found & (NEVER_FOR_FILES | {"numba", "pyshark", "lxml", "asyncio", "networkx", "flowmap.graph"})


def test_the_pyshark_reader_is_there_when_it_is_asked_for():
    assert "pyshark" in imported_by("conversations", PCAP, "--reader", "pyshark")


def test_a_map_needs_no_server():
    found = imported_by("pairs", PCAP)
    assert "networkx" in found and not found & NEVER_FOR_FILES


@pytest.mark.parametrize("arguments", [["--help"], ["analyze", "--help"], ["--version"]])
def test_help_needs_nothing_heavy(arguments):
    heavy = {"numpy", "numba", "networkx", "pyshark", "asyncio"}
    assert not imported_by(*arguments) & (NEVER_FOR_FILES | heavy)


def test_the_library_needs_nothing_heavy_before_its_first_use():
    code = "import flowmap, sys; print(*{'numpy', 'numba', 'networkx', 'pyshark', 'pydantic'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout.split() == []
