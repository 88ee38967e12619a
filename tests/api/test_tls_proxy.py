"""The nginx configuration of docs/security.md, run for real: page, upload and events work through it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.api.frames import pcap, two_talks
from tests.api.servers import ENDED, WITHIN_S, served, wait_for

NAME = "flowmap.example.org"
DOCS = Path(__file__).parents[2] / "docs" / "security.md"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
needs_programs = pytest.mark.skipif(
    not (NGINX and shutil.which("openssl")),
    reason="nginx or openssl is not installed (apt install nginx-light openssl)",
)


def documented_site():
    """The server block that the documentation shows."""
    return re.search(r"```nginx\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@contextlib.contextmanager
def nginx(folder, upstream_port):
    """nginx in front of a server; gives its port. It is ended by its process id."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    site = documented_site()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/flowmap/cert.pem", str(folder / "cert.pem")),
        ("/etc/ssl/flowmap/key.pem", str(folder / "key.pem")),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream_port}"),
        ("/var/log/nginx/flowmap.log", str(folder / "access.log")),
    ):
        assert old in site, old
        site = site.replace(old, new)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.getuid() == 0 else ''} daemon off; pid {folder}/pid; worker_processes 1;\n"
        f"error_log {folder}/error.log;\nevents {{}}\nhttp {{ {paths}\n{site}\n}}\n"
    )
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_for(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, process.stdout.read().decode()
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=WITHIN_S)


def _listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def behind(tmp_path_factory, tmp_path):
    """A browser's view of a FlowMap behind nginx: by name, with TLS, and a fresh one-time address."""
    folder = tmp_path_factory.mktemp("nginx")
    arguments = ("--port", 0, "--data-dir", tmp_path / "data", "--allowed-host", NAME, "--behind-tls")
    with served(*arguments) as server:
        upstream = _port_of(server.process.pid)
        with nginx(folder, upstream) as port:
            trust = ssl.create_default_context(cafile=folder / "cert.pem")
            url = f"https://{NAME}:{port}"
            transport = _Local(verify=trust)
            with httpx.Client(base_url=url, transport=transport, timeout=WITHIN_S) as browser:
                yield server, browser, folder


class _Local(httpx.HTTPTransport):
    """Names lead to this machine, as an entry in /etc/hosts would make them; TLS still checks the name."""

    def handle_request(self, request):
        here = httpx.Request(
            request.method, request.url.copy_with(host="127.0.0.1"), headers=request.headers, stream=request.stream,
            extensions={**request.extensions, "sni_hostname": NAME},
        )  # fmt: skip
        return super().handle_request(here)


def _port_of(pid):
    """The port that a process of ours listens on."""

    def listening():
        inodes = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A" and cells[9] in inodes:
                return int(cells[1].rpartition(":")[2], 16)
        return None

    return wait_for(listening)


@needs_programs
def test_page_upload_and_events_work_behind_nginx(behind):
    server, browser, folder = behind
    assert server.address.startswith(f"https://{NAME}/?token=")
    opened = browser.get(f"/?token={server.token}")
    assert opened.status_code == 303 and opened.headers["set-cookie"].startswith("__Host-")
    page = browser.get("/")
    assert page.status_code == 200 and "FlowMap" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["strict-transport-security"]

    change = {"X-FlowMap": "1", "Origin": str(browser.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    map_id = browser.post("/api/maps", headers=change).json()["id"]
    content = pcap(two_talks()) + b"\0" * (3 << 20)  # larger than nginx takes unasked
    put = browser.put(f"/api/maps/{map_id}/captures/web.pcap", content=content, headers=change)
    assert put.status_code == 201 and put.json()["size_bytes"] == len(content)
    with browser.stream("GET", f"/api/maps/{map_id}/events") as events:
        lines = events.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        assert '"state":"new"' in first  # it came while the stream is open: nothing holds it back
        assert browser.post(f"/api/maps/{map_id}/analysis", headers=change).status_code == 202
        assert next(line for line in lines if line.startswith("event: graph"))
    wait_for(lambda: browser.get(f"/api/maps/{map_id}").json()["state"] in ENDED)
    log = (folder / "access.log").read_text()
    assert '"GET /" 303' in log and server.token not in log


@needs_programs
def test_nginx_lets_no_stranger_in(behind):
    server, browser, _ = behind
    assert browser.get("/api/maps").status_code == 401
    assert browser.get("/healthz").status_code == 200
    bearer = {"Authorization": f"Bearer {server.token}"}
    assert browser.get("/api/maps", headers=bearer).status_code == 200
    assert browser.get("/api/maps", headers={**bearer, "Origin": "https://evil.test"}).status_code == 403
