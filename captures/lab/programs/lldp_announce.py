"""Send one LLDP frame out of a port of the physical switch.

`lldp_announce.py INTERFACE SYSTEM PORT-NAME MAC`
"""

import socket
import struct
import sys


def tlv(kind: int, value: bytes) -> bytes:
    """Type (7 bits), length (9 bits), value."""
    return struct.pack("!H", kind << 9 | len(value)) + value


def main(interface: str, system: str, port_name: str, mac: str) -> None:
    """Chassis id, port id, time to live, port description, system name, end."""
    source = bytes.fromhex(mac.replace(":", ""))
    body = tlv(1, b"\4" + source) + tlv(2, b"\5" + port_name.encode()) + tlv(3, struct.pack("!H", 120))
    body += tlv(4, f"{port_name} to {interface}".encode()) + tlv(5, system.encode()) + tlv(0, b"")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    sock.send(bytes.fromhex("0180c200000e") + source + b"\x88\xcc" + body)


main(*sys.argv[1:])
