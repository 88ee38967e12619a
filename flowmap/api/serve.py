"""Run the server: folder, port, address to print, and the options that keep uvicorn within bounds."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from flowmap.api.app import create_app
from flowmap.api.connections import BoundedProtocol
from flowmap.api.guard import MAX_HEAD_BYTES
from flowmap.api.log import log_like_flowmap
from flowmap.api.maps import points_document
from flowmap.api.opened import OpenedCaptures
from flowmap.capture.container import recognise
from flowmap.capture.points import Statements
from flowmap.errors import FlowMapError, UsageError
from flowmap.heap import threads_share_memory
from flowmap.inventory import read_inventory
from flowmap.reading import labels_of
from flowmap.settings import Settings
from flowmap.tables import of_a_pattern

PORTS_TRIED = 100
SERVERS_SIDE_BY_SIDE = 16
GRACEFUL_S = 5
"""Requests that still run have this long to end; the jobs get theirs after that, and all is over within 20 s."""

TOKEN_FILE = "token"
_HOST_NAME = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    open_paths: Sequence[Path] = (),
    inventory: Sequence[Path] = (),
    statements: Statements | None = None,
    allow_remote: bool = False,
    allowed_hosts: Sequence[str] = (),
    say: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    settings : Settings
        Limits and the data folder; a second server beside the first keeps its maps in a folder of its own there.
    host, port : str, int
        Where to listen; the next free port is taken when this one is in use, 0 means any.
    open_paths, inventory, statements
        Captures to show at once, and what is known about them.
    allow_remote : bool
        Permit an address that other machines reach.
    allowed_hosts : sequence of str
        Further names that requests may carry, such as that of a proxy.
    say : callable
        Prints one line for the person who started the server, the one-time address among them.

    Raises
    ------
    FlowMapError
        A capture, inventory, address, port or data folder that cannot be used; one sentence.
    """
    if not is_loopback(host):
        if not allow_remote:
            raise UsageError(
                f"{host} is reachable from other machines; say --allow-remote if that is meant, "
                "and put a proxy with TLS before it."
            )
        say(
            f"Other machines can reach {host}: see to it that only the proxy does."
            if settings.behind_tls
            else f"Other machines can reach {host}, and nothing is encrypted: put a proxy with TLS before it."
        )
        settings = _answering_to(host, settings)
    settings = _with_hosts(allowed_hosts, settings)
    if not open_paths and (inventory or statements and (statements.points or statements.hosts)):
        raise UsageError("Inventory and points belong to the captures of --open; give one, or add them on the page.")
    opened = [_opened(open_paths, inventory, statements or Statements())] if open_paths else []
    os.umask(0o077)
    threads_share_memory()
    settings, lock = _own_folder(settings, say)
    listening = _listen(host, port)
    warming = subprocess.Popen([sys.executable, "-m", "flowmap.warm"], stdin=subprocess.DEVNULL)
    # Somebody has to take note of its end, or it stays in the table of processes as long as the server.
    threading.Thread(target=warming.wait, daemon=True).start()
    try:
        app, token_file = _application(settings, opened)
        for name in ("uvicorn.error", "asyncio"):
            log_like_flowmap(name)
        name = f"https://{allowed_hosts[0]}" if settings.behind_tls and allowed_hosts else _base(host, listening)
        _Server(app, _lines(name, app, token_file), token_file, say).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # uvicorn has ended in order and raises the signal again
    finally:
        listening.close()
        os.close(lock)
        warming.terminate()
        warming.wait()


