"""Captures, inventories and points on their way into a map: limits, names, and no trace of what failed."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from urllib.parse import quote

import pytest

from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks
from tests.api.servers import TOKEN, running, wait_for

INVENTORY = b"vm,mac,host\nweb,00:50:56:00:00:01,esx-01\ndb,00:50:56:00:00:02,esx-01\n"
RANDOM_NAME = re.compile(r"[0-9a-f]{32}")


def files_of(settings, map_id, kind="captures"):
    return sorted(path.name for path in (settings.data_dir / "maps" / map_id / kind).iterdir())


def raw_upload(server, map_id, *, length, body):
    """A connection that announced ``length`` bytes and sent ``body``."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(
        f"PUT /api/maps/{map_id}/captures/a.pcap HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n".encode()
        + body
    )
    return connection


def test_a_capture_is_kept_byte_for_byte_and_starts_nothing(server, settings):
    content = pcap(two_talks()) * 3
    map_id = server.new_map()
    answer = server.client.put(f"/api/maps/{map_id}/captures/web.pcap", content=content)
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "same_content": []}
    assert answer.status_code == 201 and answer.json() == {"name": "web.pcap", "size_bytes": len(content), **facts}
    (name,) = files_of(settings, map_id)
    path = settings.data_dir / "maps" / map_id / "captures" / name
    assert path.read_bytes() == content and path.stat().st_mode & 0o077 == 0
    assert settings.data_dir.joinpath("maps").stat().st_mode & 0o077 == 0
    status = server.status(map_id)
    assert status["state"] == "new" and status["captures"][0]["expires_at"] > status["captures"][0]["uploaded_at"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a/b.pcap", "nul\0l.pcap", "x" * 300, "<script>alert(1)</script>", "-r", "con",
     "\u202efdp.pcap", "%2e%2e", "meta.json", "ü.pcap"],
)  # fmt: skip
def test_a_name_is_data_and_never_a_path(server, settings, name):
    map_id = server.new_map()
    answer = server.client.put(f"/api/maps/{map_id}/captures/{quote(name, safe='')}", content=b"x")
    assert answer.status_code == 201
    shown = server.status(map_id)["captures"][0]["name"]
    assert 0 < len(shown) <= 255 and not set(shown) & set("\0\n\u202e")
    assert all(RANDOM_NAME.fullmatch(file) for file in files_of(settings, map_id))
    assert not list(settings.data_dir.parent.rglob("passwd"))
    assert server.client.delete(f"/api/maps/{map_id}/captures/{quote(shown, safe='')}").status_code == 204
    assert files_of(settings, map_id) == [] and server.status(map_id)["captures"] == []


def test_a_name_of_two_lines_is_no_address(server, settings):
    map_id = server.new_map()
    assert server.client.put(f"/api/maps/{map_id}/captures/a%0Ab", content=b"x").status_code == 404
    assert files_of(settings, map_id) == []


def test_the_same_name_replaces(server, settings):
    map_id = server.new_map([("a.pcap", b"one"), ("b.pcap", b"two")])
    server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=b"three")
    assert [(row["name"], row["size_bytes"]) for row in server.status(map_id)["captures"]] == [
        ("b.pcap", 3),
        ("a.pcap", 5),
    ]
    assert len(files_of(settings, map_id)) == 2


@pytest.mark.parametrize("says_its_length", [True, False])
def test_too_large_is_413_and_leaves_nothing(tmp_path, says_its_length):
    settings = Settings(data_dir=tmp_path, min_free_bytes=0, max_upload_bytes=100_000)
    with running(settings) as server:
        map_id = server.new_map()
        content = b"x" * 100_001 if says_its_length else iter([b"x" * 60_000] * 2)
        answer = server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=content)
        assert answer.status_code == 413 and "100,000 bytes" in answer.json()["detail"]
        assert files_of(settings, map_id) == []
        exactly = server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=b"x" * 100_000)
        assert exactly.status_code == 201


def test_an_inventory_has_a_limit_of_its_own(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, max_inventory_bytes=100)) as server:
        map_id = server.new_map()
        assert server.client.put(f"/api/maps/{map_id}/inventory/a.csv", content=b"x" * 101).status_code == 413


def test_a_full_disk_is_507(tmp_path):
    settings = Settings(data_dir=tmp_path, min_free_bytes=1 << 62)
    with running(settings) as server:
        map_id = server.new_map()
        answer = server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=b"x")
        assert answer.status_code == 507 and "room" in answer.json()["detail"]
        assert files_of(settings, map_id) == []


