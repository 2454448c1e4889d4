"""The distributions of every order, for many contexts at once, against n-gram models of one order each."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

from nlmkit.language_models.hybrid.context_features import FEATURES
from nlmkit.language_models.hybrid.experts import Experts
from nlmkit.language_models.ngram.model import NGram
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

TEXT = ["the cat sat on the mat", "the dog sat", "", "a cat saw the dog", "the mat", "a dog sat on a cat"]
ORDER = 3


@pytest.fixture(scope="module")
def experts() -> Experts:
    return Experts(NGram(order=ORDER).fit(TEXT))


def contexts(words: int) -> np.ndarray:
    """Every context of up to two words, the last one first; after ``<s>`` there is none."""
    rows = [(BOS_ID, -1), (-1, -1)]
    rows += [
        (last, before) for last, before in itertools.product(range(words), repeat=2) if EOS_ID not in (last, before)
    ]
    rows += [(last, -1) for last in range(3, words)]
    return np.array([row for row in rows if row[0] != BOS_ID or row[1] == -1], np.int32)


def expected(model: NGram, context: tuple[int, ...]) -> list[np.ndarray]:
    """Distributions after the last 0, 1 and 2 words of a context, by the model's own look-up."""
    words = tuple(word for word in context if word >= 0)[::-1]
    return [model.table_.distribution(words[max(0, len(words) - length) :]) for length in range(ORDER)]


def test_log_probs_are_those_of_each_order(experts: Experts) -> None:
    size = len(experts.model.vocabulary_)
    for word in range(size):
        rows = contexts(size)
        found = experts.log_probs(rows, experts.found(rows), np.full(len(rows), word, np.int32))
        own = [[order[word] for order in expected(experts.model, tuple(row))] for row in rows.tolist()]
        np.testing.assert_allclose(found, own, rtol=1e-12)


def test_mixed_is_the_weighted_sum_over_orders(experts: Experts) -> None:
    size = len(experts.model.vocabulary_)
    rows = contexts(size)
    weights = np.random.default_rng(0).dirichlet(np.ones(ORDER), len(rows))
    found = experts.mixed(experts.found(rows), weights)
    own = [
        sum(weight * np.exp(order) for weight, order in zip(each, expected(experts.model, tuple(row)), strict=True))
        for each, row in zip(weights, rows.tolist(), strict=True)
    ]
    np.testing.assert_allclose(found, own, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-9)
    assert (found[:, BOS_ID] == 0).all()


def test_features_of_contexts(experts: Experts) -> None:
    vocabulary = experts.model.vocabulary_
    the, cat, mat = (vocabulary.id(word) for word in ("the", "cat", "mat"))
    rows = np.array([[the, BOS_ID], [mat, cat], [-1, -1]], np.int32)
    found = experts.features(experts.found(rows))
    assert found.shape == (3, ORDER - 1, FEATURES)
    assert found[0, :, 0].tolist() == [1, 1]
    # cat, dog and mat follow "the"; of them all three follow "<s> the"
    np.testing.assert_allclose(found[0, :, 2], np.log(3) / 4, rtol=1e-6)
    assert found[1, 1].tolist() == [0] * FEATURES
    assert (found[2] == 0).all()


def test_a_copy_of_the_network_shares_them(experts: Experts) -> None:
    assert copy.deepcopy(experts) is experts
