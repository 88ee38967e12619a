"""ES modules as text: what a module imports, and the same module with other names for it.

No JavaScript parser: the page's own files are read. ``import`` and ``export ... from`` load at once, an
``import('./x.js')`` of a name that stands there loads later; nothing else may. Whatever else could load a file is
refused, so that a page which needs it fails here, in a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
      | (?P<regex>/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*)
      | (?P<word>[\w$\#]+)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_BEFORE_REGEX = frozenset(
    {"return", "typeof", "case", "in", "of", "void", "delete", "throw", "new", "else", "do", "await", "yield"}
)
_AFTER_VALUE = frozenset(")]}")
_LOADS = re.compile(
    r"(?<![\w$.\#])(?:"
    r"import(?=\s*[\w${*])(?P<names>[\w\s$,{}*]+?)\bfrom\s*(?P<named>['\"]_*['\"])"
    r"|import\s*(?P<effect>['\"]_*['\"])"
    r"|import\s*\(\s*(?P<later>['\"]_*['\"])\s*\)"
    r"|export\s*(?:\*(?:\s*as\s+[\w$]+)?|\{[\w\s$,]*\})\s*from\s*(?P<passed>['\"]_*['\"])"
    r"|(?P<own>export(?=\s*\{)(?!\s*\{[\w\s$,]*\}\s*from)|export\s+(?:default|const|let|var|class|function|async)\b)"
    r"|(?P<unknown>import\b(?!\s*:)|export\b(?!\s*:)|importScripts\b|new\s+(?:Shared)?Worker\b)"
    r")"
)


class UnknownJavaScript(Exception):
    """A module holds something that may load a file in a way that is not known here."""


def skeleton(source: str) -> str:
    """``source`` with the same length and lines, its comments and the insides of strings, regular expressions and
    templates blanked: what is left is code. Code inside ``${}`` stays.

    Raises
    ------
    UnknownJavaScript
        A template does not end, or a brace ends nothing.
    """
    out: list[str] = []
    _code(source, 0, out, in_template=False)
    return "".join(out)


def _code(source: str, position: int, out: list[str], *, in_template: bool) -> tuple[int, bool]:
    """Blanks code up to the end, or up to the ``}`` that ends a ``${``; says which."""
    depth, previous = 0, ""
    while position < len(source):
        if source[position] == "`":
            position = _template(source, position, out)
            previous = ")"
            continue
        match = _TOKEN.match(source, position)
        if match is None:  # pragma: no cover - the last alternative takes any character
            raise UnknownJavaScript(f"character {position}")
        kind, text = match.lastgroup, match.group()
        if kind == "regex" and (
            previous in _AFTER_VALUE or (re.match(r"[\w$#]", previous) and previous not in _BEFORE_REGEX)
        ):
            kind, text = "mark", "/"
        position += len(text)
        if kind == "comment":
            out.append(_blank(text))
            continue
        if kind in ("string", "regex"):
            out.append(text[0] + "_" * (len(text) - 2) + text[-1])
            previous = ")"
            continue
        if text == "{":
            depth += 1
        elif text == "}":
            if in_template and depth == 0:
                return position - 1, True
            depth -= 1
            if depth < 0:
                raise UnknownJavaScript("a } too many")
        out.append(text)
        if not text.isspace():
            previous = text
    return position, False


def _template(source: str, position: int, out: list[str]) -> int:
    """Blanks a template from its first backtick; gives the place after its last."""
    out.append("`")
    position += 1
    while position < len(source):
        if source[position] == "`":
            out.append("`")
            return position + 1
        if source.startswith("${", position):
            out.append("${")
            position, ended = _code(source, position + 2, out, in_template=True)
            if not ended:
                break
            out.append("}")
            position += 1
        else:
            step = 2 if source[position] == "\\" else 1
            out.append(_blank(source[position : position + step]))
            position += step
    raise UnknownJavaScript("a template does not end")


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def imports(source: str) -> list[str]:
    """What a module imports, at once or later, in order, as it is written there."""
    return [source[start:end] for start, end, _ in _specifiers(source)]


def imports_at_once(source: str) -> list[str]:
    """What a module cannot begin without, in order, as it is written there."""
    return [source[start:end] for start, end, later in _specifiers(source) if not later]


def with_imports(source: str, name_of: Callable[[str], str]) -> str:
    """The module with ``name_of(specifier)`` in the place of every specifier."""
    parts, last = [], 0
    for start, end, _ in _specifiers(source):
        parts += [source[last:start], name_of(source[start:end])]
        last = end
    return "".join([*parts, source[last:]])


def _specifiers(source: str) -> Iterator[tuple[int, int, bool]]:
    """Where the insides of the quotes are, and whether it is loaded later.

    Raises
    ------
    UnknownJavaScript
        For ``import()`` of anything but one plain string, ``import.meta``, workers and whatever else may load a file.
    """
    for match in _LOADS.finditer(skeleton(source)):
        if match["unknown"]:
            line = source.count("\n", 0, match.start()) + 1
            raise UnknownJavaScript(f"line {line}: {source[match.start() : match.start() + 60].splitlines()[0]}")
        for group in ("named", "effect", "passed", "later"):
            if match[group]:
                yield match.start(group) + 1, match.end(group) - 1, group == "later"
