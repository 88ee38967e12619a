"""A key-value cache in the protocol of Redis: `cache.py serve PORT`, `cache.py load NAME PORT KEYS BYTES`."""

import sys

from counted import Connection, serve, text


def bulk(data: bytes) -> bytes:
    """One bulk string of the protocol."""
    return b"$%d\r\n%s\r\n" % (len(data), data)


def command(*words: bytes) -> bytes:
    """One command: an array of bulk strings."""
    return b"*%d\r\n" % len(words) + b"".join(bulk(word) for word in words)


def read_bulk(connection: Connection) -> bytes:
    """One bulk string from the stream."""
    length = int(connection.line()[1:])
    return connection.exactly(length + 2)[:-2]


def answer(connection: Connection) -> None:
    """Serve SET and GET until the client closes."""
    values: dict[bytes, bytes] = {}
    while True:
        count = int(connection.line()[1:])
        words = [read_bulk(connection) for _ in range(count)]
        if words[0] == b"SET":
            values[words[1]] = words[2]
            connection.send(b"+OK\r\n")
        else:
            connection.send(bulk(values.get(words[1], b"")))


def load(name: str, port: str, keys: str, size: str) -> None:
    """Store `keys` values of `size` bytes and read each back twice."""
    connection = Connection.to(name, int(port))
    for number in range(int(keys)):
        key = b"session:%d" % number
        connection.send(command(b"SET", key, text(int(size), "session")))
        connection.line()
        for _ in range(2):
            connection.send(command(b"GET", key))
            read_bulk(connection)
    connection.close()
    connection.report()


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), answer)
else:
    load(*sys.argv[2:])
