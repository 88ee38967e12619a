"""Tell the network that a VM is now elsewhere, as a hypervisor does after a live migration.

`announce_move.py rarp|arp INTERFACE MAC IP`: three RARP requests (ethertype 0x8035, as QEMU and ESXi send them) or
three gratuitous ARP requests.
"""

import socket
import struct
import sys
import time

BROADCAST = b"\xff" * 6


def main(kind: str, interface: str, mac_text: str, ip_text: str) -> None:
    """RFC 903 and RFC 826: the same layout under two ethertypes."""
    mac, ip = bytes.fromhex(mac_text.replace(":", "")), socket.inet_aton(ip_text)
    if kind == "rarp":
        ethertype, operation, sender, target = 0x8035, 3, (mac, bytes(4)), (mac, bytes(4))
    else:
        ethertype, operation, sender, target = 0x0806, 1, (mac, ip), (bytes(6), ip)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + b"".join((*sender, *target))
    frame = BROADCAST + mac + struct.pack("!H", ethertype) + body
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    for _ in range(3):
        sock.send(frame.ljust(60, b"\0"))
        time.sleep(0.1)


main(*sys.argv[1:])
