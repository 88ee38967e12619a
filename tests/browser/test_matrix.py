"""The matrix ordered by host. What is expected follows from how the lab was built."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import click_at, open_pair, verdict, wait_for_map
from tests.lab import TRUTH

VMS = {vm["name"]: vm for vm in TRUTH["scenarios"]["vlan"]["machines"] if vm["in_inventory"]}


@pytest.fixture(scope="module")
def made(made):
    """The matrix of the sample."""
    return f"{made}#v=matrix"


@pytest.fixture(params=["light", "dark"])
def matrix(request, open_page, made):
    page = open_page(made, color_scheme=request.param)
    wait_for_map(page)
    return page


@pytest.fixture
def plain(open_page, made):
    page = open_page(made)
    wait_for_map(page)
    return page


def cells(page):
    """Cells by the names of both lines."""
    return {frozenset((cell["a"], cell["b"])): cell for cell in page.evaluate("window.__flowmapMatrix.cells()")}


def cell(page, one, other):
    return cells(page)[frozenset((one, other))]


def blocks(page):
    return {block["title"]: block for block in page.evaluate("window.__flowmapMatrix.blocks()")}


def lines(page):
    return [line["title"] for line in page.evaluate("window.__flowmapMatrix.lines()")]


def click(page, spot):
    page.mouse.click(spot["x"], spot["y"])


def test_hosts_are_blocks_and_every_pair_has_the_colour_of_what_happened(plain):
    assert list(blocks(plain)) == ["host-a", "host-b", "Host not known yet", "Routers", "Outside"]
    order = [name for name in lines(plain) if name in VMS]
    keys = [(VMS[name]["host"], VMS[name]["vlan"]) for name in order]
    assert len(order) == len(VMS) and keys == sorted(keys)
    judged = 0
    for names, found in cells(plain).items():
        if len(names) < 2 or not names <= VMS.keys() or "log-1" in names:
            continue  # log-1 never sends: its traffic is flooded
        one, other = (VMS[name] for name in names)
        same_host, same_vlan = one["host"] == other["host"], one["vlan"] == other["vlan"]
        assert found["lane"] == ("left" if not same_host else "stayed" if same_vlan else "hairpin"), names
        judged += 1
    assert judged > 20


def test_a_cell_opens_its_pair_from_both_triangles(matrix):
    click_at(matrix, cell(matrix, "app-1", "db-1"))
    expect(matrix.locator("#details h2")).to_contain_text("app-1")
    assert verdict(matrix)[0] == "Stayed on host"
    click(matrix, cell(matrix, "web-1", "app-1")["mirror"])
    expect(matrix.locator("#details h2")).to_contain_text("web-1")
    assert verdict(matrix) == ("Left the host · hairpin", "hairpin_routed")
    assert len(matrix.evaluate("window.__flowmapMatrix.marks().frames")) == 2
    matrix.keyboard.press("Escape")
    expect(matrix.locator("#verdict")).to_have_count(0)
    assert matrix.evaluate("window.__flowmapMatrix.marks().frames") == []


def test_labels_select_endpoints_and_hosts_and_empty_space_nothing(matrix):
    line = next(line for line in matrix.evaluate("window.__flowmapMatrix.lines()") if line["title"] == "web-2")
    click(matrix, line["label"])
    expect(matrix.locator("#details h2")).to_have_text("web-2")
    click(matrix, blocks(matrix)["host-b"]["label"])
    expect(matrix.locator("#details h2")).to_have_text("host-b")
    expect(matrix.locator("#details h3").first).to_have_text("Selected place")
    pad = matrix.locator("#matrix-pad").bounding_box()
    matrix.mouse.click(pad["x"] + 4, pad["y"] + 4)
    expect(matrix.locator("#details h2")).to_have_count(0)


def test_pointing_says_pair_verdict_and_bytes_and_crosses_its_row_and_column(matrix):
    spot = cell(matrix, "app-1", "db-1")
    matrix.mouse.move(spot["middle"]["x"], spot["middle"]["y"])
    expect(matrix.locator(".street__tip")).to_have_text(re.compile(r"app-1.+db-1Stayed on host · [\d.]+ kB"))
    expect(matrix.locator(".matrix__band")).to_have_count(2)
    box = matrix.locator(".matrix__spot--mirror").bounding_box()
    mirror = spot["mirror"]
    assert box["x"] < mirror["x"] < box["x"] + box["width"] and box["y"] < mirror["y"] < box["y"] + box["height"]


def active(page):
    """What a screen reader is on: its words, and its column with the two labels of a row counted."""
    cell = page.locator(f"#{page.locator('#matrix-pad').get_attribute('aria-activedescendant')}")
    return cell.inner_text(), int(cell.get_attribute("aria-colindex")) - 3


def test_the_keyboard_goes_from_filled_cell_to_filled_cell_and_tells_it(matrix):
    matrix.get_by_role("grid", name=re.compile("^Matrix by host, ")).focus()
    matrix.keyboard.press("ArrowRight")
    expect(matrix.locator(".street__focus")).to_be_visible()
    order = lines(matrix)
    first = order[0]
    filled = sorted(order.index(name) for pair in cells(matrix) if first in pair for name in pair - {first})
    visited = []
    matrix.keyboard.press("Home")
    for _ in filled:
        visited.append(active(matrix)[1])
        matrix.keyboard.press("ArrowRight")
    assert visited == filled
    matrix.keyboard.press("Home")
    told = active(matrix)[0]
    assert first in told and order[filled[0]] in told
    assert re.search(r", (Stayed on host|Left the host|Left the host · hairpin), [\d.]+ k?B, proven$", told)
    matrix.keyboard.press("Enter")
    expect(matrix.locator("#verdict")).to_be_visible()
    assert order[filled[0]] in matrix.locator("#details h2").inner_text()
    matrix.keyboard.press("ArrowLeft")
    assert active(matrix)[0].startswith(f"{first}, ")
    matrix.keyboard.press("ArrowLeft")
    assert active(matrix)[0].startswith("host-a, 7 endpoints")
    matrix.keyboard.press("f")
    assert first not in lines(matrix)
    assert active(matrix)[0].startswith("host-a, 7 endpoints")
    matrix.keyboard.press("Enter")
    assert lines(matrix) == order
    assert active(matrix)[0].startswith("host-a, 7 endpoints")
    matrix.keyboard.press("Escape")
    expect(matrix.locator("#details h2")).to_have_count(0)


def test_filters_empty_cells_and_move_no_row(plain):
    before = plain.evaluate("window.__flowmapMatrix.lines()")
    assert cell(plain, "web-1", "app-1")["lane"] == "hairpin"
    plain.locator("[data-lane=hairpin] input").uncheck()
    assert frozenset(("web-1", "app-1")) not in cells(plain)
    assert plain.evaluate("window.__flowmapMatrix.lines()") == before


def test_a_selection_of_the_map_is_marked_in_the_matrix(plain):
    plain.locator("#view-switch [data-view=map]").click()
    open_pair(plain, "app-1", "db-1")
    plain.locator("#view-switch [data-view=matrix]").click()
    found = plain.evaluate("window.__flowmapMatrix.lines()")
    one, other = (next(line for line in found if line["title"] == name) for name in ("app-1", "db-1"))
    frames = plain.evaluate("window.__flowmapMatrix.marks().frames")
    corners = {(one["start"], other["start"]), (other["start"], one["start"])}
    assert {(frame["x"], frame["y"]) for frame in frames} == corners


def test_folding_keeps_the_bytes_and_unfolding_comes_back(matrix):
    total = sum(found["split"]["total"] for found in cells(matrix).values())
    order = lines(matrix)
    matrix.get_by_role("button", name="Fold all").click()
    assert lines(matrix) == ["host-a", "host-b", "Host not known yet", "Routers", "Outside"]
    assert sum(found["split"]["total"] for found in cells(matrix).values()) == total
    expect(matrix.locator("#matrix-folds")).to_contain_text("2 hosts folded: click a host to unfold; 14 endpoints")
    click_at(matrix, cell(matrix, "host-a", "host-b"))
    expect(matrix.locator("#details h2")).to_have_text("host-a – host-b")
    click(matrix, blocks(matrix)["host-a"]["label"])
    expect(matrix.locator("#details h2")).to_have_text("host-a")
    assert "web-1" in lines(matrix) and "web-3" not in lines(matrix)
    click(matrix, blocks(matrix)["host-a"]["mark"])
    assert "web-1" not in lines(matrix)
    matrix.get_by_role("button", name="Unfold all").click()
    assert lines(matrix) == order


@pytest.mark.parametrize("size", [(1280, 720), (1600, 1000)])
def test_the_whole_matrix_is_in_sight(open_page, made, size):
    page = open_page(made, viewport={"width": size[0], "height": size[1]})
    wait_for_map(page)
    stage = page.locator("#stage").bounding_box()
    foot = page.locator(".street__foot").bounding_box()
    for found in cells(page).values():
        for spot in (found["middle"], found["mirror"]):
            assert stage["x"] < spot["x"] < stage["x"] + stage["width"] and stage["y"] < spot["y"] < foot["y"]


def test_zooming_with_wheel_and_keys_comes_back_with_nought(plain):
    before = plain.evaluate("window.__flowmapMatrix.scale()")
    spot = cell(plain, "app-1", "db-1")["middle"]
    plain.mouse.move(spot["x"], spot["y"])
    plain.mouse.wheel(0, -400)
    plain.wait_for_function("(before) => window.__flowmapMatrix.scale() > before * 1.2", arg=before)
    plain.locator("#matrix-pad").focus()
    plain.keyboard.press("0")
    assert plain.evaluate("window.__flowmapMatrix.scale()") == pytest.approx(before)


def test_folds_and_zoom_are_in_the_address_and_come_back(plain):
    click(plain, blocks(plain)["host-b"]["mark"])
    plain.get_by_role("button", name="Zoom in").click()
    expect(plain).to_have_url(re.compile("mf=host-b.*mz="))
    before = [plain.evaluate("window.__flowmapMatrix.scale()"), lines(plain), cell(plain, "app-1", "db-1")["middle"]]
    assert "web-3" not in before[1] and "web-1" in before[1]
    plain.reload()
    wait_for_map(plain)
    after = [plain.evaluate("window.__flowmapMatrix.scale()"), lines(plain), cell(plain, "app-1", "db-1")["middle"]]
    assert after[0] == pytest.approx(before[0], abs=0.002) and after[1] == before[1]
    assert [after[2][side] for side in "xy"] == pytest.approx([before[2][side] for side in "xy"], abs=2)
    plain.get_by_role("button", name="Fit").click()
    expect(plain).not_to_have_url(re.compile("mz="))
