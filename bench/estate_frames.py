"""The capture files of an estate: pcapng with several interfaces, only the beginning of each frame kept."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.estate import START_NS, Estate, Machine, Point
from bench.estate_traffic import HEADER_BYTES, Seen, Sent, client_ports, packets_of, sightings_of
from bench.frames import BLOCK, ETHERNET, IPV4, TAG, TCP_HEADER, copy_rows, fill_checksum
from bench.packets import SMALLEST_FRAME, TCP

Integers = npt.NDArray[np.int64]
_TAG_BYTES, _BLOCK_BYTES = 4, 32


def write_captures(estate: Estate, points: Sequence[Point], into: Path) -> list[tuple[int, int]]:
    """Write every file; gives the wire bytes of each talk, from the client and from the server, counted once."""
    sent = packets_of(estate)
    seen = sightings_of(estate, list(points), sent)
    for file in dict.fromkeys(point.file for point in points):
        numbers = [number for number, point in enumerate(points) if point.file == file]
        mine = np.flatnonzero(np.isin(seen.point, numbers))
        mine = mine[np.argsort(seen.time_ns[mine], kind="stable")]
        some = Seen(**{name: column[mine] for name, column in vars(seen).items()})
        of_file = [points[number] for number in numbers]
        with (into / file).open("wb") as out:
            out.write(_opening(estate, of_file))
            data, at = _records(estate, of_file, some, numbers[0], sent)
            written = 0
            for time_ns, announcement in _announcements(estate, of_file):
                record = int(np.searchsorted(some.time_ns, time_ns))
                until = int(at[record]) if record < at.size else data.size
                out.write(data[written:until].data)
                out.write(announcement)
                written = until
            out.write(data[written:].data)
            out.write(_losses(estate, of_file))
    size = [
        np.bincount(sent.talk[sent.is_answer == side], sent.wire_bytes[sent.is_answer == side], len(estate.talks))
        for side in (False, True)
    ]
    return [(int(up), int(down)) for up, down in zip(*size, strict=True)]


def _block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _opening(estate: Estate, points: Sequence[Point]) -> bytes:
    """Section header and one description an interface: Ethernet, nanoseconds."""
    blocks = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for point in points:
        name = _option(2, point.interface.encode()) if point.interface else b""
        options = name + _option(9, b"\x09") + _option(0, b"")
        blocks.append(_block(1, struct.pack("<HHI", 1, 0, estate.kept_bytes) + options))
    return b"".join(blocks)


def _announcements(estate: Estate, points: Sequence[Point]) -> list[tuple[int, bytes]]:
    """RARP of every machine that moved, in the order of time, at every mirror and uplink: it is a broadcast."""
    blocks = []
    for machine in sorted(estate.machines, key=lambda one: one.moves_to[1] if one.moves_to else 0.0):
        if machine.moves_to is None:
            continue
        time_ns = START_NS + int(machine.moves_to[1] * 1e9)
        for number, point in enumerate(points):
            if point.host and point.role != "vnic":
                frame = _rarp(machine)
                head = struct.pack("<IIIII", number, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(frame), len(frame))
                blocks.append((time_ns, _block(6, head + frame)))
    return blocks


def _rarp(machine: Machine) -> bytes:
    mac = machine.mac.to_bytes(6, "big")
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 3) + mac + bytes(4) + mac + bytes(4)
    return (b"\xff" * 6 + mac + struct.pack("!HHH", 0x8100, machine.vlan, 0x8035) + body).ljust(SMALLEST_FRAME, b"\0")


def _losses(estate: Estate, points: Sequence[Point]) -> bytes:
    """Interface statistics: what was lost (option 5)."""
    end_ns = START_NS + int(estate.span_s * 1e9)
    blocks = []
    for number, point in enumerate(points):
        lost = estate.dropped.get(point.host or "", 0) if point.role == "mirror" else 0
        head = struct.pack("<III", number, end_ns >> 32, end_ns & 0xFFFF_FFFF)
        blocks.append(_block(5, head + _option(5, struct.pack("<Q", lost)) + _option(0, b"")))
    return b"".join(blocks)


def _records(
    estate: Estate, points: Sequence[Point], seen: Seen, first_point: int, sent: Sent
) -> tuple[npt.NDArray[np.uint8], Integers]:
    """Blocks of packets in the order of time, and where each begins."""
    tagged = np.array([point.role != "vnic" for point in points])[seen.point - first_point]
    tagged &= seen.vlan >= 0
    payload = sent.payload[seen.packet]
    original = np.maximum(HEADER_BYTES + _TAG_BYTES * tagged + payload, SMALLEST_FRAME)
    captured = np.minimum(original, estate.kept_bytes)
    record = (captured + 3) // 4 * 4 + _BLOCK_BYTES
    at = np.cumsum(record) - record
    data = np.zeros(int(record.sum()), np.uint8)
    tail = np.zeros(at.size, np.dtype([("block_bytes", "<u4")]))
    tail["block_bytes"] = record
    copy_rows(data, at + record - 4, tail)

    shape = captured * 2 + tagged
    for one in np.unique(shape):
        some = np.flatnonzero(shape == one)
        has_tag, kept = bool(one & 1), int(one) >> 1
        headers = ETHERNET + (TAG if has_tag else []) + IPV4 + TCP_HEADER
        rest = kept - HEADER_BYTES - _TAG_BYTES * has_tag
        row = np.zeros(some.size, np.dtype([*BLOCK, *headers, *([("rest", "u1", rest)] if rest else [])]))
        row["block"], row["block_bytes"] = 6, record[some]
        row["captured"], row["original"] = captured[some], original[some]
        row["interface"] = seen.point[some] - first_point
        row["time_high"], row["time_low"] = seen.time_ns[some] >> 32, seen.time_ns[some] & 0xFFFF_FFFF
        _fill(row, seen, some, has_tag, estate, sent)
        copy_rows(data, at[some], row)
    return data, at


def _fill(row: npt.NDArray[Any], seen: Seen, some: Integers, has_tag: bool, estate: Estate, sent: Sent) -> None:
    """The headers of some frames of one shape."""
    packet = seen.packet[some]
    talk, answer = sent.talk[packet], sent.is_answer[packet]
    row["to"], row["from"] = _mac_bytes(seen.target_mac[some]), _mac_bytes(seen.source_mac[some])
    if has_tag:
        row["tag_type"], row["tag"] = 0x8100, seen.vlan[some]
    row["type"], row["version"], row["fragment"], row["protocol"] = 0x0800, 0x4500, 0x4000, TCP
    row["ip_bytes"] = sent.payload[packet] + 40
    row["id"], row["ttl"] = sent.ip_id[packet], seen.ttl[some]
    ips = np.array([[one.client.ip, one.server.ip] for one in estate.talks], np.int64)[talk]
    services = np.array([one.port for one in estate.talks], np.int64)[talk]
    ports = np.stack([client_ports(len(estate.talks))[talk], services], axis=1)
    side = answer.astype(np.int64)
    every = np.arange(packet.size)
    row["source"], row["destination"] = ips[every, side], ips[every, 1 - side]
    row["source_port"], row["destination_port"] = ports[every, side], ports[every, 1 - side]
    row["seq"], row["ack"] = sent.seq[packet], sent.ack[packet]
    row["flags"], row["window"] = 0x5000 | sent.flags[packet], 64_240
    fill_checksum(row)


def _mac_bytes(mac: Integers) -> npt.NDArray[np.uint8]:
    return mac.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
