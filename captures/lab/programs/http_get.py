"""Fetch one page over HTTP/1.0: `http_get.py NAME PORT PATH [HOST-HEADER]`."""

import sys

from counted import Connection


def main(name: str, port: str, path: str, host_header: str = "") -> None:
    """Send one request and read until the server closes."""
    connection = Connection.to(name, int(port))
    request = f"GET {path} HTTP/1.0\r\nHost: {host_header or name}\r\nUser-Agent: flowmap-lab\r\n\r\n"
    connection.send(request.encode())
    status = connection.line()
    while connection.some():
        pass
    connection.sock.close()
    if b" 200 " not in status:
        raise SystemExit(f"{name}{path} answered {status!r}")
    connection.report()


main(*sys.argv[1:])
