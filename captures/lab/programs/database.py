"""A database in the framing of PostgreSQL.

`database.py serve PORT` | `database.py query NAME PORT QUERIES BYTES [FILE]`

Start-up message, trust authentication, then simple queries; each answer is one row of the asked size. With FILE
the client reports what it exchanged, waits until that file exists, and asks the same again in the same session.
"""

import re
import struct
import sys
import time
from pathlib import Path

from counted import Connection, serve, text

READY = b"Z" + struct.pack("!Ic", 5, b"I")


def message(kind: bytes, body: bytes) -> bytes:
    """One protocol message: type, length, body."""
    return kind + struct.pack("!I", len(body) + 4) + body


def answer(connection: Connection) -> None:
    """Serve one session until the client says goodbye."""
    (length,) = struct.unpack("!I", connection.exactly(4))
    connection.exactly(length - 4)
    connection.send(message(b"R", struct.pack("!I", 0)) + READY)
    column = b"payload\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0)
    while True:
        kind, length = struct.unpack("!cI", connection.exactly(5))
        body = connection.exactly(length - 4)
        if kind == b"X":
            return
        wanted = re.search(rb"(\d+)\)", body)
        row = text(int(wanted[1]) if wanted else 0, "row")
        data_row = struct.pack("!hI", 1, len(row)) + row
        connection.send(
            message(b"T", struct.pack("!h", 1) + column)
            + message(b"D", data_row)
            + message(b"C", b"SELECT 1\0")
            + READY
        )


def wait_for_ready(connection: Connection) -> None:
    """Read messages until the server is ready for the next query."""
    kind = b""
    while kind != b"Z":
        kind, length = struct.unpack("!cI", connection.exactly(5))
        connection.exactly(length - 4)


def query(name: str, port: str, queries: str, size: str, file: str = "") -> None:
    """Ask `queries` times for a row of `size` bytes."""
    connection = Connection.to(name, int(port))
    parameters = b"user\0app\0database\0shop\0application_name\0flowmap-lab\0\0"
    connection.send(struct.pack("!II", len(parameters) + 8, 196608) + parameters)
    wait_for_ready(connection)
    ask(connection, queries, size)
    if file:
        connection.report()
        while not Path(file).exists():
            time.sleep(0.05)
        ask(connection, queries, size)
    connection.send(message(b"X", b""))
    connection.close()
    connection.report()


def ask(connection: Connection, queries: str, size: str) -> None:
    """Send the queries and read their answers."""
    for number in range(int(queries)):
        statement = f"SELECT payload FROM orders WHERE id = pick({number}, {size})"
        connection.send(message(b"Q", statement.encode() + b"\0"))
        wait_for_ready(connection)


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), answer)
else:
    query(*sys.argv[2:])
