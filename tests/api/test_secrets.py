"""The token is in one place that only its owner can read, and in nothing that anybody else reads."""

from __future__ import annotations

import socket
import subprocess
import sys

import httpx
import pytest

from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks
from tests.api.servers import TOKEN, WITHIN_S, running, served

PASSWORD = "Zq7-password-of-nobody"


def session_of_good_and_bad_requests(client, url, token):
    """What happens to a server in a day: uploads, mistakes, attacks. Gives every answer as text."""
    seen = []
    stranger = httpx.Client(base_url=url, timeout=WITHIN_S)
    ask = [
        (client, "GET", "/api/maps", {}),
        (client, "GET", "/api/maps/none", {}),
        (client, "POST", "/api/maps", {"content": b"{"}),
        (client, "PATCH", f"/api/maps/{token}", {"json": {"name": token}}),
        (client, "GET", f"/api/maps/none/graph?top={PASSWORD}", {}),
        (client, "PUT", "/api/maps/none/points", {"content": b"\xff"}),
        (stranger, "GET", f"/api/maps?token={token}", {}),
        (stranger, "GET", "/", {"params": {"token": token + "x"}}),
        (stranger, "GET", "/api/maps", {"headers": {"Authorization": f"Basic {PASSWORD}"}}),
        (stranger, "GET", "/api/maps", {"headers": {"Cookie": f"flowmap-00000000={PASSWORD}; a=\x01"}}),
        (stranger, "POST", "/api/maps", {"headers": {"Authorization": f"Bearer {token}x"}}),
        (stranger, "GET", "/healthz", {"headers": {"Host": PASSWORD}}),
    ]
    for browser, method, path, more in ask:
        answer = browser.request(method, path, **more)
        seen += [answer.text, *(f"{name}: {value}" for name, value in answer.headers.items())]
    map_id = client.post("/api/maps", json={"name": "a day"}).json()["id"]
    client.put(f"/api/maps/{map_id}/captures/web.pcap", content=pcap(two_talks()))
    client.put(f"/api/maps/{map_id}/captures/bad.pcap", content=b"no capture")
    seen.append(client.post(f"/api/maps/{map_id}/analysis").text)
    stranger.close()
    return map_id, seen


def raw(port, request):
    """Bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer.decode("latin-1")


def test_no_answer_and_no_log_tells_the_token_or_what_was_sent_as_one(tmp_path):
    settings = Settings(data_dir=tmp_path / "data", min_free_bytes=0)
    with running(settings) as server:

        @server.app.get("/api/bug")
        def bug():
            raise RuntimeError("a mistake of ours")

        server.app.router.routes.insert(0, server.app.router.routes.pop())
        map_id, seen = session_of_good_and_bad_requests(server.client, server.url, TOKEN)
        server.wait(map_id)
        headers = {"Cookie": f"x={PASSWORD}", "X-Password": PASSWORD}
        seen.append(server.client.get(f"/api/bug?token={PASSWORD}", headers=headers).text)
        seen.append(raw(server.port, f"GET /?token={TOKEN} HTTP/1.1\r\nHost: localhost\r\nBad Header\r\n\r\n".encode()))
        seen.append(str(server.status(map_id)))
    log = (settings.data_dir / "server.log").read_text()
    assert "error=RuntimeError" in log and "a mistake of ours" not in log, "a message may quote what was sent"
    for secret in (TOKEN, PASSWORD, server.app.state.access._session):
        assert secret not in log
        assert [text for text in seen if secret in text and not text.startswith("set-cookie")] == []
    kept = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert kept and not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def test_the_printed_token_is_in_its_file_alone_and_goes_with_the_server(tmp_path):
    data = tmp_path / "data"
    with served("--port", 0, "--data-dir", data) as server:
        token_file = data / "token"
        assert token_file.read_text() == server.token + "\n" and token_file.stat().st_mode & 0o777 == 0o600
        with server.client() as client:
            map_id, seen = session_of_good_and_bad_requests(client, server.url, server.token)
            page = client.get("/")
            assert page.headers["referrer-policy"] == "no-referrer"
            moved = httpx.get(server.address)
            assert moved.status_code == 303 and server.token not in moved.headers["location"]
            assert client.get(f"/api/maps/{map_id}").status_code == 200
        assert not [text for text in seen if server.token in text]
        server.process.terminate()
        output, _ = server.process.communicate(timeout=WITHIN_S)
        assert server.token not in output
    assert not token_file.exists()
    kept = [path for path in data.rglob("*") if path.is_file()]
    assert kept and not [path for path in kept if server.token.encode() in path.read_bytes()]


def test_a_token_file_that_somebody_else_made_is_not_used(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "token").symlink_to(tmp_path / "elsewhere")
    with served("--port", 0, "--data-dir", data) as server:
        assert (data / "token").read_text() == server.token + "\n" and not (data / "token").is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_the_journal_gets_the_place_of_the_token_instead_of_the_token(tmp_path):
    program = (
        "import os, subprocess, sys\n"
        "out = os.fstat(1)\n"
        "os.environ['JOURNAL_STREAM'] = f'{out.st_dev}:{out.st_ino}'\n"
        "arguments = ['-m', 'flowmap', 'serve', '--port', '0', '--data-dir', sys.argv[1]]\n"
        "os.execv(sys.executable, [sys.executable, *arguments])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        first, second = process.stdout.readline(), process.stdout.readline()
        token = (tmp_path / "token").read_text().strip()
        assert "FlowMap is at http://127.0.0.1:" in first and str(tmp_path / "token") in second
        assert token not in first + second
        url = first.split()[-1].rstrip("/")
        assert httpx.get(f"{url}/?token={token}").status_code == 303
    finally:
        process.terminate()
        process.communicate(timeout=WITHIN_S)


@pytest.mark.parametrize("name", ["*", "https://a.test", "a.test:8443", "a b", "", "*.a.test", "-a"])
def test_an_allowed_host_is_a_name_and_nothing_wider(tmp_path, name):
    done = subprocess.run(
        [sys.executable, "-m", "flowmap", "serve", f"--data-dir={tmp_path}", f"--allowed-host={name}"],
        capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "--allowed-host" in done.stderr and "Traceback" not in done.stderr


def test_an_allowed_host_is_answered(tmp_path):
    with served("--port", 0, "--data-dir", tmp_path, "--allowed-host", "maps.example.test") as server:
        with server.client() as client:
            assert client.get("/api/maps", headers={"Host": "maps.example.test"}).status_code == 200
            assert client.get("/api/maps", headers={"Host": "other.example.test"}).status_code == 421
