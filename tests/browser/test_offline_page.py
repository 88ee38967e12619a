"""The map as one file: opened from a folder, without a server and without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.api.frames import DATABASE, WEB, pcap, two_talks
from tests.browser.conftest import NOTE_VIOLATIONS, WITHIN_MS
from tests.browser.driving import SAMPLE, click_at, new_map, open_pair, tiles, verdict
from tests.browser.test_hostile_names import BACKWARDS, LONG, MARKUP, SCRIPT, inventory
from tests.browser.test_upload import download


@pytest.fixture(scope="module")
def saved(browser, server, tmp_path_factory):
    """The sample map as the server's page saves it, and its document."""
    folder = tmp_path_factory.mktemp("saved")
    context = browser.new_context(base_url=server.url, storage_state=server.storage_state)
    page = context.new_page()
    page.set_default_timeout(WITHIN_MS)
    page.goto("/")
    new_map(page, *SAMPLE)
    path = download(page, "HTML one file", folder)
    document = json.loads(download(page, "JSON the whole", folder).read_text("utf-8"))
    context.close()
    return path, document


@pytest.fixture
def open_file(browser):
    """Opens files in a browser without a network; anything that is not well fails the test at its end."""
    opened, seen = [], []

    def open_one(path, fragment="", **options):
        context = browser.new_context(
            offline=True, timezone_id="UTC", accept_downloads=True, viewport={"width": 1600, "height": 1000}, **options
        )
        context.add_init_script(NOTE_VIOLATIONS)
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("console", lambda message: message.type in ("error", "warning") and seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        address = path.as_uri()
        page.on(
            "request",
            lambda request: (
                re.match(r"(data|blob):", request.url)
                or request.url.split("#")[0] == address
                or seen.append(f"a request: {request.url[:200]}")
            ),
        )
        opened.append((context, page))
        page.goto(address + fragment)
        page.wait_for_selector("html[data-started]", state="attached")
        expect(page.locator("#headline")).to_be_visible()
        return page

    yield open_one
    for context, page in opened:
        seen += page.evaluate("window.cspViolations ?? []")
        context.close()
    assert seen == []


def shown_pairs(page):
    return int(re.match(r"\D*(\d+)", page.locator(".pair-table__bar").inner_text()).group(1))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_is_drawn_and_nothing_asks_for_a_server(open_file, saved, scheme):
    path, document = saved
    page = open_file(path, color_scheme=scheme)
    placed = {node["id"] for node in document["nodes"] if node["host"] and node["kind"] == "vm"}
    assert placed <= set(tiles(page))
    expect(page.locator("#headline")).to_contain_text("of VM-to-VM bytes never left their host")
    assert page.title() == f"{document['graph']['name']} – FlowMap"
    for control in ("#add-button", "#live-button", "#report-link"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("#view-switch")).to_be_visible()


def test_places_are_not_kept_for_the_next_file(open_file, saved):
    page = open_file(saved[0])
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert page.evaluate("localStorage.getItem('flowmap.places.1')") is None  # all files share one storage


def test_the_theme_can_be_changed(open_file, saved):
    page = open_file(saved[0], color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(paper) != light
    page.reload()
    page.wait_for_selector("html[data-started]", state="attached")
    assert page.evaluate(paper) != light


def test_a_pair_shows_its_evidence_and_says_where_the_rest_is(open_file, saved):
    page = open_file(saved[0])
    arcs = page.evaluate("window.__flowmap.arcs()")
    inside = next(arc for arc in arcs if arc["lane"] == "stayed" and "app-1" in arc["a"] and "db-1" in arc["b"])
    click_at(page, inside)
    assert verdict(page) == ("Stayed on host", "intra_host_switched")
    expect(page.locator("#evidence li").first).to_contain_text("vnet")
    expect(page.locator("#details")).to_contain_text("kept with the map on the FlowMap server")


def test_filters_search_views_and_undo_work(open_file, saved):
    page = open_file(saved[0])
    page.locator("[data-lane=hairpin] input").uncheck()
    assert page.evaluate("window.__flowmap.turns()") == []
    page.locator("#view-switch [data-view=table]").click()
    expect(page.locator(".pair-table tbody")).not_to_contain_text("hairpin")
    page.locator("#clear-filters").click()
    all_pairs = shown_pairs(page)
    page.get_by_label("Search VM, IP, MAC or port").fill("db-1")
    expect(page).to_have_url(re.compile("q=db-1"))
    assert 0 < shown_pairs(page) < all_pairs
    page.go_back()
    open_pair(page, "app-1", "db-1")
    page.locator("#view-switch [data-view=map]").click()
    expect(page.locator("#verdict")).to_be_visible()


def test_an_address_of_a_view_opens_that_view(open_file, saved):
    page = open_file(saved[0], "#v=table&q=db-1")
    expect(page.locator(".pair-table tbody tr").first).to_contain_text("db-1")


def test_a_point_can_be_read_but_not_corrected(open_file, saved):
    page = open_file(saved[0])
    page.locator(".health__point").first.click()
    expect(page.locator("#details")).to_contain_text("Role")
    assert page.locator("#details form:visible").count() == 0


def test_the_document_and_pictures_can_be_saved_again(open_file, saved, tmp_path):
    path, document = saved
    page = open_file(path)
    for entry, suffix in (("JSON", ".json"), ("SVG", ".svg"), ("PNG 1x", ".png")):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as waiting:
            page.locator("#export-menu button", has_text=entry).click()
        assert waiting.value.suggested_filename.endswith(suffix)
        waiting.value.save_as(tmp_path / f"again{suffix}")
    assert json.loads((tmp_path / "again.json").read_text("utf-8")) == document
    page.get_by_role("button", name="Export").click()
    assert page.locator("#export-menu a").count() == 0


def test_the_command_line_writes_such_a_page_and_names_stay_text(open_file, tmp_path):
    rows = inventory((MARKUP, WEB[0], WEB[1], SCRIPT), (BACKWARDS + LONG, DATABASE[0], DATABASE[1], SCRIPT))
    capture, vms, path = tmp_path / "<b>.pcap", tmp_path / "vms.csv", tmp_path / "map.html"
    capture.write_bytes(pcap(two_talks()))
    vms.write_bytes(rows)
    subprocess.run(
        [sys.executable, "-m", "flowmap", "analyze", capture, "--inventory", vms, "-o", path],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    page = open_file(path)
    title = page.title()
    assert page.evaluate("window.__flowmap.houses()")[0]["place"] == SCRIPT
    page.locator("#view-switch [data-view=table]").click()
    page.locator(".pair-table tbody tr", has_text="gnp.exe").get_by_role("button").first.click()
    expect(page.locator("#details h2")).to_contain_text(MARKUP)
    assert page.locator("#stage img, #details img, #summary script").count() == 0
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.title() == title


def test_a_copy_elsewhere_is_the_same_page(open_file, saved, tmp_path):
    copy = tmp_path / "other name.html"
    shutil.copy(saved[0], copy)
    assert tiles(open_file(copy)).keys() == tiles(open_file(saved[0])).keys()
    assert copy.stat().st_size < 2_000_000
