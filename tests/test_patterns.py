"""What the regular expressions of the package may not contain."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.text import tokenizers

PACKAGE = Path(__file__).parents[1] / "nlmkit"


def test_no_pattern_repeats_a_group_possessively() -> None:
    # CPython before 3.11.5 matches such patterns wrongly (python/cpython#106052); the tests may run on a later one.
    paths = sorted(PACKAGE.glob("**/*.py"))
    assert paths
    for path in paths:
        found = re.findall(r"\)(?:\*|\+|\?|\{[^}]*\})\+", path.read_text(encoding="utf-8"))
        assert not found, f"{path}: {found}"


@cache
def word_pattern(repeated: str) -> re.Pattern[str]:
    """The pattern of the tokenizer ``word`` with this way of repeating groups."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizers, "ANY_TIMES", repeated)
        return tokenizers.word_pattern.__wrapped__()


@pytest.mark.slow
@given(st.text("ab1é.,-'’ \u0301\u0e31你の\n", max_size=60))
def test_both_ways_of_repeating_groups_match_the_same(text: str) -> None:
    found = [word_pattern(repeated).findall(text) for repeated in ("*", tokenizers.ANY_TIMES)]
    assert found[0] == found[1]
    assert "" not in found[0]
