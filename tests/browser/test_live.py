"""A live capture on a cable of the test's own: the map grows, nothing moves, and it stays when it is stopped."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.api.frames import CLIENT, DATABASE, WEB, talk
from tests.api.private_network import FAR, NEAR, ip, private_network, send
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

    def __init__(self, frames, interface=NEAR):
        self.frames, self.interface = list(frames), interface
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.ended.wait(0.3):
            send(self.frames, self.interface)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def places(page):
    return {key: (tile["x"], tile["y"], tile["w"]) for key, tile in tiles(page).items()}


def choose(page, *interfaces):
    """Open the dialog and choose these interfaces alone."""
    page.get_by_role("button", name="Live capture").first.click()
    expect(page.locator("#live-start")).to_be_visible()
    for box in page.locator("#live-dialog input[name=interface]").all():
        box.set_checked(box.get_attribute("value") in interfaces)


def start(page, interface):
    """Start a capture and wait for its map, which takes the place of the one that was open."""
    before = page.url
    choose(page, interface)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page).not_to_have_url(before)
    expect(page.locator("#live-chip")).to_contain_text(f"LIVE {interface}")


@both_themes
def test_a_live_map_grows_and_nothing_moves(page):
    with Sender(talk(WEB, DATABASE, 5432, [100, 200])) as sender:
        start(page, FAR)
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


def test_presses_and_the_keyboard_outlast_the_updates(page):
    with Sender(talk(WEB, DATABASE, 5432, [100, 200]) + talk(CLIENT, WEB, 443, [300])):
        start(page, FAR)
        page.wait_for_function("() => window.__flowmap?.tiles().length >= 3")

        def updates():
            for _ in range(3):
                page.evaluate("window.drawnBefore = window.__flowmap.drawing")
                page.wait_for_function("() => window.__flowmap.drawing !== window.drawnBefore", timeout=15_000)

        def press(control):
            box = control.bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down()
            updates()
            page.mouse.up()

        press(page.locator("[data-lane=left] input"))
        expect(page.locator("[data-lane=left] input")).not_to_be_checked()
        press(page.locator(".health__point").first)
        expect(page.locator("#details h3").first).to_have_text("Capture point")
        page.get_by_role("button", name="Clear the selection").click()
        button = page.locator("#details .pair-list__item").first
        key = button.get_attribute("data-key")
        button.focus()
        updates()
        expect(button).to_be_focused()
        assert page.evaluate("document.activeElement.dataset.key") == key
        press(button)
        expect(page.locator("#verdict")).to_be_visible()
        expect(page.locator("#conversations")).to_be_visible()
        page.locator("#live-stop").click()
        expect(page.locator("#live-chip")).to_be_hidden()


def test_a_bad_filter_is_told_in_the_dialog(page):
    page.watch.allow(r"status of 422")
    choose(page, FAR)
    page.get_by_label("Capture filter").fill("tcp prot 80")
    page.get_by_role("button", name="Start", exact=True).click()
    problem = page.locator("#live-dialog .problem[role=alert]")
    expect(problem).to_contain_text("prot")
    expect(page.locator("#live-start")).to_be_enabled()


def test_several_interfaces_with_their_roles(page):
    choose(page, NEAR, FAR)
    page.get_by_label(f"Role of {NEAR}").select_option("vNIC")
    page.get_by_label(f"Role of {FAR}").select_option("uplink")
    for name in (NEAR, FAR):
        page.get_by_label(f"Host of {name}").fill("esx-01")
    page.get_by_label("packets", exact=True).fill("12")
    with Sender(talk(WEB, DATABASE, 5432, [100, 200])):
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#live-chip")).to_contain_text(f"LIVE {FAR}, {NEAR}")  # in the kernel's order
        expect(page.locator("#live-chip")).to_contain_text("left")
        expect(page.locator("#live-chip")).to_be_hidden()
    for chip in ("esx-01 vNIC", "esx-01 uplink"):
        expect(page.locator(f".health__point[title^='{chip}']")).to_have_attribute("title", re.compile("0 dropped"))
    expect(page.locator("#loss-banner")).to_have_count(0)
    open_pair(page, "10.0.0.1", "10.0.0.2")
    with page.expect_download() as download:
        page.locator("#download-packets").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


def test_no_capture_starts_beyond_the_limit_until_one_is_stopped(page, open_page):
    """The dialog shows what runs, also what another page started, and how to end it."""
    start(page, FAR)
    other = open_page()
    start(other, FAR)
    page.get_by_role("button", name="Live capture").first.click()
    running = page.locator("#live-dialog .running")
    expect(running).to_contain_text("Running now: 2 of at most 2")
    expect(running.get_by_role("listitem")).to_have_count(2)
    expect(page.locator("#live-start")).to_be_disabled()
    running.get_by_role("button", name="Stop").first.click()
    expect(running.get_by_role("listitem")).to_have_count(1)
    expect(page.locator("#live-start")).to_be_enabled()
    running.get_by_role("button", name="Stop").first.click()
    expect(running).to_be_hidden()


def test_dropped_packets_are_said_on_the_map(page):
    """The server's answer is changed on its way: no test can make a kernel drop a known number."""
    dropped = {"dropped_packets": 7, "dropped_by_interface": {FAR: 7}, "behind_bytes": 80_000_000}

    def with_drops(route):
        answer = route.fetch()
        status = answer.json()
        status["live"] |= dropped
        route.fulfill(response=answer, json=status)

    with Sender(talk(WEB, DATABASE, 5432, [100, 200])):
        start(page, FAR)
        page.wait_for_function("() => window.__flowmap?.tiles().length >= 2")
        page.locator("#live-stop").click()
        expect(page.locator("#live-chip")).to_be_hidden()
    expect(page.locator("#loss-banner")).to_have_count(0)
    page.route("**/api/maps/*", with_drops)
    page.route("**/api/maps/*/events*", lambda route: route.abort())
    page.watch.allow("ERR_FAILED")
    page.reload()
    expect(page.locator("#loss-banner")).to_contain_text("7 packets were dropped while capturing")
    expect(page.locator("#loss-banner")).to_contain_text("what this map does not show may have happened")


