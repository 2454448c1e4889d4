"""Strict JSON, TSV figures, tables, and text that cannot drive a terminal."""

from __future__ import annotations

import json
import math
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.cli import output

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=60)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=None)),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=4), values, max_size=4),
    max_leaves=12,
)


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@reproducible
@given(anything)
def test_json_is_strict_and_keeps_what_it_can(value: object) -> None:
    text = output.to_json({"value": value})
    text.encode("utf-8")
    read = json.loads(text, parse_constant=no_constant)
    if json_safe(value):
        assert read == {"value": value}


def json_safe(value: object) -> bool:
    if isinstance(value, dict):
        return all(json_safe(part) for item in value.items() for part in item)
    if isinstance(value, list):
        return all(map(json_safe, value))
    if isinstance(value, str):
        return not any(0xD800 <= ord(char) <= 0xDFFF for char in value)
    return not isinstance(value, float) or math.isfinite(value)


def test_numbers_that_json_lacks_are_null_with_a_reason() -> None:
    value = {"a": math.inf, "b": [0.5, {"c": math.nan}], "d": np.float64(-math.inf), "e": np.arange(2), "f": np.True_}
    assert json.loads(output.to_json(value)) == {
        "a": None,
        "b": [0.5, {"c": None}],
        "d": None,
        "e": [0, 1],
        "f": True,
        "reasons": {"a": "infinite", "b[1].c": "undefined (not a number)", "d": "-infinite"},
    }


def test_reasons_that_are_there_stay() -> None:
    value = {"a": None, "b": math.inf, "reasons": {"a": "no events"}}
    assert json.loads(output.to_json(value))["reasons"] == {"a": "no events", "b": "infinite"}


def test_finite_json_has_no_reasons() -> None:
    assert output.to_json({"a": 1.5, "b": "汉字"}) == '{"a": 1.5, "b": "汉字"}'


def test_bytes_of_a_name_are_shown_escaped() -> None:
    assert json.loads(output.to_json({"name": b"a\xff\xe9".decode("utf-8", "surrogateescape"), "high": "\ud800"})) == {
        "name": "a\\xff\\xe9",
        "high": "\\ud800",
    }


@reproducible
@given(st.text(st.characters(categories=None)))
def test_escaped_text_drives_no_terminal(text: str) -> None:
    for shown in (output.escape_controls(text), output.one_line(text), output.to_json(text)):
        assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Zl", "Zp")]
        assert not [char for char in shown if unicodedata.bidirectional(char) in BIDIRECTIONAL]


BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\rc", "a\\x09b\\x0dc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x7f\x85\x9b", "\\x7f\\x85\\x9b"),
        ("\u202e\u2066\u200f\u061c\u2028", "\\u202e\\u2066\\u200f\\u061c\\u2028"),
        ("déjà 汉字 👍🏽 \u200d \\", "déjà 汉字 👍🏽 \u200d \\"),
    ],
)
def test_what_is_escaped_and_what_is_not(text: str, shown: str) -> None:
    assert output.escape_controls(text) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [("a\nb\n", "a b"), ("a\r\nb", "a b"), ("a\rb\u2028c\x1cd\x0c", "a\\x0db\\u2028c\\x1cd\\x0c")],
)
def test_only_line_feeds_become_spaces(message: str, shown: str) -> None:
    assert output.one_line(message) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(141.18620712345, "141.186207"), (-0.1, "-0.1"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")],
)
def test_figures(value: float, shown: str) -> None:
    assert output.number(value) == shown


def test_tables_align_wide_characters_and_trim() -> None:
    assert output.table([("名", "a", ""), ("bcd", "e\x1b", "f")]) == "名   a\nbcd  e\\x1b  f\n"


def test_of_a_long_list_of_figures_the_ends_are_shown() -> None:
    assert output.fact([0.5] * 60) == " ".join(["0.5"] * 60)
    assert output.fact([number / 2 for number in range(61)]) == "0 0.5 1 … 29 29.5 30 (61 figures)"
    assert output.fact(["word"] * 61).count("word") == 61


def test_of_thousands_of_counts_the_largest_are_shown() -> None:
    few = {f"class {number}": number for number in range(50)}
    assert len(output.fact_rows({"classes": few})) == 51
    rows = output.fact_rows({"classes": {f"class {number}": number for number in range(3000)}, "texts": 7})
    assert rows[:2] == [("classes", "3000, the largest:"), ("  class 2999", "2999")]
    assert rows[10:] == [("  class 2990", "2990"), ("  the smallest", "0"), ("texts", "7")]
    rates = {str(number): number / 7 for number in range(60)}
    assert len(output.fact_rows({"rates": rates})) == 61
