"""Nothing that FlowMap does leaves the machine: seen by strace, and shown by a network that has no way out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.api.frames import named_talks, pcap
from tests.api.servers import ENDED, WITHIN_S, wait_for

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed (apt install strace)")
INVENTORY = b"vm,mac,ip,host\nweb.corp.example,00:50:56:00:00:01,10.0.0.1,esx-01.corp.example\n"
CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
OUTSIDE = re.compile(r"sa_family=AF_INET6?\b")
LOOPBACK = re.compile(r'inet_addr\("127\.\d+\.\d+\.\d+"\)|inet_pton\(AF_INET6, "::1"')


def calls_outside(trace):
    """Every system call of a trace that names an address beyond loopback."""
    lines = [
        line for file in trace.parent.glob(trace.name + "*") for line in file.read_text(errors="replace").splitlines()
    ]
    assert lines, "strace wrote nothing"
    return [line for line in lines if OUTSIDE.search(line) and not LOOPBACK.search(line)]


def traced(trace, *command):
    return [STRACE, "-f", "-qq", "-o", str(trace), "-e", CALLS, *map(str, command)]


@pytest.fixture
def files(tmp_path):
    """A capture whose packets hold names, and an inventory of names."""
    capture, inventory = tmp_path / "a.pcap", tmp_path / "vms.csv"
    capture.write_bytes(pcap(named_talks()))
    inventory.write_bytes(INVENTORY)
    return capture, inventory


@needs_strace
def test_strace_would_show_a_look_up(tmp_path):
    trace = tmp_path / "trace"
    program = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.1', 53))"
    subprocess.run(traced(trace, sys.executable, "-c", program), check=False, timeout=WITHIN_S)
    assert any("192.0.2.1" in line for line in calls_outside(trace))


@needs_strace
@pytest.mark.parametrize("reader", ["header", "pyshark"])
def test_an_analysis_connects_to_nobody(tmp_path, files, reader):
    capture, inventory = files
    trace, out = tmp_path / "trace", tmp_path / "map.json"
    command = traced(
        trace, sys.executable, "-m", "flowmap", "analyze", capture, "--inventory", inventory, "-o", out,
        "--reader", reader,
    )  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=WITHIN_S)
    assert calls_outside(trace) == []
    names = {row["name"] for node in json.loads(out.read_text())["nodes"] for row in node["names"]}
    assert "web.corp" in names  # tshark was at work


@needs_strace
def test_a_server_connects_to_nobody(tmp_path, files):
    capture, inventory = files
    trace = tmp_path / "trace"
    command = traced(
        trace, sys.executable, "-m", "flowmap", "serve", "--port", 0, "--data-dir", tmp_path / "data"
    )  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        address = next(found for line in process.stdout if (found := re.search(r"http://\S+", line)))[0]
        url, _, token = address.partition("/?token=")
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=WITHIN_S) as client:
            map_id = client.post("/api/maps", json={"name": "http://192.0.2.1/"}).json()["id"]
            client.put(f"/api/maps/{map_id}/captures/a.pcap", content=capture.read_bytes())
            client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=inventory.read_bytes())
            client.post(f"/api/maps/{map_id}/analysis")
            wait_for(lambda: client.get(f"/api/maps/{map_id}").json()["state"] in ENDED)
            for path in ("graph", "health", "timeline", "conversations", "report?format=html", "export/html"):
                assert client.get(f"/api/maps/{map_id}/{path}").status_code == 200
            live = {"interface": "lo", "filter": "host corp.example"}
            assert client.post(f"/api/maps/{map_id}/live", json=live).status_code == 422
            assert client.get("/api/interfaces").status_code == 200
    finally:
        # strace would leave the server running: the server is ended, and strace ends with it.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        process.communicate(timeout=WITHIN_S)
    assert children and calls_outside(trace) == []


def document_of(files, out, *, prefix=()):
    """The document of an analysis in a process of its own."""
    capture, inventory = files
    command = [*prefix, sys.executable, "-m", "flowmap", "analyze", capture, "--inventory", inventory, "-o", out]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=WITHIN_S)
    return json.loads(out.read_text())


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None, reason="a network namespace needs root and unshare"
)
def test_without_any_network_the_result_is_the_same(tmp_path, files):
    inside = ["unshare", "--net", "--"]
    listed = subprocess.run([*inside, "ip", "-o", "link"], check=True, capture_output=True, text=True, timeout=WITHIN_S)
    assert re.findall(r"^\d+: (\w+)", listed.stdout, re.MULTILINE) in ([], ["lo"]) and "state UP" not in listed.stdout
    outside = document_of(files, tmp_path / "outside.json")
    assert document_of(files, tmp_path / "inside.json", prefix=inside) == outside
    assert outside["nodes"]
