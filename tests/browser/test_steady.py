"""Under the hands of somebody nothing goes away: focus, presses, words, what is in sight. No filter makes a share."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import both_themes
from tests.browser.driving import open_pair, wait_for_map

KEY = "document.activeElement.dataset.key ?? document.activeElement.id"
WORKBENCH = """
async () => {
  const { createSteady, keepingPlace } = await import("/js/views/steady.js");
  const { el, fill } = await import("/js/views/element.js");
  const bench = el("div", { id: "bench" });
  bench.style.cssText = "position: fixed; inset: 0; z-index: 99; background: white";
  document.body.append(bench);
  const steady = createSteady(bench);
  window.bench = { clicks: 0, builds: 0 };
  const onclick = () => { window.bench.clicks += 1; };
  const button = (key) => el("button", { type: "button", "data-key": key, onclick }, key);
  const build = () => keepingPlace(bench, () => {
    window.bench.builds += 1;
    const strip = el("div", { "data-scroll": "strip" }, el("p", {}, "x".repeat(5000)));
    strip.style.cssText = "overflow: auto; width: 200px";
    fill(bench, window.bench.without ? [] : button("first"), button("second"), strip,
      el("details", { "data-key": "more" }, el("summary", {}, "more"), "text"),
      el("textarea", { id: "held", "data-hold": true }));
  });
  build();
  window.bench.update = () => steady.render(build);
}
"""


@both_themes
def test_a_filter_makes_no_share_of_a_host(view):
    view.get_by_label("Search VM, IP, MAC or port").fill("web-1")
    view.keyboard.press("Enter")
    view.get_by_label("Search VM, IP, MAC or port").fill("")
    expect(view).not_to_have_url(re.compile("q="))
    view.locator("#node-facts").get_by_role("button", name="host-a").click()
    shares = view.locator("#shares")
    before = shares.inner_text()
    assert "0 B left" not in before
    expect(view.locator("#hidden-note")).to_have_count(0)
    view.locator("[data-lane=left] input").uncheck()
    expect(view.locator("#hidden-note")).to_contain_text("that filters hide")
    expect(shares).to_have_text(before)


def test_what_is_built_anew_waits_for_the_press_and_keeps_the_keyboard(view):
    view.evaluate(WORKBENCH)
    bench = view.locator("#bench")
    bench.locator("summary").focus()  # which the press takes the focus from
    spot = bench.get_by_role("button", name="second").bounding_box()
    view.mouse.move(spot["x"] + 5, spot["y"] + 5)
    view.mouse.down()
    view.evaluate("() => { bench.update(); bench.update(); }")
    assert view.evaluate("bench.builds") == 1
    view.mouse.up()
    view.wait_for_function("() => bench.builds === 2")
    assert view.evaluate("bench.clicks") == 1
    bench.get_by_role("button", name="second").focus()
    view.keyboard.down(" ")
    view.evaluate("bench.update()")
    assert view.evaluate("bench.builds") == 2
    view.keyboard.up(" ")
    view.wait_for_function("() => bench.builds === 3")
    assert view.evaluate("bench.clicks") == 2
    view.evaluate("document.querySelector('#bench [data-scroll]').scrollLeft = 70")
    bench.get_by_text("more").click()
    bench.get_by_role("button", name="first").focus()
    view.evaluate("bench.update()")
    assert view.evaluate(KEY) == "first"
    assert view.evaluate("document.querySelector('#bench [data-scroll]').scrollLeft") == 70
    expect(bench.locator("details")).to_have_attribute("open", "")
    view.evaluate("() => { bench.without = true; bench.update(); }")
    assert view.evaluate(KEY) == "second"  # it stands in the place of the first now
    bench.locator("#held").focus()
    builds = view.evaluate("bench.builds")
    view.evaluate("bench.update()")
    assert view.evaluate("bench.builds") == builds
    bench.get_by_role("button", name="second").focus()
    view.wait_for_function("(builds) => bench.builds === builds + 1", arg=builds)


def test_every_control_that_is_pressed_by_key_keeps_the_focus(view):
    chip = view.locator(".health__point").first
    chip.focus()
    key = view.evaluate(KEY)
    view.keyboard.press("Enter")
    expect(view.locator(".health__point").first).to_have_attribute("aria-pressed", "true")
    assert view.evaluate(KEY) == key
    view.get_by_role("button", name="Show only Left the host", exact=True).focus()
    view.keyboard.press("Enter")
    expect(view.locator("#clear-filters")).to_be_visible()
    assert view.evaluate(KEY) == "only:left"
    view.locator("#clear-filters").focus()
    view.keyboard.press("Enter")
    expect(view.locator("#clear-filters")).to_have_count(0)
    assert view.evaluate("document.querySelector('#filters').contains(document.activeElement)")
    more = view.locator("[data-key='more:services']")
    shown = view.locator("[data-key^='svc:']").count()
    more.focus()
    view.keyboard.press("Enter")
    assert view.locator("[data-key^='svc:']").count() > shown
    assert view.evaluate(KEY).startswith("svc:")
    view.locator("[data-key=groups]").focus()
    view.keyboard.press("Enter")
    assert view.evaluate(KEY) == "groups"
    view.get_by_role("button", name="Copy link").focus()
    view.keyboard.press("Enter")
    view.get_by_role("button", name="Dismiss").focus()
    view.keyboard.press("Enter")
    expect(view.locator(".notice")).to_have_count(0)
    assert view.evaluate("document.activeElement !== document.body")


def test_escape_in_a_field_leaves_the_selection_and_what_is_typed(view):
    view.get_by_label("Search VM, IP, MAC or port").fill("web-1")
    view.keyboard.press("Enter")
    view.locator("details.point summary").click()
    host = view.locator("#node-host")
    host.fill("host-z")
    view.keyboard.press("Escape")
    expect(view.locator("#details h2")).to_have_text("web-1")
    expect(host).to_have_value("host-z")
    view.locator("[data-lane=hairpin] input").uncheck()
    expect(host).to_have_value("host-z")
    view.locator("#stage").focus()
    view.keyboard.press("Escape")
    expect(view.locator("#details h2")).to_have_count(0)


def test_the_camera_follows_the_keyboard(view):
    view.locator("#map-pad").focus()
    for _ in range(6):
        view.keyboard.press("+")
    stage = view.locator("#map-pad").bounding_box()
    for key in ("Home", "ArrowRight", "End", "ArrowLeft", "Home"):
        view.keyboard.press(key)
        view.wait_for_function("() => !document.querySelector('.street__focus').hidden")
        view.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        box = view.locator(".street__focus").bounding_box()
        middle = (box["x"] + min(box["width"], stage["width"]) / 2, box["y"] + min(box["height"], stage["height"]) / 2)
        assert stage["x"] <= middle[0] <= stage["x"] + stage["width"], key
        assert stage["y"] <= middle[1] <= stage["y"] + stage["height"], key


@pytest.mark.parametrize("width", [400, 880])
def test_in_a_narrow_window_only_the_hints_of_keys_go(open_page, made, width):
    page = open_page(made, viewport={"width": width, "height": 800})
    wait_for_map(page)
    expect(page.locator(".street__caption")).to_be_visible()
    expect(page.locator(".street__caption")).to_contain_text("Cards count all traffic")
    expect(page.locator(".street__hints")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_pair_is_named_end_by_end(view):
    first = view.locator(".pair-list__item").first
    expect(first.locator("bdi")).to_have_count(2)
    open_pair(view, "app-1", "db-1")
    expect(view.locator("#timeline-own-name")).to_have_text(re.compile("^Bold: app-1 → db-1$"))
    view.route(re.compile("/timeline[?]"), lambda route: route.abort())
    view.watch.allow("Failed to load resource|does not answer|ERR_FAILED")
    view.locator("#details h2").get_by_role("button", name="db-1").click()
    expect(view.locator("#details h2")).to_have_text("db-1")
    expect(view.locator("#timeline-own path")).to_have_count(0)  # never the bars of another
