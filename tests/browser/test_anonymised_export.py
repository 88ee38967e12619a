"""The export menu can write a map to give away."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect


def downloaded(page, name):
    """The file behind an entry of the export menu."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return json.loads(Path(download.value.path()).read_text())


def test_the_box_in_the_menu_asks_for_pseudonyms(view):
    view.locator("#export-button").click()
    box = view.get_by_role("checkbox", name="Anonymise")
    expect(box).not_to_be_checked()
    plain = downloaded(view, "JSON")
    view.locator("#export-button").click()
    box.check()
    changed = downloaded(view, "JSON")
    assert changed["graph"]["totals"] == plain["graph"]["totals"]
    labels = {node["label"] for node in plain["nodes"] if node["kind"] == "vm"}
    assert labels and not labels & {node["label"] for node in changed["nodes"]}
    view.locator("#export-button").click()
    expect(box).not_to_be_checked()  # chosen anew each time: nobody gives a map away by a forgotten box, or keeps one
