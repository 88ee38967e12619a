"""Live capture with the real dumpcap: frames over cables of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from flowmap.capture.points import Registry
from flowmap.packets import ip_text
from flowmap.settings import Settings
from tests.api.frames import CLIENT_TO_WEB, WEB, named_talks, two_talks
from tests.api.private_network import FAR, NEAR, ip, private_network, send
from tests.capture.live_cable import (
    LiveLimits,
    capture,
    descendants,
    descriptors,
    is_alive,
    packets_of,
    pids_of,
    send_when_heard,
    wait_until,
)

FRAMES = two_talks()


@pytest.fixture(autouse=True)
def cable():
    with private_network():
        yield


def test_frames_on_the_cable_become_batches():
    registry, first = Registry(), []
    live = capture(registry=registry)
    send_when_heard(FRAMES)

    def keep_first(batch):
        if len(batch) and not first:
            first.append(ip_text(*batch.src_ip[0].tolist()))

    numbers, frame_bytes, _ = packets_of(live, lambda packets: packets >= len(FRAMES), each=keep_first)
    assert numbers == list(range(1, len(FRAMES) + 1)) and live.packets == live.outcome.packets == len(FRAMES)
    assert frame_bytes == sum(map(len, FRAMES)) == live.info.size_bytes == live.captured_bytes
    assert first == [WEB[1]]
    assert live.outcome.complete and live.drops == {FAR: 0} and live.dropped_packets == 0
    (point,) = registry.points
    assert (point.id, point.interface, point.dropped_packets) == (f"live:{FAR}", FAR, 0)
    assert descendants() == {}


def test_several_interfaces_are_capture_points_of_their_own():
    ip("link", "add", "fm-two-near", "type", "veth", "peer", "name", "fm-two-far")
    for name in ("fm-two-near", "fm-two-far"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as file:
            file.write("1")
        ip("link", "set", name, "up")
    registry, by_point = Registry(), {}

    def count(batch):
        for point in batch.point.tolist():
            by_point[registry.points[point].interface] = by_point.get(registry.points[point].interface, 0) + 1

    live = capture(names=(FAR, "fm-two-far"), registry=registry)
    send_when_heard(None, FAR, "fm-two-far", through={NEAR: FRAMES, "fm-two-near": FRAMES[:2]})
    packets_of(live, lambda packets: packets >= len(FRAMES) + 2, each=count)
    assert by_point == {FAR: len(FRAMES), "fm-two-far": 2}
    assert {point.id for point in registry.points} == {f"live:{FAR}", "live:fm-two-far"}
    assert live.drops == {FAR: 0, "fm-two-far": 0} and live.outcome.complete


def test_a_filter_chooses():
    live = capture(LiveLimits(1e10, 1 << 50, 1 << 50), filter="tcp port 80 and not (host 10.0.0.2)")
    send_when_heard(FRAMES)
    _, _, wire_bytes = packets_of(live, lambda packets: packets >= 2)
    assert wire_bytes == CLIENT_TO_WEB


def test_it_ends_after_its_packets():
    live = capture(LiveLimits(30, 1 << 30, 3))
    send_when_heard(FRAMES)
    numbers, _, _ = packets_of(live)
    assert numbers == [1, 2, 3] and live.outcome.complete


def test_it_ends_after_its_bytes():
    live = capture(LiveLimits(30, len(FRAMES[0]) + 1, 1_000))
    send_when_heard(FRAMES)
    numbers, _, _ = packets_of(live)
    assert len(numbers) >= 2 and live.outcome.complete


def test_it_ends_after_its_seconds_in_silence():
    live = capture(LiveLimits(0.5, 1 << 30, 1_000))
    assert packets_of(live)[0] == []
    assert live.outcome.complete and [notice.code for notice in live.outcome.notices] == ["no_packets"]
    assert live.drops == {FAR: 0} and descendants() == {}


def test_names_come_while_it_runs_and_at_the_end(monkeypatch):
    from flowmap.capture import live_names

    monkeypatch.setattr(live_names, "INTERVAL_S", 0.0)
    frames, found = named_talks(), []
    live = capture()
    send_when_heard(frames)

    def take(batch):
        found.extend(record.name for record in live.take_names() if hasattr(record, "name"))
        if found:
            live._stop.set()
        elif live.packets:
            send(frames[-1:])  # a search begins with frames, so the cable must not be silent

    packets_of(live, each=take)
    live.finish_names()
    assert found == ["web.corp"], "found while capturing, and once only"
    assert [record for record in live.take_names() if hasattr(record, "name")] == []
    assert descendants() == {}


def test_the_last_names_are_searched_at_the_end():
    live = capture()
    send_when_heard(named_talks())
    packets_of(live, lambda packets: packets >= len(named_talks()))
    assert live.take_names() == []
    live.finish_names()
    assert [(record.name, record.ip) for record in live.take_names() if hasattr(record, "name")] == [
        ("web.corp", WEB[1])
    ]


def test_closing_the_iterator_ends_every_process():
    batches = capture().batches()
    next(batches)
    wait_until(lambda: pids_of("dumpcap"), "dumpcap was not started")
    batches.close()
    assert descendants() == {}


def test_the_death_of_dumpcap_keeps_what_was_captured_and_says_so():
    live = capture()
    send_when_heard(FRAMES)

    def kill(batch):
        if live.packets == len(FRAMES):
            for pid in pids_of("dumpcap"):
                os.kill(pid, signal.SIGKILL)

    packets_of(live, each=kill)
    assert not live.outcome.complete and live.outcome.packets == len(FRAMES)
    assert "dumpcap" in live.outcome.damage and "SIGKILL" in live.outcome.damage
    assert live.drops == {FAR: None} and descendants() == {}


def test_the_end_of_the_interface_is_told():
    live, gone = capture(), []
    send_when_heard(FRAMES)

    def remove(batch):
        if live.packets == len(FRAMES) and not gone:
            ip("link", "delete", FAR)
            gone.append(True)

    packets_of(live, each=remove)
    assert not live.outcome.complete and live.outcome.packets == len(FRAMES)
    assert f"{FAR} went away" in live.outcome.damage and descendants() == {}


@pytest.mark.parametrize("silent", [True, False])
def test_dumpcap_ends_with_the_process_that_captures(silent):
    program = (
        "from flowmap.capture.live import *; from flowmap.capture.points import Registry;"
        "from flowmap.settings import Settings\n"
        f"for _ in LiveCapture([{FAR!r}], None, LiveLimits(60, 1 << 30, 1000), Registry(), Settings()).batches():"
        " print('on', flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout.readline() == b"on\n"
        wait_until(lambda: pids_of("dumpcap", process.pid), "dumpcap was not started")
        tools = descendants(process.pid)
        process.kill()
    if not silent:
        send(FRAMES)
    wait_until(lambda: not any(map(is_alive, tools)), "something was left behind")


def test_twenty_captures_leave_no_process_descriptor_or_thread_behind():
    packets_of(capture(LiveLimits(0.1, 1 << 30, 1_000)))
    before, threads = descriptors(), threading.active_count()
    for number in range(20):
        live = capture()
        batches = live.batches()
        next(batches)
        if number % 2:
            live._stop.set()
            assert sum(map(len, batches)) == 0
            live.finish_names()
        else:
            batches.close()
        del live, batches
    assert descriptors() == before and threading.active_count() == threads and descendants() == {}


def fake_tshark(folder, script):
    """A program in tshark's place."""
    path = folder / "tshark"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Settings(tshark_path=str(path), name_seconds=1.0)


