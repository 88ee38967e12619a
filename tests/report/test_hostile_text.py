"""Names come from packets: in no format of the report are they anything but text.

What Markdown means is asked of markdown-it (CommonMark and GFM tables), what HTML means of html.parser; both are
independent of the writers.
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import json
import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flowmap.export import document
from flowmap.report import FORMATS, make_report
from flowmap.report.content import Table
from flowmap.report.html import html_of
from flowmap.report.markdown import markdown_of
from flowmap.report.wording import visible
from tests.export.graphs import HOSTILE, make_graph, named_graph

MARKUP = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- x", "]]>", "&lt;b&gt;", "&#60;b&#62;",
    "[click](https://evil.example)", "![x](https://evil.example/x.png)", "[x]: https://evil.example", "[^1]",
    "<https://evil.example>", "https://evil.example", "HTTP://EVIL.EXAMPLE/a", "www.evil.example", "(www.evil.example)",
    "who@evil.example", "mailto:who@evil.example", "xmpp:who@evil.example", "//evil.example/x", "evil.example",
    "a|b", "a\\|b", "|", "||", "\\", "\\\\|", "`", "``", "`a|b`", "a`b", "`` ` ``", "```", "~~~", "~~gone~~",
    "**bold**", "__bold__", "*it*", "_it_", "# head", "## ", "- item", "+ item", "* item", "1. item", "1) item",
    "> quote",
    "---", "===", "***", "| --- |", ":---:", "    code", "\tcode", "line\nbreak", "line\r\n\r\n# head", "a  \nb",
    ":smile:", "@someone", "#12", "$x^2$", "{{ template }}", "{: .class}", "{% raw %}", "a_b_c", "\u202eevil\u202c",
    "\u2066x\u2069", "bell\x07\x1b[31m", "\x00", "\u05d0\u05d1 1|2", "e\u0301", "\ud800", "\u200b", "\ufeff",
    "x" * 5000,
    "a b|c`d\\|e", "`|`|`", "\\`|\\`", "<a href='javascript:x'>", "'\"><svg/onload=x>", "</td></tr></table><h1>x",
    "</style><script>x</script>", "\u2028", "\u2029new", "\x85new", "\x0bnew", "\x0cnew",
]  # fmt: skip

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ALLOWED = {
    "heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "strong",
}  # fmt: skip
LINK = re.compile(r"\w+://|www\.|@|\b(mailto|xmpp|javascript):", re.IGNORECASE)


@functools.cache
def reports():
    """A report for each hostile text, with the text wherever a document holds free text."""
    return [(text, hostile_report(text)) for text in [*MARKUP, *HOSTILE]]


def hostile_report(text):
    """The paper document with ``text`` in every place that a stranger can write to."""
    made = document(make_graph())
    graph = made["graph"]
    graph.update(name=text, estimated=[text])
    graph["totals"]["skipped"] = {text: 1}
    graph["captures"][0].update(file=text, format=text, reader=text)
    for point in graph["points"]:
        point.update(id=text, interface=text, host=text, how=text, file=text)
    graph["inventory"][0].update(file=text, format=text, observed_how=text)
    for host in graph["hosts"]:
        host.update(host=text, uplinks=[text])
    graph["services"][0].update(protocol=text, application=text)
    graph["warnings"] = [{"code": code, "text": text, "count": 1} for code in ("x", "inventory_conflict")]
    for node in made["nodes"]:
        node.update(label=text, host=text)
    for number, edge in enumerate(made["edges"]):
        edge["services"][0].update(protocol=text, application=text)
        edge["evidence"][0].update(text=text, rule=text, points=[text])
        edge["evidence"].append({**edge["evidence"][0], "supports": False})
        edge["would_settle"] = [text]
        if number == 0:
            edge["grade"] = "conflict"
    return make_report(copy.deepcopy(made))


def expected_shape(report):
    """Rows and columns of every table in order."""
    return [
        (len(block.rows), len(block.columns))
        for section in report.sections
        for block in section.blocks
        if isinstance(block, Table)
    ]


def cells_of(report):
    """Every cell of every table in order."""
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                yield from (cell for row in block.rows for cell in row)


class Reader:
    """What markdown-it found in a text."""

    def __init__(self, text):
        self.kinds, self.tables, self.texts, self.headings = set(), [], [], 0
        tokens = PARSER.parse(text)
        for token in tokens:
            kind = token.type.removesuffix("_open").removesuffix("_close")
            if token.type == "inline":
                self._inline(token.children)
                continue
            self.kinds.add(kind)
            if token.type == "table_open":
                self.tables.append([0, 0])
            elif token.type == "tr_open":
                self.tables[-1][0] += 1
            elif token.type in ("th_open", "td_open"):
                self.tables[-1][1] += 1
            self.headings += token.type == "heading_open"

    def _inline(self, children):
        for child in children:
            if child.type == "text":
                self.texts.append(child.content)
            elif child.type not in ("code_inline", "text_special"):
                self.kinds.add(child.type.removesuffix("_open").removesuffix("_close"))


def check_markdown(text, report):
    found = Reader(text)
    assert found.kinds <= ALLOWED, found.kinds - ALLOWED
    assert found.headings == text.count("\n#") + 1
    # GFM drops and fills cells in silence, so the cells are counted in the text as well as in what was parsed
    assert [(rows - 1, cells // rows) for rows, cells in found.tables] == expected_shape(report)
    lines = [line for line in text.split("\n") if line.startswith("|")]
    widths = [columns for rows, columns in expected_shape(report) for _ in range(rows + 2)]
    assert [line.count("|") - 1 for line in lines] == widths
    assert not any(LINK.search(part) for part in found.texts)


def test_markdown_is_the_same_document_whatever_the_names_are():
    for text, report in reports():
        written = markdown_of(report)
        try:
            check_markdown(written, report)
        except AssertionError as error:
            raise AssertionError(repr(text)) from error
        assert "\r" not in written


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("ab1 .|\\`*_[]()<>&#@:/~$\n\t!-=+\u202e\u05d0"), min_size=1, max_size=24))
def test_markdown_holds_for_any_mixture_of_signs(text):
    report = hostile_report(text)
    check_markdown(markdown_of(report), report)


class Page(HTMLParser):
    """The elements and texts of a page."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.open = [], set(), []
        self.cells, self.style, self.policy, self.comments = [], "", "", 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        values = dict(attrs)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("td", "h1"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "h1"):
            self.cells[-1] += data
        if self.open and self.open[-1] == "style":
            self.style += data

    def handle_comment(self, data):
        self.comments += 1


ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "section", "h1", "h2", "h3", "p", "ul", "li", "dl",
    "dt", "dd", "svg", "rect", "table", "caption", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "scope", "role", "aria-label", "viewbox",
    "preserveaspectratio", "x", "y", "width", "height",
}  # fmt: skip


