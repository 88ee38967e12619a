"""Write ``sbom.cdx.json``, the list of what a FlowMap is made of, as CycloneDX 1.6 (``make sbom``).

Names, versions, hashes and who needs whom come from ``requirements.lock``, the licences from what is installed here at
those versions, and D3 from ``web/vendor``. Equal sources give an equal file: it holds no time and no random number.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "sbom.cdx.json"
FLOWMAP = "flowmap"
_REQUIREMENT = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[\w.!+-]+)[^\n]*\\\n(?P<hashes>(?: +--hash=\S+(?: \\)?\n)+)"
    r" +# via(?P<via>[^\n]*\n(?: +#   [^\n]+\n)*)",
    re.MULTILINE,
)
_NEEDED_TO_RUN = "flowmap (pyproject.toml)"
_VENDORED = re.compile(
    r"^\| `(?P<file>[\w.]+)` \| npm package `(?P<name>\w+)`, [^|]+ \| (?P<version>\S+) \| (?P<licence>\S+),", re.M
)
_IDS = {"MIT License": "MIT", "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0"}
"""Classifiers that name exactly one licence of the SPDX list; others are given by their name."""

Component = dict[str, Any]


def bill_of_materials() -> dict[str, Any]:
    """The whole document."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {match["name"]: match for match in _REQUIREMENT.finditer(lock)}
    needed_by = {name: set(re.findall(r"[\w-][\w.-]*(?: \([^)]+\))?", match["via"])) for name, match in locked.items()}
    to_run = _reached(needed_by)
    packages = [_package(match, runs=name in to_run) for name, match in locked.items()]
    vendored = [
        _vendored(match)
        for match in _VENDORED.finditer((ROOT / "web" / "vendor" / "README.md").read_text(encoding="utf-8"))
    ]
    refs = {package["name"]: package["bom-ref"] for package in packages}
    needs = {ref: [refs[name] for name, users in needed_by.items() if user in users] for user, ref in refs.items()}
    direct = [refs[name] for name, users in needed_by.items() if any(user.startswith(FLOWMAP) for user in users)]
    needs |= {component["bom-ref"]: [] for component in vendored}
    needs[FLOWMAP] = direct + [component["bom-ref"] for component in vendored]
    version = re.search(r'^__version__ = "([^"]+)"', (ROOT / "flowmap" / "__init__.py").read_text(), re.M)
    assert version, "flowmap/__init__.py has no version"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": FLOWMAP,
                "name": FLOWMAP,
                "version": version[1],
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": packages + vendored,
        "dependencies": [{"ref": ref, "dependsOn": sorted(used)} for ref, used in sorted(needs.items())],
    }


def _reached(needed_by: dict[str, set[str]]) -> set[str]:
    """Packages that FlowMap needs when it runs; the others are there when it is built."""
    reached = {name for name, users in needed_by.items() if _NEEDED_TO_RUN in users}
    while more := {name for name, users in needed_by.items() if users & reached} - reached:
        reached |= more
    return reached


def _package(match: re.Match[str], *, runs: bool) -> Component:
    """A package of the lock, whose hashes are those of the files that pip may install."""
    name, version = match["name"], match["version"]
    address = f"pkg:pypi/{name}@{version}"
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", match["hashes"])
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "scope": "required" if runs else "excluded",
        **({"licenses": licences} if (licences := _licences(name, version)) else {}),
        "purl": address,
        "externalReferences": [
            {
                "type": "distribution",
                "url": address,
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
            }
        ],
    }


def _licences(name: str, version: str) -> list[dict[str, Any]]:
    """What the package says of itself; nothing when another version is installed."""
    try:
        said: Any = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return []
    if said["Version"] != version:
        return []
    if expression := said.get("License-Expression"):
        return [{"expression": expression}]
    classified = [text.rpartition(" :: ")[2] for text in said.get_all("Classifier", []) if text.startswith("License ")]
    names = classified or [text for text in [said.get("License")] if text and "\n" not in text]
    return [{"license": {"id": _IDS[text]} if text in _IDS else {"name": text}} for text in names]


def _vendored(match: re.Match[str]) -> Component:
    """A file of somebody else that lies in the repository."""
    content = (ROOT / "web" / "vendor" / match["file"]).read_bytes()
    address = f"pkg:npm/{match['name']}@{match['version']}"
    return {
        "type": "library",
        "bom-ref": address,
        "name": match["name"],
        "version": match["version"],
        "description": f"web/vendor/{match['file']}, as published",
        "scope": "required",
        "hashes": [
            {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()},
            {"alg": "SHA-384", "content": hashlib.sha384(content).hexdigest()},
        ],
        "licenses": [{"license": {"id": match["licence"]}}],
        "purl": address,
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(bill_of_materials(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
