"""Uploads that go wrong, many at once, and a disk that gets full: nothing is lost, nothing half is left."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import socket
import struct
import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flowmap.api.receiving import _brisk
from flowmap.settings import Settings
from tests.api.frames import pcap, two_talks
from tests.api.servers import running, wait_for
from tests.api.test_uploads import RANDOM_NAME, files_of, raw_upload

CONTENT = pcap(two_talks())


def files_in(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def health(server, status: int) -> str:
    """What /healthz says, which looks every few seconds; empty while it answers with another status."""
    answer = server.client.get("/healthz")
    return answer.text if answer.status_code == status else ""


def test_twenty_uploads_at_once_are_all_whole(server, settings):
    bodies = [random.Random(number).randbytes(1_500_000 + number) for number in range(20)]
    maps = [server.new_map() for _ in range(4)]

    def send(number):
        path = f"/api/maps/{maps[number % 4]}/captures/{number}.pcap"
        return server.client.put(path, content=bodies[number])

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    sums = [hashlib.sha256(body).hexdigest() for body in bodies]
    assert [answer.json()["sha256"] for answer in answers] == sums
    kept = list((settings.data_dir / "maps").glob("*/captures/*"))
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in kept) == sorted(sums)
    assert [len(server.status(map_id)["captures"]) for map_id in maps] == [5] * 4
    assert (server.state.uploads, server.state.upload_bytes_to_come) == (0, 0)


def test_two_hundred_broken_off_uploads_leave_nothing(server, settings):
    map_id = server.new_map([("kept.pcap", CONTENT)])
    before = files_in(settings.data_dir)
    chance = random.Random(11)
    for number in range(200):
        sent = chance.choice((0, 1, chance.randrange(100_000), chance.randrange(3_000_000)))
        connection = raw_upload(server, map_id, length=sent + chance.randrange(1, 1_000_000), body=bytes(sent))
        if number % 2:  # as a process that is killed, instead of one that closes
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    wait_for(lambda: server.state.uploads == 0)
    assert files_in(settings.data_dir) == before and server.state.upload_bytes_to_come == 0
    assert server.client.put(f"/api/maps/{map_id}/captures/next.pcap", content=CONTENT).status_code == 201


def test_bytes_that_only_trickle_are_cut_off(tmp_path):
    settings = Settings(data_dir=tmp_path, min_free_bytes=0, upload_stall_s=0.6, upload_least_bytes=1_000)
    with running(settings) as server:
        map_id = server.new_map()
        with raw_upload(server, map_id, length=100_000, body=b"") as connection:
            stop = threading.Event()

            def trickle():
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

            thread = threading.Thread(target=trickle)
            thread.start()
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65_536)
            stop.set()
            thread.join()
        assert b" 408 " in answer.split(b"\r\n")[0] and b"Fewer than 1,000 bytes arrived in 0.6 s" in answer
        wait_for(lambda: not files_of(settings, map_id))
        slow_but_steady = iter([b"x" * 1_500 for _ in range(6) if not time.sleep(0.2)])
        assert server.client.put(f"/api/maps/{map_id}/captures/b.pcap", content=slow_but_steady).status_code == 201


def test_what_is_announced_too_large_is_refused_before_it_comes(server, settings):
    map_id = server.new_map()
    with raw_upload(server, map_id, length=8 << 30, body=b"") as connection:
        assert b" 413 " in connection.recv(65_536).split(b"\r\n")[0]
    assert files_of(settings, map_id) == []


def test_the_room_for_uploads_under_way_is_taken(tmp_path):
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    settings = Settings(data_dir=tmp_path, min_free_bytes=free - (2 << 30), max_upload_bytes=8 << 30)
    with running(settings) as server:
        map_id = server.new_map()
        with raw_upload(server, map_id, length=1 << 30, body=b"x"):
            wait_for(lambda: server.state.upload_bytes_to_come)
            with raw_upload(server, map_id, length=3 << 29, body=b"x") as second:
                assert b" 507 " in second.recv(65_536).split(b"\r\n")[0]
        wait_for(lambda: server.state.upload_bytes_to_come == 0)


def test_uploads_at_once_have_a_limit(tmp_path):
    with running(Settings(data_dir=tmp_path, min_free_bytes=0, max_uploads=1)) as server:
        map_id = server.new_map()
        with raw_upload(server, map_id, length=10, body=b"x"):
            wait_for(lambda: server.state.uploads == 1)
            answer = server.client.put(f"/api/maps/{map_id}/captures/b.pcap", content=CONTENT)
            assert answer.status_code == 503 and "1 uploads are running" in answer.json()["detail"]
        wait_for(lambda: server.state.uploads == 0)
        assert server.client.put(f"/api/maps/{map_id}/captures/b.pcap", content=CONTENT).status_code == 201


def test_a_map_that_is_deleted_during_an_upload_is_gone(server, settings):
    map_id = server.new_map()
    with raw_upload(server, map_id, length=100, body=b"x" * 50) as connection:
        wait_for(lambda: files_of(settings, map_id))
        assert server.client.delete(f"/api/maps/{map_id}").status_code == 204
        connection.sendall(b"x" * 50)
        assert b" 404 " in connection.recv(65_536).split(b"\r\n")[0]
    assert list((settings.data_dir / "maps").iterdir()) == []


def test_the_same_content_is_told_and_never_written_over(server, settings):
    first = server.new_map()
    answer = server.client.put(f"/api/maps/{first}/captures/a.pcap", content=CONTENT).json()
    assert answer["sha256"] == hashlib.sha256(CONTENT).hexdigest() and answer["same_content"] == []
    (on_disk,) = files_of(settings, first)
    second = server.new_map()
    answer = server.client.put(f"/api/maps/{second}/captures/b.pcap", content=CONTENT).json()
    assert answer["same_content"] == [{"map": first, "name": "a.pcap"}]
    answer = server.client.put(f"/api/maps/{first}/captures/c.pcap", content=CONTENT).json()
    assert {(row["map"], row["name"]) for row in answer["same_content"]} == {(first, "a.pcap"), (second, "b.pcap")}
    assert on_disk in files_of(settings, first)


def test_a_capture_that_is_sent_again_leaves_the_result_good(server, settings):
    map_id, before = server.analysed(("a.pcap", CONTENT))
    files = files_of(settings, map_id)
    assert server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=CONTENT).status_code == 201
    assert files_of(settings, map_id) == files and server.status(map_id) == before
    assert server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=CONTENT + CONTENT).status_code == 201
    assert server.status(map_id)["stale"] is True


def test_the_same_content_twice_at_once_is_kept_under_both_names(server, settings):
    map_id = server.new_map()
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda name: server.client.put(f"/api/maps/{map_id}/captures/{name}", content=CONTENT), ("a", "b"))
        )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert {row["name"] for answer in answers for row in answer.json()["same_content"]} <= {"a", "b"}
    folder = settings.data_dir / "maps" / map_id / "captures"
    assert [path.read_bytes() for path in folder.iterdir()] == [CONTENT] * 2


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("names"), min_free_bytes=0)
    with running(settings) as found:
        yield found, settings, found.new_map()


INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, surrogates, line and paragraph separators."""

TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_NAMES = st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=80)


@examples(max_examples=60)
@given(name=_NAMES)
@example(name=b"../../meta.json")
@example(name=b"..\\..\\meta.json")
@example(name=b"a\0b")
@example(name=b"\xff\xfe")
@example(name="\u202egpj.exe".encode())
@example(name="\ud800".encode("utf-8", "surrogatepass"))
def test_any_name_is_shown_harmless_and_never_a_path(lasting, name):
    server, settings, map_id = lasting
    answer = server.client.put(f"/api/maps/{map_id}/captures/{quote_from_bytes(name, safe=b'')}", content=b"x")
    assert answer.status_code in (201, 404, 405)  # "." and ".." make other addresses
    assert {path.name for path in settings.data_dir.iterdir()} <= {"maps", "server.log"}
    folder = settings.data_dir / "maps" / map_id
    assert {path.name for path in folder.iterdir()} == {"captures", "inventory", "meta.json"}
    shown = [row["name"] for row in server.status(map_id)["captures"]]
    assert len(files_of(settings, map_id)) == len(shown)
    assert all(RANDOM_NAME.fullmatch(file) for file in files_of(settings, map_id))
    assert all(0 < len(text) <= 255 and not set(text) & TURNING for text in shown)
    assert all(not {unicodedata.category(char) for char in text} & INVISIBLE for text in shown)
    for text in shown:
        server.client.delete(f"/api/maps/{map_id}/captures/{quote_from_bytes(text.encode(), safe=b'')}")
    assert files_of(settings, map_id) == []


