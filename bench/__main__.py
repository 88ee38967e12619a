"""``python -m bench``: every peer on every capture in turn, and a table of ratios."""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import signal
import sys
from pathlib import Path

from bench.cases import FULL_FRAMES, QUICK_FRAMES, USUAL_FRAMES, Case, cases_of
from bench.generator import Capture, folder, generate
from bench.measure import Run, run, warm
from bench.page import page_section
from bench.peers import Found, Missing, Peer, all_peers
from bench.starts import starts
from bench.table import Row, case_table, exactness, load, machine

COMMITTED = Path(__file__).parent / "results.md"
_SLOW_S = 30


def main() -> None:
    """Measure and report."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a peer in its own session ends with us
    into = folder().resolve()
    into.mkdir(parents=True, exist_ok=True)
    say(f"Captures and results are kept in {into}")

    peers = all_peers(into, options.install)
    ready = [peer for peer in peers if isinstance(peer, Peer) and (not options.only or _chosen(peer, options.only))]
    keys = {case.key for case in cases_of(options.frames)}
    wanted = [case for case in cases_of(options.frames) if case.key in options.only or not keys & set(options.only)]

    report = [f"Measured {datetime.date.today().isoformat()}: {machine()}; {load()} before.", ""]
    report += [f"- {peer.name}: {peer.why}" for peer in peers if isinstance(peer, Missing)]
    if not options.only or "starts" in options.only:
        report += [*starts(into, options.repeats), ""]
    for line in report:
        say(line)
    if not options.only or "page" in options.only:
        section = page_section(into, options.repeats, options.frames == QUICK_FRAMES, say)
        say(section)
        report.append(section)
    for case in wanted if not options.only or set(options.only) - {"starts", "page"} else []:
        section = _measure(case, [peer for peer in ready if case.runs(peer)], into, options.repeats)
        say("\n" + section)
        report.append(section)
    report.append(NOTES)
    text = "\n".join(report) + "\n"
    (into / "RESULTS.md").write_text(text, encoding="utf-8")
    if options.commit:
        COMMITTED.write_text(f"# Benchmark results\n\n{text}", encoding="utf-8")
    say(NOTES)


NOTES = """Whole processes, from start to end, on a file in the page cache; peers in turn, median of the runs. A ratio
is FlowMap's frames per second : the peer's. A slow peer reads a smaller capture of the same kind (column "frames"),
only once when it takes long. Peak MB is the resident memory of all processes with mapped pages of the file, which the
kernel takes back at will; own MB is without them. The work is not the same: nfpcapd keeps two records of a conversation
and leaves out ERSPAN and QinQ, argus wakes up once a second and so never ends sooner, tcpdump and capinfos make no
flows (they show what reading costs)."""


def say(text: str) -> None:
    """To the terminal at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _measure(case: Case, peers: list[Peer], into: Path, repeats: int) -> str:
    """Every peer once, then again: what disturbs the machine for a while disturbs all."""
    captures = {peer.name: generate(case.plan_for(peer), into) for peer in peers}
    runs: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    found: dict[str, Found] = {}
    checks: dict[str, list[str]] = {}
    is_warm: dict[str, bool] = {}
    for _ in range(repeats):
        for peer in peers:
            before = runs[peer.name]
            if before and (before[0].wall_s > _SLOW_S and peer.max_frames or before[0].exit_code != 0):
                continue
            capture = captures[peer.name]
            work = into / "work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            is_warm[peer.name] = warm(capture.path)
            one = run(peer.command(capture.path, work), into / "log")
            runs[peer.name].append(one)
            say(f"  {case.key}: {peer.name} {one.wall_s:.2f} s, exit {one.exit_code}")
            found[peer.name] = peer.found(one.output, work) if one.exit_code == 0 else Found(None, None)
            checks[peer.name] = _checks(work, capture) if one.exit_code == 0 else []
            shutil.rmtree(work, ignore_errors=True)
    rows = [
        Row(peer, captures[peer.name].plan, runs[peer.name], found[peer.name], is_warm[peer.name], checks[peer.name])
        for peer in peers
    ]
    size = max((capture.path.stat().st_size for capture in captures.values()), default=0)
    return case_table(case, rows, size)


def _checks(work: Path, capture: Capture) -> list[str]:
    """FlowMap's document against the truth; nothing for those who write none."""
    document = work / "map.json"
    if not document.exists():
        return []
    graph = json.loads(document.read_text(encoding="utf-8"))["graph"]
    estimated = graph["totals"].get("estimated") or graph.get("estimated")
    return exactness(graph["totals"], capture.truth) + (
        [f"said to be estimated: {', '.join(estimated)}"] if estimated else []
    )


def _chosen(peer: Peer, only: list[str]) -> bool:
    keys = {case.key for case in cases_of(USUAL_FRAMES)} | {"starts", "page"}
    names = [word for word in only if word not in keys]
    return not names or any(peer.name.startswith(name) for name in names)


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    size = options.add_mutually_exclusive_group()
    size.add_argument(
        "--quick", dest="frames", action="store_const", const=QUICK_FRAMES, help="100,000 frames, a minute"
    )
    size.add_argument(
        "--full", dest="frames", action="store_const", const=FULL_FRAMES, help="10 million frames, 7.4 GB"
    )
    options.add_argument(
        "--only", action="append", default=[], metavar="NAME",
        help="a case (few, many, scan, vlan, vxlan, erspan, pcapng, nanoseconds, starts, page) or the beginning of a "
        "peer's name; may be given again",
    )  # fmt: skip
    options.add_argument("--repeats", type=int, help="runs of each (default 3; 1 with --quick)")
    options.add_argument("--no-install", dest="install", action="store_false", help="do not fetch nfstream from PyPI")
    options.add_argument("--commit", action="store_true", help=f"write {COMMITTED.name} beside the code, too")
    chosen = options.parse_args()
    chosen.frames = chosen.frames or USUAL_FRAMES
    chosen.repeats = chosen.repeats or (1 if chosen.frames == QUICK_FRAMES else 3)
    return chosen


if __name__ == "__main__":
    main()
