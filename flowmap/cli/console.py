"""Where tables are printed. Apart from the summaries, because those bring networkx."""

from __future__ import annotations

import unicodedata
from typing import TextIO

from rich.console import Console


def wide_console(file: TextIO, columns: int = 160) -> Console:
    """A console on a stream, wide enough for the tables when that is no terminal."""
    return Console(file=file, highlight=False, width=None if file.isatty() else columns)


def plain(text: object) -> str:
    """Text without characters that a terminal or a bidirectional renderer would act upon."""
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in str(text))
