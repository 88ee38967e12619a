"""Why a live capture ended: each reason with its word and its sentence, and what can be told of losses before."""

from __future__ import annotations

import os
import signal
import time
from typing import get_args

import pytest

from flowmap.capture import interfaces
from flowmap.capture import live as live_capture
from flowmap.capture.live_end import EndedBy, LiveLimits, end_sentence
from flowmap.errors import CaptureError
from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks
from tests.api.private_network import FAR, ip, private_network, send
from tests.capture.live_cable import (
    capture,
    captured_until_one_of_two_is_down,
    packets_of,
    pids_of,
    send_when_heard,
    wait_until,
)
from tests.capture.test_live_ends import LARGE, fake_dumpcap
from tests.capture.test_live_streams import pcapng, read, standard_input, statistics

FRAMES = two_talks()
SENTENCES = {
    "seconds": "Stopped after 0.5 s, the limit set for this capture.",
    "bytes": "Stopped after 1,073,741,824 bytes, the limit set for this capture.",
    "packets": "Stopped after 1 packet, the limit set for this capture.",
    "stop": "Stopped by hand.",
    "unwatched": "Stopped because nobody had looked at it for 3,600 s (FLOWMAP_LIVE_UNWATCHED_S).",
    "cancelled": "Cancelled by hand.",
    "server": "Stopped because the server ended.",
    "stream": "The stream on standard input ended.",
    "interface": "The interface vnet0 went away or down.",
    "dumpcap": "dumpcap ended before any limit of this capture.",
    "damage": "What came could not be read any further.",
    "failure": "Ended early by a failure.",
}


@pytest.fixture
def cable():
    with private_network():
        yield


@pytest.mark.parametrize("ended_by", get_args(EndedBy))
def test_every_reason_has_its_sentence(ended_by):
    assert end_sentence(ended_by, LiveLimits(0.5, 1 << 30, 1), ["vnet0"], unwatched_s=3600) == SENTENCES[ended_by]


def test_sentences_name_the_limit_as_it_was_set():
    limits = LiveLimits(86_400, 1, 20_000_000)
    assert [end_sentence(by, limits, ["vnet0"]) for by in ("seconds", "bytes", "packets")] == [
        "Stopped after 86,400 s, the limit set for this capture.",
        "Stopped after 1 byte, the limit set for this capture.",
        "Stopped after 20,000,000 packets, the limit set for this capture.",
    ]
    assert "One of the interfaces vnet0, vnet1 went" in end_sentence("interface", limits, ["vnet0", "vnet1"])


@pytest.mark.parametrize(
    ("limits", "why", "sentence"),
    [
        (LiveLimits(0.5, 1 << 30, 1_000), "seconds", "Stopped after 0.5 s, the limit set for this capture."),
        (LiveLimits(30, len(FRAMES[0]) + 1, 1_000), "bytes", f"Stopped after {len(FRAMES[0]) + 1:,} bytes, the"),
        (LiveLimits(30, 1 << 30, 3), "packets", "Stopped after 3 packets, the limit set for this capture."),
    ],
)
def test_a_limit_that_was_reached(cable, limits, why, sentence):
    live = capture(limits)
    assert live.ended_by is live.end_sentence is None
    send_when_heard(FRAMES if why != "seconds" else [])
    packets_of(live)
    assert live.ended_by == why and live.end_sentence.startswith(sentence) and live.outcome.complete


def test_a_stop(cable):
    live = capture()
    send_when_heard(FRAMES)
    packets_of(live, lambda packets: packets >= len(FRAMES))
    assert (live.ended_by, live.end_sentence, live.outcome.complete) == ("stop", "Stopped by hand.", True)


