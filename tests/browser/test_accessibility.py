"""axe-core finds nothing serious on any screen, in both themes and three windows; keys, tree and live region tell the map."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import both_themes
from tests.browser.driving import choose, map_id, new_map, wait_for_map
from tests.browser.test_upload import ALL

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SIZES = [(1600, 1000), (1280, 720), (400, 800)]
EVERYWHERE = [(theme, size) for size in SIZES for theme in ("light", "dark")]
everywhere = pytest.mark.parametrize(("theme", "size"), EVERYWHERE, indirect=["theme"], ids=lambda value: str(value))
RUN = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ` + nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(" | "));
}
"""


def complaints(page):
    """What axe-core calls serious or critical. Its script comes from node_modules; the page itself never loads it."""
    assert AXE.is_file(), "axe-core is missing: `make test` installs it, as `npm ci --ignore-scripts` does"
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(RUN)


def window(size):
    return {"viewport": {"width": size[0], "height": size[1]}}


def selected(*parts):
    return "sel=" + "~".join(quote(part, safe="").replace("~", "%7E") for part in parts)


@both_themes
def test_the_empty_page_has_no_barrier(open_page):
    """First in this file: the server has no map yet."""
    page = open_page()
    expect(page.get_by_role("heading", name="Drop a capture here")).to_be_visible()
    assert complaints(page) == []


@pytest.fixture(scope="module")
def made(browser, server):
    """Address of a map that is made once for this module, and its document."""
    context = browser.new_context(base_url=server.url, storage_state=server.storage_state)
    page = context.new_page()
    page.goto("/")
    new_map(page, *ALL)
    document = page.request.get(f"/api/maps/{map_id(page)}/graph").json()
    trunk = page.evaluate("window.__flowmap.trunks()")[0]
    address = f"/?map={map_id(page)}"
    context.close()
    return address, document, trunk


def screens(document, trunk):
    """Every kind of panel and every view, as the address names it."""
    edge = max(document["edges"], key=lambda one: one["wire_bytes"])
    machine = next(node for node in document["nodes"] if node["host"] is not None)
    return {
        "map and overview": "",
        "matrix": "v=matrix",
        "table": "v=table",
        "pair": selected("pair", edge["source"], edge["target"]),
        "VM": selected("node", machine["id"]),
        "host": selected("place", machine["host"]),
        "trunk": selected("trunk", trunk["from"], trunk["to"]),
        "capture point": selected("point", document["graph"]["points"][0]["id"]),
        "filtered": "hide=stayed&q=db",
    }


@everywhere
def test_no_view_or_panel_has_a_barrier(open_page, made, size):
    address, document, trunk = made
    page = open_page(address, **window(size))
    wait_for_map(page)
    found = {}
    for name, fragment in screens(document, trunk).items():
        page.evaluate("(hash) => { location.hash = hash; }", fragment)
        if name == "pair":
            expect(page.locator("#sightings")).to_be_visible()
        elif fragment.startswith("sel="):
            expect(page.locator("#details h2")).to_be_visible()
        found[name] = complaints(page)
    assert [f"{name}: {row}" for name, rows in found.items() for row in rows] == []


@everywhere
def test_no_dialog_or_menu_has_a_barrier(open_page, made, size):
    page = open_page(made[0], **window(size))
    wait_for_map(page)
    found = {}
    for button in ("#maps-button", "#export-button"):
        page.locator(button).click()
        found[button] = complaints(page)
        page.keyboard.press("Escape")
    choose(page, "mirror-host-c.pcap")
    expect(page.locator("#intake-dialog")).to_be_visible()
    found["add"] = complaints(page)
    page.keyboard.press("Escape")
    page.locator("#live-button").click()
    expect(page.locator("#live-start")).to_be_visible()
    found["live"] = complaints(page)
    page.keyboard.press("Escape")
    assert [f"{name}: {row}" for name, rows in found.items() for row in rows] == []


@everywhere
def test_the_report_has_no_barrier(open_page, made, size):
    page = open_page(made[0].replace("/?", "/report.html?"), **window(size))
    expect(page.locator(".report__answer")).to_be_visible()
    assert complaints(page) == []
