"""The page's files as the server hands them out."""

from __future__ import annotations

import re

from flowmap.api.static_files import static_table
from flowmap.export.html_page import modules
from flowmap.export.web_files import web_folder

PRELOADS = re.compile(rb'<link rel="modulepreload" href="([\w./-]+)">')


def test_the_page_names_every_module_that_its_script_will_ask_for():
    document = static_table(web_folder())["/"].content
    named = [name.decode() for name in PRELOADS.findall(document)]
    # another reader of the same files, which refuses what it does not know; it exchanges the door to the server
    reached = {name.removeprefix("flowmap/") for name in modules(web_folder())} - {"js/main.js", "js/offline-api.js"}
    assert sorted(named) == sorted(reached | {"js/api.js"})


def test_names_that_lead_nowhere_and_other_pages_are_left_alone(tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "main.js").write_text("import './gone.js';\nimport { a } from '../../out.js';\nexport {};\n")
    page = b'<head>\n  <script type="module" src="js/main.js"></script>\n</head>'
    (tmp_path / "index.html").write_bytes(page)
    (tmp_path / "bare.html").write_bytes(b"<p>no script</p>")
    table = static_table(tmp_path)
    assert table["/"].content == page
    assert table["/bare.html"].content == b"<p>no script</p>"
