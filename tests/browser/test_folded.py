"""A server with small limits: what does not stand on the map by itself is said on the page, with its number."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.api.frames import pcap, talk, wire_bytes
from tests.browser.driving import new_map


def machine(number):
    return f"00:50:56:00:00:{number:02x}", f"10.0.0.{number}"


@pytest.fixture(scope="module")
def surroundings():
    """Four endpoints fit on a map."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWMAP_MAX_NODES", "4")
        yield


def test_the_page_says_how_many_endpoints_it_folded_and_their_bytes(page):
    sizes = [[1_000], [900], [800], [70], [60]]
    frames = [frame for (number, one) in enumerate(sizes, 2) for frame in talk(machine(number), machine(1), 443, one)]
    new_map(page, ("many.pcap", pcap(frames)))
    folded = sum(wire_bytes(0) + wire_bytes(size) for size in (70, 60))
    expect(page.locator("#warnings")).to_contain_text("2 endpoints with the fewest bytes are folded into")
    page.locator("#view-switch [data-view=table]").click()
    row = page.locator(".pair-table tbody tr").filter(has_text="others")
    expect(row).to_contain_text(f"{folded} B")
