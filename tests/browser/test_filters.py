"""Filters that answer a question with one click, Undo, and the address that carries them; in both themes."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import both_themes
from tests.browser.driving import tiles, wait_for_map

pytestmark = both_themes


def pairs(page):
    """Labels of the pairs that the table shows."""
    page.get_by_role("button", name="Table").click()
    names = [
        re.fullmatch("Open (.*) and (.*)", name)
        for name in page.locator(".pair-table tbody button").evaluate_all(
            "all => all.map((button) => button.getAttribute('aria-label'))"
        )
        if name
    ]
    page.get_by_role("button", name="Map", exact=True).click()
    return {frozenset(name.groups()) for name in names}


def ends(shown):
    return {end for pair in shown for end in pair}


def test_a_host_is_hidden_with_its_pairs_and_nothing_moves(view):
    before, everything = tiles(view), pairs(view)
    view.get_by_role("checkbox", name=re.compile("^host-b")).uncheck()
    expect(view.locator("#clear-filters")).to_be_visible()
    without = pairs(view)
    on_host_b = {"web-3", "app-2", "db-2", "mq-1", "infra-1"}  # captures/inventory.yaml
    assert without == {pair for pair in everything if not pair & on_host_b}
    assert tiles(view) == before


def test_a_grade_is_hidden(view):
    view.get_by_role("checkbox", name=re.compile("^proven")).uncheck()
    view.get_by_role("button", name="Table").click()
    expect(view.locator(".pair-table tbody")).not_to_contain_text("proven")
    expect(view.locator(".pair-table tbody")).to_contain_text("likely")


def test_hidden_and_isolated_endpoints_come_back_from_their_chips(view, open_page, made):
    everything = pairs(view)
    noisy = open_page(f"{made}#no=vm:web-1")
    wait_for_map(noisy)
    assert pairs(noisy) == {pair for pair in everything if "web-1" not in pair}
    noisy.get_by_role("button", name="Show all again: without web-1").click()
    assert pairs(noisy) == everything
    alone = open_page(f"{made}#only=vm:app-1~vm:db-1")
    wait_for_map(alone)
    assert pairs(alone) == {frozenset(("app-1", "db-1"))}
    alone.get_by_role("button", name="Show all again: only app-1 and db-1").click()
    assert pairs(alone) == everything


def test_undo_goes_back_step_by_step(view):
    everything = pairs(view)
    undo = view.get_by_role("button", name="Undo filter")
    expect(undo).to_be_disabled()
    view.locator("[data-lane=left] input").uncheck()
    first = pairs(view)
    view.get_by_label("Search VM, IP, MAC or port").press_sequentially("app-1")
    expect(view).to_have_url(re.compile("q=app-1"))
    assert ends(pairs(view)) < ends(first)
    undo.click()
    assert pairs(view) == first
    undo.click()
    assert pairs(view) == everything
    expect(undo).to_be_disabled()


def test_the_link_to_a_view_is_copied(view):
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.locator("[data-lane=mixed] input").uncheck()
    view.get_by_role("button", name="Copy link").click()
    expect(view.locator(".notice")).to_contain_text("copied")
    assert view.evaluate("navigator.clipboard.readText()") == view.url
    assert "hide=mixed" in view.url
