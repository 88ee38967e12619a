"""The page that opens without a server: whole, closed to the network, and deaf to what strangers wrote."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil

import pytest

from flowmap.export import document
from flowmap.export.html_page import UnknownPage, modules, page, write_html
from flowmap.export.js_modules import imports
from flowmap.export.web_files import web_folder
from tests.export.graphs import HOSTILE, make_graph
from tests.export.page_parts import PageParts, embedded_document

HOSTILE_NAME = "</script><img src=x onerror=alert(1)><!--<script>"


def written(graph=None):
    stream = io.BytesIO()
    write_html(document(graph or make_graph()), stream)
    return stream.getvalue().decode()


@pytest.fixture(scope="module")
def text():
    """A page with the map of all that is usual."""
    return written()


@pytest.fixture(scope="module")
def parts(text):
    return PageParts(text)


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def module_texts(parts):
    addresses = json.loads(parts.script("importmap"))["imports"]
    head = "data:text/javascript;base64,"
    assert all(address.startswith(head) for address in addresses.values())
    return {name: base64.b64decode(address.removeprefix(head)).decode() for name, address in addresses.items()}


def test_the_document_in_the_page_is_the_document(text):
    assert embedded_document(text) == document(make_graph())


def test_names_end_no_element_and_begin_none(parts):
    graph = make_graph()
    graph.graph["name"] = HOSTILE_NAME
    for place, name in enumerate([HOSTILE_NAME, *HOSTILE]):
        attributes = {"label": name, "host": name, "vswitch": name, "segments": [name], "macs": [name], "ips": [name]}
        names = [{"name": name, "source": name}]
        graph.add_node(f"vm:{place}{name}", **graph.nodes["vm:web-01"] | attributes | {"names": names})
    text = written(graph)
    hostile = PageParts(text)
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in parts.elements]
    assert hostile.text == parts.text
    assert embedded_document(text) == document(graph)
    assert "<" not in hostile.script("application/json")


def test_equal_maps_give_equal_files(text):
    assert written() == text


def test_every_module_is_in_the_page_and_finds_the_others(parts):
    texts = module_texts(parts)
    wanted = {"flowmap/js/main.js"}
    for name, text in texts.items():
        if not name.startswith("flowmap/vendor/"):
            wanted.update(imports(text))
    assert wanted == set(texts)
    assert parts.script("module") == 'import "flowmap/js/main.js";'


def test_the_door_to_the_server_is_exchanged(parts):
    texts = module_texts(parts)
    assert [name for name, text in texts.items() if "flowmap/js/api.js" in text] == ["flowmap/js/offline-api.js"]
    door = (web_folder() / "js" / "api.js").read_text("utf-8")
    other = texts["flowmap/js/offline-api.js"]
    names = set(re.findall(r"^export (?:const|function|class) (\w+)", door, re.MULTILINE))
    assert names <= set(re.findall(r"^export (?:const|function|class|\{) ?(\w+)", other, re.MULTILINE))


def test_the_vendored_library_is_as_it_was_reviewed(parts):
    vendored = module_texts(parts)["flowmap/vendor/d3.min.js"]
    assert vendored == (web_folder() / "vendor" / "d3.min.js").read_text("utf-8")


def test_the_policy_names_each_script_and_style_and_no_connection(parts):
    rules = dict(rule.strip().split(" ", 1) for rule in parts.policy().split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"{hash_of(parts.script('importmap'))} {hash_of(parts.script('module'))} data:",
        "style-src": " ".join(hash_of(style) for style in parts.styles),
        "img-src": "data: blob:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_policy_comes_before_everything_that_it_rules(parts):
    tags = [
        (tag, attributes.get("http-equiv"))
        for tag, attributes in parts.elements
        if tag in ("meta", "style", "script", "link")
    ]
    assert tags[:2] == [("meta", None), ("meta", "Content-Security-Policy")]  # the first one is the character set


def test_nothing_in_the_page_points_outside_of_it(parts):
    for tag, attributes in parts.elements:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:")), (tag, name, address)
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    for style in parts.styles:
        assert "@import" not in style and "url(" not in style
    outside = re.compile(r"""(?:https?|wss?)://(?!www\.w3\.org/)""")
    for name, text in module_texts(parts).items():
        assert name.startswith("flowmap/vendor/") or not outside.search(text), name


def test_every_style_sheet_of_the_page_is_in_it_in_its_order(parts):
    markup = (web_folder() / "index.html").read_text("utf-8")
    (style,) = parts.styles
    places = [
        style.index((web_folder() / path).read_text("utf-8").strip())
        for path in re.findall(r'href="(css/[\w-]+\.css)"', markup)
    ]
    assert places and places == sorted(places)


def test_the_size_is_that_of_page_and_document():
    """The page alone is under 1.5 MB; a document is as large as its JSON."""
    small, large = make_graph(), make_graph()
    for i in range(3_000):
        large.add_node(f"vm:{i:06}", **dict(small.nodes["vm:web-01"]))
    grown = len(written(large)) - len(written(small))
    assert len(written(small)) < 1_500_000
    stored = [len(json.dumps(document(graph), separators=(",", ":"))) for graph in (small, large)]
    assert grown <= 1.1 * (stored[1] - stored[0])


@pytest.fixture
def web(tmp_path):
    """The page's files, to be changed."""
    copy = tmp_path / "web"
    shutil.copytree(web_folder(), copy)
    return copy


@pytest.mark.parametrize(
    "line",
    [
        "const later = await import(name);",
        "const here = import.meta.url;",
        "new Worker('js/worker.js');",
        "import x from 'd3';",
        "import './gone.js';",
        "import '../../outside.js';",
        "import data from './data.json' with { type: 'json' };",
    ],
)
def test_what_one_file_cannot_load_is_refused(web, line):
    with (web / "js" / "main.js").open("a") as main:
        main.write(f"\n{line}\n")
    with pytest.raises(UnknownPage, match=r"main\.js|gone\.js|data\.json"):
        modules(web)


@pytest.mark.parametrize(
    "line",
    [
        '<script src="js/other.js"></script>',
        '<link rel="preload" href="css/tokens.css">',
        '<img src="icon.svg">',
        '<a href="report.html">x</a>',
        "<style>p { color: red }</style>",
    ],
)
def test_markup_that_loads_a_file_is_refused(web, line):
    index = web / "index.html"
    index.write_text(index.read_text("utf-8").replace("<body>", f"<body>{line}"), "utf-8")
    with pytest.raises(UnknownPage, match="index.html"):
        page(document(make_graph()), web)


@pytest.mark.parametrize("line", ["p { background: url(icon.svg) }", "@import 'x.css';", "/* </style> */"])
def test_styles_that_load_or_end_are_refused(web, line):
    with (web / "css" / "base.css").open("a") as style:
        style.write(line)
    with pytest.raises(UnknownPage, match="style sheet"):
        page(document(make_graph()), web)
