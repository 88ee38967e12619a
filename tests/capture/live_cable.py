"""Live captures of a test: frames put on a cable once dumpcap listens there, and the processes that belong to it."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from pathlib import Path

from flowmap.capture.live import LiveCapture, LiveLimits
from flowmap.capture.points import Registry
from flowmap.settings import Settings
from tests.api.private_network import FAR, ip, send

LIMITS = LiveLimits(30, 1 << 30, 1_000_000)
WITHIN_S = 30


def wait_until(happened, what):
    end = time.monotonic() + WITHIN_S
    while not happened():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def listeners(interface):
    """Packet sockets of this thread's network that take what comes from an interface.

    ``dumpcap -d``, which only checks a filter, binds one and attaches none; before that of a capture libpcap attaches
    one that refuses everything.
    """
    told = subprocess.run(["ss", "--packet", "--bpf", "-H", "-n"], capture_output=True, text=True, check=True).stdout
    sockets = re.findall(r"^p_\S+ +\S+ +\S+ +\*:(\S+) .*\n\tbpf filter \(\d+\):(.*)", told, re.MULTILINE)
    return sum(name == interface and re.search(r"0x06 0 0 [1-9]", code) is not None for name, code in sockets)


def send_when_heard(frames, *interfaces, through=None):
    """Put frames on the cable as soon as somebody listens at its far end; the thread that does so."""

    def run():
        for name in interfaces or (FAR,):
            wait_until(lambda name=name: listeners(name), "nobody listens")
        for near, some in (through or {}).items():
            send(some, near)
        if through is None:
            send(frames)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def capture(limits=LIMITS, *, names=(FAR,), filter=None, stop=None, registry=None, settings=None, ring=None):
    return LiveCapture(names, filter, limits, registry or Registry(), settings or Settings(), stop=stop, ring=ring)


def packets_of(live, enough=lambda packets: False, *, each=None):
    """Sums over the batches of a capture, which is stopped once ``enough`` holds of its packets."""
    numbers, frame_bytes, wire_bytes = [], 0, 0
    end = time.monotonic() + WITHIN_S
    for batch in live.batches():
        numbers += batch.frame_number.tolist()
        frame_bytes += int(batch.frame_bytes.sum())
        wire_bytes += int(batch.wire_bytes.sum())
        if each is not None:
            each(batch)
        if enough(len(numbers)):
            live._stop.set()
        assert time.monotonic() < end, "the packets did not come"
    return numbers, frame_bytes, wire_bytes


def captured_until_one_of_two_is_down(frames):
    """A capture on a second cable, too, after these frames came and the first one's interface was switched off."""
    ip("link", "add", "fm-two-near", "type", "veth", "peer", "name", "fm-two-far")
    for name in ("fm-two-near", "fm-two-far"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", name, "up")
    live, down = capture(names=(FAR, "fm-two-far")), []
    send_when_heard(frames, FAR, "fm-two-far")

    def switch_off(batch):
        if live.packets == len(frames) and not down:
            ip("link", "set", FAR, "down")
            down.append(True)

    packets_of(live, each=switch_off)
    return live


def descendants(root=None):
    """Living processes that this one, or another, has started, and those that they started: number to name."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            names[int(folder.name)] = (folder / "comm").read_text().strip()
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found, grown = {root or os.getpid()}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return {pid: names[pid] for pid in found - {root or os.getpid()}}


def pids_of(word, root=None):
    return [pid for pid, name in descendants(root).items() if name == word]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descriptors():
    return len(os.listdir("/proc/self/fd"))
