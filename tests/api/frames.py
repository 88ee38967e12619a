"""Small captures built byte by byte, so that what they hold is known without reading them."""

from __future__ import annotations

import socket
import struct

START_S = 1_700_000_000
ETHERNET = 1
TCP_HEADER, IP_HEADER = 20, 20
SYN, ACK = 2, 16

WEB, DATABASE, CLIENT = (
    ("00:50:56:00:00:01", "10.0.0.1"),
    ("00:50:56:00:00:02", "10.0.0.2"),
    ("00:50:56:00:00:03", "10.0.0.3"),
)
"""Three machines with VMware MACs."""


def frame(source, destination, ports, payload=b"", *, flags=ACK, seq=1, identity=1):
    """An Ethernet frame with IPv4 and TCP; checksums are zero, which nobody looks at."""
    total = IP_HEADER + TCP_HEADER + len(payload)
    ethernet = bytes.fromhex((destination[0] + source[0]).replace(":", "")) + b"\x08\x00"
    ip = struct.pack("!BBHHHBBH", 0x45, 0, total, identity, 0, 64, 6, 0)
    ip += socket.inet_aton(source[1]) + socket.inet_aton(destination[1])
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, 1, 0x50, flags, 65_535, 0, 0)
    return ethernet + ip + tcp + payload


def wire_bytes(payload_bytes):
    """What FlowMap counts for a frame of this payload: Ethernet header and IP length."""
    return 14 + IP_HEADER + TCP_HEADER + payload_bytes


def dns_answer(name, address, *, source, destination):
    """An Ethernet frame with the answer of a DNS server: a name is at an address (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    message = struct.pack("!HHHHHH", 1, 0x8180, 1, 1, 0, 0) + labels + struct.pack("!HH", 1, 1) + record
    datagram = struct.pack("!HHHH", 53, 4_000, 8 + len(message), 0) + message
    ip = struct.pack("!BBHHHBBH", 0x45, 0, IP_HEADER + len(datagram), 1, 0, 64, 17, 0)
    ip += socket.inet_aton(source[1]) + socket.inet_aton(destination[1])
    return bytes.fromhex((destination[0] + source[0]).replace(":", "")) + b"\x08\x00" + ip + datagram


def pcap(frames, *, step_s=1.0):
    """A pcap file of Ethernet frames, ``step_s`` apart."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, ETHERNET)]
    for number, data in enumerate(frames):
        microseconds = round(number * step_s * 1e6)
        seconds, rest = divmod(microseconds, 1_000_000)
        parts.append(struct.pack("<IIII", START_S + seconds, rest, len(data), len(data)) + data)
    return b"".join(parts)


def talk(source, destination, port, sizes, *, source_port=40_000):
    """A SYN, then data frames of these payload sizes from the initiator."""
    ports, seq = (source_port, port), 1_000
    frames = [frame(source, destination, ports, flags=SYN, seq=seq, identity=100)]
    for number, size in enumerate(sizes):
        frames.append(frame(source, destination, ports, b"x" * size, seq=seq + 1, identity=200 + number))
        seq += size
    return frames


WEB_SIZES, CLIENT_SIZES = [100, 200, 300], [50]
WEB_TO_DATABASE = wire_bytes(0) + sum(map(wire_bytes, WEB_SIZES))
CLIENT_TO_WEB = wire_bytes(0) + sum(map(wire_bytes, CLIENT_SIZES))


def two_talks():
    """Web to database with 4 packets, then client to web with 2, a second apart each."""
    return talk(WEB, DATABASE, 5432, WEB_SIZES) + talk(CLIENT, WEB, 80, CLIENT_SIZES, source_port=41_000)


def named_talks():
    """The same, and last a seventh frame in which the database, as name server, tells the client the web's name."""
    return [*two_talks(), dns_answer("web.corp", WEB[1], source=DATABASE, destination=CLIENT)]
