"""``flowmap live`` as its user runs it: on a cable of the test's own, and behind a pipe."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from tests.api.frames import WEB_TO_DATABASE, named_talks, pcap, two_talks
from tests.api.private_network import FAR, ip, private_network
from tests.capture.live_cable import is_alive, pids_of, send_when_heard, wait_until
from tests.capture.test_live import fake_tshark
from tests.capture.test_live_streams import pcapng
from tests.cli.command_line import flowmap, sentence

FRAMES = two_talks()
WITHIN_S = 60


@pytest.fixture
def cable():
    with private_network():
        yield


def press_ctrl_c(process):
    process.send_signal(signal.SIGINT)


def run_live(*arguments, frames=FRAMES, interrupt_after=None, interrupt=press_ctrl_c):
    """The program on the cable, its standard error on a terminal; ``interrupt_after`` packets Ctrl-C is pressed."""
    terminal, its_end = os.openpty()
    sender = send_when_heard(frames)
    process = subprocess.Popen(
        [sys.executable, "-m", "flowmap", "live", "-i", FAR, *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its_end,
    )  # fmt: skip
    os.close(its_end)
    seen = bytearray()

    def watch():
        pressed = False
        while True:
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:  # the program has gone
                return
            if not data:
                return
            seen.extend(data)
            if interrupt_after and not pressed and f" {interrupt_after:,} packets".encode() in seen:
                pressed = True
                interrupt(process)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, _ = process.communicate(timeout=WITHIN_S)
    watcher.join(WITHIN_S)
    sender.join(WITHIN_S)
    os.close(terminal)
    assert b"Traceback" not in seen, seen.decode()
    return process.returncode, output.decode(), seen.decode()


def test_the_map_of_a_cable(cable, tmp_path):
    code, output, told = run_live(
        "--packets", len(named_talks()), "--seconds", 50, "-o", tmp_path / "map.json",
        "--point", f"live:{FAR}=host:esx-01,role:uplink", frames=named_talks(),
    )  # fmt: skip
    assert code == 0 and output.startswith(f"{FAR}: {len(named_talks())} packets")
    assert f"Capturing on {FAR} for up to 50 s; Ctrl-C ends it. Dropped packets are counted at the end only." in told
    limit = "the limit set for this capture (--packets, FLOWMAP_LIVE_PACKETS)"
    assert told.splitlines()[-1] == f"flowmap: Stopped after {len(named_talks())} packets, {limit}."
    document = json.loads((tmp_path / "map.json").read_text())
    (point,) = document["graph"]["points"]
    assert (point["id"], point["role"], point["host"]) == (f"live:{FAR}", "uplink", "esx-01")
    assert point["dropped_packets"] == 0
    names = {name["name"] for node in document["nodes"] for name in node["names"]}
    assert "web.corp" in names
    assert sorted(edge["wire_bytes"] for edge in document["edges"])[-1] == WEB_TO_DATABASE


def test_ctrl_c_ends_in_the_map(cable):
    code, output, told = run_live(interrupt_after=len(FRAMES))
    assert code == 0 and output.startswith(f"{FAR}: {len(FRAMES)} packets")
    assert re.search(rf"\d+ s, {len(FRAMES)} packets, [\d,]+ a second, [\d.]+ k?B", told)
    assert told.splitlines()[-1] == "flowmap: Stopped by you."


def test_the_end_of_its_time_is_told(cable):
    code, _, told = run_live("--seconds", 1, frames=[])
    limit = "the limit set for this capture (--seconds, FLOWMAP_LIVE_SECONDS)"
    assert code == 0 and told.splitlines()[-1] == f"flowmap: Stopped after 1 s, {limit}."


def test_an_interface_that_goes_away_is_told_once_and_as_damage(cable):
    """What is wrong with the end says why it ended: nothing is said twice."""
    code, output, told = run_live(interrupt_after=len(FRAMES), interrupt=lambda _: ip("link", "delete", FAR))
    assert code == 3 and output.startswith(f"{FAR}: {len(FRAMES)} packets")
    said = [line for line in told.splitlines() if line.startswith("flowmap: ")]
    assert len(said) == 1 and f"The interface {FAR} went away" in said[0]


def test_a_signal_to_end_is_told(cable):
    code, _, told = run_live(interrupt_after=len(FRAMES), interrupt=lambda process: process.terminate())
    assert code == 0 and told.splitlines()[-1] == "flowmap: Stopped by a signal to end."


def test_the_last_packets_are_kept(cable, tmp_path):
    code, _, told = run_live("--packets", len(FRAMES), "--keep", tmp_path / "ring")
    assert code == 0 and (tmp_path / "ring").stat().st_mode & 0o777 == 0o700
    (kept,) = (tmp_path / "ring").iterdir()
    assert f"All {len(FRAMES)} packets are in {tmp_path / 'ring'} ({kept.name}," in told
    again = flowmap("analyze", kept, "-o", "-")
    assert json.loads(again.stdout)["graph"]["totals"]["packets"] == len(FRAMES)


def test_a_killed_program_leaves_no_dumpcap(cable):
    with subprocess.Popen(
        [sys.executable, "-m", "flowmap", "live", "-i", FAR], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        send_when_heard(FRAMES).join(WITHIN_S)
        tools = pids_of("dumpcap", process.pid)
        process.kill()
    assert tools
    for pid in tools:
        for _ in range(WITHIN_S * 20):
            if not is_alive(pid):
                break
            threading.Event().wait(0.05)
        assert not is_alive(pid)


def test_a_capture_through_a_pipe():
    run = flowmap("live", "-i", "-", "--point", "live:vmnic4=role:mirror", "-o", "-", stdin=pcapng(FRAMES))
    assert run.returncode == 0
    document = json.loads(run.stdout)
    assert document["graph"]["totals"]["packets"] == len(FRAMES)
    assert [(point["id"], point["role"]) for point in document["graph"]["points"]] == [("live:vmnic4", "mirror")]
    assert run.stderr.decode().startswith(f"standard input: {len(FRAMES)} packets")
    assert run.stderr.decode().splitlines()[-1] == "flowmap: The stream on standard input ended."


def test_a_pipe_that_breaks_off_gives_what_came_and_says_so():
    run = flowmap("live", "-i", "-", "-o", "-", stdin=pcap(FRAMES)[:-5])
    assert run.returncode == 3 and json.loads(run.stdout)["graph"]["complete"] is False
    assert (
        run.stderr.decode()
        .splitlines()[-1]
        .startswith(f"flowmap: The live capture ended after {len(FRAMES) - 1} packets: the next record is cut short")
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "says"),
    [
        (("-i", "-"), b"", 1, "is empty"),
        (("-i", "-"), b"hello, world", 1, "not a capture"),
        (("-i", "-", "-i", "lo"), b"", 2, "together"),
        (("-i", "lo", "-i", "lo"), b"", 2, "twice"),
        (("-i", "-", "--keep", "/dev/null"), b"", 2, "--keep"),
        (("-i", "-", "--filter", "tcp"), b"", 2, "filter"),
        (("-i", "-", "--seconds", "86401"), b"", 2, "a day (--seconds 86400) at most"),
    ],
)
def test_mistakes_are_one_sentence(arguments, stdin, code, says):
    run = flowmap("live", *arguments, stdin=stdin)
    assert run.returncode == code and says in sentence(run)


@pytest.mark.parametrize("option", ["--seconds", "--packets"])
@pytest.mark.parametrize("number", ["0", "-1"])
def test_less_than_nothing_is_no_limit(option, number):
    run = flowmap("live", "-i", "-", option, number)
    said = " ".join(run.stderr.decode().replace("│", " ").split())
    assert run.returncode == 2 and f"Invalid value for '{option}': Input should be greater than or equal to 1" in said


def test_a_day_is_allowed():
    run = flowmap("live", "-i", "-", "--seconds", 86_400, "-o", "-", stdin=pcapng(FRAMES))
    assert run.returncode == 0 and json.loads(run.stdout)["graph"]["totals"]["packets"] == len(FRAMES)


@pytest.mark.parametrize("command", [("live", "-i", "-"), ("serve", "--port", "0"), ("doctor", "--settings")])
@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("FLOWMAP_LIVE_SECONDS", "0", "is wrong: input should be greater than or equal to 1; "),
        ("FLOWMAP_LIVE_SECONDS", "86401", "is wrong: input should be less than or equal to 86400; "),
        ("FLOWMAP_LIVE_BYTES", "-1", "is wrong: input should be greater than or equal to 1; "),
        ("FLOWMAP_VXLAN_PORTS", "4789,8472", "should be a JSON list, like [1, 2]; "),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(command, name, value, wrong):
    run = flowmap(*command, stdin=pcapng(FRAMES), **{name: value})
    assert run.returncode == 2 and run.stdout == b"" and f": {name} {wrong}correct or unset it" in sentence(run)


def test_a_pipe_with_more_than_the_limit_says_so():
    run = flowmap("live", "-i", "-", "-o", "-", stdin=pcapng(FRAMES * 10), FLOWMAP_LIVE_PACKETS="7")
    assert run.returncode == 0 and json.loads(run.stdout)["graph"]["totals"]["packets"] == 7
    said = run.stderr.decode().splitlines()[-1]
    limit = "the limit set for this capture (--packets, FLOWMAP_LIVE_PACKETS)"
    assert said == f"flowmap: Stopped after 7 packets, {limit}."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_names_need_not_be_waited_for(tmp_path, number):
    """One Ctrl-C is enough, and neither tshark nor its folder stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    fake_tshark(tmp_path, "exec sleep 600")
    environment = {"FLOWMAP_TSHARK_PATH": tmp_path / "tshark", "FLOWMAP_NAME_SECONDS": "600", "TMPDIR": folder}
    with subprocess.Popen(
        [sys.executable, "-m", "flowmap", "live", "-i", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, **environment},
    ) as process:  # fmt: skip
        process.stdin.write(pcapng(named_talks()))
        process.stdin.close()
        wait_until(lambda: pids_of("sleep", process.pid), "names are not searched for")
        (search,) = pids_of("sleep", process.pid)
        process.send_signal(number)
        assert process.wait(WITHIN_S) == 130 and b"Traceback" not in process.stderr.read()
    assert not is_alive(search) and list(folder.iterdir()) == []
