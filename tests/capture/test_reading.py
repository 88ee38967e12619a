"""A capture as its users see it: progress, outcome, names of files, what stands in the registry."""

from __future__ import annotations

import gzip

import pytest

from flowmap.capture import open_capture
from flowmap.capture.points import Registry
from flowmap.settings import Settings
from tests.capture.corpus_frames import nested
from tests.capture.files import enhanced, interface, pcap, pcapng
from tests.capture.frames import GRE, PLAIN, erspan2, eth, ip4
from tests.capture.reading import read_bytes


@pytest.mark.parametrize("data", [pcap([PLAIN] * 1000), pcapng(interface(), enhanced() * 1000)])
def test_progress_runs_from_nothing_to_all(tmp_path, data):
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    told: list[tuple[int, float | None]] = []
    capture = open_capture(path, Registry(), Settings(batch_packets=100))
    assert capture.outcome is None
    for _ in capture.batches(progress=lambda packets, share: told.append((packets, share))):
        assert capture.outcome is None
    assert [packets for packets, _ in told] == [*range(100, 1000, 100), 1000]
    for packets, share in told:
        assert share is not None and abs(share - packets / 1000) < 0.02
    assert told[-1][1] == 1.0 and capture.outcome is not None and capture.outcome.packets == 1000


def test_progress_of_a_compressed_file_has_no_share(tmp_path):
    path = tmp_path / "a.pcap.gz"
    path.write_bytes(gzip.compress(pcap([PLAIN] * 300)))
    told: list[float | None] = []
    capture = open_capture(path, Registry(), Settings(batch_packets=100))
    list(capture.batches(progress=lambda _, share: told.append(share)))
    assert told == [None, None, 1.0]


def test_points_carry_the_name_that_was_given(tmp_path):
    path = tmp_path / "5f3c"
    path.write_bytes(pcap(linktype=1, snaplen=96))
    registry = Registry()
    list(open_capture(path, registry, Settings(), file="span.pcap").batches())
    (point,) = registry.points
    assert (point.key.file, point.linktype, point.snaplen, point.interface) == ("span.pcap", 1, 96, "")


def test_two_captures_share_a_registry(tmp_path):
    registry = Registry()
    for name in ("a", "b"):
        path = tmp_path / name
        path.write_bytes(pcap())
        list(open_capture(path, registry, Settings()).batches())
    assert [point.id for point in registry.points] == ["a", "b"]


def test_a_capture_can_be_read_again(tmp_path):
    result = read_bytes(tmp_path, pcap())
    assert sum(len(batch) for batch in result.capture.batches()) == 5
    assert len(result.registry.points) == 1


def test_a_mirror_that_feeds_itself_is_skipped(tmp_path):
    frame = nested(60, lambda inner: eth(ip4(erspan2(inner, 9), GRE)), PLAIN)
    result = read_bytes(tmp_path, pcap([PLAIN, frame]))
    assert result.outcome.skipped == {"too_deep": 1}
    assert result.packets.ip_version.tolist() == [4, 0]
    assert len(result.registry.points) == 1 and result.registry.tunnels == []
