"""Tag schemes: spans read and written, conversions, detection, and what may follow what."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.tag_schemes import (
    SCHEMES,
    Span,
    check_scheme,
    convert,
    detect_scheme,
    inner_scheme,
    legal,
    read_spans,
    write_spans,
)

WITH_SPANS = [scheme for scheme in SCHEMES if scheme != "plain"]
SPANS = [Span("X", 0, 1), Span("X", 1, 4), Span("Y", 4, 6), Span("X", 7, 9), Span("X", 9, 10)]
WRITTEN = {
    "IOB1": "I-X B-X I-X I-X I-Y I-Y O I-X I-X B-X",
    "IOB2": "B-X B-X I-X I-X B-Y I-Y O B-X I-X B-X",
    "BIOES": "S-X B-X I-X E-X B-Y E-Y O B-X E-X S-X",
    "BMES": "S-X B-X M-X E-X B-Y E-Y O B-X E-X S-X",
    "BILOU": "U-X B-X I-X L-X B-Y L-Y O B-X L-X U-X",
}


@st.composite
def sentences(draw: st.DrawFn, types: tuple[str, ...] = ("X", "Y-Z")) -> tuple[list[Span], int]:
    """Spans without overlap, and the length of their sentence."""
    spans, place = [], 0
    for gap, length, type_ in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(types)), max_size=5)
    ):
        spans.append(Span(type_, place + gap, place + gap + length))
        place += gap + length
    return spans, place + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", WITH_SPANS)
def test_spans_by_hand(scheme: str) -> None:
    tags = WRITTEN[scheme].split()
    assert write_spans(reversed(SPANS), 10, scheme) == tags
    assert read_spans(tags, scheme) == (SPANS, 0)
    assert detect_scheme([tags]) == scheme


@given(sentences(), st.sampled_from(WITH_SPANS), st.sampled_from(WITH_SPANS))
@settings(max_examples=60)
def test_conversion_is_inverse(sentence: tuple[list[Span], int], one: str, two: str) -> None:
    spans, length = sentence
    tags = write_spans(spans, length, one)
    assert read_spans(tags, one) == (spans, 0)
    converted, repairs = convert(tags, one, two)
    assert (converted, repairs) == (write_spans(spans, length, two), 0)
    assert convert(converted, two, one) == (tags, 0)
