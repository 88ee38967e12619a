"""The escape loses nothing and lets nothing through."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowmap.export.safe_text import escape, escape_json, unescape
from tests.export.graphs import HOSTILE

# What an attacker would try against the escape itself, beside every character there is.
any_text = st.lists(
    st.sampled_from(["_", "x", "_x", "0041", "005F", "_x0041_", "\x00", "\u202e", "\U000e0041", "a"])
    | st.characters(exclude_categories=()),
).map("".join)


def raw_and_unsafe(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") or c in "\ufffe\uffff"]


@given(any_text)
def test_escape_is_reversible_and_leaves_nothing_unsafe(text):
    escaped = escape(text)
    assert unescape(escaped) == text
    assert raw_and_unsafe(escaped) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_survives(text):
    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("web-01.lab", "web-01.lab"),
        ("DOMAIN\\host", "DOMAIN\\host"),
        ("\u6771\u4eac \U0001f680", "\u6771\u4eac \U0001f680"),
        ("snake_x_case_xyz", "snake_x_case_xyz"),
        ("a\x00b", "a_x0000_b"),
        ("a\u202eb", "a_x202E_b"),
        ("\udcff", "_xDCFF_"),
        ("\U000e0041", "_xE0041_"),
        ("_x0041_", "_x005F_x0041_"),
    ],
)
def test_escape_as_documented(text, escaped):
    assert escape(text) == escaped


@given(any_text)
@example("\U000e0041")
@example("back\\slash \\u0041")
def test_json_escape_is_undone_by_any_json_reader(text):
    escaped = escape_json(json.dumps(text, ensure_ascii=False))
    assert raw_and_unsafe(escaped) == []
    # two lone surrogates side by side are one character in JSON, which speaks UTF-16
    assert json.loads(escaped) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
