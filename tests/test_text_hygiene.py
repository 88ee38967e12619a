"""The page never makes markup out of text, asks nobody else for anything, and ships the D3 that was reviewed.

Everything in a packet is written by an attacker, so text reaches the page through ``textContent`` only.
"""

import base64
import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parent.parent / "web"
VENDOR = WEB / "vendor"

# dist/d3.min.js of the npm package d3 7.9.2, whose published integrity was checked when it was taken.
D3_SHA256 = "912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1"
D3_SHA384 = "LxfWGZyh6PaLjBRPf7NWiEYs9Mn0UQ6ZmqbLLZhxlOBBNWF2a2K0Pfc5efkrNnhQ"

MARKUP_FROM_TEXT = re.compile(
    r"\.(inner|outer)HTML\b|\.insertAdjacentHTML\b|\.setHTMLUnsafe\b|\.html\s*\(|\.createContextualFragment\b"
    r"|\bdocument\s*\.\s*write(ln)?\b|\bDOMParser\b|\.srcdoc\b"
)
CODE_FROM_TEXT = re.compile(r"\beval\s*\(|\bnew\s+Function\b|\bset(Timeout|Interval)\s*\(\s*['\"`]|\bjavascript:")
# Names of XML vocabularies look like addresses and are none.
OTHER_ORIGIN = re.compile(r"(?:https?:|wss?:|[\"'(=]\s*)//(?!www\.w3\.org/)[\w.-]+\.\w+")


def page_files(*suffixes: str) -> list[Path]:
    return [p for p in sorted(WEB.rglob("*")) if p.suffix in suffixes and VENDOR not in p.parents]


def found(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(WEB.parent)}:{number} {line.strip()[:80]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_the_page_is_found():
    assert (WEB / "index.html") in page_files(".html")
    assert (WEB / "js" / "d3.js") in page_files(".js")


def test_no_markup_is_made_from_text():
    assert found(MARKUP_FROM_TEXT, page_files(".js", ".html")) == []


def test_no_code_is_made_from_text():
    assert found(CODE_FROM_TEXT, page_files(".js", ".html")) == []


def test_no_other_origin_is_named():
    assert found(OTHER_ORIGIN, page_files(".js", ".html", ".css")) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (MARKUP_FROM_TEXT, "cell.innerHTML = name"),
        (MARKUP_FROM_TEXT, "cell.outerHTML += name"),
        (MARKUP_FROM_TEXT, "list.insertAdjacentHTML('beforeend', row)"),
        (MARKUP_FROM_TEXT, "selection.append('td').html(d => d.name)"),
        (CODE_FROM_TEXT, "setTimeout('draw()', 10)"),
        (OTHER_ORIGIN, "<script src='//cdn.example.org/d3.js'>"),
        (OTHER_ORIGIN, "@import url(https://fonts.example.org/a.css);"),
    ],
)
def test_the_patterns_match_what_they_are_for(pattern, line):
    assert pattern.search(line)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (MARKUP_FROM_TEXT, "cell.textContent = name"),
        (MARKUP_FROM_TEXT, "saveAs('report.html')"),
        (OTHER_ORIGIN, "const SVG = 'http://www.w3.org/2000/svg'"),
        (OTHER_ORIGIN, "const half = width / 2; // the middle. of it"),
    ],
)
def test_the_patterns_leave_plain_code_alone(pattern, line):
    assert not pattern.search(line)


def test_vendored_d3_is_the_published_file():
    content = (VENDOR / "d3.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == D3_SHA256
    assert base64.b64encode(hashlib.sha384(content).digest()).decode() == D3_SHA384
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    assert D3_SHA256 in readme and D3_SHA384 in readme


def test_the_page_states_the_hash_of_vendored_d3_before_any_script_asks_for_it():
    page = (WEB / "index.html").read_text(encoding="utf-8")
    tag = f'<link rel="modulepreload" href="vendor/d3.min.js" integrity="sha384-{D3_SHA384}" fetchpriority="low">'
    assert page.count("vendor/d3.min.js") == page.count(tag) == 1
    assert page.index(tag) < page.index('<script type="module" src="js/main.js">')


def test_vendored_d3_keeps_its_licence():
    licence = (VENDOR / "LICENSE.d3").read_text(encoding="utf-8")
    assert "Mike Bostock" in licence and "Permission to use, copy, modify" in licence


def test_nothing_else_is_vendored():
    assert {p.name for p in VENDOR.iterdir()} == {"d3.min.js", "d3.min.d.ts", "LICENSE.d3", "README.md"}
