"""What is let through as a capture, and what is refused before any tool sees it."""

from __future__ import annotations

import gzip
import os
import struct
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowmap.capture import open_capture
from flowmap.capture.container import recognise
from flowmap.capture.points import Registry
from flowmap.errors import CaptureError
from flowmap.settings import Settings
from tests.capture.files import file_header, pcap, pcapng, section
from tests.capture.reading import read_bytes


def recognised(folder, data: bytes, name: str = "x"):
    path = folder / name
    path.write_bytes(data)
    return recognise(path, "shown")


def erf(count: int = 5) -> bytes:
    """ERF Ethernet records: time (fraction, seconds), type 2, flags, lengths, two bytes of padding."""
    frame = bytes(60)
    return b"".join(
        struct.pack("<II", 0, 1_700_000_000 + n) + struct.pack("!BBHHH", 2, 4, 18 + 60, 0, 60) + b"\0\0" + frame
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (pcap(), "pcap"),
        (pcap(order=">"), "pcap"),
        (pcap(magic=0xA1B23C4D), "nanosecond-pcap"),
        (pcap(magic=0xA1B23C4D, order=">"), "nanosecond-pcap"),
        (file_header(magic=0xA1B2CD34), "modified-pcap"),
        (pcapng(), "pcapng"),
        (section(order=">"), "pcapng"),
        (b"snoop\0\0\0" + bytes(8), "snoop"),
        (b"RTSS" + bytes(60), "netmon1"),
        (b"GMBU" + bytes(60), "netmon2"),
        (b"XCP\0" + bytes(200), "netxray"),
        (b"TRSNIFF data    \x1a" + bytes(100), "sniffer"),
        (erf(), "erf"),
    ],
)
def test_formats_are_known_by_their_first_bytes(tmp_path, data, format):
    assert recognised(tmp_path, data).full_format == format
    assert recognised(tmp_path, gzip.compress(data)).full_format == format + "+gz"
    assert recognised(tmp_path, zstandard.compress(data)).full_format == format + "+zst"


def test_one_erf_record_needs_the_name_to_be_believed(tmp_path):
    assert recognised(tmp_path, erf(1), "x.erf").format == "erf"
    with pytest.raises(CaptureError, match="not a capture"):
        recognised(tmp_path, erf(1), "x.bin")


def test_facts_of_the_pcap_header(tmp_path):
    found = recognised(tmp_path, file_header(linktype=113 | 0x1400_0000, snaplen=96, order=">"))
    assert (found.linktype, found.snaplen, found.unknown_version) == (113, 96, False)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(gzip.compress(pcap())),
        gzip.compress(zstandard.compress(pcap())),
        zstandard.compress(gzip.compress(pcap())),
        zstandard.compress(zstandard.compress(pcap())),
    ],
)
def test_compression_in_compression_is_refused(tmp_path, data):
    with pytest.raises(CaptureError, match="compressed twice"):
        recognised(tmp_path, data)


def test_bombs_are_refused_by_their_first_bytes(tmp_path):
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(64)) + compressor.flush()
    for bomb in (zeros, zstandard.compress(bytes(1 << 26))):
        assert len(bomb) < 1 << 17
        with pytest.raises(CaptureError, match="not a capture"):
            recognised(tmp_path, bomb)


def test_many_empty_records_in_little_compressed_data_are_read(tmp_path):
    records = struct.pack("<IIII", 1_700_000_000, 0, 0, 60) * 500_000
    data = gzip.compress(file_header() + records, 9)
    assert len(data) < 1 << 14
    result = read_bytes(tmp_path, data)
    assert result.outcome.packets == 500_000 and result.notices()["nothing_captured"] == 500_000


def test_zstd_is_read_like_the_plain_file(tmp_path):
    plain, packed = read_bytes(tmp_path, pcap()), read_bytes(tmp_path, zstandard.compress(pcap()))
    assert packed.capture.info.format == "pcap+zst"
    assert packed.packets.time_ns.tolist() == plain.packets.time_ns.tolist()
    cut = read_bytes(tmp_path, zstandard.compress(pcap(os.urandom(200) for _ in range(2000)))[:-5000])
    assert not cut.outcome.complete and 0 < cut.outcome.packets < 2000


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: path.symlink_to(path.parent / "none"), "No such file"),
        (lambda path: None, "No such file"),
    ],
)
def test_what_is_no_file(tmp_path, make, says):
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(CaptureError) as refusal:
        open_capture(path, Registry(), Settings())
    assert says in str(refusal.value) and str(refusal.value).startswith("thing ")


def test_a_name_that_no_file_can_have():
    with pytest.raises(CaptureError, match="cannot be read"):
        open_capture("a\0b", Registry(), Settings())
    with pytest.raises(CaptureError, match="cannot be read"):
        open_capture("x" * 5000, Registry(), Settings())


def test_names_in_messages_are_harmless(tmp_path):
    path = tmp_path / "a\x1b[31m\u202eb"
    path.write_bytes(b"")
    with pytest.raises(CaptureError) as refusal:
        open_capture(path, Registry(), Settings())
    assert str(refusal.value).isprintable()


def test_the_hash_of_the_file_is_computed_when_asked_for(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(b"\xd4\xc3\xb2\xa1" + pcap()[4:])
    settings = Settings()
    assert open_capture(path, Registry(), settings).info.sha256 is None
    found = open_capture(path, Registry(), settings, hash_file=True, file="shown.pcap").info
    # sha256sum of the same bytes
    assert found.sha256 == "844aff033f3dabec372e5f0951b1b1b341418398dc22e342c0e49af69a9c0f70"
    assert (found.file, found.size_bytes, found.format, found.reader) == (
        "shown.pcap",
        414,
        "pcap",
        "header",
    )


@given(data=st.binary(max_size=200))
def test_no_beginning_breaks_the_recognition(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    try:
        found = recognise(path, "any")
    except CaptureError as error:
        assert str(error).startswith("any ") and str(error).endswith(".")
    else:
        assert found.size_bytes == len(data) > 12
