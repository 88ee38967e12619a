"""Announce a name by multicast DNS, twice: `mdns_announce.py NAME ADDRESS`."""

import socket
import struct
import sys
import time


def announcement(name: str, address: str) -> bytes:
    """A response with one A record for `NAME.local`, cache-flush bit set, 120 s."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in (name, "local")) + b"\0"
    header = struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0)
    return header + labels + struct.pack("!HHIH", 1, 0x8001, 120, 4) + socket.inet_aton(address)


def main(name: str, address: str) -> None:
    """Send from port 5353 to the group, as RFC 6762 asks."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 5353))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    for _ in range(2):
        sock.sendto(announcement(name, address), ("224.0.0.251", 5353))
        time.sleep(1)


main(*sys.argv[1:])
