"""HTTPS in both roles: `tls.py serve PORT CERT KEY BYTES` and `tls.py get ADDRESS PORT SERVER-NAME`.

TLS runs over memory buffers, so that both ends count the bytes of the TCP stream and not those inside it.
"""

import ssl
import sys
from collections.abc import Callable

from counted import Connection, serve, text


class Tunnel:
    """TLS over a counted connection."""

    def __init__(self, connection: Connection, context: ssl.SSLContext, server_name: str | None) -> None:
        self.connection = connection
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_side=server_name is None, server_hostname=server_name
        )

    def do(self, step: Callable[[], object]) -> object:
        """Repeat a TLS operation, moving bytes in and out, until it has what it needs."""
        while True:
            try:
                result = step()
                break
            except ssl.SSLWantReadError:
                self._flush()
                data = self.connection.some()
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
        self._flush()
        return result

    def _flush(self) -> None:
        if self.outgoing.pending:
            self.connection.send(self.outgoing.read())


def run_server(port: str, certificate: str, key: str, size: str) -> None:
    """Answer every request with `size` bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def answer(connection: Connection) -> None:
        tunnel = Tunnel(connection, context, None)
        tunnel.do(tunnel.tls.do_handshake)
        tunnel.do(lambda: tunnel.tls.read(4096))
        body = text(int(size), "secure")
        head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        tunnel.do(lambda: tunnel.tls.write(head + body))
        try:
            tunnel.do(tunnel.tls.unwrap)
        except ssl.SSLError:
            pass

    serve(int(port), answer)


def get(address: str, port: str, server_name: str) -> None:
    """Fetch one page, naming the server in the TLS handshake."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = Connection.to(address, int(port))
    tunnel = Tunnel(connection, context, server_name)
    tunnel.do(tunnel.tls.do_handshake)
    request = f"GET / HTTP/1.0\r\nHost: {server_name}\r\n\r\n".encode()
    tunnel.do(lambda: tunnel.tls.write(request))
    try:
        while tunnel.do(lambda: tunnel.tls.read(65536)):
            pass
    except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
        pass
    connection.close()
    connection.report()


if sys.argv[1] == "serve":
    run_server(*sys.argv[2:])
else:
    get(*sys.argv[2:])
