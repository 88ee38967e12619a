"""Live capture: words of filters, interfaces, and real frames over a cable of the test's own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flowmap.capture.filters import check_words, try_on_interface
from flowmap.capture.interfaces import check_interface, interfaces
from flowmap.capture.live import LiveCapture, LiveLimits, capture_problem, check_live
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError, ToolError, UsageError
from flowmap.packets import ip_text
from flowmap.settings import Settings
from tests.api.frames import CLIENT_TO_WEB, WEB, pcap, two_talks
from tests.api.private_network import FAR, NEAR, ip, private_network, send

SETTINGS = Settings()
LIMITS = LiveLimits(30, 1 << 30, 1_000_000)
WITHIN_S = 30


@pytest.fixture
def cable():
    with private_network():
        yield


def children():
    """Living processes that this one started, with their first word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            word = (folder / "comm").read_text().strip()
        except OSError:
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append((int(folder.name), word))
    return found


def capture(limits=LIMITS, *, filter=None, stop=None, registry=None):
    return LiveCapture(FAR, filter, limits, registry or Registry(), SETTINGS, stop=stop)


def follow(live, on_start, enough):
    """Batches until ``enough`` holds of the packets so far; ``on_start`` is called when capturing has begun."""
    batches, packets = [], 0
    end = time.monotonic() + WITHIN_S
    for number, batch in enumerate(live.batches()):
        if number == 0:
            on_start()
        batches.append(batch)
        packets += len(batch)
        if enough(packets):
            live._stop.set()
        assert time.monotonic() < end, "the packets did not come"
    return [batch for batch in batches if len(batch)]


def send_soon(frames, seconds=0.5):
    """dumpcap listens a moment after it was started; nothing tells when."""
    timer = threading.Timer(seconds, send, (frames,))
    timer.start()
    return timer


def test_frames_on_the_cable_become_batches(cable):
    frames, registry = two_talks(), Registry()
    live = capture(registry=registry)
    batches = follow(live, lambda: send_soon(frames), lambda packets: packets >= len(frames))
    assert sum(map(len, batches)) == len(frames) == live.outcome.packets
    assert [number for batch in batches for number in batch.frame_number.tolist()] == list(range(1, len(frames) + 1))
    assert sum(int(batch.frame_bytes.sum()) for batch in batches) == sum(map(len, frames)) == live.info.size_bytes
    assert ip_text(*batches[0].src_ip[0].tolist()) == WEB[1]
    assert live.outcome.complete and live.dropped_packets == 0
    (point,) = registry.points
    assert (point.id, point.interface, point.dropped_packets) == (f"live:{FAR}", FAR, 0)
    assert children() == []


def test_a_filter_chooses(cable):
    frames = two_talks()
    live = capture(filter="tcp port 80 and not (host 10.0.0.2)")
    batches = follow(live, lambda: send_soon(frames), lambda packets: packets >= 2)
    assert sum(int(batch.wire_bytes.sum()) for batch in batches) == CLIENT_TO_WEB


def test_it_ends_after_its_packets(cable):
    live = capture(LiveLimits(30, 1 << 30, 3))
    batches = follow(live, lambda: send_soon(two_talks()), lambda packets: False)
    assert sum(map(len, batches)) == 3 and live.outcome.complete


def test_it_ends_after_its_bytes(cable):
    frames = two_talks()
    live = capture(LiveLimits(30, len(frames[0]) + 1, 1_000))
    batches = follow(live, lambda: send_soon(frames), lambda packets: False)
    assert sum(map(len, batches)) >= 2 and live.outcome.complete


def test_it_ends_after_its_seconds_in_silence(cable):
    live = capture(LiveLimits(0.5, 1 << 30, 1_000))
    assert follow(live, lambda: None, lambda packets: False) == []
    assert live.outcome.complete and [notice.code for notice in live.outcome.notices] == ["no_packets"]
    assert children() == []


def test_closing_the_iterator_ends_every_process(cable):
    batches = capture().batches()
    next(batches)
    assert sorted(word for _, word in children()) == ["dumpcap", "tshark"]
    batches.close()
    assert children() == []


@pytest.mark.parametrize(("program", "part"), [("dumpcap", "dumpcap"), ("tshark", "tshark")])
def test_the_death_of_a_tool_keeps_what_was_captured_and_says_so(cable, program, part):
    live = capture()
    batches = live.batches()
    timer, packets = None, 0
    for batch in batches:
        timer = timer or send_soon(two_talks())
        packets += len(batch)
        if packets == len(two_talks()):
            for pid, word in children():
                if word == program:
                    os.kill(pid, signal.SIGKILL)
    assert not live.outcome.complete and live.outcome.packets == len(two_talks())
    assert part in live.outcome.damage and "SIGKILL" in live.outcome.damage
    assert children() == []


def test_the_end_of_the_interface_is_told(cable):
    live = capture()
    timer, packets, gone = None, 0, False
    for batch in live.batches():
        timer = timer or send_soon(two_talks())
        packets += len(batch)
        if packets == len(two_talks()) and not gone:
            ip("link", "delete", FAR)
            gone = True
    assert not live.outcome.complete and live.outcome.packets == len(two_talks())
    assert FAR in live.outcome.damage and children() == []


