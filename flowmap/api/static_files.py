"""The page's files: a fixed table made at start, so that no request ever becomes a path.

They are answered before any route is looked for: a page is many small modules, and its first picture waits for them.
For the same reason a document names the modules that its scripts cannot begin without, which would be asked for one
after another otherwise, and by addresses that tell what is in them, so that a browser which has them does not ask again.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

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
KEPT = "max-age=31536000, immutable"
_SCRIPT = re.compile(rb'( *)<script type="module" (async )?src="([\w./-]+)"></script>\n')
_NEEDED = re.compile(
    rb'((?:<link rel="(?:icon|stylesheet|modulepreload)" |<script type="module" (?:async )?)(?:href|src)=")'
)
_IMPORT = re.compile(rb"""^(?:import|export)\b[^'"\n]*['"](\.{1,2}/[\w./-]+\.js)['"];""", re.MULTILINE)


class StaticFile(NamedTuple):
    """One file: its bytes, media type and entity tag, and whether its address never has another content."""

    content: bytes
    media_type: str
    etag: str
    immutable: bool = False


def static_table(folder: Path) -> dict[str, StaticFile]:
    """Every servable file under ``folder`` by its address; ``index.html`` also as ``/``.

    What documents need stands a second time in a folder named after the contents of all files: there modules find each
    other by the same relative paths.
    """
    contents = {
        "/" + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES and path.is_file() and not path.name.startswith(".")
    }
    kept = "/kept-" + _digest("".join(name + _digest(content) for name, content in contents.items()).encode())
    table = {}
    for address, content in contents.items():
        media_type = TYPES[posixpath.splitext(address)[1]]
        if address.endswith(".html"):
            content = _NEEDED.sub(rb"\1" + kept[1:].encode() + b"/", _with_preloads(content, contents))
        else:
            table[kept + address] = StaticFile(content, media_type, f'"{_digest(content)}"', immutable=True)
        table[address] = StaticFile(content, media_type, f'"{_digest(content)}"')
    if "/index.html" in table:
        table["/"] = table["/index.html"]
    return table


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _with_preloads(document: bytes, contents: Mapping[str, bytes]) -> bytes:
    """The document with a link for each module that its scripts import, directly or not, before the first that does.

    Those of an asynchronous script come first of all and ahead of the others: it asks the server for more, and a browser
    answers requests of one priority in their order, six at a time.
    """
    named: set[str] = set()

    def with_links(found: re.Match[bytes]) -> bytes:
        indent, is_async, script = found[1], found[2], found[3]
        addresses = [one for one in modules_of("/" + script.decode(), contents) if one not in named]
        named.update(addresses)
        priority = b"" if is_async else b' fetchpriority="low"'
        return found[0] + b"".join(
            b'%s<link rel="modulepreload" href="%s"%s>\n' % (indent, address[1:].encode(), priority) for address in addresses
        )

    return _SCRIPT.sub(with_links, document)


def modules_of(entry: str, contents: Mapping[str, bytes]) -> list[str]:
    """Addresses of the modules that ``entry`` imports, directly or not, itself left out; nearest first."""
    known = [entry]
    for importer in known:  # grows meanwhile
        for match in _IMPORT.finditer(contents.get(importer, b"")):
            address = posixpath.normpath(posixpath.join(posixpath.dirname(importer), match[1].decode()))
            if address in contents and address not in known:
                known.append(address)
    return known[1:]


class StaticFiles:
    """Answer GET and HEAD for the files of a table with ``ETag``, without ranges; everything else goes on.

    Parameters
    ----------
    app : ASGI application
    table : mapping of str to StaticFile
        By path.
    """

    def __init__(self, app: ASGIApp, table: Mapping[str, StaticFile]) -> None:
        self._app, self._table = app, table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        file = self._table.get(scope["path"]) if scope["type"] == "http" else None
        if file is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = {"ETag": file.etag, "Cache-Control": KEPT if file.immutable else "no-cache"}
        if file.etag in Headers(scope=scope).get("if-none-match", ""):
            answer = Response(status_code=304, headers=headers)
        else:
            answer = Response(file.content, media_type=file.media_type, headers=headers)
        await answer(scope, receive, send)
