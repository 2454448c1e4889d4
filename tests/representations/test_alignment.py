"""Rows for a consumer's vocabulary, and how much of it they cover."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations import neighbours
from nlmkit.representations.one_hot import OneHot
from nlmkit.representations.vectors import Vectors
from nlmkit.text import TextPipeline, Vocabulary

WORDS = [f"w{index}" for index in range(200)]


@pytest.fixture
def vectors() -> Vectors:
    random = np.random.default_rng(11)
    return Vectors.from_arrays([*WORDS, "</s>"], random.normal(0.5, 3, size=(201, 40)).astype(np.float32))


def test_known_words_keep_their_vectors_in_the_consumers_order(vectors: Vectors) -> None:
    consumer = Vocabulary(["w7", "none", "w3"], [5, 0, 9, 4, 2, 3])
    alignment = vectors.align(consumer, oov="zero")
    assert alignment.matrix is not None
    np.testing.assert_array_equal(alignment.matrix[[3, 5, 2]], vectors.vectors(["w7", "w3", "</s>"]))
    assert not alignment.matrix[[0, 1, 4]].any()
    assert alignment.known.tolist() == [False, False, True, True, False, True]
    assert alignment.type_coverage == pytest.approx(2 / 3)
    assert alignment.token_coverage == pytest.approx(7 / 14)  # the five tokens that became <unk> are not covered
    report = {
        "dimension": 40,
        "words": 3,
        "known_words": 2,
        "type_coverage": 2 / 3,
        "token_coverage": 0.5,
        "oov": "zero",
    }
    assert json.loads(json.dumps(alignment.report())) == report


def test_uniform_values_have_the_variance_of_the_known_rows(vectors: Vectors) -> None:
    consumer = Vocabulary([*WORDS[:50], *(f"x{index}" for index in range(1500))])
    matrix = vectors.align(consumer, seed=4).matrix
    assert matrix is not None
    known, unknown = matrix[3:53], np.concatenate([matrix[:2], matrix[53:]])
    spread = known.astype(np.float64).std()
    bound = np.sqrt(3) * spread
    assert np.abs(unknown).max() <= np.float32(bound)
    assert np.abs(unknown).max() > 0.999 * bound
    assert unknown.std() == pytest.approx(spread, rel=0.01)
    assert abs(unknown.mean()) < 0.03 * spread
    again = vectors.align(consumer, seed=4).matrix
    other = vectors.align(consumer, seed=5).matrix
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(matrix, again)
    assert (matrix[53:] != other[53:]).any()
    np.testing.assert_array_equal(matrix[3:53], other[3:53])


def test_where_no_word_is_known_the_variance_is_that_of_all(vectors: Vectors) -> None:
    alignment = vectors.align(Vocabulary([f"x{index}" for index in range(2000)]))
    assert alignment.matrix is not None
    assert alignment.matrix[3:].std() == pytest.approx(vectors.matrix[3:].astype(np.float64).std(), rel=0.01)
    assert alignment.type_coverage == 0


def test_mean_of_the_rarest(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "RAREST", 3)
    matrix = vectors.align(Vocabulary(["w1", "none"]), oov="mean-rare").matrix
    assert matrix is not None
    expected = vectors.vectors(WORDS[-3:]).mean(axis=0)
    for row in (0, 1, 4):
        np.testing.assert_allclose(matrix[row], expected, rtol=1e-5)


def test_error_is_about_words_and_lets_the_special_ones_start_uniform(vectors: Vectors) -> None:
    matrix = vectors.align(Vocabulary(["w1", "w2"]), oov="error").matrix
    assert matrix is not None
    assert matrix[:2].all()
    with pytest.raises(
        DataError, match="the word 'w999' has no vector in this vectors representation; did you mean w99"
    ):
        vectors.align(Vocabulary(["w1", "w999", "none"]), oov="error")


def test_a_wrong_rule_is_refused(vectors: Vectors) -> None:
    for representation in (vectors, OneHot().fit([["a"]])):
        with pytest.raises(HyperParameterError, match="oov must be one of uniform, mean-rare, zero, error, not 'unk'"):
            representation.align(Vocabulary(["a"]), oov="unk")


def test_a_cased_consumer_finds_lower_cased_vectors() -> None:
    vectors = Vectors.from_arrays(["the", "cat"], [[1.0], [2.0]], pipeline=TextPipeline(lowercase=True))
    alignment = vectors.align(Vocabulary(["The", "the", "Cat"]))
    assert alignment.matrix is not None
    assert alignment.matrix[3:, 0].tolist() == [1, 1, 2]
    assert alignment.type_coverage == 1


def test_a_consumer_without_words_or_counts(vectors: Vectors) -> None:
    alignment = vectors.align(Vocabulary([]))
    assert np.isnan(alignment.type_coverage)
    assert alignment.report()["type_coverage"] is None
    assert alignment.token_coverage is None
    assert vectors.align(Vocabulary(["w1"])).report()["token_coverage"] is None


def test_one_hot_has_coverage_and_no_matrix() -> None:
    representation = OneHot().fit([["a", "b", "c"]])
    alignment = representation.align(Vocabulary(["b", "x"], [0, 0, 1, 3, 1]))
    assert alignment.matrix is None
    assert alignment.known.tolist() == [True, True, True, True, False]
    assert (alignment.type_coverage, alignment.token_coverage, alignment.dimension) == (0.5, 0.75, 6)
    with pytest.raises(DataError, match="the word 'x' has no vector in this one-hot representation"):
        representation.align(Vocabulary(["b", "x"]), oov="error")
