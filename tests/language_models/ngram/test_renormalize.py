from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys.ngram_reference import Gram
from toys.ngrams import contexts, event_ids, keep_above, texts

from nlmkit.language_models.ngram import renormalize
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.estimates import Estimate, Floats, Keep
from nlmkit.language_models.ngram.renormalize import BackoffWeights, backoff_weights
from nlmkit.language_models.ngram.table import BackoffTable


def normalised(
    counts: NGramCounts, keep: Keep, rng: np.random.Generator, tiny: float
) -> tuple[BackoffTable, list[BackoffWeights]]:
    """A backoff model with arbitrary probabilities for the counted n-grams, normalised by ``backoff_weights``."""
    histories = [level.history for level in counts.levels]
    suffixes = [level.suffix for level in counts.levels]
    unigrams = rng.random(counts.vocabulary_size) + 0.01
    unigrams[0] = tiny
    unigrams[1] = 0
    probs: list[Floats] = [unigrams / unigrams.sum()]
    weights: list[BackoffWeights] = []
    for k in range(2, counts.order + 1):
        number = len(counts.levels[k - 2])
        shares = (rng.random(len(counts.levels[k - 1])) + 0.01) * keep[k - 1]
        seen = rng.choice([0.1, 0.7, 1 - 1e-4, 1 - 1e-9], number)
        sums = np.bincount(histories[k - 1], weights=shares, minlength=number)
        shares[~keep[k - 1]] = np.nan  # what is left out is not looked at
        probs.append(shares / np.where(sums > 0, sums, 1)[histories[k - 1]] * seen[histories[k - 1]])
        weights.append(backoff_weights(k, probs, histories, suffixes, weights[-1] if weights else None, keep=keep))
        scale = 1 / np.where(weights[-1].complete, 1 - weights[-1].left, 1)
        probs[-1] *= scale[histories[k - 1]]
    estimate = Estimate(probs, [row.weights for row in weights])
    with np.errstate(divide="ignore"):
        return BackoffTable.from_estimate(counts, estimate, keep), weights


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [1, 7, 1 << 22])
@settings(max_examples=40)
@given(
    text=texts(),
    order=st.integers(2, 4),
    thresholds=st.lists(st.integers(0, 4), max_size=2).map(sorted),
    seed=st.integers(0, 1 << 30),
    tiny=st.sampled_from([0.1, 1e-4, 1e-9, 1e-14, 1e-30, 0.0]),
)
def test_every_context_sums_to_one(
    pairs: int, text: tuple[dict[Gram, int], int], order: int, thresholds: list[int], seed: int, tiny: float
) -> None:
    sentences, size = text
    counts = count_ngrams(event_ids(sentences), order, size)
    keep = keep_above(counts, thresholds)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(renormalize, "_PAIRS", pairs)
        table, weights = normalised(counts, keep, np.random.default_rng(seed), tiny)
    for row in weights:
        assert np.all(row.weights > 0)
    for context in contexts(order, size):
        assert np.exp(table.distribution(context)).sum() == pytest.approx(1, abs=1e-12)


def bigrams(lower: list[float], followers: dict[int, list[float]]) -> tuple[list[Floats], list[NDArray[np.int32]]]:
    """Arguments for bigrams: after each word, probabilities of the words from id 2 on that follow it."""
    history = [word for word, row in followers.items() for _ in row]
    suffix = [2 + place for row in followers.values() for place in range(len(row))]
    probs = [np.array(lower), np.array([value for row in followers.values() for value in row])]
    return probs, [np.array(history, np.int32), np.array(suffix, np.int32)]


def weights_of(lower: list[float], followers: dict[int, list[float]], left: Floats | None = None) -> BackoffWeights:
    probs, (history, suffix) = bigrams(lower, followers)
    nothing = np.empty(0, np.int32)
    return backoff_weights(2, probs, [nothing, history], [nothing, suffix], None, left=left)


def test_weight_is_exact_where_a_subtraction_is_not() -> None:
    unknown = 3e-15
    result = weights_of([unknown, 0.25, 0.5, 0.5 - unknown], {3: [0.3, 0.5]})
    assert 1 - (0.5 + (0.5 - unknown)) != unknown  # what a subtraction would say, and so be wrong by a tenth
    assert result.unseen[3] == unknown
    exact = (1 - Fraction(0.3) - Fraction(0.5)) / Fraction(unknown)
    assert result.weights[3] == pytest.approx(float(exact), rel=1e-12)


def test_what_is_no_context_has_weight_one() -> None:
    result = weights_of([0.1, 0.0, 0.4, 0.5], {3: [0.3]})
    assert result.weights[[0, 1, 2]].tolist() == [1, 1, 1]
    assert result.left[[0, 1, 2]].tolist() == [1, 1, 1]
    assert result.weights[3] == pytest.approx(0.7 / 0.6)
    assert not result.complete.any()


def test_complete_contexts_are_flagged() -> None:
    # nothing follows 2, all that has a probability follows 3, and not all follows 0
    result = weights_of([0.0, 0.3, 0.4, 0.6], {3: [0.3, 0.4], 0: [0.5]})
    assert result.complete.tolist() == [False, False, False, True]
    assert result.weights[3] == 1
    assert result.left[3] == pytest.approx(0.3)


def test_left_may_be_given() -> None:
    left = np.array([0.5, 0.5, 0.5, 1e-20])
    result = weights_of([0.25, 0.0, 0.5, 0.25], {3: [1.0]}, left)
    assert result.left.tolist() == [1, 1, 1, 1e-20]
    assert result.weights[3] == 2e-20


def test_left_is_never_negative() -> None:
    result = weights_of([0.2, 0.0, 0.3, 0.5], {3: [0.7, 0.3 + 1e-12]})
    assert result.left[3] == 0
    assert result.weights[3] == 0
