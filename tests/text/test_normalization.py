"""Unicode forms: what `unicodedata` gives, in time that does not grow with the square of a run of marks."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.normalization import _LONG_RUN, UnicodeForm, normalize
from nlmkit.text.tokenizers import CharTokenizer, SpaceTokenizer, WordTokenizer

pytestmark = pytest.mark.slow

FORMS = get_args(UnicodeForm)
# Marks of many classes, starters that decompose to marks or compose with them, letters, Hangul, half-width sound marks.
MARKS = "\u0301\u0323\u0334\u05b0\u064b\u0f71\u0f72\u3099\u0345\u0344\u0f73\u0f75\u034f\u20d0\ufe20\U0001d165\U00016ff0"
OTHERS = "aé\u1e69Å\u1100\u1161\u11a8각\uff9e\uff9f\uff76\u09c7\u09be\u200d\u037a\u0f40 \n。"

runs = st.lists(
    st.one_of(
        st.text(st.sampled_from(MARKS + OTHERS), max_size=60),
        st.text(st.sampled_from(MARKS), min_size=28, max_size=80),
        st.text(max_size=20),
    ),
    max_size=6,
).map("".join)


@given(runs, st.sampled_from(FORMS))
@settings(max_examples=150)
def test_equals_unicodedata(text: str, form: UnicodeForm) -> None:
    assert normalize(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
def test_every_character_in_a_long_run(form: UnicodeForm) -> None:
    marks = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.combining(chr(code))]
    for text in ("a" + "".join(marks), "a" + "".join(reversed(marks)), "\uff9e\u0334" * 40):
        assert normalize(form, text) == unicodedata.normalize(form, text)


def test_no_character_that_becomes_marks_alone_is_overlooked() -> None:
    for code in [*range(0xD800), *range(0xE000, sys.maxunicode + 1)]:
        if unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0]):
            assert _LONG_RUN.fullmatch(chr(code) * 32), hex(code)


@pytest.mark.parametrize("form", FORMS)
def test_many_marks_out_of_order_take_no_square_of_the_time(form: UnicodeForm) -> None:
    """By insertion, as `unicodedata` does it, each of these would take minutes."""
    half = 150_000
    found = normalize(form, "a" + "\u0301\u0323" * half + "b")
    assert len(found) >= 2 * half
    assert found.endswith("\u0323" + "\u0301" * (half - (form in ("NFC", "NFKC") and found[0] == "á")) + "b")


@pytest.mark.parametrize(
    "text",
    [
        "e" + "\u0301" * 200_000,
        "\u0301\u0323" * 200_000,
        "Σ" * 200_000,
        "Σ\u0301" * 200_000,
        "-" * 200_000,
        "a-" * 200_000,
        "1." * 200_000,
        "1.\u0301" * 200_000,
        "👩\u200d" * 200_000,
        "👍🏽" * 200_000,
        "🇩" * 200_001,
        "\u00ad" * 200_000,
        "a\u00ad" * 200_000,
        "9\ufe0f" * 200_000,
        "中\ufe0f" * 200_000,
        "<s" * 200_000,
        "\r" * 200_000,
        "'" * 200_000,
    ],
    ids=lambda text: re.sub(r"\W", "", ascii(text[:3])),
)
def test_a_long_line_takes_no_square_of_the_time(text: str) -> None:
    """A quadratic step would take minutes on each of these lines."""
    pipelines: list[Any] = [{"tokenizer": "word"}, {"tokenizer": "char"}, {"lowercase": True, "unicode_form": "NFC"}]
    for options in pipelines:
        pipeline = TextPipeline(**options)
        corpus = Corpus.read(iter([text]), pipeline)
        assert corpus.sentences == 1
        if not pipeline.lowercase:
            assert "".join(corpus.sentence(0)).replace("\r", "") == text.replace("\r", "")


def test_detokenizing_a_long_line_takes_no_square_of_the_time() -> None:
    tokens = ['"', "a", "."] * 200_000
    for tokenizer in (SpaceTokenizer(), WordTokenizer(), CharTokenizer()):
        assert len(tokenizer.detokenize(tokens)) >= len(tokens)
