"""What one machine can do to the port without a token: the server answers others meanwhile, and within its bounds."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from pathlib import Path

import httpx
import pytest

from flowmap.api import connections
from flowmap.api.guard import HEADERS as SECURITY_HEADERS
from tests.api.servers import WITHIN_S, served, wait_for

POST = b"POST /api/maps HTTP/1.1\r\nHost: localhost\r\n"
MANY = 3 * connections.MAX_CONNECTIONS


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """As a person starts it: uvicorn with our bounds."""
    with served("--port", 0, "--data-dir", tmp_path_factory.mktemp("data")) as found:
        found.port = int(found.url.rpartition(":")[2])
        yield found


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN_S)


def exchange(server, request):
    """Everything that is answered to some bytes."""
    with connect(server) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65_536):
                answer += piece
        return answer


def healthy(server):
    """A new connection is answered."""
    answer = httpx.get(f"{server.url}/healthz", timeout=WITHIN_S)
    return answer.status_code == 200 and answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /api/maps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    ],
    ids=["silent", "half a head", "half a body"],
)
def test_many_connections_that_finish_nothing_close_the_server_to_nobody(server, beginning):
    with contextlib.ExitStack() as held:
        slow = []
        for number in range(MANY):
            slow.append(held.enter_context(connect(server)))
            slow[-1].sendall(beginning)
            if number % 32 == 31:
                assert healthy(server)
        for _ in range(5):
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")
            assert healthy(server)
        gone = []
        for connection in slow:
            connection.setblocking(False)
            try:
                while connection.recv(65_536):
                    pass
                gone.append(connection)
            except BlockingIOError:
                continue
            except OSError:
                gone.append(connection)
        assert len(gone) >= MANY - connections.MAX_CONNECTIONS
    assert healthy(server)


def hurried(least_taken_bytes=connections.LEAST_TAKEN_BYTES):
    """A server that waits for nothing longer than a second, and whose kernel holds little of an answer."""
    return (
        "import socket\nfrom flowmap.api import connections, serve\n"
        "connections.HEAD_S = 0.5\nconnections.READER_S = 1.0\n"
        "listen = serve._listen\ndef with_little_room(*where):\n    found = listen(*where)\n"
        "    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)\n    return found\n"
        "serve._listen = with_little_room\n"
        f"connections.LEAST_TAKEN_BYTES = {least_taken_bytes}\n"
        "import sys\nfrom flowmap.cli import main\nsys.argv[0] = 'flowmap'\nmain()\n"
    )


def lazy(port, requests):
    """A connection that asks for the page's largest file, has room for little of it, and reads nothing yet."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(WITHIN_S)
    connection.connect(("127.0.0.1", port))
    ask = b"GET /vendor/d3.min.js HTTP/1.1\r\nHost: localhost\r\n"
    connection.sendall((ask + b"\r\n") * (requests - 1) + ask + b"Connection: close\r\n\r\n")
    return connection


def test_many_slow_readers_close_the_server_to_nobody(server):
    with contextlib.ExitStack() as held:
        for number in range(MANY):
            held.enter_context(lazy(server.port, 60))
            if number % 32 == 31:
                assert healthy(server)
        assert healthy(server)


def test_a_reader_that_takes_a_little_all_the_time_gets_all_of_it(tmp_path):
    with served("--port", 0, "--data-dir", tmp_path, program=hurried(1)) as server:
        size = len(httpx.get(f"{server.url}/vendor/d3.min.js").content)
        with lazy(int(server.url.rpartition(":")[2]), 3) as connection:
            taken = 0
            while taken < 3 * size and (piece := connection.recv(65_536)):
                taken += len(piece)
                threading.Event().wait(0.02)
        assert taken >= 3 * size


def test_nobody_fills_the_terminal_or_the_log_with_what_is_no_http(tmp_path):
    half = b"POST /api/maps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
    with served("--port", 0, "--data-dir", tmp_path) as server:
        server.port = int(server.url.rpartition(":")[2])
        for _ in range(20):
            with connect(server) as connection:
                connection.sendall(half)
                answer = b""
                while not answer.endswith(b"}"):
                    answer += connection.recv(65_536)
                assert b" 403 " in answer  # it has been given, and then the rest is nonsense
                connection.sendall(b"cde\r\nzzzz\r\n")
                with contextlib.suppress(ConnectionResetError):
                    assert connection.recv(65_536) == b""
            assert b" 400 " in exchange(server, b"\xff\r\n\r\n")
        server.process.terminate()
        output, _ = server.process.communicate(timeout=WITHIN_S)
    assert "Traceback" not in output and "rror" not in output
    log = (tmp_path / "server.log").read_text()
    assert log.count("Invalid HTTP request") == 1 and "LocalProtocolError" not in log


