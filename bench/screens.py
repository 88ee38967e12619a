"""``python -m bench.screens``: the pictures of the documentation, of the sample captures and of made estates.

The pictures of a growing map need root: the estate's frames are sent over a cable in a network that nobody else uses.
"""

from __future__ import annotations

import argparse
import importlib
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bench.estate import START_NS, Estate, Written, write
from bench.estate_plans import ESTATES, mock
from bench.generator import folder
from bench.palette import reduce_colours
from bench.served import chromium, open_page, served, wait_until_analysed, why_not
from bench.starts import SAMPLE, SAMPLE_FACTS

DOCS = Path(__file__).parent.parent / "docs"
LARGEST_BYTES = 400_000
REPLAY_S, EARLY_SHARE = 20.0, 0.3
_PATIENCE_S = 120
_SETTLED_MS = 1_500
_PACKET_BLOCK = 6


class Screen(NamedTuple):
    """One picture: its name, the address' hash, and what is done before it is taken."""

    name: str
    fragment: str = ""
    scheme: str = "light"
    steps: Callable[[Any], None] = lambda page: None


def _close_up(page: Any) -> None:
    """Zoom to the first houses."""
    house = page.evaluate("window.__flowmap.houses()[1]")
    tile = page.evaluate("(place) => window.__flowmap.tiles().find((tile) => tile.place === place)", house["place"])
    spot = (tile or page.evaluate("window.__flowmap.tiles()[0]"))["middle"]
    page.mouse.move(spot["x"], spot["y"])
    for _ in range(40):
        if page.evaluate("window.__flowmap.scale()") >= 0.8:
            break
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(60)


_HAIRPIN = "sel=pair~vm%3Abld-3~vm%3Anfs-1"
SCREENS: dict[str, list[Screen]] = {
    "sample": [Screen("street-map")],
    "mock": [
        Screen("mock-light", _HAIRPIN),
        Screen("mock-dark", _HAIRPIN, "dark"),
        Screen("mock-matrix", f"v=matrix&{_HAIRPIN}"),
        Screen("mock-table", f"v=table&{_HAIRPIN}"),
    ],
    "hosts60": [Screen("hosts60-far"), Screen("hosts60-close", steps=_close_up), Screen("hosts60-matrix", "v=matrix")],
    "dense": [Screen("dense")],
    "unplaced": [Screen("unplaced")],
}


def main() -> None:
    """Take the pictures."""
    options = argparse.ArgumentParser(prog="python -m bench.screens", description=__doc__)
    options.add_argument("--only", action="append", choices=[*SCREENS, "live"], help="some of them; may be repeated")
    options.add_argument("--into", type=Path, default=DOCS, metavar="FOLDER", help="default: docs")
    chosen = options.parse_args()
    missing = why_not()
    if missing:
        raise SystemExit(missing)
    wanted = chosen.only or [*SCREENS, "live"]
    chosen.into.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name in wanted:
            if name != "live":
                _take(browser, name, chosen.into)
    if "live" in wanted:
        _live(chosen.into)


def _take(browser: Any, name: str, into: Path) -> None:
    captures: Sequence[Path] = SAMPLE
    facts: Sequence[str] = [str(word) for word in SAMPLE_FACTS]
    if name in ESTATES:
        written = write(ESTATES[name](), folder().resolve() / "estates" / name)
        captures, facts = written.captures, written.arguments
    with served(browser, captures, facts) as server:
        page = open_page(browser, server)
        wait_until_analysed(page)
        page.context.close()
        for screen in SCREENS[name]:
            page = open_page(browser, server, color_scheme=screen.scheme)
            page.goto(f"/#{screen.fragment}")
            page.wait_for_selector("html[data-started]", state="attached")
            page.wait_for_timeout(_SETTLED_MS)
            screen.steps(page)
            page.wait_for_timeout(_SETTLED_MS)
            _shoot(page, into / f"{screen.name}.png")
            page.context.close()


def _shoot(page: Any, path: Path) -> None:
    """Write a picture, a large one with 256 colours."""
    page.screenshot(path=path)
    if path.stat().st_size > LARGEST_BYTES:
        reduce_colours(path)
    sys.stdout.write(f"{path} {path.stat().st_size / 1000:.0f} kB\n")
    sys.stdout.flush()


# --- a map that grows


def _growing() -> Estate:
    """The mock with conversations that begin one after the other, host by host."""
    estate = mock(scale=0.01)
    hosts = list(estate.clusters)
    order = sorted(
        estate.talks, key=lambda talk: max(hosts.index(end.host or hosts[-1]) for end in (talk.client, talk.server))
    )
    talks = [
        replace(talk, first_s=estate.span_s * (0.001 + 0.7 * n / len(order)), last_s=estate.span_s * 0.999)
        for n, talk in enumerate(order)
    ]
    return replace(estate, name="growing", talks=talks)


