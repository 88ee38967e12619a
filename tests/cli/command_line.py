"""The program run as its user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CAPTURES = Path(__file__).parents[2] / "captures"
SAMPLE = CAPTURES / "ports-host-b.pcapng"


def flowmap(*arguments, stdin=b"", **environment):
    """Run the program; no traceback may ever show."""
    run = subprocess.run(
        [sys.executable, "-m", "flowmap", *map(str, arguments)], input=stdin, capture_output=True, check=False,
        env={**os.environ, **environment}, timeout=120,
    )  # fmt: skip
    assert b"Traceback" not in run.stderr, run.stderr.decode()
    return run


def sentence(run):
    """The one line on standard error."""
    lines = run.stderr.decode().strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("flowmap: ")
    assert lines[0].endswith(".")
    return lines[0]
