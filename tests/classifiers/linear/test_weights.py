"""Bounds of the linear classifiers' memory, margins in blocks, and saved weights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nlmkit.classifiers.linear import weights as linear
from nlmkit.classifiers.linear.weights import (
    counted_features,
    empty_weights,
    margins,
    others_to_sample,
    own_and_others,
    restored_decisions,
)
from nlmkit.errors import DataError, SavedModelError
from nlmkit.text import TextPipeline, Vocabulary
from nlmkit.text.labelled import encode

CORPUS = encode(["a b c", "a b", "a", "d e"], TextPipeline())
VOCABULARY = Vocabulary.from_corpus(CORPUS)


def counted(classes: int, notes: list[str], min_documents: int = 1) -> tuple[int, list[list[float]]]:
    features, matrix = counted_features(CORPUS, VOCABULARY, classes, order=2, min_documents=min_documents, notes=notes)
    return len(features), matrix.toarray().tolist()


def test_the_rarest_ngrams_are_left_out_where_weights_would_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    assert counted(3, notes)[0] == 8  # a b c d e, ab bc de
    assert notes == []
    monkeypatch.setattr(linear, "MOST_WEIGHTS", 3 * 7)
    assert counted(3, notes) == (3, [[1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]])
    assert notes == ["3 classes and 8 n-grams would make too many weights: n-grams in fewer than 2 texts were left out"]
    assert counted(2, [])[0] == 8  # two classes have one decision
    monkeypatch.setattr(linear, "MOST_WEIGHTS", 1)
    assert counted(3, [])[0] == 1  # never none


def test_ngrams_that_are_all_too_rare_are_an_error() -> None:
    with pytest.raises(DataError, match="no n-gram occurs in 9 texts: lower min_documents"):
        counted(2, [], min_documents=9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_margins_in_blocks_are_the_dense_product(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    dense = generator.integers(0, 3, (5, 7)).astype(float)
    weights: np.ndarray = generator.normal(size=(4, 7)).astype(dtype)
    intercepts = generator.normal(size=4)
    whole = margins(csr_matrix(dense), weights, intercepts)
    assert whole == pytest.approx(dense @ weights.T.astype(np.float64) + intercepts)
    monkeypatch.setattr(linear, "_BLOCK", 15)
    assert (margins(csr_matrix(dense), weights, intercepts) == whole).all()


def test_two_classes_have_opposite_margins() -> None:
    found = margins(csr_matrix(np.eye(2)), np.array([[1.0, -2.0]]), np.array([0.5]))
    assert found.tolist() == [[-1.5, 1.5], [1.5, -1.5]]


def test_many_weights_are_of_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_MOST_DOUBLE", 12)
    assert empty_weights(3, 4).dtype == np.float64
    assert empty_weights(3, 5).dtype == np.float32
    assert empty_weights(2, 12).shape == (1, 12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saved_weights_keep_their_precision_and_are_checked(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_BLOCK", 4)
    arrays = {"weights": np.ones((3, 2), dtype), "intercepts": np.zeros(3)}
    weights, intercepts = restored_decisions(arrays, 3, 2)
    assert weights.dtype == dtype
    assert intercepts.dtype == np.float64
    arrays["weights"][2, 1] = np.nan
    with pytest.raises(SavedModelError, match="'weights' contains NaN"):
        restored_decisions(arrays, 3, 2)
    with pytest.raises(SavedModelError, match="dtype"):
        restored_decisions({**arrays, "weights": np.ones((3, 2), np.int64)}, 3, 2)


# ------------------------------------------------------------------------------------------------ samples of texts


def test_decisions_over_many_values_see_a_share_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = csr_matrix(np.ones((20, 3)))
    assert others_to_sample(matrix, 10) is None
    monkeypatch.setattr(linear, "_MOST_VALUES", 10 * 60 // 4)
    assert others_to_sample(matrix, 10) == 5
    assert others_to_sample(matrix, 1) is None  # two classes: one fit of all texts is what the data cost
    assert others_to_sample(matrix, 2) is None
    monkeypatch.setattr(linear, "_MOST_VALUES", 1)
    assert others_to_sample(matrix, 10) == 1
    assert others_to_sample(csr_matrix((20, 3)), 10) is None  # no value at all


def test_a_sample_has_all_of_the_class_and_counts_for_all_others() -> None:
    targets = np.repeat(np.arange(5), [2, 8, 4, 3, 3])
    found = own_and_others(targets, 0, 6, seed=3)
    assert found is not None
    rows, weights = found
    assert (np.diff(rows) > 0).all()
    assert rows[:2].tolist() == [0, 1]
    assert weights.tolist() == [1, 1, *[3] * 6]
    again = own_and_others(targets, 0, 6, seed=3)
    assert again is not None
    assert again[0].tolist() == rows.tolist()
    larger = own_and_others(targets, 1, 1, seed=3)  # as many others as the class has
    assert larger is not None
    assert len(larger[0]) == 16
    assert own_and_others(targets, 1, 12, seed=3) is None
