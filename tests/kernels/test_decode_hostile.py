"""The header reader and the fold on damaged files and cut frames: no crash, no byte too far, nothing lost uncounted."""

from __future__ import annotations

import os
import pickle
import random
import re
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowmap.errors import CaptureError
from flowmap.packets import COLUMNS
from tests.capture import files
from tests.capture import frames as f
from tests.capture.agreement import allowed_classes, differing_frames, layers_of, rows_of
from tests.kernels import hostile
from tests.kernels.hostile import Answer, answers

ROOT = Path(__file__).parents[2]
FLIPS, THROUGH_TSHARK = 2_000, 50
PCAP_HEADER_BYTES, RECORD_HEADER_BYTES = 24, 16
RECORD_HEADERS_BYTES = (RECORD_HEADER_BYTES, 20, 24)
"""Nothing but the first records tells the variants of old tools apart, and damage there may speak for another one."""

LENGTH_OF_ANOTHER_VARIANT = PCAP_HEADER_BYTES + RECORD_HEADERS_BYTES[-1] + len(hostile.mixed_frames(1, 0)[0])
"""A whole file of one record with the 24-byte header of an old tcpdump: Wireshark reads this prefix so too."""


def check_counts(answer: Answer) -> None:
    """Every packet is in a leg, a copy, without IP or skipped, and an early end is told."""
    if answer.refused:
        assert answer.packets == 0 and answer.refused.count("\n") == 0
        return
    no_ip = np.count_nonzero(answer.rows("ip_version") == 0)
    assert answer.packets == len(answer.rows("frame_number"))
    assert answer.packets == answer.leg_packets + answer.duplicate_packets + no_ip
    assert 0 <= answer.skipped <= no_ip == answer.no_ip_packets
    assert answer.complete == (answer.damage is None)


def check_prefix(length: int, answer: Answer, whole: Answer, ends: dict[int, int]) -> None:
    """``ends`` says how many packets there are before each place where a record or block ends."""
    check_counts(answer)
    packets = max((count for end, count in ends.items() if end <= length), default=0)
    if length not in ends and packets == 0:
        assert answer.refused
        return
    assert (answer.packets, answer.complete) == (packets, length in ends)
    for name in COLUMNS:
        rows, expected = answer.rows(name), whole.rows(name)
        assert rows.tobytes() == expected[: len(rows)].tobytes()


def pcap_ends() -> dict[int, int]:
    sizes = [RECORD_HEADER_BYTES + len(frame) for frame in hostile.mixed_frames(1, 16)]
    return {end: count for count, end in enumerate(accumulate(sizes, initial=PCAP_HEADER_BYTES))}


def pcapng_ends() -> dict[int, int]:
    blocks = hostile.pcapng_blocks()
    ends, packets = accumulate(len(block) for block, _ in blocks), accumulate(count for _, count in blocks)
    return dict(zip(ends, packets, strict=True))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, list[Answer]]:
    """What the compiled kernels say of every prefix and of each damaged file."""
    folder = tmp_path_factory.mktemp("compiled")
    return {
        "pcap": list(answers(folder, hostile.prefixes(hostile.small_pcap()))),
        "pcapng": list(answers(folder, hostile.prefixes(hostile.small_pcapng()))),
        "flips": list(answers(folder, hostile.flipped(FLIPS))),
    }


@pytest.mark.parametrize("name", ["pcap", "pcapng"])
def test_every_prefix_gives_the_packets_that_are_whole_in_it(tmp_path, compiled, name):
    data, ends = (hostile.small_pcap(), pcap_ends()) if name == "pcap" else (hostile.small_pcapng(), pcapng_ends())
    found = compiled[name]
    assert len(found) == len(data) + 1 and max(ends) == len(data)
    for length, answer in enumerate(found):
        if name == "pcap" and length == LENGTH_OF_ANOTHER_VARIANT:
            check_counts(answer)
            assert (answer.packets, answer.complete) == (1, True)
        else:
            check_prefix(length, answer, found[-1], ends)
    assert found[-1].leg_packets > 5 and found[-1].no_ip_packets > 2
    again = answers(tmp_path, hostile.prefixes(data, 7), workers=2)
    for length, answer in zip(range(0, len(data) + 1, 7), again, strict=True):
        assert answer == found[length], length


def test_damaged_files_lose_nothing_uncounted(compiled):
    good = hostile.good_files()
    broken, skipped, refused = 0, 0, 0
    for data, answer in zip(hostile.flipped(FLIPS), compiled["flips"], strict=True):
        check_counts(answer)
        broken, skipped = broken + (not answer.complete), skipped + (answer.skipped > 0)
        refused += answer.refused != ""
        if data[:PCAP_HEADER_BYTES] not in {one[:PCAP_HEADER_BYTES] for one in good} or data[:4] == b"\n\r\r\n":
            continue
        assert not answer.refused or "holds no readable packet" in answer.refused
        left = re.search(r"([\d,]+) bytes \([\d.]+ %\) not read", answer.damage or answer.refused)
        unread = int(left[1].replace(",", "")) if left else 0
        rest = len(data) - PCAP_HEADER_BYTES - int(answer.rows("captured_bytes").sum()) - unread
        assert answer.refused or rest in [size * answer.packets for size in RECORD_HEADERS_BYTES]
    assert min(broken, skipped) > FLIPS / 20 and 0 < refused < FLIPS / 20


def test_damaged_files_give_the_same_again_with_two_workers(tmp_path, compiled):
    for number, answer in enumerate(answers(tmp_path, hostile.flipped(FLIPS), workers=2)):
        assert answer == compiled["flips"][number], number


