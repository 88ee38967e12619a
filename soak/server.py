"""``flowmap serve`` as a process of its own on a data folder, and a client of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx

from soak.processes import Usage, descendants, usage

READY_S, ENDED_S, PATIENCE_S = 120.0, 60.0, 300.0
ENDED = ("done", "partial", "failed", "cancelled")
BUSY = ("queued", "running", "live")

Found = TypeVar("Found")


def wait_for(
    condition: Callable[[], Found | None], what: str, within_s: float = PATIENCE_S, every_s: float = 0.02
) -> Found:
    """What ``condition`` gives once it is true."""
    end = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {within_s:g} s")
        time.sleep(every_s)
    return found


class Server:
    """One running server.

    Parameters
    ----------
    data : path
        Its data folder.
    limits
        Settings of its environment, by their names.
    """

    def __init__(self, data: Path, **limits: object) -> None:
        self.data = data
        environment = {**os.environ, **{f"FLOWMAP_{name.upper()}": str(value) for name, value in limits.items()}}
        environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
        said = data.with_name(data.name + ".said")
        with said.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flowmap", "serve", "--port", "0", "--data-dir", str(data)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
            )  # fmt: skip
        try:
            address = wait_for(lambda: self._address(said), "the start of the server", READY_S)
        except BaseException:
            self.kill()
            raise
        self.url = address[1]
        self._headers = {"Authorization": f"Bearer {address[2]}", "X-FlowMap": "1"}
        self._client: httpx.Client | None = None

    def _address(self, said: Path) -> re.Match[str] | None:
        text = said.read_text(errors="replace")
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with status {self.process.returncode}: {text[-400:]}")
        return re.search(r"(http://[^\s/]+)/\S*?token=([^&\s]+)", text)

    # --- the process

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def usage(self) -> Usage:
        """What it holds."""
        return usage(self.pid)

    def children(self) -> list[str]:
        """Names of the processes below it, ended ones that nobody has waited for among them."""
        return [process.name for process in descendants(self.pid)]

    def kill(self) -> None:
        """As a crash ends it; nothing below it is touched."""
        self.process.kill()
        self.process.wait()

    def end(self) -> float:
        """Ask it to leave; gives the seconds that it took. Raises TimeoutExpired when it does not."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(ENDED_S)
        return time.monotonic() - started

    def close(self) -> None:
        """End it in any case."""
        if self._client:
            self._client.close()
        if self.process.poll() is None:
            try:
                self.end()
            except subprocess.TimeoutExpired:
                self.kill()

    # --- what clients do

    @property
    def client(self) -> httpx.Client:
        """A client with the token, for one thread."""
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self, kept_connections: int = 20) -> httpx.Client:
        """The same for another thread, which closes it; with 0 each of its requests has a connection of its own."""
        limits = httpx.Limits(max_keepalive_connections=kept_connections)
        return httpx.Client(base_url=self.url, headers=self._headers, timeout=PATIENCE_S, limits=limits)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def head(self, method: str, path: str, content_length: int) -> bytes:
        """The beginning of a request, for those who send its body in their own way."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.address[0]}", f"Content-Length: {content_length}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def new_map(self, name: str = "") -> str:
        """An empty map's id."""
        return str(self._json("POST", "/api/maps", 201, json={"name": name} if name else None)["id"])

    def upload(self, map_id: str, name: str, content: bytes) -> None:
        """Send a capture."""
        self._json("PUT", f"/api/maps/{map_id}/captures/{name}", 201, content=content)

    def start(self, map_id: str) -> None:
        """Start the analysis."""
        self._json("POST", f"/api/maps/{map_id}/analysis", 202)

    def start_live(self, map_id: str, interface: str, **limits: int) -> None:
        """Start a live capture."""
        self._json("POST", f"/api/maps/{map_id}/live", 202, json={"interface": interface, "limits": limits})

    def stop_live(self, map_id: str) -> None:
        """Let a live capture finish."""
        self._json("DELETE", f"/api/maps/{map_id}/live", 202)

    def delete(self, map_id: str) -> None:
        """Delete a map."""
        answer = self.client.delete(f"/api/maps/{map_id}")
        if answer.status_code != 204:
            raise AssertionError(f"DELETE of a map: {answer.status_code} {answer.text[:200]}")

    def status(self, map_id: str) -> dict[str, Any]:
        """A map's status."""
        return self._json("GET", f"/api/maps/{map_id}", 200)

    def graph(self, map_id: str) -> dict[str, Any]:
        """A map's document."""
        return self._json("GET", f"/api/maps/{map_id}/graph", 200)

    def wait(self, map_id: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """The status in which its job has ended."""

        def ended() -> dict[str, Any] | None:
            status = self.status(map_id)
            return status if status["state"] in ENDED else None

        return wait_for(ended, "the end of a job", within_s)

    def analysed(self, *captures: tuple[str, bytes]) -> str:
        """A map of captures (name, content) after its analysis."""
        map_id = self.new_map()
        for name, content in captures:
            self.upload(map_id, name, content)
        self.start(map_id)
        status = self.wait(map_id)
        if status["state"] != "done":
            raise AssertionError(f"an undisturbed analysis ended {status['state']}: {status['error']}")
        return map_id

    def _json(self, method: str, path: str, wanted: int, **options: Any) -> dict[str, Any]:
        answer = self.client.request(method, path, **options)
        if answer.status_code != wanted:
            raise AssertionError(f"{method} {path.rpartition('/')[2]}: {answer.status_code} {answer.text[:300]}")
        found = answer.json()
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def serving(data: Path, **limits: object) -> Iterator[Server]:
    """A server until the block ends."""
    server = Server(data, **limits)
    try:
        yield server
    finally:
        server.close()


def settled(server: Server, within_s: float = 120.0) -> Usage:
    """What an idle server holds: no process below it, and its descriptors and threads at rest for a second."""
    wait_for(lambda: not server.children(), "the end of the server's processes", within_s)
    seen: list[tuple[int, int]] = []

    def at_rest() -> bool:
        now = server.usage()
        seen.append((now.descriptors, now.threads))
        return len(seen) > 10 and len(set(seen[-10:])) == 1

    with contextlib.suppress(TimeoutError):  # what does not come to rest is for the caller to judge
        wait_for(at_rest, "rest", 15.0, every_s=0.1)
    return server.usage()


def temporary_files(data: Path) -> list[str]:
    """Files and folders that only a work in progress may have, relative to the data folder."""
    return sorted(
        str(Path(parent, name).relative_to(data))
        for parent, folders, files in os.walk(data)  # Path.rglob fails when a folder goes away under it
        for name in [*folders, *files]
        if name.endswith((".part", ".tmp")) or (name == "work" and name in folders)
    )
