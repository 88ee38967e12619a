"""A report as plain data: sections of a few kinds of block. The writers add no fact and no judgement of their own.

Every text here may hold names from packets. :func:`all_visible` has made invisible characters visible; what a format
takes for markup is the business of its writer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, TypeAlias, TypeVar

from flowmap.report.wording import visible

SCHEMA = "flowmap-report/1"


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part of a section."""

    text: str
    kind: str = "heading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: str = "bullets"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; ``numbers`` are the columns (from 0) that are set right."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    note: str = ""
    """What was left out, or how to read it."""
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class BarPart:
    """One part of a whole: ``word`` is stayed, left or undetermined, ``share`` 0 to 1."""

    word: str
    label: str
    share: float


Block: TypeAlias = Heading | Paragraph | Bullets | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the report; ``id`` is stable, to link to."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report. ``facts`` say what was analysed; ``answer`` is the result in one sentence."""

    title: str
    facts: tuple[tuple[str, str], ...]
    answer: str
    answer_grades: str
    bar: tuple[BarPart, ...]
    sections: tuple[Section, ...]


Value = TypeVar("Value")


def all_visible(value: Value) -> Value:
    """The same report with every text made visible; ids and kinds are ours and stay."""
    if isinstance(value, str):
        return visible(value)  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(all_visible(item) for item in value)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{field.name: all_visible(getattr(value, field.name)) for field in fields(value)})
    return value


def as_json(report: Report) -> dict[str, Any]:
    """The report as the page reads it: ``schema`` and the fields of :class:`Report`."""
    return {"schema": SCHEMA, **asdict(report)}
