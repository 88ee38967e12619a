"""The files of a ring joined again are the stream they were cut from."""

from __future__ import annotations

import shutil
import struct
import subprocess

import pytest

from flowmap.capture.kept_ring import head_of, join_ring
from tests.api.frames import pcap, two_talks

FRAMES = two_talks()


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + length + body + length


def head(order="<", interfaces=2):
    section = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    return section + b"".join(block(1, struct.pack(f"{order}HHI", 1, 0, 0), order) for _ in range(interfaces))


def packet(data, order="<", interface=0):
    facts = struct.pack(f"{order}IIIII", interface, 0, 0, len(data), len(data))
    return block(6, facts + data, order)


def ring(folder, start, *parts):
    files = []
    for number, part in enumerate(parts):
        files.append(folder / f"live-{number:05}")
        files[-1].write_bytes(start + part)
    return files


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("cuts", [(6,), (1, 6), (2, 3, 6)])
def test_pcapng_files_become_one_section(tmp_path, order, cuts):
    every = [packet(data, order, number % 2) for number, data in enumerate(FRAMES)]
    parts = [b"".join(every[first:last]) for first, last in zip((0, *cuts), cuts, strict=False)]
    files = ring(tmp_path, head(order), *parts)
    size = join_ring(files, tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == head(order) + b"".join(every)
    assert size == (tmp_path / "joined").stat().st_size and [path.name for path in tmp_path.iterdir()] == ["joined"]


def test_pcap_files_become_one(tmp_path):
    whole = pcap(FRAMES)
    start, records = whole[:24], whole[24:]
    second = 16 + len(FRAMES[0])
    files = ring(tmp_path, start, records[:second], records[second:])
    join_ring(files, tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == whole


def test_a_file_with_another_head_keeps_it(tmp_path):
    files = ring(tmp_path, b"", head() + packet(FRAMES[0]), head(interfaces=1) + packet(FRAMES[1]))
    join_ring(files, tmp_path / "joined")
    expected = head() + packet(FRAMES[0]) + head(interfaces=1) + packet(FRAMES[1])
    assert (tmp_path / "joined").read_bytes() == expected


@pytest.mark.parametrize(
    "content", [b"", b"\n", head()[:20], head()[:28], head() + b"\1\0\0\0\0\0\0\0" * 3, block(0x0A0D0D0A, b"") * 3]
)
def test_the_head_of_a_damaged_file_is_no_more_than_the_file(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert content.startswith(head_of(tmp_path / "file"))


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_other_tools_read_what_was_joined(tmp_path):
    files = ring(tmp_path, head(), *(packet(data) for data in FRAMES))
    join_ring(files, tmp_path / "joined")
    told = subprocess.run(["capinfos", "-Mc", tmp_path / "joined"], capture_output=True, text=True, check=True).stdout
    assert told.split()[-1] == str(len(FRAMES))
