"""Writes captures of known content: ``python -m bench.generator --help``.

A capture is fixed by its plan, byte for byte. What is true of it stands beside it in a JSON file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.endpoints import endpoints_of
from bench.frames import FrameWriter, file_header
from bench.plans import BULK_SIZES, FORMATS, IMIX_SIZES, MIXES, Plan
from bench.traffic import traffic_of

VERSION = 2
"""Changes when the same plan gives other bytes: files of another version are made anew."""
_CHUNK_PACKETS = 65_536
_SPARE_BYTES = 2 << 30


class Capture(NamedTuple):
    """A capture file and what is true of it (see :func:`generate`)."""

    plan: Plan
    path: Path
    truth: dict[str, Any]


def folder() -> Path:
    """Where captures and results are kept: ``BENCH_DIR``, else build/bench."""
    return Path(os.environ.get("BENCH_DIR") or "build/bench")


def generate(plan: Plan, into: Path) -> Capture:
    """Write a capture, unless it is there already.

    Returns
    -------
    Capture
        With the truth: ``frames``, ``file_bytes``, ``frame_bytes`` (also captured bytes), ``first_seen_ns``,
        ``last_seen_ns``, ``repeated`` (frames that stand twice on one leg: both copies of one mirror session); and of
        the packets, each counted once: ``packets``, ``packets_by_protocol``, ``conversations`` (innermost, both
        directions), ``five_tuples`` (those of TCP and UDP), ``connections``, ``payload_bytes`` and ``wire_bytes`` as
        [from the initiators, from the responders] (14 + innermost IP length), ``biggest`` conversations with the same.
    """
    into.mkdir(parents=True, exist_ok=True)
    path = into / plan.file_name
    beside = path.with_name(path.name + ".json")
    known = _truth_beside(path, beside, plan)
    if known is not None:
        return Capture(plan, path, known)

    _check_space(plan, into)
    part = path.with_name(path.name + ".part")
    try:
        truth = _write(plan, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    beside.write_text(json.dumps(truth, indent=1), encoding="utf-8")
    return Capture(plan, path, truth)


def _write(plan: Plan, path: Path) -> dict[str, Any]:
    endpoints = endpoints_of(plan)
    traffic = traffic_of(plan, endpoints)
    writer = FrameWriter(plan, endpoints)
    frames = frame_bytes = repeated = last_ns = 0
    first_ns: int | None = None
    with path.open("wb") as file:
        file.write(file_header(plan))
        for packets in traffic.chunks(_CHUNK_PACKETS):
            chunk = writer.chunk_of(packets)
            file.write(chunk.data.data)
            frames += chunk.frames
            frame_bytes += chunk.frame_bytes
            repeated += chunk.repeated
            first_ns, last_ns = (chunk.first_ns if first_ns is None else first_ns), chunk.last_ns
        file_bytes = file.tell()
    return {
        "generator": VERSION,
        "plan": _as_json(plan),
        "file_bytes": file_bytes,
        "frames": frames,
        "frame_bytes": frame_bytes,
        "first_seen_ns": first_ns,
        "last_seen_ns": last_ns,
        "repeated": repeated,
        "packets": plan.packets,
        **traffic.truth(),
    }


def _as_json(plan: Plan) -> dict[str, Any]:
    return {**dataclasses.asdict(plan), "sizes": list(plan.sizes)}


def _truth_beside(path: Path, beside: Path, plan: Plan) -> dict[str, Any] | None:
    """The truth of a file that is whole and of this plan."""
    try:
        truth: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        whole = path.stat().st_size == truth["file_bytes"]
    except (OSError, ValueError, KeyError):
        return None
    return truth if whole and truth.get("plan") == _as_json(plan) and truth.get("generator") == VERSION else None


def _check_space(plan: Plan, into: Path) -> None:
    needed = plan.frames * (76 if plan.mix == "scan" else 850) + _SPARE_BYTES
    free = shutil.disk_usage(into).free
    if free < needed:
        raise SystemExit(
            f"{plan.file_name} needs up to {needed / 1e9:.0f} GB and {into} has {free / 1e9:.0f} GB free: "
            "name another folder in BENCH_DIR or remove captures there"
        )


def main() -> None:
    """Write one capture and print its path and truth."""
    options = argparse.ArgumentParser(
        prog="python -m bench.generator", description="Write one capture of known content."
    )
    options.add_argument("--frames", type=int, default=100_000)
    options.add_argument("--conversations", type=int, default=2_000)
    options.add_argument("--mix", choices=MIXES, default="plain")
    options.add_argument("--format", choices=FORMATS, default="pcap")
    options.add_argument("--imix", action="store_true", help="frames of 60, 590 and 1514 bytes as 7:4:1, not 17:8:16")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--into", type=Path, default=folder(), help="default: BENCH_DIR, else build/bench")
    chosen = options.parse_args()
    try:
        plan = Plan(
            frames=chosen.frames,
            conversations=chosen.frames if chosen.mix == "scan" else chosen.conversations,
            mix=chosen.mix,
            format=chosen.format,
            seed=chosen.seed,
            sizes=IMIX_SIZES if chosen.imix else BULK_SIZES,
        )
    except ValueError as wrong:
        options.error(str(wrong))
    began = time.perf_counter()
    capture = generate(plan, chosen.into)
    seconds = time.perf_counter() - began
    sys.stdout.write(f"{capture.path} ({seconds:.1f} s)\n")
    json.dump({**capture.truth, "biggest": capture.truth["biggest"][:2]}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
