"""``flowmap conversations``: what a capture built here holds, as a table and as CSV."""

from __future__ import annotations

import csv
import io
import itertools
import random
import re

import pytest

from flowmap.cli.conversations import plain_lines, print_rich
from tests.capture import frames as f
from tests.capture.files import SECOND, pcap
from tests.cli.command_line import flowmap, sentence

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
LONG_A, LONG_B = "fd00:1111:2222:3333:4444:5555:6666:7777", "fe80:1111:2222:3333:4444:5555:6666:8888"
SEGMENT, DATAGRAM = 1000, 20
SYN, ACK = 2, 16
ETHERNET, IPV4_HEADER, IPV6_HEADER, TCP_HEADER, UDP_HEADER, ICMP_HEADER = 14, 20, 40, 20, 8, 8
SMALL = ETHERNET + IPV4_HEADER + TCP_HEADER
"""Wire bytes of a TCP segment without payload."""


def built():
    """Four of client to server and two back over TCP, one UDP datagram over IPv6, three pings that nobody answers."""
    there = [f.tcp(src=40_000, dst=80, seq=1, flags=SYN)]
    there += [f.tcp(b"x" * SEGMENT, 40_000, 80, seq=2 + n * SEGMENT, flags=ACK) for n in range(3)]
    back = [f.tcp(src=80, dst=40_000, seq=1, ack=2 + n * SEGMENT, flags=ACK) for n in range(2)]
    frames = [f.eth(f.ip4(data, f.TCP, CLIENT, SERVER, identity=n + 1)) for n, data in enumerate(there)]
    frames += [
        f.eth(f.ip4(data, f.TCP, SERVER, CLIENT, identity=n + 1), src=f.MAC_B, dst=f.MAC_A)
        for n, data in enumerate(back)
    ]
    frames.append(f.eth(f.ip6(f.udp(b"d" * DATAGRAM, 5000, 53), f.UDP, LONG_A, LONG_B), f.IPV6))
    frames += [f.eth(f.ip4(f.icmp(sequence=n), f.ICMP, "10.0.0.3", "10.0.0.4", identity=n + 1)) for n in range(3)]
    return frames


PACKETS = len(built())
TCP_THERE, TCP_BACK = 4 * SMALL + 3 * SEGMENT, 2 * SMALL
UDP_BYTES = ETHERNET + IPV6_HEADER + UDP_HEADER + DATAGRAM
ICMP_BYTES = 3 * (ETHERNET + IPV4_HEADER + ICMP_HEADER)
COUNTED = TCP_THERE + TCP_BACK + UDP_BYTES + ICMP_BYTES
HEAD = f"{PACKETS} packets, 3 conversations, {COUNTED:,} bytes counted once."


def at_ns(number):
    """The time of a frame: they are a microsecond apart."""
    return str(SECOND * 10**9 + number * 1000)


ROWS = [
    ("6", CLIENT, "40000", SERVER, "80", "4", "2", str(TCP_THERE), str(TCP_BACK), str(3 * SEGMENT), "0", "1",
     at_ns(0), at_ns(5)),
    ("17", LONG_A, "5000", LONG_B, "53", "1", "0", str(UDP_BYTES), "0", str(DATAGRAM), "0", "0", at_ns(6), at_ns(6)),
    ("1", "10.0.0.3", "-1", "10.0.0.4", "-1", "3", "0", str(ICMP_BYTES), "0", str(3 * ICMP_HEADER), "0", "0",
     at_ns(7), at_ns(9)),
]  # fmt: skip
COLUMNS = (
    "protocol initiator_ip initiator_port responder_ip responder_port packets_to_responder packets_to_initiator "
    "wire_bytes_to_responder wire_bytes_to_initiator payload_bytes_to_responder payload_bytes_to_initiator "
    "connections first_seen_ns last_seen_ns"
).split()


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "built.pcap"
    path.write_bytes(pcap(built()))
    return path


def read_csv(text):
    first, *rows = csv.reader(io.StringIO(text, newline=""))
    assert first == COLUMNS
    return [tuple(row) for row in rows]


def table_of(run):
    """The words of each line of the table."""
    return [words for line in run.stdout.decode().splitlines() if (words := line.split())]


