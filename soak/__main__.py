"""``python -m soak``: every case in its long form, and a table of what came out."""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.table import load, machine
from soak.disk_full import disk_full
from soak.endurance import endurance
from soak.fuzz import fuzz
from soak.graceful import graceful_end
from soak.http_load import http_load
from soak.live_cycles import live_cycles
from soak.report import Report, table
from soak.restart import restart
from soak.server_kills import server_kills
from soak.tool_kills import dumpcap_kills, tshark_kills
from soak.upload_load import upload_load

RESULTS, FOUND = Path("build/soak"), Path("build/fuzz")
FUZZ_S, SOAK_S, HTTP_S = 600, 1_200, 60
HEALTHZ_MS = 250.0
"""Threat 32: what 99 of 100 answers of /healthz may take while strangers do what they can."""

Case = Callable[[Path, float], Report]

CASES: dict[str, Case] = {
    "server-kills": lambda folder, scale: server_kills(folder, _times(20, scale), 60_000),
    "tshark-kills": lambda folder, scale: tshark_kills(folder, _times(50, scale), 100_000),
    "dumpcap-kills": lambda folder, scale: dumpcap_kills(folder, _times(50, scale)),
    "disk-full": lambda folder, scale: disk_full(folder, _times(10, scale)),
    "uploads": lambda folder, scale: upload_load(folder, _times(20, scale), _times(400_000, scale), _times(200, scale)),
    "http": lambda folder, scale: http_load(folder, HTTP_S * scale, HEALTHZ_MS),
    "live-cycles": lambda folder, scale: live_cycles(folder, _times(100, scale)),
    "graceful-end": lambda folder, scale: graceful_end(folder, 100_000),
    "restart": lambda folder, scale: restart(folder, _times(1_000, scale)),
    "endurance": lambda folder, scale: endurance(folder, SOAK_S * scale),
    "fuzz-container": lambda folder, scale: fuzz(FOUND, "container", _times(FUZZ_S, scale)),
    "fuzz-inventory": lambda folder, scale: fuzz(FOUND, "inventory", _times(FUZZ_S, scale)),
    "fuzz-filters": lambda folder, scale: fuzz(FOUND, "filters", _times(FUZZ_S, scale)),
}


def _times(count: float, scale: float) -> int:
    return max(1, round(count * scale))


def main() -> None:
    """Run the chosen cases one after another."""
    options = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    options.add_argument("--only", action="append", choices=list(CASES), metavar="CASE", help=f"of {', '.join(CASES)}")
    options.add_argument("--scale", type=float, default=1.0, help="of rounds and time; 0.1 is a tenth (default: 1)")
    options.add_argument("--folder", type=Path, help="where the data folders are made (default: the system's for that)")
    chosen = options.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    head = f"Run {datetime.date.today().isoformat()}, scale {chosen.scale:g}: {machine()}; {load()} before."
    reports = []
    for name in chosen.only or CASES:
        _say(f"{datetime.datetime.now():%H:%M:%S} {name}")
        folder = Path(tempfile.mkdtemp(prefix="flowmap-soak-", dir=chosen.folder))
        try:
            reports.append(CASES[name](folder, chosen.scale))
        except Exception as error:  # one case must not hide the others
            reports.append(Report(name, failures=[f"the case itself ended with {type(error).__name__}: {error}"]))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _say(table(reports[-1:]))
        (RESULTS / "RESULTS.md").write_text(f"{head}\n\n{table(reports)}", encoding="utf-8")
    _say(f"{head}\n\n{table(reports)}")
    if any(report.failures for report in reports):
        raise SystemExit(1)


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
