"""Downloads of packets: made of captures without a server, and read again by a parser of their own."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from typing import Any, NamedTuple

from flowmap.evidence.pair_legs import leg_rows
from flowmap.evidence.pair_packets import PacketCut, WantedPackets
from flowmap.graph import pairs_of
from flowmap.settings import Settings

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
COMMENT, NAME, DESCRIPTION, RESOLUTION = 1, 2, 3, 9


class Interface(NamedTuple):
    linktype: int
    snaplen: int
    options: dict[int, bytes]


class Packet(NamedTuple):
    interface: int
    time_ns: int
    original_bytes: int
    data: bytes
    comment: str


class Download(NamedTuple):
    comment: str
    interfaces: list[Interface]
    packets: list[Packet]

    def facts(self):
        """(time in ns, original length, captured length, MD5) of each packet."""
        return [(p.time_ns, p.original_bytes, len(p.data), hashlib.md5(p.data).hexdigest()) for p in self.packets]


def parse(content: bytes) -> Download:
    """A little-endian pcapng file of one section (draft-ietf-opsawg-pcapng), every length held against the other."""
    comment, interfaces, packets, at = "", [], [], 0
    while at < len(content):
        kind, length = struct.unpack_from("<II", content, at)
        assert length % 4 == 0 and struct.unpack_from("<I", content, at + length - 4)[0] == length
        body = content[at + 8 : at + length - 4]
        at += length
        if kind == SECTION:
            assert body[:8] == struct.pack("<IHH", 0x1A2B3C4D, 1, 0) and not interfaces
            comment = _options(body[16:])[COMMENT].decode()
        elif kind == INTERFACE:
            linktype, snaplen = struct.unpack_from("<HxxI", body)
            interfaces.append(Interface(linktype, snaplen, _options(body[8:])))
        else:
            assert kind == PACKET
            number, high, low, captured, original = struct.unpack_from("<IIIII", body)
            options = _options(body[20 + captured + -captured % 4 :])
            data = body[20 : 20 + captured]
            packets.append(Packet(number, high << 32 | low, original, data, options.get(COMMENT, b"").decode()))
    return Download(comment, interfaces, packets)


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            assert at + 4 == len(data)
            break
        found[code] = data[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


def downloads_of(flow_map, *paths, **limits: Any) -> dict[tuple[str, str], tuple[PacketCut, Download]]:
    """The download of every pair of a map."""
    return {key: download_of(flow_map, pair, *paths, **limits) for key, pair in pairs_of(flow_map.talks).items()}


def download_of(flow_map, pair, *paths, **limits: Any) -> tuple[PacketCut, Download]:
    """The packets of one pair out of some captures."""
    legs = [
        leg
        for talk in pair.talks
        for way in (talk.conversation.forward, talk.conversation.backward)
        for leg in way.legs
    ]
    wanted = WantedPackets(
        [(path, path.name) for path in paths],
        leg_rows(flow_map.reading.legs.legs)[legs],
        [point.key for point in flow_map.points],
        flow_map.reading.registry.tunnels,
        "a comment",
    )
    cut = PacketCut(wanted, Settings(**limits))
    content = b"".join(cut.pieces())
    return cut, parse(content)


class SourceFrame(NamedTuple):
    """What tshark says of a frame of a capture."""

    facts: tuple[int, int, int, str]
    interface: str


def frames_by_number(path) -> dict[int, SourceFrame]:
    """Every frame of a capture as tshark reads it."""
    fields = ("number", "time_epoch", "len", "cap_len", "md5_hash", "interface_name")
    command = ["tshark", "-n", "-r", str(path), "-o", "frame.generate_md5_hash:TRUE", "-T", "fields"]
    command += [part for name in fields for part in ("-e", f"frame.{name}")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {}
    for line in run.stdout.splitlines():
        number, time, original, captured, digest, interface = line.split("\t")
        seconds, _, fraction = time.partition(".")
        time_ns = int(seconds) * 10**9 + int(fraction)
        found[int(number)] = SourceFrame((time_ns, int(original), int(captured), digest), interface)
    return found
