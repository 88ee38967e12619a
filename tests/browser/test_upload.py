"""Captures in, the map out, and everything that a person then does with it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import zipfile

import networkx as nx
import pytest
from playwright.sync_api import expect

from flowmap.capture.tools import find_tshark
from flowmap.settings import Settings
from tests.browser.conftest import both_themes
from tests.browser.driving import (
    CAPTURES,
    SAMPLE,
    choose,
    click_at,
    map_id,
    new_map,
    open_pair,
    start_map,
    tiles,
    verdict,
    wait_for_map,
)


def frames_of(display_filter):
    """Frame numbers that tshark finds with a display filter."""
    command = [find_tshark(Settings()), "-r", CAPTURES / "ports-host-a.pcapng", "-Y", display_filter]
    done = subprocess.run(
        [*command, "-T", "fields", "-e", "frame.number"], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def download(page, entry, folder):
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name=entry).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


@both_themes
def test_from_a_capture_to_a_pair_and_to_networkx(page, tmp_path):
    new_map(page, *SAMPLE)
    expect(page.locator("#headline")).to_contain_text("of VM-to-VM bytes never left their host")
    houses = {house["place"]: house["tiles"] for house in page.evaluate("window.__flowmap.houses()")}
    assert (houses["host-a"], houses["host-b"]) == (7, 5)

    arcs = page.evaluate("window.__flowmap.arcs()")
    inside = next(arc for arc in arcs if arc["lane"] == "stayed" and "app-1" in arc["a"] and "db-1" in arc["b"])
    click_at(page, inside)
    assert verdict(page) == ("Stayed on host", "intra_host_switched")
    expect(page.locator("#evidence li").first).to_contain_text("vnet")
    expect(page.locator(".conversations tbody tr")).to_have_count(3)

    path = download(page, "JSON the whole", tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    graph = nx.node_link_graph(document, edges="edges")
    assert graph.edges[inside["a"], inside["b"]]["verdict"] == "intra_host_switched"
    drawn = set(tiles(page))
    assert drawn <= set(graph.nodes)
    assert {node for node, kind in graph.nodes(data="kind") if kind == "vm"} <= drawn


def test_the_headline_is_what_the_document_says(page, tmp_path):
    new_map(page, *SAMPLE)
    document = json.loads(download(page, "JSON the whole", tmp_path).read_text(encoding="utf-8"))
    kinds = {node["id"]: node["kind"] for node in document["nodes"]}
    between = [edge for edge in document["edges"] if kinds[edge["source"]] == kinds[edge["target"]] == "vm"]
    total = sum(edge["wire_bytes"] for edge in between)
    stayed = round(100 * sum(edge["stayed_bytes"] for edge in between) / total)
    unknown = round(100 * sum(edge["undetermined_bytes"] for edge in between) / total)
    words = page.locator("#headline").inner_text().replace("\u00a0", " ")
    assert words.startswith(f"{stayed} % of VM-to-VM bytes never left their host, ")
    assert words.endswith(f" did, {unknown} % cannot be told")


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ("GraphML", lambda path: len(nx.read_graphml(path))),
        ("GEXF", lambda path: len(nx.read_gexf(path))),
        ("CSV", lambda path: len(list(csv.reader(zipfile.ZipFile(path).read("nodes.csv").decode().splitlines()))) - 1),
    ],
)
def test_other_formats_hold_as_many_nodes(page, tmp_path, entry, read):
    new_map(page, "vepa-host.pcapng")
    document = json.loads(download(page, "JSON the whole", tmp_path).read_text(encoding="utf-8"))
    assert read(download(page, entry, tmp_path)) == len(document["nodes"])


@both_themes
def test_an_inventory_added_afterwards_changes_the_verdict(page):
    new_map(page, "mirror-host-a.pcap")
    open_pair(page, "app-1", "db-1")
    assert verdict(page) == ("Undetermined", "undetermined")
    expect(page.locator(".settle")).to_be_visible()
    own = map_id(page)
    choose(page, "inventory.csv")
    expect(page.locator(".verdict__word")).to_have_text("Stayed on host")
    assert verdict(page)[1] == "intra_host_switched"
    assert map_id(page) == own
    page.get_by_role("button", name="Map", exact=True).click()
    wait_for_map(page)
    assert "host-a" in {house["place"] for house in page.evaluate("window.__flowmap.houses()")}


@both_themes
def test_a_hairpin_turns_in_the_street_and_opens(page):
    new_map(page, "vepa-host.pcapng", "points.yaml", "inventory-vepa.csv")
    (turn,) = page.evaluate("window.__flowmap.turns()")
    assert turn["place"] == "vepa-1"
    click_at(page, turn)
    assert verdict(page) == ("Left the host · hairpin", "hairpin_reflected")


def test_files_dropped_anywhere_are_taken(page):
    data = (CAPTURES / "linux-bridge-tc.pcap").read_bytes()
    transfer = page.evaluate_handle(
        """(bytes) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "dropped.pcap"));
          return transfer;
        }""",
        list(data),
    )
    before = map_id(page)
    page.dispatch_event("#details", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#drop-veil")).to_be_visible()
    page.dispatch_event("#details", "drop", {"dataTransfer": transfer})
    send = page.get_by_role("button", name="Send and analyse")
    if before:
        send.click()
    page.wait_for_url(lambda url: map_id(url) not in (None, before))
    wait_for_map(page)
    expect(page.locator("#source-text")).to_contain_text("dropped.pcap")


def test_a_capture_sent_under_two_names_is_told(page):
    content = (CAPTURES / "mirror-host-b.pcap").read_bytes()
    new_map(page, ("mine.pcap", content), ("mine again.pcap", content))
    expect(page.locator("#notices")).to_contain_text("mine again.pcap holds the same bytes as mine.pcap")


@both_themes
def test_a_damaged_capture_keeps_its_good_part_and_says_so(page):
    whole = (CAPTURES / "mirror-host-b.pcap").read_bytes()
    new_map(page, ("cut.pcap", whole[: len(whole) * 2 // 3]))
    banner = page.locator("#incomplete-banner")
    expect(banner).to_contain_text("Incomplete")
    expect(banner).to_contain_text("cut.pcap")
    assert len(tiles(page)) > 3


@pytest.mark.parametrize(
    ("name", "content"), [("letter.pcap", b"Dear reader, this is no capture.\n" * 9), ("empty.pcapng", b"")]
)
def test_what_is_no_capture_is_told_in_one_sentence(page, name, content):
    page.watch.allow(r"status of 4\d\d")
    start_map(page, (name, content))
    told = page.locator("#failure, .notice p").first
    expect(told).to_contain_text(name)
    assert "Traceback" not in told.inner_text()


def test_an_inventory_that_is_none_leaves_the_map_alone(page):
    page.watch.allow(r"status of 4\d\d")
    new_map(page, "vepa-host.pcapng")
    headline = page.locator("#headline").inner_text()
    choose(page, ("vms.csv", b"\x00\x01\x02 no table\n"))
    expect(page.locator(".notice p")).to_contain_text("vms.csv")
    assert page.locator("#headline").inner_text() == headline


def test_a_points_file_that_cannot_be_read_names_its_line(page):
    new_map(page, "vepa-host.pcapng")
    choose(page, ("flowmap-points.yaml", b"hosts:\n  a: *nowhere\n"))
    expect(page.locator(".notice p")).to_contain_text("flowmap-points.yaml cannot be read: line 2")


def test_the_copied_filter_finds_the_packets_of_the_pair(open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    new_map(page, *SAMPLE)
    open_pair(page, "web-2", "cache-1")  # they speak IPv4 and IPv6
    page.locator("#copy-filter").click()
    expect(page.locator(".notice p")).to_contain_text("Copied")
    display_filter = page.evaluate("navigator.clipboard.readText()")
    by_address, by_mac = (
        frames_of(filter_)
        for filter_ in (display_filter, "eth.addr == 00:50:56:8a:10:12 && eth.addr == 00:50:56:8a:10:13 && !arp")
    )
    assert by_address == by_mac != []


def test_a_sighting_has_its_place_and_a_filter_for_its_frames(open_page):
    """By keyboard: the table is a region that scrolls, each row's button copies what finds its frames."""
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    new_map(page, *SAMPLE)
    open_pair(page, "app-1", "web-1")
    table = page.get_by_role("region", name="Where the packets were seen")
    expect(table.get_by_role("columnheader", name="First")).to_be_visible()
    expect(table.get_by_role("rowheader", name="ports-host-a.pcapng:vmnic0")).to_have_count(4)
    row = table.get_by_role("row", name=re.compile("vmnic0.*00:50:56:8a:10:11 → 00:1b:21:00:00:10")).first
    cells = row.get_by_role("cell").all_inner_texts()
    assert cells[2:4] == ["64", "10"], "left by the uplink with the TTL of its sender, in its VLAN"
    table.focus()
    expect(table).to_be_focused()
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".notice p").last).to_contain_text("Copied")
    numbers = frames_of(page.evaluate("navigator.clipboard.readText()"))
    assert (str(len(numbers)), str(numbers[0])) == (cells[0].split()[0], cells[1])