def test_an_upload_that_is_broken_off_leaves_nothing(server, settings):
    map_id = server.new_map()
    for sent in (0, 1, 70_000):
        connection = raw_upload(server, map_id, length=200_000, body=b"x" * sent)
        wait_for(lambda: files_of(settings, map_id))
        connection.close()
        wait_for(lambda: not files_of(settings, map_id))
    assert server.status(map_id)["captures"] == []
    assert server.client.get("/healthz").status_code == 200


def test_an_upload_that_stalls_is_dropped(tmp_path):
    settings = Settings(data_dir=tmp_path, min_free_bytes=0, upload_stall_s=0.3)
    with running(settings) as server:
        map_id = server.new_map()
        with raw_upload(server, map_id, length=1_000, body=b"x") as connection:
            assert b" 408 " in connection.recv(65_536).split(b"\r\n")[0]
        wait_for(lambda: not files_of(settings, map_id))


def test_uploads_of_one_name_at_the_same_time_keep_one_whole(server, settings):
    map_id = server.new_map()
    halves = [(b"ab", b"cd"), (b"wx", b"yz")]
    connections = [raw_upload(server, map_id, length=4, body=first) for first, _ in halves]
    wait_for(lambda: len(files_of(settings, map_id)) == 2)
    for connection, (_, second) in zip(connections, halves, strict=True):
        connection.sendall(second)
        assert b" 201 " in connection.recv(65_536)
        connection.close()
    (name,) = files_of(settings, map_id)
    assert (settings.data_dir / "maps" / map_id / "captures" / name).read_bytes() == b"wxyz", "the last whole one"


def test_leftovers_of_a_killed_server_are_swept(settings):
    with running(settings) as server:
        map_id = server.new_map([("a.pcap", b"x")])
    folder = settings.data_dir / "maps" / map_id
    for leftover in ("captures/0123.part", "captures/beef", ".flowmap-1.part"):
        (folder / leftover).write_bytes(b"y")
    with running(settings) as server:
        assert [row["name"] for row in server.status(map_id)["captures"]] == ["a.pcap"]
        assert len(files_of(settings, map_id)) == 1
        assert not (folder / ".flowmap-1.part").exists()


def test_a_damaged_map_folder_hides_that_map_only(settings):
    with running(settings) as server:
        good, bad = server.new_map(), server.new_map()
    (settings.data_dir / "maps" / bad / "meta.json").write_text('{"name": ')
    with running(settings) as server:
        assert [row["id"] for row in server.client.get("/api/maps").json()["maps"]] == [good]


def test_an_inventory_says_what_it_holds(server):
    map_id = server.new_map()
    answer = server.client.put(
        f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY, headers={"X-File-Modified-Ms": "1700000000123"}
    )
    assert answer.status_code == 201
    assert {
        "name": "vms.csv",
        "format": "csv",
        "rows": 2,
        "size_bytes": len(INVENTORY),
    }.items() <= answer.json().items()
    assert server.status(map_id)["inventory"] == [
        {"name": "vms.csv", "size_bytes": len(INVENTORY), "modified_ms": 1_700_000_000_123, "host": None}
    ]


DUMPXML = (
    b"<domain type='kvm' id='1'><name>web</name><devices><interface type='bridge'>"
    b"<mac address='00:50:56:00:00:01'/><target dev='vnet0'/></interface></devices></domain>"
)


@pytest.mark.parametrize(
    ("name", "query", "host"),
    [
        ("web.xml", "?host=kvm-1", "kvm-1"),
        ("web.xml", "?host=%1B%5B2Jkvm", "\ufffd[2Jkvm"),
        ("web.xml", "?host=", None),
        ("web.xml", "", None),
        ("nodes/pve2/qemu-server/100.conf", "", "pve2"),
        ("nodes/pve2/qemu-server/100.conf", "?host=kvm-1", "kvm-1"),
    ],
)
def test_an_inventory_may_be_about_one_host(settings, name, query, host):
    content = DUMPXML if name.endswith("xml") else b"name: web\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n"
    with running(settings) as server:
        map_id = server.new_map()
        answer = server.client.put(f"/api/maps/{map_id}/inventory/{quote(name, safe='')}{query}", content=content)
        assert answer.status_code == 201 and answer.json()["rows"] == 1
        assert server.status(map_id)["inventory"][0]["host"] == host
    with running(settings) as server:  # it is on the disk
        assert server.status(map_id)["inventory"][0]["host"] == host


