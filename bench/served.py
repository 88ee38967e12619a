"""A FlowMap server in a process of its own with captures open, and a browser that has used its one-time address."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.peers import flowmap

CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
READY_MS = 900_000
VIEWPORT = {"width": 1600, "height": 1000}


class Served(NamedTuple):
    """Where a server is, its process, and the browser's cookie for it."""

    url: str
    process: subprocess.Popen[str]
    session: Any


def why_not() -> str | None:
    """What is missing for a browser, in words."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed: make test or make bench brings it"
    return None if shutil.which("chromium") else "chromium is not installed"


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """The system's browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def served(browser: Any, captures: Sequence[Path] = (), options: Sequence[str] = (), **limits: int) -> Iterator[Served]:
    """``flowmap serve`` with captures and facts; ``limits`` are settings of its environment."""
    environment = {**os.environ, **{f"FLOWMAP_{name.upper()}": str(value) for name, value in limits.items()}}
    opened = [word for path in captures for word in ("--open", str(path))]
    with tempfile.TemporaryDirectory(prefix="flowmap-page-") as folder:
        command = [*flowmap(), "serve", "--port", "0", "--data-dir", folder, *opened, *options]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        try:
            url = _address(process)
            context = browser.new_context()
            context.new_page().goto(url)
            session = context.storage_state()
            context.close()
            yield Served(url.split("/?")[0].split("/#")[0].rstrip("/"), process, session)
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _address(process: subprocess.Popen[str]) -> str:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if found := re.search(r"http://\S+token=\S+", line):
            return found.group()
    raise RuntimeError(f"the server ended before it said its address: {''.join(said)[-400:]}")


def open_page(browser: Any, server: Served, **options: Any) -> Any:
    """A page of the server, not yet gone anywhere."""
    context = browser.new_context(
        base_url=server.url, storage_state=server.session, timezone_id="UTC", viewport=VIEWPORT, **options
    )
    page = context.new_page()
    page.set_default_timeout(READY_MS)
    return page


def wait_until_analysed(page: Any) -> str:
    """Wait for the first map to be ready; gives its id."""
    page.goto("/")
    until = time.monotonic() + READY_MS / 1000
    while time.monotonic() < until:
        maps = page.evaluate("async () => (await (await fetch('/api/maps')).json()).maps")
        if maps and maps[0]["revision"] > 0 and maps[0]["state"] == "done":
            return str(maps[0]["id"])
        if maps and maps[0]["state"] in ("failed", "partial"):
            raise RuntimeError(f"the captures could not be analysed: {maps[0]['error']}")
        page.wait_for_timeout(300)
    raise TimeoutError("the captures were not analysed in time")
