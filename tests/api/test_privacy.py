"""Payload stays in the kept captures and nowhere else: a word planted in it is looked for in every file."""

from __future__ import annotations

import base64
import gzip
import sqlite3
import zlib
from pathlib import Path

import pytest

from flowmap.export import FORMATS
from flowmap.settings import Settings
from tests.api.frames import ACK, CLIENT, DATABASE, SYN, WEB, dns_answer, frame, pcap
from tests.api.servers import ENDED, running, served, wait_for

CANARY = "Kanarienvogel7Q"
PASSWORD = "Kanarienpasswort7Q"
BASIC = base64.b64encode(f"admin:{PASSWORD}".encode())


def secret_talks():
    """A web request with a password in its header and its address, its answer, and a database's plain text."""
    request = (
        b"GET /login?password=" + PASSWORD.encode() + b" HTTP/1.1\r\nHost: web.corp\r\n"
        b"Authorization: Basic " + BASIC + b"\r\nCookie: session=" + CANARY.encode() + b"\r\n\r\n"
    )
    answer = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 15\r\n\r\n" + CANARY.encode()
    frames = [frame(CLIENT, WEB, (41_000, 80), flags=SYN, seq=1_000)]
    frames.append(frame(CLIENT, WEB, (41_000, 80), request, flags=ACK, seq=1_001, identity=2))
    frames.append(frame(WEB, CLIENT, (80, 41_000), answer, flags=ACK, seq=1, identity=3))
    for number in range(20):
        statement = f"SELECT '{CANARY}' -- {number}".encode()
        frames.append(frame(WEB, DATABASE, (40_000, 5432), statement, seq=5_000 + 100 * number, identity=50 + number))
    return [*frames, dns_answer("web.corp", WEB[1], source=DATABASE, destination=CLIENT)]


def contents(path):
    """The bytes of a file, and what they are unpacked; for a database also what its rows say."""
    raw = path.read_bytes()
    yield raw
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            yield unpack(raw)
        except (OSError, zlib.error, EOFError):
            continue
    if raw.startswith(b"SQLite format 3\0"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).encode()
    if raw.startswith(b"PAR1"):
        import duckdb

        with duckdb.connect() as tables:
            yield str(tables.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()).encode()


def planted_in(folder):
    """Files that hold the canary or the password in any spelling."""
    spellings = [word.encode() for word in (CANARY, PASSWORD)] + [BASIC, CANARY.encode().hex().encode()]
    spellings += [CANARY.encode("utf-16-le"), base64.b64encode(CANARY.encode()).rstrip(b"=")]
    return [
        path.relative_to(folder)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(word in content for content in contents(path) for word in spellings)
    ]


def is_capture(path: Path):
    return path.parts[0] == "maps" and path.parts[2] == "captures"


@pytest.mark.parametrize("keep_captures_s", [3_600, 0])
def test_payload_is_in_the_kept_captures_alone(tmp_path, keep_captures_s):
    settings = Settings(data_dir=tmp_path / "data", min_free_bytes=0, keep_captures_s=keep_captures_s)
    with running(settings) as server:
        map_id, status = server.analysed(("talk.pcap", pcap(secret_talks())))
        assert status["state"] == "done"
        base = f"/api/maps/{map_id}"
        answers = [server.client.get(f"{base}/export/{name}").content for name in FORMATS]
        answers += [
            server.client.get(f"{base}/{path}").content
            for path in ("graph", "conversations", "health", "timeline", "report?format=md", "report?format=html")
        ]
        if keep_captures_s == 0:
            wait_for(lambda: not server.status(map_id)["captures"][0]["kept"])
        found = planted_in(settings.data_dir)
    assert [content for content in answers if CANARY.encode() in content or PASSWORD.encode() in content] == []
    if keep_captures_s:
        assert len(found) == 1 and is_capture(found[0])  # the search finds what is there
    else:
        assert found == []
    assert [content for content in answers if b"web.corp" in content]  # the same packets were read for names


def test_everything_in_the_data_folder_is_for_its_owner_alone(tmp_path):
    data = tmp_path / "data"
    with served("--port", 0, "--data-dir", data) as server, server.client() as client:
        map_id = client.post("/api/maps").json()["id"]
        client.put(f"/api/maps/{map_id}/captures/talk.pcap", content=pcap(secret_talks()))
        client.post(f"/api/maps/{map_id}/analysis")
        wait_for(lambda: client.get(f"/api/maps/{map_id}").json()["state"] in ENDED)
        found = [data, *data.rglob("*")]
        assert len(found) > 8
        assert [str(path) for path in found if path.stat().st_mode & 0o077] == []
