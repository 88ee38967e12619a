"""The server as a process: address, port, folder, and what is left when it goes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flowmap.api.serve import is_loopback
from tests.api.frames import pcap, two_talks
from tests.api.servers import ENDED, WITHIN_S, hanging_tshark, served, wait_for
from tests.api.test_analysis import INVENTORY
from tests.api.test_upload_faults import leave_free

ROOT = Path(__file__).parents[2]


def refused(*arguments):
    """Exit status and the sentence of a server that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "flowmap", "serve", *map(str, arguments)],
        capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def descendants(pid):
    """Living processes below a process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found, level = [], {pid}
    while level := {child for child, parent in parents.items() if parent in level}:
        found += level
    return found


def alive(pids):
    living = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                living.append(pid)
        except OSError:
            continue
    return living


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "web.pcap"
    path.write_bytes(pcap(two_talks()))
    return path


def test_captures_are_open_at_the_address_that_is_printed(tmp_path, capture):
    inventory = tmp_path / "vms.csv"
    inventory.write_bytes(INVENTORY)
    points = tmp_path / "points.yaml"
    points.write_text("points: [{file: web.pcap, host: esx-01, role: mirror}]")
    arguments = (
        "--port",
        0,
        "--data-dir",
        tmp_path / "data",
        "--open",
        capture,
        "--inventory",
        inventory,
        "--points",
        points,
    )
    with served(*arguments) as server, httpx.Client() as browser:
        answer = browser.get(server.address)
        map_id = re.search(r"map=(\w+)", server.address)[1]
        assert answer.status_code == 303 and answer.headers["location"] == f"/?map={map_id}"
        status = wait_for(lambda: (s := browser.get(f"{server.url}/api/maps/{map_id}").json())["state"] in ENDED and s)
        assert status["state"] == "done" and status["captures"][0]["expires_at"] is None
        document = browser.get(f"{server.url}/api/maps/{map_id}/graph").json()
        assert {node["id"] for node in document["nodes"]} == {"vm:web", "vm:db", "vm:client"}
        assert document["graph"]["points"][0]["role"] == "mirror"
    assert capture.exists()
    with served(*arguments) as server:
        with server.client() as client:
            maps = client.get("/api/maps").json()["maps"]
            assert len(maps) == 1 and maps[0]["id"] != map_id


def test_an_inventory_may_be_said_to_be_of_a_host(tmp_path, capture):
    inventory = tmp_path / "web.xml"
    inventory.write_text(
        "<domain id='1'><name>web</name><devices><interface type='bridge'><mac address='00:50:56:00:00:01'/>"
        "</interface></devices></domain>"
    )
    arguments = ("--port", 0, "--data-dir", tmp_path / "data", "--open", capture, "--inventory", f"kvm-1={inventory}")
    with served(*arguments) as server, server.client() as client:
        (listed,) = client.get("/api/maps").json()["maps"]
        (file,) = client.get(f"/api/maps/{listed['id']}").json()["inventory"]
        assert (file["name"], file["host"]) == ("web.xml", "kvm-1")


def test_the_next_free_port_is_taken_and_the_next_free_folder(tmp_path):
    port = free_port()
    with (
        served("--port", port, "--data-dir", tmp_path) as first,
        served("--port", port, "--data-dir", tmp_path) as second,
    ):
        assert first.url.endswith(f":{port}") and second.url != first.url
        for server in (first, second):
            with server.client() as client:
                assert client.post("/api/maps").status_code == 201
                assert len(client.get("/api/maps").json()["maps"]) == 1
    assert (tmp_path / "lock").stat().st_mode & 0o077 == 0


def test_other_machines_are_let_in_only_when_that_is_said(tmp_path):
    status, sentence = refused("--host", "0.0.0.0", "--port", 0, "--data-dir", tmp_path)
    assert status == 2 and "--allow-remote" in sentence
    with served("--host", "0.0.0.0", "--allow-remote", "--port", 0, "--data-dir", tmp_path) as server:
        assert any("TLS" in line for line in server.lines)
        with server.client() as client:
            assert client.get("/api/maps").status_code == 200
            assert client.get("/healthz", headers={"Host": "elsewhere.test"}).status_code == 421


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("::", False), ("localhost.evil.test", False), ("", False)],
)  # fmt: skip
def test_loopback_addresses(host, expected):
    assert is_loopback(host) is expected


def test_what_cannot_be_served_is_one_sentence(tmp_path, capture):
    data = tmp_path / "data"
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" * 10)
    for arguments, code, part in (
        (("--open", tmp_path / "nowhere.pcap"), 1, "nowhere.pcap"),
        (("--open", picture), 1, "photo.png"),
        (("--open", capture, "--inventory", picture), 1, "photo.png"),
        (("--inventory", picture), 2, "--open"),
        (("--host", "no.such.host.invalid", "--allow-remote"), 2, "no.such.host.invalid"),
    ):
        status, sentence = refused("--port", 0, "--data-dir", data, *arguments)
        assert status == code and part in sentence.splitlines()[-1], arguments
    (tmp_path / "file").write_text("")
    status, sentence = refused("--port", 0, "--data-dir", tmp_path / "file")
    assert status == 1 and "data folder" in sentence


@pytest.mark.parametrize("name", ["maps*", "maps?", "maps[1]"])
def test_a_data_folder_whose_name_is_a_pattern_is_refused_before_it_is_made(tmp_path, name):
    folder = tmp_path / name / "data"
    (tmp_path / "link").symlink_to(tmp_path / name)
    for given in (folder, tmp_path / "link" / "data"):
        status, sentence = refused("--port", 0, "--data-dir", given)
        told = sentence.splitlines()[-1]
        assert status == 1 and f"The data folder {folder} cannot hold tables" in told and f"'{name[4]}'" in told
        assert told.endswith("name another with --data-dir.")
    assert not folder.parent.exists()


def test_a_server_that_finds_no_room_for_its_token_says_so(small_disk):
    leave_free(small_disk, 0)
    status, sentence = refused("--port", 0, "--data-dir", small_disk)
    assert status == 1 and f"The data folder {small_disk} cannot be written (No space left on device)" in sentence
    assert not (small_disk / "token").exists()


def test_a_signal_ends_it_soon_with_an_open_event_stream(tmp_path):
    with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
        map_id = client.post("/api/maps").json()["id"]
        with client.stream("GET", f"/api/maps/{map_id}/events") as events:
            lines = events.iter_lines()
            assert next(line for line in lines if line.startswith("event")) == "event: state"
            server.process.send_signal(signal.SIGINT)
            assert not [line for line in lines if line.startswith("event")]
        output, _ = server.process.communicate(timeout=WITHIN_S)
        assert server.process.returncode == 0 and "Traceback" not in output


def test_nothing_survives_a_killed_server_and_its_work_is_done_later(tmp_path, capture, monkeypatch):
    monkeypatch.setenv("FLOWMAP_TSHARK_PATH", str(hanging_tshark(tmp_path / "tshark")))
    with served("--port", 0, "--data-dir", tmp_path / "data") as server, server.client() as client:
        map_id = client.post("/api/maps").json()["id"]
        client.put(f"/api/maps/{map_id}/captures/web.pcap", content=capture.read_bytes())
        client.post(f"/api/maps/{map_id}/analysis")
        below = wait_for(lambda: len(found := descendants(server.process.pid)) >= 2 and found)
        os.kill(server.process.pid, signal.SIGKILL)
        wait_for(lambda: not alive(below))
    monkeypatch.delenv("FLOWMAP_TSHARK_PATH")
    with served("--port", 0, "--data-dir", tmp_path / "data") as server, server.client() as client:
        wait_for(lambda: client.get(f"/api/maps/{map_id}").json()["state"] == "done")


NEVER_IMPORTED = """
import sys
if "flowmap.api.worker" in sys.orig_argv:
    import os, pathlib, threading

    class Waits:
        def find_spec(self, name, path=None, target=None):
            if name == "flowmap.api.caps":  # the first of a worker's own imports
                pathlib.Path(os.environ["FLOWMAP_TEST_REACHED"]).write_text(str(os.getpid()))
                threading.Event().wait()

    sys.meta_path.insert(0, Waits())
