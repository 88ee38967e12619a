"""Whatever tshark does, reading ends with an outcome or one sentence, and no process is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from flowmap.capture import open_capture
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError, ToolError
from flowmap.settings import Settings
from tests.capture import reading
from tests.capture.fake_tools import fake_tshark
from tests.capture.files import pcap
from tests.capture.frames import PLAIN
from tests.capture.reading import Result

read, read_bytes = (partial(way, reader="pyshark") for way in (reading.read, reading.read_bytes))

QUICK = {"tshark_stall_s": 0.5, "tshark_wall_s": 20.0}


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path):
    """No child of ours, no process that a fake tshark has started, no open pipe."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert running_from(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def running_from(folder: Path) -> list[str]:
    """Command lines of processes that run the fake tshark of this test."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder / "tshark").encode() in command:
                found.append(command.decode())
    return found


def run(folder: Path, behaviour: str, **settings: object) -> Result:
    chosen = fake_tshark(folder, behaviour, **{**QUICK, **settings})
    return read_bytes(folder, pcap([PLAIN] * 100), chosen)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("rows(5); time.sleep(600)", "silence"),
        ("rows(5); signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", "silence"),
        ("rows(5); os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("rows(5); os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("rows(5); print('failed to allocate 9 bytes', file=sys.stderr, flush=True); os.abort()", "memory"),
        ("rows(5); sys.exit(7)", "status 7"),
        ("rows(5, end='1700000000.0\\t60'); os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("rows(5); subprocess.Popen([sys.argv[0], 'sleep']); time.sleep(600)", "silence"),
    ],
)  # fmt: skip
def test_packets_before_the_failure_count(tmp_path, behaviour, says):
    if "subprocess" in behaviour:
        behaviour = "if 'sleep' in sys.argv: time.sleep(600)\n" + behaviour
    result = run(tmp_path, behaviour)
    assert result.outcome.packets == len(result.packets) == 5
    assert not result.outcome.complete
    assert says in (result.outcome.damage or "")
    assert f"damage at byte {24 + 5 * 78:,} of {24 + 100 * 78:,}" in (result.outcome.damage or "")


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("time.sleep(600)", "silence"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("sys.exit(1)", "refused"),
        (
            "print('tshark: The file \"/secret/x.pcap\" is no capture.', file=sys.stderr); sys.exit(2)",
            "is no capture",
        ),
        ("sys.stdout.write('x' * 3_000_000); sys.stdout.flush(); time.sleep(600)", "beyond every limit"),
        ("print('one cell only')", "another form"),
    ],
)  # fmt: skip
def test_nothing_read_is_one_sentence(tmp_path, behaviour, says):
    with pytest.raises(CaptureError) as refusal:
        run(tmp_path, behaviour)
    sentence = str(refusal.value)
    assert says in sentence and sentence.endswith(".") and "\n" not in sentence
    assert str(tmp_path) not in sentence and "/secret" not in sentence


def test_processor_time_is_limited(tmp_path):
    result = run(tmp_path, "rows(5)\nwhile True: pass", tshark_cpu_s=1, tshark_stall_s=30.0)
    assert "FLOWMAP_TSHARK_CPU_S" in (result.outcome.damage or "")


def test_memory_is_limited(tmp_path):
    grow = "rows(5)\ntime.sleep(0.2)\nblock = b'x' * (1 << 30)\nrows(9)"
    result = run(tmp_path, grow, tshark_memory_bytes=300 << 20)
    assert result.outcome.packets == 5 and not result.outcome.complete


def test_a_program_that_writes_for_ever_ends_at_the_wall(tmp_path):
    result = run(tmp_path, "while True: rows(1); time.sleep(0.01)", tshark_wall_s=1.5)
    assert "FLOWMAP_TSHARK_WALL_S" in (result.outcome.damage or "") and result.outcome.packets > 10


def test_a_megabyte_of_errors_without_a_line_end_blocks_nothing(tmp_path):
    result = run(tmp_path, "sys.stderr.write('e' * 1_000_000); sys.stderr.flush(); rows(100)")
    assert result.outcome.complete and result.outcome.packets == 100


@pytest.mark.parametrize("errors", ["'e' * 10_000_000", "'e\\n' * 5_000_000", "'\\0\\xff' * 5_000_000"])
def test_ten_megabytes_of_errors_block_nothing(tmp_path, errors):
    result = run(tmp_path, f"rows(50); sys.stderr.write({errors}); sys.stderr.flush(); rows(50)", tshark_stall_s=30.0)
    assert result.outcome.complete and result.outcome.packets == 100


def test_errors_without_end_are_no_sign_of_life(tmp_path):
    result = run(tmp_path, "rows(5)\nwhile True: sys.stderr.write('e' * 100_000)")
    assert result.outcome.packets == 5 and "silence" in (result.outcome.damage or "")


def test_the_last_sentence_of_a_noisy_tshark_is_found(tmp_path):
    noise = "sys.stderr.write('Dissector bug, protocol X, in packet 1\\n' * 20_000)\n"
    end = "sys.stderr.write('tshark: The file \"a b\" appears to be damaged or corrupt.\\n(pcap: bad)\\n'); sys.exit(2)"
    result = run(tmp_path, "rows(5)\n" + noise + end)
    assert "appears to be damaged or corrupt (pcap: bad)" in (result.outcome.damage or "")
    assert result.notices()["dissector_bug"] > 100


def test_an_abandoned_reading_ends_its_process(tmp_path):
    settings = fake_tshark(tmp_path, "rows(90)\ntime.sleep(600)", batch_packets=10, **QUICK)
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap())
    batches = open_capture(path, Registry(), settings, reader="pyshark").batches()
    next(batches)
    assert len(running_from(tmp_path)) == 1
    batches.close()


def test_killed_at_any_row_the_count_is_right(tmp_path):
    for rows in (1, 2, 99, 8191, 8192, 8193, 20_000):
        result = run(tmp_path, f"rows({rows}, end='half a row'); os.kill(os.getpid(), signal.SIGKILL)")
        assert (result.outcome.packets, result.outcome.complete) == (rows, False)


def test_no_tshark_is_one_sentence_that_says_how_to_get_it(tmp_path):
    with pytest.raises(ToolError, match="apt install tshark"):
        read_bytes(tmp_path, pcap(), Settings(tshark_path=str(tmp_path / "none")))
    with pytest.raises(ToolError, match="absolute path"):
        read_bytes(tmp_path, pcap(), Settings(tshark_path="tshark"))


def test_a_tshark_that_cannot_run_is_one_sentence(tmp_path):
    program = tmp_path / "tshark"
    program.write_text("#!/nonexistent/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(ToolError, match="cannot be run"):
        read_bytes(tmp_path, pcap(), Settings(tshark_path=str(program)))


def test_nothing_planted_in_the_working_folder_runs(tmp_path, monkeypatch):
    planted = tmp_path / "planted"
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    planted.chmod(0o755)
    (tmp_path / "config.ini").write_text(f"[tshark]\ntshark_path = {planted}\n[dumpcap]\ndumpcap_path = {planted}\n")
    (tmp_path / "init.lua").write_text(f"os.execute('touch {tmp_path}/ran')\n")
    (tmp_path / "preferences").write_text("ip.defragment: TRUE\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_bytes(tmp_path, pcap()).outcome.complete
    assert not (tmp_path / "ran").exists()


def test_names_of_files_are_no_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-r", "-w out", "--version", "a b;c`d`", "наме.pcap", "x" * 200):
        Path(name).write_bytes(pcap())
        assert read(Path(name)).outcome.packets == 5


def test_reading_needs_no_event_loop_and_disturbs_none(tmp_path):
    async def inside() -> int:
        return (await asyncio.to_thread(read_bytes, tmp_path, pcap())).outcome.packets + read_bytes(
            tmp_path, pcap()
        ).outcome.packets

    assert asyncio.run(inside()) == 10
    assert read_bytes(tmp_path, pcap()).outcome.packets == 5


def test_signals_of_the_group_do_not_reach_us(tmp_path):
    received = []
    previous = signal.signal(signal.SIGTERM, lambda *_: received.append(1))
    try:
        run(tmp_path, "rows(5)\nos.killpg(os.getpgid(0), signal.SIGTERM)\ntime.sleep(600)")
        time.sleep(0)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert received == []
