"""The ring of files: bounded, private, and each file readable by another tool."""

from __future__ import annotations

import re
import subprocess

import pytest

from flowmap.capture.live import LiveLimits
from flowmap.capture.ring import Ring
from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks
from tests.api.private_network import private_network
from tests.capture.live_cable import capture, packets_of, send_when_heard
from tests.capture.test_live_streams import FRAMES, interface, packet, pcapng, read, section

MIB = 1 << 20
SETTINGS = Settings(live_ring_bytes=MIB, live_ring_files=4, batch_packets=100)
LARGE = [frame + bytes(1_000) for frame in two_talks()]


def counted_by_capinfos(file):
    done = subprocess.run(["capinfos", "-c", "-M", str(file)], capture_output=True, text=True, check=True)
    return int(re.search(r"Number of packets:\s+(\d+)", done.stdout)[1])


def interfaces_by_capinfos(file):
    done = subprocess.run(["capinfos", "-I", str(file)], capture_output=True, text=True, check=True)
    return re.findall(r"Name = (\S+)", done.stdout)


@pytest.mark.parametrize("whole", [pcap, pcapng])
def test_a_short_capture_is_kept_whole(tmp_path, whole):
    live, _ = read(whole(FRAMES), ring=tmp_path)
    (file,) = live.ring_files
    assert file.path == tmp_path / f"live-00001.{whole.__name__}"
    assert file.path.read_bytes() == whole(FRAMES)
    assert (file.packets, file.first_frame_number, file.size_bytes) == (len(FRAMES), 1, len(whole(FRAMES)))
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("whole", [pcap, pcapng])
def test_a_long_capture_keeps_the_last_packets_within_its_bounds(tmp_path, whole):
    frames = LARGE * 500
    live, _ = read(whole(frames), ring=tmp_path, settings=SETTINGS)
    files = live.ring_files
    assert live.packets == len(frames) and live.outcome.complete and live.ring_problem is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.path.name for file in files]
    assert 2 <= len(files) <= 4 and sum(path.stat().st_size for path in tmp_path.iterdir()) <= MIB
    for file in files:
        assert file.path.stat().st_size == file.size_bytes and counted_by_capinfos(file.path) == file.packets
    for file, after in zip(files, files[1:], strict=False):
        assert file.first_frame_number + file.packets == after.first_frame_number
    assert files[-1].first_frame_number + files[-1].packets == len(frames) + 1


def test_each_file_has_the_interfaces_seen_so_far(tmp_path):
    content = section() + interface(b"one") + b"".join(map(packet, LARGE * 100)) + interface(b"two")
    content += b"".join(packet(frame, number=1) for frame in LARGE * 200)
    live, _ = read(content, ring=tmp_path, settings=SETTINGS)
    assert all(interfaces_by_capinfos(file.path) == ["one", "two"] for file in live.ring_files[-2:])
    assert sum(counted_by_capinfos(file.path) for file in live.ring_files) == sum(f.packets for f in live.ring_files)


def test_damage_is_not_kept(tmp_path):
    live, _ = read(pcapng(FRAMES) + b"damage" * 100, ring=tmp_path)
    assert not live.outcome.complete
    assert live.ring_files[0].path.read_bytes() == pcapng(FRAMES)


def test_frames_of_dumpcap_are_all_in_the_ring(tmp_path):
    with private_network():
        live = capture(ring=tmp_path)
        send_when_heard(FRAMES * 100)
        packets_of(live, lambda packets: packets >= 100 * len(FRAMES))
    (file,) = live.ring_files
    assert counted_by_capinfos(file.path) == file.packets == live.packets == 100 * len(FRAMES)


def test_packets_beyond_the_limit_are_not_kept(tmp_path):
    live, _ = read(pcap(FRAMES * 100), ring=tmp_path, limits=LiveLimits(30, 1 << 30, 250))
    assert [counted_by_capinfos(file.path) for file in live.ring_files] == [250] == [live.packets]


def test_files_of_an_earlier_capture_are_left_alone(tmp_path):
    (tmp_path / "live-00007.pcapng").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_text("mine, too")
    live, _ = read(pcapng(FRAMES), ring=tmp_path)
    assert [file.path.name for file in live.ring_files] == ["live-00008.pcapng"]
    assert (tmp_path / "live-00007.pcapng").read_bytes() == b"mine"


def test_a_full_disk_ends_the_ring_and_not_the_capture(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=True)
    try:
        frames = LARGE * 100
        live, _ = read(pcapng(frames), ring=small, settings=SETTINGS.model_copy(update={"min_free_bytes": 0}))
        assert live.packets == len(frames) and live.outcome.complete
        assert "no longer kept" in live.ring_problem and live.ring_problem.endswith(".")
        assert all(counted_by_capinfos(file.path) == file.packets > 0 for file in live.ring_files)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_too_little_free_space_is_told_from_the_start(tmp_path):
    live, _ = read(pcapng(FRAMES), ring=tmp_path, settings=Settings(min_free_bytes=1 << 60))
    assert "FLOWMAP_MIN_FREE_BYTES" in live.ring_problem
    assert live.packets == len(FRAMES) and list(tmp_path.iterdir()) == []


def test_interfaces_without_end_end_the_ring(tmp_path):
    ring = Ring(tmp_path, ".pcapng", Settings())
    ring.begin(section())
    for _ in range(30_000):
        ring.describe(interface(b"n" * 60))
    ring.write(memoryview(packet(b"x" * 60)), 1, 1)
    assert "too many interfaces" in ring.problem and ring.files == []
