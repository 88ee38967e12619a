"""What the first picture does without comes by itself, is waited for by who was quicker, or is missed in words."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import SAMPLE, map_id, open_pair, start_map, verdict, wait_for_map

LATER = ("matrix-view", "pair-table", "chosen-panels", "export-menu", "live-dialog", "changing")
SHOWN = {"x": ("matrix", ".matrix canvas"), "t": ("table", ".pair-table tbody")}
MODULE = {"x": "matrix-view", "t": "pair-table"}


def script(name):
    return re.compile(rf"/{name}\.js$")


def held(page, name):
    """Load the page again with a module on its way; gives what lets it arrive."""
    waiting = []
    page.route(script(name), lambda route: waiting.append(route))
    page.reload()
    wait_for_map(page)

    def arrive():
        while not waiting:
            page.wait_for_timeout(20)
        for route in waiting:
            route.continue_()

    return arrive


def lose(page, name):
    """Load the page again without a module that the server does not send."""
    page.watch.allow("ERR_FAILED|Failed to fetch dynamically imported module")
    page.route(script(name), lambda route: route.abort())
    page.reload()


def test_all_of_it_comes_without_being_asked_for(view):
    seen = set()
    view.on("requestfinished", lambda request: seen.add(request.url.rpartition("/")[2]))
    with view.expect_event("requestfinished", lambda request: {f"{name}.js" for name in LATER} <= seen):
        view.reload()


@pytest.mark.parametrize("key", SHOWN)
def test_a_view_that_is_wanted_too_early_is_shown_when_it_is_here(view, key):
    name, content = SHOWN[key]
    arrive = held(view, MODULE[key])
    view.keyboard.press(key)
    expect(view.locator(f"#view-switch [data-view={name}]")).to_have_attribute("aria-pressed", "true")
    expect(view.locator("#map-pad")).to_be_visible()  # what is there stays until then
    arrive()
    expect(view.locator(content)).to_be_visible()
    expect(view.locator("#map-pad")).to_have_count(0)


def test_only_the_last_wish_counts(view):
    arrive = held(view, "matrix-view")
    view.keyboard.press("x")
    view.keyboard.press("m")
    arrive()
    view.wait_for_function(
        "async (url) => Boolean((await import(url)).mountMatrixView)",
        arg=view.evaluate("document.querySelector('script[src*=main]').src").replace("main.js", "views/matrix-view.js"),
    )
    expect(view.locator("#map-pad")).to_be_visible()
    expect(view.locator(".matrix")).to_have_count(0)


def test_a_pair_that_is_chosen_too_early_is_told_when_its_panel_is_here(view):
    open_pair(view, "app-1", "db-1")
    view.keyboard.press("m")
    expected = verdict(view)
    arrive = held(view, "chosen-panels")
    expect(view.locator("#details")).to_contain_text("Selected pair")
    expect(view.locator("#details [role=status]").last).to_have_text("Loading …")
    arrive()
    expect(view.locator("#verdict")).to_be_visible()
    assert verdict(view) == expected


def test_exports_fill_their_menu_when_they_are_here(view):
    arrive = held(view, "export-menu")
    view.locator("#export-button").click()
    expect(view.locator("#export-menu")).to_have_text("Loading …")
    arrive()
    expect(view.locator("#export-menu").get_by_role("link", name="GraphML")).to_be_visible()


def test_the_live_dialog_opens_when_it_is_here(view):
    arrive = held(view, "live-dialog")
    view.locator("#live-button").click()
    arrive()
    expect(view.locator("#live-dialog")).to_be_visible()


def test_files_that_come_too_early_are_sent(view):
    arrive = held(view, "changing")
    before = start_map(view, *SAMPLE[:1])
    arrive()
    view.wait_for_url(lambda url: map_id(url) not in (None, before))
    wait_for_map(view)


def test_a_view_that_does_not_come_is_missed_in_words_with_the_way_out(view):
    lose(view, "matrix-view")
    wait_for_map(view)
    view.keyboard.press("x")
    expect(view.locator("#lost")).to_contain_text("The matrix could not be loaded from the FlowMap server.")
    view.keyboard.press("t")  # all else works
    expect(view.locator(".pair-table tbody")).to_be_visible()
    view.keyboard.press("x")
    expect(view.locator("#lost")).to_be_visible()
    view.unroute(script("matrix-view"))
    view.get_by_role("button", name="Load this page again").click()
    expect(view.locator(".matrix canvas")).to_be_visible()


@pytest.mark.parametrize(
    ("module", "button", "place", "words"),
    [
        ("export-menu", "#export-button", "#export-menu", "The list of exports"),
        ("live-dialog", "#live-button", "#notices", "The dialog for live captures"),
    ],
)
def test_what_does_not_come_says_so_where_it_was_wanted(view, module, button, place, words):
    lose(view, module)
    wait_for_map(view)
    view.locator(button).click()
    expect(view.locator(place)).to_contain_text(f"{words} could not be loaded from the FlowMap server.")


def test_panels_that_do_not_come_say_so_in_their_place(view):
    open_pair(view, "app-1", "db-1")
    lose(view, "chosen-panels")
    expect(view.locator("#details")).to_contain_text("The details of what is selected could not be loaded")
    view.keyboard.press("Escape")
    expect(view.locator("#totals")).to_be_visible()
