"""The page's files: a fixed table made at start, so that no request ever becomes a path.

They are answered before any route is looked for: a page is many small modules, and its first picture waits for them.
For the same reason a document names the modules that its scripts cannot begin without, which would be asked for one
after another otherwise, and by addresses that tell what is in them: a browser which has them does not ask again.

A document also says the hash of each script and style (``integrity``), so that a browser runs what was read here and
nothing that a proxy or a cache has put in its place. The hash of a library of others stands in the document itself.
Modules that come later are named too, as links that mean nothing to a browser until ``later.js`` makes them preloads.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import partial
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
    rb'((?:<link rel="(?:(?P<icon>icon)|stylesheet|modulepreload|later)" |'
    rb'<script type="module" (?:async )?)(?:href|src)=")'
    rb'(?P<path>[\w./-]+)"(?P<stated> integrity=")?'
)
_IMPORT = re.compile(rb"""^(?:import|export)\b[^'"\n]*['"](\.{1,2}/[\w./-]+\.js)['"];""", re.MULTILINE)
_LATER = re.compile(rb"""=> import\(['"](\.{1,2}/[\w./-]+\.js)['"]\)""")
_STATED = re.compile(rb'<link rel="modulepreload" href="([\w./-]+)"')
_LOW = b' fetchpriority="low"'


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
            content = _NEEDED.sub(partial(_needed, kept, contents), _with_preloads(content, contents))
        else:
            table[kept + address] = StaticFile(content, media_type, f'"{_digest(content)}"', immutable=True)
        table[address] = StaticFile(content, media_type, f'"{_digest(content)}"')
    if "/index.html" in table:
        table["/"] = table["/index.html"]
    return table


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _needed(kept: str, contents: Mapping[str, bytes], tag: re.Match[bytes]) -> bytes:
    """The beginning of a tag with the address that is kept, and with the hash of its file where none is stated."""
    path = tag["path"]
    content = contents.get("/" + path.decode())
    stated = tag["stated"] or b""
    if content is not None and not stated and not tag["icon"]:
        stated = b' integrity="%s"' % integrity(content).encode()
    return b'%s%s/%s"%s' % (tag[1], kept[1:].encode(), path, stated)


def integrity(content: bytes) -> str:
    """What a browser holds a file against before it uses it (Subresource Integrity)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(content).digest()).decode()}"


def _with_preloads(document: bytes, contents: Mapping[str, bytes]) -> bytes:
    """The document with a link for each module that its scripts import, directly or not, and that has none yet.

    Links stand behind the first script that needs them. Those of an asynchronous script come first of all and ahead of
    the others: it asks the server for more, and a browser sends requests of one priority in their order, six at a time.
    """
    named = {"/" + path.decode() for path in _STATED.findall(document)}
    scripts = ["/" + found[3].decode() for found in _SCRIPT.finditer(document)]

    def links(rel: bytes, indent: bytes, addresses: list[str], priority: bytes) -> bytes:
        added = [one for one in addresses if one not in named]
        named.update(added)
        return b"".join(
            b'%s<link rel="%s" href="%s"%s>\n' % (indent, rel, address[1:].encode(), priority) for address in added
        )

    def with_links(found: re.Match[bytes]) -> bytes:
        priority = b"" if found[2] else _LOW
        return found[0] + links(b"modulepreload", found[1], modules_of(["/" + found[3].decode()], contents), priority)

    document = _SCRIPT.sub(with_links, document)
    later = modules_of(scripts, contents, re.compile(_IMPORT.pattern + b"|" + _LATER.pattern, re.MULTILINE))
    return document.replace(b"</head>", links(b"later", b"  ", later, _LOW) + b"</head>", 1)


def modules_of(
    entries: Sequence[str], contents: Mapping[str, bytes], imported: re.Pattern[bytes] = _IMPORT
) -> list[str]:
    """Addresses of the modules that ``entries`` import, directly or not, themselves left out; nearest first."""
    known = list(entries)
    for importer in known:  # grows meanwhile
        for match in imported.finditer(contents.get(importer, b"")):
            name = next(group for group in match.groups() if group)
            address = posixpath.normpath(posixpath.join(posixpath.dirname(importer), name.decode()))
            if address in contents and address not in known:
                known.append(address)
    return known[len(entries) :]


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