def test_what_keeps_this_machine_from_capturing_is_told_with_the_way_out(page):
    def forbidden(route):
        answer = route.fetch()
        told = answer.json() | {"problem": "dumpcap may not capture here: <b>setcap</b> it."}
        route.fulfill(response=answer, json=told)

    page.route("**/api/interfaces", forbidden)
    page.get_by_role("button", name="Live capture").first.click()
    expect(page.locator("#live-dialog .problem").first).to_have_text("dumpcap may not capture here: <b>setcap</b> it.")
    expect(page.locator("#live-start")).to_be_disabled()


def test_a_live_capture_ends_at_the_limit_that_was_typed(page):
    with Sender(talk(WEB, DATABASE, 5432, [100, 200])):
        choose(page, FAR)
        page.get_by_label("packets", exact=True).fill("20")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#live-chip")).to_be_visible()
        expect(page.locator("#live-chip")).to_be_hidden()  # nobody pressed Stop
    expect(page.locator("#headline")).to_be_visible()
    said = "Live capture: stopped after 20 packets, the limit set for this capture."
    expect(page.locator("#live-sentence")).to_have_text(said)
    expect(page.locator("#announcer")).to_contain_text(f": done. {said}")
    expect(page.locator(".banner")).to_have_count(0)  # somebody wanted that limit: it is no warning
    total = page.evaluate(
        "(id) => fetch(`/api/maps/${id}/graph`).then((r) => r.json()).then((d) => d.graph.totals.packets)", map_id(page)
    )
    assert total == 20
    page.reload()
    expect(page.locator("#live-sentence")).to_have_text(said)


@both_themes
def test_an_interface_that_goes_away_is_told_as_the_reason_and_as_a_warning(page):
    ip("link", "add", "fmapi-gone", "type", "veth", "peer", "name", "fmapi-left")
    for name in ("fmapi-gone", "fmapi-left"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", name, "up")
    with Sender(talk(WEB, DATABASE, 5432, [100, 200]), "fmapi-gone") as sender:
        start(page, "fmapi-left")
        expect(page.locator("#live-sentence")).to_contain_text("how many packets are dropped is known at its end only")
        sender.ended.set()
        sender.thread.join(30)
        ip("link", "delete", "fmapi-left")
        expect(page.locator("#live-chip")).to_be_hidden()
    expect(page.locator("#live-sentence")).to_have_text("Live capture: the interface fmapi-left went away or down.")
    expect(page.locator("#incomplete-banner")).to_contain_text("The interface fmapi-left went away")
    expect(page.locator("#announcer")).to_contain_text(": partial. Live capture: the interface fmapi-left went away")


def test_what_is_known_of_losses_before_the_end_is_said_while_it_captures(page):
    """The server's answer is changed on its way: no test can make an interface miss a known number."""
    known = {"missed_by_interface": {FAR: 1_200}, "held_up_s": 3.2}

    def with_losses(route):
        answer = route.fetch()
        status = answer.json()
        status["live"] |= known
        route.fulfill(response=answer, json=status)

    with Sender(talk(WEB, DATABASE, 5432, [100, 200])):
        start(page, FAR)
        expect(page.locator("#live-sentence")).to_contain_text("known at its end only")
        expect(page.locator("#loss-banner")).to_have_count(0)
        page.route("**/api/maps/*", with_losses)
        page.route("**/api/maps/*/events*", lambda route: route.abort())
        page.watch.allow("ERR_FAILED")
        page.reload()
        expect(page.locator("#loss-banner")).to_contain_text(f"{FAR} has missed 1 200 frames since the start")
        expect(page.locator("#loss-banner")).to_contain_text("how much is told at the end")
        page.unroute_all()
        page.reload()
        page.locator("#live-stop").click()
        expect(page.locator("#live-sentence")).to_have_text("Live capture: stopped by hand.")