"""


def test_a_worker_that_is_still_importing_ends_with_its_server(tmp_path, capture, monkeypatch):
    (tmp_path / "fault").mkdir()
    (tmp_path / "fault" / "sitecustomize.py").write_text(NEVER_IMPORTED)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path / "fault"), str(ROOT), before])))
    monkeypatch.setenv("FLOWMAP_TEST_REACHED", str(tmp_path / "reached"))
    with served("--port", 0, "--data-dir", tmp_path / "data") as server, server.client() as client:
        map_id = client.post("/api/maps").json()["id"]
        client.put(f"/api/maps/{map_id}/captures/web.pcap", content=capture.read_bytes())
        client.post(f"/api/maps/{map_id}/analysis")
        worker = int(wait_for(lambda: (tmp_path / "reached").exists() and (tmp_path / "reached").read_text()))
        try:
            server.process.kill()
            wait_for(lambda: not alive([worker]), within_s=20.0)
        finally:
            for pid in alive([worker]):
                os.kill(pid, signal.SIGKILL)


def test_a_child_whose_parent_is_gone_before_it_asks_leaves_at_once():
    done = subprocess.run(
        [sys.executable, "-m", "flowmap.api.child", "never.imported", "1"], capture_output=True, timeout=WITHIN_S
    )
    assert done.returncode == 1 and done.stderr == b""


def test_no_live_capture_survives_a_killed_server(tmp_path):
    with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
        map_id = client.post("/api/maps").json()["id"]
        assert client.post(f"/api/maps/{map_id}/live", json={"interface": "lo", "filter": "port 9"}).status_code == 202
        below = wait_for(lambda: len(found := descendants(server.process.pid)) >= 3 and found)
        os.kill(server.process.pid, signal.SIGKILL)
        wait_for(lambda: not alive(below))
    with served("--port", 0, "--data-dir", tmp_path) as server, server.client() as client:
        status = client.get(f"/api/maps/{map_id}").json()
        assert status["state"] == "failed" and "live capture" in status["error"]
