"""The page's files as the server hands them out."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re

import pytest

from flowmap.api.static_files import static_table
from flowmap.export.js_modules import imports, imports_at_once
from flowmap.export.web_files import web_folder

LINKS = r'<link rel="%s" href="[\w-]+/([\w./-]+)" integrity="[^"]+"( fetchpriority="low")?>'
PRELOADS, LATER = (re.compile((LINKS % rel).encode()) for rel in ("modulepreload", "later"))
SCRIPTS = ("js/head-start.js", "js/main.js")
TAG = re.compile(r"<(link|script)\b([^>]*)>")
ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')


def reached(entry, imported):
    """Modules that one asks for, directly or not, by another reader, which refuses what it does not know."""
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
    needed = set().union(*(reached(script, imports_at_once) for script in SCRIPTS))
    assert sorted(named) == sorted(needed - set(SCRIPTS))


def test_what_the_map_does_without_is_there_and_comes_later():
    table = static_table(web_folder())
    named, later = ([name.decode() for name, _ in of.findall(table["/"].content)] for of in (PRELOADS, LATER))
    everything = reached("js/main.js", imports)
    assert sorted([*named, *later, *SCRIPTS]) == sorted(everything | reached("js/head-start.js", imports))
    assert {f"/{name}" for name in everything} <= set(table)
    views = ("matrix-view", "pair-table", "chosen-panels", "export-menu", "live-dialog")
    assert {f"js/views/{name}.js" for name in views} <= everything - set(named)


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
    page = (
        b'<head>\n  <script type="module" src="%sjs/main.js"%s></script>\n  <link rel="stylesheet" href="%sgone.css">'
    )
    (tmp_path / "index.html").write_bytes(page % (b"", b"", b""))
    (tmp_path / "bare.html").write_bytes(b"<p>no script</p>")
    table = static_table(tmp_path)
    kept = next(name for name in table if name.startswith("/kept-")).split("/")[1].encode() + b"/"
    stated = b' integrity="%s"' % sha384((tmp_path / "js" / "main.js").read_bytes()).encode()
    assert table["/"].content == page % (kept, stated, kept)
    assert table["/bare.html"].content == b"<p>no script</p>"


def sha384(content):
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


@pytest.mark.parametrize(("document", "with_later"), [("/", {"later"}), ("/report.html", set())])
def test_every_script_and_style_has_its_hash_in_the_document(document, with_later):
    table = static_table(web_folder())
    seen = []
    for _, text in TAG.findall(table[document].content.decode()):
        attributes = dict(ATTRIBUTE.findall(text))
        file = table["/" + (attributes.get("href") or attributes["src"])]
        if attributes.get("rel") == "icon":  # pictures have no integrity
            assert "integrity" not in attributes
        else:
            assert attributes["integrity"] == sha384(file.content), attributes
            seen.append(attributes.get("rel", "script"))
    assert set(seen) == {"stylesheet", "script", "modulepreload"} | with_later


def test_a_hash_that_the_document_states_is_not_made_to_fit_another_file(tmp_path):
    for name, script in (("js/main.js", "import '../vendor/d3.js';\n"), ("vendor/d3.js", "replaced();\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(script)
    reviewed = sha384(b"reviewed();\n").encode()
    link = b'  <link rel="modulepreload" href="%svendor/d3.js" integrity="%s">\n'
    (tmp_path / "index.html").write_bytes(
        link % (b"", reviewed) + b'  <script type="module" src="js/main.js"></script>\n'
    )
    page = static_table(tmp_path)["/"].content
    kept = re.search(rb'href="(kept-\w+/)', page)[1]
    assert link % (kept, reviewed) in page and page.count(b"vendor/d3.js") == page.count(b"modulepreload") == 1


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