class _Server(uvicorn.Server):
    """uvicorn within the bounds of reference reliability 6.1, which tells its address when it can be opened."""

    def __init__(self, app: FastAPI, lines: Sequence[str], token_file: Path, say: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=128,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=GRACEFUL_S,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                ws="none",
                http=BoundedProtocol,
                lifespan="on",
            )
        )
        self._app, self._lines, self._token_file, self._say = app, lines, token_file, say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say where."""
        await super().startup(sockets)
        if self.started:
            for line in self._lines:
                self._say(line)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order; the token goes too. After this uvicorn lets SIGTERM end the process where it stands."""
        await super().shutdown(sockets)
        self._token_file.unlink(missing_ok=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the event streams first, which would keep a graceful end waiting."""
        self._app.state.server.end_streams()
        super().handle_exit(sig, frame)


def is_loopback(host: str) -> bool:
    """Only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _answering_to(host: str, settings: Settings) -> Settings:
    """Settings whose allowed hosts include the address itself; a wildcard is no name that a request carries."""
    name = f"[{host.strip('[]')}]" if ":" in host else host
    if host in ("0.0.0.0", "::", "[::]") or name in settings.allowed_hosts:
        return settings
    return settings.model_copy(update={"allowed_hosts": (*settings.allowed_hosts, name)})


def _with_hosts(names: Sequence[str], settings: Settings) -> Settings:
    """Settings whose allowed hosts include these names; a wildcard would let every page in (DNS rebinding)."""
    for name in names:
        if not _HOST_NAME.fullmatch(name.lower()):
            raise UsageError(f"--allowed-host {name!r} is no host name; give it without scheme, port and wildcards.")
    return settings.model_copy(update={"allowed_hosts": (*settings.allowed_hosts, *names)}) if names else settings


def _opened(paths: Sequence[Path], inventory: Sequence[Path], statements: Statements) -> OpenedCaptures:
    """Check what shall be shown before anything is started."""
    labels = labels_of(paths)
    for path, label in zip(paths, labels, strict=True):
        recognise(path, label)
    read_inventory(inventory)
    return OpenedCaptures(tuple(paths), tuple(labels), tuple(inventory), points_document(statements))


def _own_folder(settings: Settings, say: Callable[[str], None]) -> tuple[Settings, int]:
    """A data folder that no other server uses, and the lock on it."""
    base = settings.data_dir.expanduser()
    if character := of_a_pattern(base.resolve()):
        raise FlowMapError(
            f"The data folder {base.resolve()} cannot hold tables, because a '{character}' in its path is read as a "
            "pattern; name another with --data-dir."
        )
    for number in range(1, SERVERS_SIDE_BY_SIDE + 1):
        folder = base if number == 1 else base / f"server-{number}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FlowMapError(
                f"The data folder {folder} cannot be used ({error.strerror}); name another with --data-dir."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        if number > 1:
            say(f"Another server uses the maps in {base}; this one keeps its own in {folder}.")
        return settings.model_copy(update={"data_dir": folder}), lock
    raise FlowMapError(
        f"{SERVERS_SIDE_BY_SIDE} servers use the folder {base}; end one, or name another with --data-dir."
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket on the first free port from ``port`` on."""
    try:
        family, _, _, _, target = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"{host} is no address of this machine; use 127.0.0.1.") from error
    last = port if port == 0 else min(port + PORTS_TRIED, 65_535)
    for candidate in range(port, last + 1):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by the connections: without it every answer waits 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listening.bind((target[0], candidate, *target[2:]))
            listening.listen(128)
            return listening
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise UsageError(f"Nobody can listen on {host} port {candidate} ({error.strerror}).") from error
    raise UsageError(f"No port from {port} to {last} is free on {host}; name another with --port.")


def _application(settings: Settings, opened: Sequence[OpenedCaptures]) -> tuple[FastAPI, Path]:
    """The application, and the file with its token."""
    try:
        app = create_app(settings, opened=opened)
        return app, _keep_token(settings.data_dir, app.state.access.token)
    except OSError as error:
        with contextlib.suppress(OSError):
            (settings.data_dir / TOKEN_FILE).unlink(missing_ok=True)
        raise FlowMapError(
            f"The data folder {settings.data_dir} cannot be written ({error.strerror}); make room there, or name "
            "another with --data-dir."
        ) from error


def _keep_token(folder: Path, token: str) -> Path:
    """The token in a file that its owner alone can read, for scripts; it goes with the server."""
    path = folder / TOKEN_FILE
    path.unlink(missing_ok=True)  # of a server that was killed; its mode is not to be trusted
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(token + "\n")
    return path


def _base(host: str, listening: socket.socket) -> str:
    """The address without path where a browser on this machine finds the server."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host.strip("[]"), host)
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return f"http://{name}:{listening.getsockname()[1]}"


def _lines(base: str, app: FastAPI, token_file: Path) -> list[str]:
    """What to say at the start: the one-time address of the page, with the first opened map.

    Under systemd standard output is the journal, which more people read than should have the token.
    """
    opened = "".join(f"&map={map_id}" for map_id in app.state.opened[:1])
    if _is_journal():
        return [f"FlowMap is at {base}/", f"Open it as {base}/?token=TOKEN once, with the token in {token_file}."]
    return [
        f"FlowMap is at {base}/?token={app.state.access.token}{opened}",
        f"The address works once; scripts find its token in {token_file}. Ctrl-C ends the server.",
    ]


def _is_journal() -> bool:
    """Whether standard output goes to systemd's journal, which ``JOURNAL_STREAM`` names (systemd.exec(5))."""
    try:
        found = os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
