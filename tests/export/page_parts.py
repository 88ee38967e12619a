"""A saved page taken apart by Python's own HTML parser, which knows nothing of how it was put together."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any


class PageParts(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._inside == "style":
            self.styles[-1] += data
        else:
            self.text += data

    def script(self, kind: str) -> str:
        """The text of the one script of a type."""
        (found,) = [text for attributes, text in self.scripts if attributes.get("type") == kind]
        return found

    def policy(self) -> str:
        """The content security policy."""
        (found,) = [
            attributes["content"]
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        return found or ""


def embedded_document(text: str) -> dict[str, Any]:
    """The graph document of a saved page."""
    found: dict[str, Any] = json.loads(PageParts(text).script("application/json"))
    return found
