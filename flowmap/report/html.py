"""The report as one HTML file: no script, no request, nothing but text in elements.

The tree is built with ElementTree, whose serialiser escapes every text and attribute, so no name from a packet can
become markup. The policy in the head allows the one style by its hash and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from xml.etree.ElementTree import Element, SubElement, tostring

from flowmap.report.content import BarPart, Bullets, Heading, Paragraph, Report, Section, Table


def html_of(report: Report) -> str:
    """The whole file as text; it is UTF-8 when written."""
    page = Element("html", lang="en")
    _head(page, report.title)
    body = SubElement(page, "body")
    _opening(SubElement(body, "header"), report)
    for number, section in enumerate(report.sections, 1):
        _section(SubElement(body, "section", id=section.id), number, section)
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"


def content_security_policy() -> str:
    """What the file may do: use its own style. The same as a header, where the file is served."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return resources.files("flowmap.report").joinpath("report.css").read_text("utf-8")


def _head(page: Element, title: str) -> None:
    head = SubElement(page, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": content_security_policy()})
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", name="referrer", content="no-referrer")
    SubElement(head, "title").text = title
    SubElement(head, "style").text = _style()


def _opening(parent: Element, report: Report) -> None:
    SubElement(parent, "h1").text = report.title
    _text(parent, "p", report.answer, "answer")
    if report.bar:
        _bar(parent, report.bar)
    if report.answer_grades:
        _text(parent, "p", f"Grades of these bytes: {report.answer_grades}", "note")
    facts = SubElement(parent, "dl")
    for name, value in report.facts:
        SubElement(facts, "dt").text = name
        SubElement(facts, "dd").text = value


def _bar(parent: Element, parts: tuple[BarPart, ...]) -> None:
    """The shares as a drawing, with the same in words below it."""
    drawing = SubElement(
        parent, "svg", {"class": "bar", "aria-label": "; ".join(part.label for part in parts)},
        viewBox="0 0 1000 26", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    at = 0.0
    for part in parts:
        SubElement(
            drawing, "rect", {"class": part.word}, x=f"{1000 * at:.2f}", y="0", height="26",
            width=f"{1000 * part.share:.2f}",
        )  # fmt: skip
        at += part.share
    legend = SubElement(parent, "ul", {"class": "legend"})
    for part in parts:
        _text(legend, "li", part.label, part.word)


def _section(parent: Element, number: int, section: Section) -> None:
    SubElement(parent, "h2").text = f"{number}. {section.title}"
    for block in section.blocks:
        if isinstance(block, Heading):
            SubElement(parent, "h3").text = block.text
        elif isinstance(block, Paragraph):
            SubElement(parent, "p").text = block.text
        elif isinstance(block, Bullets):
            items = SubElement(parent, "ul")
            for item in block.items:
                SubElement(items, "li").text = item
        else:
            _table(parent, block)


def _table(parent: Element, block: Table) -> None:
    table = SubElement(parent, "table")
    SubElement(table, "caption").text = block.caption
    head = SubElement(SubElement(table, "thead"), "tr")
    for number, name in enumerate(block.columns):
        _text(head, "th", name, "number" if number in block.numbers else "", scope="col")
    body = SubElement(table, "tbody")
    for row in block.rows:
        line = SubElement(body, "tr")
        for number, cell in enumerate(row):
            _text(line, "td", cell, "number" if number in block.numbers else "")
    if block.note:
        _text(parent, "p", block.note, "note")


def _text(parent: Element, tag: str, text: str, name: str = "", **attributes: str) -> None:
    """An element with text; ``name`` is its class."""
    SubElement(parent, tag, {**({"class": name} if name else {}), **attributes}).text = text
