"""Names and applications, with everything in them written by an attacker."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from flowmap.capture import ApplicationRecord, Capture, NameRecord, open_capture
from flowmap.capture.labels import MAX_CHARS, neutral
from flowmap.capture.naming import application_of
from flowmap.capture.points import Registry
from flowmap.settings import Settings
from tests.capture import frames as f
from tests.capture.corpus_frames import client_hello, dns_answer, dns_loop, dns_question
from tests.capture.fake_tools import fake_tshark
from tests.capture.files import enhanced, named, pcap, pcapng

OWNER = 0x0250_0000_0010
SERVER = "10.0.0.2"

either_reader = pytest.mark.parametrize("reader", ["header", "pyshark"])
"""The names are the same whether tshark reads the whole file or the few frames that the header reader keeps."""


def opened(folder: Path, data: bytes, reader: str, settings: Settings | None = None) -> tuple[Capture, Registry]:
    """A capture whose packets were read: the header reader keeps frames for the names as it goes."""
    path = folder / "names.pcap"
    path.write_bytes(data)
    registry = Registry()
    capture = open_capture(path, registry, settings or Settings(), reader=reader)
    assert capture.info.reader == reader
    for _ in capture.batches():
        pass
    return capture, registry


def names(folder: Path, reader: str, *frames: bytes) -> list[tuple[str, str, str, int]]:
    found = opened(folder, pcap(frames), reader)[0].names()
    return [record[:4] for record in found if isinstance(record, NameRecord)]


def applications(folder: Path, reader: str, *frames: bytes) -> list[ApplicationRecord]:
    found = opened(folder, pcap(frames), reader)[0].names()
    return [record for record in found if isinstance(record, ApplicationRecord)]


def udp(payload: bytes, sport: int, dport: int, **ends: str) -> bytes:
    return f.eth(f.ip4(f.udp(payload, sport, dport), **ends))  # type: ignore[arg-type]


def tcp(payload: bytes, sport: int, dport: int, seq: int = 1, **more: object) -> bytes:
    return f.eth(f.ip4(f.tcp(payload, sport, dport, seq=seq, ack=1, flags=24), f.TCP, **more))  # type: ignore[arg-type]


@either_reader
def test_dns_answers_name_addresses(tmp_path, reader):
    answer = udp(dns_answer(f.address("10.0.0.9"), b"web", b"corp"), 53, 4000)
    question = udp(dns_question(b"other", b"corp"), 4000, 53)
    assert names(tmp_path, reader, question, answer, answer) == [("web.corp", "dns", "10.0.0.9", -1)]


@either_reader
def test_an_answer_through_an_alias_names_the_address_twice(tmp_path, reader):
    question = b"\x03www\x04corp\0" + struct.pack("!HH", 1, 1)
    alias = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, 7) + b"\x04vm42\xc0\x10"
    address = b"\xc0\x26" + struct.pack("!HHIH", 1, 1, 60, 4) + f.address("10.0.0.42")
    answer = struct.pack("!HHHHHH", 1, 0x8180, 1, 2, 0, 0) + question + alias + address
    assert names(tmp_path, reader, udp(answer, 53, 4000)) == [
        ("vm42.corp", "dns", "10.0.0.42", -1),
        ("www.corp", "dns", "10.0.0.42", -1),
    ]


@either_reader
def test_addresses_of_both_families_go_to_their_own_names(tmp_path, reader):
    def answer(name: bytes, kind: int, data: bytes) -> bytes:
        return bytes([len(name)]) + name + b"\0" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data

    records = [
        answer(b"six", 28, f.address("fd00::6")),
        answer(b"text", 16, b"\x04spam"),
        answer(b"four", 1, f.address("10.0.0.4")),
        answer(b"five", 1, f.address("10.0.0.5")),
    ]
    message = struct.pack("!HHHHHH", 1, 0x8400, 0, len(records), 0, 0) + b"".join(records)
    found = names(tmp_path, reader, udp(message, 5353, 5353, dst="224.0.0.251"))
    assert sorted(found) == [
        ("five", "mdns", "10.0.0.5", -1), ("four", "mdns", "10.0.0.4", -1), ("six", "mdns", "fd00::6", -1),
    ]  # fmt: skip


@either_reader
def test_dhcp_names_a_mac_and_the_address_it_gets(tmp_path, reader):
    host_name = bytes([12, 4]) + b"web1"
    full_name = bytes([81, 3 + 9]) + b"\0\0\0" + b"web1.corp"
    request = udp(
        f.dhcp_message(1, 3, OWNER, options=host_name + full_name),
        68,
        67,
        src="0.0.0.0",
        dst="255.255.255.255",
    )
    acknowledgement = udp(f.dhcp_message(2, 5, OWNER, "10.0.0.77", host_name), 67, 68)
    assert names(tmp_path, reader, request, acknowledgement) == [
        ("web1", "dhcp", "", OWNER),
        ("web1.corp", "dhcp", "", OWNER),
        ("web1", "dhcp", "10.0.0.77", OWNER),
    ]


@either_reader
def test_services_by_tls_http_and_ssh(tmp_path, reader):
    found = names(
        tmp_path,
        reader,
        tcp(client_hello(b"shop.example"), 40000, 443),
        tcp(b"GET / HTTP/1.1\r\nHost: intranet:8080\r\n\r\n", 40001, 8080),
        tcp(b"GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n", 40003, 8080),
        tcp(b"SSH-2.0-OpenSSH_9.2\r\n", 22, 40002),
    )
    assert found == [
        ("shop.example", "tls_sni", SERVER, -1),
        ("intranet", "http_host", SERVER, -1),
        ("SSH-2.0-OpenSSH_9.2", "ssh_banner", f.IP_A, -1),
    ]


@either_reader
def test_a_name_split_over_two_segments_is_found(tmp_path, reader):
    hello = client_hello(b"split.example")
    parts = tcp(hello[:60], 40000, 443, seq=1), tcp(hello[60:], 40000, 443, seq=61)
    assert ("split.example", "tls_sni", SERVER, -1) in names(tmp_path, reader, *parts)


@either_reader
def test_names_inside_tunnels_belong_to_the_inner_address(tmp_path, reader):
    inner = f.eth(f.ip4(f.tcp(client_hello(b"in.example"), dst=443, flags=24), f.TCP, "172.16.0.1", "172.16.0.2"))
    outer = f.eth(f.ip4(f.udp(f.vxlan(inner, 7), 50000, 4789)))
    assert names(tmp_path, reader, outer) == [("in.example", "tls_sni", "172.16.0.2", -1)]


@either_reader
def test_a_quoted_packet_names_nobody(tmp_path, reader):
    quoted = f.ip4(f.udp(dns_answer(f.address("10.0.0.9"), b"web", b"corp"), 53, 4000), src="9.9.9.9")
    assert names(tmp_path, reader, f.eth(f.ip4(f.icmp(3, 3, 0, 0, quoted), f.ICMP))) == []


@either_reader
def test_where_a_name_was_seen(tmp_path, reader):
    answer = udp(dns_answer(f.address("10.0.0.9"), b"web"), 53, 4000)
    mirrored = f.eth(f.ip4(f.erspan2(answer.replace(b"\x03web", b"\x03app"), 5), f.GRE))
    data = pcapng(named(b"a"), named(b"b"), enhanced(), enhanced(answer, number=1), enhanced(mirrored, number=0))
    capture, registry = opened(tmp_path, data, reader)
    found = [record for record in capture.names() if isinstance(record, NameRecord)]
    places = [(record.name, registry.points[record.point], record.frame_number) for record in found]
    assert [(name, point.interface, point.key.mirror, number) for name, point, number in places] == [
        ("web", "b", "", 2), ("app", "a", f"erspan:{f.IP_A}/5", 3),
    ]  # fmt: skip


@either_reader
@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (b"<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        (b"=cmd|' /C calc'!", "=cmd|' /C calc'!"),
    ],
)
def test_markup_is_text(tmp_path, reader, label, shown):
    assert names(tmp_path, reader, udp(dns_answer(f.address("10.0.0.9"), label), 53, 4000)) == [
        (shown, "dns", "10.0.0.9", -1)
    ]


@either_reader
def test_hostile_names_stay_on_one_line_and_are_cut(tmp_path, reader):
    frames = [
        udp(dns_answer(f.address("10.0.0.9"), b'a\tb\nc,"\x1e', b"com"), 53, 4000),
        udp(dns_answer(f.address("10.0.0.8"), b"\xff\xfe\xe2\x80\xae", b"com"), 53, 4000),
        udp(dns_loop(), 53, 4000),
        tcp(client_hello(b"a" * 16000), 40000, 443),
    ]
    found = names(tmp_path, reader, *frames)
    assert {record[2] for record in found} == {"10.0.0.9", "10.0.0.8", SERVER}
    for name, *_ in found:
        assert len(name) <= MAX_CHARS
        assert not any(character in name for character in "\t\n\x1e\u202e")
    assert any(name == "a" * (MAX_CHARS - 1) + "…" for name, *_ in found)


@either_reader
def test_applications_of_services(tmp_path, reader):
    syn = f.eth(f.ip4(f.tcp(src=40000, dst=50001), f.TCP))
    request = tcp(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 40000, 50001, seq=2)
    answer = tcp(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 50001, 40000, src=f.IP_B, dst=f.IP_A)
    query = udp(dns_question(b"a"), 4000, 53)
    plain = udp(b"\0" * 30, 4001, 4002)
    assert sorted(applications(tmp_path, reader, syn, request, answer, query, plain)) == [
        ApplicationRecord(f.TCP, f.IP_B, 50001, "http"),
        ApplicationRecord(f.UDP, f.IP_B, 53, "dns"),
    ]


@pytest.mark.parametrize(
    ("layers", "application"),
    [
        ((), ""),
        (("data",), ""),
        (("_ws.malformed",), ""),
        (("tls",), "tls"),
        (("tls", "http2"), "tls"),
        (("nbss", "smb2", "gss-api"), "smb2"),
        (("nbss",), "nbss"),
        (("tpkt", "cotp", "rdp"), "rdp"),
        (("http", "data-text-lines"), "http"),
    ],
)
def test_the_application_is_the_lowest_layer_that_is_no_shim(layers, application):
    assert application_of(layers) == application


@either_reader
def test_names_are_bounded(tmp_path, reader):
    answers = [udp(dns_answer(f.address("10.0.0.9"), b"n%d" % n), 53, 4000) for n in range(20)]
    capture = opened(tmp_path, pcap(answers), reader, Settings(max_names=5))[0]
    found = [record for record in capture.names() if isinstance(record, NameRecord)]
    assert [record.name for record in found] == ["n0", "n1", "n2", "n3", "n4"]
    assert {notice.code for notice in capture.names_notices} == {"names_limit"}


def test_a_pass_that_dies_says_so(tmp_path):
    settings = fake_tshark(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    answer = udp(dns_answer(f.address("10.0.0.9"), b"web"), 53, 4000)
    capture = opened(tmp_path, pcap([answer]), "header", settings)[0]
    assert capture.outcome is not None and capture.outcome.complete and capture.outcome.packets == 1
    assert list(capture.names()) == []
    assert [notice.code for notice in capture.names_notices] == ["names_incomplete"]


def test_the_pass_over_a_whole_file_says_so_too(tmp_path):
    """The pyshark reader's packets come from tshark as well, so it is one that dies in the second pass only."""
    settings = fake_tshark(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    (tmp_path / "names.pcap").write_bytes(pcap())
    capture = open_capture(tmp_path / "names.pcap", Registry(), settings, reader="pyshark")
    assert list(capture.names()) == []
    assert [notice.code for notice in capture.names_notices] == ["names_incomplete"]


def test_without_frames_that_can_hold_names_tshark_is_not_started(tmp_path):
    settings = fake_tshark(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    plain = f.eth(f.ip4(f.tcp(src=40000, dst=50001), f.TCP))
    capture = opened(tmp_path, pcap([plain]), "header", settings)[0]
    assert list(capture.names()) == [] and capture.names_notices == []


def test_harmful_characters_are_neutralised():
    assert neutral("plain-name.example") == "plain-name.example"
    assert neutral("Gerät 日本") == "Gerät 日本"
    assert neutral("a\x00b\x1b\u202e\u2066\u200b\u2028\ud800") == "a" + "\ufffd" + "b" + "\ufffd" * 6
    assert neutral("x" * 255) == "x" * 255 and neutral("x" * 256) == "x" * 254 + "…"
