"""``flowmap live``: capture until told to stop, then the map as ``analyze`` prints it."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import typer

from flowmap.capture.live import STANDARD_INPUT, LiveCapture, LiveLimits
from flowmap.capture.points import Registry, Statements
from flowmap.cli.output import Target, write_outputs
from flowmap.cli.summary import print_summary, size
from flowmap.errors import UsageError
from flowmap.fold import LegFold
from flowmap.inventory import Inventory
from flowmap.pipeline import make_map
from flowmap.reading import Reading, add_name
from flowmap.settings import Settings
from flowmap.warm import prepare_kernels

STATUS_INTERVAL_S = 1.0
BEHIND_BYTES = 8 << 20
"""What waits to be decoded is told from here on: it is the sign that frames will be lost."""


def run_live(
    interfaces: Sequence[str],
    filter: str,
    limits: LiveLimits,
    keep: Path | None,
    targets: list[Target],
    inventory: Inventory,
    statements: Statements,
) -> None:
    """Capture on interfaces (or standard input) and print the map at the end."""
    settings = Settings()
    gc.set_threshold(200_000, 20, 20)  # as for files: walking every leg again and again is not worth it
    registry, fold = Registry(settings.max_points), LegFold(settings)
    stop = threading.Event()
    capture = LiveCapture(interfaces, filter, limits, registry, settings, stop=stop, ring=_made(keep))
    prepare_kernels(lambda text: print(f"flowmap: {text}", file=sys.stderr, flush=True))

    signals: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()
        signals.append(number)
        signal.signal(number, signal.default_int_handler)  # a second one ends the program, and its tools with it

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    status = _Status(capture, interfaces, limits)
    try:
        for batch in capture.batches():
            if len(batch):
                fold.add(batch)
            status.show()
        for number in before:
            signal.signal(number, signal.default_int_handler)
        status.finish()
        capture.finish_names()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    reading = Reading(registry, fold.finish(), captures=[(capture.info, capture.outcome)])
    for record in capture.take_names():
        add_name(reading, record)
    flow_map = make_map(reading, inventory, statements, settings, ", ".join(_shown(name) for name in interfaces))
    write_outputs(flow_map.graph, targets)
    print_summary(flow_map, file=sys.stderr if any(path is None for path, _ in targets) else sys.stdout)
    _tell_the_end(capture, signals)
    _tell_what_is_kept(capture, keep)
    for sentence in reading.damage:
        print(f"flowmap: {sentence}", file=sys.stderr)
    if not reading.complete:
        raise typer.Exit(3)


def _made(folder: Path | None) -> Path | None:
    """The folder for the packets, made if need be."""
    if folder is not None:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The folder {folder} for --keep cannot be used: {error.strerror}.") from error
    return folder


_SET_WITH = {
    "seconds": " (--seconds, FLOWMAP_LIVE_SECONDS)",
    "bytes": " (FLOWMAP_LIVE_BYTES)",
    "packets": " (--packets, FLOWMAP_LIVE_PACKETS)",
}


def _tell_the_end(capture: LiveCapture, signals: Sequence[int]) -> None:
    """Why it ended: of a pipe, nothing else tells that there was more. A failure has its sentence among the damage."""
    if capture.outcome.damage and capture.ended_by in ("interface", "dumpcap", "damage"):
        return
    said = capture.end_sentence
    if capture.ended_by == "stop":
        said = "Stopped by you." if signal.SIGINT in signals else "Stopped by a signal to end."
    if said:
        print(f"flowmap: {said[:-1]}{_SET_WITH.get(capture.ended_by or '', '')}.", file=sys.stderr)


def _tell_what_is_kept(capture: LiveCapture, keep: Path | None) -> None:
    files = capture.ring_files
    if keep is not None and files:
        packets, count = sum(file.packets for file in files), sum(file.size_bytes for file in files)
        which = "All" if packets == capture.packets else f"The last {packets:,} of"
        names = files[0].path.name if len(files) == 1 else f"{files[0].path.name} to {files[-1].path.name}"
        print(f"flowmap: {which} {capture.packets:,} packets are in {keep} ({names}, {size(count)}).", file=sys.stderr)
    if capture.ring_problem:
        print(f"flowmap: {capture.ring_problem}", file=sys.stderr)


def _shown(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name


class _Status:
    """One line on a terminal that tells how the capture goes."""

    def __init__(self, capture: LiveCapture, interfaces: Sequence[str], limits: LiveLimits) -> None:
        self._capture, self._is_shown = capture, sys.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._packets = 0
        if self._is_shown:
            where = " and ".join(_shown(name) for name in interfaces)
            drops = "" if STANDARD_INPUT in interfaces else " Dropped packets are counted at the end only."
            print(f"Capturing on {where} for up to {limits.seconds:g} s; Ctrl-C ends it.{drops}", file=sys.stderr)

    def show(self) -> None:
        """Write the line once a second."""
        now = time.monotonic()
        if self._is_shown and now - self._told >= STATUS_INTERVAL_S:
            rate = (self._capture.packets - self._packets) / (now - self._told)
            self._told, self._packets = now, self._capture.packets
            self._write(f"{self._packets:,} packets, {rate:,.0f} a second")

    def finish(self) -> None:
        """Write it for the last time."""
        if self._is_shown:
            self._write(f"{self._capture.packets:,} packets")
            print("\nLooking for names in the last packets; Ctrl-C leaves without the map.", file=sys.stderr)

    def _write(self, text: str) -> None:
        capture = self._capture
        parts = [f"{time.monotonic() - self._began:.0f} s", text, size(capture.captured_bytes)]
        if capture.dropped_packets is not None:
            parts.append(f"{capture.dropped_packets:,} lost")
        elif missed := sum(count or 0 for count in capture.missed.values()):
            parts.append(f"{missed:,} missed by the interface")
        if capture.behind_bytes > BEHIND_BYTES:
            parts.append(f"{size(capture.behind_bytes)} behind")
        print(f"\r{', '.join(parts):<79}", end="", file=sys.stderr, flush=True)
