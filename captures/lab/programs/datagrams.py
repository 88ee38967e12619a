"""Datagram programs: a silent sink, a log sender, and NTP in both roles.

`datagrams.py sink PORT` | `log ADDRESS COUNT HOSTNAME` | `ntp-serve` | `ntp ADDRESS COUNT`
"""

import json
import socket
import struct
import sys
import time

NTP_EPOCH = 2208988800
"""Seconds from 1900 to 1970."""


def sink(port: int) -> None:
    """Receive for ever and never answer."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    while True:
        sock.recv(65536)


def log(address: str, count: int, hostname: str) -> None:
    """Send `count` syslog messages in one direction."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    for number in range(count):
        header = f"<134>1 2024-05-04T10:00:{number % 60:02}Z {hostname} shop 4711 ID{number} -"
        line = f"{header} order {number} was accepted"
        sent += sock.sendto(line.encode(), (address, 514))
        time.sleep(0.02)
    print(json.dumps({"sent": sent, "received": 0}))


def ntp_packet(mode: int) -> bytes:
    """A packet of version 4 with the transmit time set."""
    seconds = int(time.time()) + NTP_EPOCH
    return struct.pack("!BBbbIII4Q", 4 << 3 | mode, 2, 6, -20, 0, 0, 0x7F000001, 0, 0, 0, seconds << 32)


def ntp_serve() -> None:
    """Answer each client packet with a server packet."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 123))
    while True:
        _data, peer = sock.recvfrom(512)
        sock.sendto(ntp_packet(4), peer)


def ntp(address: str, count: int) -> None:
    """Ask `count` times."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sent = received = 0
    for _ in range(count):
        sent += sock.sendto(ntp_packet(3), (address, 123))
        received += len(sock.recv(512))
        time.sleep(0.05)
    print(json.dumps({"sent": sent, "received": received}))


role, *rest = sys.argv[1:]
if role == "sink":
    sink(int(rest[0]))
elif role == "log":
    log(rest[0], int(rest[1]), rest[2])
elif role == "ntp-serve":
    ntp_serve()
else:
    ntp(rest[0], int(rest[1]))