@pytest.mark.parametrize("reader", ["header", "pyshark"])
def test_the_table_shows_most_bytes_first_and_cuts_no_address(capture, reader):
    run = flowmap("conversations", capture, "--reader", reader)
    assert (run.returncode, run.stderr) == (0, b"")
    head, names, _, *rows = table_of(run)
    assert " ".join(head) == HEAD
    assert names == ["Initiator", "Responder", "Protocol", "Packets", "back", "Wire", "bytes", "back"]
    assert rows == [
        [f"{CLIENT}:40000", f"{SERVER}:80", "tcp", "4", "2", f"{TCP_THERE:,}", str(TCP_BACK)],
        ["10.0.0.3", "10.0.0.4", "icmp", "3", "0", str(ICMP_BYTES), "0"],
        [f"[{LONG_A}]:5000", f"[{LONG_B}]:53", "udp", "1", "0", str(UDP_BYTES), "0"],
    ]


def random_cells(rng, rows):
    """Cells of rows, from the shortest to the widest that there are."""
    numbers = (f"{rng.randrange(10 ** rng.randint(1, 19)):,}" for _ in range(4 * rows))
    ends = (rng.choice(["10.0.0.1", "192.168.100.200:65535", "::", f"[{LONG_A}]:65535"]) for _ in range(2 * rows))
    return [
        (next(ends), next(ends), rng.choice(["tcp", "icmpv6", "250"]), *itertools.islice(numbers, 4))
        for _ in range(rows)
    ]


@pytest.mark.parametrize("rows", [0, 1, 2, 20])
def test_the_table_for_a_pipe_is_what_rich_prints_there(rows):
    for seed in range(5):
        cells, stream = random_cells(random.Random(seed), rows), io.StringIO()
        print_rich(cells, stream)
        assert [f"{line}\n" for line in plain_lines(cells)] == stream.getvalue().splitlines(keepends=True)


def test_colours_are_there_when_they_are_asked_for(capture):
    plain, coloured = (flowmap("conversations", capture, **wish).stdout for wish in ({}, {"FORCE_COLOR": "1"}))
    assert b"\x1b[1m" in coloured and b"\x1b[" not in plain
    assert re.sub(rb"\x1b\[\d+m", b"", coloured) == plain


def test_a_stream_without_unicode_gets_a_table_too(capture):
    run = flowmap("conversations", capture, PYTHONIOENCODING="ascii")
    assert run.returncode == 0 and run.stdout.isascii() and f"{CLIENT}:40000".encode() in run.stdout


def test_the_same_packets_at_two_points_count_once(capture, tmp_path):
    again = tmp_path / "again.pcap"
    again.write_bytes(capture.read_bytes())
    head, *rest = table_of(flowmap("conversations", capture, again))
    assert " ".join(head) == HEAD.replace(str(PACKETS), str(2 * PACKETS), 1)
    assert rest == table_of(flowmap("conversations", capture))[1:]


def test_only_the_largest_are_shown_when_asked(capture):
    run = flowmap("conversations", capture, "--top", "1")
    _, _, _, row, *rest = table_of(run)
    assert row[0] == f"{CLIENT}:40000"
    assert [" ".join(words) for words in rest] == ["... and 2 more (-o FILE writes all)."]
    assert flowmap("conversations", capture, "--top", "0").returncode == 2


def test_the_file_holds_every_conversation_in_order_of_its_first_packet(capture, tmp_path):
    output = tmp_path / "conversations.csv"
    run = flowmap("conversations", capture, "-o", output, "--top", "1")
    assert run.returncode == 0 and HEAD in run.stdout.decode()
    assert read_csv(output.read_text()) == ROWS


def test_with_a_dash_the_rows_alone_go_to_standard_output(capture):
    run = flowmap("conversations", capture, "-o", "-")
    assert read_csv(run.stdout.decode()) == ROWS
    assert HEAD in run.stderr.decode()


def test_a_file_that_cannot_be_written_is_one_sentence(capture, tmp_path):
    run = flowmap("conversations", capture, "-o", tmp_path / "no" / "such.csv")
    assert run.returncode == 1 and "such.csv cannot be written" in sentence(run)


def test_a_cut_off_capture_keeps_what_came_before_and_exits_3(capture):
    capture.write_bytes(capture.read_bytes()[:-1])
    run = flowmap("conversations", capture)
    assert run.returncode == 3 and f"{PACKETS - 1} packets were read" in sentence(run)
    one_ping = ICMP_BYTES // 3
    assert run.stdout.decode().startswith(
        f"{PACKETS - 1} packets, 3 conversations, {COUNTED - one_ping:,} bytes counted once."
    )


def test_conversations_beyond_the_limit_are_summed(capture):
    run = flowmap("conversations", capture, FLOWMAP_MAX_CONVERSATIONS="1")
    head, rest, *_ = (" ".join(words) for words in table_of(run))
    assert head == f"{PACKETS} packets, 1 conversations, {TCP_THERE + TCP_BACK:,} bytes counted once."
    assert rest == f"4 packets with {UDP_BYTES + ICMP_BYTES} bytes are of further conversations."
