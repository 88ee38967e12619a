"""The panels on the right: facts of a pair, its conversations by page, what can be done with it, and corrections."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml
from playwright.sync_api import expect

from flowmap.capture.tools import find_tshark
from flowmap.settings import Settings
from tests.api.frames import DATABASE, WEB, pcap, talk
from tests.browser.driving import CAPTURES, SAMPLE, new_map, open_pair, tiles, verdict, wait_for_map

THIN = "\u2009"
TWO_HOSTS = ("ports-host-a.pcapng", "mirror-host-c.pcap", "points.yaml", "inventory.yaml")
TRUTH = json.loads((CAPTURES / "truth.json").read_text())


def wire_bytes_at(interface, display_filter):
    """14 and the IP length of each frame that tshark finds at one interface of host-a."""
    command = [find_tshark(Settings()), "-r", CAPTURES / "ports-host-a.pcapng", "-T", "fields", "-e", "ip.len"]
    wanted = f'frame.interface_name == "{interface}" && {display_filter}'
    done = subprocess.run([*command, "-Y", wanted], capture_output=True, text=True, check=True, timeout=60)
    return [14 + int(line) for line in done.stdout.split()]


def in_kilobytes(size):
    """Three significant digits, as people write them."""
    kilo = size / 1000
    return f"{kilo:.0f} kB" if kilo >= 100 else f"{kilo:.1f} kB" if kilo >= 10 else f"{kilo:.2f} kB"


def facts(page, selector):
    terms = page.locator(f"{selector} dt").all_inner_texts()
    return dict(zip(terms, page.locator(f"{selector} dd").all_inner_texts(), strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hairpin_says_what_truly_happened_and_what_crossed_the_uplink(open_page, made, scheme):
    """mon-1 and web-1 are in two VLANs of host-a, and the lab's router is outside (truth.json)."""
    (true,) = [
        pair for pair in TRUTH["pairs"] if {pair["a"], pair["b"]} == {"mon-1", "web-1"} and pair["scenario"] == "vlan"
    ]
    page = open_page(made, color_scheme=scheme)
    wait_for_map(page)
    open_pair(page, "mon-1", "web-1")
    assert verdict(page) == ("Left the host · hairpin", true["verdict"])
    expect(page.locator("#verdict")).to_contain_text("proven")
    expect(page.locator("#details")).to_contain_text(f"both on {true['a_host']}")
    expect(page.locator("#details h3", has_text="Evidence")).to_have_text(re.compile(r"\d+ for, \d+ against"))
    expect(page.locator("#evidence")).to_contain_text("ports-host-a.pcapng vmnic0")

    ends = f"ip.addr == {true['a_ip']} && ip.addr == {true['b_ip']}"
    at_port, at_uplink = wire_bytes_at("vnet0", ends), wire_bytes_at("vmnic0", ends)
    expect(page.locator("#traffic")).to_contain_text("out + back")
    found = facts(page, "#traffic")
    assert found["Packets"] == str(len(at_port))
    assert found["On the uplink of host-a, out + back"] == in_kilobytes(sum(at_uplink))
    assert len(at_uplink) == 2 * len(at_port)
    rows = page.locator("#conversations tbody tr")
    expect(rows).to_have_count(len(true["conversations"]))
    ports = {str(talk["port"]) for talk in true["conversations"]}
    assert {re.search(r"(\d+)/tcp|tcp (\d+)", text)[0].strip("/tcp ") for text in rows.all_inner_texts()} == ports


def many_talks(count):
    """One pair with many TCP conversations, each a byte larger than the one before and a second later."""
    return [
        frame
        for number in range(count)
        for frame in talk(WEB, DATABASE, 5432, [100 + number], source_port=20_000 + number)
    ]


def test_conversations_come_a_hundred_at_a_time(page):
    new_map(page, ("many.pcap", pcap(many_talks(230))))
    open_pair(page, WEB[1], DATABASE[1])
    rows = page.locator("#conversations tbody tr")
    title = page.locator("#conversations-title")
    expect(title).to_have_text("Conversations (100 of 230)", ignore_case=True)
    expect(rows.locator("td:nth-child(2)").first).to_have_text("20229")  # the largest first
    more = page.get_by_role("button", name="Show more of 230")
    more.click()
    expect(title).to_have_text("Conversations (200 of 230)", ignore_case=True)
    more.click()
    expect(title).to_have_text("Conversations (230 of 230)", ignore_case=True)
    expect(more).to_be_hidden()
    ports = [int(text) for text in rows.locator("td:nth-child(2)").all_inner_texts()]
    assert ports == [20_000 + number for number in reversed(range(230))]
    assert facts(page, "#traffic")["Rate, average / peak"].count("bit/s") == 2


