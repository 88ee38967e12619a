"""Many uploads at once, broken-off ones and slow ones, while somebody else asks whether the server is well."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from soak.captures import capture
from soak.health_probe import HealthProbe
from soak.report import Report
from soak.server import Server, serving, settled, temporary_files, wait_for

SWEPT_WITHIN_S = 60.0
_STALL_S = 3


def upload_load(folder: Path, parallel: int, frames: int, aborted: int, slow: int = 4, seed: int = 4) -> Report:
    """``parallel`` uploads at once and their analyses, ``aborted`` ones that break off, ``slow`` ones that starve."""
    report = Report(f"{parallel} uploads at once, {aborted} broken off, {slow} slow")
    one = capture(frames, conversations=1_000)
    with serving(folder / "data", upload_stall_s=_STALL_S) as server:
        with HealthProbe(server) as probe:
            begun = time.monotonic()
            with ThreadPoolExecutor(parallel) as clients:
                maps = list(clients.map(lambda _: _upload(server, one.content), range(parallel)))
            report.figures["MB each"] = len(one.content) / 1e6
            report.figures["MB/s together"] = parallel * len(one.content) / 1e6 / (time.monotonic() - begun)
            report.figures["server MB"] = server.usage().resident_bytes / 1e6
            for map_id in maps:
                status = server.status(map_id)
                report.check(status["captures"][0]["size_bytes"] == len(one.content), "an upload was not stored whole")
                server.start(map_id)
            for map_id in maps:
                report.outcomes[server.wait(map_id)["state"]] += 1
                totals = server.graph(map_id)["graph"]["totals"]
                report.check(totals["packets"] == one.frames, "an upload is not whole")
                report.check(totals["frame_bytes"] == one.frame_bytes(one.frames), "an upload has other bytes")
            _broken_off(server, one.content, aborted, random.Random(seed), report)
            _slow(server, slow, report)
        report.figures |= probe.figures()
        report.check(probe.errors == 0, f"/healthz failed {probe.errors} times")
        report.check(report.outcomes["done"] == parallel, f"analyses ended {dict(report.outcomes)}")
        after = server.analysed(("after.pcap", one.content))
        report.check(server.graph(after)["graph"]["totals"]["packets"] == one.frames, "an upload afterwards is wrong")
    return report


def _upload(server: Server, content: bytes) -> str:
    with server.new_client() as client:
        map_id = str(client.post("/api/maps").json()["id"])
        answer = client.put(f"/api/maps/{map_id}/captures/one.pcap", content=content)
        assert answer.status_code == 201, answer.text
        return map_id


@contextlib.contextmanager
def _connection(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(server.address, timeout=30.0) as connection:
        yield connection


def _broken_off(server: Server, content: bytes, count: int, moments: random.Random, report: Report) -> None:
    """Every second client closes, the others reset the connection."""
    map_id = server.new_map()
    for number in range(count):
        with _connection(server) as connection:
            connection.sendall(server.head("PUT", f"/api/maps/{map_id}/captures/x{number}.pcap", len(content)))
            # The server may refuse before it has all that is sent.
            with contextlib.suppress(ConnectionError):
                connection.sendall(content[: moments.randrange(len(content))])
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    begun = time.monotonic()
    settled(server)  # a server that is busy has not begun with all of them yet
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: not temporary_files(server.data), "clean-up", SWEPT_WITHIN_S)
    report.figures["s until broken-off ones are swept"] = time.monotonic() - begun
    left = temporary_files(server.data)
    report.check(not left, f"{len(left)} parts of broken-off uploads are left")
    report.check(server.status(map_id)["captures"] == [], "a broken-off upload is listed")
    stored = [path for path in server.data.rglob(f"{map_id}*/captures/*") if path.is_file()]
    report.check(not stored, f"{len(stored)} files of broken-off uploads are stored")


def _slow(server: Server, count: int, report: Report) -> None:
    """Clients that send their head and a byte and then nothing: cut off with 408 after the limit."""
    map_id = server.new_map()
    with contextlib.ExitStack() as open_ones:
        connections = [open_ones.enter_context(_connection(server)) for _ in range(count)]
        for number, connection in enumerate(connections):
            connection.sendall(server.head("PUT", f"/api/maps/{map_id}/captures/s{number}.pcap", 1_000) + b"\xd4")
        for connection in connections:
            answer = connection.recv(4096)
            report.check(b" 408 " in answer.split(b"\r\n")[0], f"a slow upload was answered with {answer[:60]!r}")
    report.check(server.status(map_id)["captures"] == [], "a slow upload is listed")
