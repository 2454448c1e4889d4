"""Leave-one-out probabilities against counts of the text without the event, one event after another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.language_models.hybrid.left_out import LEAST, left_out
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.estimates import Estimate
from nlmkit.language_models.ngram.smoothing.modified_kneser_ney import estimate
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

Gram = tuple[int, ...]

TEXT = [[3, 4, 5], [3, 6, 5], [3, 4, 7, 8], [], [9, 6, 7], [3, 4, 5, 4, 5], [3]]


def grams_ending(sentence: Sequence[int], at: int, order: int) -> list[Gram]:
    """The n-grams of every length that end with an event of a sentence with its marks."""
    return [tuple(sentence[at - k + 1 : at + 1]) for k in range(1, order + 1) if at - k + 1 >= 0]


def direct(text: list[list[int]], order: int, size: int, discounts: Sequence[Sequence[float]]) -> list[list[float]]:
    """Probabilities by order of each event under Kneser–Ney with these discounts, counted on everything but itself."""
    marked = [[BOS_ID, *sentence, EOS_ID] for sentence in text]
    places = [(number, at) for number, sentence in enumerate(marked) for at in range(1, len(sentence))]
    found = []
    for left in places:
        raw: Counter[Gram] = Counter()
        for number, at in places:
            if (number, at) != left:
                raw.update(grams_ending(marked[number], at, order))
        found.append(estimated(grams_ending(marked[left[0]], left[1], order), raw, order, size, discounts))
    return found


def estimated(
    event: list[Gram], raw: Counter[Gram], order: int, size: int, discounts: Sequence[Sequence[float]]
) -> list[float]:
    probs, below = [], 1 / (size - 1)
    for k in range(1, order + 1):
        if k <= len(event):
            gram = event[k - 1]
            counts: Counter[int] = Counter()
            for other, count in raw.items():
                if len(other) == k and other[:-1] == gram[:-1]:
                    extensions = sum(1 for longer in raw if len(longer) == k + 1 and longer[1:] == other)
                    counts[other[-1]] = count if k == order or other[0] == BOS_ID else extensions
            total = sum(counts.values())
            if total:
                taken = {word: discounts[k - 1][min(count, 3) - 1] for word, count in counts.items() if count}
                own = counts[gram[-1]] - taken.get(gram[-1], 0.0)
                below = (own + sum(taken.values()) * below) / total
        probs.append(below)
    return probs


def events_of(text: list[list[int]]) -> np.ndarray:
    return np.array([word for sentence in text for word in (*sentence, EOS_ID)], np.int32)


def fitted(text: list[list[int]], order: int, size: int) -> tuple[NGramCounts, BackoffTable, Estimate]:
    counts = count_ngrams(events_of(text), order, size)
    keep = [np.ones(len(level), bool) for level in counts.levels]
    found = estimate(counts, Options(keep=keep))
    return counts, BackoffTable.from_estimate(counts, found, keep), found


sentences = st.lists(st.integers(3, 6), max_size=5)


@settings(max_examples=40, deadline=None)
@given(text=st.lists(sentences, min_size=1, max_size=6), order=st.integers(1, 4), block=st.integers(1, 9))
def test_equals_counting_without_the_event(text: list[list[int]], order: int, block: int) -> None:
    counts, table, found = fitted(text, order, 8)
    assert found.discounts is not None
    expected = np.array(direct(text, order, 8, found.discounts))
    result = left_out(events_of(text), counts, table, found.discounts, block=block)
    np.testing.assert_allclose(np.exp(result.log_probs.astype(float)), expected, rtol=2e-6)


def test_given_discounts() -> None:
    counts, table, _ = fitted(TEXT, 3, 12)
    discounts = [[0.2, 0.9, 1.1], [0.5, 1.0, 1.5], [0.7, 1.2, 1.3]]
    result = left_out(events_of(TEXT), counts, table, discounts)
    np.testing.assert_allclose(np.exp(result.log_probs), np.array(direct(TEXT, 3, 12, discounts)), rtol=2e-6)


def test_events_that_occur_once_are_unknown() -> None:
    """A word that occurs once has, left out, the probability of a word that never occurs: that of ``<unk>``."""
    counts, table, found = fitted(TEXT, 3, 12)
    assert found.discounts is not None
    events = events_of(TEXT)
    result = left_out(events, counts, table, found.discounts)
    once = int(np.flatnonzero(events == 9)[0])
    without = [sentence if 9 not in sentence else [10, *sentence[1:]] for sentence in TEXT]
    again = left_out(events_of(without), *fitted(without, 3, 12)[:2], found.discounts)
    np.testing.assert_array_equal(result.log_probs, again.log_probs)
    assert result.log_probs[once, 0] == result.log_probs[:, 0].min()


def test_progress_and_floor() -> None:
    """Without discounts an event that occurs once has no probability; training gets a very low one."""
    counts, table, _ = fitted(TEXT, 2, 12)
    done: list[int] = []
    result = left_out(events_of(TEXT), counts, table, [[0.0] * 3, [0.0] * 3], done.append)
    assert sum(done) == len(events_of(TEXT))
    assert result.log_probs.min() == pytest.approx(LEAST)
    assert np.isfinite(result.log_probs).all()


def test_features_are_of_the_context_without_the_event() -> None:
    counts, table, found = fitted(TEXT, 3, 12)
    assert found.discounts is not None
    result = left_out(events_of(TEXT), counts, table, found.discounts)
    # 4, 6 and </s> follow 3, where 6 and </s> are once: without them two words do
    at = 1
    assert result.features[at, 0, 0] == 1
    six = int(np.flatnonzero(events_of(TEXT) == 6)[0])
    assert result.features[six, 0, 2] == pytest.approx(math.log(2) / 4, rel=1e-3)
    assert result.features[at, 0, 2] == pytest.approx(math.log(3) / 4, rel=1e-3)
    first = 0  # after <s> alone, there is no longer context
    assert result.features[first, 1].tolist() == [0, 0, 0]
