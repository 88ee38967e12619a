"""A message broker that speaks MQTT 3.1.1.

`broker.py serve PORT` | `broker.py publish NAME PORT COUNT BYTES`
"""

import struct
import sys

from counted import Connection, serve, text


def packet(kind: int, body: bytes) -> bytes:
    """One control packet: type and flags, remaining length (1 or 2 bytes), body."""
    length = len(body)
    size = bytes([length]) if length < 128 else bytes([length % 128 | 128, length // 128])
    return bytes([kind]) + size + body


def string(data: bytes) -> bytes:
    """A string with its length in front."""
    return struct.pack("!H", len(data)) + data


def read_packet(connection: Connection) -> tuple[int, bytes]:
    """Kind and body of the next packet."""
    kind = connection.exactly(1)[0]
    length = shift = 0
    while True:
        byte = connection.exactly(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind, connection.exactly(length)


def answer(connection: Connection) -> None:
    """Accept a connection and acknowledge what it publishes."""
    while True:
        kind, body = read_packet(connection)
        if kind >> 4 == 1:
            connection.send(packet(0x20, b"\0\0"))
        elif kind >> 4 == 3:
            (topic_length,) = struct.unpack_from("!H", body)
            connection.send(packet(0x40, body[2 + topic_length : 4 + topic_length]))
        elif kind >> 4 == 14:
            return


def publish(name: str, port: str, count: str, size: str) -> None:
    """Publish `count` messages of `size` bytes, each acknowledged."""
    connection = Connection.to(name, int(port))
    header = string(b"MQTT") + b"\x04\x02" + struct.pack("!H", 60)
    connection.send(packet(0x10, header + string(b"flowmap-lab")))
    read_packet(connection)
    for number in range(int(count)):
        body = string(b"orders/new") + struct.pack("!H", number + 1) + text(int(size), "order")
        connection.send(packet(0x32, body))
        read_packet(connection)
    connection.send(packet(0xE0, b""))
    connection.close()
    connection.report()


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), answer)
else:
    publish(*sys.argv[2:])
