"""The timeline: a brushed range in headline, table, map and address; keys, moves of VMs, both themes."""

from __future__ import annotations

import re
import struct

import pytest
from playwright.sync_api import expect

from tests.api.frames import CLIENT, DATABASE, START_S, WEB, pcap, talk, wire_bytes
from tests.browser.driving import map_id, new_map, open_pair, tiles, wait_for_map

SECONDS = 20
KILOBYTE = 1_000 - wire_bytes(0)
"""Payload of a frame that counts as a thousand bytes."""

TALKS = (
    "talks.pcap",
    pcap([*talk(WEB, DATABASE, 5432, [KILOBYTE] * 9), *talk(CLIENT, WEB, 80, [KILOBYTE] * 9, source_port=41_000)]),
)
"""A frame a second from 22:13:20 on: web opens to db and sends nine times 1.00 kB, then client does so to web."""

INVENTORY = (
    "vms.csv",
    b"vm,mac,ip,host\nweb,00:50:56:00:00:01,10.0.0.1,h1\ndb,00:50:56:00:00:02,10.0.0.2,h1\n"
    b"client,00:50:56:00:00:03,10.0.0.3,h2\n",
)
POINTS = ("points.yaml", b"points:\n  - { file: talks.pcap, host: h1, role: mirror, covers: all }\n")
MIGRATION = (
    "migration-ports-esx-41.pcapng", "migration-ports-esx-42.pcapng", "points.yaml", "inventory-migration.csv",
)  # fmt: skip
WHOLE = "18.1 kB VM-to-VM of 18.1 kB in all"  # 18 x 1,000 and two SYN of 54
FIVE_TO_FIFTEEN = "9.05 kB VM-to-VM of 9.05 kB in all"  # 5 of web's, the client's SYN and 4 of its


def address_of(browser, server, *files):
    context = browser.new_context(base_url=server.url, storage_state=server.storage_state, timezone_id="UTC")
    page = context.new_page()
    page.goto("/")
    page.wait_for_selector("html[data-started]", state="attached")
    new_map(page, *files)
    address = f"/?map={map_id(page)}"
    context.close()
    return address


@pytest.fixture(scope="module")
def talks(browser, server):
    """Address of the map of TALKS, made once."""
    return address_of(browser, server, TALKS, INVENTORY, POINTS)


@pytest.fixture
def view(open_page, talks):
    page = open_page(talks)
    wait_for_map(page)
    return page


def handle(page, end):
    return page.get_by_role("slider", name=f"{end} of the time range")


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def spots(page):
    """x of each border between seconds, and a y within the plot, while no range is chosen."""
    (left, y), (right, _) = middle(handle(page, "Start")), middle(handle(page, "End"))
    return [left + (right - left) * second / SECONDS for second in range(SECONDS + 1)], y


def drag(page, start, end, y):
    page.mouse.move(start, y)
    page.mouse.down()
    page.mouse.move((start + end) / 2, y, steps=3)
    page.mouse.move(end, y)
    page.mouse.up()


def brush(page, first, end):
    x, y = spots(page)
    drag(page, x[first] + 3, x[end] - 3, y)


def places(page):
    return {key: [tile[side] for side in ("x", "y", "w", "h")] for key, tile in tiles(page).items()}


def expect_whole(page):
    expect(page.locator(".summary__facts")).to_contain_text(WHOLE)
    expect(page.locator("#headline")).not_to_contain_text("In 22:13")
    assert "t=" not in page.url


def expect_range(page, span, facts):
    expect(page.locator("#headline")).to_contain_text(f"In {span}, ")
    expect(page.locator(".summary__facts")).to_contain_text(facts)
    expect(page.locator(".timeline__span")).to_have_text(span)