def test_a_search_for_names_that_hangs_ends_with_the_capture(tmp_path, monkeypatch):
    from flowmap.capture import live_names

    monkeypatch.setattr(live_names, "INTERVAL_S", 0.0)
    live = capture(settings=fake_tshark(tmp_path, "exec sleep 600").model_copy(update={"name_seconds": 600.0}))
    send_when_heard(named_talks())
    batches = live.batches()
    for _ in batches:
        if live.packets and not pids_of("sleep"):
            send(named_talks())
        elif live.packets:
            break
    batches.close()
    assert descendants() == {}


@pytest.mark.parametrize("script", ["exec sleep 600", "kill -9 $$"])
def test_names_that_cannot_be_searched_cost_no_packet(tmp_path, script):
    live = capture(settings=fake_tshark(tmp_path, script))
    send_when_heard(named_talks())
    packets_of(live, lambda packets: packets >= len(named_talks()))
    live.finish_names()
    assert live.packets == len(named_talks()) and live.outcome.complete
    assert [notice.code for notice in live.outcome.notices] == ["names_incomplete"]
    assert descendants() == {}


def test_without_tshark_everything_but_names_is_there():
    live = capture(settings=Settings(tshark_path="/nowhere/tshark"))
    send_when_heard(named_talks())
    packets_of(live, lambda packets: packets >= len(named_talks()))
    live.finish_names()
    assert live.packets == len(named_talks()) and live.outcome.complete and live.take_names() == []
    assert [notice.code for notice in live.outcome.notices] == ["no_tshark"]


def test_every_interface_at_once():
    registry = Registry()
    live = capture(names=("any",), registry=registry)

    def heard():
        # The pseudo-interface is a socket that is bound to none.
        wait_until(lambda: pids_of("dumpcap"), "dumpcap was not started")
        while live.packets < len(FRAMES) and not live._stop.is_set():
            send(FRAMES)
            threading.Event().wait(0.3)

    threading.Thread(target=heard, daemon=True).start()
    packets_of(live, lambda packets: packets >= len(FRAMES))
    assert {point.interface for point in registry.points} == {"any"}
    assert live.drops == {"any": 0} and live.outcome.complete


def test_what_waits_in_memory_is_bounded():
    """Nobody takes batches for a while: dumpcap has to wait, and the kernel counts what it lost."""
    large = [frame + bytes(1_000) for frame in FRAMES]
    live = capture(settings=Settings(live_queue_bytes=1 << 20))
    batches = live.batches()
    next(batches)
    send_when_heard(large).join()
    sent = len(large)
    while live.behind_bytes < 1 << 20:
        send(large * 100)
        sent += 100 * len(large)
    for _ in range(10):
        send(large * 1_000)
        sent += 1_000 * len(large)
    assert live.behind_bytes <= 2 << 20
    live._stop.set()
    packets = sum(map(len, batches))
    assert live.packets == packets and live.dropped_packets > 0
    # What still waits in the kernel when dumpcap is told to end is neither.
    assert packets + live.dropped_packets <= sent
