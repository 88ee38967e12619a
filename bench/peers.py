"""FlowMap and what a user would take instead: the command of each, and how to tell that it did the work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
_QUICK_S = 60
_INSTALL_S = 900


class Found(NamedTuple):
    """What a peer says that it read; None where it does not say."""

    packets: int | None
    flows: int | None


@dataclass(frozen=True)
class Peer:
    """One program, ready to be run.

    ``command`` makes the words from the capture's path and an empty folder for results; ``found`` reads its output
    and that folder. ``flows`` says in words what its flows are. A slow peer gets a capture of ``max_frames`` at most.
    """

    name: str
    version: str
    flows: str
    command: Callable[[Path, Path], list[str | Path]]
    found: Callable[[str, Path], Found]
    max_frames: int | None = None


class Missing(NamedTuple):
    """A peer that cannot be run here, and why."""

    name: str
    why: str


def flowmap() -> list[str]:
    """The command of this checkout."""
    return [sys.executable, "-m", "flowmap"]


def all_peers(work: Path, install: bool) -> list[Peer | Missing]:
    """Every peer, FlowMap first; ``install`` allows fetching nfstream from PyPI into ``work``."""
    return [
        flowmap_analyze(),
        flowmap_conversations(),
        nfpcapd(),
        argus(),
        nfstream(work / "peers-venv", install),
        tshark_conversations(),
        stock_pyshark(),
        tcpdump(),
        capinfos(),
    ]


def flowmap_analyze() -> Peer | Missing:
    """The map with verdicts, names and applications."""

    def found(_: str, work: Path) -> Found:
        totals = json.loads((work / "map.json").read_text(encoding="utf-8"))["graph"]["totals"]
        return Found(totals["packets"], totals["conversations"])

    return Peer(
        name="flowmap analyze",
        version=first_number(said([*flowmap(), "--version"])),
        flows="conversations",
        command=lambda capture, work: [*flowmap(), "analyze", capture, "-o", work / "map.json"],
        found=found,
    )


def flowmap_conversations() -> Peer | Missing:
    """The plain table of conversations, which is what the peers make."""

    def found(output: str, work: Path) -> Found:
        packets = re.search(r"([\d,]+) packets", output)
        rows = (work / "conversations.csv").read_text(encoding="utf-8").count("\n") - 1
        return Found(int(packets[1].replace(",", "")) if packets else None, rows)

    return Peer(
        name="flowmap conversations",
        version=first_number(said([*flowmap(), "--version"])),
        flows="conversations",
        command=lambda capture, work: [*flowmap(), "conversations", capture, "-o", work / "conversations.csv"],
        found=found,
    )


def nfpcapd() -> Peer | Missing:
    """NetFlow records from packets (nfdump)."""
    program = shutil.which("nfpcapd")
    if program is None:
        return missing("nfpcapd", "nfdump")

    def found(output: str, _: Path) -> Found:
        flows = re.findall(r"Flows: (\d+), Packets: (\d+)", output)
        return Found(sum(int(packets) for _, packets in flows), sum(int(count) for count, _ in flows))

    return Peer(
        name="nfpcapd",
        version=first_number(said([program, "-V"])),
        flows="one-way flows",
        command=lambda capture, work: [program, "-r", capture, "-w", work],
        found=found,
    )


def argus() -> Peer | Missing:
    """Two-way flow records; racount tells afterwards what is in them."""
    program, count = shutil.which("argus"), shutil.which("racount")
    if program is None or count is None:
        return missing("argus", "argus-server and argus-client")

    def found(_: str, work: Path) -> Found:
        sums = re.search(r"sum\s+(\d+)\s+(\d+)", said([count, "-r", str(work / "argus.out")]))
        return Found(int(sums[2]), int(sums[1])) if sums else Found(None, None)

    return Peer(
        name="argus",
        version=first_number(said([program, "-V"])),
        flows="two-way flow records, several for a long flow",
        command=lambda capture, work: [program, "-r", capture, "-w", work / "argus.out"],
        found=found,
    )


def nfstream(environment: Path, install: bool) -> Peer | Missing:
    """Flows in Python over a C engine, all extras off."""
    python = environment / "bin" / "python"
    needed = HERE / "peers-requirements.txt"
    stamp = environment / needed.name
    if not (stamp.exists() and stamp.read_text() == needed.read_text()):
        if not install:
            return Missing("nfstream", f"not in {environment}, and --no-install was given")
        try:
            subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=_INSTALL_S)
            words: list[str | Path] = [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
                needed,
            ]
            subprocess.run(words, check=True, timeout=_INSTALL_S)
            shutil.copy(needed, stamp)
        except (OSError, subprocess.SubprocessError) as error:
            return Missing("nfstream", f"pip could not install it ({error})")
    return Peer(
        name="nfstream",
        version=first_number(said([str(python), "-m", "pip", "show", "nfstream"])),
        flows="two-way flows",
        command=lambda capture, work: [python, HERE / "nfstream_flows.py", capture],
        found=lambda output, _: two_numbers(r"(\d+) flows, (\d+) packets", output),
        max_frames=2_000_000,
    )


def tshark_conversations() -> Peer | Missing:
    """Wireshark's conversation tables of TCP and UDP."""
    program = shutil.which("tshark")
    if program is None:
        return missing("tshark -z conv", "tshark")

    def found(output: str, _: Path) -> Found:
        rows = [line.split() for line in output.splitlines() if "<->" in line]
        return Found(None, len(rows))

    return Peer(
        name="tshark -z conv",
        version=first_number(said([program, "--version"])),
        flows="conversations of TCP and UDP",
        command=lambda capture, _: [program, "-r", capture, "-q", "-z", "conv,tcp", "-z", "conv,udp"],
        found=found,
        max_frames=200_000,
    )


