"""Filters, table, address, keyboard and themes of one map."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import both_themes
from tests.browser.driving import open_pair, tiles, verdict, wait_for_map


def shown_pairs(page):
    return int(re.match(r"\D*(\d+)", page.locator(".pair-table__bar").inner_text()).group(1))


@both_themes
def test_the_legend_filters_map_and_table_alike(view):
    hairpins = len(view.evaluate("window.__flowmap.turns()"))
    assert hairpins == 2
    view.locator("[data-lane=hairpin] input").uncheck()
    assert view.evaluate("window.__flowmap.turns()") == []
    expect(view.locator("#filters")).to_contain_text("Hidden by filters")
    view.locator("#view-switch [data-view=table]").click()
    expect(view.locator(".pair-table tbody")).not_to_contain_text("hairpin")
    view.locator("#clear-filters").click()
    expect(view.locator(".pair-table tbody")).to_contain_text("hairpin")


def test_filters_move_no_tile(view):
    before = tiles(view)
    view.locator("[data-lane=left] input").uncheck()
    view.get_by_label("Search VM, IP, MAC or port").fill("db-1")
    expect(view).to_have_url(re.compile("q=db-1"))
    assert tiles(view).keys() == before.keys()
    assert all(tiles(view)[key][side] == before[key][side] for key in before for side in ("x", "y", "w", "h"))


def test_back_leads_to_the_map_that_was_open(view, open_page):
    first = view.url
    open_pair(view, "app-1", "db-1")
    pair, view_of_pair = verdict(view), view.url
    headers = "{'X-FlowMap': '1', 'Content-Type': 'application/json'}"
    view.evaluate(f"""fetch('/api/maps', {{method: 'POST', headers: {headers}, body: '{{"name": "second"}}'}})""")
    page = open_page(view_of_pair)
    page.locator("#maps-button").click()
    page.locator("#maps-menu").get_by_text("second").click()
    expect(page.locator("#source-text")).to_have_text("second")
    assert parse_qs(urlsplit(page.url).query) != parse_qs(urlsplit(first).query)
    page.go_back()
    expect(page.locator("#verdict")).to_be_visible()
    assert (verdict(page), urlsplit(page.url).query) == (pair, urlsplit(first).query)


@both_themes
def test_every_state_is_in_the_address_and_comes_back(view, open_page):
    open_pair(view, "app-1", "db-1")
    view.locator("[data-lane=undetermined] input").uncheck()
    expected = verdict(view)
    again = open_page(view.url)
    expect(again.locator("#verdict")).to_be_visible()
    assert verdict(again) == expected
    expect(again.locator(".pair-table tbody tr[aria-selected=true]")).to_have_count(1)
    expect(again.locator("[data-lane=undetermined] input")).not_to_be_checked()


def test_the_answers_that_were_asked_for_ahead_are_used(view):
    seen = []
    view.on("request", lambda request: seen.append(urlsplit(request.url).path))
    view.reload()
    wait_for_map(view)
    expect(view.locator("html")).to_have_attribute("data-started", "")
    own = urlsplit(view.url).query.removeprefix("map=")
    asked = [path.removeprefix(f"/api/maps/{own}") for path in seen if path.startswith("/api/")]
    assert sorted(asked) == sorted(["/api/maps", "", "/graph", "/health", "/timeline", "/events"])


def test_back_undoes_a_filter(view):
    view.locator("[data-lane=stayed] input").uncheck()
    expect(view.locator("#clear-filters")).to_be_visible()
    view.go_back()
    expect(view.locator("#clear-filters")).to_be_hidden()
    expect(view.locator("[data-lane=stayed] input")).to_be_checked()


@both_themes
def test_the_table_sorts_and_holds_every_pair(view):
    view.locator("#view-switch [data-view=table]").click()
    total = shown_pairs(view)
    rows = view.locator(".pair-table tbody tr")
    expect(rows).to_have_count(total)
    heading = view.locator("th", has=view.get_by_role("button", name="Packets"))
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    packets = [int(re.sub(r"\D", "", text)) for text in rows.locator("td:nth-child(8)").all_inner_texts()]
    assert packets == sorted(packets, reverse=True)
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")


@both_themes
def test_with_the_keyboard_alone_to_a_pair(view):
    view.keyboard.press("/")
    expect(view.get_by_label("Search VM, IP, MAC or port")).to_be_focused()
    view.locator("#map-pad").focus()
    view.keyboard.press("ArrowRight")
    expect(view.locator(".street__focus")).to_be_visible()
    view.keyboard.press("Enter")
    expect(view.locator("#details h3").first).to_have_text("Selected endpoint")
    view.keyboard.press("e")
    expect(view.locator("#verdict")).to_be_visible()
    first = view.locator("#details h2").inner_text()
    view.keyboard.press("e")
    expect(view.locator("#details h2")).not_to_have_text(first)
    view.keyboard.press("Escape")
    expect(view.locator("#verdict")).to_have_count(0)


def test_the_map_is_told_to_those_who_do_not_see_it(view):
    tree = view.get_by_role("tree", name="Hosts and their endpoints")
    host = tree.get_by_role("treeitem", name="host-a, 7 endpoints")
    expect(host).to_have_attribute("aria-level", "1")
    machine = tree.get_by_role("treeitem", name=re.compile("^web-1, "))
    expect(machine).to_have_attribute("aria-level", "2")
    expect(machine).to_have_attribute("aria-setsize", "7")
    open_pair(view, "app-1", "db-1")
    expect(view.locator("#announcer")).to_have_text(re.compile(r"^app-1 to db-1, stayed on host, \d\S* kB, proven\.$"))
    view.locator("[data-lane=hairpin] input").uncheck()
    expect(view.locator("#announcer")).to_have_text("8 of 66 pairs hidden.")


def test_the_tree_leads_from_a_machine_to_its_pairs(view):
    view.locator("#map-pad").focus()
    view.keyboard.press("Home")
    current = view.locator("#map-pad [aria-selected=true]")
    expect(current).to_have_text("host-a, 7 endpoints")
    view.keyboard.press("ArrowRight")
    expect(current).to_have_attribute("aria-level", "2")
    machine = current.inner_text()
    pairs = int(re.search(r"(\d+) pairs", machine).group(1))
    view.keyboard.press("e")
    expect(current).to_have_attribute("aria-level", "3")
    expect(current).to_have_attribute("aria-setsize", str(pairs))
    expect(view.locator("#map-pad")).to_have_attribute("aria-activedescendant", current.get_attribute("id"))
    expect(view.locator("#verdict")).to_be_visible()
    view.keyboard.press("ArrowLeft")
    expect(current).to_have_text(machine)


def test_an_endpoint_says_who_named_it(view):
    view.get_by_label("Search VM, IP, MAC or port").fill("web-1")
    view.keyboard.press("Enter")
    panel = view.locator("#details")
    expect(panel.locator("h2")).to_have_text("web-1")
    expect(panel.locator(".names").first).to_contain_text("inventory")
    expect(panel).to_contain_text("10.10.0.11")
    expect(panel).to_contain_text("00:50:56:8a:10:11")


@both_themes
def test_capture_health_opens_its_points(view):
    view.get_by_role("button", name=re.compile("^host-a uplink")).click()
    panel = view.locator("#details")
    expect(panel).to_contain_text("stated complete")
    expect(panel).to_contain_text("vmnic0")


def test_the_theme_is_chosen_and_kept(view):
    background = "getComputedStyle(document.body).backgroundColor"
    light = view.evaluate(background)
    view.get_by_role("button", name="Switch between light and dark").click()
    dark = view.evaluate(background)
    assert dark != light
    view.reload()
    wait_for_map(view)
    assert view.evaluate(background) == dark


@pytest.mark.parametrize("size", [(1280, 720), (1600, 1000), (1920, 1080)])
def test_everything_fits_the_window(open_page, made, size):
    page = open_page(made, viewport={"width": size[0], "height": size[1]})
    wait_for_map(page)
    stage = page.locator("#map-pad").bounding_box()
    for tile in tiles(page).values():
        assert stage["x"] <= tile["middle"]["x"] <= stage["x"] + stage["width"], tile["id"]
        assert stage["y"] <= tile["middle"]["y"] <= stage["y"] + stage["height"], tile["id"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    header = page.locator(".header")
    assert header.evaluate("(element) => element.scrollWidth <= element.clientWidth")


def test_without_the_key_the_page_says_what_to_do(browser, server):
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", name="This page needs its key")).to_be_visible()
    context.close()