def test_hiding_and_isolating_a_vm_are_undone_by_back(view):
    open_pair(view, "app-1", "db-1")
    view.locator("#view-switch [data-view=table]").click()
    every = view.locator(".pair-table tbody tr").count()
    view.get_by_role("button", name="Isolate these two VMs").click()
    expect(view.locator(".pair-table tbody tr")).to_have_count(1)
    expect(view.get_by_role("button", name="Show all again", exact=True)).to_have_attribute("aria-pressed", "true")
    view.go_back()
    expect(view.locator(".pair-table tbody tr")).to_have_count(every)

    view.locator("#details h2").get_by_role("button", name="db-1").click()
    view.get_by_role("button", name="Hide this VM").click()
    expect(view.locator(".pair-table tbody")).not_to_contain_text("db-1")
    expect(view.get_by_role("button", name="Show this VM again")).to_be_focused()
    view.go_back()
    expect(view.locator(".pair-table tbody tr")).to_have_count(every)


def test_a_host_says_what_stayed_what_is_known_of_its_uplinks_and_where_its_traffic_goes(view):
    open_pair(view, "app-1", "db-1")
    view.locator("#details h2").get_by_role("button", name="app-1").click()
    view.locator("#node-facts").get_by_role("button", name="host-a").click()
    panel = view.locator("#details")
    expect(panel).to_contain_text("1 uplink: vmnic0; stated complete")
    expect(panel.locator("#host-points li")).to_have_count(2)
    expect(panel.locator("#shares")).to_contain_text("hairpin")
    expect(panel.locator("#endpoints li")).to_have_count(7)
    panel.locator("#departures").get_by_role("button", name="host-b").click()
    expect(panel.locator("h2")).to_have_text("host-a – host-b")
    expect(panel.locator("#trunk-ways dt")).to_have_text(["host-a → host-b", "host-b → host-a"])
    view.go_back()
    view.get_by_role("button", name="Hide this host").click()
    expect(view).to_have_url(re.compile("host=host-a"))
    view.get_by_role("button", name="Show this host again").click()
    expect(view).not_to_have_url(re.compile("[#&]host="))


def test_the_filter_for_wireshark_is_copied_or_shown_selected(open_page, made):
    page = open_page(made, permissions=["clipboard-read", "clipboard-write"])
    wait_for_map(page)
    open_pair(page, "app-1", "db-1")
    page.get_by_role("button", name="Copy as Wireshark filter").click()
    expect(page.locator("#notices")).to_contain_text("Copied the filter")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert len(wire_bytes_at("vnet3", f"({copied})")) > 0
    page.get_by_role("button", name="Copy link to this pair").click()
    expect(page.locator("#notices")).to_contain_text("Copied the link")
    assert page.evaluate("navigator.clipboard.readText()") == page.url

    page.evaluate(
        "void (navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError')))"
    )
    page.get_by_role("button", name="Copy as Wireshark filter").click()
    field = page.get_by_role("textbox", name="The filter")
    expect(field).to_be_focused()
    assert page.evaluate("document.activeElement.value.slice(0, document.activeElement.selectionEnd)") == copied


def test_why_packets_cannot_be_downloaded_is_said_below_the_button(view):
    reason = "The capture is no longer kept: 7 days have passed."
    answer = {"packets": None, "bytes": None, "complete": False, "reason": reason}
    view.route(re.compile(r"/packets\?.*size=1"), lambda route: route.fulfill(json=answer))
    open_pair(view, "app-1", "db-1")
    button = view.locator("#download-packets")
    expect(view.locator("#packets-note")).to_have_text(reason)
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description(reason)


def test_packets_that_are_there_are_offered_with_their_size(view):
    answer = {"packets": 1_500, "bytes": 2_400_000, "complete": True, "reason": None}
    view.route(re.compile(r"/packets\?.*size=1"), lambda route: route.fulfill(json=answer))
    open_pair(view, "app-1", "db-1")
    link = view.get_by_role("link", name=re.compile("^Download these packets"))
    expect(link).to_have_text(f"Download these packets (pcap) · 1{THIN}500 packets, about 2.40 MB")
    assert re.search(r"/api/maps/\w+/packets\?pair=", link.get_attribute("href"))