def stock_pyshark() -> Peer | Missing:
    """pyshark as its documentation shows it."""
    if shutil.which("tshark") is None:
        return missing("pyshark (stock)", "tshark")
    return Peer(
        name="pyshark (stock)",
        version=first_number(said([sys.executable, "-m", "pip", "show", "pyshark"])),
        flows="conversations of TCP and UDP",
        command=lambda capture, _: [sys.executable, HERE / "pyshark_conversations.py", capture],
        found=lambda output, _: two_numbers(r"(\d+) conversations, (\d+) packets", output),
        max_frames=5_000,
    )


def tcpdump() -> Peer | Missing:
    """Only reads and writes packets: what any program pays for libpcap."""
    program = shutil.which("tcpdump")
    if program is None:
        return missing("tcpdump -w /dev/null", "tcpdump")
    return Peer(
        name="tcpdump -w /dev/null",
        version=first_number(said([program, "--version"])),
        flows="",
        command=lambda capture, _: [program, "-r", capture, "-w", "/dev/null"],
        found=lambda *_: Found(None, None),
    )


def capinfos() -> Peer | Missing:
    """Only counts packets: what walking over the records costs. Its hashes of the file are off."""
    program = shutil.which("capinfos")
    if program is None:
        return missing("capinfos -cd", "tshark (wireshark-common)")

    def found(output: str, _: Path) -> Found:
        packets = re.search(r"Number of packets\D+(\d+)", output)
        return Found(int(packets[1]) if packets else None, None)

    return Peer(
        name="capinfos -cd",
        version=first_number(said([program, "--version"])),
        flows="",
        command=lambda capture, _: [program, "-M", "-c", "-d", capture],
        found=found,
    )


def missing(name: str, package: str) -> Missing:
    """A program that Debian has."""
    return Missing(name, f"not installed (apt-get install {package})")


def said(command: list[str]) -> str:
    """What a quick command prints; nothing when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_QUICK_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


def first_number(text: str) -> str:
    """The first thing in a text that looks like a version."""
    version = re.search(r"\d+\.\d+(?:\.\d+)*", text)
    return version[0] if version else "?"


def two_numbers(pattern: str, output: str) -> Found:
    """Flows, then packets."""
    numbers = re.search(pattern, output)
    return Found(int(numbers[2]), int(numbers[1])) if numbers else Found(None, None)