def _live(into: Path) -> None:
    """Two pictures of a live capture while the estate's frames arrive, and how far tiles moved in between."""
    if os.geteuid() != 0:
        sys.stdout.write("live: left out, a network of its own needs root\n")
        return
    cable = importlib.import_module("tests.api.private_network")
    written = write(_growing(), folder().resolve() / "estates" / "growing")
    frames = list(_frames(written))
    early = next(n for n, (at_s, _) in enumerate(frames) if at_s > frames[-1][0] * EARLY_SHARE)
    with cable.private_network(), chromium() as browser, served(browser) as server:
        page = open_page(browser, server)
        _start_live(page, written, cable.FAR)
        _replay(frames[:early], cable.NEAR)
        _wait_for_tiles(page, 3)
        before = _tiles(page)
        _shoot(page, into / "live-early.png")
        _replay(frames[early:], cable.NEAR)
        _wait_for_tiles(page, len(before) + 1)
        after = _tiles(page)
        _shoot(page, into / "live-late.png")
    moved = [name for name, place in before.items() if after.get(name) != place]
    sys.stdout.write(
        f"live: {len(before)} tiles, then {len(after)}; of the first, {len(moved)} are elsewhere {moved[:5]}\n"
    )


def _wait_for_tiles(page: Any, fewest: int) -> None:
    """Until the map has so many tiles and gets no more for a while."""
    until, known = time.monotonic() + _PATIENCE_S, -1
    while time.monotonic() < until:
        page.wait_for_timeout(2 * _SETTLED_MS)
        count = page.evaluate("window.__flowmap?.tiles().length ?? 0")
        if count >= fewest and count == known:
            return
        known = count
    raise TimeoutError(f"the live map has {known} tiles, not {fewest}")


def _start_live(page: Any, written: Written, interface: str) -> None:
    page.goto("/")
    map_id = page.evaluate(
        """async ([inventory, name]) => {
          const headers = { 'X-FlowMap': '1', 'Content-Type': 'application/json' };
          const post = (path, body) => fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
          const { id } = await (await post('/api/maps', { name: 'Live on mirror0' })).json();
          const sent = await fetch(`/api/maps/${id}/inventory/inventory.csv`,
            { method: 'PUT', headers: { ...headers, 'Content-Type': 'application/octet-stream' }, body: inventory });
          const started = await post(`/api/maps/${id}/live`, { interface: name });
          if (!sent.ok || !started.ok) throw new Error(await started.text());
          return id;
        }""",
        [_exported_now(written), interface],
    )
    page.goto(f"/?map={map_id}")


def _exported_now(written: Written) -> str:
    """The inventory as it would be exported while the capture runs."""
    text = written.inventory.read_text(encoding="utf-8") if written.inventory else ""
    return time.strftime("# exported_at: %Y-%m-%dT%H:%M:%SZ\n", time.gmtime()) + text.partition("\n")[2]


def _tiles(page: Any) -> dict[str, tuple[float, float]]:
    return {tile["id"]: (tile["x"], tile["y"]) for tile in page.evaluate("window.__flowmap.tiles()")}


def _frames(written: Written) -> Iterator[tuple[float, bytes]]:
    """(seconds since the start, frame) of what the mirrors saw, in the order of time."""
    found = []
    for path in written.captures:
        data, at = path.read_bytes(), 0
        while at < len(data):
            kind, size = struct.unpack_from("<II", data, at)
            if kind == _PACKET_BLOCK:
                interface, high, low, captured = struct.unpack_from("<4I", data, at + 8)
                if interface == 0:
                    found.append(((high << 32 | low) - START_NS, data[at + 28 : at + 28 + captured]))
            at += size
    return ((time_ns / 1e9, frame) for time_ns, frame in sorted(found))


def _replay(frames: Sequence[tuple[float, bytes]], interface: str) -> None:
    """Send frames over ``REPLAY_S / 2``, each at its share of their span."""
    first_s, began = frames[0][0], time.monotonic()
    span_s = frames[-1][0] - first_s
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as cable:
        cable.bind((interface, 0))
        for at_s, frame in frames:
            ahead = (at_s - first_s) / span_s * REPLAY_S / 2 - (time.monotonic() - began)
            if ahead > 0.005:
                time.sleep(ahead)
            cable.send(frame)


if __name__ == "__main__":
    main()
