"""What a person does on the page, and what a test asks of its map."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

CAPTURES = Path(__file__).parents[2] / "captures"
SAMPLE = ("ports-host-a.pcapng", "ports-host-b.pcapng", "mirror-host-c.pcap", "points.yaml", "inventory.yaml")
"""The captures of `make run`, with what is known of them."""


def choose(page, *files):
    """Choose files of the samples (by name), of a folder (by path), or made here (as name and bytes)."""
    payloads = []
    for file in files:
        if isinstance(file, tuple):
            payloads.append({"name": file[0], "mimeType": "application/octet-stream", "buffer": file[1]})
        else:
            path = CAPTURES / file
            payloads.append({"name": path.name, "mimeType": "application/octet-stream", "buffer": path.read_bytes()})
    page.set_input_files("#file-input", payloads)


def new_map(page, *files):
    """Send files as a map of their own and wait until it is drawn."""
    before = start_map(page, *files)
    page.wait_for_url(lambda url: map_id(url) not in (None, before))
    wait_for_map(page)


def start_map(page, *files):
    """Send files as a map of their own; gives the id of the map that was open before."""
    before = map_id(page)
    choose(page, *files)
    if before is not None:  # there is a map already: the page asks where the files belong
        page.get_by_role("button", name="Send and analyse").click()
    return before


def map_id(page):
    """Id of the map in an address."""
    url = page if isinstance(page, str) else page.url
    return parse_qs(urlsplit(url).query).get("map", [None])[0]


def wait_for_map(page):
    """Until the newest result is drawn and nothing is at work."""
    expect(page.locator("#headline")).to_be_visible()
    expect(page.locator("#work-item")).to_have_count(0)
    page.wait_for_function(
        """(id) => document.querySelector(".pair-table")
          || (window.__flowmap?.map === id && window.__flowmap.tiles().length)
          || (window.__flowmapMatrix?.map === id && window.__flowmapMatrix.lines().length)""",
        arg=map_id(page),
    )


def tiles(page):
    """Label of no tile is in the scene, so by node id: the tile with its middle on the page."""
    return {tile["id"]: tile for tile in page.evaluate("window.__flowmap.tiles()")}


def click_at(page, spot):
    """Click a place that the scene named."""
    page.mouse.click(spot["middle"]["x"], spot["middle"]["y"])


def open_pair(page, one, other):
    """Open a pair from the table, as it is the same for any map, and come back to the map."""
    page.get_by_role("button", name="Table").click()
    name = re.compile(f"^Open ({re.escape(one)} and {re.escape(other)}|{re.escape(other)} and {re.escape(one)})$")
    page.get_by_role("button", name=name).click()
    expect(page.locator("#verdict")).to_be_visible()


def verdict(page):
    """Word and name of the verdict in the panel."""
    return page.locator(".verdict__word").inner_text(), page.locator("#verdict code").inner_text()