@pytest.mark.parametrize(
    ("frame", "without", "incomplete"),
    [(f.PLAIN, 14, 20), (f.eth(f.tag(f.ip6(f.tcp(b"x" * 9), f.TCP), 5, f.IPV6), f.VLAN), 18, 40)],
    ids=["IPv4", "tagged IPv6"],
)
def test_a_header_that_was_not_captured_whole_is_skipped_with_its_reason(tmp_path, frame, without, incomplete):
    cuts = hostile.every_cut([frame])
    data = files.file_header() + b"".join(files.record(cut, length=length) for cut, length in cuts)
    (answer,) = answers(tmp_path, [data])
    check_counts(answer)
    assert (answer.packets, answer.skipped) == (len(frame) + 1, incomplete)
    assert answer.no_ip_packets == without + incomplete


@pytest.mark.parametrize("linktype", hostile.LINK_TYPES)
def test_what_stands_around_a_frame_changes_nothing(linktype):
    cuts = hostile.cut_frames(linktype, 3_000)
    rows, messages = hostile.rows_between(cuts, lambda count: b"\xff" * count, linktype)
    assert len(set(rows)) > len(rows) / 20
    for filler in (bytes, random.Random(linktype).randbytes):
        other, other_messages = hostile.rows_between(cuts, filler, linktype)
        check_rows(cuts, rows, other)
        assert messages == other_messages
    assert messages or linktype not in (hostile.ETHERNET, hostile.COOKED)


def check_rows(cuts: list[hostile.Frame], rows: list[bytes], other: list[bytes]) -> None:
    assert len(cuts) == len(rows) == len(other)
    for frame, row, another in zip(cuts, rows, other, strict=True):
        assert row == another, (frame[0].hex(), frame[1])


EVERYTHING = "import sys; from tests.kernels.hostile import main; main(sys.argv[1], *map(int, sys.argv[2:]))"


def in_another_process(folder: Path, switch: str, source: str, *arguments: str) -> Any:
    """Run a program that writes a pickle to its first argument, with kernels of its own."""
    out = folder / "found"
    environment = {**os.environ, switch: "1", "FLOWMAP_KERNEL_CACHE_DIR": str(folder)}
    program = [sys.executable, "-W", "ignore::RuntimeWarning", "-c", source, str(out), *arguments]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return pickle.loads(out.read_bytes())


@pytest.mark.parametrize(
    ("switch", "flips", "prefix_step", "count", "cut_step"),
    [("NUMBA_BOUNDSCHECK", 300, 13, 400, 1), ("NUMBA_DISABLE_JIT", 60, 97, 400, 29)],
    ids=["with bounds checking", "without compiling"],
)
def test_the_kernels_keep_to_the_bytes_and_to_python(tmp_path, compiled, switch, flips, prefix_step, count, cut_step):
    """Each frame lies alone in its data here, so that a byte before or behind it would be out of bounds."""
    numbers = [str(number) for number in (flips, prefix_step, count, cut_step)]
    found = in_another_process(tmp_path, switch, EVERYTHING, *numbers)
    assert found["flips"] == compiled["flips"][:flips]
    for name in ("pcap", "pcapng"):
        assert found[name] == compiled[name][::prefix_step]
    for name, frames, linktype in hostile.lone_frames(count, cut_step):
        rows, messages = found[name]
        expected, expected_messages = hostile.rows_between(frames, bytes, linktype)
        check_rows(frames, expected, rows)
        assert messages == expected_messages


SLOW_LANE = """
import pickle, sys
import numpy as np
from flowmap.kernels import decode
from tests.kernels import hostile

read_plain, taken = decode.read_plain, []

def never(*arguments):
    taken.append(bool(read_plain(*arguments)))
    return False

decode.read_plain = never
with np.errstate(over="ignore"):
    rows = hostile.rows_between(hostile.nearly_plain_frames(12000), bytes)
with open(sys.argv[1], "wb") as out:
    pickle.dump((rows, taken), out)
"""


def test_the_fast_lane_says_what_the_slow_lane_says(tmp_path):
    frames = hostile.nearly_plain_frames(12_000)
    (rows, messages), taken = in_another_process(tmp_path, "NUMBA_DISABLE_JIT", SLOW_LANE)
    fast_rows, fast_messages = hostile.rows_between(frames, bytes)
    assert len(taken) == len(frames) and 0.1 < sum(taken) / len(taken) < 0.9
    check_rows(frames, rows, fast_rows)
    assert messages == fast_messages


def test_fifty_damaged_files_read_the_same_through_tshark(tmp_path):
    classes = allowed_classes()
    chosen = set(random.Random(5).sample(range(FLIPS), THROUGH_TSHARK))
    unknown, packets = {}, 0
    for number, data in enumerate(hostile.flipped(FLIPS)):
        if number not in chosen:
            continue
        path = tmp_path / f"{number}.cap"
        path.write_bytes(data)
        try:
            header = rows_of(path, "auto")
        except CaptureError:
            with pytest.raises(CaptureError):
                rows_of(path, "pyshark")
            continue
        pyshark = rows_of(path, "pyshark")
        assert header.complete == pyshark.complete, number
        differing = differing_frames(header, pyshark)
        packets += len(header.columns["frame_number"])
        layers = layers_of(path) if differing else {}
        for frame, columns in differing.items():
            if not any(pattern.search(layers[frame]) for pattern in classes.values()):
                unknown[number, frame] = (layers[frame], columns)
    assert unknown == {}
    assert packets > THROUGH_TSHARK * 10
