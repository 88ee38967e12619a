"""The map as one HTML file that opens without a server and without a network: the page itself, with its document.

The page has no build step, so its parts are put together here: its markup as it is, its styles in one element, its
modules as ``data:`` addresses that an import map gives names to. ``js/api.js``, the page's only door to the server,
is exchanged for ``js/offline-api.js``, which answers from the document. The policy in the file allows these scripts
and this style by their hashes and no connection at all.

What strangers wrote stands in the document alone, whose ``<`` are escaped: nothing in it can end its element.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections import deque
from pathlib import Path
from typing import BinaryIO

from flowmap.export.js_modules import UnknownJavaScript, imports, with_imports
from flowmap.export.node_link import Document, dumps
from flowmap.export.web_files import web_folder

ENTRY = "js/main.js"
EXCHANGED = {"js/api.js": "js/offline-api.js"}
"""Modules that another stands for; the other one may still import what it stands for."""
_STYLE = re.compile(r'[ \t]*<link rel="stylesheet" href="([\w./-]+)">\n')
_ICON = re.compile(r'<link rel="icon" href="([\w./-]+)" type="image/svg\+xml">')
_HOME = 'href="./"'
_SCRIPT = f'  <script type="module" src="{ENTRY}"></script>\n'
_HEAD_START = '  <script type="module" async src="js/head-start.js"></script>\n'
"""It asks a server."""
_PRELOAD = re.compile(
    r'  <link rel="modulepreload" href="vendor/[\w./-]+" integrity="sha384-[\w+/=]+" fetchpriority="low">\n'
)
"""It says the hash of a file that stands in this one."""
_LEFT_OVER = re.compile(
    r"<link\b(?! rel=\"icon\" href=\"data:)|<script\b|<style\b|<base\b|\ssrc=|\ssrcset=|href=\"(?!#|data:)"
)


class UnknownPage(Exception):
    """The page's own files are not as this writer knows them: it has to be taught."""


def write_html(document: Document, stream: BinaryIO) -> None:
    """Write a document as a page of its own; equal documents give equal files.

    Raises
    ------
    UnknownPage
        The page uses something that cannot stand in one file.
    """
    stream.write(page(document, web_folder()).encode())


def page(document: Document, web: Path) -> str:
    """The text of the file, from the page's files in ``web``."""
    markup = _without(_SCRIPT, (web / "index.html").read_text("utf-8"))
    markup = _PRELOAD.sub("", _without(_HEAD_START, markup))
    style = _style(markup, web)
    markup = _STYLE.sub("", markup)
    markup = _ICON.sub(
        lambda match: f'<link rel="icon" href="{_data_address(web / match[1], "image/svg+xml")}">', markup
    )
    markup = markup.replace(_HOME, 'href="#"')
    if left := _LEFT_OVER.search(markup):
        raise UnknownPage(f"index.html has something that loads a file: {markup[left.start() : left.start() + 60]!r}")

    import_map = json.dumps({"imports": modules(web)}, separators=(",", ":"))
    start = f'import "{_name(ENTRY)}";'
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_policy([import_map, start], style)}">\n'
        f"  <style>{style}</style>\n"
    )
    tail = (
        f'<script type="application/json" id="flowmap-document">{_inert(dumps(document))}</script>\n'
        f'<script type="importmap">{import_map}</script>\n'
        f'<script type="module">{start}</script>\n'
    )
    markup = _before('<meta name="viewport"', head, markup)
    markup = _before("</body>", tail, markup)
    return _without('<html lang="en">', markup, '<html lang="en" data-offline>')


def modules(web: Path) -> dict[str, str]:
    """The address of every module that the page needs, by the name that the others import it with."""
    found: dict[str, str] = {}
    waiting = deque([ENTRY])
    while waiting:
        path = waiting.popleft()
        if _name(path) in found:
            continue
        text = _module_text(path, web)
        if path.startswith("vendor/"):  # a library in one file, minified: too dense to read, and checked by its hash
            found[_name(path)] = _address(text.encode(), "text/javascript")
            continue
        try:
            waiting.extend(_resolved(specifier, path) for specifier in imports(text))
            text = with_imports(text, lambda specifier, path=path: _name(_resolved(specifier, path)))  # type: ignore[misc]
        except UnknownJavaScript as error:
            raise UnknownPage(f"{path} loads something in a way that one file cannot: {error}") from error
        found[_name(path)] = _address(text.encode(), "text/javascript")
    return dict(sorted(found.items()))


def _module_text(path: str, web: Path) -> str:
    file = web / path
    if not file.is_file():
        raise UnknownPage(f"{path} is imported and does not exist.")
    return file.read_text("utf-8")


def _resolved(specifier: str, importer: str) -> str:
    """Path from the page's folder of what ``importer`` calls ``specifier``."""
    if not specifier.startswith(("./", "../")):
        raise UnknownPage(f"{importer} imports {specifier!r}, which is no path beside it.")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier))
    if path.startswith("../") or not path.endswith(".js"):
        raise UnknownPage(f"{importer} imports {specifier!r}, which is no module of the page.")
    other = EXCHANGED.get(path, path)
    return path if importer == other else other


def _name(path: str) -> str:
    return f"flowmap/{path}"


def _style(markup: str, web: Path) -> str:
    """All style sheets in the order of their links."""
    style = "\n".join((web / path).read_text("utf-8").strip() for path in _STYLE.findall(markup))
    if found := re.search(r"@import\b|\burl\(|</", style):
        raise UnknownPage(f"a style sheet has {found.group()!r}, which one file cannot have.")
    return style


def _policy(scripts: list[str], style: str) -> str:
    """No connection, no frame, no form; ``data:`` is where the modules are."""
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes} data:; style-src {_hash(style)}; img-src data: blob:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data_address(file: Path, media_type: str) -> str:
    return _address(file.read_bytes(), media_type)


def _address(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _inert(text: str) -> str:
    r"""JSON that ends and opens no element: ``<`` stands in its strings alone, where ``\u003c`` is the same."""
    return text.replace("<", "\\u003c")


def _without(part: str, text: str, instead: str = "") -> str:
    if text.count(part) != 1:
        raise UnknownPage(f"index.html has {text.count(part)} times {part.strip()!r}")
    return text.replace(part, instead)


def _before(place: str, added: str, text: str) -> str:
    return _without(place, text, added + ("  " if added.endswith(">\n") and place.startswith("<meta") else "") + place)
