"""``flowmap live``: capture until told to stop, then the map as ``analyze`` prints it."""

from __future__ import annotations

import signal
import sys
import threading
import time

import typer

from flowmap.capture.live import LiveCapture, LiveLimits
from flowmap.capture.points import Registry, Statements
from flowmap.cli.output import Target, write_outputs
from flowmap.cli.summary import print_summary
from flowmap.fold import LegFold
from flowmap.inventory import Inventory
from flowmap.pipeline import make_map
from flowmap.reading import Reading
from flowmap.settings import Settings

STATUS_INTERVAL_S = 1.0


def run_live(
    interface: str,
    filter: str,
    seconds: int | None,
    targets: list[Target],
    inventory: Inventory,
    statements: Statements,
) -> None:
    """Capture on an interface (or standard input) and print the map at the end."""
    settings = Settings()
    registry, fold = Registry(settings.max_points), LegFold(settings)
    stop = threading.Event()
    limits = LiveLimits(seconds or settings.live_seconds, settings.live_bytes, settings.live_packets)
    capture = LiveCapture(interface, filter, limits, registry, settings, stop=stop)
    before = signal.signal(signal.SIGINT, lambda number, frame: stop.set())
    try:
        _fold_all(capture, fold, interface, limits.seconds)
    finally:
        signal.signal(signal.SIGINT, before)
    reading = Reading(registry, fold.finish(), captures=[(capture.info, capture.outcome)])
    flow_map = make_map(reading, inventory, statements, settings, capture.info.file)
    write_outputs(flow_map.graph, targets)
    print_summary(flow_map, file=sys.stderr if any(path is None for path, _ in targets) else sys.stdout)
    for sentence in reading.damage:
        print(f"flowmap: {sentence}", file=sys.stderr)
    if not reading.complete:
        raise typer.Exit(3)


def _fold_all(capture: LiveCapture, fold: LegFold, interface: str, seconds: float) -> None:
    """Fold batches as they come, with a status line on a terminal."""
    shown, packets, said = sys.stderr.isatty(), 0, 0.0
    if shown:
        print(f"Capturing on {interface} for up to {seconds:g} s; Ctrl-C ends it.", file=sys.stderr)
    for batch in capture.batches():
        fold.add(batch)
        packets += len(batch)
        if shown and time.monotonic() - said >= STATUS_INTERVAL_S:
            said = time.monotonic()
            print(f"\r{packets:,} packets", end="", file=sys.stderr, flush=True)
    if shown:
        print(f"\r{packets:,} packets", file=sys.stderr)