def test_a_host_name_has_a_limit(server):
    map_id = server.new_map()
    assert server.client.put(f"/api/maps/{map_id}/inventory/w.xml?host={'h' * 300}", content=DUMPXML).status_code == 422


@pytest.mark.parametrize("modified", ["-1", "soon", "1e9", "9" * 30])
def test_a_modification_time_is_a_number(server, modified):
    map_id = server.new_map()
    headers = {"X-File-Modified-Ms": modified}
    answer = server.client.put(f"/api/maps/{map_id}/inventory/vms.csv", content=INVENTORY, headers=headers)
    assert answer.status_code == 422


def test_what_is_no_inventory_is_refused_with_the_sentence(server, settings):
    map_id = server.new_map()
    answer = server.client.put(f"/api/maps/{map_id}/inventory/x.csv", content=b"hello, world")
    assert answer.status_code == 422 and "x.csv" in answer.json()["detail"]
    assert files_of(settings, map_id, "inventory") == [] and server.status(map_id)["inventory"] == []


def test_points_are_checked_and_given_back(server, settings):
    points = {
        "hosts": {"esx-01": {"uplinks": ["vmnic0"], "uplinks_complete": True}},
        "points": [{"file": "a.pcap", "interface": "", "host": "esx-01", "role": "uplink", "sampled": 1}],
    }
    map_id = server.new_map()
    answer = server.client.put(f"/api/maps/{map_id}/points", json=points)
    assert answer.status_code == 200 and answer.json() == points == server.status(map_id)["points"]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ([], "'hosts' and 'points'"),
        ({"points": [{"file": "a", "role": "king"}]}, "king"),
        ({"points": [{}]}, "no file, interface or session"),
        ({"hosts": {"a": {"uplinks": "x"}}}, "uplinks"),
        (None, "points"),
    ],
)
def test_wrong_points_are_refused_with_the_sentence(server, body, part):
    map_id = server.new_map()
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    answer = server.client.put(f"/api/maps/{map_id}/points", content=content, headers=headers)
    assert answer.status_code == 422 and part in answer.json()["detail"]


def test_maps_are_named_listed_and_deleted(server, settings):
    first = server.client.post("/api/maps", json={"name": "One\n<b>"})
    assert first.status_code == 201 and first.headers["location"] == f"/api/maps/{first.json()['id']}"
    second = server.client.post("/api/maps").json()
    listed = server.client.get("/api/maps").json()["maps"]
    assert [row["id"] for row in listed] == [second["id"], first.json()["id"]] and "\n" not in listed[1]["name"]
    renamed = server.client.patch(f"/api/maps/{second['id']}", json={"name": "Two"})
    assert renamed.json()["name"] == "Two"
    assert server.client.delete(f"/api/maps/{second['id']}").status_code == 204
    assert server.client.get(f"/api/maps/{second['id']}").status_code == 404
    assert [path.name for path in (settings.data_dir / "maps").iterdir()] == [first.json()["id"]]


def test_the_number_of_maps_is_bounded(tmp_path):
    with running(Settings(data_dir=tmp_path, max_maps=2)) as server:
        answers = [server.client.post("/api/maps").status_code for _ in range(3)]
        assert answers == [201, 201, 409]


def test_an_inventory_comes_back_as_it_was_sent_and_is_never_shown_as_a_page(server):
    content = b"vm,mac,host\n<script>alert(1)</script>,00:50:56:00:00:01,esx-01\n\xff"
    map_id = server.new_map(inventory=[("vms of ü.csv", content)])
    name = server.status(map_id)["inventory"][0]["name"]
    answer = server.client.get(f"/api/maps/{map_id}/inventory/{quote(name)}")
    assert answer.status_code == 200 and answer.content == content
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert server.stranger.get(f"/api/maps/{map_id}/inventory/{quote(name)}").status_code == 401
    for missing in ("other.csv", "..%2F..%2Fmeta.json", "meta.json"):
        assert server.client.get(f"/api/maps/{map_id}/inventory/{missing}").status_code == 404
    assert server.client.get(f"/api/maps/none/inventory/{quote(name)}").status_code == 404
