"""The street map: places that are kept, the camera in the address, crowded hosts and folded clusters."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import click_at, tiles, wait_for_map


def change_graph(page, change):
    """From the next load on the page gets a changed document."""

    def answer(route):
        document = route.fetch().json()
        change(document)
        route.fulfill(json=document)

    page.unroute_all()
    page.route(re.compile(r"/api/maps/[^/]+/graph"), answer)


def reload(page):
    page.reload()
    wait_for_map(page)


def camera(page):
    return page.evaluate("[window.__flowmap.middle().x, window.__flowmap.middle().y, window.__flowmap.scale()]")


def places(page):
    return {key: (tile["x"], tile["y"], tile["w"], tile["h"]) for key, tile in tiles(page).items()}


def node_named(document, label):
    return next(node for node in document["nodes"] if node["label"] == label)


def remove(document, label):
    node = node_named(document, label)
    document["nodes"].remove(node)
    document["edges"] = [edge for edge in document["edges"] if node["id"] not in (edge["source"], edge["target"])]


def add_vm(document, label, host):
    document["nodes"].insert(0, {**node_named(document, "web-1"), "id": f"vm:{label}", "label": label, "host": host})


def crowd(document):
    """40 VMs on host-a; the first two talk with each other, and nobody else does."""
    edge = next(edge for edge in document["edges"] if edge["verdict"] == "intra_host_switched")
    for number in range(40):
        add_vm(document, f"crowd-{number:02}", "host-a")
    document["edges"].append({**edge, "source": "vm:crowd-00", "target": "vm:crowd-01"})


def clusters(document):
    document["graph"]["hosts"] = [{"host": host, "cluster": "prod"} for host in ("host-a", "host-b")]


def test_the_camera_is_in_the_address_and_comes_back(view):
    whole = camera(view)
    view.get_by_role("button", name="Zoom in").click()
    view.get_by_role("button", name="Zoom in").click()
    expect(view).to_have_url(re.compile("z="))
    near = camera(view)
    assert near[2] > 1.5 * whole[2]
    reload(view)
    assert camera(view) == pytest.approx(near, abs=1.5)
    view.locator("#view-switch [data-view=table]").click()
    view.locator("#view-switch [data-view=map]").click()
    assert camera(view) == pytest.approx(near, abs=1.5)
    view.get_by_role("button", name="Fit").click()
    expect(view).not_to_have_url(re.compile("z="))
    assert camera(view) == pytest.approx(whole, abs=1.5)


def test_zoom_is_no_step_of_back(view):
    view.locator("[data-lane=left] input").uncheck()
    view.get_by_role("button", name="Zoom in").click()
    expect(view).to_have_url(re.compile("z="))
    view.go_back()
    expect(view.locator("[data-lane=left] input")).to_be_checked()


def test_a_grown_map_keeps_everybody_in_place_after_a_reload(view):
    before = places(view)

    def grow(document):
        add_vm(document, "aaa-first-by-name", "host-a")
        add_vm(document, "elsewhere", "host-0-first-by-name")

    change_graph(view, grow)
    reload(view)
    after = places(view)
    assert {key: after[key] for key in before} == before
    assert {"vm:aaa-first-by-name", "vm:elsewhere"} <= after.keys()


def test_who_is_gone_leaves_a_ghost_until_tidy(view):
    before = places(view)
    change_graph(view, lambda document: remove(document, "web-1"))
    reload(view)
    after = places(view)
    gone = before.keys() - after.keys()
    assert len(gone) == 1
    assert all(after[key] == before[key] for key in after)
    (ghost,) = view.evaluate("window.__flowmap.ghosts()")
    assert (ghost["id"], ghost["x"], ghost["y"]) == (gone.pop(), *before[ghost["id"]][:2])
    view.get_by_role("button", name="Tidy").click()
    assert view.evaluate("window.__flowmap.ghosts()") == []


def test_a_crowd_that_comes_later_moves_nobody_but_suggests_tidy(view):
    before = places(view)
    change_graph(view, crowd)
    reload(view)
    after = places(view)
    assert {key: after[key] for key in before} == before
    assert "vm:crowd-39" in after
    expect(view.locator("#tidy")).to_have_class(re.compile("suggested"))
    view.locator("#tidy").click()
    expect(view.locator("#tidy")).not_to_have_class(re.compile("suggested"))


def test_a_cell_of_a_crowded_host_opens_its_pair(view):
    page = view
    page.watch.allow("status of 404")  # the server does not know the pair
    change_graph(page, crowd)
    reload(page)
    page.locator("#tidy").click()
    (cell,) = [cell for cell in page.evaluate("window.__flowmap.cells()") if cell["a"].startswith("vm:crowd")]
    click_at(page, cell)
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator("#details h2")).to_contain_text("crowd-00")
    click_at(page, tiles(page)["vm:crowd-05"])
    expect(page.locator("#details h2")).to_have_text("crowd-05")


def test_a_cluster_unfolds_and_folds_again(open_page, made):
    page = open_page()
    change_graph(page, clusters)
    page.goto(made)
    wait_for_map(page)
    alone = places(page)
    page.get_by_role("button", name="Cluster", exact=True).click()
    (cluster,) = [house for house in page.evaluate("window.__flowmap.houses()") if house["hosts"]]
    assert cluster["hosts"] == 2
    assert len(tiles(page)) < len(alone)
    click_at(page, cluster)
    expect(page).to_have_url(re.compile("unf=prod"))
    assert tiles(page).keys() == alone.keys()
    reload(page)
    assert tiles(page).keys() == alone.keys()
    page.get_by_role("button", name="Fold prod").click()
    assert [house["hosts"] for house in page.evaluate("window.__flowmap.houses()") if house["hosts"]] == [2]


def test_the_keyboard_unfolds_a_cluster(open_page, made):
    page = open_page()
    change_graph(page, clusters)
    page.goto(f"{made}#by=cluster")
    reload(page)
    pad = page.locator("#map-pad")
    pad.focus()
    for _ in range(20):
        if (pad.get_attribute("aria-activedescendant") or "").endswith("%02prod"):
            break
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("treeitem", name="cluster prod, 2 hosts")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("unf=prod"))


def test_the_tree_stays_small_however_many_there_are(open_page, made):
    page = open_page()

    def many(document):
        for number in range(1500):
            add_vm(document, f"many-{number}", f"host-{number % 50}")

    change_graph(page, many)
    page.goto(made)
    wait_for_map(page)
    assert page.locator("#map-pad [role=treeitem]").count() < 300
    houses = page.evaluate("window.__flowmap.houses().length")
    assert houses >= 50  # the tree says so of all, though it holds some
    expect(page.locator("#map-pad [role=treeitem][aria-level='1']").first).to_have_attribute(
        "aria-setsize", str(houses)
    )
