"""A TCP connection that counts its payload, and a server that takes one such connection per thread.

Each client program prints `{"sent": n, "received": n}` on its last line: payload bytes of the TCP streams as
the program itself counted them. The lab writes these numbers into truth.json.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable


class Connection:
    """One TCP connection with counters for both directions."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sent = 0
        self.received = 0

    @classmethod
    def to(cls, address: str, port: int) -> Connection:
        """Connect to a name or an address."""
        return cls(socket.create_connection((address, port), timeout=15))

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.sock.sendall(data)
        self.sent += len(data)

    def some(self, limit: int = 65536) -> bytes:
        """Receive what is there; empty at the end of the stream."""
        data = self.sock.recv(limit)
        self.received += len(data)
        return data

    def exactly(self, count: int) -> bytes:
        """Receive `count` bytes (EOFError when the stream ends before)."""
        data = b""
        while len(data) < count:
            more = self.some(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def line(self) -> bytes:
        """Receive one line including its end."""
        data = b""
        while not data.endswith(b"\r\n"):
            data += self.exactly(1)
        return data

    def close(self) -> None:
        """End our direction, read what the other end still sends, close."""
        self.sock.shutdown(socket.SHUT_WR)
        while self.some():
            pass
        self.sock.close()

    def report(self) -> None:
        """Print the counters as the last line of a client program."""
        print(json.dumps({"sent": self.sent, "received": self.received}), flush=True)


def serve(port: int, handle: Callable[[Connection], None]) -> None:
    """Serve IPv4 and, where the machine has it, IPv6 for ever: `handle` runs once per connection."""
    try:
        server = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        server = socket.create_server(("", port))

    def one(connection: Connection) -> None:
        try:
            handle(connection)
            connection.close()
        except (EOFError, OSError):
            connection.sock.close()

    while True:
        sock, _peer = server.accept()
        threading.Thread(target=one, args=(Connection(sock),), daemon=True).start()


def text(count: int, topic: str) -> bytes:
    """`count` bytes of readable filler, the same in every run."""
    lines = (f"{number:06} {topic} record of the flowmap lab\n" for number in range(count // 30 + 1))
    return "".join(lines).encode()[:count]
