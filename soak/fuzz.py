"""``python -m soak.fuzz TARGET``: atheris on one target, until the time is over or an input does harm.

New inputs go to a corpus below build/fuzz and harmful ones beside it; what is worth keeping is copied by hand into
tests/faults/seeds, which the tests replay with or without atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from soak.report import Report

MEMORY_MB, HANG_S = 2_048, 20
_RUNS = re.compile(r"Done (\d+) runs|stat::number_of_executed_units:\s+(\d+)")


def main() -> None:
    """Fuzz in this process; does not return."""
    options = argparse.ArgumentParser(prog="python -m soak.fuzz", description=__doc__)
    options.add_argument("target", choices=["container", "inventory", "filters"])
    options.add_argument("--seconds", type=int, default=600)
    options.add_argument("--into", type=Path, default=Path("build/fuzz"), metavar="FOLDER")
    chosen = options.parse_args()
    atheris = importlib.import_module("atheris")
    instrumented = {
        "container": ["flowmap.capture"],
        "inventory": ["flowmap.inventory"],
        "filters": ["flowmap.capture"],
    }
    with atheris.instrument_imports(include=instrumented[chosen.target]):
        targets = importlib.import_module("soak.targets")
    into = chosen.into / chosen.target
    corpus = into / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in [*targets.examples(chosen.target), *(path.read_bytes() for path in targets.seeds(chosen.target))]:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    target = targets.TARGETS[chosen.target]
    words = into / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")
    arguments = [
        sys.argv[0], str(corpus), f"-max_total_time={chosen.seconds}", f"-max_len={target.max_bytes}", f"-dict={words}",
        "-len_control=10", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={into}/",
        "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup(arguments, target.run)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def fuzz(folder: Path, target: str, seconds: int) -> Report:
    """The same in a process of its own."""
    report = Report(f"atheris on {target}, {seconds} s")
    try:
        importlib.import_module("atheris")
    except ImportError:
        report.skipped = "atheris is not installed: pip install --require-hashes -r requirements-soak.lock"
        return report
    into, begun = folder / target, time.monotonic()
    into.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "soak.fuzz", target, "--seconds", str(seconds), "--into", str(folder)]
    run = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}, check=False,
    )  # fmt: skip
    (into / "log.txt").write_text(run.stdout, encoding="utf-8")
    runs = [int(one or other) for one, other in _RUNS.findall(run.stdout)]
    report.figures |= {"inputs": f"{max(runs, default=0):,}", "s": time.monotonic() - begun}
    harmful = sorted(path.name for path in into.glob("*-*") if path.is_file())
    report.check(run.returncode == 0, f"it ended with status {run.returncode}: {run.stdout[-300:].strip()!r}")
    report.check(not harmful, f"inputs that do harm: {', '.join(harmful[:5])}")
    return report


if __name__ == "__main__":
    main()
