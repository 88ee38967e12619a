"""Text that packets and files wrote, made harmless to show: everything in a capture is written by an
attacker."""

from __future__ import annotations

import unicodedata

MAX_CHARS = 255

_HARMFUL = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Control, format (bidirectional, zero width), surrogate, private, unassigned; line and paragraph
separators."""


def neutral(text: str) -> str:
    """The text with harmful characters as U+FFFD, cut at 255 characters with an ellipsis."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_CHARS:
        return text
    cut = text[: MAX_CHARS - 1] + "…" if len(text) > MAX_CHARS else text
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _HARMFUL else c for c in cut)