def test_the_panel_names_the_rows_that_place_a_machine(page):
    new_map(page, *SAMPLE)
    open_pair(page, "app-1", "web-1")
    said = page.locator("#placement")
    expect(said).to_contain_text("On host-a according to the inventory")
    expect(said).to_contain_text("inventory.yaml row 1: web-1, host-a, br-int, pg-web-10, VLAN 10, 00:50:56:8a:10:11")
    expect(said).to_contain_text("during the capture")


def test_maps_can_be_opened_again_and_deleted(page):
    new_map(page, "vepa-host.pcapng")
    first = map_id(page)
    new_map(page, "linux-bridge-tc.pcap")
    second = map_id(page)
    page.locator("#maps-button").click()
    page.get_by_role("button", name="vepa-host.pcapng done").first.click()
    page.wait_for_url(lambda url: map_id(url) == first)
    page.goto(f"/?map={second}")
    wait_for_map(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#maps-button").click()
    page.get_by_role("button", name="Delete linux-bridge-tc.pcap").first.click()
    page.wait_for_url(lambda url: map_id(url) != second)


@both_themes
def test_the_sample_is_there_with_one_click(page):
    # the first map of a server is made from the empty page; other tests may have made some
    page.goto("about:blank")  # a page that looks at a map would ask for what is deleted
    for one in page.request.get("/api/maps").json()["maps"]:
        assert page.request.delete(f"/api/maps/{one['id']}", headers={"X-FlowMap": "1"}).ok
    page.goto("/")
    page.get_by_role("button", name="Try the sample").click()
    wait_for_map(page)
    houses = {house["place"]: house["tiles"] for house in page.evaluate("window.__flowmap.houses()")}
    assert (houses["host-a"], houses["host-b"]) == (7, 5)  # captures/inventory.yaml
    expect(page.locator("#headline")).to_contain_text("of VM-to-VM bytes never left their host")


@both_themes
def test_an_upload_says_how_far_it_is_and_can_be_cancelled(page):
    large = ("large.pcap", bytes(2_000_000))
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
    devices = page.context.new_cdp_session(page)
    devices.send("Network.enable")
    devices.send("Network.emulateNetworkConditions", slow)
    before = map_id(page)
    start_map(page, large)
    work = page.locator("#work-item")
    expect(work).to_contain_text("of 2.00 MB")
    expect(work).to_contain_text(re.compile(r"B/s.*about .* left"))
    work.get_by_role("button", name="Cancel").click()
    expect(work).to_have_count(0)
    assert map_id(page) == before  # the map that was to be made is gone
