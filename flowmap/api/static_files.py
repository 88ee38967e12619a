"""The page's files: a fixed table made at start, so that no request ever becomes a path."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}


class StaticFile(NamedTuple):
    """One file: its bytes, media type and entity tag."""

    content: bytes
    media_type: str
    etag: str


def static_table(folder: Path) -> dict[str, StaticFile]:
    """Every servable file under ``folder`` by its address; ``index.html`` also as ``/``."""
    table = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES and path.is_file() and not path.name.startswith("."):
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            table["/" + path.relative_to(folder).as_posix()] = StaticFile(content, TYPES[path.suffix], etag)
    if "/index.html" in table:
        table["/"] = table["/index.html"]
    return table
