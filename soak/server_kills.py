"""The server is killed at random moments of uploads and analyses, and started again: it loses nothing it accepted."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from soak.captures import Capture, capture
from soak.processes import adopting, descendants, left_over
from soak.report import Report
from soak.server import BUSY, ENDED, PATIENCE_S, Server, serving, temporary_files, wait_for

_PIECES, _PIECE_S = 20, 0.02
_NAMES = ("port-a.pcap", "port-b.pcap")


@dataclass
class _Accepted:
    """What the server has answered for before it died."""

    map_id: str = ""
    uploads: list[str] = field(default_factory=list)
    started: bool = False
    stage: str = "before the map"
    begun_s: float = 0.0
    uploaded_s: float = 0.0
    ended_s: float = 0.0

    def moment(self, random_: random.Random) -> float:
        """Seconds after the begin: as often in the uploads as in the analysis, however long each took."""
        spans = (0.0, self.uploaded_s - self.begun_s), (self.uploaded_s - self.begun_s, self.ended_s - self.begun_s)
        return random_.uniform(*random_.choice(spans))


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """A graph document without what differs between two runs by its nature: the name of the map."""
    return {**document, "graph": {name: value for name, value in document["graph"].items() if name != "name"}}


def server_kills(folder: Path, rounds: int, frames: int, seed: int = 1) -> Report:
    """Kill the server ``rounds`` times during the upload of two captures and their analysis."""
    report = Report(f"kill -9 of the server, {rounds} times")
    captures = [capture(frames, names=True), capture(frames // 2, conversations=311)]
    with serving(folder / "undisturbed") as server:
        calm = _Accepted()
        _work(server, captures, calm)
        wanted = comparable(server.graph(calm.map_id))
    report.figures["undisturbed s"] = calm.ended_s - calm.begun_s
    moments = random.Random(seed)
    known = {process.pid for process in descendants(os.getpid())}
    restarts: list[float] = []
    with adopting():
        server = Server(folder / "data")
        try:
            maps = []
            for _ in range(rounds):
                accepted = _Accepted()
                worker = threading.Thread(target=_work, args=(server, captures, accepted))
                worker.start()
                time.sleep(calm.moment(moments))
                server.kill()
                worker.join()
                server.close()
                report.outcomes[accepted.stage] += 1
                for process in left_over(known):
                    report.failures.append(f"{process} outlived the server, which was killed {accepted.stage}")
                begun = time.monotonic()
                server = Server(folder / "data")
                restarts.append(time.monotonic() - begun)
                if accepted.map_id:
                    _recovered(server, accepted, captures, wanted, report)
                    maps.append(accepted.map_id)
            for map_id in maps:
                report.check(comparable(server.graph(map_id)) == wanted, "an older result has changed")
            server.end()
        finally:
            server.close()
        for process in left_over(known):
            report.failures.append(f"{process} outlived the server, which ended in order")
    report.figures["longest restart s"] = max(restarts)
    return report


def _pieces(content: bytes) -> Iterator[bytes]:
    """A body that takes a while to arrive, so that the server dies also in the middle of it."""
    size = len(content) // _PIECES + 1
    for at in range(0, len(content), size):
        yield content[at : at + size]
        time.sleep(_PIECE_S)


def _work(server: Server, captures: list[Capture], accepted: _Accepted) -> None:
    """What a client does, up to the end or to the server's; ``accepted`` follows it."""
    accepted.begun_s = time.monotonic()
    try:
        accepted.map_id = server.new_map()
        for name, one in zip(_NAMES, captures, strict=True):
            accepted.stage = "in an upload"
            answer = server.client.put(f"/api/maps/{accepted.map_id}/captures/{name}", content=_pieces(one.content))
            assert answer.status_code == 201, answer.text
            accepted.uploads.append(name)
        accepted.uploaded_s = time.monotonic()
        accepted.stage = "at the start of the analysis"
        server.start(accepted.map_id)
        accepted.started = True
        accepted.stage = "in the analysis"
        status = server.wait(accepted.map_id)
        assert status["state"] == "done", status
        accepted.ended_s = time.monotonic()
        accepted.stage = "after the analysis"
    except (httpx.HTTPError, OSError):
        return  # the server is gone


def _recovered(
    server: Server, accepted: _Accepted, captures: list[Capture], wanted: dict[str, Any], report: Report
) -> None:
    """After the restart every accepted upload is there, and the job ends by itself with the undisturbed result."""
    sizes = {name: len(one.content) for name, one in zip(_NAMES, captures, strict=True)}
    status = server.status(accepted.map_id)
    listed = {file["name"]: file["size_bytes"] for file in status["captures"]}
    for name in accepted.uploads:
        report.check(name in listed, f"the accepted upload of {name} was lost by a kill {accepted.stage}")
    for name, size in listed.items():
        report.check(size == sizes[name], f"{name} is listed with {size} of {sizes[name]} bytes")
    if accepted.started:
        report.check(
            status["state"] in (*BUSY, "done"), f"a started job was not taken up again, it is {status['state']}"
        )
    if status["state"] not in (*BUSY, "done"):
        for name, one in zip(_NAMES, captures, strict=True):
            if name not in listed:
                server.upload(accepted.map_id, name, one.content)
        server.start(accepted.map_id)
    packets = sum(one.frames for one in captures)

    def ended() -> dict[str, Any] | None:
        answer = server.client.get(f"/api/maps/{accepted.map_id}/graph")
        if answer.status_code == 200:
            seen = answer.json()["graph"]["totals"]["packets"]
            report.check(seen == packets, f"a result of {seen} of {packets} packets was visible")
        else:
            report.check(answer.status_code == 409, f"the graph was answered with {answer.status_code}")
        status = server.status(accepted.map_id)
        return status if status["state"] in ENDED else None

    status = wait_for(ended, "the end of a job after the restart", PATIENCE_S, every_s=0.05)
    report.check(
        status["state"] == "done", f"after a kill {accepted.stage} the job {status['state']}: {status['error']}"
    )
    if status["state"] == "done":
        same = comparable(server.graph(accepted.map_id)) == wanted
        report.check(same, f"after a kill {accepted.stage} the result is not that of an undisturbed run")
    try:
        wait_for(lambda: not temporary_files(server.data), "clean-up", 10.0)
    except TimeoutError:
        report.failures.append(f"a kill {accepted.stage} left {', '.join(temporary_files(server.data)[:3])}")
