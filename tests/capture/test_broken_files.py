"""Every prefix of a small capture, and thousands of flipped bytes: a result or one sentence, and each time the same.

In the suite the header reader gets all prefixes and some hundreds of flips, tshark a few. ``-m soak`` gives both all.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowmap.errors import CaptureError
from tests.capture.corpus import FIVE, NG
from tests.capture.files import enhanced, interface, section
from tests.capture.frames import PLAIN
from tests.capture.reading import read_bytes

RECORD_BYTES = 16 + len(PLAIN)
FLIPS, FLIP_SHARE = 2_000, 0.02
"""Files with flipped bytes, and the share of bytes flipped in each: that of Wireshark's own fuzz job."""

REJECTED = -1


def answer(folder: Path, data: bytes, reader: str) -> tuple[int, bool]:
    """Packets and whether they are all; (-1, False) for a file that is refused. Nothing else may happen."""
    try:
        outcome = read_bytes(folder, data, name="given", reader=reader).outcome
    except CaptureError as error:
        sentence = str(error)
        assert sentence.endswith(".") and "\n" not in sentence and str(folder) not in sentence
        return REJECTED, False
    assert outcome.complete or (outcome.damage and str(folder) not in outcome.damage)
    return outcome.packets, outcome.complete


AS_MODIFIED = 24 + 24 + len(PLAIN)
"""A prefix of this size is a whole file of one record, if that has the longer header of another variant. Wireshark
takes it for that too."""


def pcap_prefix(size: int) -> tuple[int, bool]:
    """What the first bytes of a file of equal records hold: a header of 24, then whole records."""
    if size < 24:
        return REJECTED, False
    if size == AS_MODIFIED:
        return 1, True
    packets, rest = divmod(size - 24, RECORD_BYTES)
    return (packets, not rest) if packets or not rest else (REJECTED, False)


def pcapng_prefix(size: int) -> tuple[int, bool]:
    """The same for a section, an interface, and whole blocks."""
    start, first = len(section()), len(section() + interface())
    if size < start:
        return REJECTED, False
    if size < first:
        return (0, True) if size == start else (REJECTED, False)
    packets, rest = divmod(size - first, len(enhanced()))
    return (packets, not rest) if packets or not rest else (REJECTED, False)


PREFIXES = [("pcap", FIVE, pcap_prefix), ("pcapng", NG, pcapng_prefix)]
kinds = pytest.mark.parametrize(("kind", "whole", "expected"), PREFIXES, ids=["pcap", "pcapng"])


def check_prefixes(folder: Path, whole: bytes, expected, reader: str, step: int = 1) -> None:
    wrong = {}
    for size in [*range(0, len(whole), step), len(whole)]:
        found = answer(folder, whole[:size], reader)
        if found != expected(size):
            wrong[size] = (found, expected(size))
    assert wrong == {}


@kinds
def test_every_prefix_gives_what_is_whole_in_it(tmp_path, kind, whole, expected):
    check_prefixes(tmp_path, whole, expected, "header")


@kinds
def test_tshark_gives_the_same_of_some_prefixes(tmp_path, kind, whole, expected):
    check_prefixes(tmp_path, whole, expected, "pyshark", step=61)


@pytest.mark.soak
@kinds
def test_tshark_gives_the_same_of_every_prefix(tmp_path, kind, whole, expected):
    check_prefixes(tmp_path, whole, expected, "pyshark")


def flipped(number: int) -> bytes:
    """A sound file with some bytes replaced; always the same for a number."""
    chance = random.Random(number)
    data = bytearray(chance.choice((FIVE, NG)))
    for at in range(len(data)):
        if chance.random() < FLIP_SHARE:
            data[at] = chance.randrange(256)
    return bytes(data)


def check_flips(folder: Path, numbers: range, reader: str) -> int:
    """How many were read at least in part."""
    readable = 0
    for number in numbers:
        first = answer(folder, flipped(number), reader)
        assert answer(folder, flipped(number), reader) == first, f"file {number} was answered in two ways"
        readable += first != (REJECTED, False)
    return readable


def test_flipped_bytes_give_a_result_or_a_sentence(tmp_path):
    readable = check_flips(tmp_path, range(300), "header")
    assert 0 < readable < 300


def test_tshark_answers_flipped_bytes_too(tmp_path):
    check_flips(tmp_path, range(12), "pyshark")


@pytest.mark.soak
def test_two_thousand_files_with_flipped_bytes(tmp_path):
    assert 0 < check_flips(tmp_path, range(FLIPS), "header") < FLIPS


@pytest.mark.soak
def test_two_thousand_files_with_flipped_bytes_in_tshark(tmp_path):
    assert 0 < check_flips(tmp_path, range(FLIPS), "pyshark") < FLIPS
