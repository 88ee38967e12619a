"""The page beside the one that people write with d3-force: the same documents, the same browser, one after the other.

Frames are what ``requestAnimationFrame`` tells; a time "to the frame" ends when the task behind that frame runs, so
that painting counts. Steps of a drag or wheel are dispatched one a frame.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.estate import Written, write
from bench.estate_plans import hosts60, hosts500
from bench.served import VIEWPORT, Served, chromium, open_page, served, wait_until_analysed, why_not
from bench.table import markdown

HERE = Path(__file__).parent
D3 = HERE.parent / "web" / "vendor" / "d3.min.js"
FRAMES = 60
SETTLES_MS = 120_000
_PROBE = (HERE / "page_probe.js").read_text(encoding="utf-8")
_CHANGES = {"200 changed pairs": (200, 0), "50 new VMs": (0, 50)}

Measured = dict[str, float | str]


class Case(NamedTuple):
    """An estate, and what DESIGN wants of it."""

    title: str
    estate: Callable[[], Any]
    reach: dict[str, str]


CASES = (
    Case("1,000 VMs, 5,000 pairs", hosts60, {"first paint": "500", "pan p95": "70"}),
    Case("10,000 VMs, 50,000 pairs", hosts500, {"layout alone": "100", "pan p95": "150"}),
)


def page_section(into: Path, repeats: int, quick: bool, say: Callable[[str], None]) -> str:
    """The tables of all cases as Markdown; with ``quick`` only the smaller one."""
    missing = why_not()
    if missing:
        return f"### The page\n\nNot measured: {missing}.\n"
    with chromium() as browser:
        tables = [_case(browser, case, into, repeats, say) for case in (CASES[:1] if quick else CASES)]
        return "\n".join([f"### The page, in chromium {browser.version}", "", *tables, _NOTES, ""])


_NOTES = """Milliseconds, medians of the runs; ratio is peer : FlowMap. The peer is `bench/page_peer`: SVG circles and
lines, d3-force to its end, zoom by transforming the group. Reach: what DESIGN wants. "From the document" leaves out the
server and the network. An update is given without network: parsing, model, layout and painting count, and each
parses what it is sent: FlowMap the changed rows, the peer the whole document. On a second visit the browser has the
scripts."""


def _case(browser: Any, case: Case, into: Path, repeats: int, say: Callable[[str], None]) -> str:
    written = write(case.estate(), into / "estates" / case.estate.__name__)
    with served(browser, written.captures, written.arguments) as server:
        page = open_page(browser, server)
        map_id = wait_until_analysed(page)
        document = page.evaluate("async (id) => (await fetch(`/api/maps/${id}/graph`)).text()", map_id)
        page.context.close()
        say(f"  page: {case.title}, analysed, {len(document) / 1e6:.1f} MB")
        ours = []
        for _ in range(repeats):
            ours.append(_measure(browser, server))
            say(f"  page: flowmap, first paint {_cell(ours[-1]['first paint'])} ms")
    with _peer_server(document) as url:
        theirs: list[Measured] = []
        while len(theirs) < repeats and not (theirs and "not settled" in theirs[0]):
            theirs.append(_measure_peer(browser, url))
            say(f"  page: d3-force, settled {_cell(theirs[-1]['settled layout'])} ms")
    return _table(case, written, len(document), _medians(ours), _medians(theirs))


def _measure(browser: Any, server: Served) -> Measured:
    """One run of every view, each in a page of its own."""
    found: Measured = {}
    for view in ("map", "matrix", "table"):
        page = open_page(browser, server)
        page.add_init_script(_PROBE)
        page.goto("/" if view == "map" else f"/#v={view}", wait_until="commit")
        painted = page.evaluate("probe.firstPaint('page')")
        if view == "matrix" and page.evaluate("Boolean(window.__flowmap)"):  # this page shows the map instead
            page.context.close()
            continue
        word = "" if view == "map" else f"{view}: "
        found[f"{word}first paint"] = painted
        found[f"{word}first paint, from the document"] = painted - page.evaluate("probe.arrivedAt()")
        if view == "map":
            page.goto("/", wait_until="commit")  # its modules are here now
            found["first paint, second visit"] = page.evaluate("probe.firstPaint('page')")
            found |= _moves(page, "#map-pad", "")
            found["layout alone"] = statistics.median(page.evaluate("probe.layout(5, 'auto')"))
            found["layout alone, no host folded"] = statistics.median(page.evaluate("probe.layout(5, 'host')"))
            found |= _updates(page)
        elif intervals := page.evaluate("(n) => probe.scroll(n)", FRAMES):
            found |= _percentiles(f"{word}scroll", intervals)
        else:
            found |= _moves(page, "#stage canvas", word)
        page.context.close()
    return found


def _moves(page: Any, pad: str, word: str) -> Measured:
    found = _percentiles(f"{word}pan", page.evaluate("([pad, n]) => probe.pan(pad, n)", [pad, FRAMES]))
    return found | _percentiles(f"{word}zoom", page.evaluate("([pad, n]) => probe.zoom(pad, n)", [pad, FRAMES]))


def _updates(page: Any) -> Measured:
    found: Measured = {}
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    for name, change in _CHANGES.items():
        before = _main_thread_ms(session)
        result = page.evaluate("([changed, added]) => probe.update(changed, added)", change)
        found[f"update, {name}: to the frame"] = result["took"]
        found[f"update, {name}: main thread"] = _main_thread_ms(session) - before
        found[f"update, {name}: old tiles moved, px"] = result["moved"]
    return found


def _main_thread_ms(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) * 1000 for one in metrics if one["name"] == "TaskDuration")


def _measure_peer(browser: Any, url: str) -> Measured:
    page = browser.new_context(viewport=VIEWPORT).new_page()
    page.set_default_timeout(SETTLES_MS * 5)
    page.add_init_script(_PROBE)
    page.goto(url, wait_until="commit")
    painted = page.evaluate("probe.firstPaint('peer')")
    arrived = page.evaluate("probe.arrivedAt()")
    settled = page.evaluate("(limit) => probe.settled(limit)", SETTLES_MS)
    found: Measured = {"first paint": painted, "first paint, from the document": painted - arrived}
    page.goto(url, wait_until="commit")
    found["first paint, second visit"] = page.evaluate("probe.firstPaint('peer')")
    found["settled layout"] = settled if settled else f"not in {SETTLES_MS // 1000} s"
    if not settled:
        found["not settled"] = "so pan and zoom are measured while it still moves"
    found |= _moves(page, "svg", "")
    if settled:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        for name, change in _CHANGES.items():
            result = page.evaluate("([a, b, limit]) => probe.updatePeer(a, b, limit)", [*change, SETTLES_MS])
            found[f"update, {name}: to the frame"] = result["took"]
            found[f"update, {name}: old tiles moved, px"] = result["moved"]
    page.evaluate("peer.simulation.stop()")
    alone = page.evaluate("peer.layout(JSON.parse(peer.text))")
    found["layout alone"] = alone["took"] if alone["ended"] else f"{alone['ticks']} of 300 ticks in 120 s"
    page.context.close()
    return found


def _percentiles(name: str, intervals: Sequence[float]) -> Measured:
    ordered = sorted(intervals)
    return {f"{name} p50": statistics.median(ordered), f"{name} p95": ordered[int(0.95 * (len(ordered) - 1))]}


def _medians(runs: Sequence[Measured]) -> Measured:
    found: Measured = {}
    for name in runs[0]:
        numbers = [value for run in runs if isinstance(value := run.get(name), float | int)]
        found[name] = statistics.median(numbers) if numbers else runs[0][name]
    return found


def _table(case: Case, written: Written, document_bytes: int, ours: Measured, theirs: Measured) -> str:
    names = list(dict.fromkeys([*ours, *theirs]))
    lines = []
    for name in names:
        if name == "not settled":
            continue
        one, other = ours.get(name), theirs.get(name)
        ratio = ""
        if isinstance(one, float | int) and isinstance(other, float | int) and "px" not in name:
            ratio = f"{other / max(one, 0.1):.1f}"
        lines.append([name, _cell(one), _cell(other), ratio, case.reach.get(name, "")])
    head = f"{case.title} on {len(written.estate.clusters)} hosts, a document of {document_bytes / 1e6:.1f} MB"
    note = f"\n\nThe peer did not settle, {theirs['not settled']}." if "not settled" in theirs else ""
    return f"{head}:\n\n{markdown(['', 'FlowMap', 'd3-force', 'ratio', 'reach'], lines)}{note}\n"


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


@contextlib.contextmanager
def _peer_server(document: str) -> Iterator[str]:
    """The peer's files and the document on a port of their own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

    with tempfile.TemporaryDirectory(prefix="flowmap-peer-") as folder:
        for file in (*(HERE / "page_peer").iterdir(), D3):
            shutil.copy(file, folder)
        (Path(folder) / "graph.json").write_text(document, encoding="utf-8")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
        finally:
            server.shutdown()
            thread.join(10)
            server.server_close()
