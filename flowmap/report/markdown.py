"""The report as Markdown (CommonMark with GFM tables), safe whatever the names in it are.

Names come from packets. A word with a character that some reader of Markdown might act upon (an address, a MAC, a
link, ``#1``, ``:emoji:``, ``a_b``) becomes a code span, in which nothing is markup: GFM makes links of bare addresses
after escapes are undone, so escaping alone would not do. All else is escaped character by character. The two characters
that end a code span or a table cell are shown by their number there.
"""

from __future__ import annotations

import re

from flowmap.report.content import Bullets, Heading, Paragraph, Report, Section, Table

_WORD = re.compile(r"\S+")
_OPENING, _CLOSING = "(\"'“[", ".,;:)]\"'”!?…"
_ACTED_UPON = re.compile(r"[@#:$~^_/\\]|(?<=\w)\.(?=\w)|\bwww\b", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;"}
_NUMBER = re.compile(r"[\d,]+(?:\.\d+)?|\d\d:\d\d:\d\d\.\d{3}")
_ESCAPED = frozenset("\\*_{}[]#~^$")
_STARTS_A_BLOCK = re.compile(r"[-+=:%]|\d+[.)](?=\s|$)")
_BAR_WIDTH = 40
_BAR_SIGNS = {"stayed": "█", "left": "▒", "undetermined": "░"}


def markdown_of(report: Report) -> str:
    """The whole text, one paragraph a line."""
    lines = [f"# {_text(report.title)}", ""]
    lines += [f"- {_text(name)}: {_text(value)}" for name, value in report.facts]
    lines += ["", f"**{_text(report.answer)}**"]
    if report.bar:
        bar = "".join(_BAR_SIGNS.get(part.word, " ") * round(_BAR_WIDTH * part.share) for part in report.bar)
        legend = ", ".join(f"{_BAR_SIGNS.get(part.word, ' ')} {_text(part.label)}" for part in report.bar)
        lines += ["", f"`{bar}` {legend}"]
    if report.answer_grades:
        lines += ["", f"Grades of these bytes: {_text(report.answer_grades)}"]
    for number, section in enumerate(report.sections, 1):
        lines += ["", f"## {number}. {_text(section.title)}", *_blocks(section)]
    return "\n".join(lines) + "\n"


def _blocks(section: Section) -> list[str]:
    lines: list[str] = []
    for block in section.blocks:
        lines.append("")
        if isinstance(block, Heading):
            lines.append(f"### {_text(block.text)}")
        elif isinstance(block, Paragraph):
            lines.append(_text(block.text))
        elif isinstance(block, Bullets):
            lines += [f"- {_text(item)}" for item in block.items]
        else:
            lines += _table(block)
    return lines


def _table(table: Table) -> list[str]:
    marks = ["---:" if number in table.numbers else ":---" for number in range(len(table.columns))]
    lines = [f"**{_text(table.caption)}**", "", _row(table.columns), f"| {' | '.join(marks)} |"]
    lines += [_row(row) for row in table.rows]
    return [*lines, "", _text(table.note)] if table.note else lines


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_text(cell) or ' ' for cell in cells)} |"


def _text(text: str) -> str:
    """Anything as text that is only text, on one line."""
    line = " ".join(_word(word) for word in _WORD.findall(text))
    match = _STARTS_A_BLOCK.match(line)
    return f"{line[: match.end() - 1]}\\{line[match.end() - 1 :]}" if match and not line[0].isalpha() else line


def _word(word: str) -> str:
    core = word.lstrip(_OPENING)
    before = word[: len(word) - len(core)]
    bare = core.rstrip(_CLOSING)
    after = core[len(bare) :]
    if not _ACTED_UPON.search(bare) or _NUMBER.fullmatch(bare):
        return _escaped(word)
    shown = bare.replace("`", "⟨0060⟩").replace("|", "⟨007C⟩")
    return f"{_escaped(before)}`{shown}`{_escaped(after)}"


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(c) or (f"\\{c}" if c in _ESCAPED else c) for c in text)
