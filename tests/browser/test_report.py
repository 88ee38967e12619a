"""The report page, and the report as a file on its own."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.api.frames import DATABASE, WEB, pcap, two_talks
from tests.browser.conftest import both_themes
from tests.browser.driving import SAMPLE, map_id, new_map, wait_for_map
from tests.browser.test_hostile_names import MARKUP, SCRIPT, inventory

SECTIONS = [
    "1. What the captures could not see", "2. The figures", "3. The blind spot", "4. Hairpins",
    "5. Mixed pairs and conflicts", "6. Method and sources",
]  # fmt: skip


@pytest.fixture
def report(page):
    """The report page of the lab, reached by the link in the header."""
    new_map(page, *SAMPLE)
    page.get_by_role("link", name="Report").click()
    expect(page.locator("#report h1")).to_contain_text("Blind-spot report")
    return page


@both_themes
def test_the_page_says_what_the_files_say(report):
    assert report.locator("#report h2").all_inner_texts() == SECTIONS
    base = f"/api/maps/{map_id(report)}/report"
    made = report.request.get(f"{base}?format=json").json()
    expect(report.locator(".report__answer")).to_have_text(made["answer"])
    tables = [block for section in made["sections"] for block in section["blocks"] if block["kind"] == "table"]
    assert report.locator("#report table").count() == len(tables)
    for number, table in enumerate(tables):
        cells = report.locator("#report table").nth(number).locator("td").all_text_contents()
        assert cells == [cell for row in table["rows"] for cell in row], table["caption"]
    for link, format in (("Markdown", "md"), ("HTML file", "html")):
        assert report.get_by_role("link", name=link).get_attribute("href") == f"{base}?format={format}"


def test_back_to_the_map(report):
    wanted = map_id(report)
    report.get_by_role("link", name="Map").click()
    wait_for_map(report)
    assert map_id(report) == wanted


def test_on_paper_there_is_the_report_alone(report):
    report.emulate_media(media="print", color_scheme="dark")
    expect(report.locator(".report-bar")).to_be_hidden()
    ink = report.locator("#report h1").evaluate("(element) => getComputedStyle(element).color")
    assert max(int(part) for part in re.findall(r"\d+", ink)[:3]) < 80, "dark ink on white paper"
    assert report.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_the_file_opens_without_a_server(report, browser, tmp_path):
    """From a file, without a network: its style is accepted by its own policy, and it asks nobody for anything."""
    path = tmp_path / "report.html"
    path.write_bytes(report.request.get(f"/api/maps/{map_id(report)}/report?format=html").body())
    context = browser.new_context(offline=True)
    page = context.new_page()
    seen, asked = [], []
    page.on("console", lambda message: seen.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert page.locator("h2").all_inner_texts() == SECTIONS
    assert page.locator("th").first.evaluate("(cell) => getComputedStyle(cell).fontWeight") == "600"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (seen, asked) == ([], [path.as_uri()])
    context.close()


def test_the_server_shows_the_file_in_its_sandbox(report):
    report.goto(f"/api/maps/{map_id(report)}/report?format=html")
    assert report.locator("h2").all_inner_texts() == SECTIONS
    assert report.locator("th").first.evaluate("(cell) => getComputedStyle(cell).fontWeight") == "600"


def test_names_are_text_in_the_report_too(page):
    rows = inventory((MARKUP, WEB[0], WEB[1], SCRIPT), ("\u202egnp.exe", DATABASE[0], DATABASE[1], SCRIPT))
    new_map(page, ("hostile.pcap", pcap(two_talks())), ("vms.csv", rows))
    page.get_by_role("link", name="Report").click()
    report = page.locator("#report")
    expect(report).to_contain_text(MARKUP)
    expect(report).to_contain_text("gnp.exe")
    assert "\u202e" not in report.inner_text()
    assert report.locator("img, script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_map_that_is_not_there_and_no_map(open_page):
    page = open_page("/report.html?map=gone")
    page.watch.allow("404")
    expect(page.get_by_role("heading", name="There is no report yet")).to_be_visible()
    page.goto("/report.html")
    expect(page.get_by_role("heading", name="No map is named")).to_be_visible()
