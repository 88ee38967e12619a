"""A live capture on a cable of the test's own: the map grows, nothing moves, and it stays when it is stopped."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.api.frames import CLIENT, DATABASE, WEB, talk
from tests.api.private_network import FAR, private_network, send
from tests.browser.conftest import both_themes
from tests.browser.driving import map_id, open_pair, tiles

MACHINES = [(f"00:50:56:00:01:{number:02x}", f"10.0.1.{number}") for number in range(1, 7)]


@pytest.fixture(scope="module")
def surroundings():
    """Server, chromium and sender live in a network where nobody else is."""
    with private_network():
        yield


class Sender:
    """Repeats frames until it is told to stop; more can be added."""

    def __init__(self, frames):
        self.frames = list(frames)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ended.wait(0.3):
            send(self.frames)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def places(page):
    return {key: (tile["x"], tile["y"], tile["w"]) for key, tile in tiles(page).items()}


def start(page, interface, capture_filter=""):
    page.get_by_role("button", name="Live capture").first.click()
    page.get_by_role("radio", name=interface).check()
    page.get_by_label("Capture filter").fill(capture_filter)
    page.get_by_role("button", name="Start", exact=True).click()


@both_themes
def test_a_live_map_grows_and_nothing_moves(page):
    with Sender(talk(WEB, DATABASE, 5432, [100, 200])) as sender:
        start(page, FAR)
        expect(page.locator("#live-chip")).to_contain_text(f"LIVE {FAR}")
        page.wait_for_function("() => window.__flowmap?.tiles().length >= 2")
        before = places(page)
        open_pair(page, "10.0.0.1", "10.0.0.2")
        page.locator("#view-switch [data-view=map]").click()
        page.wait_for_function("() => window.__flowmap?.tiles().length >= 2")
        for number, machine in enumerate([CLIENT, *MACHINES]):
            sender.frames += talk(machine, WEB, 443, [50], source_port=42_000 + number)
        page.wait_for_function("() => window.__flowmap.tiles().length >= 9")
        after = places(page)
        assert {key: after[key] for key in before} == before
        expect(page.locator("#verdict")).to_be_visible()  # the selection survived every update
        page.locator("#live-stop").click()
        expect(page.locator("#live-chip")).to_be_hidden()
    expect(page.locator("#headline")).to_be_visible()
    assert {key: places(page)[key] for key in before} == before
    page.reload()
    page.wait_for_function("() => window.__flowmap?.tiles().length >= 9")


def test_the_table_waits_while_somebody_is_in_it(page):
    with Sender(talk(WEB, DATABASE, 5432, [100])) as sender:
        start(page, FAR)
        page.locator("#view-switch [data-view=table]").click()
        rows = page.locator(".pair-table tbody tr")
        expect(rows).to_have_count(1)
        rows.get_by_role("button").focus()
        # more bytes than the first pair: they belong above it
        sender.frames += talk(CLIENT, WEB, 443, [1_000] * 5) + talk(CLIENT, DATABASE, 443, [1_000] * 5)
        expect(page.get_by_role("button", name="+2 new")).to_be_visible()
        expect(rows).to_have_count(1)
        expect(rows.get_by_role("button")).to_be_focused()
        page.get_by_role("button", name="+2 new").press("Enter")
        expect(rows).to_have_count(3)
        expect(rows.first).to_contain_text(CLIENT[1])
        page.locator("#live-stop").click()
        expect(page.locator("#live-chip")).to_be_hidden()


def test_a_bad_filter_is_told_in_the_dialog(page):
    page.watch.allow(r"status of 422")
    start(page, FAR, "tcp prot 80")
    problem = page.locator("#live-dialog .problem")
    expect(problem).to_contain_text("prot")
    expect(page.locator("#live-start")).to_be_enabled()


def test_a_live_capture_ends_at_the_limit_that_was_typed(page):
    with Sender(talk(WEB, DATABASE, 5432, [100, 200])):
        page.get_by_role("button", name="Live capture").first.click()
        page.get_by_role("radio", name=FAR).check()
        page.get_by_label("packets", exact=True).fill("20")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#live-chip")).to_be_visible()
        expect(page.locator("#live-chip")).to_be_hidden()  # nobody pressed Stop
    expect(page.locator("#headline")).to_be_visible()
    total = page.evaluate(
        "(id) => fetch(`/api/maps/${id}/graph`).then((r) => r.json()).then((d) => d.graph.totals.packets)", map_id(page)
    )
    assert total == 20
