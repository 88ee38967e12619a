"""``python -m bench.live_load``: at which rate the first frame of a live capture is lost.

A sender puts frames on a cable between two interfaces of a network namespace, at rising rates; at the other end listens
one tool after another. Lost is what the cable delivered and the tool has not counted by the time it was told to end,
a few seconds after the last frame: whether the kernel dropped it, or the tool was still busy. Needs root, and tshark
and pyshark for their rows; nothing leaves the namespace.

    python -m bench.live_load                  the whole table, some minutes
    python -m bench.live_load --seconds 2 --rates 20000 200000 --only flowmap
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.table import load, machine

NEAR, FAR = "fmload-near", "fmload-far"
RATES = (300, 1_000, 3_000, 10_000, 20_000, 50_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000, 700_000)
BURST = 64
"""Frames that are handed to the kernel at once."""

GRACE_S = 5.0
"""From the last frame to the signal to end: a tool that is behind may catch up."""

WARM_RATE, WARM_S = 50, 3.0
"""Before each rate a few frames, which count as well: the first ones take any tool long."""

LISTEN_S, END_S = 60.0, 120.0
CONVERSATIONS = 1_024
_PYSHARK = """
import signal, sys
import pyshark
count = 0
def tell(*_):
    print(count, flush=True)
    import os
    os._exit(0)
signal.signal(signal.SIGINT, tell)
for packet in pyshark.LiveCapture(interface=sys.argv[1]).sniff_continuously():
    count += 1
