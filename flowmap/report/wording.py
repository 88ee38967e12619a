"""Numbers, times and strangers' text as a report prints them: exact bytes, every share with its whole."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

LONGEST_TEXT = 600
LONGEST_NAME = 80
_FIXED = "\u00a0"  # keeps a number and its sign on one line
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Text in which nothing is hidden: control, format and direction characters stand as ``⟨202E⟩``."""
    if text.isprintable():
        return text
    return "".join(f"⟨{ord(c):04X}⟩" if unicodedata.category(c) in _UNSAFE_CATEGORIES else c for c in text)


def cut(text: str) -> str:
    """A sentence of the document that fits a cell: names in it may be long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 60]} … {text[-50:]}"


def short_name(text: str) -> str:
    """A name that fits a cell; both its ends are kept, because names differ there."""
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME // 2]}…{text[-LONGEST_NAME // 2 + 1 :]}"


def count(number: int) -> str:
    """A whole number with commas between thousands."""
    return f"{number:,}"


def size(number: int) -> str:
    """Exact bytes with their unit, for sentences; tables name the unit in their head."""
    return f"{number:,} bytes"


def percent(part: int, whole: int) -> str:
    """One decimal; never 0 for something or 100 for less than all; a dash where there is no whole."""
    if whole <= 0:
        return "–"
    text = f"{100 * part / whole:.1f}"
    if part > 0 and text == "0.0":
        text = f"<{_FIXED}0.1"
    elif part < whole and text == "100.0":
        text = f">{_FIXED}99.9"
    return f"{text}{_FIXED}%"


def share(value: float | None) -> str:
    """A share that the document has as such, 0 to 1."""
    return "–" if value is None else f"{100 * value:.1f}{_FIXED}%"


def utc(time_ns: int | None) -> str:
    """A time in UTC to the millisecond, for a place that names the zone."""
    if time_ns is None:
        return "no time"
    at = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{time_ns // 1_000_000 % 1000:03d}"


def span(first_ns: int | None, last_ns: int | None) -> str:
    """From when to when, in UTC, and how long that is."""
    if first_ns is None or last_ns is None:
        return "no packet has a time"
    return f"{utc(first_ns)} to {utc(last_ns)} UTC ({duration(last_ns - first_ns)})"


def duration(length_ns: int) -> str:
    """A length of time in its largest two units."""
    seconds = length_ns / 1e9
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, days = int(seconds // 60), int(seconds // 86_400)
    if days:
        return f"{days} d {minutes // 60 % 24} h"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {int(seconds) % 60:02d} s"


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: list[str], most: int = 12) -> str:
    """Some names in a sentence, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(short_name(name) for name in names[:most]) + more