def test_dumpcaps_own_time_limit_is_the_one_that_was_set(cable):
    """Somebody who takes no batches for longer than the capture lasts: dumpcap ends it, at the same limit."""
    live = capture(LiveLimits(0.5, 1 << 30, 1_000))
    batches = live.batches()
    next(batches)
    wait_until(lambda: live._drain.has_ended, "dumpcap did not end by itself")
    assert sum(map(len, batches)) == 0
    assert (live.ended_by, live.outcome.complete, live.drops) == ("seconds", True, {FAR: 0})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_dumpcap_that_somebody_else_ended(cable, number):
    """In order, as SIGTERM does it, nothing is missing; killed, its last packets and its drop counters are."""
    live = capture()
    send_when_heard(FRAMES)

    def end(batch):
        if live.packets == len(FRAMES):
            for pid in pids_of("dumpcap"):
                os.kill(pid, number)

    packets_of(live, each=end)
    assert live.ended_by == "dumpcap" and live.outcome.complete is (number == signal.SIGTERM)
    assert live.dropped_packets == (0 if number == signal.SIGTERM else None)


def test_an_interface_that_went(cable):
    live, gone = capture(), []
    send_when_heard(FRAMES)

    def go(batch):
        if live.packets == len(FRAMES) and not gone:
            ip("link", "delete", FAR)
            gone.append(True)

    packets_of(live, each=go)
    assert live.ended_by == "interface" and not live.outcome.complete
    assert live.end_sentence == f"The interface {FAR} went away or down."


def test_an_interface_that_went_before_the_first_packet(cable):
    live, gone = capture(), []

    def go(batch):
        if live._reader is not None and not gone:
            ip("link", "delete", FAR)
            gone.append(True)

    with pytest.raises(CaptureError, match=f"The interface {FAR}"):
        packets_of(live, each=go)
    assert live.ended_by == "interface"


def test_an_interface_that_is_down_for_a_while_ends_nothing(cable):
    """What comes afterwards is captured."""
    live, changes = capture(), [("down", FAR), ("up", FAR)]
    send_when_heard(FRAMES)

    def switch(batch):
        if live.packets == len(FRAMES) and changes:
            ip("link", "set", changes[0][1], changes.pop(0)[0])
        elif not changes:
            send(FRAMES[:1])

    packets_of(live, lambda packets: packets > len(FRAMES), each=switch)
    assert (live.ended_by, live.outcome.complete) == ("stop", True)


def test_one_of_several_interfaces_that_went(cable):
    live = captured_until_one_of_two_is_down(FRAMES)
    assert live.ended_by == "interface" and not live.outcome.complete
    assert live.end_sentence == f"One of the interfaces {FAR}, fm-two-far went away or down."


def test_a_stop_stays_the_reason_when_dumpcap_does_not_obey(tmp_path, monkeypatch):
    """What is missing is damage; why it ended is that somebody stopped it."""
    monkeypatch.setattr(live_capture, "DRAIN_S", 0.1)
    live = capture(names=("lo",), settings=fake_dumpcap(tmp_path, pcapng(FRAMES), "exec sleep 600"))
    packets_of(live, lambda packets: packets >= len(FRAMES))
    assert live.ended_by == "stop" and "did not end when it was told to" in live.outcome.damage


def test_dumpcap_that_never_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(live_capture, "OPEN_S", 0.1)
    live = capture(names=("lo",), settings=fake_dumpcap(tmp_path, b"", "exec sleep 600"))
    with pytest.raises(CaptureError, match="has not begun"):
        packets_of(live)
    assert live.ended_by == "dumpcap"


@pytest.mark.parametrize(
    ("content", "why", "complete"),
    [
        (pcapng(FRAMES), "stream", True),
        (pcap(FRAMES)[:-5], "stream", False),  # ended too early: damage, and still its own end
        (pcap(FRAMES) + pcap(FRAMES), "damage", False),
    ],
    ids=["whole", "cut", "spoilt"],
)
def test_a_pipe(content, why, complete):
    live, _ = read(content)
    assert (live.ended_by, live.end_sentence) == (why, SENTENCES[why]) and live.outcome.complete is complete


