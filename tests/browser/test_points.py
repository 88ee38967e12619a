"""What a person corrects of the capture points on the page, and what that changes."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import both_themes
from tests.browser.driving import new_map, open_pair, verdict

FILES = ("ports-host-a.pcapng", "inventory.yaml")


def percent_stayed(page):
    words = page.locator("#headline").inner_text().replace("\u00a0", " ")
    return int(re.match(r"(\d+) % of VM-to-VM bytes never left", words).group(1))


def open_point(page, chip):
    page.get_by_role("button", name=re.compile(f"^{chip}")).click()
    return page.locator("#details")


def part_about(panel, point):
    """The section about one point."""
    return panel.get_by_role("region", name=point, exact=True)


@both_themes
def test_a_role_corrected_on_the_page_changes_the_headline(page):
    """Called a mirror, the uplink no longer shows that anything left by it."""
    new_map(page, *FILES)
    panel = open_point(page, "host-a uplink")
    about = part_about(panel, "ports-host-a.pcapng:vmnic0")
    expect(about).to_contain_text("inferred from the interface name and LLDP of tor-1 port Eth1/1")
    expect(about).to_contain_text("tor-1 port Eth1/1, frame 1")
    expect(about).to_contain_text("inferred from the file's name")
    before = page.locator("#headline").inner_text()

    about.get_by_label("Role", exact=True).select_option("mirror")
    about.get_by_role("button", name=re.compile("judge again$")).click()
    expect(page.locator("#headline")).not_to_have_text(before)
    about = part_about(page.locator("#details"), "ports-host-a.pcapng:vmnic0")
    expect(about.get_by_label("Role", exact=True)).to_have_value("mirror")

    about.get_by_label("Role", exact=True).select_option(label="leave it to FlowMap")
    about.get_by_role("button", name=re.compile("judge again$")).click()
    expect(page.locator("#headline")).to_have_text(before)


def state_by_keyboard(page, about, role):
    """Choose a role and type the host, then go on to the button and press it."""
    about.get_by_label("Role", exact=True).select_option(role)
    about.get_by_label("Host", exact=True).focus()
    page.keyboard.type("host-a")
    page.keyboard.press("Tab")
    expect(about.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")


def test_hosts_and_uplinks_are_stated_with_the_keyboard_until_a_pair_is_proven(page):
    """app-1 and db-1 are behind vnet3 and vnet4 of one host (truth.json)."""
    new_map(page, "ports-host-a.pcapng")
    open_pair(page, "app-1", "db-1")
    assert verdict(page)[0] == "Undetermined"
    assert percent_stayed(page) == 0
    ports = part_about(open_point(page, "vNIC.*host unknown"), "All 7 points")
    state_by_keyboard(page, ports, "vnic")
    expect(page.get_by_role("button", name=re.compile("^host-a vNIC"))).to_be_visible()
    uplink = part_about(open_point(page, "uplink.*host unknown"), "ports-host-a.pcapng:vmnic0")
    state_by_keyboard(page, uplink, "uplink")
    expect(page.get_by_role("button", name=re.compile("^host-a uplink"))).to_be_visible()
    host = part_about(page.locator("#details"), "Uplinks of host-a")
    host.get_by_label("Interfaces", exact=True).fill("vmnic0")
    host.get_by_label("All", exact=True).check()
    host.get_by_role("button", name=re.compile("uplinks of host-a")).click()
    expect(part_about(page.locator("#details"), "Uplinks of host-a")).to_contain_text("stated complete")
    assert percent_stayed(page) > 0
    open_pair(page, "app-1", "db-1")
    assert verdict(page) == ("Stayed on host", "intra_host_switched")
    expect(page.locator("#verdict")).to_contain_text("proven")
