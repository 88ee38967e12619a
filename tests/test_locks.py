"""What is installed was chosen once: exact versions with hashes, in every lock."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REQUIREMENT = re.compile(
    r"^([A-Za-z0-9_.-]+)==(\S+)(?: ;[^\\]*)? \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)
LOCKS = ("requirements.lock", "requirements-dev.lock")


def requirements(lock):
    """Name to version of everything in a lock; nothing else may stand there."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = {
        name.lower().replace("_", "-").replace(".", "-"): version for name, version, _ in REQUIREMENT.findall(text)
    }
    left = [
        line for line in REQUIREMENT.sub("", text).splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    assert left == []
    return found


def named(requirement):
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_that_is_installed_is_pinned_and_has_a_hash(lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    if "dev" in lock:
        wanted += project["project"]["optional-dependencies"]["dev"]
    assert {named(requirement) for requirement in wanted} <= requirements(lock).keys()


def test_the_locks_agree():
    run, dev = (requirements(lock) for lock in LOCKS)
    assert run.items() <= dev.items()


def test_nothing_is_installed_without_its_hash():
    for file in ("Makefile", "Dockerfile"):
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            if re.search(r"(pip\b|PIP\)).* install", line):
                assert re.search(r"--require-hashes|--no-deps", line), (file, line)


def test_pyshark_is_the_release_that_we_replace_parts_of():
    assert requirements("requirements.lock")["pyshark"] == "0.6"


def test_packages_of_node_have_their_hashes():
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, row in packages.items() if name and not row.get("integrity", "").startswith("sha512-")] == []
