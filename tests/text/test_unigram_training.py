"""Training of unigram models against definitions: all divisions of a word, one by one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from nlmkit.text.unigram_training import _digamma, _Lattices, _seeds, train_unigram

SUBWORDS = ["a", "b", "c", "ab", "bc", "abc", "cab"]
SCORES = np.log([0.1, 0.2, 0.05, 0.25, 0.15, 0.15, 0.1])


def divisions(word: str) -> Iterator[list[str]]:
    if not word:
        yield []
    for subword in SUBWORDS:
        if word.startswith(subword):
            yield from ([subword, *rest] for rest in divisions(word[len(subword) :]))


def score(division: Sequence[str]) -> float:
    return sum(float(SCORES[SUBWORDS.index(subword)]) for subword in division)


def test_expected_counts_are_those_of_all_divisions() -> None:
    words, counts = ["abcab", "c", "cabc", "bb"], [3, 2, 1, 5]
    expected: Counter[str] = Counter()
    for word, count in zip(words, counts, strict=True):
        found = [(division, math.exp(score(division))) for division in divisions(word)]
        for division, weight in found:
            for subword in division:
                expected[subword] += count * weight / sum(each for _, each in found)
    lattices = _Lattices.of(words, SUBWORDS)
    result = lattices.expected_counts(SCORES, np.array(counts), len(SUBWORDS))
    np.testing.assert_allclose(result, [expected[subword] for subword in SUBWORDS], rtol=1e-12)
    # Pruned: as if the subword had not been there.
    kept = np.array([subword != "ab" for subword in SUBWORDS])
    pruned = lattices.only(kept).expected_counts(SCORES, np.array(counts), len(SUBWORDS))
    remaining = _Lattices.of(words, [subword for subword in SUBWORDS if subword != "ab"])
    np.testing.assert_allclose(pruned[kept], remaining.expected_counts(SCORES[kept], np.array(counts), 6), rtol=1e-12)


def test_a_subword_is_weighed_against_its_best_division_into_others() -> None:
    found = _Lattices.of(SUBWORDS, SUBWORDS).without_whole_words().best_scores(SCORES, len(SUBWORDS))
    wanted = [
        max(score(division) for division in divisions(subword) if division != [subword] or len(subword) == 1)
        for subword in SUBWORDS
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_seeds() -> None:
    """``ba`` and ``aba`` always go on with ``b``, so that ``bab`` and ``abab`` say all that they say."""
    assert _seeds(["abab", "ab", "x"], np.array([2, 1, 9]), 10) == ["ab", "abab", "bab"]
    assert _seeds(["abab", "ab", "x"], np.array([2, 1, 9]), 1) == ["ab"]
    assert _seeds(["ab"], np.array([1]), 10) == []
    assert max(map(len, _seeds(["a" * 40], np.array([2]), 100))) == 16


def test_digamma() -> None:
    found = _digamma(np.array([0.5, 1.0, 2.0, 10.0, 1000.0]))
    wanted = [-1.9635100260214235, -0.5772156649015329, 0.42278433509846714, 2.251752589066721, 6.907255195648812]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


@pytest.mark.parametrize("size", [4, 5, 7, 100])
def test_number_of_subwords(size: int) -> None:
    words = {" abc": 20, " ab": 10, " cab": 5, "c" * 100: 2}
    found = train_unigram(words, [" ", "a", "b", "c"], size)
    assert {" ", "a", "b", "c"} <= found.keys()
    assert len(found) == size if size < 100 else 7 < len(found) < 100
    assert [*found.values()] == sorted(found.values(), reverse=True)
    assert train_unigram(dict(reversed(words.items())), [" ", "a", "b", "c"], size) == found


def test_what_is_frequent_becomes_a_subword() -> None:
    found = train_unigram({" the": 100, " cat": 3, " hat": 3}, [*" aceht"], 8)
    assert " the" in found
    assert found[" the"] == max(found.values())
