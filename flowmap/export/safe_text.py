r"""One rule for text that strangers wrote: every format carries the same text, unsafe characters escaped.

Unsafe are the Unicode categories Cc, Cf, Cs, Zl and Zp (control and format characters such as bidirectional
overrides, lone surrogates, U+2028/9) and U+FFFE and U+FFFF, which XML 1.0 forbids. None stands raw in a file:

- JSON uses its own escape, ``\u202e``; any JSON reader undoes it.
- XML and CSV have no such escape (XML 1.0 cannot hold U+0000 at all), so there they become ``_x202E_``, the
  escape that Office Open XML uses (ECMA-376 part 1, 22.9.2.19). A ``_`` that only looks like the start of one
  becomes ``_x005F_``, which makes the rule reversible: ``unescape(escape(text)) == text`` for every text.

See reliability.md rows 13 and 15.
"""

from __future__ import annotations

import re
import unicodedata

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-F]{4})")
_ESCAPED = re.compile(r"_x([0-9A-F]{4,6})_")


def escape(text: str) -> str:
    """``text`` for XML and CSV, with ``_xHHHH_`` (four to six digits) for every unsafe character."""
    text = _LOOKS_ESCAPED.sub("_x005F_", text)
    return text.translate({ord(c): f"_x{ord(c):04X}_" for c in _unsafe_characters(text)})


def unescape(text: str) -> str:
    """What :func:`escape` was given."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def escape_json(text: str) -> str:
    r"""JSON text that has no line breaks between its tokens, with ``\uhhhh`` for every unsafe character."""
    return text.translate({ord(c): _json_escape(c) for c in _unsafe_characters(text)})


def _json_escape(character: str) -> str:
    """RFC 8259 section 7: UTF-16 code units, so two escapes above U+FFFF."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _unsafe_characters(text: str) -> set[str]:
    if text.isprintable():  # the usual case, and fast
        return set()
    return {c for c in set(text) if unicodedata.category(c) in _UNSAFE_CATEGORIES or c in "\ufffe\uffff"}
