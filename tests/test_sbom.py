"""The list of what FlowMap is made of (CycloneDX) is that of the lock and of the vendored files, and hangs together."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib

import pytest

from tests.test_locks import ROOT, named, requirements

SBOM = json.loads((ROOT / "sbom.cdx.json").read_text(encoding="utf-8"))
AGAIN = "run make sbom and commit what it writes"
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(kind):
    """Those of a registry, by their names."""
    return {part["name"]: part for part in SBOM["components"] if part["purl"].startswith(f"pkg:{kind}/")}


def hashes_in_the_lock():
    """Name to hashes, line by line."""
    found, name = {}, ""
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            name = line.partition("==")[0]
        elif digest := HASH.search(line):
            found.setdefault(name, []).append(digest[1])
    return found


def test_it_lists_what_the_lock_has_and_the_library_of_the_page_and_nothing_else():
    packages, vendored = components("pypi"), components("npm")
    assert {name: part["version"] for name, part in packages.items()} == requirements("requirements.lock"), AGAIN
    assert list(vendored) == ["d3"] and len(SBOM["components"]) == len(packages) + 1
    for part in SBOM["components"]:
        kind = "pypi" if part["name"] in packages else "npm"
        assert part["purl"] == part["bom-ref"] == f"pkg:{kind}/{part['name']}@{part['version']}"


def test_its_hashes_are_those_that_are_installed_by():
    stated = {}
    for name, part in components("pypi").items():
        (distribution,) = part["externalReferences"]
        assert {row["alg"] for row in distribution["hashes"]} == {"SHA-256"}
        stated[name] = [row["content"] for row in distribution["hashes"]]
    assert stated == hashes_in_the_lock(), AGAIN


def test_the_vendored_file_is_the_one_that_is_shipped():
    (library,) = components("npm").values()
    path = ROOT / library["description"].partition(",")[0]
    content = path.read_bytes()
    assert path.name == "d3.min.js" and f"https://d3js.org v{library['version']} ".encode() in content[:80]
    assert {row["alg"]: row["content"] for row in library["hashes"]} == {
        "SHA-256": hashlib.sha256(content).hexdigest(),
        "SHA-384": hashlib.sha384(content).hexdigest(),
    }, AGAIN


def test_who_needs_whom_leads_from_flowmap_to_everything():
    needs = {row["ref"]: row["dependsOn"] for row in SBOM["dependencies"]}
    assert needs.keys() == {"flowmap", *(part["bom-ref"] for part in SBOM["components"])}
    reached = ["flowmap"]
    for ref in reached:  # grows meanwhile
        reached += [other for other in needs[ref] if other not in reached]
    assert sorted(reached) == sorted(needs)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = {ref.rpartition("/")[2].partition("@")[0] for ref in needs["flowmap"]}
    stated = {named(text) for text in project["project"]["dependencies"] + project["build-system"]["requires"]}
    # editables is what an installation from the checkout needs besides.
    assert names == stated | {"d3", "editables"}, AGAIN


@pytest.mark.parametrize(
    ("name", "scope"),
    [("pyshark", "required"), ("packaging", "required"), ("hatchling", "excluded"), ("d3", "required")],
)
def test_what_only_builds_is_told_from_what_runs(name, scope):
    (part,) = [part for part in SBOM["components"] if part["name"] == name]
    assert part["scope"] == scope


def test_it_is_cyclonedx_and_every_part_has_a_licence():
    assert (SBOM["bomFormat"], SBOM["specVersion"], SBOM["version"]) == ("CycloneDX", "1.6", 1)
    about = SBOM["metadata"]["component"]
    assert f'__version__ = "{about["version"]}"' in (ROOT / "flowmap" / "__init__.py").read_text(), AGAIN
    for part in [about, *SBOM["components"]]:
        assert part["licenses"], part["name"]
        for licence in part["licenses"]:
            assert licence.get("expression") or licence["license"].get("id") or licence["license"]["name"]