def state_host(page, label, host):
    """Open an endpoint by search, state its host and wait until the map is judged again."""
    page.get_by_label("Search VM, IP, MAC or port").fill(label)
    page.keyboard.press("Enter")
    expect(page.locator("#details h2")).to_have_text(label)
    page.locator("#node-host").fill(host)
    page.get_by_label("Search VM, IP, MAC or port").fill("")  # the panel is made again and keeps what was typed
    page.locator("#node-save").click()
    expect(page.locator("#node-facts")).to_contain_text("placed by hand on the page")
    expect(page.locator("#details h2")).to_have_text(label)  # the selection is still there
    wait_for_map(page)


def show_map(page, condition):
    """The street, once its places are as they should be."""
    page.locator("#view-switch [data-view=map]").click()
    places = "new Set((window.__flowmap?.houses() ?? []).map((house) => house.place))"
    page.wait_for_function(f"() => {places}.{condition}")


def test_what_is_placed_by_hand_moves_to_its_host_is_likely_at_most_and_comes_back(page):
    """dev-1 and dev-2 are on host-c (truth.json), of which the inventory knows nothing; its mirror alone shows them."""
    new_map(page, *TWO_HOSTS)
    before = tiles(page)
    houses = {house["place"]: house["box"] for house in page.evaluate("window.__flowmap.houses()")}
    devs = {key for key, tile in before.items() if "10.10.0.3" in key}
    assert len(devs) == 2
    open_pair(page, "dev-1", "dev-2")
    assert verdict(page)[0] == "Undetermined"
    show_map(page, 'has("host-c") === false')
    page.get_by_role("button", name="where is dev-1?").click()
    for label in ("dev-1", "dev-2"):
        state_host(page, label, "host-c")
    show_map(page, 'has("host-c")')
    placed = {house["place"]: house for house in page.evaluate("window.__flowmap.houses()")}
    assert placed["host-c"]["tiles"] == 2
    assert placed["host-a"]["box"] == houses["host-a"]
    after = tiles(page)
    others = before.keys() - devs
    assert all(after[key][side] == before[key][side] for key in others for side in ("x", "y", "w", "h"))

    open_pair(page, "dev-1", "dev-2")
    assert verdict(page) == ("Stayed on host", "intra_host_switched")
    expect(page.locator("#verdict")).to_contain_text("likely")
    expect(page.locator("#evidence")).to_contain_text("dev-1 is on host-c (by hand, on the page).")
    expect(page.locator("#placement")).to_contain_text("On host-c, placed by hand on the page.")

    for label in ("dev-1", "dev-2"):
        page.get_by_label("Search VM, IP, MAC or port").fill(label)
        page.keyboard.press("Enter")
        page.get_by_label("Search VM, IP, MAC or port").fill("")
        page.get_by_role("button", name="Remove my correction").click()
        expect(page.locator("#node-facts")).to_contain_text("Nobody says where it is.")
    open_pair(page, "dev-1", "dev-2")
    assert verdict(page)[0] == "Undetermined"
    show_map(page, 'has("host-c")')  # its house keeps the ghosts of both
    page.get_by_role("button", name="Tidy").click()
    show_map(page, 'has("host-c") === false')
    assert tiles(page).keys() == before.keys()


def test_a_placement_that_packets_contradict_is_told_and_changes_no_verdict(page):
    new_map(page, *TWO_HOSTS)
    page.get_by_label("Search VM, IP, MAC or port").fill("web-1")
    page.keyboard.press("Enter")
    page.get_by_text("Correct host and kind").click()
    page.locator("#node-host").fill("host-b")
    page.locator("#node-save").click()
    expect(page.locator("#node-facts")).to_contain_text("a person places web-1 on host-b, its port ports-host-a.pcapng")
    page.get_by_label("Search VM, IP, MAC or port").fill("")
    open_pair(page, "web-1", "cache-1")
    assert verdict(page) == ("Stayed on host", "intra_host_switched")
    expect(page.locator("#verdict")).to_contain_text("proven")


def test_the_packets_of_a_pair_are_downloaded(view, tmp_path):
    open_pair(view, "app-1", "db-1")
    with view.expect_download() as waiting:
        view.get_by_role("link", name=re.compile("^Download these packets")).click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    rows = yaml.safe_load((CAPTURES / "inventory.yaml").read_text())["vms"]
    address = {row["vm"]: row["ip"][0] for row in rows if row.get("ip")}
    both = f"ip.addr == {address['app-1']} && ip.addr == {address['db-1']}"

    def frames(file):
        command = [
            find_tshark(Settings()),
            "-r",
            file,
            "-T",
            "fields",
            "-e",
            "frame.time_epoch",
            "-e",
            "ip.id",
            "-Y",
            both,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()

    truly = [row for name in SAMPLE[:3] for row in frames(CAPTURES / name)]
    assert len(truly) > 100
    assert sorted(frames(path)) == sorted(truly)
