"""axe-core finds nothing serious on any screen, in both themes and three windows; everything is reached by keys."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import both_themes
from tests.browser.driving import choose, map_id, wait_for_map

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
def made(browser, server, made):
    """Address of the sample's map, its document, and a trunk that it draws."""
    context = browser.new_context(base_url=server.url, storage_state=server.storage_state)
    page = context.new_page()
    page.goto(made)
    wait_for_map(page)
    document = page.request.get(f"/api/maps/{map_id(page)}/graph").json()
    trunk = page.evaluate("window.__flowmap.trunks()")[0]
    context.close()
    return made, document, trunk


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


@pytest.fixture
def view(open_page, made):
    page = open_page(made[0])
    wait_for_map(page)
    return page


def test_keys_choose_views_filters_and_the_search(view):
    view.keyboard.press("t")
    expect(view.locator(".pair-table")).to_be_visible()
    view.keyboard.press("m")
    expect(view.locator("#map-pad")).to_be_visible()
    view.keyboard.press("1")
    expect(view.locator("[data-lane=stayed] input")).not_to_be_checked()
    view.keyboard.press("1")
    expect(view.locator("[data-lane=stayed] input")).to_be_checked()
    view.keyboard.press("5")
    view.keyboard.press("z")
    expect(view.locator("[data-lane=undetermined] input")).to_be_checked()
    view.keyboard.press("/")
    view.keyboard.type("t1m")
    expect(view.get_by_label("Search VM, IP, MAC or port")).to_have_value("t1m")
    expect(view.locator("#map-pad")).to_be_visible()


def test_the_sheet_lists_the_keys_and_gives_the_focus_back(view):
    view.locator("#map-pad").focus()
    view.keyboard.press("?")
    sheet = view.get_by_role("dialog", name="Keyboard")
    expect(sheet).to_be_visible()
    assert set("/12345zmxte?[]") <= set("".join(sheet.locator("kbd").all_inner_texts()))
    assert complaints(view) == []
    view.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(view.locator("#map-pad")).to_be_focused()


def test_single_keys_can_be_switched_off_for_good(view):
    view.get_by_role("button", name="Keyboard shortcuts").click()
    view.get_by_label("Keys without Ctrl or Alt act from anywhere on the page").uncheck()
    view.get_by_role("button", name="Close", exact=True).click()
    expect(view.get_by_role("button", name="Keyboard shortcuts")).to_be_focused()
    view.reload()
    wait_for_map(view)
    for key in ("t", "1", "/", "?"):
        view.keyboard.press(key)
    expect(view.locator("#map-pad")).to_be_visible()
    expect(view.locator("[data-lane=stayed] input")).to_be_checked()
    expect(view.locator("dialog[open]")).to_have_count(0)
    expect(view.get_by_label("Search VM, IP, MAC or port")).not_to_be_focused()


def test_skip_links_move_the_focus_and_keep_the_view(view):
    view.keyboard.press("t")
    address = view.url
    expect(view.locator(".pair-table")).to_be_visible()
    view.locator(".skip-link").nth(1).focus()
    view.keyboard.press("Enter")
    expect(view.locator("#details")).to_be_focused()
    view.locator(".skip-link").nth(0).focus()
    view.keyboard.press("Enter")
    expect(view.locator(".pair-table__scroll")).to_be_focused()
    assert view.url == address


def test_closing_what_was_open_keeps_the_keyboard_in_place(view):
    view.locator("#maps-button").focus()
    view.keyboard.press("Enter")
    expect(view.locator("#maps-menu")).to_be_visible()
    view.keyboard.press("Escape")
    expect(view.locator("#maps-button")).to_be_focused()
    view.locator("#live-button").focus()
    view.keyboard.press("Enter")
    expect(view.locator("#live-start")).to_be_visible()
    view.keyboard.press("Escape")
    expect(view.locator("#live-button")).to_be_focused()
    view.locator("#details .pair-list__item").first.focus()
    view.keyboard.press("Enter")
    expect(view.locator("#verdict")).to_be_visible()
    expect(view.locator("#details")).to_be_focused()


def test_the_order_of_the_table_is_in_the_address(view, open_page):
    view.keyboard.press("t")
    heading = view.locator("th[aria-sort]", has=view.get_by_role("button", name="Packets"))
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(heading.get_by_role("button")).to_be_focused()
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    again = open_page(view.url)
    expect(again.locator("th[aria-sort=ascending]")).to_have_text("Packets")
    expect(again.locator(".pair-table table")).to_have_attribute("aria-rowcount", "67")
    expect(again.locator(".pair-table tbody tr").first).to_have_attribute("aria-rowindex", "2")
    expect(again.locator(".pair-table__bar")).to_contain_text("times in UTC")


NARROW = [(1280, 720), (1024, 768), (768, 1024), (400, 800)]


@both_themes
@pytest.mark.parametrize("size", NARROW, ids=str)
@pytest.mark.parametrize("shown", ["map", "table"])
def test_narrow_windows_cut_nothing_off(open_page, made, size, shown):
    page = open_page(f"{made[0]}#v={shown}", **window(size))
    wait_for_map(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for selector in (".header", ".header__source", "#summary", "#details"):
        assert page.locator(selector).evaluate("(one) => one.scrollWidth <= one.clientWidth + 1"), selector
    for button in page.locator(".header").get_by_role("button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0]
        assert min(box["width"], box["height"]) >= 24
    expect(page.locator("#headline")).to_be_in_viewport()
    filters = page.locator("[data-lane=stayed] input")
    if not filters.is_visible():
        page.get_by_role("button", name="Filters", exact=True).click()
    expect(filters).to_be_in_viewport()
    filters.uncheck()
    page.keyboard.press("Escape")
    if size[0] <= 1100:
        expect(filters).to_be_hidden()
        expect(page.get_by_role("button", name="Filters, some are on")).to_be_focused()
    details = page.locator("#details .pair-list__item").first
    details.scroll_into_view_if_needed()
    expect(details).to_be_in_viewport()


def test_a_selection_on_a_narrow_map_offers_its_details(open_page, made):
    page = open_page(made[0], **window((400, 800)))
    wait_for_map(page)
    page.locator("#map-pad").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Details ↓").click()
    expect(page.locator("#details h2")).to_be_in_viewport()
    expect(page.locator("#details")).to_be_focused()


def test_the_systems_colours_are_taken(open_page, made):
    page = open_page(made[0], forced_colors="active")
    wait_for_map(page)
    assert complaints(page) == []
    resolved = """() => {
      const one = document.body.appendChild(document.createElement("span"));
      one.style.setProperty("forced-color-adjust", "none");
      return ["var(--leave)", "CanvasText", "var(--box)", "Canvas"].map((colour) => {
        one.style.color = colour;
        return getComputedStyle(one).color;
      });
    }"""
    leave, text, box, canvas = page.evaluate(resolved)
    assert (leave, box) == (text, canvas)
    texture = page.locator(".summary__bar .fill--leave").evaluate("(one) => getComputedStyle(one).backgroundImage")
    assert "gradient" in texture


def test_nothing_moves_for_those_who_ask_for_less_motion(open_page, made):
    page = open_page(made[0], reduced_motion="reduce")
    wait_for_map(page)
    page.locator("#map-pad").focus()
    page.keyboard.press("+")
    page.keyboard.press("Enter")
    assert page.evaluate("document.getAnimations().length") == 0