def test_html_has_the_same_elements_whatever_the_names_are_and_shows_them():
    plain = Page(html_of(hostile_report("web"))).elements
    for text, report in reports():
        page = Page(html_of(report))
        # all labels are equal in the plain report too; an empty host is none, so its tables are others
        assert page.elements == plain or text == "", text
        assert set(page.elements) <= ELEMENTS
        assert {name for _, name in page.attributes} <= ATTRIBUTES
        assert page.open == [] and page.comments == 0
        shown = [" ".join(cell.split()) for cell in page.cells]
        assert shown == [" ".join(cell.split()) for cell in (report.title, *cells_of(report))], text


def test_the_policy_allows_the_one_style_and_nothing_else():
    text = html_of(hostile_report("x"))
    page = Page(text)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert page.policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.elements.count("style") == 1
    assert not re.search(r"url\(|@import|https?:|//", page.style)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_nothing_is_hidden_in_any_format(name):
    """No control, format or direction character and no lone surrogate stands in a file."""
    for text, report in reports():
        written = FORMATS[name].text_of(report)
        hidden = {c for c in written if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
        assert hidden == set(), text
        written.encode()


def test_hidden_characters_are_shown_by_their_number():
    assert visible("invoice\u202egpj.exe\x00") == "invoice⟨202E⟩gpj.exe⟨0000⟩"
    assert visible("东京 e\u0301 \u05d0") == "东京 e\u0301 \u05d0"


def test_json_reads_back():
    for _, report in reports():
        made = json.loads(FORMATS["json"].text_of(report))
        assert made["title"] == report.title


def test_a_whole_graph_of_hostile_names():
    report = make_report(document(named_graph(HOSTILE)))
    check_markdown(markdown_of(report), report)
    assert set(Page(html_of(report)).elements) <= ELEMENTS
