"""Frames handed over in memory: what tshark reads back, budgets, and names with their places."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

from flowmap.capture import NameRecord
from flowmap.capture.handover import MAX_FRAME_BYTES, PCAPNG_READER, HandedFrames
from flowmap.capture.name_sources import FIELDS
from flowmap.capture.names import ApplicationRecord, LinkNeighbor
from flowmap.capture.naming import handed_names
from flowmap.capture.outcome import NoticeCounter
from flowmap.capture.tools import find_tshark
from flowmap.capture.tshark_fields import TsharkFields
from flowmap.packets import NO_TIME
from flowmap.settings import Settings
from tests.capture import frames as f
from tests.capture.corpus_frames import client_hello, dns_answer
from tests.capture.fake_tools import fake_tshark

SETTINGS = Settings()
ETHERNET, RAW, COOKED = 1, 101, 113
SECOND_NS = 1_700_000_000_000_000_000


def tshark_rows(frames: HandedFrames, *fields: str) -> list[list[str]]:
    """What tshark reads in the handed file, through the same process as in use."""
    run = TsharkFields(
        frames.finished(), tshark=find_tshark(SETTINGS), read_format=PCAPNG_READER, fields=fields, options=(),
        settings=SETTINGS,
    )  # fmt: skip
    rows = [line.decode().split("\t") for lines in run.lines() for line in lines]
    assert run.exit is not None and run.exit.kind == "ok"
    return rows


def answer(name: bytes, ip: str = "10.0.0.9") -> bytes:
    return f.eth(f.ip4(f.udp(dns_answer(f.address(ip), name), 53, 4000)))


def test_tshark_reads_each_frame_as_it_was_captured():
    with HandedFrames(SETTINGS) as frames:
        packet = f.ip4(f.udp(b"x" * 21))
        assert frames.add(7, 0, ETHERNET, SECOND_NS + 1, 900, memoryview(f.eth(packet)))
        assert frames.add(9, 0, RAW, SECOND_NS + 2, 0, packet)
        assert frames.add(11, 0, COOKED, NO_TIME, 10**9, f.sll(packet))
        rows = tshark_rows(
            frames, "frame.protocols", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_id"
        )
    size = len(packet)
    assert rows == [
        ["eth:ethertype:ip:udp:data", "1700000000.000000001", "900", str(size + 14), "0"],
        ["raw:ip:udp:data", "1700000000.000000002", str(size), str(size), "1"],
        ["sll:ethertype:ip:udp:data", "0.000000000", str(MAX_FRAME_BYTES), str(size + 16), "2"],
    ]


def test_frames_of_any_size_keep_their_places():
    with HandedFrames(SETTINGS) as frames:
        for size in (0, 1, 2, 3, 4, 5, 65_535, MAX_FRAME_BYTES):
            assert frames.add(size, 0, ETHERNET, SECOND_NS, size, bytes(size))
        assert not frames.add(1, 0, ETHERNET, SECOND_NS, 1, bytes(MAX_FRAME_BYTES + 1))
        rows = tshark_rows(frames, "frame.cap_len")
        assert [int(row[0]) for row in rows] == list(frames.origin().frame_numbers)


def test_budgets_hold():
    with HandedFrames(Settings(name_frames=2)) as frames:
        assert [frames.add(n, 0, ETHERNET, 0, 60, bytes(60)) for n in range(3)] == [True, True, False]
    with HandedFrames(Settings(name_bytes=100)) as frames:
        assert [frames.add(n, 0, ETHERNET, 0, 60, bytes(60)) for n in range(2)] == [True, False]
        assert len(frames) == 1


def test_nothing_stays_behind():
    frames = HandedFrames(SETTINGS)
    frames.add(1, 0, ETHERNET, 0, 60, bytes(60))
    path = frames.finished()
    assert os.path.exists(path)
    frames.close()
    assert not os.path.exists(path)


def test_without_files_in_memory_a_private_temporary_one_serves(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with HandedFrames(SETTINGS) as frames:
        frames.add(1, 0, ETHERNET, 0, 60, answer(b"web"))
        assert Path(frames.finished()).parent == tmp_path
        assert os.stat(frames.finished()).st_mode & 0o077 == 0
        assert tshark_rows(frames, "dns.qry.name") == [["web"]]
    assert list(tmp_path.iterdir()) == []


def found(*given: tuple[int, int, bytes, int], settings: Settings = SETTINGS) -> tuple[list[object], list[str]]:
    """Records and notices of handed frames (frame number, point, bytes, to_server)."""
    notices = NoticeCounter()
    with HandedFrames(settings) as frames:
        for number, point, data, to_server in given:
            frames.add(number, point, ETHERNET, SECOND_NS, len(data), data, to_server)
        names = handed_names(frames, find_tshark(settings), settings, notices)
        records = list(names.records())
    return records, [notice.code for notice in notices.notices()]


def test_names_keep_the_point_and_frame_number_of_their_frame():
    records, notices = found((70, 3, answer(b"web"), -1), (9_000_000_000, 5, answer(b"app", "10.0.0.8"), -1))
    assert records == [
        NameRecord("web", "dns", "10.0.0.9", -1, 3, 70),
        NameRecord("app", "dns", "10.0.0.8", -1, 5, 9_000_000_000),
        ApplicationRecord(f.UDP, f.IP_A, 53, "dns"),
    ]
    assert notices == []


def test_the_known_server_is_believed_before_the_ports():
    request = f.eth(f.ip4(f.tcp(b"GET / HTTP/1.1\r\n\r\n", 1000, 8080, seq=2, ack=1, flags=24), f.TCP))
    assert found((1, 0, request, 1))[0] == [ApplicationRecord(f.TCP, f.IP_B, 8080, "http")]
    assert found((1, 0, request, -1))[0] == [ApplicationRecord(f.TCP, f.IP_A, 1000, "http")]


def test_segments_are_put_together_without_their_handshake():
    hello = client_hello(b"split.example")
    parts = [
        f.eth(f.ip4(f.tcp(hello[at : at + 60], 40000, 443, seq=5 + at, ack=1, flags=24), f.TCP))
        for at in range(0, len(hello), 60)
    ]
    records = found(*((n, 0, part, 1) for n, part in enumerate(parts)))[0]
    assert NameRecord("split.example", "tls_sni", f.IP_B, -1, 0, len(parts) - 1) in records


def test_a_first_fragment_is_read_alone():
    whole = f.udp(dns_answer(f.address("10.0.0.9"), b"web") + bytes(40), 53, 4000)
    first = f.eth(f.ip4(whole[:-40], fragment=0x2000))
    assert NameRecord("web", "dns", "10.0.0.9", -1, 0, 1) in found((1, 0, first, -1))[0]


def test_a_stated_overlay_port_is_followed():
    inner = f.eth(f.ip4(f.udp(dns_answer(f.address("10.0.0.9"), b"in"), 53, 4000), src="172.16.0.1"))
    frame = f.eth(f.ip4(f.udp(f.vxlan(inner, 7), 50000, 14789)))
    assert (
        NameRecord("in", "dns", "10.0.0.9", -1, 0, 1)
        in found((1, 0, frame, -1), settings=Settings(vxlan_ports=(14789,)))[0]
    )


def test_no_frames_start_nothing(tmp_path):
    notices = NoticeCounter()
    with HandedFrames(SETTINGS) as frames:
        assert list(handed_names(frames, str(tmp_path / "missing"), SETTINGS, notices).records()) == []
    assert notices.notices() == []


def test_a_pass_over_its_time_is_ended_and_keeps_what_it_found(tmp_path):
    cells = {
        "frame.protocols": "eth:ethertype:ip:udp:dns", "frame.number": "1", "ip.src": f.IP_A, "ip.dst": f.IP_B,
        "udp.srcport": "53", "udp.dstport": "4000", "dns.flags.response": "1", "dns.resp.name": "web",
        "dns.resp.type": "1", "dns.a": "10.0.0.9",
    }  # fmt: skip
    line = "\t".join(cells.get(field, "") for field in FIELDS)
    settings = fake_tshark(tmp_path, f"print({line!r}, flush=True); time.sleep(600)", name_seconds=1.0)
    assert found((70, 3, answer(b"web"), -1), settings=settings) == (
        [NameRecord("web", "dns", "10.0.0.9", -1, 3, 70), ApplicationRecord(f.UDP, f.IP_A, 53, "dns")],
        ["names_incomplete"],
    )


def test_every_field_is_known_to_the_installed_tshark():
    """An unknown field would end every pass."""
    with HandedFrames(SETTINGS) as frames:
        frames.add(1, 0, ETHERNET, 0, 60, bytes(60))
        assert len(tshark_rows(frames, *FIELDS)[0]) == len(FIELDS) == len(set(FIELDS))
    listed = subprocess.run([find_tshark(SETTINGS), "-G", "fields"], capture_output=True, text=True, check=True).stdout
    known = {line.split("\t")[2] for line in listed.splitlines() if line.startswith("F\t")}
    assert set(FIELDS) <= known


# --- what each source says


def tlv(kind: int, value: bytes) -> bytes:
    """An LLDP element: 7 bits of type, 9 of length."""
    return struct.pack("!H", kind << 9 | len(value)) + value


def lldp(*elements: bytes) -> bytes:
    return f.mac(0x0180C200000E) + f.mac(f.MAC_A) + struct.pack("!H", 0x88CC) + b"".join(elements) + b"\0\0"


def cdp(**texts: bytes) -> bytes:
    """CDP over SNAP (OUI 00:00:0c, type 0x2000); elements by their type numbers as keywords ``t1``."""
    body = b"\x02\xb4\0\0" + b"".join(
        struct.pack("!HH", int(kind[1:]), len(text) + 4) + text for kind, text in texts.items()
    )
    payload = b"\xaa\xaa\x03\x00\x00\x0c\x20\x00" + body
    return f.mac(0x01000CCCCCCC) + f.mac(f.MAC_A) + struct.pack("!H", len(payload)) + payload


def test_the_other_end_of_a_wire():
    chassis, port = tlv(1, b"\x04" + f.mac(0x0250_0000_00AA)), tlv(2, b"\x05" + b"Ethernet7")
    named = lldp(chassis, port, tlv(3, b"\0\x78"), tlv(5, b"leaf-1"), tlv(6, b"NOS\t4.2"))
    unnamed = lldp(chassis, port, tlv(3, b"\0\x78"))
    host = cdp(t1=b"esx-01", t3=b"vmnic3", t6=b"VMware ESX")
    records, _ = found((4, 2, named, -1), (5, 2, named, -1), (6, 2, unnamed, -1), (8, 1, host, -1))
    assert records[:3] == [
        LinkNeighbor(2, "leaf-1", "Ethernet7", "NOS\\t4.2", "lldp", 4, f.MAC_A),
        LinkNeighbor(2, "02:50:00:00:00:aa", "Ethernet7", "", "lldp", 6, f.MAC_A),
        LinkNeighbor(1, "esx-01", "vmnic3", "VMware ESX", "cdp", 8, f.MAC_A),
    ]


def test_a_neighbor_inside_a_tenants_tunnel_is_no_wire():
    inner = lldp(tlv(1, b"\x04" + f.mac(1)), tlv(2, b"\x05x"), tlv(3, b"\0\x78"), tlv(5, b"leaf-1"))
    assert found((1, 0, f.eth(f.ip4(f.udp(f.vxlan(inner, 7), 50000, 4789))), -1))[0] == []
