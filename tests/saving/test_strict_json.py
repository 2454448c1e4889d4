"""JSON without its loose ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.saving.strict_json import StrictJSONError, parse, serialise

from .helpers import reproducible

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@reproducible
@given(json_values)
def test_strict_json_round_trip(value: Any) -> None:
    assert parse(serialise(value)) == value
    assert parse(json.dumps(value).encode()) == value  # escapes, pairs of surrogates among them


@pytest.mark.parametrize(
    "text", ['"[[[["', r'"\"[[[["', r'{"[": "]]]", "\\": "{{"}', "[" + "[]," * 100 + "[]]", '"' + "[{" * 100 + '"']
)
def test_brackets_in_strings_and_side_by_side_are_not_nesting(text: str) -> None:
    assert parse(text.encode()) == json.loads(text)


@reproducible
@given(st.binary(max_size=30) | st.text('{}[]",:\\u019eENa ', max_size=30).map(str.encode))
def test_strict_json_never_fails_otherwise(data: bytes) -> None:
    try:
        value = parse(data)
    except StrictJSONError as refused:
        message = str(refused)
    else:
        message = ""
        assert value == json.loads(data)
    assert "\n" not in message
