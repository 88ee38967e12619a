"""How a live capture ends when something is wrong with its end: nothing that is missing stays untold."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from flowmap.capture import live as live_capture
from flowmap.capture.interfaces import check_interface
from flowmap.capture.live import LiveCapture, LiveLimits
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError
from flowmap.settings import Settings
from tests.api.frames import named_talks, two_talks
from tests.api.private_network import FAR, ip, private_network
from tests.capture.live_cable import (
    LIMITS,
    WITHIN_S,
    capture,
    captured_until_one_of_two_is_down,
    descendants,
    packets_of,
    send_when_heard,
    wait_until,
)
from tests.capture.test_live import fake_tshark
from tests.capture.test_live_streams import interface, packet, pcapng, section, standard_input, statistics
from tests.capture.test_live_streams import read as read_stream

FRAMES = two_talks()
LARGE = [frame + bytes(1_000) for frame in FRAMES]


class Impatient(Exception):
    """What a signal raises."""


def fake_dumpcap(folder, content, then, **settings):
    """Settings with a program for dumpcap that captures ``content``, does ``then``, and never ends when told to."""
    (folder / "content").write_bytes(content)
    path = folder / "dumpcap"
    path.write_text(f'#!/bin/sh\n[ "$2" = -i ] && exit 0\ntrap "" TERM\ncat {folder}/content\n{then}\n')
    path.chmod(0o755)
    return Settings(dumpcap_path=str(path), **settings)


def test_dumpcap_that_died_before_the_stop_is_told(tmp_path):
    """It is dead, and what it wrote is still being read, when somebody stops the capture."""
    frames = LARGE * 2_000
    live = capture(names=("lo",), settings=fake_dumpcap(tmp_path, pcapng(frames), "kill -9 $$"))
    batches = live.batches()
    packets = len(next(batches))
    wait_until(lambda: live._drain.has_ended, "it did not die")
    assert live.behind_bytes > 0
    live._stop.set()
    packets += sum(map(len, batches))
    assert packets == live.packets == len(frames)
    assert not live.outcome.complete and "SIGKILL" in live.outcome.damage


def test_dumpcap_that_does_not_end_when_told_to_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(live_capture, "DRAIN_S", 0.1)
    settings = fake_dumpcap(tmp_path, pcapng(FRAMES), "exec sleep 600")
    live = capture(names=("lo",), settings=settings)
    packets_of(live, lambda packets: packets >= len(FRAMES))
    assert live.packets == len(FRAMES) and live.drops == {"lo": None}
    assert not live.outcome.complete and "did not end when it was told to" in live.outcome.damage
    assert descendants() == {}


def test_what_cannot_be_read_after_a_stop_is_told(monkeypatch):
    monkeypatch.setattr(live_capture, "DRAIN_S", -1.0)
    content = pcapng(LARGE * 5_000)
    with standard_input(content):
        live = LiveCapture(["-"], None, LIMITS, Registry(), Settings())
        batches = live.batches()
        next(batches)
        wait_until(lambda: live.behind_bytes > 16 << 20, "nothing is read ahead")
        live._stop.set()
        assert sum(map(len, batches)) < len(LARGE) * 5_000
    assert not live.outcome.complete and "bytes captured could not be read within" in live.outcome.damage


def test_the_end_of_one_of_several_interfaces_is_told_though_the_others_are_silent():
    """dumpcap then waits for a frame of each of the others, which does not come."""
    with private_network():
        live = captured_until_one_of_two_is_down(FRAMES)
        assert live.packets == len(FRAMES) and not live.outcome.complete
        assert f"The interface {FAR} went away" in live.outcome.damage
        assert descendants() == {}


def test_drops_of_the_loopback_interface_are_told():
    """dumpcap calls it "Loopback: lo"."""
    with private_network():
        live = capture(names=("lo",))
        send_when_heard(None, "lo", through={"lo": FRAMES})
        packets_of(live, lambda packets: packets >= len(FRAMES))
        assert live.drops == {"lo": 0} and live.dropped_packets == 0


def test_an_interface_that_is_called_a_number_is_refused():
    """dumpcap takes a number for the place in its list of interfaces, and captures on another."""
    with private_network():
        ip("link", "add", "1", "type", "veth", "peer", "name", "2nd")
        check_interface("2nd")
        with pytest.raises(CaptureError, match="'1'.*number"):
            check_interface("1")


def test_drops_of_the_whole_stream_are_not_those_of_an_interface_with_its_name():
    content = section() + interface(b"-") + interface(b"eth0")
    content += b"".join(packet(frame, number=number) for number in (0, 1) for frame in FRAMES)
    _, registry = read_stream(content + statistics(0, 1) + statistics(1, 7))
    assert [(point.interface, point.dropped_packets) for point in registry.points] == [("-", 1), ("eth0", 7)]


def test_a_stop_leaves_the_writer_of_a_pipe_its_last_words():
    """Ctrl-C ends both at once: what the writer had in hand, and what it has dropped, comes a moment later."""
    registry, stop = Registry(), threading.Event()
    reading, writing = os.pipe()
    saved = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    try:
        os.write(writing, pcapng(FRAMES))
        live = LiveCapture(["-"], None, LIMITS, registry, Settings(), stop=stop)
        for _ in live.batches():
            if live.ended_by and writing >= 0:
                os.write(writing, packet(FRAMES[0]) + statistics(0, 7))
                os.close(writing)
                writing = -1
            elif live.packets == len(FRAMES):
                stop.set()
    finally:
        os.dup2(saved, 0)
        os.close(saved)
    assert (live.packets, live.drops, live.ended_by) == (len(FRAMES) + 1, {"-": 7}, "stop")
    assert live.outcome.complete


@pytest.mark.parametrize(
    ("limits", "why"),
    [(LiveLimits(30, 1 << 30, 2), "packets"), (LiveLimits(30, 100, 1_000), "bytes"), (LIMITS, "stream")],
)
def test_it_tells_which_limit_ended_it(limits, why):
    live, _ = read_stream(pcapng(FRAMES), limits=limits)
    assert live.ended_by == why and live.outcome.complete


def test_somebody_who_waits_no_longer_for_names_leaves_no_search(tmp_path):
    settings = fake_tshark(tmp_path, "exec sleep 600").model_copy(update={"name_seconds": 600.0})
    live, _ = read_stream(pcapng(named_talks()), settings=settings)

    def interrupt(number, frame):
        raise Impatient

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        waiting = threading.Thread(
            target=lambda: (
                wait_until(lambda: "sleep" in descendants().values(), "no search"),
                time.sleep(0.5),  # until it is waited for
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1),
            )
        )
        waiting.start()
        with pytest.raises(Impatient):
            live.finish_names()
        waiting.join(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert descendants() == {} and "flowmap-names" not in [thread.name for thread in threading.enumerate()]


def test_a_search_for_which_there_is_no_thread_is_not_waited_for(monkeypatch):
    """Where processes are limited, the error has to come out and the capture to end."""
    live, _ = read_stream(pcapng(named_talks()))
    start = threading.Thread.start

    def refuse_searches(thread):
        if thread.name == "flowmap-names":
            raise RuntimeError("can't start new thread")
        start(thread)

    errors = []

    def finish():
        try:
            live.finish_names()
        except RuntimeError as error:
            errors.append(str(error))

    waiting = threading.Thread(target=finish, daemon=True)
    monkeypatch.setattr(threading.Thread, "start", refuse_searches)
    waiting.start()
    waiting.join(WITHIN_S)
    assert errors == ["can't start new thread"]