def test_a_head_that_does_not_end_is_not_waited_for(tmp_path, monkeypatch):
    with served("--port", 0, "--data-dir", tmp_path, program=hurried()) as server:
        server.port = int(server.url.rpartition(":")[2])
        with connect(server) as silent, connect(server) as dripping, connect(server) as after:
            dripping.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
            after.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
            for connection in (silent, dripping, after):

                def ended(connection=connection):
                    with contextlib.suppress(OSError):
                        connection.sendall(b"x")
                    try:
                        return connection.recv(65_536) == b""
                    except OSError:
                        return True

                wait_for(ended)
        # A reader that takes nothing: of many answers, or of one that is written and whose connection is to be closed.
        for requests in (40, 1):
            with lazy(server.port, requests) as reader:
                wait_for(lambda reader=reader: not _is_open(server.process.pid, reader.getsockname()[1]))


def _is_open(pid, peer_port):
    """The process still has a connection to that port of this machine."""
    with open(f"/proc/{pid}/net/tcp") as table:
        sockets = [line.split() for line in table.read().splitlines()[1:]]
    inodes = {row[9] for row in sockets if int(row[2].rpartition(":")[2], 16) == peer_port}
    held = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(path.readlink().name.removeprefix("socket:"))
    return any(f"[{inode}]" in held for inode in inodes)


def test_a_head_has_a_size(server):
    answer = exchange(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 40_000)
    assert b" 400 " in answer.split(b"\r\n")[0]
    answer = exchange(server, b"GET /healthz?" + b"x" * 40_000)
    assert b" 400 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("kibibytes", [17, 20, 100])
@pytest.mark.parametrize(
    "head",
    [
        lambda size: b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * size,
        lambda size: b"GET /healthz?" + b"x" * size + b" HTTP/1.1\r\nHost: localhost",
        lambda size: b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: 0123456789ABC\r\n" * (size // 23),
    ],
    ids=["a header", "the address", "many headers"],
)
def test_a_head_has_a_size_also_when_it_is_whole_at_once(server, head, kibibytes):
    large = head(kibibytes << 10).rstrip()
    answer = exchange(server, large + b"\r\nConnection: close\r\n\r\n")
    # Where the network cuts it into pieces, the parser may see that it is too large before it has all of it.
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")) and answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer and b"content-security-policy" in answer.lower()
    small = head(15 << 10).rstrip()
    assert exchange(server, small + b"\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_asks_for_nothing_more_is_closed(server):
    with connect(server) as connection:
        for _ in range(2):  # the second question is answered: until then it is kept
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 ") and b"connection: close" not in answer.lower()
        # In order, as after the five seconds of timeout_keep_alive: a head that is late is broken off instead.
        assert connection.recv(65_536) == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        POST + b"Content-Length: +5\r\n\r\nabcde",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff" * 200 + b"\r\n\r\n",
    ],
    ids=["both lengths", "two lengths", "signed length", "odd coding", "two hosts", "space", "no host", "tls", "noise"],
)
def test_what_two_servers_could_read_in_two_ways_is_refused(server, request_bytes):
    answer = exchange(server, request_bytes)
    status = int(answer.split(b" ")[1])
    assert status in (400, 403, 421, 501) and answer.count(b"HTTP/1.1 ") == 1
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()
    for name, value in SECURITY_HEADERS.items():
        assert f"{name}: {value}".lower() in head, name
    assert b"application/problem+json" in answer and b"Traceback" not in answer


def test_a_range_is_not_looked_at(server):
    headers = {"Range": "bytes=" + ",".join(f"{n}-{n + 1}" for n in range(0, 8_000, 2))[:12_000], "Host": "localhost"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WITHIN_S)
    connection.request("GET", "/vendor/d3.min.js", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200 and len(answer.read()) > 100_000 and answer.getheader("accept-ranges") is None
    connection.close()


def test_a_websocket_is_refused(server):
    answer = exchange(
        server,
        b"GET /api/maps/x/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    assert b" 401 " in answer.split(b"\r\n")[0] and b"101" not in answer.split(b"\r\n")[0]


def test_forwarded_headers_are_believed_by_nobody(tmp_path):
    forged = {"X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "https", "Forwarded": "host=localhost"}
    with served("--port", 0, "--data-dir", tmp_path) as server, httpx.Client(base_url=server.url) as stranger:
        with server.client() as client:
            assert client.get("/api/maps", headers={**forged, "Host": "evil.test"}).status_code == 421
        for number in range(11):
            headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": f"10.0.0.{number}"}
            assert stranger.get("/api/maps", headers=headers).status_code == (401 if number < 10 else 429)
        opened = stranger.get(f"/?token={server.token}", headers=forged)
        assert opened.status_code == 303 and "secure" not in opened.headers["set-cookie"].lower()
