"""How long FlowMap takes before it reads the first frame, and on the sample captures."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from bench.measure import Run, run
from bench.peers import flowmap

CHECKOUT = Path(__file__).parent.parent
SAMPLE = [CHECKOUT / "captures" / name for name in ("ports-host-a.pcapng", "ports-host-b.pcapng", "mirror-host-c.pcap")]
SAMPLE_FACTS: list[str | Path] = [
    "--points",
    CHECKOUT / "captures" / "points.yaml",
    "--inventory",
    CHECKOUT / "captures" / "inventory.yaml",
]


def starts(work: Path, repeats: int) -> list[str]:
    """Lines of Markdown: help, the sample with kernels to compile, and with kernels from the cache."""
    sample: list[str | Path] = [*flowmap(), "analyze", *SAMPLE, *SAMPLE_FACTS]
    with tempfile.TemporaryDirectory(prefix="kernels-", dir=work) as empty:
        environment = {"FLOWMAP_KERNEL_CACHE_DIR": empty}
        compiling = run(sample, work / "starts", environment)
        cached = [run(sample, work / "starts", environment) for _ in range(repeats)]
    helps = [run([*flowmap(), "--help"], work / "starts") for _ in range(repeats)]
    return [
        f"- `flowmap --help`: {_median(helps)}",
        f"- sample captures, kernels from the cache: {_median(cached)}",
        f"- sample captures, first time, kernels compiled: {_median([compiling])}",
    ]


def _median(runs: list[Run]) -> str:
    failed = [one for one in runs if one.exit_code != 0]
    if failed:
        return f"failed: {failed[0].output.strip()[-200:]}"
    walls = [one.wall_s for one in runs]
    spread = f" ({min(walls):.2f} - {max(walls):.2f})" if len(walls) > 1 else ""
    memory = max(one.peak_bytes for one in runs) / 1e6
    return f"{statistics.median(walls):.2f} s{spread}, {memory:,.0f} MB"
