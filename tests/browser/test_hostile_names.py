"""Names come from packets and files, so attackers write them: they show as text, and nothing else happens."""

from __future__ import annotations

import csv
import io
import struct

from playwright.sync_api import expect

from tests.api.frames import CLIENT, DATABASE, WEB, dns_answer, pcap, talk, two_talks
from tests.browser.conftest import both_themes
from tests.browser.driving import new_map, tiles, wait_for_map
from tests.capture import corpus_frames
from tests.capture import frames as f
from tests.capture.corpus import PCAPNG_CASES
from tests.capture.corpus_frames import FRAME_CASES
from tests.capture.files import SECOND, enhanced, named, pcapng

MARKUP = '<img src=x onerror="document.title=1">'
SCRIPT = "host</script><script>document.title=1</script>"
BACKWARDS = "\u202egnp.exe"
LONG = "n" * 300
HEAP = "z" + "\u0301" * 250
EMOJI = "\U0001f469\u200d\U0001f4bb" * 40
LINES = "first\nsecond\r\nthird\ttab"
RIGHT_TO_LEFT = "\u0645\u0631\u062d\u0628\u0627" * 20
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


SNI = '"><img src=x onerror=alert(1)>'
FROM_THE_CORPUS = [
    "ng markup in names", "ng control characters", "ng markup in resolved names", "markup in DNS", "markup in TLS",
]  # fmt: skip


def test_captures_with_markup_in_every_place_run_nothing_and_show_both_machines(page):
    """Names of interfaces, comments, name records, DNS and TLS: a dialog, a CSP report or a lost machine fails."""
    dialogs = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
    corpus = {case.name: case.data for case in (*PCAPNG_CASES, *FRAME_CASES)}
    files = [(f"{number}.cap", corpus[name]) for number, name in enumerate(FROM_THE_CORPUS)]
    # In the corpus the name in DNS is that of an address that says nothing; here it is a machine's own.
    answer = f.eth(f.ip4(f.udp(corpus_frames.dns_answer(f.address(f.IP_A), MARKUP.encode()), 53, 4000)))
    new_map(page, *files, ("dns.cap", pcap([answer])))
    assert set(tiles(page)) == {f"ip:default/{f.IP_A}", f"ip:default/{f.IP_B}"}
    for address, name in ((f.IP_A, MARKUP), (f.IP_B, SNI)):
        page.get_by_label("Search VM, IP, MAC or port").fill(address)
        page.keyboard.press("Enter")
        expect(page.locator("#details .names").first).to_contain_text(name)
    page.locator(".health__point").click()  # all points are of one kind: one panel has them all
    expect(page.locator("#details")).to_contain_text("0.cap:<img src=x onerror=alert(1)>")
    assert troubles(page, "capture points") == []
    assert dialogs == [] and page.locator("body img, main script, aside script").count() == 0


WIDER_THAN_ITS_COLUMN = """
() => [...document.querySelectorAll(":is(.header, #filters, #summary, #stage, #details, .notices, .menu, #report) *")]
  .filter((one) => one instanceof HTMLElement && one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 3
    && getComputedStyle(one).overflowX === "visible" && getComputedStyle(one).display !== "inline"
    && !one.closest(".visually-hidden, .pair-table__scroll, .report__table"))
  .map((one) => `${one.className} ${one.scrollWidth} > ${one.clientWidth} ${one.textContent.slice(0, 40)}`)
"""
NOTHING_RUNS = "document.querySelectorAll('body img, body iframe, main script, aside script').length"
DECEIVING = "\u202e", "\u200d", "\x1b", "\x07", "\r"


def troubles(page, where):
    """What the page shows that is not plain text, hides something or is wider than its place."""
    text = page.locator("body").inner_text()
    found = [f"shows {sign!r}" for sign in DECEIVING if sign in text]
    found += page.evaluate(WIDER_THAN_ITS_COLUMN)
    if page.evaluate(NOTHING_RUNS) or page.evaluate("'pwned' in window"):
        found.append("a name became markup")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page scrolls sideways")
    for panel in page.locator("#filters, #details, .header").all():
        if panel.evaluate("(one) => one.scrollWidth > one.clientWidth + 1"):
            found.append(f"{panel.get_attribute('class')} scrolls sideways")
    return [f"{where}: {trouble}" for trouble in found]


@both_themes
def test_hostile_names_break_no_view(open_page):
    page = open_page(viewport={"width": 1280, "height": 720})
    run = '<img src=x onerror="window.pwned=1">'
    machines = [(f"00:50:56:00:02:{number:02x}", f"10.0.2.{number}") for number in range(1, 8)]
    names = [run, BACKWARDS, LONG, HEAP, EMOJI, LINES, RIGHT_TO_LEFT]
    rows = [
        (name, mac, ip, run if index % 2 else HEAP + LONG)
        for index, (name, (mac, ip)) in enumerate(zip(names, machines, strict=True))
    ]
    frames = [
        dhcp_with_name(WEB, b"bell\x07\x1b[31m" + run.encode()),
        dns_answer("n" * 63 + "." + "m" * 63, WEB[1], source=DATABASE, destination=CLIENT),
        *two_talks(),
    ]
    for one, other in zip(machines, machines[1:], strict=False):
        frames += talk(one, other, 443, [100])
    blocks = [
        named(f"{run}{LONG}".encode()),
        *(enhanced(data, ticks=(SECOND + number) * 10**6) for number, data in enumerate(frames)),
    ]
    new_map(page, (f"{run.replace('/', '')}{LONG[:150]}.pcapng", pcapng(*blocks)), ("vms.csv", inventory(*rows)))
    found = troubles(page, "map")
    for stop in ("Home", *["ArrowRight"] * 9):
        page.locator("#map-pad").press(stop)
        page.keyboard.press("Enter")
        expect(page.locator("#details h2")).to_be_visible()
        found += troubles(page, f"panel of {page.locator('#details h2').inner_text()[:40]}")
    tile = page.evaluate("window.__flowmap.tiles()")[0]["middle"]
    page.mouse.move(tile["x"], tile["y"])
    expect(page.get_by_role("tooltip")).to_be_visible()
    found += troubles(page, "tooltip")
    page.locator("#map-pad").press("ArrowRight")
    page.keyboard.press("e")
    expect(page.locator("#sightings")).to_be_visible()
    found += troubles(page, "pair")
    page.locator(".health__point").first.click()
    found += troubles(page, "capture point")
    page.locator("#maps-button").click()
    found += troubles(page, "maps")
    page.keyboard.press("Escape")
    for view in ("matrix", "table"):
        page.locator(f"#view-switch [data-view={view}]").click()
        found += troubles(page, view)
    expect(page.locator(".pair-table")).to_contain_text(run)
    page.set_viewport_size({"width": 400, "height": 800})
    found += troubles(page, "a narrow window")
    page.goto(page.url.split("#")[0].replace("/?", "/report.html?"))
    expect(page.locator("#report")).to_contain_text(run)
    assert found + troubles(page, "report") == []