"""


class Seen(NamedTuple):
    """What a tool counted; ``dropped`` is what it says that the kernel lost (-1: it does not say)."""

    frames: int
    dropped: int


class Tool(NamedTuple):
    """One column: its name, its command, and how its count is read from standard output and error."""

    name: str
    command: Sequence[str]
    seen: Callable[[str, str], Seen]


class Step(NamedTuple):
    """One rate with one tool: frames handed to the kernel, delivered by the cable, a second, and what was counted.

    ``end_s`` is the time from the signal to end to the end: a tool that is behind works off what waits.
    """

    sent: int
    delivered: int
    rate: float
    seen: Seen
    end_s: float

    @property
    def lost(self) -> int:
        """Delivered and not counted."""
        return max(self.delivered - self.seen.frames, 0)


# --- the sender, a process of its own


def frames_of(frame_bytes: int) -> list[bytes]:
    """One TCP data segment of each of many conversations between VMs."""
    frames = []
    for number in range(CONVERSATIONS):
        payload = bytes(max(frame_bytes - 54, 0))
        macs = bytes.fromhex("005056800000")[:4] + struct.pack("!H", number % 100) + bytes.fromhex("005056810001")
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), number, 0x4000, 64, 6, 0)
        ip += bytes((10, 0, number >> 8, number & 255, 10, 1, 0, number % 100))
        tcp = struct.pack("!HHIIBBHHH", 30_000 + number, 443, 1 + number, 1, 0x50, 16, 65_535, 0, 0)
        frames.append(macs + b"\x08\x00" + ip + tcp + payload)
    return frames


class _Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Header(ctypes.Structure):
    """struct mmsghdr of Linux."""

    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint),
    ]  # fmt: skip


def send(interface: str, rate: int, seconds: float, frame_bytes: int) -> int:
    """Put frames on the cable at a rate, in bursts; how many the kernel took."""
    library = ctypes.CDLL(None, use_errno=True)
    frames = frames_of(frame_bytes)
    buffers = [ctypes.create_string_buffer(frame, len(frame)) for frame in frames]
    vectors = (_Vector * len(frames))(
        *(_Vector(ctypes.addressof(buffer), len(frame)) for buffer, frame in zip(buffers, frames, strict=True))
    )
    headers = (_Header * len(frames))()
    for number in range(len(frames)):
        headers[number].vectors = ctypes.pointer(vectors[number])
        headers[number].vector_count = 1
    size = ctypes.sizeof(_Header)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as cable:
        cable.bind((interface, 0))
        cable.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        began, sent, wanted = time.perf_counter(), 0, round(rate * seconds)
        while sent < wanted:
            now = time.perf_counter() - began
            if now > 2 * seconds:
                break  # this is more than the machine can send
            due = min(int(now * rate), wanted) - sent
            if due < min(BURST, wanted - sent):
                time.sleep(min(BURST / rate, 0.001) / 2)
                continue
            at = sent % len(frames)
            count = min(BURST, wanted - sent, len(frames) - at)
            done = library.sendmmsg(cable.fileno(), ctypes.byref(headers, at * size), count, 0)
            sent += max(done, 0)
    return sent


# --- the tools


def tools() -> list[Tool]:
    """Those that are installed."""
    found = [Tool("flowmap live", [sys.executable, "-m", "flowmap", "live", "-i", FAR, "-o", "-"], _seen_by_flowmap)]
    if Path("/usr/bin/tshark").exists():
        fields = [word for name in ("ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "frame.len")
                  for word in ("-e", name)]  # fmt: skip
        found.append(Tool("tshark -T fields", ["/usr/bin/tshark", "-n", "-l", "-i", FAR, "-T", "fields", *fields],
                          _seen_by_tshark))  # fmt: skip
        found.append(Tool("stock pyshark", [sys.executable, "-c", _PYSHARK, FAR], _seen_by_pyshark))
    return found


def _seen_by_flowmap(output: str, errors: str) -> Seen:
    document = json.loads(output)["graph"]
    return Seen(document["totals"]["packets"], sum(point["dropped_packets"] or 0 for point in document["points"]))


def _seen_by_tshark(output: str, errors: str) -> Seen:
    """Rows printed: what tshark had captured and not yet taken apart is not seen."""
    dropped = [int(line.split()[0]) for line in errors.splitlines() if "dropped from" in line]
    return Seen(output.count("\n"), sum(dropped))


def _seen_by_pyshark(output: str, errors: str) -> Seen:
    return Seen(int(output.split()[-1]) if output.split() else 0, -1)


def step(tool: Tool, rate: int, seconds: float, frame_bytes: int) -> Step:
    """Let a tool listen to one rate."""
    limits = {"FLOWMAP_LIVE_SECONDS": "3600", "FLOWMAP_LIVE_PACKETS": "1000000000", "FLOWMAP_LIVE_BYTES": str(1 << 40)}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            tool.command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env={**os.environ, **limits},
        )  # fmt: skip
        try:
            _wait_for_listener(process)
            before = _delivered()
            _run_sender(WARM_RATE, WARM_S, frame_bytes)
            warm = _delivered() - before
            sent, took_s = _run_sender(rate, seconds, frame_bytes)
            time.sleep(GRACE_S)
            delivered = _delivered() - before
            process.send_signal(signal.SIGINT)
            told = time.perf_counter()
            with contextlib.suppress(subprocess.TimeoutExpired):  # what it has not counted by then is lost
                process.wait(END_S)
            end_s = time.perf_counter() - told
        finally:
            process.kill()
            process.wait()
            _end_orphans()
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return Step(sent, delivered, (delivered - warm) / took_s, tool.seen(*texts), end_s)


def _adopt_orphans() -> None:
    """Become the parent of what a tool leaves behind (PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _end_orphans() -> None:
    """End it: stock pyshark leaves dumpcap and tshark, each in a session of its own."""
    while True:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        if not children:
            return
        for pid in map(int, children):
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _run_sender(rate: int, seconds: float, frame_bytes: int) -> tuple[int, float]:
    """Frames sent by a process of its own, and the seconds that took."""
    words = ["--send", str(rate), "--seconds", str(seconds), "--frame-bytes", str(frame_bytes)]
    told = subprocess.run(
        [sys.executable, "-m", "bench.live_load", *words], capture_output=True, text=True, check=True
    ).stdout.split()
    return int(told[0]), float(told[1])


def _wait_for_listener(process: subprocess.Popen[bytes]) -> None:
    """Until a packet socket is bound to the far end, and a moment more."""
    index, end = str(socket.if_nametoindex(FAR)), time.monotonic() + LISTEN_S
    while not any(row.split()[4] == index for row in Path("/proc/net/packet").read_text().splitlines()[1:]):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{process.args!r} does not listen.")
        time.sleep(0.05)
    time.sleep(1.0)


def _delivered() -> int:
    """Frames that came out of the cable."""
    for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == FAR:
            return int(numbers.split()[1])
    raise SystemExit(f"{FAR} has gone.")


def _lay_cable() -> None:
    """Two interfaces in the network namespace of this process alone, on which the kernel says nothing itself."""
    subprocess.run(["ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR], check=True)
    for name in (NEAR, FAR):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1", encoding="ascii")
        subprocess.run(["ip", "link", "set", name, "up"], check=True)


# --- the table


def measure(tool: Tool, rates: Sequence[int], seconds: float, frame_bytes: int, say: Callable[[str], None]) -> str:
    """Raise the rate until frames are lost twice; the row of the table."""
    best, first_lost, biggest, end_s = 0.0, "none up to what could be sent", 0.0, 0.0
    for rate in rates:
        found = step(tool, rate, seconds, frame_bytes)
        if found.lost:
            found = step(tool, rate, seconds, frame_bytes)
        say(
            f"{tool.name}: {found.rate:,.0f} frames/s delivered, {found.seen.frames:,} of {found.delivered:,} counted, "
            f"{found.end_s:.1f} s to its end"
        )
        if found.lost:
            kernel = f", {found.seen.dropped:,} of them by the kernel" if found.seen.dropped >= 0 else ""
            first_lost = f"{found.rate:,.0f} (lost {found.lost:,} of {found.delivered:,}{kernel})"
            break
        if found.rate > best:
            best, end_s = found.rate, found.end_s
        if found.rate < 0.8 * rate and found.rate < 1.1 * biggest:
            break  # the sender's own limit
        biggest = max(biggest, found.rate)
    return f"| {tool.name} | {best:,.0f} | {end_s:.1f} | {first_lost} |"


def main() -> None:
    """Measure, or be the sender."""
    options = _options()
    if options.send:
        began = time.perf_counter()
        sent = send(NEAR, options.send, options.seconds, options.frame_bytes)
        say(f"{sent} {time.perf_counter() - began}")
        return
    if not options.inside:
        words = [sys.executable, "-m", "bench.live_load", "--inside", *sys.argv[1:]]
        os.execv("/usr/bin/unshare", ["unshare", "--net", *words])
    _adopt_orphans()
    _lay_cable()
    chosen = [tool for tool in tools() if not options.only or any(word in tool.name for word in options.only)]
    rows = [measure(tool, options.rates, options.seconds, options.frame_bytes, say) for tool in chosen]
    about = f"Frames of {options.frame_bytes} bytes in {CONVERSATIONS:,} conversations, {options.seconds:g} s a rate."
    say(f"\n{machine()}; {load()}. {about}\n")
    say("| live on one port | most frames/s without loss | s to its end at that | first loss at frames/s |")
    say("|---|---|---|---|")
    say("\n".join(rows))


def say(text: str) -> None:
    """Tell at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.live_load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rates", nargs="+", type=int, default=RATES, metavar="N", help="Frames a second, rising.")
    parser.add_argument("--seconds", type=float, default=5.0, help="How long each rate is sent.")
    parser.add_argument("--frame-bytes", type=int, default=128, help="Size of a frame.")
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="Only tools with this word.")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--send", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