def test_dumpcap_dies_with_the_process_that_captures(cable, tmp_path):
    program = (
        "from flowmap.capture.live import *; from flowmap.capture.points import Registry;"
        "from flowmap.settings import Settings\n"
        f"for _ in LiveCapture({FAR!r}, None, LiveLimits(60, 1 << 30, 1000), Registry(), Settings()).batches():"
        " print('on', flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == b"on\n"
        tools = [
            int(folder.name) for folder in Path("/proc").glob("[0-9]*")
            if (folder / "comm").exists() and parent_of(folder) == process.pid
        ]  # fmt: skip
        assert len(tools) == 2
        process.kill()
    end = time.monotonic() + WITHIN_S
    while any(alive(pid) for pid in tools):
        assert time.monotonic() < end
        time.sleep(0.05)


def parent_of(folder):
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def run_on_standard_input(content, packets=1000):
    """What a capture of standard input says: packets, or the sentence."""
    program = (
        "from flowmap.capture.live import *; from flowmap.capture.points import Registry;"
        "from flowmap.settings import Settings; from flowmap.errors import FlowMapError\n"
        "try:\n"
        f" live = LiveCapture('-', None, LiveLimits(30, 1 << 30, {packets}), Registry(), Settings())\n"
        " print(sum(map(len, live.batches())), live.outcome.complete, live.outcome.damage)\n"
        "except FlowMapError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, timeout=WITHIN_S)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode().strip()


def test_a_capture_on_standard_input():
    assert run_on_standard_input(pcap(two_talks())) == f"{len(two_talks())} True None"


def test_a_broken_capture_on_standard_input():
    assert run_on_standard_input(b"").startswith("Standard input is empty")
    assert run_on_standard_input(b"hello, world").startswith("Standard input is not a capture")
    cut = run_on_standard_input(pcap(two_talks())[:-5])
    assert cut.startswith(f"{len(two_talks()) - 1} False The live capture ended after")


def test_a_stream_is_left_after_the_packets_asked_for():
    assert run_on_standard_input(pcap(two_talks() * 2_000)[:-5], packets=3) == "3 True None"


def test_standard_input_takes_no_filter():
    with pytest.raises(UsageError, match="needs an interface"):
        check_live("-", "tcp", SETTINGS)


@pytest.mark.parametrize(
    "text",
    ["", "tcp port 80", "host 10.0.0.1 or host 2001:db8::1", "net 10.0.0.0/8 and not (vlan 7 or icmp)",
     "portrange 80-90", "ether host 00:50:56:00:00:01", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
     "ip[2:2] - ((ip[0]&0xf)<<2) > 100",
     "udp port 4789 && udp[8:4]=0x08000000", "src net 192.168", "greater 100", "ip6 proto 58", "net fe80::/10"],
)  # fmt: skip
def test_filters_that_libpcap_need_not_look_up(text):
    check_words(text, SETTINGS)


@pytest.mark.parametrize(
    "text",
    ["host example.org", "localhost", "port http", "host face", "tcp; ls", "tcp `id`", "$(id)", "tcp\\", "host 'a'",
     "gateway r1", "tcp port 80 or host evil.test", "ünicode", "host 10.0.0.1\0"],
)  # fmt: skip
def test_filters_with_names_or_signs_of_other_languages(text):
    with pytest.raises(UsageError, match="no keyword, number or address"):
        check_words(text, SETTINGS)


@pytest.mark.parametrize("text", ["tcp " * 600, " or ".join(["tcp"] * 150), "x" * 68_000])
def test_filters_that_are_too_long(text):
    with pytest.raises(UsageError, match="limit"):
        check_words(text, SETTINGS)


@pytest.mark.parametrize("text", ["tcp port (", "port 99999", "tcp and and udp", "-w"])
def test_filters_that_are_none(text):
    with pytest.raises(UsageError) as raised:
        check_live("lo", text, SETTINGS)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["nosuch0", "TCP@127.0.0.1:9", "rpcap://x/y", "/tmp/pipe", "-w", "lo; id", "sshdump", "1", ""]
)
def test_only_names_of_the_kernels_list_are_interfaces(name, monkeypatch):
    def no_process(*arguments, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with pytest.raises(CaptureError, match="There is no interface"):
        check_live(name, None, SETTINGS)


def test_interfaces_are_those_of_the_kernel(cable):
    found = {row["name"]: row for row in interfaces()}
    assert found.keys() == {name for _, name in socket.if_nameindex()} == {"lo", NEAR, FAR}
    assert found["lo"]["loopback"] and not found[FAR]["loopback"] and found[FAR]["up"]
    ip("link", "set", FAR, "down")
    assert not next(row for row in interfaces() if row["name"] == FAR)["up"]
    check_interface(FAR)
    with pytest.raises(CaptureError, match="is down"):
        check_live(FAR, None, SETTINGS)


def test_a_missing_or_powerless_dumpcap_is_told(tmp_path):
    with pytest.raises(ToolError, match="dumpcap was not found"):
        try_on_interface("", "lo", Settings(dumpcap_path="/nowhere/dumpcap"))
    dumpcap = tmp_path / "dumpcap"
    dumpcap.write_text(
        "#!/bin/sh\necho 'dumpcap: You do not have permission to capture on device \"lo\".' >&2\n"
        "echo '(socket: Operation not permitted)' >&2\nexit 1\n"
    )
    dumpcap.chmod(0o755)
    with pytest.raises(ToolError, match="may not capture on lo"):
        try_on_interface("", "lo", Settings(dumpcap_path=str(dumpcap)))
    assert "may not capture" in capture_problem(Settings(dumpcap_path=str(dumpcap)))
    assert capture_problem(SETTINGS) is None


def test_a_dumpcap_that_takes_too_long_is_ended(tmp_path):
    dumpcap = tmp_path / "dumpcap"
    dumpcap.write_text("#!/bin/sh\nexec sleep 60\n")
    dumpcap.chmod(0o755)
    with pytest.raises(UsageError, match="compile"):
        try_on_interface("tcp", "lo", Settings(dumpcap_path=str(dumpcap)))
    assert children() == []
