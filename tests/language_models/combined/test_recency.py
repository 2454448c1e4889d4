"""What caches make of the past, against sums written out in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.language_models.combined import recency
from nlmkit.language_models.combined.recency import interpolate, neural_probs, neural_row, unigram_probs, unigram_row

texts = st.lists(st.integers(0, 4), max_size=40)
windows = st.integers(1, 50)
decays = st.sampled_from([1.0, 0.97, 0.5, 1e-3])


def cached_by_hand(text: list[int], at: int, word: int, window: int, weight: Any) -> float:
    """Share of ``word`` among the weights of the events before position ``at``."""
    past = range(max(0, at - window), at)
    total = math.fsum(weight(at, i) for i in past)
    return math.fsum(weight(at, i) for i in past if text[i] == word) / total if at else 0.0


@given(texts, windows, decays)
def test_unigram_probabilities(text: list[int], window: int, decay: float) -> None:
    found = unigram_probs(np.array(text, np.int32), window, decay)
    expected = [
        cached_by_hand(text, at, word, window, lambda at, i: decay ** (at - 1 - i)) for at, word in enumerate(text)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@given(texts, windows, decays)
def test_unigram_rows_are_the_batch_to_the_last_bit(text: list[int], window: int, decay: float) -> None:
    found = unigram_probs(np.array(text, np.int32), window, decay)
    for at in range(1, len(text)):
        history = text[max(0, at - window) : at][::-1]
        row = unigram_row(history, 6, decay)
        assert row[text[at]] == found[at]
        assert row.sum() == pytest.approx(1, rel=1e-14)
        assert row[5] == 0


@pytest.mark.slow
@given(texts, windows, st.sampled_from([0.0, 0.3, 2.0]), st.integers(0, 3))
def test_neural_probabilities_and_rows(text: list[int], window: int, theta: float, seed: int) -> None:
    hidden = np.random.default_rng(seed).normal(size=(len(text), 3)).astype(np.float32)

    def weight(at: int, i: int) -> float:
        return math.exp(theta * math.fsum(float(a) * float(b) for a, b in zip(hidden[at], hidden[i], strict=True)))

    found, again = neural_probs(np.array(text, np.int32), hidden, window, [theta, theta])
    np.testing.assert_array_equal(found, again)
    expected = [cached_by_hand(text, at, word, window, weight) for at, word in enumerate(text)]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-15)
    for at in range(1, len(text)):
        begin = max(0, at - window)
        row = neural_row(text[begin:at][::-1], hidden[begin:at][::-1], hidden[at], 5, theta)
        assert row[text[at]] == pytest.approx(found[at], rel=1e-12, abs=1e-15)
        assert row.sum() == pytest.approx(1, rel=1e-14)


def test_theta_zero_is_the_plain_unigram_cache() -> None:
    ids = np.random.default_rng(1).integers(0, 9, 700).astype(np.int32)
    hidden = np.ones((700, 2), np.float32)
    np.testing.assert_allclose(neural_probs(ids, hidden, 60, [0.0])[0], unigram_probs(ids, 60, 1.0), rtol=1e-12)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    ids, hidden = random.integers(0, 9, 300).astype(np.int32), random.normal(size=(300, 5)).astype(np.float32)
    expected = neural_probs(ids, hidden, 40, [0.5, 1.0])
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(recency, "BLOCK_EVENTS", size)
        np.testing.assert_allclose(neural_probs(ids, hidden, 40, [0.5, 1.0]), expected, rtol=1e-12)


def test_large_products_do_not_overflow() -> None:
    hidden = np.array([[30.0], [30.0], [1.0]], np.float32)
    found = neural_probs(np.array([3, 4, 3], np.int32), hidden, 5, [100.0])
    np.testing.assert_allclose(found, [[0, 0, 0.5]])


def test_interpolation() -> None:
    log_probs = np.log(np.array([0.2, 0.5, 0.3])) + np.array([0, 0, -np.inf])
    cached = np.array([0.0, 0.4, 0.0])
    np.testing.assert_allclose(np.exp(interpolate(log_probs, cached, 0.25)), [0.15, 0.475, 0], rtol=1e-14)
    np.testing.assert_array_equal(
        interpolate(log_probs, cached, 0.25, np.array([False, True, False]))[::2], log_probs[::2]
    )
    np.testing.assert_array_equal(interpolate(log_probs, cached, 0.0), log_probs)