def test_a_brush_goes_through_the_whole_page_and_moves_nothing(view):
    expect_whole(view)
    before = places(view)
    brush(view, 5, 15)
    expect_range(view, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)
    expect(view).to_have_url(re.compile(r"#t=5000~15000$"))
    assert places(view) == before
    expect(view.locator("#totals dt").first).to_have_text("Packets, whole capture")
    expect(view.locator("#totals dt").last).to_have_text("Bytes, counted once")
    view.locator("#view-switch [data-view=table]").click()
    rows = view.locator(".pair-table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="db")).to_contain_text("5.00 kB")
    expect(rows.filter(has_text="client")).to_contain_text("4.05 kB")
    view.reload()
    expect_range(view, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)
    expect(rows).to_have_count(2)
    view.locator("#view-switch [data-view=map]").click()
    wait_for_map(view)
    assert places(view) == before
    view.get_by_role("button", name="Whole capture").click()
    expect_whole(view)
    assert places(view) == before


def test_back_brings_the_whole_capture_back(view):
    brush(view, 0, 4)
    expect_range(view, "22:13:20 – 22:13:24", "3.05 kB VM-to-VM of 3.05 kB in all")
    view.go_back()
    expect_whole(view)
    expect(view.locator(".timeline__span")).to_be_hidden()


def test_the_frame_is_moved_stretched_and_clicked_away(view):
    x, y = spots(view)
    drag(view, x[5] + 3, x[15] - 3, y)
    expect_range(view, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)
    drag(view, x[10], x[13], y)  # web's last and the nine of the client's but two
    expect_range(view, "22:13:28 – 22:13:38", "9.05 kB")
    drag(view, x[18], x[11], y)  # its right edge
    expect_range(view, "22:13:28 – 22:13:31", "2.05 kB VM-to-VM")
    view.mouse.click(x[2], y)
    expect_whole(view)


def test_keys_alone_do_it_all(view):
    start, end = handle(view, "Start"), handle(view, "End")
    start.focus()
    for _ in range(5):
        view.keyboard.press("ArrowRight")
    expect(start).to_have_attribute("aria-valuetext", "22:13:25 UTC")
    end.focus()
    view.keyboard.press("PageDown")
    expect_range(view, "22:13:25 – 22:13:30", "5.00 kB VM-to-VM")
    view.keyboard.press("Shift+ArrowRight")
    expect_range(view, "22:13:26 – 22:13:31", "4.05 kB VM-to-VM")
    view.locator("h1").click()
    view.keyboard.press("[")  # half of five seconds is three
    expect_range(view, "22:13:23 – 22:13:28", "5.00 kB VM-to-VM")
    view.keyboard.press("]")
    expect_range(view, "22:13:26 – 22:13:31", "4.05 kB VM-to-VM")
    search = view.get_by_label("Search VM, IP, MAC or port")
    search.press_sequentially("[")
    expect(search).to_have_value("[")
    expect_range(view, "22:13:26 – 22:13:31", "4.05 kB VM-to-VM")
    expect(view).to_have_url(re.compile("&q=%5B$"))
    view.evaluate("localStorage.setItem('flowmap.single-keys', 'off')")
    before = view.url
    view.locator("h1").click()
    view.keyboard.press("[")
    assert view.url == before  # keys of one sign are switched off
    end.focus()
    view.keyboard.press("Escape")
    expect(view.locator(".summary__facts")).to_contain_text(WHOLE)
    expect(view.locator("#announcer")).to_have_text("Whole capture")


def test_an_update_takes_no_step_of_a_key_that_is_held(view):
    handle(view, "Start").focus()
    for _ in range(3):
        view.keyboard.down("ArrowRight")  # the second and third are repeats
    view.set_viewport_size({"width": 1500, "height": 1000})  # draws anew, as a newer result does
    view.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    view.keyboard.up("ArrowRight")
    expect_range(view, "22:13:23 – 22:13:40", "16.1 kB VM-to-VM")  # without web's SYN and two of its thousands


def test_a_newer_range_wins_over_a_slower_older_one(view):
    held = []
    view.route(re.compile("from_ms=0&"), lambda route: held.append(route))
    brush(view, 0, 4)
    expect(view).to_have_url(re.compile("t=0~4000"))
    view.keyboard.press("]")
    expect_range(view, "22:13:22 – 22:13:26", "4.00 kB VM-to-VM")
    assert len(held) == 1
    view.get_by_role("button", name="Whole capture").click()
    expect_whole(view)


def test_a_range_stays_the_same_time_when_an_earlier_capture_comes_in(open_page, browser, server):
    page = open_page(address_of(browser, server, TALKS, INVENTORY, POINTS))
    wait_for_map(page)
    brush(page, 5, 15)
    expect_range(page, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)
    early = pcap(talk(CLIENT, DATABASE, 22, [KILOBYTE])).replace(
        struct.pack("<I", START_S), struct.pack("<I", START_S - 10)
    )  # its first frame: the second is a second after START_S
    base, headers = f"/api/maps/{map_id(page)}", {"X-FlowMap": "1"}
    assert page.request.put(f"{base}/captures/early.pcap", data=early, headers=headers).ok
    assert page.request.post(f"{base}/analysis", headers=headers).ok
    expect(page).to_have_url(re.compile("t=15000~25000"))
    expect_range(page, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)
    expect(page.locator("#timeline-spoken")).to_contain_text("30 bars of 1 s, 22:13:10 – 22:13:40")


def test_an_address_outside_of_the_capture_shows_the_whole_and_says_so(open_page, talks):
    page = open_page(f"{talks}#t=900000~950000")
    expect(page.locator("#notices")).to_contain_text("lies outside of this capture")
    expect_whole(page)


def test_an_address_between_buckets_becomes_the_whole_buckets(open_page, talks):
    page = open_page(f"{talks}#t=5400~14600")
    expect_range(page, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)


def test_legend_and_selection_are_seen_in_the_bars(view):
    lanes = view.locator("#timeline-whole path")
    shown = lanes.evaluate_all("paths => paths.map((path) => path.dataset.lane)")
    assert shown
    view.locator(f"[data-lane={shown[0]}] input").first.uncheck()
    expect(view.locator(f"#timeline-whole path[data-lane={shown[0]}]")).to_have_count(0)
    view.locator("#clear-filters").click()
    expect(lanes).to_have_count(len(shown))
    open_pair(view, "client", "web")
    expect(view.locator("#timeline-own-name")).to_have_text(re.compile("^Bold: client → web$"))
    bars = view.locator("#timeline-own path").evaluate_all(
        "paths => paths.map((path) => path.getAttribute('d')).join('').match(/M/g).length"
    )
    assert bars == 10  # it was silent in the first ten seconds
    view.locator("#view-switch [data-view=map]").click()
    brush(view, 0, 8)
    expect(view.locator("#silent")).to_contain_text("no traffic in 22:13:20 – 22:13:28")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_have_the_colours_of_the_theme(open_page, talks, scheme):
    page = open_page(f"{talks}#t=5000~15000", color_scheme=scheme)
    expect_range(page, "22:13:25 – 22:13:35", FIVE_TO_FIFTEEN)
    seen = page.evaluate(
        """() => {
          const colour = (element, name) => getComputedStyle(element)[name];
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.color = "var(--sel)";
          const [frame, panel] = [".timeline__frame", ".timeline"].map((name) => document.querySelector(name));
          const [line, ground] = [colour(frame, "borderTopColor"), colour(panel, "backgroundColor")];
          return { line, ground, sel: colour(probe, "color") };
        }"""
    )
    assert seen["line"] == seen["sel"] != seen["ground"]
    assert seen["ground"] == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 30, 39)")


def test_moves_of_vms_are_marked_told_and_lead_to_the_vm(open_page, browser, server):
    page = open_page(address_of(browser, server, *MIGRATION))
    wait_for_map(page)
    first = page.get_by_role("button", name=re.compile("ord-1 moved esx-41 → esx-42"))
    expect(page.get_by_role("button", name=re.compile("bill-1 moved esx-42 → esx-41"))).to_be_visible()
    expect(page.locator("#timeline-spoken")).to_contain_text("ord-1 moved esx-41 → esx-42")
    first.click()
    expect(page.locator("#details h2")).to_contain_text("ord-1")
