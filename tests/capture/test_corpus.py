"""Every file of the corpus gets the answer that the reference demands, and never a traceback."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import pytest

from flowmap.errors import CaptureError
from tests.capture.corpus import OK, PARTIAL, PCAP_CASES, PCAPNG_CASES, REJECTED, Case
from tests.capture.corpus_frames import FRAME_CASES
from tests.capture.files import pcap
from tests.capture.frames import PLAIN
from tests.capture.reading import read, read_bytes

CASES = [*PCAP_CASES, *PCAPNG_CASES, *FRAME_CASES]
OF_TSHARK_ALONE = {"dissector_bug"}
"""Notices about a mistake of tshark's, which the header reader does not make."""

either_reader = pytest.mark.parametrize("reader", ["auto", "pyshark"])


def expected_notices(case: Case, reader: str) -> dict[str, int]:
    """What a case must say; of a dissector's mistakes only where a dissector has read it."""
    left_out = OF_TSHARK_ALONE if reader == "header" else set()
    return {code: count for code, count in case.notices.items() if code not in left_out}


def test_the_corpus_is_whole():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 117


@either_reader
@pytest.mark.parametrize("case", [c for c in CASES if c.state == REJECTED], ids=lambda case: case.name)
def test_a_file_without_a_readable_packet_is_refused_in_one_sentence(tmp_path, case: Case, reader):
    with pytest.raises(CaptureError) as refusal:
        read_bytes(tmp_path, case.data, name="given-name", reader=reader)
    sentence = str(refusal.value)
    assert case.says in sentence
    assert sentence.startswith("given-name ") and sentence.endswith(".")
    assert str(tmp_path) not in sentence and "\n" not in sentence


@either_reader
@pytest.mark.parametrize("case", [c for c in CASES if c.state == OK], ids=lambda case: case.name)
def test_a_whole_file_is_read_to_its_end(tmp_path, case: Case, reader):
    result = read_bytes(tmp_path, case.data, reader=reader)
    assert len(result.packets) == result.outcome.packets == case.packets
    assert result.outcome.complete and result.outcome.damage is None
    assert expected_notices(case, result.capture.info.reader).items() <= result.notices().items()
    assert result.outcome.skipped == case.skipped


@either_reader
@pytest.mark.parametrize("case", [c for c in CASES if c.state == PARTIAL], ids=lambda case: case.name)
def test_a_damaged_file_is_read_to_the_damage(tmp_path, case: Case, reader):
    result = read_bytes(tmp_path, case.data, reader=reader)
    assert len(result.packets) == result.outcome.packets == case.packets
    assert not result.outcome.complete
    assert expected_notices(case, result.capture.info.reader).items() <= result.notices().items()
    sentence = result.outcome.damage or ""
    assert f"{case.packets} packets were read" in sentence and str(tmp_path) not in sentence
    if case.offset is not None:
        left = len(case.data) - case.offset
        assert f"damage at byte {case.offset:,} of {len(case.data):,}, {left:,} bytes" in sentence
    assert f"last good packet at 2023-11-14T22:13:20.{(case.packets - 1) % 5:06d}000Z" in sentence


@pytest.mark.parametrize(
    "name",
    ["captured length 2^32-1", "original length 2^32-1", "snaplen 2^32-1", "ng interface 2^32-1",
     "ng block length 2^32-4", "ng captured beyond block", "ng simple packet length 2^32-1"],
)  # fmt: skip
def test_what_a_length_claims_takes_no_memory(tmp_path, name):
    case = next(case for case in CASES if case.name == name)
    tracemalloc.start()
    try:
        with contextlib.suppress(CaptureError):
            read_bytes(tmp_path, case.data, reader="header")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@either_reader
def test_gzip_cut_short_gives_the_packets_before_the_cut(tmp_path, reader):
    data = gzip.compress(pcap([PLAIN] * 5000))[:-200]
    first = read_bytes(tmp_path, data, reader=reader)
    whole_records = (len(zlib.decompressobj(31).decompress(data)) - 24) // (16 + len(PLAIN))
    assert 4500 < whole_records < 5000 and first.outcome.packets == whole_records
    assert not first.outcome.complete and first.notices()["truncated_gzip"] == 1
    assert "decompressed data" in (first.outcome.damage or "")
    again = [read(tmp_path / "test.pcap", reader=reader).outcome.packets for _ in range(4)]
    assert again == [first.outcome.packets] * 4


@either_reader
def test_the_answer_is_the_same_every_time(tmp_path, reader):
    cut = next(case for case in PCAP_CASES if case.name == "cut in a packet")
    outcomes = [read_bytes(tmp_path, cut.data, reader=reader).outcome for _ in range(12)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
