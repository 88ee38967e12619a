"""The page's files as the server hands them out."""

from __future__ import annotations

import posixpath
import re

from flowmap.api.static_files import static_table
from flowmap.export.js_modules import imports, imports_at_once
from flowmap.export.web_files import web_folder

PRELOADS = re.compile(rb'<link rel="modulepreload" href="[\w-]+/([\w./-]+)"( fetchpriority="low")?>')
SCRIPTS = ("js/head-start.js", "js/main.js")


def reached(entry, imported):
    """Modules that one asks for, directly or not, by another reader of the same files, which refuses what it does not know."""
    found = [entry]
    for path in found:  # grows meanwhile
        if not path.startswith("vendor/"):
            text = (web_folder() / path).read_text("utf-8")
            names = [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in imported(text)]
            found += [name for name in dict.fromkeys(names) if name not in found]
    return set(found)


def test_the_page_names_every_module_that_its_scripts_cannot_begin_without():
    document = static_table(web_folder())["/"].content
    named = [name.decode() for name, _ in PRELOADS.findall(document)]
    assert sorted(named) == sorted(set().union(*(reached(script, imports_at_once) for script in SCRIPTS)) - set(SCRIPTS))


def test_what_the_map_does_without_is_there_and_comes_later():
    table = static_table(web_folder())
    named = {name.decode() for name, _ in PRELOADS.findall(table["/"].content)}
    everything = reached("js/main.js", imports)
    assert {f"/{name}" for name in everything} <= set(table)
    views = {f"js/views/{name}.js" for name in ("matrix-view", "pair-table", "chosen-panels", "export-menu", "live-dialog")}
    assert views <= everything - named


def test_who_asks_for_the_map_comes_before_all_else():
    document = static_table(web_folder())["/"].content
    links = [(name.decode(), bool(low)) for name, low in PRELOADS.findall(document)]
    first = reached("js/head-start.js", imports_at_once) - {"js/head-start.js"}
    assert {name for name, _ in links[: len(first)]} == first
    assert [low for _, low in links] == [False] * len(first) + [True] * (len(links) - len(first))
    assert document.index(b"head-start.js") < document.index(b"stylesheet")


def test_names_that_lead_nowhere_and_other_pages_are_left_alone(tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "main.js").write_text("import './gone.js';\nimport { a } from '../../out.js';\nexport {};\n")
    page = b'<head>\n  <script type="module" src="%sjs/main.js"></script>\n</head>'
    (tmp_path / "index.html").write_bytes(page % b"")
    (tmp_path / "bare.html").write_bytes(b"<p>no script</p>")
    table = static_table(tmp_path)
    kept = next(name for name in table if name.startswith("/kept-")).split("/")[1]
    assert table["/"].content == page % f"{kept}/".encode()
    assert table["/bare.html"].content == b"<p>no script</p>"


def made(folder, script="export {};\n"):
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "main.js").write_text(script)
    (folder / "index.html").write_text(
        '<link rel="stylesheet" href="a.css"><script type="module" async src="js/main.js">'
    )
    (folder / "a.css").write_text("a {}")
    return static_table(folder)


def kept_addresses(table):
    return {address for address, file in table.items() if file.immutable}


def test_an_address_that_a_browser_keeps_changes_with_any_file(tmp_path):
    one, same, other = made(tmp_path / "1"), made(tmp_path / "2"), made(tmp_path / "3", "export const a = 1;\n")
    assert kept_addresses(one) == kept_addresses(same)
    assert kept_addresses(one).isdisjoint(kept_addresses(other))
    for table in (one, other):
        needed = {f"/{name.decode()}" for name in re.findall(rb'(?:href|src)="([\w./-]+)"', table["/"].content)}
        assert needed == kept_addresses(table)
        assert all(table[address].content == table["/" + address.split("/", 2)[2]].content for address in needed)


def test_documents_themselves_are_asked_for_again(server):
    document = server.client.get("/")
    assert document.headers["cache-control"] == "no-cache"
    script = re.search(r'async src="([\w./-]+)"', document.text)
    answer = server.client.get(f"/{script[1]}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "max-age=31536000, immutable")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert server.client.get(f"/js/{script[1].rpartition('/')[2]}").headers["cache-control"] == "no-cache"