def leave_free(folder, count):
    """Fill the disk up to so many bytes."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with (folder / "filler").open("ab") as file:
        file.write(bytes(max(free - count, 0)))


def test_a_full_disk_refuses_uploads_and_jobs_and_keeps_what_is_there(small_disk):
    with running(Settings(data_dir=small_disk, min_free_bytes=0)) as server:
        settings = server.state.settings
        old, _ = server.analysed(("web.pcap", CONTENT))
        document = server.client.get(f"/api/maps/{old}/graph").content
        new = server.new_map([("web.pcap", CONTENT)])
        before = files_of(settings, new)

        answer = server.client.put(f"/api/maps/{new}/captures/large.pcap", content=iter([bytes(1 << 20)] * 20))
        assert answer.status_code == 507 and answer.json()["detail"].endswith(".")
        leave_free(small_disk, 512 << 10)
        answer = server.client.put(f"/api/maps/{new}/captures/half.pcap", content=bytes(900_000))
        assert answer.status_code == 507, "a block that fits in part must not count as written"
        assert files_of(settings, new) == before and len(server.status(new)["captures"]) == 1

        leave_free(small_disk, 40 << 10)
        assert server.client.post(f"/api/maps/{new}/analysis").status_code == 202
        status = server.wait(new)
        assert status["state"] == "failed" and "disk with the data folder is full" in status["error"]
        leave_free(small_disk, 0)
        assert server.client.post(f"/api/maps/{new}/analysis").status_code == 507
        assert server.client.get(f"/api/maps/{old}/graph").content == document
        wait_for(lambda: "data folder" in health(server, 503))

        (small_disk / "filler").unlink()
        wait_for(lambda: health(server, 200))
        assert server.client.post(f"/api/maps/{new}/analysis").status_code == 202
        assert server.wait(new)["state"] == "done"


def test_room_that_must_stay_free_stays_free(small_disk):
    with running(Settings(data_dir=small_disk, min_free_bytes=4 << 20)) as server:
        map_id = server.new_map()
        for content in (bytes(14 << 20), iter([bytes(1 << 20)] * 20)):  # with its length and without
            answer = server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=content)
            assert answer.status_code == 507 and "4,194,304 must stay free" in answer.json()["detail"]
            assert files_of(server.state.settings, map_id) == []
        assert server.client.put(f"/api/maps/{map_id}/captures/a.pcap", content=bytes(8 << 20)).status_code == 201


def test_the_time_that_the_disk_takes_is_not_counted_against_the_client(settings):
    async def body():
        for number in range(4):
            yield bytes([number])

    request = SimpleNamespace(stream=body)
    server = SimpleNamespace(settings=settings.model_copy(update={"upload_stall_s": 0.05, "upload_least_bytes": 100}))

    async def taken():
        pieces = []
        async for piece in _brisk(request, server):
            pieces.append(piece)
            await asyncio.sleep(0.1)  # longer than a client may take
        return pieces

    assert asyncio.run(taken()) == [b"\0", b"\1", b"\2", b"\3"]
