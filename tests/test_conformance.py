"""Totals against what tshark counted in real captures, where that collection lies beside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("FLOWMAP_SHARED", ROOT.parent / "shared"))
EXCEPTIONS = Path(__file__).with_name("conformance_exceptions.tsv")


def test_every_exception_says_why():
    for line in EXCEPTIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            file, key, value, why = line.split("\t")
            assert file and key and value and len(why) > 20, line


@pytest.mark.skipif(
    not (SHARED / "captures" / "TRUTH.jsonl").is_file(), reason=f"the real captures are not at {SHARED}"
)
@pytest.mark.parametrize("reader", ["auto", "pyshark"])
def test_real_captures_agree_with_tshark_where_the_collection_is_present(reader):
    script, captures = SHARED / "accept" / "conformance.py", SHARED / "captures"
    program = f"import sys; sys.argv += ['--reader', '{reader}']; from flowmap.cli import main; main()"

    def run(folder: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(script), str(captures), "--only", folder + "/", "--exceptions", str(EXCEPTIONS),
             "--flowmap", f'{sys.executable} -c "{program}"'],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    folders = sorted(path.name for path in captures.iterdir() if path.is_dir())
    with ThreadPoolExecutor(2) as pool:
        failures = [
            line
            for done in pool.map(run, folders)
            if done.returncode
            for line in (done.stdout + done.stderr).splitlines()
        ]
    assert failures == []
