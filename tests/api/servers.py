"""A real server in a thread of the test, and one in a process of its own."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time

import httpx
import uvicorn

from flowmap.api.app import create_app
from flowmap.capture.tools import find_tshark
from flowmap.settings import Settings

TOKEN = "token-of-a-test-0123456789"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
WITHIN_S = 60.0
ENDED = ("done", "partial", "failed", "cancelled")


class Running:
    """A server that listens: ``client`` carries the token, ``stranger`` carries nothing."""

    def __init__(self, app, port):
        self.app, self.port = app, port
        self.state = app.state.server
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, headers=HEADERS, timeout=WITHIN_S)
        self.stranger = httpx.Client(base_url=self.url, timeout=WITHIN_S)

    def new_map(self, captures=(), inventory=(), points=None):
        """A map with files given as (name, bytes)."""
        map_id = self.client.post("/api/maps").json()["id"]
        for kind, files in (("captures", captures), ("inventory", inventory)):
            for name, content in files:
                answer = self.client.put(f"/api/maps/{map_id}/{kind}/{name}", content=content)
                assert answer.status_code == 201, answer.text
        if points is not None:
            assert self.client.put(f"/api/maps/{map_id}/points", json=points).status_code == 200
        return map_id

    def analysed(self, *captures, **more):
        """A map after its analysis, and its status."""
        map_id = self.new_map(captures, **more)
        assert self.client.post(f"/api/maps/{map_id}/analysis").status_code == 202
        return map_id, self.wait(map_id)

    def status(self, map_id):
        return self.client.get(f"/api/maps/{map_id}").json()

    def wait(self, map_id, condition=lambda status: status["state"] in ENDED):
        """The first status for which the condition holds."""
        return wait_for(lambda: condition(status := self.status(map_id)) and status)


def wait_for(condition, within_s=WITHIN_S):
    """What ``condition`` gives once it is true."""
    end = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def running(settings, **options):
    """Serve an application on a free port until the block ends."""
    app = create_app(settings, token=TOKEN, **options)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    wait_for(lambda: server.started)
    found = Running(app, listening.getsockname()[1])
    try:
        yield found
    finally:
        app.state.server.end_streams()
        server.should_exit = True
        thread.join(WITHIN_S)
        listening.close()
        found.client.close()
        found.stranger.close()
        assert not thread.is_alive()


def hanging_tshark(path):
    """A tshark that answers questions about itself and then hangs as long as the process that started it lives."""
    path.write_text(
        f'#!/bin/sh\ncase "$1" in -G|--version) exec {find_tshark(Settings())} "$@";; esac\n'
        "while kill -0 $PPID 2>/dev/null; do sleep 0.1; done\n"
    )
    path.chmod(0o755)
    return path


def waiting_tshark(path, gate):
    """tshark itself, which starts to read once the file ``gate`` is there."""
    program = find_tshark(Settings())
    path.write_text(
        f'#!/bin/sh\ncase "$1" in -G|--version) exec {program} "$@";; esac\n'
        f"while [ ! -e '{gate}' ]; do kill -0 $PPID 2>/dev/null || exit 1; sleep 0.05; done\n"
        f'exec {program} "$@"\n'
    )
    path.chmod(0o755)
    return path


class Served:
    """A process that runs :func:`flowmap.api.serve.serve`, and the address that it printed."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.address = None
        for line in process.stdout:
            self.lines.append(line)
            if found := re.search(r"https?://\S+", line):
                self.address = found[0]
                break

    @property
    def url(self):
        return self.address.partition("/?")[0]

    @property
    def token(self):
        return re.search(r"token=([^&]+)", self.address)[1]

    def client(self):
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=WITHIN_S)


@contextlib.contextmanager
def served(*arguments, program=None):
    """``flowmap serve`` as a person starts it, or by another program."""
    process = subprocess.Popen(
        [sys.executable, *(["-c", program] if program else ["-m", "flowmap"]), "serve", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    silence = threading.Timer(WITHIN_S, process.kill)
    silence.start()
    try:
        yield Served(process)
    finally:
        silence.cancel()
        process.terminate()
        process.communicate(timeout=WITHIN_S)
