"""The disk gets full: uploads are refused, analyses fail in a sentence, older results stay, and then it goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx

from soak.captures import capture
from soak.report import Report
from soak.server import Server, serving, temporary_files, wait_for
from soak.server_kills import comparable

_FULL_STATUS = 507
_LITTLE_BYTES = 64 << 10
_TRACE = ("Traceback", "Errno", "/maps/")


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of that size in memory. Needs root."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "flowmap-soak", str(place)],
        check=True, capture_output=True,
    )  # fmt: skip
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True)


def why_not(folder: Path) -> str:
    """Why there can be no small disk; empty when there can."""
    if os.geteuid() != 0:
        return "mounting a small disk needs root"
    trial = folder / "trial"
    trial.mkdir()
    try:
        with small_disk(trial, 1 << 20):
            return ""
    except (OSError, subprocess.CalledProcessError):
        return "a small disk cannot be mounted here"


def disk_full(folder: Path, rounds: int, disk_bytes: int = 64 << 20) -> Report:
    """Fill a small disk ``rounds`` times, during an upload and before an analysis."""
    report = Report(f"disk full, {rounds} times")
    report.skipped = why_not(folder)
    if report.skipped:
        return report
    small, large = capture(2_000), capture(40_000, conversations=5_000)
    with small_disk(folder, disk_bytes) as disk, serving(disk / "data", min_free_bytes=0) as server:
        old = server.analysed(("old.pcap", small.content))
        wanted = comparable(server.graph(old))
        calm = server.analysed(("large.pcap", large.content))
        large_wanted = comparable(server.graph(calm))
        server.delete(calm)
        for number in range(rounds):
            _upload_onto_full_disk(server, disk, report)
            report.check(comparable(server.graph(old)) == wanted, "the older result changed, or cannot be read")
            waiting = server.new_map()
            server.upload(waiting, "large.pcap", large.content)
            # With a little room an analysis can begin, and then not write its result.
            with _filled(disk, spare_bytes=_LITTLE_BYTES * (number % 2)):
                if number % 2 == 0:
                    _no_map_on_full_disk(server, report)
                outcome = _analyse_on_full_disk(server, waiting, report)
                report.outcomes[outcome] += 1
                report.check(comparable(server.graph(old)) == wanted, "the older result changed, or cannot be read")
                health = server.client.get("/healthz").status_code
                report.check(
                    health in (200, 503), f"/healthz answers with {health}"
                )  # 503: it says that the disk is full
            if server.status(waiting)["state"] != "done":
                server.start(waiting)
                status = server.wait(waiting)
                report.check(status["state"] == "done", f"with room again it {status['state']}: {status['error']}")
            report.check(comparable(server.graph(waiting)) == large_wanted, "the result with room again is another one")
            server.delete(waiting)
            with contextlib.suppress(TimeoutError):
                wait_for(lambda: not temporary_files(server.data), "clean-up", 10.0)
            report.check(not temporary_files(server.data), f"left: {', '.join(temporary_files(server.data)[:3])}")
        again = server.analysed(("old.pcap", small.content))
        report.check(comparable(server.graph(again)) == wanted, "a new map is wrong afterwards")
    return report


@contextlib.contextmanager
def _filled(disk: Path, spare_bytes: int = 0) -> Iterator[None]:
    """Nothing more than ``spare_bytes`` goes onto the disk until the block ends."""
    path = disk / "ballast"
    try:
        with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
            file.truncate(file.tell() - spare_bytes)
        yield
    finally:
        path.unlink(missing_ok=True)


def _upload_onto_full_disk(server: Server, disk: Path, report: Report) -> None:
    """The disk fills up while an upload arrives, and before another one does."""
    map_id = server.new_map()
    ballast = contextlib.ExitStack()

    def pieces() -> Iterator[bytes]:
        yield bytes(2 << 20)
        ballast.enter_context(_filled(disk))
        for _ in range(4):
            yield bytes(2 << 20)

    with ballast:
        for what, content in (("during", pieces()), ("before", bytes(3 << 20))):
            try:
                answer = server.client.put(f"/api/maps/{map_id}/captures/x.pcap", content=content)
            except httpx.HTTPError as error:
                report.outcomes[f"upload broken off ({type(error).__name__})"] += 1
                continue
            report.check(
                answer.status_code == _FULL_STATUS,
                f"an upload {what} a full disk: {answer.status_code} {answer.text[:200]}",
            )
            _check_sentence(answer.text, report)
            report.outcomes[f"upload refused with {answer.status_code}"] += 1
        report.check(server.status(map_id)["captures"] == [], "an upload that was refused is listed")
    server.delete(map_id)


def _no_map_on_full_disk(server: Server, report: Report) -> None:
    before = len(server.client.get("/api/maps").json()["maps"])
    answer = server.client.post("/api/maps")
    refused = answer.status_code == _FULL_STATUS
    report.check(refused, f"a new map on a full disk: {answer.status_code} {answer.text[:200]}")
    _check_sentence(answer.text, report)
    after = len(server.client.get("/api/maps").json()["maps"])
    report.check(not refused or after == before, "a map that was refused is listed")


def _analyse_on_full_disk(server: Server, map_id: str, report: Report) -> str:
    answer = server.client.post(f"/api/maps/{map_id}/analysis")
    if answer.status_code != 202:
        report.check(
            answer.status_code == _FULL_STATUS, f"starting on a full disk: {answer.status_code} {answer.text[:200]}"
        )
        _check_sentence(answer.text, report)
        return f"analysis refused with {answer.status_code}"
    status = server.wait(map_id)
    report.check(status["state"] == "failed", f"an analysis on a full disk {status['state']}: {status['error']}")
    _check_sentence(status["error"] or "", report)
    return f"analysis {status['state']}"


def _check_sentence(text: str, report: Report) -> None:
    report.check(not any(word in text for word in _TRACE), f"not for people: {text[:200]}")