@pytest.mark.parametrize(("cut", "complete"), [(0, True), (5, False)], ids=["whole", "cut"])
def test_a_pipe_that_ended_before_its_time_was_up_though_it_is_read_later(cut, complete):
    """Nothing was left out because of a limit, and what the writer broke off is damage."""
    content = pcap(FRAMES)
    with standard_input(content[: len(content) - cut]):
        live = capture(LiveLimits(0.3, 1 << 30, 1_000), names=("-",))
        batches, began = live.batches(), time.monotonic()
        next(batches)
        wait_until(lambda: live._drain.has_ended and time.monotonic() > began + 0.5, "the pipe did not end")
        assert sum(map(len, batches)) <= live.packets == len(FRAMES) - bool(cut)
    assert (live.ended_by, live.outcome.complete) == ("stream", complete)


def test_what_a_stream_says_of_drops_is_known_while_it_goes_on():
    with standard_input(pcapng(FRAMES) + statistics(0, 7), stays_open=True):
        live = capture(names=("-",))
        batches = live.batches()
        assert live.drops == {"-": None}
        while live.dropped_packets is None:
            assert len(next(batches)) <= len(FRAMES)
        assert (live.drops, live.ended_by) == ({"-": 7}, None)
        batches.close()


def test_a_full_queue_is_known_while_it_captures(tmp_path):
    """And drops are not, which dumpcap tells at its end: this one never does."""
    content = pcapng(LARGE * 5_000)
    live = capture(names=("lo",), settings=fake_dumpcap(tmp_path, content, "exec sleep 600", live_queue_bytes=1 << 20))
    batches = live.batches()
    packets = len(next(batches))
    # It may have been full before the first batch was taken, and is empty then for a moment.
    wait_until(lambda: live.held_up_s > 0 and live.behind_bytes >= 1 << 20, "the queue does not fill")
    assert live.dropped_packets is None
    while packets < len(LARGE) * 5_000:
        packets += len(next(batches))
    # The last bytes may have filled it, and whoever reads them ahead hears a moment later that they were taken.
    wait_until(lambda: live._drain._full_since_s is None, "the queue stays full")
    held_up_s = live.held_up_s
    next(batches)
    assert live.held_up_s == held_up_s > 0  # the queue is empty: it grows no more
    batches.close()


def test_a_queue_with_room_holds_nothing_up(cable):
    live = capture()
    send_when_heard(FRAMES)
    packets_of(live, lambda packets: packets >= len(FRAMES))
    assert live.held_up_s == 0


@pytest.fixture
def counters(cable, tmp_path, monkeypatch):
    """The kernel's folder of the cable's end, which sysfs does not show in a network namespace without a mount."""
    monkeypatch.setattr(interfaces, "_SYSTEM", tmp_path)
    folder = tmp_path / FAR
    (folder / "statistics").mkdir(parents=True)
    (folder / "ifindex").write_text(f"{interfaces.socket.if_nametoindex(FAR)}\n")

    def write(**counts):
        for name, count in counts.items():
            (folder / "statistics" / name).write_text(f"{count}\n")

    write(rx_missed_errors=1_000, rx_fifo_errors=5, rx_dropped=77)
    return write


def test_what_an_interface_has_missed_is_counted_from_the_start(counters):
    live = capture()
    batches = live.batches()
    next(batches)
    assert live.missed == {FAR: 0}
    counters(rx_missed_errors=1_010, rx_fifo_errors=7, rx_dropped=99)
    assert live.missed == {FAR: 12} and live.drops == {FAR: None}
    counters(rx_missed_errors=3, rx_fifo_errors=0)  # it began anew: what it lost before is not known
    assert live.missed == {FAR: None}
    batches.close()


def test_an_interface_without_counters_has_missed_nobody_knows_how_many(cable):
    live = capture(LiveLimits(0.1, 1 << 30, 1_000), names=(FAR,), settings=Settings())
    packets_of(live)
    assert live.missed == {FAR: None}
