"""Pictures of what is shown: an SVG that any reader of XML takes, and bitmaps of the size that they say."""

from __future__ import annotations

import re
import struct

import pytest
from defusedxml import ElementTree

from tests.api.frames import DATABASE, WEB, pcap, two_talks
from tests.browser.driving import new_map, wait_for_map
from tests.browser.test_hostile_names import BACKWARDS, LONG, MARKUP, SCRIPT, inventory

SVG = "{http://www.w3.org/2000/svg}"


def picture(page, entry, folder):
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.locator("#export-menu button", has_text=entry).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def parsed(path):
    return ElementTree.parse(path, forbid_dtd=True).getroot()


def words(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def colour_of(page, token):
    """The theme's colour as an SVG has it."""
    rgb = page.evaluate(
        """(token) => {
          const probe = document.body.appendChild(document.createElement("span"));
          probe.style.color = `var(--${token})`;
          const { color } = getComputedStyle(probe);
          probe.remove();
          return color.match(/\\d+/g).slice(0, 3).map(Number);
        }""",
        token,
    )
    return "#" + "".join(f"{part:02x}" for part in rgb)


def arcs_in(root, colour):
    """Solid lines in the colour of what stayed, apart from the mark in the legend."""
    lines = [path for path in root.iter(f"{SVG}path") if path.get("stroke") == colour]
    return [line for line in lines if not line.get("stroke-dasharray") and line.get("stroke-opacity")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_svg_has_every_tile_and_arc_in_the_colours_of_the_theme(open_page, made, tmp_path, scheme):
    page = open_page(made, color_scheme=scheme)
    wait_for_map(page)
    root = parsed(picture(page, "SVG", tmp_path))
    stayed = [arc for arc in page.evaluate("window.__flowmap.arcs()") if arc["lane"] == "stayed"]
    assert len(arcs_in(root, colour_of(page, "stay"))) == len(stayed) > 0
    assert {"web-1", "app-1", "db-1", "cache-1", "host-a", "host-b"} <= set(words(root))
    assert page.locator("#headline").inner_text() in words(root)
    background = next(root.iter(f"{SVG}g")).find(f"{SVG}rect")
    assert background.get("fill") == colour_of(page, "bg")


def test_the_svg_shows_as_a_picture_in_a_browser(view, tmp_path):
    path = picture(view, "SVG", tmp_path)
    root = parsed(path)
    size = view.evaluate(
        """async (text) => {
          const image = new Image();
          image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
          await image.decode();
          return [image.naturalWidth, image.naturalHeight];
        }""",
        path.read_text("utf-8"),
    )
    assert size == [int(root.get("width")), int(root.get("height"))]
    assert [float(part) for part in root.get("viewBox").split()][2:] == size


def test_the_footer_says_what_is_hidden_and_the_picture_leaves_it_out(view, tmp_path):
    view.locator("[data-lane=stayed] input").uncheck()
    root = parsed(picture(view, "SVG", tmp_path))
    assert arcs_in(root, colour_of(view, "stay")) == []
    assert any(line.startswith("Hidden: Stayed on host") for line in words(root))
    assert any(re.search(r"drawn by FlowMap on 20\d\d-\d\d-\d\d", line) for line in words(root))


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_bitmap_has_the_size_that_the_menu_says(view, tmp_path, scale):
    vector = parsed(picture(view, "SVG", tmp_path))
    bitmap = picture(view, f"PNG {scale}x", tmp_path).read_bytes()
    assert bitmap[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack("!II", bitmap[16:24]) == (int(vector.get("width")) * scale, int(vector.get("height")) * scale)
    view.get_by_role("button", name="Export").click()
    said = view.locator("#export-menu button", has_text=f"PNG {scale}x").inner_text()
    assert [int(re.sub(r"\D", "", part)) for part in said.splitlines()[-1].split("×")] == list(
        struct.unpack("!II", bitmap[16:24])
    )


def test_from_the_table_the_street_map_is_saved(view, tmp_path):
    view.locator("#view-switch [data-view=table]").click()
    assert {"web-1", "app-1", "PHYSICAL NET"} <= set(words(parsed(picture(view, "SVG", tmp_path))))


def test_names_of_strangers_are_text_in_a_picture(page, tmp_path):
    rows = inventory((MARKUP, WEB[0], WEB[1], SCRIPT), (BACKWARDS + LONG, DATABASE[0], DATABASE[1], SCRIPT))
    new_map(page, (f"{MARKUP.replace('/', '')}.pcap", pcap(two_talks())), ("vms.csv", rows))
    path = picture(page, "SVG", tmp_path)
    assert re.fullmatch(r"[\w.-]+", path.name)
    root = parsed(path)
    known = {"svg", "title", "desc", "defs", "clipPath", "filter", "feDropShadow", "pattern", "circle", "g", "rect"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= known | {"path", "text", "tspan"}
    assert not [name for element in root.iter() for name in element.keys() if "href" in name or name.startswith("on")]
    assert MARKUP in root.find(f"{SVG}title").text
    assert "\u202e" not in path.read_text("utf-8")
