"""Every row of the threat table in docs/security.md says what is done and names tests that exist."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/.-]+\.py)::(\w+)`")
ROWS = {int(row[0]): row[1:] for row in ROW.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))}
THREATS = 32


@functools.cache
def names_in(path):
    """Names of the test functions that pytest finds in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_threat_has_its_row():
    assert sorted(ROWS) == list(range(1, THREATS + 1))


@pytest.mark.parametrize("number", ROWS)
def test_a_row_names_tests_that_exist(number):
    threat, mitigation, tests = ROWS[number]
    assert threat.strip() and len(mitigation) > 30
    named = TEST.findall(tests)
    assert named and not TEST.sub("", tests).strip(), "a cell holds nothing but tests"
    assert [
        f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in names_in(path)
    ] == []
