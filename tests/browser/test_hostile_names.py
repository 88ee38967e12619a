"""Names come from packets and files, so attackers write them: they show as text, and nothing else happens."""

from __future__ import annotations

import csv
import io
import struct

from playwright.sync_api import expect

from tests.api.frames import DATABASE, WEB, pcap, two_talks
from tests.browser.driving import new_map, wait_for_map

MARKUP = '<img src=x onerror="document.title=1">'
SCRIPT = "host</script><script>document.title=1</script>"
BACKWARDS = "\u202egnp.exe"
LONG = "n" * 300
DHCP_OPTIONS = bytes.fromhex("63825363")


def dhcp_with_name(machine, name):
    """A DHCP request that carries a host name."""
    mac = bytes.fromhex(machine[0].replace(":", ""))
    bootp = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, 7, 0, 0, 0, 0, 0, 0) + mac.ljust(16, b"\0") + bytes(192)
    requested = bytes(int(part) for part in machine[1].split("."))
    options = b"\x35\x01\x03" + b"\x32\x04" + requested + bytes([12, len(name)]) + name + b"\xff"
    payload = bootp + DHCP_OPTIONS + options
    udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 9, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    return b"\xff" * 6 + mac + b"\x08\x00" + ip + udp


def inventory(*rows):
    text = io.StringIO()
    csv.writer(text).writerows([("vm", "mac", "ip", "host"), *rows])
    return text.getvalue().encode()


def test_names_of_machines_and_hosts_are_text(page):
    rows = inventory((MARKUP, WEB[0], WEB[1], SCRIPT), (BACKWARDS + LONG, DATABASE[0], DATABASE[1], SCRIPT))
    new_map(page, (f"{MARKUP.replace('/', '')}.pcap", pcap(two_talks())), ("vms.csv", rows))
    title = page.title()
    page.get_by_role("button", name="Table").click()
    page.locator(".pair-table tbody tr", has_text="gnp.exe").get_by_role("button").click()
    expect(page.locator("#details h2")).to_contain_text(MARKUP)
    expect(page.locator("#details h2")).to_contain_text("gnp.exe")
    assert "\u202e" not in page.locator("body").inner_text()
    expect(page.locator("#details")).to_contain_text(SCRIPT)
    expect(page.locator("#source-text")).to_contain_text(MARKUP)
    page.get_by_role("button", name="Map", exact=True).click()
    wait_for_map(page)
    assert [house["place"] for house in page.evaluate("window.__flowmap.houses()")][0] == SCRIPT
    assert page.locator("#stage img, #details img, #summary script").count() == 0
    assert page.title() == title
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_in_packets_are_text(page):
    frames = [dhcp_with_name(WEB, MARKUP.encode()), dhcp_with_name(DATABASE, b"bell\x07\x1b[31m")]
    new_map(page, ("names.pcap", pcap(frames + two_talks())))
    page.get_by_label("Search VM, IP, MAC or port").fill(WEB[1])
    page.keyboard.press("Enter")
    expect(page.locator("#details .names").first).to_contain_text(MARKUP)
    assert page.locator("#details img").count() == 0
